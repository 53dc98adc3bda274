/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Waiting.
 *
 * Looking is free for the peer, a notification costs it a system call and us a wake-up, so a wait
 * first looks for a while. The budget of looks adapts: it doubles when the work came in time, it
 * halves when it did not. Then: arm, look again, block, clear the notifier, take the request back,
 * look.
 */

#include "queue_wait.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>

#include "queue.h"
#include "ring_access.h"
#include "util/clock.h"

/* A look with its pause takes 10 to 60 ns, a wake-up 5 to 25 us: the limit is about one wake-up, the
 * least is enough to notice when the peer has become fast. */
#define SPIN_MIN 16u
#define SPIN_START 128u
#define SPIN_MAX 1024u

/* Of a wait that never blocks: looks between two glances at the clock, and how often it asks whether
 * the peer is gone. */
#define LOOKS_A_GLANCE 4096u
#define PEER_CHECK_NS 100000000u

static bool runs_on_one_cpu(void)
{
	cpu_set_t set;

	/* More CPUs than fit the set are an error, and certainly more than one. */
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;
}

void vri__spin_init(struct spin *spin, unsigned looks)
{
	*spin = (struct spin){ .budget = looks, .never_block = looks == ~0u };
	if (looks == 0 && !runs_on_one_cpu())
		*spin = (struct spin){ .budget = SPIN_START, .adapts = true };
}

static bool look_for_a_while(void *q, const struct wait_side *side, unsigned looks)
{
	for (unsigned i = 0; i < looks; i++) {
		if (side->has_work(q))
			return true;
		ring_relax();
	}
	return false;
}

void vri__spin_adapt(struct spin *spin, bool found)
{
	if (!spin->adapts)
		return;
	if (found)
		spin->budget = spin->budget < SPIN_MAX / 2 ? spin->budget * 2 : SPIN_MAX;
	else
		spin->budget = spin->budget > SPIN_MIN * 2 ? spin->budget / 2 : SPIN_MIN;
}

static bool spin_once(void *q, const struct wait_side *side, struct spin *spin)
{
	bool found = look_for_a_while(q, side, spin->budget);

	vri__spin_adapt(spin, found);
	return found;
}

/* When a wait is over; the end of time stands for no limit. */
static uint64_t end_of(uint64_t now_ns, int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : now_ns + (uint64_t)timeout_ms * 1000000u;
}

static int ms_until(uint64_t now_ns, uint64_t then_ns)
{
	uint64_t ms;

	if (then_ns == UINT64_MAX)
		return -1;
	if (then_ns <= now_ns)
		return 0;
	ms = (then_ns - now_ns + 999999) / 1000000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Looks at the queue's deadline; *ret_until is the earlier of @end and its next look. */
static int check_deadline(void *q, const struct wait_side *side, uint64_t now, uint64_t end,
			  uint64_t *ret_until)
{
	uint64_t next = 0;
	int r = side->deadline != NULL ? side->deadline(q, now, &next) : 0;

	if (r < 0)
		return r;
	*ret_until = next != 0 && next < end ? next : end;
	return 0;
}

static int wait_looking(void *q, const struct wait_side *side, const struct queue_ops *ops,
			void *ctx, int timeout_ms)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t end = end_of(now, timeout_ms);
	uint64_t peer_check = now + PEER_CHECK_NS;
	uint64_t until;
	int r;

	for (;;) {
		r = check_deadline(q, side, now, end, &until);
		if (r < 0)
			return r;
		if (look_for_a_while(q, side, timeout_ms == 0 ? 1 : LOOKS_A_GLANCE))
			return 1;
		now = clock_monotonic_ns();
		if (now >= end)
			return 0;
		if (now < peer_check || ops->wait == NULL)
			continue;
		peer_check = now + PEER_CHECK_NS;
		r = ops->wait(ctx, 0);
		if (r < 0)
			return side->has_work(q) ? 1 : r;
	}
}

int vri__queue_wait(void *q, const struct wait_side *side, struct spin *spin,
		    const struct queue_ops *ops, void *ctx, int timeout_ms)
{
	uint64_t now, end, until;
	int r;

	if (side->has_work(q))
		return 1;
	if (spin->never_block)
		return wait_looking(q, side, ops, ctx, timeout_ms);
	if (timeout_ms != 0 && spin_once(q, side, spin))
		return 1;
	if (ops->wait == NULL)
		return -EOPNOTSUPP;

	now = clock_monotonic_ns();
	end = end_of(now, timeout_ms);
	for (;; now = clock_monotonic_ns()) {
		r = check_deadline(q, side, now, end, &until);
		if (r < 0)
			return r;
		r = side->arm(q);
		if (r == 0) {
			r = ops->wait(ctx, ms_until(now, until));
			/* Emptied before the look below, so that what comes after the look wakes
			 * again. */
			if (r > 0 && ops->clear != NULL)
				ops->clear(ctx);
		}
		side->suppress(q);
		if (side->has_work(q))
			return 1;
		if (r < 0)
			return r;
		if (clock_monotonic_ns() >= end)
			return 0;
	}
}
