/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the device's end sends, and what waits while the driver does not read.
 *
 * No request is taken while a reply waits, so one reply is the most there ever is; events that wait
 * are one of each kind. A driver that does not read stops its own link and nothing else.
 */
#include "shm_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

bool shm_output_is_pending(const struct shm_device *d)
{
	return d->pending.bytes || d->wants_changed || d->wants_needs_reset;
}

/* While something waits the socket is watched for room, and not for requests; its end always
 * shows. */
static int watch_for(struct shm_device *d)
{
	bool pending = shm_output_is_pending(d);
	struct epoll_event event = { .events = EPOLLRDHUP | (pending ? EPOLLOUT : EPOLLIN),
				     .data.u64 = SHM_TAG_CONTROL };

	return epoll_ctl(d->watch.epoll, EPOLL_CTL_MOD, d->watch.control, &event) < 0 ? -errno : 0;
}

static int keep(struct shm_device *d, const uint8_t *bytes, size_t len, int fd)
{
	d->pending.bytes = malloc(len);
	if (!d->pending.bytes)
		return -ENOMEM;
	memcpy(d->pending.bytes, bytes, len);
	d->pending.len = len;
	d->pending.fd = fd;
	return 0;
}

void shm_output_drop(struct shm_device *d)
{
	if (d->pending.bytes && d->pending.fd >= 0)
		close(d->pending.fd);
	free(d->pending.bytes);
	d->pending = (struct shm_reply){ .fd = -1 };
	d->wants_changed = false;
	d->wants_needs_reset = false;
}

int shm_output(struct shm_device *d, const struct wire_msg *msg, int fd)
{
	uint8_t bytes[VRI_CONFIG_MAX + 512];
	int len = wire_format(msg, bytes, sizeof(bytes));
	int r = len;

	if (r >= 0)
		r = sock_send(d->watch.control, bytes, (size_t)len, fd);
	if (r == 0)
		d->sent_fd = fd >= 0;
	if (r == -EAGAIN) {
		r = keep(d, bytes, (size_t)len, fd);
		if (r == 0)
			return watch_for(d);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* Events wait behind the reply, so that none overtakes what was said before it. */
static int send_event(struct shm_device *d, const struct wire_msg *msg)
{
	uint8_t bytes[512];
	int len = wire_format(msg, bytes, sizeof(bytes));
	int r;

	if (len < 0)
		return len;
	r = sock_send(d->watch.control, bytes, (size_t)len, -1);
	if (r == 0)
		d->sent_fd = false;
	return r;
}

static int flush_events(struct shm_device *d)
{
	struct wire_msg msg = { .kind = WIRE_NEEDS_RESET };
	int r = 0;

	if (d->wants_needs_reset) {
		memcpy(msg.needs_reset.words, d->needs_reset_words, sizeof(d->needs_reset_words));
		r = send_event(d, &msg);
		if (r < 0)
			return r;
		d->wants_needs_reset = false;
	}
	if (d->wants_changed) {
		msg.kind = WIRE_CONFIG_CHANGED;
		msg.config_changed.generation = d->changed_generation;
		r = send_event(d, &msg);
		if (r < 0)
			return r;
		d->wants_changed = false;
	}
	return 0;
}

static int flush_reply(struct shm_device *d)
{
	int r;

	if (!d->pending.bytes)
		return 0;
	r = sock_send(d->watch.control, d->pending.bytes, d->pending.len, d->pending.fd);
	if (r < 0)
		return r;
	d->sent_fd = d->pending.fd >= 0;
	if (d->pending.fd >= 0)
		close(d->pending.fd);
	free(d->pending.bytes);
	d->pending = (struct shm_reply){ .fd = -1 };
	return 0;
}

int shm_output_flush(struct shm_device *d)
{
	int r = flush_reply(d);

	if (r == 0)
		r = flush_events(d);
	if (r < 0 && r != -EAGAIN)
		return r;
	return watch_for(d);
}
