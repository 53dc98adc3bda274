/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* How a side of a queue waits for its peer: spin, arm, look again, block. */
#ifndef CORE_QUEUE_WAIT_H
#define CORE_QUEUE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct queue_ops;

/* How long to spin before blocking, counted in looks: a clock in the loop would cost more than the
 * looks do. */
struct spin {
	unsigned budget;
	bool adapts;
	bool never_block;
};

/* @spin as in struct queue_setup. On one CPU an adaptive budget is 0 for ever: whoever spins there
 * keeps the peer from running. */
void vri__spin_init(struct spin *spin, unsigned looks);

/* After the budget was spent: did the work come in time? For who spins over several queues. */
void vri__spin_adapt(struct spin *spin, bool found);

/* What waiting needs from a side. */
struct wait_side {
	bool (*has_work)(void *q);
	int (*arm)(void *q); /* 1: work is there; 0; a negative errno */
	void (*suppress)(void *q);
	/* Returns: 0 and when to look again (0: never); a negative errno ends the wait. NULL: none */
	int (*deadline)(void *q, uint64_t now_ns, uint64_t *ret_next_ns);
};

/* Returns: as vri_drvq_wait(); -EOPNOTSUPP when it would block and the queue's carrier cannot. */
int vri__queue_wait(void *q, const struct wait_side *side, struct spin *spin,
		    const struct queue_ops *ops, void *ctx, int timeout_ms);

#endif
