/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A loopback link: open, dispatch, wait, close. */
#include "transport/loopback/loopback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "util/clock.h"

#define EVENTS_A_TURN 64

static struct loop_link *loop_of(struct vri_link *link)
{
	return (struct loop_link *)(void *)link; /* the first member */
}

/* ---- close ---- */

static void close_fds(struct loop_link *link)
{
	if (link->timer_fd >= 0)
		close(link->timer_fd);
	notifier_close(&link->news);
	if (link->epoll_fd >= 0)
		close(link->epoll_fd);
}

static void close_queues(struct loop_link *link)
{
	for (unsigned i = 0; link->queues && i < link->n_queues; i++) {
		notifier_close(&link->queues[i].kick);
		notifier_close(&link->queues[i].call);
	}
}

static void free_link(struct loop_link *link)
{
	for (unsigned i = 0; link->queues && i < link->n_queues; i++)
		loop_queue_unwatch(&link->queues[i]);
	/* Threads of the device's own use the notifiers until its stop op returns. */
	if (link->device)
		loop_device_detach(link->device);
	close_queues(link);
	vri__driver_free(link->link.drv);
	close_fds(link);
	free(link->queues);
	free(link);
}

/* In a child of fork() the epolls and the eventfds are still those of the parent: they are closed, nothing else. The
 * instance and its device are the parent's to detach. */
static void free_in_child(struct loop_link *link)
{
	close_queues(link);
	loop_device_abandon(link->device);
	vri__driver_free(link->link.drv);
	close_fds(link);
	free(link->queues);
	free(link);
}

static void loop_close(struct vri_link *link)
{
	if (vri__link_is_foreign(link))
		free_in_child(loop_of(link));
	else
		free_link(loop_of(link));
}

/* ---- dispatch and wait ---- */

static int loop_fd(const struct vri_link *link)
{
	return ((const struct loop_link *)(const void *)link)->epoll_fd;
}

/* When the driver wants to look at its deadlines. */
void loop_set_timer(struct loop_link *link, uint64_t at_ns)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = (time_t)(at_ns / 1000000000),
			      .tv_nsec = (long)(at_ns % 1000000000) },
	};

	if (link->timer_fd >= 0)
		timerfd_settime(link->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Empties what woke the link. True when it was told something. */
static bool take_events(struct loop_link *link)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(link->epoll_fd, events, EVENTS_A_TURN, 0);
	bool news = false;

	for (int i = 0; i < n; i++) {
		switch (loop_source_of(events[i].data.u64)) {
		case LOOP_CALL:
			notifier_clear(&link->queues[loop_queue_of(events[i].data.u64)].call);
			break;
		case LOOP_NEWS:
			notifier_clear(&link->news);
			news = true;
			break;
		default: /* the device has had its turn; the timer is set anew */
			break;
		}
	}
	return news;
}

/* First the device's half, then the driver's. */
static int turn(struct loop_link *link, bool *ret_news, bool *ret_more)
{
	uint64_t next_ns = 0;
	int r;

	*ret_more = loop_device_turn(link->device);
	*ret_news = take_events(link);
	r = vri__driver_dispatch(link->link.drv, clock_monotonic_ns(), &next_ns);
	loop_set_timer(link, next_ns);
	return r;
}

static int loop_dispatch(struct vri_link *link)
{
	bool news, more;

	return turn(loop_of(link), &news, &more);
}

/* Until something happens, or may have. */
static void sleep_once(struct loop_link *link, int timeout_ms)
{
	struct epoll_event event;

	if (!vri__wait_arm(&link->waits))
		epoll_wait(link->epoll_fd, &event, 1, timeout_ms);
	vri__wait_suppress(&link->waits);
}

static int ms_left(int timeout_ms, uint64_t end_ns)
{
	uint64_t now = clock_monotonic_ns();

	if (timeout_ms < 0)
		return -1;
	return now >= end_ns ? 0 : (int)((end_ns - now + 999999) / 1000000);
}

static int loop_wait(struct vri_link *base, int timeout_ms)
{
	struct loop_link *link = loop_of(base);
	uint64_t end_ns =
		clock_monotonic_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;

	for (;;) {
		int left = ms_left(timeout_ms, end_ns);
		bool news, more;
		int r = turn(link, &news, &more);

		if (r < 0)
			return r;
		if (vri__wait_look(&link->waits))
			return 1;
		if (news || left == 0)
			return 0;
		if (more)
			continue;
		/* Looking pays only when the device runs in threads of its own. */
		if (vri__device_has_own_threads(link->device->dev) &&
		    vri__wait_spin(&link->waits, &link->spin))
			return 1;
		sleep_once(link, link->spin.never_block ? 0 : left);
	}
}

static const struct link_ops link_ops = {
	.close = loop_close,
	.fd = loop_fd,
	.dispatch = loop_dispatch,
	.wait = loop_wait,
};

/* ---- open ---- */

static int make_queues(struct loop_link *link)
{
	link->n_queues = vri_driver_n_queues(link->link.drv);
	link->queues = calloc(link->n_queues, sizeof(*link->queues));
	if (!link->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < link->n_queues; i++)
		link->queues[i] = (struct loop_queue){
			.link = link,
			.index = i,
			.kick = NOTIFIER_NONE,
			.call = NOTIFIER_NONE,
		};
	return 0;
}

static int make_driver(struct loop_link *link, const struct vri_link_opts *opts)
{
	struct vri_link_opts own = *opts;
	struct driver_setup setup = {
		.ops = &loop_driver_transport,
		.transport = link,
		.opts = &own,
	};
	struct offer offer;
	int r;

	vri__offer_of(opts->device, &offer);
	r = vri__link_check_offer(opts, &offer);
	if (r < 0)
		return r;
	/* A queue that spins would keep a device in the same thread from running. */
	if (!vri__device_has_own_threads(opts->device))
		own.spin = 1;
	setup.offer = &offer;
	memcpy(setup.link_id, link->link.id, sizeof(setup.link_id));
	r = vri__driver_new(&setup, &link->link.drv);
	return r < 0 ? r : make_queues(link);
}

static int make_fds(struct loop_link *link, bool deadlines)
{
	int receive_fd, r;

	link->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (link->epoll_fd < 0)
		return -errno;
	r = notifier_make(NOTIFIER_EVENTFD, &link->news, &receive_fd);
	if (r < 0)
		return r;
	close(receive_fd); /* one descriptor is both ends */
	r = loop_watch(link->epoll_fd, link->news.fd, LOOP_NEWS, 0);
	if (r < 0 || !deadlines)
		return r;
	link->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (link->timer_fd < 0)
		return -errno;
	return loop_watch(link->epoll_fd, link->timer_fd, LOOP_TIMER, 0);
}

static int make_device(struct loop_link *link, struct vri_device *dev)
{
	int r = loop_device_new(link, dev, &link->device);

	/* What the device's attach op says is a refusal, unless it says what else it is. */
	if (r < 0)
		return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : -ECONNREFUSED;
	for (unsigned i = 0; i < link->n_queues; i++)
		link->queues[i].device = link->device;
	return loop_watch(link->epoll_fd, link->device->epoll_fd, LOOP_DEVICE, 0);
}

static int loop_open(struct vri_link **ret_link, const char *rest, const struct vri_link_opts *opts)
{
	struct loop_link *link;
	int r;

	if (*rest || !opts->device)
		return -EINVAL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->epoll_fd = -1;
	link->timer_fd = -1;
	link->news = NOTIFIER_NONE;
	vri__spin_init(&link->spin, opts->spin);
	r = vri__link_init(&link->link, &link_ops);
	if (r == 0)
		r = make_fds(link, opts->deadline_ms != 0);
	if (r == 0)
		r = make_driver(link, opts);
	if (r == 0)
		r = make_device(link, opts->device);
	if (r < 0) {
		free_link(link);
		return r;
	}
	link->waits = (struct wait_set){ .drv = link->link.drv };
	*ret_link = &link->link;
	return 0;
}

const struct transport vri__transport_loopback = {
	.scheme = "loop:",
	.wants_device = true,
	.open = loop_open,
};
