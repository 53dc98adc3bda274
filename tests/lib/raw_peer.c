/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The control channel by hand: one end of a link that says exactly what a test wants, right or wrong. */
#include "raw_peer.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/memfd.h"

#define PATIENCE_MS 20000

/* ---- packets ---- */

static int make_socket(const char *path, struct sockaddr_un *ret_addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	t_sys(fd);
	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->sun_family = AF_UNIX;
	t_lt(strlen(path), sizeof(ret_addr->sun_path));
	strcpy(ret_addr->sun_path, path);
	return fd;
}

int raw_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd = make_socket(path, &addr);

	t_sys(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

int raw_listen(const char *path)
{
	struct sockaddr_un addr;
	int fd = make_socket(path, &addr);

	t_sys(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	t_sys(listen(fd, 8));
	return fd;
}

static void await_readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	t_eq(poll(&p, 1, PATIENCE_MS), 1);
}

int raw_accept(int listener)
{
	int fd;

	await_readable(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	t_sys(fd);
	return fd;
}

void raw_send_bytes(int fd, const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control;
	struct iovec iov = { (void *)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&control, 0, sizeof(control));
	if (n) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n);
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		t_true(errno == EPIPE || errno == ECONNRESET);
}

void raw_send(int fd, const struct wire_msg *msg, const int *fds, unsigned n)
{
	uint8_t bytes[VRI_CONFIG_MAX + 512];
	int len = wire_format(msg, bytes, sizeof(bytes));

	t_ok(len);
	raw_send_bytes(fd, bytes, (size_t)len, fds, n);
}

int raw_receive(int fd, struct wire_msg *ret_msg, int *ret_fd)
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
			      .msg_controllen = sizeof(control.bytes) };
	const char *why = "";
	ssize_t n;

	*ret_fd = -1;
	await_readable(fd);
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return 0;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	t_ok(wire_parse(bytes, (size_t)n, ret_msg, &why));
	return 1;
}

void raw_expect(int fd, enum wire_kind kind, struct wire_msg *ret_msg)
{
	int with;

	t_eq(raw_receive(fd, ret_msg, &with), 1);
	t_eq(with, -1);
	t_eq(ret_msg->kind, kind);
}

void raw_expect_refused(int fd, const char *words)
{
	struct wire_msg msg;
	int with;

	raw_expect(fd, WIRE_REFUSED, &msg);
	if (words)
		t_strstr(msg.refused.words, words);
	t_ne(msg.refused.words[0], 0);
	t_eq(raw_receive(fd, &msg, &with), 0);
}

void raw_expect_hang_up(int fd)
{
	struct wire_msg msg;
	int with;

	while (raw_receive(fd, &msg, &with) == 1)
		if (with >= 0)
			close(with);
}

/* ---- a driver ---- */

void raw_hello(struct raw_driver *r, const char *path)
{
	struct wire_msg msg = { .kind = WIRE_HELLO };

	memset(r, 0, sizeof(*r));
	r->region_fd = r->kick_fd = r->call_fd = -1;
	r->fd = raw_connect(path);
	msg.hello.version_min = msg.hello.version_max = WIRE_VERSION;
	raw_send(r->fd, &msg, NULL, 0);
	raw_expect(r->fd, WIRE_OFFER, &r->offer);
}

void raw_make_region(struct raw_driver *r)
{
	uint8_t link_id[16];
	void *base;

	memset(link_id, 0x42, sizeof(link_id));
	r->plan = (struct region_plan){ .n_queues = r->offer.offer.offer.n_queues,
					.queue_size = 16,
					.config_size = r->offer.offer.offer.config_size,
					.pool_size = 65536 };
	t_ok(vri__region_plan(&r->plan, link_id, &r->map));
	r->region_fd = memfd_make(REGION_MEMFD_NAME, r->map.size);
	t_ok(r->region_fd);
	t_ok(memfd_map(r->region_fd, 0, r->map.size, PROT_READ | PROT_WRITE, &base));
	r->base = base;
	vri__region_format(base, &r->map);
}

void raw_attach(struct raw_driver *r)
{
	struct wire_msg msg = { .kind = WIRE_ATTACH };

	memcpy(msg.attach.link_id, r->map.link_id, sizeof(msg.attach.link_id));
	msg.attach.region_size = r->map.size;
	msg.attach.notifier = r->offer.offer.notifier;
	raw_send(r->fd, &msg, &r->region_fd, 1);
	raw_expect(r->fd, WIRE_ATTACHED, &msg);
}

int raw_request(struct raw_driver *r, struct wire_msg *msg, const int *fds, unsigned n, int *ret_fd)
{
	uint32_t token = ++r->token;
	int with;

	msg->token = token;
	raw_send(r->fd, msg, fds, n);
	do {
		t_eq(raw_receive(r->fd, msg, &with), 1);
	} while (msg->kind != WIRE_REPLY);
	t_eq(msg->token, token);
	if (ret_fd)
		*ret_fd = with;
	else
		t_eq(with, -1);
	return msg->reply.error;
}

int raw_set_status(struct raw_driver *r, uint8_t status)
{
	struct wire_msg msg = { .kind = WIRE_SET_STATUS };
	int error;

	msg.set_status.status = status;
	error = raw_request(r, &msg, NULL, 0, NULL);
	return error ? error : msg.reply.status;
}

void raw_negotiate(struct raw_driver *r)
{
	struct vri_features version_1 = { { 0 } };

	vri_features_set(&version_1, VRI_F_VERSION_1);
	raw_negotiate_with(r, &version_1);
}

void raw_negotiate_with(struct raw_driver *r, const struct vri_features *acked)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };
	uint8_t status = VRI_STATUS_ACKNOWLEDGE;

	t_eq(raw_set_status(r, 0), 0);
	t_eq(raw_set_status(r, status), status);
	status |= VRI_STATUS_DRIVER;
	t_eq(raw_set_status(r, status), status);
	msg.set_features.features.set = *acked;
	t_eq(raw_request(r, &msg, NULL, 0, NULL), 0);
	status |= VRI_STATUS_FEATURES_OK;
	t_eq(raw_set_status(r, status), status);
}

/* A sending end of the agreed kind and the receiving one. */
static void make_kick(struct raw_driver *r, int *ret_receive)
{
	int ends[2];

	if (r->offer.offer.notifier == NOTIFIER_PIPE) {
		t_sys(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
		r->kick_fd = ends[1];
		*ret_receive = ends[0];
		return;
	}
	r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t_sys(r->kick_fd);
	*ret_receive = fcntl(r->kick_fd, F_DUPFD_CLOEXEC, 0);
}

void raw_set_queue(struct raw_driver *r, unsigned queue)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	struct region_queue_areas areas;
	int receive;

	vri__region_queue_areas(&r->map, &r->plan, queue, &areas);
	if (r->kick_fd >= 0)
		close(r->kick_fd);
	if (r->call_fd >= 0)
		close(r->call_fd);
	make_kick(r, &receive);
	msg.set_queue = (struct queue_params){ queue, r->plan.queue_size, areas.desc, areas.driver,
					       areas.device };
	t_eq(raw_request(r, &msg, &receive, 1, &r->call_fd), 0);
	t_ok(r->call_fd);
	close(receive);
}

void raw_run(struct raw_driver *r)
{
	uint8_t status = VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK |
			 VRI_STATUS_DRIVER_OK;

	t_eq(raw_set_status(r, status), status);
}

void raw_start(struct raw_driver *r, const char *path)
{
	raw_hello(r, path);
	raw_make_region(r);
	raw_attach(r);
	raw_negotiate(r);
	raw_set_queue(r, 0);
	raw_run(r);
}

void raw_close(struct raw_driver *r)
{
	int *fds[] = { &r->fd, &r->region_fd, &r->kick_fd, &r->call_fd };

	for (unsigned i = 0; i < 4; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	if (r->base)
		memfd_unmap(r->base, r->map.size);
	r->base = NULL;
}
