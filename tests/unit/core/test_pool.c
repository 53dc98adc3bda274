/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The buffer pool. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/memory.h>

#include "core/pool.h"
#include "test.h"
#include "util/bit_tree.h"

#define SIZE (1u << 16)

static _Alignas(4096) uint8_t memory[SIZE];

static struct vri_pool *make(size_t size)
{
	struct vri_pool *pool;

	t_ok(vri__pool_new(memory, size, &pool));
	return pool;
}

Test(pool, refuses_what_is_no_pool)
{
	struct vri_pool *pool;

	t_errno_eq(vri__pool_new(memory, 63, &pool), -EINVAL);
	t_errno_eq(vri__pool_new(memory + 1, SIZE - 64, &pool), -EINVAL);
	vri__pool_free_all(NULL);
	vri_pool_free(NULL, memory);
	vri_pool_join(NULL);
	t_null(vri_pool_alloc(NULL, 1));
}

Test(pool, buffers_start_a_cache_line_and_lie_inside)
{
	struct vri_pool *pool = make(SIZE);

	for (size_t size = 1; size < 3000; size += 37) {
		uint8_t *buffer = vri_pool_alloc(pool, size);

		t_not_null(buffer);
		t_eq((uintptr_t)buffer % 64, 0);
		t_ge((uintptr_t)buffer, (uintptr_t)memory);
		t_le((uintptr_t)buffer + size, (uintptr_t)memory + SIZE);
		vri_pool_free(pool, buffer);
	}
	vri__pool_free_all(pool);
}

Test(pool, the_whole_of_it_can_be_had_and_given_back)
{
	struct vri_pool *pool = make(SIZE);
	void *whole;

	for (int i = 0; i < 3; i++) {
		void *small[SIZE / 64];

		whole = vri_pool_alloc(pool, SIZE);
		t_ptr_eq(whole, memory);
		t_eq(vri_pool_free_size(pool), 0);
		t_null(vri_pool_alloc(pool, 1));
		vri_pool_free(pool, whole);
		for (unsigned k = 0; k < SIZE / 64; k++)
			t_not_null(small[k] = vri_pool_alloc(pool, 64));
		t_null(vri_pool_alloc(pool, 64));
		for (unsigned k = 0; k < SIZE / 64; k++)
			vri_pool_free(pool, small[(k * 7) % (SIZE / 64)]);
		t_eq(vri_pool_free_size(pool), SIZE);
	}
	vri__pool_free_all(pool);
}

static const size_t odd_sizes[] = { 64, 128, 192, 4096 + 64, 3 * 4096, 65536 - 64, 65536 - 1 };

TestEach(pool, sizes_that_are_no_power_of_two_lose_nothing, odd_sizes, size_t)
{
	struct vri_pool *pool = make(*param);
	size_t units = *param / 64;

	t_eq(vri_pool_size(pool), units * 64);
	for (size_t i = 0; i < units; i++)
		t_not_null(vri_pool_alloc(pool, 64));
	t_null(vri_pool_alloc(pool, 1));
	vri__pool_free_all(pool);
}

Test(pool, nothing_and_too_much_are_not_to_be_had)
{
	struct vri_pool *pool = make(SIZE);

	t_null(vri_pool_alloc(pool, 0));
	t_null(vri_pool_alloc(pool, SIZE + 1));
	t_null(vri_pool_alloc(pool, SIZE_MAX));
	t_null(vri_pool_alloc(pool, SIZE_MAX - 63));
	vri__pool_free_all(pool);
}

Test(pool, what_was_not_handed_out_is_not_taken_back)
{
	struct vri_pool *pool = make(SIZE);
	uint8_t *buffer = vri_pool_alloc(pool, 4096);
	size_t before = vri_pool_free_size(pool);
	uint8_t *volatile start = memory; /* the compiler need not know what lies before it */
	int local;

	vri_pool_free(pool, buffer + 64);
	vri_pool_free(pool, buffer + 1);
	vri_pool_free(pool, &local);
	vri_pool_free(pool, memory + SIZE);
	vri_pool_free(pool, start - 64);
	t_eq(vri_pool_free_size(pool), before);
	vri_pool_free(pool, buffer);
	vri_pool_free(pool, buffer); /* twice */
	t_eq(vri_pool_free_size(pool), SIZE);
	vri__pool_free_all(pool);
}

/* faults: B17 */
Test(pool, bookkeeping_never_touches_the_memory)
{
	static uint8_t before[SIZE];
	struct vri_pool *pool, *child;
	void *buffer[64];

	memset(memory, 0xa5, SIZE);
	memcpy(before, memory, SIZE);
	pool = make(SIZE);
	for (unsigned i = 0; i < 64; i++)
		buffer[i] = vri_pool_alloc(pool, 100 + i);
	t_ok(vri_pool_split(pool, 4096, &child));
	t_not_null(vri_pool_alloc(child, 100));
	for (unsigned i = 0; i < 64; i += 2)
		vri_pool_free(pool, buffer[i]);
	vri__pool_free_all(pool);
	t_mem_eq(memory, before, SIZE);
}

Test(pool, random_use_never_hands_out_a_byte_twice)
{
	struct vri_pool *pool = make(SIZE - 192);
	static uint8_t owner[SIZE];
	struct {
		uint8_t *at;
		size_t size;
	} held[200] = { { 0 } };

	srand(1);
	for (int i = 0; i < 200000; i++) {
		unsigned k = (unsigned)rand() % 200;

		if (held[k].at) {
			for (size_t b = 0; b < held[k].size; b++)
				t_eq(owner[held[k].at - memory + b], k + 1);
			memset(owner + (held[k].at - memory), 0, held[k].size);
			vri_pool_free(pool, held[k].at);
			held[k].at = NULL;
			continue;
		}
		held[k].size = (size_t)rand() % 900 + 1;
		held[k].at = vri_pool_alloc(pool, held[k].size);
		if (!held[k].at)
			continue;
		for (size_t b = 0; b < held[k].size; b++)
			t_eq(owner[held[k].at - memory + b], 0);
		memset(owner + (held[k].at - memory), (int)k + 1, held[k].size);
	}
	for (unsigned k = 0; k < 200; k++)
		vri_pool_free(pool, held[k].at);
	t_eq(vri_pool_free_size(pool), vri_pool_size(pool));
	vri__pool_free_all(pool);
}

Test(pool, a_split_pool_is_a_piece_of_its_parent)
{
	struct vri_pool *pool = make(SIZE), *child, *grandchild;
	uint8_t *buffer;

	t_errno_eq(vri_pool_split(pool, 0, &child), -EINVAL);
	t_errno_eq(vri_pool_split(pool, SIZE * 2, &child), -ENOSPC);
	t_ok(vri_pool_split(pool, 8192, &child));
	t_eq(vri_pool_size(child), 8192);
	t_eq(vri_pool_free_size(pool), SIZE - 8192);
	t_ok(vri_pool_split(child, 4096, &grandchild));
	buffer = vri_pool_alloc(grandchild, 4096);
	t_not_null(buffer);
	vri_pool_free(pool, buffer); /* not the parent's to take */
	t_eq(vri_pool_free_size(grandchild), 0);
	vri_pool_join(child);
	t_eq(vri_pool_free_size(pool), SIZE);
	vri__pool_free_all(pool);
}

/* faults: B13 */
Test(pool, a_quarantine_sets_aside_what_comes_back)
{
	struct vri_pool *pool = make(4096), *child;
	uint8_t *early, *late;

	t_ok(vri_pool_split(pool, 1024, &child));
	early = vri_pool_alloc(pool, 1024);
	late = vri_pool_alloc(child, 1024);
	vri__pool_set_quarantine(pool, true);
	vri_pool_free(pool, early);
	vri_pool_free(child, late);
	vri_pool_free(pool, early); /* twice changes nothing */
	t_null(vri_pool_alloc(child, 64));
	for (unsigned i = 0; i < 2048 / 64; i++) {
		uint8_t *other = vri_pool_alloc(pool, 64);

		t_not_null(other);
		t_true(other + 64 <= early || other >= early + 1024);
	}
	t_null(vri_pool_alloc(pool, 64));
	vri__pool_set_quarantine(pool, false);
	t_ptr_eq(vri_pool_alloc(pool, 1024), early);
	t_ptr_eq(vri_pool_alloc(child, 1024), late);
	vri__pool_free_all(pool);
}

/* ---- what it is built on ---- */

static const size_t tree_sizes[] = { 0, 1, 63, 64, 65, 4095, 4096, 4097, 300000 };

TestEach(bit_tree, finds_the_lowest_number, tree_sizes, size_t)
{
	struct bit_tree tree;

	t_ok(bit_tree_init(&tree, *param));
	t_eq(bit_tree_first(&tree), BIT_TREE_NONE);
	t_false(bit_tree_has(&tree, *param));
	for (size_t i = *param; i-- > 0;) {
		bit_tree_set(&tree, i);
		t_eq(bit_tree_first(&tree), i);
	}
	for (size_t i = 0; i < *param; i++) {
		t_true(bit_tree_has(&tree, i));
		t_eq(bit_tree_first(&tree), i);
		bit_tree_clear(&tree, i);
	}
	t_eq(bit_tree_first(&tree), BIT_TREE_NONE);
	bit_tree_fini(&tree);
}
