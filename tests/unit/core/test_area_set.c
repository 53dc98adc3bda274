/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sets of ranges, against a map of every address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/area_set.h"
#include "test.h"

#define ADDRESSES 4096
#define AREAS 256

Test(area_set, takes_neighbours_and_no_overlap)
{
	static const struct area taken = { 100, 200 };
	static const struct area free_ones[] = { { 0, 100 }, { 200, 201 }, { 201, UINT64_MAX } };
	static const struct area overlapping[] = {
		{ 100, 200 }, { 99, 101 }, { 199, 300 }, { 150, 151 }, { 0, UINT64_MAX }
	};
	struct area_set set = { 0 };

	t_ok(vri__area_set_add(&set, &taken));
	for (unsigned i = 0; i < 5; i++)
		t_errno_eq(vri__area_set_add(&set, &overlapping[i]), -EEXIST);
	for (unsigned i = 0; i < 3; i++)
		t_ok(vri__area_set_add(&set, &free_ones[i]));
	vri__area_set_remove(&set, &taken);
	t_ok(vri__area_set_add(&set, &overlapping[0]));
	vri__area_set_remove(&set, &overlapping[0]);
	for (unsigned i = 0; i < 3; i++)
		vri__area_set_remove(&set, &free_ones[i]);
	t_null(set.root);
}

Test(area_set, agrees_with_a_map_of_every_address)
{
	struct area area[AREAS] = { { 0, 0 } };
	bool used[ADDRESSES] = { false };
	struct area_set set = { 0 };
	unsigned seed = 1;

	for (int step = 0; step < 20000; step++) {
		struct area *a = &area[(unsigned)rand_r(&seed) % AREAS];
		bool is_free = true;

		if (a->end != 0) {
			memset(used + a->first, 0, a->end - a->first);
			vri__area_set_remove(&set, a);
			a->end = 0;
			continue;
		}
		a->first = (unsigned)rand_r(&seed) % (ADDRESSES - 32);
		a->end = a->first + 1 + (unsigned)rand_r(&seed) % 31;
		for (uint64_t at = a->first; at < a->end; at++)
			is_free = is_free && !used[at];
		t_eq(vri__area_set_add(&set, a), is_free ? 0 : -EEXIST);
		if (is_free)
			memset(used + a->first, 1, a->end - a->first);
		else
			a->end = 0;
	}
	for (unsigned i = 0; i < AREAS; i++)
		if (area[i].end != 0)
			vri__area_set_remove(&set, &area[i]);
	t_null(set.root);
}
