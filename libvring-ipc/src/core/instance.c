/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* An instance: its life from attach to the last reference, and what its device type asks of it. */
#include "core/instance_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/device_impl.h"
#include "core/region_access.h"
#include "util/clock.h"

/* ---- making one ---- */

static int fit_region(struct vri_instance *inst, void __shm *base, const struct region_map *map)
{
	uint8_t __shm *at = base;
	unsigned n = vri__region_n_queues(map);

	if (n == 0 || n > inst->dev->n_queues || map->config.size < inst->dev->config_size)
		return -EPROTO;
	inst->has_region = true;
	inst->map = *map;
	inst->n_queues = n;
	inst->block = (void __shm *)(at + map->device_block.offset);
	inst->queue_blocks = (void __shm *)(inst->block + 1);
	inst->counters = (void __shm *)(at + map->device_counters.offset);
	return 0;
}

static int make_private_blocks(struct vri_instance *inst)
{
	inst->n_queues = inst->dev->n_queues;
	inst->private_blocks =
		calloc(1, sizeof(*inst->block) + inst->n_queues * sizeof(*inst->queue_blocks));
	if (!inst->private_blocks)
		return -ENOMEM;
	inst->block = shm_from(inst->private_blocks);
	inst->queue_blocks = (void __shm *)(inst->block + 1);
	return 0;
}

static int make_queues(struct vri_instance *inst)
{
	inst->queues = calloc(inst->n_queues, sizeof(*inst->queues));
	if (!inst->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		iq->inst = inst;
		iq->index = i;
		list_init(&iq->ready);
	}
	return 0;
}

static void publish(struct vri_instance *inst)
{
	const struct vri_device *dev = inst->dev;
	struct region_device __shm *block = inst->block;

	block_store_text(block->type, sizeof(block->type), dev->type);
	block_store_text(block->name, sizeof(block->name), dev->name);
	block_store32(&block->device_id, dev->device_id);
	block_store32(&block->vendor_id, dev->vendor_id);
	block_store64(&block->offered[0], dev->offered.word[0]);
	block_store64(&block->offered[1], dev->offered.word[1]);
	block_store32(&block->config_size, dev->config_size);
	block_store32(&block->n_queues, inst->n_queues);
	block_store32(&block->pid, (uint32_t)getpid());
	block_store64(&block->attached_ns, clock_boottime_ns());
	for (unsigned i = 0; i < inst->n_queues; i++)
		block_store32(&inst->queue_blocks[i].size_max, dev->queue_size_max);
	vri__instance_publish_status(inst, 0);
}

static void write_link_id(struct vri_instance *inst)
{
	for (unsigned i = 0; i < sizeof(inst->map.link_id); i++)
		snprintf(&inst->link_id[2 * i], 3, "%02x", inst->map.link_id[i]);
}

static void free_instance(struct vri_instance *inst)
{
	for (unsigned i = 0; inst->queues && i < inst->n_queues; i++)
		vri__inst_queue_forget(&inst->queues[i]);
	free(inst->queues);
	vri__instance_free_shared_memory(inst);
	vri__config_fini(&inst->config);
	free(inst->private_blocks);
	vri_device_unref(inst->dev);
	free(inst);
}

int vri__instance_new(struct vri_device *dev, const struct instance_transport *ops, void *transport,
		      struct vri_mem *mem, void __shm *region_base, const struct region_map *region,
		      struct vri_instance **ret_inst)
{
	struct vri_instance *inst = calloc(1, sizeof(*inst));
	int r;

	if (!inst)
		return -ENOMEM;
	atomic_init(&inst->refs, 1);
	inst->dev = vri_device_ref(dev);
	inst->ops = ops;
	inst->transport = transport;
	inst->mem = mem;
	list_init(&inst->of_device);
	list_init(&inst->ready);
	r = region ? fit_region(inst, region_base, region) : make_private_blocks(inst);
	if (r == 0)
		r = make_queues(inst);
	if (r == 0)
		r = vri__config_init(&inst->config, dev->config, dev->config_size,
				     region && dev->config_size ?
					     (uint8_t __shm *)region_base + region->config.offset :
					     NULL,
				     &inst->block->config_generation);
	if (r == 0)
		r = vri__instance_make_shared_memory(inst, region_base);
	if (r == 0 && dev->config_race == VRI_CONFIG_MERGE)
		r = vri__config_track(&inst->config);
	if (r < 0)
		goto fail;
	write_link_id(inst);
	publish(inst);
	list_add(&dev->instances, &inst->of_device);
	r = dev->ops.attach ? dev->ops.attach(inst) : 0;
	if (r < 0) {
		list_remove(&inst->of_device);
		goto fail;
	}
	*ret_inst = inst;
	return 0;
fail:
	free_instance(inst);
	return r;
}

void vri__instance_detach(struct vri_instance *inst)
{
	vri__instance_stop(inst);
	if (inst->dev->ops.detach)
		inst->dev->ops.detach(inst);
	list_remove(&inst->of_device);
	inst->detached = true;
	vri__device_linger(inst->dev, inst);
	vri_instance_unref(inst);
}

struct vri_instance *vri_instance_ref(struct vri_instance *inst)
{
	if (inst)
		atomic_fetch_add_explicit(&inst->refs, 1, memory_order_relaxed);
	return inst;
}

void vri_instance_unref(struct vri_instance *inst)
{
	const struct instance_transport *ops;
	void *transport;

	/* Acquire and release: what each holder did comes before what the last one frees. Pairs with itself. */
	if (!inst || atomic_fetch_sub_explicit(&inst->refs, 1, memory_order_acq_rel) != 1)
		return;
	ops = inst->ops;
	transport = inst->transport;
	free_instance(inst);
	if (ops->released)
		ops->released(transport);
}

/* ---- status ---- */

void vri__instance_publish_status(struct vri_instance *inst, uint8_t status)
{
	inst->status = status;
	block_store32(&inst->block->status, status);
}

void vri__instance_tell_needs_reset(struct vri_instance *inst, const char *why)
{
	inst->reset_untold = false;
	if (inst->ops->needs_reset)
		inst->ops->needs_reset(inst->transport, why);
	if (inst->ops->config_changed)
		inst->ops->config_changed(inst->transport, inst->config.generation);
}

void vri__instance_needs_reset(struct vri_instance *inst, const char *why)
{
	char text[REGION_TEXT_MAX];

	if (inst->detached || (inst->status & VRI_STATUS_NEEDS_RESET))
		return;
	vri__text_clean(text, sizeof(text), why, strlen(why));
	vri__log_limited(&inst->needs_reset_log, VRI_LOG_WARNING,
			 "%s: link %.8s: the device needs a reset: %s", inst->dev->name,
			 inst->link_id, text);
	block_store_text(inst->block->needs_reset_why, sizeof(inst->block->needs_reset_why), text);
	block_store64(&inst->block->needs_reset_ns, clock_boottime_ns());
	vri__instance_publish_status(inst, inst->status | VRI_STATUS_NEEDS_RESET);
	/* virtio 1.4, 2.1.2: if DRIVER_OK is set, after it sets DEVICE_NEEDS_RESET, the device MUST send a device
	 * configuration change notification to the driver. While it is suspended it may not; virtio 1.4, 3.4. */
	if (inst->status & VRI_STATUS_DRIVER_OK)
		vri__instance_tell_needs_reset(inst, text);
	else
		inst->reset_untold = inst->status & VRI_STATUS_SUSPEND;
}

void vri_instance_fail(struct vri_instance *inst, const char *why)
{
	if (!inst)
		return;
	for (unsigned i = 0; i < inst->n_queues; i++)
		vri__inst_queue_down(&inst->queues[i]);
	vri__instance_needs_reset(inst, why ? why : "the device gave up");
}

/* ---- getters ---- */

struct vri_device *vri_instance_device(const struct vri_instance *inst)
{
	return inst ? inst->dev : NULL;
}

void vri_instance_set_data(struct vri_instance *inst, void *data)
{
	if (inst)
		inst->data = data;
}

void *vri_instance_data(const struct vri_instance *inst)
{
	return inst ? inst->data : NULL;
}

const char *vri_instance_link_id(const struct vri_instance *inst)
{
	return inst ? inst->link_id : "";
}

uint8_t vri_instance_status(const struct vri_instance *inst)
{
	return inst ? inst->status : 0;
}

void vri_instance_features(const struct vri_instance *inst, struct vri_features *ret_negotiated)
{
	if (!inst || !ret_negotiated)
		return;
	if (inst->status & VRI_STATUS_FEATURES_OK)
		*ret_negotiated = inst->acked;
	else
		*ret_negotiated = (struct vri_features){ { 0 } };
}

struct vri_devq *vri_instance_devq(struct vri_instance *inst, unsigned queue)
{
	if (!inst || queue >= inst->n_queues || !inst->queues[queue].live)
		return NULL;
	return inst->queues[queue].q;
}

unsigned vri_instance_n_queues(const struct vri_instance *inst)
{
	return inst ? inst->n_queues : 0;
}

void vri_instance_schedule(struct vri_instance *inst, unsigned queue)
{
	if (inst && queue < inst->n_queues)
		vri__inst_queue_schedule(&inst->queues[queue]);
}

/* ---- the config space ---- */

int vri_instance_config_get(const struct vri_instance *inst, uint32_t offset, void *ret_buf,
			    uint32_t len)
{
	if (!inst || !ret_buf || !vri__config_is_inside(inst->config.size, offset, len))
		return -EINVAL;
	memcpy(ret_buf, inst->config.bytes + offset, len);
	return 0;
}

int vri_instance_config_set(struct vri_instance *inst, uint32_t offset, const void *buf,
			    uint32_t len)
{
	if (!inst || !buf || !vri__config_is_inside(inst->config.size, offset, len))
		return -EINVAL;
	vri__config_change(&inst->config, offset, buf, len);
	if (inst->detached)
		return 0;
	if (vri__config_publish(&inst->config, offset, len) &&
	    (inst->status & VRI_STATUS_DRIVER_OK) && inst->ops->config_changed)
		inst->ops->config_changed(inst->transport, inst->config.generation);
	return 0;
}
