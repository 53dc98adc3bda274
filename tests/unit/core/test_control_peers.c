/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Control queues against peers that do wrong: a driver that rewrites what it sent, a device whose
 * answers are none. The rest of it is the conformance suite's. */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/vring-ipc.h>

#include "test.h"

#define PATIENCE_MS 30000
#define PAYLOAD 64u

/* ---- a link within this process ---- */

struct rig {
	struct vri_device *dev;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_drvq *q;
	struct vri_control_dev *ctl;
	uint8_t *bytes, *answer; /* of the pool */
	unsigned handled;
	uint32_t answer_len; /* of the bad device */
	uint8_t answer_bytes[32];
};

static int process(struct vri_instance *inst, unsigned queue)
{
	struct rig *rig = vri_device_data(vri_instance_device(inst));

	return vri_control_dev_serve(rig->ctl, inst, queue);
}

/* A device that answers whatever the test wants. */
static int process_badly(struct vri_instance *inst, unsigned queue)
{
	struct rig *rig = vri_device_data(vri_instance_device(inst));
	struct iovec iov[16];
	struct vri_chain chain = { .iov = iov, .iov_max = 16 };
	struct vri_devq *q = vri_instance_devq(inst, queue);
	int r;

	while ((r = vri_devq_pop(q, &chain)) == 1) {
		vri_chain_write(&chain, 0, rig->answer_bytes, rig->answer_len);
		t_ok(vri_devq_push(q, &chain, rig->answer_len));
	}
	return r;
}

static const struct vri_device_ops good_ops = { .size = sizeof(good_ops), .process = process };
static const struct vri_device_ops bad_ops = { .size = sizeof(bad_ops), .process = process_badly };

static void rig_begin(struct rig *rig, const struct vri_device_ops *ops,
		      const struct vri_control_command *commands, unsigned n)
{
	const struct vri_device_info info = { .size = sizeof(info),
					      .type = "org.example.control",
					      .device_id = VRI_ID_LOCAL_FIRST + 3 };
	const struct vri_control_dev_opts control = {
		.size = sizeof(control), .commands = commands, .n_commands = n, .data = rig
	};
	struct vri_link_opts link = { .size = sizeof(link) };

	*rig = (struct rig){ .answer_len = 0 };
	t_ok(vri_device_new(&info, ops, rig, &rig->dev));
	t_ok(vri_control_dev_new(&control, &rig->ctl));
	link.device = rig->dev;
	t_ok(vri_link_open(&rig->link, "loop:", &link));
	rig->drv = vri_link_driver(rig->link);
	t_ok(vri_driver_start(rig->drv, NULL, NULL));
	rig->q = vri_driver_drvq(rig->drv, 0);
	rig->bytes = vri_pool_alloc(vri_driver_pool(rig->drv), 4096);
	rig->answer = vri_pool_alloc(vri_driver_pool(rig->drv), 4096);
	t_not_null(rig->bytes);
	t_not_null(rig->answer);
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	vri_control_dev_free(rig->ctl);
	vri_device_unref(rig->dev);
}

static uint32_t exchange(struct rig *rig, size_t out, size_t in)
{
	struct iovec readable = { rig->bytes, out }, writable = { rig->answer, in };
	uint32_t len;
	void *token;

	t_ok(vri_drvq_add(rig->q, &readable, 1, &writable, 1, rig));
	t_ok(vri_drvq_kick(rig->q));
	t_eq(vri_drvq_wait(rig->q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(rig->q, &token, &len), 1);
	return len;
}

static void put_header(struct rig *rig, uint32_t length)
{
	struct vri_control_header header = { .command_class = 1, .length = htole32(length) };

	memcpy(rig->bytes, &header, sizeof(header));
}

/* ---- drivers that rewrite ---- */

static uint8_t rewrite_and_look(struct vri_control_job *job)
{
	struct rig *rig = job->data;
	const uint8_t *payload = job->payload;

	/* What a driver could do at this very moment. */
	memset(rig->bytes, 0xff, 4096);
	rig->handled++;
	for (unsigned i = 0; i < PAYLOAD; i++)
		if (payload[i] != (i < job->payload_len ? 0x11 : 0))
			return VRI_CONTROL_FAILED;
	return VRI_CONTROL_OK;
}

static const struct vri_control_command look_row[] = {
	{ 1, 0, 1, PAYLOAD, 0, rewrite_and_look },
};

/* faults: A14 */
Test(control_peers, a_handler_sees_copies_that_nobody_can_change)
{
	struct rig rig;

	rig_begin(&rig, &good_ops, look_row, 1);
	for (uint32_t len = 1; len <= PAYLOAD; len++) {
		put_header(&rig, len);
		memset(rig.bytes + sizeof(struct vri_control_header), 0x11, len);
		t_eq(exchange(&rig, 4096, 4096), sizeof(struct vri_control_answer));
		t_eq(rig.answer[0], VRI_CONTROL_OK);
	}
	t_eq(rig.handled, PAYLOAD);
	rig_end(&rig);
}

/* A payload of any length whose bytes all are 0x11 or 0x22, and behind it zeroes. */
static uint8_t look(struct vri_control_job *job)
{
	struct rig *rig = job->data;
	const uint8_t *payload = job->payload;

	rig->handled++;
	for (unsigned i = 0; i < PAYLOAD; i++)
		if (i < job->payload_len ? payload[i] != 0x11 && payload[i] != 0x22 :
					   payload[i] != 0)
			return VRI_CONTROL_FAILED;
	return VRI_CONTROL_OK;
}

static const struct vri_control_command hammer_row[] = { { 1, 0, 1, PAYLOAD, 0, look } };

struct hammer {
	struct rig *rig;
	_Atomic bool stop;
};

static void *hammer(void *data)
{
	struct hammer *h = data;
	volatile uint32_t *length = (volatile uint32_t *)(void *)(h->rig->bytes + 4);
	volatile uint8_t *payload = h->rig->bytes + 8;

	for (uint32_t i = 0; !atomic_load_explicit(&h->stop, memory_order_relaxed); i++) {
		*length = htole32(i % 7 == 0 ? UINT32_MAX - i : i % 100);
		payload[i % PAYLOAD] = i % 2 ? 0x11 : 0x22;
	}
	return NULL;
}

Test(control_peers, a_length_that_changes_all_the_time_is_read_once)
{
	unsigned answers[4] = { 0 };
	struct hammer h = { 0 };
	pthread_t thread;
	struct rig rig;

#if defined(__SANITIZE_THREAD__)
	t_skip("the driver's race is what is tested here");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	t_skip("the driver's race is what is tested here");
#endif
#endif
	rig_begin(&rig, &good_ops, hammer_row, 1);
	put_header(&rig, 1);
	memset(rig.bytes + 8, 0x11, 100);
	h.rig = &rig;
	t_eq(pthread_create(&thread, NULL, hammer, &h), 0);
	/* Until each answer was seen often enough, whatever the scheduler does. */
	for (unsigned i = 0; i < 200000 && (i < 20000 || !answers[0] || !answers[3]); i++) {
		t_eq(exchange(&rig, 8 + PAYLOAD, 8), 8);
		t_lt(rig.answer[0], 4);
		answers[rig.answer[0]]++;
	}
	atomic_store(&h.stop, true);
	t_eq(pthread_join(thread, NULL), 0);
	t_eq(answers[VRI_CONTROL_FAILED], 0);
	t_eq(answers[VRI_CONTROL_UNKNOWN], 0);
	t_eq(rig.handled, answers[VRI_CONTROL_OK]);
	rig_end(&rig);
}

/* ---- handlers that end it ---- */

static uint8_t give_up(struct vri_control_job *job)
{
	vri_instance_fail(job->inst, "as the test wants it");
	return VRI_CONTROL_OK;
}

static const struct vri_control_command give_up_row[] = { { 1, 0, 0, 0, 0, give_up } };

Test(control_peers, a_handler_may_give_the_instance_up)
{
	struct rig rig;
	struct iovec readable, writable;

	rig_begin(&rig, &good_ops, give_up_row, 1);
	put_header(&rig, 0);
	readable = (struct iovec){ rig.bytes, 8 };
	writable = (struct iovec){ rig.answer, 8 };
	t_ok(vri_drvq_add(rig.q, &readable, 1, &writable, 1, &rig));
	t_ok(vri_drvq_kick(rig.q));
	t_ok(vri_link_dispatch(rig.link));
	t_true(vri_driver_status(rig.drv) & VRI_STATUS_NEEDS_RESET);
	rig_end(&rig);
}

/* ---- devices whose answers are none ---- */

struct bad_answer {
	uint32_t len;
	uint8_t ack;
	uint32_t says; /* the length in it */
	int error;
	uint32_t reply_len;
};

static const struct bad_answer bad_answers[] = {
	{ 0, 0, 0, -EPROTO, 0 },
	{ 1, 0, 0, -EPROTO, 0 },
	{ 7, 0, 0, -EPROTO, 0 },
	{ 8, 0, 0, 0, 0 },
	/* more announced than written, and less */
	{ 12, 0, 1000, 0, 4 },
	{ 12, 0, UINT32_MAX, 0, 4 },
	{ 12, 0, 3, 0, 3 },
	{ 12, 0, 0, 0, 0 },
	{ 8, 77, 0, -EREMOTEIO, 0 },
	{ 8, 255, 0, -EREMOTEIO, 0 },
};

TestEach(control_peers, an_answer_of_any_kind_is_taken_for_what_it_is, bad_answers,
	 struct bad_answer)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts), .reply_max = 8 };
	const struct vri_control_request request = { .command_class = 1 };
	struct vri_control_result result;
	struct vri_control_drv *ctl;
	struct rig rig;

	rig_begin(&rig, &bad_ops, NULL, 0);
	rig.answer_len = param->len;
	rig.answer_bytes[0] = param->ack;
	for (unsigned i = 0; i < 4; i++)
		rig.answer_bytes[4 + i] = (uint8_t)(param->says >> 8 * i);
	memcpy(rig.answer_bytes + 8, "abcd", 4);
	t_ok(vri_control_drv_open(rig.drv, 0, &opts, &ctl));
	for (unsigned i = 0; i < 3; i++) {
		t_errno_eq(vri_control_call(ctl, &request, &result, PATIENCE_MS), param->error);
		t_eq(result.reply_len, param->reply_len);
		t_mem_eq(result.reply, "abcd", param->reply_len);
	}
	t_ok(vri_driver_reset(rig.drv));
	vri_control_drv_close(ctl);
	rig_end(&rig);
}

/* ---- answers that come together ---- */

static int answer_with(struct vri_devq *q, const struct vri_chain *chain, char letter)
{
	struct vri_control_answer answer = { .length = htole32(4) };
	char letters[4] = { letter, letter, letter, letter };

	vri_chain_write(chain, 0, &answer, sizeof(answer));
	vri_chain_write(chain, sizeof(answer), letters, 4);
	return vri_devq_push(q, chain, sizeof(answer) + 4);
}

/* Answers the first command alone, and the next two when both are there. */
static int process_one_then_two(struct vri_instance *inst, unsigned queue)
{
	struct rig *rig = vri_device_data(vri_instance_device(inst));
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct iovec iov[2][16];
	struct vri_chain first = { .iov = iov[0], .iov_max = 16 };
	struct vri_chain second = { .iov = iov[1], .iov_max = 16 };
	int r = vri_devq_pop(q, &first);

	if (r <= 0)
		return r;
	if (rig->handled == 0) {
		rig->handled++;
		return answer_with(q, &first, 'a');
	}
	r = vri_devq_pop(q, &second);
	if (r <= 0) {
		t_ok(vri_devq_rewind(q, 1));
		return r;
	}
	t_ok(answer_with(q, &first, 'b'));
	return answer_with(q, &second, 'c');
}

static const struct vri_device_ops pair_ops = { .size = sizeof(pair_ops),
						.process = process_one_then_two };

struct chain_of_two {
	struct vri_control_drv *ctl;
	unsigned n;
};

static void send_third(const struct vri_control_result *result, void *data)
{
	const struct vri_control_request request = { .command_class = 1 };
	struct chain_of_two *chain = data;

	t_ok(result->error);
	t_mem_eq(result->reply, chain->n == 0 ? "aaaa" : "cccc", 4);
	if (chain->n++ == 0)
		t_ok(vri_control_send(chain->ctl, &request, send_third, chain));
}

/* The answer to the call is taken in one go with a later one, which must not end up in its reply. */
Test(control_peers, the_reply_to_a_call_is_its_own)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts) };
	const struct vri_control_request request = { .command_class = 1 };
	struct vri_control_result result;
	struct chain_of_two chain = { 0 };
	struct rig rig;

	rig_begin(&rig, &pair_ops, NULL, 0);
	t_ok(vri_control_drv_open(rig.drv, 0, &opts, &chain.ctl));
	t_ok(vri_control_send(chain.ctl, &request, send_third, &chain));
	t_ok(vri_control_call(chain.ctl, &request, &result, PATIENCE_MS));
	t_eq(chain.n, 2);
	t_eq(result.reply_len, 4);
	t_mem_eq(result.reply, "bbbb", 4);
	t_ok(vri_driver_reset(rig.drv));
	vri_control_drv_close(chain.ctl);
	rig_end(&rig);
}

/* ---- what is not accepted from those who use it ---- */

static uint8_t yes(struct vri_control_job *job)
{
	job->reply_len = 0;
	return VRI_CONTROL_OK;
}

static const struct vri_control_command wrong_rows[][2] = {
	{ { 1, 1, 0, 0, 0, yes }, { 1, 1, 4, 0, 0, yes } },
	{ { 1, 1, 0, 0, 0, yes }, { 1, 2, 0, 0, 0, NULL } },
	{ { 1, 1, 0, 0, 0, yes }, { 1, 2, 8, 4, 0, yes } },
	{ { 1, 1, 0, 0, 0, yes }, { 1, 2, VRI_CONTROL_LENGTH_MAX + 1, 0, 0, yes } },
	{ { 1, 1, 0, 0, 0, yes }, { 1, 2, 0, VRI_CONTROL_LENGTH_MAX + 1, 0, yes } },
	{ { 1, 1, 0, 0, 0, yes }, { 1, 2, 0, 0, VRI_CONTROL_LENGTH_MAX + 1, yes } },
};

Test(control_peers, a_table_that_contradicts_itself_is_refused)
{
	struct vri_control_dev_opts opts = { .size = sizeof(opts), .n_commands = 2 };
	struct vri_control_dev *ctl;

	for (unsigned i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]); i++) {
		opts.commands = wrong_rows[i];
		t_errno_eq(vri_control_dev_new(&opts, &ctl), -EINVAL);
	}
	opts.commands = NULL;
	t_errno_eq(vri_control_dev_new(&opts, &ctl), -EINVAL);
	opts.n_commands = 0;
	t_ok(vri_control_dev_new(&opts, &ctl));
	vri_control_dev_free(ctl);
	vri_control_dev_free(NULL);
	t_errno_eq(vri_control_dev_serve(NULL, NULL, 0), -EINVAL);
}

Test(control_peers, a_driver_asks_for_what_there_is)
{
	struct vri_control_drv_opts opts = { .size = sizeof(opts) };
	const struct vri_control_request request = { .payload_len = 1 };
	struct vri_control_drv *ctl;
	struct rig rig;

	rig_begin(&rig, &bad_ops, NULL, 0);
	t_errno_eq(vri_control_drv_open(rig.drv, 9, &opts, &ctl), -EINVAL);
	opts.payload_max = VRI_CONTROL_LENGTH_MAX + 1;
	t_errno_eq(vri_control_drv_open(rig.drv, 0, &opts, &ctl), -EINVAL);
	opts.payload_max = VRI_CONTROL_LENGTH_MAX;
	opts.in_flight_max = 64;
	t_errno_eq(vri_control_drv_open(rig.drv, 0, &opts, &ctl), -ENOMEM);
	opts.in_flight_max = 0;
	opts.payload_max = 0;
	t_ok(vri_control_drv_open(rig.drv, 0, &opts, &ctl));
	t_errno_eq(vri_control_call(ctl, &request, NULL, 0), -EINVAL);
	t_errno_eq(vri_control_send(ctl, NULL, NULL, NULL), -EINVAL);
	t_errno_eq(vri_control_dispatch(NULL), -EINVAL);
	vri_control_drv_close(ctl);
	vri_control_drv_close(NULL);
	rig_end(&rig);
}

/* A ring of one descriptor has room for no command without a table. */
Test(control_peers, a_queue_that_is_too_small_is_no_endless_wait)
{
	const struct vri_control_drv_opts opts = { .size = sizeof(opts) };
	const struct vri_control_request request = { .command_class = 1 };
	struct vri_control_drv *ctl;
	struct vri_features wanted = { { 0 } };
	struct rig rig;

	rig_begin(&rig, &good_ops, give_up_row, 1);
	t_ok(vri_driver_reset(rig.drv));
	vri_features_set(&wanted, VRI_F_VERSION_1);
	t_ok(vri_driver_negotiate(rig.drv, &wanted, NULL));
	t_ok(vri_driver_set_queue(rig.drv, 0, 1));
	t_ok(vri_driver_run(rig.drv));
	t_ok(vri_control_drv_open(rig.drv, 0, &opts, &ctl));
	t_errno_eq(vri_control_call(ctl, &request, NULL, -1), -EINVAL);
	vri_control_drv_close(ctl);
	rig_end(&rig);
}
