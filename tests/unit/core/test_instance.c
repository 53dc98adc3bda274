/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's half: attached, status and features as a driver asks for them, in order and out of it, and its end. */
#include <endian.h>
#include <errno.h>

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
