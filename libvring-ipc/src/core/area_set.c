/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The set is the C library's balanced tree: ranges that overlap compare as equal. */
#include "core/area_set.h"

#include <errno.h>
#include <search.h>

static int compare(const void *left, const void *right)
{
	const struct area *a = left, *b = right;

	if (a->end <= b->first)
		return -1;
	return a->first >= b->end;
}

int vri__area_set_add(struct area_set *set, const struct area *area)
{
	const struct area *const *node = tsearch(area, &set->root, compare);

	if (!node)
		return -ENOMEM;
	return *node == area ? 0 : -EEXIST;
}

void vri__area_set_remove(struct area_set *set, const struct area *area)
{
	tdelete(area, &set->root, compare);
}
