/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The echo device and its driver: messages, the mask command, messages and commands of odd shapes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/devices/echo.h>

#include "harness.h"
#include "test.h"

#define PATIENCE_MS 30000

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_echo *echo;
};

static void rig_begin(struct rig *rig, const char *options)
{
	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "echo", options);
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
}

static void rig_open(struct rig *rig, const struct vri_echo_opts *opts)
{
	t_ok(vri_echo_open(rig->drv, opts, &rig->echo));
}

static void rig_end(struct rig *rig)
{
	vri_echo_close(rig->echo);
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

/* One buffer there and back. Returns: the used length. */
static uint32_t exchange(struct rig *rig, unsigned queue, const struct iovec *readable,
			 unsigned n_r, const struct iovec *writable, unsigned n_w)
{
	struct vri_drvq *q = vri_driver_drvq(rig->drv, queue);
	uint32_t len;
	void *token;

	t_not_null(q);
	t_ok(vri_drvq_add(q, readable, n_r, writable, n_w, rig));
	t_ok(vri_drvq_kick(q));
	t_eq(vri_drvq_wait(q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(q, &token, &len), 1);
	t_ptr_eq(token, rig);
	return len;
}

static void *alloc(struct rig *rig, size_t size)
{
	void *p = vri_pool_alloc(vri_driver_pool(rig->drv), size);

	t_not_null(p);
	return p;
}

/* ---- the link ---- */

/* Or else the other rows of the list of suites would say nothing. */
Test(echo, the_link_has_the_ring_and_the_features_that_the_suite_is_for)
{
	const char *set = getenv("VRI_TEST_FEATURES");
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	t_eq(vri_driver_has_feature(rig.drv, VRI_F_RING_PACKED), harness_ring() == VRI_RING_PACKED);
	t_eq(vri_driver_has_feature(rig.drv, VRI_F_INDIRECT_DESC),
	     set == NULL || strcmp(set, "indirect") == 0);
	t_eq(vri_driver_has_feature(rig.drv, VRI_F_EVENT_IDX),
	     set == NULL || strcmp(set, "event-idx") == 0);
	t_eq(vri_driver_has_feature(rig.drv, VRI_F_IN_ORDER),
	     set == NULL || strcmp(set, "in-order") == 0);
	rig_end(&rig);
}

/* Any size, on a packed ring. */
Test(echo, a_packed_queue_may_have_any_size)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .queue_size = 37 };
	struct rig rig;

	memset(&rig, 0, sizeof(rig));
	harness_begin(&rig.h, harness_transport());
	harness_serve(&rig.h, "echo", "");
	if (harness_ring() != VRI_RING_PACKED) {
		harness_end(&rig.h);
		t_skip("for packed rings");
	}
	rig.link = harness_link(&rig.h, &opts);
	rig.drv = vri_link_driver(rig.link);
	rig_open(&rig, NULL);
	t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 0)), 37);
	for (unsigned i = 0; i < 200; i++) {
		char reply[32] = "";

		t_eq(vri_echo_call(rig.echo, "hello", 6, reply, PATIENCE_MS), 6);
		t_streq(reply, "hello");
	}
	rig_end(&rig);
}

/* One queue alone, to any size that its ring may have, with requests in between: whatever the earlier
 * life left in ring and event areas is gone.
 * proves: dev:2.6r/2 dev:2.6r/3 drv:2.6r/2 */
Test(echo, a_queue_is_reset_and_set_up_at_other_sizes)
{
	static const unsigned split_sizes[] = { 16, 256, 2, 64 };
	static const unsigned packed_sizes[] = { 13, 256, 2, 37 };
	const unsigned *sizes = harness_ring() == VRI_RING_PACKED ? packed_sizes : split_sizes;
	struct iovec out, in;
	struct rig rig;

	rig_begin(&rig, "");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	out = (struct iovec){ alloc(&rig, 64), 64 };
	in = (struct iovec){ alloc(&rig, 64), 64 };
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < 3 + sizes[i]; n++) {
			memset(out.iov_base, (int)(i + n), 64);
			t_eq(exchange(&rig, 0, &out, 1, &in, 1), 64);
			t_mem_eq(in.iov_base, out.iov_base, 64);
		}
		t_ok(vri_driver_reset_queue(rig.drv, 0));
		t_ok(vri_driver_set_queue(rig.drv, 0, sizes[i]));
		t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 0)), sizes[i]);
	}
	t_eq(exchange(&rig, 0, &out, 1, &in, 1), 64);
	vri_link_close(rig.link);
	harness_end(&rig.h);
}

/* ---- the driver object ---- */

Test(echo, message_comes_back)
{
	char reply[32] = "";
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	t_eq(vri_echo_call(rig.echo, "hello", 6, reply, PATIENCE_MS), 6);
	t_streq(reply, "hello");
	rig_end(&rig);
}

Test(echo, config_is_what_the_device_was_told)
{
	struct rig rig;

	rig_begin(&rig, "queues=3 max=100");
	rig_open(&rig, NULL);
	t_eq(vri_echo_max_message(rig.echo), 100);
	t_eq(vri_echo_n_queues(rig.echo), 3);
	t_true(vri_echo_has_control(rig.echo));
	t_eq(vri_driver_n_queues(rig.drv), 4);
	rig_end(&rig);
}

Test(echo, call_that_is_too_long_is_refused)
{
	struct vri_echo_opts opts = { .size = sizeof(opts), .message_size = 200 };
	uint8_t bytes[300] = { 0 };
	struct rig rig;

	rig_begin(&rig, "max=100");
	rig_open(&rig, &opts);
	t_eq(vri_echo_call(rig.echo, bytes, 100, bytes, PATIENCE_MS), 100);
	t_errno_eq(vri_echo_call(rig.echo, bytes, 101, bytes, PATIENCE_MS), -EMSGSIZE);
	t_errno_eq(vri_echo_call(rig.echo, bytes, 300, bytes, PATIENCE_MS), -EMSGSIZE);
	t_errno_eq(vri_echo_call(rig.echo, bytes, 0, bytes, PATIENCE_MS), -EINVAL);
	rig_end(&rig);
}

Test(echo, ten_thousand_calls_in_a_row)
{
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t reply = ~i;

		t_eq(vri_echo_call(rig.echo, &i, sizeof(i), &reply, PATIENCE_MS), sizeof(i));
		t_eq(reply, i);
	}
	rig_end(&rig);
}

Test(echo, mask_changes_what_comes_back)
{
	uint8_t in[4], out[4] = { 0, 1, 2, 0xff }, want[4] = { 0x55, 0x54, 0x57, 0xaa }, old = 9;
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	t_ok(vri_echo_set_mask(rig.echo, 0x55, PATIENCE_MS, &old));
	t_eq(old, 0);
	t_eq(vri_echo_call(rig.echo, out, 4, in, PATIENCE_MS), 4);
	t_mem_eq(in, want, 4);
	t_ok(vri_echo_set_mask(rig.echo, 0, PATIENCE_MS, &old));
	t_eq(old, 0x55);
	t_eq(vri_echo_call(rig.echo, out, 4, in, PATIENCE_MS), 4);
	t_mem_eq(in, out, 4);
	rig_end(&rig);
}

Test(echo, mask_is_a_links_own_and_ends_with_a_reset)
{
	struct vri_link *link;
	struct vri_echo *echo;
	uint8_t old = 9;
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	t_ok(vri_echo_set_mask(rig.echo, 1, PATIENCE_MS, NULL));
	link = harness_link(&rig.h, NULL);
	t_ok(vri_echo_open(vri_link_driver(link), NULL, &echo));
	t_ok(vri_echo_set_mask(echo, 2, PATIENCE_MS, &old));
	t_eq(old, 0);
	vri_echo_close(echo);
	vri_link_close(link);
	t_ok(vri_echo_set_mask(rig.echo, 3, PATIENCE_MS, &old));
	t_eq(old, 1);
	vri_echo_close(rig.echo);
	rig_open(&rig, NULL);
	t_ok(vri_echo_set_mask(rig.echo, 0, PATIENCE_MS, &old));
	t_eq(old, 0);
	rig_end(&rig);
}

Test(echo, without_a_control_queue_there_is_no_mask)
{
	char reply[4];
	struct rig rig;

	rig_begin(&rig, "nocontrol=1");
	rig_open(&rig, NULL);
	t_false(vri_echo_has_control(rig.echo));
	t_errno_eq(vri_echo_set_mask(rig.echo, 1, PATIENCE_MS, NULL), -EOPNOTSUPP);
	t_eq(vri_echo_call(rig.echo, "abc", 4, reply, PATIENCE_MS), 4);
	rig_end(&rig);
}

Test(echo, one_queue_is_enough)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .n_queues = 1 };
	char reply[4];
	struct rig rig;

	rig_begin(&rig, "queues=2");
	vri_link_close(rig.link);
	rig.link = harness_link(&rig.h, &opts);
	rig.drv = vri_link_driver(rig.link);
	rig_open(&rig, NULL);
	t_eq(vri_echo_n_queues(rig.echo), 1);
	t_false(vri_echo_has_control(rig.echo));
	t_eq(vri_echo_call(rig.echo, "abc", 4, reply, PATIENCE_MS), 4);
	rig_end(&rig);
}

/* ---- messages of odd shapes ---- */

/* proves: dev:2.7f/1 */
Test(echo, message_may_be_in_any_pieces)
{
	struct iovec out[7], in[5];
	uint8_t *bytes, *back;
	size_t at = 0;
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	bytes = alloc(&rig, 3000);
	back = alloc(&rig, 3000);
	for (size_t i = 0; i < 3000; i++)
		bytes[i] = (uint8_t)(i * 13);
	memset(back, 0, 3000);
	for (unsigned i = 0; i < 7; i++) {
		size_t len = i < 6 ? 1u << (i * 2) : 3000 - at;

		if (at + len > 3000)
			len = 1;
		out[i] = (struct iovec){ bytes + at, len };
		at += len;
	}
	for (unsigned i = 0; i < 5; i++)
		in[i] = (struct iovec){ back + i * 600, 600 };
	t_eq(exchange(&rig, 0, out, 7, in, 5), at);
	t_mem_eq(back, bytes, at);
	rig_end(&rig);
}

Test(echo, reply_is_as_long_as_message_room_and_limit_allow)
{
	struct iovec out, in;
	struct rig rig;

	rig_begin(&rig, "max=64");
	rig_open(&rig, NULL);
	out = (struct iovec){ alloc(&rig, 100), 10 };
	in = (struct iovec){ alloc(&rig, 100), 100 };
	memset(in.iov_base, 0xee, 100);
	t_eq(exchange(&rig, 0, &out, 1, &in, 1), 10);
	t_eq(((uint8_t *)in.iov_base)[10], 0xee);
	in.iov_len = 4;
	t_eq(exchange(&rig, 0, &out, 1, &in, 1), 4);
	out.iov_len = in.iov_len = 100;
	t_eq(exchange(&rig, 0, &out, 1, &in, 1), 64);
	t_eq(exchange(&rig, 0, &out, 1, NULL, 0), 0);
	t_eq(exchange(&rig, 0, NULL, 0, &in, 1), 0);
	rig_end(&rig);
}

Test(echo, queues_do_not_mix)
{
	struct iovec out, in;
	struct rig rig;

	rig_begin(&rig, "queues=8");
	rig_open(&rig, NULL);
	out = (struct iovec){ alloc(&rig, 8), 8 };
	in = (struct iovec){ alloc(&rig, 8), 8 };
	for (unsigned q = 0; q < 8; q++) {
		memset(out.iov_base, (int)q, 8);
		t_eq(exchange(&rig, q, &out, 1, &in, 1), 8);
		t_mem_eq(in.iov_base, out.iov_base, 8);
	}
	rig_end(&rig);
}

Test(echo, many_messages_at_once_come_back_whole)
{
	enum { N = 64, ROUNDS = 50 };
	struct vri_drvq *q;
	uint8_t *out[N], *in[N];
	struct dice dice;
	struct rig rig;

	rig_begin(&rig, "");
	rig_open(&rig, NULL);
	q = vri_driver_drvq(rig.drv, 0);
	dice_seed(&dice);
	for (unsigned i = 0; i < N; i++) {
		out[i] = alloc(&rig, 256);
		in[i] = alloc(&rig, 256);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t lens[N];
		unsigned n = 0;

		for (unsigned i = 0; i < N; i++) {
			struct iovec readable = { out[i], 0 }, writable = { in[i], 256 };

			lens[i] = readable.iov_len = 1 + dice_below(&dice, 256);
			dice_fill(&dice, out[i], lens[i]);
			t_ok(vri_drvq_add(q, &readable, 1, &writable, 1, &lens[i]));
		}
		t_ok(vri_drvq_kick(q));
		while (n < N) {
			struct vri_used used[N];
			int r = vri_drvq_wait(q, PATIENCE_MS);

			t_eq(r, 1);
			r = vri_drvq_get_used_batch(q, used, N);
			t_gt(r, 0);
			for (int u = 0; u < r; u++) {
				size_t i = (size_t)((size_t *)used[u].token - lens);

				t_eq(used[u].len, lens[i]);
				t_mem_eq(in[i], out[i], lens[i]);
			}
			n += (unsigned)r;
		}
	}
	rig_end(&rig);
}

/* What a later driver may send and this device not know; the shapes of commands are the control suite's. */
Test(echo, command_that_it_does_not_know_is_refused)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts) };
	const struct vri_control_request unknown = { .command_class = VRI_ECHO_CLASS_MASK,
						     .command = 0x7f };
	const struct vri_control_request longer = { .command_class = VRI_ECHO_CLASS_MASK,
						    .command = VRI_ECHO_MASK_SET,
						    .payload = "\x21 and more",
						    .payload_len = 10 };
	struct vri_control_result result;
	struct vri_control_drv *control;
	struct rig rig;

	rig_begin(&rig, "");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_ok(vri_control_drv_open(rig.drv, 1, &opts, &control));
	t_errno_eq(vri_control_call(control, &unknown, &result, PATIENCE_MS), -EOPNOTSUPP);
	t_ok(vri_control_call(control, &longer, &result, PATIENCE_MS));
	t_eq(result.reply_len, sizeof(struct vri_echo_mask));
	t_ok(vri_control_call(control, &longer, &result, PATIENCE_MS));
	t_eq(*(const uint8_t *)result.reply, 0x21);
	t_ok(vri_driver_reset(rig.drv));
	vri_control_drv_close(control);
	rig_end(&rig);
}

Test(echo, driver_of_another_type_is_turned_away)
{
	struct vri_link *link;
	struct vri_echo *echo;
	struct harness h;

	harness_begin(&h, harness_transport());
	harness_serve(&h, "rng", "");
	link = harness_link(&h, NULL);
	t_errno_eq(vri_echo_open(vri_link_driver(link), NULL, &echo), -EOPNOTSUPP);
	vri_link_close(link);
	harness_end(&h);
}

/* Keeps a ring full of the longest chains of the shortest pieces. */
static void be_greedy(struct vri_link *link, struct vri_drvq *q, const struct iovec *bytes,
		      unsigned n)
{
	uint32_t len;
	void *token;
	int r;

	while ((r = vri_drvq_get_used(q, &token, &len)) == 1)
		;
	t_ok(r);
	while ((r = vri_drvq_add(q, bytes, n, bytes + n, n, link)) == 0)
		;
	t_errno_eq(r, -ENOSPC);
	t_ok(vri_drvq_kick(q));
	t_ok(vri_link_dispatch(link));
}

/* faults: A34 */
Test(echo, greedy_driver_leaves_others_their_turn)
{
	enum { PIECES = 64 };
	struct vri_link_opts opts = { .size = sizeof(opts), .indirect_max = ~0u };
	struct iovec bytes[2 * PIECES];
	struct vri_link *greedy;
	struct vri_drvq *q;
	char reply[8] = "";
	struct rig rig;
	uint8_t *base;

	rig_begin(&rig, "qsize=256");
	rig_open(&rig, NULL);
	greedy = harness_link(&rig.h, &opts);
	t_ok(vri_driver_start(vri_link_driver(greedy), NULL, NULL));
	q = vri_driver_drvq(vri_link_driver(greedy), 0);
	base = vri_pool_alloc(vri_driver_pool(vri_link_driver(greedy)), sizeof(bytes));
	t_not_null(base);
	for (unsigned i = 0; i < 2 * PIECES; i++)
		bytes[i] = (struct iovec){ base + i, 1 };

	for (int i = 0; i < 200; i++) {
		be_greedy(greedy, q, bytes, PIECES);
		t_eq(vri_echo_call(rig.echo, "mine", 5, reply, PATIENCE_MS), 5);
		t_streq(reply, "mine");
	}
	vri_link_close(greedy);
	rig_end(&rig);
}
