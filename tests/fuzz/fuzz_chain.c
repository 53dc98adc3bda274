/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes as a descriptor table with indirect tables and buffers behind it, rewritten between two
 * fetches: refused with a rule, or pieces that lie inside of what buffers may use, no more of them
 * and no longer than promised.
 */
#include "core/chain.h"

#include <errno.h>

#include "chain_memory.h"

#define SIZE_MOST_LOG 6

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	uint8_t kind = take8(&in);
	struct chain_source source = {
		.desc = memory,
		.mem = memory_table(),
		.size = 1u << kind % (SIZE_MOST_LOG + 1),
		.indirect = kind & 0x80,
	};
	unsigned head = take8(&in) % source.size;
	struct iovec iov[IOV_MAX_HERE];
	struct vri_chain chain = { .iov = iov, .iov_max = IOV_MAX_HERE };
	enum vri_rule rule = VRI_RULE_NONE;
	int r;

	memory_fill(&in);
	r = vri__chain_walk(&source, head, &chain, &rule);
	if (r == 0)
		check_pieces(&chain, source.size);
	else
		MUST(r == -EPROTO ? rule != VRI_RULE_NONE : r == -ENOBUFS);
	return 0;
}
