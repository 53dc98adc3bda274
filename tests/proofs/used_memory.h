/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's used entries for proofs: each look at shared memory returns anything at all, and must be at a place that
 * is the ring's; and what is said of the private list of outstanding buffers. */
#ifndef PROOFS_USED_MEMORY_H
#define PROOFS_USED_MEMORY_H

#include "compiler.h"

#include <stdint.h>

/* These have contracts below in place of what they do. */
#define ring_look_idx real_look_idx
#define ring_load_used_entry real_load_used_entry
#define ring_look_packed_flags real_look_packed_flags
#define ring_load_packed_id_len real_load_packed_id_len
#define ring_desc_flags real_desc_flags
#define ring_desc_next real_desc_next
#define ring_store_outstanding real_store_outstanding
#include "core/ring_access.h"
#undef ring_look_idx
#undef ring_load_used_entry
#undef ring_look_packed_flags
#undef ring_load_packed_id_len
#undef ring_desc_flags
#undef ring_desc_next
#undef ring_store_outstanding

/*@ requires \valid_read(idx);
    assigns \result \from \nothing;
*/
uint16_t ring_look_idx(const uint16_t *idx);

/*@ requires \valid_read(entry + (0 .. 1)) && \valid(ret_id) && \valid(ret_len);
    requires \separated(ret_id, ret_len);
    assigns *ret_id, *ret_len \from \nothing;
*/
void ring_load_used_entry(const uint32_t *entry, uint32_t *ret_id, uint32_t *ret_len);

/*@ axiomatic Extents { logic integer readable_from(void *p); } */

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    assigns \result \from \nothing;
*/
uint16_t ring_look_packed_flags(const void *ring, unsigned i);

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    requires \valid(ret_id) && \valid(ret_len);
    assigns *ret_id, *ret_len \from \nothing;
*/
void ring_load_packed_id_len(const void *ring, unsigned i, uint16_t *ret_id, uint32_t *ret_len);

/*@ requires \valid(byte);
    assigns *byte \from value;
*/
void ring_store_outstanding(uint8_t *byte, uint8_t value);

/* Of the driver's own copy of a descriptor. */
/*@ axiomatic Links {
      logic integer flags_of(integer rest);
      logic integer next_of(integer rest);
    }
*/

/*@ requires \valid_read(desc);
    assigns \result \from *desc;
    ensures \result == flags_of(desc->rest);
*/
uint16_t ring_desc_flags(const struct ring_desc *desc);

/*@ requires \valid_read(desc);
    assigns \result \from *desc;
    ensures \result == next_of(desc->rest);
*/
uint16_t ring_desc_next(const struct ring_desc *desc);

#include "core/drvq.h"
#include "core/in_order.h"

/*@ predicate is_out(struct outstanding *o, integer i) = 0 <= i < o->size && o->record[i].token != \null;
    predicate is_linked(struct outstanding *o, integer i) =
        0 <= i <= o->size && (i == o->size || o->record[i].token != \null);

    predicate has_records(struct outstanding *o) =
        \valid(o) && 1 <= o->size <= 32768 && \valid(o->record + (0 .. o->size)) &&
        \separated(o, o->record + (0 .. o->size));
    // Whatever a link of the list says, it is a record.
    predicate is_a_list(struct outstanding *o) =
        has_records(o) &&
        (\forall integer i; 0 <= i <= o->size ==> o->record[i].prev <= o->size) &&
        (\forall integer i; 0 <= i <= o->size ==> o->record[i].next <= o->size);

    // Assumed at each call, since it is add's doing: a list is as long as its count says...
    predicate is_counted(struct outstanding *o) =
        o->n <= o->n_added && (\forall integer i; is_out(o, i) ==> o->n > 0);
    // ... and in order, buffers come and go without a gap, the oldest first.
    predicate is_in_a_row(struct outstanding *o) =
        is_counted(o) &&
        (\forall integer i; is_out(o, i) ==> o->n_added - o->n <= o->record[i].number < o->n_added) &&
        (\forall integer i, j; is_out(o, i) && is_out(o, j) &&
            o->record[i].number == o->record[j].number ==> i == j) &&
        (o->n > 0 ==> is_out(o, o->record[o->size].next) &&
            o->record[o->record[o->size].next].number == o->n_added - o->n);
*/

/*@ requires has_records(o);
    assigns \nothing;
    ensures \result == o->record[o->size].next;
*/
static inline unsigned outstanding_first(const struct outstanding *o);

/*@ requires has_records(o) && head <= o->size;
    assigns \nothing;
    ensures \result == o->record[head].next;
*/
static inline unsigned outstanding_next(const struct outstanding *o, unsigned head);

/*@ requires is_a_list(o) && is_out(o, head) && o->n > 0;
    assigns o->n, o->record[head].token, o->record[o->record[head].prev].next,
        o->record[o->record[head].next].prev;
    ensures records: has_records(o);
    ensures back: \forall integer i; 0 <= i <= o->size ==> o->record[i].prev <= o->size;
    ensures on: \forall integer i; 0 <= i <= o->size ==> o->record[i].next <= o->size;
    ensures counted: o->n == \old(o->n) - 1;
    ensures gone: o->record[head].token == \null;
*/
static inline void outstanding_remove(struct outstanding *o, unsigned head);

/*@ predicate is_a_drvq(struct vri_drvq *q) =
        \valid(q) && q->outstanding.size == q->size && is_a_list(&q->outstanding) &&
        \separated(q, q->outstanding.record + (0 .. q->size)) &&
        (q->outstanding_bytes == \null || \valid(q->outstanding_bytes + (0 .. q->size - 1)));
    predicate is_lent(struct vri_drvq *q, integer id) =
        is_out(&q->outstanding, id) && q->outstanding.record[id].number < q->n_published;
    // The last buffer of a batch that was begun has room for the length that the device named.
    predicate is_a_batch(struct vri_drvq *q) =
        q->batch_left <= q->outstanding.n &&
        (\forall integer i; is_out(&q->outstanding, i) && q->batch_left > 0 &&
            q->outstanding.record[i].number ==
                q->outstanding.n_added - q->outstanding.n + q->batch_left - 1 ==>
            q->batch_len <= q->outstanding.record[i].writable_len);
*/

/*@ requires is_a_drvq(q) && id < q->size;
    assigns \nothing;
    ensures \result <==> is_lent(q, id);
*/
static inline bool drvq_is_lent(const struct vri_drvq *q, unsigned id);

/*@ requires is_a_drvq(q) && id < q->size;
    assigns q->outstanding_bytes[id];
*/
static inline void drvq_show_outstanding(struct vri_drvq *q, unsigned id, bool outstanding);

/*@ requires is_a_drvq(q) && is_in_a_row(&q->outstanding) && q->batch_left == 0;
    assigns q->batch_left, q->batch_len;
    ensures wrong: \result != VRI_RULE_NONE ==> q->batch_left == 0;
    ensures right: \result == VRI_RULE_NONE ==> is_lent(q, id) &&
        len <= q->outstanding.record[id].writable_len && 1 <= q->batch_left <= max;
    ensures all: \result == VRI_RULE_NONE ==> q->outstanding.record[id].number ==
        q->outstanding.n_added - q->outstanding.n + q->batch_left - 1;
    ensures batch: is_a_batch(q);
*/
static inline enum vri_rule in_order_begin(struct vri_drvq *q, uint32_t id, uint32_t len,
					   uint32_t max);

/*@ requires is_a_drvq(q) && is_in_a_row(&q->outstanding) && is_a_batch(q) && q->batch_left > 0;
    requires \valid(ret) && \separated(ret, q, q->outstanding.record + (0 .. q->size));
    assigns ret->token, ret->len, q->batch_left, q->outstanding.n, q->outstanding.record[0 .. q->size];
    ensures oldest: \result == \old(q->outstanding.record[q->outstanding.size].next) < q->size;
    ensures token: ret->token == \old(q->outstanding.record[q->outstanding.record[q->outstanding.size].next].token);
    ensures fits: ret->len <=
        \old(q->outstanding.record[q->outstanding.record[q->outstanding.size].next].writable_len);
    ensures kept: is_a_list(&q->outstanding);
    ensures left: q->batch_left == \old(q->batch_left) - 1 && q->outstanding.n == \old(q->outstanding.n) - 1;
*/
static inline unsigned in_order_next(struct vri_drvq *q, struct vri_used *ret);

#endif
