/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The chain walker of packed virtqueues.
 *
 * The plot: a first descriptor with INDIRECT is a table's, and all of the table is the chain; any
 * other begins a list that goes on in the next slot for as long as NEXT is set, over no more slots
 * than the device knows to be the driver's.
 */

#include "packed_chain.h"

#include <assert.h>

#include <linux/virtio_ring.h>

#include "chain_pieces.h"
#include "packed_ring.h"
#include "ring_access.h"

static_assert(PACKED_AVAIL == 1u << VRING_PACKED_DESC_F_AVAIL &&
		      PACKED_USED == 1u << VRING_PACKED_DESC_F_USED,
	      "the bits of packed descriptors");
static_assert(sizeof(struct vring_packed_desc) == RING_DESC_BYTES, "packed descriptors");

/* All of a table, one piece after the other. */
static enum vri_rule walk_table(struct chain_pieces *p, const void __shm *table, unsigned n)
{
	struct ring_desc desc;
	enum vri_rule rule;

	if (n > p->source->size)
		return VRI_RULE_CHAIN_LENGTH; /* virtio 1.4, 2.8.19 */
	/* What tests/proofs/packed_chain proves. */
	/*@ loop invariant 0 <= i <= n && adds_up(p, i);
	    loop invariant is_prepared(p) && same_places{Pre, Here}(p);
	    loop assigns i, desc, rule, PIECES_CHANGE(p);
	    loop variant n - i; */
	for (unsigned i = 0; i < n; i++) {
		desc = ring_load_indirect_desc(table, i);
		rule = chain_add_piece(p, desc.addr, ring_desc_len(&desc),
				       (ring_packed_rest_flags(&desc) & VRING_DESC_F_WRITE) != 0);
		if (rule != VRI_RULE_NONE)
			return rule;
	}
	return VRI_RULE_NONE;
}

static enum vri_rule walk_indirect(struct chain_pieces *p, struct packed_list list,
				   uint16_t *ret_id)
{
	struct ring_packed_body body = ring_load_packed_body(p->source->desc, list.slot);
	const void __shm *table;
	unsigned n;
	enum vri_rule rule;

	if (!p->source->indirect)
		return VRI_RULE_INDIRECT_FEATURE; /* virtio 1.4, 2.8.19 */
	if ((list.flags & VRING_DESC_F_NEXT) != 0)
		return VRI_RULE_INDIRECT_NEXT; /* virtio 1.4, 2.8.19 */
	*ret_id = body.id;
	rule = chain_find_table(p->source, body.addr, body.len, &table, &n);
	if (rule != VRI_RULE_NONE)
		return rule;
	return walk_table(p, table, n);
}

static enum vri_rule walk_list(struct chain_pieces *p, struct packed_list list, uint16_t *ret_id,
			       uint16_t *ret_n)
{
	const void __shm *ring = p->source->desc;
	unsigned size = p->source->size;
	unsigned room = list.room;
	uint16_t slot = list.slot;
	uint16_t flags = list.flags;
	uint16_t available = list.available;
	struct ring_packed_body body;
	enum vri_rule rule;

	/* As above. */
	/*@ loop invariant 1 <= n <= room && slot < size && adds_up(p, n - 1);
	    loop invariant is_prepared(p) && same_places{Pre, Here}(p);
	    loop assigns n, slot, flags, available, body, rule, PIECES_CHANGE(p);
	    loop variant room - n; */
	for (uint16_t n = 1;; n++) {
		body = ring_load_packed_body(ring, slot);
		rule = chain_add_piece(p, body.addr, body.len, (flags & VRING_DESC_F_WRITE) != 0);
		if (rule != VRI_RULE_NONE)
			return rule;
		if ((flags & VRING_DESC_F_NEXT) == 0) {
			*ret_id = body.id;
			*ret_n = n;
			return VRI_RULE_NONE;
		}
		if (n == room)
			return VRI_RULE_CHAIN_LENGTH; /* virtio 1.4, 2.8.17 */
		packed_advance(size, &slot, &available, 1);
		flags = ring_load_packed_flags(ring, slot);
		/* virtio 1.4, 2.8.15: none is used without having been seen available. */
		if ((flags & PACKED_BOTH) != available)
			return VRI_RULE_FLAGS;
		if ((flags & VRING_DESC_F_INDIRECT) != 0)
			return VRI_RULE_INDIRECT_NEXT; /* virtio 1.4, 2.8.19 */
	}
}

/* Walks a table or a list. Returns: a broken rule. */
static enum vri_rule walk(struct chain_pieces *p, struct packed_list list, uint16_t *ret_id,
			  uint16_t *ret_n)
{
	enum vri_rule rule;

	*ret_n = 1;
	rule = (list.flags & VRING_DESC_F_INDIRECT) != 0 ? walk_indirect(p, list, ret_id) :
							   walk_list(p, list, ret_id, ret_n);
	if (rule == VRI_RULE_NONE && *ret_id >= p->source->size)
		return VRI_RULE_HEAD;
	return rule;
}

int vri__packed_chain_walk(struct chain_source *source, const struct packed_list *list,
			   struct vri_chain *chain, uint16_t *ret_n, enum vri_rule *ret_rule)
{
	struct chain_pieces p = { .source = source, .chain = chain };
	uint16_t id = 0, n = 1;
	int r;

	r = chain_end(&p, walk(&p, *list, &id, &n), ret_rule);
	if (r < 0)
		return r;
	chain->head = id;
	*ret_n = n;
	return 0;
}
