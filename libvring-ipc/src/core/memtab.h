/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A link's memory table: the one place where an address of the link (iova) and a length become a
 * pointer, and back.
 *
 * Entry 0 is the link's region (iova = offset). Only its window, the tables and the pool, may hold
 * buffers; the rest of it (header, blocks, rings) is reached through vri__mem_translate_ring()
 * alone, so a descriptor that overlaps rings or control parts finds nothing.
 *
 * Threads: translate is called from the queues' threads while the control thread adds and removes
 * entries: an entry is complete before it becomes visible (release), a removed one is made
 * invisible first and unmapped by the owner only when no queue holds a chain.
 */
#ifndef CORE_MEMTAB_H
#define CORE_MEMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/shm.h"

#define MEM_ENTRIES_MAX 64

struct vri_mem;

struct mem_entry {
	uint64_t iova;
	uint64_t size;
	uint8_t __shm *va; /* where this process has it mapped */
	unsigned access; /* enum vri_access: what the device may do */
	uint64_t window_offset; /* where buffers may lie: the whole of it, or a part */
	uint64_t window_size;
};

int vri__mem_new(struct vri_mem **ret_mem);
void vri__mem_free(struct vri_mem *mem); /* unmaps nothing: the mappings are their owners' */

/* Returns: 0; -EINVAL for an empty, wrapping or overlapping entry; -ENOSPC. */
int vri__mem_add(struct vri_mem *mem, const struct mem_entry *entry);
/* Returns: 0 and the entry as it was; -EINVAL. */
int vri__mem_remove(struct vri_mem *mem, uint64_t iova, struct mem_entry *ret_entry);

/* Walks the table; NULL past the end. For the owner at the end of a link. Threads: the control
 * thread. */
const struct mem_entry *vri__mem_entry(const struct vri_mem *mem, unsigned n);

/* A buffer: inside of one entry's window, no wrap, @access allowed. NULL otherwise; *ret_denied
 * (may be NULL) tells "inside, but not that way" from "not there". @len 0 is refused. @hint is the
 * caller's (one for each queue): the entry that matched last. */
void __shm *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova,
			       uint64_t len, unsigned access, bool *ret_denied);

/* A ring area at set-up: inside of one entry, aligned. NULL otherwise. */
void __shm *vri__mem_translate_ring(const struct vri_mem *mem, uint64_t iova, uint64_t len,
				    unsigned align);

/* The driver's way back: the iova of its own @len bytes at @va when they lie inside of a window that
 * the device may use in the direction @access. False otherwise, and for @len 0. */
bool vri__mem_iova(const struct vri_mem *mem, unsigned *hint, const void *va, uint64_t len,
		   unsigned access, uint64_t *ret_iova);

#endif
