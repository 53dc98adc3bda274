/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's half: status, features, queues and config as a driver asks for them, in order and out of it. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance_rig.h"
#include "test.h"

/* ---- the blocks ---- */

Test(instance, publishes_what_it_is)
{
	struct vri_features offered;
	struct region_device *block;
	struct rig rig;

	open_rig(&rig);
	block = mock_region_device(&rig.region);
	t_streq(block->type, TOY_TYPE);
	t_streq(block->name, TOY_TYPE);
	t_eq(le32toh(block->device_id), TOY_ID);
	t_eq(le32toh(block->n_queues), N_QUEUES);
	t_eq(le32toh(block->config_size), TOY_CONFIG_SIZE);
	t_eq(le32toh(block->status), 0);
	t_ne(le64toh(block->attached_ns), 0);
	vri_device_features(rig.dev, &offered);
	t_eq(le64toh(block->offered[0]), offered.word[0]);
	t_streq(vri_instance_link_id(rig.inst), "abcd0100000000000000000000000000");
	t_eq(vri_instance_n_queues(rig.inst), N_QUEUES);
	close_rig(&rig);
}

static int refused_attach(struct vri_device *dev, struct mock_region *region,
			  struct mock_link *link)
{
	struct vri_instance *inst;

	return vri__instance_new(dev, &mock_instance_transport, link, region->mem, region->base,
				 &region->map, &inst);
}

/* faults: D5 B16 */
Test(instance, a_region_that_does_not_fit_the_device_is_refused)
{
	struct region_plan plan = {
		.n_queues = 2, .queue_size = 4, .config_size = TOY_CONFIG_SIZE, .pool_size = 1
	};
	struct vri_device_info info = { .size = sizeof(info), .n_queues = 1 };
	struct mock_region region;
	struct mock_link link = { 0 };
	struct toy toy = { 0 };
	struct vri_device *dev = toy_device_new(&toy, &info);

	mock_region_init(&region, &plan); /* more queues than the device has */
	t_errno_eq(refused_attach(dev, &region, &link), -EPROTO);
	mock_region_fini(&region);
	plan.n_queues = 1;
	plan.config_size = TOY_CONFIG_SIZE - 1; /* too small a config space */
	mock_region_init(&region, &plan);
	t_errno_eq(refused_attach(dev, &region, &link), -EPROTO);
	mock_region_fini(&region);
	t_eq(toy.attached, 0);
	t_eq(link.released, 0);
	vri_device_unref(dev);
}

Test(instance, a_refused_attach_leaves_nothing)
{
	struct region_plan plan = {
		.n_queues = 1, .queue_size = 4, .config_size = TOY_CONFIG_SIZE, .pool_size = 1
	};
	struct mock_region region;
	struct mock_link link = { 0 };
	struct toy toy = { .attach_result = -EPERM };
	struct vri_device *dev = toy_device_new(&toy, NULL);

	mock_region_init(&region, &plan);
	t_errno_eq(refused_attach(dev, &region, &link), -EPERM);
	t_eq(toy.detached, 0);
	t_eq(link.released, 0);
	mock_region_fini(&region);
	vri_device_unref(dev);
	t_eq(toy.released, 1);
}

/* ---- status and features ---- */

/* proves: drv:3.1/1 dev:2.2/2 */
Test(instance, takes_the_steps_in_their_order)
{
	struct vri_features got;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	t_eq(rig.toy.checked, 1);
	t_eq(rig.toy.started, 1);
	vri_instance_features(rig.inst, &got);
	t_eq(got.word[0], default_set().word[0]);
	for (unsigned i = 0; i < N_QUEUES; i++) {
		t_eq(rig.link.up[i], 1);
		t_not_null(vri_instance_devq(rig.inst, i));
	}
	t_null(vri_instance_devq(rig.inst, N_QUEUES));
	close_rig(&rig);
	t_eq(rig.toy.stopped, 1);
}

/* proves: dev:2.2/2 drv:3.1/4 */
Test(instance, features_ok_does_not_stick_when_the_device_cannot_work_with_them)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	rig.toy.check_result = -EOPNOTSUPP;
	write_status(&rig, ACK | DRV);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	t_eq(write_status(&rig, ACK | DRV | FOK), ACK | DRV);
	vri_instance_features(rig.inst, &set);
	t_eq(set.word[0] | set.word[1], 0);
	/* Another set, without a reset, and this time the device likes it. */
	rig.toy.check_result = 0;
	set = default_set();
	vri_features_clear(&set, VRI_F_EVENT_IDX);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	t_eq(write_status(&rig, ACK | DRV | FOK), ACK | DRV | FOK);
	t_false(vri_features_has(&rig.toy.acked, VRI_F_EVENT_IDX));
	close_rig(&rig);
}

static const unsigned unoffered[] = {
	0, 23, VRI_F_IN_ORDER, VRI_F_SR_IOV, VRI_F_ADMIN_VQ, 64, 127
};

/* proves: dev:2.2/2 drv:2.2/1 */
/* faults: A32 */
TestEach(instance, features_ok_does_not_stick_for_a_bit_that_is_not_offered, unoffered, unsigned)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	write_status(&rig, ACK | DRV);
	vri_features_set(&set, *param);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	t_eq(write_status(&rig, ACK | DRV | FOK), ACK | DRV);
	t_eq(rig.toy.checked, 0); /* the device type need not look at nonsense */
	close_rig(&rig);
}

/* proves: drv:6.1/1 */
Test(instance, features_ok_does_not_stick_without_version_1)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	write_status(&rig, ACK | DRV);
	t_eq(write_status(&rig, ACK | DRV | FOK), ACK | DRV); /* nothing was written */
	vri_features_clear(&set, VRI_F_VERSION_1);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	t_eq(write_status(&rig, ACK | DRV | FOK), ACK | DRV);
	close_rig(&rig);
}

/* proves: drv:3.1/3 */
/* faults: A32 */
Test(instance, features_are_written_between_driver_and_features_ok_only)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	t_errno_eq(vri__instance_set_features(rig.inst, &set, &rig.why), -EPROTO);
	write_status(&rig, ACK);
	t_errno_eq(vri__instance_set_features(rig.inst, &set, &rig.why), -EPROTO);
	write_status(&rig, ACK | DRV);
	for (int i = 0; i < 3; i++)
		t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	write_status(&rig, ACK | DRV | FOK);
	t_errno_eq(vri__instance_set_features(rig.inst, &set, &rig.why), -EPROTO);
	close_rig(&rig);
}

/* faults: A32 */
Test(instance, a_status_out_of_order_changes_nothing)
{
	struct rig rig;
	uint8_t seen = 42;

	open_rig(&rig);
	write_status(&rig, ACK | DRV);
	t_errno_eq(vri__instance_set_status(rig.inst, ACK | DRV | DOK, &seen, &rig.why), -EPROTO);
	t_eq(seen, 42);
	t_eq(vri__instance_get_status(rig.inst), ACK | DRV);
	t_eq(rig.toy.started, 0);
	close_rig(&rig);
}

/* proves: dev:2.2/4 */
Test(instance, a_set_once_accepted_is_accepted_again)
{
	struct rig rig;

	open_rig(&rig);
	for (int i = 0; i < 3; i++) {
		start(&rig);
		t_eq(write_status(&rig, 0), 0);
	}
	t_eq(rig.toy.stopped, 3);
	close_rig(&rig);
}

/* ---- queues ---- */

/* proves: dev:2.1/1 */
Test(instance, touches_no_queue_before_driver_ok)
{
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	for (unsigned i = 0; i < N_QUEUES; i++)
		t_ok(set_queue(&rig, i));
	drive(&rig, 0);
	add(&rig);
	vri__instance_kicked(rig.inst, 0);
	vri_instance_schedule(rig.inst, 0);
	t_false(vri__instance_run(rig.inst));
	t_eq(rig.toy.processed, 0);
	t_eq(collect(&rig), 0);
	t_eq(rig.link.notified, 0);
	/* But every queue is looked at once when it starts, so the early buffer is not lost. */
	write_status(&rig, ACK | DRV | FOK | DOK);
	vri__instance_run(rig.inst);
	t_eq(collect(&rig), 1);
	close_rig(&rig);
}

/* proves: dev:2.4/1 dev:2.4/2 */
Test(instance, touches_no_queue_after_a_reset)
{
	unsigned notified;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 0);
	vri__instance_run(rig.inst);
	rig.toy.hold = true;
	add(&rig);
	vri__instance_kicked(rig.inst, 0);
	vri__instance_run(rig.inst);
	t_eq(rig.toy.n_held, 1);
	notified = rig.link.notified;
	t_eq(write_status(&rig, 0), 0);
	add(&rig);
	vri__instance_kicked(rig.inst, 0);
	t_false(vri__instance_run(rig.inst));
	t_null(vri_instance_devq(rig.inst, 0));
	t_eq(rig.toy.n_held, 1);
	t_eq(collect(&rig), 0);
	t_eq(rig.link.notified, notified);
	close_rig(&rig);
}

/* proves: dev:2.4/1 */
Test(instance, the_status_reads_0_when_the_device_has_finished)
{
	struct rig rig;
	uint8_t seen;

	open_rig(&rig);
	start(&rig);
	rig.toy.still_running = true;
	t_ne(write_status(&rig, 0), 0);
	t_false(vri__instance_is_idle(rig.inst));
	t_errno_eq(vri__instance_set_status(rig.inst, ACK, &seen, &rig.why), -EPROTO);
	t_errno_eq(set_queue(&rig, 0), -EPROTO);
	t_ne(write_status(&rig, 0), 0);
	t_ne(vri__instance_get_status(rig.inst), 0);
	rig.toy.still_running = false;
	t_eq(vri__instance_get_status(rig.inst), 0);
	t_true(vri__instance_is_idle(rig.inst));
	t_eq(rig.toy.stopped, 1);
	start(&rig);
	close_rig(&rig);
}

Test(instance, gives_each_scheduled_queue_one_turn_in_a_run)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	rig.toy.one_a_turn = 1;
	drive(&rig, 0);
	for (int i = 0; i < 5; i++)
		add(&rig);
	t_true(vri__instance_run(rig.inst)); /* the first look at all three */
	t_eq(rig.toy.processed, 3);
	t_eq(rig.toy.copied, 1);
	for (int i = 2; i <= 5; i++) {
		t_true(vri__instance_run(rig.inst));
		t_eq(rig.toy.copied, i);
	}
	t_eq(collect(&rig), 5);
	while (vri__instance_run(rig.inst))
		;
	close_rig(&rig);
}

/* A device that left its event where it was would not be kicked for a lap of 65536.
 * proves: choice/2 */
Test(instance, asks_for_the_next_kick_after_each_turn)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 0);
	for (unsigned i = 1; i <= 100; i++) {
		while (vri__instance_run(rig.inst))
			;
		add(&rig);
		t_eq(rig.kicks, i);
		vri__instance_kicked(rig.inst, 0);
		vri__instance_run(rig.inst);
		t_eq(collect(&rig), 1);
	}
	close_rig(&rig);
}

Test(instance, a_kick_for_no_queue_or_the_same_twice_is_harmless)
{
	unsigned before;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	vri__instance_run(rig.inst);
	before = rig.toy.processed;
	vri__instance_kicked(rig.inst, N_QUEUES);
	vri__instance_kicked(rig.inst, ~0u);
	for (int i = 0; i < 1000; i++)
		vri__instance_kicked(rig.inst, 1);
	t_false(vri__instance_run(rig.inst));
	t_eq(rig.toy.processed, before + 1);
	close_rig(&rig);
}

struct time_case {
	uint8_t status; /* up to here */
	int result;
};

static const struct time_case times[] = {
	{ 0, -EPROTO },
	{ ACK, -EPROTO },
	{ ACK | DRV, -EPROTO },
	{ ACK | DRV | FOK, 0 },
};

/* proves: drv:3.1/1 */
TestEach(instance, queues_are_set_up_after_features_ok_only, times, struct time_case)
{
	static const uint8_t steps[] = { ACK, ACK | DRV, ACK | DRV | FOK };
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	for (unsigned i = 0; i < 3 && steps[i] <= param->status; i++) {
		if (steps[i] & FOK)
			t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
		write_status(&rig, steps[i]);
	}
	t_eq(set_queue(&rig, 0), param->result);
	close_rig(&rig);
}

struct params_case {
	const char *what;
	unsigned size;
	int64_t desc, driver, device; /* added to what would be right */
};

static const struct params_case bad_params[] = {
	{ "size 0", 0, 0, 0, 0 },
	{ "no power of two", 3, 0, 0, 0 },
	{ "65535", 65535, 0, 0, 0 },
	{ "65536", 65536, 0, 0, 0 },
	{ "more than the device allows", 64, 0, 0, 0 },
	{ "desc misaligned", QUEUE_SIZE, 8, 0, 0 },
	{ "driver misaligned", QUEUE_SIZE, 0, 1, 0 },
	{ "device misaligned", QUEUE_SIZE, 0, 0, 2 },
	{ "desc in the header", QUEUE_SIZE, -(int64_t)REGION_ALIGN * 6, 0, 0 },
	{ "driver in the device's part", QUEUE_SIZE, 0, REGION_ALIGN, 0 },
	{ "device in the driver's part", QUEUE_SIZE, 0, 0, -(int64_t)REGION_ALIGN },
	{ "desc over driver", QUEUE_SIZE, 256, 0, 0 },
	{ "desc over the next queue's", QUEUE_SIZE, 384, 384, 0 },
	{ "device over the next queue's", QUEUE_SIZE, 0, 0, 256 },
	{ "outside", QUEUE_SIZE, 1ll << 40, 0, 0 },
	{ "wrapping", QUEUE_SIZE, 0, 0, INT64_MIN },
};

/* proves: drv:2.7/1 */
/* faults: A31 */
TestEach(instance, a_queue_in_a_bad_place_or_size_is_refused, bad_params, struct params_case)
{
	struct queue_params params;
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	t_ok(set_queue(&rig, 1));
	params = mock_region_queue(&rig.region, 0, param->size);
	params.desc += (uint64_t)param->desc;
	params.driver += (uint64_t)param->driver;
	params.device += (uint64_t)param->device;
	rig.why = NULL;
	t_errno_eq(vri__instance_set_queue(rig.inst, &params, &rig.why), -EPROTO);
	t_not_null(rig.why);
	params.index = N_QUEUES;
	t_errno_eq(vri__instance_set_queue(rig.inst, &params, &rig.why), -EPROTO);
	/* And nothing is broken by it. */
	t_ok(set_queue(&rig, 0));
	t_eq(write_status(&rig, ACK | DRV | FOK | DOK), ACK | DRV | FOK | DOK);
	close_rig(&rig);
}

/* proves: choice/5 */
Test(instance, zeroes_the_device_area_and_nothing_of_the_drivers)
{
	struct queue_params params;
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	params = mock_region_queue(&rig.region, 0, QUEUE_SIZE);
	memset(rig.region.base + params.desc, 0x77, 16 * QUEUE_SIZE);
	memset(rig.region.base + params.device, 0x77, 6 + 8 * QUEUE_SIZE);
	t_ok(set_queue(&rig, 0));
	for (unsigned i = 0; i < 6 + 8 * QUEUE_SIZE; i++)
		t_eq(rig.region.base[params.device + i], 0);
	for (unsigned i = 0; i < 16 * QUEUE_SIZE; i++)
		t_eq(rig.region.base[params.desc + i], 0x77);
	close_rig(&rig);
}

/* proves: shm:adopt/7 */
Test(instance, queues_that_were_not_set_up_are_not_live)
{
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	t_ok(set_queue(&rig, 1));
	write_status(&rig, ACK | DRV | FOK | DOK);
	t_null(vri_instance_devq(rig.inst, 0));
	t_not_null(vri_instance_devq(rig.inst, 1));
	t_eq(rig.link.up[0], 0);
	close_rig(&rig);
}

/* proves: shm:qr/1 dev:2.6r/1 dev:2.6r/2 dev:2.6r/3 */
Test(instance, one_queue_is_reset_and_set_up_again_with_another_size)
{
	struct queue_params params;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 1);
	for (int i = 0; i < 40; i++) {
		add(&rig);
		vri__instance_kicked(rig.inst, 1);
		vri__instance_run(rig.inst);
		t_eq(collect(&rig), 1);
	}
	t_ok(vri__instance_reset_queue(rig.inst, 1, &rig.why));
	t_null(vri_instance_devq(rig.inst, 1));
	t_not_null(vri_instance_devq(rig.inst, 0));
	t_eq(rig.link.down[1], 1);
	vri__instance_kicked(rig.inst, 1);
	t_false(vri__instance_run(rig.inst));
	params = mock_region_queue(&rig.region, 1, QUEUE_SIZE / 2);
	t_ok(vri__instance_set_queue(rig.inst, &params, &rig.why));
	t_eq(vri_devq_size(vri_instance_devq(rig.inst, 1)), QUEUE_SIZE / 2);
	t_eq(rig.toy.stopped, 0);
	close_rig(&rig);
}

/* proves: dev:2.6r/1 */
Test(instance, a_queue_reset_waits_for_chains_in_flight)
{
	unsigned processed;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 0);
	rig.toy.hold = true;
	add(&rig);
	vri__instance_run(rig.inst);
	t_errno_eq(vri__instance_reset_queue(rig.inst, 0, &rig.why), -EAGAIN);
	processed = rig.toy.processed;
	add(&rig);
	vri__instance_kicked(rig.inst, 0);
	vri__instance_run(rig.inst);
	t_eq(rig.toy.processed, processed); /* it takes no new ones */
	toy_complete_held(&rig.toy);
	t_ok(vri__instance_reset_queue(rig.inst, 0, &rig.why));
	close_rig(&rig);
}

Test(instance, a_queue_reset_needs_ring_reset_and_driver_ok)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	t_errno_eq(vri__instance_reset_queue(rig.inst, 0, &rig.why), -EPROTO);
	t_errno_eq(vri__instance_reset_queue(rig.inst, N_QUEUES, &rig.why), -EPROTO);
	write_status(&rig, 0);
	vri_features_clear(&set, VRI_F_RING_RESET);
	write_status(&rig, ACK | DRV);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	write_status(&rig, ACK | DRV | FOK);
	t_ok(set_queue(&rig, 0));
	write_status(&rig, ACK | DRV | FOK | DOK);
	t_errno_eq(vri__instance_reset_queue(rig.inst, 0, &rig.why), -EPROTO);
	t_errno_eq(set_queue(&rig, 1), -EPROTO);
	close_rig(&rig);
}

/* proves: shm:adopt/6 drv:3.1/1 */
Test(instance, a_live_queue_is_not_set_up_again)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	t_errno_eq(set_queue(&rig, 0), -EPROTO);
	t_not_null(vri_instance_devq(rig.inst, 0));
	close_rig(&rig);
}

/* ---- an op that waits ---- */

/* The slots of a device are all taken, and come free before its op returns: it says both that it can take nothing and
 * that it wants its turn. */
Test(instance, an_op_whose_wait_is_over_before_it_returns_is_asked_again)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 0);
	t_false(vri__instance_run(rig.inst));
	rig.toy.process_result = -EAGAIN;
	rig.toy.comes_free = true;
	add(&rig);
	vri__instance_kicked(rig.inst, 0);
	t_true(vri__instance_run(rig.inst));
	rig.toy.process_result = 0;
	rig.toy.comes_free = false;
	t_false(vri__instance_run(rig.inst));
	t_eq(collect(&rig), 1);

	/* The queue waits for nothing any more: whoever looks sees what comes ... */
	vri__instance_set_polled(rig.inst, true);
	add(&rig);
	t_true(vri__instance_look(rig.inst));
	t_false(vri__instance_run(rig.inst));
	t_eq(collect(&rig), 1);
	/* ... and whoever sleeps is told. */
	vri__instance_set_polled(rig.inst, false);
	rig.kicks = 0;
	add(&rig);
	t_eq(rig.kicks, 1);
	close_rig(&rig);
}

/* ---- NEEDS_RESET ---- */

/* proves: dev:2.1/2 dev:2.1/3 */
Test(instance, a_broken_queue_needs_a_reset_and_the_others_run_on)
{
	struct queue_params params;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	vri__instance_run(rig.inst);
	params = mock_region_queue(&rig.region, 0, QUEUE_SIZE);
	/* An available index that is more than the queue's size ahead. */
	*(uint16_t *)(void *)(rig.region.base + params.driver + 2) = htole16(QUEUE_SIZE + 1);
	vri__instance_kicked(rig.inst, 0);
	vri__instance_run(rig.inst);
	t_true(vri__instance_get_status(rig.inst) & NRS);
	t_null(vri_instance_devq(rig.inst, 0));
	t_eq(rig.link.needs_reset, 1);
	t_eq(rig.link.config_changed, 1);
	t_streq(rig.link.why, vri_rule_text(VRI_RULE_AVAIL_IDX));
	t_streq(mock_region_device(&rig.region)->needs_reset_why,
		vri_rule_text(VRI_RULE_AVAIL_IDX));
	drive(&rig, 1);
	add(&rig);
	vri__instance_kicked(rig.inst, 1);
	vri__instance_run(rig.inst);
	t_eq(collect(&rig), 1);
	close_rig(&rig);
}

/* proves: dev:2.1/2 */
Test(instance, a_process_op_that_fails_breaks_its_queue)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	rig.toy.process_result = -EIO;
	t_false(vri__instance_run(rig.inst));
	t_true(vri__instance_get_status(rig.inst) & NRS);
	for (unsigned i = 0; i < N_QUEUES; i++)
		t_null(vri_instance_devq(rig.inst, i));
	t_eq(rig.link.needs_reset, 1);
	close_rig(&rig);
}

/* proves: dev:2.1/3 */
Test(instance, before_driver_ok_needs_reset_is_set_and_not_announced)
{
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	vri_instance_fail(rig.inst, "no disk");
	t_eq(vri__instance_get_status(rig.inst), ACK | DRV | FOK | NRS);
	t_eq(rig.link.needs_reset, 0);
	t_eq(write_status(&rig, ACK | DRV | FOK | DOK), ACK | DRV | FOK | NRS);
	t_eq(rig.toy.started, 0);
	t_eq(write_status(&rig, 0), 0);
	start(&rig);
	close_rig(&rig);
}

static const int start_failures[] = { 1, 2 };

TestEach(instance, a_start_that_fails_needs_a_reset, start_failures, int)
{
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	t_ok(set_queue(&rig, 0));
	if (*param == 1)
		rig.toy.start_result = -EIO;
	else
		rig.link.queue_up_result = -EMFILE;
	t_true(write_status(&rig, ACK | DRV | FOK | DOK) & NRS);
	t_null(vri_instance_devq(rig.inst, 0));
	t_false(vri__instance_run(rig.inst));
	rig.toy.start_result = 0;
	rig.link.queue_up_result = 0;
	t_eq(write_status(&rig, 0), 0);
	t_eq(rig.toy.stopped, 0); /* what did not start is not stopped */
	start(&rig);
	close_rig(&rig);
}

/* faults: C21 */
Test(instance, a_reason_is_printable_before_anybody_sees_it)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	vri_instance_fail(rig.inst, "bad \x1b[31m news");
	t_streq(rig.link.why, "bad ?[31m news");
	close_rig(&rig);
}

/* ---- the config space ---- */

/* proves: dev:2.5/1 */
Test(instance, the_config_space_can_be_read_from_the_start)
{
	uint8_t seen[TOY_CONFIG_SIZE];
	uint32_t generation;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri__instance_config_read(rig.inst, 0, seen, sizeof(seen), &generation));
	for (unsigned i = 0; i < sizeof(seen); i++)
		t_eq(seen[i], i);
	t_mem_eq(rig.region.base + rig.region.map.config.offset, seen, sizeof(seen));
	t_eq(generation, le32toh(mock_region_device(&rig.region)->config_generation));
	t_errno_eq(vri__instance_config_read(rig.inst, 1, seen, sizeof(seen), &generation),
		   -EPROTO);
	t_errno_eq(vri__instance_config_read(rig.inst, UINT32_MAX, seen, 2, &generation), -EPROTO);
	close_rig(&rig);
}

/* proves: drv:3.1/2 */
Test(instance, config_writes_keep_to_time_place_and_mask)
{
	uint8_t value[32] = { 200, 201 };
	uint32_t generation;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri__instance_config_read(rig.inst, 0, value + 4, 4, &generation));
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, value, 2,
					      &rig.why),
		   -EPROTO);
	negotiate(&rig);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_CONFIG_SIZE, value, 1,
					      &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, UINT32_MAX, value, 2, &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, 0, value, 0, &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, 0, value, 1, &rig.why), -EPERM);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_END - 1, value, 2,
					      &rig.why),
		   -EPERM);
	t_errno_eq(vri__instance_config_write(rig.inst, generation - 2, TOY_WRITABLE_FIRST, value,
					      2, &rig.why),
		   -EAGAIN);
	t_eq(rig.toy.written, 0);
	t_ok(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, value, 2,
					&rig.why));
	t_eq(rig.toy.written, 1);
	t_eq(rig.toy.written_offset, TOY_WRITABLE_FIRST);
	t_eq(rig.toy.written_len, 2);
	t_eq(rig.region.base[rig.region.map.config.offset + TOY_WRITABLE_FIRST], 200);
	t_eq(le32toh(mock_region_device(&rig.region)->config_generation), generation + 2);
	close_rig(&rig);
}

Test(instance, a_config_write_that_the_device_refuses_is_undone)
{
	uint32_t generation;
	uint8_t value = 200, seen;
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	rig.toy.written_result = -EPERM;
	t_ok(vri__instance_config_read(rig.inst, TOY_WRITABLE_FIRST, &seen, 1, &generation));
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, &value, 1,
					      &rig.why),
		   -EPERM);
	t_ok(vri_instance_config_get(rig.inst, TOY_WRITABLE_FIRST, &seen, 1));
	t_eq(seen, TOY_WRITABLE_FIRST);
	t_eq(rig.region.base[rig.region.map.config.offset + TOY_WRITABLE_FIRST],
	     TOY_WRITABLE_FIRST);
	t_eq(le32toh(mock_region_device(&rig.region)->config_generation), generation);
	close_rig(&rig);
}

Test(instance, a_config_change_is_announced_to_running_drivers_only)
{
	uint8_t value = 99;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri_device_config_set(rig.dev, 3, &value, 1));
	t_eq(rig.link.config_changed, 0);
	t_eq(rig.region.base[rig.region.map.config.offset + 3], 99);
	start(&rig);
	t_ok(vri_instance_config_set(rig.inst, 4, &value, 1));
	t_eq(rig.link.config_changed, 1);
	t_eq(rig.link.generation, le32toh(mock_region_device(&rig.region)->config_generation));
	t_errno_eq(vri_instance_config_set(rig.inst, TOY_CONFIG_SIZE, &value, 1), -EINVAL);
	t_errno_eq(vri_device_config_set(rig.dev, TOY_CONFIG_SIZE, &value, 1), -EINVAL);
	close_rig(&rig);
}

/* ---- life ---- */

/* faults: A33 */
Test(instance, lives_on_in_other_hands_after_its_link)
{
	struct vri_instance *inst;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	drive(&rig, 0);
	rig.toy.hold = true;
	add(&rig);
	vri__instance_run(rig.inst);
	inst = vri_instance_ref(rig.inst);
	vri__instance_detach(rig.inst);
	rig.inst = NULL;
	t_eq(rig.link.released, 0);
	t_eq(rig.toy.stopped, 1);
	t_null(vri_instance_devq(inst, 0));
	vri_instance_schedule(inst, 0);
	vri_instance_fail(inst, "too late");
	t_eq(rig.link.needs_reset, 0);
	t_ok(vri_instance_config_set(inst, 0, "x", 1));
	t_eq(rig.link.config_changed, 0);
	vri_instance_unref(inst);
	t_eq(rig.link.released, 1);
	close_rig(&rig);
}

Test(instance, works_without_a_region)
{
	struct toy toy = { 0 };
	struct vri_device *dev = toy_device_new(&toy, NULL);
	struct mock_link link = { 0 };
	struct vri_instance *inst;
	struct vri_mem *mem;
	const char *why;
	uint8_t seen;

	t_ok(vri__mem_new(&mem));
	t_ok(vri__instance_new(dev, &mock_instance_transport, &link, mem, NULL, NULL, &inst));
	t_ok(vri__instance_set_status(inst, ACK, &seen, &why));
	t_eq(seen, ACK);
	t_ok(vri_instance_config_get(inst, 5, &seen, 1));
	t_eq(seen, 5);
	vri__instance_detach(inst);
	vri__mem_free(mem);
	vri_device_unref(dev);
}

/* ---- devices ---- */

struct info_case {
	const char *what;
	struct vri_device_info info;
};

static const char long_name[VRI_TYPE_MAX + 1] = { [0 ... VRI_TYPE_MAX - 1] = 'x' };
#define GOOD .size = sizeof(struct vri_device_info), .type = "a", .device_id = 1

static const struct info_case bad_infos[] = {
	{ "no size", { .type = "a", .device_id = 1 } },
	{ "no type", { .size = sizeof(struct vri_device_info), .device_id = 1 } },
	{ "empty type", { .size = sizeof(struct vri_device_info), .type = "", .device_id = 1 } },
	{ "long type",
	  { .size = sizeof(struct vri_device_info), .type = long_name, .device_id = 1 } },
	{ "escape in the name", { GOOD, .name = "a\x1b" } },
	{ "no id", { .size = sizeof(struct vri_device_info), .type = "a" } },
	{ "too many queues", { GOOD, .n_queues = VRI_QUEUES_MAX + 1 } },
	{ "odd queue size", { GOOD, .queue_size_max = 100 } },
	{ "huge queue size", { GOOD, .queue_size_max = 65536 } },
	{ "huge config", { GOOD, .config = "", .config_size = VRI_CONFIG_MAX + 1 } },
	{ "config without bytes", { GOOD, .config_size = 1 } },
	{ "no VERSION_1", { GOOD, .features = { { 1 } } } },
};

/* proves: dev:2.2/3 dev:6.2/1 */
/* faults: B16 */
TestEach(device, an_info_that_contradicts_itself_is_refused, bad_infos, struct info_case)
{
	struct vri_device *dev = NULL;

	t_errno_eq(vri_device_new(&param->info, NULL, NULL, &dev), -EINVAL);
	t_null(dev);
}

Test(device, unknown_options_must_be_zero)
{
	struct {
		struct vri_device_info known;
		uint64_t later;
	} info = { .known = { .size = sizeof(info), .type = "a", .device_id = 1 } };
	struct vri_device *dev;

	t_ok(vri_device_new(&info.known, NULL, NULL, &dev));
	vri_device_unref(dev);
	info.later = 1;
	t_errno_eq(vri_device_new(&info.known, NULL, NULL, &dev), -EINVAL);
}

static struct offer good_offer(void)
{
	struct offer offer = {
		.type = "a",
		.name = "b",
		.device_id = 1,
		.n_queues = 1,
		.queue_size_max = 1,
	};

	return offer;
}

/* faults: B16 C21
 * proves: shm:adopt/2 */
Test(device, an_absurd_offer_is_refused)
{
	struct offer offer = good_offer();

	t_ok(vri__offer_check(&offer));
	offer.n_queues = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.n_queues = 65535;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.queue_size_max = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.queue_size_max = 65536;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.queue_size_max = 6;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.config_size = VRI_CONFIG_MAX + 1;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.device_id = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.type[0] = '\0';
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.name[0] = '\x1b';
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	memset(offer.name, 'x', sizeof(offer.name));
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
}

Test(instance, null_is_an_error_and_not_a_crash)
{
	struct vri_features set = { { 1, 2 } }, same = set;
	uint8_t byte = 7;
	struct rig rig;

	t_null(vri_instance_device(NULL));
	vri_instance_set_data(NULL, &byte);
	t_null(vri_instance_data(NULL));
	t_streq(vri_instance_link_id(NULL), "");
	t_eq(vri_instance_status(NULL), 0);
	vri_instance_features(NULL, &set);
	t_mem_eq(&set, &same, sizeof(set));
	t_null(vri_instance_devq(NULL, 0));
	t_eq(vri_instance_n_queues(NULL), 0);
	vri_instance_schedule(NULL, 0);
	t_errno_eq(vri_instance_config_get(NULL, 0, &byte, 1), -EINVAL);
	t_errno_eq(vri_instance_config_set(NULL, 0, &byte, 1), -EINVAL);
	vri_instance_fail(NULL, "nobody");
	t_null(vri_instance_ref(NULL));
	vri_instance_unref(NULL);

	open_rig(&rig);
	vri_instance_features(rig.inst, NULL);
	t_errno_eq(vri_instance_config_get(rig.inst, 0, NULL, 1), -EINVAL);
	t_errno_eq(vri_instance_config_set(rig.inst, 0, NULL, 1), -EINVAL);
	t_errno_eq(vri_instance_config_get(rig.inst, TOY_CONFIG_SIZE, &byte, 1), -EINVAL);
	t_null(vri_instance_devq(rig.inst, N_QUEUES));
	vri_instance_schedule(rig.inst, N_QUEUES);
	t_eq(byte, 7);
	close_rig(&rig);
}

Test(device, null_is_an_error_and_not_a_crash)
{
	struct vri_features set = { { 1, 2 } }, same = set;

	t_null(vri_device_data(NULL));
	t_streq(vri_device_type(NULL), "");
	t_streq(vri_device_name(NULL), "");
	t_eq(vri_device_device_id(NULL), 0);
	vri_device_features(NULL, &set);
	t_mem_eq(&set, &same, sizeof(set));
	t_null(vri_device_ref(NULL));
	vri_device_unref(NULL);
	vri_device_each_instance(NULL, NULL, NULL);
	t_errno_eq(vri_device_config_set(NULL, 0, &set, 1), -EINVAL);
	t_errno_eq(vri_device_new(NULL, NULL, NULL, NULL), -EINVAL);
}
