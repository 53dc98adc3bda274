/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Packets, notifiers and the raw queue of a hostile process. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void rig_sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

void rig_init(struct rig *r, const struct role *role)
{
	*r = (struct rig){ .role = role,
			   .board = role->board,
			   .random = { role->seed },
			   .fd = -1,
			   .region_fd = -1,
			   .send_fd = -1,
			   .receive_fd = -1 };
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void rig_close(struct rig *r)
{
	close_fd(&r->fd);
	close_fd(&r->region_fd);
	close_fd(&r->send_fd);
	close_fd(&r->receive_fd);
	if (r->base)
		munmap(r->base, r->map.size);
	r->base = NULL;
	r->p = (struct mock_packed){ .size = 0 };
	r->is_over = r->needs_reset = false;
}

/* ---- packets ---- */

void rig_send_bytes(struct rig *r, const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control;
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n);
	}
	/* A full socket: what is said is lost, which is as good as anything. */
	if (sendmsg(r->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
		r->is_over = true;
}

void rig_send(struct rig *r, const struct wire_msg *msg, const int *fds, unsigned n)
{
	uint8_t bytes[VRI_CONFIG_MAX + 512];
	int len = wire_format(msg, bytes, sizeof(bytes));

	if (len >= 0)
		rig_send_bytes(r, bytes, (size_t)len, fds, n);
}

static void note(struct rig *r, const struct wire_msg *msg)
{
	if (msg->kind == WIRE_REFUSED)
		board_say(r->board, SIDE_TOLD, msg->refused.words);
	if (msg->kind == WIRE_REPLY && msg->reply.error)
		board_say(r->board, SIDE_TOLD, msg->reply.words);
	if (msg->kind == WIRE_NEEDS_RESET)
		r->needs_reset = true;
}

int rig_receive(struct rig *r, struct wire_msg *ret_msg, int *ret_fd, int timeout_ms)
{
	static uint8_t bytes[WIRE_PACKET_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_LEN(sizeof(int)) };
	struct pollfd p = { r->fd, POLLIN, 0 };
	const char *why = "";
	ssize_t n;

	*ret_fd = -1;
	if (r->is_over || r->fd < 0)
		return -1;
	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	n = recvmsg(r->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	/* Who closes with something unread breaks one read; what it said comes with the next. */
	if (n < 0 && errno == ECONNRESET)
		n = recvmsg(r->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n <= 0) {
		r->is_over = true;
		return -1;
	}
	if (CMSG_FIRSTHDR(&msg))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	if (wire_parse(bytes, (size_t)n, ret_msg, &why) < 0) {
		board_fail(r->board, "an honest process says nonsense: %s", why);
		return -1;
	}
	note(r, ret_msg);
	return 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rig_drain(struct rig *r, unsigned ms)
{
	uint64_t end = now_ms() + ms, now;
	struct wire_msg msg;
	int fd, got;

	/* Config changes come all the time. */
	do {
		now = now_ms();
		got = rig_receive(r, &msg, &fd, now < end ? (int)(end - now) : 0);
		if (fd >= 0)
			close(fd);
	} while (got >= 0 && (got > 0 || now < end));
}

/* ---- the queue ---- */

void rig_map_queue(struct rig *r, unsigned size)
{
	struct mock_ring *ring = &r->p.ring;

	*ring = (struct mock_ring){
		.size = size,
		.bytes = r->map.size,
		.base = r->base,
		.desc = (void *)(r->base + r->areas.desc),
		.avail = (void *)(r->base + r->areas.driver),
		.used = (void *)(r->base + r->areas.device),
		.tables = r->areas.tables ? (void *)(r->base + r->areas.tables) : NULL,
		.pool = r->base + r->map.pool.offset,
	};
	r->p.size = size;
	r->p.desc = (void *)ring->desc;
	r->p.driver_event = (void *)ring->avail;
	r->p.device_event = (void *)ring->used;
	r->p.avail = r->p.used = (struct mock_place){ 0, true };
}

int rig_make_notifier(struct rig *r)
{
	int ends[2];

	close_fd(&r->send_fd);
	if (r->notifier == NOTIFIER_PIPE) {
		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
			return -1;
		r->send_fd = ends[1];
		return ends[0];
	}
	r->send_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r->send_fd < 0 ? -1 : fcntl(r->send_fd, F_DUPFD_CLOEXEC, 0);
}

void rig_notify(struct rig *r)
{
	static const uint64_t one = 1;

	if (r->send_fd >= 0)
		(void)!write(r->send_fd, &one, r->notifier == NOTIFIER_PIPE ? 1 : sizeof(one));
}
