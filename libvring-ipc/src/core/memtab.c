/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The memory table: a handful of slots, searched from the one that matched last.
 *
 * A slot is read by the queues' threads while the control thread rewrites it, so it has a version:
 * odd while it changes. The reader takes the version before and after; a slot that changed meanwhile
 * matches nothing, which is right, since no honest address lies in an entry that is just coming or
 * going.
 */

#include "memtab.h"

#include <errno.h>
#include <stdlib.h>

#include <vring-ipc/memory.h>

int vri__mem_new(struct vri_mem **ret_mem)
{
	struct vri_mem *mem = aligned_alloc(_Alignof(struct vri_mem), sizeof(*mem));

	if (mem == NULL)
		return -ENOMEM;
	*mem = (struct vri_mem){ 0 };
	*ret_mem = mem;
	return 0;
}

void vri__mem_free(struct vri_mem *mem)
{
	free(mem);
}

static void window_set(struct mem_window *w, const struct mem_window *value)
{
	/* Each store releases, so that a reader who sees a new field also sees the odd version, or
	 * the even one after it. Pairs with the acquire loads of mem_window_get(). */
	uint32_t version = w->version;

	__atomic_store_n(&w->version, version + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&w->access, value->access, __ATOMIC_RELEASE);
	__atomic_store_n(&w->iova, value->iova, __ATOMIC_RELEASE);
	__atomic_store_n(&w->size, value->size, __ATOMIC_RELEASE);
	__atomic_store_n(&w->va, value->va, __ATOMIC_RELEASE);
	__atomic_store_n(&w->version, version + 2, __ATOMIC_RELEASE);
}

/* ---- the control thread ---- */

static bool entry_is_valid(const struct mem_entry *e)
{
	return e->size != 0 && e->va != NULL && e->iova <= UINT64_MAX - e->size &&
	       (uintptr_t)e->va <= UINTPTR_MAX - e->size && e->access != 0 &&
	       (e->access & ~(unsigned)VRI_ACCESS_READ_WRITE) == 0 && e->window_offset <= e->size &&
	       e->window_size <= e->size - e->window_offset;
}

static bool overlap(const struct mem_entry *a, const struct mem_entry *b)
{
	return a->iova < b->iova + b->size && b->iova < a->iova + a->size;
}

int vri__mem_add(struct vri_mem *mem, const struct mem_entry *entry)
{
	unsigned free_slot = MEM_ENTRIES_MAX;
	struct mem_window w;

	if (!entry_is_valid(entry))
		return -EINVAL;
	for (unsigned i = MEM_ENTRIES_MAX; i-- > 0;) {
		if (mem->entry[i].size == 0)
			free_slot = i;
		else if (overlap(&mem->entry[i], entry))
			return -EINVAL;
	}
	if (free_slot == MEM_ENTRIES_MAX)
		return -ENOSPC;
	mem->entry[free_slot] = *entry;
	w = (struct mem_window){
		.access = entry->access,
		.iova = entry->iova + entry->window_offset,
		.size = entry->window_size,
		.va = entry->va + entry->window_offset,
	};
	window_set(&mem->window[free_slot], &w);
	if (free_slot >= mem->n_slots)
		__atomic_store_n(&mem->n_slots, free_slot + 1, __ATOMIC_RELEASE);
	return 0;
}

int vri__mem_remove(struct vri_mem *mem, uint64_t iova, struct mem_entry *ret_entry)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++) {
		if (mem->entry[i].size == 0 || mem->entry[i].iova != iova)
			continue;
		window_set(&mem->window[i], &(struct mem_window){ 0 });
		*ret_entry = mem->entry[i];
		mem->entry[i] = (struct mem_entry){ 0 };
		return 0;
	}
	return -EINVAL;
}

const struct mem_entry *vri__mem_entry(const struct vri_mem *mem, unsigned n)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		if (mem->entry[i].size != 0 && n-- == 0)
			return &mem->entry[i];
	return NULL;
}

void __shm *vri__mem_translate_ring(const struct vri_mem *mem, uint64_t iova, uint64_t len,
				    unsigned align)
{
	/*@ loop invariant 0 <= i <= MEM_ENTRIES_MAX;
	    loop assigns i;
	    loop variant MEM_ENTRIES_MAX - i; */
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++) {
		const struct mem_entry *e = &mem->entry[i];
		uint64_t offset = iova - e->iova;

		if (!mem_is_inside(e->size, offset, len))
			continue;
		if (iova % align != 0 || (uintptr_t)(e->va + offset) % align != 0)
			return NULL;
		return e->va + offset;
	}
	return NULL;
}

/* ---- the queues' threads ---- */

void __shm *vri__mem_search(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
			    unsigned access, bool *ret_denied)
{
	unsigned n = __atomic_load_n(&mem->n_slots, __ATOMIC_ACQUIRE);

	/* What tests/proofs/memtab proves. */
	/*@ loop invariant 0 <= i <= n <= MEM_ENTRIES_MAX;
	    loop assigns i;
	    loop variant n - i; */
	for (unsigned i = 0; i < n; i++) {
		struct mem_window w = mem_window_get(&mem->window[i]);

		if (!mem_is_inside(w.size, iova - w.iova, len))
			continue;
		if ((w.access & access) != access) {
			if (ret_denied != NULL)
				*ret_denied = true;
			return NULL;
		}
		*hint = i;
		return w.va + (iova - w.iova);
	}
	if (ret_denied != NULL)
		*ret_denied = false;
	return NULL;
}

uint64_t vri__mem_search_back(const struct vri_mem *mem, unsigned *hint, uintptr_t va, uint64_t len,
			      unsigned access)
{
	unsigned n = __atomic_load_n(&mem->n_slots, __ATOMIC_ACQUIRE);

	/*@ loop invariant 0 <= i <= n <= MEM_ENTRIES_MAX;
	    loop assigns i;
	    loop variant n - i; */
	for (unsigned i = 0; i < n; i++) {
		struct mem_window w = mem_window_get(&mem->window[i]);

		if (!mem_is_inside(w.size, va - (uintptr_t)w.va, len) ||
		    (w.access & access) != access)
			continue;
		*hint = i;
		return w.iova + (va - (uintptr_t)w.va);
	}
	return MEM_NO_IOVA;
}
