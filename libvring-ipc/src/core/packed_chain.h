/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The one place that walks a descriptor list of a packed virtqueue and decides whether it is valid. */
#ifndef CORE_PACKED_CHAIN_H
#define CORE_PACKED_CHAIN_H

#include "chain.h"

/* Where a list starts, as the device has seen it. */
struct packed_list {
	uint16_t slot; /* of its first descriptor, below the queue size */
	uint16_t flags; /* of that descriptor, as they were looked at */
	uint16_t available; /* what PACKED_BOTH are there in an available descriptor */
	uint16_t room; /* descriptors that are not in flight, 1 to the queue size */
};

/*
 * Walks the list that starts at @list, whose first flags say that it is available, copying each
 * descriptor once. It accepts what virtio 1.4, 2.8.6 and 2.8.7 allow: a list of descriptors with
 * NEXT in adjacent slots, around the end of the ring, or one descriptor that points at a table,
 * which is used from its beginning to its end. Where the specification leaves a choice:
 *   - AVAIL and USED must be right in every descriptor of the list;
 *   - the buffer id is that of the last descriptor and below the queue size;
 *   - empty pieces, unknown flag bits, WRITE on a descriptor that points at a table and the sum of
 *     lengths: as in a split virtqueue, see vri__chain_walk();
 *   - in a table no flag but WRITE is looked at, nor is the id (virtio 1.4, 2.8.7).
 * Returns: 0, @chain's pieces, lengths and head (the buffer id), and *ret_n, the descriptors that
 * the list takes in the ring; -ENOBUFS for a valid list with more pieces than @chain->iov_max;
 * -EPROTO and *ret_rule. @chain->iov holds anything on failure. Bounded: at most queue size + 1
 * descriptors are read.
 */
int vri__packed_chain_walk(struct chain_source *source, const struct packed_list *list,
			   struct vri_chain *chain, uint16_t *ret_n, enum vri_rule *ret_rule);

#endif
