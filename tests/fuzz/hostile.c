/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The peer's rewrites, and when they are due. */
#include "hostile.h"

#include <endian.h>
#include <string.h>

#include "hostile_access.h"

static struct rewrite {
	unsigned due; /* loads from the last move on */
	unsigned width;
	void *at;
	uint64_t value;
} waiting[HOSTILE_MAX];
static unsigned n_waiting;
static unsigned counted_from; /* what hostile_loads_left was set to by the last move */

unsigned hostile_loads_left;

void hostile_write(void *at, unsigned width, uint64_t value)
{
	uint64_t word = htole64(value);

	/* As a peer's processor would: a word at once. */
	if (width == 8 && (uintptr_t)at % 8 == 0)
		__atomic_store_n((uint64_t *)at, word, __ATOMIC_RELAXED);
	else if (width == 4 && (uintptr_t)at % 4 == 0)
		__atomic_store_n((uint32_t *)at, htole32((uint32_t)value), __ATOMIC_RELAXED);
	else if (width == 2)
		__atomic_store_n((uint16_t *)at, htole16((uint16_t)value), __ATOMIC_RELAXED);
	else
		memcpy(at, &word, width);
}

/* The countdown goes to the rewrite that is due next. */
static void set_countdown(void)
{
	unsigned next = 0;

	for (unsigned i = 0; i < n_waiting; i++)
		if (next == 0 || waiting[i].due < next)
			next = waiting[i].due;
	hostile_loads_left = counted_from = next;
}

/* Counts the loads that were done since the last move. */
static void settle(void)
{
	unsigned done = counted_from - hostile_loads_left;

	for (unsigned i = 0; i < n_waiting; i++)
		waiting[i].due -= done;
	counted_from = hostile_loads_left;
}

void hostile_reset(void)
{
	n_waiting = 0;
	set_countdown();
}

void hostile_write_later(unsigned loads, void *at, unsigned width, uint64_t value)
{
	if (n_waiting == HOSTILE_MAX || loads == 0)
		return;
	settle();
	waiting[n_waiting++] =
		(struct rewrite){ .due = loads, .width = width, .at = at, .value = value };
	set_countdown();
}

bool hostile_waits(void)
{
	return n_waiting > 0;
}

void hostile_peer_moves(void)
{
	unsigned kept = 0;

	settle();
	for (unsigned i = 0; i < n_waiting; i++) {
		if (waiting[i].due == 0)
			hostile_write(waiting[i].at, waiting[i].width, waiting[i].value);
		else
			waiting[kept++] = waiting[i];
	}
	n_waiting = kept;
	set_countdown();
}

/* ---- time ---- */

static uint64_t now_ns = 1000000000;

uint64_t hostile_clock_ns(void)
{
	return now_ns;
}

int hostile_nanosleep(const struct timespec *pause, struct timespec *ret_left)
{
	hostile_time_passes((uint64_t)pause->tv_sec * 1000000000u + (uint64_t)pause->tv_nsec);
	return 0;
}

void hostile_time_passes(uint64_t ns)
{
	now_ns += ns;
}
