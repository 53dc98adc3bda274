/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The event index by brute force, as the queues use it: both sides of small rings of both formats,
 * every place (of split rings those around 0, 32768 and 65536, of packed ones all of both laps),
 * every length of a batch, events before, in and behind the batch. The questions themselves, without
 * a queue, are brute-forced in test_notify.c and test_packed_notify.c.
 */
#include "mock_packed.h"
#include "test.h"

#define SIZE_LARGEST 8u
#define AROUND 24u /* places around each of the interesting ones */

struct size_case {
	unsigned size;
};

static struct iovec iov[SIZE_LARGEST];

/* ---- split ---- */

static const struct size_case powers[] = { { 1 }, { 2 }, { 4 }, { 8 } };

struct split_rig {
	struct mock_ring ring;
	struct vri_drvq *drv; /* one of the two is there, the other side is the mock's */
	struct vri_devq *dev;
	uint16_t idx; /* of the next entry */
};

/* A batch of @n goes through, with the other side's @event armed before it is announced. Returns: whether
 * it was. */
static bool drv_batch(struct split_rig *r, unsigned n, uint16_t event)
{
	struct iovec piece = { r->ring.pool, 16 };
	struct vri_used used[SIZE_LARGEST];
	int notified;

	mock_set_avail_event(&r->ring, event);
	for (unsigned i = 0; i < n; i++)
		t_ok(vri_drvq_add(r->drv, NULL, 0, &piece, 1, r));
	notified = vri_drvq_kick(r->drv);
	for (unsigned i = 0; i < n; i++)
		mock_use(&r->ring, mock_avail_head(&r->ring, (uint16_t)(r->idx + i)), 0);
	t_eq(vri_drvq_get_used_batch(r->drv, used, SIZE_LARGEST), (int)n);
	return notified;
}

static bool dev_batch(struct split_rig *r, unsigned n, uint16_t event)
{
	mock_set_used_event(&r->ring, event);
	for (unsigned i = 0; i < n; i++) {
		struct vri_chain chain = { .iov = iov, .iov_max = SIZE_LARGEST };

		mock_desc(r->ring.desc, 0, mock_iova(&r->ring, r->ring.pool), 16, MOCK_WRITE, 0);
		mock_offer(&r->ring, 0);
		t_eq(vri_devq_pop(r->dev, &chain), 1);
		t_ok(vri_devq_push(r->dev, &chain, 0));
	}
	return vri_devq_notify(r->dev);
}

typedef bool batch_fn(struct split_rig *r, unsigned n, uint16_t event);

/* Brings the index to @idx, as fast as the ring can. */
static void pump(struct split_rig *r, unsigned size, batch_fn *batch, uint16_t idx)
{
	while (r->idx != idx) {
		uint16_t left = (uint16_t)(idx - r->idx);
		uint16_t n = left < size ? left : (uint16_t)size;

		batch(r, n, r->idx);
		r->idx = (uint16_t)(r->idx + n);
	}
}

static void split_everywhere(struct split_rig *r, unsigned size, batch_fn *batch)
{
	static const uint16_t middles[] = { 32768, 0 };

	for (unsigned n = 1; n <= size; n++) {
		/* Just before the batch, its first, its last, just behind it. */
		const int events[] = { -1, 0, (int)n - 1, (int)n };

		for (unsigned lap = 0; lap < 4 * n; lap++) {
			int event = events[lap / n];
			bool want = event >= 0 && event < (int)n;

			for (unsigned m = 0; m < 2; m++) {
				pump(r, size, batch, (uint16_t)(middles[m] - AROUND / 2 + lap % n));
				for (unsigned i = 0; i < AROUND; i += n) {
					if (batch(r, n, (uint16_t)(r->idx + event)) != want)
						t_fail("index %u, batch %u, event %d", r->idx, n,
						       event);
					r->idx = (uint16_t)(r->idx + n);
				}
			}
		}
	}
}

/* proves: drv:2.7n/3
 * faults: B11 H8 */
TestEach(event_index, a_split_driver_kicks_when_its_batch_has_the_event, powers, struct size_case)
{
	struct split_rig r = { 0 };

	mock_ring_init(&r.ring, param->size);
	r.drv = mock_drvq(&r.ring, MOCK_EVENT_IDX);
	split_everywhere(&r, param->size, drv_batch);
	vri__drvq_free(r.drv);
	mock_ring_fini(&r.ring);
}

/* proves: dev:2.7s/2
 * faults: A27 H8 */
TestEach(event_index, a_split_device_notifies_when_its_batch_has_the_event, powers,
	 struct size_case)
{
	struct split_rig r = { 0 };

	mock_ring_init(&r.ring, param->size);
	r.dev = mock_devq(&r.ring, MOCK_EVENT_IDX);
	split_everywhere(&r, param->size, dev_batch);
	vri__devq_free(r.dev);
	mock_ring_fini(&r.ring);
}

/* ---- packed ---- */

static const struct size_case small[] = { { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 } };

/* The book: is the event's descriptor, of its lap, one of the @n from @from on? */
static bool covers(const struct mock_packed *p, struct mock_place from, unsigned n,
		   struct mock_place event)
{
	for (unsigned i = 0; i < n; i++, from = mock_place_after(p, from, 1))
		if (from.slot == event.slot && from.wrap == event.wrap)
			return true;
	return false;
}

typedef bool packed_fn(struct mock_packed *p, void *q, unsigned n);

static bool packed_drv_batch(struct mock_packed *p, void *q, unsigned n)
{
	struct iovec piece = { p->ring.pool, 16 };
	struct vri_used used[SIZE_LARGEST];
	int notified;

	for (unsigned i = 0; i < n; i++)
		t_ok(vri_drvq_add(q, NULL, 0, &piece, 1, p));
	notified = vri_drvq_kick(q);
	for (unsigned i = 0; i < n; i++) {
		mock_packed_use(p, mock_packed_list(p, p->avail, NULL), 0, 1);
		p->avail = mock_place_after(p, p->avail, 1);
	}
	t_eq(vri_drvq_get_used_batch(q, used, SIZE_LARGEST), (int)n);
	return notified;
}

static bool packed_dev_batch(struct mock_packed *p, void *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vri_chain chain = { .iov = iov, .iov_max = SIZE_LARGEST };

		mock_packed_offer_one(p, 0);
		t_eq(vri_devq_pop(q, &chain), 1);
		t_ok(vri_devq_push(q, &chain, 0));
	}
	p->used = mock_place_after(p, p->used, n);
	return vri_devq_notify(q);
}

/* Every place of the ring in both laps, every batch, every event of both laps. */
static void packed_everywhere(struct mock_packed *p, void *q, packed_fn *batch,
			      struct vring_packed_desc_event *event, const struct mock_place *next)
{
	unsigned size = p->size;

	for (unsigned n = 1; n <= size; n++) {
		for (unsigned at = 0; at < 2 * size; at++) {
			for (unsigned e = 0; e < 2 * size; e++) {
				struct mock_place place = { e % size, e < size };
				bool want = covers(p, *next, n, place);

				mock_set_event(event, 2, place.slot, place.wrap);
				if (batch(p, q, n) != want)
					t_fail("size %u, batch of %u before %u, event %u", size, n,
					       next->slot, e);
			}
			/* As all events take a multiple of both laps, one more is the next place. */
			batch(p, q, 1);
		}
	}
}

/* faults: B11 H8 */
TestEach(event_index, a_packed_driver_kicks_when_its_batch_has_the_event, small, struct size_case)
{
	struct mock_packed p;
	struct vri_drvq *q;

	mock_packed_init(&p, param->size);
	q = mock_packed_drvq(&p, MOCK_EVENT_IDX);
	packed_everywhere(&p, q, packed_drv_batch, p.device_event, &p.avail);
	vri__drvq_free(q);
	mock_packed_fini(&p);
}

/* faults: A27 H8 */
TestEach(event_index, a_packed_device_notifies_when_its_batch_has_the_event, small,
	 struct size_case)
{
	struct mock_packed p;
	struct vri_devq *q;

	mock_packed_init(&p, param->size);
	q = mock_packed_devq(&p, MOCK_EVENT_IDX);
	packed_everywhere(&p, q, packed_dev_batch, p.driver_event, &p.used);
	vri__devq_free(q);
	mock_packed_fini(&p);
}
