/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Where the broker listens, and what the service manager wants to hear. */
#ifndef VRINGD_LISTEN_H
#define VRINGD_LISTEN_H

#include <stdbool.h>

#include "transport/shm/shm_sock.h"

struct listen_socket {
	int fd;
	bool is_ours; /* we made its file */
	struct sock_listener listener;
};

/*
 * The socket that the service manager passes (LISTEN_FDS), else one at @path, else at the default
 * places. Says on stderr what is wrong. Returns: 0; a negative errno.
 */
int listen_open(const char *path, struct listen_socket *ret);

/* Closes it, and removes the file that was made. */
void listen_close(struct listen_socket *sock);

/* Tells the service manager, if there is one, that the broker is ready. */
void listen_ready(void);

#endif
