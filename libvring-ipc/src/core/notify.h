/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Whether the peer wants a notification: the two questions of virtio 1.4, 2.7.7 and 2.7.10. Pure. */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What a side finds when it decides about a notification. */
enum notify_verdict {
	NOTIFY_NOTHING_NEW, /* nothing was published since the last decision */
	NOTIFY_NOT_WANTED,
	NOTIFY_WANTED,
};

/*
 * With EVENT_IDX: is the entry at index @event one of the @count entries that end just before
 * @idx? The specification writes it as an equality for one entry; a batch needs the range. More than
 * 65535 entries have every index among them.
 */
bool vri__notify_event(uint16_t event, uint16_t idx, uint32_t count);

/* Without it: does the word avail.flags (used.flags) allow notifications? Only bit 0 says
 * anything. */
bool vri__notify_flags(uint16_t flags);

#endif
