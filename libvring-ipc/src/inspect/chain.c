/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Follows a chain to show it. Unlike the walker of the device's side it decides nothing: it touches
 * no buffer, keeps what does not make sense, names the first rule that is broken, and ends after as
 * many descriptors as the queue has.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "inspect/packed.h"

/* Walks that a chain gets to stand still; fewer than an index gets, for it may be long. */
#define CHAIN_TRIES 4

struct walk {
	const struct vri_inspect *insp;
	const struct ring *ring;
	struct vri_inspect_chain *chain;
	struct vri_inspect_desc *descs;
	unsigned max;
	uint32_t checksum; /* of all descriptors, also those that were not stored */
	bool wrote; /* a writable piece was there already */
};

static void blame(struct walk *walk, enum vri_rule rule)
{
	if (walk->chain->problem == VRI_RULE_NONE)
		walk->chain->problem = rule;
}

static bool is_inside(const struct region_part *part, const struct vri_inspect_desc *desc)
{
	return desc->iova >= part->offset && desc->iova - part->offset <= part->size &&
	       desc->len <= part->size - (desc->iova - part->offset);
}

/* Names the part that holds all of a buffer. */
static void place(const struct vri_inspect *insp, struct vri_inspect_desc *desc)
{
	unsigned i;

	for (i = 0; i < insp->n_parts; i++) {
		const struct region_part *part = &insp->part[i];

		if (!is_inside(part, desc))
			continue;
		desc->in_region = 1;
		desc->part_type = part->type;
		desc->part_offset = desc->iova - part->offset;
		return;
	}
}

/* Buffers lie in the pool or the tables part, or in memory that the application added, of which the
 * inspector knows nothing. */
static void check_place(struct walk *walk, const struct vri_inspect_desc *desc)
{
	const struct region_map *map = &walk->insp->map;
	bool table = desc->flags & VRING_DESC_F_INDIRECT && !(walk->ring->packed && desc->indirect);

	if (is_inside(&map->pool, desc) || is_inside(&map->tables, desc))
		return;
	if (desc->iova < walk->insp->peek.size || desc->len > UINT64_MAX - desc->iova)
		blame(walk, table ? VRI_RULE_INDIRECT_ADDRESS : VRI_RULE_ADDRESS);
}

/* virtio 1.4, 2.7.4.2: readable pieces come before writable ones; in all at most 2^32 - 1 bytes. */
static void add_up(struct walk *walk, const struct vri_inspect_desc *desc)
{
	struct vri_inspect_chain *chain = walk->chain;

	if (desc->flags & VRING_DESC_F_WRITE) {
		walk->wrote = true;
		chain->writable_len += desc->len;
	} else {
		if (walk->wrote)
			blame(walk, VRI_RULE_CHAIN_ORDER);
		chain->readable_len += desc->len;
	}
	if (chain->readable_len + chain->writable_len > UINT32_MAX)
		blame(walk, VRI_RULE_CHAIN_BYTES);
}

static uint32_t mix(uint32_t sum, const struct vri_inspect_desc *desc)
{
	const uint8_t *bytes = (const uint8_t *)desc;
	size_t i;

	for (i = 0; i < sizeof(*desc); i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

static void store(struct walk *walk, struct vri_inspect_desc *desc)
{
	if (walk->chain->n_descs < walk->max) {
		place(walk->insp, desc);
		walk->descs[walk->chain->n_descs] = *desc;
	}
	walk->checksum = mix(walk->checksum, desc);
	walk->chain->n_descs++;
	check_place(walk, desc);
}

/* Reads descriptor @number of the table at @table, once. */
static void read_desc(struct walk *walk, uint64_t table, uint16_t number, bool indirect,
		      struct vri_inspect_desc *ret)
{
	struct vring_desc raw;

	peek_copy(&walk->insp->peek, table + 16ull * number, &raw, sizeof(raw));
	memset(ret, 0, sizeof(*ret));
	ret->iova = le64toh(raw.addr);
	ret->len = le32toh(raw.len);
	ret->flags = le16toh(raw.flags);
	ret->next = le16toh(raw.next);
	ret->number = number;
	ret->indirect = indirect;
	store(walk, ret);
}

static void walk_table(struct walk *walk, uint64_t table, unsigned size, uint16_t at, bool indirect,
		       struct vri_inspect_desc *ret_last)
{
	unsigned steps;

	for (steps = 0; steps < size; steps++) {
		read_desc(walk, table, at, indirect, ret_last);
		if (ret_last->flags & VRING_DESC_F_INDIRECT) {
			if (indirect)
				blame(walk, VRI_RULE_INDIRECT_NESTED);
			else if (ret_last->flags & VRING_DESC_F_NEXT)
				blame(walk, VRI_RULE_INDIRECT_NEXT);
			return;
		}
		add_up(walk, ret_last);
		if (!(ret_last->flags & VRING_DESC_F_NEXT))
			return;
		if (ret_last->next >= size) {
			blame(walk, VRI_RULE_NEXT);
			return;
		}
		at = ret_last->next;
	}
	blame(walk, VRI_RULE_CHAIN_LENGTH);
}

/* Checks where a table stands. Returns: how many descriptors it has; 0: it cannot be followed. */
static unsigned table_size(struct walk *walk, const struct vri_inspect_desc *desc)
{
	unsigned n = desc->len / sizeof(struct vring_desc);

	if (!walk->ring->indirect)
		blame(walk, VRI_RULE_INDIRECT_FEATURE);
	if (desc->len == 0 || desc->len % sizeof(struct vring_desc) != 0 ||
	    n > VRI_QUEUE_SIZE_MAX) {
		blame(walk, VRI_RULE_INDIRECT_SIZE);
		return 0;
	}
	/* Into memory that the application added the inspector cannot follow. */
	return peek_has(&walk->insp->peek, desc->iova, desc->len) ? n : 0;
}

/* virtio 1.4, 2.7.5.3: a table of descriptors that stands where this one points. */
static void walk_indirect(struct walk *walk, const struct vri_inspect_desc *desc)
{
	struct vri_inspect_desc last = { 0 };
	unsigned n = table_size(walk, desc);

	if (n)
		walk_table(walk, desc->iova, n, 0, true, &last);
}

static uint32_t walk_chain(const struct vri_inspect *insp, const struct ring *ring, uint16_t head,
			   struct vri_inspect_chain *chain, struct vri_inspect_desc *descs,
			   unsigned max)
{
	struct walk walk = {
		.insp = insp, .ring = ring, .chain = chain, .descs = descs, .max = max
	};
	struct vri_inspect_desc last = { 0 };

	memset(chain, 0, sizeof(*chain));
	chain->size = sizeof(*chain);
	chain->head = head;
	walk_table(&walk, ring->desc, ring->size, head, false, &last);
	if (last.flags & VRING_DESC_F_INDIRECT)
		walk_indirect(&walk, &last);
	if (chain->n_descs > ring->size)
		blame(&walk, VRI_RULE_CHAIN_LENGTH);
	return walk.checksum;
}

/* ---- packed ---- */

static void read_packed(const struct vring_packed_desc *raw, uint16_t number, bool indirect,
			struct vri_inspect_desc *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->iova = le64toh(raw->addr);
	ret->len = le32toh(raw->len);
	ret->flags = le16toh(raw->flags);
	ret->next = le16toh(raw->id);
	ret->number = number;
	ret->indirect = indirect;
}

/* virtio 1.4, 2.8.7: all of a table, and of its flags only WRITE means anything. */
static void walk_packed_table(struct walk *walk, const struct vri_inspect_desc *desc)
{
	unsigned i, n = table_size(walk, desc);

	if (n > walk->ring->size) {
		blame(walk, VRI_RULE_CHAIN_LENGTH);
		n = walk->ring->size;
	}
	for (i = 0; i < n; i++) {
		struct vri_inspect_desc entry;
		struct vring_packed_desc raw;

		peek_copy(&walk->insp->peek, desc->iova + sizeof(raw) * i, &raw, sizeof(raw));
		read_packed(&raw, (uint16_t)i, true, &entry);
		store(walk, &entry);
		add_up(walk, &entry);
	}
}

/* Walks the descriptors where @view has seen them, but as they are now. */
static uint32_t walk_packed(const struct vri_inspect *insp, const struct packed_view *view,
			    uint16_t id, struct vri_inspect_chain *chain,
			    struct vri_inspect_desc *descs, unsigned max, bool *ret_same)
{
	const struct packed_seen *seen = &view->seen[id];
	const struct ring *ring = &view->ring;
	struct walk walk = {
		.insp = insp, .ring = ring, .chain = chain, .descs = descs, .max = max
	};
	unsigned i;

	memset(chain, 0, sizeof(*chain));
	chain->size = sizeof(*chain);
	chain->head = id;
	chain->known = seen->lent ? seen->known : VRI_INSPECT_KNOWN_NONE;
	chain->slot = (uint16_t)(seen->at % ring->size);
	for (i = 0; seen->lent && i < seen->n; i++) {
		struct packed_copy copy = packed_at(view, seen->at + i);
		uint16_t slot = (uint16_t)((seen->at + i) % ring->size);
		struct vring_packed_desc raw;
		struct vri_inspect_desc desc;

		peek_copy(&insp->peek, ring->desc + sizeof(raw) * slot, &raw, sizeof(raw));
		*ret_same &= le64toh(raw.addr) == copy.addr && le32toh(raw.len) == copy.len &&
			     le16toh(raw.id) == copy.id && le16toh(raw.flags) == copy.flags;
		read_packed(&raw, slot, false, &desc);
		store(&walk, &desc);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			/* virtio 1.4, 2.8.19: it is alone in its list. */
			if (i > 0 || desc.flags & VRING_DESC_F_NEXT)
				blame(&walk, VRI_RULE_INDIRECT_NEXT);
			else
				walk_packed_table(&walk, &desc);
		} else {
			add_up(&walk, &desc);
		}
	}
	if (seen->problem)
		blame(&walk, (enum vri_rule)seen->problem);
	return walk.checksum;
}

static int follow_packed(struct vri_inspect *insp, const struct ring *ring, unsigned queue,
			 uint16_t id, struct vri_inspect_chain *chain,
			 struct vri_inspect_desc *descs, unsigned max)
{
	const struct packed_view *view = packed_recall(insp, ring, queue, false);
	uint32_t before, after;
	bool same = true;

	if (!view)
		return -ENOMEM;
	before = walk_packed(insp, view, id, chain, descs, max, &same);
	after = walk_packed(insp, view, id, chain, descs, max, &same);
	chain->stable = view->stable && same && before == after && view->seen[id].lent &&
			ring_is_lent(insp, ring, id);
	return 0;
}

/* ---- split ---- */

static void follow_split(const struct vri_inspect *insp, const struct ring *ring, uint16_t head,
			 struct vri_inspect_chain *chain, struct vri_inspect_desc *descs,
			 unsigned max)
{
	uint32_t checksum, before;
	unsigned tries;
	bool lent;

	/* The mark is looked at before, between and after the walks: a driver that is stopped while it
	 * fills descriptors anew has taken it away. */
	lent = ring_is_lent(insp, ring, head);
	checksum = walk_chain(insp, ring, head, chain, descs, max);
	for (tries = 0; tries < CHAIN_TRIES; tries++) {
		before = checksum;
		lent = lent && ring_is_lent(insp, ring, head);
		checksum = walk_chain(insp, ring, head, chain, descs, max);
		if (checksum == before)
			break;
	}
	chain->stable = tries < CHAIN_TRIES && lent && ring_is_lent(insp, ring, head);
}

int vri_inspect_get_chain(struct vri_inspect *insp, unsigned queue, uint16_t head,
			  struct vri_inspect_chain *ret_chain, struct vri_inspect_desc *ret_descs,
			  unsigned max_descs)
{
	struct vri_inspect_chain chain;
	struct ring ring;
	int r;

	if (!insp || !ret_chain || ret_chain->size < sizeof(ret_chain->size) ||
	    (!ret_descs && max_descs))
		return -EINVAL;
	r = ring_find(insp, queue, &ring);
	if (r < 0)
		return r;
	if (head >= ring.size)
		return -EINVAL;
	if (ring.packed) {
		r = follow_packed(insp, &ring, queue, head, &chain, ret_descs, max_descs);
		if (r < 0)
			return r;
	} else {
		follow_split(insp, &ring, head, &chain, ret_descs, max_descs);
	}
	chain.size = ret_chain->size < sizeof(chain) ? ret_chain->size : sizeof(chain);
	memcpy(ret_chain, &chain, chain.size);
	return 0;
}
