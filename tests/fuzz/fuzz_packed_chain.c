/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes as a packed ring with indirect tables and buffers behind it, rewritten between two
 * fetches: refused with a rule, or pieces that lie inside of what buffers may use, no more of them
 * and no longer than promised.
 */
#include "core/packed_chain.h"

#include <errno.h>

#include "chain_memory.h"
#include "core/packed_ring.h"
#include "core/ring_access.h"

#define SIZE_MOST 64u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	uint8_t kind = take8(&in);
	struct chain_source source = {
		.desc = memory,
		.mem = memory_table(),
		.size = 1u + kind % SIZE_MOST,
		.indirect = kind & 0x80,
	};
	uint8_t place = take8(&in);
	struct packed_list list = {
		.slot = (uint16_t)(place % source.size),
		.available = place & 0x80 ? PACKED_AVAIL : PACKED_USED,
		.room = (uint16_t)(1 + take8(&in) % source.size),
	};
	struct iovec iov[IOV_MAX_HERE];
	struct vri_chain chain = { .iov = iov, .iov_max = IOV_MAX_HERE };
	enum vri_rule rule = VRI_RULE_NONE;
	uint16_t n = 0;
	int r;

	memory_fill(&in);
	list.flags = ring_look_packed_flags(memory, list.slot);
	r = vri__packed_chain_walk(&source, &list, &chain, &n, &rule);
	if (r == 0) {
		check_pieces(&chain, source.size);
		MUST(chain.head < source.size && n >= 1 && n <= list.room);
	} else {
		MUST(r == -EPROTO ? rule != VRI_RULE_NONE : r == -ENOBUFS);
	}
	return 0;
}
