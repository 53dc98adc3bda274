/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the fuzzers of both chain walkers share: the memory, from the input, its rewrites, and what pieces must be. */
#ifndef TESTS_FUZZ_CHAIN_MEMORY_H
#define TESTS_FUZZ_CHAIN_MEMORY_H

#include <string.h>

#include <vring-ipc/memory.h>
#include <vring-ipc/virtqueue.h>

#include "check.h"
#include "core/memtab.h"
#include "hostile.h"

/* The ring, which buffers may not touch; then memory for both directions, for one, and for the other,
 * one behind the other: a piece may not lie in two of them. */
#define RING_BYTES 1024u
#define BOTH_BYTES 2048u
#define READABLE_BYTES 1024u
#define WRITABLE_BYTES 1024u
#define MEMORY_BYTES (RING_BYTES + BOTH_BYTES + READABLE_BYTES + WRITABLE_BYTES)

#define IOV_MAX_HERE 24

static _Alignas(4096) uint8_t memory[MEMORY_BYTES];

static const struct range memory_ranges[] = {
	{ memory + RING_BYTES, BOTH_BYTES, VRI_ACCESS_READ_WRITE },
	{ memory + RING_BYTES + BOTH_BYTES, READABLE_BYTES, VRI_ACCESS_READ },
	{ memory + MEMORY_BYTES - WRITABLE_BYTES, WRITABLE_BYTES, VRI_ACCESS_WRITE },
};

static inline void memory_add(struct vri_mem *mem, size_t offset, size_t size, size_t window,
			      unsigned access)
{
	struct mem_entry entry = {
		.iova = offset,
		.size = size,
		.va = memory + offset,
		.access = access,
		.window_offset = window,
		.window_size = size - window,
	};

	MUST(vri__mem_add(mem, &entry) == 0);
}

/* The table, made once. */
static inline const struct vri_mem *memory_table(void)
{
	static struct vri_mem *mem;

	if (mem)
		return mem;
	MUST(vri__mem_new(&mem) == 0);
	memory_add(mem, 0, RING_BYTES + BOTH_BYTES, RING_BYTES, VRI_ACCESS_READ_WRITE);
	memory_add(mem, RING_BYTES + BOTH_BYTES, READABLE_BYTES, 0, VRI_ACCESS_READ);
	memory_add(mem, MEMORY_BYTES - WRITABLE_BYTES, WRITABLE_BYTES, 0, VRI_ACCESS_WRITE);
	return mem;
}

/* Up to three rewrites between fetches, then all that is left as the memory's beginning. */
static inline void memory_fill(struct input *in)
{
	unsigned n = take8(in) % 4;

	hostile_reset();
	for (unsigned i = 0; i < n; i++) {
		unsigned loads = 1 + take8(in) % 64;
		size_t offset = take16(in) % (MEMORY_BYTES / 2) * 2;
		unsigned width = 2u << take8(in) % 3;
		uint64_t value = take64(in);

		if (offset + width <= MEMORY_BYTES)
			hostile_write_later(loads, memory + offset, width, value);
	}
	memset(memory, 0, sizeof(memory));
	memcpy(memory, in->at, in->left < sizeof(memory) ? in->left : sizeof(memory));
}

static inline void check_pieces(const struct vri_chain *chain, unsigned queue_size)
{
	unsigned n = chain->n_readable + chain->n_writable;
	uint64_t sum[2] = { 0, 0 };

	MUST(n <= chain->iov_max && n <= queue_size);
	for (unsigned i = 0; i < n; i++) {
		bool writable = i >= chain->n_readable;

		MUST(in_ranges(memory_ranges, 3, chain->iov[i].iov_base, chain->iov[i].iov_len,
			       writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ));
		sum[writable] += chain->iov[i].iov_len;
	}
	MUST(sum[0] == chain->readable_len && sum[1] == chain->writable_len);
}

#endif
