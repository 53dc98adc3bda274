/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The honest driver's threads. */
#ifndef HOSTILE_HONEST_DRIVER_H
#define HOSTILE_HONEST_DRIVER_H

#include "roles.h"

struct driver_thread {
	const struct role *role;
	struct board *board;
	unsigned index;
	enum loop loop;
	uint64_t random;
};

/* A number below @limit, from the thread's seed. */
static inline uint32_t draw(uint64_t *random, uint32_t limit)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % limit;
}

/* Moves data over a link to the honest device, and checks every byte that comes back. */
void *good_link(void *thread);

/* Opens one link after the other to a hostile device, uses each until it breaks, and gives everything back. */
void *bad_link(void *thread);

#endif
