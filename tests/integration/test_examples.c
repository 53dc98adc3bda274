/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The example programs of the README, in C and in C++, each device with each driver. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"
#include "tmpdir.h"

extern char **environ;

struct pair {
	const char *device, *driver;
};

static const struct pair pairs[] = {
	{ EXAMPLE_DEVICE_C, EXAMPLE_DRIVER_C },
#ifdef EXAMPLE_DEVICE_CPP
	{ EXAMPLE_DEVICE_CPP, EXAMPLE_DRIVER_CPP },
	{ EXAMPLE_DEVICE_C, EXAMPLE_DRIVER_CPP },
	{ EXAMPLE_DEVICE_CPP, EXAMPLE_DRIVER_C },
#endif
};

/* Starts a program; *ret_out, unless NULL, is where its standard output can be read. */
static pid_t start(const char *const *argv, int *ret_out)
{
	posix_spawn_file_actions_t actions;
	int pipe_fds[2];
	pid_t pid;

	t_sys(pipe2(pipe_fds, O_CLOEXEC));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
	t_eq(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[1]);
	if (ret_out)
		*ret_out = pipe_fds[0];
	else
		close(pipe_fds[0]);
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	t_eq(waitpid(pid, &status, 0), pid);
	t_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs a driver to its end. Returns: its exit status; its output in @text. */
static int drive(const char *driver, const char *address, char *text, size_t size)
{
	const char *const argv[] = { driver, address, "hello, ring", NULL };
	size_t len = 0;
	ssize_t n;
	int out;
	pid_t pid = start(argv, &out);

	while ((n = read(out, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(out);
	return finish(pid);
}

TestEach(examples, driver_gets_its_text_back_in_capitals, pairs, struct pair)
{
	struct tmpdir dir;
	struct leaks leaks;
	char text[64] = "";

	leaks_begin(&leaks);
	tmpdir_open(&dir);
	const char *address = tmpdir_unix(&dir, "upper.sock");
	const char *const argv[] = { param->device, address, NULL };
	pid_t device = start(argv, NULL);

	/* The device says nothing when it is ready: ask until it answers, or this test's time is over. */
	while (drive(param->driver, address, text, sizeof(text)) != 0)
		t_eq(waitpid(device, NULL, WNOHANG), 0);
	t_streq(text, "HELLO, RING\n");

	t_sys(kill(device, SIGTERM));
	t_eq(finish(device), 0);
	t_eq(access(tmpdir_file(&dir, "upper.sock"), F_OK), -1);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

TestEach(examples, driver_without_a_device_fails_with_words, pairs, struct pair)
{
	struct tmpdir dir;
	char text[64];

	tmpdir_open(&dir);
	t_eq(drive(param->driver, tmpdir_unix(&dir, "nobody.sock"), text, sizeof(text)), 1);
	t_streq(text, "");
	tmpdir_close(&dir);
}
