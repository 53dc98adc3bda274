/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes as a packed ring with indirect tables and buffers behind it: refused with a rule, or
 * pieces that lie inside of what buffers may use, no more of them and no longer than promised.
 */
#include "core/memtab.h"
#include "core/packed_chain.h"
#include "core/packed_ring.h"
#include "core/ring_access.h"
#include <vring-ipc/memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define SIZE_MOST 64u
#define RING_BYTES (RING_DESC_BYTES * SIZE_MOST)
#define WINDOW_BYTES 4096u
#define IOV_MAX_HERE 24

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static _Alignas(4096) uint8_t region[RING_BYTES + WINDOW_BYTES];

static struct vri_mem *make_memory(void)
{
	struct mem_entry entry = {
		.iova = 0,
		.size = sizeof(region),
		.va = region,
		.access = VRI_ACCESS_READ_WRITE,
		.window_offset = RING_BYTES,
		.window_size = WINDOW_BYTES,
	};
	struct vri_mem *mem;

	if (vri__mem_new(&mem) < 0 || vri__mem_add(mem, &entry) < 0)
		abort();
	return mem;
}

static void check(const struct vri_chain *chain, const struct chain_source *source,
		  const struct packed_list *list, uint16_t n_desc)
{
	uint64_t sum[2] = { 0, 0 };
	unsigned n = chain->n_readable + chain->n_writable;

	if (n > chain->iov_max || n > source->size || chain->head >= source->size || n_desc < 1 ||
	    n_desc > list->room)
		abort();
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *at = chain->iov[i].iov_base;

		if (at < region + RING_BYTES || chain->iov[i].iov_len == 0 ||
		    chain->iov[i].iov_len > (size_t)(region + sizeof(region) - at))
			abort();
		sum[i >= chain->n_readable] += chain->iov[i].iov_len;
	}
	if (sum[0] != chain->readable_len || sum[1] != chain->writable_len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct vri_mem *mem;
	struct iovec iov[IOV_MAX_HERE];
	struct vri_chain chain = { .iov = iov, .iov_max = IOV_MAX_HERE };
	struct chain_source source = { .desc = region };
	struct packed_list list;
	enum vri_rule rule = VRI_RULE_NONE;
	uint16_t n_desc = 0;
	int r;

	if (len < 3 || len - 3 > sizeof(region))
		return 0;
	if (!mem)
		mem = make_memory();
	source.mem = mem;
	source.size = 1u + bytes[0] % SIZE_MOST;
	source.indirect = bytes[0] & 0x80;
	memset(region, 0, sizeof(region));
	memcpy(region, bytes + 3, len - 3);
	list = (struct packed_list){
		.slot = (uint16_t)(bytes[1] % source.size),
		.available = bytes[1] & 0x80 ? PACKED_AVAIL : PACKED_USED,
		.room = (uint16_t)(1 + bytes[2] % source.size),
	};
	list.flags = ring_look_packed_flags(region, list.slot);

	r = vri__packed_chain_walk(&source, &list, &chain, &n_desc, &rule);
	if (r == 0)
		check(&chain, &source, &list, n_desc);
	else if (r == -EPROTO ? rule == VRI_RULE_NONE : r != -ENOBUFS)
		abort();
	return 0;
}
