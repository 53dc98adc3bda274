/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Builds the fixed region. */
#include "synthetic.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>

#include <vring-ipc/spec.h>

#include "util/memfd.h"

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void *at(const struct synthetic *s, uint64_t offset)
{
	return s->base + offset;
}

static const struct region_plan plan = {
	.n_queues = 2,
	.queue_size = SYNTHETIC_SIZE,
	.indirect_max = 4,
	.config_size = sizeof(struct virtio_blk_config),
	.pool_size = 65536,
};

static void locate(struct synthetic *s)
{
	s->device = at(s, s->map.device_block.offset);
	s->device_queue = (struct region_device_queue *)(s->device + 1);
	s->driver = at(s, s->map.driver_block.offset);
	s->driver_queue = (struct region_driver_queue *)(s->driver + 1);
	s->device_counters = at(s, s->map.device_counters.offset);
	s->driver_counters = at(s, s->map.driver_counters.offset);
	s->desc = at(s, s->areas[0].desc);
	s->avail = at(s, s->areas[0].driver);
	s->used = at(s, s->areas[0].device);
	s->table = at(s, s->areas[0].tables);
	s->outstanding = at(s, s->areas[0].outstanding);
}

static void fill_device(struct synthetic *s)
{
	struct virtio_blk_config *config = at(s, s->map.config.offset);

	strcpy(s->device->type, "org.oasis-open.virtio.block");
	strcpy(s->device->name, "disk.img");
	s->device->device_id = htole32(VRI_ID_BLOCK);
	s->device->vendor_id = htole32(0x1af4);
	s->device->offered[0] = htole64(1ull << VRI_F_VERSION_1 | 1ull << VRI_F_EVENT_IDX |
					1ull << VRI_F_INDIRECT_DESC | 1ull << VIRTIO_BLK_F_SEG_MAX |
					1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_FLUSH);
	s->device->status = htole32(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				    VRI_STATUS_FEATURES_OK | VRI_STATUS_DRIVER_OK);
	s->device->config_generation = htole32(4);
	s->device->config_size = htole32(sizeof(*config));
	s->device->n_queues = htole32(2);
	s->device_queue[0].size_max = s->device_queue[1].size_max = htole32(SYNTHETIC_SIZE);
	s->device_queue[0].live = htole32(1);
	config->capacity = htole64(2048);
	config->seg_max = htole32(126);
	config->blk_size = htole32(4096);
	s->device_counters[0] = (struct region_counters){
		.buffers = htole64(1001),
		.bytes_readable = htole64(16032),
		.bytes_written = htole64(4101097),
		.notifications = htole64(9),
		.suppressed = htole64(992),
		.sleeps = htole64(3),
		.position = htole64(SYNTHETIC_DEVICE_POSITION),
	};
}

static void fill_driver(struct synthetic *s)
{
	struct region_driver_queue *q = &s->driver_queue[0];

	s->driver->acked[0] = htole64(1ull << VRI_F_VERSION_1 | 1ull << VRI_F_EVENT_IDX |
				      1ull << VRI_F_INDIRECT_DESC | 1ull << VIRTIO_BLK_F_SEG_MAX);
	s->driver->n_queues = htole32(2);
	q->size = htole32(SYNTHETIC_SIZE);
	q->desc = htole64(s->areas[0].desc);
	q->driver = htole64(s->areas[0].driver);
	q->device = htole64(s->areas[0].device);
	q->enabled = htole32(1);
	q->outstanding = htole64(s->areas[0].outstanding);
	s->driver_counters[0] = (struct region_counters){
		.buffers = htole64(1003),
		.bytes_readable = htole64(16064),
		.bytes_written = htole64(4097000),
		.notifications = htole64(4),
		.suppressed = htole64(999),
		.sleeps = htole64(7),
		.position = htole64(SYNTHETIC_DRIVER_POSITION),
	};
}

static void put(struct vring_desc *desc, uint64_t iova, uint32_t len, uint16_t flags, uint16_t next)
{
	desc->addr = htole64(iova);
	desc->len = htole32(len);
	desc->flags = htole16(flags);
	desc->next = htole16(next);
}

static void fill_ring(struct synthetic *s)
{
	uint64_t pool = s->map.pool.offset;
	struct vring_used_elem *used = s->used->ring;
	uint16_t *used_event = &s->avail->ring[SYNTHETIC_SIZE];
	uint16_t *avail_event = (uint16_t *)(void *)&used[SYNTHETIC_SIZE];

	put(&s->desc[0], pool, 16, VRING_DESC_F_NEXT, 1);
	put(&s->desc[1], pool + 4096, 4096, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2);
	put(&s->desc[2], pool + 16, 1, VRING_DESC_F_WRITE, 0);
	put(&s->desc[3], s->areas[0].tables, 3 * 16, VRING_DESC_F_INDIRECT, 0);
	put(&s->table[0], pool + 64, 16, VRING_DESC_F_NEXT, 1);
	put(&s->table[1], pool + 8192, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2);
	put(&s->table[2], pool + 80, 1, VRING_DESC_F_WRITE, 0);
	put(&s->desc[5], pool + 128, 16, VRING_DESC_F_NEXT, 6);
	put(&s->desc[6], pool + 144, 1, VRING_DESC_F_WRITE, 0);

	s->avail->ring[1000 % SYNTHETIC_SIZE] = htole16(0);
	s->avail->ring[1001 % SYNTHETIC_SIZE] = htole16(3);
	s->avail->ring[1002 % SYNTHETIC_SIZE] = htole16(5);
	s->avail->idx = htole16(SYNTHETIC_AVAIL_IDX);
	*used_event = htole16(1001);
	used[999 % SYNTHETIC_SIZE].id = htole32(7);
	used[999 % SYNTHETIC_SIZE].len = htole32(1);
	used[1000 % SYNTHETIC_SIZE].id = htole32(0);
	used[1000 % SYNTHETIC_SIZE].len = htole32(4097);
	s->used->idx = htole16(SYNTHETIC_USED_IDX);
	*avail_event = htole16(900);
	s->outstanding[0] = s->outstanding[3] = s->outstanding[5] = 1;
}

void synthetic_init(struct synthetic *s)
{
	uint8_t id[16];
	unsigned i;
	void *base;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)i;
	need(vri__region_plan(&plan, id, &s->map) == 0, "plan");
	s->fd = memfd_make(REGION_MEMFD_NAME, s->map.size);
	need(s->fd >= 0, "memfd");
	base = mmap(NULL, s->map.size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	need(base != MAP_FAILED, "mmap");
	s->base = base;
	for (i = 0; i < 2; i++)
		vri__region_queue_areas(&s->map, &plan, i, &s->areas[i]);
	locate(s);
	fill_device(s);
	fill_driver(s);
	fill_ring(s);
	vri__region_format(s->base, &s->map);
}

void synthetic_fini(struct synthetic *s)
{
	munmap(s->base, s->map.size);
	close(s->fd);
}
