/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Asks again and again, less and less often, until a time is over. */
#ifndef UTIL_BACKOFF_H
#define UTIL_BACKOFF_H

#include <stdbool.h>

#include "util/clock.h"

#define BACKOFF_FIRST_NS 50000
#define BACKOFF_LAST_NS 2000000

struct backoff {
	uint64_t end_ns;
	long pause_ns;
};

static inline struct backoff backoff_start(unsigned timeout_ms)
{
	return (struct backoff){
		.end_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000,
		.pause_ns = BACKOFF_FIRST_NS,
	};
}

/* Sleeps a little. False, at once, when the time is over. */
static inline bool backoff_pause(struct backoff *backoff)
{
	struct timespec pause = { .tv_nsec = backoff->pause_ns };

	if (clock_monotonic_ns() >= backoff->end_ns)
		return false;
	nanosleep(&pause, NULL);
	if (backoff->pause_ns < BACKOFF_LAST_NS)
		backoff->pause_ns *= 2;
	return true;
}

#endif
