/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A buddy allocator over memory that a peer can write: it never reads or writes that memory, all it knows is private.
 *
 * The memory is units of 64 bytes (more in pools beyond 128 GiB). A block is 2^order units, aligned to its own size
 * from the base. For each order a bit tree holds the free blocks; a byte for each unit says what starts there.
 */
#include "core/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <vring-ipc/memory.h>

#include "util/bit_tree.h"
#include "util/list.h"
#include "util/log.h"

#define ORDERS 32
#define UNITS_MAX ((size_t)1 << (ORDERS - 1))

/* The byte of a unit: 0, nothing starts here; else the order + 1 of the block that was handed out, and: */
#define SET_ASIDE 0x80u /* given back during a quarantine */
#define CHILD 0x40u /* handed out as a pool of its own */
#define ORDER_MASK 0x3fu

struct vri_pool {
	uint8_t *base;
	size_t unit; /* bytes */
	size_t n_units;
	size_t n_free; /* units */
	size_t n_set_aside; /* blocks */
	uint8_t *start; /* for each unit */
	struct bit_tree free_blocks[ORDERS]; /* by block number: unit >> order */
	_Atomic bool quarantine; /* of the root; the others look there */
	struct vri_pool *root;
	struct vri_pool *parent; /* NULL: the root */
	struct list children; /* by sibling */
	struct list sibling;
};

static size_t block_units(unsigned order)
{
	return (size_t)1 << order;
}

/* Puts a block among the free ones and joins it with its free neighbours. */
static void give(struct vri_pool *pool, size_t at, unsigned order)
{
	pool->n_free += block_units(order);
	for (; order + 1 < ORDERS; order++) {
		size_t buddy = (at >> order) ^ 1;

		if (!bit_tree_has(&pool->free_blocks[order], buddy))
			break;
		bit_tree_clear(&pool->free_blocks[order], buddy);
		at &= ~block_units(order);
	}
	bit_tree_set(&pool->free_blocks[order], at >> order);
}

/* Takes the lowest free block that is large enough, and gives back what is too much of it. */
static bool take(struct vri_pool *pool, unsigned order, size_t *ret_at)
{
	size_t block = BIT_TREE_NONE;
	unsigned found;

	for (found = order; found < ORDERS; found++) {
		block = bit_tree_first(&pool->free_blocks[found]);
		if (block != BIT_TREE_NONE)
			break;
	}
	if (block == BIT_TREE_NONE)
		return false;
	bit_tree_clear(&pool->free_blocks[found], block);
	*ret_at = block << found;
	while (found > order) {
		found--;
		bit_tree_set(&pool->free_blocks[found], (*ret_at >> found) + 1);
	}
	pool->n_free -= block_units(order);
	return true;
}

static bool order_for(const struct vri_pool *pool, size_t size, unsigned *ret_order)
{
	size_t units = size / pool->unit + (size % pool->unit != 0);
	unsigned order = 0;

	if (units == 0 || units > pool->n_units)
		return false;
	while (block_units(order) < units)
		order++;
	*ret_order = order;
	return true;
}

/* ---- making and freeing ---- */

/* The largest aligned blocks that the units consist of; n_units need not be a power of two. */
static void give_all(struct vri_pool *pool)
{
	size_t at = 0;

	while (at < pool->n_units) {
		unsigned order = 0;

		while (order + 1 < ORDERS && at % block_units(order + 1) == 0 &&
		       block_units(order + 1) <= pool->n_units - at)
			order++;
		give(pool, at, order);
		at += block_units(order);
	}
}

int vri__pool_new(void *base, size_t size, struct vri_pool **ret_pool)
{
	struct vri_pool *pool;

	if (size < POOL_ALIGN || (uintptr_t)base % POOL_ALIGN)
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	list_init(&pool->children);
	list_init(&pool->sibling);
	pool->root = pool;
	pool->base = base;
	pool->unit = POOL_ALIGN;
	while (size / pool->unit > UNITS_MAX)
		pool->unit *= 2;
	pool->n_units = size / pool->unit;
	pool->start = calloc(pool->n_units, 1);
	if (!pool->start)
		goto no_memory;
	for (unsigned order = 0; order < ORDERS; order++)
		if (bit_tree_init(&pool->free_blocks[order], pool->n_units >> order) < 0)
			goto no_memory;
	give_all(pool);
	*ret_pool = pool;
	return 0;
no_memory:
	vri__pool_free_all(pool);
	return -ENOMEM;
}

void vri__pool_free_all(struct vri_pool *pool)
{
	struct list *node, *after;

	if (!pool)
		return;
	list_for_each_safe(node, after, &pool->children)
		vri__pool_free_all(list_entry(node, struct vri_pool, sibling));
	list_remove(&pool->sibling);
	for (unsigned order = 0; order < ORDERS; order++)
		bit_tree_fini(&pool->free_blocks[order]);
	free(pool->start);
	free(pool);
}

/* ---- quarantine ---- */

void vri__pool_set_quarantine(struct vri_pool *root, bool on)
{
	/* Relaxed: a thread that frees a buffer learnt from its queue (-EPROTO, -ETIMEDOUT) that the device cannot be
	 * trusted with it, and the queue set this before it told. */
	atomic_store_explicit(&root->quarantine, on, memory_order_relaxed);
}

static bool in_quarantine(const struct vri_pool *pool)
{
	return atomic_load_explicit(&pool->root->quarantine, memory_order_relaxed);
}

/* After a quarantine: what was set aside is free. */
static void readmit(struct vri_pool *pool)
{
	for (size_t at = 0; at < pool->n_units && pool->n_set_aside; at++) {
		unsigned order;

		if (!(pool->start[at] & SET_ASIDE))
			continue;
		order = (pool->start[at] & ORDER_MASK) - 1;
		pool->start[at] = 0;
		pool->n_set_aside--;
		give(pool, at, order);
	}
}

static void release(struct vri_pool *pool, size_t at)
{
	unsigned order = (pool->start[at] & ORDER_MASK) - 1;

	if (in_quarantine(pool)) {
		pool->start[at] |= SET_ASIDE;
		pool->n_set_aside++;
		return;
	}
	pool->start[at] = 0;
	give(pool, at, order);
	if (pool->n_set_aside)
		readmit(pool);
}

/* ---- the public face ---- */

static bool take_block(struct vri_pool *pool, size_t size, uint8_t mark, size_t *ret_at,
		       unsigned *ret_order)
{
	if (!order_for(pool, size, ret_order))
		return false;
	if (pool->n_set_aside && !in_quarantine(pool))
		readmit(pool);
	if (!take(pool, *ret_order, ret_at))
		return false;
	pool->start[*ret_at] = (uint8_t)(*ret_order + 1) | mark;
	return true;
}

void *vri_pool_alloc(struct vri_pool *pool, size_t size)
{
	unsigned order;
	size_t at;

	if (!pool || !take_block(pool, size, 0, &at, &order))
		return NULL;
	return pool->base + at * pool->unit;
}

/* The unit that starts at @buffer, if a block of the kind @mark was handed out there. */
static bool find_block(const struct vri_pool *pool, const void *buffer, uint8_t mark,
		       size_t *ret_at)
{
	uintptr_t at = (uintptr_t)buffer - (uintptr_t)pool->base;
	uint8_t start;

	if ((uintptr_t)buffer < (uintptr_t)pool->base || at % pool->unit ||
	    at / pool->unit >= pool->n_units)
		return false;
	*ret_at = at / pool->unit;
	start = pool->start[*ret_at];
	return start != 0 && (start & (SET_ASIDE | CHILD)) == mark;
}

void vri_pool_free(struct vri_pool *pool, void *buffer)
{
	size_t at;

	if (!pool || !buffer)
		return;
	if (!find_block(pool, buffer, 0, &at)) {
		vri__log(VRI_LOG_ERROR, "vri_pool_free: this pool has no buffer at %p", buffer);
		return;
	}
	release(pool, at);
}

int vri_pool_split(struct vri_pool *parent, size_t size, struct vri_pool **ret_pool)
{
	struct vri_pool *pool;
	unsigned order;
	size_t at;
	int r;

	if (!parent || !ret_pool || size == 0)
		return -EINVAL;
	if (!take_block(parent, size, CHILD, &at, &order))
		return -ENOSPC;
	r = vri__pool_new(parent->base + at * parent->unit, block_units(order) * parent->unit,
			  &pool);
	if (r < 0) {
		release(parent, at);
		return r;
	}
	pool->root = parent->root;
	pool->parent = parent;
	list_add(&parent->children, &pool->sibling);
	*ret_pool = pool;
	return 0;
}

void vri_pool_join(struct vri_pool *pool)
{
	size_t at;

	if (!pool || !pool->parent)
		return;
	if (find_block(pool->parent, pool->base, CHILD, &at)) {
		pool->parent->start[at] &= (uint8_t)~CHILD;
		release(pool->parent, at);
	}
	vri__pool_free_all(pool);
}

size_t vri_pool_size(const struct vri_pool *pool)
{
	return pool ? pool->n_units * pool->unit : 0;
}

size_t vri_pool_free_size(const struct vri_pool *pool)
{
	return pool ? pool->n_free * pool->unit : 0;
}
