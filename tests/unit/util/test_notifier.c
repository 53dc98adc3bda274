/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Notifiers: eventfds, pipes, and peers that misuse what both share. */
#include "util/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"

static const enum notifier_kind kinds[] = { NOTIFIER_EVENTFD, NOTIFIER_PIPE };

static void make_pair(enum notifier_kind kind, struct notifier *send, struct notifier *receive)
{
	int fd;

	t_ok(notifier_make(kind, send, &fd));
	t_ok(notifier_take(kind, fd, receive));
}

static bool is_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

TestEach(notifier, a_burst_arrives_and_is_emptied_at_once, kinds, enum notifier_kind)
{
	struct notifier send, receive;
	struct leaks leaks;

	leaks_begin(&leaks);
	make_pair(*param, &send, &receive);
	t_eq(notifier_clear(&receive), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			notifier_send(&send);
		t_true(is_readable(receive.fd));
		t_eq(notifier_clear(&receive), 1);
		t_false(is_readable(receive.fd));
		t_eq(notifier_clear(&receive), 0);
	}
	notifier_close(&send);
	notifier_close(&receive);
	leaks_check(&leaks);
}

TestEach(notifier, everything_is_close_on_exec, kinds, enum notifier_kind)
{
	struct notifier send, receive;

	make_pair(*param, &send, &receive);
	t_true(fcntl(send.fd, F_GETFD) & FD_CLOEXEC);
	t_true(fcntl(receive.fd, F_GETFD) & FD_CLOEXEC);
	t_true(fcntl(receive.fd, F_GETFL) & O_NONBLOCK);
}

Test(notifier, a_full_pipe_blocks_nobody)
{
	struct notifier send, receive;

	make_pair(NOTIFIER_PIPE, &send, &receive);
	for (int i = 0; i < 100000; i++)
		notifier_send(&send);
	t_eq(notifier_clear(&receive), 1);
}

Test(notifier, a_full_eventfd_blocks_nobody)
{
	struct notifier send, receive;
	uint64_t most = UINT64_MAX - 1;

	make_pair(NOTIFIER_EVENTFD, &send, &receive);
	t_sys(write(send.fd, &most, sizeof(most)));
	notifier_send(&send);
	t_eq(notifier_clear(&receive), 1);
}

/* faults: A29 D10 */
Test(notifier, a_peer_that_fills_a_pipe_and_clears_o_nonblock_blocks_nobody, .timeout = 20)
{
	struct notifier send;
	int peer;

	/* What the peer has is the receiving end; the sending end's open file is not shared. */
	t_ok(notifier_make(NOTIFIER_PIPE, &send, &peer));
	t_sys(fcntl(peer, F_SETFL, 0));
	for (int i = 0; i < 100000; i++)
		notifier_send(&send);
}

/* faults: A29 */
TestEach(notifier, clearing_does_not_rely_on_o_nonblock, kinds, enum notifier_kind)
{
	struct notifier send, receive;

	make_pair(*param, &send, &receive);
	/* A peer that kept a copy takes the flag off, and has drained it between our poll and our read. */
	t_sys(fcntl(receive.fd, F_SETFL, 0));
	t_eq(notifier_clear(&receive), 0);
	notifier_send(&send);
	t_eq(notifier_clear(&receive), 1);
	t_eq(notifier_clear(&receive), 0);
}

/* faults: D10 */
Test(notifier, a_reader_that_closed_raises_no_sigpipe)
{
	struct notifier send;
	int peer;

	t_ok(notifier_make(NOTIFIER_PIPE, &send, &peer));
	close(peer);
	t_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	notifier_send(&send);
	notifier_close(&send);
}

Test(notifier, a_pipe_whose_writer_closed_says_so)
{
	struct notifier send, receive;

	make_pair(NOTIFIER_PIPE, &send, &receive);
	notifier_send(&send);
	notifier_close(&send);
	t_eq(notifier_clear(&receive), 1);
	t_errno_eq(notifier_clear(&receive), -ECONNRESET);
}

Test(notifier, a_closed_one_does_nothing)
{
	struct notifier n = NOTIFIER_NONE;

	notifier_send(&n);
	t_eq(notifier_clear(&n), 0);
	notifier_close(&n);
	notifier_close(&n);
}

/* faults: C28 */
Test(notifier, only_the_right_kind_of_descriptor_is_taken)
{
	struct notifier n;
	int ends[2], sockets[2], event = eventfd(0, EFD_CLOEXEC),
				 file = open("/dev/null", O_RDWR | O_CLOEXEC);

	t_sys(pipe2(ends, O_CLOEXEC));
	t_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	t_errno_eq(notifier_take(NOTIFIER_EVENTFD, ends[0], &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_EVENTFD, sockets[0], &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_EVENTFD, file, &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_EVENTFD, -1, &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_PIPE, event, &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_PIPE, sockets[0], &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_PIPE, file, &n), -EINVAL);
	t_errno_eq(notifier_take(NOTIFIER_PIPE, ends[1], &n), -EINVAL); /* the writing end */
	t_errno_eq(notifier_take((enum notifier_kind)7, event, &n), -EINVAL);
	t_ok(notifier_take(NOTIFIER_EVENTFD, event, &n));
	t_ok(notifier_take(NOTIFIER_PIPE, ends[0], &n));
}

/* Of one write to it as many wake-ups would come as there are numbers. */
Test(notifier, an_eventfd_that_counts_down_is_not_taken)
{
	int fd = eventfd(2, EFD_CLOEXEC | EFD_SEMAPHORE);
	char path[32], info[512] = "";
	struct notifier n;
	FILE *f;

	t_sys(fd);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	t_not_null(f);
	t_gt(fread(info, 1, sizeof(info) - 1, f), 0);
	fclose(f);
	if (!strstr(info, "semaphore"))
		t_skip("this kernel does not tell");
	t_errno_eq(notifier_take(NOTIFIER_EVENTFD, fd, &n), -EINVAL);
	close(fd);
}

/* ---- kernels that know less: see the --wrap options of this test ---- */

static bool old_kernel, no_proc;

ssize_t __real_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	if (!old_kernel)
		return __real_preadv2(fd, iov, n, offset, flags);
	errno = EOPNOTSUPP;
	return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (!no_proc)
		return __real_open(path, flags, 0);
	errno = ENOENT;
	return -1;
}

/* faults: A29 */
Test(notifier, a_pipe_is_cleared_without_blocking_on_older_kernels, .timeout = 20)
{
	struct notifier send, receive;

	old_kernel = true;
	make_pair(NOTIFIER_PIPE, &send, &receive);
	t_sys(fcntl(receive.fd, F_SETFL, 0));
	t_eq(notifier_clear(&receive), 0);
	for (int i = 0; i < 5000; i++)
		notifier_send(&send);
	t_eq(notifier_clear(&receive), 1);
	t_false(is_readable(receive.fd));
	notifier_close(&send);
	t_errno_eq(notifier_clear(&receive), -ECONNRESET);
}

Test(notifier, an_eventfd_is_cleared_on_older_kernels)
{
	struct notifier send, receive;

	old_kernel = true;
	make_pair(NOTIFIER_EVENTFD, &send, &receive);
	t_eq(notifier_clear(&receive), 0);
	notifier_send(&send);
	t_eq(notifier_clear(&receive), 1);
}

Test(notifier, a_reader_that_closed_raises_no_sigpipe_without_proc)
{
	struct notifier send;
	struct leaks leaks;
	int peer;

	leaks_begin(&leaks);
	no_proc = true;
	t_ok(notifier_make(NOTIFIER_PIPE, &send, &peer));
	no_proc = false;
	close(peer);
	notifier_send(&send);
	notifier_close(&send);
	leaks_check(&leaks);
}
