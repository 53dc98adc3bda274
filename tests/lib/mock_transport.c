/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Transports without a peer. */
#include "mock_transport.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* ---- queues ---- */

static void queue_notify(void *ctx)
{
	unsigned *notified = ctx;

	(*notified)++;
}

const struct queue_ops mock_queue_ops = { .notify = queue_notify };

/* ---- for instances ---- */

static void link_config_changed(void *t, uint32_t generation)
{
	struct mock_link *link = t;

	link->config_changed++;
	link->generation = generation;
}

static void link_needs_reset(void *t, const char *why)
{
	struct mock_link *link = t;

	link->needs_reset++;
	snprintf(link->why, sizeof(link->why), "%s", why);
}

static void link_wants_run(void *t)
{
	struct mock_link *link = t;

	link->wants_run++;
}

static int link_queue_up(void *t, unsigned queue, const struct queue_ops **ret_ops, void **ret_ctx)
{
	struct mock_link *link = t;

	t_lt(queue, MOCK_QUEUES);
	if (link->queue_up_result < 0)
		return link->queue_up_result;
	link->up[queue]++;
	*ret_ops = &mock_queue_ops;
	*ret_ctx = &link->notified;
	return 0;
}

static void link_queue_down(void *t, unsigned queue)
{
	struct mock_link *link = t;

	link->down[queue]++;
}

static void link_released(void *t)
{
	struct mock_link *link = t;

	link->released++;
}

const struct instance_transport mock_instance_transport = {
	.config_changed = link_config_changed,
	.needs_reset = link_needs_reset,
	.wants_run = link_wants_run,
	.queue_up = link_queue_up,
	.queue_down = link_queue_down,
	.released = link_released,
};

/* ---- regions ---- */

void mock_region_init(struct mock_region *region, const struct region_plan *plan)
{
	static const uint8_t id[16] = { 0xab, 0xcd, 0x01 };
	struct mem_entry entry = { .access = VRI_ACCESS_READ_WRITE };

	*region = (struct mock_region){ .plan = *plan };
	t_ok(vri__region_plan(plan, id, &region->map));
	region->base = aligned_alloc(REGION_ALIGN, region->map.size);
	t_not_null(region->base);
	memset(region->base, 0, region->map.size);
	vri__region_format(region->base, &region->map);
	entry.size = region->map.size;
	entry.va = region->base;
	vri__region_window(&region->map, &entry.window_offset, &entry.window_size);
	t_ok(vri__mem_new(&region->mem));
	t_ok(vri__mem_add(region->mem, &entry));
}

void mock_region_fini(struct mock_region *region)
{
	vri__mem_free(region->mem);
	free(region->base);
}

struct queue_params mock_region_queue(const struct mock_region *region, unsigned queue,
				      unsigned size)
{
	struct region_queue_areas areas;

	vri__region_queue_areas(&region->map, &region->plan, queue, &areas);
	return (struct queue_params){
		.index = queue,
		.size = size,
		.desc = areas.desc,
		.driver = areas.driver,
		.device = areas.device,
	};
}

struct region_device *mock_region_device(const struct mock_region *region)
{
	return (void *)(region->base + region->map.device_block.offset);
}

/* ---- for drivers ---- */

__attribute__((format(printf, 2, 3))) static void note(struct mock_device *device,
						       const char *format, ...)
{
	size_t used = strlen(device->log);
	va_list args;

	device->calls++;
	va_start(args, format);
	vsnprintf(device->log + used, sizeof(device->log) - used, format, args);
	va_end(args);
}

static uint8_t answer(const struct mock_device *device)
{
	return (device->status | device->status_or) & (uint8_t)~device->status_and_not;
}

static int device_get_status(void *t, uint8_t *ret_status)
{
	struct mock_device *device = t;

	device->calls++;
	if (device->get_status_result < 0)
		return device->get_status_result;
	if (device->resets_pending && --device->resets_pending == 0)
		device->status = 0;
	if (device->suspend_pending && --device->suspend_pending == 0)
		device->status = device->status_wanted;
	*ret_status = answer(device);
	return 0;
}

/* SUSPEND and DRIVER_OK take each other's place: the bit that is not there yet is meant. */
static uint8_t status_of(const struct mock_device *device, uint8_t written)
{
	if (!(written & VRI_STATUS_SUSPEND) || !(written & VRI_STATUS_DRIVER_OK))
		return written;
	if (device->status & VRI_STATUS_SUSPEND)
		return written & (uint8_t)~VRI_STATUS_SUSPEND;
	return written & (uint8_t)~VRI_STATUS_DRIVER_OK;
}

static int device_set_status(void *t, uint8_t status, uint8_t *ret_status)
{
	struct mock_device *device = t;

	note(device, "status %u;", status);
	if (device->set_status_result < 0)
		return device->set_status_result;
	if (status == 0 && device->hangs_in_reset)
		*ret_status = device->status ? answer(device) : VRI_STATUS_ACKNOWLEDGE;
	else if (status == 0 && device->resets_pending)
		*ret_status = VRI_STATUS_ACKNOWLEDGE;
	else if (device->hangs_in_suspend && (status & VRI_STATUS_SUSPEND))
		*ret_status = answer(device);
	else if (device->suspend_pending && (status & VRI_STATUS_SUSPEND))
		device->status_wanted = status_of(device, status), *ret_status = answer(device);
	else
		device->status = status_of(device, status), *ret_status = answer(device);
	return 0;
}

static int device_get_features(void *t, struct vri_features *ret_offered)
{
	struct mock_device *device = t;

	note(device, "get features;");
	if (device->get_features_result < 0)
		return device->get_features_result;
	*ret_offered = device->offered;
	return 0;
}

static int device_set_features(void *t, const struct vri_features *acked)
{
	struct mock_device *device = t;

	note(device, "set features;");
	device->acked = *acked;
	return device->set_features_result;
}

static int device_config_read(void *t, uint32_t offset, void *buf, uint32_t len,
			      uint32_t *ret_generation)
{
	struct mock_device *device = t;

	note(device, "config read;");
	if (device->config_read_result < 0)
		return device->config_read_result;
	memcpy(buf, device->config + offset, len);
	*ret_generation = device->config_generation;
	return 0;
}

static int device_config_write(void *t, uint32_t generation, uint32_t offset, const void *buf,
			       uint32_t len)
{
	struct mock_device *device = t;

	note(device, "config write;");
	device->written_generation = generation;
	if (device->config_write_result < 0)
		return device->config_write_result;
	memcpy(device->config + offset, buf, len);
	return 0;
}

static int device_set_queue(void *t, const struct queue_params *params,
			    const struct queue_ops **ret_ops, void **ret_ctx)
{
	struct mock_device *device = t;

	note(device, "queue %u;", params->index);
	if (device->set_queue_result < 0)
		return device->set_queue_result;
	t_lt(params->index, MOCK_QUEUES);
	device->params[params->index] = *params;
	*ret_ops = &mock_queue_ops;
	*ret_ctx = &device->notified;
	return 0;
}

static int device_reset_queue(void *t, unsigned queue)
{
	struct mock_device *device = t;

	device->calls++;
	if (device->reset_queue_pending) {
		device->reset_queue_pending--;
		return -EAGAIN;
	}
	note(device, "reset queue %u;", queue);
	return device->reset_queue_result;
}

static int device_add_memory(void *t, int fd, uint64_t fd_offset, const struct mem_entry *entry)
{
	struct mock_device *device = t;

	note(device, "add memory;");
	device->memory_iova = entry->iova;
	return device->add_memory_result;
}

static int device_remove_memory(void *t, uint64_t iova)
{
	struct mock_device *device = t;

	note(device, "remove memory;");
	return device->remove_memory_result;
}

const struct driver_transport mock_driver_transport = {
	.get_status = device_get_status,
	.set_status = device_set_status,
	.get_features = device_get_features,
	.set_features = device_set_features,
	.config_read = device_config_read,
	.config_write = device_config_write,
	.set_queue = device_set_queue,
	.reset_queue = device_reset_queue,
	.add_memory = device_add_memory,
	.remove_memory = device_remove_memory,
};

void mock_device_init(struct mock_device *device)
{
	*device = (struct mock_device){
		.offer = {
			.type = "org.example.mock",
			.name = "mock",
			.device_id = VRI_ID_LOCAL_FIRST + 8,
			.vendor_id = 0x1234,
			.n_queues = 1,
			.queue_size_max = 64,
			.config_size = 32,
		},
	};
	vri_features_default(&device->offer.features);
	device->offered = device->offer.features;
	for (unsigned i = 0; i < 32; i++)
		device->config[i] = (uint8_t)(100 + i);
}

struct vri_driver *mock_device_driver(struct mock_device *device, const struct vri_link_opts *opts)
{
	struct driver_setup setup = {
		.offer = &device->offer,
		.ops = &mock_driver_transport,
		.transport = device,
		.opts = opts,
		.link_id = { 7 },
	};
	struct vri_driver *drv;

	t_ok(vri__driver_new(&setup, &drv));
	return drv;
}

struct region_device *mock_device_block(struct vri_driver *drv)
{
	uint8_t *base = vri__driver_region_base(drv);

	return (void *)(base + vri__driver_region_map(drv)->device_block.offset);
}
