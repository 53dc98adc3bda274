/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The chain walker of split virtqueues, and copies to and from the pieces that it found.
 *
 * The plot: look at one descriptor after the other, each copied once into private memory; one that
 * points at a table switches the walk into that table, once, for good; any other is a piece of the
 * chain; stop at the first without NEXT, or at the first that breaks a rule, or after as many as the
 * queue is long.
 */

#include "chain.h"

#include <string.h>

#include <linux/virtio_ring.h>

#include "chain_pieces.h"
#include "ring_access.h"

/* What the walk goes through: the descriptor table, then perhaps an indirect one. */
struct table {
	const void __shm *desc;
	unsigned size;
	bool is_indirect;
};

/* Enters the indirect table that @desc points at. */
static enum vri_rule enter_table(struct table *table, struct chain_source *source,
				 const struct ring_desc *desc)
{
	if (table->is_indirect)
		return VRI_RULE_INDIRECT_NESTED; /* virtio 1.4, 2.7.5.3.1 */
	if (!source->indirect)
		return VRI_RULE_INDIRECT_FEATURE; /* virtio 1.4, 2.7.5.3.1 */
	if ((ring_desc_flags(desc) & VRING_DESC_F_NEXT) != 0)
		return VRI_RULE_INDIRECT_NEXT; /* virtio 1.4, 2.7.5.3.1 */
	table->is_indirect = true;
	return chain_find_table(source, desc->addr, ring_desc_len(desc), &table->desc,
				&table->size);
}

static enum vri_rule walk(struct chain_pieces *p, unsigned head)
{
	struct chain_source *source = p->source;
	struct table table = { .desc = source->desc, .size = source->size };
	unsigned at = head;
	unsigned n = 0;
	struct ring_desc desc;
	enum vri_rule rule;

	/* What tests/proofs/chain proves. Each turn counts a descriptor or enters the one table. */
	/*@ loop invariant table: at < table.size && is_readable(table.desc, table.size);
	    loop invariant sums: adds_up(p, n) && n <= source->size <= 32768;
	    loop invariant inside: are_inside(p);
	    loop invariant hint: source->hint < MEM_ENTRIES_MAX;
	    loop invariant same: same{Pre, Here}(p);
	    loop assigns at, n, desc, rule, table, writable_by_walk(p, source);
	    loop variant 2 * (source->size - n) + (table.is_indirect ? 0 : 1); */
	for (;;) {
		desc = table.is_indirect ? ring_load_indirect_desc(table.desc, at) :
					   ring_load_desc(table.desc, at);
		if ((ring_desc_flags(&desc) & VRING_DESC_F_INDIRECT) != 0) {
			rule = enter_table(&table, source, &desc);
			if (rule != VRI_RULE_NONE)
				return rule;
			at = 0;
			continue;
		}
		/* Longer than the queue, which is also how a loop ends. virtio 1.4, 2.7.5.3.1 */
		if (++n > source->size)
			return VRI_RULE_CHAIN_LENGTH;
		rule = chain_add_piece(p, desc.addr, ring_desc_len(&desc),
				       (ring_desc_flags(&desc) & VRING_DESC_F_WRITE) != 0);
		if (rule != VRI_RULE_NONE)
			return rule;
		if ((ring_desc_flags(&desc) & VRING_DESC_F_NEXT) == 0)
			return VRI_RULE_NONE;
		at = ring_desc_next(&desc);
		if (at >= table.size)
			return VRI_RULE_NEXT;
	}
}

int vri__chain_walk(struct chain_source *source, unsigned head, struct vri_chain *chain,
		    enum vri_rule *ret_rule)
{
	struct chain_pieces p = { .source = source, .chain = chain };

	return chain_end(&p, walk(&p, head), ret_rule);
}

/* ---- pieces as one run of bytes ---- */

enum direction { FROM_PIECES, TO_PIECES };

static size_t copy(const struct iovec *iov, unsigned n, size_t offset, char *buf, size_t len,
		   enum direction direction)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t here = iov[i].iov_len;
		char *piece = iov[i].iov_base;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		piece += offset;
		here -= offset;
		offset = 0;
		if (here > len - done)
			here = len - done;
		if (direction == FROM_PIECES)
			memcpy(buf + done, piece, here);
		else
			memcpy(piece, buf + done, here);
		done += here;
	}
	return done;
}

size_t vri_chain_read(const struct vri_chain *chain, size_t offset, void *buf, size_t len)
{
	return copy(chain->iov, chain->n_readable, offset, buf, len, FROM_PIECES);
}

size_t vri_chain_write(const struct vri_chain *chain, size_t offset, const void *buf, size_t len)
{
	/* TO_PIECES only reads the buffer. */
	return copy(chain->iov + chain->n_readable, chain->n_writable, offset, (char *)buf, len,
		    TO_PIECES);
}
