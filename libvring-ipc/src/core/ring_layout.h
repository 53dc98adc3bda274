/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* How large the three areas of a virtqueue are, how they are aligned, and whether given places for
 * them are any good. Pure. */
#ifndef CORE_RING_LAYOUT_H
#define CORE_RING_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

enum ring_area { RING_DESC_AREA, RING_DRIVER_AREA, RING_DEVICE_AREA, RING_AREAS };

/* As a region's driver block has it. */
enum ring_format { RING_SPLIT = 0, RING_PACKED = 1 };

/* A power of two, at most 32768. virtio 1.4, 2.7 */
bool vri__split_size_is_valid(unsigned size);

/* Any number from 1 to 32768. virtio 1.4, 2.8 */
bool vri__packed_size_is_valid(unsigned size);

/* Bytes of one area of a split virtqueue: 16, 6 + 2 and 6 + 8 for each of @size descriptors, the
 * event words included. @size must be valid. virtio 1.4, 2.7 */
uint64_t vri__split_area_bytes(enum ring_area area, unsigned size);

/* 16, 2 and 4. virtio 1.4, 2.7 */
unsigned vri__split_area_align(enum ring_area area);

/* The same of a packed virtqueue: 16 for each descriptor, 4 and 4 for the two event suppression
 * areas; aligned to 16, 4 and 4. virtio 1.4, 2.8 */
uint64_t vri__packed_area_bytes(enum ring_area area, unsigned size);
unsigned vri__packed_area_align(enum ring_area area);

/*
 * Checks the places of the three areas of a split (packed) virtqueue, as iovas.
 * Returns: 0; -EINVAL, and *ret_why (static text, may be NULL on input) says what is wrong: the size,
 * the alignment, a wrap around the end of the address space, or areas that overlap.
 */
int vri__split_check_areas(const uint64_t iova[RING_AREAS], unsigned size, const char **ret_why);
int vri__packed_check_areas(const uint64_t iova[RING_AREAS], unsigned size, const char **ret_why);

/* ---- the same by format ---- */

static inline bool ring_size_is_valid(enum ring_format format, unsigned size)
{
	return format == RING_PACKED ? vri__packed_size_is_valid(size) :
				       vri__split_size_is_valid(size);
}

static inline uint64_t ring_area_bytes(enum ring_format format, enum ring_area area, unsigned size)
{
	return format == RING_PACKED ? vri__packed_area_bytes(area, size) :
				       vri__split_area_bytes(area, size);
}

static inline unsigned ring_area_align(enum ring_format format, enum ring_area area)
{
	return format == RING_PACKED ? vri__packed_area_align(area) : vri__split_area_align(area);
}

static inline int ring_check_areas(enum ring_format format, const uint64_t iova[RING_AREAS],
				   unsigned size, const char **ret_why)
{
	return format == RING_PACKED ? vri__packed_check_areas(iova, size, ret_why) :
				       vri__split_check_areas(iova, size, ret_why);
}

#endif
