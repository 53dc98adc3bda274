/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Opens that wait for a name to appear, or for a device to have room. */
#ifndef VRINGD_PENDING_H
#define VRINGD_PENDING_H

#include "device.h"

/* Keeps an OPEN. Returns: 0; -EDQUOT; -ENOMEM. */
int pending_add(struct client *client, const struct broker_msg *open);

/* Takes the one with @token back. Returns: false when there is none. */
bool pending_cancel(struct client *client, uint32_t token);
void pending_drop_client(struct client *client);

/* @device has appeared, or has room: those who wait for it get it, the oldest first. */
void pending_look(struct server *server, struct device *device);

#endif
