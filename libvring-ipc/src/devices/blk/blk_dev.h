/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the device side of virtio-blk keeps: the disk (one for the device), a session (one for each
 * time that an instance runs, from start to stop), its queues, and a slot for each request that is
 * worked on. Nothing is allocated between start and stop.
 */
#ifndef DEVICES_BLK_DEV_H
#define DEVICES_BLK_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_blk.h>

#include <vring-ipc/device.h>
#include <vring-ipc/devices/blk.h>

#include "devices/blk/blk_file.h"
#include "devices/blk/blk_req.h"

/* The config space up to the fields of a feature that we do not have. Newer kernel headers know
 * more fields; the size must not depend on the header. */
#define BLK_CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

/* Pieces of a request beside its data: header, status, and some for drivers that cut the header. */
#define BLK_EXTRA_PIECES 4

struct blk_queue;

struct blk_slot {
	struct blk_queue *queue;
	struct vri_chain chain;
	struct blk_req req;
	struct blk_job job;
	struct iovec *pieces; /* the slot's own */
	uint64_t number; /* in the order of arrival */
	struct blk_slot *next; /* free */
};

struct blk_queue {
	struct blk_session *session;
	unsigned index;
	struct vri_devq *devq; /* NULL: the driver did not set it up */
	struct blk_slot *free;
	struct iovec *wide; /* for one chain with as many pieces as the queue has descriptors */
	struct blk_slot *wide_user;
	bool starved; /* something waits for a slot */
	bool dirty; /* something was pushed and not yet notified */
	struct blk_queue *next_dirty;
	uint64_t newest; /* number of the request that came last */
	uint64_t newest_done;

	/* storage of the above */
	struct blk_slot *slots;
	struct iovec *iov;
	struct blk_range *ranges;
};

struct blk_session {
	struct blk_disk *disk;
	struct vri_instance *inst; /* a reference */
	struct blk_limits limits;
	bool write_through;
	bool stopped; /* answers nobody any more */
	unsigned in_kernel; /* jobs */
	struct blk_session *next; /* stopped ones of the disk */
	unsigned n_queues;
	struct blk_queue queue[];
};

struct blk_disk {
	struct blk_file file;
	struct blk_engine *engine;
	struct blk_limits limits;
	struct vri_blk_stats stats;
	unsigned in_flight_max;
	unsigned pieces_max;
	struct blk_queue *dirty;
	struct blk_session *stopped;
	char id[VRI_BLK_ID_MAX];
};

/* Makes a session with slots for each live queue of @inst. Returns: 0; -ENOMEM. */
int blk_session_new(struct blk_disk *disk, struct vri_instance *inst,
		    struct blk_session **ret_session);
/* Ends it: frees it now, or when the last of its jobs has left the kernel. */
void blk_session_stop(struct blk_session *session);
void blk_session_free_if_idle(struct blk_session *session);
/* Whether an ended session of @inst still has jobs in the kernel. */
bool blk_disk_has_session(const struct blk_disk *disk, const struct vri_instance *inst);

/* Takes a free slot, its chain ready for a pop; NULL: the queue is starved now. */
struct blk_slot *blk_slot_take(struct blk_queue *q);
/* Gives the slot the queue's storage for the widest chain there can be. Returns: false when
 * another slot has it. */
bool blk_slot_widen(struct blk_slot *slot);
/* Makes a slot free, and has a starved queue served again. */
void blk_slot_free(struct blk_slot *slot);
struct blk_slot *blk_slot_of_job(struct blk_job *job);

/* Remembers that the queue's driver has to be notified, and notifies all such. */
void blk_queue_mark_dirty(struct blk_queue *q);
void blk_disk_notify_dirty(struct blk_disk *disk);

#endif
