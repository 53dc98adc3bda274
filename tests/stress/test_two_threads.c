/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Two threads on one ring, polling and sleeping: nothing torn, nothing lost, nobody left asleep. */

#include "exchange.h"
#include "test.h"

#define EVENT_IDX (1ull << 29)
#define PACKED (1ull << 34)
#define IN_ORDER (1ull << 35)

#define POLL ~0u
#define ALL (EXCHANGE_QUEUE / 2)

struct exchange_case {
	const char *what;
	uint64_t features;
	unsigned drv_spin, dev_spin;
	unsigned depth;
	unsigned n;
};

/* A spin of one look makes a side sleep as often as it can; 0 adapts. Polling threads share their
 * CPUs with other tests and get fewer requests. */
#define SHAPES(format, ring)                                                                    \
	{ format "flags, sleeping at once", ring, 1, 1, ALL, 150000 },                          \
		{ format "event idx, sleeping at once", ring | EVENT_IDX, 1, 1, ALL, 150000 },  \
		{ format "flags, adaptive", ring, 0, 0, ALL, 150000 },                          \
		{ format "event idx, adaptive", ring | EVENT_IDX, 0, 0, ALL, 150000 },          \
		{ format "flags, polling", ring, POLL, POLL, ALL, 10000 },                      \
		{ format "event idx, polling", ring | EVENT_IDX, POLL, POLL, ALL, 10000 },      \
		{ format "flags, one at a time, device sleeps", ring, POLL, 1, 1, 60000 },      \
		{ format "flags, one at a time, driver sleeps", ring, 1, POLL, 1, 60000 },      \
		{ format "event idx, one at a time, device sleeps",                             \
		  ring | EVENT_IDX,                                                             \
		  POLL,                                                                         \
		  1,                                                                            \
		  1,                                                                            \
		  60000 },                                                                      \
	{                                                                                       \
		format "event idx, one at a time, driver sleeps", ring | EVENT_IDX, 1, POLL, 1, \
			60000                                                                   \
	}

static const struct exchange_case cases[] = {
	SHAPES("split, ", 0),
	SHAPES("packed, ", PACKED),
	SHAPES("split, in order, ", IN_ORDER),
	SHAPES("packed, in order, ", PACKED | IN_ORDER),
};

/* More requests than an index has values, where they sleep. A wait of ten seconds is a lost wake-up.
 * proves: drv:2.7k/1 drv:2.7k/2 dev:2.7u/1 dev:2.7u/2 drv:2.8k/1 drv:2.8k/2
 * faults: B19 H8 H10 */
TestEach(two_threads, every_request_is_answered_and_nobody_sleeps_on, cases, struct exchange_case,
	 .timeout = 60)
{
	struct exchange x = {
		.n = param->n,
		.features = param->features,
		.drv_spin = param->drv_spin,
		.dev_spin = param->dev_spin,
		.depth = param->depth,
		.patience_ms = (int)(10000 * test_timeout_scale()),
	};

	t_ok(exchange_run(&x));
	t_eq(x.lost_wakeups, 0);
	t_eq(x.bad_payloads, 0);
	t_eq(x.errors, 0);
	if (param->drv_spin == 1 || param->dev_spin == 1)
		t_gt(x.drv_end.sleeps + x.dev_end.sleeps, 0);
}
