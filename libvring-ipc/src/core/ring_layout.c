/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sizes and alignments of ring areas. */

#include "ring_layout.h"

#include <errno.h>
#include <stddef.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/spec.h>

/* Area bytes: a head, then the same for each descriptor. The event word counts as head. */
struct area {
	unsigned head, each, align;
};

static const struct area split[RING_AREAS] = {
	[RING_DESC_AREA] = { 0, sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE },
	[RING_DRIVER_AREA] = { sizeof(struct vring_avail) + sizeof(__virtio16), sizeof(__virtio16),
			       VRING_AVAIL_ALIGN_SIZE },
	[RING_DEVICE_AREA] = { sizeof(struct vring_used) + sizeof(__virtio16),
			       sizeof(struct vring_used_elem), VRING_USED_ALIGN_SIZE },
};

static const struct area packed[RING_AREAS] = {
	[RING_DESC_AREA] = { 0, sizeof(struct vring_packed_desc), VRING_DESC_ALIGN_SIZE },
	[RING_DRIVER_AREA] = { sizeof(struct vring_packed_desc_event), 0, 4 },
	[RING_DEVICE_AREA] = { sizeof(struct vring_packed_desc_event), 0, 4 },
};

static uint64_t area_bytes(const struct area *area, unsigned size)
{
	return area->head + (uint64_t)area->each * size;
}

bool vri__split_size_is_valid(unsigned size)
{
	return size != 0 && size <= VRI_QUEUE_SIZE_MAX && (size & (size - 1)) == 0;
}

bool vri__packed_size_is_valid(unsigned size)
{
	return size != 0 && size <= VRI_QUEUE_SIZE_MAX;
}

uint64_t vri__split_area_bytes(enum ring_area area, unsigned size)
{
	return area_bytes(&split[area], size);
}

uint64_t vri__packed_area_bytes(enum ring_area area, unsigned size)
{
	return area_bytes(&packed[area], size);
}

unsigned vri__split_area_align(enum ring_area area)
{
	return split[area].align;
}

unsigned vri__packed_area_align(enum ring_area area)
{
	return packed[area].align;
}

static const char *check_areas(const struct area areas[RING_AREAS], const uint64_t iova[RING_AREAS],
			       unsigned size)
{
	uint64_t bytes[RING_AREAS];

	for (unsigned a = 0; a < RING_AREAS; a++) {
		bytes[a] = area_bytes(&areas[a], size);
		if (iova[a] % areas[a].align != 0)
			return "a ring area is not aligned";
		if (iova[a] > UINT64_MAX - bytes[a])
			return "a ring area wraps around the end of the address space";
	}
	for (unsigned a = 0; a < RING_AREAS; a++)
		for (unsigned b = 0; b < a; b++)
			if (iova[a] < iova[b] + bytes[b] && iova[b] < iova[a] + bytes[a])
				return "ring areas overlap";
	return NULL;
}

static int verdict(const char *why, const char **ret_why)
{
	if (why == NULL)
		return 0;
	if (ret_why != NULL)
		*ret_why = why;
	return -EINVAL;
}

int vri__split_check_areas(const uint64_t iova[RING_AREAS], unsigned size, const char **ret_why)
{
	return verdict(vri__split_size_is_valid(size) ?
			       check_areas(split, iova, size) :
			       "the queue size is not a power of two up to 32768",
		       ret_why);
}

int vri__packed_check_areas(const uint64_t iova[RING_AREAS], unsigned size, const char **ret_why)
{
	return verdict(vri__packed_size_is_valid(size) ? check_areas(packed, iova, size) :
							 "the queue size is not 1 to 32768",
		       ret_why);
}
