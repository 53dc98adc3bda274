/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A set of address ranges that do not overlap: adding one to n costs log n steps. */
#ifndef CORE_AREA_SET_H
#define CORE_AREA_SET_H

#include <stdint.h>

/* [first, end), not empty. The caller's; it stays where it is while it is in a set. */
struct area {
	uint64_t first, end;
};

/* Zeros are an empty one. */
struct area_set {
	void *root;
};

/* Returns: 0; -EEXIST when it overlaps another one; -ENOMEM. Ownership: kept until it is removed. */
int vri__area_set_add(struct area_set *set, const struct area *area);
/* Takes out one that was added. */
void vri__area_set_remove(struct area_set *set, const struct area *area);

#endif
