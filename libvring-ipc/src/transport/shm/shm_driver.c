/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's end of a link over a Unix socket: set-up, dispatch, waiting, end.
 *
 *   connect, HELLO        -> OFFER       is it the device that was asked for, within its limits?
 *   make the region, ATTACH -> ATTACHED  then the link is open, and the driver's half drives it
 *
 * Every way out of the set-up (refused, hang-up, nonsense, time over) gives everything back. After
 * it the link ends once, in shm_driver_fail(), and stays as it is until it is closed.
 */
#include "shm_driver.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/ring_access.h"
#include "util/clock.h"
#include "util/log.h"

/* In the events of the epoll, beside the numbers of queues. */
#define TAG_CONTROL (1ull << 32)
#define TAG_PIDFD (2ull << 32)
#define TAG_TIMER (3ull << 32)

#define EVENTS_MAX 64

/* A wait that never blocks glances at the clock, and at the link, after so many looks at the
 * queues. */
#define LOOKS_A_GLANCE 4096u

static struct shm_driver *driver_of(const struct vri_link *link)
{
	return (struct shm_driver *)(uintptr_t)link;
}

/* ---- set-up ---- */

static int refused(const struct wire_msg *msg)
{
	vri__log(VRI_LOG_WARNING, "the device refused the link: %s", msg->refused.words);
	return -ECONNREFUSED;
}

/* Takes the next message of the set-up, which is @kind or REFUSED. */
static int expect(struct shm_driver *d, enum wire_kind kind, uint64_t until_ns,
		  struct wire_msg *ret_msg)
{
	int fd;
	int r = shm_driver_receive(d, until_ns, ret_msg, &fd);

	if (r < 0)
		return r;
	/* The table lets nothing else through in this state. */
	return ret_msg->kind == kind ? 0 : refused(ret_msg);
}

static enum notifier_kind wish_of(const struct shm_driver *d, const struct vri_link_opts *opts)
{
	if (opts->notifier == VRI_NOTIFIER_PIPE)
		return NOTIFIER_PIPE;
	if (opts->notifier == VRI_NOTIFIER_AUTO && d->peer_uid != geteuid())
		return NOTIFIER_PIPE;
	return 0;
}

static int ask_for_offer(struct shm_driver *d, const struct vri_link_opts *opts, uint64_t until_ns)
{
	enum notifier_kind wish = wish_of(d, opts);
	struct wire_msg msg = { .kind = WIRE_HELLO };
	int r;

	msg.hello.version_min = WIRE_VERSION;
	msg.hello.version_max = WIRE_VERSION;
	msg.hello.notifier = wish;
	r = shm_driver_send(d, &msg, -1, until_ns);
	if (r == 0)
		r = expect(d, WIRE_OFFER, until_ns, &msg);
	if (r < 0)
		return r;
	if (msg.offer.version != WIRE_VERSION || (wish && msg.offer.notifier != wish) ||
	    vri__offer_check(&msg.offer.offer) < 0) {
		shm_driver_fail(d, "an offer that makes no sense");
		return -EPROTO;
	}
	d->offer = msg.offer.offer;
	d->notifier = msg.offer.notifier;
	d->state = SHM_OFFERED;
	return vri__link_check_offer(opts, &d->offer);
}

static int make_driver(struct shm_driver *d, const struct vri_link_opts *opts)
{
	struct driver_setup setup = {
		.offer = &d->offer, .ops = &shm_driver_transport, .transport = d, .opts = opts
	};

	memcpy(setup.link_id, d->link.id, sizeof(setup.link_id));
	return vri__driver_new(&setup, &d->link.drv);
}

static int attach(struct shm_driver *d, uint64_t until_ns)
{
	struct wire_msg msg = { .kind = WIRE_ATTACH };
	int r;

	memcpy(msg.attach.link_id, d->link.id, sizeof(msg.attach.link_id));
	msg.attach.region_size = vri__driver_region_size(d->link.drv);
	msg.attach.notifier = d->notifier;
	r = shm_driver_send(d, &msg, vri__driver_region_fd(d->link.drv), until_ns);
	if (r == 0)
		r = expect(d, WIRE_ATTACHED, until_ns, &msg);
	if (r == 0)
		d->state = SHM_ATTACHED;
	return r;
}

static int watch(struct shm_driver *d, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	if (fd < 0)
		return 0;
	return epoll_ctl(d->watch.epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_epoll(struct shm_driver *d)
{
	int r;

	d->watch.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->watch.epoll < 0)
		return -errno;
	d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer < 0)
		return -errno;
	r = watch(d, d->watch.control, EPOLLIN | EPOLLRDHUP, TAG_CONTROL);
	if (r == 0)
		r = watch(d, d->watch.pidfd, EPOLLIN, TAG_PIDFD);
	if (r == 0)
		r = watch(d, d->timer, EPOLLIN, TAG_TIMER);
	return r;
}

static int make_queues(struct shm_driver *d)
{
	d->queues = calloc(d->offer.n_queues, sizeof(*d->queues));
	if (!d->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < d->offer.n_queues; i++)
		shm_queue_init(&d->queues[i], &d->watch, i);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void driver_close(struct vri_link *link)
{
	struct shm_driver *d = driver_of(link);

	/* A child of fork() holds copies of the descriptors: what it sent or shut down, or took out
	 * of the epoll, its parent would miss. */
	if (!vri__link_is_foreign(link) && d->watch.control >= 0)
		(void)shutdown(d->watch.control, SHUT_RDWR);
	if (link->drv)
		vri__driver_free(link->drv);
	for (unsigned i = 0; d->queues && i < d->offer.n_queues; i++)
		shm_queue_close(&d->queues[i]);
	free(d->queues);
	close_fd(&d->watch.control);
	close_fd(&d->watch.pidfd);
	close_fd(&d->watch.epoll);
	close_fd(&d->timer);
	if (d->far.close)
		d->far.close(d->far.ctx);
	free(d->packet);
	free(d);
}

static int find_path(struct shm_driver *d, const char *path, const struct vri_link_opts *opts)
{
	struct sock_peer peer;
	int r;

	r = sock_connect(path, opts->timeout_ms);
	if (r < 0)
		return r;
	d->watch.control = r;
	r = sock_peer(d->watch.control, &peer);
	if (r < 0)
		return r;
	d->watch.pidfd = peer.pidfd;
	d->peer_uid = peer.uid;
	return 0;
}

static int set_up(struct shm_driver *d, const char *path, const struct vri_link_opts *opts)
{
	uint64_t until_ns = clock_monotonic_ns() + (uint64_t)opts->timeout_ms * 1000000u;
	int r = 0;

	if (path)
		r = find_path(d, path, opts);
	if (r < 0)
		return r;
	r = ask_for_offer(d, opts, until_ns);
	if (r == 0)
		r = make_epoll(d);
	if (r == 0)
		r = make_queues(d);
	if (r == 0)
		r = make_driver(d, opts);
	if (r == 0)
		r = attach(d, until_ns);
	return r;
}

/* ---- dispatch ---- */

static void driver_adopt(struct shm_driver *d)
{
	const void *me = shm_thread();

	if (atomic_load_explicit(&d->watch.thread, memory_order_relaxed) == me)
		return;
	atomic_store_explicit(&d->watch.thread, me, memory_order_relaxed);
	for (unsigned i = 0; i < d->offer.n_queues; i++)
		shm_queue_adopt(&d->queues[i], me);
}

/* Sets the timer, whose expiry makes the link's descriptor readable. @ns is on CLOCK_MONOTONIC, 0
 * for never. */
static void set_timer(struct shm_driver *d, uint64_t ns)
{
	struct itimerspec at = { .it_value = { .tv_sec = (time_t)(ns / 1000000000u),
					       .tv_nsec = (long)(ns % 1000000000u) } };

	if (ns == d->timer_ns)
		return;
	if (timerfd_settime(d->timer, TFD_TIMER_ABSTIME, &at, NULL) == 0)
		d->timer_ns = ns;
}

void shm_driver_wake(struct shm_driver *d)
{
	set_timer(d, 1);
}

/* A notifier whose sender is gone stays readable for ever. */
static void clear_queue(struct shm_driver *d, uint64_t queue)
{
	if (queue < d->offer.n_queues && notifier_clear(&d->queues[queue].receive) < 0)
		shm_queue_unwatch(&d->queues[queue]);
}

/* What an event of the epoll was. */
enum happened {
	NOTIFIED, /* a queue's notifier */
	TIME_CAME,
	NEWS, /* from the device, or its end */
};

static enum happened handle(struct shm_driver *d, const struct epoll_event *event)
{
	switch (event->data.u64) {
	case TAG_CONTROL:
		(void)shm_driver_take_events(d);
		return NEWS;
	case TAG_PIDFD:
		shm_driver_fail(d, "its process ended");
		return NEWS;
	case TAG_TIMER:
		d->timer_ns = UINT64_MAX; /* it has expired: whatever comes next has to be set */
		return d->has_news ? NEWS : TIME_CAME;
	default:
		clear_queue(d, event->data.u64);
		return NOTIFIED;
	}
}

/* The end of the link is told through the descriptor once, by being readable; then it would only
 * keep a loop busy. */
static void stop_watching(struct shm_driver *d)
{
	if (d->is_gone_told)
		return;
	d->is_gone_told = true;
	(void)epoll_ctl(d->watch.epoll, EPOLL_CTL_DEL, d->watch.control, NULL);
	if (d->watch.pidfd >= 0)
		(void)epoll_ctl(d->watch.epoll, EPOLL_CTL_DEL, d->watch.pidfd, NULL);
}

/* Tells the application what there is to tell, and sets the timer for the next time. */
static int finish(struct shm_driver *d)
{
	uint64_t next_ns = 0;
	int r;

	d->has_news = false;
	if (d->is_gone)
		stop_watching(d);
	r = vri__driver_dispatch(d->link.drv, clock_monotonic_ns(), &next_ns);
	/* An event's callback may have made requests, and news may have come with their replies. */
	set_timer(d, d->has_news ? 1 : next_ns);
	if (r == 0 && d->is_gone)
		r = -ECONNRESET;
	return r;
}

static int driver_dispatch(struct vri_link *link)
{
	struct shm_driver *d = driver_of(link);
	struct epoll_event events[EVENTS_MAX];
	int n;

	if (vri__link_is_foreign(link))
		return -ESHUTDOWN;
	driver_adopt(d);
	n = epoll_wait(d->watch.epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++)
		(void)handle(d, &events[i]);
	return finish(d);
}

static int driver_fd(const struct vri_link *link)
{
	return driver_of(link)->watch.epoll;
}

/* ---- waiting ---- */

static bool queue_is_ours(void *link, unsigned queue)
{
	struct shm_driver *d = link;

	return !atomic_load_explicit(&d->queues[queue].owner, memory_order_relaxed);
}

static int ms_until(uint64_t now_ns, uint64_t then_ns)
{
	uint64_t ms = then_ns > now_ns ? (then_ns - now_ns + 999999) / 1000000 : 0;

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/*
 * Blocks once, for at most @timeout_ms, and handles what woke it. Returns: 1 when that is nothing to
 * tell anybody; 0 when something happened to the link, a signal included; errors as
 * vri_link_dispatch().
 */
static int block(struct shm_driver *d, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	enum happened most = NOTIFIED;
	int n, r;

	n = epoll_wait(d->watch.epoll, events, EVENTS_MAX, timeout_ms);
	for (int i = 0; i < n; i++) {
		enum happened what = handle(d, &events[i]);

		most = what > most ? what : most;
	}
	if (n >= 0 && most == NOTIFIED)
		return 1;
	r = finish(d);
	return r == 0 && n >= 0 && most == TIME_CAME ? 1 : r;
}

static int wait_looking(struct shm_driver *d, const struct wait_set *set, uint64_t end_ns)
{
	for (;;) {
		int r;

		for (unsigned i = 0; i < LOOKS_A_GLANCE; i++) {
			if (vri__wait_look(set))
				return 1;
			ring_relax();
		}
		if (vri__link_is_foreign(&d->link))
			return -ESHUTDOWN;
		r = block(d, 0);
		if (r <= 0)
			return vri__wait_look(set) ? 1 : r;
		if (clock_monotonic_ns() >= end_ns)
			return 0;
	}
}

static int wait_blocking(struct shm_driver *d, const struct wait_set *set, uint64_t end_ns)
{
	for (;;) {
		bool has_work = vri__wait_arm(set);
		int r = 1;

		if (!has_work)
			r = block(d, end_ns == UINT64_MAX ? -1 :
							    ms_until(clock_monotonic_ns(), end_ns));
		vri__wait_suppress(set);
		if (has_work || vri__wait_look(set))
			return 1;
		if (r <= 0)
			return r;
		if (clock_monotonic_ns() >= end_ns)
			return 0;
	}
}

static int driver_wait(struct vri_link *link, int timeout_ms)
{
	struct shm_driver *d = driver_of(link);
	struct wait_set set = { .drv = link->drv, .is_ours = queue_is_ours, .link = d };
	uint64_t end_ns = UINT64_MAX;
	bool had_news;
	int r;

	driver_adopt(d);
	if (vri__wait_look(&set))
		return 1;
	if (!d->spin.never_block && timeout_ms != 0 && vri__wait_spin(&set, &d->spin))
		return 1;
	if (vri__link_is_foreign(link))
		return -ESHUTDOWN;
	/* Also sets the timer for the deadlines of what was added since the last time. */
	had_news = d->has_news;
	r = finish(d);
	if (r < 0 || had_news)
		return r;
	if (timeout_ms >= 0)
		end_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
	return d->spin.never_block ? wait_looking(d, &set, end_ns) : wait_blocking(d, &set, end_ns);
}

/* ---- the transport ---- */

static const struct link_ops driver_ops = {
	.close = driver_close,
	.fd = driver_fd,
	.dispatch = driver_dispatch,
	.wait = driver_wait,
};

/* For a link that there is no memory for. */
static void drop_far(const struct shm_far *far)
{
	if (!far)
		return;
	close(far->sock);
	if (far->peer.pidfd >= 0)
		close(far->peer.pidfd);
	far->close(far->ctx);
}

/* To @path, or to @far. */
static int open_link(struct vri_link **ret_link, const char *path, const struct shm_far *far,
		     const struct vri_link_opts *opts)
{
	struct shm_driver *d = calloc(1, sizeof(*d));
	int r;

	if (!d) {
		drop_far(far);
		return -ENOMEM;
	}
	d->watch = (struct shm_watch){ .control = -1, .pidfd = -1, .epoll = -1 };
	if (far) {
		d->far = *far;
		d->watch.control = far->sock;
		d->watch.pidfd = far->peer.pidfd;
		d->peer_uid = far->peer.uid;
	}
	atomic_store_explicit(&d->watch.thread, shm_thread(), memory_order_relaxed);
	d->timer = -1;
	d->state = SHM_NEW;
	d->timeout_ms = opts->timeout_ms;
	vri__spin_init(&d->spin, opts->spin);
	d->packet = malloc(sizeof(*d->packet));
	r = vri__link_init(&d->link, &driver_ops);
	if (r == 0)
		r = d->packet ? set_up(d, path, opts) : -ENOMEM;
	if (r < 0) {
		driver_close(&d->link);
		return r;
	}
	*ret_link = &d->link;
	return 0;
}

int shm_link_open(struct vri_link **ret_link, const char *path, const struct vri_link_opts *opts)
{
	return open_link(ret_link, path, NULL, opts);
}

int shm_link_open_far(struct vri_link **ret_link, const struct shm_far *far,
		      const struct vri_link_opts *opts)
{
	return open_link(ret_link, NULL, far, opts);
}
