/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Packets to and from the broker. Nothing but name_connect() and name_ask() waits. */
#include "name_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker_path.h"
#include "transport/shm/shm_sock.h"
#include "util/clock.h"
#include "util/log.h"

void name_message_drop(struct name_message *message)
{
	while (message->n_fds)
		close(message->fds[--message->n_fds]);
	broker_msg_free(&message->msg);
}

/* ---- the connection ---- */

int name_connect(struct name_client *client, unsigned timeout_ms)
{
	char path[BROKER_PATH_MAX];
	int r = broker_path(path);

	if (r == 0)
		r = sock_connect(path, timeout_ms);
	if (r < 0)
		return r;
	client->fd = r;
	client->state = BROKER_NEW;
	return 0;
}

void name_disconnect(struct name_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

/* ---- packets ---- */

int name_send(struct name_client *client, struct broker_msg *msg)
{
	uint8_t bytes[4096];
	int len;

	if (broker_row(msg->kind)->token == BROKER_TOKEN_NEW) {
		client->token = client->token == UINT32_MAX - 1 ? 1 : client->token + 1;
		msg->token = client->token;
	}
	len = broker_format(msg, bytes, sizeof(bytes));
	if (len < 0)
		return len;
	return sock_send(client->fd, bytes, (size_t)len, -1);
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * NAME_FDS_MAX)];
};

static void take_fds(struct msghdr *msg, struct name_message *ret)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		/* The control buffer has no room for more. */
		ret->n_fds = (unsigned)(n < NAME_FDS_MAX ? n : NAME_FDS_MAX);
		memcpy(ret->fds, CMSG_DATA(cmsg), ret->n_fds * sizeof(int));
	}
}

/* Returns: the bytes; -EAGAIN; -ECONNRESET. */
static int receive_bytes(struct name_client *client, uint8_t *bytes, size_t size,
			 struct name_message *ret)
{
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	ret->n_fds = 0;
	do
		n = recvmsg(client->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	take_fds(&msg, ret);
	return n == 0 || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -ECONNRESET : (int)n;
}

static int take_apart(struct name_client *client, const uint8_t *bytes, int len,
		      struct name_message *ret)
{
	const char *why = NULL;

	if (broker_parse(bytes, (size_t)len, &ret->msg, &why) < 0) {
		vri__log(VRI_LOG_WARNING, "the broker: %s", why);
		return -ECONNRESET;
	}
	why = broker_table_check(&ret->msg, BROKER_DAEMON, client->state, ret->n_fds);
	if (why) {
		vri__log(VRI_LOG_WARNING, "the broker: %s", why);
		return -ECONNRESET;
	}
	return 0;
}

static int say_took(struct name_client *client, uint32_t parcel)
{
	struct broker_msg msg = { .kind = BROKER_TOOK };
	int r;

	msg.took.parcel = parcel;
	r = name_send(client, &msg);
	/* One small packet for each parcel, of which there is never more than one: it always fits. */
	return r == -EAGAIN ? -ECONNRESET : r;
}

int name_receive(struct name_client *client, struct name_message *ret_message)
{
	uint8_t *bytes = malloc(BROKER_PACKET_MAX);
	int r;

	memset(ret_message, 0, sizeof(*ret_message));
	if (!bytes)
		return -ENOMEM;
	r = receive_bytes(client, bytes, BROKER_PACKET_MAX, ret_message);
	if (r > 0)
		r = take_apart(client, bytes, r, ret_message);
	free(bytes);
	if (r == 0 && ret_message->msg.parcel)
		r = say_took(client, ret_message->msg.parcel);
	if (r < 0)
		name_message_drop(ret_message);
	return r;
}

/* ---- requests ---- */

static int wait_for(int fd, short events, uint64_t until_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_monotonic_ns();
	uint64_t ms = until_ns > now ? (until_ns - now + 999999) / 1000000 : 0;

	if (ms == 0)
		return -ETIMEDOUT;
	(void)poll(&p, 1, ms < INT_MAX ? (int)ms : INT_MAX);
	return 0;
}

int name_ask(struct name_client *client, struct broker_msg *msg, uint64_t until_ns,
	     void (*other)(void *data, struct name_message *message), void *data,
	     struct name_message *ret_reply)
{
	int r;

	memset(ret_reply, 0, sizeof(*ret_reply));
	while ((r = name_send(client, msg)) == -EAGAIN) {
		r = wait_for(client->fd, POLLOUT, until_ns);
		if (r < 0)
			return r;
	}
	while (r == 0) {
		r = name_receive(client, ret_reply);
		if (r == 0 && ret_reply->msg.kind == BROKER_REPLY) {
			/* A broker that is full says so before it has read anything. */
			if (ret_reply->msg.token == msg->token ||
			    ret_reply->msg.token == UINT32_MAX)
				return 0;
			name_message_drop(ret_reply);
		} else if (r == 0 && other) {
			other(data, ret_reply);
		} else if (r == 0) {
			name_message_drop(ret_reply);
		} else if (r == -EAGAIN) {
			r = wait_for(client->fd, POLLIN, until_ns);
		}
	}
	return r;
}

int name_hello(struct name_client *client, uint64_t until_ns)
{
	struct broker_msg msg = { .kind = BROKER_HELLO };
	struct name_message reply;
	int r;

	msg.hello.version_min = BROKER_VERSION;
	msg.hello.version_max = BROKER_VERSION;
	/* Of the program's name what is printable; it is for lists alone. */
	vri__text_clean(msg.hello.program, sizeof(msg.hello.program), program_invocation_short_name,
			strlen(program_invocation_short_name));
	r = name_ask(client, &msg, until_ns, NULL, NULL, &reply);
	if (r < 0)
		return r;
	r = reply.msg.reply.error;
	if (r < 0)
		vri__log(VRI_LOG_WARNING, "the broker: %s", reply.msg.reply.words);
	name_message_drop(&reply);
	if (r == 0)
		client->state = BROKER_OPEN_STATE;
	return r;
}
