/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The layout of a region: plan one, write its header, check one that came from elsewhere. Pure. */
#include "core/region.h"

#include <errno.h>
#include <string.h>

#include <vring-ipc/device.h>

#include "core/region_access.h"

#define DESC_BYTES 16u /* virtio 1.4, 2.7.5 */
/* Areas of different queues share no cache line, nor the pair of lines that is fetched together. */
#define AREA_ALIGN 128u

/* Where the part of each known type is kept, and who has to be its writer. */
static const struct part_kind {
	uint32_t type;
	uint32_t writer;
	size_t at; /* in struct region_map */
} kinds[] = {
	{ REGION_DEVICE_BLOCK, REGION_WRITER_DEVICE, offsetof(struct region_map, device_block) },
	{ REGION_DRIVER_BLOCK, REGION_WRITER_DRIVER, offsetof(struct region_map, driver_block) },
	{ REGION_CONFIG, REGION_WRITER_DEVICE, offsetof(struct region_map, config) },
	{ REGION_DEVICE_COUNTERS, REGION_WRITER_DEVICE,
	  offsetof(struct region_map, device_counters) },
	{ REGION_DRIVER_COUNTERS, REGION_WRITER_DRIVER,
	  offsetof(struct region_map, driver_counters) },
	{ REGION_DRIVER_RINGS, REGION_WRITER_DRIVER, offsetof(struct region_map, driver_rings) },
	{ REGION_DEVICE_RINGS, REGION_WRITER_DEVICE, offsetof(struct region_map, device_rings) },
	{ REGION_SHARED_RINGS, REGION_WRITER_BOTH, offsetof(struct region_map, shared_rings) },
	{ REGION_OUTSTANDING, REGION_WRITER_DRIVER, offsetof(struct region_map, outstanding) },
	{ REGION_TABLES, REGION_WRITER_DRIVER, offsetof(struct region_map, tables) },
	{ REGION_POOL, REGION_WRITER_BOTH, offsetof(struct region_map, pool) },
	{ REGION_SHARED_MEMORY, REGION_WRITER_DEVICE, offsetof(struct region_map, shared_memory) },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct region_part *part_of(struct region_map *map, const struct part_kind *kind)
{
	return (struct region_part *)(void *)((char *)map + kind->at);
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

/* ---- planning ---- */

static uint64_t area_of(const struct region_plan *plan, enum ring_area area)
{
	return round_up(ring_area_bytes(plan->format, area, plan->queue_size), AREA_ALIGN);
}

/* The descriptor area is the driver's in a split queue, and of both sides in a packed one. */
static uint64_t driver_rings_of(const struct region_plan *plan)
{
	return area_of(plan, RING_DRIVER_AREA) +
	       (plan->format == RING_SPLIT ? area_of(plan, RING_DESC_AREA) : 0);
}

static uint64_t shared_rings_of(const struct region_plan *plan)
{
	return plan->format == RING_PACKED ? area_of(plan, RING_DESC_AREA) : 0;
}

static bool plan_is_valid(const struct region_plan *plan)
{
	/* With these limits no product or sum below comes near 2^64. */
	return plan->n_queues >= 1 && plan->n_queues <= VRI_QUEUES_MAX &&
	       ring_size_is_valid(plan->format, plan->queue_size) &&
	       plan->indirect_max <= VRI_QUEUE_SIZE_MAX && plan->config_size <= VRI_CONFIG_MAX &&
	       plan->pool_size <= REGION_SIZE_MAX && plan->n_shared <= VRI_SHARED_MEMORY_MAX;
}

static uint64_t part_size(const struct region_plan *plan, uint32_t type)
{
	uint64_t n = plan->n_queues, size = plan->queue_size;

	switch (type) {
	case REGION_DEVICE_BLOCK:
		return sizeof(struct region_device) + n * sizeof(struct region_device_queue);
	case REGION_DRIVER_BLOCK:
		return sizeof(struct region_driver) + n * sizeof(struct region_driver_queue);
	case REGION_CONFIG:
		return plan->config_size;
	case REGION_DEVICE_COUNTERS:
	case REGION_DRIVER_COUNTERS:
		return n * sizeof(struct region_counters);
	case REGION_DRIVER_RINGS:
		return n * driver_rings_of(plan);
	case REGION_DEVICE_RINGS:
		return n * area_of(plan, RING_DEVICE_AREA);
	case REGION_SHARED_RINGS:
		return n * shared_rings_of(plan);
	case REGION_OUTSTANDING:
		return n * size;
	case REGION_TABLES:
		return n * size * plan->indirect_max * DESC_BYTES;
	case REGION_SHARED_MEMORY:
		return plan->n_shared * sizeof(struct region_shared_memory);
	case REGION_POOL:
		return round_up(plan->pool_size, REGION_ALIGN);
	default:
		return 0;
	}
}

int vri__region_plan(const struct region_plan *plan, const uint8_t link_id[16],
		     struct region_map *ret_map)
{
	struct region_map map = { 0 };
	uint64_t end = REGION_ALIGN; /* the header's page */

	if (!plan_is_valid(plan))
		return -EINVAL;
	for (size_t i = 0; i < KINDS; i++) {
		struct region_part *part = part_of(&map, &kinds[i]);

		part->size = part_size(plan, kinds[i].type);
		if (!part->size)
			continue;
		part->type = kinds[i].type;
		part->version = 1;
		part->writer = kinds[i].writer;
		part->offset = end;
		end = round_up(end + part->size, REGION_ALIGN);
	}
	if (end > REGION_SIZE_MAX)
		return -EINVAL;
	map.size = end;
	memcpy(map.link_id, link_id, sizeof(map.link_id));
	*ret_map = map;
	return 0;
}

void vri__region_queue_areas(const struct region_map *map, const struct region_plan *plan,
			     unsigned queue, struct region_queue_areas *ret_areas)
{
	uint64_t of_driver = map->driver_rings.offset + queue * driver_rings_of(plan);
	uint64_t shared = map->shared_rings.offset + queue * shared_rings_of(plan);
	uint64_t tables = (uint64_t)plan->queue_size * plan->indirect_max * DESC_BYTES;

	*ret_areas = (struct region_queue_areas){
		.desc = plan->format == RING_PACKED ? shared : of_driver,
		.driver = plan->format == RING_PACKED ? of_driver :
							of_driver + area_of(plan, RING_DESC_AREA),
		.device = map->device_rings.offset + queue * area_of(plan, RING_DEVICE_AREA),
		.outstanding = map->outstanding.offset + (uint64_t)queue * plan->queue_size,
		.tables = tables ? map->tables.offset + queue * tables : 0,
	};
}

/* ---- writing ---- */

static void to_little_endian(struct region_part *part)
{
	*part = (struct region_part){
		.type = htole32(part->type),
		.version = htole32(part->version),
		.offset = htole64(part->offset),
		.size = htole64(part->size),
		.writer = htole32(part->writer),
	};
}

static void from_little_endian(struct region_part *part)
{
	*part = (struct region_part){
		.type = le32toh(part->type),
		.version = le32toh(part->version),
		.offset = le64toh(part->offset),
		.size = le64toh(part->size),
		.writer = le32toh(part->writer),
	};
}

void vri__region_format(void __shm *base, const struct region_map *map)
{
	struct region_map copy = *map;
	struct region_header header = { .magic = REGION_MAGIC };
	uint8_t __shm *to = base;
	uint32_t n_parts = 0;

	for (size_t i = 0; i < KINDS; i++) {
		struct region_part *part = part_of(&copy, &kinds[i]);

		if (!part->size)
			continue;
		to_little_endian(part);
		block_store_bytes(to + sizeof(header) + n_parts * sizeof(*part), part,
				  sizeof(*part));
		n_parts++;
	}
	header.version = htole32(REGION_VERSION);
	header.header_size =
		htole32((uint32_t)(sizeof(header) + n_parts * sizeof(struct region_part)));
	header.size = htole64(map->size);
	memcpy(header.link_id, map->link_id, sizeof(header.link_id));
	header.n_parts = htole32(n_parts);
	header.part_size = htole32(sizeof(struct region_part));
	block_store_bytes(to, &header, sizeof(header));
}

/* ---- checking ---- */

/* The private copy of a header that a peer wrote. */
struct parsed {
	struct region_header header;
	struct region_part part[REGION_PARTS_MAX];
};

static const char *read_header(const uint8_t __shm *base, size_t readable, struct parsed *copy)
{
	struct region_header *header = &copy->header;

	if (readable < sizeof(*header))
		return "the region is smaller than its header";
	block_load_bytes(header, base, sizeof(*header));
	header->version = le32toh(header->version);
	header->header_size = le32toh(header->header_size);
	header->size = le64toh(header->size);
	header->n_parts = le32toh(header->n_parts);
	header->part_size = le32toh(header->part_size);

	if (memcmp(header->magic, REGION_MAGIC, sizeof(header->magic)) != 0)
		return "the region has the wrong magic";
	if (header->version != REGION_VERSION)
		return "the region has an unknown version";
	if (header->size % REGION_ALIGN || header->size > REGION_SIZE_MAX)
		return "the region has an impossible size";
	if (header->n_parts > REGION_PARTS_MAX)
		return "the region has too many parts";
	if (header->part_size < sizeof(struct region_part) || header->part_size > REGION_ALIGN ||
	    header->header_size !=
		    sizeof(*header) + (uint64_t)header->n_parts * header->part_size ||
	    header->header_size > readable)
		return "the region has an impossible part table";

	for (uint32_t i = 0; i < header->n_parts; i++) {
		block_load_bytes(&copy->part[i],
				 base + sizeof(*header) + (size_t)i * header->part_size,
				 sizeof(copy->part[i]));
		from_little_endian(&copy->part[i]);
	}
	return NULL;
}

static bool part_is_inside(const struct region_header *header, const struct region_part *part)
{
	return part->offset % REGION_ALIGN == 0 && part->size > 0 &&
	       part->offset >= header->header_size && part->offset <= header->size &&
	       part->size <= header->size - part->offset;
}

static bool parts_overlap(const struct region_part *a, const struct region_part *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static const char *check_places(const struct parsed *copy)
{
	uint32_t n = copy->header.n_parts;

	for (uint32_t i = 0; i < n; i++)
		if (!part_is_inside(&copy->header, &copy->part[i]))
			return "a part of the region is not inside of it";
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = i + 1; j < n; j++)
			if (parts_overlap(&copy->part[i], &copy->part[j]))
				return "two parts of the region overlap";
	return NULL;
}

static const struct part_kind *kind_of(uint32_t type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static const char *take_parts(const struct parsed *copy, struct region_map *map)
{
	for (uint32_t i = 0; i < copy->header.n_parts; i++) {
		const struct region_part *from = &copy->part[i];
		const struct part_kind *kind = kind_of(from->type);
		struct region_part *part;

		if (!kind)
			continue;
		part = part_of(map, kind);
		if (part->size)
			return "a part of the region is there twice";
		if (from->version != 1)
			return "a part of the region has an unknown version";
		if (from->writer != kind->writer)
			return "a part of the region has the wrong writer";
		*part = *from;
	}
	return NULL;
}

static const char *check_blocks(const struct region_map *map)
{
	if (map->device_block.size < sizeof(struct region_device) ||
	    map->driver_block.size < sizeof(struct region_driver))
		return "the region lacks a block";
	if (map->config.size > VRI_CONFIG_MAX)
		return "the region has too large a config space";
	return NULL;
}

int vri__region_parse(const void __shm *base, size_t readable, struct region_map *ret_map,
		      const char **ret_why)
{
	struct region_map map = { 0 };
	struct parsed copy;
	const char *why;

	why = read_header(base, readable, &copy);
	if (!why)
		why = check_places(&copy);
	if (!why)
		why = take_parts(&copy, &map);
	if (!why)
		why = check_blocks(&map);
	if (why) {
		if (ret_why)
			*ret_why = why;
		return -EPROTO;
	}
	map.size = copy.header.size;
	memcpy(map.link_id, copy.header.link_id, sizeof(map.link_id));
	*ret_map = map;
	return 0;
}

unsigned vri__region_n_queues(const struct region_map *map)
{
	uint64_t n = (map->device_block.size - sizeof(struct region_device)) /
		     sizeof(struct region_device_queue);

	if (n < 1 || n > VRI_QUEUES_MAX ||
	    (map->driver_block.size - sizeof(struct region_driver)) /
			    sizeof(struct region_driver_queue) !=
		    n ||
	    map->device_counters.size / sizeof(struct region_counters) != n ||
	    map->driver_counters.size / sizeof(struct region_counters) != n)
		return 0;
	return (unsigned)n;
}

void vri__region_window(const struct region_map *map, uint64_t *ret_offset, uint64_t *ret_size)
{
	const struct region_part *tables = &map->tables, *pool = &map->pool;

	/* One window: from one to the other when nothing lies between them, else the pool alone. */
	if (tables->size && pool->size &&
	    round_up(tables->offset + tables->size, REGION_ALIGN) == pool->offset) {
		*ret_offset = tables->offset;
		*ret_size = pool->offset + pool->size - tables->offset;
		return;
	}
	*ret_offset = pool->size ? pool->offset : tables->offset;
	*ret_size = pool->size ? pool->size : tables->size;
}
