/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What is proved of the chain walker of split virtqueues, in chain.c and chain_pieces.h: whatever the
 * descriptors and tables hold at each look, nothing is read or written outside of what it is given,
 * nothing overflows, the walk ends, and the pieces that it hands out lie inside of the memory.
 */
#include "chain_pieces_contract.h"

/* In terms of where things were when the walk began, and still are. */
/* clang-format off */
#define writable_by_walk(p, source) \
	p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len, \
		source->hint, \
		\at(p->chain->iov, Pre)[0 .. \at(p->chain->iov_max, Pre) - 1]
/* clang-format on */

/*@ predicate is_readable(void *table, integer size) = RING_DESC_BYTES * size <= readable_from(table);
*/

#include "core/chain.c"

/*@ requires \valid(table) && \valid_read(desc) && \valid(source);
    requires \separated(table, desc, source);
    requires source->hint < MEM_ENTRIES_MAX;
    assigns *table, source->hint;
    ensures source->hint < MEM_ENTRIES_MAX;
    ensures \old(table->is_indirect) ==> \result == VRI_RULE_INDIRECT_NESTED;
    ensures !source->indirect ==> \result != VRI_RULE_NONE;
    ensures \result == VRI_RULE_NONE ==> table->is_indirect &&
        1 <= table->size <= CHAIN_TABLE_MAX &&
        RING_DESC_BYTES * table->size <= readable_from(table->desc);
*/
static enum vri_rule enter_table(struct table *table, struct chain_source *source,
				 const struct ring_desc *desc);

/*@ requires is_prepared(p);
    requires p->n_iov == 0 && p->n_readable == 0 && !p->seen_writable;
    requires p->readable_len == 0 && p->writable_len == 0;
    requires p->source->hint < MEM_ENTRIES_MAX;
    requires head < p->source->size <= 32768;
    requires RING_DESC_BYTES * p->source->size <= readable_from(p->source->desc);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures same: same{Pre, Post}(p);
    ensures \old(p->source)->hint < MEM_ENTRIES_MAX;
    ensures sums: \result == VRI_RULE_NONE ==> adds_up(p, \old(p->source->size));
    ensures inside: \result == VRI_RULE_NONE ==> are_inside(p);
*/
static enum vri_rule walk(struct chain_pieces *p, unsigned head);

/*@ requires \valid(source) && \valid(chain) && \valid(ret_rule);
    requires \valid(chain->iov + (0 .. chain->iov_max - 1));
    requires \separated(source, chain, ret_rule, chain->iov + (0 .. chain->iov_max - 1));
    requires head < source->size <= 32768;
    requires RING_DESC_BYTES * source->size <= readable_from(source->desc);
    requires source->hint < MEM_ENTRIES_MAX;
    assigns source->hint, *ret_rule, chain->n_readable, chain->n_writable, chain->readable_len,
        chain->writable_len, chain->iov[0 .. chain->iov_max - 1];
    ensures \result == 0 || \result == -ENOBUFS || \result == -EPROTO;
    ensures \result == -EPROTO ==> *ret_rule != VRI_RULE_NONE;
    ensures source->hint < MEM_ENTRIES_MAX;
    ensures \result == 0 ==>
        chain->n_readable + chain->n_writable <= chain->iov_max &&
        chain->n_readable + chain->n_writable <= source->size &&
        chain->readable_len + chain->writable_len <= 0xffffffff;
    ensures readable: \result == 0 ==> \forall integer k;
        0 <= k < chain->n_readable ==> piece_is_readable(chain->iov + k);
    ensures writable: \result == 0 ==> \forall integer k;
        chain->n_readable <= k < chain->n_readable + chain->n_writable ==>
        piece_is_writable(chain->iov + k);
*/
int vri__chain_walk(struct chain_source *source, unsigned head, struct vri_chain *chain,
		    enum vri_rule *ret_rule);
