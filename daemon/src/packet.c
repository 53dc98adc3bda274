/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Packets, and who is at the other end. */
#include "packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/compat.h"

int packet_receive(int fd, void *bytes, size_t size)
{
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	do
		r = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	/* The kernel has closed what came along. */
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	return r == 0 ? -ECONNRESET : (int)r;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
};

static void put_fds(struct msghdr *msg, union control *control, const int *fds, unsigned n_fds)
{
	struct cmsghdr *cmsg;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	/* -Wanalyzer-null-dereference: there is room for it */
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
}

int packet_send(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (n_fds)
		put_fds(&msg, &control, fds, n_fds);
	for (;;) {
		if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EPIPE || errno == ENOTCONN)
			return -ECONNRESET;
		if (errno != EINTR)
			return -errno;
	}
}

void packet_refuse_fds(int fd)
{
	int off = 0;

	/* Older kernels do without: a receive that has no room for them drops them. */
	(void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

static int peer_pidfd(int fd, pid_t pid, int *ret_pidfd)
{
	socklen_t len = sizeof(*ret_pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, ret_pidfd, &len) == 0)
		return 0;
	*ret_pidfd = -1;
	/* EINVAL, ESRCH: it has ended already, which the hang-up will say. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return -errno;
	if (errno != ENOPROTOOPT)
		return 0;
	/* Before Linux 6.5 there is only the number, which may have been given to another by now. */
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return 0;
}

int packet_peer(int fd, struct peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_peer = (struct peer){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
	return peer_pidfd(fd, cred.pid, &ret_peer->pidfd);
}
