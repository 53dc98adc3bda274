/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The physical limit: one cache line each way between two processes that spin. Every ratio is to this. */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

struct lines {
	_Alignas(256) _Atomic uint64_t ask;
	_Alignas(256) _Atomic uint64_t answer;
};

static int answer(const struct bench_env *env, void *arg)
{
	struct lines *lines = arg;
	uint64_t seen = 0;

	(void)env;
	bench_ready();
	while (!bench_is_stopped()) {
		uint64_t now = atomic_load_explicit(&lines->ask, memory_order_acquire);

		if (now == seen) {
			bench_relax();
			continue;
		}
		seen = now;
		atomic_store_explicit(&lines->answer, now, memory_order_release);
	}
	return 0;
}

static int round_trip(void *arg)
{
	struct lines *lines = arg;
	uint64_t next = atomic_load_explicit(&lines->ask, memory_order_relaxed) + 1;

	atomic_store_explicit(&lines->ask, next, memory_order_release);
	while (atomic_load_explicit(&lines->answer, memory_order_acquire) != next)
		bench_relax();
	return 0;
}

static int measure(const struct bench_env *env, struct bench_sample *ret_sample)
{
	struct lines *lines = mmap(NULL, sizeof(*lines), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (lines == MAP_FAILED)
		return -errno;
	pid_t pid = bench_start(env, answer, lines);
	int r = pid < 0 ? (int)pid : bench_time(env, round_trip, lines, ret_sample);
	if (pid > 0)
		bench_stop(pid);
	munmap(lines, sizeof(*lines));
	return r;
}

const struct bench_scenario baseline_pingpong = {
	.name = "pingpong",
	.what = "bare cache-line ping-pong, one line each way, polling",
	.measure = measure,
};
