/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's way through the status, virtio 1.4, 3.1.1.
 *
 *   reset, read back 0 - ACKNOWLEDGE - DRIVER - features read and written - FEATURES_OK, read back
 *   - queues - DRIVER_OK, read back
 *
 * Ways out: whatever cannot be gone on from sets FAILED, and only a reset leads out of that. A device that does not
 * answer a reset leaves its memory in quarantine.
 */
#include <errno.h>

#include "core/driver_impl.h"
#include "core/features.h"
#include "core/region_access.h"
#include "util/backoff.h"

/* ---- reset ---- */

/* virtio 1.4, 2.4.2: the driver SHOULD consider a driver-initiated reset complete when it reads device status as 0. */
static int reset_device(struct vri_driver *drv)
{
	struct backoff backoff = backoff_start(drv->timeout_ms);
	uint8_t status;
	int r;

	if (drv->gone)
		return -ECONNRESET;
	r = drv->ops->set_status(drv->transport, 0, &status);
	while (r == 0 && status != 0) {
		if (!backoff_pause(&backoff))
			return -ETIMEDOUT;
		r = drv->ops->get_status(drv->transport, &status);
	}
	return r;
}

static void publish_acked(struct vri_driver *drv)
{
	block_store64(&drv->block->acked[0], drv->negotiated.word[0]);
	block_store64(&drv->block->acked[1], drv->negotiated.word[1]);
}

int vri_driver_reset(struct vri_driver *drv)
{
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	r = reset_device(drv);
	/* virtio 1.4, 3.3.1: only now are exposed buffers the driver's again. If the device did not confirm, it may
	 * still write to them: they are given out, but not used again. */
	vri__drv_quarantine(drv, r < 0 && drv->lent);
	vri__drv_queues_stop(drv);
	drv->state = r < 0 ? DRV_FAILED : DRV_IDLE;
	drv->status = 0;
	drv->negotiated = (struct vri_features){ { 0 } };
	publish_acked(drv);
	if (r == 0) {
		drv->lent = false;
		drv->needs_reset = false;
		drv->needs_reset_told = false;
	}
	return r;
}

/* ---- steps ---- */

/* Adds one bit to the status and reads it back. Returns: 0; -EPROTO when the device did not take it. */
static int add_status(struct vri_driver *drv, uint8_t bit, uint8_t *ret_status)
{
	int r = drv->ops->set_status(drv->transport, drv->status | bit, ret_status);

	if (r < 0)
		return r;
	if (!(*ret_status & bit))
		return -EPROTO;
	drv->status |= bit;
	return 0;
}

int vri_driver_fail(struct vri_driver *drv)
{
	int r = vri__drv_check(drv);
	uint8_t status;

	if (r < 0)
		return r;
	/* The device goes on until it is reset. */
	vri__drv_quarantine(drv, drv->lent);
	vri__drv_queues_stop(drv);
	drv->state = DRV_FAILED;
	return drv->gone ? -ECONNRESET : add_status(drv, VRI_STATUS_FAILED, &status);
}

/* virtio 1.4, 3.1.1: if any of these steps go irrecoverably wrong, the driver SHOULD set FAILED. What went wrong first
 * is what counts. */
static int give_up(struct vri_driver *drv, const char *why, int error)
{
	vri__log(VRI_LOG_WARNING, "%s: %s", drv->offer.name, why);
	vri_driver_fail(drv);
	return error;
}

static int choose_features(struct vri_driver *drv, const struct vri_features *wanted,
			   const struct vri_features *required)
{
	uint32_t id = drv->offer.device_id;
	struct vri_features want, need = { { 0 } }, acked;
	const char *why;
	int r;

	r = drv->ops->get_features(drv->transport, &drv->offered);
	if (r < 0)
		return give_up(drv, "the features could not be read", r);
	/* virtio 1.4, 2.2.1: the driver MUST validate the feature bits offered. */
	r = vri__features_check_foreign_offer(id, &drv->offered, &why);
	if (r < 0)
		return give_up(drv, why, r);
	vri_features_default(&want);
	if (wanted)
		want = *wanted;
	if (required)
		need = *required;
	/* The region was laid out for one format when the link was opened; who requires the other is refused. */
	if (drv->plan.format == RING_PACKED)
		vri_features_set(&need, VRI_F_RING_PACKED);
	vri_features_or(&want, &need);
	if (drv->plan.format != RING_PACKED)
		vri_features_clear(&want, VRI_F_RING_PACKED);
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++)
		if (vri_features_has(&drv->refused, bit))
			vri_features_clear(&want, bit);
	vri_features_set(&need, VRI_F_VERSION_1);
	vri__features_pick(id, &drv->offered, &want, &acked);
	if (!vri_features_is_subset(&need, &acked))
		return give_up(drv, "a feature that is required is not offered", -EOPNOTSUPP);
	r = drv->ops->set_features(drv->transport, &acked);
	if (r < 0)
		return give_up(drv, "the features could not be written", r);
	drv->negotiated = acked;
	return 0;
}

int vri_driver_negotiate(struct vri_driver *drv, const struct vri_features *wanted,
			 const struct vri_features *required)
{
	int r = vri_driver_reset(drv);
	uint8_t status;

	if (r < 0)
		return r;
	drv->state = DRV_NEGOTIATING;
	r = add_status(drv, VRI_STATUS_ACKNOWLEDGE, &status);
	if (r == 0)
		r = add_status(drv, VRI_STATUS_DRIVER, &status);
	if (r < 0)
		return give_up(drv, "the device did not take the driver's status", r);
	r = choose_features(drv, wanted, required);
	if (r == 0) {
		/* virtio 1.4, 3.1.1, step 6: re-read the status to ensure that FEATURES_OK is still set. */
		r = add_status(drv, VRI_STATUS_FEATURES_OK, &status);
		if (r == -EPROTO)
			r = give_up(drv, "the device refused the features", -EOPNOTSUPP);
		else if (r < 0)
			r = give_up(drv, "FEATURES_OK could not be written", r);
	}
	if (r < 0) {
		drv->negotiated = (struct vri_features){ { 0 } };
		return r;
	}
	drv->state = DRV_FEATURES_OK;
	publish_acked(drv);
	return 0;
}

int vri_driver_run(struct vri_driver *drv)
{
	int r = vri__drv_check(drv);
	uint8_t status;

	if (r < 0)
		return r;
	if (drv->state != DRV_FEATURES_OK)
		return -EINVAL;
	for (unsigned i = 0; i < drv->n_queues && r == 0; i++)
		if (!drv->queues[i].is_set)
			r = vri__drv_queue_set(drv, i, drv->plan.queue_size);
	if (r < 0)
		return give_up(drv, "a queue could not be set up", r);
	/* From here on the device may have our buffers, whatever it answers. */
	drv->lent = true;
	r = add_status(drv, VRI_STATUS_DRIVER_OK, &status);
	if (r == -EPROTO || (r == 0 && (status & VRI_STATUS_NEEDS_RESET)))
		r = -ESHUTDOWN;
	if (r < 0)
		return give_up(drv, "the device did not start", r);
	drv->state = DRV_RUNNING;
	/* The first look at the deadlines, from which on there are others. */
	if (drv->deadline_ms && drv->ops->wake)
		drv->ops->wake(drv->transport);
	return 0;
}

int vri_driver_start(struct vri_driver *drv, const struct vri_features *wanted,
		     const struct vri_features *required)
{
	int r = vri_driver_negotiate(drv, wanted, required);

	return r < 0 ? r : vri_driver_run(drv);
}

int vri_driver_status(struct vri_driver *drv)
{
	uint8_t status;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (drv->gone)
		return -ECONNRESET;
	r = drv->ops->get_status(drv->transport, &status);
	return r < 0 ? r : status;
}
