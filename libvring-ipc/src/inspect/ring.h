/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Where the areas of one queue stand, checked, for those that read them; the words of a split one. */
#ifndef INSPECT_RING_H
#define INSPECT_RING_H

#include "inspect/view.h"

struct ring {
	unsigned size; /* a power of two, unless packed */
	bool packed;
	bool event_idx, indirect, in_order; /* negotiated */
	/* Offsets of the descriptor, driver and device area; all of each is inside of the region. */
	uint64_t desc, avail, used;
	uint64_t outstanding; /* offset of @size bytes, 0: none */
};

/* Takes a queue's description and checks it. Returns: NULL; why there is nothing to read, static
 * text. */
const char *ring_locate(const struct vri_inspect *insp, const struct region_driver_queue *queue,
			struct ring *ret_ring);

/* The same by number. Returns: 0; -ENOENT; -EPROTO. */
int ring_find(const struct vri_inspect *insp, unsigned queue, struct ring *ret_ring);

/* Counters as the API has them. */
void ring_take_counters(const struct region_counters *from, struct vri_counters *to);

/* The words of the two rings of a split queue. Slots are masked. */
uint16_t ring_avail_flags(const struct vri_inspect *insp, const struct ring *ring);
uint16_t ring_avail_idx(const struct vri_inspect *insp, const struct ring *ring);
uint16_t ring_avail_entry(const struct vri_inspect *insp, const struct ring *ring, uint16_t idx);
uint16_t ring_used_event(const struct vri_inspect *insp, const struct ring *ring);
uint16_t ring_used_flags(const struct vri_inspect *insp, const struct ring *ring);
uint16_t ring_used_idx(const struct vri_inspect *insp, const struct ring *ring);
void ring_used_entry(const struct vri_inspect *insp, const struct ring *ring, uint16_t idx,
		     uint32_t *ret_id, uint32_t *ret_len);
uint16_t ring_avail_event(const struct vri_inspect *insp, const struct ring *ring);

/* Tells whether @head is marked as lent to the device. */
bool ring_is_lent(const struct vri_inspect *insp, const struct ring *ring, unsigned head);

#endif
