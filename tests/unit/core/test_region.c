/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The layout of regions, and headers that lie. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/device.h>

#include "core/region.h"
#include "core/ring_layout.h"
#include "test.h"

static const uint8_t link_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static const struct region_plan plans[] = {
	{ .n_queues = 1, .queue_size = 1, .indirect_max = 0, .config_size = 0, .pool_size = 1 },
	{ .n_queues = 1,
	  .queue_size = 256,
	  .indirect_max = 32,
	  .config_size = 60,
	  .pool_size = 1 << 20 },
	{ .n_queues = 126,
	  .queue_size = 64,
	  .indirect_max = 4,
	  .config_size = 4096,
	  .pool_size = 12345 },
	{ .n_queues = 127,
	  .queue_size = 32768,
	  .indirect_max = 0,
	  .config_size = 8,
	  .pool_size = 1 << 20 },
	{ .n_queues = 1024,
	  .queue_size = 256,
	  .indirect_max = 32,
	  .config_size = 8,
	  .pool_size = 1 << 20 },
	{ .n_queues = 3,
	  .format = RING_PACKED,
	  .queue_size = 5,
	  .indirect_max = 32,
	  .config_size = 8,
	  .pool_size = 1 << 20 },
	{ .n_queues = 2, .format = RING_PACKED, .queue_size = 32768, .pool_size = 1 << 20 },
};

#define N_PARTS 11
static void parts_of(const struct region_map *map, struct region_part part[N_PARTS])
{
	const struct region_part all[N_PARTS] = {
		map->device_block,    map->driver_block, map->config,	    map->device_counters,
		map->driver_counters, map->driver_rings, map->device_rings, map->shared_rings,
		map->outstanding,     map->tables,	 map->pool,
	};

	memcpy(part, all, sizeof(all));
}

static void check_map(const struct region_map *map)
{
	struct region_part part[N_PARTS];

	parts_of(map, part);
	for (unsigned i = 0; i < N_PARTS; i++) {
		if (!part[i].size)
			continue;
		t_eq(part[i].offset % REGION_ALIGN, 0);
		t_ge(part[i].offset, sizeof(struct region_header));
		t_le(part[i].offset, map->size);
		t_le(part[i].size, map->size - part[i].offset);
		for (unsigned k = i + 1; k < N_PARTS; k++)
			t_true(!part[k].size || part[i].offset + part[i].size <= part[k].offset ||
			       part[k].offset + part[k].size <= part[i].offset);
	}
}

static const struct region_part *descriptor_part(const struct region_plan *plan,
						 const struct region_map *map)
{
	return plan->format == RING_PACKED ? &map->shared_rings : &map->driver_rings;
}

/* proves: drv:2.7/1 drv:2.8/1 */
TestEach(region, a_plan_gives_every_queue_its_own_aligned_areas, plans, struct region_plan)
{
	struct region_map map;
	uint64_t end_desc = 0, end_driver = 0, end_device = 0, end_out = 0, end_tables = 0;
	const struct region_part *desc;

	t_ok(vri__region_plan(param, link_id, &map));
	check_map(&map);
	desc = descriptor_part(param, &map);
	t_eq(map.shared_rings.size != 0, param->format == RING_PACKED);
	t_eq(vri__region_n_queues(&map), param->n_queues);
	for (unsigned i = 0; i < param->n_queues; i++) {
		struct region_queue_areas areas;
		uint64_t iova[RING_AREAS];

		vri__region_queue_areas(&map, param, i, &areas);
		iova[RING_DESC_AREA] = areas.desc;
		iova[RING_DRIVER_AREA] = areas.driver;
		iova[RING_DEVICE_AREA] = areas.device;
		t_ok(ring_check_areas(param->format, iova, param->queue_size, NULL));
		t_ge(areas.desc, end_desc ? end_desc : desc->offset);
		end_desc = areas.desc +
			   ring_area_bytes(param->format, RING_DESC_AREA, param->queue_size);
		t_le(end_desc, desc->offset + desc->size);
		t_ge(areas.driver, end_driver ? end_driver : map.driver_rings.offset);
		end_driver = areas.driver +
			     ring_area_bytes(param->format, RING_DRIVER_AREA, param->queue_size);
		t_le(end_driver, map.driver_rings.offset + map.driver_rings.size);
		t_ge(areas.device, end_device ? end_device : map.device_rings.offset);
		end_device = areas.device +
			     ring_area_bytes(param->format, RING_DEVICE_AREA, param->queue_size);
		t_le(end_device, map.device_rings.offset + map.device_rings.size);
		t_ge(areas.outstanding, end_out ? end_out : map.outstanding.offset);
		end_out = areas.outstanding + param->queue_size;
		t_le(end_out, map.outstanding.offset + map.outstanding.size);
		if (!param->indirect_max) {
			t_eq(areas.tables, 0);
			continue;
		}
		t_ge(areas.tables, end_tables ? end_tables : map.tables.offset);
		end_tables = areas.tables + 16ull * param->queue_size * param->indirect_max;
		t_le(end_tables, map.tables.offset + map.tables.size);
	}
}

Test(region, the_window_holds_tables_and_pool_and_nothing_else)
{
	struct region_map map;
	uint64_t offset, size;

	t_ok(vri__region_plan(&plans[1], link_id, &map));
	vri__region_window(&map, &offset, &size);
	t_eq(offset, map.tables.offset);
	t_eq(offset + size, map.pool.offset + map.pool.size);
	t_ge(offset, map.outstanding.offset + map.outstanding.size);
	t_ok(vri__region_plan(&plans[0], link_id, &map));
	vri__region_window(&map, &offset, &size);
	t_eq(offset, map.pool.offset);
	t_eq(size, map.pool.size);
}

static const struct region_plan bad_plans[] = {
	{ .n_queues = 0, .queue_size = 1 },
	{ .n_queues = VRI_QUEUES_MAX + 1, .queue_size = 1 },
	{ .n_queues = ~0u, .queue_size = 1 },
	{ .n_queues = 1, .queue_size = 0 },
	{ .n_queues = 1, .queue_size = 3 },
	{ .n_queues = 1, .queue_size = 65536 },
	{ .n_queues = 1, .format = RING_PACKED, .queue_size = 0 },
	{ .n_queues = 1, .format = RING_PACKED, .queue_size = 32769 },
	{ .n_queues = 1, .queue_size = ~0u },
	{ .n_queues = 1, .queue_size = 1, .indirect_max = 32769 },
	{ .n_queues = 1, .queue_size = 1, .indirect_max = ~0u },
	{ .n_queues = 1, .queue_size = 1, .config_size = VRI_CONFIG_MAX + 1 },
	{ .n_queues = 1, .queue_size = 1, .pool_size = SIZE_MAX },
	{ .n_queues = 1, .queue_size = 1, .pool_size = REGION_SIZE_MAX },
	{ .n_queues = 1024, .queue_size = 32768, .indirect_max = 32768, .pool_size = 1 },
};

/* faults: B16 */
TestEach(region, a_plan_beyond_the_limits_is_refused, bad_plans, struct region_plan)
{
	struct region_map map = { .size = 42 };

	t_errno_eq(vri__region_plan(param, link_id, &map), -EINVAL);
	t_eq(map.size, 42);
}

static _Alignas(8) uint8_t page[REGION_ALIGN];

static void format(const struct region_plan *plan, struct region_map *map)
{
	t_ok(vri__region_plan(plan, link_id, map));
	memset(page, 0, sizeof(page));
	vri__region_format(page, map);
}

TestEach(region, what_was_formatted_is_parsed_to_the_same_map, plans, struct region_plan)
{
	struct region_map planned, parsed;
	const char *why = "";

	format(param, &planned);
	t_ok(vri__region_parse(page, sizeof(page), &parsed, &why));
	t_mem_eq(&parsed, &planned, sizeof(parsed));
}

/* ---- headers that lie ---- */

static struct region_header *header(void)
{
	return (void *)page;
}

static struct region_part *part(unsigned i)
{
	return (struct region_part *)(void *)(page + sizeof(struct region_header)) + i;
}

static void wrong_magic(void)
{
	page[7] = 'D';
}
static void wrong_version(void)
{
	header()->version = htole32(2);
}
static void wrong_endian(void)
{
	header()->version = htobe32(1);
}
static void odd_size(void)
{
	header()->size = htole64(le64toh(header()->size) + 1);
}
static void huge_size(void)
{
	header()->size = htole64(REGION_SIZE_MAX + REGION_ALIGN);
}
static void tiny_size(void)
{
	header()->size = htole64(REGION_ALIGN);
}
static void no_size(void)
{
	header()->size = 0;
}
static void too_many_parts(void)
{
	header()->n_parts = htole32(REGION_PARTS_MAX + 1);
}
static void endless_parts(void)
{
	header()->n_parts = UINT32_MAX;
}
static void no_parts(void)
{
	header()->n_parts = 0;
	header()->header_size = htole32(64);
}
static void small_part_size(void)
{
	header()->part_size = htole32(16);
}
static void wrapping_part_size(void)
{
	header()->part_size = UINT32_MAX;
}
static void wrong_header_size(void)
{
	header()->header_size = htole32(le32toh(header()->header_size) - 32);
}
static void part_before(void)
{
	part(0)->offset = 0;
}
static void part_behind(void)
{
	part(1)->offset = header()->size;
}
static void part_too_long(void)
{
	part(2)->size = htole64(UINT64_MAX);
}
static void part_wraps(void)
{
	part(2)->offset = htole64(-(uint64_t)REGION_ALIGN);
	part(2)->size = htole64(2 * REGION_ALIGN);
}
static void part_misaligned(void)
{
	part(0)->offset = htole64(le64toh(part(0)->offset) + 64);
}
static void part_empty(void)
{
	part(3)->size = 0;
}
static void parts_overlap(void)
{
	part(1)->offset = part(0)->offset;
}
static void unknown_part_overlaps(void)
{
	part(2)->type = htole32(999);
	part(2)->offset = part(0)->offset;
}
static void part_twice(void)
{
	part(1)->type = part(0)->type;
	part(1)->writer = part(0)->writer;
}
static void part_version(void)
{
	part(0)->version = htole32(2);
}
static void part_writer(void)
{
	part(0)->writer = htole32(REGION_WRITER_DRIVER);
}
static void rings_by_both(void)
{
	part(5)->writer = htole32(REGION_WRITER_BOTH);
}
static void no_device_block(void)
{
	part(0)->type = htole32(999);
}
static void no_driver_block(void)
{
	part(1)->type = htole32(998);
}
static void small_device_block(void)
{
	part(0)->size = htole64(sizeof(struct region_device) - 1);
}
static void huge_config(void)
{
	part(2)->type = htole32(997);
	part(9)->type = htole32(REGION_CONFIG);
	part(9)->writer = htole32(REGION_WRITER_DEVICE);
}

struct lie {
	void (*tell)(void);
};

static const struct lie lies[] = {
	{ wrong_magic },
	{ wrong_version },
	{ wrong_endian },
	{ odd_size },
	{ huge_size },
	{ tiny_size },
	{ no_size },
	{ too_many_parts },
	{ endless_parts },
	{ no_parts },
	{ small_part_size },
	{ wrapping_part_size },
	{ wrong_header_size },
	{ part_before },
	{ part_behind },
	{ part_too_long },
	{ part_wraps },
	{ part_misaligned },
	{ part_empty },
	{ parts_overlap },
	{ unknown_part_overlaps },
	{ part_twice },
	{ part_version },
	{ part_writer },
	{ rings_by_both },
	{ no_device_block },
	{ no_driver_block },
	{ small_device_block },
	{ huge_config },
};

/* faults: D5
 * proves: shm:adopt/1 */
TestEach(region, a_header_that_lies_is_refused, lies, struct lie)
{
	struct region_map map = { .size = 42 };
	const char *why = NULL;

	format(&plans[1], &map);
	map.size = 42;
	param->tell();
	t_errno_eq(vri__region_parse(page, sizeof(page), &map, &why), -EPROTO);
	t_not_null(why);
	t_eq(map.size, 42);
	t_errno_eq(vri__region_parse(page, sizeof(page), &map, NULL), -EPROTO);
}

Test(region, parts_of_unknown_types_and_longer_entries_are_skipped)
{
	struct region_map planned, parsed;
	static _Alignas(8) uint8_t copy[REGION_ALIGN];
	struct region_header *old = header(), *new = (void *)copy;
	uint32_t n;

	format(&plans[1], &planned);
	/* A later version: entries of 48 bytes, and a part of a type that this one does not know. */
	n = le32toh(old->n_parts);
	memcpy(copy, page, sizeof(*old));
	for (uint32_t i = 0; i < n; i++)
		memcpy(copy + 64 + 48 * i, part(i), 32);
	new->part_size = htole32(48);
	new->header_size = htole32(64 + 48 * n);
	((struct region_part *)(void *)(copy + 64 + 48 * (n - 1)))->type =
		htole32(4711); /* the pool */
	t_ok(vri__region_parse(copy, sizeof(copy), &parsed, NULL));
	t_eq(parsed.pool.size, 0);
	t_eq(parsed.tables.offset, planned.tables.offset);
}

/* faults: D5 */
Test(region, a_header_is_read_only_as_far_as_it_is_mapped)
{
	struct region_map map;

	format(&plans[1], &map);
	for (size_t readable = 0; readable < le32toh(header()->header_size); readable++) {
		uint8_t *exact = malloc(readable ? readable : 1);

		memcpy(exact, page, readable);
		t_errno_eq(vri__region_parse(exact, readable, &map, NULL), -EPROTO);
		free(exact);
	}
}

static bool blocks_disagree(struct region_map *map)
{
	return vri__region_n_queues(map) == 0;
}

/* faults: D5 */
Test(region, parts_for_different_numbers_of_queues_hold_none)
{
	struct region_map map, other;

	t_ok(vri__region_plan(&plans[2], link_id, &map));
	other = map;
	other.device_counters.size -= 64;
	t_true(blocks_disagree(&other));
	other = map;
	other.driver_block.size -= 64;
	t_true(blocks_disagree(&other));
	other = map;
	other.device_block.size = sizeof(struct region_device);
	t_true(blocks_disagree(&other));
	other = map;
	other.device_block.size += 64ull * 100000;
	t_true(blocks_disagree(&other));
}

/* faults: D5 */
Test(region, random_damage_never_yields_a_bad_map)
{
	struct region_map map;
	unsigned accepted = 0;

	srand(4);
	for (int i = 0; i < 200000; i++) {
		format(&plans[1], &map);
		for (int k = rand() % 4; k >= 0; k--) {
			size_t at = (size_t)rand() % (64 + 32 * N_PARTS);

			page[at] = (uint8_t)(rand() % 3 ? 1 << rand() % 8 : rand());
		}
		if (vri__region_parse(page, sizeof(page), &map, NULL) == 0) {
			check_map(&map);
			accepted++;
		}
	}
	t_gt(accepted, 0);
}
