/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Who wakes whom on a packed virtqueue: packed_publish(), packed_announce(), packed_arm() and
 * packed_suppress() of both sides, and vri__queue_wait(), on words with store buffers.
 *
 * As split.pml, but lists of one or two descriptors, completed in any order; the flags of the first
 * of a batch are stored last; a wish is one word, ENABLE, DISABLE or a place. QUEUE should be no power
 * of two.
 *
 * A descriptor is one word here: AVAIL, USED, and LONG for a list of two; in a used descriptor LONG
 * stands for what the driver's record of the buffer id says. That the body of a descriptor arrives
 * with its flags is the business of publish.pml.
 *
 * -DEVENT_IDX; -DLEFT_OUT=n for the model without one of the things that make it right.
 */

#ifndef QUEUE
#define QUEUE 3
#endif
#ifndef UNANNOUNCED
#define UNANNOUNCED 1 /* when so many descriptors are, nothing is published before an announcement */
#endif

/* Words 0 to QUEUE - 1 are the descriptors. */
#define DEV_WISH QUEUE
#define DRV_WISH (QUEUE + 1)
#define WORDS (QUEUE + 2)

#include "memory.pml"

#define AVAIL 1
#define USED 2
#define BOTH 3
#define LONG 4

/* Wishes. A place is the slot and the wrap counter. */
#define ENABLE 0
#define DISABLE 32
#define AT(slot, bits) (64 | ((bits) & AVAIL) << 4 | (slot))
#define WISH_SLOT(w) ((w) & 15)
#define WISH_LAP(w) (((w) & 16) != 0 -> 0 : QUEUE)

/* place_on_two_laps() */
#if LEFT_OUT == WRAP_OF_THE_EVENT
#define PLACE(slot, bits) (slot)
#define EVENT(w) WISH_SLOT(w)
#else
#define PLACE(slot, bits) ((slot) + (((bits) & AVAIL) != 0 -> 0 : QUEUE))
#define EVENT(w) (WISH_SLOT(w) + WISH_LAP(w))
#endif

#if LEFT_OUT == RANGE_OF_THE_BATCH
#define IS_IN_RANGE(count) (n == 0)
#else
#define IS_IN_RANGE(count) (n < (count))
#endif

/* In the bits of an available descriptor AVAIL is the wrap counter and USED is not; in those of a
 * used one both are. */
inline advance(slot_, bits_, by)
{
	slot_ = slot_ + (by);
	if
	:: slot_ >= QUEUE -> slot_ = slot_ - QUEUE; bits_ = bits_ ^ BOTH
	:: else
	fi
}

/* vri__notify_packed() for the wish in w and the next place of this side. */
inline notify_if_wanted(peer, slot_, bits_)
{
	if
	:: w == DISABLE
	:: w == ENABLE -> readable[peer] = 1
	:: else ->
		n = (PLACE(slot_, bits_) > EVENT(w) -> PLACE(slot_, bits_) - EVENT(w) - 1 :
						       PLACE(slot_, bits_) + 2 * QUEUE - EVENT(w) - 1);
		if
		:: IS_IN_RANGE(unannounced) -> readable[peer] = 1
		:: else
		fi
	fi;
	unannounced = 0;
	n = 0;
	w = 0
}

inline put_wish(side, word_, value_)
{
	atomic {
		if
		:: wish_shadow != (value_) ->
			wish_shadow = value_;
			store(side, word_, wish_shadow)
		:: else
		fi
	}
}

#define IS_AT(slot, bits) ((mem[slot] & BOTH) == (bits))

proctype driver()
{
	byte slot, used_slot;
	byte bits = AVAIL, used = BOTH;
	byte n_short, n_long; /* lists that are lent */
	byte unannounced, wish_shadow;
	byte first, first_slot; /* of the batch: stored last */
	byte w, n, at;
	bool staged;

awake:
	do
	:: atomic {
		n_short + 2 * n_long < QUEUE && unannounced < UNANNOUNCED ->
add:
		if
		:: n_short++; n = 1; w = bits
		:: n_short + 2 * n_long + 2 <= QUEUE ->
			n_long++;
			n = 2;
#if LEFT_OUT == FIRST_FLAGS_LAST
			store(DRV, slot, bits | LONG);
#endif
			/* The second one's flags first. */
			if
			:: slot + 1 < QUEUE -> store(DRV, slot + 1, bits)
			:: else -> store(DRV, 0, bits ^ BOTH)
			fi;
			w = bits | LONG
		fi;
		if
		:: staged -> store(DRV, slot, w)
		:: else -> staged = 1; first = w; first_slot = slot
		fi;
		w = 0;
		unannounced = unannounced + n;
		advance(slot, bits, n);
		n = 0;
		if
		:: n_short + 2 * n_long < QUEUE -> goto add
		:: true
		fi;
#if LEFT_OUT == DRV_PUBLISH_BEFORE_WISH
		load(DRV, DEV_WISH, w);
#endif
		store(DRV, first_slot, first); /* publish */
		staged = 0;
		first = 0;
		first_slot = 0
	   };
#if LEFT_OUT == DRV_PUBLISH_BEFORE_WISH
		FENCE(DRV);
		d_step { notify_if_wanted(DEV, slot, bits) }
#endif
	:: unannounced > 0 -> /* announce */
#if LEFT_OUT != DRV_FENCE_PUBLISHED
		FENCE(DRV);
#endif
		d_step {
			load(DRV, DEV_WISH, w);
#if LEFT_OUT == DRV_UNANNOUNCED
			unannounced = 1;
#endif
			notify_if_wanted(DEV, slot, bits)
		}
	:: IS_AT(used_slot, used) ->
take:
progress:
		atomic {
			load(DRV, used_slot, w);
			assert((w & BOTH) == used);
			if
			:: (w & LONG) != 0 -> assert(n_long > 0); n_long--; n = 2
			:: else -> assert(n_short > 0); n_short--; n = 1
			fi;
			advance(used_slot, used, n);
			n = 0;
			w = 0
		}
	:: n_short + n_long > 0 && unannounced == 0 -> break
	od;

	/* vri__queue_wait(), or after vri_drvq_arm_after(): so many lists, times the shortest. */
	do
	:: true ->
#ifdef EVENT_IDX
		atomic {
			n = 0; /* how far ahead */
			do
			:: n + 1 < n_short + n_long -> n++
			:: break
			od;
			if
			:: n_short == 0 -> n = 2 * n
			:: else
			fi;
			first_slot = used_slot;
			first = used;
			advance(first_slot, first, n);
			put_wish(DRV, DRV_WISH, AT(first_slot, first));
			first = 0;
			first_slot = 0
		};
#else
		put_wish(DRV, DRV_WISH, ENABLE);
#endif
#if LEFT_OUT != DRV_FENCE_ARMED
		FENCE(DRV);
#endif
#if LEFT_OUT != DRV_SECOND_LOOK
		/* has_used_past(). In one step: used descriptors do not change before they are taken. */
		atomic {
			first_slot = used_slot;
			first = used;
			do
			:: IS_AT(first_slot, first) ->
				w = ((mem[first_slot] & LONG) != 0 -> 2 : 1);
				if
				:: n < w -> n = 0; w = 0; first = 0; first_slot = 0; goto suppress
				:: else -> n = n - w; advance(first_slot, first, w)
				fi
			:: else -> break
			od;
			first = 0;
			first_slot = 0;
			w = 0;
			n = 0
		};
#endif
		n = 0;
#if LEFT_OUT == DRV_CLEAR_BEFORE_ARM
		readable[DRV] = 0;
#endif
		readable[DRV] == 1; /* sleep */
		readable[DRV] = 0;
suppress:
		put_wish(DRV, DRV_WISH, DISABLE);
		if
		:: IS_AT(used_slot, used) -> goto take
		:: else
		fi
	od
}

proctype device()
{
	byte slot, used_slot;
	byte bits = AVAIL, used = BOTH;
	byte n_short, n_long; /* lists in flight */
	byte unannounced, wish_shadow;
	byte first, first_slot; /* of the batch: stored last */
	byte w, n, at;
	bool staged;

awake:
	do
	:: IS_AT(slot, bits) ->
pop:
		atomic {
			load(DEV, slot, w);
			assert((w & BOTH) == bits);
			if
			:: (w & LONG) != 0 ->
				n_long++;
				n = 2;
				if
				:: slot + 1 < QUEUE -> assert(IS_AT(slot + 1, bits))
				:: else -> assert(IS_AT(0, bits ^ BOTH))
				fi
			:: else -> n_short++; n = 1
			fi;
			assert(n_short + 2 * n_long <= QUEUE);
			advance(slot, bits, n);
			n = 0;
			w = 0
		}
	:: atomic {
		n_short + n_long > 0 && unannounced < UNANNOUNCED ->
push:
		if
		:: n_short > 0 -> n_short--; n = 1; w = used
		:: n_long > 0 -> n_long--; n = 2; w = used | LONG
		fi;
		if
		:: staged -> store(DEV, used_slot, w)
		:: else -> staged = 1; first = w; first_slot = used_slot
		fi;
		w = 0;
		unannounced = unannounced + n;
		advance(used_slot, used, n);
		n = 0;
		if
		:: n_short + n_long > 0 -> goto push
		:: true
		fi;
#if LEFT_OUT == DEV_PUBLISH_BEFORE_WISH
		load(DEV, DRV_WISH, w);
#endif
		store(DEV, first_slot, first); /* publish */
		staged = 0;
		first = 0;
		first_slot = 0
	   };
#if LEFT_OUT == DEV_PUBLISH_BEFORE_WISH
		FENCE(DEV);
		d_step { notify_if_wanted(DRV, used_slot, used) }
#endif
	:: unannounced > 0 -> /* announce */
#if LEFT_OUT != DEV_FENCE_PUBLISHED
		FENCE(DEV);
#endif
		d_step {
			load(DEV, DRV_WISH, w);
#if LEFT_OUT == DEV_UNANNOUNCED
			unannounced = 1;
#endif
			notify_if_wanted(DRV, used_slot, used)
		}
	/* It may sleep while requests are in flight: what completes them wakes it, too. */
	:: unannounced == 0 -> break
	od;

	/* vri__queue_wait() */
	do
	:: true ->
#ifdef EVENT_IDX
		put_wish(DEV, DEV_WISH, AT(slot, bits));
#else
		put_wish(DEV, DEV_WISH, ENABLE);
#endif
#if LEFT_OUT != DEV_FENCE_ARMED
		FENCE(DEV);
#endif
#if LEFT_OUT != DEV_SECOND_LOOK
		if
		:: IS_AT(slot, bits) -> goto suppress
		:: else
		fi;
#endif
#if LEFT_OUT == DEV_CLEAR_BEFORE_ARM
		readable[DEV] = 0;
#endif
		if /* sleep */
		:: readable[DEV] == 1 -> readable[DEV] = 0
		:: n_short + n_long > 0 -> put_wish(DEV, DEV_WISH, DISABLE); goto push
		fi;
suppress:
		put_wish(DEV, DEV_WISH, DISABLE);
		if
		:: IS_AT(slot, bits) -> goto pop
		:: else
		fi
	od
}

proctype drain(byte side)
{
	byte at;

end:
	do
	:: drain_one(side)
	od
}

init
{
	atomic {
		run driver();
		run device();
		run drain(DRV);
		run drain(DEV)
	}
}
