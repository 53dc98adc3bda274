/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's side of a split ring against a device that writes the raw words: what it puts there,
 * and what a hostile device can and cannot do to it. */

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>

#include <vring-ipc/memory.h>

#include "mock_ring.h"
#include "test.h"

#define SIZE 16u

static struct mock_ring ring;
static struct vri_drvq *q;

static void begin(uint64_t features)
{
	mock_ring_init(&ring, SIZE);
	q = mock_drvq(&ring, features);
}

static void init(void)
{
	begin(0);
}

static void init_event_idx(void)
{
	begin(MOCK_EVENT_IDX);
}

static void init_indirect(void)
{
	begin(MOCK_INDIRECT_DESC);
}

static void fini(void)
{
	vri__drvq_free(q);
	mock_ring_fini(&ring);
}

static void *token(size_t n)
{
	return ring.pool + n;
}

/* Adds @n_r readable pieces of 8 bytes and @n_w writable ones of 16. */
static int add(unsigned n_r, unsigned n_w, size_t n)
{
	struct iovec r[SIZE + 1] = { { 0 } }, w[SIZE + 1] = { { 0 } };

	for (unsigned i = 0; i < n_r; i++)
		r[i] = (struct iovec){ ring.pool + 64 * i, 8 };
	for (unsigned i = 0; i < n_w; i++)
		w[i] = (struct iovec){ ring.pool + 4096 + 64 * i, 16 };
	return vri_drvq_add(q, r, n_r, w, n_w, token(n));
}

/* Adds one writable piece of 16 bytes and makes it visible. Returns its head. */
static uint16_t lend(size_t n)
{
	uint16_t idx = mock_avail_idx(&ring);

	t_ok(add(0, 1, n));
	t_ok(vri_drvq_publish(q));
	return mock_avail_head(&ring, idx);
}

static int get(size_t *ret_n, uint32_t *ret_len)
{
	void *t = NULL;
	int r = vri_drvq_get_used(q, &t, ret_len);

	if (r == 1)
		*ret_n = (size_t)((uint8_t *)t - ring.pool);
	return r;
}

static void expect(size_t want, uint32_t want_len)
{
	size_t n = 0;
	uint32_t len = 0;

	t_eq(get(&n, &len), 1);
	t_eq(n, want);
	t_eq(len, want_len);
}

static void breaks(enum vri_rule rule)
{
	size_t n;
	uint32_t len;

	t_errno_eq(get(&n, &len), -EPROTO);
	t_streq(vri_rule_name(vri_drvq_broken(q)), vri_rule_name(rule));
	t_eq(ring.drv.n_broken, 1);
	t_eq(ring.drv.rule, rule);
	t_eq(le64toh(ring.drv_counters.errors), 1);
	t_errno_eq(get(&n, &len), -ESHUTDOWN);
	t_eq(ring.drv.n_broken, 1);
}

/* ---- what it writes ---- */

/* proves: drv:2.7f/1 drv:6.1/4 */
Test(split_drv, a_request_is_a_chain_readable_first, .init = init, .fini = fini)
{
	uint16_t at;

	t_ok(add(2, 2, 7));
	t_eq(mock_avail_idx(&ring), 0);
	t_ok(vri_drvq_publish(q));
	t_eq(mock_avail_idx(&ring), 1);
	at = mock_avail_head(&ring, 0);
	for (unsigned i = 0; i < 4; i++) {
		const struct vring_desc *d = &ring.desc[at];
		uint16_t flags = le16toh(d->flags);

		t_lt(at, SIZE);
		t_eq(flags & MOCK_WRITE, i < 2 ? 0 : MOCK_WRITE);
		t_eq(flags & MOCK_NEXT, i < 3 ? MOCK_NEXT : 0);
		t_eq(flags & MOCK_INDIRECT, 0);
		t_eq(le32toh(d->len), i < 2 ? 8 : 16);
		t_eq(le64toh(d->addr),
		     mock_iova(&ring, ring.pool + (i < 2 ? 64 * i : 4096 + 64 * (i - 2))));
		at = le16toh(d->next);
	}
	t_eq(vri_drvq_free_descriptors(q), SIZE - 4);
	t_eq(vri_drvq_outstanding(q), 1);
}

/* proves: drv:2.7a/1 drv:2.7i/3 */
Test(split_drv, the_ring_fills_up_and_empties, .init = init, .fini = fini)
{
	uint16_t last = 0;

	for (unsigned i = 0; i < SIZE; i++)
		t_ok(add(0, 1, i));
	t_errno_eq(add(0, 1, 99), -ENOSPC);
	t_errno_eq(add(1, 1, 99), -ENOSPC);
	t_ok(vri_drvq_publish(q));
	t_eq(mock_avail_idx(&ring), SIZE);
	for (uint16_t i = 0; i < SIZE; i++) {
		mock_use(&ring, mock_avail_head(&ring, i), 16);
		expect(i, 16);
		t_ge((uint16_t)(mock_avail_idx(&ring) - last), 0);
		last = mock_avail_idx(&ring);
	}
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	t_errno_eq(add(SIZE, 1, 99), -EINVAL);
	t_ok(add(SIZE - 1, 1, 1));
}

/* Slot i names the same descriptors lap after lap. */
Test(split_drv, in_order_use_writes_nothing_but_the_index, .init = init, .fini = fini)
{
	static struct vring_desc desc[SIZE];
	static uint16_t slots[SIZE];

	for (unsigned i = 0; i < 10 * SIZE; i++) {
		t_ok(add(1, 1, 0));
		t_ok(vri_drvq_publish(q));
		mock_use(&ring, mock_avail_head(&ring, (uint16_t)i), 3);
		expect(0, 3);
		if (i == SIZE) {
			memcpy(desc, ring.desc, sizeof(desc));
			memcpy(slots, ring.avail->ring, sizeof(slots));
		}
		if (i > SIZE) {
			t_mem_eq(ring.desc, desc, sizeof(desc));
			t_mem_eq(ring.avail->ring, slots, sizeof(slots));
		}
	}
}

/* Whoever writes where nothing needs to change is found out. */
Test(split_drv, a_value_that_stands_there_is_not_stored_again, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < 2 * SIZE; i++) {
		mock_use(&ring, lend(1), 0);
		expect(1, 0);
	}
	memset(ring.desc, 0xaa, SIZE * sizeof(*ring.desc));
	memset(ring.avail->ring, 0xaa, SIZE * sizeof(uint16_t));
	for (uint16_t i = 0; i < 2 * SIZE; i++) {
		t_ok(add(0, 1, 1));
		t_ok(vri_drvq_publish(q));
		mock_use(&ring, i % SIZE, 0);
		expect(1, 0);
	}
	for (unsigned i = 0; i < SIZE * sizeof(*ring.desc); i++)
		t_eq(((uint8_t *)ring.desc)[i], 0xaa);
	for (unsigned i = 0; i < SIZE * sizeof(uint16_t); i++)
		t_eq(((uint8_t *)ring.avail->ring)[i], 0xaa);
}

/* proves: drv:2.7i/1 */
Test(split_drv, no_table_without_the_feature, .init = init, .fini = fini)
{
	t_ok(add(5, 5, 0));
	t_ok(vri_drvq_publish(q));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 10);
	for (unsigned i = 0; i < SIZE; i++)
		t_eq(le16toh(ring.desc[i].flags) & MOCK_INDIRECT, 0);
}

/* proves: drv:2.7i/2 drv:2.7i/4 */
Test(split_drv, many_pieces_take_one_descriptor_and_a_table, .init = init_indirect, .fini = fini)
{
	const struct vring_desc *d;
	const struct vring_desc *table;

	t_ok(add(3, 2, 0));
	t_ok(vri_drvq_publish(q));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 1);
	d = &ring.desc[mock_avail_head(&ring, 0)];
	t_eq(le16toh(d->flags), MOCK_INDIRECT);
	t_eq(le32toh(d->len), 5 * 16);
	table = (const void *)(ring.base + le64toh(d->addr));
	t_true(table >= ring.tables && table < ring.tables + SIZE * MOCK_TABLE_MAX);
	for (unsigned i = 0; i < 5; i++) {
		t_eq(le16toh(table[i].flags), (i < 3 ? 0 : MOCK_WRITE) | (i < 4 ? MOCK_NEXT : 0));
		t_eq(le16toh(table[i].next), i < 4 ? i + 1 : 0);
		t_eq(le32toh(table[i].len), i < 3 ? 8 : 16);
	}
}

Test(split_drv, two_pieces_take_a_table_only_when_descriptors_run_out, .init = init_indirect,
     .fini = fini)
{
	unsigned n = 0;

	t_ok(add(1, 1, 0));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 2);
	t_ok(add(0, 1, 0));
	while (vri_drvq_free_descriptors(q) > 1)
		t_ok(add(1, 1, 0));
	t_ok(add(1, 1, 0));
	t_eq(vri_drvq_free_descriptors(q), 0);
	t_errno_eq(add(1, 1, 0), -ENOSPC);
	t_errno_eq(add(0, 1, 0), -ENOSPC);
	t_ok(vri_drvq_publish(q));
	for (unsigned i = 0; i < SIZE; i++)
		n += le16toh(ring.desc[i].flags) == MOCK_INDIRECT;
	t_eq(n, 1);
}

Test(split_drv, more_pieces_than_a_table_holds_go_into_the_ring, .fini = fini)
{
	struct queue_setup s;

	mock_ring_init(&ring, SIZE);
	s = mock_drv_setup(&ring, MOCK_INDIRECT_DESC);
	s.indirect_max = 4;
	t_ok(vri__drvq_new(&s, &q));
	t_ok(add(2, 2, 0));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 1);
	t_ok(add(3, 2, 0));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 6);
}

/* proves: drv:2.7d/1 choice/4 */
Test(split_drv, a_request_of_4_gib_is_refused, .init = init, .fini = fini)
{
	const uint64_t big = 1ull << 33;
	struct iovec r, w;
	struct mem_entry e = {
		.iova = 1ull << 40,
		.size = big,
		.access = VRI_ACCESS_READ_WRITE,
		.window_size = big,
	};

	e.va = mmap(NULL, big, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_true((void *)e.va != MAP_FAILED);
	t_ok(vri__mem_add(ring.mem, &e));
	r = (struct iovec){ e.va, 0x80000000u };
	w = (struct iovec){ e.va, 0x80000000u };
	t_errno_eq(vri_drvq_add(q, &r, 1, &w, 1, q), -EINVAL);
	r.iov_len = 1ull << 32;
	t_errno_eq(vri_drvq_add(q, &r, 1, NULL, 0, q), -EINVAL);
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	r.iov_len = 0x7fffffffu;
	t_ok(vri_drvq_add(q, &r, 1, &w, 1, q));
	munmap(e.va, big);
}

/* proves: drv:3.3/1 */
Test(split_drv, what_is_lent_is_left_alone, .init = init, .fini = fini)
{
	struct vring_desc before;
	uint16_t head = lend(1);

	before = ring.desc[head];
	/* Others come and go around it for some laps, failed ones too. */
	for (unsigned i = 1; i < 5 * SIZE; i++) {
		uint16_t other = lend(2);
		struct iovec bad[2] = { { ring.pool, 8 }, { &before, 8 } };

		t_ne(other, head);
		t_errno_eq(vri_drvq_add(q, bad, 2, NULL, 0, q), -EINVAL);
		t_mem_eq(&ring.desc[head], &before, sizeof(before));
		mock_use(&ring, other, 0);
		expect(2, 0);
	}
	mock_use(&ring, head, 16);
	expect(1, 16);
}

/* ---- the used ring ---- */

Test(split_drv, used_buffers_come_in_the_order_of_the_used_ring, .init = init, .fini = fini)
{
	uint16_t heads[8];
	static const unsigned order[8] = { 3, 0, 7, 1, 6, 2, 5, 4 };
	size_t n;
	uint32_t len;

	for (unsigned i = 0; i < 8; i++)
		heads[i] = lend(i);
	t_eq(get(&n, &len), 0);
	for (unsigned i = 0; i < 8; i++)
		mock_use(&ring, heads[order[i]], i);
	for (unsigned i = 0; i < 8; i++)
		expect(order[i], i);
	t_eq(get(&n, &len), 0);
	t_eq(vri_drvq_outstanding(q), 0);
}

Test(split_drv, a_batch_takes_as_many_as_there_are, .init = init, .fini = fini)
{
	struct vri_used used[SIZE];

	t_eq(vri_drvq_get_used_batch(q, used, SIZE), 0);
	for (unsigned i = 0; i < 6; i++)
		mock_use(&ring, lend(i), i);
	t_eq(vri_drvq_get_used_batch(q, used, 0), 0);
	t_eq(vri_drvq_get_used_batch(q, used, 4), 4);
	t_ptr_eq(used[3].token, token(3));
	t_eq(used[3].len, 3);
	t_eq(vri_drvq_get_used_batch(q, used, SIZE), 2);
	t_ptr_eq(used[1].token, token(5));
}

/* faults: H8 */
Test(split_drv, indices_wrap_from_65535_to_0, .init = init_event_idx, .fini = fini)
{
	for (uint32_t i = 0; i < 65536 + 1000; i++) {
		uint16_t head;

		t_eq(mock_avail_idx(&ring), (uint16_t)i);
		head = lend(i % 100);
		mock_use(&ring, head, i % 17);
		expect(i % 100, i % 17);
	}
	t_eq(le64toh(ring.drv_counters.position), 65536 + 1000);
}

/* An older buffer may stay out for more than a lap of the index. */
Test(split_drv, a_buffer_outlives_a_lap_of_the_index, .init = init, .fini = fini)
{
	uint16_t old = lend(500);

	for (uint32_t i = 0; i < 65536 + 3; i++) {
		mock_use(&ring, lend(1), 1);
		expect(1, 1);
	}
	t_ok(add(0, 1, 2)); /* staged: as many laps apart as can be confused */
	mock_use(&ring, old, 9);
	expect(500, 9);
}

/* ---- a hostile device ---- */

struct used_case {
	const char *what;
	uint32_t id;
	enum vri_rule rule;
};

static const struct used_case bad_ids[] = {
	{ "the size of the queue", SIZE, VRI_RULE_USED_ID },
	{ "a head with high bits", 0x10000, VRI_RULE_USED_ID },
	{ "all bits", 0xffffffffu, VRI_RULE_USED_ID },
	{ "the middle of a chain", 1, VRI_RULE_USED_ID },
	{ "the end of a chain", 2, VRI_RULE_USED_ID },
	{ "never lent", 9, VRI_RULE_USED_NOT_LENT },
	{ "staged, not visible yet", 3, VRI_RULE_USED_NOT_LENT },
};

/* faults: B1 B2 */
TestEach(split_drv, a_used_id_that_is_no_head_out_there_breaks_the_queue, bad_ids, struct used_case,
	 .init = init, .fini = fini)
{
	t_ok(add(1, 2, 0)); /* descriptors 0, 1, 2 */
	t_ok(vri_drvq_publish(q));
	t_ok(add(0, 1, 1)); /* 3 */
	mock_use(&ring, param->id, 0);
	breaks(param->rule);
	t_eq(vri_drvq_outstanding(q), 2);
}

/* faults: B2 */
Test(split_drv, a_buffer_that_is_used_twice_comes_back_once, .init = init, .fini = fini)
{
	uint16_t head = lend(1);

	lend(2);
	mock_use(&ring, head, 1);
	mock_use(&ring, head, 1);
	expect(1, 1);
	breaks(VRI_RULE_USED_NOT_LENT);
}

/* faults: B3 */
Test(split_drv, a_used_length_beyond_the_writable_bytes_breaks_the_queue, .init = init,
     .fini = fini)
{
	t_ok(add(1, 1, 1));
	t_ok(vri_drvq_publish(q));
	mock_use(&ring, mock_avail_head(&ring, 0), 17);
	breaks(VRI_RULE_USED_LEN);
}

Test(split_drv, a_length_for_a_buffer_without_writable_bytes_breaks_the_queue, .init = init,
     .fini = fini)
{
	t_ok(add(1, 0, 1));
	t_ok(vri_drvq_publish(q));
	mock_use(&ring, mock_avail_head(&ring, 0), 1);
	breaks(VRI_RULE_USED_LEN);
}

#define TURNS 30000 /* from one length to the other and back */

/* The length of used entry 0 is all that there is by turns, and one more. */
static void *flip_length(void *arg)
{
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED))
		for (unsigned i = 0; i < 64; i++)
			__atomic_store_n(&ring.used->ring[0].len, htole32(16 + i % 2),
					 __ATOMIC_RELAXED);
	return NULL;
}

/* A second look after the check would find the other one, sooner or later.
 * faults: B4 */
Test(split_drv, the_length_is_the_one_that_was_checked, .fini = fini)
{
	unsigned good = 0, bad = 0, turns = 0;
	bool stop = false, was_bad = false;
	time_t end = time(NULL) + 2;
	pthread_t thread;

	mock_ring_init(&ring, 1);
	q = mock_drvq(&ring, 0);
	mock_used_entry(&ring, 0, 0, 16);
	t_eq(pthread_create(&thread, NULL, flip_length, &stop), 0);
	/* Until the two sides have really met often enough, or a machine with one processor had its time. */
	while ((turns < TURNS && time(NULL) <= end) || good == 0 || bad == 0) {
		struct vri_used used;
		int r;

		t_eq(lend(1), 0);
		mock_set_used_idx(&ring, (uint16_t)(mock_used_idx(&ring) + 1));
		r = vri_drvq_get_used_batch(q, &used, 1);
		if (r == 1) {
			t_eq(used.len, 16);
			turns += was_bad;
			was_bad = false;
			good++;
			continue;
		}
		t_errno_eq(r, -EPROTO);
		t_eq(vri_drvq_broken(q), VRI_RULE_USED_LEN);
		was_bad = true;
		bad++;
		vri__drvq_free(q);
		mock_set_used_idx(&ring, 0);
		q = mock_drvq(&ring, 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
}

/* faults: B5 */
Test(split_drv, a_used_index_ahead_of_what_is_out_breaks_the_queue, .init = init, .fini = fini)
{
	lend(1);
	lend(2);
	t_ok(add(0, 1, 3)); /* staged ones do not count */
	mock_used_entry(&ring, 0, 0, 0);
	mock_used_entry(&ring, 1, 1, 0);
	mock_set_used_idx(&ring, 3);
	breaks(VRI_RULE_USED_IDX);
}

/* faults: B6 */
Test(split_drv, a_used_index_that_goes_back_breaks_the_queue, .init = init, .fini = fini)
{
	for (unsigned i = 0; i < 3; i++) {
		mock_use(&ring, lend(i), 0);
		expect(i, 0);
	}
	lend(9);
	mock_set_used_idx(&ring, 2);
	breaks(VRI_RULE_USED_IDX);
}

Test(split_drv, good_ones_before_a_bad_one_are_delivered, .init = init, .fini = fini)
{
	struct vri_used used[SIZE];

	for (unsigned i = 0; i < 3; i++)
		lend(i);
	mock_use(&ring, 0, 1);
	mock_use(&ring, 1, 1);
	mock_use(&ring, 77, 1);
	t_eq(vri_drvq_get_used_batch(q, used, SIZE), 2);
	t_eq(vri_drvq_broken(q), VRI_RULE_NONE);
	t_errno_eq(vri_drvq_get_used_batch(q, used, SIZE), -EPROTO);
	t_eq(vri_drvq_broken(q), VRI_RULE_USED_ID);
	t_eq(vri_drvq_outstanding(q), 1);
}

static void scribble(void *area, size_t len, struct mock_random *rnd)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)area)[i] = (uint8_t)mock_random_below(rnd, 256);
}

/* faults: B7 B8 B9 */
Test(split_drv, what_the_device_writes_over_descriptors_and_tables_changes_nothing,
     .init = init_indirect, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	bool free_desc[SIZE];

	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 1 + mock_random_below(&rnd, 4);
		uint16_t heads[4];

		for (unsigned i = 0; i < n; i++) {
			uint16_t idx = mock_avail_idx(&ring);

			t_ok(add(i % 2, 1 + mock_random_below(&rnd, 3), i));
			t_ok(vri_drvq_publish(q));
			heads[i] = mock_avail_head(&ring, idx);
		}
		scribble(ring.desc, SIZE * 16, &rnd);
		scribble(ring.avail->ring, SIZE * 2, &rnd);
		scribble(ring.tables, SIZE * MOCK_TABLE_MAX * 16, &rnd);
		scribble(ring.pool, 4096, &rnd);
		for (unsigned i = n; i-- > 0;) {
			mock_use(&ring, heads[i], 16);
			expect(i, 16);
		}
		t_eq(vri_drvq_free_descriptors(q), SIZE);
		/* What it wrote over is the device's own loss: put the ring right again. */
		vri__drvq_free(q);
		memset(ring.used, 0, 6 + 8 * SIZE);
		q = mock_drvq(&ring, MOCK_INDIRECT_DESC);
	}
	/* No descriptor was lost or doubled. */
	memset(free_desc, 0, sizeof(free_desc));
	for (unsigned i = 0; i < SIZE; i++)
		free_desc[lend(0)] = true;
	for (unsigned i = 0; i < SIZE; i++)
		t_true(free_desc[i]);
}

/* faults: B19 */
Test(split_drv, an_entry_counts_only_when_the_index_covers_it, .init = init, .fini = fini)
{
	size_t n;
	uint32_t len;

	lend(1);
	lend(2);
	mock_used_entry(&ring, 0, 0, 5);
	mock_used_entry(&ring, 1, 1, 6);
	t_eq(get(&n, &len), 0);
	mock_set_used_idx(&ring, 1);
	expect(1, 5);
	t_eq(get(&n, &len), 0);
	/* The slot is read when the index covers it, not before. */
	mock_used_entry(&ring, 1, 1, 7);
	mock_set_used_idx(&ring, 2);
	expect(2, 7);
}

/* ---- notifications ---- */

/* proves: drv:2.7n/2 */
Test(split_drv, without_event_idx_the_flags_decide, .init = init, .fini = fini)
{
	mock_set_avail_event(&ring, 1000);
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 1);
	t_eq(vri_drvq_kick(q), 0);
	mock_set_used_flags(&ring, 1);
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 0);
	mock_set_used_flags(&ring, 0xfffe);
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 1);
	t_eq(ring.drv.n_notify, 2);
	t_eq(le64toh(ring.drv_counters.notifications), 2);
	t_eq(le64toh(ring.drv_counters.suppressed), 1);
}

/* proves: drv:2.7n/3 */
Test(split_drv, with_event_idx_the_event_decides, .init = init_event_idx, .fini = fini)
{
	mock_set_used_flags(&ring, 1);
	mock_set_avail_event(&ring, 0);
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 1);
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 0);
	mock_set_used_flags(&ring, 0);
	mock_set_avail_event(&ring, 4);
	t_ok(add(0, 1, 0));
	t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 0);
	for (unsigned i = 0; i < 3; i++)
		t_ok(add(0, 1, 0));
	t_eq(vri_drvq_kick(q), 1);
	t_eq(ring.drv.n_notify, 2);
}

struct batch_case {
	unsigned batch;
};

static const struct batch_case batches[] = { { 1 }, { 3 }, { 4 }, { SIZE } };

/* Over more than a lap, with an event armed just where the device looks.
 * proves: drv:2.7n/3 choice/1
 * faults: B11 */
TestEach(split_drv, a_batch_that_covers_the_event_kicks_exactly_once, batches, struct batch_case,
	 .init = init_event_idx, .fini = fini)
{
	struct vri_used used[SIZE];
	unsigned idx = 0, kicks = 0, n = 0;

	while (idx < 65536 + 4 * SIZE) {
		mock_set_avail_event(&ring, (uint16_t)(idx + n % param->batch));
		for (unsigned i = 0; i < param->batch; i++)
			t_ok(add(0, 1, i));
		kicks += (unsigned)vri_drvq_kick(q);
		n++;
		for (unsigned i = 0; i < param->batch; i++)
			mock_use(&ring, mock_avail_head(&ring, (uint16_t)(idx + i)), 0);
		t_eq(vri_drvq_get_used_batch(q, used, SIZE), (int)param->batch);
		idx += param->batch;
		if (kicks != n)
			t_fail("no kick at index %u", idx);
	}
	t_eq(ring.drv.n_notify, n);
}

/* What was published without a decision counts in the next one. */
Test(split_drv, a_kick_decides_about_all_that_was_published, .init = init_event_idx, .fini = fini)
{
	mock_set_avail_event(&ring, 0);
	lend(0);
	lend(1);
	lend(2);
	t_eq(vri_drvq_kick(q), 1);
	/* A whole lap and more of it. */
	for (unsigned i = 0; i < 65536; i++) {
		mock_use(&ring, mock_avail_head(&ring, (uint16_t)i), 0);
		t_eq(get(&(size_t){ 0 }, &(uint32_t){ 0 }), 1);
		lend(0);
	}
	mock_set_avail_event(&ring, (uint16_t)(mock_avail_idx(&ring) + 5));
	t_eq(vri_drvq_kick(q), 1);
}

/* proves: drv:2.7s/1 */
Test(split_drv, without_event_idx_arm_and_suppress_write_the_flags, .init = init, .fini = fini)
{
	t_eq(mock_avail_flags(&ring), 0);
	vri_drvq_suppress(q);
	t_eq(mock_avail_flags(&ring), 1);
	t_eq(vri_drvq_arm(q), 0);
	t_eq(mock_avail_flags(&ring), 0);
	t_eq(mock_used_event(&ring), 0);
	t_eq(le64toh(ring.drv_counters.sleeps), 1);
}

/* proves: drv:2.7s/2 */
Test(split_drv, with_event_idx_arm_and_suppress_write_the_event_only, .init = init_event_idx,
     .fini = fini)
{
	for (unsigned i = 0; i < 5; i++) {
		t_eq(vri_drvq_arm(q), 0);
		t_eq(mock_used_event(&ring), i);
		t_eq(mock_avail_flags(&ring), 0);
		mock_use(&ring, lend(0), 0);
		t_eq(vri_drvq_arm(q), 1);
		t_eq(get(&(size_t){ 0 }, &(uint32_t){ 0 }), 1);
		vri_drvq_suppress(q);
		t_eq(mock_avail_flags(&ring), 0);
	}
	/* Armed and nothing came: the event is moved to where it has passed. */
	t_eq(vri_drvq_arm(q), 0);
	vri_drvq_suppress(q);
	t_eq(mock_used_event(&ring), 4);
}

Test(split_drv, arm_sees_what_came_before_it, .init = init, .fini = fini)
{
	uint16_t head = lend(1);

	mock_use(&ring, head, 0);
	t_eq(vri_drvq_arm(q), 1);
	expect(1, 0);
	t_eq(vri_drvq_arm(q), 0);
}

Test(split_drv, arm_after_asks_for_the_nth, .init = init_event_idx, .fini = fini)
{
	for (unsigned i = 0; i < 8; i++)
		lend(i);
	t_eq(vri_drvq_arm_after(q, 5), 0);
	t_eq(mock_used_event(&ring), 4);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_arm_after(q, 5), 0);
	t_eq(vri_drvq_arm(q), 1);
	for (uint16_t i = 1; i < 5; i++)
		mock_use(&ring, i, 0);
	t_eq(vri_drvq_arm_after(q, 5), 1);
	/* More than there are: all of them. */
	t_eq(vri_drvq_arm_after(q, 1000), 0);
	t_eq(mock_used_event(&ring), 7);
	t_eq(vri_drvq_arm_after(q, 0), 1);
}

/* proves: drv:2.7s/3 */
Test(split_drv, a_notification_for_nothing_does_no_harm, .init = init, .fini = fini)
{
	size_t n;
	uint32_t len;

	for (unsigned i = 0; i < 3; i++) {
		vri_drvq_clear(q);
		t_eq(get(&n, &len), 0);
	}
	mock_use(&ring, lend(1), 0);
	expect(1, 0);
	t_eq(get(&n, &len), 0);
}

/* Looking stores nothing that the peer reads. */
Test(split_drv, looking_writes_no_shared_word, .init = init_event_idx, .fini = fini)
{
	static uint8_t before[3 * 4096];
	size_t n;
	uint32_t len;

	lend(1);
	mock_use(&ring, 0, 0);
	memcpy(before, ring.base, sizeof(before));
	t_true(vri__drvq_has_used(q));
	expect(1, 0);
	t_eq(get(&n, &len), 0);
	t_false(vri__drvq_has_used(q));
	t_mem_eq(ring.base, before, sizeof(before));
}

/* ---- set-up ---- */

/* proves: drv:2.7n/1 choice/5 */
Test(split_drv, a_used_ring_is_zero_when_both_sides_are_there, .init = init, .fini = fini)
{
	struct vri_devq *dev;

	memset(ring.base, 0xff, 3 * 4096);
	vri__drvq_free(q);
	q = mock_drvq(&ring, 0);
	dev = mock_devq(&ring, 0);
	t_eq(mock_used_flags(&ring), 0);
	t_eq(mock_used_idx(&ring), 0);
	t_eq(mock_avail_flags(&ring), 0);
	t_eq(mock_avail_idx(&ring), 0);
	t_eq(mock_avail_event(&ring), 0);
	t_eq(mock_used_event(&ring), 0);
	vri__devq_free(dev);
}
