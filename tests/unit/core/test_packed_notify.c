/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* When a notification is wanted on a packed ring: all flags, and the range test over two laps by
 * brute force over every place of small rings. */

#include "core/notify.h"
#include "test.h"

static bool ask(uint32_t wish, bool event_idx, unsigned size, unsigned slot, bool wrap,
		uint32_t count)
{
	struct packed_place at = { .slot = (uint16_t)slot, .wrap = wrap };

	return vri__notify_packed(wish, event_idx, size, at, count);
}

static uint32_t desc_event(unsigned slot, bool wrap)
{
	return 2u << 16 | (wrap ? 0x8000u : 0) | slot;
}

Test(packed_notify, a_wish_has_the_bits_of_the_event_structure)
{
	struct packed_place at = { .slot = 0x1234, .wrap = true };

	t_eq(PACKED_WISH_ENABLE, 0);
	t_eq(PACKED_WISH_DISABLE, 1u << 16);
	t_eq(packed_wish_at(at), 2u << 16 | 0x9234u);
	at.wrap = false;
	t_eq(packed_wish_at(at), 2u << 16 | 0x1234u);
}

Test(packed_notify, enable_always_wants_and_disable_never)
{
	for (unsigned off_wrap = 0; off_wrap <= UINT16_MAX; off_wrap++) {
		for (unsigned event_idx = 0; event_idx < 2; event_idx++) {
			t_true(ask(off_wrap, event_idx, 7, 3, true, 1));
			t_false(ask(1u << 16 | off_wrap, event_idx, 7, 3, true, 1));
		}
	}
}

/* A mode without the feature, the reserved value and an offset outside of the ring: rather a needless
 * notification than a lost one.
 * proves: choice/9 */
Test(packed_notify, what_is_not_allowed_asks_for_every_notification)
{
	t_true(ask(desc_event(6, true), false, 7, 3, true, 1));
	for (unsigned off_wrap = 0; off_wrap <= UINT16_MAX; off_wrap++)
		t_true(ask(3u << 16 | off_wrap, true, 7, 3, true, 1));
	for (unsigned slot = 7; slot < 0x8000; slot++) {
		t_true(ask(desc_event(slot, true), true, 7, 3, true, 1));
		t_true(ask(desc_event(slot, false), true, 7, 3, true, 1));
	}
}

Test(packed_notify, reserved_bits_of_the_flags_are_not_looked_at)
{
	for (uint32_t high = 0; high < 1u << 14; high++) {
		t_true(ask(high << 18, true, 7, 3, true, 1));
		t_false(ask(high << 18 | 1u << 16, true, 7, 3, true, 1));
		t_true(ask(high << 18 | desc_event(2, true), true, 7, 3, true, 1));
		t_false(ask(high << 18 | desc_event(3, true), true, 7, 3, true, 1));
	}
}

struct size_case {
	unsigned size;
};

static const struct size_case small[] = { { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 } };

/* The book: one descriptor after the other is written, from the place @count before; is one of them
 * the event's? */
static bool by_the_book(unsigned size, unsigned event, bool event_wrap, unsigned slot, bool wrap,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (slot == 0) {
			slot = size;
			wrap = !wrap;
		}
		slot--;
		if (slot == event && wrap == event_wrap)
			return true;
	}
	return false;
}

/* Every event, every place, every count up to more than two laps.
 * proves: choice/1 */
TestEach(packed_notify, range_test_agrees_with_the_book_everywhere, small, struct size_case)
{
	unsigned size = param->size;

	for (unsigned e = 0; e < 2 * size; e++) {
		for (unsigned at = 0; at < 2 * size; at++) {
			for (uint32_t count = 0; count <= 2 * size + 3; count++) {
				bool want = by_the_book(size, e % size, e < size, at % size,
							at < size, count);

				if (ask(desc_event(e % size, e < size), true, size, at % size,
					at < size, count) != want)
					t_fail("size %u event %u at %u count %u", size, e, at,
					       count);
			}
		}
	}
}

static const struct size_case large[] = { { 255 }, { 256 }, { 16384 }, { 32767 }, { 32768 } };

/* Around the ends of both laps, where 16 bits overflow when one is careless. */
TestEach(packed_notify, large_rings_do_not_overflow, large, struct size_case)
{
	unsigned size = param->size;

	for (unsigned at = 0; at < 2 * size; at += size / 5) {
		for (unsigned d = 0; d < 2 * size; d++) {
			unsigned e = (at + 2 * size - 1 - d) % (2 * size);
			uint32_t event = desc_event(e % size, e < size);

			/* The event lies d before the newest descriptor. */
			t_false(ask(event, true, size, at % size, at < size, d));
			t_true(ask(event, true, size, at % size, at < size, d + 1));
			t_true(ask(event, true, size, at % size, at < size, 65536));
		}
	}
}

/* An event that went stale brings one notification in two laps.
 * proves: choice/2 */
TestEach(packed_notify, a_stale_event_fires_once_in_two_laps, small, struct size_case)
{
	unsigned size = param->size;
	unsigned n = 0;

	for (unsigned at = 1; at <= 2 * size; at++)
		n += ask(desc_event(size / 2, false), true, size, at % size, at % (2 * size) < size,
			 1);
	t_eq(n, 1);
}
