/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Packets of the broker's socket. Nothing here blocks. */
#ifndef VRINGD_PACKET_H
#define VRINGD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PACKET_FDS_MAX 2

/*
 * Takes one packet into @bytes, without room for descriptors: what a client sends along never becomes
 * ours. Returns: its length; -EAGAIN; -ECONNRESET for a hang-up (a packet of 0 bytes is one); -EPROTO for
 * one that is longer than @size, or that had descriptors beside it.
 */
int packet_receive(int fd, void *bytes, size_t size);

/* Sends one packet with @n_fds descriptors. Returns: 0; -EAGAIN when the client does not read;
 * -ETOOMANYREFS when too many descriptors are on their way; -ECONNRESET; another negative errno. */
int packet_send(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds);

/* Refuses descriptors for good where the kernel can. */
void packet_refuse_fds(int fd);

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* a hint */
	int pidfd; /* -1: the kernel has none to give */
};

/* Who made the other end. Returns: 0; a negative errno. */
int packet_peer(int fd, struct peer *ret_peer);

#endif
