/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Ways past the accessors that sparse has to find, and ways that are right. Compiled by nobody else. */
#include <string.h>

#include "core/region.h"
#include "core/ring_access.h"

static struct planted {
	const uint16_t __shm *idx;
	void __shm *area;
	const struct region_device __shm *block;
} p;

uint16_t planted_right(uint16_t i);
uint16_t planted_right(uint16_t i)
{
	const uint16_t __shm *ring = p.area;

	return (uint16_t)(ring_look_idx(p.idx) + ring_load_avail_entry(&ring[i]) +
			  sizeof(p.block->type));
}

unsigned planted_wrong(void);
unsigned planted_wrong(void)
{
	uint16_t *plain = p.area; /* fault */
	struct region_device copy;
	unsigned sum = 0;

	memcpy(&copy, p.block, sizeof(copy)); /* fault */
	sum += *plain;
	sum += *p.idx; /* fault */
	sum += p.idx[3]; /* fault */
	sum += p.block->status; /* fault */
	sum += *(volatile const uint16_t *)p.idx; /* fault */
	sum += __atomic_load_n(p.idx, __ATOMIC_ACQUIRE); /* fault */
	__atomic_store_n((uint16_t __shm *)p.area, 1, __ATOMIC_RELEASE); /* fault */
	return sum;
}
