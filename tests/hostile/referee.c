/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The referee of a hostile run: starts the honest processes, watches that they go on, and looks at what they hold. */
#include "referee.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"

/* A loop that has not gone round for so long hangs; time limits of links are far below. */
#define HANG_MS 20000u
#define SETTLE_MS 20000u
/* What an honest process may have allocated in addition, after thousands of links. */
#define MEMORY_SLACK 65536u

uint64_t referee_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

bool referee_check(struct referee *f, bool ok, const char *format, ...)
{
	va_list args;

	if (ok) {
		f->passed++;
		return true;
	}
	f->failed++;
	va_start(args, format);
	printf("FAILED: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	return false;
}

/* ---- processes ---- */

pid_t referee_start(struct referee *f, const char *name, const struct role *role, bool hush)
{
	char board[16], seed[32], number[16];
	pid_t pid;

	snprintf(board, sizeof(board), "%d", f->board_fd);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)role->seed);
	snprintf(number, sizeof(number), "%u", role->number);
	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (hush) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		close(null);
	}
	execl("/proc/self/exe", "hostile", "--be", name, "--board", board, "--dir", f->dir,
	      "--seed", seed, "--number", number, role->packed ? "--packed" : "--split",
	      role->name ? "--rule" : NULL, role->name, NULL);
	_exit(127);
}

int referee_end(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

static bool all_move(const struct board *b, uint64_t at_least)
{
	for (unsigned i = 0; i < GOOD_LINKS; i++)
		if (atomic_load(&b->good[i]) < at_least)
			return false;
	return true;
}

static bool bad_links_are_idle(const struct board *b)
{
	for (unsigned i = 0; i < BAD_LINKS; i++)
		if (!atomic_load(&b->bad_is_idle[i]))
			return false;
	return true;
}

static bool is_measured(struct referee *f)
{
	unsigned wanted = atomic_load(&f->board->measure);

	return atomic_load(&f->board->measured[SIDE_DEVICE]) == wanted &&
	       atomic_load(&f->board->measured[SIDE_DRIVER]) == wanted;
}

static void measure(struct referee *f, uint64_t *ret)
{
	uint64_t end = referee_now_ms() + SETTLE_MS;

	atomic_fetch_add(&f->board->measure, 1);
	while (!is_measured(f) && referee_now_ms() < end)
		pause_ms(5);
	ret[SIDE_DEVICE] = atomic_load(&f->board->memory[SIDE_DEVICE]);
	ret[SIDE_DRIVER] = atomic_load(&f->board->memory[SIDE_DRIVER]);
}

bool referee_begin(struct referee *f)
{
	struct role role = { .seed = f->seed };
	uint64_t end = referee_now_ms() + SETTLE_MS * board_patience();

	/* Until they were looked at they meet nobody hostile. */
	atomic_store(&f->board->stop_bad, true);
	f->device = referee_start(f, "device", &role, false);
	while (!atomic_load(&f->board->device_is_ready) && referee_now_ms() < end &&
	       !atomic_load(&f->board->has_failed))
		pause_ms(5);
	f->driver = referee_start(f, "driver", &role, false);
	while ((!all_move(f->board, 200) || !bad_links_are_idle(f->board)) &&
	       referee_now_ms() < end && !atomic_load(&f->board->has_failed))
		pause_ms(5);
	if (!referee_check(f, all_move(f->board, 200), "the good links do not come to life"))
		return false;
	f->held[SIDE_DEVICE] = leaks_describe(f->device);
	f->held[SIDE_DRIVER] = leaks_describe(f->driver);
	measure(f, f->memory);
	f->ups = atomic_load(&f->board->hostile_links);
	atomic_store(&f->board->stop_bad, false);
	return true;
}

/* ---- watching ---- */

static bool is_alive(struct referee *f, pid_t *pid, const char *who)
{
	int status;

	if (*pid <= 0 || waitpid(*pid, &status, WNOHANG) != *pid)
		return *pid > 0;
	if (WIFSIGNALED(status))
		referee_check(f, false, "the honest %s died of signal %d (%s)", who,
			      WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		referee_check(f, false, "the honest %s ended with status %d", who,
			      WEXITSTATUS(status));
	*pid = 0;
	return false;
}

static void show_file(pid_t pid, const char *name)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("  %s: %s%s", name, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

static bool goes_round(struct referee *f, enum loop loop, uint64_t now)
{
	unsigned beats = atomic_load_explicit(&f->board->beats[loop], memory_order_relaxed);
	pid_t pid = loop == LOOP_DEVICE ? f->device : f->driver;

	if (beats != f->beats[loop] || !f->since_ms[loop]) {
		f->beats[loop] = beats;
		f->since_ms[loop] = now;
		return true;
	}
	if (now - f->since_ms[loop] < HANG_MS * board_patience())
		return true;
	referee_check(f, false, "loop %u of the honest %s hangs in: %s", loop,
		      loop == LOOP_DEVICE ? "device" : "driver",
		      doing_names[atomic_load(&f->board->doing[loop])]);
	show_file(pid, "wchan");
	show_file(pid, "syscall");
	return false;
}

static bool link_moves(struct referee *f, unsigned i, uint64_t now)
{
	uint64_t good = atomic_load_explicit(&f->board->good[i], memory_order_relaxed);

	if (good != f->good[i] || !f->good_since_ms[i]) {
		f->good[i] = good;
		f->good_since_ms[i] = now;
		return true;
	}
	return now - f->good_since_ms[i] < HANG_MS * board_patience() ||
	       referee_check(f, false, "good link %u stands still", i);
}

bool referee_look(struct referee *f)
{
	uint64_t now = referee_now_ms();
	bool ok = true;

	if (f->is_over)
		return false;
	ok = is_alive(f, &f->device, "device") && ok;
	ok = is_alive(f, &f->driver, "driver") && ok;
	for (unsigned i = 0; i < LOOPS && ok; i++)
		ok = goes_round(f, i, now);
	for (unsigned i = 0; i < GOOD_LINKS && ok; i++)
		ok = link_moves(f, i, now);
	if (ok && atomic_load_explicit(&f->board->has_failed, memory_order_acquire))
		ok = referee_check(f, false, "%s", f->board->failure);
	f->is_over = !ok;
	return ok;
}

/* ---- the end ---- */

static void check_held(struct referee *f, enum side side, pid_t pid, const char *who)
{
	uint64_t end = referee_now_ms() + SETTLE_MS * board_patience();
	char diff[4000];
	bool differ;

	do {
		char *now = leaks_describe(pid);

		differ = leaks_differ(f->held[side], now, diff, sizeof(diff));
		free(now);
		if (differ)
			pause_ms(50);
	} while (differ && referee_now_ms() < end);
	referee_check(f, !differ, "the honest %s does not hold what it held before:%s", who, diff);
}

static void check_memory(struct referee *f)
{
	static const char *const who[] = { "device", "driver" };
	uint64_t now[SIDES];

	measure(f, now);
	for (enum side side = SIDE_DEVICE; side <= SIDE_DRIVER; side++) {
		printf("memory of the honest %s: %llu bytes before, %llu after\n", who[side],
		       (unsigned long long)f->memory[side], (unsigned long long)now[side]);
		referee_check(f, now[side] <= f->memory[side] + MEMORY_SLACK,
			      "the honest %s has allocated %llu bytes more than before", who[side],
			      (unsigned long long)(now[side] - f->memory[side]));
	}
}

static void check_exit(struct referee *f, pid_t pid, const char *who)
{
	uint64_t end = referee_now_ms() + SETTLE_MS * board_patience();
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && referee_now_ms() < end)
		pause_ms(10);
	if (got == 0) {
		(void)referee_end(pid);
		referee_check(f, false, "the honest %s does not end", who);
		return;
	}
	referee_check(f, WIFEXITED(status) && WEXITSTATUS(status) == 0,
		      "the honest %s ends with wait status %#x", who, status);
}

void referee_finish(struct referee *f)
{
	uint64_t end = referee_now_ms() + SETTLE_MS * board_patience();

	atomic_store(&f->board->stop_bad, true);
	while (referee_look(f) && !bad_links_are_idle(f->board) && referee_now_ms() < end)
		pause_ms(10);
	if (referee_look(f)) {
		referee_check(f, bad_links_are_idle(f->board),
			      "a link to a hostile device does not end");
		check_held(f, SIDE_DEVICE, f->device, "device");
		check_held(f, SIDE_DRIVER, f->driver, "driver");
		check_memory(f);
	}
	/* The driver ends first: its last requests want answers. */
	atomic_store(&f->board->stop_driver, true);
	if (f->driver > 0)
		check_exit(f, f->driver, "driver");
	if (f->board->has_failed && !f->is_over)
		referee_check(f, false, "%s", f->board->failure);
	atomic_store(&f->board->stop_device, true);
	if (f->device > 0)
		check_exit(f, f->device, "device");
	free(f->held[SIDE_DEVICE]);
	free(f->held[SIDE_DRIVER]);
}
