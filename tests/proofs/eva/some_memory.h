/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* In place of core/memtab.h: a memory table that finds what it likes. The real one is looked at by memtab.c here, and
 * proved in ../memtab. */
#ifndef CORE_MEMTAB_H
#define CORE_MEMTAB_H

#include <stdbool.h>
#include <stdint.h>

#define MEM_ENTRIES_MAX 64
#define MEM_NO_IOVA UINT64_MAX

struct vri_mem;

void *mem_look(const struct vri_mem *mem, unsigned hint, uint64_t iova, uint64_t len,
	       unsigned access);
void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
			 unsigned access, bool *ret_denied);
uint64_t vri__mem_iova(const struct vri_mem *mem, unsigned *hint, const void *va, uint64_t len,
		       unsigned access);

#endif
