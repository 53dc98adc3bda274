/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What arrives with an index or with a packed descriptor's flags, on a machine that keeps no order
 * but the one that release and acquire ask for: stores become visible in any order, save that a
 * release comes after all that were before it; a load may be done before an earlier one, save that
 * none is done before an acquire that precedes it.
 *
 * The driver writes a body (descriptor, entry, payload) and publishes; the device looks, reads the
 * body, writes an answer over it and publishes; the driver looks, reads the answer, and begins again
 * with the next lap. A body that is not that of its lap is an assertion violation.
 *
 * -DPACKED: the word that publishes is the slot's own flags, of which only the first of a batch is a
 * release. -DLEFT_OUT=n: one order is relaxed.
 */

#ifndef LEFT_OUT
#define LEFT_OUT 0
#endif
#define DRV_RELEASE 21
#define DEV_ACQUIRE 22
#define DEV_RELEASE 23
#define DRV_ACQUIRE 24

#define QUEUE 2
#define LAPS 4 /* laps are counted modulo this */

#define DRV 0
#define DEV 1

/* Words: bodies, then split: avail.idx and used.idx; packed: flags. */
#define BODY(slot) (slot)
#define AVAIL_IDX QUEUE
#define USED_IDX (QUEUE + 1)
#define FLAGS(slot) (QUEUE + (slot))
#define WORDS (2 * QUEUE)

/* A body says who wrote it in which lap. */
#define REQUEST 1
#define ANSWER 2
#define CONTENT(kind, lap) ((kind) + 2 * (lap))
/* AVAIL and USED: differ in an available descriptor, the same in a used one; turned round each lap. */
#define BITS(kind, lap) ((2 * (kind) - 1) ^ (3 * ((lap) & 1)))

byte mem[WORDS];

#define PENDING_MAX 4
#define RELEASE 128
typedef store_buffer {
	byte n;
	byte word[PENDING_MAX];
	byte value[PENDING_MAX]
};
store_buffer pending[2];

inline store(side, to, what)
{
	d_step {
		pending[side].n < PENDING_MAX;
		pending[side].word[pending[side].n] = to;
		pending[side].value[pending[side].n] = what;
		pending[side].n++
	}
}

/* A side's own pending stores come first; the latest of them last. */
inline load(side, from, ret)
{
	ret = mem[from];
	at = 0;
	do
	:: at < pending[side].n ->
		if
		:: (pending[side].word[at] & 127) == from -> ret = pending[side].value[at]
		:: else
		fi;
		at++
	:: else -> break
	od;
	at = 0
}

/* Entry k becomes visible: it is the first, or no release, and nothing before it is to the same word. */
proctype drain(byte side)
{
	byte k, at;
	bool may;

end:
	do
	:: pending[side].n > 0 -> atomic {
		k = 0;
		do
		:: k + 1 < pending[side].n -> k++
		:: break
		od;
		d_step {
			may = (k == 0 || (pending[side].word[k] & RELEASE) == 0);
			at = 0;
			do
			:: at < k ->
				if
				:: (pending[side].word[at] & 127) == (pending[side].word[k] & 127) -> may = 0
				:: else
				fi;
				at++
			:: else -> break
			od;
			if
			:: may ->
				mem[pending[side].word[k] & 127] = pending[side].value[k];
				pending[side].n--;
				at = k;
				do
				:: at < pending[side].n ->
					pending[side].word[at] = pending[side].word[at + 1];
					pending[side].value[at] = pending[side].value[at + 1];
					at++
				:: else -> break
				od;
				pending[side].word[at] = 0;
				pending[side].value[at] = 0
			:: else
			fi;
			k = 0;
			at = 0;
			may = 0
		}
	   }
	od
}

/* A look that acquires nothing: the body may have been loaded before it, and the machine uses that
 * copy or a newer one. */
#if LEFT_OUT == DEV_ACQUIRE
#define DEV_EARLY 1
#else
#define DEV_EARLY 0
#endif
#if LEFT_OUT == DRV_ACQUIRE
#define DRV_EARLY 1
#else
#define DRV_EARLY 0
#endif
#if LEFT_OUT == DRV_RELEASE
#define DRV_ORDER 0
#else
#define DRV_ORDER RELEASE
#endif
#if LEFT_OUT == DEV_RELEASE
#define DEV_ORDER 0
#else
#define DEV_ORDER RELEASE
#endif

/* Whether the other side has published position pos. */
#ifdef PACKED
#define PUBLISHED(side, idx_word, pos, flags) load(side, FLAGS((pos) % QUEUE), w); is_there = (w == (flags))
#else
#define PUBLISHED(side, idx_word, pos, flags) load(side, idx_word, w); is_there = (w != (pos))
#endif

#define POSITIONS (QUEUE * LAPS)
#define LAP(pos) ((pos) / QUEUE)
#define SLOT(pos) ((pos) % QUEUE)
#define ON(pos, n) (((pos) + (n)) % POSITIONS)

/* Stores n bodies from position pos on, and publishes them. Packed: flags behind the first are
 * relaxed stores before the first's. */
inline publish(side, idx_word, pos, kind, order)
{
	i = 0;
	do
	:: i < n -> store(side, BODY(SLOT(ON(pos, i))), CONTENT(kind, LAP(ON(pos, i)))); i++
	:: else -> break
	od;
#ifdef PACKED
	i = 1;
	do
	:: i < n -> store(side, FLAGS(SLOT(ON(pos, i))), BITS(kind, LAP(ON(pos, i)))); i++
	:: else -> break
	od;
	store(side, FLAGS(SLOT(pos)) | order, BITS(kind, LAP(pos)));
#else
	store(side, idx_word | order, ON(pos, n));
#endif
	i = 0
}

proctype driver()
{
	byte next, used; /* positions */
	byte n, i, w, early, body, at;
	bool is_there;

	do
	:: (next + POSITIONS - used) % POSITIONS < QUEUE -> atomic {
		n = 1;
		do
		:: (next + n + POSITIONS - used) % POSITIONS < QUEUE -> n++
		:: break
		od;
		publish(DRV, AVAIL_IDX, next, REQUEST, DRV_ORDER);
		next = ON(next, n);
		n = 0
	   }
	:: next != used ->
#if DRV_EARLY
		d_step { load(DRV, BODY(SLOT(used)), early) };
#endif
		d_step { PUBLISHED(DRV, USED_IDX, used, BITS(ANSWER, LAP(used))); w = 0 };
		if
		:: is_there ->
			is_there = 0;
			if
			:: d_step { load(DRV, BODY(SLOT(used)), body) }
#if DRV_EARLY
			:: body = early
#endif
			fi;
			d_step {
				assert(body == CONTENT(ANSWER, LAP(used)));
				body = 0;
				early = 0;
				used = ON(used, 1)
			}
		:: else -> early = 0
		fi
	od
}

proctype device()
{
	byte next, used; /* positions */
	byte n, i, w, early, body, at;
	bool is_there;

	do
	:: (next + POSITIONS - used) % POSITIONS < QUEUE ->
#if DEV_EARLY
		d_step { load(DEV, BODY(SLOT(next)), early) };
#endif
		d_step { PUBLISHED(DEV, AVAIL_IDX, next, BITS(REQUEST, LAP(next))); w = 0 };
		if
		:: is_there ->
			is_there = 0;
			if
			:: d_step { load(DEV, BODY(SLOT(next)), body) }
#if DEV_EARLY
			:: body = early
#endif
			fi;
			d_step {
				assert(body == CONTENT(REQUEST, LAP(next)));
				body = 0;
				early = 0;
				next = ON(next, 1)
			}
		:: else -> early = 0
		fi
	:: next != used -> atomic {
		n = 1;
		do
		:: n < (next + POSITIONS - used) % POSITIONS -> n++
		:: break
		od;
		publish(DEV, USED_IDX, used, ANSWER, DEV_ORDER);
		used = ON(used, n);
		n = 0
	   }
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
