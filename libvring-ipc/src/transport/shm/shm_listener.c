/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A listener: accepts drivers, gives each link a turn when it has something, and instances that want
 * to run theirs.
 *
 * One epoll for the listener, one below it for each link: a link with many ready queues is one
 * event here, and the kernel hands ready links out in turns. One dispatch takes each ready link
 * once, then each instance on the list once; when there is more, the waker keeps the listener's
 * descriptor readable.
 */
#include "shm_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/options.h"
#include "util/clock.h"

#define EVENTS_MAX 64
#define ACCEPTS_A_TURN 16

/* How long not to accept when there are no descriptors: long enough to be no busy loop, short enough
 * to be back soon. */
#define PAUSE_NS 100000000ull

/* ---- the waker ---- */

int shm_waker_new(struct shm_waker **ret_waker)
{
	struct shm_waker *waker = calloc(1, sizeof(*waker));
	int r;

	if (!waker)
		return -ENOMEM;
	atomic_init(&waker->refs, 1);
	atomic_store_explicit(&waker->thread, shm_thread(), memory_order_relaxed);
	waker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (waker->fd < 0) {
		r = -errno;
		free(waker);
		return r;
	}
	*ret_waker = waker;
	return 0;
}

struct shm_waker *shm_waker_ref(struct shm_waker *waker)
{
	atomic_fetch_add_explicit(&waker->refs, 1, memory_order_relaxed);
	return waker;
}

void shm_waker_unref(struct shm_waker *waker)
{
	/* Acquire and release: pairs with itself. */
	if (!waker || atomic_fetch_sub_explicit(&waker->refs, 1, memory_order_acq_rel) != 1)
		return;
	close(waker->fd);
	free(waker);
}

void shm_waker_wake(struct shm_waker *waker)
{
	static const uint64_t one = 1;

	/* Full order: whoever finds it awake already relies on the sleep that comes to see what was
	 * stored before. Pairs with the exchange in shm_waker_sleep(). */
	if (!atomic_exchange_explicit(&waker->is_awake, true, memory_order_seq_cst))
		(void)!write(waker->fd, &one, sizeof(one));
}

void shm_waker_clear(struct shm_waker *waker)
{
	uint64_t count;

	(void)!read(waker->fd, &count, sizeof(count));
}

void shm_waker_sleep(struct shm_waker *waker)
{
	/* Before the calls are looked at, so that one that comes after the look wakes again. Pairs
	 * with the exchange in shm_waker_wake(). */
	if (atomic_load_explicit(&waker->is_awake, memory_order_relaxed))
		atomic_exchange_explicit(&waker->is_awake, false, memory_order_seq_cst);
}

/* ---- time ---- */

static void set_timer(struct shm_listener *l)
{
	uint64_t at = l->pause_until_ns;
	struct itimerspec spec = { 0 };

	if (l->retry_ns && (!at || l->retry_ns < at))
		at = l->retry_ns;

	if (!list_is_empty(&l->set_ups)) {
		uint64_t until =
			list_entry(l->set_ups.next, struct shm_device, in_set_ups)->until_ns;

		if (!at || until < at)
			at = until;
	}
	if (at == l->timer_ns)
		return;
	spec.it_value.tv_sec = (time_t)(at / 1000000000u);
	spec.it_value.tv_nsec = (long)(at % 1000000000u);
	if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
		l->timer_ns = at;
}

/* Whether new drivers are waited for. */
static void watch_socket(struct shm_listener *l, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = &l->sock };

	(void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->sock.fd, &event);
}

static void time_came(struct shm_listener *l)
{
	uint64_t now = clock_monotonic_ns();

	l->timer_ns = UINT64_MAX; /* expired: whatever comes next has to be set */
	if (l->pause_until_ns && l->pause_until_ns <= now) {
		l->pause_until_ns = 0;
		watch_socket(l, true);
	}
	if (l->retry_ns && l->retry_ns <= now) {
		l->retry_ns = 0;
		l->source.retry(l->source.ctx);
		(void)shm_listener_watch_source(l);
	}
	/* All set-ups have the same limit, so the oldest is over first. */
	while (!list_is_empty(&l->set_ups)) {
		struct shm_device *d = list_entry(l->set_ups.next, struct shm_device, in_set_ups);

		if (d->until_ns > now)
			break;
		shm_device_refuse(d, -EBUSY, "the set-up took too long");
	}
}

/* ---- accepting ---- */

static void pause_accepting(struct shm_listener *l)
{
	l->pause_until_ns = clock_monotonic_ns() + PAUSE_NS;
	watch_socket(l, false);
}

/* No descriptor is left. One driver is told so, through the one that was kept for this; then a pause,
 * since the others in the backlog keep the socket readable. */
static void out_of_fds(struct shm_listener *l)
{
	int fd;

	vri__log_limited(&l->refusals, VRI_LOG_WARNING, "%s: no descriptor left for another driver",
			 vri_device_name(l->dev));
	if (l->reserve >= 0) {
		close(l->reserve);
		fd = sock_accept(l->sock.fd);
		if (fd >= 0) {
			shm_turn_away(fd, "the device has no descriptor left");
			close(fd);
		}
	}
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pause_accepting(l);
}

/* A name without a file has no mode: its users are the same, or root. */
static bool may_attach(const struct shm_listener *l, int fd)
{
	struct sock_peer peer;
	bool may;

	if (!l->sock.is_abstract || l->opts.mode & 06)
		return true;
	if (sock_peer(fd, &peer) < 0)
		return false;
	may = peer.uid == geteuid() || peer.uid == 0;
	if (peer.pidfd >= 0)
		close(peer.pidfd);
	return may;
}

/* @peer: as shm_device_new(). */
static const char *take_driver(struct shm_listener *l, int fd, const struct sock_peer *peer)
{
	int r;

	if (l->n_conns >= l->opts.max_links)
		return "the device has as many drivers as it takes";
	if (!peer && !may_attach(l, fd))
		return "only processes of the same user may attach";
	r = shm_device_new(l, fd, peer);
	if (r == 0)
		return NULL;
	if (r == -EMFILE || r == -ENFILE)
		pause_accepting(l);
	return "the device has no room for another driver now";
}

static void turn_away(struct shm_listener *l, int fd, const char *why)
{
	vri__log_limited(&l->refusals, VRI_LOG_WARNING, "%s: a driver was refused: %s",
			 vri_device_name(l->dev), why);
	shm_turn_away(fd, why);
	close(fd);
}

static void accept_drivers(struct shm_listener *l)
{
	for (int i = 0; i < ACCEPTS_A_TURN && !l->pause_until_ns; i++) {
		int fd = sock_accept(l->sock.fd);
		const char *why;

		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS) {
			out_of_fds(l);
			return;
		}
		if (fd == -EAGAIN)
			return;
		if (fd < 0)
			continue; /* that driver is gone again */
		why = take_driver(l, fd, NULL);
		if (why)
			turn_away(l, fd, why);
	}
}

/* ---- another source ---- */

void shm_listener_take(struct shm_listener *l, int sock, const struct sock_peer *peer)
{
	const char *why = take_driver(l, sock, peer);

	if (!why)
		return;
	turn_away(l, sock, why);
	if (peer->pidfd >= 0)
		close(peer->pidfd);
}

int shm_listener_watch_source(struct shm_listener *l)
{
	int fd = l->source.fd(l->source.ctx);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &l->source };

	if (fd < 0 || fd == l->source_fd)
		return 0;
	l->source_fd = fd;
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void shm_listener_retry(struct shm_listener *l, uint64_t in_ns)
{
	/* Closing it has taken it out of the epoll. */
	l->source_fd = -1;
	l->retry_ns = clock_monotonic_ns() + in_ns;
	set_timer(l);
}

/* ---- dispatch ---- */

/* Puts the links that other threads called for on the list. */
static void take_calls(struct shm_listener *l)
{
	struct list *node;

	/* Acquire: pairs with the release in wants_run(). */
	if (!atomic_exchange_explicit(&l->waker->has_call, false, memory_order_acquire))
		return;
	list_for_each(node, &l->links) {
		struct shm_device *d = list_entry(node, struct shm_device, in_links);

		if (atomic_exchange_explicit(&d->wants_run, false, memory_order_relaxed) &&
		    list_is_empty(&d->in_runs))
			list_add(&l->runs, &d->in_runs);
	}
}

/* Each link that is on the list now gets one turn; those that come on it meanwhile wait. */
static void run_instances(struct shm_listener *l)
{
	struct list round;

	list_init(&round);
	while (!list_is_empty(&l->runs)) {
		struct list *first = l->runs.next;

		list_remove(first);
		list_add(&round, first);
	}
	while (!list_is_empty(&round)) {
		struct shm_device *d = list_entry(round.next, struct shm_device, in_runs);

		list_remove(&d->in_runs);
		if (shm_device_run(d) && list_is_empty(&d->in_runs))
			list_add(&l->runs, &d->in_runs);
	}
}

static void free_ended(struct shm_listener *l)
{
	while (!list_is_empty(&l->ended)) {
		struct shm_device *d = list_entry(l->ended.next, struct shm_device, in_ended);

		list_remove(&d->in_ended);
		shm_device_put(d);
	}
}

static void handle(struct shm_listener *l, const struct epoll_event *event)
{
	void *what = event->data.ptr;

	if (what == &l->sock)
		accept_drivers(l);
	else if (what == &l->source)
		l->source.readable(l->source.ctx);
	else if (what == &l->timer)
		time_came(l);
	else if (what == l->dev)
		vri__device_event(l->dev);
	else if (what == l->waker)
		shm_waker_clear(l->waker);
	else
		shm_device_turn(what);
}

static struct shm_listener *listener_of(const struct vri_listener *listener)
{
	return (struct shm_listener *)(uintptr_t)listener;
}

static void dispatch(struct shm_listener *l, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(l->epoll, events, EVENTS_MAX, timeout_ms);

	if (n <= 0)
		return;
	l->dispatches = true;
	for (int i = 0; i < n; i++)
		handle(l, &events[i]);
	shm_waker_sleep(l->waker);
	take_calls(l);
	run_instances(l);
	l->dispatches = false;
	if (!list_is_empty(&l->runs))
		shm_waker_wake(l->waker);
	free_ended(l);
	set_timer(l);
}

static int listener_wait(struct vri_listener *listener, int timeout_ms)
{
	struct shm_listener *l = listener_of(listener);
	enum shm_poll found = SHM_POLL_SLEEP;

	atomic_store_explicit(&l->waker->thread, shm_thread(), memory_order_relaxed);
	/* Without a time there is an event loop, which sleeps where nobody can look. */
	if (timeout_ms != 0)
		found = shm_poll(l);
	if (found == SHM_POLL_AGAIN)
		return 0;
	if (found == SHM_POLL_SLEEP)
		shm_poll_stop(l);
	dispatch(l, found == SHM_POLL_SLEEP ? timeout_ms : 0);
	/* The queues still ask for no notification. If the next to wait is an event loop, it has to come back and sleep
	 * the right way. */
	if (found == SHM_POLL_GLANCE)
		shm_waker_wake(l->waker);
	return 0;
}

static int listener_fd(const struct vri_listener *listener)
{
	return listener_of(listener)->epoll;
}

static unsigned listener_n_links(const struct vri_listener *listener)
{
	return listener_of(listener)->n_attached;
}

/* ---- life ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void end_links(struct shm_listener *l, bool is_foreign)
{
	while (!list_is_empty(&l->links)) {
		struct shm_device *d = list_entry(l->links.next, struct shm_device, in_links);

		if (is_foreign) {
			list_remove(&d->in_links);
			shm_device_forget(d);
		} else {
			shm_device_refuse(d, -EBUSY, "the device stopped listening");
		}
	}
}

static void listener_close(struct vri_listener *listener)
{
	struct shm_listener *l = listener_of(listener);
	bool is_foreign = getpid() != listener->pid;

	end_links(l, is_foreign);
	free_ended(l);
	if (!is_foreign)
		vri__device_settle(l->dev, DEVICE_SETTLE_MS);
	if (l->source.close)
		l->source.close(l->source.ctx);
	if (l->sock.fd >= 0)
		sock_unlisten(&l->sock, !is_foreign);
	close_fd(l->epoll);
	close_fd(l->timer);
	close_fd(l->reserve);
	shm_waker_unref(l->waker);
	if (!is_foreign)
		vri_device_unref(l->dev);
	free(l);
}

static const struct listener_ops listener_ops = {
	.close = listener_close,
	.fd = listener_fd,
	.wait = listener_wait,
	.n_links = listener_n_links,
};

static int watch(struct shm_listener *l, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (fd < 0)
		return 0;
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_epoll(struct shm_listener *l)
{
	int r;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->epoll < 0 || l->timer < 0 || l->reserve < 0)
		return -errno;
	r = shm_waker_new(&l->waker);
	if (r == 0)
		r = watch(l, l->waker->fd, l->waker);
	if (r == 0)
		r = watch(l, l->timer, &l->timer);
	if (r == 0)
		r = watch(l, vri__device_event_fd(l->dev), l->dev);
	return r;
}

/* At @path, or with drivers from @source. */
static int open_listener(struct vri_listener **ret_listener, const char *path,
			 const struct shm_source *source, struct vri_device *dev,
			 const struct vri_listener_opts *opts)
{
	struct shm_listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		if (source)
			source->close(source->ctx);
		return -ENOMEM;
	}
	l->source_fd = -1;
	if (source)
		l->source = *source;
	l->listener = (struct vri_listener){ .ops = &listener_ops, .pid = getpid() };
	l->dev = vri_device_ref(dev);
	l->opts = *opts;
	vri__spin_init(&l->spin, opts->spin);
	l->sock.fd = l->epoll = l->timer = l->reserve = -1;
	list_init(&l->links);
	list_init(&l->set_ups);
	list_init(&l->runs);
	list_init(&l->ended);
	r = vri__options_copy(&l->callbacks, sizeof(l->callbacks), opts->callbacks);
	if (r == 0)
		r = make_epoll(l);
	/* Last: from here on drivers come. */
	if (r == 0 && path)
		r = sock_listen(path, opts->mode, &l->sock);
	if (r == 0)
		r = watch(l, l->sock.fd, &l->sock);
	if (r < 0) {
		listener_close(&l->listener);
		return r;
	}
	*ret_listener = &l->listener;
	return 0;
}

int shm_listener_open(struct vri_listener **ret_listener, const char *path, struct vri_device *dev,
		      const struct vri_listener_opts *opts)
{
	return open_listener(ret_listener, path, NULL, dev, opts);
}

int shm_listener_open_source(struct vri_listener **ret_listener, const struct shm_source *source,
			     struct vri_device *dev, const struct vri_listener_opts *opts)
{
	return open_listener(ret_listener, NULL, source, dev, opts);
}
