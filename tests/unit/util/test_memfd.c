/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sealed memory: made, checked, mapped. */
#include "util/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"
#include "util/compat.h"
#include "util/fork_guard.h"

#define SIZE 16384

static int make(void)
{
	int fd = memfd_make("test", SIZE);

	t_ok(fd);
	return fd;
}

/* faults: C17 C18 */
Test(memfd, is_sealed_against_every_change_of_size_and_seals)
{
	int fd = make();

	t_eq(ftruncate(fd, SIZE / 2), -1);
	t_eq(errno, EPERM);
	t_eq(ftruncate(fd, SIZE * 2), -1);
	t_eq(errno, EPERM);
	t_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	t_eq(errno, EPERM);
}

/* faults: F5 */
Test(memfd, has_its_pages_and_mode_0600_and_closes_on_exec)
{
	struct stat st;
	int fd = make();

	t_sys(fstat(fd, &st));
	t_eq(st.st_size, SIZE);
	t_eq(st.st_blocks * 512, SIZE);
	t_eq(st.st_mode & 07777, 0600);
	t_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(memfd, is_zero_and_shared_between_its_mappings)
{
	uint8_t *a, *b;
	void *base;
	int fd = make();

	t_ok(memfd_map(fd, 0, SIZE, PROT_READ | PROT_WRITE, &base));
	a = base;
	t_ok(memfd_map(fd, 4096, 4096, PROT_READ, &base));
	b = base;
	for (unsigned i = 0; i < SIZE; i++)
		t_eq(a[i], 0);
	a[4096 + 17] = 9;
	t_eq(b[17], 9);
	memfd_unmap(a, SIZE);
	memfd_unmap(b, 4096);
	memfd_unmap(NULL, 1);
}

Test(memfd, absurd_sizes_are_refused)
{
	struct leaks leaks;
	void *base;
	int fd;

	leaks_begin(&leaks);
	t_errno_eq(memfd_make("test", 0), -EINVAL);
	t_errno_eq(memfd_make("test", UINT64_MAX), -EINVAL);
	t_errno_eq(memfd_make("test", INT64_MAX), -ENOMEM);
	t_errno_eq(memfd_make("test", UINT64_C(1) << 46), -ENOMEM);
	fd = make();
	t_errno_eq(memfd_map(fd, 0, 0, PROT_READ, &base), -EINVAL);
	t_errno_eq(memfd_map(fd, UINT64_MAX, 1, PROT_READ, &base), -EINVAL);
	close(fd);
	leaks_check(&leaks);
}

Test(memfd, is_not_there_in_a_child)
{
	struct fork_guard guard;
	int status, fd = make();
	void *base;
	pid_t pid;

	t_ok(fork_guard_init(&guard));
	t_true(fork_guard_is_ours(&guard));
	t_ok(memfd_map(fd, 0, SIZE, PROT_READ | PROT_WRITE, &base));
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		unsigned char vec[4];

		_exit(mincore(base, SIZE, vec) == -1 && errno == ENOMEM &&
				      !fork_guard_is_ours(&guard) ?
			      0 :
			      1);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	t_true(fork_guard_is_ours(&guard));
	fork_guard_fini(&guard);
	fork_guard_fini(&guard);
}

/* faults: D1 */
Test(memfd, only_a_memfd_passes_the_check)
{
	const char *why;
	int ends[2], sockets[2];
	FILE *file = tmpfile();

	t_not_null(file);
	t_sys(pipe(ends));
	t_sys(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	t_sys(ftruncate(fileno(file), SIZE));
	t_errno_eq(memfd_check(fileno(file), 0, SIZE, false, &why), -EINVAL);
	t_errno_eq(memfd_check(ends[0], 0, SIZE, false, &why), -EINVAL);
	t_errno_eq(memfd_check(sockets[0], 0, SIZE, false, &why), -EINVAL);
	t_errno_eq(memfd_check(-1, 0, SIZE, false, &why), -EINVAL);
	t_ok(memfd_check(make(), 0, SIZE, true, &why));
}

struct seal_case {
	int seals;
	bool passes, passes_sealed;
};

static const struct seal_case seal_cases[] = {
	{ 0, false, false },
	{ F_SEAL_SHRINK, false, false },
	{ F_SEAL_GROW, false, false },
	{ F_SEAL_SEAL, false, false },
	{ F_SEAL_SHRINK | F_SEAL_SEAL, false, false },
	{ F_SEAL_SHRINK | F_SEAL_GROW, true, false },
	{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, true, true },
	{ F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE, true, true },
};

/* faults: D2 */
TestEach(memfd, the_seals_are_checked_by_mask, seal_cases, struct seal_case)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const char *why = NULL;

	t_sys(fd);
	t_sys(ftruncate(fd, SIZE));
	if (param->seals)
		t_sys(fcntl(fd, F_ADD_SEALS, param->seals));
	t_eq(memfd_check(fd, 0, SIZE, false, &why) == 0, param->passes);
	t_eq(memfd_check(fd, 0, SIZE, true, &why) == 0, param->passes_sealed);
}

struct range_case {
	uint64_t offset, size;
	bool passes;
};

static const struct range_case ranges[] = {
	{ 0, SIZE, true },	     { 0, SIZE + 1, false },
	{ 4096, SIZE - 4096, true }, { 4096, SIZE - 4095, false },
	{ SIZE, 1, false },	     { 0, 0, false },
	{ UINT64_MAX, 1, false },    { UINT64_MAX - 4095, 4096, false },
	{ 1, UINT64_MAX, false },
};

/* faults: D3 */
TestEach(memfd, what_is_smaller_than_announced_is_refused, ranges, struct range_case)
{
	const char *why = NULL;

	t_eq(memfd_check(make(), param->offset, param->size, true, &why) == 0, param->passes);
}

/* faults: D3 */
Test(memfd, huge_pages_are_refused)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	const char *why = "";

	if (fd < 0 || ftruncate(fd, 2 << 20) < 0)
		t_skip("no huge pages here");
	t_sys(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	t_errno_eq(memfd_check(fd, 0, 4096, true, &why), -EINVAL);
	t_strstr(why, "huge");
}

/* ---- kernels that know less, and calls that fail: see the --wrap options of this test ---- */

static bool no_noexec;
static int fallocate_interrupted, fallocate_error, memfd_create_error;
static off_t fallocate_at_most;
static int fchmod_error;

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
	if (memfd_create_error || (no_noexec && (flags & MFD_NOEXEC_SEAL))) {
		errno = memfd_create_error ? memfd_create_error : EINVAL;
		return -1;
	}
	return __real_memfd_create(name, flags);
}

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fallocate_interrupted > 0) {
		fallocate_interrupted--;
		errno = EINTR;
		return -1;
	}
	if (fallocate_at_most && len > fallocate_at_most) {
		errno = EINTR;
		return -1;
	}
	if (fallocate_error) {
		errno = fallocate_error;
		return -1;
	}
	return __real_fallocate(fd, mode, offset, len);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
	if (fchmod_error) {
		errno = fchmod_error;
		return -1;
	}
	return __real_fchmod(fd, mode);
}

Test(memfd, a_kernel_without_noexec_will_do)
{
	const char *why;
	int fd;

	no_noexec = true;
	fd = make();
	t_ok(memfd_check(fd, 0, SIZE, true, &why));
}

/* faults: E19 */
Test(memfd, a_signal_does_not_stop_the_allocation)
{
	fallocate_interrupted = 5;
	close(make());
	t_eq(fallocate_interrupted, 0);
}

/* A profiler's timer, on a machine that is slow: no call gets further than this before the next signal. */
Test(memfd, a_timer_that_is_fast_does_not_keep_it_for_ever, .timeout = 20)
{
	int fd;

	fallocate_at_most = 100000;
	fd = memfd_make("test", 100 << 20);
	t_ok(fd);
	close(fd);
}

/* faults: E19 F5 */
Test(memfd, a_full_memory_is_an_error_and_leaks_nothing)
{
	struct leaks leaks;

	leaks_begin(&leaks);
	fallocate_error = ENOSPC;
	t_errno_eq(memfd_make("test", SIZE), -ENOSPC);
	fallocate_error = 0;
	fchmod_error = EPERM;
	t_errno_eq(memfd_make("test", SIZE), -EPERM);
	leaks_check(&leaks);
}

/* faults: E19 */
Test(memfd, no_descriptor_left_is_an_error)
{
	memfd_create_error = EMFILE;
	t_errno_eq(memfd_make("test", SIZE), -EMFILE);
}

static bool no_meminfo;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	if (no_meminfo)
		return NULL;
	return __real_fopen(path, mode);
}

/* faults: F5 */
Test(memfd, absurd_sizes_are_refused_without_proc)
{
	no_meminfo = true;
	t_errno_eq(memfd_make("test", INT64_MAX), -ENOMEM);
	close(make());
}
