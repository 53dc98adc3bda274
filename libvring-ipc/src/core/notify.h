/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Whether the peer wants a notification: the questions of virtio 1.4, 2.7.7, 2.7.10 and 2.8.10.
 * Pure. */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What a side finds when it decides about a notification. */
enum notify_verdict {
	NOTIFY_NOTHING_NEW, /* nothing was published since the last decision */
	NOTIFY_NOT_WANTED,
	NOTIFY_WANTED,
};

/*
 * With EVENT_IDX: is the entry at index @event one of the @count entries that end just before
 * @idx? The specification writes it as an equality for one entry; a batch needs the range. More than
 * 65535 entries have every index among them.
 */
bool vri__notify_event(uint16_t event, uint16_t idx, uint32_t count);

/* Without it: does the word avail.flags (used.flags) allow notifications? Only bit 0 says
 * anything. */
bool vri__notify_flags(uint16_t flags);

/* A place in a packed ring: a descriptor and the lap, of which the wrap counter tells two. */
struct packed_place {
	uint16_t slot; /* below the queue size */
	bool wrap;
};

/* What stands in an event suppression area: offset and wrap counter in the lower 16 bits, flags in
 * the upper. With EVENT_IDX a side can ask for the descriptor at a place. virtio 1.4, 2.8.14 */
#define PACKED_WISH_ENABLE 0u
#define PACKED_WISH_DISABLE 0x10000u
static inline uint32_t packed_wish_at(struct packed_place place)
{
	return 0x20000u | (uint32_t)place.wrap << 15 | place.slot;
}

/*
 * The packed ring's question: does @wish ask for a notification when the @count descriptors that end
 * just before @at were made available (used), those that a used list skips included? The range test
 * again, over two laps of a queue of @size, 1 to 32768.
 * Where the specification leaves a choice, a needless notification does less harm than a lost one:
 * flags 3, which are reserved, flags 2 without EVENT_IDX and an offset that is no descriptor's all
 * ask for every notification; the upper 14 bits of the flags mean nothing.
 */
bool vri__notify_packed(uint32_t wish, bool event_idx, unsigned size, struct packed_place at,
			uint32_t count);

#endif
