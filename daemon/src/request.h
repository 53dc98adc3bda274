/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What clients ask for. */
#ifndef VRINGD_REQUEST_H
#define VRINGD_REQUEST_H

#include "device.h"

/* Opens @device, which is there and has room, for the request @open, and answers it. */
void request_open(struct client *client, const struct broker_msg *open, struct device *device);

#endif
