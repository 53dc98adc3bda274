/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The shared memory regions of an instance. They are made with it and end with it: a reset leaves them
 * as they are. None of them is the link's region, which holds what controls the device.
 * virtio 1.4, 2.10.2: shared memory regions MUST NOT expose [...] regions which are used to control
 * the operation of the device, nor to stream data.
 */
#include <errno.h>
#include <fcntl.h>

#include "core/device_impl.h"
#include "core/instance_impl.h"
#include "core/region_access.h"

static const struct shared_memory *memory_of(const struct vri_instance *inst, unsigned at)
{
	return inst->dev->shared[at].common ? &inst->dev->common[at] : &inst->shared[at];
}

/* For the inspector. A driver of an earlier version left no room for it. */
static void publish(struct vri_instance *inst, void __shm *region_base)
{
	const struct vri_device *dev = inst->dev;
	struct region_shared_memory __shm *to;

	if (!inst->has_region || inst->map.shared_memory.size < dev->n_shared * sizeof(*to))
		return;
	to = (void __shm *)((uint8_t __shm *)region_base + inst->map.shared_memory.offset);
	for (unsigned i = 0; i < dev->n_shared; i++) {
		const struct vri_shared_memory *s = &dev->shared[i];

		block_store32(&to[i].id, s->id);
		block_store32(&to[i].flags, (s->writable ? REGION_SHARED_WRITABLE : 0) |
						    (s->common ? REGION_SHARED_COMMON : 0));
		block_store64(&to[i].size, s->size);
	}
}

int vri__instance_make_shared_memory(struct vri_instance *inst, void __shm *region_base)
{
	const struct vri_device *dev = inst->dev;

	for (unsigned i = 0; i < dev->n_shared; i++) {
		int r = 0;

		if (!dev->shared[i].common)
			r = vri__shared_memory_make(&inst->shared[i], &dev->shared[i]);
		if (r < 0)
			return r;
	}
	publish(inst, region_base);
	return 0;
}

void vri__instance_free_shared_memory(struct vri_instance *inst)
{
	for (unsigned i = 0; i < inst->dev->n_shared; i++)
		vri__shared_memory_free(&inst->shared[i]);
}

void *vri_instance_shared_memory(struct vri_instance *inst, uint8_t id, uint64_t *ret_size)
{
	unsigned at;

	if (!inst)
		return NULL;
	at = vri__shared_memory_find(inst->dev->shared, inst->dev->n_shared, id);
	if (at == inst->dev->n_shared)
		return NULL;
	if (ret_size)
		*ret_size = inst->dev->shared[at].size;
	return shm_payload(memory_of(inst, at)->base);
}

int vri__instance_get_shared_memory(struct vri_instance *inst, uint8_t id,
				    struct vri_shared_memory *ret, int *ret_fd,
				    const char **ret_why)
{
	unsigned at = vri__shared_memory_find(inst->dev->shared, inst->dev->n_shared, id);

	if (at == inst->dev->n_shared) {
		*ret_why = "there is no such shared memory region";
		return -EINVAL;
	}
	*ret_fd = fcntl(memory_of(inst, at)->fd, F_DUPFD_CLOEXEC, 0);
	if (*ret_fd < 0) {
		*ret_why = "the device has no descriptor left";
		return -ENOMEM;
	}
	*ret = inst->dev->shared[at];
	return 0;
}
