/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What a transport and the core ask of each other. A transport carries these calls between the two
 * halves: loopback by calling, shm by messages. It decides nothing about virtio.
 *
 *   driver half (driver.c) --struct driver_transport--> transport --vri__instance_...()--> device
 * half (instance.c) device half            --struct instance_transport--> transport
 * --vri__driver_...()--> driver half
 */
#ifndef CORE_TRANSPORT_H
#define CORE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>
#include <vring-ipc/link.h>

#include "core/memtab.h"
#include "core/queue.h"
#include "core/region.h"
#include "util/shm.h"

/* What a device says of itself before a driver attaches (OFFER). Texts are 0-terminated and
 * printable. */
struct offer {
	char type[VRI_TYPE_MAX];
	char name[VRI_TYPE_MAX];
	uint32_t device_id;
	uint32_t vendor_id;
	struct vri_features features;
	unsigned n_queues;
	unsigned queue_size_max;
	uint32_t config_size;
	struct vri_shared_memory shared[VRI_SHARED_MEMORY_MAX];
	unsigned n_shared;
};

/* Returns: 0; -EPROTO when a peer's offer is absurd (0 queues, sizes beyond the limits, a text that
 * is not printable ASCII): before anything is allocated for it. */
int vri__offer_check(const struct offer *offer);
void vri__offer_of(const struct vri_device *dev, struct offer *ret_offer);

/* A queue as the driver sets it up. */
struct queue_params {
	unsigned index;
	unsigned size;
	uint64_t desc, driver, device; /* iovas of the areas */
};

/* ---- the driver's half ---- */

/* What a transport does for a driver. Each blocks until the device answered, at most for the link's
 * time limit. Returns, all: 0; what the device said; -ETIMEDOUT; -ECONNRESET; -EPROTO for an answer
 * that makes no sense. */
struct driver_transport {
	int (*get_status)(void *t, uint8_t *ret_status);
	/* Writes the status and reads it back in one go. */
	int (*set_status)(void *t, uint8_t status, uint8_t *ret_status);
	int (*get_features)(void *t, struct vri_features *ret_offered);
	int (*set_features)(void *t, const struct vri_features *acked);
	int (*config_read)(void *t, uint32_t offset, void *buf, uint32_t len,
			   uint32_t *ret_generation);
	int (*config_write)(void *t, uint32_t generation, uint32_t offset, const void *buf,
			    uint32_t len);
	/* Also makes the queue's notifiers; *ret_ops and *ret_ctx are for queue_setup, valid until
	 * reset_queue, a status of 0 or the end of the link. */
	int (*set_queue)(void *t, const struct queue_params *params,
			 const struct queue_ops **ret_ops, void **ret_ctx);
	/* -EAGAIN: the device still has chains of it in flight; ask again. */
	int (*reset_queue)(void *t, unsigned queue);
	int (*add_memory)(void *t, int fd, uint64_t fd_offset, const struct mem_entry *entry);
	int (*remove_memory)(void *t, uint64_t iova);
	/* What the device says of region @id, and its memfd, the caller's from now on: unchecked. NULL: a
	 * transport without such regions. */
	int (*get_shared_memory)(void *t, uint8_t id, struct vri_shared_memory *ret, int *ret_fd);

	/* These two ask the device nothing, and may be NULL. */

	/* Does a thread of its own wait on the queue, and so look at its deadline itself? */
	bool (*is_elsewhere)(void *t, unsigned queue);
	/* Makes the link's descriptor readable, so that vri__driver_dispatch() is called. */
	void (*wake)(void *t);
	/* The region, sealed, when somebody else makes it. Returns: a descriptor, the caller's; a negative
	 * errno; -EOPNOTSUPP when the driver has to make it. */
	int (*make_region)(void *t, uint64_t size);
};

struct driver_setup {
	const struct offer *offer; /* checked; copied */
	const struct driver_transport *ops; /* kept */
	void *transport; /* kept */
	const struct vri_link_opts *opts; /* copied */
	uint8_t link_id[16];
};

/* Makes the driver's half with its region: created, sized, populated, formatted, sealed (mode
 * 0600). Returns: 0; -ENOMEM; -ENOSPC; -EINVAL for options beyond the limits or beyond the offer. */
int vri__driver_new(const struct driver_setup *setup, struct vri_driver **ret_drv);
/* Frees queues, pool, mappings. The transport has already told the device. In a child made by fork()
 * it gives back what the child holds. */
void vri__driver_free(struct vri_driver *drv);

/* The region, for ATTACH. Borrowed. */
int vri__driver_region_fd(const struct vri_driver *drv);
uint64_t vri__driver_region_size(const struct vri_driver *drv);
void __shm *vri__driver_region_base(const struct vri_driver *drv);
const struct region_map *vri__driver_region_map(const struct vri_driver *drv);

/* News from the device, to be told to the application's events later by vri__driver_dispatch().
 * Idempotent. */
void vri__driver_config_changed(struct vri_driver *drv);
void vri__driver_needs_reset(struct vri_driver *drv, const char *why);
void vri__driver_gone(struct vri_driver *drv);

/* Calls the events that are due and looks at the deadlines, also while nothing is outstanding: what is added later is
 * told to nobody, and waits for the next look. Returns: as vri_link_dispatch();
 * *ret_next_ns (CLOCK_MONOTONIC, 0: never) is when it wants to be called again. */
int vri__driver_dispatch(struct vri_driver *drv, uint64_t now_ns, uint64_t *ret_next_ns);

/* ---- the device's half ---- */

/* What a transport does for an instance. None blocks. */
struct instance_transport {
	void (*config_changed)(void *t, uint32_t generation);
	void (*needs_reset)(void *t, const char *why);
	/* The instance has queues to run: call vri__instance_run() soon. Threads: any that holds a
	 * queue (one that breaks says so in its own thread). */
	void (*wants_run)(void *t);
	/* Makes the notifiers of a queue that is about to become live; *ret_... as in
	 * driver_transport.set_queue. */
	int (*queue_up)(void *t, unsigned queue, const struct queue_ops **ret_ops, void **ret_ctx);
	void (*queue_down)(void *t, unsigned queue);
	/* The last reference went, after vri__instance_detach(): the mappings of the link may go.
	 */
	void (*released)(void *t);
};

/* Makes an instance for a driver that was accepted. @mem: the link's memory table, entry 0 is
 * there; @region may be NULL (vhost-user): the blocks are then private. Returns: 0; what the attach
 * op said; -ENOMEM; -EPROTO for a region that does not fit the device (queues, config space).
 * Ownership: one reference, given back by vri__instance_detach(); on failure released() is not
 * called. */
int vri__instance_new(struct vri_device *dev, const struct instance_transport *ops, void *transport,
		      struct vri_mem *mem, void __shm *region_base, const struct region_map *region,
		      struct vri_instance **ret_inst);

/* The link ended: stop, detach, drop the reference. @inst may live on in other hands. */
void vri__instance_detach(struct vri_instance *inst);

/* The driver's requests; after a reset that the device could not finish at once, the status reads 0
 * later. Returns: 0; -EPROTO with a word in *ret_why (static) when the driver broke
 * an order or a limit: answer it so, the link goes on; -EAGAIN a config write that came too late;
 * -EPERM; -ENOMEM. */
uint8_t vri__instance_get_status(struct vri_instance *inst);
int vri__instance_set_status(struct vri_instance *inst, uint8_t status, uint8_t *ret_status,
			     const char **ret_why);
int vri__instance_set_features(struct vri_instance *inst, const struct vri_features *acked,
			       const char **ret_why);
int vri__instance_config_read(const struct vri_instance *inst, uint32_t offset, void *buf,
			      uint32_t len, uint32_t *ret_generation);
int vri__instance_config_write(struct vri_instance *inst, uint32_t generation, uint32_t offset,
			       const void *buf, uint32_t len, const char **ret_why);
/* Checks size, alignment and place of the areas now, and zeroes the device's; the queue becomes live
 * with DRIVER_OK, or at once when it was reset since. */
int vri__instance_set_queue(struct vri_instance *inst, const struct queue_params *params,
			    const char **ret_why);
/* -EAGAIN: chains of it are in flight; it takes no new ones, ask again. */
int vri__instance_reset_queue(struct vri_instance *inst, unsigned queue, const char **ret_why);

/* A shared memory region: what it is, and a descriptor of it, which is the caller's. Returns: 0; -EINVAL
 * for one that is not offered; -ENOMEM when there is no descriptor left. */
int vri__instance_get_shared_memory(struct vri_instance *inst, uint8_t id,
				    struct vri_shared_memory *ret, int *ret_fd,
				    const char **ret_why);

/* A kick arrived. Ignored for a queue that is not live (drv and dev may disagree for a moment). */
void vri__instance_kicked(struct vri_instance *inst, unsigned queue);

/* Gives each scheduled queue one turn (vri_device_ops.process, publish, notify, arm, look again).
 * Returns: true when some queue wants another turn. */
bool vri__instance_run(struct vri_instance *inst);

/*
 * For a transport that polls. @on: the queues ask for no notification any more, and a turn does not
 * arm; off: they do again, and those that have a buffer by now are scheduled.
 */
void vri__instance_set_polled(struct vri_instance *inst, bool on);

/* Schedules each live queue that has a buffer, without storing anything that the driver sees.
 * Returns: true when a queue waits for its turn. */
bool vri__instance_look(struct vri_instance *inst);

/* True when no queue holds a chain: what was removed from the memory table may be unmapped. */
bool vri__instance_is_idle(const struct vri_instance *inst);

/* Does the device serve its queues by the process op? If not, threads of its own do, and the queues'
 * notifiers are theirs. */
bool vri__device_takes_turns(const struct vri_device *dev);

/* True for a device without a process op: threads of its own wait for kicks, so nobody else may
 * empty its queues' notifiers. */
bool vri__device_has_own_threads(const struct vri_device *dev);

/* Watches the device's own descriptor: forwards to ops, for transports that put it into their poll
 * set. */
int vri__device_event_fd(struct vri_device *dev);
void vri__device_event(struct vri_device *dev);

/* Waits until requests of links that have ended run no more (vri_device_ops.is_stopped): who stops
 * watching the device's descriptor calls it, or nobody would ever take their ends. The caller holds
 * a reference. */
#define DEVICE_SETTLE_MS 1000
void vri__device_settle(struct vri_device *dev, unsigned timeout_ms);

#endif
