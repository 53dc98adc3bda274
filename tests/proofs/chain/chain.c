/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What is proved of the steps of the chain walker, in chain.c and chain_pieces.h: whatever the
 * descriptors and tables hold, no step reads or writes outside of what it is given, nothing
 * overflows, and a table that is entered is one, inside of the memory, of a size that is right.
 * The loop over the steps is not among it: see docs/verification.md.
 */
#include "shared_memory.h"

#include <vring-ipc/memory.h>

#include "core/chain.h"
#include "core/memtab.h"

/* The contract of memtab.h, taken on trust here. */
/*@ requires \valid(hint);
    requires ret_denied == \null || \valid(ret_denied);
    requires \separated(hint, ret_denied);
    requires *hint < MEM_ENTRIES_MAX;
    assigns *hint, *ret_denied;
    ensures *hint < MEM_ENTRIES_MAX;
    ensures \result != \null ==> len != 0;
    ensures \result != \null && access == VRI_ACCESS_READ ==> len <= readable_from(\result);
    ensures \result != \null && access == VRI_ACCESS_WRITE ==> len <= writable_from(\result);
*/
void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova, uint64_t len,
			 unsigned access, bool *ret_denied);

#include "core/chain_pieces.h"

/*@ predicate pieces_are_inside(struct iovec *iov, integer n_readable, integer n) =
        (\forall integer k; 0 <= k < n_readable && k < n ==>
            1 <= iov[k].iov_len <= readable_from(iov[k].iov_base)) &&
        (\forall integer k; n_readable <= k < n ==>
            1 <= iov[k].iov_len <= writable_from(iov[k].iov_base));

    predicate is_prepared(struct chain_pieces *p) =
        \valid(p) && \valid(p->source) && \valid(p->chain) &&
        \valid(p->chain->iov + (0 .. p->chain->iov_max - 1)) &&
        \separated(p, p->source, p->chain, p->chain->iov + (0 .. p->chain->iov_max - 1));

    predicate sums_fit(struct chain_pieces *p, integer n) =
        p->n_readable <= p->n_iov <= n &&
        p->n_readable <= p->readable_len && p->n_iov - p->n_readable <= p->writable_len &&
        p->readable_len + p->writable_len <= 0xffffffff &&
        (!p->seen_writable ==> p->n_readable == p->n_iov) &&
        p->source->hint < MEM_ENTRIES_MAX;

    predicate are_inside(struct chain_pieces *p) =
        pieces_are_inside(p->chain->iov, p->n_readable,
            p->n_iov < p->chain->iov_max ? p->n_iov : p->chain->iov_max);

    predicate adds_up(struct chain_pieces *p, integer n) = sums_fit(p, n) && are_inside(p);
*/

/*@ requires is_prepared(p);
    requires adds_up(p, p->n_iov);
    requires p->n_iov < 32768;
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures p->source->hint < MEM_ENTRIES_MAX;
*/
static inline enum vri_rule chain_add_piece(struct chain_pieces *p, uint64_t addr, uint32_t len,
					    bool writable);

/*@ requires \valid(source) && \valid(ret_table) && \valid(ret_size);
    requires \separated(source, ret_table, ret_size);
    requires source->hint < MEM_ENTRIES_MAX;
    assigns source->hint, *ret_table, *ret_size;
    ensures source->hint < MEM_ENTRIES_MAX;
    ensures \result == VRI_RULE_NONE ==>
        1 <= *ret_size <= CHAIN_TABLE_MAX && RING_DESC_BYTES * *ret_size <= readable_from(*ret_table);
*/
static inline enum vri_rule chain_find_table(struct chain_source *source, uint64_t addr,
					     uint32_t len, const void **ret_table,
					     unsigned *ret_size);

/*@ requires is_prepared(p) && \valid(ret_rule) && \separated(ret_rule, p, p->chain);
    requires rule == VRI_RULE_NONE ==> adds_up(p, 32768);
    assigns *ret_rule, p->chain->n_readable, p->chain->n_writable, p->chain->readable_len,
        p->chain->writable_len;
    ensures \result == 0 || \result == -ENOBUFS || \result == -EPROTO;
    ensures \result == -EPROTO <==> rule != VRI_RULE_NONE;
    ensures \result == -EPROTO ==> *ret_rule == rule;
    ensures \result == 0 ==>
        p->chain->n_readable == p->n_readable &&
        p->chain->n_readable + p->chain->n_writable == p->n_iov <= p->chain->iov_max &&
        p->chain->readable_len == p->readable_len && p->chain->writable_len == p->writable_len;
*/
static inline int chain_end(const struct chain_pieces *p, enum vri_rule rule,
			    enum vri_rule *ret_rule);

#include "core/chain.c"

/*@ requires \valid(w) && \valid_read(desc) && \valid(w->pieces.source);
    requires \separated(w, desc, w->pieces.source);
    requires w->pieces.source->hint < MEM_ENTRIES_MAX;
    assigns w->in_indirect, w->table, w->table_size, w->pieces.source->hint;
    ensures w->pieces.source->hint < MEM_ENTRIES_MAX;
    ensures \old(w->in_indirect) ==> \result == VRI_RULE_INDIRECT_NESTED;
    ensures !w->pieces.source->indirect ==> \result != VRI_RULE_NONE;
    ensures \result == VRI_RULE_NONE ==> w->in_indirect && 1 <= w->table_size <= CHAIN_TABLE_MAX &&
        RING_DESC_BYTES * w->table_size <= readable_from(w->table);
*/
static enum vri_rule enter_table(struct walk *w, const struct ring_desc *desc);
