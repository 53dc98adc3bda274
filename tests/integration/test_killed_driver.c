/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Drivers are killed while they use a disk, at moments that the seed decides: in the middle of the
 * set-up, or with requests under way. The disk's other drivers must not notice, and the server must
 * hold afterwards what it held before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "test.h"

#define KILLS 50
#define PART (4u << 20) /* bytes of the disk for each driver */
#define PATIENCE_MS 30000
#define BEFORE_READY_NS 6000000 /* a set-up is over by then, on an idle machine */
#define AFTER_READY_NS 3000000

extern char **environ;

struct worker {
	pid_t pid;
	int in, out;
};

static void worker_start(struct worker *w, struct harness *h, unsigned part, uint64_t seed)
{
	char offset[32], length[32], seed_text[32];
	const char *argv[] = { BLK_WORKER, h->address, offset, length, seed_text, NULL };
	posix_spawn_file_actions_t actions;
	int in[2], out[2];

	snprintf(offset, sizeof(offset), "%u", part * PART);
	snprintf(length, sizeof(length), "%u", PART);
	snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)seed);
	t_sys(pipe2(in, O_CLOEXEC));
	t_sys(pipe2(out, O_CLOEXEC));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	t_eq(posix_spawn(&w->pid, argv[0], &actions, NULL, (char **)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	w->in = in[1];
	w->out = out[0];
}

/* Returns: what it says next, a line. */
static const char *worker_line(const struct worker *w, char line[64])
{
	size_t n = 0;

	while (n < 63) {
		struct pollfd fd = { .fd = w->out, .events = POLLIN };

		t_eq(poll(&fd, 1, PATIENCE_MS), 1);
		if (read(w->out, line + n, 1) != 1)
			break;
		if (line[n++] == '\n')
			break;
	}
	line[n] = '\0';
	return line;
}

static void worker_close(struct worker *w)
{
	close(w->in);
	close(w->out);
}

/* Its part was right from the first request to the last. */
static void worker_end(struct worker *w)
{
	char line[64];
	int status;

	close(w->in);
	w->in = -1;
	t_gt(strtoul(worker_line(w, line), NULL, 10), 0);
	t_sys(waitpid(w->pid, &status, 0));
	t_true(WIFEXITED(status));
	t_eq(WEXITSTATUS(status), 0);
	close(w->out);
}

static void worker_kill(struct worker *w)
{
	int status;

	t_sys(kill(w->pid, SIGKILL));
	t_sys(waitpid(w->pid, &status, 0));
	t_true(WIFSIGNALED(status));
	worker_close(w);
}

static void pause_ns(uint64_t ns)
{
	struct timespec span = { 0, (long)ns };

	nanosleep(&span, NULL);
}

/* The server learns of a death from the kernel: soon, but not at once. */
static void wait_until_it_holds(const struct harness *h, const char *before)
{
	char diff[4096];

	for (int i = 0; i < PATIENCE_MS; i++) {
		char *now = leaks_describe(h->server);
		bool differs = leaks_differ(before, now, diff, sizeof(diff));

		free(now);
		if (!differs)
			return;
		pause_ns(1000000);
	}
	t_fail("the server does not hold what it held before:\n%s", diff);
}

typedef const char *engine_text;
static const engine_text engines[] = { "io=uring", "io=sync" };

TestEach(killed_driver, others_and_the_server_do_not_notice, engines, engine_text, .timeout = 120)
{
	struct worker steady[2], victim;
	char options[256], line[64], *before;
	struct harness h;
	struct dice dice;

	dice_seed(&dice);
	harness_begin(&h, "unix:");
	snprintf(options, sizeof(options), "path=%s %s", harness_file(&h, "image", 3 * PART),
		 *param);
	harness_serve(&h, "blk", options);
	for (unsigned i = 0; i < 2; i++) {
		worker_start(&steady[i], &h, i, dice_throw(&dice));
		t_streq(worker_line(&steady[i], line), "ready\n");
	}
	before = leaks_describe(h.server);
	for (int i = 0; i < KILLS; i++) {
		worker_start(&victim, &h, 2, dice_throw(&dice));
		if (i % 2) {
			t_streq(worker_line(&victim, line), "ready\n");
			pause_ns(dice_below(&dice, AFTER_READY_NS));
		} else {
			pause_ns(dice_below(&dice, BEFORE_READY_NS));
		}
		worker_kill(&victim);
		wait_until_it_holds(&h, before);
	}
	free(before);
	for (unsigned i = 0; i < 2; i++)
		worker_end(&steady[i]);
	harness_end(&h);
}
