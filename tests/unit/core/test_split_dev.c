/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's side of a split ring against a driver that writes the raw words: what it answers, and
 * what a hostile driver can and cannot do to it. */

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "mock_ring.h"
#include "test.h"

#define SIZE 16u

static struct mock_ring ring;
static struct vri_devq *q;
static struct iovec iov[SIZE];
static struct vri_chain chain;

static void begin(uint64_t features)
{
	mock_ring_init(&ring, SIZE);
	q = mock_devq(&ring, features);
	chain = (struct vri_chain){ .iov = iov, .iov_max = SIZE };
}

static void init(void)
{
	begin(MOCK_INDIRECT_DESC);
}

static void init_event_idx(void)
{
	begin(MOCK_EVENT_IDX);
}

static void fini(void)
{
	vri__devq_free(q);
	mock_ring_fini(&ring);
}

/* A request of one readable piece of 8 bytes, and with @writable bytes to fill, in descriptors @head
 * and @head + 1. */
static void request(uint16_t head, uint32_t writable)
{
	uint64_t at = mock_iova(&ring, ring.pool) + 1024ull * head;

	mock_desc(ring.desc, head, at, 8, writable != 0 ? MOCK_NEXT : 0, (uint16_t)(head + 1));
	if (writable != 0)
		mock_desc(ring.desc, head + 1u, at + 8, writable, MOCK_WRITE, 0);
	mock_offer(&ring, head);
}

static struct vri_chain pop(void)
{
	t_eq(vri_devq_pop(q, &chain), 1);
	return chain;
}

static void breaks(enum vri_rule rule)
{
	t_errno_eq(vri_devq_pop(q, &chain), -EPROTO);
	t_streq(vri_rule_name(vri_devq_broken(q)), vri_rule_name(rule));
	t_eq(ring.dev.n_broken, 1);
	t_eq(ring.dev.rule, rule);
	t_eq(le64toh(ring.dev_counters.errors), 1);
	t_errno_eq(vri_devq_pop(q, &chain), -ESHUTDOWN);
	t_eq(ring.dev.n_broken, 1);
}

/* ---- pop and push ---- */

Test(split_dev, a_request_is_popped_once, .init = init, .fini = fini)
{
	t_eq(vri_devq_pop(q, &chain), 0);
	request(4, 100);
	t_eq(vri_devq_pop(q, &chain), 1);
	t_eq(chain.head, 4);
	t_eq(chain.readable_len, 8);
	t_eq(chain.writable_len, 100);
	t_eq(vri_devq_in_flight(q), 1);
	t_eq(vri_devq_pop(q, &chain), 0);
}

/* proves: dev:2.7u/1 */
Test(split_dev, nothing_is_used_before_it_is_published, .init = init, .fini = fini)
{
	struct vri_chain c;

	request(4, 100);
	c = pop();
	t_ok(vri_devq_push(q, &c, 99));
	t_eq(mock_used_idx(&ring), 0);
	t_eq(le32toh(ring.used->ring[0].id), 4);
	t_eq(le32toh(ring.used->ring[0].len), 99);
	t_ok(vri_devq_publish(q));
	t_eq(mock_used_idx(&ring), 1);
	t_eq(vri_devq_in_flight(q), 0);
}

Test(split_dev, chains_are_pushed_in_any_order, .init = init, .fini = fini)
{
	static const unsigned order[] = { 5, 0, 3, 1, 4, 2 };
	struct vri_chain c[6];

	for (uint16_t i = 0; i < 6; i++)
		request((uint16_t)(2 * i), 64);
	for (unsigned i = 0; i < 6; i++)
		c[i] = pop();
	for (unsigned i = 0; i < 6; i++)
		t_ok(vri_devq_push(q, &c[order[i]], i));
	t_ok(vri_devq_publish(q));
	t_eq(mock_used_idx(&ring), 6);
	for (unsigned i = 0; i < 6; i++) {
		t_eq(le32toh(ring.used->ring[i].id), 2 * order[i]);
		t_eq(le32toh(ring.used->ring[i].len), i);
	}
}

Test(split_dev, a_push_that_makes_no_sense_is_refused, .init = init, .fini = fini)
{
	struct vri_chain c, wrong;

	request(0, 100);
	request(2, 0);
	c = pop();
	t_errno_eq(vri_devq_push(q, &c, 101), -EINVAL);
	wrong = c;
	wrong.head = 2;
	t_errno_eq(vri_devq_push(q, &wrong, 0), -EINVAL);
	wrong.head = SIZE;
	t_errno_eq(vri_devq_push(q, &wrong, 0), -EINVAL);
	wrong.head = 65535;
	t_errno_eq(vri_devq_push(q, &wrong, 0), -EINVAL);
	t_ok(vri_devq_push(q, &c, 100));
	t_errno_eq(vri_devq_push(q, &c, 100), -EINVAL);
	c = pop();
	t_errno_eq(vri_devq_push(q, &c, 1), -EINVAL);
	t_ok(vri_devq_push(q, &c, 0));
	t_ok(vri_devq_publish(q));
	t_eq(mock_used_idx(&ring), 2);
}

/* A completion that comes late, from an older life of the same head. */
Test(split_dev, an_old_chain_does_not_complete_a_newer_request, .init = init, .fini = fini)
{
	struct vri_chain old, c;

	request(0, 100);
	old = pop();
	t_ok(vri_devq_push(q, &old, 1));
	request(0, 100);
	c = pop();
	t_errno_eq(vri_devq_push(q, &old, 1), -EINVAL);
	t_ok(vri_devq_push(q, &c, 1));
}

/* proves: dev:2.7d/2 */
Test(split_dev, what_the_driver_writes_is_only_read, .init = init, .fini = fini)
{
	struct vri_chain c;

	request(0, 100);
	/* Descriptor table and available ring; the used ring is behind them. */
	t_sys(mprotect(ring.base, (size_t)((uint8_t *)ring.used - ring.base), PROT_READ));
	c = pop();
	t_ok(vri_devq_push(q, &c, 5));
	t_eq(vri_devq_notify(q), 1);
	t_eq(vri_devq_arm(q), 0);
	vri_devq_suppress(q);
	t_sys(mprotect(ring.base, ring.bytes, PROT_READ | PROT_WRITE));
}

/* faults: H8 */
Test(split_dev, indices_wrap_from_65535_to_0, .init = init_event_idx, .fini = fini)
{
	for (uint32_t i = 0; i < 65536 + 1000; i++) {
		struct vri_chain c;

		request(i % SIZE / 2 * 2, 64);
		c = pop();
		t_eq(c.head, i % SIZE / 2 * 2);
		t_ok(vri_devq_push(q, &c, i % 64));
		t_ok(vri_devq_publish(q));
		t_eq(mock_used_idx(&ring), (uint16_t)(i + 1));
		t_eq(le32toh(ring.used->ring[i % SIZE].id), i % SIZE / 2 * 2);
		t_eq(le32toh(ring.used->ring[i % SIZE].len), i % 64);
	}
	t_eq(le64toh(ring.dev_counters.position), 65536 + 1000);
}

Test(split_dev, a_used_value_that_stands_there_is_not_stored_again, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < 3 * SIZE; i++) {
		struct vri_chain c;

		request((uint16_t)(i % SIZE), 0);
		c = pop();
		t_ok(vri_devq_push(q, &c, 0));
		t_ok(vri_devq_publish(q));
		if (i == SIZE)
			memset(ring.used->ring, 0xaa, 8 * SIZE);
	}
	for (unsigned i = 0; i < 8 * SIZE; i++)
		t_eq(((uint8_t *)ring.used->ring)[i], 0xaa);
}

/* ---- rewind ---- */

Test(split_dev, rewound_chains_come_again_in_their_order, .init = init, .fini = fini)
{
	struct vri_chain first;

	for (uint16_t i = 0; i < 5; i++)
		request((uint16_t)(2 * i), 0);
	first = pop();
	for (unsigned i = 1; i < 5; i++)
		pop();
	t_eq(le64toh(ring.dev_counters.position), 5);
	t_ok(vri_devq_rewind(q, 3));
	t_eq(vri_devq_in_flight(q), 2);
	t_eq(le64toh(ring.dev_counters.position), 2);
	for (unsigned i = 2; i < 5; i++)
		t_eq(pop().head, 2 * i);
	t_ok(vri_devq_push(q, &first, 0));
	t_errno_eq(vri_devq_rewind(q, 5), -EINVAL);
	t_ok(vri_devq_rewind(q, 4));
	t_eq(vri_devq_in_flight(q), 0);
	t_eq(pop().head, 2);
	t_ok(vri_devq_rewind(q, 0));
}

Test(split_dev, rewind_over_a_pushed_chain_is_refused, .init = init, .fini = fini)
{
	struct vri_chain younger;

	request(0, 0);
	request(2, 0);
	pop();
	younger = pop();
	t_ok(vri_devq_push(q, &younger, 0));
	t_errno_eq(vri_devq_rewind(q, 1), -EINVAL);
	t_errno_eq(vri_devq_rewind(q, 2), -EINVAL);
	t_errno_eq(vri_devq_rewind(q, ~0u), -EINVAL);
	t_eq(vri_devq_in_flight(q), 1);
	/* Also when the same head is in flight again, from a younger pop. */
	request(2, 0);
	pop();
	t_errno_eq(vri_devq_rewind(q, 2), -EINVAL);
	t_ok(vri_devq_rewind(q, 1));
}

/* ---- a hostile driver ---- */

/* faults: A1 */
Test(split_dev, a_head_outside_of_the_queue_breaks_it, .init = init, .fini = fini)
{
	mock_offer(&ring, SIZE);
	breaks(VRI_RULE_HEAD);
}

/* faults: A1 */
Test(split_dev, a_head_with_all_bits_breaks_it, .init = init, .fini = fini)
{
	mock_offer(&ring, 65535);
	breaks(VRI_RULE_HEAD);
}

/* faults: A15 */
Test(split_dev, an_index_ahead_of_the_queue_size_breaks_it, .init = init, .fini = fini)
{
	for (uint16_t i = 0; i < SIZE; i++)
		request(i, 0);
	mock_set_avail_idx(&ring, SIZE + 1);
	breaks(VRI_RULE_AVAIL_IDX);
	t_eq(vri_devq_in_flight(q), 0);
}

/* proves: drv:2.7a/1 choice/6
 * faults: A16 */
Test(split_dev, an_index_that_goes_back_breaks_it, .init = init, .fini = fini)
{
	struct vri_chain c;

	for (unsigned i = 0; i < 3; i++) {
		request(0, 0);
		c = pop();
		t_ok(vri_devq_push(q, &c, 0));
	}
	mock_set_avail_idx(&ring, 2);
	breaks(VRI_RULE_AVAIL_IDX);
}

/* faults: A16 */
Test(split_dev, an_index_that_flips_is_read_once, .init = init, .fini = fini)
{
	for (uint16_t i = 0; i < 4; i++)
		request((uint16_t)(2 * i), 0);
	t_eq(pop().head, 0);
	/* What was seen is worked off; the next look finds the new value. */
	mock_set_avail_idx(&ring, 40000);
	t_eq(pop().head, 2);
	t_eq(pop().head, 4);
	t_eq(pop().head, 6);
	breaks(VRI_RULE_AVAIL_IDX);
}

/* faults: A17 */
Test(split_dev, a_head_that_is_in_flight_breaks_it, .init = init, .fini = fini)
{
	struct vri_chain c;

	request(4, 0);
	c = pop();
	mock_offer(&ring, 4);
	t_errno_eq(vri_devq_pop(q, &chain), -EPROTO);
	t_eq(vri_devq_broken(q), VRI_RULE_HEAD_IN_FLIGHT);
	t_errno_eq(vri_devq_push(q, &c, 0), -ESHUTDOWN);
	t_eq(mock_used_idx(&ring), 0);
}

struct bad_chain {
	const char *what;
	enum vri_rule rule;
	uint64_t iova; /* of descriptor 0; 0: the pool */
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

/* Each kind of bad chain arrives as a broken queue; test_chain.c has their variants. */
static const struct bad_chain bad_chains[] = {
	{ "next", VRI_RULE_NEXT, 0, 8, MOCK_NEXT, SIZE },
	{ "loop", VRI_RULE_CHAIN_LENGTH, 0, 8, MOCK_NEXT, 0 },
	{ "address", VRI_RULE_ADDRESS, UINT64_MAX, 8, 0, 0 },
	{ "no bytes at a bad address", VRI_RULE_ADDRESS, UINT64_MAX, 0, 0, 0 },
	{ "over the rings", VRI_RULE_ADDRESS, 16, 8, MOCK_WRITE, 0 },
	{ "indirect size", VRI_RULE_INDIRECT_SIZE, 0, 17, MOCK_INDIRECT, 0 },
	{ "indirect and next", VRI_RULE_INDIRECT_NEXT, 0, 16, MOCK_INDIRECT | MOCK_NEXT, 1 },
	{ "indirect address", VRI_RULE_INDIRECT_ADDRESS, UINT64_MAX - 15, 16, MOCK_INDIRECT, 0 },
};

/* faults: A2 A3 A5 A7 A8 A9 A10 A13 */
TestEach(split_dev, a_bad_chain_breaks_it, bad_chains, struct bad_chain, .init = init, .fini = fini)
{
	request(4, 10);
	pop();
	mock_desc(ring.desc, 0, param->iova != 0 ? param->iova : mock_iova(&ring, ring.pool),
		  param->len, param->flags, param->next);
	mock_offer(&ring, 0);
	breaks(param->rule);
	/* The one that was good is still in flight and harms nobody. */
	t_eq(vri_devq_in_flight(q), 1);
}

Test(split_dev, too_little_room_leaves_the_chain_where_it_is, .init = init, .fini = fini)
{
	request(4, 10);
	chain.iov_max = 1;
	t_errno_eq(vri_devq_pop(q, &chain), -ENOBUFS);
	t_errno_eq(vri_devq_pop(q, &chain), -ENOBUFS);
	t_eq(vri_devq_in_flight(q), 0);
	chain.iov_max = 2;
	t_eq(pop().head, 4);
}

/* ---- a driver that rewrites everything while it is read ---- */

static int stop;

static void *rewrite_all_the_time(void *arg)
{
	struct mock_random rnd = mock_random_seeded();
	uint64_t *word;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t what = mock_random_below(&rnd, 8);
		uint64_t value;

		/* Half of the words make some sense, half do not. */
		if (what < 4)
			value = mock_iova(&ring, ring.tables) +
				mock_random_below(&rnd, (uint32_t)(ring.bytes / 2));
		else
			value = (uint64_t)mock_random_below(&rnd, 64) |
				(uint64_t)mock_random_below(&rnd, 8) << 32 |
				(uint64_t)mock_random_below(&rnd, SIZE + 1) << 48;
		word = (uint64_t *)(void *)(what % 2 == 0 ? ring.desc : ring.tables);
		word += 2 * mock_random_below(&rnd, SIZE) + (what < 4 ? 0 : 1);
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* faults: A14 */
Test(split_dev, descriptors_that_change_while_they_are_read_lead_nowhere_else, .init = init,
     .fini = fini)
{
	uint8_t *low = (uint8_t *)ring.tables, *high = ring.base + ring.bytes;
	unsigned good = 0, bad = 0;
	pthread_t writer;

	t_eq(pthread_create(&writer, NULL, rewrite_all_the_time, NULL), 0);
	for (unsigned i = 0; i < 100000 || good == 0; i++) {
		uint64_t bytes = 0;
		uint16_t idx = mock_avail_idx(&ring);
		int r;

		__atomic_store_n(&ring.avail->ring[idx % SIZE], htole16(i % SIZE),
				 __ATOMIC_RELAXED);
		mock_set_avail_idx(&ring, (uint16_t)(idx + 1));
		r = vri_devq_pop(q, &chain);
		if (r == 1) {
			t_le(chain.n_readable + chain.n_writable, SIZE);
			for (unsigned p = 0; p < chain.n_readable + chain.n_writable; p++) {
				uint8_t *at = iov[p].iov_base;

				t_true(at >= low && at < high);
				t_le(iov[p].iov_len, (size_t)(high - at));
				bytes += iov[p].iov_len;
			}
			t_eq(bytes, (uint64_t)chain.readable_len + chain.writable_len);
			t_ok(vri_devq_push(q, &chain, chain.writable_len));
			t_ok(vri_devq_publish(q));
			good++;
			continue;
		}
		t_errno_eq(r, -EPROTO);
		bad++;
		vri__devq_free(q);
		mock_set_avail_idx(&ring, 0);
		q = mock_devq(&ring, MOCK_INDIRECT_DESC);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	t_eq(pthread_join(writer, NULL), 0);
	t_gt(good, 0);
	t_gt(bad, 0);
}

/* ---- notifications ---- */

static void complete(unsigned n)
{
	struct vri_chain c;

	for (unsigned i = 0; i < n; i++)
		request((uint16_t)i, 0);
	for (unsigned i = 0; i < n; i++) {
		c = pop();
		t_ok(vri_devq_push(q, &c, 0));
	}
}

/* proves: dev:2.7s/1 */
Test(split_dev, without_event_idx_the_flags_decide, .init = init, .fini = fini)
{
	mock_set_used_event(&ring, 1000);
	complete(1);
	t_eq(vri_devq_notify(q), 1);
	t_eq(vri_devq_notify(q), 0);
	mock_set_avail_flags(&ring, 1);
	complete(3);
	t_eq(vri_devq_notify(q), 0);
	mock_set_avail_flags(&ring, 0xfffe);
	complete(1);
	t_eq(vri_devq_notify(q), 1);
	t_eq(ring.dev.n_notify, 2);
	t_eq(le64toh(ring.dev_counters.notifications), 2);
	t_eq(le64toh(ring.dev_counters.suppressed), 1);
}

/* proves: dev:2.7s/2 choice/1 */
Test(split_dev, with_event_idx_the_event_decides, .init = init_event_idx, .fini = fini)
{
	mock_set_avail_flags(&ring, 1);
	complete(1);
	t_eq(vri_devq_notify(q), 1);
	complete(1);
	t_eq(vri_devq_notify(q), 0);
	mock_set_avail_flags(&ring, 0);
	mock_set_used_event(&ring, 4);
	complete(2);
	t_eq(vri_devq_notify(q), 0);
	complete(3);
	t_eq(vri_devq_notify(q), 1);
}

/* proves: dev:2.7s/2
 * faults: A27 */
Test(split_dev, a_random_event_brings_at_most_one_notification_a_batch, .init = init_event_idx,
     .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	unsigned idx = 0;

	for (unsigned i = 0; i < 30000; i++) {
		unsigned n = 1 + mock_random_below(&rnd, SIZE);
		uint16_t event = mock_random_below(&rnd, 2) != 0 ?
					 (uint16_t)mock_random_below(&rnd, 65536) :
					 (uint16_t)(idx + mock_random_below(&rnd, 2 * SIZE));
		unsigned before = ring.dev.n_notify;
		bool covered = (uint16_t)(event - idx) < n;

		mock_set_used_event(&ring, event);
		complete(n);
		t_eq(vri_devq_notify(q), covered);
		t_eq(ring.dev.n_notify - before, covered);
		idx += n;
	}
}

/* proves: dev:2.7n/1 */
Test(split_dev, without_event_idx_arm_and_suppress_write_the_flags, .init = init, .fini = fini)
{
	vri_devq_suppress(q);
	t_eq(mock_used_flags(&ring), 1);
	t_eq(vri_devq_arm(q), 0);
	t_eq(mock_used_flags(&ring), 0);
	t_eq(mock_avail_event(&ring), 0);
	t_eq(le64toh(ring.dev_counters.sleeps), 1);
}

/* The device must re-arm, or it would not be kicked for a whole lap.
 * proves: dev:2.7n/2 */
Test(split_dev, with_event_idx_arm_and_suppress_write_the_event_only, .init = init_event_idx,
     .fini = fini)
{
	struct vri_chain c;

	for (unsigned i = 0; i < 5; i++) {
		t_eq(vri_devq_arm(q), 0);
		t_eq(mock_avail_event(&ring), i);
		request(0, 0);
		t_eq(vri_devq_arm(q), 1);
		pop();
		t_ok(vri_devq_rewind(q, 1));
		t_eq(vri_devq_arm(q), 1);
		c = pop();
		t_ok(vri_devq_push(q, &c, 0));
		vri_devq_suppress(q);
		t_eq(mock_used_flags(&ring), 0);
	}
	t_eq(vri_devq_arm(q), 0);
	vri_devq_suppress(q);
	t_eq(mock_avail_event(&ring), 4);
}

/* proves: dev:2.7n/3 */
Test(split_dev, a_kick_for_nothing_does_no_harm, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < 3; i++) {
		vri_devq_clear(q);
		t_eq(vri_devq_pop(q, &chain), 0);
		t_eq(vri_devq_notify(q), 0);
	}
	request(0, 0);
	t_eq(pop().head, 0);
}

Test(split_dev, looking_writes_no_shared_word, .init = init_event_idx, .fini = fini)
{
	static uint8_t before[3 * 4096];

	request(0, 8);
	memcpy(before, ring.base, sizeof(before));
	t_true(vri__devq_has_available(q));
	pop();
	t_false(vri__devq_has_available(q));
	t_eq(vri_devq_pop(q, &chain), 0);
	t_mem_eq(ring.base, before, sizeof(before));
}

/* ---- counters ---- */

Test(split_dev, counters_count_what_was_used, .init = init, .fini = fini)
{
	struct vri_chain c;

	for (unsigned i = 0; i < 3; i++) {
		request(0, 50);
		c = pop();
		t_ok(vri_devq_push(q, &c, 20));
	}
	t_eq(le64toh(ring.dev_counters.buffers), 0);
	t_ok(vri_devq_publish(q));
	t_eq(le64toh(ring.dev_counters.buffers), 3);
	t_eq(le64toh(ring.dev_counters.bytes_readable), 24);
	t_eq(le64toh(ring.dev_counters.bytes_written), 60);
	t_eq(le64toh(ring.dev_counters.position), 3);
	/* A new life of the queue goes on counting. */
	vri__devq_free(q);
	mock_set_avail_idx(&ring, 0);
	q = mock_devq(&ring, 0);
	t_eq(le64toh(ring.dev_counters.position), 0);
	complete(1);
	t_ok(vri_devq_publish(q));
	t_eq(le64toh(ring.dev_counters.buffers), 4);
	t_eq(le64toh(ring.dev_counters.position), 1);
}
