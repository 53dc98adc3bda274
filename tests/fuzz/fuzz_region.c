/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any header of a region, which changes while it is read: refused, or a map whose parts lie inside of
 * it and apart, with a window for buffers that touches nothing else.
 *
 * The input says which honest header stands there at first, and which words of it are stored over,
 * now or so many fetches later.
 */
#include "core/region.h"

#include <vring-ipc/device.h>
#include <vring-ipc/spec.h>

#include <string.h>

#include "check.h"
#include "hostile.h"

#define HEADER_MOST 8192u
#define PARTS 11u

/* Returns: whether there is one; *ret_map is what it says. */
static bool make_header(struct input *in, uint8_t *header, struct region_map *ret_map)
{
	static const uint8_t id[16] = "0123456789abcde";
	struct region_plan plan = {
		.n_queues = 1 + take8(in) % 64,
		.format = take8(in) & 1,
		.queue_size = 1u << take8(in) % 16,
		.indirect_max = take8(in) % 32,
		.config_size = take8(in) * 32u,
		.pool_size = take8(in) * 4096u,
	};

	if (vri__region_plan(&plan, id, ret_map) < 0)
		return false;
	vri__region_format(header, ret_map);
	return true;
}

/* Another number of parts, and the sizes that go with it. */
static void store_n_parts(struct input *in, uint8_t *header)
{
	uint32_t n = take8(in), size = take8(in);

	if (size % 4 != 1)
		size = sizeof(struct region_part);
	hostile_write(header + offsetof(struct region_header, n_parts), 4, n);
	hostile_write(header + offsetof(struct region_header, part_size), 4, size);
	hostile_write(header + offsetof(struct region_header, header_size), 4,
		      sizeof(struct region_header) + n * size);
}

static void store(struct input *in, uint8_t *header, size_t readable)
{
	unsigned width = 4u << (take8(in) & 1);
	size_t offset = take16(in) % HEADER_MOST & ~3u;
	uint8_t how = take8(in);
	uint64_t now;

	if (how % 16 == 15 && readable >= sizeof(struct region_header))
		store_n_parts(in, header);
	if (offset + width > readable)
		return;
	memcpy(&now, header + offset, width);
	switch (how % 4) {
	case 0:
		now = take64(in);
		break;
	case 1:
		now += (uint64_t)(int64_t)(int8_t)take8(in) << (how & 0x40 ? 12 : 0);
		break;
	case 2:
		now = take8(in);
		break;
	default:
		/* Another word of it. */
		memcpy(&now, header + take8(in) * 4u % (readable - width + 1), width);
	}
	if (how & 0x80)
		hostile_write_later(1 + take16(in) % 4096, header + offset, width, now);
	else
		hostile_write(header + offset, width, now);
}

/* Of its type, with the writer that it has to have. */
static void check_kind(const struct region_part *part, enum region_part_type type,
		       enum region_writer writer)
{
	if (part->size > 0)
		MUST(part->type == type && part->version == 1 && part->writer == writer);
}

static void check_kinds(const struct region_map *map)
{
	check_kind(&map->device_block, REGION_DEVICE_BLOCK, REGION_WRITER_DEVICE);
	check_kind(&map->driver_block, REGION_DRIVER_BLOCK, REGION_WRITER_DRIVER);
	check_kind(&map->config, REGION_CONFIG, REGION_WRITER_DEVICE);
	check_kind(&map->device_counters, REGION_DEVICE_COUNTERS, REGION_WRITER_DEVICE);
	check_kind(&map->driver_counters, REGION_DRIVER_COUNTERS, REGION_WRITER_DRIVER);
	check_kind(&map->driver_rings, REGION_DRIVER_RINGS, REGION_WRITER_DRIVER);
	check_kind(&map->device_rings, REGION_DEVICE_RINGS, REGION_WRITER_DEVICE);
	check_kind(&map->shared_rings, REGION_SHARED_RINGS, REGION_WRITER_BOTH);
	check_kind(&map->outstanding, REGION_OUTSTANDING, REGION_WRITER_DRIVER);
	check_kind(&map->tables, REGION_TABLES, REGION_WRITER_DRIVER);
	check_kind(&map->pool, REGION_POOL, REGION_WRITER_BOTH);
}

/* Inside of the region and apart from all others; @may: what it may touch all the same. */
static void check_apart(const struct region_map *map, const struct region_part *parts,
			const struct region_part *part, const struct region_part *may)
{
	if (part->size == 0)
		return;
	MUST(part->offset >= sizeof(struct region_header) && part->offset <= map->size);
	MUST(part->size <= map->size - part->offset && part->offset % REGION_ALIGN == 0);
	for (unsigned i = 0; i < PARTS; i++) {
		const struct region_part *other = &parts[i];

		if (other == part || other->size == 0 || (may && other >= may))
			continue;
		MUST(other->offset >= part->offset + part->size ||
		     part->offset >= other->offset + other->size);
	}
}

static void check_map(const struct region_map *map)
{
	/* Where buffers may lie comes last. */
	const struct region_part parts[PARTS] = {
		map->device_block,    map->driver_block, map->config,	    map->device_counters,
		map->driver_counters, map->driver_rings, map->device_rings, map->shared_rings,
		map->outstanding,     map->tables,	 map->pool,
	};
	struct region_part window = { .offset = 0 };

	MUST(map->size % REGION_ALIGN == 0 && map->size <= REGION_SIZE_MAX);
	check_kinds(map);
	MUST(map->config.size <= VRI_CONFIG_MAX);
	MUST(map->device_block.size >= sizeof(struct region_device));
	MUST(map->driver_block.size >= sizeof(struct region_driver));
	MUST(vri__region_n_queues(map) <= VRI_QUEUES_MAX);
	for (unsigned i = 0; i < PARTS; i++)
		check_apart(map, parts, &parts[i], NULL);
	vri__region_window(map, &window.offset, &window.size);
	check_apart(map, parts, &window, &parts[PARTS - 2]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	size_t readable = HEADER_MOST;
	uint8_t whole[HEADER_MOST] = { 0 };
	const char *why = NULL;
	struct region_map map, honest;
	uint8_t cut = take8(&in);
	bool is_honest;
	uint8_t *header;

	/* Sometimes there is less to be read than it says, and nothing behind that. */
	if (cut & 1)
		readable = cut * 4u;
	hostile_reset();
	is_honest = make_header(&in, whole, &honest) && !(cut & 1) && in.left == 0;
	header = malloc(readable ? readable : 1);
	MUST(header);
	memcpy(header, whole, readable);
	while (in.left > 0)
		store(&in, header, readable);
	if (vri__region_parse(header, readable, &map, &why) == 0)
		check_map(&map);
	else
		MUST(why && !is_honest);
	MUST(!is_honest || memcmp(&map, &honest, sizeof(map)) == 0);
	hostile_reset();
	free(header);
	return 0;
}
