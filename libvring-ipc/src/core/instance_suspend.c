/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * SUSPEND, the device's half. virtio 1.4, 3.4
 *
 * The driver writes SUSPEND - no queue takes a buffer any more - the chains in flight end and are made used - the last
 * notifications go out - queues and config space stand still - SUSPEND shows in the place of DRIVER_OK. The driver
 * writes DRIVER_OK - the queues are as they were - what the config space missed is shown and told - each queue is
 * looked at.
 * Ways out: the device type refuses, or gives up, on the way in or out: NEEDS_RESET. A reset, or the driver's end, at
 * any time. What is in flight and does not end keeps SUSPEND from showing, and the driver has its time limit.
 */
#include "core/device_impl.h"
#include "core/instance_impl.h"

bool vri__instance_is_suspended(const struct vri_instance *inst)
{
	return inst->suspending || (inst->status & VRI_STATUS_SUSPEND);
}

/* Threads of the device's own are in the queues until its is_suspended op says that they are not. */
static bool are_ours(const struct vri_instance *inst)
{
	return vri__device_takes_turns(inst->dev);
}

static bool has_drained(struct vri_instance *inst)
{
	if (inst->dev->ops.is_suspended && !inst->dev->ops.is_suspended(inst))
		return false;
	for (unsigned i = 0; i < inst->n_queues; i++)
		if (inst->queues[i].live && vri_devq_in_flight(inst->queues[i].q) > 0)
			return false;
	return true;
}

void vri__instance_finish_suspend(struct vri_instance *inst)
{
	if (!inst->suspending)
		return;
	/* virtio 1.4, 3.4: a device MUST either suspend or set DEVICE_NEEDS_RESET. */
	if (inst->status & VRI_STATUS_NEEDS_RESET) {
		inst->suspending = false;
		return;
	}
	if (!has_drained(inst))
		return;
	for (unsigned i = 0; i < inst->n_queues; i++) {
		if (!inst->queues[i].live)
			continue;
		vri_devq_notify(inst->queues[i].q);
		vri__devq_suspend(inst->queues[i].q);
	}
	vri__config_freeze(&inst->config);
	inst->suspending = false;
	vri__instance_publish_status(inst, (inst->status & (uint8_t)~VRI_STATUS_DRIVER_OK) |
						   VRI_STATUS_SUSPEND);
}

void vri__instance_suspend(struct vri_instance *inst)
{
	bool is_first = !inst->suspending;

	inst->suspending = true;
	for (unsigned i = 0; is_first && i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		list_remove(&iq->ready);
		if (iq->live && are_ours(inst))
			vri__devq_drain(iq->q);
	}
	if (is_first && inst->dev->ops.suspend && inst->dev->ops.suspend(inst) < 0)
		vri_instance_fail(inst, "the device could not be suspended");
	vri__instance_finish_suspend(inst);
}

void vri__instance_resume(struct vri_instance *inst)
{
	vri__instance_publish_status(inst, (inst->status & (uint8_t)~VRI_STATUS_SUSPEND) |
						   VRI_STATUS_DRIVER_OK);
	for (unsigned i = 0; i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		if (!iq->live)
			continue;
		vri__devq_resume(iq->q);
		if (inst->polled)
			vri_devq_suppress(iq->q);
	}
	if (inst->dev->ops.resume && inst->dev->ops.resume(inst) < 0) {
		vri__config_thaw(&inst->config);
		vri_instance_fail(inst, "the device could not be resumed");
		return;
	}
	/* virtio 1.4, 3.4: a device MUST send the notification of what changed meanwhile when it is resumed. */
	if (vri__config_thaw(&inst->config) && inst->ops->config_changed)
		inst->ops->config_changed(inst->transport, inst->config.generation);
	/* Buffers may have been there before, and kicks have come meanwhile. */
	for (unsigned i = 0; i < inst->n_queues; i++)
		vri__inst_queue_schedule(&inst->queues[i]);
}

void vri__instance_end_suspend(struct vri_instance *inst)
{
	inst->suspending = false;
	inst->reset_untold = false;
	vri__config_thaw(&inst->config);
}
