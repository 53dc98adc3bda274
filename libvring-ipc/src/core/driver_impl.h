/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's half from the inside.
 *
 *   driver.c         its life, its region, what it was told, events
 *   driver_status.c  negotiate, run, reset, fail
 *   driver_suspend.c suspend, resume
 *   driver_queue.c   queues: set up, stopped, reset alone, broken
 *   driver_config.c  the config space
 *   driver_memory.c  memory of the application's own
 *   driver_shared_memory.c  memory that the device shares
 */
#ifndef CORE_DRIVER_IMPL_H
#define CORE_DRIVER_IMPL_H

#include <stdatomic.h>

#include <vring-ipc/driver.h>

#include "core/pool.h"
#include "core/region.h"
#include "core/transport.h"
#include "util/fork_guard.h"
#include "util/log.h"
#include "util/shm.h"

enum drv_state {
	DRV_IDLE, /* reset, or never started */
	DRV_NEGOTIATING, /* ACKNOWLEDGE up to FEATURES_OK */
	DRV_FEATURES_OK, /* queues are set up */
	DRV_RUNNING,
	DRV_SUSPENDING, /* SUSPEND was written; nothing is added any more */
	DRV_SUSPENDED,
	DRV_RESUMING, /* DRIVER_OK was written again, and the device has not said yes yet */
	DRV_FAILED, /* until the next reset */
};

struct drv_queue {
	struct vri_driver *drv;
	unsigned index;
	bool is_set; /* the device knows it, since the last reset */
	bool was_set; /* its memory has been used before */
	struct vri_drvq
		*q; /* kept stopped after a reset, for take_back, until it is set up again */
	const struct queue_ops *carrier; /* the transport's, wrapped by @ops */
	void *carrier_ctx;
	struct queue_ops ops;
	_Atomic bool broke; /* set by the queue's thread */
};

struct drv_memory {
	void __shm *base; /* NULL: unused */
	size_t len;
	uint64_t iova;
};

struct vri_driver {
	struct offer offer;
	const struct driver_transport *ops;
	void *transport;
	struct fork_guard guard;
	struct log_limit broken_log;

	/* options with their defaults filled in */
	struct region_plan plan;
	unsigned spin;
	unsigned timeout_ms;
	unsigned deadline_ms;
	struct vri_features refused;

	/* the region */
	int region_fd;
	uint8_t __shm *base; /* NULL: not mapped */
	struct region_map map;
	struct region_driver __shm *block;
	struct region_driver_queue __shm *queue_blocks;
	struct region_counters __shm *counters;
	struct vri_mem *mem;
	struct vri_pool *pool;
	struct drv_memory memory[MEM_ENTRIES_MAX];
	uint64_t next_iova;
	void __shm *shared[VRI_SHARED_MEMORY_MAX]; /* by place in the offer; NULL: not mapped */

	/* the truth */
	enum drv_state state;
	uint8_t status; /* as last written and read back */
	bool lent; /* DRIVER_OK was written since the last reset: the device may have our buffers */
	struct vri_features offered, negotiated;
	struct drv_queue *queues; /* plan.n_queues */
	unsigned n_queues; /* run() sets up as many */
	uint32_t config_generation; /* of what was last read */

	/* news */
	struct vri_driver_callbacks callbacks;
	void *callbacks_data;
	bool gone, gone_told;
	bool config_changed;
	bool needs_reset, needs_reset_told; /* since the last reset */
	char needs_reset_why[REGION_TEXT_MAX];
};

/* From DRIVER_OK to the reset, suspended or not: the queues are there. */
static inline bool drv_has_queues(const struct vri_driver *drv)
{
	return drv->state >= DRV_RUNNING && drv->state < DRV_FAILED;
}

/* What every call checks first. Returns: 0; -EINVAL; -ESHUTDOWN in a child of fork(). */
int vri__drv_check(const struct vri_driver *drv);

/* Set up one queue of @size descriptors, with the device and in this process. */
int vri__drv_queue_set(struct vri_driver *drv, unsigned queue, unsigned size);
/* The device does not use the queues any more, or nobody shall: stop them. */
void vri__drv_queues_stop(struct vri_driver *drv);
/* While the device may still write to what it was lent: see vri__pool_set_quarantine(). */
void vri__drv_quarantine(struct vri_driver *drv, bool on);

#endif
