/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The helpers of the tests themselves. */
#include "leaks.h"
#include "test.h"
#include "tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int prepared;

static void prepare(void)
{
	prepared = 1;
}

Test(checks, numbers_of_different_types_compare_by_value)
{
	t_eq((uint16_t)65535, 65535);
	t_ne(-1, UINT64_MAX);
	t_lt(-1, (size_t)0);
	t_gt(UINT64_MAX, INT64_MAX);
	t_le(INT64_MIN, INT64_MIN);
	t_ge((uint8_t)1, true);
}

Test(checks, text_bytes_and_pointers_compare)
{
	t_streq("one", "one");
	t_strstr("one two", "two");
	t_mem_eq("abc", "abd", 2);
	t_null(NULL);
	t_not_null("");
	t_ptr_eq(&prepared, &prepared);
}

Test(checks, results_compare_as_errno_values)
{
	t_errno_eq(-EPROTO, -EPROTO);
	t_ok(0);
	t_ok(3);
	t_sys(getpid());
}

Test(checks, init_runs_before_the_body, .init = prepare)
{
	t_eq(prepared, 1);
}

Test(checks, a_wanted_signal_passes, .signal = SIGKILL)
{
	kill(getpid(), SIGKILL);
}

Test(checks, a_wanted_exit_status_passes, .exit_code = 7)
{
	exit(7);
}

static const struct number_row {
	const char *text;
	int value;
} rows[] = {
	{ "1", 1 },
	{ "22", 22 },
	{ "333", 333 },
};

TestEach(checks, each_element_is_a_test, rows, struct number_row)
{
	t_eq(atoi(param->text), param->value);
}

Test(checks, a_failed_check_in_a_forked_process_ends_it_with_1)
{
	int status;
	pid_t pid = fork();

	t_sys(pid);
	if (pid == 0) {
		close(2);
		t_true(false);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_true(WIFEXITED(status));
	t_eq(WEXITSTATUS(status), 1);
}

Test(tmpdir, holds_files_and_is_removed)
{
	struct tmpdir dir;
	char path[sizeof(dir.path)];
	FILE *file;

	tmpdir_open(&dir);
	strcpy(path, dir.path);
	file = fopen(tmpdir_file(&dir, "a"), "w");
	t_not_null(file);
	fclose(file);
	t_sys(access(tmpdir_file(&dir, "a"), F_OK));
	t_strstr(tmpdir_unix(&dir, "s"), "unix:/");
	tmpdir_close(&dir);
	t_eq(access(path, F_OK), -1);
}

Test(leaks, nothing_changed_is_no_leak)
{
	struct leaks leaks;
	int fd;

	leaks_begin(&leaks);
	fd = open("/dev/null", O_RDONLY);
	t_sys(fd);
	close(fd);
	leaks_check(&leaks);
}

Test(leaks, a_file_is_the_same_under_another_name_and_no_other_under_its_own)
{
	char before_name[64], *before, *after, diff[1600];
	struct tmpdir dir;
	const char *path;
	int fd, other;

	tmpdir_open(&dir);
	path = tmpdir_file(&dir, "log");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	t_sys(fd);
	before = leaks_describe(getpid());
	t_sys(unlink(path));
	after = leaks_describe(getpid());
	t_false(leaks_differ(before, after, diff, sizeof(diff)));
	free(after);

	other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	t_sys(other);
	t_sys(dup3(other, fd, O_CLOEXEC));
	close(other);
	after = leaks_describe(getpid());
	t_true(leaks_differ(before, after, diff, sizeof(diff)));
	snprintf(before_name, sizeof(before_name), "- fd %d -> file ", fd);
	t_strstr(diff, before_name);
	t_strstr(diff, path);
	free(before);
	free(after);
	close(fd);
	tmpdir_close(&dir);
}

Test(leaks, fd_mapping_and_child_are_seen)
{
	char *before = leaks_describe(getpid()), *after, diff[1600], line[64];
	void *map;
	pid_t pid;
	int fd;

	fd = memfd_create("leak", MFD_CLOEXEC);
	t_sys(fd);
	t_sys(ftruncate(fd, 4096));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	t_true(map != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	t_sys(pid);

	after = leaks_describe(getpid());
	t_true(leaks_differ(before, after, diff, sizeof(diff)));
	snprintf(line, sizeof(line), "+ fd %d -> /memfd:leak", fd);
	t_strstr(diff, line);
	t_strstr(diff, "+ mapping ");
	snprintf(line, sizeof(line), "+ child %d", pid);
	t_strstr(diff, line);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(map, 4096);
	close(fd);
	free(before);
	free(after);
}
