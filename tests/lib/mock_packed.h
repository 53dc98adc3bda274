/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A raw packed ring in the memory of mock_ring.h, with a driver and a device that write its words
 * directly, honest or hostile. It shares no code with the library's rings.
 */
#ifndef TESTS_MOCK_PACKED_H
#define TESTS_MOCK_PACKED_H

#include "mock_ring.h"

#define MOCK_PACKED (1ull << 34)
#define MOCK_AVAIL 0x0080u
#define MOCK_USED 0x8000u

/* A place in the ring and the lap it belongs to. */
struct mock_place {
	unsigned slot;
	bool wrap;
};

struct mock_packed {
	struct mock_ring ring;
	unsigned size;
	struct vring_packed_desc *desc;
	struct vring_packed_desc_event *driver_event, *device_event;
	struct mock_place avail; /* where the mock driver puts its next list */
	struct mock_place used; /* where the mock device puts its next used descriptor */
};

void mock_packed_init(struct mock_packed *p, unsigned size);
void mock_packed_fini(struct mock_packed *p);

/* The library's sides of it. @features: MOCK_EVENT_IDX, MOCK_INDIRECT_DESC or more. */
struct vri_drvq *mock_packed_drvq(struct mock_packed *p, uint64_t features);
struct vri_devq *mock_packed_devq(struct mock_packed *p, uint64_t features);

struct mock_place mock_place_after(const struct mock_packed *p, struct mock_place place,
				   unsigned n);
/* AVAIL and USED of a descriptor that is available (used) in that lap. */
uint16_t mock_available_bits(bool wrap);
uint16_t mock_used_bits(bool wrap);
bool mock_is_available(const struct mock_packed *p, struct mock_place place);
bool mock_is_used(const struct mock_packed *p, struct mock_place place);

/* Writes a descriptor, flags last. @table: the ring or a table, aligned or not. */
void mock_packed_desc(void *table, unsigned i, uint64_t iova, uint32_t len, uint16_t id,
		      uint16_t flags);
uint16_t mock_flags(const struct mock_packed *p, unsigned slot);
void mock_set_flags(struct mock_packed *p, unsigned slot, uint16_t flags);

/* ---- the mock driver ---- */

struct mock_piece {
	uint64_t iova;
	uint32_t len;
	uint16_t flags; /* NEXT is added */
};

/* Makes a list of @n available under @id. */
void mock_packed_offer(struct mock_packed *p, const struct mock_piece *pieces, unsigned n,
		       uint16_t id);
/* A list of one readable piece of 8 bytes. */
void mock_packed_offer_one(struct mock_packed *p, uint16_t id);

/* ---- the mock device ---- */

/* The id of the list at @place, and how many descriptors it has. */
uint16_t mock_packed_list(const struct mock_packed *p, struct mock_place place, unsigned *ret_n);
/* Marks a list of @n as used, with WRITE. */
void mock_packed_use(struct mock_packed *p, uint16_t id, uint32_t len, unsigned n);

/* ---- event areas: flags, offset, wrap ---- */

void mock_set_event(struct vring_packed_desc_event *event, uint16_t flags, unsigned slot,
		    bool wrap);
uint16_t mock_event_flags(const struct vring_packed_desc_event *event);
struct mock_place mock_event_place(const struct vring_packed_desc_event *event);

#endif
