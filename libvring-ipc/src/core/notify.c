/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Event index and flags. */

#include "notify.h"

#include <assert.h>

#include <linux/virtio_ring.h>

static_assert(VRING_USED_F_NO_NOTIFY == 1 && VRING_AVAIL_F_NO_INTERRUPT == 1, "one bit for both");

bool vri__notify_event(uint16_t event, uint16_t idx, uint32_t count)
{
	/* How far @event lies before the newest entry, around the wrap of the index. */
	return (uint16_t)(idx - event - 1) < count;
}

bool vri__notify_flags(uint16_t flags)
{
	return (flags & 1) == 0;
}
