/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What is said of core/chain_pieces.h, for the proofs of both walkers: include this in its place. */
#ifndef PROOFS_CHAIN_PIECES_CONTRACT_H
#define PROOFS_CHAIN_PIECES_CONTRACT_H

#include "memtab_contract.h"

#include "core/chain.h"
#include "core/chain_pieces.h"

/*@ predicate is_prepared(struct chain_pieces *p) =
        \valid(p) && \valid(p->source) && \valid(p->chain) &&
        \valid(p->chain->iov + (0 .. p->chain->iov_max - 1)) &&
        \separated(p, p->source, p->chain, p->chain->iov + (0 .. p->chain->iov_max - 1));

    predicate adds_up(struct chain_pieces *p, integer n) =
        p->n_readable <= p->n_iov <= n &&
        (p->seen_writable || p->n_readable == p->n_iov) &&
        p->readable_len + p->writable_len <= 0xffffffff;

    predicate piece_is_readable(struct iovec *v) = 1 <= v->iov_len <= readable_from(v->iov_base);
    predicate piece_is_writable(struct iovec *v) = 1 <= v->iov_len <= writable_from(v->iov_base);

    predicate all_inside(struct iovec *iov, integer n_readable, integer n, integer max) =
        (\forall integer k; 0 <= k < n_readable && k < max ==> piece_is_readable(iov + k)) &&
        (\forall integer k; n_readable <= k < n && k < max ==> piece_is_writable(iov + k));
*/

#define are_inside(p) all_inside((p)->chain->iov, (p)->n_readable, (p)->n_iov, (p)->chain->iov_max)

/* What follows from the frame conditions, said again for the provers' sake. */
/*@ predicate same{L1, L2}(struct chain_pieces *p) =
        \at(p->source, L1) == \at(p->source, L2) && \at(p->chain, L1) == \at(p->chain, L2) &&
        \at(p->chain->iov, L1) == \at(p->chain->iov, L2) &&
        \at(p->chain->iov_max, L1) == \at(p->chain->iov_max, L2);
*/

/*@ requires is_prepared(p);
    requires adds_up(p, 32767);
    requires len != 0;
    requires writable ? p->seen_writable : !p->seen_writable;
    requires writable ? len <= writable_from(va) : len <= readable_from(va);
    requires are_inside(p);
    assigns p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures same: same{Pre, Post}(p);
    ensures sums: \result == VRI_RULE_NONE ==> p->readable_len + p->writable_len <= 0xffffffff;
    ensures count: \result == VRI_RULE_NONE ==>
        p->n_iov == \old(p->n_iov) + 1 &&
        p->n_readable == \old(p->n_readable) + (writable ? 0 : 1);
    ensures sums_up: \result == VRI_RULE_NONE ==>
        p->readable_len == \old(p->readable_len) + (writable ? 0 : len) &&
        p->writable_len == \old(p->writable_len) + (writable ? len : 0);
    ensures inside: \result == VRI_RULE_NONE ==> are_inside(p);
*/
static inline enum vri_rule chain_put_piece(struct chain_pieces *p, void *va, uint32_t len,
					    bool writable);

/*@ requires is_prepared(p);
    requires adds_up(p, 32767);
    requires p->source->hint < MEM_ENTRIES_MAX;
    requires are_inside(p);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures same: same{Pre, Post}(p);
    ensures hint: \old(p->source)->hint < MEM_ENTRIES_MAX;
    ensures sums: \result == VRI_RULE_NONE ==> adds_up(p, \old(p->n_iov) + 1);
    ensures count: \result == VRI_RULE_NONE ==>
        p->n_iov == \old(p->n_iov) + (len != 0 ? 1 : 0) &&
        p->n_readable == \old(p->n_readable) + (len != 0 && !writable ? 1 : 0);
    ensures sums_up: \result == VRI_RULE_NONE ==>
        p->readable_len == \old(p->readable_len) + (writable ? 0 : len) &&
        p->writable_len == \old(p->writable_len) + (writable ? len : 0);
    ensures inside: \result == VRI_RULE_NONE ==> are_inside(p);
*/
static inline enum vri_rule chain_add_piece(struct chain_pieces *p, uint64_t addr, uint32_t len,
					    bool writable);

/*@ requires \valid_read(source) && source->hint < MEM_ENTRIES_MAX;
    requires \valid(chain) && \valid(chain->iov + (0 .. chain->iov_max - 1));
    requires \separated(source, chain, chain->iov + (0 .. chain->iov_max - 1));
    assigns chain->iov[0], chain->n_readable, chain->n_writable, chain->readable_len,
        chain->writable_len;
    ensures one: \result ==> chain->n_readable + chain->n_writable == 1 <= chain->iov_max &&
        chain->n_writable == (writable ? 1 : 0);
    ensures len: \result ==> 1 <= len &&
        chain->readable_len == (writable ? 0 : len) && chain->writable_len == (writable ? len : 0);
    ensures inside: \result ==>
        (writable ? piece_is_writable(\old(chain->iov)) : piece_is_readable(\old(chain->iov)));
*/
static inline bool chain_take_single(const struct chain_source *source, uint64_t addr, uint32_t len,
				     bool writable, struct vri_chain *chain);

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

/*@ requires is_prepared(p) && \valid(ret_rule) && \separated(ret_rule, p, p->source, p->chain);
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

#endif
