/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The control channel's sockets: SOCK_SEQPACKET at a path or an abstract name, packets with
 * descriptors beside them, and who is at the other end. Nothing here blocks but sock_connect().
 */
#ifndef SHM_SOCK_H
#define SHM_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm_wire.h"

/* No message has more than one descriptor. Room for more would only be for strays to close. */
#define SOCK_FDS_MAX 1

/* A path that somebody listens at. */
struct sock_listener {
	int fd;
	bool is_abstract; /* no file, so no mode either: the peer's user decides */
	dev_t dev; /* of the socket file, to remove that one and no other */
	ino_t ino;
	char path[108];
};

/*
 * Listens at @path ("@NAME": abstract). A socket file that nobody listens on any more is replaced;
 * two that start at the same moment do not take the path from each other. The file has @mode,
 * whatever the umask, from its first moment on. Returns: 0; -EADDRINUSE when somebody listens
 * there; -EEXIST when the path is something else than a socket; -ENAMETOOLONG; -EINVAL for an empty
 * path; what the system calls say.
 */
int sock_listen(const char *path, unsigned mode, struct sock_listener *ret_listener);

/* Closes it. @remove: and removes the file, if it is still the one. */
void sock_unlisten(struct sock_listener *listener, bool remove);

/* Accepts one connection. Returns: a non-blocking, close-on-exec descriptor; -EAGAIN; a negative
 * errno. */
int sock_accept(int fd);

/*
 * Connects to @path. Returns: a descriptor as sock_accept(); -ENAMETOOLONG; -EINVAL; -ENOENT,
 * -EACCES, -ECONNREFUSED as connect() says; -EPROTO when another kind of socket listens there;
 * -ETIMEDOUT when nobody accepted for @timeout_ms.
 */
int sock_connect(const char *path, unsigned timeout_ms);

/* Who made the other end, as the kernel knows it. */
struct sock_peer {
	uid_t uid;
	pid_t pid; /* a hint */
	int pidfd; /* readable when the process has ended; -1: the kernel has none to give */
};

/* Returns: 0; a negative errno. @ret_peer->pidfd is the caller's to close. */
int sock_peer(int fd, struct sock_peer *ret_peer);

/*
 * Sends one packet, with the descriptor @with unless it is -1. Returns: 0; -EAGAIN when the peer
 * does not read; -ECONNRESET when it is gone; another negative errno.
 */
int sock_send(int fd, const void *bytes, size_t len, int with);

/* A packet that came. */
struct sock_packet {
	size_t len;
	unsigned n_fds;
	int fds[SOCK_FDS_MAX]; /* close-on-exec, the receiver's */
	uint8_t bytes[WIRE_PACKET_MAX];
};

/*
 * Takes one packet. Returns: 1; -EAGAIN; -ECONNRESET for a hang-up (a packet of 0 bytes is one);
 * -EPROTO, and *ret_why says why, for a packet that was cut off, or came with more descriptors than
 * SOCK_FDS_MAX or with fewer than were sent: all that came with it are closed.
 */
int sock_recv(int fd, struct sock_packet *ret_packet, const char **ret_why);

/* Closes what is left in @packet. */
void sock_drop_fds(struct sock_packet *packet);

/* Bytes that the peer has not read yet, 0 when it has read everything. */
int sock_unread(int fd);

#endif
