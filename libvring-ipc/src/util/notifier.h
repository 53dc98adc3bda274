/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A wake-up from one process to another: an eventfd or a pipe, with one sending and one receiving
 * end. The sender makes it and passes the receiving end on. Sending never blocks and a burst may
 * arrive as one.
 */
#ifndef UTIL_NOTIFIER_H
#define UTIL_NOTIFIER_H

enum notifier_kind { NOTIFIER_EVENTFD = 1, NOTIFIER_PIPE = 2 };

struct notifier {
	enum notifier_kind kind;
	int fd; /* -1: closed */
	int keep_fd; /* of a sender's pipe: keeps a reader in being, without which a write raises
			SIGPIPE; -1 where fd itself is one */
};

/* A notifier that is closed. */
#define NOTIFIER_NONE ((struct notifier){ .fd = -1, .keep_fd = -1 })

/* Makes both ends. Returns: 0; a negative errno. The receiving end is to be passed on and closed
 * here. */
int notifier_make(enum notifier_kind kind, struct notifier *ret_send, int *ret_receive_fd);

/* Takes a receiving end that a peer sent: checks that it is of that kind (an eventfd really
 * and no semaphore, a readable pipe), makes it non-blocking and close-on-exec. Returns: 0 and the descriptor is the
 * notifier's; -EINVAL and it is not. */
int notifier_take(enum notifier_kind kind, int receive_fd, struct notifier *ret_receive);

void notifier_send(const struct notifier *n);
/* Empties it, bounded: a peer that keeps sending cannot hold the caller. Never blocks, even when a
 * peer took O_NONBLOCK off the open file that both share. Returns: 1 when something had been sent; 0;
 * -ECONNRESET when nobody can send any more (of a pipe): it stays readable for ever, so stop
 * watching it. */
int notifier_clear(const struct notifier *n);
void notifier_close(struct notifier *n);

#endif
