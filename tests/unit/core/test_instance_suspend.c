/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* SUSPEND, the device's half: drained, suspended, resumed, and every way out of it. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "instance_rig.h"
#include "test.h"

#define SUS VRI_STATUS_SUSPEND
#define RUN (ACK | DRV | FOK | DOK)
#define SUSPENDED (ACK | DRV | FOK | SUS)

/* Running, looked at once, with the driver's side of queue 0. */
static void run(struct rig *rig)
{
	open_rig(rig);
	start(rig);
	drive(rig, 0);
	vri__instance_run(rig->inst);
}

static void kick(struct rig *rig)
{
	add(rig);
	vri__instance_kicked(rig->inst, 0);
	vri__instance_run(rig->inst);
}

/* Everything that the device may write, as it stands in the region: blocks, config space, rings. */
static uint64_t device_bytes(const struct rig *rig)
{
	const struct region_map *map = &rig->region.map;
	const struct region_part *parts[] = { &map->device_block, &map->device_counters,
					      &map->config, &map->device_rings };
	uint64_t hash = 14695981039346656037u;

	for (unsigned i = 0; i < 4; i++)
		for (uint64_t at = 0; at < parts[i]->size; at++)
			hash = (hash ^ rig->region.base[parts[i]->offset + at]) * 1099511628211u;
	return hash;
}

/* proves: dev:3.4/5 dev:3.4/6 drv:3.4/2 */
Test(instance_suspend, suspend_takes_the_place_of_driver_ok_and_back)
{
	struct rig rig;

	run(&rig);
	for (unsigned i = 1; i <= 3; i++) {
		t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
		t_eq(vri__instance_get_status(rig.inst), SUSPENDED);
		t_eq(rig.toy.suspended, i);
		t_eq(write_status(&rig, RUN | SUS), RUN);
		t_eq(rig.toy.resumed, i);
		kick(&rig);
		t_eq(collect(&rig), 1);
	}
	t_eq(rig.toy.stopped, 0);
	close_rig(&rig);
}

/* proves: dev:3.4/1 */
Test(instance_suspend, suspend_is_ignored_before_driver_ok_and_without_the_feature)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	t_eq(write_status(&rig, ACK | SUS), ACK);
	t_eq(write_status(&rig, ACK | DRV | SUS), ACK | DRV);
	vri_features_clear(&set, VRI_F_SUSPEND);
	t_ok(vri__instance_set_features(rig.inst, &set, &rig.why));
	t_eq(write_status(&rig, ACK | DRV | FOK | SUS), ACK | DRV | FOK);
	t_ok(set_queue(&rig, 0));
	t_eq(write_status(&rig, RUN | SUS), RUN);
	t_eq(write_status(&rig, RUN | SUS), RUN);
	t_eq(rig.toy.suspended, 0);
	t_eq(rig.toy.started, 1);
	drive(&rig, 0);
	kick(&rig);
	t_eq(collect(&rig), 1);
	close_rig(&rig);
}

/* proves: dev:3.4/2 dev:3.4/7 */
Test(instance_suspend, what_was_taken_is_finished_before_it_shows)
{
	unsigned processed;
	struct rig rig;

	run(&rig);
	rig.toy.hold = true;
	kick(&rig);
	kick(&rig);
	t_eq(rig.toy.n_held, 2);
	t_eq(write_status(&rig, RUN | SUS), RUN);
	/* From here on nothing new is taken, whoever asks. */
	processed = rig.toy.processed;
	kick(&rig);
	vri_instance_schedule(rig.inst, 0);
	t_false(vri__instance_run(rig.inst));
	t_false(vri__instance_look(rig.inst));
	t_eq(rig.toy.processed, processed);
	t_errno_eq(vri_devq_pop(vri_instance_devq(rig.inst, 0), &rig.toy.held[5]), -EAGAIN);
	t_eq(vri__instance_get_status(rig.inst), RUN);
	t_eq(write_status(&rig, RUN | SUS), RUN); /* to say it twice changes nothing */
	t_eq(rig.toy.suspended, 1);

	rig.link.notified = 0;
	toy_complete_held(&rig.toy);
	t_ok(rig.toy.last_push);
	t_eq(vri__instance_get_status(rig.inst), SUSPENDED);
	t_eq(rig.link.notified, 1); /* before it shows, and nobody else would have sent it */
	t_eq(collect(&rig), 2);

	rig.toy.hold = false;
	t_eq(write_status(&rig, RUN), RUN);
	t_false(vri__instance_run(rig.inst));
	t_eq(collect(&rig), 1);
	close_rig(&rig);
}

/* proves: dev:3.4/7 */
Test(instance_suspend, shows_when_the_device_type_says_so)
{
	struct rig rig;

	run(&rig);
	rig.toy.still_busy = true;
	t_eq(write_status(&rig, RUN | SUS), RUN);
	t_false(vri__instance_run(rig.inst));
	t_eq(vri__instance_get_status(rig.inst), RUN);
	rig.toy.still_busy = false;
	t_false(vri__instance_run(rig.inst)); /* also without a driver that asks */
	t_eq(le32toh(mock_region_device(&rig.region)->status), SUSPENDED);
	close_rig(&rig);
}

/* proves: dev:3.4/2 */
Test(instance_suspend, nothing_is_touched_while_it_is_suspended)
{
	uint8_t config[4] = { 1, 2, 3, 4 };
	uint64_t before;
	unsigned notified, changed;
	struct rig rig;

	run(&rig);
	rig.toy.hold = true;
	kick(&rig);
	toy_complete_held(&rig.toy);
	t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
	before = device_bytes(&rig);
	notified = rig.link.notified;
	changed = rig.link.config_changed;
	/* A device type that does what it should not, a transport that polls, and a driver that goes on. */
	for (int i = 0; i < 3; i++) {
		struct vri_devq *q = vri_instance_devq(rig.inst, 0);

		add(&rig);
		vri__instance_kicked(rig.inst, 0);
		vri_instance_schedule(rig.inst, 0);
		vri__instance_set_polled(rig.inst, i & 1);
		t_false(vri__instance_look(rig.inst));
		t_false(vri__instance_run(rig.inst));
		t_errno_eq(vri_devq_pop(q, &rig.toy.held[7]), -EAGAIN);
		t_errno_eq(vri_devq_push(q, &rig.toy.held[0], 0), -EAGAIN);
		t_errno_eq(vri_devq_rewind(q, 0), -EAGAIN);
		t_errno_eq(vri_devq_publish(q), -EAGAIN);
		t_errno_eq(vri_devq_notify(q), -EAGAIN);
		t_errno_eq(vri_devq_arm(q), -EAGAIN);
		t_errno_eq(vri_devq_wait(q, 0), -EAGAIN);
		vri_devq_suppress(q);
		t_ok(vri_instance_config_set(rig.inst, 0, config, 4));
	}
	t_eq(device_bytes(&rig), before);
	t_eq(rig.link.notified, notified);
	t_eq(rig.link.config_changed, changed);
	rig.toy.hold = false;
	vri__instance_set_polled(rig.inst, false);
	t_eq(write_status(&rig, RUN), RUN);
	vri__instance_run(rig.inst);
	t_eq(collect(&rig), 4);
	close_rig(&rig);
}

/* proves: dev:3.4/2 dev:3.4/4 */
Test(instance_suspend, a_config_change_is_shown_and_told_on_resume)
{
	uint8_t changed[2] = { 0xaa, 0xbb }, seen[TOY_CONFIG_SIZE], own[2];
	uint32_t generation, now;
	const uint8_t *shared;
	struct rig rig;

	run(&rig);
	shared = rig.region.base + rig.region.map.config.offset;
	t_ok(vri__instance_config_read(rig.inst, 0, seen, sizeof(seen), &generation));
	t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
	t_ok(vri_instance_config_set(rig.inst, 40, changed, 2));
	t_ok(vri_device_config_set(rig.dev, 8, changed, 1));
	/* The device has it, the driver not yet, whichever way it reads. */
	t_ok(vri_instance_config_get(rig.inst, 40, own, 2));
	t_mem_eq(own, changed, 2);
	t_ok(vri__instance_config_read(rig.inst, 0, seen, sizeof(seen), &now));
	for (unsigned i = 0; i < TOY_CONFIG_SIZE; i++) {
		t_eq(seen[i], i);
		t_eq(shared[i], i);
	}
	t_eq(now, generation);
	t_eq(rig.link.config_changed, 0);

	t_eq(write_status(&rig, RUN), RUN);
	t_eq(rig.link.config_changed, 1);
	t_ok(vri__instance_config_read(rig.inst, 0, seen, sizeof(seen), &now));
	t_ne(now, generation);
	t_eq(rig.link.generation, now);
	t_eq(seen[8], 0xaa);
	t_mem_eq(seen + 40, changed, 2);
	t_mem_eq(shared, seen, sizeof(seen));

	/* Nothing changed this time, and nothing is told. */
	t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
	t_eq(write_status(&rig, RUN), RUN);
	t_eq(rig.link.config_changed, 1);
	close_rig(&rig);
}

/* proves: dev:3.4/3 */
Test(instance_suspend, config_writes_of_the_driver_are_not_carried_out)
{
	uint8_t bytes[4] = { 9, 9, 9, 9 }, seen[4];
	uint32_t generation;
	struct rig rig;

	run(&rig);
	rig.toy.still_busy = true;
	t_eq(write_status(&rig, RUN | SUS), RUN);
	t_ok(vri__instance_config_read(rig.inst, TOY_WRITABLE_FIRST, seen, 4, &generation));
	/* Neither on the way ... */
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, bytes, 4,
					      &rig.why),
		   -EPROTO);
	rig.toy.still_busy = false;
	t_eq(vri__instance_get_status(rig.inst), SUSPENDED);
	/* ... nor there. */
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, bytes, 4,
					      &rig.why),
		   -EPROTO);
	t_eq(rig.toy.written, 0);
	t_eq(write_status(&rig, RUN), RUN);
	t_ok(vri__instance_config_read(rig.inst, TOY_WRITABLE_FIRST, seen, 4, &generation));
	t_eq(seen[0], TOY_WRITABLE_FIRST);
	t_ok(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, bytes, 4,
					&rig.why));
	close_rig(&rig);
}

/* A driver that does not keep to it: nothing that it asks for is done, and nothing breaks. */
Test(instance_suspend, no_queue_is_set_up_or_reset_meanwhile)
{
	struct vri_features set = default_set();
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	t_ok(set_queue(&rig, 0));
	t_eq(write_status(&rig, RUN), RUN);
	for (int suspended = 0; suspended < 2; suspended++) {
		rig.toy.still_busy = !suspended;
		t_eq(write_status(&rig, suspended ? SUSPENDED : RUN | SUS),
		     suspended ? SUSPENDED : RUN);
		t_errno_eq(set_queue(&rig, 0), -EPROTO);
		t_errno_eq(set_queue(&rig, 1), -EPROTO);
		t_errno_eq(vri__instance_reset_queue(rig.inst, 0, &rig.why), -EPROTO);
		t_errno_eq(vri__instance_set_features(rig.inst, &set, &rig.why), -EPROTO);
		rig.toy.still_busy = false;
		t_eq(vri__instance_get_status(rig.inst), SUSPENDED);
	}
	t_eq(write_status(&rig, RUN), RUN);
	t_null(vri_instance_devq(rig.inst, 1));
	drive(&rig, 0);
	kick(&rig);
	t_eq(collect(&rig), 1);
	close_rig(&rig);
}

/* proves: dev:2.4/1 dev:2.4/2 */
Test(instance_suspend, a_reset_ends_it_from_everywhere)
{
	struct rig rig;

	run(&rig);
	for (int i = 0; i < 4; i++) {
		rig.toy.hold = i & 1;
		rig.toy.still_busy = i == 2;
		kick(&rig);
		t_eq(write_status(&rig, RUN | SUS), i == 0 ? SUSPENDED : RUN);
		t_eq(write_status(&rig, 0), 0);
		t_null(vri_instance_devq(rig.inst, 0));
		rig.toy.still_busy = false;
		rig.toy.n_held = 0;
		t_eq(vri__instance_get_status(rig.inst), 0);
		drive(&rig, 0); /* zeroes what the driver writes */
		start(&rig);
		vri__instance_run(rig.inst);
	}
	t_eq(rig.toy.resumed, 0);
	t_eq(rig.toy.stopped, 4);
	close_rig(&rig);
}

/* proves: dev:3.4/5 */
Test(instance_suspend, a_device_that_cannot_needs_a_reset)
{
	struct rig rig;

	run(&rig);
	rig.toy.suspend_result = -EIO;
	t_eq(write_status(&rig, RUN | SUS), RUN | NRS);
	t_eq(rig.link.needs_reset, 1);
	t_eq(write_status(&rig, RUN | NRS | SUS), RUN | NRS);
	t_eq(write_status(&rig, 0), 0);
	close_rig(&rig);
}

/* proves: dev:3.4/6 */
Test(instance_suspend, a_device_that_cannot_go_on_needs_a_reset)
{
	struct rig rig;

	run(&rig);
	t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
	rig.toy.resume_result = -EIO;
	t_eq(write_status(&rig, RUN), RUN | NRS);
	t_eq(rig.link.needs_reset, 1);
	t_null(vri_instance_devq(rig.inst, 0));
	close_rig(&rig);
}

/* proves: dev:3.4/5 */
Test(instance_suspend, a_queue_that_breaks_on_the_way_needs_a_reset)
{
	struct rig rig;

	run(&rig);
	rig.toy.hold = true;
	kick(&rig);
	t_eq(write_status(&rig, RUN | SUS), RUN);
	vri__devq_break(vri_instance_devq(rig.inst, 0), VRI_RULE_DEVICE);
	vri__instance_run(rig.inst);
	t_eq(vri__instance_get_status(rig.inst), RUN | NRS);
	t_eq(rig.link.needs_reset, 1);
	close_rig(&rig);
}

/* proves: dev:3.4/4 dev:3.4/6 dev:2.1/3 */
Test(instance_suspend, a_device_that_gives_up_meanwhile_says_so_on_resume)
{
	struct rig rig;

	run(&rig);
	t_eq(write_status(&rig, RUN | SUS), SUSPENDED);
	vri_instance_fail(rig.inst, "the disk is gone");
	t_eq(vri__instance_get_status(rig.inst), SUSPENDED | NRS);
	t_eq(rig.link.needs_reset, 0);
	t_eq(rig.link.config_changed, 0);
	t_eq(write_status(&rig, RUN | NRS | SUS), SUSPENDED | NRS);
	t_eq(rig.link.needs_reset, 1);
	t_eq(rig.link.config_changed, 1);
	t_eq(write_status(&rig, RUN | NRS | SUS), SUSPENDED | NRS);
	t_eq(rig.link.needs_reset, 1);
	t_eq(rig.toy.resumed, 0);
	t_eq(write_status(&rig, 0), 0);
	start(&rig);
	close_rig(&rig);
}

Test(instance_suspend, the_driver_may_leave_at_any_time)
{
	for (int i = 0; i < 3; i++) {
		struct rig rig;

		run(&rig);
		rig.toy.hold = i == 1;
		kick(&rig);
		rig.toy.still_busy = i == 2;
		write_status(&rig, RUN | SUS);
		rig.toy.still_busy = false;
		close_rig(&rig);
		t_eq(rig.toy.stopped, 1);
	}
}

/* ---- which devices offer it ---- */

static bool is_offered(const struct vri_device_ops *ops)
{
	struct vri_device_info info = { .size = sizeof(info),
					.type = TOY_TYPE,
					.device_id = TOY_ID };
	struct vri_features offered;
	struct vri_device *dev;

	t_ok(vri_device_new(&info, ops, NULL, &dev));
	vri_device_features(dev, &offered);
	vri_device_unref(dev);
	return vri_features_has(&offered, VRI_F_SUSPEND);
}

/* proves: dev:2.2/3 */
Test(instance_suspend, threads_that_cannot_be_told_are_no_offer)
{
	struct vri_device_ops ops = toy_ops;

	ops.release = NULL;
	t_true(is_offered(&ops));
	ops.suspend = NULL;
	ops.is_suspended = NULL;
	ops.resume = NULL;
	t_true(is_offered(&ops)); /* the library pauses the turns */
	ops.process = NULL;
	t_false(is_offered(&ops));
	ops.suspend = toy_ops.suspend;
	ops.is_suspended = toy_ops.is_suspended;
	t_false(is_offered(&ops));
	ops.resume = toy_ops.resume;
	t_true(is_offered(&ops));
}
