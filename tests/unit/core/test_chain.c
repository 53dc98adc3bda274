/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The chain walker: what it accepts, and each rule that a driver can break. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <vring-ipc/memory.h>

#include "core/chain.h"
#include "mock_ring.h"
#include "test.h"

#define SIZE 16u

static struct mock_ring ring;
static struct chain_source source;
static struct iovec iov[SIZE];
static struct vri_chain chain;

static void init(void)
{
	mock_ring_init(&ring, SIZE);
	source = (struct chain_source){
		.desc = ring.desc,
		.mem = ring.mem,
		.size = SIZE,
		.indirect = true,
	};
	chain = (struct vri_chain){ .iov = iov, .iov_max = SIZE };
}

static void fini(void)
{
	mock_ring_fini(&ring);
}

static uint64_t pool(size_t offset)
{
	return mock_iova(&ring, ring.pool + offset);
}

static int walk(unsigned head)
{
	enum vri_rule rule = VRI_RULE_NONE;
	int r = vri__chain_walk(&source, head, &chain, &rule);

	t_eq(r == -EPROTO, rule != VRI_RULE_NONE);
	return r;
}

static void breaks(unsigned head, enum vri_rule want)
{
	enum vri_rule rule = VRI_RULE_NONE;

	t_errno_eq(vri__chain_walk(&source, head, &chain, &rule), -EPROTO);
	t_streq(vri_rule_name(rule), vri_rule_name(want));
}

/* ---- what is accepted ---- */

Test(chain, one_descriptor_is_one_piece, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 5, pool(64), 100, 0, 0);
	t_ok(walk(5));
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 0);
	t_eq(chain.readable_len, 100);
	t_eq(chain.writable_len, 0);
	t_ptr_eq(iov[0].iov_base, ring.pool + 64);
	t_eq(iov[0].iov_len, 100);
}

/* proves: drv:2.7f/1 */
Test(chain, readable_pieces_come_before_writable_ones, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 9, pool(0), 10, MOCK_NEXT, 2);
	mock_desc(ring.desc, 2, pool(10), 20, MOCK_NEXT, 15);
	mock_desc(ring.desc, 15, pool(100), 30, MOCK_NEXT | MOCK_WRITE, 0);
	mock_desc(ring.desc, 0, pool(200), 40, MOCK_WRITE, 0);
	t_ok(walk(9));
	t_eq(chain.n_readable, 2);
	t_eq(chain.n_writable, 2);
	t_eq(chain.readable_len, 30);
	t_eq(chain.writable_len, 70);
	t_ptr_eq(iov[2].iov_base, ring.pool + 100);
	t_ptr_eq(iov[3].iov_base, ring.pool + 200);
}

Test(chain, next_is_not_looked_at_without_its_flag, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, pool(0), 10, 0, 65535);
	t_ok(walk(0));
	t_eq(chain.n_readable, 1);
}

Test(chain, as_long_as_the_queue_is_not_too_long, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < SIZE; i++)
		mock_desc(ring.desc, i, pool(i), 1, i + 1 < SIZE ? MOCK_NEXT : 0,
			  (uint16_t)(i + 1));
	t_ok(walk(0));
	t_eq(chain.n_readable, SIZE);
}

/* ---- indirect tables ---- */

Test(chain, a_table_is_a_chain, .init = init, .fini = fini)
{
	mock_desc(ring.tables, 0, pool(0), 10, MOCK_NEXT, 2);
	mock_desc(ring.tables, 2, pool(50), 20, MOCK_WRITE, 0);
	mock_desc(ring.desc, 3, mock_iova(&ring, ring.tables), 3 * 16, MOCK_INDIRECT, 0);
	t_ok(walk(3));
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 1);
	t_ptr_eq(iov[1].iov_base, ring.pool + 50);
}

/* proves: dev:2.7i/2 */
Test(chain, direct_descriptors_may_precede_a_table, .init = init, .fini = fini)
{
	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < k; i++)
			mock_desc(ring.desc, i, pool(i * 8), 8, MOCK_NEXT, (uint16_t)(i + 1));
		mock_desc(ring.desc, k, mock_iova(&ring, ring.tables), 2 * 16, MOCK_INDIRECT, 0);
		mock_desc(ring.tables, 0, pool(100), 10, MOCK_NEXT, 1);
		mock_desc(ring.tables, 1, pool(200), 20, MOCK_WRITE, 0);
		t_ok(walk(0));
		t_eq(chain.n_readable, k + 1);
		t_eq(chain.n_writable, 1);
		t_eq(chain.readable_len, 8 * k + 10);
	}
}

/* proves: dev:2.7i/1 */
Test(chain, write_on_a_descriptor_that_points_at_a_table_is_ignored, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 16, MOCK_INDIRECT | MOCK_WRITE, 0);
	mock_desc(ring.tables, 0, pool(0), 10, 0, 0);
	t_ok(walk(0));
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 0);
}

/* faults: A11 */
Test(chain, a_table_needs_no_alignment, .init = init, .fini = fini)
{
	for (unsigned shift = 0; shift < 16; shift++) {
		uint8_t *table = ring.pool + 4096 + shift;

		mock_desc(table, 0, pool(16 * shift), 10 + shift, MOCK_NEXT, 1);
		mock_desc(table, 1, pool(1024), 20, MOCK_WRITE, 0);
		mock_desc(ring.desc, 0, mock_iova(&ring, table), 2 * 16, MOCK_INDIRECT, 0);
		t_ok(walk(0));
		t_eq(chain.readable_len, 10 + shift);
		t_ptr_eq(iov[0].iov_base, ring.pool + 16 * shift);
	}
}

Test(chain, a_table_may_be_longer_than_the_queue_while_its_chain_is_not, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 100 * 16, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, MOCK_NEXT, 99);
	mock_desc(ring.tables, 99, pool(0), 10, 0, 0);
	t_ok(walk(0));
	t_eq(chain.n_readable, 2);
	/* The largest that a next field can reach into, and one more. */
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.pool), 65536 * 16, MOCK_INDIRECT, 0);
	mock_desc(ring.pool, 0, pool(0), 10, 0, 0);
	t_ok(walk(0));
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.pool), 65537 * 16, MOCK_INDIRECT, 0);
	breaks(0, VRI_RULE_INDIRECT_SIZE);
}

/* proves: drv:2.7i/1 */
Test(chain, a_table_without_the_feature_is_a_violation, .init = init, .fini = fini)
{
	source.indirect = false;
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 16, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, 0, 0);
	breaks(0, VRI_RULE_INDIRECT_FEATURE);
}

/* proves: drv:2.7i/2
 * faults: A10 */
Test(chain, a_table_inside_of_a_table_is_a_violation, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 32, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, MOCK_NEXT, 1);
	mock_desc(ring.tables, 1, mock_iova(&ring, ring.tables), 32, MOCK_INDIRECT, 0);
	breaks(0, VRI_RULE_INDIRECT_NESTED);
}

/* proves: drv:2.7i/4
 * faults: A10 */
Test(chain, indirect_together_with_next_is_a_violation, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 16, MOCK_INDIRECT | MOCK_NEXT, 1);
	mock_desc(ring.desc, 1, pool(0), 10, 0, 0);
	mock_desc(ring.tables, 0, pool(0), 10, 0, 0);
	breaks(0, VRI_RULE_INDIRECT_NEXT);
}

struct table_len {
	uint32_t len;
};

static const struct table_len table_lens[] = { { 0 },  { 1 },		{ 15 },
					       { 17 }, { 0xfffffff0u }, { 0xffffffffu } };

/* faults: A9 */
TestEach(chain, a_table_of_a_bad_size_is_a_violation, table_lens, struct table_len, .init = init,
	 .fini = fini)
{
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), param->len, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, 0, 0);
	breaks(0, VRI_RULE_INDIRECT_SIZE);
}

/* faults: A8 */
Test(chain, a_table_outside_of_the_memory_is_a_violation, .init = init, .fini = fini)
{
	uint64_t end = ring.bytes;
	const uint64_t bad[] = { end, end - 16, end - 1, UINT64_MAX - 15, 1ull << 62 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mock_desc(ring.desc, 0, bad[i], 32, MOCK_INDIRECT, 0);
		breaks(0, VRI_RULE_INDIRECT_ADDRESS);
	}
	/* Exactly at the end is inside. */
	mock_desc(ring.desc, 0, end - 32, 32, MOCK_INDIRECT, 0);
	mock_desc(ring.base + end - 32, 0, pool(0), 10, MOCK_NEXT, 1);
	mock_desc(ring.base + end - 32, 1, pool(0), 10, 0, 0);
	t_ok(walk(0));
}

/* faults: A12 A13 */
Test(chain, rings_hold_neither_tables_nor_buffers, .init = init, .fini = fini)
{
	const void *areas[] = { ring.desc, ring.avail, ring.used };

	for (unsigned i = 0; i < 3; i++) {
		mock_desc(ring.desc, 0, mock_iova(&ring, areas[i]), 16, MOCK_INDIRECT, 0);
		breaks(0, VRI_RULE_INDIRECT_ADDRESS);
		mock_desc(ring.desc, 0, mock_iova(&ring, areas[i]), 16, MOCK_WRITE, 0);
		breaks(0, VRI_RULE_ADDRESS);
		mock_desc(ring.desc, 0, mock_iova(&ring, areas[i]), 16, 0, 0);
		breaks(0, VRI_RULE_ADDRESS);
	}
}

/* ---- length, loops, order ---- */

/* faults: A2 */
Test(chain, next_outside_of_its_table_is_a_violation, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, pool(0), 10, MOCK_NEXT, SIZE);
	breaks(0, VRI_RULE_NEXT);
	mock_desc(ring.desc, 0, pool(0), 10, MOCK_NEXT, 65535);
	breaks(0, VRI_RULE_NEXT);
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), 32, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, MOCK_NEXT, 2);
	breaks(0, VRI_RULE_NEXT);
}

struct loop_case {
	unsigned length;
};

static const struct loop_case loops[] = { { 1 }, { 2 }, { 7 }, { SIZE } };

/* proves: drv:2.7d/1
 * faults: A3 */
TestEach(chain, a_loop_is_a_violation, loops, struct loop_case, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < param->length; i++) {
		mock_desc(ring.desc, i, pool(0), 10, MOCK_NEXT,
			  (uint16_t)((i + 1) % param->length));
		mock_desc(ring.tables, i, pool(0), 10, MOCK_NEXT,
			  (uint16_t)((i + 1) % param->length));
	}
	breaks(0, VRI_RULE_CHAIN_LENGTH);
	/* Also when there is no room for its pieces, and in a table. */
	chain.iov_max = 1;
	breaks(0, VRI_RULE_CHAIN_LENGTH);
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.tables), param->length * 16, MOCK_INDIRECT,
		  0);
	breaks(0, VRI_RULE_CHAIN_LENGTH);
}

/* proves: drv:2.7i/3
 * faults: A4 */
Test(chain, direct_and_indirect_together_longer_than_the_queue_is_a_violation, .init = init,
     .fini = fini)
{
	/* 4 direct descriptors and a table of 12: as long as the queue; with 13: too long. */
	for (unsigned i = 0; i < 4; i++)
		mock_desc(ring.desc, i, pool(0), 1, MOCK_NEXT, (uint16_t)(i + 1));
	for (unsigned n = 12; n <= 13; n++) {
		mock_desc(ring.desc, 4, mock_iova(&ring, ring.tables), n * 16, MOCK_INDIRECT, 0);
		for (unsigned i = 0; i < n; i++)
			mock_desc(ring.tables, i, pool(0), 1, i + 1 < n ? MOCK_NEXT : 0,
				  (uint16_t)(i + 1));
		if (n == 12)
			t_ok(walk(0));
		else
			breaks(0, VRI_RULE_CHAIN_LENGTH);
	}
}

/* proves: drv:2.7f/1
 * faults: A18 */
Test(chain, readable_after_writable_is_a_violation, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, pool(0), 10, MOCK_NEXT | MOCK_WRITE, 1);
	mock_desc(ring.desc, 1, pool(0), 10, 0, 0);
	breaks(0, VRI_RULE_CHAIN_ORDER);
	/* Also across the border of a table, and with a piece of no bytes. */
	mock_desc(ring.desc, 1, mock_iova(&ring, ring.tables), 16, MOCK_INDIRECT, 0);
	mock_desc(ring.tables, 0, pool(0), 10, 0, 0);
	breaks(0, VRI_RULE_CHAIN_ORDER);
	mock_desc(ring.tables, 0, pool(0), 0, 0, 0);
	breaks(0, VRI_RULE_CHAIN_ORDER);
}

/* ---- addresses ---- */

struct place {
	const char *what;
	uint64_t from_end; /* address: the end of the memory minus this */
	uint32_t len;
	bool ok;
};

static const struct place places[] = {
	{ "up to the very end", 100, 100, true },
	{ "one byte past it", 100, 101, false },
	{ "at the end", 0, 1, false },
	{ "far too long", 100, 0xffffffffu, false },
	{ "wraps", 1ull << 63, 0xffffffffu, false },
};

/* faults: A5 A6 */
TestEach(chain, a_buffer_outside_of_the_memory_is_a_violation, places, struct place, .init = init,
	 .fini = fini)
{
	mock_desc(ring.desc, 0, ring.bytes - param->from_end, param->len, 0, 0);
	if (param->ok)
		t_ok(walk(0));
	else
		breaks(0, VRI_RULE_ADDRESS);
	mock_desc(ring.desc, 1, UINT64_MAX - param->len + 2, param->len, MOCK_WRITE, 0);
	breaks(1, VRI_RULE_ADDRESS);
}

Test(chain, a_buffer_in_a_direction_that_its_memory_forbids_is_a_violation, .init = init,
     .fini = fini)
{
	static uint8_t memory[4096];
	struct mem_entry e = {
		.iova = 1ull << 32,
		.size = 4096,
		.va = memory,
		.access = VRI_ACCESS_READ,
		.window_size = 4096,
	};

	t_ok(vri__mem_add(ring.mem, &e));
	mock_desc(ring.desc, 0, 1ull << 32, 10, 0, 0);
	t_ok(walk(0));
	mock_desc(ring.desc, 0, 1ull << 32, 10, MOCK_WRITE, 0);
	breaks(0, VRI_RULE_ACCESS);
}

/* The specification says nothing of them. A buffer of no bytes is no reason to break a queue, but its
 * address has to make sense. faults: A7
 * proves: choice/3 */
Test(chain, a_descriptor_of_no_bytes_counts_and_makes_no_piece, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, pool(0), 0, MOCK_NEXT, 1);
	mock_desc(ring.desc, 1, pool(8), 10, MOCK_NEXT, 2);
	mock_desc(ring.desc, 2, pool(0), 0, MOCK_WRITE, 0);
	t_ok(walk(0));
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 0);
	t_ptr_eq(iov[0].iov_base, ring.pool + 8);
	t_ok(walk(2));
	t_eq(chain.n_readable + chain.n_writable, 0);
	mock_desc(ring.desc, 0, ring.bytes, 0, 0, 0);
	breaks(0, VRI_RULE_ADDRESS);
	mock_desc(ring.desc, 0, mock_iova(&ring, ring.used), 0, MOCK_WRITE, 0);
	breaks(0, VRI_RULE_ADDRESS);
	/* A queue's length of them is a loop like any other. */
	mock_desc(ring.desc, 0, pool(0), 0, MOCK_NEXT, 0);
	breaks(0, VRI_RULE_CHAIN_LENGTH);
}

/* proves: drv:2.7d/1 choice/4
 * faults: A19 */
Test(chain, more_than_4_gib_less_one_byte_is_a_violation, .init = init, .fini = fini)
{
	const uint64_t big = 1ull << 33;
	struct mem_entry e = {
		.iova = 1ull << 40,
		.size = big,
		.access = VRI_ACCESS_READ_WRITE,
		.window_size = big,
	};

	/* Only addresses: nothing here is touched. */
	e.va = mmap(NULL, big, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_true((void *)e.va != MAP_FAILED);
	t_ok(vri__mem_add(ring.mem, &e));
	mock_desc(ring.desc, 0, e.iova, 0x80000000u, MOCK_NEXT, 1);
	mock_desc(ring.desc, 1, e.iova + 5, 0x7fffffffu, MOCK_WRITE, 0);
	t_ok(walk(0));
	t_eq(chain.readable_len, 0x80000000u);
	t_eq(chain.writable_len, 0x7fffffffu);
	mock_desc(ring.desc, 1, e.iova + 5, 0x80000000u, MOCK_WRITE, 0);
	breaks(0, VRI_RULE_CHAIN_BYTES);
	mock_desc(ring.desc, 1, e.iova + 5, 0xffffffffu, 0, 0);
	breaks(0, VRI_RULE_CHAIN_BYTES);
	munmap(e.va, big);
}

/* The answer to unknown flag bits is to ignore them. faults: A20
 * proves: choice/8 */
Test(chain, flags_without_a_meaning_are_ignored, .init = init, .fini = fini)
{
	for (unsigned bit = 3; bit < 16; bit++) {
		mock_desc(ring.desc, 0, pool(0), 10, (uint16_t)(1u << bit), 1);
		t_ok(walk(0));
		t_eq(chain.n_readable, 1);
	}
	mock_desc(ring.desc, 0, pool(0), 10, (uint16_t) ~(MOCK_NEXT | MOCK_INDIRECT), 1);
	t_ok(walk(0));
	t_eq(chain.n_writable, 1);
}

Test(chain, too_little_room_is_no_violation, .init = init, .fini = fini)
{
	mock_desc(ring.desc, 0, pool(0), 10, MOCK_NEXT, 1);
	mock_desc(ring.desc, 1, pool(0), 10, MOCK_WRITE, 0);
	chain.iov_max = 1;
	t_errno_eq(walk(0), -ENOBUFS);
	chain.iov_max = 0;
	t_errno_eq(walk(0), -ENOBUFS);
	chain.iov_max = 2;
	t_ok(walk(0));
}

/* ---- pieces as one run of bytes ---- */

/* proves: dev:2.7f/1
 * faults: A25 */
Test(chain, any_split_of_a_message_reads_the_same, .init = init, .fini = fini)
{
	static const char message[] = "a message that is cut in every way";
	const size_t len = sizeof(message);
	char copy[64];

	memcpy(ring.pool, message, len);
	for (unsigned cut1 = 1; cut1 < len; cut1++) {
		for (unsigned cut2 = cut1 + 1; cut2 < len; cut2++) {
			mock_desc(ring.desc, 0, pool(0), cut1, MOCK_NEXT, 1);
			mock_desc(ring.desc, 1, pool(cut1), cut2 - cut1, MOCK_NEXT, 2);
			mock_desc(ring.desc, 2, pool(cut2), (uint32_t)len - cut2, 0, 0);
			t_ok(walk(0));
			memset(copy, 0, sizeof(copy));
			t_eq(vri_chain_read(&chain, 0, copy, sizeof(copy)), len);
			t_mem_eq(copy, message, len);
			t_eq(vri_chain_read(&chain, 5, copy, 7), 7);
			t_mem_eq(copy, message + 5, 7);
		}
	}
	t_eq(vri_chain_read(&chain, len, copy, 1), 0);
	t_eq(vri_chain_read(&chain, SIZE_MAX, copy, 1), 0);
}

/* proves: dev:2.7u/2 dev:2.7d/1 */
Test(chain, writing_starts_at_the_first_writable_byte_and_touches_no_other, .init = init,
     .fini = fini)
{
	memset(ring.pool, 'r', 64);
	memset(ring.pool + 64, 'w', 64);
	mock_desc(ring.desc, 0, pool(0), 64, MOCK_NEXT, 1);
	mock_desc(ring.desc, 1, pool(64), 3, MOCK_NEXT | MOCK_WRITE, 2);
	mock_desc(ring.desc, 2, pool(67), 5, MOCK_WRITE, 0);
	t_ok(walk(0));
	t_eq(vri_chain_write(&chain, 0, "0123", 4), 4);
	t_mem_eq(ring.pool + 64, "0123wwww", 8);
	t_eq(vri_chain_write(&chain, 6, "abcd", 4), 2);
	t_mem_eq(ring.pool + 64, "0123wwabww", 10);
	t_eq(vri_chain_write(&chain, 8, "x", 1), 0);
	for (unsigned i = 0; i < 64; i++)
		t_eq(ring.pool[i], 'r');
}
