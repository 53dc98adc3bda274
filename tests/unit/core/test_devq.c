/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The public face of the device's side: arguments, the end of a queue, waiting; and both sides of the
 * library against each other with requests of every shape. */

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "mock_ring.h"
#include "test.h"

#define SIZE 32u

static struct mock_ring ring;
static struct vri_devq *q;
static struct iovec iov[SIZE];
static struct vri_chain chain = { .iov = iov, .iov_max = SIZE };

static void init(void)
{
	mock_ring_init(&ring, SIZE);
	q = mock_devq(&ring, 0);
}

static void fini(void)
{
	vri__devq_free(q);
	mock_ring_fini(&ring);
}

static void request(uint16_t head)
{
	mock_desc(ring.desc, head, mock_iova(&ring, ring.pool), 8, 0, 0);
	mock_offer(&ring, head);
}

Test(devq, answers_questions_about_itself, .init = init, .fini = fini)
{
	t_eq(vri_devq_index(q), 3);
	t_eq(vri_devq_size(q), SIZE);
	t_eq(vri_devq_in_flight(q), 0);
	t_eq(vri_devq_fd(q), 42);
	t_eq(vri_devq_broken(q), VRI_RULE_NONE);
}

Test(devq, null_is_an_error_and_not_a_crash, .init = init, .fini = fini)
{
	struct vri_chain no_iov = { .iov_max = 1 };

	t_errno_eq(vri_devq_pop(NULL, &chain), -EINVAL);
	t_errno_eq(vri_devq_pop(q, NULL), -EINVAL);
	t_errno_eq(vri_devq_pop(q, &no_iov), -EINVAL);
	t_errno_eq(vri_devq_push(NULL, &chain, 0), -EINVAL);
	t_errno_eq(vri_devq_push(q, NULL, 0), -EINVAL);
	t_errno_eq(vri_devq_rewind(NULL, 0), -EINVAL);
	t_errno_eq(vri_devq_publish(NULL), -EINVAL);
	t_errno_eq(vri_devq_notify(NULL), -EINVAL);
	t_errno_eq(vri_devq_arm(NULL), -EINVAL);
	t_errno_eq(vri_devq_wait(NULL, 0), -EINVAL);
	t_errno_eq(vri_devq_fd(NULL), -EINVAL);
	vri_devq_suppress(NULL);
	vri_devq_clear(NULL);
	vri__devq_free(NULL);
	t_eq(vri_devq_in_flight(NULL), 0);
}

Test(devq, a_stopped_queue_does_nothing, .init = init, .fini = fini)
{
	struct vri_chain c;

	request(0);
	request(1);
	t_eq(vri_devq_pop(q, &chain), 1);
	c = chain;
	vri__devq_stop(q);
	t_errno_eq(vri_devq_pop(q, &chain), -ESHUTDOWN);
	t_errno_eq(vri_devq_push(q, &c, 0), -ESHUTDOWN);
	t_errno_eq(vri_devq_rewind(q, 1), -ESHUTDOWN);
	t_errno_eq(vri_devq_publish(q), -ESHUTDOWN);
	t_errno_eq(vri_devq_notify(q), -ESHUTDOWN);
	t_errno_eq(vri_devq_arm(q), -ESHUTDOWN);
	t_errno_eq(vri_devq_wait(q, -1), -ESHUTDOWN);
	t_false(vri__devq_has_available(q));
	vri_devq_suppress(q);
	t_eq(mock_used_flags(&ring), 0);
	t_eq(mock_used_idx(&ring), 0);
	t_eq(ring.dev.n_broken, 0);
}

Test(devq, the_device_can_give_a_queue_up, .init = init, .fini = fini)
{
	vri__devq_break(q, VRI_RULE_DEVICE);
	vri__devq_break(q, VRI_RULE_HEAD);
	t_eq(vri_devq_broken(q), VRI_RULE_DEVICE);
	t_eq(ring.dev.n_broken, 1);
	t_eq(ring.dev.rule, VRI_RULE_DEVICE);
	t_eq(le64toh(ring.dev_counters.errors), 0);
	t_errno_eq(vri_devq_pop(q, &chain), -ESHUTDOWN);
}

/* A chain of an older life of the queue completes nothing in the new one. */
Test(devq, a_chain_of_another_life_is_refused, .init = init, .fini = fini)
{
	unsigned refused = 0;

	/* The lives' ids are drawn by lot from 65536: one draw in a million pairs fails twice. */
	for (unsigned i = 0; i < 2; i++) {
		struct vri_chain old;

		request(0);
		t_eq(vri_devq_pop(q, &chain), 1);
		old = chain;
		vri__devq_free(q);
		mock_set_avail_idx(&ring, 0);
		q = mock_devq(&ring, 0);
		request(0);
		t_eq(vri_devq_pop(q, &chain), 1);
		refused += vri_devq_push(q, &old, 0) == -EINVAL;
		vri__devq_free(q);
		mock_set_avail_idx(&ring, 0);
		q = mock_devq(&ring, 0);
	}
	t_gt(refused, 0);
}

static int offer_one(void *data, int timeout_ms)
{
	request(0);
	return 1;
}

static int peer_is_gone(void *data, int timeout_ms)
{
	return -ECONNRESET;
}

Test(devq, wait_arms_blocks_clears_and_looks_again, .init = init, .fini = fini)
{
	ring.dev.on_wait = offer_one;
	t_eq(vri_devq_wait(q, -1), 1);
	t_eq(ring.dev.n_clear, 1);
	t_eq(mock_used_flags(&ring), 1);
	t_eq(vri_devq_pop(q, &chain), 1);
	ring.dev.on_wait = peer_is_gone;
	t_errno_eq(vri_devq_wait(q, -1), -ECONNRESET);
	ring.dev.on_wait = NULL;
	t_eq(vri_devq_wait(q, 1), 0);
}

/* ---- both sides, every shape ---- */

struct torture_case {
	const char *what;
	unsigned size;
	uint64_t features;
};

#define PACKED (1ull << 34)
#define IN_ORDER (1ull << 35)

static const struct torture_case tortures[] = {
	{ "split", SIZE, 0 },
	{ "split, event idx", SIZE, MOCK_EVENT_IDX },
	{ "split, indirect", SIZE, MOCK_INDIRECT_DESC },
	{ "split, both", SIZE, MOCK_EVENT_IDX | MOCK_INDIRECT_DESC },
	{ "split, in order", SIZE, IN_ORDER },
	{ "split, all", SIZE, IN_ORDER | MOCK_EVENT_IDX | MOCK_INDIRECT_DESC },
	{ "packed", SIZE, PACKED },
	{ "packed, event idx", 13, PACKED | MOCK_EVENT_IDX },
	{ "packed, indirect", 29, PACKED | MOCK_INDIRECT_DESC },
	{ "packed, both", 31, PACKED | MOCK_EVENT_IDX | MOCK_INDIRECT_DESC },
	{ "packed, in order", 13, PACKED | IN_ORDER },
	{ "packed, all", 15, PACKED | IN_ORDER | MOCK_EVENT_IDX | MOCK_INDIRECT_DESC },
};

#define ROUNDS 60000u
#define AREA 4096u /* of the pool for each request: pieces are cut out of it */

struct request {
	unsigned n_r, n_w;
	struct iovec r[SIZE], w[SIZE];
	uint32_t r_len, w_len;
	uint32_t number;
	bool out;
	uint32_t written; /* as the device said */
};

static struct request requests[SIZE];

static uint8_t byte_of(uint32_t number, uint32_t i)
{
	return (uint8_t)(number * 31 + i * 7 + (number >> 8));
}

/* Cuts a request of random shape out of its area. */
static void make_request(struct request *r, uint32_t number, struct mock_random *rnd)
{
	uint8_t *area = ring.pool + (size_t)(r - requests) * AREA;
	unsigned n = 1 + mock_random_below(rnd, mock_random_below(rnd, 4) == 0 ? 12 : 4);
	size_t at = 0;

	*r = (struct request){ .number = number, .out = true };
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = 1 + mock_random_below(rnd, 60);
		struct iovec v = { area + at, len };

		at += len + mock_random_below(rnd, 9);
		if (r->n_w == 0 && mock_random_below(rnd, 2) == 0) {
			for (uint32_t b = 0; b < len; b++)
				area[(size_t)((uint8_t *)v.iov_base - area) + b] =
					byte_of(number, r->r_len + b);
			r->r[r->n_r++] = v;
			r->r_len += len;
		} else {
			memset(v.iov_base, 0xee, len);
			r->w[r->n_w++] = v;
			r->w_len += len;
		}
	}
}

static void check_request(const struct vri_chain *c, uint32_t number)
{
	uint8_t buf[1024];

	t_eq(vri_chain_read(c, 0, buf, sizeof(buf)), c->readable_len);
	for (uint32_t i = 0; i < c->readable_len; i++)
		if (buf[i] != byte_of(number, i))
			t_fail("request %u, byte %u", number, i);
}

static void answer(const struct vri_chain *c, uint32_t number, uint32_t written)
{
	uint8_t buf[1024];

	for (uint32_t i = 0; i < written; i++)
		buf[i] = byte_of(~number, i);
	t_eq(vri_chain_write(c, 0, buf, written), written);
}

static void check_answer(const struct request *r, uint32_t len)
{
	uint32_t at = 0;

	t_eq(len, r->written);
	for (unsigned i = 0; i < r->n_w; i++)
		for (size_t b = 0; b < r->w[i].iov_len; b++, at++) {
			uint8_t want = at < len ? byte_of(~r->number, at) : 0xee;

			if (((uint8_t *)r->w[i].iov_base)[b] != want)
				t_fail("request %u, answer byte %u", r->number, at);
		}
}

/* Neither index of a split ring ever goes back, or further than the queue is long. */
static void check_indices(void)
{
	static uint16_t last_avail, last_used;

	t_le((uint16_t)(mock_avail_idx(&ring) - last_avail), SIZE);
	t_le((uint16_t)(mock_used_idx(&ring) - last_used), SIZE);
	last_avail = mock_avail_idx(&ring);
	last_used = mock_used_idx(&ring);
}

/*
 * One step of chance after the other: add, publish or kick, pop, rewind, push in any order, publish
 * or notify, take. Each request carries its number in its bytes, each answer too. Somebody who would
 * sleep must be woken: when a side has armed and found nothing, the first thing after that which
 * gives it work must notify.
 * proves: dev:2.7f/1 dev:2.7u/2 drv:2.7a/1 dev:2.7s/1 dev:2.7s/2 drv:2.7n/2 drv:2.7n/3
 * faults: H8 */
TestEach(devq, requests_of_every_shape_come_back_whole, tortures, struct torture_case,
	 .timeout = 120)
{
	struct mock_random rnd = mock_random_seeded();
	struct {
		struct vri_chain c;
		struct iovec iov[SIZE];
		uint32_t number;
	} in[SIZE];
	unsigned n_in = 0, n_made = 0, n_done = 0;
	bool dev_sleeps = false, drv_sleeps = false;
	uint32_t popped = 0; /* requests come in the order of their numbers */
	uint32_t next_to_pop = 0;
	struct vri_drvq *drv;
	uint64_t visible;

	mock_ring_init(&ring, param->size);
	drv = mock_drvq(&ring, param->features);
	q = mock_devq(&ring, param->features);
	memset(requests, 0, sizeof(requests));
	while (n_done < ROUNDS) {
		struct vri_used used[4];
		unsigned pick, before;
		int r;

		switch (mock_random_below(&rnd, 10)) {
		case 0:
		case 1:
		case 2: /* add */
			for (pick = 0; pick < SIZE && requests[pick].out; pick++)
				;
			if (pick == SIZE || n_made == ROUNDS)
				break;
			make_request(&requests[pick], n_made, &rnd);
			r = vri_drvq_add(drv, requests[pick].r, requests[pick].n_r,
					 requests[pick].w, requests[pick].n_w, &requests[pick]);
			if (r == -ENOSPC) {
				requests[pick].out = false;
				break;
			}
			t_ok(r);
			n_made++;
			break;
		case 3: /* kick; a publish without one only when nobody sleeps */
			before = ring.drv.n_notify;
			if (!dev_sleeps && mock_random_below(&rnd, 3) == 0) {
				t_ok(vri_drvq_publish(drv));
				break;
			}
			visible = le64toh(ring.drv_counters.buffers);
			t_ok(vri_drvq_kick(drv));
			if (dev_sleeps && visible != le64toh(ring.drv_counters.buffers)) {
				t_eq(ring.drv.n_notify, before + 1);
				dev_sleeps = false;
			}
			break;
		case 4:
		case 5: /* pop */
			if (n_in == SIZE)
				break;
			in[n_in].c = (struct vri_chain){ .iov = in[n_in].iov, .iov_max = SIZE };
			r = vri_devq_pop(q, &in[n_in].c);
			t_ok(r);
			if (r == 0)
				break;
			in[n_in].number = next_to_pop++;
			check_request(&in[n_in].c, in[n_in].number);
			n_in++;
			popped++;
			break;
		case 6: /* rewind the newest, when it is the newest */
			if (n_in > 0 && in[n_in - 1].number == next_to_pop - 1 &&
			    mock_random_below(&rnd, 3) == 0) {
				t_ok(vri_devq_rewind(q, 1));
				next_to_pop--;
				n_in--;
			}
			break;
		case 7: /* push any */
			if (n_in == 0)
				break;
			pick = mock_random_below(&rnd, n_in);
			before = mock_random_below(&rnd, in[pick].c.writable_len + 1);
			answer(&in[pick].c, in[pick].number, before);
			for (unsigned i = 0; i < SIZE; i++)
				if (requests[i].out && requests[i].number == in[pick].number)
					requests[i].written = before;
			t_ok(vri_devq_push(q, &in[pick].c, before));
			in[pick] = in[--n_in];
			for (unsigned i = 0; i < SIZE; i++)
				in[i].c.iov = in[i].iov;
			break;
		case 8: /* notify, and perhaps sleep */
			before = ring.dev.n_notify;
			visible = le64toh(ring.dev_counters.buffers);
			t_ok(vri_devq_notify(q));
			if (drv_sleeps && visible != le64toh(ring.dev_counters.buffers)) {
				t_eq(ring.dev.n_notify, before + 1);
				drv_sleeps = false;
			}
			if (mock_random_below(&rnd, 2) == 0)
				vri_devq_suppress(q), dev_sleeps = false;
			else
				dev_sleeps = vri_devq_arm(q) == 0;
			break;
		default: /* take, and perhaps sleep */
			r = vri_drvq_get_used_batch(drv, used, 1 + mock_random_below(&rnd, 4));
			t_ok(r);
			for (int i = 0; i < r; i++) {
				struct request *done = used[i].token;

				t_true(done->out);
				check_answer(done, used[i].len);
				done->out = false;
				n_done++;
			}
			if (mock_random_below(&rnd, 2) == 0)
				vri_drvq_suppress(drv), drv_sleeps = false;
			else
				drv_sleeps = vri_drvq_arm(drv) == 0;
			break;
		}
		if ((param->features & PACKED) == 0)
			check_indices();
	}
	t_eq(vri_drvq_outstanding(drv), 0);
	t_eq(vri_drvq_free_descriptors(drv), param->size);
	t_eq(vri_devq_in_flight(q), 0);
	t_ge(popped, ROUNDS);
	t_eq(le64toh(ring.drv_counters.buffers), ROUNDS);
	t_eq(le64toh(ring.dev_counters.buffers), ROUNDS);
	t_eq(le64toh(ring.drv_counters.bytes_readable), le64toh(ring.dev_counters.bytes_readable));
	t_eq(le64toh(ring.drv_counters.bytes_written), le64toh(ring.dev_counters.bytes_written));
	vri__drvq_free(drv);
	fini();
}
