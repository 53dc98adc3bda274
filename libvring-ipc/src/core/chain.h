/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The one place that walks a descriptor chain of a split virtqueue and decides whether it is valid. */
#ifndef CORE_CHAIN_H
#define CORE_CHAIN_H

#include <stdbool.h>

#include <vring-ipc/virtqueue.h>

#include "util/shm.h"

struct vri_mem;

/* Where chains come from. */
struct chain_source {
	const void __shm *desc; /* the descriptor table, or the packed ring, aligned to 16 */
	const struct vri_mem *mem;
	unsigned size; /* of the queue */
	unsigned hint; /* the memory entry that matched last */
	bool indirect; /* INDIRECT_DESC is negotiated */
};

/*
 * Walks the chain that starts at @head, which is below the queue size, copying each descriptor once.
 * It accepts what virtio 1.4, 2.7.5 allows: direct descriptors, direct ones followed by one indirect
 * table, a table alone, tables without any alignment. Where the specification leaves a choice:
 *   - a descriptor of length 0 whose address is inside of the memory is accepted and skipped: it
 *     counts for the length of the chain and for the order of directions, and makes no piece;
 *   - the length of a chain is the number of descriptors that describe bytes: the one that points
 *     at a table does not count; a table may have more descriptors than the chain uses;
 *   - flag bits without a meaning are ignored; so is WRITE on a descriptor that points at a table
 *     (virtio 1.4, 2.7.5.3.2);
 *   - a chain has at most 2^32 - 1 bytes in all.
 * Returns: 0 and @chain's pieces and lengths; -ENOBUFS for a valid chain with more pieces than
 * @chain->iov_max; -EPROTO and *ret_rule. @chain->iov holds anything on failure. Bounded: at most
 * queue size + 1 descriptors are read.
 */
int vri__chain_walk(struct chain_source *source, unsigned head, struct vri_chain *chain,
		    enum vri_rule *ret_rule);

#endif
