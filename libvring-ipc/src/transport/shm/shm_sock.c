/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Packets and peers of the control channel; shm_path.c has what concerns the socket's file. */
#include "shm_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "util/compat.h"

/* A device that answers and is not read keeps no more than this in the kernel. The longest packet
 * has a config space in it, and a queue of answers is never longer than one. The kernel doubles it. */
#define SNDBUF 16384

static void set_sndbuf(int fd)
{
	int size = SNDBUF;

	/* A failure leaves the larger default, which is no error. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int sock_accept(int fd)
{
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (accepted < 0)
		return -errno;
	set_sndbuf(accepted);
	return accepted;
}

/* ---- who is there ---- */

static int peer_pidfd(int fd, pid_t pid)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	/* SO_PEERPIDFD (Linux 6.5) names the process itself. By its number a process that ended just
	 * now, and whose number was given to another, would be mistaken: older kernels have no
	 * better. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT && errno != EINVAL)
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pidfd < 0 ? -1 : pidfd;
}

int sock_peer(int fd, struct sock_peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	ret_peer->uid = cred.uid;
	ret_peer->pid = cred.pid;
	ret_peer->pidfd = peer_pidfd(fd, cred.pid);
	return 0;
}

/* ---- packets ---- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
};

int sock_send(int fd, const void *bytes, size_t len, int with)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	if (with >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &with, sizeof(with));
	}
	for (;;) {
		if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EPIPE || errno == ENOTCONN)
			return -ECONNRESET;
		if (errno != EINTR)
			return -errno;
	}
}

/* Finds the descriptors beside a packet. The kernel installs no more of them than the room that it
 * is given, which CMSG_LEN() counts exactly and CMSG_SPACE(), with its padding, does not. */
static void take_fds(struct msghdr *msg, struct sock_packet *packet)
{
	struct cmsghdr *cmsg;

	packet->n_fds = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t n;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		/* The control buffer has no room for more, and the kernel writes no more into it. */
		if (n > SOCK_FDS_MAX)
			n = SOCK_FDS_MAX;
		memcpy(packet->fds, CMSG_DATA(cmsg), n * sizeof(int));
		packet->n_fds = (unsigned)n;
	}
}

int sock_recv(int fd, struct sock_packet *ret_packet, const char **ret_why)
{
	struct iovec iov = { .iov_base = ret_packet->bytes, .iov_len = sizeof(ret_packet->bytes) };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_LEN(sizeof(int) * SOCK_FDS_MAX) };
	ssize_t r;

	ret_packet->n_fds = 0;
	/* A peer that closes with something unread makes one call fail with ECONNRESET; what it had
	 * said before, its reasons say, comes with the next. */
	for (int i = 0; i < 2; i++) {
		do
			r = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		while (r < 0 && errno == EINTR);
		if (r >= 0 || errno != ECONNRESET)
			break;
	}
	if (r < 0)
		return errno == EAGAIN ? -EAGAIN : -ECONNRESET;

	take_fds(&msg, ret_packet);
	ret_packet->len = (size_t)r;
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		sock_drop_fds(ret_packet);
		*ret_why = msg.msg_flags & MSG_TRUNC ?
				   "a message of more than 64 KiB" :
				   "more descriptors than a message may have, or than fit here";
		return -EPROTO;
	}
	if (r == 0) {
		sock_drop_fds(ret_packet);
		return -ECONNRESET;
	}
	return 1;
}

void sock_drop_fds(struct sock_packet *packet)
{
	while (packet->n_fds)
		close(packet->fds[--packet->n_fds]);
}

int sock_unread(int fd)
{
	int bytes;

	return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? 0 : bytes;
}
