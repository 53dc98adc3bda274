/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The public face of the driver's side: arguments, the end of a queue, fork, waiting, counters. */

#include <endian.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vring-ipc/memory.h>

#include "mock_ring.h"
#include "test.h"

#define SIZE 8u

static struct mock_ring ring;
static struct vri_drvq *q;

static void init(void)
{
	mock_ring_init(&ring, SIZE);
	q = mock_drvq(&ring, 0);
}

static void fini(void)
{
	vri__drvq_free(q);
	mock_ring_fini(&ring);
}

static int add(size_t n)
{
	struct iovec r = { ring.pool, 100 }, w = { ring.pool + 128, 50 };

	return vri_drvq_add(q, &r, 1, &w, 1, ring.pool + n);
}

static uint16_t lend(size_t n)
{
	uint16_t idx = mock_avail_idx(&ring);

	t_ok(add(n));
	t_ok(vri_drvq_publish(q));
	return mock_avail_head(&ring, idx);
}

/* ---- set-up ---- */

struct setup_case {
	const char *what;
	unsigned size;
	uint64_t features;
	size_t shift_desc, shift_driver, shift_device;
	int want;
};

static const struct setup_case setups[] = {
	{ "fine", SIZE, 0, 0, 0, 0, 0 },
	{ "one descriptor", 1, 0, 0, 0, 0, 0 },
	{ "no descriptor", 0, 0, 0, 0, 0, -EINVAL },
	{ "no power of two", 6, 0, 0, 0, 0, -EINVAL },
	{ "too large", 65536, 0, 0, 0, 0, -EINVAL },
	{ "descriptor table by 8", 4, 0, 8, 0, 0, -EINVAL },
	{ "available ring by 1", 4, 0, 0, 1, 0, -EINVAL },
	{ "used ring by 2", 4, 0, 0, 0, 2, -EINVAL },
	{ "packed", SIZE, 1ull << 34, 0, 0, 0, 0 },
	{ "packed, no power of two", 6, 1ull << 34, 0, 0, 0, 0 },
	{ "packed, no descriptor", 0, 1ull << 34, 0, 0, 0, -EINVAL },
	{ "packed, too large", 65536, 1ull << 34, 0, 0, 0, -EINVAL },
	{ "packed, driver area by 2", 4, 1ull << 34, 0, 2, 0, -EINVAL },
	{ "in order", SIZE, 1ull << 35, 0, 0, 0, 0 },
};

/* proves: drv:2.7/1
 * faults: A31 */
TestEach(drvq, set_up_is_checked_on_both_sides, setups, struct setup_case, .init = init,
	 .fini = fini)
{
	struct queue_setup s = mock_drv_setup(&ring, param->features);
	struct vri_drvq *drv = NULL;
	struct vri_devq *dev = NULL;

	s.size = param->size;
	s.desc = (uint8_t *)s.desc + param->shift_desc;
	s.driver = (uint8_t *)s.driver + param->shift_driver;
	s.device = (uint8_t *)s.device + param->shift_device;
	t_eq(vri__drvq_new(&s, &drv), param->want);
	t_eq(vri__devq_new(&s, &dev), param->want);
	t_eq(drv != NULL, param->want == 0);
	t_eq(dev != NULL, param->want == 0);
	vri__drvq_free(drv);
	vri__devq_free(dev);
}

Test(drvq, answers_questions_about_itself, .init = init, .fini = fini)
{
	t_eq(vri_drvq_index(q), 3);
	t_eq(vri_drvq_size(q), SIZE);
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	t_eq(vri_drvq_outstanding(q), 0);
	t_eq(vri_drvq_fd(q), 42);
	t_eq(vri_drvq_broken(q), VRI_RULE_NONE);
	t_ok(add(0));
	t_eq(vri_drvq_outstanding(q), 1);
	t_eq(vri_drvq_free_descriptors(q), SIZE - 2);
}

/* ---- arguments ---- */

Test(drvq, null_is_an_error_and_not_a_crash, .init = init, .fini = fini)
{
	struct iovec v = { ring.pool, 1 };
	struct vri_used used;
	uint32_t len;
	void *token;

	t_errno_eq(vri_drvq_add(NULL, &v, 1, NULL, 0, &v), -EINVAL);
	t_errno_eq(vri_drvq_add(q, NULL, 1, NULL, 0, &v), -EINVAL);
	t_errno_eq(vri_drvq_add(q, NULL, 0, NULL, 1, &v), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &v, 1, NULL, 0, NULL), -EINVAL);
	t_errno_eq(vri_drvq_publish(NULL), -EINVAL);
	t_errno_eq(vri_drvq_kick(NULL), -EINVAL);
	t_errno_eq(vri_drvq_get_used(NULL, &token, &len), -EINVAL);
	t_errno_eq(vri_drvq_get_used(q, NULL, &len), -EINVAL);
	t_errno_eq(vri_drvq_get_used_batch(NULL, &used, 1), -EINVAL);
	t_errno_eq(vri_drvq_get_used_batch(q, NULL, 1), -EINVAL);
	t_errno_eq(vri_drvq_arm(NULL), -EINVAL);
	t_errno_eq(vri_drvq_wait(NULL, 0), -EINVAL);
	t_errno_eq(vri_drvq_take_back(NULL, &token), -EINVAL);
	t_errno_eq(vri_drvq_fd(NULL), -EINVAL);
	vri_drvq_suppress(NULL);
	vri_drvq_clear(NULL);
	vri__drvq_free(NULL);
	t_eq(vri_drvq_size(NULL), 0);
}

Test(drvq, a_request_that_makes_no_sense_is_refused, .init = init, .fini = fini)
{
	uint8_t elsewhere[8];
	struct iovec ok = { ring.pool, 8 }, empty = { ring.pool, 0 }, out = { elsewhere, 8 },
		     rings = { ring.used, 8 }, edge = { ring.base + ring.bytes - 8, 9 };
	struct iovec many[SIZE + 1];

	for (unsigned i = 0; i <= SIZE; i++)
		many[i] = ok;
	t_errno_eq(vri_drvq_add(q, NULL, 0, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &empty, 1, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &ok, 1, &empty, 1, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &out, 1, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &ok, 1, &out, 1, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &rings, 1, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, &edge, 1, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, many, SIZE + 1, NULL, 0, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, many, SIZE, many, 1, q), -EINVAL);
	t_errno_eq(vri_drvq_add(q, many, ~0u, many, 2, q), -EINVAL);
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	t_eq(vri_drvq_outstanding(q), 0);
	t_ok(vri_drvq_add(q, many, SIZE - 1, &ok, 1, q));
}

static const uint64_t variants[] = {
	0,
	MOCK_INDIRECT_DESC,
	1ull << 35,
	1ull << 34,
	1ull << 34 | MOCK_INDIRECT_DESC,
	1ull << 34 | 1ull << 35,
};

/* A device takes them; a driver of ours does not make them, on any ring, in the ring or in a table.
 * proves: choice/3 */
TestEach(drvq, a_piece_of_no_bytes_is_not_sent, variants, uint64_t, .fini = fini)
{
	struct iovec v[4];

	mock_ring_init(&ring, SIZE);
	q = mock_drvq(&ring, *param);
	for (unsigned n = 1; n <= 4; n++)
		for (unsigned empty = 0; empty < n; empty++)
			for (unsigned n_readable = 0; n_readable <= n; n_readable++) {
				for (unsigned i = 0; i < n; i++)
					v[i] = (struct iovec){ ring.pool + 16 * i,
							       i == empty ? 0 : 8 };
				t_errno_eq(vri_drvq_add(q, v, n_readable, v + n_readable,
							n - n_readable, q),
					   -EINVAL);
			}
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	t_eq(vri_drvq_outstanding(q), 0);
	t_eq(vri_drvq_kick(q), 0);
}

/* proves: choice/4 */
TestEach(drvq, no_request_has_4_gib, variants, uint64_t, .fini = fini)
{
	const uint64_t big = 1ull << 33;
	struct mem_entry e = {
		.iova = 1ull << 40,
		.size = big,
		.access = VRI_ACCESS_READ_WRITE,
		.window_size = big,
	};
	struct iovec v[3];

	mock_ring_init(&ring, SIZE);
	q = mock_drvq(&ring, *param);
	/* Only addresses: nothing here is touched. */
	e.va = mmap(NULL, big, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_true((void *)e.va != MAP_FAILED);
	t_ok(vri__mem_add(ring.mem, &e));
	for (unsigned n_readable = 0; n_readable <= 3; n_readable++) {
		for (unsigned i = 0; i < 3; i++)
			v[i] = (struct iovec){ e.va, 0x55555555u };
		v[1].iov_len++;
		t_errno_eq(vri_drvq_add(q, v, n_readable, v + n_readable, 3 - n_readable, q),
			   -EINVAL);
		v[0].iov_len = 1ull << 32;
		t_errno_eq(vri_drvq_add(q, v, n_readable, v + n_readable, 3 - n_readable, q),
			   -EINVAL);
	}
	t_eq(vri_drvq_free_descriptors(q), SIZE);
	for (unsigned i = 0; i < 3; i++)
		v[i] = (struct iovec){ e.va, 0x55555555u };
	t_ok(vri_drvq_add(q, v, 1, v + 1, 2, q));
	munmap(e.va, big);
}

Test(drvq, memory_that_the_device_may_only_read_is_not_lent_for_writing, .init = init, .fini = fini)
{
	static uint8_t memory[4096];
	struct iovec v = { memory, 64 };
	struct mem_entry e = {
		.iova = 1ull << 32,
		.size = sizeof(memory),
		.va = memory,
		.access = VRI_ACCESS_READ,
		.window_size = sizeof(memory),
	};

	t_ok(vri__mem_add(ring.mem, &e));
	t_ok(vri_drvq_add(q, &v, 1, NULL, 0, q));
	t_errno_eq(vri_drvq_add(q, NULL, 0, &v, 1, q), -EINVAL);
}

Test(drvq, the_used_length_is_optional, .init = init, .fini = fini)
{
	void *token;

	mock_use(&ring, lend(5), 50);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	t_ptr_eq(token, ring.pool + 5);
}

Test(drvq, outputs_are_untouched_on_failure, .init = init, .fini = fini)
{
	void *token = q;
	uint32_t len = 77;

	t_eq(vri_drvq_get_used(q, &token, &len), 0);
	vri__drvq_stop(q);
	t_errno_eq(vri_drvq_get_used(q, &token, &len), -ESHUTDOWN);
	t_eq(vri_drvq_take_back(q, &token), 0);
	t_ptr_eq(token, q);
	t_eq(len, 77);
}

/* ---- the end of a queue ---- */

/* proves: drv:3.3/2 choice/6 */
Test(drvq, buffers_are_taken_back_from_a_dead_queue_only_oldest_first, .init = init, .fini = fini)
{
	void *token;

	lend(1);
	lend(2);
	lend(3);
	t_ok(add(4));
	mock_use(&ring, 2, 0); /* the second one: descriptors 2 and 3 */
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	t_errno_eq(vri_drvq_take_back(q, &token), -EAGAIN);
	vri__drvq_stop(q);
	t_eq(vri_drvq_broken(q), VRI_RULE_NONE);
	t_eq(vri_drvq_take_back(q, &token), 1);
	t_ptr_eq(token, ring.pool + 1);
	t_eq(vri_drvq_take_back(q, &token), 1);
	t_ptr_eq(token, ring.pool + 3);
	t_eq(vri_drvq_outstanding(q), 1);
	t_eq(vri_drvq_take_back(q, &token), 1);
	t_ptr_eq(token, ring.pool + 4);
	t_eq(vri_drvq_take_back(q, &token), 0);
	for (unsigned i = 0; i < SIZE; i++)
		t_eq(ring.outstanding[i], 0);
}

Test(drvq, a_stopped_queue_does_nothing, .init = init, .fini = fini)
{
	struct vri_used used;
	uint64_t next;

	lend(1);
	mock_use(&ring, 0, 0);
	vri__drvq_stop(q);
	t_errno_eq(add(0), -ESHUTDOWN);
	t_errno_eq(vri_drvq_publish(q), -ESHUTDOWN);
	t_errno_eq(vri_drvq_kick(q), -ESHUTDOWN);
	t_errno_eq(vri_drvq_get_used_batch(q, &used, 1), -ESHUTDOWN);
	t_errno_eq(vri_drvq_arm(q), -ESHUTDOWN);
	t_errno_eq(vri_drvq_wait(q, -1), -ESHUTDOWN);
	t_false(vri__drvq_has_used(q));
	t_eq(vri__drvq_check_deadline(q, 5, &next), 0);
	vri_drvq_suppress(q);
	t_eq(mock_avail_flags(&ring), 0);
	t_eq(ring.drv.n_broken, 0);
}

Test(drvq, the_first_rule_stays, .init = init, .fini = fini)
{
	vri__drvq_break(q, VRI_RULE_DEVICE);
	vri__drvq_break(q, VRI_RULE_USED_ID);
	t_eq(vri_drvq_broken(q), VRI_RULE_DEVICE);
	t_eq(ring.drv.n_broken, 1);
	t_eq(le64toh(ring.drv_counters.errors), 0);
	vri__drvq_stop(q);
	t_eq(vri_drvq_broken(q), VRI_RULE_DEVICE);
	t_errno_eq(add(0), -ESHUTDOWN);
}

/* faults: E20 */
Test(drvq, a_child_of_fork_cannot_touch_the_queue, .init = init, .fini = fini)
{
	struct vri_devq *dev = mock_devq(&ring, 0);
	struct vri_chain chain = { 0 };
	void *token;
	int status;
	pid_t child;

	if (!test_wipes_on_fork())
		t_skip("MADV_WIPEONFORK does nothing here");
	lend(1);
	child = fork();
	t_sys(child);
	if (child == 0) {
		t_errno_eq(add(0), -ESHUTDOWN);
		t_errno_eq(vri_drvq_publish(q), -ESHUTDOWN);
		t_errno_eq(vri_drvq_kick(q), -ESHUTDOWN);
		t_errno_eq(vri_drvq_get_used(q, &token, NULL), -ESHUTDOWN);
		t_errno_eq(vri_drvq_arm(q), -ESHUTDOWN);
		t_errno_eq(vri_drvq_wait(q, -1), -ESHUTDOWN);
		t_errno_eq(vri_drvq_take_back(q, &token), -ESHUTDOWN);
		t_errno_eq(vri_drvq_fd(q), -ESHUTDOWN);
		vri_drvq_suppress(q);
		vri_drvq_clear(q);
		vri__drvq_break(q, VRI_RULE_DEVICE);
		vri__drvq_stop(q);
		t_errno_eq(vri_devq_pop(dev, &chain), -ESHUTDOWN);
		t_errno_eq(vri_devq_push(dev, &chain, 0), -ESHUTDOWN);
		t_errno_eq(vri_devq_notify(dev), -ESHUTDOWN);
		t_errno_eq(vri_devq_wait(dev, -1), -ESHUTDOWN);
		t_false(vri__drvq_uses_memory(q, 0, UINT64_MAX));
		vri__drvq_free(q);
		vri__devq_free(dev);
		_exit(0);
	}
	t_sys(waitpid(child, &status, 0));
	t_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* The parent goes on. */
	mock_use(&ring, 0, 7);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	vri__devq_free(dev);
}

/* ---- counters and the inspector's bytes ---- */

Test(drvq, counters_count_what_is_visible_and_what_came_back, .init = init, .fini = fini)
{
	void *token;

	t_ok(add(1));
	t_eq(le64toh(ring.drv_counters.buffers), 0);
	t_ok(add(2));
	t_ok(vri_drvq_publish(q));
	t_eq(le64toh(ring.drv_counters.buffers), 2);
	t_eq(le64toh(ring.drv_counters.bytes_readable), 200);
	mock_use(&ring, 2, 33);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	t_eq(le64toh(ring.drv_counters.bytes_written), 33);
	t_eq(le64toh(ring.drv_counters.position), 1);
}

Test(drvq, outstanding_heads_are_shown_to_the_inspector, .init = init, .fini = fini)
{
	void *token;

	lend(1);
	lend(2);
	t_eq(ring.outstanding[0], 1);
	t_eq(ring.outstanding[1], 0);
	t_eq(ring.outstanding[2], 1);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
	t_eq(ring.outstanding[0], 0);
	t_eq(ring.outstanding[2], 1);
}

Test(drvq, works_without_anybody_who_looks, .fini = fini)
{
	struct queue_setup s;
	void *token;

	mock_ring_init(&ring, SIZE);
	s = mock_drv_setup(&ring, 0);
	s.counters = NULL;
	s.outstanding = NULL;
	t_ok(vri__drvq_new(&s, &q));
	mock_use(&ring, lend(1), 0);
	t_eq(vri_drvq_get_used(q, &token, NULL), 1);
}

Test(drvq, knows_which_memory_is_lent, .init = init, .fini = fini)
{
	struct iovec many[4];
	uint64_t at = mock_iova(&ring, ring.pool);

	t_false(vri__drvq_uses_memory(q, 0, UINT64_MAX));
	t_ok(add(0)); /* 100 bytes at 0, 50 bytes at 128 */
	t_true(vri__drvq_uses_memory(q, at, 1));
	t_true(vri__drvq_uses_memory(q, at + 99, 1));
	t_false(vri__drvq_uses_memory(q, at + 100, 28));
	t_true(vri__drvq_uses_memory(q, at + 100, 29));
	t_true(vri__drvq_uses_memory(q, at + 177, 1000));
	t_false(vri__drvq_uses_memory(q, at + 178, 1000));
	/* In a table, too. */
	vri__drvq_free(q);
	q = mock_drvq(&ring, MOCK_INDIRECT_DESC);
	for (unsigned i = 0; i < 4; i++)
		many[i] = (struct iovec){ ring.pool + 1000 * (i + 1), 10 };
	t_ok(vri_drvq_add(q, many, 4, NULL, 0, q));
	t_eq(vri_drvq_free_descriptors(q), SIZE - 1);
	t_true(vri__drvq_uses_memory(q, at + 4009, 1));
	t_false(vri__drvq_uses_memory(q, at + 4010, 1));
}

/* ---- waiting ---- */

static int use_one(void *data, int timeout_ms)
{
	unsigned *calls = data;

	/* The first call is a wake-up for nothing. */
	if ((*calls)++ > 0)
		mock_use(&ring, 0, 1);
	return 1;
}

static int nothing(void *data, int timeout_ms)
{
	*(int *)data = timeout_ms;
	return 0;
}

static int peer_is_gone(void *data, int timeout_ms)
{
	return -ECONNRESET;
}

static int used_and_gone(void *data, int timeout_ms)
{
	mock_use(&ring, 0, 1);
	return -ECONNRESET;
}

Test(drvq, wait_returns_at_once_when_something_is_there, .init = init, .fini = fini)
{
	lend(1);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_wait(q, -1), 1);
	t_eq(ring.drv.n_wait, 0);
}

Test(drvq, wait_arms_blocks_clears_and_looks_again, .init = init, .fini = fini)
{
	unsigned calls = 0;

	lend(1);
	ring.drv.on_wait = use_one;
	ring.drv.data = &calls;
	vri_drvq_suppress(q);
	t_eq(vri_drvq_wait(q, -1), 1);
	t_eq(calls, 2);
	t_eq(ring.drv.n_clear, 2);
	t_eq(mock_avail_flags(&ring), 1);
}

Test(drvq, wait_says_when_the_time_is_over, .init = init, .fini = fini)
{
	int timeout = -5;

	ring.drv.on_wait = nothing;
	ring.drv.data = &timeout;
	t_eq(vri_drvq_wait(q, 0), 0);
	t_eq(timeout, 0);
	t_eq(vri_drvq_wait(q, 3), 0);
	t_le(timeout, 3);
}

Test(drvq, wait_says_when_the_peer_is_gone, .init = init, .fini = fini)
{
	lend(1);
	ring.drv.on_wait = peer_is_gone;
	t_errno_eq(vri_drvq_wait(q, -1), -ECONNRESET);
	ring.drv.on_wait = used_and_gone;
	t_eq(vri_drvq_wait(q, -1), 1);
}

static void make_with_spin(unsigned spin)
{
	struct queue_setup s;

	mock_ring_init(&ring, SIZE);
	s = mock_drv_setup(&ring, 0);
	s.spin = spin;
	t_ok(vri__drvq_new(&s, &q));
}

Test(drvq, wait_that_never_blocks_keeps_the_time, .fini = fini)
{
	make_with_spin(~0u);
	t_eq(vri_drvq_wait(q, 0), 0);
	t_eq(vri_drvq_wait(q, 5), 0);
	t_eq(ring.drv.n_wait, 0);
	lend(1);
	mock_use(&ring, 0, 0);
	t_eq(vri_drvq_wait(q, -1), 1);
}

Test(drvq, wait_that_never_blocks_learns_that_the_peer_is_gone, .fini = fini)
{
	make_with_spin(~0u);
	ring.drv.on_wait = peer_is_gone;
	t_errno_eq(vri_drvq_wait(q, -1), -ECONNRESET);
}

Test(drvq, wait_works_on_one_cpu, .fini = fini)
{
	cpu_set_t set;
	int timeout = 0;

	t_sys(sched_getaffinity(0, sizeof(set), &set));
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&set) > 1; cpu++)
		CPU_CLR(cpu, &set);
	t_sys(sched_setaffinity(0, sizeof(set), &set));
	make_with_spin(0);
	ring.drv.on_wait = nothing;
	ring.drv.data = &timeout;
	t_eq(vri_drvq_wait(q, 1), 0);
}

/* ---- rules in words ---- */

Test(drvq, every_rule_has_a_name_and_a_text)
{
	for (int rule = VRI_RULE_NONE; rule < VRI_RULE_COUNT; rule++) {
		t_gt(vri_rule_name((enum vri_rule)rule)[0], 0);
		t_gt(vri_rule_text((enum vri_rule)rule)[0], 0);
		for (int other = 0; other < rule; other++)
			if (strcmp(vri_rule_name((enum vri_rule)rule),
				   vri_rule_name((enum vri_rule)other)) == 0)
				t_fail("%d and %d", rule, other);
	}
	t_not_null(vri_rule_name(VRI_RULE_COUNT));
	t_not_null(vri_rule_text((enum vri_rule) - 1));
}
