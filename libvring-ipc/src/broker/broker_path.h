/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Where the broker listens when nobody says otherwise: the daemon and its clients have to agree. */
#ifndef BROKER_PATH_H
#define BROKER_PATH_H

#include <stddef.h>

#define BROKER_PATH_MAX 108 /* sizeof(((struct sockaddr_un *)0)->sun_path) */

/* $VRINGD_SOCKET, else $XDG_RUNTIME_DIR/vringd/vringd.sock, else /run/vringd/vringd.sock; the environment of a program
 * that was given more rights than its user is not believed. Returns: 0; -ENAMETOOLONG. */
int broker_path(char ret_path[BROKER_PATH_MAX]);

#endif
