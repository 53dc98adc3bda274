/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The memory behind a shared memory region of a device, and what may be offered. virtio 1.4, 2.10 */
#ifndef CORE_SHARED_MEMORY_H
#define CORE_SHARED_MEMORY_H

#include <vring-ipc/memory.h>

#include "util/shm.h"

#define SHARED_MEMORY_MEMFD_NAME "vring-ipc-shared" /* as /proc/PID/fd shows it */

struct shared_memory {
	void __shm *base; /* NULL: not made */
	uint64_t size;
	int fd;
};

/* Says what is wrong with an offer (a size, an id twice, more than there may be), or returns NULL.
 * Pure. */
const char *vri__shared_memory_check(const struct vri_shared_memory *shared, unsigned n);

/* Finds a region by its id. Returns: its place; @n when there is none. Pure. */
unsigned vri__shared_memory_find(const struct vri_shared_memory *shared, unsigned n, uint8_t id);

/* Makes the memory of one region: zeroes, sealed, so that nobody else can write it unless it is to be
 * writable. Returns: 0; as memfd_make_read_only(). */
int vri__shared_memory_make(struct shared_memory *m, const struct vri_shared_memory *shared);
void vri__shared_memory_free(struct shared_memory *m);

#endif
