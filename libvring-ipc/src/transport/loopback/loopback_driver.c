/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the driver's half asks of a loopback link: each request is a call to the instance. */
#include <errno.h>
#include <poll.h>

#include "transport/loopback/loopback.h"
#include "util/clock.h"

static struct vri_instance *instance_of(void *t)
{
	const struct loop_link *link = t;

	return link->device->inst;
}

static void close_queues(struct loop_link *link)
{
	for (unsigned i = 0; i < link->n_queues; i++)
		loop_queue_close(&link->queues[i]);
}

/* ---- requests ---- */

static int get_status(void *t, uint8_t *ret_status)
{
	struct loop_link *link = t;

	/* The driver waits for a reset, or for SUSPEND: nobody else gives the device the turns that it needs for that. */
	if (link->resetting || link->suspending)
		loop_device_turn(link->device);
	*ret_status = vri__instance_get_status(instance_of(t));
	if (*ret_status & (VRI_STATUS_SUSPEND | VRI_STATUS_NEEDS_RESET))
		link->suspending = false;
	if (*ret_status == 0) {
		link->resetting = false;
		close_queues(link);
	}
	return 0;
}

static int set_status(void *t, uint8_t status, uint8_t *ret_status)
{
	struct loop_link *link = t;
	const char *why;
	int r = vri__instance_set_status(instance_of(t), status, ret_status, &why);

	if (r == 0)
		link->suspending = (status & VRI_STATUS_SUSPEND) &&
				   (*ret_status & VRI_STATUS_DRIVER_OK);
	if (r == 0 && status == 0) {
		link->resetting = *ret_status != 0;
		if (!link->resetting)
			close_queues(link);
	}
	return r;
}

static int get_features(void *t, struct vri_features *ret_offered)
{
	const struct loop_link *link = t;

	vri_device_features(link->device->dev, ret_offered);
	return 0;
}

static int set_features(void *t, const struct vri_features *acked)
{
	const char *why;

	return vri__instance_set_features(instance_of(t), acked, &why);
}

static int config_read(void *t, uint32_t offset, void *buf, uint32_t len, uint32_t *ret_generation)
{
	return vri__instance_config_read(instance_of(t), offset, buf, len, ret_generation);
}

static int config_write(void *t, uint32_t generation, uint32_t offset, const void *buf,
			uint32_t len)
{
	const char *why;

	return vri__instance_config_write(instance_of(t), generation, offset, buf, len, &why);
}

static int add_memory(void *t, int fd, uint64_t fd_offset, const struct mem_entry *entry)
{
	struct loop_link *link = t;

	return loop_device_add_memory(link->device, fd, fd_offset, entry);
}

static int remove_memory(void *t, uint64_t iova)
{
	struct loop_link *link = t;

	return loop_device_remove_memory(link->device, iova);
}

static int get_shared_memory(void *t, uint8_t id, struct vri_shared_memory *ret, int *ret_fd)
{
	const char *why;

	return vri__instance_get_shared_memory(instance_of(t), id, ret, ret_fd, &why);
}

/* ---- queues ---- */

static void send_kick(void *ctx)
{
	const struct loop_queue *q = ctx;

	notifier_send(&q->kick);
}

static int ms_left(uint64_t end_ns)
{
	uint64_t now = clock_monotonic_ns();

	return now >= end_ns ? 0 : (int)((end_ns - now + 999999) / 1000000);
}

/* While the driver waits on one queue, the device gets its turns here. */
static int wait_call(void *ctx, int timeout_ms)
{
	struct loop_queue *q = ctx;
	struct pollfd fds[] = {
		{ .fd = q->call.fd, .events = POLLIN },
		{ .fd = q->device->epoll_fd, .events = POLLIN },
	};
	uint64_t end_ns =
		clock_monotonic_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000;

	for (;;) {
		int left = timeout_ms < 0 ? -1 : ms_left(end_ns);
		bool more = loop_device_turn(q->device);
		int r = poll(fds, 2, more ? 0 : left);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && fds[0].revents)
			return 1;
		/* Once for each queue; the link's dispatch tells the application of it. */
		if (q->news_seen != q->link->n_news) {
			q->news_seen = q->link->n_news;
			return 1;
		}
		if (left == 0)
			return 0;
	}
}

static void clear_call(void *ctx)
{
	const struct loop_queue *q = ctx;

	notifier_clear(&q->call);
}

static int call_fd(void *ctx)
{
	const struct loop_queue *q = ctx;

	return q->call.fd;
}

static const struct queue_ops driver_queue_ops = {
	.notify = send_kick,
	.wait = wait_call,
	.clear = clear_call,
	.fd = call_fd,
};

static int set_queue(void *t, const struct queue_params *params, const struct queue_ops **ret_ops,
		     void **ret_ctx)
{
	struct loop_link *link = t;
	struct loop_queue *q = &link->queues[params->index];
	const char *why;
	int r = loop_queue_open(q);

	if (r < 0)
		return r;
	r = vri__instance_set_queue(instance_of(t), params, &why);
	if (r < 0) {
		loop_queue_close(q);
		return r;
	}
	*ret_ops = &driver_queue_ops;
	*ret_ctx = q;
	return 0;
}

static int reset_queue(void *t, unsigned queue)
{
	struct loop_link *link = t;
	const char *why;
	int r = vri__instance_reset_queue(instance_of(t), queue, &why);

	if (r == 0)
		loop_queue_close(&link->queues[queue]);
	else if (r == -EAGAIN)
		loop_device_turn(link->device);
	return r;
}

static void wake(void *t)
{
	loop_set_timer(t, 1);
}

const struct driver_transport loop_driver_transport = {
	.get_status = get_status,
	.set_status = set_status,
	.get_features = get_features,
	.set_features = set_features,
	.config_read = config_read,
	.config_write = config_write,
	.set_queue = set_queue,
	.reset_queue = reset_queue,
	.add_memory = add_memory,
	.remove_memory = remove_memory,
	.get_shared_memory = get_shared_memory,
	.wake = wake,
};
