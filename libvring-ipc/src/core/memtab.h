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

struct mem_entry {
	uint64_t iova;
	uint64_t size;
	uint8_t __shm *va; /* where this process has it mapped */
	unsigned access; /* enum vri_access: what the device may do */
	uint64_t window_offset; /* where buffers may lie: the whole of it, or a part */
	uint64_t window_size;
};

/* What translation needs, two to a cache line. A size of 0 matches nothing. */
struct mem_window {
	uint32_t version; /* odd while the rest changes */
	uint32_t access;
	uint64_t iova;
	uint64_t size;
	uint8_t __shm *va;
};

struct vri_mem {
	_Alignas(64) struct mem_window window[MEM_ENTRIES_MAX];
	unsigned n_slots; /* slots that were ever in use */
	struct mem_entry entry[MEM_ENTRIES_MAX]; /* the control thread's; size 0: free */
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

/* A ring area at set-up: inside of one entry, aligned. NULL otherwise. */
void __shm *vri__mem_translate_ring(const struct vri_mem *mem, uint64_t iova, uint64_t len,
				    unsigned align);

/* ---- the queues' threads: a look at the slot that matched last, then the search ---- */

/* Neither sum nor difference can wrap: @offset is only used when it is below the size. */
static inline bool mem_is_inside(uint64_t size, uint64_t offset, uint64_t len)
{
	return offset < size && len <= size - offset && len != 0;
}

/* Copies a window; one that changes at this moment comes out empty. */
static inline struct mem_window mem_window_get(const struct mem_window *w)
{
	/* Acquire, so that the second look at the version comes last. Pairs with the releases of
	 * window_set(). */
	uint32_t before = __atomic_load_n(&w->version, __ATOMIC_ACQUIRE);
	struct mem_window copy = {
		.access = __atomic_load_n(&w->access, __ATOMIC_ACQUIRE),
		.iova = __atomic_load_n(&w->iova, __ATOMIC_ACQUIRE),
		.size = __atomic_load_n(&w->size, __ATOMIC_ACQUIRE),
		.va = __atomic_load_n(&w->va, __ATOMIC_ACQUIRE),
	};
	uint32_t after = __atomic_load_n(&w->version, __ATOMIC_RELAXED);

	if (before != after || (before & 1) != 0)
		copy.size = 0;
	return copy;
}

/* The first look of vri__mem_translate(): NULL may only mean that it is another slot. */
static inline void __shm *mem_look(const struct vri_mem *mem, unsigned hint, uint64_t iova,
				   uint64_t len, unsigned access)
{
	struct mem_window w = mem_window_get(&mem->window[hint]);

	return mem_is_inside(w.size, iova - w.iova, len) && (w.access & access) == access ?
		       w.va + (iova - w.iova) :
		       NULL;
}

/* As vri__mem_translate(), through all the slots. */
void __shm *vri__mem_search(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
			    unsigned access, bool *ret_denied);

/* As vri__mem_iova(), through all the slots. */
uint64_t vri__mem_search_back(const struct vri_mem *mem, unsigned *hint, uintptr_t va, uint64_t len,
			      unsigned access);

/* A buffer: inside of one entry's window, no wrap, @access allowed. NULL otherwise; *ret_denied
 * (may be NULL) tells "inside, but not that way" from "not there". @len 0 is refused. @hint is the
 * caller's (one for each queue): the entry that matched last. */
static inline void __shm *vri__mem_translate(const struct vri_mem *mem, unsigned *hint,
					     uint64_t iova, uint64_t len, unsigned access,
					     bool *ret_denied)
{
	void __shm *va = mem_look(mem, *hint, iova, len, access);

	if (va != NULL)
		return va;
	return vri__mem_search(mem, hint, iova, len, access, ret_denied);
}

/* No byte has this address: no entry ends so high. */
#define MEM_NO_IOVA UINT64_MAX

/* The driver's way back: the iova of its own @len bytes at @va when they lie inside of a window that
 * the device may use in the direction @access. MEM_NO_IOVA otherwise, and for @len 0. */
static inline uint64_t vri__mem_iova(const struct vri_mem *mem, unsigned *hint, const void *va,
				     uint64_t len, unsigned access)
{
	struct mem_window w = mem_window_get(&mem->window[*hint]);

	if (!mem_is_inside(w.size, (uintptr_t)va - (uintptr_t)w.va, len) ||
	    (w.access & access) != access)
		return vri__mem_search_back(mem, hint, (uintptr_t)va, len, access);
	return w.iova + ((uintptr_t)va - (uintptr_t)w.va);
}

#endif
