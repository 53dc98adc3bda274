/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Event index and flags, and both in one for packed rings. */

#include "notify.h"

#include <assert.h>

#include <linux/virtio_ring.h>

static_assert(VRING_USED_F_NO_NOTIFY == 1 && VRING_AVAIL_F_NO_INTERRUPT == 1, "one bit for both");
static_assert(VRING_PACKED_EVENT_FLAG_ENABLE == 0 && VRING_PACKED_EVENT_FLAG_DISABLE == 1 &&
		      VRING_PACKED_EVENT_FLAG_DESC == 2 && VRING_PACKED_EVENT_F_WRAP_CTR == 15,
	      "the words that notify.h makes");

bool vri__notify_event(uint16_t event, uint16_t idx, uint32_t count)
{
	/* How far @event lies before the newest entry, around the wrap of the index. */
	return (uint16_t)(idx - event - 1) < count;
}

bool vri__notify_flags(uint16_t flags)
{
	return (flags & 1) == 0;
}

/* The first of the two laps has the wrap counter 1. */
static unsigned place_on_two_laps(unsigned slot, bool wrap, unsigned size)
{
	return wrap ? slot : slot + size;
}

bool vri__notify_packed(uint32_t wish, bool event_idx, unsigned size, struct packed_place at,
			uint32_t count)
{
	unsigned flags = wish >> 16 & 3;
	unsigned slot = wish & 0x7fff;
	unsigned event, end, before;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !event_idx || slot >= size)
		return true;
	event = place_on_two_laps(slot, (wish & 0x8000) != 0, size);
	end = place_on_two_laps(at.slot, at.wrap, size);
	/* How far the event lies before the newest descriptor, around the end of the two laps. */
	before = end > event ? end - event - 1 : end + 2 * size - event - 1;
	return before < count;
}
