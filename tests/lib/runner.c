/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What both runners share: the folder of a run, its result, the length of a time-out. */
#include "runner.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tmpdir.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RUNNER_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNNER_SANITIZED 1
#endif

static char run_dir[TMPDIR_RUN_MAX];
static pid_t test_pid;

double test_timeout_scale(void)
{
	const char *text = getenv("VRI_TEST_TIMEOUT_SCALE");
	double scale = text ? strtod(text, NULL) : 0;

	if (scale <= 0)
		scale = 1;
#ifdef RUNNER_SANITIZED
	scale *= 10;
#endif
	return scale;
}

bool test_wipes_on_fork(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) < 0)
		return false;
	page[0] = 1;
	child = fork();
	if (child == 0)
		_exit(page[0]);
	waitpid(child, &status, 0);
	munmap(page, 4096);
	return child > 0 && status == 0;
}

double runner_timeout(double timeout)
{
	return (timeout > 0 ? timeout : RUNNER_TIMEOUT) * test_timeout_scale();
}

/*
 * The process that cleans up when the runner was killed: it is nobody's child, so that whoever kills
 * the runner and its children does not find it, and it waits for the end of the pipe that the runner
 * holds open by living.
 */
static void start_janitor(void)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid != 0) {
		close(ends[0]);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return;
	}
	setsid();
	if (fork() != 0)
		_exit(0);
	/* Holds nothing of the runner's open but its end of the pipe. */
	dup2(ends[0], 0);
	syscall(SYS_close_range, 1, ~0U, 0);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	tmpdir_remove(run_dir);
	_exit(0);
}

void runner_open_dir(void)
{
	const char *under = getenv("VRI_TEST_TMP");

	if (!under || strlen(under) + sizeof("/vri-XXXXXX") > sizeof(run_dir))
		under = "/tmp"; /* socket paths must stay below 108 bytes */
	snprintf(run_dir, sizeof(run_dir), "%s/vri-XXXXXX", under);
	if (!mkdtemp(run_dir)) {
		fprintf(stderr, "cannot make %s: %s\n", run_dir, strerror(errno));
		exit(2);
	}
	setenv("VRI_TEST_RUN_DIR", run_dir, 1);
	start_janitor();
}

void runner_close_dir(void)
{
	tmpdir_remove(run_dir);
}

int runner_report(const char *program, size_t passed, size_t failed, size_t skipped)
{
	const char *dir = getenv("VRI_TEST_RESULTS");
	const char *name = getenv("VRI_TEST_NAME");
	const char *base = strrchr(program, '/');
	char path[4096];
	FILE *file;

	printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
	fflush(stdout);
	if (dir) {
		snprintf(path, sizeof(path), "%s/%s", dir, name ? name : base ? base + 1 : program);
		file = fopen(path, "we");
		if (!file || fprintf(file, "%zu %zu %zu\n", passed, failed, skipped) < 0 ||
		    fclose(file) != 0) {
			fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
			return 2;
		}
	}
	return failed ? 1 : 0;
}

/* Runs again in the process that Criterion executes for each test. */
__attribute__((constructor)) void runner_enter_test(void)
{
	test_pid = getpid();
}

bool runner_in_forked_child(void)
{
	return getpid() != test_pid;
}

bool runner_in_main_thread(void)
{
	return syscall(SYS_gettid) == getpid();
}
