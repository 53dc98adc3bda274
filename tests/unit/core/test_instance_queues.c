/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* An instance's queues: where they may lie, when they are looked at, and how one is reset. */
#include <errno.h>
#include <string.h>

#include "instance_rig.h"
#include "test.h"

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
