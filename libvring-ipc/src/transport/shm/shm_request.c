/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's requests over the control channel.
 *
 * One request at a time: it gets the next token, is sent, and the reply with that token is waited
 * for until the link's time limit. Events that arrive meanwhile are kept for the next dispatch. A
 * reply that comes after its request timed out is dropped; any other reply that nobody asked for
 * ends the link, as does a message that the table does not allow here.
 */
#include "shm_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"

#define EVENTS_A_TURN 16

void shm_driver_fail(struct shm_driver *d, const char *why)
{
	if (d->is_gone)
		return;
	d->is_gone = true;
	vri__log(VRI_LOG_WARNING, "link %s: the device is gone: %s", d->link.id_text, why);
	/* Wakes the queues' threads, which watch the socket for its end. */
	(void)shutdown(d->watch.control, SHUT_RDWR);
	if (d->link.drv)
		vri__driver_gone(d->link.drv);
}

/* ---- packets ---- */

/* Waits until the socket can be read (written), or never will be. Returns: 0; -ETIMEDOUT;
 * -ECONNRESET when the device's process has ended, though somebody else may still hold its end. */
static int wait_for_socket(struct shm_driver *d, short events, uint64_t until_ns)
{
	struct pollfd p[] = { { .fd = d->watch.control, .events = events },
			      { .fd = d->watch.pidfd, .events = POLLIN } };

	for (;;) {
		uint64_t now = clock_monotonic_ns();
		uint64_t left_ms;

		if (now >= until_ns)
			return -ETIMEDOUT;
		left_ms = (until_ns - now + 999999) / 1000000;
		if (poll(p, 2, left_ms < INT_MAX ? (int)left_ms : INT_MAX) <= 0)
			continue;
		if (p[0].revents)
			return 0;
		shm_driver_fail(d, "its process ended");
		return -ECONNRESET;
	}
}

int shm_driver_send(struct shm_driver *d, const struct wire_msg *msg, int with, uint64_t until_ns)
{
	uint8_t bytes[VRI_CONFIG_MAX + 256];
	int len = wire_format(msg, bytes, sizeof(bytes));
	int r;

	if (len < 0)
		return len;
	while ((r = sock_send(d->watch.control, bytes, (size_t)len, with)) == -EAGAIN) {
		r = wait_for_socket(d, POLLOUT, until_ns);
		if (r < 0)
			return r;
	}
	/* Why the device left may be there to be read, so it is the next look that finds the end. */
	return r == -ECONNRESET ? 0 : r;
}

static int give_up(struct shm_driver *d, const char *why)
{
	sock_drop_fds(d->packet);
	shm_driver_fail(d, why);
	return -EPROTO;
}

/* Takes one message that has come. Returns: 0; -EAGAIN; otherwise as shm_driver_receive(). */
static int take(struct shm_driver *d, struct wire_msg *ret_msg, int *ret_fd)
{
	struct sock_packet *packet = d->packet;
	const char *why = NULL;
	int r;

	r = sock_recv(d->watch.control, packet, &why);
	if (r == -EAGAIN)
		return r;
	if (r == -EPROTO)
		return give_up(d, why);
	if (r < 0) {
		shm_driver_fail(d, "it closed the link");
		return -ECONNRESET;
	}
	if (wire_parse(packet->bytes, packet->len, ret_msg, &why) < 0)
		return give_up(d, why);
	why = shm_table_check(ret_msg, SHM_DEVICE, d->state, packet->n_fds);
	if (why)
		return give_up(d, why);
	*ret_fd = packet->n_fds ? packet->fds[0] : -1;
	packet->n_fds = 0;
	return 0;
}

int shm_driver_receive(struct shm_driver *d, uint64_t until_ns, struct wire_msg *ret_msg,
		       int *ret_fd)
{
	int r;

	if (d->is_gone)
		return -ECONNRESET;
	while ((r = take(d, ret_msg, ret_fd)) == -EAGAIN) {
		r = wait_for_socket(d, POLLIN, until_ns);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- what the device says unasked ---- */

static bool is_late(struct shm_driver *d, uint32_t token)
{
	for (unsigned i = 0; i < d->n_late; i++)
		if (d->late[i] == token) {
			d->late[i] = d->late[--d->n_late];
			return true;
		}
	return false;
}

static void handle_event(struct shm_driver *d, const struct wire_msg *msg, int fd)
{
	if (fd >= 0)
		close(fd);
	switch (msg->kind) {
	case WIRE_CONFIG_CHANGED:
		d->has_news = true;
		vri__driver_config_changed(d->link.drv);
		break;
	case WIRE_NEEDS_RESET:
		d->has_news = true;
		vri__driver_needs_reset(d->link.drv, msg->needs_reset.words);
		break;
	case WIRE_REPLY:
		if (!is_late(d, msg->token))
			shm_driver_fail(d, "it answered what was not asked");
		break;
	case WIRE_REFUSED:
		shm_driver_fail(d, msg->refused.words);
		break;
	default:
		break; /* an event of a later version */
	}
}

bool shm_driver_take_events(struct shm_driver *d)
{
	struct wire_msg msg;
	int fd, i;

	for (i = 0; i < EVENTS_A_TURN && !d->is_gone; i++) {
		if (take(d, &msg, &fd) < 0)
			break;
		handle_event(d, &msg, fd);
	}
	return i > 0;
}

/* ---- requests ---- */

/* What a request is and brings. */
struct exchange {
	struct wire_msg msg; /* the request, then the reply */
	int fd; /* beside it; -1: none */
};

static int wait_for_reply(struct shm_driver *d, struct exchange *x, uint64_t until_ns)
{
	uint32_t token = d->token;

	for (;;) {
		int r = shm_driver_receive(d, until_ns, &x->msg, &x->fd);

		if (r < 0)
			return r;
		if (x->msg.kind == WIRE_REPLY && x->msg.token == token)
			return 0;
		handle_event(d, &x->msg, x->fd);
		if (d->is_gone)
			return -ECONNRESET;
		/* While something is there to be read nothing else looks at the clock. */
		if (clock_monotonic_ns() >= until_ns)
			return -ETIMEDOUT;
	}
}

static void remember_late(struct shm_driver *d)
{
	if (d->n_late < SHM_LATE_MAX)
		d->late[d->n_late++] = d->token;
	else
		shm_driver_fail(d, "it leaves too many requests unanswered");
}

static int refused(struct shm_driver *d, enum wire_kind kind, const struct wire_msg *reply)
{
	int error = reply->reply.error;

	vri__log(VRI_LOG_INFO, "link %s: the device refused %s: %s", d->link.id_text,
		 shm_row(kind)->name, reply->reply.words);
	/* Reasons to refuse a link, and no answers to anything: the application knows neither. */
	if (error == -EBUSY || error == -EPROTONOSUPPORT)
		return -EPROTO;
	return error;
}

/*
 * One request and its reply. @x->fd goes with the request and stays the caller's; afterwards it is
 * what came with the reply, which only happens when @wants_fd. Returns: 0; what the device said; as
 * struct driver_transport says.
 */
static int request(struct shm_driver *d, struct exchange *x, bool wants_fd)
{
	uint64_t until_ns = clock_monotonic_ns() + (uint64_t)d->timeout_ms * 1000000u;
	enum wire_kind kind = x->msg.kind;
	int with = x->fd;
	int r;

	x->fd = -1;
	if (vri__link_is_foreign(&d->link))
		return -ESHUTDOWN;
	if (d->is_gone)
		return -ECONNRESET;
	if (++d->token == 0)
		d->token = 1;
	x->msg.token = d->token;
	r = shm_driver_send(d, &x->msg, with, until_ns);
	if (r < 0)
		return r; /* nothing was sent, so nothing will come back */
	r = wait_for_reply(d, x, until_ns);
	/* The news were taken off the socket, so that it does not show them to an event loop. */
	if (d->has_news)
		shm_driver_wake(d);
	if (r == -ETIMEDOUT)
		remember_late(d);
	if (r < 0)
		return r;
	if (x->fd >= 0 && (!wants_fd || x->msg.reply.error)) {
		close(x->fd);
		x->fd = -1;
		shm_driver_fail(d, "a reply with a descriptor that was not asked for");
		return -EPROTO;
	}
	return x->msg.reply.error ? refused(d, kind, &x->msg) : 0;
}

/* ---- struct driver_transport ---- */

static void close_queue(struct shm_driver *d, unsigned queue)
{
	shm_queue_unwatch(&d->queues[queue]);
	shm_queue_close(&d->queues[queue]);
}

static void note_status(struct shm_driver *d, uint8_t status)
{
	if (!d->resets || status != 0)
		return;
	d->resets = false;
	for (unsigned i = 0; i < d->offer.n_queues; i++)
		close_queue(d, i);
}

static int driver_get_status(void *t, uint8_t *ret_status)
{
	struct exchange x = { .msg.kind = WIRE_GET_STATUS, .fd = -1 };
	struct shm_driver *d = t;
	int r = request(d, &x, false);

	if (r < 0)
		return r;
	*ret_status = x.msg.reply.status;
	note_status(d, *ret_status);
	return 0;
}

static int driver_set_status(void *t, uint8_t status, uint8_t *ret_status)
{
	struct exchange x = { .msg.kind = WIRE_SET_STATUS, .fd = -1 };
	struct shm_driver *d = t;
	int r;

	x.msg.set_status.status = status;
	d->resets = status == 0;
	r = request(d, &x, false);
	if (r < 0)
		return r;
	*ret_status = x.msg.reply.status;
	note_status(d, *ret_status);
	return 0;
}

static int driver_get_features(void *t, struct vri_features *ret_offered)
{
	struct exchange x = { .msg.kind = WIRE_GET_FEATURES, .fd = -1 };
	int r = request(t, &x, false);

	if (r < 0)
		return r;
	/* Bits that we have no room for are bits that we ignore. virtio 1.4, 2.2.1 */
	*ret_offered = x.msg.reply.features.set;
	return 0;
}

static int driver_set_features(void *t, const struct vri_features *acked)
{
	struct exchange x = { .msg.kind = WIRE_SET_FEATURES, .fd = -1 };

	x.msg.set_features.features.set = *acked;
	return request(t, &x, false);
}

static int driver_config_read(void *t, uint32_t offset, void *buf, uint32_t len,
			      uint32_t *ret_generation)
{
	struct exchange x = { .msg.kind = WIRE_GET_CONFIG, .fd = -1 };
	int r;

	if (len > VRI_CONFIG_MAX)
		return -EINVAL;
	x.msg.get_config.offset = offset;
	x.msg.get_config.len = len;
	r = request(t, &x, false);
	if (r < 0)
		return r;
	if (x.msg.reply.data_len != len)
		return -EPROTO;
	memcpy(buf, x.msg.reply.data, len);
	*ret_generation = x.msg.reply.generation;
	return 0;
}

static int driver_config_write(void *t, uint32_t generation, uint32_t offset, const void *buf,
			       uint32_t len)
{
	struct exchange x = { .msg.kind = WIRE_SET_CONFIG, .fd = -1 };

	if (len > VRI_CONFIG_MAX)
		return -EINVAL;
	x.msg.set_config.generation = generation;
	x.msg.set_config.offset = offset;
	x.msg.set_config.data_len = len;
	memcpy(x.msg.set_config.data, buf, len);
	return request(t, &x, false);
}

/* For the descriptor of a reply: without room for it the kernel would cut it off, and a cut packet ends the link. */
static int have_room(int fd)
{
	int spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (spare < 0)
		return -errno;
	close(spare);
	return 0;
}

static int driver_set_queue(void *t, const struct queue_params *params,
			    const struct queue_ops **ret_ops, void **ret_ctx)
{
	struct exchange x = { .msg.kind = WIRE_SET_QUEUE, .fd = -1 };
	struct notifier send, receive;
	struct shm_driver *d = t;
	struct shm_queue *q;
	int kick_fd, r;

	if (params->index >= d->offer.n_queues)
		return -EINVAL;
	r = notifier_make(d->notifier, &send, &kick_fd);
	if (r < 0)
		return r;
	x.msg.set_queue = *params;
	x.fd = kick_fd;
	r = have_room(kick_fd);
	if (r == 0)
		r = request(d, &x, true);
	close(kick_fd);
	if (r < 0)
		goto fail;
	if (x.fd < 0 || notifier_take(d->notifier, x.fd, &receive) < 0) {
		if (x.fd >= 0)
			close(x.fd);
		shm_driver_fail(d, "a notifier that is none");
		r = -EPROTO;
		goto fail;
	}
	q = &d->queues[params->index];
	close_queue(d, params->index);
	shm_queue_init(q, &d->watch, params->index);
	q->send = send;
	q->receive = receive;
	r = shm_queue_watch(q, params->index);
	if (r < 0) {
		shm_queue_close(q);
		return r;
	}
	*ret_ops = &shm_queue_ops;
	*ret_ctx = q;
	return 0;
fail:
	notifier_close(&send);
	return r;
}

static int driver_reset_queue(void *t, unsigned queue)
{
	struct exchange x = { .msg.kind = WIRE_RESET_QUEUE, .fd = -1 };
	struct shm_driver *d = t;
	int r;

	if (queue >= d->offer.n_queues)
		return -EINVAL;
	x.msg.reset_queue.index = queue;
	r = request(d, &x, false);
	if (r == 0)
		close_queue(d, queue);
	return r;
}

static int driver_add_memory(void *t, int fd, uint64_t fd_offset, const struct mem_entry *entry)
{
	struct exchange x = { .msg.kind = WIRE_ADD_MEMORY, .fd = fd };

	x.msg.add_memory.iova = entry->iova;
	x.msg.add_memory.size = entry->size;
	x.msg.add_memory.fd_offset = fd_offset;
	x.msg.add_memory.access = entry->access;
	return request(t, &x, false);
}

static int driver_remove_memory(void *t, uint64_t iova)
{
	struct exchange x = { .msg.kind = WIRE_REMOVE_MEMORY, .fd = -1 };

	x.msg.remove_memory.iova = iova;
	return request(t, &x, false);
}

static int driver_get_shared_memory(void *t, uint8_t id, struct vri_shared_memory *ret, int *ret_fd)
{
	struct exchange x = { .msg.kind = WIRE_GET_SHARED_MEMORY, .fd = -1 };
	int r;

	x.msg.get_shared_memory.id = id;
	r = request(t, &x, true);
	if (r < 0)
		return r;
	if (x.fd < 0) {
		shm_driver_fail(t, "a shared memory region without its memory");
		return -EPROTO;
	}
	*ret = x.msg.reply.shared;
	*ret_fd = x.fd;
	return 0;
}

static bool driver_is_elsewhere(void *t, unsigned queue)
{
	struct shm_driver *d = t;

	return atomic_load_explicit(&d->queues[queue].owner, memory_order_relaxed) != NULL;
}

static void driver_wake(void *t)
{
	shm_driver_wake(t);
}

static int driver_make_region(void *t, uint64_t size)
{
	struct shm_driver *d = t;

	return d->far.make_region ? d->far.make_region(d->far.ctx, size) : -EOPNOTSUPP;
}

const struct driver_transport shm_driver_transport = {
	.get_status = driver_get_status,
	.set_status = driver_set_status,
	.get_features = driver_get_features,
	.set_features = driver_set_features,
	.config_read = driver_config_read,
	.config_write = driver_config_write,
	.set_queue = driver_set_queue,
	.reset_queue = driver_reset_queue,
	.add_memory = driver_add_memory,
	.remove_memory = driver_remove_memory,
	.get_shared_memory = driver_get_shared_memory,
	.is_elsewhere = driver_is_elsewhere,
	.wake = driver_wake,
	.make_region = driver_make_region,
};
