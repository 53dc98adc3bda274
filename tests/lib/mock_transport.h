/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Both ends of a transport without a peer: for the device's half one that counts what it is asked, for the driver's half
 * a device that answers what the test wants, and lies. */
#ifndef TESTS_MOCK_TRANSPORT_H
#define TESTS_MOCK_TRANSPORT_H

#include "core/transport.h"

/* ---- for instances ---- */

#define MOCK_QUEUES 8

struct mock_link {
	unsigned config_changed, needs_reset, wants_run, released, notified;
	unsigned up[MOCK_QUEUES], down[MOCK_QUEUES];
	uint32_t generation;
	char why[128];
	int queue_up_result;
};

extern const struct instance_transport
	mock_instance_transport; /* its transport is a struct mock_link */
extern const struct queue_ops
	mock_queue_ops; /* its context is an unsigned that counts notifications */

/* A region of the test's own, laid out as the driver would, and an instance on it. */
struct mock_region {
	struct region_plan plan;
	struct region_map map;
	uint8_t *base;
	struct vri_mem *mem;
};

void mock_region_init(struct mock_region *region, const struct region_plan *plan);
void mock_region_fini(struct mock_region *region);
/* What a driver would say about queue @queue with @size descriptors. */
struct queue_params mock_region_queue(const struct mock_region *region, unsigned queue,
				      unsigned size);
struct region_device *mock_region_device(const struct mock_region *region);

/* ---- for drivers ---- */

struct mock_device {
	struct offer offer; /* what vri__driver_new() gets */
	struct vri_features offered; /* what get_features says */
	uint8_t status; /* as an honest device would have it */
	uint8_t status_or, status_and_not; /* and what this one makes of it in every answer */
	unsigned resets_pending; /* looks at the status before a reset is over */
	bool hangs_in_reset;
	unsigned suspend_pending; /* looks at the status before SUSPEND shows, or is gone again */
	bool hangs_in_suspend; /* it never does */
	uint8_t status_wanted; /* once it does */
	int set_status_result, get_status_result, get_features_result, set_features_result;
	int set_queue_result, reset_queue_result, add_memory_result, remove_memory_result;
	unsigned reset_queue_pending; /* -EAGAIN so often first */
	int config_read_result, config_write_result;
	uint8_t config[VRI_CONFIG_MAX];
	uint32_t config_generation;
	uint32_t written_generation;
	uint64_t memory_iova; /* of the memory that was added last */
	struct vri_features acked; /* as last written */
	struct queue_params params[MOCK_QUEUES];
	unsigned notified;
	unsigned calls; /* of any kind */
	char log[1024]; /* "status 0;status 1;..." */
};

/* An honest device of one queue of at most 64 descriptors and 32 bytes of config. */
void mock_device_init(struct mock_device *device);
extern const struct driver_transport
	mock_driver_transport; /* its transport is a struct mock_device */
/* A driver on it; @opts may be NULL. */
struct vri_driver *mock_device_driver(struct mock_device *device, const struct vri_link_opts *opts);
/* What the device sees of the driver's region. */
struct region_device *mock_device_block(struct vri_driver *drv);

#endif
