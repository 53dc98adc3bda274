/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A region that no link ever ran over: every word of it is fixed, so what the inspector says of it
 * can be compared to the letter. A blk device with two queues; queue 0 of 8 descriptors:
 *
 *   head 0   used, not taken: 16 readable, 4096 + 1 writable
 *   head 3   in the device: an indirect table of 3 pieces
 *   head 5   available: 16 readable, 1 writable
 *
 * queue 1 is not set up.
 */
#ifndef TESTS_SYNTHETIC_H
#define TESTS_SYNTHETIC_H

#include <stdint.h>

#include "core/region.h"

#define SYNTHETIC_ID "000102030405060708090a0b0c0d0e0f"
#define SYNTHETIC_SIZE 8
#define SYNTHETIC_AVAIL_IDX 1003
#define SYNTHETIC_USED_IDX 1001
#define SYNTHETIC_DEVICE_POSITION 1002
#define SYNTHETIC_DRIVER_POSITION 1000

struct synthetic {
	int fd; /* read-write, sealed as a real one */
	uint8_t *base;
	struct region_map map;
	struct region_queue_areas areas[2];
	struct region_device *device;
	struct region_device_queue *device_queue;
	struct region_driver *driver;
	struct region_driver_queue *driver_queue;
	struct region_counters *device_counters, *driver_counters;
	struct vring_desc *desc, *table;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *outstanding;
};

/* Fails the test (or the helper) when the system does not play along. */
void synthetic_init(struct synthetic *s);
void synthetic_fini(struct synthetic *s);

#endif
