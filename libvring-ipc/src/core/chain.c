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

#include <errno.h>
#include <string.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/memory.h>

#include "memtab.h"
#include "ring_access.h"

/* A next field has 16 bits, so no table can use more. */
#define TABLE_MAX 65536u

struct walk {
	struct chain_source *source;
	struct vri_chain *chain;
	const void *table;
	unsigned table_size;
	bool in_indirect;
	unsigned n_iov;
	unsigned n_readable;
	uint64_t readable_len;
	uint64_t writable_len;
	bool seen_writable;
};

/* Enters the indirect table that @desc points at. */
static enum vri_rule enter_table(struct walk *w, const struct ring_desc *desc)
{
	uint32_t len = ring_desc_len(desc);

	if (w->in_indirect)
		return VRI_RULE_INDIRECT_NESTED; /* virtio 1.4, 2.7.5.3.1 */
	if (!w->source->indirect)
		return VRI_RULE_INDIRECT_FEATURE; /* virtio 1.4, 2.7.5.3.1 */
	if ((ring_desc_flags(desc) & VRING_DESC_F_NEXT) != 0)
		return VRI_RULE_INDIRECT_NEXT; /* virtio 1.4, 2.7.5.3.1 */
	if (len == 0 || len % RING_DESC_BYTES != 0 || len / RING_DESC_BYTES > TABLE_MAX)
		return VRI_RULE_INDIRECT_SIZE;
	w->table = vri__mem_translate(w->source->mem, &w->source->hint, desc->addr, len,
				      VRI_ACCESS_READ, NULL);
	if (w->table == NULL)
		return VRI_RULE_INDIRECT_ADDRESS;
	w->table_size = len / RING_DESC_BYTES;
	w->in_indirect = true;
	return VRI_RULE_NONE;
}

/* Adds the bytes that @desc describes to the chain. */
static inline enum vri_rule add_piece(struct walk *w, const struct ring_desc *desc)
{
	uint32_t len = ring_desc_len(desc);
	bool writable = (ring_desc_flags(desc) & VRING_DESC_F_WRITE) != 0;
	bool denied;
	void *va;

	/* virtio 1.4, 2.7.4.2: all readable elements come before all writable ones. */
	if (!writable && w->seen_writable)
		return VRI_RULE_CHAIN_ORDER;
	w->seen_writable = writable;

	/* Of an empty piece at least the address has to make sense. */
	va = vri__mem_translate(w->source->mem, &w->source->hint, desc->addr, len != 0 ? len : 1,
				writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ, &denied);
	if (va == NULL)
		return denied ? VRI_RULE_ACCESS : VRI_RULE_ADDRESS;
	if (len == 0)
		return VRI_RULE_NONE;

	if (writable) {
		w->writable_len += len;
	} else {
		w->readable_len += len;
		w->n_readable++;
	}
	if (w->readable_len + w->writable_len > UINT32_MAX)
		return VRI_RULE_CHAIN_BYTES; /* virtio 1.4, 2.7.5.2 */
	if (w->n_iov < w->chain->iov_max)
		w->chain->iov[w->n_iov] = (struct iovec){ .iov_base = va, .iov_len = len };
	w->n_iov++;
	return VRI_RULE_NONE;
}

static enum vri_rule walk(struct walk *w, unsigned head)
{
	unsigned at = head;
	unsigned n = 0;
	struct ring_desc desc;
	enum vri_rule rule;

	for (;;) {
		desc = w->in_indirect ? ring_load_indirect_desc(w->table, at) :
					ring_load_desc(w->table, at);
		if ((ring_desc_flags(&desc) & VRING_DESC_F_INDIRECT) != 0) {
			rule = enter_table(w, &desc);
			if (rule != VRI_RULE_NONE)
				return rule;
			at = 0;
			continue;
		}
		/* Longer than the queue, which is also how a loop ends. virtio 1.4, 2.7.5.3.1 */
		if (++n > w->source->size)
			return VRI_RULE_CHAIN_LENGTH;
		rule = add_piece(w, &desc);
		if (rule != VRI_RULE_NONE)
			return rule;
		if ((ring_desc_flags(&desc) & VRING_DESC_F_NEXT) == 0)
			return VRI_RULE_NONE;
		at = ring_desc_next(&desc);
		if (at >= w->table_size)
			return VRI_RULE_NEXT;
	}
}

int vri__chain_walk(struct chain_source *source, unsigned head, struct vri_chain *chain,
		    enum vri_rule *ret_rule)
{
	struct walk w = {
		.source = source,
		.chain = chain,
		.table = source->desc,
		.table_size = source->size,
	};
	enum vri_rule rule = walk(&w, head);

	if (rule != VRI_RULE_NONE) {
		*ret_rule = rule;
		return -EPROTO;
	}
	if (w.n_iov > chain->iov_max)
		return -ENOBUFS;
	chain->n_readable = w.n_readable;
	chain->n_writable = w.n_iov - w.n_readable;
	chain->readable_len = (uint32_t)w.readable_len;
	chain->writable_len = (uint32_t)w.writable_len;
	return 0;
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
