/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What is to be proved of notify.c: for any wish, index and count, the answers that notify.h promises. */
#include "core/notify.c"

/* Taken on trust, since WP's provers know no modulus for it: how a negative difference is converted, as
 * C11, 6.3.1.3 has it. */
/*@ axiomatic Conversion {
      axiom around_the_wrap: \forall integer x; -65536 <= x < 0 ==> (uint16_t)x == x + 65536;
    }
*/

/*
 * An entry is among the last @count when it is k before @idx for a k from 1 to @count, around the
 * wrap of the index or not.
 */
/*@ assigns \nothing;
    ensures all_are_among_so_many: count >= 65536 ==> \result;
    ensures none_is_lost: \forall integer k;
        1 <= k <= count && (event + k == idx || event + k == idx + 65536) ==> \result;
    ensures none_is_needless: \result ==>
        (event < idx ? idx - event <= count : idx + 65536 - event <= count);
*/
bool vri__notify_event(uint16_t event, uint16_t idx, uint32_t count);

/*@ assigns \nothing;
    ensures \result <==> (flags & 1) == 0;
*/
bool vri__notify_flags(uint16_t flags);

/*@ requires 1 <= size <= 32768;
    requires slot < size;
    assigns \nothing;
    ensures \result == (wrap ? slot : slot + size);
    ensures \result < 2 * size;
*/
static unsigned place_on_two_laps(unsigned slot, bool wrap, unsigned size);

/*@ logic integer wish_flags(integer wish) = (wish >> 16) & 3;
    logic integer wish_slot(integer wish) = wish & 0x7fff;
    predicate asks_for_a_place(integer wish, integer event_idx, integer size) =
        wish_flags(wish) == 2 && event_idx != 0 && wish_slot(wish) < size;
    logic integer wish_place(integer wish, integer size) =
        (wish & 0x8000) != 0 ? wish_slot(wish) : wish_slot(wish) + size;
    logic integer place_of(struct packed_place at, integer size) =
        at.wrap ? at.slot : at.slot + size;
*/

/*@ requires 1 <= size <= 32768;
    requires at.slot < size;
    assigns \nothing;
    ensures disabled: wish_flags(wish) == 1 ==> !\result;
    ensures enabled: wish_flags(wish) != 1 && !asks_for_a_place(wish, event_idx ? 1 : 0, size) ==> \result;
    ensures none_is_lost: asks_for_a_place(wish, event_idx ? 1 : 0, size) ==>
        \forall integer k, laps;
            1 <= k <= count &&
            wish_place(wish, size) + k == place_of(at, size) + 2 * size * laps ==> \result;
    ensures none_is_needless: asks_for_a_place(wish, event_idx ? 1 : 0, size) && \result ==>
        (place_of(at, size) > wish_place(wish, size) ?
            place_of(at, size) - wish_place(wish, size) <= count :
            place_of(at, size) + 2 * size - wish_place(wish, size) <= count);
*/
bool vri__notify_packed(uint32_t wish, bool event_idx, unsigned size, struct packed_place at,
			uint32_t count);
