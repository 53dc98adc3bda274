/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's side of a packed ring against a device that writes the raw words: what it puts there,
 * and what a hostile device can and cannot do to it. */

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <vring-ipc/memory.h>

#include "mock_packed.h"
#include "test.h"

#define SIZE 6u
#define SIZE_LARGEST 16u

static struct mock_packed p;
static struct vri_drvq *q;

static void begin(unsigned size, uint64_t features)
{
	mock_packed_init(&p, size);
	q = mock_packed_drvq(&p, features);
}

static void init(void)
{
	begin(SIZE, 0);
}

static void init_event_idx(void)
{
	begin(SIZE, MOCK_EVENT_IDX);
}

static void init_indirect(void)
{
	begin(SIZE, MOCK_INDIRECT_DESC);
}

static void fini(void)
{
	vri__drvq_free(q);
	mock_packed_fini(&p);
}

static void *token(size_t n)
{
	return p.ring.pool + n;
}

/* Adds @n_r readable pieces of 8 bytes and @n_w writable ones of 16. */
static int add(unsigned n_r, unsigned n_w, size_t n)
{
	struct iovec r[SIZE_LARGEST + 1], w[SIZE_LARGEST + 1];

	for (unsigned i = 0; i < n_r; i++)
		r[i] = (struct iovec){ p.ring.pool + 64 * i, 8 };
	for (unsigned i = 0; i < n_w; i++)
		w[i] = (struct iovec){ p.ring.pool + 4096 + 64 * i, 16 };
	return vri_drvq_add(q, r, n_r, w, n_w, token(n));
}

/* Adds a list of @n writable pieces, makes it visible and follows it. Returns its id. */
static uint16_t lend_list(unsigned n_pieces, size_t n)
{
	unsigned n_desc;
	uint16_t id;

	t_ok(add(0, n_pieces, n));
	t_ok(vri_drvq_publish(q));
	t_true(mock_is_available(&p, p.avail));
	id = mock_packed_list(&p, p.avail, &n_desc);
	t_eq(n_desc, n_pieces);
	p.avail = mock_place_after(&p, p.avail, n_desc);
	return id;
}

static uint16_t lend(size_t n)
{
	return lend_list(1, n);
}

static int get(size_t *ret_n, uint32_t *ret_len)
{
	void *t = NULL;
	int r = vri_drvq_get_used(q, &t, ret_len);

	if (r == 1)
		*ret_n = (size_t)((uint8_t *)t - p.ring.pool);
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

static void expect_none(void)
{
	size_t n;
	uint32_t len;

	t_eq(get(&n, &len), 0);
}

static void breaks(enum vri_rule rule)
{
	size_t n;
	uint32_t len;

	t_errno_eq(get(&n, &len), -EPROTO);
	t_streq(vri_rule_name(vri_drvq_broken(q)), vri_rule_name(rule));
	t_eq(p.ring.drv.n_broken, 1);
	t_eq(le64toh(p.ring.drv_counters.errors), 1);
	t_errno_eq(get(&n, &len), -ESHUTDOWN);
}

/* ---- what it writes ---- */

/* AVAIL and USED are right in each of them.
 * proves: drv:2.8g/3 */
Test(packed_drv, a_request_is_a_list_readable_first, .init = init, .fini = fini)
{
	t_ok(add(2, 2, 7));
	t_ok(vri_drvq_publish(q));
	for (unsigned i = 0; i < 4; i++) {
		const struct vring_packed_desc *d = &p.desc[i];
		size_t offset = i < 2 ? 64 * i : 4096 + 64 * (i - 2);

		t_eq(le16toh(d->flags),
		     MOCK_AVAIL | (i < 2 ? 0u : MOCK_WRITE) | (i < 3 ? MOCK_NEXT : 0u));
		t_eq(le32toh(d->len), i < 2 ? 8 : 16);
		t_eq(le64toh(d->addr), mock_iova(&p.ring, p.ring.pool + offset));
	}
	t_eq(le16toh(p.desc[4].flags), 0);
	t_lt(le16toh(p.desc[3].id), SIZE);
	t_eq(vri_drvq_free_descriptors(q), SIZE - 4);
	t_eq(vri_drvq_outstanding(q), 1);
}

/* The first flags are the last thing that is written, of a list and of a whole batch.
 * proves: drv:2.8g/5 */
Test(packed_drv, nothing_is_available_before_it_is_published, .init = init, .fini = fini)
{
	struct mock_place first = { 0, true };

	t_ok(add(1, 1, 0));
	t_false(mock_is_available(&p, first));
	t_ok(add(0, 1, 1));
	t_ok(add(1, 2, 2));
	t_false(mock_is_available(&p, first));
	t_ok(vri_drvq_publish(q));
	for (unsigned i = 0; i < SIZE; i++)
		t_true(mock_is_available(&p, mock_place_after(&p, first, i)));
	t_eq(le64toh(p.ring.drv_counters.buffers), 3);
}

/* proves: drv:2.8g/4 */
Test(packed_drv, the_ring_fills_up_and_empties, .init = init, .fini = fini)
{
	for (unsigned lap = 0; lap < 5; lap++) {
		uint16_t ids[SIZE];

		for (unsigned i = 0; i < SIZE; i++)
			ids[i] = lend(i);
		t_eq(vri_drvq_free_descriptors(q), 0);
		t_errno_eq(add(0, 1, 0), -ENOSPC);
		mock_packed_use(&p, ids[3], 1, 1);
		expect(3, 1);
		t_errno_eq(add(1, 1, 0), -ENOSPC);
		for (unsigned i = 0; i < SIZE; i++)
			if (i != 3)
				mock_packed_use(&p, ids[i], 1, 1);
		for (unsigned i = 0; i < SIZE; i++)
			if (i != 3)
				expect(i, 1);
		t_eq(vri_drvq_free_descriptors(q), SIZE);
	}
}

/* proves: drv:2.8d/1 drv:2.8d/2 */
Test(packed_drv, what_is_lent_is_left_alone, .init = init, .fini = fini)
{
	struct vring_packed_desc before[SIZE];

	for (unsigned i = 0; i < SIZE; i++)
		lend(i);
	memcpy(before, p.desc, sizeof(before));
	t_errno_eq(add(0, 1, 0), -ENOSPC);
	expect_none();
	t_ok(vri_drvq_publish(q));
	t_eq(vri_drvq_kick(q), 1);
	vri_drvq_suppress(q);
	t_eq(vri_drvq_arm(q), 0);
	t_mem_eq(p.desc, before, sizeof(before));
}

/* A request that turns out to be wrong half way must not leave a slot that looks available: a later,
 * shorter one goes before it. */
Test(packed_drv, a_request_that_is_refused_half_way_leaves_nothing_available, .init = init,
     .fini = fini)
{
	int outside;
	struct iovec bad[3] = { { p.ring.pool, 8 }, { p.ring.pool, 8 }, { &outside, 4 } };

	for (unsigned lap = 0; lap < 3 * SIZE; lap++) {
		uint16_t id;

		t_errno_eq(vri_drvq_add(q, bad, 3, NULL, 0, q), -EINVAL);
		t_errno_eq(vri_drvq_add(q, bad, 1, bad + 2, 1, q), -EINVAL);
		t_eq(vri_drvq_free_descriptors(q), SIZE);
		id = lend(1);
		t_false(mock_is_available(&p, p.avail));
		mock_packed_use(&p, id, 0, 1);
		expect(1, 0);
	}
}

struct size_case {
	unsigned size;
};

static const struct size_case small[] = { { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 } };

/* Every place of the ring in both laps, every length of list. */
TestEach(packed_drv, lists_go_around_the_end_with_their_wrap_counter, small, struct size_case,
	 .fini = fini)
{
	begin(param->size, 0);
	for (unsigned n = 1; n <= param->size; n++) {
		for (unsigned round = 0; round < 4 * param->size; round++) {
			struct mock_place at = p.avail;
			uint16_t id = lend_list(n, round);

			for (unsigned i = 0; i < n; i++)
				t_true(mock_is_available(&p, mock_place_after(&p, at, i)));
			t_eq(vri_drvq_free_descriptors(q), param->size - n);
			mock_packed_use(&p, id, 16 * n, n);
			expect(round, 16 * n);
			expect_none();
			t_eq(vri_drvq_free_descriptors(q), param->size);
		}
		/* So that the next length starts elsewhere. */
		mock_packed_use(&p, lend(0), 0, 1);
		expect(0, 0);
	}
}

/* ---- indirect tables ---- */

/* proves: drv:2.8i/1 */
Test(packed_drv, without_the_feature_there_is_no_table, .init = init, .fini = fini)
{
	t_ok(add(2, 3, 0));
	t_ok(vri_drvq_publish(q));
	for (unsigned i = 0; i < SIZE; i++)
		t_eq(mock_flags(&p, i) & MOCK_INDIRECT, 0);
	t_eq(vri_drvq_free_descriptors(q), SIZE - 5);
}

/* proves: drv:2.8i/2 drv:2.8i/4 */
Test(packed_drv, a_table_has_no_flag_but_write_and_stands_alone, .init = init_indirect,
     .fini = fini)
{
	const struct vring_packed_desc *t;

	t_ok(add(2, 3, 9));
	t_ok(vri_drvq_publish(q));
	t_eq(mock_flags(&p, 0), MOCK_AVAIL | MOCK_INDIRECT);
	t_eq(mock_flags(&p, 1), 0);
	t_eq(le32toh(p.desc[0].len), 5 * 16);
	t = (void *)(p.ring.base + le64toh(p.desc[0].addr));
	for (unsigned i = 0; i < 5; i++) {
		t_eq(le16toh(t[i].flags), i < 2 ? 0 : MOCK_WRITE);
		t_eq(le16toh(t[i].id), 0);
		t_eq(le32toh(t[i].len), i < 2 ? 8 : 16);
	}
	t_eq(vri_drvq_free_descriptors(q), SIZE - 1);
	mock_packed_use(&p, le16toh(p.desc[0].id), 48, 1);
	expect(9, 48);
	t_eq(vri_drvq_free_descriptors(q), SIZE);
}

/* proves: drv:2.8i/3 drv:2.8g/1 drv:2.8g/2 */
Test(packed_drv, more_pieces_than_the_queue_are_refused, .init = init_indirect, .fini = fini)
{
	t_errno_eq(add(0, SIZE + 1, 0), -EINVAL);
	t_errno_eq(add(SIZE, 1, 0), -EINVAL);
	t_ok(add(SIZE - 1, 1, 0));
}

Test(packed_drv, tables_of_requests_that_are_out_stay_apart, .init = init_indirect, .fini = fini)
{
	uint64_t at[SIZE];

	for (unsigned i = 0; i < SIZE; i++)
		t_ok(add(1, 2, i));
	t_ok(vri_drvq_publish(q));
	for (unsigned i = 0; i < SIZE; i++) {
		at[i] = le64toh(p.desc[i].addr);
		for (unsigned j = 0; j < i; j++)
			t_true(at[i] + MOCK_TABLE_MAX * 16 <= at[j] ||
			       at[j] + MOCK_TABLE_MAX * 16 <= at[i]);
	}
}

/* ---- used descriptors ---- */

/* Out of order: the used descriptor comes into the next slot, whoever's it was, and the length of its
 * own list is skipped. */
Test(packed_drv, used_lists_are_skipped_by_the_private_record, .init = init, .fini = fini)
{
	uint16_t a = lend_list(3, 1), b = lend_list(1, 2), c = lend_list(2, 3);

	mock_packed_use(&p, b, 5, 1);
	mock_packed_use(&p, c, 6, 2);
	mock_packed_use(&p, a, 7, 3);
	expect(2, 5);
	expect(3, 6);
	expect(1, 7);
	expect_none();
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	t_eq(le64toh(p.ring.drv_counters.position), 6);
}

/* The WRITE flag decides whether there is a length; NEXT and the rest mean nothing. */
Test(packed_drv, without_write_the_length_is_nothing, .init = init, .fini = fini)
{
	uint16_t id = lend(1);

	p.desc[0].len = htole32(0xffffffff);
	p.desc[0].id = htole16(id);
	mock_set_flags(&p, 0, MOCK_AVAIL | MOCK_USED | MOCK_NEXT | MOCK_INDIRECT);
	expect(1, 0);
}

/* A request that is with the mock device. */
struct out {
	uint16_t id;
	unsigned len;
	size_t token;
};

/* Lists of all lengths, completed in random order, over many laps of small rings. */
TestEach(packed_drv, completion_in_random_order_loses_nothing, small, struct size_case,
	 .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	struct out out[8];
	size_t next = 0;
	unsigned n = 0;

	begin(param->size, 0);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned want = 1 + mock_random_below(&rnd, param->size);

		if (want <= vri_drvq_free_descriptors(q)) {
			struct out new = { 0, want, next++ % 4096 };

			new.id = lend_list(want, new.token);
			for (unsigned i = 0; i < n; i++)
				t_ne(out[i].id, new.id);
			out[n++] = new;
		} else {
			t_errno_eq(add(0, want, 0), -ENOSPC);
		}
		for (unsigned k = mock_random_below(&rnd, n + 1); k > 0; k--) {
			unsigned i = mock_random_below(&rnd, n);

			mock_packed_use(&p, out[i].id, out[i].len, out[i].len);
			expect(out[i].token, out[i].len);
			out[i] = out[--n];
		}
		expect_none();
		t_eq(vri_drvq_outstanding(q), n);
	}
}

/* ---- hostile devices ---- */

/* faults: B1 */
Test(packed_drv, an_id_outside_of_the_queue_breaks, .init = init, .fini = fini)
{
	lend(1);
	mock_packed_use(&p, SIZE, 0, 1);
	breaks(VRI_RULE_USED_ID);
}

Test(packed_drv, an_id_with_all_bits_breaks, .init = init, .fini = fini)
{
	lend(1);
	mock_packed_use(&p, 0xffff, 0, 1);
	breaks(VRI_RULE_USED_ID);
}

/* faults: B20 */
Test(packed_drv, an_id_that_is_returned_twice_breaks, .init = init, .fini = fini)
{
	uint16_t id = lend(1);

	lend(2);
	mock_packed_use(&p, id, 0, 1);
	mock_packed_use(&p, id, 0, 1);
	expect(1, 0);
	breaks(VRI_RULE_USED_NOT_LENT);
}

/* The device turns its wrap counter round by itself.
 * faults: B20 */
Test(packed_drv, a_wrap_that_is_flipped_is_nothing_or_breaks, .init = init, .fini = fini)
{
	uint16_t id;

	for (unsigned i = 0; i < SIZE; i++) {
		id = lend(i);
		mock_packed_use(&p, id, 0, 1);
		expect(i, 0);
	}
	/* Of the first lap, now that the second is due: an old one. */
	id = lend(9);
	p.desc[0].id = htole16(id);
	mock_set_flags(&p, 0, mock_used_bits(true));
	expect_none();
	/* The rightful one, and then one for what is not lent at all. */
	mock_packed_use(&p, id, 0, 1);
	expect(9, 0);
	mock_packed_use(&p, id, 0, 1);
	breaks(VRI_RULE_USED_NOT_LENT);
}

/* An id within a list is nobody's. */
Test(packed_drv, an_id_in_the_middle_of_a_list_breaks, .init = init, .fini = fini)
{
	uint16_t id = lend_list(3, 1);

	mock_packed_use(&p, (uint16_t)(id + 1), 0, 1);
	breaks(VRI_RULE_USED_NOT_LENT);
}

Test(packed_drv, what_is_only_staged_cannot_be_used, .init = init, .fini = fini)
{
	uint16_t id;

	t_ok(add(0, 1, 1));
	id = le16toh(p.desc[0].id);
	mock_packed_use(&p, id, 0, 1);
	breaks(VRI_RULE_USED_NOT_LENT);
}

/* faults: B3 */
Test(packed_drv, a_length_beyond_the_writable_bytes_breaks, .init = init, .fini = fini)
{
	mock_packed_use(&p, lend_list(2, 1), 33, 2);
	breaks(VRI_RULE_USED_LEN);
}

#define TURNS 30000 /* from one length to the other and back */

static void *flip_length(void *arg)
{
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED))
		for (unsigned i = 0; i < 64; i++)
			__atomic_store_n(&p.desc[0].len, htole32(16 + i % 2), __ATOMIC_RELAXED);
	return NULL;
}

/* As on split rings: a second look after the check would find the other length.
 * faults: B4 */
Test(packed_drv, the_length_is_the_one_that_was_checked, .fini = fini)
{
	unsigned good = 0, bad = 0, turns = 0;
	bool stop = false, was_bad = false;
	time_t end = time(NULL) + 2;
	pthread_t thread;

	begin(1, 0);
	t_eq(pthread_create(&thread, NULL, flip_length, &stop), 0);
	/* Until the two sides have really met often enough, or a machine with one processor had its time. */
	while ((turns < TURNS && time(NULL) <= end) || good == 0 || bad == 0) {
		struct vri_used used;
		int r;

		t_eq(lend(1), 0);
		mock_set_flags(&p, 0, mock_used_bits(p.used.wrap) | MOCK_WRITE);
		p.used = mock_place_after(&p, p.used, 1);
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
		q = mock_packed_drvq(&p, 0);
		p.avail = p.used = (struct mock_place){ 0, true };
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
}

/* The device scribbles over all that is in ring and tables but what makes the next descriptor used.
 * faults: B7 B8 */
Test(packed_drv, nothing_but_the_used_descriptor_is_believed, .init = init_indirect, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();

	for (unsigned round = 0; round < 2000; round++) {
		uint16_t id;
		bool list = round % 2;
		unsigned n_desc = list ? 2 : 1;

		t_ok(list ? add(1, 1, 5) : add(1, 2, 5));
		t_ok(vri_drvq_publish(q));
		id = le16toh(p.desc[mock_place_after(&p, p.used, n_desc - 1).slot].id);
		for (unsigned i = 0; i < SIZE * 16; i++)
			((uint8_t *)p.desc)[i] = (uint8_t)mock_random_below(&rnd, 256);
		for (unsigned i = 0; i < SIZE * MOCK_TABLE_MAX * 16; i++)
			((uint8_t *)p.ring.tables)[i] = (uint8_t)round;
		/* What comes next is not used yet. */
		for (unsigned i = 0; i < SIZE; i++)
			mock_set_flags(&p, i, MOCK_AVAIL);
		mock_packed_use(&p, id, 7, n_desc);
		expect(5, 7);
		t_eq(vri_drvq_free_descriptors(q), SIZE);
		expect_none();
	}
}

/* Any ring content at any time: each request comes back once or the queue breaks by one rule.
 * faults: B2 B20 */
Test(packed_drv, random_used_descriptors_return_each_request_once, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	unsigned n_broken = 0, n_taken = 0;

	begin(SIZE, 0);
	for (unsigned round = 0; round < 20000; round++) {
		bool out[32] = { false };
		size_t n;
		uint32_t len;
		int r = 0;

		vri__drvq_free(q);
		q = mock_packed_drvq(&p, 0);
		for (unsigned step = 0; step < 30 && r >= 0; step++) {
			if (add(0, 1 + mock_random_below(&rnd, 2), step) == 0) {
				out[step] = true;
				t_ok(vri_drvq_publish(q));
			}
			for (unsigned k = 0; k < 2; k++) {
				unsigned slot = mock_random_below(&rnd, SIZE);
				bool wrap = mock_random_below(&rnd, 2) != 0;

				p.desc[slot].id = htole16((uint16_t)mock_random_below(&rnd, SIZE));
				p.desc[slot].len = htole32(mock_random_below(&rnd, 16));
				mock_set_flags(&p, slot, mock_used_bits(wrap));
			}
			while ((r = get(&n, &len)) == 1) {
				t_true(out[n]);
				out[n] = false;
				n_taken++;
			}
		}
		n_broken += r < 0;
	}
	t_gt(n_taken, 1000);
	t_gt(n_broken, 1000);
}

Test(packed_drv, a_dead_queue_gives_everything_back_once, .init = init, .fini = fini)
{
	void *t;

	lend_list(2, 1);
	lend(2);
	t_ok(add(0, 1, 3));
	mock_packed_use(&p, 77, 0, 1);
	breaks(VRI_RULE_USED_ID);
	for (size_t i = 1; i <= 3; i++) {
		t_eq(vri_drvq_take_back(q, &t), 1);
		t_ptr_eq(t, token(i));
	}
	t_eq(vri_drvq_take_back(q, &t), 0);
}

/* ---- notifications ---- */

Test(packed_drv, the_devices_flags_decide, .init = init, .fini = fini)
{
	lend(0);
	t_eq(vri_drvq_kick(q), 1);
	t_eq(vri_drvq_kick(q), 0);
	mock_set_event(p.device_event, 1, 0, false);
	lend(0);
	t_eq(vri_drvq_kick(q), 0);
	/* DESC without the feature. */
	mock_set_event(p.device_event, 2, 0, false);
	lend(0);
	t_eq(vri_drvq_kick(q), 1);
	t_eq(p.ring.drv.n_notify, 2);
	t_eq(le64toh(p.ring.drv_counters.suppressed), 1);
}

/* Every place of small rings, batches that pass it and batches that do not.
 * proves: choice/1 */
TestEach(packed_drv, the_devices_event_decides_at_every_place, small, struct size_case,
	 .fini = fini)
{
	unsigned size = param->size;

	begin(size, MOCK_EVENT_IDX);
	for (unsigned round = 0; round < 8 * size; round++) {
		for (unsigned batch = 1; batch <= size; batch++) {
			unsigned ahead = round % size;
			struct mock_place event = mock_place_after(&p, p.avail, ahead);
			struct vri_used used[SIZE_LARGEST];

			mock_set_event(p.device_event, 2, event.slot, event.wrap);
			for (unsigned i = 0; i < batch; i++)
				t_ok(add(0, 1, i));
			t_eq(vri_drvq_kick(q), ahead < batch);
			for (unsigned i = 0; i < batch; i++) {
				mock_packed_use(&p, mock_packed_list(&p, p.avail, NULL), 0, 1);
				p.avail = mock_place_after(&p, p.avail, 1);
			}
			t_eq(vri_drvq_get_used_batch(q, used, SIZE_LARGEST), (int)batch);
		}
	}
}

Test(packed_drv, arm_and_suppress_write_the_event_area, .init = init, .fini = fini)
{
	t_eq(mock_event_flags(p.driver_event), 0);
	vri_drvq_suppress(q);
	t_eq(mock_event_flags(p.driver_event), 1);
	t_eq(vri_drvq_arm(q), 0);
	t_eq(mock_event_flags(p.driver_event), 0);
}

TestEach(packed_drv, arm_asks_for_the_next_used_descriptor, small, struct size_case, .fini = fini)
{
	begin(param->size, MOCK_EVENT_IDX);
	for (unsigned i = 0; i < 5 * param->size; i++) {
		struct mock_place at;

		t_eq(vri_drvq_arm(q), 0);
		t_eq(mock_event_flags(p.driver_event), 2);
		at = mock_event_place(p.driver_event);
		t_eq(at.slot, p.used.slot);
		t_eq(at.wrap, p.used.wrap);
		mock_packed_use(&p, lend(i), 0, 1);
		t_eq(vri_drvq_arm(q), 1);
		expect(i, 0);
		expect_none();
		vri_drvq_suppress(q);
		t_eq(mock_event_flags(p.driver_event), 1);
	}
}

Test(packed_drv, arm_after_asks_for_as_many, .init = init_event_idx, .fini = fini)
{
	uint16_t ids[SIZE];

	mock_packed_use(&p, lend_list(4, 0), 0, 4);
	expect(0, 0);
	for (unsigned i = 0; i < SIZE; i++)
		ids[i] = lend(i);
	t_eq(vri_drvq_arm_after(q, 4), 0);
	t_eq(mock_event_place(p.driver_event).slot, 1);
	t_eq(mock_event_place(p.driver_event).wrap, false);
	for (unsigned i = 0; i < 3; i++)
		mock_packed_use(&p, ids[i], 0, 1);
	t_eq(vri_drvq_arm_after(q, 4), 0);
	mock_packed_use(&p, ids[3], 0, 1);
	t_eq(vri_drvq_arm_after(q, 4), 1);
	/* More than there are: all of them. */
	t_eq(vri_drvq_arm_after(q, 1000), 0);
	t_eq(mock_event_place(p.driver_event).slot, 3);
}

/* The event is never behind the slot of the n-th used descriptor, whatever the order. */
Test(packed_drv, arm_after_is_never_late, .init = init_event_idx, .fini = fini)
{
	uint16_t a = lend_list(3, 1), b = lend_list(1, 2), c = lend_list(2, 3);

	t_eq(vri_drvq_arm_after(q, 2), 0);
	t_eq(mock_event_place(p.driver_event).slot, 1);
	mock_packed_use(&p, b, 0, 1);
	t_eq(vri_drvq_arm_after(q, 2), 0);
	mock_packed_use(&p, c, 0, 2);
	t_eq(vri_drvq_arm_after(q, 2), 1);
	mock_packed_use(&p, a, 0, 3);
	expect(2, 0);
	expect(3, 0);
	expect(1, 0);
}

/* Lists that come after the question can be shorter than all that were there, and be used first. */
Test(packed_drv, arm_after_counts_shorter_lists_too, .init = init_event_idx, .fini = fini)
{
	struct vri_devq *dev = mock_packed_devq(&p, MOCK_EVENT_IDX);
	struct iovec iov[SIZE];
	struct vri_chain c[4];

	lend_list(2, 0);
	lend_list(2, 1);
	t_eq(vri_drvq_arm_after(q, 2), 0);
	lend(2);
	lend(3);
	for (unsigned i = 0; i < 4; i++) {
		c[i] = (struct vri_chain){ .iov = iov, .iov_max = SIZE };
		t_eq(vri_devq_pop(dev, &c[i]), 1);
	}
	t_ok(vri_devq_push(dev, &c[2], 0));
	t_ok(vri_devq_push(dev, &c[3], 0));
	t_eq(vri_devq_notify(dev), 1);
	vri__devq_free(dev);
}

/* Buffers in flight at the library's device. */
struct flights {
	struct vri_chain chain[SIZE_LARGEST];
	unsigned n;
};

static void pop_all(struct vri_devq *dev, struct flights *f)
{
	static struct iovec iov[SIZE_LARGEST];

	for (;; f->n++) {
		struct vri_chain c = { .iov = iov, .iov_max = SIZE_LARGEST };

		if (vri_devq_pop(dev, &c) != 1)
			return;
		f->chain[f->n] = c;
	}
}

static const unsigned pair_sizes[] = { 1, 2, 3, 5, 7, 16 };

/* Both sides of the library, lists of all lengths, used in any order and added at any time: whoever
 * was told to sleep is woken when as many are used as it asked for. */
TestEach(packed_drv, arm_after_never_sleeps_for_too_long, pair_sizes, unsigned, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	struct flights f = { .n = 0 };
	struct vri_used used[SIZE_LARGEST];
	size_t n_used = 0, n_back = 0, n_lent = 0, limit = SIZE_MAX;
	struct vri_devq *dev;

	begin(*param, MOCK_EVENT_IDX);
	dev = mock_packed_devq(&p, MOCK_EVENT_IDX);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned want = 1 + mock_random_below(&rnd, *param < 4 ? *param : 4);
		bool empties = round % 32 == 31;

		if (want <= vri_drvq_free_descriptors(q) && mock_random_below(&rnd, 2)) {
			t_ok(add(0, want, n_lent++));
			t_ok(vri_drvq_publish(q));
		}
		if (mock_random_below(&rnd, 4) == 0)
			n_back += (size_t)vri_drvq_get_used_batch(
				q, used, mock_random_below(&rnd, *param + 1));
		if (mock_random_below(&rnd, 16) == 0) {
			want = 1 + mock_random_below(&rnd, *param);
			limit = SIZE_MAX;
			if (n_lent > n_back && vri_drvq_arm_after(q, want) == 0)
				limit = n_back + (want < n_lent - n_back ? want : n_lent - n_back);
		}
		pop_all(dev, &f);
		if (f.n > 1 && mock_random_below(&rnd, 8) == 0 && vri_devq_rewind(dev, 1) == 0)
			f.n--;
		for (unsigned k = empties ? f.n : mock_random_below(&rnd, 8) == 0; k > 0 && f.n > 0;
		     k--) {
			unsigned i = mock_random_below(&rnd, f.n);

			t_ok(vri_devq_push(dev, &f.chain[i], 0));
			f.n--;
			memmove(&f.chain[i], &f.chain[i + 1], (f.n - i) * sizeof(f.chain[0]));
			n_used++;
		}
		if (vri_devq_notify(dev) == 1)
			limit = SIZE_MAX;
		t_lt(n_used, limit);
		if (empties)
			n_back += (size_t)vri_drvq_get_used_batch(q, used, SIZE_LARGEST);
	}
	t_eq(vri_devq_broken(dev), VRI_RULE_NONE);
	t_eq(vri_drvq_broken(q), VRI_RULE_NONE);
	t_gt(n_back, 1000);
	vri__devq_free(dev);
}

/* A device that lies about how many it used wakes the driver up, and no more. */
Test(packed_drv, arm_after_ends_at_nonsense, .init = init_event_idx, .fini = fini)
{
	for (unsigned i = 0; i < 4; i++)
		lend(i);
	mock_packed_use(&p, SIZE, 0, 1);
	t_eq(vri_drvq_arm_after(q, 3), 1);
	breaks(VRI_RULE_USED_ID);
}

Test(packed_drv, looking_writes_no_shared_word, .init = init_event_idx, .fini = fini)
{
	static uint8_t before[3 * 4096];

	mock_packed_use(&p, lend(1), 0, 1);
	memcpy(before, p.ring.base, sizeof(before));
	t_true(vri__drvq_has_used(q));
	expect(1, 0);
	expect_none();
	t_false(vri__drvq_has_used(q));
	t_mem_eq(p.ring.base, before, sizeof(before));
}

/* ---- set-up ---- */

/* proves: drv:2.8/1 shm:adopt/5 */
Test(packed_drv, any_size_and_the_right_alignment, .init = init, .fini = fini)
{
	struct vri_drvq *other;
	struct vri_devq *dev;
	struct queue_setup s = mock_drv_setup(&p.ring, MOCK_PACKED);

	for (unsigned size = 1; size <= SIZE; size++) {
		s.size = size;
		t_ok(vri__drvq_new(&s, &other));
		t_eq(vri_drvq_size(other), size);
		vri__drvq_free(other);
	}
	s.size = 0;
	t_errno_eq(vri__drvq_new(&s, &other), -EINVAL);
	t_errno_eq(vri__devq_new(&s, &dev), -EINVAL);
	s.size = 32769;
	t_errno_eq(vri__drvq_new(&s, &other), -EINVAL);
	t_errno_eq(vri__devq_new(&s, &dev), -EINVAL);
	s.size = SIZE;
	s.desc = (uint8_t *)p.desc + 8;
	t_errno_eq(vri__drvq_new(&s, &other), -EINVAL);
	s.desc = p.desc;
	s.driver = (uint8_t *)p.driver_event + 2;
	t_errno_eq(vri__drvq_new(&s, &other), -EINVAL);
	s.driver = p.driver_event;
	s.device = (uint8_t *)p.device_event + 2;
	t_errno_eq(vri__drvq_new(&s, &other), -EINVAL);
	t_errno_eq(vri__devq_new(&s, &dev), -EINVAL);
}

Test(packed_drv, a_new_ring_is_zero, .init = init, .fini = fini)
{
	struct vri_devq *dev;

	memset(p.ring.base, 0xff, 3 * 4096);
	vri__drvq_free(q);
	q = mock_packed_drvq(&p, 0);
	dev = mock_packed_devq(&p, 0);
	for (unsigned i = 0; i < SIZE * 16; i++)
		t_eq(((uint8_t *)p.desc)[i], 0);
	t_eq(mock_event_flags(p.driver_event), 0);
	t_eq(mock_event_flags(p.device_event), 0);
	vri__devq_free(dev);
}

Test(packed_drv, outstanding_ids_are_shown_to_the_inspector, .init = init, .fini = fini)
{
	uint16_t id = lend_list(3, 1);

	for (unsigned i = 0; i < SIZE; i++)
		t_eq(p.ring.outstanding[i], i == id);
	mock_packed_use(&p, id, 0, 3);
	expect(1, 0);
	t_eq(p.ring.outstanding[id], 0);
}

Test(packed_drv, knows_which_memory_is_lent, .init = init_indirect, .fini = fini)
{
	uint64_t pool = mock_iova(&p.ring, p.ring.pool);

	t_false(vri__drvq_uses_memory(q, pool, 1 << 20));
	t_ok(add(1, 1, 0));
	t_true(vri__drvq_uses_memory(q, pool, 1));
	t_true(vri__drvq_uses_memory(q, pool + 7, 1));
	t_false(vri__drvq_uses_memory(q, pool + 8, 4096 - 8));
	t_true(vri__drvq_uses_memory(q, pool + 4096 + 15, 1));
	t_false(vri__drvq_uses_memory(q, pool + 4096 + 64, 1));
	t_ok(add(0, 3, 0));
	t_true(vri__drvq_uses_memory(q, pool + 4096 + 128, 1));
	t_true(vri__drvq_uses_memory(q, mock_iova(&p.ring, p.ring.tables),
				     SIZE * MOCK_TABLE_MAX * 16));
}
