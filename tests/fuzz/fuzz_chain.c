/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes as a descriptor table with indirect tables and buffers behind it: refused with a rule, or
 * pieces that lie inside of what buffers may use, no more of them and no longer than promised.
 */
#include "core/chain.h"
#include "core/memtab.h"
#include <vring-ipc/memory.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define SIZE_MAX_LOG 6
#define TABLE_BYTES (16u << SIZE_MAX_LOG)
#define WINDOW_BYTES 4096u
#define IOV_MAX_HERE 24

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static _Alignas(4096) uint8_t region[TABLE_BYTES + WINDOW_BYTES];

static struct vri_mem *make_memory(unsigned access)
{
	struct mem_entry entry = {
		.iova = 0,
		.size = sizeof(region),
		.va = region,
		.access = access,
		.window_offset = TABLE_BYTES,
		.window_size = WINDOW_BYTES,
	};
	struct vri_mem *mem;

	if (vri__mem_new(&mem) < 0 || vri__mem_add(mem, &entry) < 0)
		abort();
	return mem;
}

static void check_pieces(const struct vri_chain *chain)
{
	uint64_t sum[2] = { 0, 0 };
	unsigned i, n = chain->n_readable + chain->n_writable;

	if (n > chain->iov_max)
		abort();
	for (i = 0; i < n; i++) {
		const uint8_t *at = chain->iov[i].iov_base;

		if (at < region + TABLE_BYTES || chain->iov[i].iov_len == 0 ||
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
	enum vri_rule rule = VRI_RULE_NONE;
	int r;

	if (len < 2 || len - 2 > sizeof(region))
		return 0;
	if (!mem)
		mem = make_memory(VRI_ACCESS_READ_WRITE);
	source.mem = mem;
	source.size = 1u << (bytes[0] % (SIZE_MAX_LOG + 1));
	source.indirect = bytes[0] & 0x80;
	memset(region, 0, sizeof(region));
	memcpy(region, bytes + 2, len - 2);

	r = vri__chain_walk(&source, bytes[1] % source.size, &chain, &rule);
	if (r == 0)
		check_pieces(&chain);
	else if (r == -EPROTO ? rule == VRI_RULE_NONE : r != -ENOBUFS)
		abort();
	return 0;
}
