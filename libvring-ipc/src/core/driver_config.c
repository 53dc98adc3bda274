/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The config space as the driver reads and writes it. virtio 1.4, 2.5 */
#include <errno.h>
#include <string.h>

#include "core/config.h"
#include "core/driver_impl.h"
#include "core/region_access.h"

static const uint32_t __shm *generation_word(const struct vri_driver *drv)
{
	const struct region_device __shm *block =
		(const void __shm *)(drv->base + drv->map.device_block.offset);

	return &block->config_generation;
}

/* From the region when the device leaves it alone for long enough, else by message: what a device answers is of one
 * generation, or the device lies to itself. */
static int read_once(struct vri_driver *drv, uint32_t offset, void *buf, uint32_t len,
		     uint32_t *ret_generation)
{
	int r = vri__config_snapshot(drv->base + drv->map.config.offset, generation_word(drv),
				     offset, buf, len, ret_generation);

	if (r != -EAGAIN)
		return r;
	if (drv->gone)
		return -ECONNRESET;
	r = drv->ops->config_read(drv->transport, offset, buf, len, ret_generation);
	if (r == 0 && (*ret_generation & 1))
		r = -EPROTO;
	return r == -EAGAIN ? -EPROTO : r;
}

int vri_driver_config_read(struct vri_driver *drv, uint32_t offset, void *ret_buf, uint32_t len)
{
	uint8_t copy[VRI_CONFIG_MAX];
	uint32_t generation;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if ((len && !ret_buf) || !vri__config_is_inside(drv->offer.config_size, offset, len))
		return -EINVAL;
	if (len == 0)
		return 0;
	r = read_once(drv, offset, copy, len, &generation);
	if (r < 0)
		return r;
	memcpy(ret_buf, copy, len);
	drv->config_generation = generation;
	return 0;
}

int vri_driver_config_write(struct vri_driver *drv, uint32_t offset, const void *buf, uint32_t len)
{
	uint32_t base;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (!buf || len == 0 || !vri__config_is_inside(drv->offer.config_size, offset, len))
		return -EINVAL;
	/* virtio 1.4, 3.4: the driver MUST NOT write to the config space once SUSPEND is written. */
	if (drv_has_queues(drv) && drv->state != DRV_RUNNING)
		return -EBUSY;
	/* virtio 1.4, 3.1.1: the driver MUST NOT write to the config space before FEATURES_OK. */
	if (drv->state != DRV_FEATURES_OK && drv->state != DRV_RUNNING)
		return -EOPNOTSUPP;
	if (drv->gone)
		return -ECONNRESET;
	base = drv->config_generation;
	r = drv->ops->config_write(drv->transport, base, offset, buf, len);
	/* When nothing but this write came after what was read, the next write may build on it. */
	if (r == 0 && config_begin_read(generation_word(drv)) == base + 2)
		drv->config_generation = base + 2;
	return r;
}

uint32_t vri_driver_config_generation(const struct vri_driver *drv)
{
	return vri__drv_check(drv) < 0 ? 0 : config_begin_read(generation_word(drv));
}
