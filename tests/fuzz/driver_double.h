/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Put before the files of the driver's end of a link (cc -include): connecting and waiting are the
 * harness's, so that a hostile device is heard in the same thread, and time passes when the input says so.
 */
#ifndef TESTS_DRIVER_DOUBLE_H
#define TESTS_DRIVER_DOUBLE_H

#include "hostile_access.h"

#include <poll.h>

#include "transport/shm/shm_sock.h"

int double_connect(const char *path, unsigned timeout_ms);
int double_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

#define sock_connect double_connect
#define poll double_poll

#endif
