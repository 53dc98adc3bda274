/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a scenario or a baseline gives the runner, and the tools that both use. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Round trips are timed in blocks: the clock costs as much as a cache line changing hands. */
#define BENCH_BLOCK 64

struct bench_env {
	int cpu[2]; /* of the asking and of the answering process; equal when there is only one */
	unsigned blocks; /* per measurement, warm-up not counted */
	size_t payload; /* bytes each way */
};

/* What one measurement found, in nanoseconds for one operation: a round trip, or a message one way. */
struct bench_sample {
	double median; /* of the blocks' means */
	double best; /* the quickest block */
	double p99; /* of the blocks' means */
	double worst;
	uint64_t notifications; /* that the asking side sent */
};

/* One row of the runner's table: returns 0 or a negative errno. */
struct bench_scenario {
	const char *name;
	const char *what;
	int (*measure)(const struct bench_env *env, struct bench_sample *ret_sample);
};

extern const struct bench_scenario baseline_pingpong; /* the anchor of every ratio */
extern const struct bench_scenario baseline_eventfd;
extern const struct bench_scenario baseline_socket;
extern const struct bench_scenario baseline_ringtest;
extern const struct bench_scenario baseline_ringtest_apart;
extern const struct bench_scenario scenario_rtt_split;
extern const struct bench_scenario scenario_rtt_split_in_order;
extern const struct bench_scenario scenario_rtt_packed;
extern const struct bench_scenario scenario_rtt_packed_in_order;
extern const struct bench_scenario scenario_rtt_block;
extern const struct bench_scenario scenario_oneway_split_in_order_1;
extern const struct bench_scenario scenario_oneway_split_in_order_32;
extern const struct bench_scenario scenario_oneway_split_32;
extern const struct bench_scenario scenario_oneway_packed_in_order_32;
extern const struct bench_scenario scenario_oneway_packed_32;

/*
 * Runs @answer in a process of its own, pinned to env->cpu[1], and pins the caller to env->cpu[0].
 * Returns: the pid once @answer has called bench_ready(); a negative errno. bench_stop() ends it.
 */
pid_t bench_start(const struct bench_env *env,
		  int (*answer)(const struct bench_env *env, void *arg), void *arg);
void bench_ready(void);
void bench_stop(pid_t pid);

/* True in the answering process once bench_stop() was called. */
bool bench_is_stopped(void);

/* Times env->blocks blocks of BENCH_BLOCK calls of @round_trip after a warm-up. Returns: 0 or what it returned. */
int bench_time(const struct bench_env *env, int (*round_trip)(void *arg), void *arg,
	       struct bench_sample *ret_sample);

/* Makes figures for @n operations at once figures for one. */
void bench_sample_per(struct bench_sample *sample, unsigned n);

uint64_t bench_now_ns(void);

/* The @q-quantile (0 to 1) of @n values, which it sorts. */
double bench_quantile(double *values, size_t n, double q);

/* The hint of a spinning loop. */
static inline void bench_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
