/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* When a notification is wanted: the flags, and the range test of the event index by brute force. */

#include "core/notify.h"
#include "test.h"

/* proves: dev:2.7s/1 drv:2.7n/2 */
Test(notify, flags_say_yes_unless_bit_0_is_set)
{
	for (unsigned flags = 0; flags <= UINT16_MAX; flags++)
		t_eq(vri__notify_flags((uint16_t)flags), flags % 2 == 0);
}

/* The specification's words: one entry after the other, is one of them written at index @event? */
static bool by_the_book(uint16_t event, uint16_t old, uint32_t count)
{
	for (uint32_t i = 0; i < count && i <= UINT16_MAX; i++)
		if ((uint16_t)(old + i) == event)
			return true;
	return false;
}

struct batch_case {
	uint32_t count;
};

static const struct batch_case batches[] = { { 0 }, { 1 }, { 2 }, { 3 }, { 4 }, { 16 }, { 64 } };

/* Every start of the batch, every event that lies near it on either side.
 * proves: dev:2.7s/2 drv:2.7n/3 choice/1
 * faults: H8 */
TestEach(notify, range_test_agrees_with_the_book_for_all_starts, batches, struct batch_case)
{
	for (uint32_t old = 0; old <= UINT16_MAX; old++) {
		uint16_t idx = (uint16_t)(old + param->count);

		for (int distance = -3; distance < (int)param->count + 3; distance++) {
			uint16_t event = (uint16_t)(old + (uint32_t)distance);
			bool want = by_the_book(event, (uint16_t)old, param->count);

			if (vri__notify_event(event, idx, param->count) != want)
				t_fail("old %u count %u event %u", old, param->count, event);
		}
	}
}

static const struct batch_case few[] = { { 0 }, { 1 }, { 5 }, { 1000 }, { 65535 } };

/* All 2^16 events against a few starts. faults: A27 B11 */
TestEach(notify, range_test_agrees_with_the_book_for_all_events, few, struct batch_case)
{
	static const uint16_t starts[] = { 0, 1, 100, 32767, 32768, 65000, 65534, 65535 };

	for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (uint32_t event = 0; event <= UINT16_MAX; event++) {
			uint16_t idx = (uint16_t)(starts[s] + param->count);
			/* How far the event lies past the start. */
			bool want = (uint16_t)(event - starts[s]) < param->count;

			if (vri__notify_event((uint16_t)event, idx, param->count) != want)
				t_fail("start %u event %u", starts[s], event);
		}
	}
}

Test(notify, a_whole_lap_or_more_always_wants)
{
	for (uint32_t event = 0; event <= UINT16_MAX; event++) {
		t_true(vri__notify_event((uint16_t)event, 7, 65536));
		t_true(vri__notify_event((uint16_t)event, 7, 65536 + 64));
	}
}

/* An event that went stale brings one notification a lap, not one for each batch.
 * proves: choice/2 */
Test(notify, a_stale_event_fires_once_a_lap)
{
	unsigned n = 0;

	for (uint32_t old = 101; old < 101 + 65536; old += 4)
		n += vri__notify_event(100, (uint16_t)(old + 4), 4);
	t_eq(n, 1);
}
