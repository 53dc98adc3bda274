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

#include "inspect/ring.h"

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
	bool table = desc->flags & VRING_DESC_F_INDIRECT;

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
	if (desc->len == 0)
		blame(walk, VRI_RULE_ADDRESS);
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
	if (walk->chain->n_descs < walk->max) {
		place(walk->insp, ret);
		walk->descs[walk->chain->n_descs] = *ret;
	}
	walk->checksum = mix(walk->checksum, ret);
	walk->chain->n_descs++;
	check_place(walk, ret);
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

/* virtio 1.4, 2.7.5.3: a table of descriptors that stands where this one points. */
static void walk_indirect(struct walk *walk, const struct vri_inspect_desc *desc)
{
	struct vri_inspect_desc last;
	unsigned n = desc->len / sizeof(struct vring_desc);

	if (!walk->ring->indirect)
		blame(walk, VRI_RULE_INDIRECT_FEATURE);
	if (desc->len == 0 || desc->len % sizeof(struct vring_desc) != 0 ||
	    n > VRI_QUEUE_SIZE_MAX) {
		blame(walk, VRI_RULE_INDIRECT_SIZE);
		return;
	}
	/* Into memory that the application added the inspector cannot follow. */
	if (!peek_has(&walk->insp->peek, desc->iova, desc->len))
		return;
	walk_table(walk, desc->iova, n, 0, true, &last);
}

static uint32_t walk_chain(const struct vri_inspect *insp, const struct ring *ring, uint16_t head,
			   struct vri_inspect_chain *chain, struct vri_inspect_desc *descs,
			   unsigned max)
{
	struct walk walk = {
		.insp = insp, .ring = ring, .chain = chain, .descs = descs, .max = max
	};
	struct vri_inspect_desc last;

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

int vri_inspect_get_chain(struct vri_inspect *insp, unsigned queue, uint16_t head,
			  struct vri_inspect_chain *ret_chain, struct vri_inspect_desc *ret_descs,
			  unsigned max_descs)
{
	struct vri_inspect_chain chain;
	uint32_t checksum, before;
	struct ring ring;
	unsigned tries;
	bool lent;
	int r;

	if (!insp || !ret_chain || ret_chain->size < sizeof(ret_chain->size) ||
	    (!ret_descs && max_descs))
		return -EINVAL;
	r = ring_find(insp, queue, &ring);
	if (r < 0)
		return r;
	if (head >= ring.size)
		return -EINVAL;

	/* The mark is looked at before, between and after the walks: a driver that is stopped while it
	 * fills descriptors anew has taken it away. */
	lent = ring_is_lent(insp, &ring, head);
	checksum = walk_chain(insp, &ring, head, &chain, ret_descs, max_descs);
	for (tries = 0; tries < CHAIN_TRIES; tries++) {
		before = checksum;
		lent = lent && ring_is_lent(insp, &ring, head);
		checksum = walk_chain(insp, &ring, head, &chain, ret_descs, max_descs);
		if (checksum == before)
			break;
	}
	chain.stable = tries < CHAIN_TRIES && lent && ring_is_lent(insp, &ring, head);

	chain.size = ret_chain->size < sizeof(chain) ? ret_chain->size : sizeof(chain);
	memcpy(ret_chain, &chain, chain.size);
	return 0;
}
