/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What is proved of the walker of packed virtqueues, in packed_chain.c: whatever the ring and its
 * tables hold at each look, no descriptor outside of the ring or the table is looked at, nothing
 * overflows, the walk ends, the pieces that it leaves are inside of the memory and permitted, and the
 * buffer id and the number of slots are such as the header promises. What chain_pieces.h does with a
 * piece, a table and the end is taken from contracts.
 */
#include "packed_memory.h"

#include <vring-ipc/memory.h>

#include "core/chain.h"
#include "core/memtab.h"

/* The contract of memtab.h. */
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
static inline void *vri__mem_translate(const struct vri_mem *mem, unsigned *hint, uint64_t iova,
				       uint64_t len, unsigned access, bool *ret_denied);

#include "core/chain_pieces.h"
#include "core/packed_chain.h"

/*@ predicate is_prepared(struct chain_pieces *p) =
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
        (\forall integer k; 0 <= k < p->n_readable && k < p->chain->iov_max ==>
            1 <= p->chain->iov[k].iov_len <= readable_from(p->chain->iov[k].iov_base)) &&
        (\forall integer k; p->n_readable <= k < p->n_iov && k < p->chain->iov_max ==>
            1 <= p->chain->iov[k].iov_len <= writable_from(p->chain->iov[k].iov_base));

    predicate adds_up(struct chain_pieces *p, integer n) = sums_fit(p, n) && are_inside(p);

    predicate same_places{L, M}(struct chain_pieces *p) =
        \at(p->source, L) == \at(p->source, M) && \at(p->chain, L) == \at(p->chain, M) &&
        \at(p->chain->iov, L) == \at(p->chain->iov, M) &&
        \at(p->chain->iov_max, L) == \at(p->chain->iov_max, M) &&
        \at(p->source->size, L) == \at(p->source->size, M) &&
        \at(p->source->indirect, L) == \at(p->source->indirect, M);
*/

/*@ requires is_prepared(p);
    requires adds_up(p, p->n_iov);
    requires p->n_iov < 65536;
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures p->source->hint < MEM_ENTRIES_MAX;
    ensures is_prepared(p) && same_places{Pre, Here}(p);
    ensures \result == VRI_RULE_NONE ==> adds_up(p, \old(p->n_iov) + 1);
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
    requires rule == VRI_RULE_NONE ==> adds_up(p, 65536);
    assigns *ret_rule, p->chain->n_readable, p->chain->n_writable, p->chain->readable_len,
        p->chain->writable_len;
    ensures \result == 0 || \result == -ENOBUFS || \result == -EPROTO;
    ensures \result == -EPROTO <==> rule != VRI_RULE_NONE;
    ensures \result == -EPROTO ==> *ret_rule == rule;
    ensures \result == 0 ==>
        \old(p->chain)->n_readable == \old(p->n_readable) &&
        \old(p->chain)->n_readable + \old(p->chain)->n_writable == \old(p->n_iov) &&
        \old(p->n_iov) <= \old(p->chain->iov_max) &&
        \old(p->chain)->readable_len == \old(p->readable_len) &&
        \old(p->chain)->writable_len == \old(p->writable_len);
*/
static inline int chain_end(const struct chain_pieces *p, enum vri_rule rule,
			    enum vri_rule *ret_rule);

#include "core/packed_ring.h"

/*@ requires 1 <= size <= 32768 && n <= size;
    requires \valid(slot) && \valid(bits) && \separated(slot, bits);
    requires *slot < size;
    assigns *slot, *bits;
    ensures *slot == (\old(*slot) + n < size ? \old(*slot) + n : \old(*slot) + n - size);
    ensures *slot < size;
*/
static inline void packed_advance(unsigned size, uint16_t *slot, uint16_t *bits, unsigned n);

/*@ predicate is_a_ring(struct chain_source *s) =
        1 <= s->size <= 32768 && RING_DESC_BYTES * s->size <= readable_from(s->desc) &&
        s->hint < MEM_ENTRIES_MAX;
    predicate is_a_list(struct packed_list list, integer size) =
        list.slot < size && 1 <= list.room <= size;
*/

/*@ requires is_prepared(p) && is_a_ring(p->source) && sums_fit(p, 0);
    requires n <= CHAIN_TABLE_MAX && RING_DESC_BYTES * n <= readable_from((void *)table);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1];
    ensures p->source->hint < MEM_ENTRIES_MAX;
    ensures is_prepared(p) && same_places{Pre, Here}(p);
    ensures \result == VRI_RULE_NONE ==> adds_up(p, n) && n <= p->source->size;
*/
static enum vri_rule walk_table(struct chain_pieces *p, const void *table, unsigned n);

/*@ requires is_prepared(p) && is_a_ring(p->source) && sums_fit(p, 0);
    requires is_a_list(list, p->source->size) && \valid(ret_id);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1], *ret_id;
    ensures p->source->hint < MEM_ENTRIES_MAX;
    ensures is_prepared(p) && same_places{Pre, Here}(p);
    ensures \result == VRI_RULE_NONE ==> adds_up(p, p->source->size);
    ensures !p->source->indirect ==> \result != VRI_RULE_NONE;
    ensures (list.flags & 1) != 0 ==> \result != VRI_RULE_NONE;
*/
static enum vri_rule walk_indirect(struct chain_pieces *p, struct packed_list list,
				   uint16_t *ret_id);

/*@ requires is_prepared(p) && is_a_ring(p->source) && sums_fit(p, 0);
    requires is_a_list(list, p->source->size);
    requires \valid(ret_id) && \valid(ret_n) && \separated(ret_id, ret_n);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1], *ret_id, *ret_n;
    ensures p->source->hint < MEM_ENTRIES_MAX;
    ensures is_prepared(p) && same_places{Pre, Here}(p);
    ensures \result == VRI_RULE_NONE ==> adds_up(p, *ret_n) && 1 <= *ret_n <= list.room;
*/
static enum vri_rule walk_list(struct chain_pieces *p, struct packed_list list, uint16_t *ret_id,
			       uint16_t *ret_n);

/*@ requires is_prepared(p) && is_a_ring(p->source) && sums_fit(p, 0);
    requires is_a_list(list, p->source->size);
    requires \valid(ret_id) && \valid(ret_n) && \separated(ret_id, ret_n);
    assigns p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len,
        p->source->hint, p->chain->iov[0 .. p->chain->iov_max - 1], *ret_id, *ret_n;
    ensures p->source->hint < MEM_ENTRIES_MAX;
    ensures is_prepared(p) && same_places{Pre, Here}(p);
    ensures \result == VRI_RULE_NONE ==> adds_up(p, p->source->size);
    ensures \result == VRI_RULE_NONE ==> 1 <= *ret_n <= list.room && *ret_id < p->source->size;
*/
static enum vri_rule walk(struct chain_pieces *p, struct packed_list list, uint16_t *ret_id,
			  uint16_t *ret_n);

/*@ requires \valid(source) && is_a_ring(source);
    requires \valid_read(list) && is_a_list(*list, source->size);
    requires \valid(chain) && \valid(chain->iov + (0 .. chain->iov_max - 1));
    requires \valid(ret_n) && \valid(ret_rule);
    requires \separated(source, list, chain, chain->iov + (0 .. chain->iov_max - 1), ret_n, ret_rule);
    assigns source->hint, chain->iov[0 .. chain->iov_max - 1], chain->n_readable,
        chain->n_writable, chain->readable_len, chain->writable_len, chain->head, *ret_n, *ret_rule;
    ensures \result == 0 || \result == -ENOBUFS || \result == -EPROTO;
    ensures hint: source->hint < MEM_ENTRIES_MAX;
    ensures slots: \result == 0 ==> 1 <= *ret_n <= list->room;
    ensures id: \result == 0 ==> chain->head < source->size;
    ensures count: \result == 0 ==> chain->n_readable + chain->n_writable <= \old(chain->iov_max) &&
        chain->n_readable + chain->n_writable <= \old(source->size);
    ensures bytes: \result == 0 ==> chain->n_readable <= chain->readable_len &&
        chain->n_writable <= chain->writable_len &&
        chain->readable_len + chain->writable_len <= 0xffffffff;
    ensures readable: \result == 0 ==> \forall integer k; 0 <= k < chain->n_readable ==>
        1 <= \old(chain->iov)[k].iov_len <= readable_from(\old(chain->iov)[k].iov_base);
    ensures writable: \result == 0 ==> \forall integer k;
        chain->n_readable <= k < chain->n_readable + chain->n_writable ==>
        1 <= \old(chain->iov)[k].iov_len <= writable_from(\old(chain->iov)[k].iov_base);
    ensures \result == -EPROTO ==> *ret_rule != VRI_RULE_NONE;
*/
int vri__packed_chain_walk(struct chain_source *source, const struct packed_list *list,
			   struct vri_chain *chain, uint16_t *ret_n, enum vri_rule *ret_rule);

/* Whatever chain_add_piece() may change, as it lay when the walk began. */
#define PIECES_CHANGE(p)                                                             \
	p->seen_writable, p->n_iov, p->n_readable, p->readable_len, p->writable_len, \
		*\at(&p->source->hint, Pre),                                              \
		\at(p->chain->iov, Pre)[0.. \at(p->chain->iov_max, Pre) - 1]
#include "core/packed_chain.c"
