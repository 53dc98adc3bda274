/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Checks what a queue is made from. */

#include "queue_setup.h"

#include <errno.h>

#include "ring_layout.h"

int vri__queue_check_setup(const struct queue_setup *setup)
{
	const void __shm *area[RING_AREAS] = {
		[RING_DESC_AREA] = setup->desc,
		[RING_DRIVER_AREA] = setup->driver,
		[RING_DEVICE_AREA] = setup->device,
	};
	enum ring_format format = queue_has_feature(setup, VRI_F_RING_PACKED) ? RING_PACKED :
										RING_SPLIT;

	if (!ring_size_is_valid(format, setup->size) || setup->mem == NULL || setup->ops == NULL)
		return -EINVAL;
	/* virtio 1.4, 2.7, 2.8: the alignments of the three areas. */
	for (unsigned a = 0; a < RING_AREAS; a++)
		if (area[a] == NULL ||
		    (uintptr_t)area[a] % ring_area_align(format, (enum ring_area)a) != 0)
			return -EINVAL;
	return 0;
}
