/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Wake-ups by eventfd and by pipe.
 *
 * O_NONBLOCK belongs to the open file, and whoever holds a descriptor of it can take it off. The sending end of a pipe
 * is never shared. A receiving end always could be, by a peer that kept a copy, so receiving does not rely on the flag:
 * it asks for this one read not to block.
 */
#include "util/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/compat.h"

#define CLEAR_CHUNK 4096
#define CLEAR_CHUNKS_MAX 16 /* together a pipe's usual capacity */

static int make_eventfd(struct notifier *ret_send, int *ret_receive_fd)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int copy;

	if (fd < 0)
		return -errno;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret_send = (struct notifier){ .kind = NOTIFIER_EVENTFD, .fd = fd, .keep_fd = -1 };
	*ret_receive_fd = copy;
	return 0;
}

/* A write to a pipe without a reader raises SIGPIPE, and no flag of write() can stop that on every kernel. So the
 * sender is a reader itself, by opening its end again for both; where there is no /proc it keeps a copy of the
 * other end. */
static int keep_reader(int ends[2], int *ret_keep_fd)
{
	char path[32];
	int both;

	*ret_keep_fd = -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	both = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (both >= 0) {
		close(ends[1]);
		ends[1] = both;
		return 0;
	}
	*ret_keep_fd = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	return *ret_keep_fd < 0 ? -errno : 0;
}

static int make_pipe(struct notifier *ret_send, int *ret_receive_fd)
{
	int ends[2], keep_fd, r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = keep_reader(ends, &keep_fd);
	if (r < 0) {
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	*ret_send = (struct notifier){ .kind = NOTIFIER_PIPE, .fd = ends[1], .keep_fd = keep_fd };
	*ret_receive_fd = ends[0];
	return 0;
}

int notifier_make(enum notifier_kind kind, struct notifier *ret_send, int *ret_receive_fd)
{
	switch (kind) {
	case NOTIFIER_EVENTFD:
		return make_eventfd(ret_send, ret_receive_fd);
	case NOTIFIER_PIPE:
		return make_pipe(ret_send, ret_receive_fd);
	}
	return -EINVAL;
}

static bool is_eventfd(int fd)
{
	char path[32], target[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") == 0;
}

/* One whose counter goes down by one with each read stays readable nearly for ever after one write: it would keep who
 * watches it awake, at no cost for who made it. Kernels before 6.5 do not tell. */
static bool is_semaphore(int fd)
{
	char path[32], text[512];
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	if (n < 0)
		return false;
	text[n] = '\0';
	return strstr(text, "eventfd-semaphore: 1") != NULL;
}

static bool is_readable_pipe(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && fstat(fd, &st) == 0 &&
	       S_ISFIFO(st.st_mode);
}

int notifier_take(enum notifier_kind kind, int receive_fd, struct notifier *ret_receive)
{
	bool right = kind == NOTIFIER_EVENTFD ?
			     is_eventfd(receive_fd) && !is_semaphore(receive_fd) :
		     kind == NOTIFIER_PIPE ? is_readable_pipe(receive_fd) :
					     false;
	int flags;

	if (!right)
		return -EINVAL;
	flags = fcntl(receive_fd, F_GETFL);
	if (flags < 0 || fcntl(receive_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(receive_fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;
	*ret_receive = (struct notifier){ .kind = kind, .fd = receive_fd, .keep_fd = -1 };
	return 0;
}

void notifier_send(const struct notifier *n)
{
	static const uint64_t one = 1;
	ssize_t r;

	if (n->fd < 0)
		return;
	/* A full counter or pipe (EAGAIN) is a wake-up that is already on its way. */
	do {
		r = write(n->fd, &one, n->kind == NOTIFIER_EVENTFD ? sizeof(one) : 1);
	} while (r < 0 && errno == EINTR);
}

/* As read(), never blocking. Kernels before 6.4 cannot promise that for a pipe with RWF_NOWAIT, but with vmsplice(). */
static ssize_t read_now(const struct notifier *n, void *buf, size_t size)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	ssize_t r = preadv2(n->fd, &iov, 1, -1, RWF_NOWAIT);

	if (r < 0 && errno == EOPNOTSUPP) {
		if (n->kind == NOTIFIER_PIPE)
			r = vmsplice(n->fd, &iov, 1, SPLICE_F_NONBLOCK);
		else
			r = read(n->fd, buf, size);
	}
	return r < 0 ? -errno : r;
}

int notifier_clear(const struct notifier *n)
{
	char buf[CLEAR_CHUNK];
	int got = 0;

	if (n->fd < 0)
		return 0;
	if (n->kind == NOTIFIER_EVENTFD)
		return read_now(n, buf, sizeof(uint64_t)) > 0;
	for (int i = 0; i < CLEAR_CHUNKS_MAX; i++) {
		ssize_t r = read_now(n, buf, sizeof(buf));

		if (r == 0)
			return got ? got : -ECONNRESET;
		if (r < 0)
			break;
		got = 1;
		if ((size_t)r < sizeof(buf))
			break;
	}
	return got;
}

void notifier_close(struct notifier *n)
{
	if (n->fd >= 0)
		close(n->fd);
	if (n->keep_fd >= 0)
		close(n->keep_fd);
	*n = (struct notifier){ .kind = n->kind, .fd = -1, .keep_fd = -1 };
}
