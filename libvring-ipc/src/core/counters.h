/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A side's counters: the values in private memory, copies of them where the inspector reads. */
#ifndef CORE_COUNTERS_H
#define CORE_COUNTERS_H

#include "region.h"
#include "ring_access.h"
#include "util/shm.h"

struct counters {
	struct region_counters value;
	struct region_counters __shm *shared; /* never NULL */
	struct region_counters unshared; /* where they go when nobody asked for them */
};

/* Goes on from what an earlier life of the queue counted; only the position starts anew. What is read
 * here is never believed to be more than a statistic. */
static inline void counters_init(struct counters *c, struct region_counters __shm *shared)
{
	c->shared = shared != NULL ? shared : shm_from(&c->unshared);
	c->value = (struct region_counters){
		.buffers = ring_load_counter(&c->shared->buffers),
		.bytes_readable = ring_load_counter(&c->shared->bytes_readable),
		.bytes_written = ring_load_counter(&c->shared->bytes_written),
		.notifications = ring_load_counter(&c->shared->notifications),
		.suppressed = ring_load_counter(&c->shared->suppressed),
		.sleeps = ring_load_counter(&c->shared->sleeps),
		.errors = ring_load_counter(&c->shared->errors),
	};
	ring_store_counter(&c->shared->position, 0);
}

#define COUNTER_PUT(c, member) ring_store_counter(&(c)->shared->member, (c)->value.member)

#define COUNTER_ADD(c, member, n)         \
	do {                              \
		(c)->value.member += (n); \
		COUNTER_PUT(c, member);   \
	} while (0)

#endif
