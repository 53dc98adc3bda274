/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What is said of translation in core/memtab.h: proved in memtab, taken for granted by the walkers'
 * proofs. */
#ifndef PROOFS_MEMTAB_CONTRACT_H
#define PROOFS_MEMTAB_CONTRACT_H

#include "shared_memory.h"

#include <vring-ipc/memory.h>

#include "core/memtab.h"

/* That it is one is known to memtab alone; the walkers never look into it. */
#ifndef is_table
#define is_table(mem) 0 == 0
#endif

/*@ requires is_table(mem);
    requires hint < MEM_ENTRIES_MAX;
    assigns \nothing;
    ensures some: \result != \null ==> len != 0;
    ensures readable: \result != \null && access == VRI_ACCESS_READ ==>
        len <= readable_from(\result);
    ensures writable: \result != \null && access == VRI_ACCESS_WRITE ==>
        len <= writable_from(\result);
*/
static inline void *mem_look(const struct vri_mem *mem, unsigned hint, uint64_t iova, uint64_t len,
			     unsigned access);

/*@ requires is_table(mem);
    requires \valid(hint);
    requires ret_denied == \null || \valid(ret_denied);
    requires \separated(hint, ret_denied);
    requires *hint < MEM_ENTRIES_MAX;
    assigns *hint, *ret_denied;
    ensures hint: *hint < MEM_ENTRIES_MAX;
    ensures some: \result != \null ==> len != 0;
    ensures readable: \result != \null && access == VRI_ACCESS_READ ==>
        len <= readable_from(\result);
    ensures writable: \result != \null && access == VRI_ACCESS_WRITE ==>
        len <= writable_from(\result);
*/
static inline void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova,
				       uint64_t len, unsigned access, bool *ret_denied);

#endif
