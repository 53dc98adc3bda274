/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Deadlines of a driver's queue: never early, late by an interval, and what happens then. */

#include <errno.h>

#include "mock_ring.h"
#include "test.h"

#define SIZE 8u
#define LIMIT 1000u

static struct mock_ring ring;
static struct vri_drvq *q;

static void begin(uint64_t limit)
{
	struct queue_setup s;

	mock_ring_init(&ring, SIZE);
	s = mock_drv_setup(&ring, 0);
	s.deadline_ns = limit;
	t_ok(vri__drvq_new(&s, &q));
}

static void init(void)
{
	begin(LIMIT);
}

static void fini(void)
{
	vri__drvq_free(q);
	mock_ring_fini(&ring);
}

static void add(size_t n)
{
	struct iovec v = { ring.pool, 8 };

	t_ok(vri_drvq_add(q, NULL, 0, &v, 1, ring.pool + n));
}

static void lend(size_t n)
{
	add(n);
	t_ok(vri_drvq_publish(q));
}

/* Looks, and expects no deadline to have passed. Returns: when to look again. */
static uint64_t look(uint64_t now)
{
	uint64_t next = 77;

	t_eq(vri__drvq_check_deadline(q, now, &next), 0);
	return next;
}

Test(deadline, nothing_is_late_when_nothing_is_out, .init = init, .fini = fini)
{
	t_eq(look(5), 0);
	t_eq(look(UINT64_MAX), 0);
}

/* faults: B12 */
Test(deadline, a_request_that_stays_too_long_breaks_the_queue, .init = init, .fini = fini)
{
	uint64_t next;

	lend(1);
	t_gt(look(10000), 10000);
	look(10000 + LIMIT - 1);
	t_errno_eq(vri__drvq_check_deadline(q, 10000 + LIMIT, &next), -ETIMEDOUT);
	t_eq(vri_drvq_broken(q), VRI_RULE_DEADLINE);
	t_eq(ring.drv.n_broken, 1);
	t_eq(vri__drvq_check_deadline(q, 10000 + 2 * LIMIT, &next), 0);
	t_eq(next, 0);
}

Test(deadline, age_counts_from_the_first_look, .init = init, .fini = fini)
{
	lend(1);
	look(50000);
	look(50000 + LIMIT - 1);
}

Test(deadline, a_request_that_came_back_is_not_late, .init = init, .fini = fini)
{
	void *token;

	lend(1);
	lend(2);
	look(1000);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	mock_use(&ring, 1, 0);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	t_eq(look(1000 + 5 * LIMIT), 0);
}

Test(deadline, each_request_has_its_own, .init = init, .fini = fini)
{
	void *token;
	uint64_t next;

	lend(1);
	look(1000);
	lend(2);
	look(1600);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	look(1600 + LIMIT - 1);
	t_errno_eq(vri__drvq_check_deadline(q, 1600 + LIMIT, &next), -ETIMEDOUT);
}

/* Whoever looks when he is told to is late by a quarter of the limit at most. */
Test(deadline, lateness_is_bounded_for_those_who_look_when_told, .init = init, .fini = fini)
{
	uint64_t now = 100000, added = 0, next = 0;
	int r = 0;

	lend(1);
	now = look(now);
	/* A second one, just after a look; the first comes back just before it would be late. */
	lend(2);
	added = now + 1;
	for (unsigned i = 0; r == 0; i++) {
		void *token;

		r = vri__drvq_check_deadline(q, now, &next);
		if (r == 0) {
			t_gt(next, now);
			t_le(next, now + LIMIT / 4 + 1);
			now = next;
		}
		if (i == 0) {
			mock_use(&ring, 0, 0);
			t_eq(vri_drvq_get_used(q, &token, NULL), 1);
		}
	}
	t_errno_eq(r, -ETIMEDOUT);
	t_ge(now, added - 1 + LIMIT);
	t_le(now, added + LIMIT + LIMIT / 4 + 1);
}

Test(deadline, what_the_device_cannot_see_is_not_its_fault, .init = init, .fini = fini)
{
	add(1);
	t_eq(look(1000), 0);
	t_eq(look(1000 + 5 * LIMIT), 0);
	t_ok(vri_drvq_publish(q));
	look(20000);
	look(20000 + LIMIT - 1);
}

Test(deadline, what_nobody_fetched_is_not_its_fault_either, .init = init, .fini = fini)
{
	uint64_t next;
	void *token;

	lend(1);
	look(1000);
	mock_use(&ring, 0, 0);
	t_eq(vri__drvq_check_deadline(q, 1000 + 3 * LIMIT, &next), 0);
	t_gt(next, 1000 + 3 * LIMIT);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
}

Test(deadline, none_means_for_ever, .fini = fini)
{
	begin(0);
	lend(1);
	t_eq(look(1), 0);
	t_eq(look(UINT64_MAX), 0);
}

Test(deadline, a_clock_that_stands_or_goes_back_is_no_reason, .init = init, .fini = fini)
{
	lend(1);
	look(0);
	look(0);
	look(100);
	look(50);
	fini();
	begin(LIMIT);
	lend(1);
	look(UINT64_MAX - 5);
	look(UINT64_MAX);
}

/* faults: B13 */
Test(deadline, a_late_answer_is_not_seen_and_the_buffer_is_not_lent_again, .init = init,
     .fini = fini)
{
	struct iovec v = { ring.pool, 8 };
	uint64_t next;
	void *token;

	lend(1);
	look(1000);
	t_errno_eq(vri__drvq_check_deadline(q, 1000 + LIMIT, &next), -ETIMEDOUT);
	mock_use(&ring, 0, 8);
	t_errno_eq(vri_drvq_get_used(q, &token, NULL), -ESHUTDOWN);
	t_errno_eq(vri_drvq_add(q, NULL, 0, &v, 1, q), -ESHUTDOWN);
	t_true(vri__drvq_uses_memory(q, mock_iova(&ring, ring.pool), 8));
	t_eq(vri_drvq_take_back(q, &token), 1);
	t_ptr_eq(token, ring.pool + 1);
	t_eq(vri_drvq_take_back(q, &token), 0);
	t_errno_eq(vri_drvq_get_used(q, &token, NULL), -ESHUTDOWN);
}

static int time_passes(void *data, int timeout_ms)
{
	/* As if the time were over; the clock decides. */
	t_ge(timeout_ms, 0);
	return 0;
}

/* faults: B11 B12 */
Test(deadline, a_wait_without_a_limit_ends_with_it, .fini = fini)
{
	begin(2000000);
	lend(1);
	ring.drv.on_wait = time_passes;
	t_errno_eq(vri_drvq_wait(q, -1), -ETIMEDOUT);
	t_eq(vri_drvq_broken(q), VRI_RULE_DEADLINE);
}
