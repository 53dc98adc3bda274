/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The memory table: entries come and go, and any address is asked for. */
#include <stdbool.h>

#include <vring-ipc/memory.h>

#include "core/memtab.h"

static volatile uint64_t anything;
static uint8_t memory[4096];

static bool any_bool(void)
{
	return anything % 2 != 0;
}

void main(void)
{
	struct vri_mem *mem = 0;
	struct mem_entry entry;
	unsigned hint = 0;
	bool denied;

	if (vri__mem_new(&mem) < 0 || mem == 0)
		return;
	while (any_bool()) {
		entry = (struct mem_entry){
			.iova = anything,
			.size = anything,
			.va = memory,
			.access = (unsigned)anything,
			.window_offset = anything,
			.window_size = anything,
		};
		/* Whoever adds an entry has mapped it. */
		if (entry.size > sizeof(memory))
			entry.size = sizeof(memory);
		if (any_bool())
			vri__mem_add(mem, &entry);
		if (any_bool())
			vri__mem_remove(mem, anything, &entry);
		if (any_bool())
			vri__mem_entry(mem, (unsigned)anything);
		vri__mem_translate(mem, &hint, anything, anything, (unsigned)anything,
				   any_bool() ? &denied : 0);
		vri__mem_iova(mem, &hint, memory, anything, (unsigned)anything);
		vri__mem_translate_ring(mem, anything, anything, 1u << (unsigned)anything % 5);
	}
	vri__mem_free(mem);
}
