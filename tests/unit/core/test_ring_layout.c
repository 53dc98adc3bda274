/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sizes, alignments and places of ring areas. */

#include <errno.h>

#include "core/ring_layout.h"
#include "test.h"

struct size_case {
	unsigned size;
	bool valid;
};

static const struct size_case sizes[] = {
	{ 0, false },		{ 1, true },	  { 2, true },	    { 3, false },
	{ 128, true },		{ 255, false },	  { 1024, true },   { 16384, true },
	{ 32768, true },	{ 32769, false }, { 65535, false }, { 65536, false },
	{ 0x80000000u, false }, { ~0u, false },
};

/* faults: A31 */
TestEach(ring_layout, size_is_a_power_of_two_up_to_32768, sizes, struct size_case)
{
	t_eq(vri__split_size_is_valid(param->size), param->valid);
}

/* proves: drv:2.7/1 */
Test(ring_layout, areas_have_the_bytes_and_alignments_of_the_specification)
{
	for (unsigned size = 1; size <= 32768; size *= 2) {
		t_eq(vri__split_area_bytes(RING_DESC_AREA, size), 16ull * size);
		t_eq(vri__split_area_bytes(RING_DRIVER_AREA, size), 6ull + 2ull * size);
		t_eq(vri__split_area_bytes(RING_DEVICE_AREA, size), 6ull + 8ull * size);
	}
	t_eq(vri__split_area_align(RING_DESC_AREA), 16);
	t_eq(vri__split_area_align(RING_DRIVER_AREA), 2);
	t_eq(vri__split_area_align(RING_DEVICE_AREA), 4);
}

struct place_case {
	const char *what;
	uint64_t iova[RING_AREAS];
	unsigned size;
	const char *why; /* a part of it; NULL: accepted */
};

#define TOP UINT64_MAX

static const struct place_case places[] = {
	{ "apart", { 0x1000, 0x2000, 0x3000 }, 16, NULL },
	{ "back to back", { 0, 256, 296 }, 16, NULL },
	{ "any order", { 0x3000, 0x1000, 0x2000 }, 16, NULL },
	{ "at the very end", { TOP - 255 - 256, 0, 0x1000 }, 16, NULL },
	{ "no power of two", { 0x1000, 0x2000, 0x3000 }, 3, "power of two" },
	{ "no descriptor", { 0x1000, 0x2000, 0x3000 }, 0, "power of two" },
	{ "65535", { 0, 0x200000, 0x400000 }, 65535, "power of two" },
	{ "desc by 8", { 0x1008, 0x2000, 0x3000 }, 16, "aligned" },
	{ "avail by 1", { 0x1000, 0x2001, 0x3000 }, 16, "aligned" },
	{ "used by 2", { 0x1000, 0x2000, 0x3002 }, 16, "aligned" },
	{ "desc wraps", { TOP - 15, 0x2000, 0x3000 }, 16, "wraps" },
	{ "avail wraps", { 0x1000, TOP - 1, 0x3000 }, 16, "wraps" },
	{ "used wraps", { 0x1000, 0x2000, TOP - 3 }, 16, "wraps" },
	{ "all in one place", { 0x1000, 0x1000, 0x1000 }, 16, "overlap" },
	{ "avail in desc", { 0x1000, 0x10fe, 0x3000 }, 16, "overlap" },
	{ "used in avail", { 0x1000, 0x2000, 0x2024 }, 16, "overlap" },
	{ "desc in used", { 0x3080, 0x2000, 0x3000 }, 16, "overlap" },
};

/* faults: A31 */
TestEach(ring_layout, bad_places_are_refused_in_words, places, struct place_case)
{
	const char *why = NULL;
	int r = vri__split_check_areas(param->iova, param->size, &why);

	if (param->why == NULL) {
		t_eq(r, 0);
		t_null(why);
		return;
	}
	t_errno_eq(r, -EINVAL);
	t_strstr(why, param->why);
	t_errno_eq(vri__split_check_areas(param->iova, param->size, NULL), -EINVAL);
}

/* ---- packed ---- */

/* proves: shm:adopt/5
 * faults: A31 */
Test(ring_layout, packed_size_is_any_number_up_to_32768)
{
	for (unsigned size = 1; size <= 32768; size++)
		t_true(vri__packed_size_is_valid(size));
	t_false(vri__packed_size_is_valid(0));
	t_false(vri__packed_size_is_valid(32769));
	t_false(vri__packed_size_is_valid(~0u));
}

/* proves: drv:2.8/1 */
Test(ring_layout, packed_areas_have_the_bytes_and_alignments_of_the_specification)
{
	for (unsigned size = 1; size <= 32768; size += 7) {
		t_eq(vri__packed_area_bytes(RING_DESC_AREA, size), 16ull * size);
		t_eq(vri__packed_area_bytes(RING_DRIVER_AREA, size), 4);
		t_eq(vri__packed_area_bytes(RING_DEVICE_AREA, size), 4);
	}
	t_eq(vri__packed_area_align(RING_DESC_AREA), 16);
	t_eq(vri__packed_area_align(RING_DRIVER_AREA), 4);
	t_eq(vri__packed_area_align(RING_DEVICE_AREA), 4);
}

static const struct place_case packed_places[] = {
	{ "apart", { 0x1000, 0x2000, 0x3000 }, 16, NULL },
	{ "back to back", { 0, 48, 52 }, 3, NULL },
	{ "no descriptor", { 0x1000, 0x2000, 0x3000 }, 0, "1 to 32768" },
	{ "65535", { 0, 0x200000, 0x400000 }, 65535, "1 to 32768" },
	{ "ring by 8", { 0x1008, 0x2000, 0x3000 }, 16, "aligned" },
	{ "driver area by 2", { 0x1000, 0x2002, 0x3000 }, 16, "aligned" },
	{ "device area by 2", { 0x1000, 0x2000, 0x3002 }, 16, "aligned" },
	{ "ring wraps", { TOP - 15, 0x2000, 0x3000 }, 16, "wraps" },
	{ "device area in ring", { 0x1000, 0x2000, 0x10fc }, 16, "overlap" },
	{ "one area for both", { 0x1000, 0x2000, 0x2000 }, 16, "overlap" },
};

/* faults: A31 */
TestEach(ring_layout, bad_places_of_packed_areas_are_refused_in_words, packed_places,
	 struct place_case)
{
	const char *why = NULL;
	int r = vri__packed_check_areas(param->iova, param->size, &why);

	if (param->why == NULL) {
		t_eq(r, 0);
		return;
	}
	t_errno_eq(r, -EINVAL);
	t_strstr(why, param->why);
}
