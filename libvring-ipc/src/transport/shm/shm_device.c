/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * One link at the device's end, from accept to the last reference on its instance.
 *
 *   accepted        HELLO -> OFFER, ATTACH -> ATTACHED: state, in shm_control.c
 *   turns           messages and kicks, a bounded number each time that its epoll is readable
 *   over            hang-up, the driver's process ended, time limit of the set-up, a broken rule of
 *                   the protocol, the listener closes: all through shm_device_end(), once
 *   freed           by the last of the listener and the instance, which others may hold longer
 *
 * Nothing here blocks, and nothing that one driver does reaches another one's link.
 */
#include "shm_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"

#define EVENTS_A_TURN 32
#define MESSAGES_A_TURN 8

/* ---- life ---- */

static void free_device(struct shm_device *d)
{
	shm_memory_fini(&d->memory);
	shm_waker_unref(d->waker);
	free(d->queues);
	free(d->is_up);
	free(d);
}

void shm_device_put(struct shm_device *d)
{
	/* Acquire and release: what either holder did comes before what the last one frees. Pairs
	 * with itself. */
	if (atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
		free_device(d);
}

static int make_queues(struct shm_device *d)
{
	struct offer offer;

	vri__offer_of(d->listener->dev, &offer);
	d->n_queues = offer.n_queues;
	d->queues = calloc(d->n_queues, sizeof(*d->queues));
	d->is_up = calloc(d->n_queues, sizeof(*d->is_up));
	if (!d->queues || !d->is_up)
		return -ENOMEM;
	for (unsigned i = 0; i < d->n_queues; i++)
		shm_queue_init(&d->queues[i], &d->watch, i);
	return 0;
}

static int watch(int epoll, int fd, uint32_t events, struct epoll_event event)
{
	event.events = events;
	if (fd < 0)
		return 0;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_epoll(struct shm_device *d)
{
	int r;

	d->watch.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->watch.epoll < 0)
		return -errno;
	r = watch(d->watch.epoll, d->watch.control, EPOLLIN | EPOLLRDHUP,
		  (struct epoll_event){ .data.u64 = SHM_TAG_CONTROL });
	if (r == 0)
		r = watch(d->watch.epoll, d->watch.pidfd, EPOLLIN,
			  (struct epoll_event){ .data.u64 = SHM_TAG_PIDFD });
	if (r == 0)
		r = watch(d->listener->epoll, d->watch.epoll, EPOLLIN,
			  (struct epoll_event){ .data.ptr = d });
	return r;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(struct shm_device *d)
{
	for (unsigned i = 0; i < d->n_queues; i++)
		shm_queue_close(&d->queues[i]);
	close_fd(&d->watch.control);
	close_fd(&d->watch.pidfd);
	close_fd(&d->watch.epoll);
	shm_output_drop(d);
}

int shm_device_new(struct shm_listener *l, int sock, const struct sock_peer *peer)
{
	struct shm_device *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	atomic_init(&d->refs, 1);
	d->listener = l;
	d->waker = shm_waker_ref(l->waker);
	d->state = SHM_NEW;
	d->pending.fd = -1;
	d->watch = (struct shm_watch){ .control = -1, .pidfd = -1, .epoll = -1 };
	d->peer.pidfd = -1;
	list_init(&d->in_links);
	list_init(&d->in_set_ups);
	list_init(&d->in_runs);
	list_init(&d->in_ended);
	shm_memory_init(&d->memory, l->opts.memory_max);
	if (peer)
		d->peer = *peer;
	else
		r = sock_peer(sock, &d->peer);
	d->watch.pidfd = d->peer.pidfd;
	d->watch.control = sock;
	if (r == 0)
		r = make_queues(d);
	if (r == 0)
		r = make_epoll(d);
	if (r < 0) {
		d->watch.control = -1; /* the caller's */
		if (peer)
			d->watch.pidfd = -1;
		close_fds(d);
		free_device(d);
		return r;
	}
	d->until_ns = clock_monotonic_ns() + (uint64_t)l->opts.timeout_ms * 1000000u;
	list_add(&l->links, &d->in_links);
	list_add(&l->set_ups, &d->in_set_ups);
	l->n_conns++;
	return 0;
}

void shm_device_is_attached(struct shm_device *d)
{
	struct shm_listener *l = d->listener;

	l->n_attached++;
	vri__log(VRI_LOG_INFO, "link %s: up: process %d of user %u", vri_instance_link_id(d->inst),
		 (int)d->peer.pid, (unsigned)d->peer.uid);
	if (l->callbacks.link_up)
		l->callbacks.link_up(d->inst, l->opts.data);
}

void shm_device_is_up(struct shm_device *d)
{
	list_remove(&d->in_set_ups);
}

/* ---- the end ---- */

static void tell_end(struct shm_device *d, const char *why)
{
	struct shm_listener *l = d->listener;

	if (!d->inst) {
		vri__log_limited(&l->refusals, VRI_LOG_WARNING,
				 "no link with process %d of user %u: %s", (int)d->peer.pid,
				 (unsigned)d->peer.uid, why);
		return;
	}
	vri__log(VRI_LOG_INFO, "link %s: down: %s", vri_instance_link_id(d->inst), why);
	if (l->callbacks.link_down)
		l->callbacks.link_down(d->inst, why, l->opts.data);
}

void shm_device_end(struct shm_device *d, const char *why)
{
	struct shm_listener *l = d->listener;
	struct vri_instance *inst = d->inst;

	if (d->is_ended)
		return;
	d->is_ended = true;
	list_remove(&d->in_links);
	list_remove(&d->in_set_ups);
	list_remove(&d->in_runs);
	list_add(&l->ended, &d->in_ended);
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, d->watch.epoll, NULL);
	l->n_conns--;
	tell_end(d, why);
	/* Wakes the device's own threads, which watch the socket; they may use their queues until
	 * the stop op has returned. */
	(void)shutdown(d->watch.control, SHUT_RDWR);
	if (inst) {
		l->n_attached--;
		d->inst = NULL;
		vri__instance_detach(inst);
	}
	close_fds(d);
}

void shm_device_refuse(struct shm_device *d, int error, const char *words)
{
	struct wire_msg msg = { .kind = WIRE_REFUSED };
	uint8_t bytes[512];
	int len;

	if (d->is_ended)
		return;
	msg.refused.error = error;
	wire_words(msg.refused.words, words);
	len = wire_format(&msg, bytes, sizeof(bytes));
	/* If it does not get through, the hang-up will. */
	if (len > 0)
		(void)sock_send(d->watch.control, bytes, (size_t)len, -1);
	shm_device_end(d, words);
}

void shm_turn_away(int sock, const char *words)
{
	struct wire_msg msg = { .kind = WIRE_REFUSED };
	uint8_t bytes[512];
	int len;

	msg.refused.error = -EBUSY;
	wire_words(msg.refused.words, words);
	len = wire_format(&msg, bytes, sizeof(bytes));
	if (len > 0)
		(void)sock_send(sock, bytes, (size_t)len, -1);
}

void shm_device_forget(struct shm_device *d)
{
	/* Instance and mappings stay as they are: to stop the instance would touch rings that this
	 * process does not have. */
	close_fds(d);
	close_fd(&d->memory.region_fd);
}

/* ---- turns ---- */

void shm_device_close_queues(struct shm_device *d)
{
	for (unsigned i = 0; i < d->n_queues; i++)
		if (!d->is_up[i])
			shm_queue_close(&d->queues[i]);
}

/* Threads of the device's own could be translating an address at this very moment: there removed
 * memory stays until the link's end. */
void shm_device_sweep(struct shm_device *d)
{
	if (d->memory.n_removed && d->inst && vri__device_takes_turns(d->listener->dev) &&
	    vri__instance_is_idle(d->inst))
		shm_memory_sweep(&d->memory);
}

/* Takes one message. Returns: false when there is none, or the link is over. */
static bool take_message(struct shm_device *d)
{
	struct sock_packet *packet = &d->listener->packet;
	struct wire_msg msg;
	const char *why = NULL;
	int fd, r;

	r = sock_recv(d->watch.control, packet, &why);
	if (r == -EAGAIN)
		return false;
	if (r == -ECONNRESET) {
		shm_device_end(d, "the driver closed the link");
		return false;
	}
	if (r > 0)
		r = wire_parse(packet->bytes, packet->len, &msg, &why);
	if (r >= 0)
		why = shm_table_check(&msg, SHM_DRIVER, d->state, packet->n_fds);
	if (why) {
		sock_drop_fds(packet);
		shm_device_refuse(d, -EPROTO, why);
		return false;
	}
	fd = packet->n_fds ? packet->fds[0] : -1;
	packet->n_fds = 0;
	shm_control(d, &msg, fd);
	return !d->is_ended;
}

static void control(struct shm_device *d, uint32_t events)
{
	if (events & EPOLLOUT && shm_output_flush(d) < 0) {
		shm_device_end(d, "the driver cannot be answered");
		return;
	}
	for (int i = 0; i < MESSAGES_A_TURN && !shm_output_is_pending(d); i++)
		if (!take_message(d))
			return;
	/* A driver that left without reading is gone all the same. */
	if (shm_output_is_pending(d) && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		shm_device_end(d, "the driver closed the link");
}

static void kicked(struct shm_device *d, uint64_t queue)
{
	struct shm_queue *q;

	if (queue >= d->n_queues || !d->is_up[queue])
		return;
	q = &d->queues[queue];
	/* A pipe that nobody can write any more stays readable for ever. */
	if (notifier_clear(&q->receive) < 0)
		shm_queue_unwatch(q);
	vri__instance_kicked(d->inst, (unsigned)queue);
}

void shm_device_turn(struct shm_device *d)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n;

	if (d->is_ended)
		return;
	n = epoll_wait(d->watch.epoll, events, EVENTS_A_TURN, 0);
	for (int i = 0; i < n && !d->is_ended; i++) {
		switch (events[i].data.u64) {
		case SHM_TAG_CONTROL:
			control(d, events[i].events);
			break;
		case SHM_TAG_PIDFD:
			shm_device_end(d, "the driver's process ended");
			break;
		default:
			kicked(d, events[i].data.u64);
		}
	}
}

bool shm_device_run(struct shm_device *d)
{
	bool more;

	if (d->is_ended || !d->inst)
		return false;
	more = vri__instance_run(d->inst);
	shm_device_sweep(d);
	return more;
}
