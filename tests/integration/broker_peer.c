/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
#include "broker_peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define WAIT_MS 20000

/* ---- the broker ---- */

/* It says so through the socket of a service manager. */
static int make_manager(const char *path, struct sockaddr_un *ret_addr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret_addr->sun_path, sizeof(ret_addr->sun_path), "%s.n", path);
	t_sys(fd);
	t_sys(bind(fd, (struct sockaddr *)ret_addr, sizeof(*ret_addr)));
	return fd;
}

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, WAIT_MS) != 1)
		t_fail("nothing came for %d ms", WAIT_MS);
}

void broker_start(struct broker *broker, const char *path)
{
	struct sockaddr_un addr;
	int manager = make_manager(path, &addr);
	char text[128] = "";

	broker->path = path;
	broker->pid = fork();
	t_sys(broker->pid);
	if (broker->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("NOTIFY_SOCKET", addr.sun_path, 1);
		execl(VRINGD, "vringd", "--socket", path, (char *)NULL);
		_exit(127);
	}
	wait_readable(manager);
	t_sys(recv(manager, text, sizeof(text) - 1, 0));
	t_strstr(text, "READY=1");
	close(manager);
	unlink(addr.sun_path);
}

void broker_stop(struct broker *broker)
{
	int status;

	t_sys(kill(broker->pid, SIGTERM));
	t_eq(waitpid(broker->pid, &status, 0), broker->pid);
	t_eq(status, 0);
	t_eq(access(broker->path, F_OK), -1);
}

void broker_gone(struct broker *broker)
{
	t_eq(waitpid(broker->pid, NULL, 0), broker->pid);
}

/* ---- clients ---- */

int peer_connect(const struct broker *broker)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", broker->path);
	t_sys(fd);
	t_sys(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

bool peer_send_bytes(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control = { .bytes = { 0 } };

	if (n_fds) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	/* A broker that has hung up is no failure: what is read next says so. */
	return sendmsg(fd, &msg, MSG_NOSIGNAL) >= 0;
}

void peer_send(int fd, const struct broker_msg *msg)
{
	static uint8_t bytes[BROKER_PACKET_MAX];
	int len = broker_format(msg, bytes, sizeof(bytes));

	t_gt(len, 0);
	(void)peer_send_bytes(fd, bytes, (size_t)len, NULL, 0);
}

static void take_fds(struct msghdr *msg, struct parcel *ret)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		ret->n_fds = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		t_le(ret->n_fds, 4);
		memcpy(ret->fds, CMSG_DATA(cmsg), ret->n_fds * sizeof(int));
	}
}

bool peer_receive(int fd, struct parcel *ret)
{
	static uint8_t bytes[BROKER_PACKET_MAX];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	char control[CMSG_SPACE(sizeof(int) * 4)];
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const char *why = NULL;
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	wait_readable(fd);
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == ECONNRESET)
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	take_fds(&msg, ret);
	if (broker_parse(bytes, (size_t)n, &ret->msg, &why) < 0)
		t_fail("the broker sent what is no message: %s", why);
	why = broker_table_check(&ret->msg, BROKER_DAEMON, BROKER_OPEN_STATE, ret->n_fds);
	if (why)
		t_fail("the broker sent what it may not: %s", why);
	return true;
}

void peer_took(int fd, const struct parcel *parcel)
{
	struct broker_msg msg = { .kind = BROKER_TOOK };

	t_ne(parcel->msg.parcel, 0);
	msg.took.parcel = parcel->msg.parcel;
	peer_send(fd, &msg);
}

void parcel_drop(struct parcel *parcel)
{
	while (parcel->n_fds)
		close(parcel->fds[--parcel->n_fds]);
	broker_msg_free(&parcel->msg);
}

void peer_expect(int fd, enum broker_kind kind, struct parcel *ret)
{
	if (!peer_receive(fd, ret))
		t_fail("the broker hung up before %s", broker_kind_name(kind));
	t_streq(broker_kind_name(ret->msg.kind), broker_kind_name(kind));
}

void peer_expect_hang_up(int fd)
{
	struct parcel parcel;

	while (peer_receive(fd, &parcel))
		parcel_drop(&parcel);
}

int peer_ask(int fd, struct broker_msg *msg, struct parcel *ret_reply)
{
	static uint32_t token;

	msg->token = ++token;
	peer_send(fd, msg);
	peer_expect(fd, BROKER_REPLY, ret_reply);
	t_eq(ret_reply->msg.token, msg->token);
	return ret_reply->msg.reply.error;
}

static int ask(int fd, struct broker_msg *msg)
{
	struct parcel reply;
	int r = peer_ask(fd, msg, &reply);

	parcel_drop(&reply);
	return r;
}

int peer_hello(const struct broker *broker)
{
	struct broker_msg msg = { .kind = BROKER_HELLO };
	int fd = peer_connect(broker);

	msg.hello.version_min = 1;
	msg.hello.version_max = 7;
	strcpy(msg.hello.program, "test");
	t_ok(ask(fd, &msg));
	return fd;
}

int peer_register(int fd, const char *name)
{
	struct broker_msg msg = { .kind = BROKER_REGISTER };
	struct broker_device_info *info = &msg.registration.info;

	strcpy(info->name, name);
	strcpy(info->type, "org.example.type");
	info->device_id = 0x10001;
	info->n_queues = 2;
	info->queue_size_max = 256;
	return ask(fd, &msg);
}

int peer_withdraw(int fd, const char *name)
{
	struct broker_msg msg = { .kind = BROKER_WITHDRAW };

	strcpy(msg.withdraw.name, name);
	return ask(fd, &msg);
}

int peer_open(int fd, const char *name, struct parcel *ret_reply)
{
	struct broker_msg msg = { .kind = BROKER_OPEN };

	strcpy(msg.open.name, name);
	return peer_ask(fd, &msg, ret_reply);
}

uint64_t peer_stat(int fd, const char *name)
{
	struct broker_msg msg = { .kind = BROKER_STATS };
	struct parcel reply;
	uint64_t value = 0;
	bool found = false;

	t_ok(peer_ask(fd, &msg, &reply));
	for (unsigned i = 0; i < reply.msg.reply.n_stats; i++)
		if (strcmp(reply.msg.reply.stat[i].name, name) == 0) {
			value = reply.msg.reply.stat[i].value;
			found = true;
		}
	t_true(found);
	parcel_drop(&reply);
	return value;
}
