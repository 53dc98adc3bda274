/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What surrounds a queue for Eva: values that can be anything, and a memory table that finds what it likes. */
#ifndef EVA_WORLD_H
#define EVA_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/queue.h"
#include "core/queue_wait.h"
#include "core/ring_layout.h"

static volatile uint64_t anything;

static uint64_t any(void)
{
	return anything;
}

static unsigned any_up_to(unsigned max)
{
	unsigned value = (unsigned)anything;

	return value <= max ? value : max;
}

static bool any_bool(void)
{
	return any_up_to(1) != 0;
}

/* What Eva thinks of beyond here does not happen. */
#define cut_off_unless(condition)    \
	do {                         \
		while (!(condition)) \
			continue;    \
	} while (0)

/* The three areas, each of exactly the size that a queue of SIZE has. */
#ifdef PACKED
static uint64_t desc_area[2 * SIZE];
static uint32_t driver_area[1], device_area[1];
#else
static uint64_t desc_area[2 * SIZE];
static uint16_t driver_area[3 + SIZE];
static uint16_t device_area[3 + 4 * SIZE];
#endif

static void notified(void *ctx)
{
}

static void queue_broken(void *ctx, enum vri_rule rule)
{
}

static const struct queue_ops ops = { .notify = notified,
				      .clear = notified,
				      .armed = notified,
				      .broken = queue_broken };

static uint8_t payload[1];
static uint8_t table[64];

static void make_setup(struct queue_setup *s)
{
	*s = (struct queue_setup){
		.size = SIZE,
		.desc = desc_area,
		.driver = driver_area,
		.device = device_area,
		.ops = &ops,
		.mem = (const struct vri_mem *)payload, /* never looked into */
	};
#ifdef PACKED
	s->features.word[0] = 1ull << VRI_F_RING_PACKED;
#endif
}

/* ---- in place of files that are looked at on their own, or that ask the system ---- */

uint64_t vri__mem_iova(const struct vri_mem *mem, unsigned *hint, const void *va, uint64_t len,
		       unsigned access)
{
	*hint = any_up_to(MEM_ENTRIES_MAX - 1);
	return any();
}

void *mem_look(const struct vri_mem *mem, unsigned hint, uint64_t iova, uint64_t len,
	       unsigned access)
{
	return any_bool() ? payload : NULL;
}

void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
			 unsigned access, bool *ret_denied)
{
	*hint = any_up_to(MEM_ENTRIES_MAX - 1);
	if (ret_denied != NULL)
		*ret_denied = any_bool();
	if (any_bool())
		return NULL;
	/* Tables are the only thing that is found without asking what was denied. */
	return ret_denied == NULL ? table : payload;
}

int vri__private_map(size_t size, void **ret_base)
{
	return -1;
}

void vri__private_unmap(void *base)
{
}

void vri__spin_init(struct spin *spin, unsigned looks)
{
}

int vri__queue_wait(void *q, const struct wait_side *side, struct spin *spin,
		    const struct queue_ops *queue, void *ctx, int timeout_ms)
{
	uint64_t next_ns;

	if (side->deadline != NULL)
		side->deadline(q, any(), &next_ns);
	side->suppress(q);
	return side->has_work(q) ? 1 : side->arm(q);
}

#endif
