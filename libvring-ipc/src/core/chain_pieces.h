/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the walkers of both ring formats do with a descriptor that describes bytes: order, memory,
 * sums. For the walkers, and for those that call them. */
#ifndef CORE_CHAIN_PIECES_H
#define CORE_CHAIN_PIECES_H

#include <errno.h>

#include <vring-ipc/memory.h>

#include "chain.h"
#include "memtab.h"
#include "ring_access.h"

/* No table of either format can use more: a next field has 16 bits, a list is no longer than a queue. */
#define CHAIN_TABLE_MAX 65536u

struct chain_pieces {
	struct chain_source *source;
	struct vri_chain *chain;
	unsigned n_iov;
	unsigned n_readable;
	uint64_t readable_len;
	uint64_t writable_len;
	bool seen_writable;
};

/* Adds @len bytes at @va, not 0, to the sums, and to the pieces when there is room. */
static inline enum vri_rule chain_put_piece(struct chain_pieces *p, void __shm *va, uint32_t len,
					    bool writable)
{
	if (writable) {
		p->writable_len += len;
	} else {
		p->readable_len += len;
		p->n_readable++;
	}
	if (p->readable_len + p->writable_len > UINT32_MAX)
		return VRI_RULE_CHAIN_BYTES; /* virtio 1.4, 2.7.5.2 */
	if (p->n_iov < p->chain->iov_max) {
		struct iovec *iov = &p->chain->iov[p->n_iov];

		iov->iov_base = shm_payload(va);
		iov->iov_len = len;
	}
	p->n_iov++;
	return VRI_RULE_NONE;
}

/* Adds the @len bytes at @addr to the chain. */
static inline enum vri_rule chain_add_piece(struct chain_pieces *p, uint64_t addr, uint32_t len,
					    bool writable)
{
	bool denied;
	void __shm *va;

	/* virtio 1.4, 2.7.4.2, 2.8.17: all readable elements come before all writable ones. */
	if (!writable && p->seen_writable)
		return VRI_RULE_CHAIN_ORDER;
	p->seen_writable = writable;

	/* Of an empty piece at least the address has to make sense. */
	va = vri__mem_translate(p->source->mem, &p->source->hint, addr, len != 0 ? len : 1,
				writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ, &denied);
	if (va == NULL)
		return denied ? VRI_RULE_ACCESS : VRI_RULE_ADDRESS;
	return len != 0 ? chain_put_piece(p, va, len, writable) : VRI_RULE_NONE;
}

/* The usual small message: the @len bytes at @addr are all of the chain, and lie in the memory that
 * matched last. Returns: false for anything else, right or wrong: the walker finds out. */
static inline bool chain_take_single(const struct chain_source *source, uint64_t addr, uint32_t len,
				     bool writable, struct vri_chain *chain)
{
	void __shm *va = mem_look(source->mem, source->hint, addr, len,
				  writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ);

	if (va == NULL || chain->iov_max == 0)
		return false;
	chain->iov[0] = (struct iovec){ .iov_base = shm_payload(va), .iov_len = len };
	chain->n_readable = !writable;
	chain->n_writable = writable;
	chain->readable_len = writable ? 0 : len;
	chain->writable_len = writable ? len : 0;
	return true;
}

/* Finds the indirect table of @len bytes at @addr. */
static inline enum vri_rule chain_find_table(struct chain_source *source, uint64_t addr,
					     uint32_t len, const void __shm **ret_table,
					     unsigned *ret_size)
{
	if (len == 0 || len % RING_DESC_BYTES != 0 || len / RING_DESC_BYTES > CHAIN_TABLE_MAX)
		return VRI_RULE_INDIRECT_SIZE;
	*ret_table =
		vri__mem_translate(source->mem, &source->hint, addr, len, VRI_ACCESS_READ, NULL);
	*ret_size = len / RING_DESC_BYTES;
	return *ret_table != NULL ? VRI_RULE_NONE : VRI_RULE_INDIRECT_ADDRESS;
}

/* Ends a walk. Returns: 0 and the chain's numbers; -ENOBUFS; -EPROTO and *ret_rule for any @rule but
 * VRI_RULE_NONE. */
static inline int chain_end(const struct chain_pieces *p, enum vri_rule rule,
			    enum vri_rule *ret_rule)
{
	struct vri_chain *chain = p->chain;

	if (rule != VRI_RULE_NONE) {
		*ret_rule = rule;
		return -EPROTO;
	}
	if (p->n_iov > chain->iov_max)
		return -ENOBUFS;
	chain->n_readable = p->n_readable;
	chain->n_writable = p->n_iov - p->n_readable;
	chain->readable_len = (uint32_t)p->readable_len;
	chain->writable_len = (uint32_t)p->writable_len;
	return 0;
}

#endif
