/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The chain walker of packed rings: what it accepts, and each rule that a driver can break. */

#include <errno.h>
#include <string.h>

#include <vring-ipc/memory.h>

#include "core/packed_chain.h"
#include "mock_packed.h"
#include "test.h"

#define SIZE 7u

static struct mock_packed p;
static struct chain_source source;
static struct iovec iov[SIZE];
static struct vri_chain chain;
static uint16_t n_desc;

static void init(void)
{
	mock_packed_init(&p, SIZE);
	source = (struct chain_source){
		.desc = p.desc,
		.mem = p.ring.mem,
		.size = SIZE,
		.indirect = true,
	};
	chain = (struct vri_chain){ .iov = iov, .iov_max = SIZE };
}

static void fini(void)
{
	mock_packed_fini(&p);
}

static uint64_t pool(size_t offset)
{
	return mock_iova(&p.ring, p.ring.pool + offset);
}

static uint64_t table_iova(size_t offset)
{
	return mock_iova(&p.ring, p.ring.tables) + offset;
}

static int walk_in(struct mock_place at, unsigned room, enum vri_rule *ret_rule)
{
	struct packed_list list = {
		.slot = (uint16_t)at.slot,
		.flags = mock_flags(&p, at.slot),
		.available = mock_available_bits(at.wrap),
		.room = (uint16_t)room,
	};
	int r;

	*ret_rule = VRI_RULE_NONE;
	r = vri__packed_chain_walk(&source, &list, &chain, &n_desc, ret_rule);
	t_eq(r == -EPROTO, *ret_rule != VRI_RULE_NONE);
	return r;
}

static int walk(unsigned slot)
{
	enum vri_rule rule;

	return walk_in((struct mock_place){ slot, true }, SIZE, &rule);
}

static void breaks(unsigned slot, enum vri_rule want)
{
	enum vri_rule rule;

	t_errno_eq(walk_in((struct mock_place){ slot, true }, SIZE, &rule), -EPROTO);
	t_streq(vri_rule_name(rule), vri_rule_name(want));
}

/* A descriptor in the first lap. */
static void desc(unsigned slot, size_t offset, uint32_t len, uint16_t id, uint16_t flags)
{
	mock_packed_desc(p.desc, slot, pool(offset), len, id, (uint16_t)(flags | MOCK_AVAIL));
}

/* ---- what is accepted ---- */

Test(packed_chain, one_descriptor_is_one_piece, .init = init, .fini = fini)
{
	desc(3, 64, 100, 5, 0);
	t_ok(walk(3));
	t_eq(n_desc, 1);
	t_eq(chain.head, 5);
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 0);
	t_eq(chain.readable_len, 100);
	t_ptr_eq(iov[0].iov_base, p.ring.pool + 64);
	t_eq(iov[0].iov_len, 100);
}

/* The id of the last descriptor counts, whatever the others say. */
Test(packed_chain, a_list_is_adjacent_slots_and_the_last_has_the_id, .init = init, .fini = fini)
{
	desc(1, 0, 10, 999, MOCK_NEXT);
	desc(2, 10, 20, 888, MOCK_NEXT);
	desc(3, 100, 30, 777, MOCK_NEXT | MOCK_WRITE);
	desc(4, 200, 40, 6, MOCK_WRITE);
	t_ok(walk(1));
	t_eq(n_desc, 4);
	t_eq(chain.head, 6);
	t_eq(chain.n_readable, 2);
	t_eq(chain.n_writable, 2);
	t_eq(chain.readable_len, 30);
	t_eq(chain.writable_len, 70);
	t_ptr_eq(iov[3].iov_base, p.ring.pool + 200);
}

/* Every start, every length, both laps: behind the end of the ring the bits turn round.
 * proves: dev:2.8g/1 */
Test(packed_chain, lists_go_around_the_end_of_the_ring, .init = init, .fini = fini)
{
	enum vri_rule rule;

	for (unsigned start = 0; start < 2 * SIZE; start++) {
		for (unsigned n = 1; n <= SIZE; n++) {
			struct mock_piece pieces[SIZE];

			for (unsigned i = 0; i < n; i++)
				pieces[i] = (struct mock_piece){ pool(64 * i), i + 1, 0 };
			memset(p.desc, 0, SIZE * sizeof(*p.desc));
			p.avail = (struct mock_place){ start % SIZE, start < SIZE };
			mock_packed_offer(&p, pieces, n, 2);
			t_ok(walk_in((struct mock_place){ start % SIZE, start < SIZE }, n, &rule));
			t_eq(n_desc, n);
			t_eq(chain.n_readable, n);
			for (unsigned i = 0; i < n; i++)
				t_ptr_eq(iov[i].iov_base, p.ring.pool + 64 * i);
		}
	}
}

Test(packed_chain, a_table_is_used_from_end_to_end, .init = init, .fini = fini)
{
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, 0);
	mock_packed_desc(p.ring.tables, 1, pool(50), 20, 0, 0);
	mock_packed_desc(p.ring.tables, 2, pool(90), 30, 0, MOCK_WRITE);
	mock_packed_desc(p.desc, 6, table_iova(0), 3 * 16, 4, MOCK_AVAIL | MOCK_INDIRECT);
	t_ok(walk(6));
	t_eq(n_desc, 1);
	t_eq(chain.head, 4);
	t_eq(chain.n_readable, 2);
	t_eq(chain.n_writable, 1);
	t_eq(chain.readable_len, 30);
	t_eq(chain.writable_len, 30);
}

/* faults: A11 */
Test(packed_chain, a_table_needs_no_alignment, .init = init, .fini = fini)
{
	for (unsigned off = 0; off < 16; off++) {
		uint8_t *table = (uint8_t *)p.ring.tables + off;

		mock_packed_desc(table, 0, pool(8), 10, 0, 0);
		mock_packed_desc(table, 1, pool(80), 20, 0, MOCK_WRITE);
		mock_packed_desc(p.desc, 0, table_iova(off), 2 * 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
		t_ok(walk(0));
		t_ptr_eq(iov[1].iov_base, p.ring.pool + 80);
	}
}

/* NEXT, INDIRECT, AVAIL, USED and the id mean nothing in a table.
 * proves: choice/8 */
Test(packed_chain, in_a_table_no_flag_but_write_is_looked_at, .init = init, .fini = fini)
{
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0xffff, (uint16_t)~MOCK_WRITE);
	mock_packed_desc(p.ring.tables, 1, pool(50), 20, 0xffff, 0xffff);
	mock_packed_desc(p.desc, 0, table_iova(0), 2 * 16, 4, MOCK_AVAIL | MOCK_INDIRECT);
	t_ok(walk(0));
	t_eq(chain.head, 4);
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 1);
}

Test(packed_chain, write_on_a_descriptor_that_points_at_a_table_is_ignored, .init = init,
     .fini = fini)
{
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), 16, 4, MOCK_AVAIL | MOCK_INDIRECT | MOCK_WRITE);
	t_ok(walk(0));
	t_eq(chain.n_readable, 1);
	t_eq(chain.n_writable, 0);
}

/* faults: A20
 * proves: choice/8 */
Test(packed_chain, unknown_flag_bits_are_ignored, .init = init, .fini = fini)
{
	uint16_t known = MOCK_NEXT | MOCK_WRITE | MOCK_INDIRECT | MOCK_AVAIL | MOCK_USED;

	for (unsigned bit = 0; bit < 16; bit++) {
		if ((known & 1u << bit) != 0)
			continue;
		desc(0, 0, 10, 1, (uint16_t)(1u << bit));
		t_ok(walk(0));
		t_eq(chain.n_readable, 1);
	}
}

/* proves: choice/3 */
Test(packed_chain, an_empty_piece_is_no_piece, .init = init, .fini = fini)
{
	desc(0, 0, 0, 1, MOCK_NEXT);
	desc(1, 8, 4, 1, 0);
	t_ok(walk(0));
	t_eq(n_desc, 2);
	t_eq(chain.n_readable, 1);
	t_eq(chain.readable_len, 4);
}

Test(packed_chain, too_little_room_for_pieces_is_no_violation, .init = init, .fini = fini)
{
	desc(0, 0, 1, 1, MOCK_NEXT);
	desc(1, 8, 4, 1, 0);
	chain.iov_max = 1;
	t_errno_eq(walk(0), -ENOBUFS);
	chain.iov_max = 2;
	t_ok(walk(0));
}

/* ---- what breaks ---- */

/* faults: A21 */
Test(packed_chain, an_id_outside_of_the_queue_breaks, .init = init, .fini = fini)
{
	desc(0, 0, 1, SIZE - 1, 0);
	t_ok(walk(0));
	desc(0, 0, 1, SIZE, 0);
	breaks(0, VRI_RULE_HEAD);
	desc(0, 0, 1, 0xffff, 0);
	breaks(0, VRI_RULE_HEAD);
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), 16, SIZE, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_HEAD);
}

/* proves: dev:2.8d/2
 * faults: A22 */
Test(packed_chain, a_descriptor_of_a_list_that_is_not_available_breaks, .init = init, .fini = fini)
{
	static const uint16_t wrong[] = { 0, MOCK_USED, MOCK_AVAIL | MOCK_USED };

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned at = 1; at < 4; at++) {
			for (unsigned k = 0; k < 4; k++)
				desc(k, 0, 1, 1, k < 3 ? MOCK_NEXT : 0);
			t_ok(walk(0));
			mock_set_flags(&p, at, (uint16_t)(wrong[i] | (at < 3 ? MOCK_NEXT : 0)));
			breaks(0, VRI_RULE_FLAGS);
		}
	}
}

/* proves: drv:2.8g/2
 * faults: A3 */
Test(packed_chain, a_list_longer_than_the_room_breaks, .init = init, .fini = fini)
{
	enum vri_rule rule;

	/* All the way round and on, with bits that are right in every lap that is looked at. */
	for (unsigned k = 0; k < SIZE; k++)
		desc(k, 0, 1, 1, MOCK_NEXT);
	breaks(0, VRI_RULE_CHAIN_LENGTH);
	for (unsigned room = 1; room < SIZE; room++) {
		t_errno_eq(walk_in((struct mock_place){ 0, true }, room, &rule), -EPROTO);
		t_eq(rule, VRI_RULE_CHAIN_LENGTH);
	}
}

/* faults: A10 */
Test(packed_chain, a_table_and_a_list_do_not_mix, .init = init, .fini = fini)
{
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), 16, 1, MOCK_AVAIL | MOCK_INDIRECT | MOCK_NEXT);
	desc(1, 0, 1, 1, 0);
	breaks(0, VRI_RULE_INDIRECT_NEXT);
	desc(0, 0, 1, 1, MOCK_NEXT);
	mock_packed_desc(p.desc, 1, table_iova(0), 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_INDIRECT_NEXT);
}

Test(packed_chain, a_table_without_the_feature_breaks, .init = init, .fini = fini)
{
	source.indirect = false;
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_INDIRECT_FEATURE);
}

/* faults: A9 */
Test(packed_chain, a_table_of_an_odd_size_breaks, .init = init, .fini = fini)
{
	static const uint32_t bad[] = { 0, 1, 15, 17, 31, 0xfffffff0, 0xffffffff };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mock_packed_desc(p.desc, 0, table_iova(0), bad[i], 1, MOCK_AVAIL | MOCK_INDIRECT);
		breaks(0, VRI_RULE_INDIRECT_SIZE);
	}
}

/* proves: drv:2.8i/3
 * faults: A4 */
Test(packed_chain, a_table_longer_than_the_queue_breaks, .init = init, .fini = fini)
{
	for (unsigned i = 0; i <= SIZE; i++)
		mock_packed_desc(p.ring.tables, i, pool(0), 1, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), SIZE * 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
	t_ok(walk(0));
	mock_packed_desc(p.desc, 0, table_iova(0), (SIZE + 1) * 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_CHAIN_LENGTH);
}

/* faults: A8 A12 */
Test(packed_chain, a_table_outside_of_the_memory_breaks, .init = init, .fini = fini)
{
	uint64_t end = p.ring.bytes;

	mock_packed_desc(p.desc, 0, end - 16, 32, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_INDIRECT_ADDRESS);
	mock_packed_desc(p.desc, 0, UINT64_MAX - 15, 32, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_INDIRECT_ADDRESS);
	/* The ring itself is no place for a table. */
	mock_packed_desc(p.desc, 0, 0, 16, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_INDIRECT_ADDRESS);
}

/* proves: drv:2.8g/3
 * faults: A18 */
Test(packed_chain, readable_behind_writable_breaks, .init = init, .fini = fini)
{
	desc(0, 0, 1, 1, MOCK_NEXT | MOCK_WRITE);
	desc(1, 0, 1, 1, 0);
	breaks(0, VRI_RULE_CHAIN_ORDER);
	mock_packed_desc(p.ring.tables, 0, pool(0), 10, 0, MOCK_WRITE);
	mock_packed_desc(p.ring.tables, 1, pool(0), 10, 0, 0);
	mock_packed_desc(p.desc, 0, table_iova(0), 32, 1, MOCK_AVAIL | MOCK_INDIRECT);
	breaks(0, VRI_RULE_CHAIN_ORDER);
}

/* faults: A5 A6 A7 A13 */
Test(packed_chain, a_buffer_outside_of_the_memory_breaks, .init = init, .fini = fini)
{
	uint64_t end = p.ring.bytes;

	mock_packed_desc(p.desc, 0, end - 8, 8, 1, MOCK_AVAIL);
	t_ok(walk(0));
	mock_packed_desc(p.desc, 0, end - 8, 9, 1, MOCK_AVAIL);
	breaks(0, VRI_RULE_ADDRESS);
	mock_packed_desc(p.desc, 0, UINT64_MAX - 3, 8, 1, MOCK_AVAIL);
	breaks(0, VRI_RULE_ADDRESS);
	mock_packed_desc(p.desc, 0, end, 0, 1, MOCK_AVAIL);
	breaks(0, VRI_RULE_ADDRESS);
	mock_packed_desc(p.desc, 0, 0, 16, 1, MOCK_AVAIL | MOCK_WRITE);
	breaks(0, VRI_RULE_ADDRESS);
}

/* Any bytes at all: pieces that lie in the pool or the tables, or a rule. faults: A22 A23 */
Test(packed_chain, any_ring_gives_valid_pieces_or_a_rule, .init = init, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	unsigned good = 0;

	for (unsigned round = 0; round < 200000; round++) {
		struct mock_place at = { mock_random_below(&rnd, SIZE),
					 mock_random_below(&rnd, 2) != 0 };
		enum vri_rule rule;

		for (unsigned i = 0; i < SIZE; i++) {
			static const uint16_t some[] = { 0,
							 0,
							 MOCK_NEXT,
							 MOCK_NEXT,
							 MOCK_WRITE,
							 MOCK_NEXT | MOCK_WRITE,
							 MOCK_INDIRECT };
			uint16_t flags = some[mock_random_below(&rnd, 7)];
			uint64_t iova = pool(mock_random_below(&rnd, 4096));

			flags |= mock_random_below(&rnd, 8) == 0 ?
					 (uint16_t)mock_random_below(&rnd, 65536) :
					 mock_available_bits(i >= at.slot ? at.wrap : !at.wrap);
			if (mock_random_below(&rnd, 16) == 0)
				iova = mock_random_below(&rnd, 0x10000) * 4096ull;
			if ((flags & MOCK_INDIRECT) != 0)
				iova = table_iova(mock_random_below(&rnd, 64));
			mock_packed_desc(p.desc, i, iova, mock_random_below(&rnd, 8) * 8,
					 (uint16_t)mock_random_below(&rnd, SIZE + 1), flags);
			mock_packed_desc(p.ring.tables, i, iova, mock_random_below(&rnd, 300), 0,
					 flags);
		}
		if (walk_in(at, 1 + mock_random_below(&rnd, SIZE), &rule) < 0)
			continue;
		good++;
		t_le(chain.n_readable + chain.n_writable, SIZE);
		t_lt(chain.head, SIZE);
		for (unsigned i = 0; i < chain.n_readable + chain.n_writable; i++) {
			uint8_t *va = iov[i].iov_base;

			t_true(va >= (uint8_t *)p.ring.tables);
			t_true(va + iov[i].iov_len <= p.ring.base + p.ring.bytes);
		}
	}
	t_gt(good, 1000);
}
