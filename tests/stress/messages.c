/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Very many small messages through one ring between two processes that fall asleep as soon as there
 * is nothing to do, with the event index: no wake-up may be lost, however long it goes on.
 *
 *   messages [--messages N]
 *
 * N messages (1,000,000 unless given) over a split ring, then as many over a packed one. Ends with
 * "N passed, N failed".
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "pair.h"
#include "util/clock.h"

#define SIZE 256u
#define DEPTH (SIZE / 2) /* messages of two descriptors */
#define BATCH_MAX 32u
#define PATIENCE_MS 60000

struct run {
	uint64_t n;
	struct pair_opts opts;
	struct device_totals {
		uint64_t sleeps, notified;
	} * device; /* shared */
	uint64_t sleeps, notified; /* the driver's */
};

/* Each has a line for the message and one for the answer. */
struct slot {
	uint64_t out[8], back[8];
};

/* Now and then a side stays away for a while, so that the other one has to sleep, whoever is the
 * faster of them. */
static void stay_away(struct chance *chance)
{
	struct timespec nap = { .tv_nsec = 1000 + chance_below(chance, 50000) };

	if (chance_below(chance, 20000) == 0)
		nanosleep(&nap, NULL);
}

static int send_batch(struct pair_side *side, struct slot *slots, uint16_t *free, unsigned *n_free,
		      unsigned batch, uint64_t first)
{
	unsigned n;

	for (n = 0; n<batch && * n_free> 0; n++) {
		struct slot *slot = &slots[free[*n_free - 1]];
		struct iovec out = { slot->out, sizeof(slot->out[0]) };
		struct iovec back = { slot->back, sizeof(slot->back[0]) };

		slot->out[0] = first + n;
		if (vri_drvq_add(side->drv, &out, 1, &back, 1, slot) < 0)
			return -1;
		--*n_free;
	}
	return (int)n;
}

static unsigned be_driver(struct pair_side *side, void *data)
{
	struct run *run = data;
	struct slot *slots = (void *)side->pool;
	struct chance chance = { 1 };
	uint64_t sent = 0, done = 0;
	uint16_t free[DEPTH];
	unsigned n_free = 0;

	while (n_free < DEPTH) {
		free[n_free] = (uint16_t)n_free;
		n_free++;
	}
	while (done < run->n) {
		struct vri_used used[BATCH_MAX];
		uint64_t left = run->n - sent;
		unsigned batch = 1 + chance_below(&chance, BATCH_MAX);
		int n = send_batch(side, slots, free, &n_free,
				   left < batch ? (unsigned)left : batch, sent);
		int r;

		if (n < 0)
			return pair_wrong("driver: add");
		sent += (unsigned)n;
		if (vri_drvq_kick(side->drv) < 0)
			return pair_wrong("driver: kick");
		stay_away(&chance);
		r = vri_drvq_get_used_batch(side->drv, used, BATCH_MAX);
		if (r == 0 && (n_free == 0 || sent == run->n)) {
			r = vri_drvq_wait(side->drv, PATIENCE_MS);
			if (r != 1)
				return pair_wrong("driver: wait returned %d", r);
			r = vri_drvq_get_used_batch(side->drv, used, BATCH_MAX);
		}
		if (r < 0)
			return pair_wrong("driver: get_used: %s", strerror(-r));
		for (int i = 0; i < r; i++) {
			const struct slot *slot = used[i].token;

			if (used[i].len != sizeof(slot->back[0]) || slot->back[0] != ~slot->out[0])
				return pair_wrong("driver: a wrong answer near message %llu",
						  (unsigned long long)done);
			free[n_free++] = (uint16_t)(slot - slots);
		}
		done += (unsigned)r;
	}
	run->sleeps = side->sleeps;
	run->notified = side->notified;
	return 0;
}

static unsigned be_device(struct pair_side *side, void *data)
{
	const struct run *run = data;
	struct iovec iov[2];
	struct vri_chain chain = { .iov = iov, .iov_max = 2 };
	struct chance chance = { 2 };
	uint64_t number = 0;

	while (number < run->n) {
		unsigned batch = 1 + chance_below(&chance, BATCH_MAX);
		int r = 1;

		for (; batch > 0 && (r = vri_devq_pop(side->dev, &chain)) == 1; batch--) {
			uint64_t n;

			memcpy(&n, iov[0].iov_base, sizeof(n));
			if (chain.n_readable != 1 || chain.n_writable != 1 || n != number)
				return pair_wrong("device: %llu came as message %llu",
						  (unsigned long long)n,
						  (unsigned long long)number);
			n = ~n;
			memcpy(iov[1].iov_base, &n, sizeof(n));
			if (vri_devq_push(side->dev, &chain, sizeof(n)) < 0)
				return pair_wrong("device: push");
			number++;
		}
		if (r >= 0)
			r = vri_devq_notify(side->dev) < 0 ? -EPROTO : r;
		stay_away(&chance);
		if (r == 0 && number < run->n) {
			r = vri_devq_wait(side->dev, PATIENCE_MS);
			if (r == 0)
				return pair_wrong("device: nobody woke it");
		}
		if (r < 0)
			return pair_wrong("device: %s", strerror(-r));
	}
	run->device->sleeps = side->sleeps;
	run->device->notified = side->notified;
	return 0;
}

static unsigned run_format(const char *name, uint64_t features, uint64_t n)
{
	struct run run = {
		.n = n,
		.opts = {
			.size = SIZE,
			.features = features | PAIR_EVENT_IDX,
			.drv_spin = 1, /* one look, then to sleep */
			.dev_spin = 1,
			.pool_size = DEPTH * sizeof(struct slot),
			.patience_ms = PATIENCE_MS,
		},
	};
	uint64_t start_ns = clock_monotonic_ns();
	unsigned wrong;
	double s;

	run.device = mmap(NULL, sizeof(*run.device), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.device == MAP_FAILED)
		return pair_wrong("out of memory");
	wrong = pair_run(&run.opts, be_driver, be_device, &run);
	s = (double)(clock_monotonic_ns() - start_ns) / 1e9;
	if (!wrong && (!run.sleeps || !run.device->sleeps))
		wrong = pair_wrong("%s: a side never slept", name);
	printf("%-6s %llu messages in %.1f s, %.0f a second; sleeps: driver %llu, device %llu; "
	       "notifications: driver %llu, device %llu\n",
	       name, (unsigned long long)n, s, (double)n / s, (unsigned long long)run.sleeps,
	       (unsigned long long)run.device->sleeps, (unsigned long long)run.notified,
	       (unsigned long long)run.device->notified);
	munmap(run.device, sizeof(*run.device));
	return wrong;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "messages", required_argument, NULL, 'm' },
		{ 0 },
	};
	unsigned failed = 0;
	uint64_t n = 1000000;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'm')
			return 2;
		n = strtoull(optarg, NULL, 0);
	}
	failed += run_format("split", 0, n) > 0;
	failed += run_format("packed", PAIR_PACKED, n) > 0;
	printf("%u passed, %u failed\n", 2 - failed, failed);
	return failed ? 1 : 0;
}
