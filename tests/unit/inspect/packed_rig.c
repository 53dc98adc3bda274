/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Builds the region and its two sides. */
#include "packed_rig.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/memory.h>
#include <vring-ipc/spec.h>

#include "core/memtab.h"
#include "test.h"
#include "util/memfd.h"

static const struct queue_ops no_ops = { .notify = NULL };

static struct vri_features features(const struct packed_rig_setup *setup)
{
	struct vri_features set = { { 0 } };

	vri_features_set(&set, VRI_F_VERSION_1);
	vri_features_set(&set, VRI_F_RING_PACKED);
	if (setup->event_idx)
		vri_features_set(&set, VRI_F_EVENT_IDX);
	if (setup->indirect)
		vri_features_set(&set, VRI_F_INDIRECT_DESC);
	if (setup->in_order)
		vri_features_set(&set, VRI_F_IN_ORDER);
	return set;
}

static void make_region(struct packed_rig *rig)
{
	const struct region_plan plan = {
		.n_queues = 1,
		.format = RING_PACKED,
		.queue_size = rig->setup.size,
		.indirect_max = 8,
		.pool_size = 65536,
	};
	uint8_t id[16];
	unsigned i;
	void *base;

	for (i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(0x10 + i);
	t_ok(vri__region_plan(&plan, id, &rig->map));
	rig->fd = memfd_make(REGION_MEMFD_NAME, rig->map.size);
	t_ok(rig->fd);
	base = mmap(NULL, rig->map.size, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	t_true(base != MAP_FAILED);
	rig->base = base;
	vri__region_queue_areas(&rig->map, &plan, 0, &rig->areas);
	vri__region_format(rig->base, &rig->map);
}

static void locate(struct packed_rig *rig)
{
	uint8_t *base = rig->base;

	rig->device = (void *)(base + rig->map.device_block.offset);
	rig->device_queue = (void *)(rig->device + 1);
	rig->driver = (void *)(base + rig->map.driver_block.offset);
	rig->driver_queue = (void *)(rig->driver + 1);
	rig->device_counters = (void *)(base + rig->map.device_counters.offset);
	rig->driver_counters = (void *)(base + rig->map.driver_counters.offset);
	rig->ring = (void *)(base + rig->areas.desc);
	rig->driver_event = (void *)(base + rig->areas.driver);
	rig->device_event = (void *)(base + rig->areas.device);
	rig->outstanding = base + rig->areas.outstanding;
}

static void fill_blocks(struct packed_rig *rig)
{
	struct vri_features set = features(&rig->setup);

	strcpy(rig->device->type, "org.example.packed");
	strcpy(rig->device->name, "rig");
	rig->device->device_id = htole32(VRI_ID_LOCAL_FIRST);
	rig->device->status = htole32(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				      VRI_STATUS_FEATURES_OK | VRI_STATUS_DRIVER_OK);
	rig->device->n_queues = htole32(1);
	rig->device->offered[0] = rig->driver->acked[0] = htole64(set.word[0]);
	rig->device_queue->size_max = htole32(rig->setup.size);
	rig->device_queue->live = htole32(1);
	rig->driver->n_queues = htole32(1);
	rig->driver_queue->format = htole32(VRI_INSPECT_PACKED);
	rig->driver_queue->size = htole32(rig->setup.size);
	rig->driver_queue->desc = htole64(rig->areas.desc);
	rig->driver_queue->driver = htole64(rig->areas.driver);
	rig->driver_queue->device = htole64(rig->areas.device);
	rig->driver_queue->enabled = htole32(1);
	rig->driver_queue->outstanding = htole64(rig->areas.outstanding);
}

static void make_sides(struct packed_rig *rig)
{
	struct mem_entry entry = {
		.size = rig->map.size,
		.va = rig->base,
		.access = VRI_ACCESS_READ_WRITE,
	};
	struct queue_setup setup = {
		.size = rig->setup.size,
		.features = features(&rig->setup),
		.desc = rig->ring,
		.driver = rig->driver_event,
		.device = rig->device_event,
		.counters = rig->driver_counters,
		.ops = &no_ops,
		.outstanding = rig->outstanding,
		.tables = rig->base + rig->areas.tables,
		.tables_iova = rig->areas.tables,
		.indirect_max = 8,
	};

	t_ok(vri__mem_new(&rig->mem));
	vri__region_window(&rig->map, &entry.window_offset, &entry.window_size);
	t_ok(vri__mem_add(rig->mem, &entry));
	setup.mem = rig->mem;
	t_ok(vri__drvq_new(&setup, &rig->drvq));
	setup.counters = rig->device_counters;
	t_ok(vri__devq_new(&setup, &rig->devq));
}

void packed_rig_init(struct packed_rig *rig, const struct packed_rig_setup *setup)
{
	char why[VRI_INSPECT_WHY_MAX] = "";

	memset(rig, 0, sizeof(*rig));
	rig->setup = *setup;
	make_region(rig);
	locate(rig);
	fill_blocks(rig);
	make_sides(rig);
	if (vri_inspect_open_fd(&rig->insp, rig->fd, why, sizeof(why)) < 0)
		t_fail("%s", why);
}

void packed_rig_fini(struct packed_rig *rig)
{
	vri_inspect_close(rig->insp);
	vri__devq_free(rig->devq);
	vri__drvq_free(rig->drvq);
	vri__mem_free(rig->mem);
	munmap(rig->base, rig->map.size);
	close(rig->fd);
}

int packed_rig_add(struct packed_rig *rig, unsigned n_readable, unsigned n_writable, void *token)
{
	uint8_t *pool = rig->base + rig->map.pool.offset;
	struct iovec readable[PACKED_RIG_PIECES], writable[PACKED_RIG_PIECES];
	unsigned i;
	int r;

	for (i = 0; i < PACKED_RIG_PIECES; i++) {
		readable[i] = (struct iovec){ pool + 64 * i, 16 };
		writable[i] = (struct iovec){ pool + 4096 + 64 * i, 32 };
	}
	r = vri_drvq_add(rig->drvq, readable, n_readable, writable, n_writable, token);
	if (r == 0)
		t_ok(vri_drvq_kick(rig->drvq));
	return r;
}

struct vri_chain packed_rig_pop(struct packed_rig *rig)
{
	static struct iovec iov[2 * PACKED_RIG_PIECES];
	struct vri_chain chain = { .iov = iov, .iov_max = 2 * PACKED_RIG_PIECES };

	t_eq(vri_devq_pop(rig->devq, &chain), 1);
	return chain;
}

void packed_rig_push(struct packed_rig *rig, const struct vri_chain *chain, uint32_t written)
{
	t_ok(vri_devq_push(rig->devq, chain, written));
	t_ok(vri_devq_notify(rig->devq));
}

unsigned packed_rig_take(struct packed_rig *rig)
{
	unsigned n = 0;
	void *token;
	int r;

	while ((r = vri_drvq_get_used(rig->drvq, &token, NULL)) == 1)
		n++;
	t_ok(r);
	return n;
}

void packed_rig_cycle(struct packed_rig *rig, unsigned n)
{
	while (n--) {
		struct vri_chain chain;

		t_ok(packed_rig_add(rig, 0, 1, rig));
		chain = packed_rig_pop(rig);
		packed_rig_push(rig, &chain, 32);
		t_eq(packed_rig_take(rig), 1);
	}
}
