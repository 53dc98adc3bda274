/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Notifying and waiting for one queue.
 *
 * A link's epoll watches the notifiers of its queues and dispatch empties them. When a thread of its
 * own waits on a queue, that would take notifications away from it: so the first wait (or the first
 * question for the descriptor) that comes from another thread than the link's takes the queue out of
 * the link's epoll, and since a notification may have been taken away just before, that wait returns
 * at once and the queue looks again.
 */
#include "shm_queue.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

const void *shm_thread(void)
{
	static _Thread_local char here;

	return &here;
}

void shm_queue_init(struct shm_queue *q, struct shm_watch *watch, unsigned index)
{
	*q = (struct shm_queue){
		.watch = watch, .send = NOTIFIER_NONE, .receive = NOTIFIER_NONE, .index = index
	};
}

int shm_queue_watch(struct shm_queue *q, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };

	q->tag = tag;
	return epoll_ctl(q->watch->epoll, EPOLL_CTL_ADD, q->receive.fd, &event) < 0 ? -errno : 0;
}

void shm_queue_unwatch(struct shm_queue *q)
{
	if (q->receive.fd >= 0)
		(void)epoll_ctl(q->watch->epoll, EPOLL_CTL_DEL, q->receive.fd, NULL);
}

void shm_queue_adopt(struct shm_queue *q, const void *thread)
{
	if (q->receive.fd < 0 || atomic_load_explicit(&q->owner, memory_order_relaxed) != thread)
		return;
	atomic_store_explicit(&q->owner, NULL, memory_order_relaxed);
	(void)shm_queue_watch(q, q->tag);
}

void shm_queue_close(struct shm_queue *q)
{
	notifier_close(&q->send);
	notifier_close(&q->receive);
}

/* Returns: true when the queue has just become this thread's. */
static bool claim(struct shm_queue *q)
{
	const void *me = shm_thread();
	const void *before;

	if (atomic_load_explicit(&q->watch->thread, memory_order_relaxed) == me ||
	    atomic_load_explicit(&q->owner, memory_order_relaxed) == me)
		return false;
	before = atomic_exchange_explicit(&q->owner, me, memory_order_relaxed);
	if (!before)
		shm_queue_unwatch(q);
	return true;
}

static void queue_notify(void *ctx)
{
	struct shm_queue *q = ctx;

	notifier_send(&q->send);
}

static int queue_wait(void *ctx, int timeout_ms)
{
	struct shm_queue *q = ctx;
	/* News on the control socket are the link's to read, so only its end counts here. */
	struct pollfd p[] = { { .fd = q->receive.fd, .events = POLLIN },
			      { .fd = q->watch->control, .events = POLLRDHUP },
			      { .fd = q->watch->pidfd, .events = POLLIN } };
	int r;

	if (claim(q))
		return 1;
	r = poll(p, 3, timeout_ms);
	if (r < 0)
		/* A signal: the caller looks, and knows how much time is left. */
		return errno == EINTR ? 1 : -ECONNRESET;
	if (p[0].revents & POLLIN)
		return 1;
	if (p[0].revents || p[1].revents || p[2].revents)
		return -ECONNRESET;
	return 0;
}

static void queue_clear(void *ctx)
{
	struct shm_queue *q = ctx;

	(void)notifier_clear(&q->receive);
}

static int queue_fd(void *ctx)
{
	struct shm_queue *q = ctx;

	(void)claim(q);
	return q->receive.fd;
}

const struct queue_ops shm_queue_ops = {
	.notify = queue_notify,
	.wait = queue_wait,
	.clear = queue_clear,
	.fd = queue_fd,
};
