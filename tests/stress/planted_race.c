/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The check of the checker: two threads on a ring whose driver publishes its index (packed: its
 * flags) without release order (VRI_PLANT_RELAXED_PUBLISH). ThreadSanitizer has to report a data race
 * on the payload. With an argument the ring is packed.
 *
 * Both sides poll: the system calls of a notification would be an order of their own.
 */

#include <stdio.h>

#include "exchange.h"

int main(int argc, char **argv)
{
	bool packed = argc > 1 && argv[1] != NULL;
	struct exchange x = {
		.n = 20000,
		.drv_spin = ~0u,
		.dev_spin = ~0u,
		.depth = EXCHANGE_QUEUE / 2,
		.patience_ms = 60000,
		.features = 1ull << 29 | (packed ? 1ull << 34 : 0),
	};

	if (exchange_run(&x) < 0) {
		fputs("planted_race: cannot begin\n", stderr);
		return 2;
	}
	printf("%u lost, %u bad, %u errors\n", x.lost_wakeups, x.bad_payloads, x.errors);
	return 0;
}
