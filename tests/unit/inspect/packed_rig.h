/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A region with one packed queue, and both sides of it in the test's hands: real ones, so that what
 * the inspector reads is what they write. */
#ifndef TESTS_PACKED_RIG_H
#define TESTS_PACKED_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/inspect.h>
#include <vring-ipc/virtqueue.h>

#include "core/queue.h"
#include "core/region.h"

#define PACKED_RIG_ID "101112131415161718191a1b1c1d1e1f"
#define PACKED_RIG_PIECES 4 /* of a buffer at most */

struct packed_rig_setup {
	unsigned size;
	bool event_idx, indirect, in_order;
};

struct packed_rig {
	struct packed_rig_setup setup;
	int fd;
	uint8_t *base;
	struct region_map map;
	struct region_queue_areas areas;
	struct region_device *device;
	struct region_device_queue *device_queue;
	struct region_driver *driver;
	struct region_driver_queue *driver_queue;
	struct region_counters *device_counters, *driver_counters;
	struct vring_packed_desc *ring;
	uint32_t *driver_event, *device_event;
	uint8_t *outstanding;
	struct vri_mem *mem;
	struct vri_drvq *drvq;
	struct vri_devq *devq;
	struct vri_inspect *insp;
};

void packed_rig_init(struct packed_rig *rig, const struct packed_rig_setup *setup);
void packed_rig_fini(struct packed_rig *rig);

/* Adds a buffer of @n_readable pieces of 16 bytes and @n_writable ones of 32, and kicks. Returns: as
 * vri_drvq_add(). */
int packed_rig_add(struct packed_rig *rig, unsigned n_readable, unsigned n_writable, void *token);

/* Pops the next chain. Returns: its buffer id and what push needs. */
struct vri_chain packed_rig_pop(struct packed_rig *rig);
void packed_rig_push(struct packed_rig *rig, const struct vri_chain *chain, uint32_t written);

/* Takes all that is used. Returns: how many. */
unsigned packed_rig_take(struct packed_rig *rig);

/* Sends @n buffers of one writable piece round, one after the other. */
void packed_rig_cycle(struct packed_rig *rig, unsigned n);

#endif
