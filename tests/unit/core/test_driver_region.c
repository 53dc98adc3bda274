/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The region as a driver lays it out, and what it shows in there. */
#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include <linux/virtio_ring.h>

#include "core/region_access.h"
#include "driver_rig.h"
#include "leaks.h"
#include "test.h"
#include "util/clock.h"

/* faults: B17 */
Test(driver, the_region_shows_nothing_but_what_is_published)
{
	const struct region_map *map;
	const struct region_driver *block;
	uint8_t *base;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	map = vri__driver_region_map(rig.drv);
	block = (void *)(base + map->driver_block.offset);
	t_eq(le32toh(block->n_queues), 1);
	t_eq(le64toh(block->acked[0]), rig.device.acked.word[0]);
	for (unsigned i = 0; i < sizeof(block->reserved); i++)
		t_eq(block->reserved[i], 0);
	for (uint64_t i = 64 + 32 * 10; i < REGION_ALIGN; i++)
		t_eq(base[i], 0); /* the header's page */
	for (uint64_t i = map->driver_block.offset + map->driver_block.size; i < map->config.offset;
	     i++)
		t_eq(base[i], 0);
	for (uint64_t i = map->driver_rings.offset; i < map->size; i++)
		if (i < map->tables.offset || i >= map->pool.offset)
			t_eq(base[i], 0);
	close_rig(&rig);
}

Test(driver, the_blocks_say_what_is_true)
{
	struct region_driver_queue *queue;
	struct region_driver *block;
	struct rig rig;
	uint8_t *base;

	open_rig(&rig);
	base = vri__driver_region_base(rig.drv);
	block = (void *)(base + vri__driver_region_map(rig.drv)->driver_block.offset);
	queue = (void *)(block + 1);
	t_eq(le32toh(block->pid), getpid());
	t_ne(le64toh(block->attached_ns), 0);
	t_eq(queue->enabled, 0);
	start(&rig);
	t_eq(le32toh(queue->enabled), 1);
	t_eq(le32toh(queue->size), 64);
	t_eq(le64toh(queue->desc), rig.device.params[0].desc);
	t_eq(le64toh(queue->last_sleep_ns), 0);
	lend(&rig);
	t_eq(base[le64toh(queue->outstanding) + 0] | base[le64toh(queue->outstanding) + 63], 1);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(le32toh(queue->enabled), 0);
	t_eq(le64toh(block->acked[0]), 0);
	close_rig(&rig);
}

/* What a program with an event loop of its own calls before it sleeps. */
Test(driver, a_queue_that_is_armed_and_empty_says_when)
{
	struct region_driver_queue *queue;
	struct vring_used *used;
	struct rig rig;
	uint64_t before;
	uint8_t *base;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	queue = (void *)(base + vri__driver_region_map(rig.drv)->driver_block.offset +
			 sizeof(struct region_driver));
	used = (void *)(base + rig.device.params[0].device);
	lend(&rig);
	/* With a used buffer there it does not sleep. */
	used->idx = htole16(1);
	t_eq(vri_drvq_arm(vri_driver_drvq(rig.drv, 0)), 1);
	t_eq(le64toh(queue->last_sleep_ns), 0);
	used->idx = 0;
	before = clock_boottime_ns();
	t_eq(vri_drvq_arm(vri_driver_drvq(rig.drv, 0)), 0);
	t_ge(le64toh(queue->last_sleep_ns), before);
	t_le(le64toh(queue->last_sleep_ns), clock_boottime_ns());
	close_rig(&rig);
}

static const struct vri_link_opts bad_opts[] = {
	{ .size = sizeof(struct vri_link_opts), .n_queues = 2 },
	{ .size = sizeof(struct vri_link_opts), .queue_size = 128 },
	{ .size = sizeof(struct vri_link_opts), .queue_size = 7 },
	{ .size = sizeof(struct vri_link_opts), .indirect_max = 40000 },
	{ .size = sizeof(struct vri_link_opts), .pool_size = SIZE_MAX },
	{ .size = 3 },
};

TestEach(driver, options_beyond_the_limits_are_refused, bad_opts, struct vri_link_opts)
{
	struct mock_device device;
	struct driver_setup setup = {
		.offer = &device.offer,
		.ops = &mock_driver_transport,
		.transport = &device,
		.opts = param,
	};
	struct vri_driver *drv = NULL;
	struct leaks leaks;

	leaks_begin(&leaks);
	mock_device_init(&device);
	t_errno_eq(vri__driver_new(&setup, &drv), -EINVAL);
	t_null(drv);
	leaks_check(&leaks);
}
