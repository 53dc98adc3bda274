/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Control queues: commands and answers of every length, in both framings; drivers that do it wrong. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/control.h>

#include "control_dev.h"
#include "harness.h"
#include "test.h"

#define PATIENCE_MS 30000

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_control_drv *ctl;
	enum vri_control_framing framing;
};

static void rig_begin(struct rig *rig, unsigned queue, const struct vri_control_drv_opts *given)
{
	struct vri_control_drv_opts opts = { .size = sizeof(opts) };
	struct vri_features wanted;

	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "control", "");
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
	vri_features_default(&wanted);
	vri_features_set(&wanted, VRI_F_IN_ORDER);
	t_ok(vri_driver_start(rig->drv, &wanted, NULL));
	if (given)
		opts = *given;
	rig->framing = queue == CONTROL_PLAIN ? VRI_CONTROL_PLAIN : VRI_CONTROL_RECORD;
	opts.framing = rig->framing;
	t_ok(vri_control_drv_open(rig->drv, queue, &opts, &rig->ctl));
}

static void rig_end(struct rig *rig)
{
	size_t size = vri_pool_size(vri_driver_pool(rig->drv));

	t_ok(vri_driver_reset(rig->drv));
	vri_control_drv_close(rig->ctl);
	t_eq(vri_pool_free_size(vri_driver_pool(rig->drv)), size);
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

static int call(struct rig *rig, uint8_t command_class, uint8_t command, const void *payload,
		size_t len, struct vri_control_result *ret)
{
	struct vri_control_request request = {
		.command_class = command_class,
		.command = command,
		.payload = payload,
		.payload_len = (uint32_t)len,
	};

	return vri_control_call(rig->ctl, &request, ret, PATIENCE_MS);
}

/* How many commands were carried out, this one included. */
static uint32_t count(struct rig *rig)
{
	struct vri_control_result result;
	uint32_t n;

	t_ok(call(rig, NUMBER_CLASS, NUMBER_COUNT, NULL, 0, &result));
	t_eq(result.reply_len, sizeof(n));
	memcpy(&n, result.reply, sizeof(n));
	return le32toh(n);
}

struct framing_case {
	unsigned queue;
};

static const struct framing_case framings[] = { { CONTROL_RECORDS }, { CONTROL_PLAIN } };

/* ---- commands ---- */

TestEach(control, a_command_is_answered, framings, struct framing_case)
{
	struct vri_control_result result;
	struct rig rig;

	rig_begin(&rig, param->queue, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		t_ok(call(&rig, TEXT_CLASS, TEXT_REVERSE, "abcde", 1 + i % 5, &result));
		t_eq(result.ack, VRI_CONTROL_OK);
		t_eq(result.reply_len, 1 + i % 5);
		t_mem_eq(result.reply, &"edcba"[4 - i % 5], 1 + i % 5);
	}
	t_eq(vri_control_in_flight(rig.ctl), 0);
	t_eq(count(&rig), 1001);
	rig_end(&rig);
}

TestEach(control, what_the_device_does_not_know_is_refused_and_harms_nothing, framings,
	 struct framing_case)
{
	int want = param->queue == CONTROL_PLAIN ? -EREMOTEIO : -EOPNOTSUPP;
	struct vri_control_result result;
	struct rig rig;

	rig_begin(&rig, param->queue, NULL);
	t_errno_eq(call(&rig, 200, 0, "x", 1, &result), want);
	t_eq(result.reply_len, 0);
	t_errno_eq(call(&rig, TEXT_CLASS, 99, NULL, 0, &result), want);
	t_eq(result.ack, param->queue == CONTROL_PLAIN ? VRI_CONTROL_FAILED : VRI_CONTROL_UNKNOWN);
	t_eq(count(&rig), 1);
	rig_end(&rig);
}

TestEach(control, what_the_device_refuses_has_its_reason, framings, struct framing_case)
{
	struct vri_control_result result;
	struct rig rig;

	rig_begin(&rig, param->queue, NULL);
	t_errno_eq(call(&rig, NUMBER_CLASS, NUMBER_REFUSE, NULL, 0, &result), -EREMOTEIO);
	t_eq(result.ack, NUMBER_REFUSED);
	t_errno_eq(call(&rig, NUMBER_CLASS, NUMBER_FAIL, NULL, 0, &result), -EREMOTEIO);
	t_eq(result.ack, VRI_CONTROL_FAILED);
	rig_end(&rig);
}

TestEach(control, a_longer_payload_is_read_as_far_as_it_is_known, framings, struct framing_case)
{
	struct vri_control_result result;
	uint8_t bytes[200];
	struct rig rig;

	rig_begin(&rig, param->queue, NULL);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	t_ok(call(&rig, TEXT_CLASS, TEXT_REVERSE, bytes, sizeof(bytes), &result));
	t_eq(result.reply_len, TEXT_MAX);
	for (unsigned i = 0; i < TEXT_MAX; i++)
		t_eq(((const uint8_t *)result.reply)[i], TEXT_MAX - 1 - i);
	rig_end(&rig);
}

TestEach(control, a_shorter_payload_is_refused_or_has_zeroes_behind_it, framings,
	 struct framing_case)
{
	int want = param->queue == CONTROL_PLAIN ? -EREMOTEIO : -EBADMSG;
	static const uint8_t ones[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct vri_control_result result;
	struct rig rig;

	rig_begin(&rig, param->queue, NULL);
	t_errno_eq(call(&rig, TEXT_CLASS, TEXT_REVERSE, NULL, 0, &result), want);
	t_errno_eq(call(&rig, TEXT_CLASS, TEXT_ZEROES, ones, 1, &result), want);
	t_eq(count(&rig), 1);
	/* The longest first: what it left behind is not what the others get. */
	for (unsigned len = 8; len >= 2; len--) {
		uint8_t padded[8] = { 0 };

		memcpy(padded, ones, len);
		t_ok(call(&rig, TEXT_CLASS, TEXT_ZEROES, ones, len, &result));
		t_eq(result.reply_len, 8);
		t_mem_eq(result.reply, padded, 8);
	}
	rig_end(&rig);
}

TestEach(control, a_reply_is_cut_to_the_room_there_is, framings, struct framing_case)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .reply_max = 10 };
	struct vri_control_result result;
	uint32_t wish = htole32(1000);
	struct rig rig;

	rig_begin(&rig, param->queue, &opts);
	t_ok(call(&rig, NUMBER_CLASS, NUMBER_MANY, &wish, sizeof(wish), &result));
	t_eq(result.reply_len, 10);
	t_eq(result.full_len, param->queue == CONTROL_PLAIN ? 0 : 1000);
	t_mem_eq(result.reply, "\0\1\2\3\4\5\6\7\10\11", 10);
	/* A handler that says more than it may. */
	wish = htole32(UINT32_MAX);
	t_ok(call(&rig, NUMBER_CLASS, NUMBER_MANY, &wish, sizeof(wish), &result));
	t_eq(result.full_len, param->queue == CONTROL_PLAIN ? 0 : NUMBER_MANY_MAX);
	rig_end(&rig);
}

Test(control, a_payload_beyond_the_limit_of_the_driver_is_not_sent)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .payload_max = 10 };
	uint8_t bytes[11] = { 0 };
	struct rig rig;

	rig_begin(&rig, CONTROL_RECORDS, &opts);
	t_errno_eq(call(&rig, TEXT_CLASS, TEXT_REVERSE, bytes, 11, NULL), -EMSGSIZE);
	t_ok(call(&rig, TEXT_CLASS, TEXT_REVERSE, bytes, 10, NULL));
	rig_end(&rig);
}

/* ---- without waiting ---- */

struct tally {
	unsigned n, canceled, wrong;
	uint32_t next; /* the number that the next answer has */
};

static void on_done(const struct vri_control_result *result, void *data)
{
	struct tally *t = data;
	uint32_t n = 0;

	t->n++;
	if (result->error == -ECANCELED) {
		t->canceled++;
		return;
	}
	if (result->reply_len == sizeof(n))
		memcpy(&n, result->reply, sizeof(n));
	t->wrong += result->error != 0 || le32toh(n) != ++t->next;
}

static int send_count(struct rig *rig, struct tally *t)
{
	static const struct vri_control_request request = { .command_class = NUMBER_CLASS,
							    .command = NUMBER_COUNT };

	return vri_control_send(rig->ctl, &request, on_done, t);
}

static void await(struct rig *rig, const struct tally *t, unsigned n)
{
	while (t->n < n) {
		t_ok(vri_link_wait(rig->link, PATIENCE_MS));
		t_ok(vri_control_dispatch(rig->ctl));
	}
}

TestEach(control, many_commands_are_out_at_once_up_to_the_limit, framings, struct framing_case)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .in_flight_max = 7 };
	struct tally t = { 0 };
	struct rig rig;

	rig_begin(&rig, param->queue, &opts);
	for (unsigned round = 1; round <= 50; round++) {
		for (unsigned i = 0; i < 7; i++)
			t_ok(send_count(&rig, &t));
		t_errno_eq(send_count(&rig, &t), -EBUSY);
		t_eq(vri_control_in_flight(rig.ctl), 7);
		await(&rig, &t, 7 * round);
		t_eq(vri_control_in_flight(rig.ctl), 0);
	}
	t_eq(t.wrong, 0);
	rig_end(&rig);
}

Test(control, a_call_waits_for_a_place_behind_the_others)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .in_flight_max = 3 };
	struct vri_control_result result;
	struct tally t = { 0 };
	struct rig rig;

	rig_begin(&rig, CONTROL_RECORDS, &opts);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 3; i++)
			t_ok(send_count(&rig, &t));
		t_ok(call(&rig, TEXT_CLASS, TEXT_REVERSE, "ab", 2, &result));
		t_mem_eq(result.reply, "ba", 2);
		await(&rig, &t, 3 * (round + 1));
		t.next++; /* the call's */
	}
	t_eq(t.wrong, 0);
	rig_end(&rig);
}

static void send_again(const struct vri_control_result *result, void *data)
{
	struct {
		struct rig *rig;
		struct tally t;
	} *chain = data;

	on_done(result, &chain->t);
	if (chain->t.n < 20 && result->error == 0) {
		static const struct vri_control_request request = { .command_class = NUMBER_CLASS,
								    .command = NUMBER_COUNT };

		t_ok(vri_control_send(chain->rig->ctl, &request, send_again, chain));
	}
}

Test(control, an_answer_may_send_the_next_command)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .in_flight_max = 1 };
	static const struct vri_control_request request = { .command_class = NUMBER_CLASS,
							    .command = NUMBER_COUNT };
	struct rig rig;
	struct {
		struct rig *rig;
		struct tally t;
	} chain = { .rig = &rig };

	rig_begin(&rig, CONTROL_RECORDS, &opts);
	t_ok(vri_control_send(rig.ctl, &request, send_again, &chain));
	await(&rig, &chain.t, 20);
	t_eq(chain.t.wrong, 0);
	t_eq(vri_control_in_flight(rig.ctl), 0);
	rig_end(&rig);
}

/* ---- a device that does not answer ---- */

Test(control, a_call_that_takes_too_long_gives_up)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .in_flight_max = 2 };
	const struct vri_control_request request = { .command_class = 1 };
	struct rig rig;

	rig_begin(&rig, CONTROL_DEAF, &opts);
	/* The third finds both places taken. */
	for (unsigned i = 0; i < 3; i++)
		t_errno_eq(vri_control_call(rig.ctl, &request, NULL, 20), -ETIMEDOUT);
	t_errno_eq(vri_control_call(rig.ctl, &request, NULL, 0), -ETIMEDOUT);
	t_eq(vri_control_in_flight(rig.ctl), 2);
	t_eq(vri_control_dispatch(rig.ctl), 0);
	rig_end(&rig);
}

Test(control, what_is_out_at_the_end_is_canceled_once)
{
	struct tally t = { 0 };
	struct rig rig;

	rig_begin(&rig, CONTROL_DEAF, NULL);
	t_ok(send_count(&rig, &t));
	t_ok(send_count(&rig, &t));
	rig_end(&rig);
	t_eq(t.n, 2);
	t_eq(t.canceled, 2);
}

/* The buffers stay with the device then. */
Test(control, closing_before_a_reset_leaves_buffers_alone)
{
	struct tally t = { 0 };
	struct vri_pool *pool;
	struct rig rig;

	rig_begin(&rig, CONTROL_DEAF, NULL);
	pool = vri_driver_pool(rig.drv);
	t_ok(send_count(&rig, &t));
	vri_control_drv_close(rig.ctl);
	t_eq(t.canceled, 1);
	t_lt(vri_pool_free_size(pool), vri_pool_size(pool));
	vri_link_close(rig.link);
	harness_end(&rig.h);
}

/* ---- drivers that do it wrong: by hand, on a queue that has no helper ---- */

struct by_hand {
	struct rig rig;
	uint8_t *bytes, *answer;
};

#define ROOM 512u

static void by_hand_begin(struct by_hand *b)
{
	/* The helper has another queue: this one is free. */
	rig_begin(&b->rig, CONTROL_RECORDS, NULL);
	b->bytes = vri_pool_alloc(vri_driver_pool(b->rig.drv), ROOM);
	b->answer = vri_pool_alloc(vri_driver_pool(b->rig.drv), ROOM);
	t_not_null(b->bytes);
	t_not_null(b->answer);
	memset(b->bytes, 0, ROOM);
	memset(b->answer, 0xee, ROOM);
}

static void by_hand_end(struct by_hand *b)
{
	vri_pool_free(vri_driver_pool(b->rig.drv), b->bytes);
	vri_pool_free(vri_driver_pool(b->rig.drv), b->answer);
	rig_end(&b->rig);
}

static uint32_t exchange(struct by_hand *b, const struct iovec *out, unsigned n_out,
			 const struct iovec *in, unsigned n_in)
{
	struct vri_drvq *q = vri_driver_drvq(b->rig.drv, CONTROL_RECORDS);
	uint32_t len;
	void *token;

	t_ok(vri_drvq_add(q, out, n_out, in, n_in, b));
	t_ok(vri_drvq_kick(q));
	t_eq(vri_drvq_wait(q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(q, &token, &len), 1);
	return len;
}

struct shape {
	size_t out; /* bytes of the record that are there, its header included */
	uint32_t length; /* what the header says */
	size_t in; /* room */
	uint32_t used;
	int ack; /* -1: none */
	bool done;
};

static const struct shape shapes[] = {
	{ 12, 4, 100, 12, VRI_CONTROL_OK, true },
	{ 12, 4, 12, 12, VRI_CONTROL_OK, true },
	{ 12, 4, 11, 11, VRI_CONTROL_OK, true },
	{ 12, 4, 8, 8, VRI_CONTROL_OK, true },
	/* no room for an acknowledgement */
	{ 12, 4, 7, 0, -1, false },
	{ 12, 4, 1, 0, -1, false },
	{ 12, 4, 0, 0, -1, false },
	/* bytes behind the payload */
	{ 300, 4, 100, 12, VRI_CONTROL_OK, true },
	{ 300, 292, 100, 72, VRI_CONTROL_OK, true },
	/* no header, a part of it, a payload that is not there */
	{ 0, 0, 100, 8, VRI_CONTROL_SHORT, false },
	{ 1, 0, 100, 8, VRI_CONTROL_SHORT, false },
	{ 7, 0, 100, 8, VRI_CONTROL_SHORT, false },
	{ 8, 0, 100, 8, VRI_CONTROL_SHORT, false },
	{ 12, 5, 100, 8, VRI_CONTROL_SHORT, false },
	{ 12, UINT32_MAX, 100, 8, VRI_CONTROL_SHORT, false },
	{ 12, UINT32_MAX - 7, 100, 8, VRI_CONTROL_SHORT, false },
};

TestEach(control, a_record_of_any_length_is_answered, shapes, struct shape)
{
	struct vri_control_header header = { .command_class = TEXT_CLASS,
					     .command = TEXT_REVERSE,
					     .length = htole32(param->length) };
	struct iovec out, in;
	struct by_hand b;

	by_hand_begin(&b);
	memcpy(b.bytes, &header, sizeof(header));
	memcpy(b.bytes + sizeof(header), "abcd", 4);
	out = (struct iovec){ b.bytes, param->out };
	in = (struct iovec){ b.answer, param->in };
	t_eq(exchange(&b, &out, param->out > 0, &in, param->in > 0), param->used);
	if (param->ack >= 0)
		t_eq(b.answer[0], param->ack);
	if (param->ack == VRI_CONTROL_OK && param->used >= 12 && param->length == 4)
		t_mem_eq(b.answer + 8, "dcba", 4);
	t_eq(b.answer[param->used], 0xee);
	t_eq(count(&b.rig), 1u + param->done);
	by_hand_end(&b);
}

/* virtio 1.4, 2.7.4.1: whatever the pieces are. */
Test(control, a_record_may_be_in_any_pieces)
{
	struct vri_control_header header = { .command_class = TEXT_CLASS,
					     .command = TEXT_REVERSE,
					     .length = htole32(10) };
	struct iovec out[18], in[18];
	struct by_hand b;

	by_hand_begin(&b);
	memcpy(b.bytes, &header, sizeof(header));
	memcpy(b.bytes + sizeof(header), "0123456789", 10);
	for (unsigned i = 0; i < 18; i++) {
		out[i] = (struct iovec){ b.bytes + i, 1 };
		in[i] = (struct iovec){ b.answer + i, 1 };
	}
	t_eq(exchange(&b, out, 18, in, 18), 18);
	t_eq(b.answer[0], VRI_CONTROL_OK);
	t_mem_eq(b.answer + 8, "9876543210", 10);
	by_hand_end(&b);
}

/* A driver that floods the queue: all is answered, in turns. */
Test(control, a_queue_full_of_commands_is_answered)
{
	struct vri_control_header header = { .command_class = 99 };
	struct iovec out, in;
	struct vri_drvq *q;
	struct by_hand b;
	unsigned n = 0;
	uint32_t len;
	void *token;
	int r;

	by_hand_begin(&b);
	q = vri_driver_drvq(b.rig.drv, CONTROL_RECORDS);
	memcpy(b.bytes, &header, sizeof(header));
	out = (struct iovec){ b.bytes, sizeof(header) };
	in = (struct iovec){ b.answer, 8 };
	while ((r = vri_drvq_add(q, &out, 1, &in, 1, &b)) == 0)
		n++;
	t_errno_eq(r, -ENOSPC);
	t_ok(vri_drvq_kick(q));
	for (unsigned i = 0; i < n; i++) {
		t_eq(vri_drvq_wait(q, PATIENCE_MS), 1);
		t_eq(vri_drvq_get_used(q, &token, &len), 1);
		t_eq(len, 8);
	}
	t_eq(b.answer[0], VRI_CONTROL_UNKNOWN);
	by_hand_end(&b);
}
