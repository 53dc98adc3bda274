/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The runner: interleaved rounds of every scenario, each with a bare ping-pong just before and just after it on the
 * same two cores. What it reports is the ratio to those two; a sample whose two anchors differ by more than a fifth
 * is dropped, since the machine changed under it.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <vring-ipc/base.h>

#define ROUNDS_MAX 1000
#define ANCHOR_DRIFT_MAX 0.20

static const struct bench_scenario *const scenarios[] = {
	&scenario_rtt_split,
	&scenario_rtt_split_in_order,
	&scenario_rtt_packed,
	&scenario_rtt_packed_in_order,
	&scenario_oneway_split_in_order_1,
	&scenario_oneway_split_in_order_32,
	&scenario_oneway_split_32,
	&scenario_oneway_packed_in_order_32,
	&scenario_oneway_packed_32,
	&baseline_ringtest,
	&baseline_ringtest_apart,
	&scenario_rtt_block,
	&baseline_eventfd,
	&baseline_socket,
};
#define N_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

struct series {
	double ratio[ROUNDS_MAX];
	double median[ROUNDS_MAX];
	double p99[ROUNDS_MAX];
	double anchor[ROUNDS_MAX];
	size_t n, dropped;
	uint64_t notifications;
};

static int choose_cpus(struct bench_env *env)
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET((size_t)cpu, &set))
			env->cpu[found++] = cpu;
	return found == 2 ? 0 : -ENODEV;
}

static int measure_once(const struct bench_env *env, const struct bench_scenario *scenario,
			struct series *series)
{
	struct bench_sample before = { 0 }, sample = { 0 }, after = { 0 };
	int r = baseline_pingpong.measure(env, &before);

	if (r == 0)
		r = scenario->measure(env, &sample);
	if (r == 0)
		r = baseline_pingpong.measure(env, &after);
	if (r < 0)
		return r;
	double anchor = (before.median + after.median) / 2;
	if (fabs(before.median - after.median) > ANCHOR_DRIFT_MAX * anchor) {
		series->dropped++;
		return 0;
	}
	series->ratio[series->n] = sample.median / anchor;
	series->median[series->n] = sample.median;
	series->p99[series->n] = sample.p99;
	series->anchor[series->n++] = anchor;
	series->notifications += sample.notifications;
	return 0;
}

static json_t *machine(const struct bench_env *env)
{
	struct utsname uts;
	char line[512], model[256] = "unknown";
	FILE *file = fopen("/proc/cpuinfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %255[^\n]", model) == 1)
			break;
	if (file)
		fclose(file);
	uname(&uts);
	return json_pack("{s:s, s:s, s:s, s:[i,i]}", "cpu", model, "kernel", uts.release, "arch",
			 uts.machine, "cpus", env->cpu[0], env->cpu[1]);
}

static json_t *report(const struct bench_scenario *scenario, struct series *s)
{
	double worst = 0, best = INFINITY;

	for (size_t i = 0; i < s->n; i++) {
		worst = fmax(worst, s->ratio[i]);
		best = fmin(best, s->ratio[i]);
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "name",
			 scenario->name, "what", scenario->what, "rounds", (json_int_t)s->n,
			 "dropped", (json_int_t)s->dropped, "ratio_median",
			 bench_quantile(s->ratio, s->n, 0.5), "ratio_best", s->n ? best : 0,
			 "ratio_worst", worst, "ns_median", bench_quantile(s->median, s->n, 0.5),
			 "ns_p99", bench_quantile(s->p99, s->n, 0.5), "anchor_ns",
			 bench_quantile(s->anchor, s->n, 0.5), "notifications",
			 (json_int_t)s->notifications);
}

/* @only: the name of a scenario, or NULL for all of them. */
static bool is_wanted(const struct bench_scenario *scenario, const char *only)
{
	return !only || strcmp(scenario->name, only) == 0;
}

static int run(const struct bench_env *env, unsigned rounds, const char *only,
	       struct series *series)
{
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < N_SCENARIOS; i++) {
			if (!is_wanted(scenarios[i], only))
				continue;
			int r = measure_once(env, scenarios[i], &series[i]);

			if (r < 0) {
				fprintf(stderr, "bench: %s: %s\n", scenarios[i]->name,
					vri_strerror(r));
				return r;
			}
		}
	return 0;
}

static int usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: bench [--rounds N] [--blocks N] [--payload BYTES] [--only NAME] [--output FILE]\n"
		"Times round trips beside a bare cache-line ping-pong; writes JSON.\n");
	return status;
}

static bool parse(const char *text, unsigned max, unsigned *ret_value)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value == 0 || value > max)
		return false;
	*ret_value = (unsigned)value;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "blocks", required_argument, NULL, 'b' },
		{ "payload", required_argument, NULL, 'p' },
		{ "only", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct bench_env env = { .blocks = 1500, .payload = 64 };
	unsigned rounds = 11, payload = 64;
	const char *output = NULL, *only = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (c == 'h')
			return usage(0);
		else if (c == 'o')
			output = optarg;
		else if (c == 'n')
			only = optarg;
		else if ((c != 'r' || !parse(optarg, ROUNDS_MAX, &rounds)) &&
			 (c != 'b' || !parse(optarg, 1000000, &env.blocks)) &&
			 (c != 'p' || !parse(optarg, 65536, &payload)))
			return usage(2);
	if (optind != argc || payload % 8)
		return usage(2);
	env.payload = payload;
	if (choose_cpus(&env) < 0) {
		fprintf(stderr, "bench: needs two processors\n");
		return 1;
	}
	struct series *series = calloc(N_SCENARIOS, sizeof(*series));
	if (!series || run(&env, rounds, only, series) < 0) {
		free(series);
		return 1;
	}
	json_t *results = json_array();
	for (size_t i = 0; i < N_SCENARIOS; i++)
		if (is_wanted(scenarios[i], only))
			json_array_append_new(results, report(scenarios[i], &series[i]));
	json_t *root = json_pack("{s:s, s:o, s:{s:i, s:i, s:i, s:i}, s:s, s:o}", "version",
				 vri_version(), "machine", machine(&env), "settings", "rounds",
				 (int)rounds, "blocks", (int)env.blocks, "block", BENCH_BLOCK,
				 "payload", (int)payload, "ratio_to", baseline_pingpong.what,
				 "results", results);
	int failed = output ? json_dump_file(root, output, JSON_INDENT(2)) :
			      json_dumpf(root, stdout, JSON_INDENT(2));
	if (!output)
		putchar('\n');
	json_decref(root);
	free(series);
	return failed ? 1 : 0;
}
