/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The inspector over a region that was right once: two honest sides ran a queue in it, split or packed;
 * then the input stores over any word of it, and goes on while the inspector reads.
 *
 * Whatever there is to see, every call returns, stores no more than it was given room for, and its
 * texts are printable. Of a region that nobody spoiled it tells the truth.
 */
#include <vring-ipc/inspect.h>
#include <vring-ipc/memory.h>

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "check.h"
#include "core/memtab.h"
#include "core/queue.h"
#include "core/region.h"
#include "core/transport.h"
#include "descriptors.h"
#include "hostile.h"

#define QUEUE_SIZE 16u
#define QUEUES 2u
#define CONFIG_BYTES 64u
#define IN_FLIGHT_MOST 8u

struct world {
	struct input in;
	bool packed, event_idx, indirect, in_order;
	bool honest;
	const struct region *region;
	struct region_queue_areas areas;
	struct region_device *device;
	struct region_device_queue *device_queue;
	struct region_driver *driver;
	struct region_driver_queue *driver_queue;
	struct vri_mem *mem;
	struct vri_drvq *drv;
	struct vri_devq *dev;
	bool is_pushed; /* and not published */
	struct vri_chain chain[IN_FLIGHT_MOST];
	struct iovec iov[IN_FLIGHT_MOST][QUEUE_SIZE];
	struct vri_inspect *insp;
};

/* ---- the two sides ---- */

static const struct queue_ops no_ops = { .notify = NULL };

static struct vri_features features(const struct world *w)
{
	struct vri_features set = { { 0 } };

	vri_features_set(&set, VRI_F_VERSION_1);
	if (w->packed)
		vri_features_set(&set, VRI_F_RING_PACKED);
	if (w->event_idx)
		vri_features_set(&set, VRI_F_EVENT_IDX);
	if (w->indirect)
		vri_features_set(&set, VRI_F_INDIRECT_DESC);
	if (w->in_order)
		vri_features_set(&set, VRI_F_IN_ORDER);
	return set;
}

static void fill_blocks(struct world *w)
{
	const struct region_map *map = &w->region->map;
	struct vri_features set = features(w);

	w->device = (void *)(w->region->base + map->device_block.offset);
	w->device_queue = (void *)(w->device + 1);
	w->driver = (void *)(w->region->base + map->driver_block.offset);
	w->driver_queue = (void *)(w->driver + 1);
	strcpy(w->device->type, "org.example.fuzzed");
	strcpy(w->device->name, "fuzzed");
	w->device->device_id = htole32(VRI_ID_LOCAL_FIRST);
	w->device->status = htole32(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				    VRI_STATUS_FEATURES_OK | VRI_STATUS_DRIVER_OK);
	w->device->config_size = htole32(CONFIG_BYTES);
	w->device->n_queues = w->driver->n_queues = htole32(QUEUES);
	w->device->offered[0] = w->driver->acked[0] = htole64(set.word[0]);
	w->device_queue->size_max = htole32(QUEUE_SIZE);
	w->device_queue->live = htole32(1);
	w->driver_queue->format = htole32(w->packed);
	w->driver_queue->size = htole32(QUEUE_SIZE);
	w->driver_queue->desc = htole64(w->areas.desc);
	w->driver_queue->driver = htole64(w->areas.driver);
	w->driver_queue->device = htole64(w->areas.device);
	w->driver_queue->enabled = htole32(1);
	w->driver_queue->outstanding = htole64(w->areas.outstanding);
}

static void make_sides(struct world *w)
{
	const struct region *r = w->region;
	struct mem_entry entry = {
		.size = r->map.size,
		.va = r->base,
		.access = VRI_ACCESS_READ_WRITE,
	};
	struct queue_setup setup = {
		.size = QUEUE_SIZE,
		.features = features(w),
		.desc = r->base + w->areas.desc,
		.driver = r->base + w->areas.driver,
		.device = r->base + w->areas.device,
		.ops = &no_ops,
		.outstanding = r->base + w->areas.outstanding,
		.tables = r->base + w->areas.tables,
		.tables_iova = w->areas.tables,
		.indirect_max = r->plan.indirect_max,
	};

	MUST(vri__mem_new(&w->mem) == 0);
	vri__region_window(&r->map, &entry.window_offset, &entry.window_size);
	MUST(vri__mem_add(w->mem, &entry) == 0);
	setup.mem = w->mem;
	setup.counters = (void *)(r->base + r->map.driver_counters.offset);
	MUST(vri__drvq_new(&setup, &w->drv) == 0);
	setup.counters = (void *)(r->base + r->map.device_counters.offset);
	MUST(vri__devq_new(&setup, &w->dev) == 0);
}

static void make_world(struct world *w)
{
	uint8_t kind = take8(&w->in);

	w->packed = kind & 1;
	w->event_idx = kind & 2;
	w->indirect = kind & 4;
	w->in_order = kind & 8;
	w->honest = true;
	w->region = region_of(w->packed);
	vri__region_queue_areas(&w->region->map, &w->region->plan, 0, &w->areas);
	fill_blocks(w);
	make_sides(w);
}

static void add(struct world *w)
{
	uint8_t shape = take8(&w->in);
	uint8_t *pool = w->region->base + w->region->map.pool.offset;
	struct iovec iov[6];

	for (unsigned i = 0; i < 6; i++)
		iov[i] = (struct iovec){ pool + 64 * i, 64 };
	(void)vri_drvq_add(w->drv, iov, (shape & 7) % 4, iov + 3, (shape >> 3 & 7) % 4, w);
	if (shape & 0xc0)
		(void)vri_drvq_kick(w->drv);
}

static void serve(struct world *w)
{
	uint8_t how = take8(&w->in);
	unsigned at = how % IN_FLIGHT_MOST;
	struct vri_chain *chain = &w->chain[at];

	if (chain->iov) {
		(void)vri_devq_push(w->dev, chain, chain->writable_len / (1 + how / 64));
		chain->iov = NULL;
		w->is_pushed = true;
	} else {
		*chain = (struct vri_chain){ .iov = w->iov[at], .iov_max = QUEUE_SIZE };
		if (vri_devq_pop(w->dev, chain) != 1)
			chain->iov = NULL;
	}
	if (how & 0x20) {
		(void)vri_devq_notify(w->dev);
		w->is_pushed = false;
	}
}

/* What an honest pair does, and a dishonest one. */
static void act(struct world *w, uint8_t op)
{
	struct vri_used used[QUEUE_SIZE];

	switch (op % 8) {
	case 0:
	case 1:
		add(w);
		break;
	case 2:
	case 3:
		serve(w);
		break;
	case 4:
		(void)vri_drvq_get_used_batch(w->drv, used, 1 + op / 8 % QUEUE_SIZE);
		break;
	case 5:
		(void)vri_drvq_arm_after(w->drv, op / 8);
		break;
	case 6:
		(void)vri_devq_arm(w->dev);
		break;
	default:
		vri_drvq_suppress(w->drv);
	}
}

/* Any word, most of them those of the queue: @later so many loads from now. */
static void store(struct world *w)
{
	const struct region_map *map = &w->region->map;
	const uint64_t places[] = {
		w->areas.desc,
		w->areas.driver,
		w->areas.device,
		w->areas.outstanding,
		w->areas.tables,
		map->device_block.offset,
		map->driver_block.offset,
		map->device_counters.offset,
		map->driver_counters.offset,
		0,
	};
	uint8_t where = take8(&w->in);
	uint8_t how = take8(&w->in);
	unsigned width = 2u << how % 3;
	uint64_t at = places[where % 10] + take16(&w->in) % 1024;
	uint64_t value, now;

	at = at % (map->size - 8) & ~(uint64_t)(width - 1);
	memcpy(&now, w->region->base + at, 8);
	switch (how / 4 % 4) {
	case 0:
		value = take64(&w->in);
		break;
	case 1:
		value = le64toh(now) + (uint64_t)(int64_t)(int8_t)take8(&w->in);
		break;
	case 2:
		value = le64toh(now) ^ 1ull << take8(&w->in) % 64;
		break;
	default:
		value = take8(&w->in);
	}
	w->honest = false;
	if (how & 0x80)
		hostile_write_later(1 + take16(&w->in) % 2048, w->region->base + at, width, value);
	else
		hostile_write(w->region->base + at, width, value);
}

/* ---- looking ---- */

static void check_text(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	MUST(len < room);
	for (size_t i = 0; i < len; i++)
		MUST(text[i] >= 0x20 && text[i] < 0x7f);
}

static void look_at_link(struct world *w)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	uint8_t config[CONFIG_BYTES + 8];
	uint32_t max = take8(&w->in) % sizeof(config), generation;
	bool stable;
	int r;

	MUST(vri_inspect_get_link(w->insp, &link) == 0);
	check_text(link.type, sizeof(link.type));
	check_text(link.name, sizeof(link.name));
	check_text(link.needs_reset_why, sizeof(link.needs_reset_why));
	check_text(link.link_id, sizeof(link.link_id));
	MUST(link.n_parts <= VRI_INSPECT_PARTS_MAX && link.n_queues <= VRI_QUEUES_MAX);
	memset(config, 0xee, sizeof(config));
	r = vri_inspect_config(w->insp, config, max, &generation, &stable);
	MUST(r < 0 || r <= VRI_CONFIG_MAX);
	for (size_t i = max; i < sizeof(config); i++)
		MUST(config[i] == 0xee);
	if (w->honest)
		MUST(link.stable && strcmp(link.name, "fuzzed") == 0 && link.n_queues == QUEUES);
}

static void check_queue(struct world *w, const struct vri_inspect_queue *q)
{
	if (q->problem)
		check_text(q->problem, VRI_INSPECT_WHY_MAX);
	MUST(q->readable == !q->problem || !q->enabled);
	if (!w->honest || q->index != 0)
		return;
	MUST(q->stable && q->readable && q->enabled && q->live && q->queue_size == QUEUE_SIZE);
	MUST(q->outstanding == vri_drvq_outstanding(w->drv));
}

/* The device of a packed ring writes over descriptors that look available until it publishes: what it
 * does at this very moment nobody can tell. */
static bool is_settled(const struct world *w)
{
	return w->honest && !(w->packed && w->is_pushed);
}

static void look_at_chain(struct world *w, unsigned queue, uint16_t head, bool is_lent)
{
	struct vri_inspect_chain chain = { .size = sizeof(chain) };
	unsigned max = take8(&w->in) % (2 * QUEUE_SIZE);
	struct vri_inspect_desc *descs = malloc(max ? max * sizeof(*descs) : 1);
	int r;

	MUST(descs);
	r = vri_inspect_get_chain(w->insp, queue, head, &chain, descs, max);
	MUST(r == 0 || r == -EINVAL || r == -ENOENT || r == -EPROTO);
	if (r == 0) {
		MUST(chain.problem < VRI_RULE_COUNT && chain.known <= VRI_INSPECT_KNOWN_NONE);
		MUST(chain.n_descs <= VRI_QUEUE_SIZE_MAX + 1);
		if (is_settled(w) && is_lent)
			MUST(chain.stable && chain.problem == VRI_RULE_NONE);
	}
	free(descs);
}

static void look_at_queue(struct world *w)
{
	unsigned queue = take8(&w->in) % 4 / 2;
	struct vri_inspect_queue q = { .size = sizeof(q) };
	struct vri_inspect_head heads[QUEUE_SIZE];
	struct vri_inspect_used used[QUEUE_SIZE];
	unsigned max = 1 + take8(&w->in) % QUEUE_SIZE;
	uint16_t head = take8(&w->in) % (QUEUE_SIZE + 1);
	int r;

	r = vri_inspect_get_queue(w->insp, queue, &q);
	MUST(r == 0 || (r == -ENOENT && !w->honest));
	if (r == 0)
		check_queue(w, &q);
	r = vri_inspect_outstanding(w->insp, queue, heads, max);
	MUST((r >= 0 && r <= (int)VRI_QUEUE_SIZE_MAX) || r == -ENOENT || r == -EPROTO);
	for (int i = 1; i < r && i < (int)max; i++)
		MUST(heads[i].head > heads[i - 1].head);
	if (w->honest && queue == 0)
		MUST(r == (int)vri_drvq_outstanding(w->drv));
	if (r > 0)
		look_at_chain(w, queue, heads[0].head, true);
	look_at_chain(w, queue, head, false);
	r = vri_inspect_get_used(w->insp, queue, used, max);
	MUST((r >= 0 && r <= (int)max) || r == -ENOENT || r == -EPROTO);
}

static void look(struct world *w)
{
	char why[VRI_INSPECT_WHY_MAX] = "";
	int r;

	if (!w->insp) {
		r = vri_inspect_open_fd(&w->insp, w->region->fd, why, sizeof(why));
		MUST(r == 0 || (r == -EPROTO && !w->honest));
		check_text(why, sizeof(why));
		if (r < 0) {
			MUST(why[0]);
			w->insp = NULL;
			return;
		}
	}
	/* What was decoded a moment ago is not decoded again. */
	hostile_time_passes(1000000000);
	look_at_link(w);
	look_at_queue(w);
}

/* ---- the program ---- */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct world w = { .in = { bytes, len } };
	unsigned n_looks = 0;

	hostile_reset();
	descriptors_renew(QUEUES, QUEUE_SIZE, CONFIG_BYTES);
	make_world(&w);
	while (w.in.left > 0) {
		uint8_t op = take8(&w.in);

		if (op < 0x80)
			act(&w, op);
		else if (op < 0xe0)
			store(&w);
		else if (n_looks++ < 8)
			look(&w);
	}
	look(&w);
	vri_inspect_close(w.insp);
	vri__drvq_free(w.drv);
	vri__devq_free(w.dev);
	vri__mem_free(w.mem);
	hostile_reset();
	descriptors_check_leaks();
	return 0;
}
