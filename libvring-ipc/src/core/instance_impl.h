/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * An instance from the inside.
 *
 *   instance.c           its life, what a device type asks of it, NEEDS_RESET
 *   instance_queue.c     its queues: made, given turns, broken, stopped
 *   instance_requests.c  what the driver asks for: status, features, config, queues
 *   instance_suspend.c   SUSPEND: drained, suspended, resumed
 *   instance_shared_memory.c  its shared memory regions
 */
#ifndef CORE_INSTANCE_IMPL_H
#define CORE_INSTANCE_IMPL_H

#include <stdatomic.h>

#include <vring-ipc/device.h>

#include "core/area_set.h"
#include "core/config.h"
#include "core/ring_layout.h"
#include "core/shared_memory.h"
#include "core/transport.h"
#include "util/list.h"
#include "util/log.h"
#include "util/shm.h"

struct inst_queue {
	struct vri_instance *inst;
	unsigned index;
	bool set_up; /* the driver said where it is */
	bool live; /* set up, DRIVER_OK, and neither broken nor stopped */
	bool draining; /* its reset waits for chains that are in flight */
	bool stalled; /* the process op can take nothing until it schedules the queue */
	struct queue_params params;
	struct area area[RING_AREAS]; /* in vri_instance.areas while it is set up */
	void __shm *desc, *driver, *device; /* the areas in this process */
	struct vri_devq *q; /* kept when it is no longer live, until it is set up again */
	const struct queue_ops *carrier; /* the transport's, wrapped by @ops; NULL: not up */
	void *carrier_ctx;
	struct queue_ops ops;
	struct list ready; /* by vri_instance.ready: waits for a turn */
	_Atomic bool broke; /* set by the queue's thread, taken by the instance's */
};

struct vri_instance {
	_Atomic unsigned refs;
	struct vri_device *dev;
	struct list of_device; /* by vri_device.instances */
	const struct instance_transport *ops;
	void *transport;
	struct vri_mem *mem;
	void *data;
	char link_id[33];

	/* What the region shows. Without a region all of it is in private_blocks. */
	bool has_region;
	struct region_map map;
	struct region_device __shm *block;
	struct region_device_queue __shm *queue_blocks;
	struct region_counters __shm *counters; /* NULL: the queues keep their own */
	void *private_blocks;

	/* The truth. */
	uint8_t status;
	struct vri_features acked;
	struct config_space config;
	struct shared_memory
		shared[VRI_SHARED_MEMORY_MAX]; /* of those that are this link's alone */
	bool started; /* the start op succeeded, the stop op is due */
	bool resetting; /* stopped, but the device has requests that still run */
	bool suspending; /* SUSPEND was written, and shows when what is in flight has ended */
	bool reset_untold; /* NEEDS_RESET was set while suspended, when the driver may not be told */
	bool detached;

	struct inst_queue *queues;
	unsigned n_queues;
	struct area_set areas; /* of the queues that are set up: no two overlap */
	struct list ready;
	bool running; /* inside of vri__instance_run() */
	bool polled; /* its queues are looked at all the time and ask for no notification */
	_Atomic bool any_broke;
	struct log_limit broken_log, needs_reset_log, refused_log;
};

void vri__instance_publish_status(struct vri_instance *inst, uint8_t status);
/* Sets NEEDS_RESET, once, and tells the driver. */
void vri__instance_needs_reset(struct vri_instance *inst, const char *why);
void vri__instance_tell_needs_reset(struct vri_instance *inst, const char *why);

/* Makes a queue live. Returns: 0; a negative errno. */
int vri__inst_queue_up(struct inst_queue *iq);
/* Ends its life; the struct vri_devq stays for those who still hold it. */
void vri__inst_queue_down(struct inst_queue *iq);
void vri__inst_queue_schedule(struct inst_queue *iq);
/* Frees what a queue's earlier life left. */
void vri__inst_queue_forget(struct inst_queue *iq);

/* SUSPEND was written, and is shown at once or by a later vri__instance_finish_suspend(); DRIVER_OK was written over it;
 * the driver reset or left meanwhile. */
void vri__instance_suspend(struct vri_instance *inst);
void vri__instance_finish_suspend(struct vri_instance *inst);
void vri__instance_resume(struct vri_instance *inst);
void vri__instance_end_suspend(struct vri_instance *inst);
/* From the write of SUSPEND on, until it is resumed. */
bool vri__instance_is_suspended(const struct vri_instance *inst);

/* The driver's set-up of it is over: its areas are free. */
void vri__inst_queue_release_areas(struct inst_queue *iq);

/* Makes its shared memory regions, and says in its region which there are. */
int vri__instance_make_shared_memory(struct vri_instance *inst, void __shm *region_base);
void vri__instance_free_shared_memory(struct vri_instance *inst);

/* Goes on with a reset that waits; true when none does any more. */
bool vri__instance_finish_reset(struct vri_instance *inst);
void vri__instance_stop(struct vri_instance *inst);

#endif
