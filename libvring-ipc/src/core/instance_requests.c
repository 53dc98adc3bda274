/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the driver asks of an instance: each request checked against the status, the limits and the features. */
#include <errno.h>
#include <string.h>

#include "core/device_impl.h"
#include "core/features.h"
#include "core/instance_impl.h"
#include "core/ring_access.h"
#include "core/ring_layout.h"
#include "core/status.h"

static int refuse(struct vri_instance *inst, const char **ret_why, const char *why)
{
	vri__log_limited(&inst->refused_log, VRI_LOG_WARNING, "%s: link %.8s: refused: %s",
			 inst->dev->name, inst->link_id, why);
	*ret_why = why;
	return -EPROTO;
}

/* ---- status ---- */

bool vri__instance_finish_reset(struct vri_instance *inst)
{
	if (!inst->resetting)
		return true;
	if (inst->dev->ops.is_stopped && !inst->dev->ops.is_stopped(inst))
		return false;
	/* virtio 1.4, 2.4.1: a device MUST reinitialise device status to 0 after receiving a reset. */
	inst->resetting = false;
	inst->acked = (struct vri_features){ { 0 } };
	vri__instance_publish_status(inst, 0);
	return true;
}

static void reset(struct vri_instance *inst)
{
	if (!inst->resetting) {
		vri__instance_stop(inst);
		inst->resetting = true;
	}
	vri__instance_finish_reset(inst);
}

/* virtio 1.4, 2.2.2: if a device supports the subset, it SHOULD accept FEATURES_OK, else it MUST leave it unset. */
static bool features_are_workable(struct vri_instance *inst)
{
	const struct vri_device *dev = inst->dev;
	const char *why;

	if (vri__features_check_acked(dev->device_id, &dev->offered, &inst->acked, &why) < 0) {
		refuse(inst, &why, why);
		return false;
	}
	if (dev->ops.check_features && dev->ops.check_features(inst, &inst->acked) < 0) {
		refuse(inst, &why, "the device cannot work with these features");
		return false;
	}
	return true;
}

/* virtio 1.4, 3.1.1, step 8: from here on the device is live. */
static void start(struct vri_instance *inst)
{
	const char *why = NULL;

	vri__instance_publish_status(inst, inst->status | VRI_STATUS_DRIVER_OK);
	for (unsigned i = 0; i < inst->n_queues && !why; i++)
		if (inst->queues[i].set_up && vri__inst_queue_up(&inst->queues[i]) < 0)
			why = "a queue could not be made";
	if (!why && inst->dev->ops.start && inst->dev->ops.start(inst) < 0)
		why = "the device could not start";
	if (why) {
		vri_instance_fail(inst, why);
		return;
	}
	inst->started = true;
	/* Each queue is looked at once: a kick may have come before it was live. */
	for (unsigned i = 0; i < inst->n_queues; i++)
		vri__inst_queue_schedule(&inst->queues[i]);
}

uint8_t vri__instance_get_status(struct vri_instance *inst)
{
	vri__instance_finish_reset(inst);
	vri__instance_finish_suspend(inst);
	return inst->status;
}

int vri__instance_set_status(struct vri_instance *inst, uint8_t status, uint8_t *ret_status,
			     const char **ret_why)
{
	struct status_step step;
	const char *why;

	if (!vri__instance_finish_reset(inst) && status != 0)
		return refuse(inst, ret_why, "the status was written before the reset was over");
	if (vri__status_write(inst->status, status, vri_features_has(&inst->acked, VRI_F_SUSPEND),
			      &step, &why) < 0)
		return refuse(inst, ret_why, why);
	switch (step.action) {
	case STATUS_RESET:
		reset(inst);
		break;
	case STATUS_CHECK_FEATURES:
		if (!features_are_workable(inst))
			step.status &= (uint8_t)~VRI_STATUS_FEATURES_OK;
		vri__instance_publish_status(inst, step.status);
		break;
	case STATUS_START:
		start(inst);
		break;
	case STATUS_SUSPEND:
		vri__instance_suspend(inst);
		break;
	case STATUS_RESUME:
		vri__instance_resume(inst);
		break;
	case STATUS_STORE:
		vri__instance_publish_status(inst, step.status);
		if (inst->reset_untold && (status & VRI_STATUS_DRIVER_OK))
			vri__instance_tell_needs_reset(inst, "the device gave up while suspended");
		break;
	}
	*ret_status = inst->status;
	return 0;
}

/* ---- features ---- */

int vri__instance_set_features(struct vri_instance *inst, const struct vri_features *acked,
			       const char **ret_why)
{
	if (inst->resetting)
		return refuse(inst, ret_why, "features were written before the reset was over");
	/* Several times is fine: drivers write, look at the config space, and write again. */
	if (!(inst->status & VRI_STATUS_DRIVER))
		return refuse(inst, ret_why, "features were written before DRIVER");
	/* virtio 1.4, 3.1.1: the driver MUST NOT accept new feature bits after FEATURES_OK. */
	if (inst->status & VRI_STATUS_FEATURES_OK)
		return refuse(inst, ret_why, "features were written after FEATURES_OK");
	inst->acked = *acked;
	return 0;
}

/* ---- the config space ---- */

int vri__instance_config_read(const struct vri_instance *inst, uint32_t offset, void *buf,
			      uint32_t len, uint32_t *ret_generation)
{
	if (!vri__config_is_inside(inst->config.size, offset, len))
		return -EPROTO;
	memcpy(buf, inst->config.shown + offset, len);
	*ret_generation = inst->config.generation;
	return 0;
}

/* Only bytes that are the driver's, and whole fields: none may begin before the write or go on behind it. */
static bool may_write(const struct vri_device *dev, uint32_t offset, uint32_t len)
{
	uint32_t end = offset + len;

	for (uint32_t i = offset; i < end; i++)
		if (!(dev->config_writable[i] & CONFIG_WRITABLE))
			return false;
	return !(dev->config_writable[offset] & CONFIG_JOINED) &&
	       (end == dev->config_size || !(dev->config_writable[end] & CONFIG_JOINED));
}

/* The config space is newer than what the driver based its write on. Returns: 0, and the write goes into it; -EAGAIN. */
static int settle_race(struct vri_instance *inst, uint32_t generation, uint32_t offset,
		       const void *buf, uint32_t len)
{
	if (inst->dev->config_race != VRI_CONFIG_MERGE)
		return -EAGAIN;
	if (!vri__config_has_changed(&inst->config, generation, offset, len))
		return 0;
	if (!inst->dev->ops.config_conflict ||
	    inst->dev->ops.config_conflict(inst, offset, buf, len) < 0)
		return -EAGAIN;
	return 0;
}

int vri__instance_config_write(struct vri_instance *inst, uint32_t generation, uint32_t offset,
			       const void *buf, uint32_t len, const char **ret_why)
{
	uint8_t before[VRI_CONFIG_MAX];
	int r;

	/* virtio 1.4, 3.1.1: the driver MUST NOT write to the config space while it negotiates. */
	if (!(inst->status & VRI_STATUS_FEATURES_OK) || inst->resetting)
		return refuse(inst, ret_why, "the config space was written before FEATURES_OK");
	/* virtio 1.4, 3.4: while it is suspended the device SHOULD ignore them. */
	if (vri__instance_is_suspended(inst))
		return refuse(inst, ret_why, "the config space was written while suspended");
	if (len == 0 || !vri__config_is_inside(inst->config.size, offset, len))
		return refuse(inst, ret_why, "a write outside of the config space");
	if (!may_write(inst->dev, offset, len))
		return -EPERM;
	if (generation != inst->config.generation) {
		r = settle_race(inst, generation, offset, buf, len);
		if (r < 0)
			return r;
	}
	memcpy(before, inst->config.bytes + offset, len);
	memcpy(inst->config.bytes + offset, buf, len);
	r = inst->dev->ops.config_written ? inst->dev->ops.config_written(inst, offset, len) : 0;
	if (r < 0) {
		memcpy(inst->config.bytes + offset, before, len);
		return r == -EAGAIN ? -EPERM : r;
	}
	vri__config_publish(&inst->config, offset, len);
	return 0;
}

/* ---- queues ---- */

static bool is_in(const struct region_part *part, uint64_t iova, uint64_t len)
{
	return iova >= part->offset && len <= part->size && iova - part->offset <= part->size - len;
}

/* In a region each area has its part: no ring lies over a block, a buffer, or what the other side writes. */
static bool areas_are_in_their_parts(const struct region_map *map, enum ring_format format,
				     const struct queue_params *params)
{
	return is_in(format == RING_PACKED ? &map->shared_rings : &map->driver_rings, params->desc,
		     ring_area_bytes(format, RING_DESC_AREA, params->size)) &&
	       is_in(&map->driver_rings, params->driver,
		     ring_area_bytes(format, RING_DRIVER_AREA, params->size)) &&
	       is_in(&map->device_rings, params->device,
		     ring_area_bytes(format, RING_DEVICE_AREA, params->size));
}

static enum ring_format format_of(const struct vri_instance *inst)
{
	return vri_features_has(&inst->acked, VRI_F_RING_PACKED) ? RING_PACKED : RING_SPLIT;
}

static const char *check_areas(const struct vri_instance *inst, const struct queue_params *params)
{
	enum ring_format format = format_of(inst);
	uint64_t iova[RING_AREAS] = { params->desc, params->driver, params->device };
	const char *why;

	if (params->size > inst->dev->queue_size_max)
		return "the queue is larger than the device allows";
	if (ring_check_areas(format, iova, params->size, &why) < 0)
		return why;
	if (inst->has_region && !areas_are_in_their_parts(&inst->map, format, params))
		return "a ring is not in its part of the region";
	return NULL;
}

void vri__inst_queue_release_areas(struct inst_queue *iq)
{
	for (enum ring_area i = 0; iq->set_up && i < RING_AREAS; i++)
		vri__area_set_remove(&iq->inst->areas, &iq->area[i]);
	iq->set_up = false;
}

/* Whatever the queue had before is free again, also when this fails. */
static int claim_areas(struct inst_queue *iq, const struct queue_params *params)
{
	const uint64_t iova[RING_AREAS] = { params->desc, params->driver, params->device };
	enum ring_format format = format_of(iq->inst);
	int r = 0;

	vri__inst_queue_release_areas(iq);
	for (enum ring_area i = 0; i < RING_AREAS; i++) {
		iq->area[i].first = iova[i];
		iq->area[i].end = iova[i] + ring_area_bytes(format, i, params->size);
		r = vri__area_set_add(&iq->inst->areas, &iq->area[i]);
		if (r == 0)
			continue;
		while (i-- > 0)
			vri__area_set_remove(&iq->inst->areas, &iq->area[i]);
		return r;
	}
	iq->set_up = true;
	return 0;
}

static void __shm *translate_area(const struct vri_instance *inst, enum ring_area area,
				  uint64_t iova, unsigned size)
{
	enum ring_format format = format_of(inst);

	return vri__mem_translate_ring(inst->mem, iova, ring_area_bytes(format, area, size),
				       ring_area_align(format, area));
}

static bool translate_areas(const struct vri_instance *inst, struct inst_queue *iq,
			    const struct queue_params *params)
{
	iq->desc = translate_area(inst, RING_DESC_AREA, params->desc, params->size);
	iq->driver = translate_area(inst, RING_DRIVER_AREA, params->driver, params->size);
	iq->device = translate_area(inst, RING_DEVICE_AREA, params->device, params->size);
	return iq->desc && iq->driver && iq->device;
}

/* A queue is set up between FEATURES_OK and DRIVER_OK, or again after its own reset. virtio 1.4, 3.1.1, 2.6.1 */
static const char *check_time(const struct vri_instance *inst, const struct inst_queue *iq)
{
	if (!(inst->status & VRI_STATUS_FEATURES_OK) || inst->resetting)
		return "a queue was set up before FEATURES_OK";
	if (vri__instance_is_suspended(inst))
		return "a queue was set up while the device is suspended";
	if (!(inst->status & VRI_STATUS_DRIVER_OK))
		return NULL;
	if (!vri_features_has(&inst->acked, VRI_F_RING_RESET))
		return "a queue was set up after DRIVER_OK";
	if (iq->set_up)
		return "a queue was set up again without its reset";
	if (inst->status & VRI_STATUS_NEEDS_RESET)
		return "the device needs a reset";
	return NULL;
}

int vri__instance_set_queue(struct vri_instance *inst, const struct queue_params *params,
			    const char **ret_why)
{
	struct inst_queue *iq;
	const char *why;
	int r;

	if (params->index >= inst->n_queues)
		return refuse(inst, ret_why, "there is no such queue");
	iq = &inst->queues[params->index];
	why = check_time(inst, iq);
	if (!why)
		why = check_areas(inst, params);
	if (!why && !translate_areas(inst, iq, params))
		why = "a ring is not inside of the shared memory";
	if (why)
		return refuse(inst, ret_why, why);
	r = claim_areas(iq, params);
	if (r == -EEXIST)
		return refuse(inst, ret_why, "the rings of two queues overlap");
	if (r < 0)
		return r;

	/* A ring that is used again starts from zeros, and who writes an area zeroes it. Elsewhere (vhost-user) the
	 * memory belongs to a driver that has prepared all of it. */
	if (inst->has_region)
		ring_zero_area(iq->device,
			       ring_area_bytes(format_of(inst), RING_DEVICE_AREA, params->size));
	iq->params = *params;
	if (!(inst->status & VRI_STATUS_DRIVER_OK))
		return 0;
	r = vri__inst_queue_up(iq);
	if (r < 0) {
		vri__inst_queue_release_areas(iq);
		return r == -EPROTO ? -ENOMEM : r;
	}
	vri__inst_queue_schedule(iq);
	return 0;
}
