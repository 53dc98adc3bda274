/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the set-up of both sides of a queue has in common. */
#ifndef CORE_QUEUE_SETUP_H
#define CORE_QUEUE_SETUP_H

#include "queue.h"

/* Zero, what a child of fork() sees, is not live. */
enum queue_state {
	QUEUE_NOT_OURS = 0,
	QUEUE_LIVE,
	QUEUE_BROKEN,
	QUEUE_STOPPED,
	QUEUE_DRAINING, /* device's side: about to be suspended; what was taken comes back, nothing new is taken */
	QUEUE_SUSPENDED, /* device's side: nothing is touched; driver's: nothing is added, used buffers are taken */
};

static inline bool queue_has_feature(const struct queue_setup *setup, unsigned bit)
{
	return (setup->features.word[bit / 64] >> (bit % 64) & 1) != 0;
}

/* Private arrays start cache lines of their own. */
static inline size_t queue_lines(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

/* Returns: 0; -EINVAL: as vri__drvq_new(). */
int vri__queue_check_setup(const struct queue_setup *setup);

#endif
