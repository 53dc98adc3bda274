/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What is proved of the steps of the driver's reading of used entries, in in_order.h, outstanding.h, drvq.h and split_drv.c:
 * whatever the device writes, a batch begins only when its id is outstanding, its length fits and it is as long as what the
 * device has used, and none of the steps reads or writes outside of the private arrays.
 */
#include "used_memory.h"

/*@ axiomatic Bits {
      axiom masked: \forall integer x, m; 0 <= x && 0 <= m ==>
          0 <= (x & m) <= m && (x & m) <= x;
      // How far a descriptor is from the end of its chain: each chain that is out has one, as add made it.
      logic integer to_the_end(integer desc);
      predicate is_in_a_chain(integer desc);
    }

    predicate chains_end(struct ring_desc *shadow, integer size) =
        \forall integer d; 0 <= d < size && is_in_a_chain(d) && (flags_of(shadow[d].rest) & 1) != 0 ==>
            0 <= next_of(shadow[d].rest) < size && is_in_a_chain(next_of(shadow[d].rest)) &&
            0 <= to_the_end(next_of(shadow[d].rest)) < to_the_end(d) < size;

    predicate is_split(struct vri_drvq *q) =
        is_a_drvq(q) && q->mask == q->size - 1 && q->split.free_last < q->size &&
        \valid(q->split.free_ring + (0 .. q->size - 1)) &&
        \valid_read(q->split.used_ring + (0 .. 2 * q->size - 1)) &&
        \valid_read(q->split.used_idx_word) &&
        \valid_read(q->split.desc_shadow + (0 .. q->size - 1)) &&
        \separated(q, q->split.free_ring + (0 .. q->size - 1), q->outstanding.record + (0 .. q->size)) &&
        \separated(q, q->outstanding_bytes + (0 .. q->size - 1)) &&
        chains_end(q->split.desc_shadow, q->size) &&
        (\forall integer i; is_out(&q->outstanding, i) ==>
            is_in_a_chain(i) && 0 <= to_the_end(i) < q->size);
*/

/*@ requires is_split(q) && id < q->size;
    assigns \nothing;
    ensures \result == VRI_RULE_USED_ID || \result == VRI_RULE_USED_NOT_LENT;
*/
static enum vri_rule why_not_lent(const struct vri_drvq *q, unsigned id);

#include "core/split_drv.c"
