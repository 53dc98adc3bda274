/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Two processes on one ring: the region is a sealed memfd that each maps at an address of its own,
 * eventfds wake the one that sleeps. For programs, not for test files: what goes wrong is printed
 * and counted.
 */
#ifndef TESTS_STRESS_PAIR_H
#define TESTS_STRESS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/queue.h"

#define PAIR_EVENT_IDX (1ull << VRI_F_EVENT_IDX)
#define PAIR_INDIRECT (1ull << VRI_F_INDIRECT_DESC)
#define PAIR_PACKED (1ull << VRI_F_RING_PACKED)
#define PAIR_IN_ORDER (1ull << VRI_F_IN_ORDER)

struct pair_opts {
	unsigned size;
	uint64_t features; /* of those above */
	unsigned indirect_max; /* descriptors in a table, with PAIR_INDIRECT */
	unsigned drv_spin, dev_spin; /* as in struct queue_setup */
	size_t pool_size; /* bytes of buffers */
	int patience_ms; /* a wait that lasts longer has lost its wake-up */
};

/* One side, in its process. */
struct pair_side {
	const struct pair_opts *opts;
	struct vri_drvq *drv; /* one of the two is NULL */
	struct vri_devq *dev;
	uint8_t *base, *pool;
	struct vri_mem *mem;
	int receive_fd, send_fd;
	unsigned notified; /* notifications that this side sent */
	unsigned sleeps; /* that it blocked */
	unsigned slept_on; /* and nobody woke it */
};

/*
 * Runs @driver here and @device in a child, each with its end of one new ring. A role returns how
 * many things it found wrong; it has printed them. Returns: the sum of both, and of waits that ended
 * with the patience; more than 0 also when the child died or the pair could not be made.
 */
unsigned pair_run(const struct pair_opts *opts,
		  unsigned (*driver)(struct pair_side *side, void *data),
		  unsigned (*device)(struct pair_side *side, void *data), void *data);

/* Prints a line to stderr and counts one thing wrong. */
unsigned pair_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- chance: the same numbers from the same seed, in both processes ---- */

struct chance {
	uint64_t state;
};

uint64_t chance_throw(struct chance *chance);
uint32_t chance_below(struct chance *chance, uint32_t limit);

/* A seed of which nobody knows why. */
uint64_t chance_seed(void);

#endif
