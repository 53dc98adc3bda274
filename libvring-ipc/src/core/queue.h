/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * How the layers around make, break and free the two sides of a virtqueue; the public face of both
 * is virtqueue.h.
 *
 * Private state and shadow arrays of a queue live in one anonymous mapping with MADV_WIPEONFORK: a
 * child made by fork() sees zeros, which read as "not live", so no call touches the parent's ring
 * from there.
 */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

#include "util/shm.h"

struct vri_mem;
struct region_counters;
struct region_driver_queue;
struct region_device_queue;

/* What a queue asks of whoever carries it; the transport embeds it in an object of its own. */
struct queue_ops {
	/* Tells the peer's side. Never blocks. Returns: nothing: a notification that cannot be sent
	 * is a dead peer. */
	void (*notify)(void *ctx);
	/* Blocks until the peer notified, the link has news or the time is over (@timeout_ms 0: only
	 * looks, -1: no limit). Returns: 1 notified or news, and the same news only once, since the
	 * queue waits again when it finds nothing; 0 time over; -ECONNRESET. NULL: the queue cannot
	 * wait by itself. */
	int (*wait)(void *ctx, int timeout_ms);
	/* Empties the notifier. */
	void (*clear)(void *ctx);
	/* The descriptor to poll, -1 for none. */
	int (*fd)(void *ctx);
	/* The driver's side has asked for a notification and found nothing, so that it is about to
	 * sleep. NULL: nobody wants to know. */
	void (*armed)(void *ctx);
	/* Once, when the queue breaks: for the log, the status and the counters. */
	void (*broken)(void *ctx, enum vri_rule rule);
};

struct queue_setup {
	unsigned index;
	unsigned size;
	struct vri_features
		features; /* negotiated: EVENT_IDX, INDIRECT_DESC, RING_PACKED, IN_ORDER */
	void __shm *desc, *driver, *device; /* the areas, checked, in this process */
	const struct vri_mem *mem; /* kept */
	struct region_counters __shm *counters; /* this side's, kept; NULL: private ones */
	const struct queue_ops *ops; /* kept */
	void *ctx; /* kept */
	unsigned spin; /* looks before a wait blocks; 0: adaptive; ~0u: never block */

	/* driver's side only */
	uint8_t __shm *outstanding; /* a byte a descriptor for the inspector, kept; NULL: none */
	void __shm *tables; /* size * indirect_max descriptors, kept; NULL: no indirect tables */
	uint64_t tables_iova;
	unsigned indirect_max;
	uint64_t deadline_ns; /* 0: none */
};

/*
 * Make a side. Each empties what it writes: the driver's descriptor area and driver area, the
 * device's device area; so both are there before the device's answer to DRIVER_OK, and neither side
 * looks at the other's areas before that.
 * Returns: 0; -EINVAL for a size that the format does not allow, or an area that is missing or not
 * aligned; -ENOMEM.
 * Ownership: returned, the free below, which also works in a child made by fork().
 */
int vri__drvq_new(const struct queue_setup *setup, struct vri_drvq **ret_q);
void vri__drvq_free(struct vri_drvq *q);
int vri__devq_new(const struct queue_setup *setup, struct vri_devq **ret_q);
void vri__devq_free(struct vri_devq *q);

/* Breaks a queue from outside (deadline, device type, hang-up). The first rule stays. Threads: the
 * queue's. */
void vri__drvq_break(struct vri_drvq *q, enum vri_rule rule);
void vri__devq_break(struct vri_devq *q, enum vri_rule rule);

/* Ends a queue's life: every later call returns -ESHUTDOWN, take_back works on the driver's side.
 * For reset and for the end of the link; not a broken rule. Threads: the control thread, once the
 * queue's thread is out of it. */
void vri__drvq_stop(struct vri_drvq *q);
void vri__devq_stop(struct vri_devq *q);

/*
 * SUSPEND. The device's side first drains: no pop, but pushes and notifications; then it is suspended,
 * and touches nothing. The driver's side is suspended at once: nothing is added, published or kicked
 * (-EAGAIN), and what the device still makes used is taken as ever. Resume makes a queue live again;
 * the driver's requests then count as if the device had just got them. A queue that is broken or
 * stopped stays so.
 * Threads: as stop. virtio 1.4, 3.4
 */
void vri__drvq_suspend(struct vri_drvq *q);
void vri__drvq_resume(struct vri_drvq *q);
void vri__devq_drain(struct vri_devq *q);
void vri__devq_suspend(struct vri_devq *q);
void vri__devq_resume(struct vri_devq *q);

/*
 * Looks at the deadlines of the outstanding requests; the only place that knows the time, so that
 * adding a request costs no clock. A request's age counts from the first look after it was added:
 * never early, late by one interval. Returns: 0, and *ret_next_ns is when to look again (0: nothing
 * is outstanding); -ETIMEDOUT: the queue is broken now.
 */
int vri__drvq_check_deadline(struct vri_drvq *q, uint64_t now_ns, uint64_t *ret_next_ns);

/* Tells whether a used (available) buffer is there, without storing anything. */
bool vri__drvq_has_used(struct vri_drvq *q);
bool vri__devq_has_available(struct vri_devq *q);

/* Tells whether any outstanding buffer lies inside of [@iova, @iova + @len). */
bool vri__drvq_uses_memory(const struct vri_drvq *q, uint64_t iova, uint64_t len);

#endif
