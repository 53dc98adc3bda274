/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Who wakes whom on a split virtqueue: split_publish(), split_announce(), split_arm() and
 * split_suppress() of both sides, and vri__queue_wait(), on words with store buffers.
 *
 * The driver publishes up to QUEUE buffers in batches of any size, announces now or later, but before
 * it sleeps, collects when it likes, sleeps until the first or the n-th buffer comes back; the device
 * pops, pushes and publishes in batches and announces alike. Without end: indices are counted modulo
 * INDICES, as the real ones are modulo 65536. When both sleep and nobody is woken, a wake-up was lost:
 * an invalid end state.
 *
 * A side that takes less than it sees is one that looked earlier, so here it takes all. That entries
 * arrive with the index is the business of publish.pml.
 *
 * -DEVENT_IDX; -DLEFT_OUT=n for the model without one of the things that make it right.
 */

#ifndef QUEUE
#define QUEUE 2
#endif
#ifndef INDICES
#define INDICES 8
#endif
#ifndef UNANNOUNCED
#define UNANNOUNCED 2 /* so many buffers are announced at the latest */
#endif

#define AVAIL_IDX 0
#define USED_IDX 1
#define DEV_WISH 2 /* used.flags or avail_event */
#define DRV_WISH 3 /* avail.flags or used_event */
#define WORDS 4

#include "memory.pml"

#define I(x) ((x) & (INDICES - 1))

/* vri__notify_event() and vri__notify_flags() */
#ifdef EVENT_IDX
#if LEFT_OUT == RANGE_OF_THE_BATCH
#define IS_WANTED(wish, idx, count) (I((idx) - 1) == (wish))
#else
#define IS_WANTED(wish, idx, count) (I((idx) - (wish) - 1) < (count))
#endif
#else
#define IS_WANTED(wish, idx, count) ((wish) == 0)
#endif

inline notify_if_wanted(side, peer, wish_word, count)
{
	d_step {
		load(side, wish_word, w);
		if
		:: IS_WANTED(w, published, count) -> readable[peer] = 1
		:: else
		fi;
		unannounced = 0;
		w = 0
	}
}

/* n more */
inline publish(side, idx_word)
{
	atomic {
		published = I(published + n);
		unannounced = unannounced + n;
		n = 0;
		store(side, idx_word, published)
	}
}

inline put_wish(side, word, value)
{
	atomic {
		if
		:: wish_shadow != (value) ->
			wish_shadow = value;
			store(side, word, wish_shadow)
		:: else
		fi
	}
}

proctype driver()
{
	byte published, used, unannounced, wish_shadow;
	byte w, n, at;

awake:
	do
	:: atomic {
		I(published - used) < QUEUE && unannounced < UNANNOUNCED ->
		n = 1;
		do
		:: I(published + n - used) < QUEUE -> n++
		:: break
		od
	   };
#if LEFT_OUT == DRV_PUBLISH_BEFORE_WISH
		d_step { load(DRV, DEV_WISH, w) };
		publish(DRV, AVAIL_IDX);
		FENCE(DRV);
		d_step {
			if
			:: IS_WANTED(w, published, unannounced) -> readable[DEV] = 1
			:: else
			fi;
			unannounced = 0;
			w = 0
		}
#else
		publish(DRV, AVAIL_IDX)
#endif
	:: unannounced > 0 -> /* announce */
#if LEFT_OUT != DRV_FENCE_PUBLISHED
		FENCE(DRV);
#endif
#if LEFT_OUT == DRV_UNANNOUNCED
		notify_if_wanted(DRV, DEV, DEV_WISH, 1)
#else
		notify_if_wanted(DRV, DEV, DEV_WISH, unannounced)
#endif
	:: mem[USED_IDX] != used ->
take:
progress:
		atomic {
			n = mem[USED_IDX];
			assert(I(n - used) <= I(published - used));
			used = n;
			n = 0
		}
	:: published != used && unannounced == 0 -> break
	od;

	/* vri__queue_wait() */
	do
	:: true ->
#ifdef EVENT_IDX
		atomic {
			n = 1;
			do
			:: n < I(published - used) -> n++
			:: break
			od
		};
		put_wish(DRV, DRV_WISH, I(used + n - 1));
#else
		n = 1;
		put_wish(DRV, DRV_WISH, 0);
#endif
#if LEFT_OUT != DRV_FENCE_ARMED
		FENCE(DRV);
#endif
#if LEFT_OUT != DRV_SECOND_LOOK
		if
		:: I(mem[USED_IDX] - used) >= n -> goto suppress
		:: else
		fi;
#endif
#if LEFT_OUT == DRV_CLEAR_BEFORE_ARM
		readable[DRV] = 0;
#endif
		n = 0;
		readable[DRV] == 1; /* sleep */
		readable[DRV] = 0;
suppress:
		n = 0;
#ifdef EVENT_IDX
		if
		:: I(wish_shadow - used) < QUEUE -> put_wish(DRV, DRV_WISH, I(used - 1))
		:: else
		fi;
#else
		put_wish(DRV, DRV_WISH, 1);
#endif
		if
		:: mem[USED_IDX] != used -> goto take
		:: else
		fi
	od
}

proctype device()
{
	byte avail, published, unannounced, wish_shadow;
	byte w, n, at;

awake:
	do
	:: mem[AVAIL_IDX] != avail ->
pop:
		atomic {
			n = mem[AVAIL_IDX];
			assert(I(n - avail) <= QUEUE);
			avail = n;
			n = 0
		}
	:: atomic { /* push */
		published != avail && unannounced < UNANNOUNCED ->
		n = 1;
		do
		:: n < I(avail - published) -> n++
		:: break
		od
	   };
#if LEFT_OUT == DEV_PUBLISH_BEFORE_WISH
		d_step { load(DEV, DRV_WISH, w) };
		publish(DEV, USED_IDX);
		FENCE(DEV);
		d_step {
			if
			:: IS_WANTED(w, published, unannounced) -> readable[DRV] = 1
			:: else
			fi;
			unannounced = 0;
			w = 0
		}
#else
		publish(DEV, USED_IDX)
#endif
	:: unannounced > 0 -> /* announce */
#if LEFT_OUT != DEV_FENCE_PUBLISHED
		FENCE(DEV);
#endif
#if LEFT_OUT == DEV_UNANNOUNCED
		notify_if_wanted(DEV, DRV, DRV_WISH, 1)
#else
		notify_if_wanted(DEV, DRV, DRV_WISH, unannounced)
#endif
	/* It may sleep while requests are in flight: what completes them wakes it, too. */
	:: unannounced == 0 -> break
	od;

	/* vri__queue_wait() */
	do
	:: true ->
#ifdef EVENT_IDX
		put_wish(DEV, DEV_WISH, avail);
#else
		put_wish(DEV, DEV_WISH, 0);
#endif
#if LEFT_OUT != DEV_FENCE_ARMED
		FENCE(DEV);
#endif
#if LEFT_OUT != DEV_SECOND_LOOK
		if
		:: mem[AVAIL_IDX] != avail -> goto suppress
		:: else
		fi;
#endif
#if LEFT_OUT == DEV_CLEAR_BEFORE_ARM
		readable[DEV] = 0;
#endif
		if /* sleep */
		:: readable[DEV] == 1 -> readable[DEV] = 0
		:: published != avail -> n = 1; publish(DEV, USED_IDX)
		fi;
suppress:
#ifdef EVENT_IDX
		if
		:: wish_shadow == avail -> put_wish(DEV, DEV_WISH, I(avail - 1))
		:: else
		fi;
#else
		put_wish(DEV, DEV_WISH, 1);
#endif
		if
		:: mem[AVAIL_IDX] != avail -> goto pop
		:: else ->
			if
			:: unannounced > 0 || published != avail -> goto awake
			:: else
			fi
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
