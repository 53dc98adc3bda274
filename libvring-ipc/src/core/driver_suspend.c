/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * SUSPEND, the driver's half. virtio 1.4, 3.4
 *
 *   the queues take nothing new - SUSPEND is written - read back until it shows and DRIVER_OK does not
 *   DRIVER_OK is written - read back until it shows and SUSPEND does not - the queues take requests again
 *
 * Ways out: NEEDS_RESET; the time limit, after which the same call may be repeated; the device's end. Each leaves the
 * queues as they are, and a reset is always possible.
 */
#include <errno.h>

#include "core/driver_impl.h"
#include "util/backoff.h"

#define RUN_BITS (VRI_STATUS_DRIVER_OK | VRI_STATUS_SUSPEND)

/* Reads the status until exactly @bit of RUN_BITS is set. virtio 1.4, 3.4: the driver MUST re-read the status. */
static int await(struct vri_driver *drv, uint8_t bit, uint8_t status)
{
	struct backoff backoff = backoff_start(drv->timeout_ms);
	int r;

	while (!(status & VRI_STATUS_NEEDS_RESET) && (status & RUN_BITS) != bit) {
		if (!backoff_pause(&backoff))
			return -ETIMEDOUT;
		r = drv->ops->get_status(drv->transport, &status);
		if (r < 0)
			return r;
	}
	if (status & VRI_STATUS_NEEDS_RESET)
		return -ESHUTDOWN;
	drv->status = (uint8_t)((drv->status & ~RUN_BITS) | bit);
	return 0;
}

int vri_driver_suspend(struct vri_driver *drv)
{
	uint8_t status;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	/* virtio 1.4, 3.4: the driver SHOULD NOT set SUSPEND unless it is negotiated and DRIVER_OK is set. */
	if (drv->state != DRV_RUNNING && drv->state != DRV_SUSPENDING)
		return -EINVAL;
	if (!vri_driver_has_feature(drv, VRI_F_SUSPEND))
		return -EOPNOTSUPP;
	if (drv->gone)
		return -ECONNRESET;
	/* Before it is written: once it is, the driver MUST NOT make buffers available or notify. */
	for (unsigned i = 0; i < drv->plan.n_queues; i++)
		if (drv->queues[i].is_set)
			vri__drvq_suspend(drv->queues[i].q);
	drv->state = DRV_SUSPENDING;
	r = drv->ops->set_status(drv->transport, drv->status | VRI_STATUS_SUSPEND, &status);
	if (r == 0)
		r = await(drv, VRI_STATUS_SUSPEND, status);
	if (r == 0)
		drv->state = DRV_SUSPENDED;
	return r;
}

/* A resume that timed out may have come through, and then the same write would suspend the device again. */
static int write_driver_ok(struct vri_driver *drv, uint8_t *ret_status)
{
	int r = drv->ops->get_status(drv->transport, ret_status);

	if (r < 0 || !(*ret_status & VRI_STATUS_SUSPEND))
		return r;
	return drv->ops->set_status(drv->transport, drv->status | VRI_STATUS_DRIVER_OK, ret_status);
}

int vri_driver_resume(struct vri_driver *drv)
{
	uint8_t status;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (drv->state != DRV_SUSPENDED && drv->state != DRV_RESUMING)
		return -EINVAL;
	if (drv->gone)
		return -ECONNRESET;
	drv->state = DRV_RESUMING;
	r = write_driver_ok(drv, &status);
	if (r == 0)
		r = await(drv, VRI_STATUS_DRIVER_OK, status);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < drv->plan.n_queues; i++)
		if (drv->queues[i].is_set)
			vri__drvq_resume(drv->queues[i].q);
	drv->state = DRV_RUNNING;
	/* The deadlines count again. */
	if (drv->deadline_ms && drv->ops->wake)
		drv->ops->wake(drv->transport);
	return 0;
}
