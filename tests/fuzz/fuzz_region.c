/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Any bytes as the start of a region: refused, or a map whose parts lie inside of it and apart. */
#include "core/region.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_part(const struct region_map *map, const struct region_part *part)
{
	if (part->size && (part->offset > map->size || part->size > map->size - part->offset))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static _Alignas(4096) uint8_t header[8192];
	const char *why = NULL;
	struct region_map map;

	if (len > sizeof(header))
		return 0;
	/* Most inputs would die at the magic. */
	memset(header, 0, sizeof(header));
	memcpy(header, bytes, len);
	if (len & 1)
		memcpy(header, REGION_MAGIC, 8);
	if (vri__region_parse(header, len, &map, &why) < 0) {
		if (!why)
			abort();
		return 0;
	}
	check_part(&map, &map.device_block);
	check_part(&map, &map.driver_block);
	check_part(&map, &map.config);
	check_part(&map, &map.device_counters);
	check_part(&map, &map.driver_counters);
	check_part(&map, &map.driver_rings);
	check_part(&map, &map.device_rings);
	check_part(&map, &map.shared_rings);
	check_part(&map, &map.outstanding);
	check_part(&map, &map.tables);
	check_part(&map, &map.pool);
	vri__region_n_queues(&map);
	return 0;
}
