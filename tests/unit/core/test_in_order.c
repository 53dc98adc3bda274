/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* IN_ORDER on both ring formats: the driver reads batches, the device keeps the order, and what
 * stands in a split ring is not stored again. */

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mock_packed.h"
#include "test.h"

#define SIZE 8u
#define IN_ORDER (1ull << 35)

static struct mock_packed p; /* its memory serves split rings, too */
static struct mock_ring *ring = &p.ring;
static struct vri_drvq *drv;
static struct vri_devq *dev;
static struct iovec iov[SIZE];

static void begin(unsigned size, uint64_t features)
{
	mock_packed_init(&p, size);
	drv = mock_drvq(ring, features | IN_ORDER);
	dev = mock_devq(ring, features | IN_ORDER);
}

static void init_split(void)
{
	begin(SIZE, 0);
}

static void init_packed(void)
{
	begin(SIZE, MOCK_PACKED);
}

static void fini(void)
{
	vri__drvq_free(drv);
	vri__devq_free(dev);
	mock_packed_fini(&p);
}

/* Adds a request of @n_w writable pieces of 16 bytes and makes it visible. */
static void lend(unsigned n_w, size_t token)
{
	struct iovec w[SIZE];

	for (unsigned i = 0; i < n_w; i++)
		w[i] = (struct iovec){ ring->pool + 4096 + 64 * i, 16 };
	t_ok(vri_drvq_add(drv, NULL, 0, w, n_w, ring->pool + token));
	t_ok(vri_drvq_publish(drv));
}

static int get(size_t *ret_token, uint32_t *ret_len)
{
	void *t = NULL;
	int r = vri_drvq_get_used(drv, &t, ret_len);

	if (r == 1)
		*ret_token = (size_t)((uint8_t *)t - ring->pool);
	return r;
}

static void expect(size_t token, uint32_t len)
{
	size_t got = ~(size_t)0;
	uint32_t got_len = ~0u;

	t_eq(get(&got, &got_len), 1);
	t_eq(got, token);
	t_eq(got_len, len);
}

static void expect_none(void)
{
	size_t token;
	uint32_t len;

	t_eq(get(&token, &len), 0);
}

static void breaks(enum vri_rule rule)
{
	size_t token;
	uint32_t len;

	t_errno_eq(get(&token, &len), -EPROTO);
	t_streq(vri_rule_name(vri_drvq_broken(drv)), vri_rule_name(rule));
}

static struct vri_chain pop(void)
{
	struct vri_chain chain = { .iov = iov, .iov_max = SIZE };

	t_eq(vri_devq_pop(dev, &chain), 1);
	return chain;
}

/* ---- the driver reads batches ---- */

/* One entry in the slot of the first, with the id of the last: the others were used completely.
 * proves: choice/7 */
Test(in_order, a_split_entry_stands_for_a_batch, .init = init_split, .fini = fini)
{
	for (unsigned lap = 0; lap < 3 * SIZE; lap++) {
		uint16_t idx = mock_used_idx(ring);

		for (size_t i = 0; i < 3; i++)
			lend(1 + i % 2, i);
		mock_used_entry(ring, idx, mock_avail_head(ring, (uint16_t)(idx + 2)), 5);
		mock_used_entry(ring, (uint16_t)(idx + 1), 0xffff, 0xffff);
		mock_used_entry(ring, (uint16_t)(idx + 2), 0xffff, 0xffff);
		mock_set_used_idx(ring, (uint16_t)(idx + 3));
		expect(0, 16);
		expect(1, 32);
		expect(2, 5);
		expect_none();
		t_eq(vri_drvq_free_descriptors(drv), SIZE);
	}
}

/* The same with one used descriptor for lists of different lengths.
 * proves: choice/7 */
Test(in_order, a_packed_descriptor_stands_for_a_batch, .init = init_packed, .fini = fini)
{
	for (unsigned lap = 0; lap < 3 * SIZE; lap++) {
		unsigned n = 0, len;
		uint16_t id = 0;

		for (size_t i = 0; i < 3; i++) {
			lend(1 + (lap + i) % 2, i);
			id = mock_packed_list(&p, p.avail, &len);
			p.avail = mock_place_after(&p, p.avail, len);
			n += len;
		}
		mock_packed_use(&p, id, 5, n);
		t_true(vri__drvq_has_used(drv));
		expect(0, 16 * (1 + lap % 2));
		t_true(vri__drvq_has_used(drv));
		expect(1, 16 * (1 + (lap + 1) % 2));
		expect(2, 5);
		expect_none();
		t_eq(vri_drvq_free_descriptors(drv), SIZE);
	}
}

Test(in_order, entries_for_one_buffer_each_work_too, .init = init_split, .fini = fini)
{
	for (size_t i = 0; i < 4; i++)
		lend(1, i);
	for (uint32_t i = 0; i < 4; i++)
		mock_use(ring, mock_avail_head(ring, (uint16_t)i), i);
	for (uint32_t i = 0; i < 4; i++)
		expect(i, i);
}

/* ---- hostile devices ---- */

Test(in_order, a_batch_beyond_the_index_breaks, .init = init_split, .fini = fini)
{
	for (size_t i = 0; i < 4; i++)
		lend(1, i);
	mock_used_entry(ring, 0, mock_avail_head(ring, 2), 0);
	mock_set_used_idx(ring, 2);
	breaks(VRI_RULE_USED_ORDER);
}

Test(in_order, an_id_of_a_batch_that_is_over_breaks, .init = init_packed, .fini = fini)
{
	uint16_t first;

	lend(1, 0);
	first = mock_packed_list(&p, p.avail, NULL);
	lend(1, 1);
	lend(1, 2);
	mock_packed_use(&p, mock_packed_list(&p, mock_place_after(&p, p.avail, 1), NULL), 0, 2);
	mock_packed_use(&p, first, 0, 1);
	expect(0, 16);
	expect(1, 0);
	breaks(VRI_RULE_USED_NOT_LENT);
}

Test(in_order, a_staged_buffer_ends_no_batch, .init = init_split, .fini = fini)
{
	struct iovec w = { ring->pool + 4096, 16 };

	lend(1, 0);
	t_ok(vri_drvq_add(drv, NULL, 0, &w, 1, ring->pool + 1));
	mock_used_entry(ring, 0, 1, 0);
	mock_set_used_idx(ring, 1);
	breaks(VRI_RULE_USED_NOT_LENT);
}

Test(in_order, a_length_beyond_the_last_buffer_breaks_before_any_comes_back, .init = init_split,
     .fini = fini)
{
	lend(1, 0);
	lend(1, 1);
	mock_used_entry(ring, 0, mock_avail_head(ring, 1), 17);
	mock_set_used_idx(ring, 2);
	breaks(VRI_RULE_USED_LEN);
	t_eq(vri_drvq_outstanding(drv), 2);
}

/* ---- the device keeps the order ---- */

/* proves: dev:6.2/2 */
Test(in_order, a_split_device_holds_back_what_overtakes, .init = init_split, .fini = fini)
{
	struct vri_chain a, b, c;

	for (size_t i = 0; i < 3; i++)
		lend(1, i);
	a = pop();
	b = pop();
	c = pop();
	t_ok(vri_devq_push(dev, &c, 3));
	t_ok(vri_devq_push(dev, &b, 2));
	t_eq(vri_devq_notify(dev), 0);
	t_eq(vri_devq_in_flight(dev), 1);
	t_eq(mock_used_idx(ring), 0);
	expect_none();
	t_errno_eq(vri_devq_push(dev, &c, 3), -EINVAL);
	t_errno_eq(vri_devq_rewind(dev, 1), -EINVAL);
	t_eq(le64toh(ring->dev_counters.buffers), 0);
	t_ok(vri_devq_push(dev, &a, 1));
	t_eq(vri_devq_notify(dev), 1);
	t_eq(mock_used_idx(ring), 3);
	t_eq(le64toh(ring->dev_counters.buffers), 3);
	t_eq(le64toh(ring->dev_counters.bytes_written), 6);
	for (size_t i = 0; i < 3; i++)
		expect(i, (uint32_t)i + 1);
}

/* proves: dev:6.2/2 */
Test(in_order, a_packed_device_holds_back_what_overtakes, .init = init_packed, .fini = fini)
{
	struct vri_chain a, b, c;

	for (size_t i = 0; i < 3; i++)
		lend(2, i);
	a = pop();
	b = pop();
	c = pop();
	t_ok(vri_devq_push(dev, &c, 3));
	t_ok(vri_devq_push(dev, &b, 2));
	t_eq(vri_devq_notify(dev), 0);
	expect_none();
	t_eq(le64toh(ring->dev_counters.bytes_written), 0);
	t_errno_eq(vri_devq_rewind(dev, 1), -EINVAL);
	t_ok(vri_devq_push(dev, &a, 1));
	t_eq(vri_devq_notify(dev), 1);
	t_eq(le64toh(ring->dev_counters.buffers), 3);
	t_eq(le64toh(ring->dev_counters.bytes_written), 6);
	for (size_t i = 0; i < 3; i++)
		expect(i, (uint32_t)i + 1);
}

/* A head that is held is with the device still. */
Test(in_order, a_held_buffer_made_available_again_breaks, .init = init_split, .fini = fini)
{
	struct vri_chain chain = { .iov = iov, .iov_max = SIZE };

	lend(1, 0);
	lend(1, 1);
	pop();
	chain = pop();
	t_ok(vri_devq_push(dev, &chain, 0));
	mock_offer(ring, chain.head);
	t_errno_eq(vri_devq_pop(dev, &chain), -EPROTO);
	t_eq(vri_devq_broken(dev), VRI_RULE_HEAD_IN_FLIGHT);
}

/* Runs of buffers that were written completely take one used descriptor; lengths are never lost.
 * proves: choice/7 */
Test(in_order, a_packed_device_writes_one_descriptor_for_a_full_run, .init = init_packed,
     .fini = fini)
{
	static const uint32_t written[] = { 16, 16, 7, 16, 0, 16 };
	uint16_t ids[6];
	struct vri_chain c;

	for (size_t i = 0; i < 6; i++)
		lend(1, i);
	for (unsigned i = 0; i < 6; i++) {
		c = pop();
		ids[i] = c.head;
		t_ok(vri_devq_push(dev, &c, written[i]));
	}
	t_ok(vri_devq_publish(dev));
	/* 16 16 7 | 16 0 | 16 */
	t_true(mock_is_used(&p, (struct mock_place){ 0, true }));
	t_eq(le16toh(p.desc[0].id), ids[2]);
	t_eq(le32toh(p.desc[0].len), 7);
	t_false(mock_is_used(&p, (struct mock_place){ 1, true }));
	t_false(mock_is_used(&p, (struct mock_place){ 2, true }));
	t_true(mock_is_used(&p, (struct mock_place){ 3, true }));
	t_eq(le16toh(p.desc[3].id), ids[4]);
	t_eq(mock_flags(&p, 3) & MOCK_WRITE, 0);
	t_false(mock_is_used(&p, (struct mock_place){ 4, true }));
	t_true(mock_is_used(&p, (struct mock_place){ 5, true }));
	t_eq(le16toh(p.desc[5].id), ids[5]);
	for (unsigned i = 0; i < 6; i++)
		expect(i, written[i]);
}

/* ---- static tables ---- */

/* Laps later the same values stand in all tables, and none is stored again: what the test scribbles
 * over them stays. */
Test(in_order, a_split_ring_in_order_stores_nothing_but_the_indices, .init = init_split,
     .fini = fini)
{
	struct vri_chain c;

	for (unsigned i = 0; i < 2 * SIZE; i++) {
		lend(1, 0);
		c = pop();
		t_ok(vri_devq_push(dev, &c, 16));
		t_ok(vri_devq_publish(dev));
		expect(0, 16);
	}
	for (unsigned i = 0; i < SIZE; i++) {
		t_eq(le16toh(ring->avail->ring[i]), i);
		t_eq(le32toh(ring->used->ring[i].id), i);
		/* Lengths are the same, as the driver's side sees them; flags of another kind. */
		ring->desc[i].next = htole16(77);
	}
	for (unsigned i = 0; i < SIZE; i++) {
		lend(1, 0);
		c = pop();
		t_eq(c.head, i);
		/* The entry that a push would write again. */
		ring->used->ring[i].len = htole32(9);
		t_ok(vri_devq_push(dev, &c, 16));
		t_ok(vri_devq_publish(dev));
		expect(0, 9);
	}
	for (unsigned i = 0; i < SIZE; i++)
		t_eq(le16toh(ring->desc[i].next), 77);
}

/* proves: drv:2.7d/2 */
Test(in_order, next_is_the_following_descriptor, .init = init_split, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();

	for (unsigned round = 0; round < 500; round++) {
		unsigned n = 1 + mock_random_below(&rnd, SIZE);
		uint16_t idx = mock_avail_idx(ring);
		uint16_t at;

		lend(n, 0);
		at = mock_avail_head(ring, idx);
		for (unsigned i = 0; i + 1 < n; i++) {
			t_eq(le16toh(ring->desc[at].next), (at + 1) % SIZE);
			at = le16toh(ring->desc[at].next);
		}
		mock_use(ring, mock_avail_head(ring, idx), 0);
		expect(0, 0);
	}
}

/* proves: drv:2.7i/5 */
Test(in_order, table_entries_are_in_sequence, .fini = fini)
{
	const struct vring_desc *t;

	begin(SIZE, MOCK_INDIRECT_DESC);
	for (unsigned lap = 0; lap < 3 * SIZE; lap++) {
		uint16_t idx = mock_avail_idx(ring);
		uint16_t head;

		lend(5, 0);
		head = mock_avail_head(ring, idx);
		t = (void *)(ring->base + le64toh(ring->desc[head].addr));
		for (unsigned i = 0; i < 4; i++) {
			t_true(le16toh(t[i].flags) & MOCK_NEXT);
			t_eq(le16toh(t[i].next), i + 1);
		}
		mock_use(ring, head, 0);
		expect(0, 0);
	}
}

/* ---- both sides ---- */

struct pair_case {
	unsigned size;
	uint64_t features;
};

static const struct pair_case pairs[] = {
	{ 1, 0 },
	{ 2, 0 },
	{ 4, MOCK_EVENT_IDX },
	{ 8, MOCK_INDIRECT_DESC },
	{ 1, MOCK_PACKED },
	{ 2, MOCK_PACKED },
	{ 3, MOCK_PACKED | MOCK_EVENT_IDX },
	{ 4, MOCK_PACKED },
	{ 5, MOCK_PACKED | MOCK_INDIRECT_DESC },
	{ 6, MOCK_PACKED | MOCK_EVENT_IDX },
	{ 7, MOCK_PACKED | MOCK_EVENT_IDX | MOCK_INDIRECT_DESC },
	{ 8, MOCK_PACKED },
};

/* Requests in flight at the device. */
struct flights {
	struct vri_chain chain[SIZE];
	size_t number[SIZE];
	unsigned n;
};

/* Lists of all lengths, pushed in any order, come back in order with their own lengths.
 * proves: dev:6.2/2 */
TestEach(in_order, whatever_the_device_does_first_comes_back_in_order, pairs, struct pair_case,
	 .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	static uint32_t written[4096];
	struct flights f = { .n = 0 };
	size_t n_lent = 0, n_popped = 0, n_back = 0;

	begin(param->size, param->features);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned want = 1 + mock_random_below(&rnd, param->size);
		size_t token = 0;
		uint32_t len = 0;
		int r;

		if (want <= vri_drvq_free_descriptors(drv))
			lend(want, n_lent++ % 4096);
		while (f.n < SIZE) {
			struct vri_chain c = { .iov = iov, .iov_max = SIZE };

			if (vri_devq_pop(dev, &c) != 1)
				break;
			f.chain[f.n] = c;
			f.number[f.n++] = n_popped++ % 4096;
		}
		for (unsigned k = mock_random_below(&rnd, f.n + 1); k > 0; k--) {
			unsigned i = mock_random_below(&rnd, f.n);
			uint32_t all = f.chain[i].writable_len;

			len = mock_random_below(&rnd, 3) > 0 ? all :
							       mock_random_below(&rnd, all + 1);
			written[f.number[i]] = len;
			t_ok(vri_devq_push(dev, &f.chain[i], len));
			f.chain[i] = f.chain[--f.n];
			f.number[i] = f.number[f.n];
		}
		if (mock_random_below(&rnd, 2) == 0)
			t_ok(vri_devq_publish(dev));
		for (unsigned k = mock_random_below(&rnd, 4); k > 0; k--) {
			r = get(&token, &len);
			t_ok(r);
			if (r == 0)
				break;
			t_eq(token, n_back % 4096);
			t_eq(len, written[token]);
			n_back++;
		}
	}
	t_eq(vri_devq_broken(dev), VRI_RULE_NONE);
	t_gt(n_back, 1000);
}

/* With an event for the n-th: arm says that it is there exactly when it is, and a notification comes
 * exactly when a published batch reaches it. */
TestEach(in_order, arm_after_is_exact, pairs, struct pair_case, .fini = fini)
{
	struct mock_random rnd = mock_random_seeded();
	struct vri_used used[SIZE];

	if ((param->features & MOCK_EVENT_IDX) == 0)
		t_skip("for queues with an event index");
	begin(param->size, param->features);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned n = 0, want, done = 0;
		bool told = false;

		while (vri_drvq_free_descriptors(drv) > 0) {
			unsigned most = vri_drvq_free_descriptors(drv);

			lend(1 + mock_random_below(&rnd, most < 3 ? most : 3), n++);
		}
		want = 1 + mock_random_below(&rnd, n);
		t_eq(vri_drvq_arm_after(drv, want), 0);
		while (done < n) {
			for (unsigned k = 1 + mock_random_below(&rnd, 3); k > 0 && done < n; k--) {
				struct vri_chain c = pop();
				uint32_t all = c.writable_len;

				t_ok(vri_devq_push(dev, &c, k % 2 ? all : 0));
				done++;
			}
			t_eq(vri_devq_notify(dev), !told && done >= want);
			told |= done >= want;
			if (!told)
				t_eq(vri_drvq_arm_after(drv, want), 0);
		}
		t_eq(vri_drvq_arm_after(drv, want), 1);
		t_eq(vri_drvq_get_used_batch(drv, used, SIZE), (int)n);
	}
}
