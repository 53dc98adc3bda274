/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's side of a packed ring against a driver that writes the raw words: what it puts there,
 * and what a hostile driver can and cannot do to it. */

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mock_packed.h"
#include "test.h"

#define SIZE 6u
#define SIZE_LARGEST 16u

static struct mock_packed p;
static struct vri_devq *q;
static struct iovec iov[SIZE_LARGEST];

static void begin(unsigned size, uint64_t features)
{
	mock_packed_init(&p, size);
	q = mock_packed_devq(&p, features);
}

static void init(void)
{
	begin(SIZE, 0);
}

static void init_event_idx(void)
{
	begin(SIZE, MOCK_EVENT_IDX);
}

static void fini(void)
{
	vri__devq_free(q);
	mock_packed_fini(&p);
}

static uint64_t pool(size_t offset)
{
	return mock_iova(&p.ring, p.ring.pool + offset);
}

/* A list of @n writable pieces of 16 bytes. */
static void offer_list(uint16_t id, unsigned n)
{
	struct mock_piece pieces[SIZE_LARGEST];

	for (unsigned i = 0; i < n; i++)
		pieces[i] = (struct mock_piece){ pool(64 * i), 16, MOCK_WRITE };
	mock_packed_offer(&p, pieces, n, id);
}

static int pop(struct vri_chain *chain)
{
	*chain = (struct vri_chain){ .iov = iov, .iov_max = SIZE_LARGEST };
	return vri_devq_pop(q, chain);
}

static struct vri_chain expect(uint16_t id)
{
	struct vri_chain chain;

	t_eq(pop(&chain), 1);
	t_eq(chain.head, id);
	return chain;
}

static void expect_none(void)
{
	struct vri_chain chain;

	t_eq(pop(&chain), 0);
}

static void breaks(enum vri_rule rule)
{
	struct vri_chain chain;

	t_errno_eq(pop(&chain), -EPROTO);
	t_streq(vri_rule_name(vri_devq_broken(q)), vri_rule_name(rule));
	t_eq(p.ring.dev.n_broken, 1);
	t_eq(le64toh(p.ring.dev_counters.errors), 1);
	t_errno_eq(pop(&chain), -ESHUTDOWN);
}

/* The next used descriptor, as an honest driver reads it. */
static void expect_used(uint16_t id, uint32_t len, unsigned n)
{
	const struct vring_packed_desc *d = &p.desc[p.used.slot];

	t_true(mock_is_used(&p, p.used));
	t_eq(le16toh(d->id), id);
	t_eq(le32toh(d->len), len);
	t_eq(le16toh(d->flags), mock_used_bits(p.used.wrap) | (len != 0 ? MOCK_WRITE : 0));
	p.used = mock_place_after(&p, p.used, n);
}

struct size_case {
	unsigned size;
};

static const struct size_case small[] = { { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 } };

/* ---- pop and push ---- */

Test(packed_dev, a_request_is_popped_once, .init = init, .fini = fini)
{
	expect_none();
	mock_packed_offer_one(&p, 3);
	expect(3);
	expect_none();
	t_eq(vri_devq_in_flight(q), 1);
	t_eq(le64toh(p.ring.dev_counters.position), 1);
}

/* proves: dev:2.8/1 */
Test(packed_dev, lists_are_popped_in_ring_order, .init = init, .fini = fini)
{
	offer_list(5, 2);
	offer_list(0, 1);
	offer_list(3, 3);
	expect(5);
	expect(0);
	expect(3);
	expect_none();
}

/* Every length at every place, over many laps. */
TestEach(packed_dev, lists_go_around_the_end_with_their_wrap_counter, small, struct size_case,
	 .fini = fini)
{
	begin(param->size, 0);
	for (unsigned round = 0; round < 6 * param->size; round++) {
		for (unsigned n = 1; n <= param->size; n++) {
			uint16_t id = (uint16_t)((round + n) % param->size);
			struct vri_chain chain;

			offer_list(id, n);
			chain = expect(id);
			t_eq(chain.n_writable, n);
			expect_none();
			t_ok(vri_devq_push(q, &chain, 16 * n));
			t_ok(vri_devq_publish(q));
			expect_used(id, 16 * n, n);
			t_false(mock_is_used(&p, p.used));
		}
	}
}

/* In the order of completion, and the first flags of a batch are the last thing that is written.
 * proves: dev:2.8/2 */
Test(packed_dev, nothing_is_used_before_it_is_published, .init = init, .fini = fini)
{
	struct vri_chain a, b, c;
	struct mock_place second;

	offer_list(1, 2);
	offer_list(2, 1);
	offer_list(3, 2);
	a = expect(1);
	b = expect(2);
	c = expect(3);
	t_ok(vri_devq_push(q, &c, 1));
	t_false(mock_is_used(&p, p.used));
	t_ok(vri_devq_push(q, &a, 0));
	t_ok(vri_devq_push(q, &b, 3));
	t_false(mock_is_used(&p, p.used));
	second = mock_place_after(&p, p.used, 2);
	t_true(mock_is_used(&p, second));
	t_ok(vri_devq_publish(q));
	expect_used(3, 1, 2);
	expect_used(1, 0, 2);
	expect_used(2, 3, 1);
	t_eq(le64toh(p.ring.dev_counters.buffers), 3);
	t_eq(le64toh(p.ring.dev_counters.bytes_written), 4);
}

/* Nor anything but one descriptor a list: what lies behind it is skipped.
 * proves: dev:2.8d/3 */
Test(packed_dev, one_descriptor_a_list_is_written_and_never_again, .init = init, .fini = fini)
{
	struct vring_packed_desc before[SIZE];
	struct vri_chain chain;

	offer_list(1, 4);
	chain = expect(1);
	memcpy(before, p.desc, sizeof(before));
	t_ok(vri_devq_push(q, &chain, 9));
	t_ok(vri_devq_publish(q));
	t_mem_eq(&p.desc[1], &before[1], (SIZE - 1) * 16);
	memcpy(before, p.desc, sizeof(before));
	expect_none();
	t_eq(vri_devq_notify(q), 1);
	t_eq(vri_devq_arm(q), 0);
	vri_devq_suppress(q);
	t_errno_eq(vri_devq_push(q, &chain, 9), -EINVAL);
	t_ok(vri_devq_publish(q));
	t_mem_eq(p.desc, before, sizeof(before));
}

/* proves: dev:2.8d/1 */
Test(packed_dev, a_readable_buffer_is_left_alone, .init = init, .fini = fini)
{
	static const char nothing[64];
	struct vri_chain chain;

	mock_packed_offer_one(&p, 1);
	chain = expect(1);
	t_eq(vri_chain_write(&chain, 0, "x", 1), 0);
	t_errno_eq(vri_devq_push(q, &chain, 1), -EINVAL);
	t_ok(vri_devq_push(q, &chain, 0));
	t_mem_eq(p.ring.pool, nothing, sizeof(nothing));
}

Test(packed_dev, a_push_that_makes_no_sense_is_refused, .init = init, .fini = fini)
{
	struct vri_chain chain, wrong;

	offer_list(1, 2);
	chain = expect(1);
	t_errno_eq(vri_devq_push(q, &chain, 33), -EINVAL);
	wrong = chain;
	wrong.head = 2;
	t_errno_eq(vri_devq_push(q, &wrong, 1), -EINVAL);
	wrong.head = SIZE;
	t_errno_eq(vri_devq_push(q, &wrong, 1), -EINVAL);
	wrong = chain;
	wrong.id++;
	t_errno_eq(vri_devq_push(q, &wrong, 1), -EINVAL);
	t_ok(vri_devq_push(q, &chain, 32));
	t_errno_eq(vri_devq_push(q, &chain, 32), -EINVAL);
}

/* The ids that an honest driver has out, and how long their lists are. */
struct lent {
	uint16_t id[SIZE_LARGEST];
	unsigned n;
	unsigned len[SIZE_LARGEST]; /* by id */
};

static void honest_driver_offers(struct lent *lent, struct mock_random *rnd)
{
	unsigned room = p.size, want = 1 + mock_random_below(rnd, p.size);
	uint16_t id = (uint16_t)mock_random_below(rnd, p.size);

	for (unsigned i = 0; i < lent->n; i++) {
		room -= lent->len[lent->id[i]];
		if (lent->id[i] == id)
			return;
	}
	if (want > room)
		return;
	offer_list(id, want);
	lent->len[id] = want;
	lent->id[lent->n++] = id;
}

static void honest_driver_takes(struct lent *lent)
{
	while (lent->n > 0 && mock_is_used(&p, p.used)) {
		uint16_t id = le16toh(p.desc[p.used.slot].id);
		unsigned i = 0;

		while (i < lent->n && lent->id[i] != id)
			i++;
		if (i == lent->n)
			t_fail("id %u is not out", id);
		p.used = mock_place_after(&p, p.used, lent->len[id]);
		lent->id[i] = lent->id[--lent->n];
	}
}

/* Random lists and random order of completion on small rings; some pops are given back. */
TestEach(packed_dev, completion_in_random_order_loses_nothing, small, struct size_case,
	 .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	struct vri_chain popped[SIZE_LARGEST];
	struct lent lent = { .n = 0 };
	unsigned n_popped = 0, n_used = 0;

	begin(param->size, 0);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned before = n_popped;

		honest_driver_offers(&lent, &rnd);
		while (pop(&popped[n_popped]) == 1)
			n_popped++;
		if (n_popped > before && mock_random_below(&rnd, 3) == 0) {
			unsigned back = 1 + mock_random_below(&rnd, n_popped - before);

			t_ok(vri_devq_rewind(q, back));
			n_popped -= back;
		}
		t_eq(vri_devq_in_flight(q), n_popped);
		for (unsigned k = mock_random_below(&rnd, n_popped + 1); k > 0; k--) {
			unsigned i = mock_random_below(&rnd, n_popped);

			t_ok(vri_devq_push(q, &popped[i], mock_random_below(&rnd, 16)));
			popped[i] = popped[--n_popped];
			n_used++;
		}
		if (mock_random_below(&rnd, 2) == 0) {
			t_ok(vri_devq_publish(q));
			honest_driver_takes(&lent);
			t_le(n_popped, lent.n);
		}
	}
	t_eq(vri_devq_broken(q), VRI_RULE_NONE);
	t_gt(n_used, 500);
}

/* ---- rewind ---- */

Test(packed_dev, rewound_chains_come_again_in_their_order, .init = init, .fini = fini)
{
	struct vri_chain a, again;

	/* Around the end of the ring. */
	offer_list(0, 4);
	a = expect(0);
	t_ok(vri_devq_push(q, &a, 0));
	t_ok(vri_devq_publish(q));
	offer_list(1, 1);
	offer_list(2, 2);
	offer_list(3, 1);
	a = expect(1);
	expect(2);
	expect(3);
	t_ok(vri_devq_rewind(q, 3));
	t_eq(vri_devq_in_flight(q), 0);
	t_eq(le64toh(p.ring.dev_counters.position), 4);
	again = expect(1);
	t_eq(again.id, a.id);
	expect(2);
	t_ok(vri_devq_rewind(q, 1));
	expect(2);
	expect(3);
	expect_none();
	t_errno_eq(vri_devq_rewind(q, 4), -EINVAL);
	t_ok(vri_devq_rewind(q, 0));
}

Test(packed_dev, rewind_over_a_pushed_chain_is_refused, .init = init, .fini = fini)
{
	struct vri_chain b;

	offer_list(1, 1);
	offer_list(2, 1);
	expect(1);
	b = expect(2);
	t_ok(vri_devq_push(q, &b, 0));
	t_errno_eq(vri_devq_rewind(q, 1), -EINVAL);
	t_eq(vri_devq_in_flight(q), 1);
}

/* ---- hostile drivers ---- */

/* faults: A21 */
Test(packed_dev, an_id_outside_of_the_queue_breaks_it, .init = init, .fini = fini)
{
	mock_packed_offer_one(&p, SIZE);
	breaks(VRI_RULE_HEAD);
}

/* faults: A21 A17 */
Test(packed_dev, an_id_that_is_in_flight_breaks_it, .init = init, .fini = fini)
{
	mock_packed_offer_one(&p, 2);
	mock_packed_offer_one(&p, 2);
	expect(2);
	breaks(VRI_RULE_HEAD_IN_FLIGHT);
}

/* The driver says a second time that slots are available which it has not got back.
 * faults: A22 */
Test(packed_dev, more_than_the_ring_has_breaks_it, .init = init, .fini = fini)
{
	for (uint16_t i = 0; i < SIZE; i++) {
		mock_packed_offer_one(&p, i);
		expect(i);
	}
	expect_none();
	mock_set_flags(&p, 0, mock_available_bits(false));
	breaks(VRI_RULE_AVAIL_IDX);
}

/* faults: A22 */
Test(packed_dev, slots_that_are_used_but_not_published_are_not_room, .init = init, .fini = fini)
{
	struct vri_chain chain[SIZE];

	for (uint16_t i = 0; i < SIZE; i++) {
		mock_packed_offer_one(&p, i);
		chain[i] = expect(i);
	}
	for (unsigned i = 0; i < SIZE; i++)
		t_ok(vri_devq_push(q, &chain[i], 0));
	mock_set_flags(&p, 0, mock_available_bits(false));
	breaks(VRI_RULE_AVAIL_IDX);
}

/* faults: A22 */
Test(packed_dev, a_list_into_slots_in_flight_breaks_it, .init = init, .fini = fini)
{
	for (uint16_t i = 0; i < SIZE - 1; i++) {
		mock_packed_offer_one(&p, i);
		expect(i);
	}
	offer_list(SIZE - 1, 2);
	breaks(VRI_RULE_CHAIN_LENGTH);
}

/* proves: dev:2.8d/2
 * faults: A22 */
Test(packed_dev, bits_of_another_lap_are_nothing_new, .init = init, .fini = fini)
{
	static const uint16_t others[] = { 0, MOCK_USED, MOCK_AVAIL | MOCK_USED };

	for (unsigned i = 0; i < 3; i++) {
		mock_set_flags(&p, 0, others[i]);
		expect_none();
		t_false(vri__devq_has_available(q));
		t_eq(vri_devq_arm(q), 0);
	}
	t_eq(vri_devq_broken(q), VRI_RULE_NONE);
}

/* What was popped is never popped again, whatever the driver writes over it.
 * faults: A22 */
Test(packed_dev, random_flags_run_no_entry_twice, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	unsigned n_popped = 0, n_broken = 0;

	begin(SIZE, 0);
	for (unsigned round = 0; round < 20000; round++) {
		struct vri_chain chain, chains[SIZE];
		bool in_flight[SIZE] = { false };
		unsigned n = 0;
		int r = 0;

		vri__devq_free(q);
		memset(p.desc, 0, SIZE * 16);
		q = mock_packed_devq(&p, 0);
		for (unsigned step = 0; step < 40 && r >= 0; step++) {
			unsigned slot = mock_random_below(&rnd, SIZE);
			bool wrap = mock_random_below(&rnd, 2) != 0;
			uint16_t next = mock_random_below(&rnd, 4) == 0 ? MOCK_NEXT : 0;

			mock_packed_desc(p.desc, slot, pool(64 * slot), 8,
					 (uint16_t)mock_random_below(&rnd, SIZE),
					 mock_available_bits(wrap) | next);
			while ((r = pop(&chain)) == 1) {
				t_false(in_flight[chain.head]);
				in_flight[chain.head] = true;
				t_lt(n, SIZE);
				chains[n++] = chain;
				n_popped++;
			}
			if (n > 0 && r >= 0 && mock_random_below(&rnd, 2) == 0) {
				n--;
				in_flight[chains[n].head] = false;
				t_ok(vri_devq_push(q, &chains[n], 0));
				t_ok(vri_devq_publish(q));
			}
		}
		n_broken += r < 0;
	}
	t_gt(n_popped, 1000);
	t_gt(n_broken, 1000);
}

static void *rewrite(void *arg)
{
	struct mock_random rnd = { 1 };
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		unsigned slot = mock_random_below(&rnd, SIZE);
		struct vring_packed_desc *d = &p.desc[slot];

		__atomic_store_n(&d->addr, htole64(mock_random_below(&rnd, 4) * 0x40000ull),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&d->len, htole32(mock_random_below(&rnd, 1u << 20)),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&d->id, htole16((uint16_t)mock_random_below(&rnd, SIZE + 1)),
				 __ATOMIC_RELAXED);
		mock_set_flags(&p, slot, (uint16_t)(mock_random_below(&rnd, 65536)));
	}
	return NULL;
}

/* Another thread rewrites the ring while it is read: the copy that was checked is what counts.
 * faults: A14 A23 */
Test(packed_dev, descriptors_that_change_while_they_are_read_lead_nowhere_else, .init = init,
     .fini = fini)
{
	unsigned good = 0, bad = 0;
	struct vri_chain chain;
	bool stop = false;
	pthread_t thread;

	t_eq(pthread_create(&thread, NULL, rewrite, &stop), 0);
	for (unsigned round = 0; round < 20000 || good == 0 || bad == 0; round++) {
		int r;

		vri__devq_free(q);
		q = mock_packed_devq(&p, 0);
		while ((r = pop(&chain)) == 1) {
			uint64_t sum = 0;

			for (unsigned i = 0; i < chain.n_readable + chain.n_writable; i++) {
				uint8_t *va = iov[i].iov_base;

				t_true(va >= (uint8_t *)p.ring.tables);
				t_true(va + iov[i].iov_len <= p.ring.base + p.ring.bytes);
				sum += iov[i].iov_len;
			}
			t_eq(sum, (uint64_t)chain.readable_len + chain.writable_len);
			t_lt(chain.head, SIZE);
			good++;
		}
		bad += r < 0;
	}
	printf("%u chains, %u broken rings\n", good, bad);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
}

Test(packed_dev, too_little_room_leaves_the_list_where_it_is, .init = init, .fini = fini)
{
	struct vri_chain chain = { .iov = iov, .iov_max = 2 };

	offer_list(1, 3);
	t_errno_eq(vri_devq_pop(q, &chain), -ENOBUFS);
	t_eq(vri_devq_broken(q), VRI_RULE_NONE);
	chain = expect(1);
	t_eq(chain.n_writable, 3);
}

/* ---- notifications ---- */

Test(packed_dev, the_drivers_flags_decide, .init = init, .fini = fini)
{
	struct vri_chain chain;

	for (uint16_t flags = 0; flags < 4; flags++) {
		mock_set_event(p.driver_event, flags, 0, true);
		mock_packed_offer_one(&p, 1);
		chain = expect(1);
		t_ok(vri_devq_push(q, &chain, 0));
		t_eq(vri_devq_notify(q), flags != 1);
		t_eq(vri_devq_notify(q), 0);
	}
	t_eq(p.ring.dev.n_notify, 3);
	t_eq(le64toh(p.ring.dev_counters.suppressed), 1);
}

/* Every place of small rings: lists that pass the event, also with slots that are skipped.
 * proves: choice/1 */
TestEach(packed_dev, the_drivers_event_decides_at_every_place, small, struct size_case,
	 .fini = fini)
{
	unsigned size = param->size;

	begin(size, MOCK_EVENT_IDX);
	for (unsigned round = 0; round < 4 * size; round++) {
		for (unsigned n = 1; n <= size; n++) {
			unsigned ahead = round % size;
			struct mock_place event = mock_place_after(&p, p.used, ahead);
			struct vri_chain chain;

			mock_set_event(p.driver_event, 2, event.slot, event.wrap);
			offer_list(0, n);
			chain = expect(0);
			t_ok(vri_devq_push(q, &chain, 0));
			t_eq(vri_devq_notify(q), ahead < n);
			expect_used(0, 0, n);
		}
	}
}

/* faults: A27 */
Test(packed_dev, a_random_event_brings_at_most_one_notification_a_batch, .init = init_event_idx,
     .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();

	for (unsigned round = 0; round < 5000; round++) {
		unsigned before = p.ring.dev.n_notify;
		struct vri_chain chain;

		mock_set_event(p.driver_event, (uint16_t)mock_random_below(&rnd, 65536),
			       mock_random_below(&rnd, 32768), mock_random_below(&rnd, 2));
		for (uint16_t i = 0; i < SIZE; i++) {
			mock_packed_offer_one(&p, i);
			chain = expect(i);
			t_ok(vri_devq_push(q, &chain, 0));
		}
		t_ok(vri_devq_notify(q));
		t_eq(vri_devq_notify(q), 0);
		t_le(p.ring.dev.n_notify, before + 1);
	}
}

TestEach(packed_dev, arm_asks_for_the_next_available_descriptor, small, struct size_case,
	 .fini = fini)
{
	begin(param->size, MOCK_EVENT_IDX);
	for (unsigned i = 0; i < 5 * param->size; i++) {
		struct vri_chain chain;
		struct mock_place at;

		t_eq(vri_devq_arm(q), 0);
		t_eq(mock_event_flags(p.device_event), 2);
		at = mock_event_place(p.device_event);
		t_eq(at.slot, p.avail.slot);
		t_eq(at.wrap, p.avail.wrap);
		mock_packed_offer_one(&p, 0);
		t_eq(vri_devq_arm(q), 1);
		chain = expect(0);
		t_ok(vri_devq_push(q, &chain, 0));
		t_ok(vri_devq_publish(q));
		vri_devq_suppress(q);
		t_eq(mock_event_flags(p.device_event), 1);
	}
}

Test(packed_dev, without_event_idx_arm_and_suppress_write_the_flags, .init = init, .fini = fini)
{
	t_eq(mock_event_flags(p.device_event), 0);
	vri_devq_suppress(q);
	t_eq(mock_event_flags(p.device_event), 1);
	t_eq(vri_devq_arm(q), 0);
	t_eq(mock_event_flags(p.device_event), 0);
	t_eq(le64toh(p.ring.dev_counters.sleeps), 1);
}

Test(packed_dev, looking_writes_no_shared_word, .init = init_event_idx, .fini = fini)
{
	static uint8_t before[3 * 4096];

	mock_packed_offer_one(&p, 1);
	memcpy(before, p.ring.base, sizeof(before));
	t_true(vri__devq_has_available(q));
	expect(1);
	expect_none();
	t_ok(vri_devq_rewind(q, 1));
	t_mem_eq(p.ring.base, before, sizeof(before));
}
