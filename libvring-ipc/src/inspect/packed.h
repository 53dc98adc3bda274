/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What a packed queue tells a reader: a copy of all its words, and what follows from them.
 *
 * In a packed ring both sides write the same descriptors, and the device writes a used one over
 * whatever list begins where the next used one belongs. So the ring alone does not say where each
 * list that is with the device was; together with the places that both sides count and with the
 * bytes that say which ids are lent, most of it can be told, and the rest is marked.
 *
 * A position counts descriptors from the set-up on: it is a place and all laps. The driver takes
 * used descriptors at D, the device writes them at U, it pops at P, and the driver makes available at
 * A: D <= U <= P <= A <= D + size. D and P are counted; U and A are found.
 */
#ifndef INSPECT_PACKED_H
#define INSPECT_PACKED_H

#include "inspect/ring.h"

/* The list of a buffer id. */
struct packed_seen {
	uint32_t at; /* position of the first descriptor that is there */
	uint16_t n; /* descriptors that are there; 0: none */
	uint8_t where; /* enum vri_inspect_where */
	uint8_t known; /* enum vri_inspect_known */
	uint8_t problem; /* enum vri_rule */
	uint8_t lent;
	uint8_t used; /* a used descriptor names it */
};

/* Every word of a queue that moves, in the order in which they are read. */
struct packed_words {
	struct region_counters driver_counters, device_counters;
	uint32_t driver_event, device_event;
	/* Then @size lent bytes, padded to 16, and the descriptors. */
	uint8_t bytes[];
};

struct packed_view {
	struct ring ring;
	unsigned queue;
	bool stable; /* two copies of the words were the same */
	uint64_t taken_ns; /* CLOCK_MONOTONIC */
	struct packed_words *words, *scratch;
	struct packed_seen *seen; /* by buffer id */

	/* Positions, from a multiple of two laps below D, so that none is negative. */
	uint32_t driver_used; /* D */
	uint32_t device_used; /* U, or what it is at least */
	uint32_t device_avail; /* P */
	uint32_t driver_avail; /* A */
	bool device_used_exact;
	bool absurd; /* the two counters cannot be those of one queue */
	uint32_t
		overwritten; /* up to here a used descriptor may stand anywhere; from here on none */
	uint32_t first_written; /* before it the ring was never written */
	unsigned n_lent, n_available, n_used;
};

/* Copies a queue's words and decodes them; unless @anew, the last look will do if it is of the same
 * ring and fresh. Returns: NULL when there is no memory. Borrowed: until the next of these calls. */
const struct packed_view *packed_recall(struct vri_inspect *insp, const struct ring *ring,
					unsigned queue, bool anew);

/* Frees the last look; NULL is ignored. */
void packed_free(struct packed_view *view);

/* A descriptor as it was copied: its words, and whether it is available or used at this position. */
struct packed_copy {
	uint64_t addr;
	uint32_t len;
	uint16_t id, flags;
	bool available, used;
};
struct packed_copy packed_at(const struct packed_view *view, uint32_t at);

/* A position as others see it. */
struct vri_inspect_place packed_place_of(const struct ring *ring, uint32_t at, bool exact);

/* Fills in what a snapshot of a queue says of a packed ring. */
void packed_tell(const struct packed_view *view, struct vri_inspect_queue *q);

/* Lists for vri_inspect_outstanding() and vri_inspect_get_used(). */
int packed_heads(const struct packed_view *view, struct vri_inspect_head *ret, unsigned max);
int packed_used(const struct packed_view *view, struct vri_inspect_used *ret, unsigned max);

#endif
