/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Shared words as x86 shows them: each side has a store buffer, first in, first out, that empties at
 * any moment; a load sees the side's own pending stores first; a full fence waits until the buffer is
 * empty. WORDS is how many words there are.
 */

#define DRV 0
#define DEV 1
#define PENDING_MAX 2

byte mem[WORDS];

typedef store_buffer {
	byte n;
	byte word[PENDING_MAX];
	byte value[PENDING_MAX]
};
store_buffer pending[2];

/* What is behind the last entry is zeroed, so that equal buffers are equal states. */
inline store(side, to, what)
{
	d_step {
		pending[side].n < PENDING_MAX;
		pending[side].word[pending[side].n] = to;
		pending[side].value[pending[side].n] = what;
		pending[side].n++
	}
}

/* To be used inside of d_step. */
inline load(side, from, ret)
{
	ret = mem[from];
	at = 0;
	do
	:: at < pending[side].n ->
		if
		:: pending[side].word[at] == from -> ret = pending[side].value[at]
		:: else
		fi;
		at++
	:: else -> break
	od;
	at = 0
}

#define FENCE(side) (pending[side].n == 0)

inline drain_one(side)
{
	d_step {
		pending[side].n > 0;
		mem[pending[side].word[0]] = pending[side].value[0];
		pending[side].n--;
		at = 0;
		do
		:: at < pending[side].n ->
			pending[side].word[at] = pending[side].word[at + 1];
			pending[side].value[at] = pending[side].value[at + 1];
			at++
		:: else -> break
		od;
		pending[side].word[at] = 0;
		pending[side].value[at] = 0;
		at = 0
	}
}

/* A notifier that was written to and not cleared since: an eventfd or a pipe, readable or not. */
bool readable[2];

/* What was left out, to see whether the model finds it. */
#ifndef LEFT_OUT
#define LEFT_OUT 0
#endif
#define DRV_FENCE_PUBLISHED 1
#define DEV_FENCE_ARMED 2
#define DEV_FENCE_PUBLISHED 3
#define DRV_FENCE_ARMED 4
#define DEV_SECOND_LOOK 5
#define DRV_SECOND_LOOK 6
#define DEV_CLEAR_BEFORE_ARM 7
#define DRV_CLEAR_BEFORE_ARM 8
#define DRV_UNANNOUNCED 9
#define DEV_UNANNOUNCED 10
#define DRV_PUBLISH_BEFORE_WISH 11
#define DEV_PUBLISH_BEFORE_WISH 12
#define RANGE_OF_THE_BATCH 13
#define WRAP_OF_THE_EVENT 14
#define FIRST_FLAGS_LAST 15
