/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Pairs of pinned processes, the clock, and quantiles. */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static int ready_fd = -1;

static void on_stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

pid_t bench_start(const struct bench_env *env,
		  int (*answer)(const struct bench_env *env, void *arg), void *arg)
{
	int ready[2];
	char byte;

	if (pipe(ready) != 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		struct sigaction action = { .sa_handler = on_stop };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigaction(SIGTERM, &action, NULL);
		close(ready[0]);
		ready_fd = ready[1];
		pin(env->cpu[1]);
		_exit(answer(env, arg) < 0);
	}
	close(ready[1]);
	ssize_t n = read(ready[0], &byte, 1);
	close(ready[0]);
	if (n != 1) {
		waitpid(pid, NULL, 0);
		return -ECHILD;
	}
	pin(env->cpu[0]);
	return pid;
}

void bench_ready(void)
{
	if (write(ready_fd, "", 1) == 1)
		close(ready_fd);
}

void bench_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

bool bench_is_stopped(void)
{
	return stopped != 0;
}

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t n, double q)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare);
	return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

int bench_time(const struct bench_env *env, int (*round_trip)(void *arg), void *arg,
	       struct bench_sample *ret_sample)
{
	double *block = calloc(env->blocks, sizeof(*block));
	int r = 0;

	if (!block)
		return -ENOMEM;
	for (unsigned i = 0; i < 20 * BENCH_BLOCK && r >= 0; i++)
		r = round_trip(arg);
	for (unsigned i = 0; i < env->blocks && r >= 0; i++) {
		uint64_t start = bench_now_ns();

		for (unsigned n = 0; n < BENCH_BLOCK && r >= 0; n++)
			r = round_trip(arg);
		block[i] = (double)(bench_now_ns() - start) / BENCH_BLOCK;
	}
	if (r >= 0) {
		ret_sample->median = bench_quantile(block, env->blocks, 0.5);
		ret_sample->best = block[0];
		ret_sample->p99 = bench_quantile(block, env->blocks, 0.99);
		ret_sample->worst = block[env->blocks - 1];
	}
	free(block);
	return r < 0 ? r : 0;
}

void bench_sample_per(struct bench_sample *sample, unsigned n)
{
	sample->median /= n;
	sample->best /= n;
	sample->p99 /= n;
	sample->worst /= n;
}
