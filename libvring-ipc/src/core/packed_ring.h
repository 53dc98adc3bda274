/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Places in a packed ring: a slot, and what AVAIL and USED are there in this lap. */
#ifndef CORE_PACKED_RING_H
#define CORE_PACKED_RING_H

#include "notify.h"

/* AVAIL and USED of a packed descriptor's flags. A descriptor is available when AVAIL is the
 * driver's wrap counter and USED is not, used when both are the device's. virtio 1.4, 2.8.1 */
#define PACKED_AVAIL 0x0080u
#define PACKED_USED 0x8000u
#define PACKED_BOTH (PACKED_AVAIL | PACKED_USED)

/* What the two bits are in an available (used) descriptor of the first lap: both wrap counters start
 * at 1. */
#define PACKED_FIRST_AVAILABLE PACKED_AVAIL
#define PACKED_FIRST_USED PACKED_BOTH

/* Goes @n slots on, at most @size; the two bits turn round at the end of the ring. */
static inline void packed_advance(unsigned size, uint16_t *slot, uint16_t *bits, unsigned n)
{
	unsigned to = *slot + n;

	if (to >= size) {
		to -= size;
		*bits ^= PACKED_BOTH;
	}
	*slot = (uint16_t)to;
}

/* The way back. */
static inline void packed_go_back(unsigned size, uint16_t *slot, uint16_t *bits, unsigned n)
{
	if (*slot < n) {
		*slot = (uint16_t)(*slot + size - n);
		*bits ^= PACKED_BOTH;
	} else {
		*slot = (uint16_t)(*slot - n);
	}
}

/* In the bits of available and of used descriptors alike, AVAIL is the wrap counter. */
static inline struct packed_place packed_place(uint16_t slot, uint16_t bits)
{
	return (struct packed_place){ .slot = slot, .wrap = (bits & PACKED_AVAIL) != 0 };
}

#endif
