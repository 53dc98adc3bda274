/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What drivers do to rings and chains, each rule of enum vri_rule that they can break among it. */
#include "bad_driver.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "util/memfd.h"

#define SIZE DRIVER_QUEUE_SIZE
#define HIGH (1ull << 50)

/* ---- indices and heads ---- */

/* Until the device has popped @n more descriptors, which its counters say. */
static void await_popped(struct rig *r, unsigned n)
{
	const struct region_counters *counters =
		(const void *)(r->base + r->map.device_counters.offset);
	static uint64_t seen = 4; /* by two echoes */

	seen += n;
	for (unsigned i = 0; i < 2000; i++) {
		if (le64toh(__atomic_load_n(&counters->position, __ATOMIC_ACQUIRE)) >= seen)
			break;
		rig_sleep_ms(1);
	}
}

static void avail_idx_ahead(struct rig *r)
{
	struct mock_ring *ring = &r->p.ring;

	if (r->packed) {
		/* As many as there are slots, all held, and one more. */
		for (unsigned i = 0; i < SIZE; i++) {
			driver_offer_simple(r, i, true);
			await_popped(r, 1);
		}
		driver_offer_simple(r, 0, true);
		return;
	}
	mock_set_avail_idx(ring, (uint16_t)(mock_avail_idx(ring) + SIZE + 1));
	rig_notify(r);
}

static void avail_idx_back(struct rig *r)
{
	mock_set_avail_idx(&r->p.ring, (uint16_t)(mock_avail_idx(&r->p.ring) - 1));
	rig_notify(r);
}

static void head_outside(struct rig *r)
{
	struct mock_piece piece = { driver_pool(r, 0), 8, 0 };

	if (r->packed) {
		driver_offer(r, &piece, 1, SIZE);
		return;
	}
	mock_offer(&r->p.ring, SIZE);
	rig_notify(r);
}

static void head_all_ones(struct rig *r)
{
	struct mock_piece piece = { driver_pool(r, 0), 8, 0 };

	if (r->packed) {
		driver_offer(r, &piece, 1, 0xffff);
		return;
	}
	mock_offer(&r->p.ring, 0xffff);
	rig_notify(r);
}

static void head_in_flight(struct rig *r)
{
	driver_offer_simple(r, 3, true);
	driver_offer_simple(r, 3, true);
}

/* ---- chains ---- */

static void offer_raw(struct rig *r, uint16_t head)
{
	mock_offer(&r->p.ring, head);
	rig_notify(r);
}

static void next_outside(struct rig *r)
{
	mock_desc(r->p.ring.desc, 2, driver_pool(r, 0), 8, MOCK_NEXT, SIZE);
	offer_raw(r, 2);
}

static void next_outside_of_table(struct rig *r)
{
	mock_desc(r->p.ring.tables, 0, driver_pool(r, 0), 8, MOCK_NEXT, 2);
	mock_desc(r->p.ring.desc, 2, r->areas.tables, 32, MOCK_INDIRECT, 0);
	offer_raw(r, 2);
}

static void loop(struct rig *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		mock_desc(r->p.ring.desc, i, driver_pool(r, 0), 8, MOCK_NEXT,
			  (uint16_t)((i + 1) % n));
	offer_raw(r, 0);
}

static void loop_of_one(struct rig *r)
{
	loop(r, 1);
}

static void loop_of_two(struct rig *r)
{
	loop(r, 2);
}

static void loop_of_all(struct rig *r)
{
	loop(r, SIZE);
}

static void loop_in_table(struct rig *r)
{
	mock_desc(r->p.ring.tables, 0, driver_pool(r, 0), 8, MOCK_NEXT, 1);
	mock_desc(r->p.ring.tables, 1, driver_pool(r, 0), 8, MOCK_NEXT, 0);
	mock_desc(r->p.ring.desc, 2, r->areas.tables, 32, MOCK_INDIRECT, 0);
	offer_raw(r, 2);
}

/* Over the whole ring, and the last one has NEXT too. */
static void list_without_end(struct rig *r)
{
	for (unsigned i = SIZE; i-- > 0;) {
		struct mock_place place = mock_place_after(&r->p, r->p.avail, i);

		mock_packed_desc(r->p.desc, place.slot, driver_pool(r, 0), 8, 0,
				 mock_flags(&r->p, place.slot));
		mock_set_flags(&r->p, place.slot, MOCK_NEXT | mock_available_bits(place.wrap));
	}
	rig_notify(r);
}

static void table_longer_than_queue(struct rig *r)
{
	struct mock_piece piece = { r->areas.tables, 16 * (SIZE + 1), MOCK_INDIRECT };

	for (unsigned i = 0; i <= SIZE; i++)
		mock_desc(r->p.ring.tables, i, driver_pool(r, 0), 8,
			  r->packed || i == SIZE ? 0 : MOCK_NEXT, (uint16_t)(i + 1));
	driver_offer(r, &piece, 1, 2);
}

static void direct_and_table_too_long(struct rig *r)
{
	for (unsigned i = 0; i < SIZE; i++)
		mock_desc(r->p.ring.tables, i, driver_pool(r, 0), 8, i + 1 < SIZE ? MOCK_NEXT : 0,
			  (uint16_t)(i + 1));
	mock_desc(r->p.ring.desc, 0, driver_pool(r, 0), 8, MOCK_NEXT, 1);
	mock_desc(r->p.ring.desc, 1, r->areas.tables, 16 * SIZE, MOCK_INDIRECT, 0);
	offer_raw(r, 0);
}

/* 256 pieces of 16 MiB are 2^32 bytes. */
#define BIG_QUEUE PARROT_QUEUE_SIZE
#define BIG_PIECE (16u << 20)

static void more_than_4_gib(struct rig *r)
{
	struct mock_piece pieces[BIG_QUEUE];

	for (unsigned i = 0; i < BIG_QUEUE; i++)
		pieces[i] = (struct mock_piece){ driver_pool(r, 0), BIG_PIECE, 0 };
	driver_offer(r, pieces, BIG_QUEUE, 0);
}

static void readable_behind_writable(struct rig *r)
{
	struct mock_piece pieces[2] = { { driver_pool(r, 0), 8, MOCK_WRITE },
					{ driver_pool(r, 64), 8, 0 } };

	driver_offer(r, pieces, 2, 2);
}

static void list_that_is_not_available(struct rig *r)
{
	struct mock_place first = r->p.avail, second = mock_place_after(&r->p, first, 1);

	mock_packed_desc(r->p.desc, second.slot, driver_pool(r, 0), 8, 0,
			 mock_available_bits(!second.wrap));
	mock_packed_desc(r->p.desc, first.slot, driver_pool(r, 0), 8, 0,
			 mock_flags(&r->p, first.slot));
	mock_set_flags(&r->p, first.slot, MOCK_NEXT | mock_available_bits(first.wrap));
	rig_notify(r);
}

/* ---- addresses ---- */

static void offer_at(struct rig *r, uint64_t iova, uint32_t len, uint16_t flags)
{
	struct mock_piece piece = { iova, len, flags };

	driver_offer(r, &piece, 1, 2);
}

static void address_wraps(struct rig *r)
{
	offer_at(r, ~0ull - 15, 32, 0);
}

static void address_past_the_end(struct rig *r)
{
	offer_at(r, r->map.size - 64, 65, MOCK_WRITE);
}

static void address_of_nothing(struct rig *r)
{
	offer_at(r, r->map.size + 4096, 0, 0);
}

static void address_of_the_header(struct rig *r)
{
	offer_at(r, 0, 64, MOCK_WRITE);
}

static void address_of_a_ring(struct rig *r)
{
	offer_at(r, r->areas.device, 8, MOCK_WRITE);
}

static void address_of_a_block(struct rig *r)
{
	offer_at(r, r->map.device_block.offset, 64, 0);
}

static void access_denied(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_ADD_MEMORY };
	int fd = memfd_make("mine", 4096);

	msg.add_memory.iova = HIGH;
	msg.add_memory.size = 4096;
	msg.add_memory.access = VRI_ACCESS_READ;
	(void)driver_request(r, &msg, &fd, 1, NULL);
	close(fd);
	offer_at(r, HIGH, 64, MOCK_WRITE);
}

static void address_of_removed_memory(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_ADD_MEMORY };
	int fd = memfd_make("mine", 4096);

	msg.add_memory.iova = HIGH;
	msg.add_memory.size = 4096;
	msg.add_memory.access = VRI_ACCESS_READ_WRITE;
	(void)driver_request(r, &msg, &fd, 1, NULL);
	close(fd);
	msg = (struct wire_msg){ .kind = WIRE_REMOVE_MEMORY };
	msg.remove_memory.iova = HIGH;
	(void)driver_request(r, &msg, NULL, 0, NULL);
	offer_at(r, HIGH, 64, MOCK_WRITE);
}

/* ---- indirect tables ---- */

static void good_table(struct rig *r)
{
	mock_desc(r->p.ring.tables, 0, driver_pool(r, 0), 8, 0, 0);
}

static void table_without_the_feature(struct rig *r)
{
	good_table(r);
	offer_at(r, r->areas.tables, 16, MOCK_INDIRECT);
}

static void table_in_a_table(struct rig *r)
{
	mock_desc(r->p.ring.tables, 0, r->areas.tables + 64, 16, MOCK_INDIRECT, 0);
	offer_at(r, r->areas.tables, 16, MOCK_INDIRECT);
}

static void table_and_next(struct rig *r)
{
	good_table(r);
	offer_at(r, r->areas.tables, 16, MOCK_INDIRECT | MOCK_NEXT);
}

/* In a packed list, behind its first descriptor. */
static void table_in_a_list(struct rig *r)
{
	struct mock_piece pieces[2] = { { driver_pool(r, 0), 8, 0 },
					{ r->areas.tables, 16, MOCK_INDIRECT } };

	good_table(r);
	driver_offer(r, pieces, 2, 2);
}

static void table_of_0(struct rig *r)
{
	offer_at(r, r->areas.tables, 0, MOCK_INDIRECT);
}

static void table_of_15(struct rig *r)
{
	offer_at(r, r->areas.tables, 15, MOCK_INDIRECT);
}

static void table_of_17(struct rig *r)
{
	offer_at(r, r->areas.tables, 17, MOCK_INDIRECT);
}

static void table_of_4_gib(struct rig *r)
{
	offer_at(r, r->areas.tables, 0xfffffff0, MOCK_INDIRECT);
}

static void table_outside(struct rig *r)
{
	offer_at(r, r->map.size + 4096, 32, MOCK_INDIRECT);
}

static void table_across_the_end(struct rig *r)
{
	offer_at(r, r->map.size - 16, 32, MOCK_INDIRECT);
}

static void table_over_a_ring(struct rig *r)
{
	offer_at(r, r->areas.desc, 32, MOCK_INDIRECT);
}

#define RING(text, kinds, broken, fn)                                                  \
	{                                                                              \
		.name = text, .formats = kinds, .answer = ANSWER_RULE, .rule = broken, \
		.step = STEP_RUNNING, .act = fn                                        \
	}

const struct bad_move driver_ring_moves[] = {
	RING("avail-idx-ahead", MOVE_BOTH, VRI_RULE_AVAIL_IDX, avail_idx_ahead),
	RING("avail-idx-back", MOVE_SPLIT, VRI_RULE_AVAIL_IDX, avail_idx_back),
	RING("head-outside", MOVE_BOTH, VRI_RULE_HEAD, head_outside),
	RING("head-all-ones", MOVE_BOTH, VRI_RULE_HEAD, head_all_ones),
	RING("head-in-flight", MOVE_BOTH, VRI_RULE_HEAD_IN_FLIGHT, head_in_flight),
	RING("next-outside", MOVE_SPLIT, VRI_RULE_NEXT, next_outside),
	RING("next-outside-of-table", MOVE_SPLIT, VRI_RULE_NEXT, next_outside_of_table),
	RING("loop-of-one", MOVE_SPLIT, VRI_RULE_CHAIN_LENGTH, loop_of_one),
	RING("loop-of-two", MOVE_SPLIT, VRI_RULE_CHAIN_LENGTH, loop_of_two),
	RING("loop-of-all", MOVE_SPLIT, VRI_RULE_CHAIN_LENGTH, loop_of_all),
	RING("loop-in-table", MOVE_SPLIT, VRI_RULE_CHAIN_LENGTH, loop_in_table),
	RING("list-without-end", MOVE_PACKED, VRI_RULE_CHAIN_LENGTH, list_without_end),
	RING("table-longer-than-queue", MOVE_BOTH, VRI_RULE_CHAIN_LENGTH, table_longer_than_queue),
	RING("direct-and-table-too-long", MOVE_SPLIT, VRI_RULE_CHAIN_LENGTH,
	     direct_and_table_too_long),
	{ .name = "more-than-4-gib",
	  .formats = MOVE_BOTH,
	  .answer = ANSWER_RULE,
	  .rule = VRI_RULE_CHAIN_BYTES,
	  .step = STEP_RUNNING,
	  .act = more_than_4_gib,
	  .queue_size = BIG_QUEUE,
	  .pool_size = BIG_PIECE },
	RING("readable-behind-writable", MOVE_BOTH, VRI_RULE_CHAIN_ORDER, readable_behind_writable),
	RING("list-that-is-not-available", MOVE_PACKED, VRI_RULE_FLAGS, list_that_is_not_available),
	RING("address-wraps", MOVE_BOTH, VRI_RULE_ADDRESS, address_wraps),
	RING("address-past-the-end", MOVE_BOTH, VRI_RULE_ADDRESS, address_past_the_end),
	RING("address-of-nothing", MOVE_BOTH, VRI_RULE_ADDRESS, address_of_nothing),
	RING("address-of-the-header", MOVE_BOTH, VRI_RULE_ADDRESS, address_of_the_header),
	RING("address-of-a-ring", MOVE_BOTH, VRI_RULE_ADDRESS, address_of_a_ring),
	RING("address-of-a-block", MOVE_BOTH, VRI_RULE_ADDRESS, address_of_a_block),
	RING("address-of-removed-memory", MOVE_BOTH, VRI_RULE_ADDRESS, address_of_removed_memory),
	RING("access-denied", MOVE_BOTH, VRI_RULE_ACCESS, access_denied),
	{ .name = "table-without-the-feature",
	  .formats = MOVE_BOTH,
	  .answer = ANSWER_RULE,
	  .rule = VRI_RULE_INDIRECT_FEATURE,
	  .step = STEP_RUNNING,
	  .act = table_without_the_feature,
	  .refuses = 1ull << VRI_F_INDIRECT_DESC },
	RING("table-in-a-table", MOVE_SPLIT, VRI_RULE_INDIRECT_NESTED, table_in_a_table),
	RING("table-and-next", MOVE_BOTH, VRI_RULE_INDIRECT_NEXT, table_and_next),
	RING("table-in-a-list", MOVE_PACKED, VRI_RULE_INDIRECT_NEXT, table_in_a_list),
	RING("table-of-0-bytes", MOVE_BOTH, VRI_RULE_INDIRECT_SIZE, table_of_0),
	RING("table-of-15-bytes", MOVE_BOTH, VRI_RULE_INDIRECT_SIZE, table_of_15),
	RING("table-of-17-bytes", MOVE_BOTH, VRI_RULE_INDIRECT_SIZE, table_of_17),
	RING("table-of-4-gib", MOVE_BOTH, VRI_RULE_INDIRECT_SIZE, table_of_4_gib),
	RING("table-outside", MOVE_BOTH, VRI_RULE_INDIRECT_ADDRESS, table_outside),
	RING("table-across-the-end", MOVE_BOTH, VRI_RULE_INDIRECT_ADDRESS, table_across_the_end),
	RING("table-over-a-ring", MOVE_BOTH, VRI_RULE_INDIRECT_ADDRESS, table_over_a_ring),
};
const unsigned n_driver_ring_moves = sizeof(driver_ring_moves) / sizeof(driver_ring_moves[0]);
