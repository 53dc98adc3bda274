/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the inspector sees in packed rings: of real sides whose every step is known, and of hostile
 * ones. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packed_rig.h"
#include "test.h"

static struct packed_rig rig;

static const struct packed_rig_setup eight = { .size = 8, .event_idx = true };
static const struct packed_rig_setup seven = { .size = 7, .event_idx = true };
static const struct packed_rig_setup flags_only = { .size = 8 };
static const struct packed_rig_setup with_tables = { .size = 8, .indirect = true };
static const struct packed_rig_setup in_order = { .size = 8, .in_order = true };

static struct vri_inspect_queue look(void)
{
	struct vri_inspect_queue q = { .size = sizeof(q) };

	t_ok(vri_inspect_get_queue(rig.insp, 0, &q));
	t_eq(q.readable, q.problem == NULL);
	return q;
}

static struct vri_inspect_head heads[64];
static struct vri_inspect_desc descs[32];

static int list(void)
{
	return vri_inspect_outstanding(rig.insp, 0, heads, 64);
}

static struct vri_inspect_chain follow(uint16_t id)
{
	struct vri_inspect_chain chain = { .size = sizeof(chain) };

	t_ok(vri_inspect_get_chain(rig.insp, 0, id, &chain, descs, 32));
	return chain;
}

static void check_place(struct vri_inspect_place place, unsigned slot, unsigned wrap)
{
	t_eq(place.slot, slot);
	t_eq(place.wrap, wrap);
	t_eq(place.exact, 1);
}

/* ---- places, counts, events ---- */

Test(inspect_packed, new_ring_starts_at_the_first_slot_of_the_first_lap)
{
	struct vri_inspect_queue q;
	struct vri_inspect_used used[8];

	packed_rig_init(&rig, &seven);
	q = look();
	t_true(q.readable && q.stable && q.event_idx);
	t_false(q.in_order);
	t_eq(q.format, VRI_INSPECT_PACKED);
	t_eq(q.queue_size, 7);
	check_place(q.driver_avail, 0, 1);
	check_place(q.driver_used, 0, 1);
	check_place(q.device_avail, 0, 1);
	check_place(q.device_used, 0, 1);
	t_eq(q.outstanding + q.not_popped + q.not_taken, 0);
	t_eq(list(), 0);
	t_eq(vri_inspect_get_used(rig.insp, 0, used, 8), 0);
	packed_rig_fini(&rig);
}

Test(inspect_packed, each_side_has_its_places_and_wrap_counters)
{
	struct vri_inspect_queue q;
	struct vri_chain first;

	packed_rig_init(&rig, &seven);
	packed_rig_cycle(&rig, 5);
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	t_ok(packed_rig_add(&rig, 1, 1, &rig));
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	first = packed_rig_pop(&rig);
	packed_rig_pop(&rig);
	packed_rig_push(&rig, &first, 0);
	q = look();
	t_true(q.stable);
	check_place(q.driver_used, 5, 1);
	check_place(q.device_used, 6, 1);
	check_place(q.device_avail, 1, 0);
	check_place(q.driver_avail, 2, 0);
	t_eq(q.not_popped, 1);
	t_eq(q.not_taken, 1);
	t_eq(q.outstanding, 3);
	packed_rig_fini(&rig);
}

Test(inspect_packed, full_ring_is_one_lap_ahead)
{
	struct vri_inspect_queue q;
	unsigned i;

	packed_rig_init(&rig, &seven);
	packed_rig_cycle(&rig, 9);
	for (i = 0; i < 7; i++)
		t_ok(packed_rig_add(&rig, 1, 0, &rig));
	q = look();
	check_place(q.device_avail, 2, 0);
	check_place(q.driver_avail, 2, 1);
	t_eq(q.not_popped, 7);
	packed_rig_fini(&rig);
}

Test(inspect_packed, event_suppression_is_told_in_words)
{
	struct vri_inspect_queue q;

	packed_rig_init(&rig, &eight);
	packed_rig_cycle(&rig, 10);
	vri_drvq_suppress(rig.drvq);
	t_eq(vri_devq_arm(rig.devq), 0);
	q = look();
	t_eq(q.driver_event.kind, VRI_INSPECT_EVENT_DISABLE);
	t_eq(q.driver_wants, VRI_INSPECT_WANTS_NONE);
	t_eq(q.device_event.kind, VRI_INSPECT_EVENT_AT);
	t_eq(q.device_event.slot, 2);
	t_eq(q.device_event.wrap, 0);
	t_eq(q.device_wants, VRI_INSPECT_WANTS_AT);
	/* The driver goes past it without telling: the device would have to ask again. */
	t_eq(vri_drvq_arm(rig.drvq), 0);
	packed_rig_cycle(&rig, 1);
	t_eq(look().device_wants, VRI_INSPECT_WANTS_NONE);
	packed_rig_fini(&rig);
}

Test(inspect_packed, reserved_event_flags_and_absurd_offsets_ask_for_all)
{
	struct vri_inspect_queue q;

	packed_rig_init(&rig, &eight);
	*rig.driver_event = htole32(0xffffffff);
	*rig.device_event = htole32(0x20000 | 8);
	q = look();
	t_eq(q.driver_event.kind, VRI_INSPECT_EVENT_RESERVED);
	t_eq(q.driver_event.flags, 0xffff);
	t_eq(q.driver_wants, VRI_INSPECT_WANTS_ALL);
	t_eq(q.device_wants, VRI_INSPECT_WANTS_ALL);
	packed_rig_fini(&rig);
	packed_rig_init(&rig, &flags_only);
	*rig.driver_event = htole32(0x20000);
	t_eq(look().driver_wants, VRI_INSPECT_WANTS_ALL);
	packed_rig_fini(&rig);
}

/* ---- chains ---- */

Test(inspect_packed, chains_are_found_by_their_buffer_ids)
{
	struct vri_inspect_chain chain;
	uint16_t first, second;

	packed_rig_init(&rig, &eight);
	packed_rig_cycle(&rig, 6);
	t_ok(packed_rig_add(&rig, 1, 2, &rig));
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	first = packed_rig_pop(&rig).head;
	t_eq(list(), 2);
	second = heads[0].head == first ? heads[1].head : heads[0].head;
	t_eq(heads[heads[0].head != first].where, VRI_INSPECT_IN_DEVICE);
	t_eq(heads[heads[0].head == first].where, VRI_INSPECT_AVAILABLE);
	chain = follow(first);
	t_true(chain.stable);
	t_eq(chain.known, VRI_INSPECT_KNOWN_ALL);
	t_eq(chain.slot, 6);
	t_eq(chain.n_descs, 3);
	t_eq(chain.readable_len, 16);
	t_eq(chain.writable_len, 64);
	t_eq(descs[2].number, 0);
	t_eq(descs[2].part_type, REGION_POOL);
	t_eq(descs[2].part_offset, 4096 + 64);
	chain = follow(second);
	t_eq(chain.slot, 1);
	t_eq(chain.n_descs, 1);
	packed_rig_fini(&rig);
}

Test(inspect_packed, tables_are_followed)
{
	struct vri_inspect_chain chain;

	packed_rig_init(&rig, &with_tables);
	t_ok(packed_rig_add(&rig, 2, 2, &rig));
	t_eq(list(), 1);
	chain = follow(heads[0].head);
	t_true(chain.stable);
	t_eq(chain.problem, VRI_RULE_NONE);
	t_eq(chain.n_descs, 5);
	t_eq(chain.readable_len, 32);
	t_eq(chain.writable_len, 64);
	t_eq(descs[0].part_type, REGION_TABLES);
	t_eq(descs[4].indirect, 1);
	t_eq(descs[4].number, 3);
	packed_rig_fini(&rig);
}

Test(inspect_packed, list_that_lost_its_beginning_is_marked)
{
	struct vri_chain slow, quick;
	struct vri_inspect_chain chain;
	struct vri_inspect_queue q;

	packed_rig_init(&rig, &eight);
	t_ok(packed_rig_add(&rig, 1, 2, &rig));
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	slow = packed_rig_pop(&rig);
	quick = packed_rig_pop(&rig);
	/* It goes over the first descriptor of the other. */
	packed_rig_push(&rig, &quick, 0);
	q = look();
	t_eq(q.not_taken, 1);
	check_place(q.device_used, 1, 1);
	t_eq(packed_rig_take(&rig), 1);
	t_eq(list(), 1);
	t_eq(heads[0].where, VRI_INSPECT_IN_DEVICE);
	chain = follow(slow.head);
	t_true(chain.stable);
	t_eq(chain.known, VRI_INSPECT_KNOWN_SOME);
	t_eq(chain.slot, 1);
	t_eq(chain.n_descs, 2);
	packed_rig_fini(&rig);
}

Test(inspect_packed, list_that_is_gone_is_not_made_up)
{
	struct vri_chain slow, quick;
	struct vri_inspect_chain chain;

	packed_rig_init(&rig, &eight);
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	slow = packed_rig_pop(&rig);
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	quick = packed_rig_pop(&rig);
	packed_rig_push(&rig, &quick, 0);
	t_eq(packed_rig_take(&rig), 1);
	t_eq(list(), 1);
	t_eq(heads[0].head, slow.head);
	t_eq(heads[0].where, VRI_INSPECT_IN_DEVICE);
	chain = follow(slow.head);
	t_eq(chain.known, VRI_INSPECT_KNOWN_NONE);
	t_eq(chain.n_descs, 0);
	packed_rig_fini(&rig);
}

Test(inspect_packed, buffer_that_was_added_and_not_published_is_told_from_the_others)
{
	struct iovec iov;

	packed_rig_init(&rig, &eight);
	iov = (struct iovec){ rig.base + rig.map.pool.offset, 8 };
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	t_ok(vri_drvq_add(rig.drvq, &iov, 1, NULL, 0, &rig));
	t_eq(list(), 2);
	t_eq(heads[0].where + heads[1].where, VRI_INSPECT_AVAILABLE + VRI_INSPECT_ADDED);
	t_eq(look().not_popped, 1);
	packed_rig_fini(&rig);
}

Test(inspect_packed, used_descriptor_of_a_batch_stands_for_all_of_it)
{
	struct vri_chain chain[3];
	struct vri_inspect_queue q;
	unsigned i;

	packed_rig_init(&rig, &in_order);
	for (i = 0; i < 4; i++)
		t_ok(packed_rig_add(&rig, 1, 1, &rig));
	for (i = 0; i < 3; i++)
		chain[i] = packed_rig_pop(&rig);
	for (i = 0; i < 3; i++)
		t_ok(vri_devq_push(rig.devq, &chain[i], 32));
	t_ok(vri_devq_notify(rig.devq));
	q = look();
	t_true(q.in_order);
	check_place(q.device_used, 6, 1);
	t_eq(q.not_taken, 3);
	t_eq(q.not_popped, 1);
	packed_rig_fini(&rig);
}

Test(inspect_packed, last_used_descriptors_come_oldest_first)
{
	struct vri_inspect_used used[8];
	struct vri_chain chain;

	packed_rig_init(&rig, &seven);
	packed_rig_cycle(&rig, 8);
	t_ok(packed_rig_add(&rig, 1, 1, &rig));
	chain = packed_rig_pop(&rig);
	packed_rig_push(&rig, &chain, 5);
	t_eq(vri_inspect_get_used(rig.insp, 0, used, 2), 2);
	t_eq(used[0].idx, 0);
	t_eq(used[0].wrap, 0);
	t_eq(used[0].len, 32);
	t_eq(used[1].idx, 1);
	t_eq(used[1].id, chain.head);
	t_eq(used[1].len, 5);
	/* Two slots were filled anew. */
	t_eq(vri_inspect_get_used(rig.insp, 0, used, 8), 6);
	t_eq(used[0].idx, 3);
	t_eq(used[0].wrap, 1);
	packed_rig_fini(&rig);
}

struct broken_list {
	enum vri_rule rule;
	uint64_t addr; /* 0: as it is */
	uint32_t len; /* 0: as it is */
	uint16_t set, clear; /* flags */
	unsigned slot;
};

static const struct broken_list broken_lists[] = {
	{ VRI_RULE_ADDRESS, .addr = 64 },
	{ VRI_RULE_ADDRESS, .addr = UINT64_MAX - 3 },
	{ VRI_RULE_ADDRESS, .len = UINT32_MAX },
	{ VRI_RULE_CHAIN_ORDER, .set = VRING_DESC_F_WRITE },
	{ VRI_RULE_INDIRECT_NEXT, .set = VRING_DESC_F_INDIRECT },
	{ VRI_RULE_FLAGS, .set = VRING_DESC_F_NEXT, .slot = 1 },
	{ VRI_RULE_INDIRECT_NEXT, .set = VRING_DESC_F_INDIRECT, .slot = 1 },
};

TestEach(inspect_packed, list_that_breaks_a_rule_is_named_by_it, broken_lists, struct broken_list)
{
	struct vring_packed_desc *desc;

	packed_rig_init(&rig, &eight);
	t_ok(packed_rig_add(&rig, 2, 0, &rig));
	desc = &rig.ring[param->slot];
	desc->addr = param->addr ? htole64(param->addr) : desc->addr;
	desc->len = param->len ? htole32(param->len) : desc->len;
	desc->flags = htole16((uint16_t)((le16toh(desc->flags) | param->set) & ~param->clear));
	t_eq(list(), 1);
	t_eq(follow(heads[0].head).problem, param->rule);
	packed_rig_fini(&rig);
}

Test(inspect_packed, list_that_changes_behind_the_look_is_moving)
{
	packed_rig_init(&rig, &eight);
	t_ok(packed_rig_add(&rig, 1, 1, &rig));
	t_eq(list(), 1);
	t_true(follow(heads[0].head).stable);
	rig.outstanding[heads[0].head] = 0;
	t_false(follow(heads[0].head).stable);
	packed_rig_fini(&rig);
}

Test(inspect_packed, counters_that_do_not_fit_together_are_called_unstable)
{
	struct vri_inspect_queue q;

	packed_rig_init(&rig, &eight);
	t_ok(packed_rig_add(&rig, 1, 1, &rig));
	rig.device_counters->position = htole64(9);
	q = look();
	t_false(q.stable);
	t_eq(q.device_avail.exact, 0);
	packed_rig_fini(&rig);
}

Test(inspect_packed, areas_are_checked_before_the_ring_is_read)
{
	packed_rig_init(&rig, &seven);
	rig.driver_queue->driver = htole64(rig.areas.driver + 2);
	t_false(look().readable);
	rig.driver_queue->driver = htole64(rig.map.size - 4);
	t_true(look().readable);
	rig.driver_queue->driver = htole64(rig.map.size);
	t_false(look().readable);
	rig.driver_queue->driver = htole64(rig.areas.driver);
	rig.driver_queue->desc = htole64(rig.map.size - 96);
	t_false(look().readable);
	rig.driver_queue->desc = htole64(rig.map.size - 112);
	t_true(look().readable);
	rig.driver_queue->size = htole32(32769);
	t_false(look().readable);
	packed_rig_fini(&rig);
}

/* ---- chance ---- */

static uint64_t state;

static uint64_t chance(void)
{
	/* splitmix64 */
	uint64_t z = (state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void seed(void)
{
	const char *given = getenv("VRI_TEST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec * 1000003u;
	fprintf(stderr, "seed: VRI_TEST_SEED=%llu\n", (unsigned long long)state);
}

/* A buffer as the test knows it. */
struct buffer {
	enum { FREE, AVAILABLE, POPPED, USED } at;
	unsigned n; /* descriptors in the ring */
	unsigned readable, writable; /* bytes */
	uint64_t order;
	struct vri_chain chain; /* once it was popped */
};

#define BUFFERS_MAX 64

static struct buffer buffers[BUFFERS_MAX];
static uint64_t order;
static unsigned told_exact, told_all, told_less;

static struct buffer *oldest(int at)
{
	struct buffer *found = NULL;
	unsigned i;

	for (i = 0; i < BUFFERS_MAX; i++)
		if ((int)buffers[i].at == at && (!found || buffers[i].order < found->order))
			found = &buffers[i];
	return found;
}

static struct buffer *any_popped(void)
{
	unsigned i, from = (unsigned)chance();

	for (i = 0; i < BUFFERS_MAX; i++)
		if (buffers[(from + i) % BUFFERS_MAX].at == POPPED)
			return &buffers[(from + i) % BUFFERS_MAX];
	return NULL;
}

static unsigned count(int at, unsigned *ret_descs)
{
	unsigned i, n = 0;

	*ret_descs = 0;
	for (i = 0; i < BUFFERS_MAX; i++) {
		if ((int)buffers[i].at != at)
			continue;
		*ret_descs += buffers[i].n;
		n++;
	}
	return n;
}

static void add_some(void)
{
	struct buffer *b = oldest(FREE);
	unsigned before = vri_drvq_free_descriptors(rig.drvq);
	unsigned n_readable = (unsigned)chance() % 3, n_writable = (unsigned)chance() % 3;

	if (!b || n_readable + n_writable == 0 || n_readable + n_writable > rig.setup.size ||
	    packed_rig_add(&rig, n_readable, n_writable, b) < 0)
		return;
	b->at = AVAILABLE;
	b->order = ++order;
	b->n = before - vri_drvq_free_descriptors(rig.drvq);
	b->readable = 16 * n_readable;
	b->writable = 32 * n_writable;
}

static void pop_one(void)
{
	struct buffer *b = oldest(AVAILABLE);

	if (!b)
		return;
	b->chain = packed_rig_pop(&rig);
	b->at = POPPED;
	t_eq(b->chain.writable_len, b->writable);
}

static void push_some(void)
{
	unsigned n = 1 + (unsigned)chance() % 3;

	while (n--) {
		struct buffer *b = rig.setup.in_order ? oldest(POPPED) : any_popped();

		if (!b)
			break;
		t_ok(vri_devq_push(rig.devq, &b->chain,
				   chance() % 4 ? b->writable : b->writable / 2));
		b->at = USED;
	}
	t_ok(vri_devq_notify(rig.devq));
}

static void take_all(void)
{
	struct vri_used used[BUFFERS_MAX];
	int i, n = vri_drvq_get_used_batch(rig.drvq, used, BUFFERS_MAX);

	t_ok(n);
	for (i = 0; i < n; i++) {
		struct buffer *b = used[i].token;

		t_eq(b->at, USED);
		b->at = FREE;
	}
}

static const struct buffer *by_id(unsigned id)
{
	unsigned i;

	for (i = 0; i < BUFFERS_MAX; i++)
		if ((buffers[i].at == POPPED || buffers[i].at == USED) &&
		    buffers[i].chain.head == id)
			return &buffers[i];
	return NULL;
}

/* What is said of a chain must be so; it may be less than all. */
static void check_chain(const struct vri_inspect_head *head)
{
	static const uint16_t where[] = {
		[POPPED] = VRI_INSPECT_IN_DEVICE, [USED] = VRI_INSPECT_USED
	};
	struct vri_inspect_chain chain = follow(head->head);
	const struct buffer *b = by_id(head->head);

	t_true(chain.stable);
	t_eq(chain.problem, VRI_RULE_NONE);
	t_eq(head->where, b ? where[b->at] : VRI_INSPECT_AVAILABLE);
	told_all += b && chain.known == VRI_INSPECT_KNOWN_ALL;
	told_less += chain.known != VRI_INSPECT_KNOWN_ALL;
	if (!b) {
		t_eq(chain.known, VRI_INSPECT_KNOWN_ALL);
	} else if (chain.known == VRI_INSPECT_KNOWN_ALL) {
		t_eq(chain.readable_len, b->readable);
		t_eq(chain.writable_len, b->writable);
	} else {
		t_le(chain.readable_len, b->readable);
		t_le(chain.writable_len, b->writable);
		t_eq(chain.n_descs == 0, chain.known == VRI_INSPECT_KNOWN_NONE);
	}
}

static unsigned distance(struct vri_inspect_place from, struct vri_inspect_place to)
{
	unsigned size = rig.setup.size;
	unsigned a = from.slot + (from.wrap ? 0 : size), b = to.slot + (to.wrap ? 0 : size);

	return (b + 2 * size - a) % (2 * size);
}

static void check_everything(void)
{
	struct vri_inspect_queue q = look();
	unsigned available, popped, used, n_available, n_popped, n_used, i;

	n_available = count(AVAILABLE, &available);
	n_popped = count(POPPED, &popped);
	n_used = count(USED, &used);
	t_true(q.stable);
	t_eq(q.outstanding, n_available + n_popped + n_used);
	t_eq(q.not_popped, n_available);
	t_eq(q.not_taken, n_used);
	t_eq(distance(q.device_avail, q.driver_avail), available);
	t_eq(distance(q.driver_used, q.device_avail), popped + used);
	t_eq(distance(q.driver_used, q.driver_avail), available + popped + used);
	told_exact += n_used && q.device_used.exact;
	if (q.device_used.exact)
		t_eq(distance(q.driver_used, q.device_used), used);
	else
		t_le(distance(q.driver_used, q.device_used), used);
	t_true(q.device_used.exact || !rig.setup.in_order);
	t_eq(list(), q.outstanding);
	for (i = 0; i < q.outstanding; i++)
		check_chain(&heads[i]);
}

static const struct packed_rig_setup setups[] = {
	{ .size = 1, .event_idx = true },
	{ .size = 2, .indirect = true },
	{ .size = 7, .event_idx = true },
	{ .size = 8, .indirect = true, .event_idx = true },
	{ .size = 33, .event_idx = true },
	{ .size = 7, .in_order = true },
	{ .size = 16, .in_order = true, .indirect = true },
};

TestEach(inspect_packed, nothing_that_is_told_is_wrong_whatever_the_sides_do, setups,
	 struct packed_rig_setup)
{
	unsigned i;

	seed();
	packed_rig_init(&rig, param);
	for (i = 0; i < 4000; i++) {
		switch (chance() % 4) {
		case 0:
			add_some();
			break;
		case 1:
			pop_one();
			break;
		case 2:
			push_some();
			break;
		default:
			take_all();
		}
		check_everything();
	}
	/* The test means nothing if nothing is told. */
	t_gt(told_exact, 100);
	t_gt(told_all, 100);
	t_true(told_less > 0 || param->size < 2);
	packed_rig_fini(&rig);
}

/* ---- hostile sides ---- */

static void look_at_everything(void)
{
	struct vri_inspect_used used[64];
	struct vri_inspect_queue q = look();
	int i, n;

	if (!q.readable)
		return;
	t_lt(q.driver_avail.slot, q.queue_size);
	t_lt(q.device_used.slot, q.queue_size);
	n = list();
	for (i = 0; i < n && i < 8; i++) {
		struct vri_inspect_chain chain = { .size = sizeof(chain) };
		int r = vri_inspect_get_chain(rig.insp, 0, heads[i].head, &chain, descs, 32);

		/* The queue may have become shorter meanwhile. */
		if (r == -EINVAL || r == -EPROTO)
			continue;
		t_ok(r);
		t_lt(chain.problem, VRI_RULE_COUNT);
		t_le(chain.n_descs, 2 * VRI_QUEUE_SIZE_MAX);
	}
	t_le(vri_inspect_get_used(rig.insp, 0, used, 64), 64);
}

static uint64_t pick_place(void)
{
	switch (chance() % 8) {
	case 0:
		return rig.map.driver_block.offset + 128 + chance() % 64;
	case 1:
		return rig.map.device_counters.offset + chance() % 64;
	case 2:
		return rig.map.driver_counters.offset + chance() % 64;
	case 3:
		return rig.areas.outstanding + chance() % rig.setup.size;
	case 4:
		return rig.areas.tables + chance() % 256;
	case 5:
		return chance() % 2 ? rig.areas.driver : rig.areas.device;
	default:
		return rig.areas.desc + chance() % (16 * rig.setup.size);
	}
}

static void mutate(void)
{
	static const uint64_t words[] = { 0,	  1,	      0x80,	  0x8080, 0x8000,
					  0xffff, 0xffffffff, 0x80000000, ~0ull };
	uint64_t word = chance() % 2 ? chance() : words[chance() % 9];
	uint64_t at = pick_place();
	size_t len = (size_t)1 << (chance() % 4);

	memcpy(rig.base + at - at % len, &word, len);
}

/* faults: G6 */
TestEach(inspect_packed, any_bytes_are_shown_without_harm, setups, struct packed_rig_setup)
{
	uint8_t *pristine;
	unsigned i, n;

	seed();
	packed_rig_init(&rig, param);
	for (i = 0; i < 100; i++) {
		add_some();
		pop_one();
		if (i % 3)
			push_some();
		if (i % 2)
			take_all();
	}
	pristine = malloc(rig.map.pool.offset);
	t_not_null(pristine);
	memcpy(pristine, rig.base, rig.map.pool.offset);
	for (i = 0; i < 3000; i++) {
		for (n = 1 + (unsigned)(chance() % 12); n; n--)
			mutate();
		look_at_everything();
		if (chance() % 4 == 0)
			memcpy(rig.base, pristine, rig.map.pool.offset);
	}
	memcpy(rig.base, pristine, rig.map.pool.offset);
	free(pristine);
	packed_rig_fini(&rig);
}

/* faults: G6 */
Test(inspect_packed, longest_possible_rings_come_to_an_end)
{
	static struct vri_inspect_head all[VRI_QUEUE_SIZE_MAX];
	static const struct packed_rig_setup longest = { .size = VRI_QUEUE_SIZE_MAX };
	unsigned i;
	int n;

	packed_rig_init(&rig, &longest);
	memset(rig.outstanding, 1, longest.size);
	/* One list that goes round and never ends; then one list each. */
	for (i = 0; i < longest.size; i++) {
		rig.ring[i].id = htole16((uint16_t)i);
		rig.ring[i].len = htole32(1);
		rig.ring[i].addr = htole64(rig.map.pool.offset);
		rig.ring[i].flags = htole16(0x80 | VRING_DESC_F_NEXT);
	}
	t_eq(vri_inspect_outstanding(rig.insp, 0, all, longest.size), longest.size);
	t_eq(follow(longest.size - 1).problem, VRI_RULE_CHAIN_LENGTH);
	t_eq(follow(longest.size - 1).n_descs, longest.size);
	for (i = 0; i < longest.size; i++)
		rig.ring[i].flags = htole16(0x80);
	n = vri_inspect_outstanding(rig.insp, 0, all, longest.size);
	for (i = 0; i < (unsigned)n; i++) {
		t_eq(all[i].where, VRI_INSPECT_AVAILABLE);
		t_eq(follow(all[i].head).n_descs, 1);
	}
	packed_rig_fini(&rig);
}

static bool stop;

static void *rewrite(void *data)
{
	uint16_t n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		n++;
		__atomic_store_n(&rig.ring[n % 8].flags, htole16((uint16_t)(n * 0x81)),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&rig.ring[n % 8].id, htole16(n % 16), __ATOMIC_RELAXED);
		__atomic_store_n(&rig.outstanding[n % 8], (uint8_t)(n & 1), __ATOMIC_RELAXED);
		__atomic_store_n(&rig.device_counters->position, htole64(n % 16), __ATOMIC_RELAXED);
		if (data)
			__atomic_store_n(&rig.driver_queue->size, htole32(7 + n % 3),
					 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* faults: G5 */
Test(inspect_packed, snapshot_of_a_ring_that_is_rewritten_is_called_unstable, .timeout = 120)
{
	bool unstable = false;
	pthread_t thread;

	packed_rig_init(&rig, &eight);
	t_eq(pthread_create(&thread, NULL, rewrite, NULL), 0);
	/* The writer may not run at this very moment: look until it did. */
	while (!unstable)
		unstable = !look().stable;
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
	packed_rig_fini(&rig);
}

/* faults: G5 G6 */
Test(inspect_packed, every_look_ends_while_everything_is_rewritten, .timeout = 120)
{
	pthread_t thread;
	unsigned i;

	packed_rig_init(&rig, &eight);
	t_eq(pthread_create(&thread, NULL, rewrite, &rig), 0);
	for (i = 0; i < 1000; i++)
		look_at_everything();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
	packed_rig_fini(&rig);
}
