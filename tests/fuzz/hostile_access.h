/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Put before a source of the library (cc -include), so that a hostile peer gets its turn before each
 * single load of shared memory: after every fetch the words may be others, as they may be when a
 * process on another processor writes them. The loads are the library's own, in ring_access.h and
 * region_access.h.
 */
#ifndef TESTS_HOSTILE_ACCESS_H
#define TESTS_HOSTILE_ACCESS_H

/* How many more loads there are until the peer moves; 0 is 2^32, which is never. */
extern unsigned hostile_loads_left;

/* The peer's move: the harness writes to the shared memory, and sets hostile_loads_left. */
void hostile_peer_moves(void);

static inline void hostile_before_load(void)
{
	if (--hostile_loads_left == 0)
		hostile_peer_moves();
}

#define __atomic_load_n(word, order) (hostile_before_load(), __atomic_load_n(word, order))

#include "core/ring_access.h"
#include "core/region_access.h"

/* The one load that is none of the above: of a table without alignment. */
#define ring_load_indirect_desc(table, i) (hostile_before_load(), ring_load_indirect_desc(table, i))

/* A file of which every atomic load is one of shared memory asks for all of them. */
#ifndef HOSTILE_ALL_LOADS
#undef __atomic_load_n
#endif

/* Time is the harness's too: a pause takes none, and the clock goes on by it. */
#include "util/clock.h"

uint64_t hostile_clock_ns(void);
int hostile_nanosleep(const struct timespec *pause, struct timespec *ret_left);

#define clock_monotonic_ns hostile_clock_ns
#define nanosleep hostile_nanosleep

#endif
