/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The memory that a link shares: the pool of buffers and what the device may do with a piece of
 * memory. */
#ifndef VRING_IPC_MEMORY_H
#define VRING_IPC_MEMORY_H

#include <vring-ipc/base.h>

VRI_BEGIN_DECLS

/* What the device may do with an entry of a link's memory table; the driver may always do both. */
enum vri_access {
	VRI_ACCESS_READ = 1,
	VRI_ACCESS_WRITE = 2,
	VRI_ACCESS_READ_WRITE = 3,
};

/*
 * A shared memory region: memory that a device shares with its driver beside the queues, for as long
 * as the link lasts: a frame buffer, a table of results, a cache of a file. What is in it, and which
 * id is for what, says the device type; what refers into it is an offset. It is not for what
 * controls the device, nor for the stream of its data: that is what queues are for. virtio 1.4, 2.10
 */
struct vri_shared_memory {
	uint64_t size; /* bytes: a multiple of 4096 */
	uint8_t id; /* the specification's shmid */
	bool writable; /* for the driver: the device can always write */
	bool common; /* one memory for all drivers of the device, so not writable for them; else each
			link has its own */
};

#define VRI_SHARED_MEMORY_MAX 16 /* of one device */

/*
 * A pool hands out buffers of the link's own region. All of its bookkeeping is private memory, so
 * that nothing a peer writes can confuse it; buffers are aligned to 64 bytes and are filled and
 * read in place.
 */
struct vri_pool;

/*
 * Takes a buffer of at least @size bytes, whose bytes are whatever was there before.
 * Returns: the buffer, or NULL when @size is 0 or no piece of that size is free.
 * Ownership: returned; give it back with vri_pool_free().
 * Threads: one pool, one thread at a time; see vri_pool_split().
 */
VRI_API void *vri_pool_alloc(struct vri_pool *pool, size_t size);

/*
 * Gives a buffer back. NULL is ignored, and so (with a line in the log) is anything that is not the
 * start of a buffer which this pool has handed out. Ownership: given. The buffer must not be lent
 * to the device: take it out of the queue first. Threads: as vri_pool_alloc().
 */
VRI_API void vri_pool_free(struct vri_pool *pool, void *buffer);

/*
 * Makes a pool out of a piece of another pool, so that a second thread has one of its own.
 * Returns: 0; -EINVAL; -ENOSPC when @parent has no free piece of @size bytes; -ENOMEM.
 * Ownership: returned; vri_pool_join() gives the piece back to the parent, as the end of the link
 * also does. Threads: the parent's thread for both calls.
 */
VRI_API int vri_pool_split(struct vri_pool *parent, size_t size, struct vri_pool **ret_pool);
VRI_API void vri_pool_join(struct vri_pool *pool);

/* Tells how many bytes the pool manages in all, and how many of them are free. Threads: as
 * vri_pool_alloc(). */
VRI_API size_t vri_pool_size(const struct vri_pool *pool);
VRI_API size_t vri_pool_free_size(const struct vri_pool *pool);

VRI_END_DECLS

#endif
