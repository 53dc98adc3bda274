/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A raw split ring in plain memory, with a driver and a device that write its words directly: honest
 * when the test wants it, hostile when it does not. It shares no code with the library's rings.
 *
 * The memory is one mapping with a page behind it that nobody may touch: rings, then indirect
 * tables, then the pool, which is all that a descriptor may name.
 */
#ifndef TESTS_MOCK_RING_H
#define TESTS_MOCK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include "core/memtab.h"
#include "core/queue.h"
#include "core/region.h"

#define MOCK_POOL_SIZE (1u << 20)
#define MOCK_TABLE_MAX 32u /* descriptors in each indirect table */

#define MOCK_NEXT VRING_DESC_F_NEXT
#define MOCK_WRITE VRING_DESC_F_WRITE
#define MOCK_INDIRECT VRING_DESC_F_INDIRECT

/* What a side's queue_ops were called for. */
struct mock_side {
	unsigned n_notify;
	unsigned n_wait;
	unsigned n_clear;
	unsigned n_broken;
	enum vri_rule rule; /* as told to the broken op */
	/* For wait: called in its place when it is set. */
	int (*on_wait)(void *data, int timeout_ms);
	void *data;
};

struct mock_ring {
	unsigned size;
	size_t bytes;
	uint8_t *base; /* iova 0 */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *tables;
	uint8_t *pool;
	uint8_t *outstanding; /* the driver's byte a descriptor */
	struct vri_mem *mem;
	struct region_counters drv_counters, dev_counters;
	struct mock_side drv, dev;
};

void mock_ring_init(struct mock_ring *r, unsigned size);
void mock_ring_fini(struct mock_ring *r);

/* Set-ups for the library's side; features are two at most, as masks of the low word. */
#define MOCK_EVENT_IDX (1ull << 29)
#define MOCK_INDIRECT_DESC (1ull << 28)
struct queue_setup mock_drv_setup(struct mock_ring *r, uint64_t features);
struct queue_setup mock_dev_setup(struct mock_ring *r, uint64_t features);
struct vri_drvq *mock_drvq(struct mock_ring *r, uint64_t features);
struct vri_devq *mock_devq(struct mock_ring *r, uint64_t features);

static inline uint64_t mock_iova(const struct mock_ring *r, const void *va)
{
	return (uint64_t)((const uint8_t *)va - r->base);
}

/* ---- the mock driver ---- */

/* Writes descriptor @i of @table, which may be the ring's or any memory, aligned or not. */
void mock_desc(void *table, unsigned i, uint64_t iova, uint32_t len, uint16_t flags, uint16_t next);
/* Makes @head available. */
void mock_offer(struct mock_ring *r, uint16_t head);
void mock_set_avail_idx(struct mock_ring *r, uint16_t idx);
uint16_t mock_avail_idx(const struct mock_ring *r);
void mock_set_avail_flags(struct mock_ring *r, uint16_t flags);
void mock_set_used_event(struct mock_ring *r, uint16_t event);

/* ---- the mock device ---- */

/* The head in available slot @idx, modulo the size. */
uint16_t mock_avail_head(const struct mock_ring *r, uint16_t idx);
/* Marks @id as used. */
void mock_use(struct mock_ring *r, uint32_t id, uint32_t len);
/* Writes a used entry and leaves the index. */
void mock_used_entry(struct mock_ring *r, uint16_t idx, uint32_t id, uint32_t len);
void mock_set_used_idx(struct mock_ring *r, uint16_t idx);
uint16_t mock_used_idx(const struct mock_ring *r);
void mock_set_used_flags(struct mock_ring *r, uint16_t flags);
void mock_set_avail_event(struct mock_ring *r, uint16_t event);

/* What the library wrote. */
uint16_t mock_avail_flags(const struct mock_ring *r);
uint16_t mock_used_flags(const struct mock_ring *r);
uint16_t mock_avail_event(const struct mock_ring *r);
uint16_t mock_used_event(const struct mock_ring *r);

/* ---- chance ---- */

/* A small generator, so that a seed that a failed test printed brings the same test back. */
struct mock_random {
	uint64_t state;
};

/* Seeds it from the environment (VRI_TEST_SEED) or from the clock, and prints the seed. */
struct mock_random mock_random_seeded(void);
uint32_t mock_random_below(struct mock_random *rnd, uint32_t limit);

#endif
