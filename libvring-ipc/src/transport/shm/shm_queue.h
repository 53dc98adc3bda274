/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* One queue's two notifiers, and what the core asks of them (struct queue_ops). Both ends use it. */
#ifndef SHM_QUEUE_H
#define SHM_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/queue.h"
#include "util/notifier.h"

/*
 * What a queue knows of its link. One side of one queue may have a thread of its own, so this does
 * not change while the link lives but for the mark of the link's thread.
 */
struct shm_watch {
	int control; /* the control socket: its hang-up ends every wait */
	int pidfd; /* the peer's process, -1: unknown */
	int epoll; /* of the link */
	_Atomic(const void *) thread; /* shm_thread() of who called the link last */
};

struct shm_queue {
	struct shm_watch *watch;
	struct notifier send; /* to the peer */
	struct notifier receive; /* from the peer */
	unsigned index;
	/* The thread, other than the link's, that waits on this queue; NULL: none. The notifier is
	 * that thread's then, and the link neither watches nor empties it. */
	_Atomic(const void *) owner;
	uint64_t tag; /* in the events of the link's epoll */
};

extern const struct queue_ops shm_queue_ops; /* ctx is the struct shm_queue */

/* Tells one running thread from another, without a system call. */
const void *shm_thread(void);

/* A queue without notifiers. */
void shm_queue_init(struct shm_queue *q, struct shm_watch *watch, unsigned index);

/* Lets the link's epoll watch the receiving end, with @tag in its event. Returns: 0; a negative
 * errno. */
int shm_queue_watch(struct shm_queue *q, uint64_t tag);
void shm_queue_unwatch(struct shm_queue *q);

/* A call on the link came from @thread: a queue that was that thread's is the link's again. */
void shm_queue_adopt(struct shm_queue *q, const void *thread);

/* Closes both notifiers. */
void shm_queue_close(struct shm_queue *q);

#endif
