/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What makes an instance need a reset, and what it says then. */
#include <endian.h>
#include <errno.h>

#include "instance_rig.h"
#include "test.h"

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
