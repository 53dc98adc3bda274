/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile chains in large numbers: what walks_make.c makes, and walks.c has walked and judges. */
#ifndef TESTS_WALKS_H
#define TESTS_WALKS_H

#include <stdbool.h>
#include <stdint.h>

#include <vring-ipc/virtqueue.h>

#include "check.h"
#include "core/chain.h"
#include "core/packed_chain.h"

#define WALK_SIZE_MOST 64u
#define WALK_PIECES_MOST (WALK_SIZE_MOST + 8u)

/* What a walk ends with: a rule; VRI_RULE_NONE for a valid chain; or one of these. */
enum {
	WALK_NO_ROOM =
		VRI_RULE_COUNT, /* valid, but with more pieces than the caller has room for */
	WALK_CLASSES,
	WALK_ANY = WALK_CLASSES, /* nobody knows: random words */
};

/* A chain, ready to be walked. */
struct walk_case {
	unsigned meant; /* to end with; WALK_ANY */
	bool packed, with_table;
	struct chain_source source;
	unsigned head; /* packed: the buffer id */
	unsigned n_slots; /* packed: of the list */
	struct packed_list list; /* packed */
	unsigned iov_max;

	/* The pieces that are not empty, in their order: as they have to come out if the chain is valid
	 * and stays as it is. */
	unsigned n_pieces;
	unsigned n_readable;
	struct iovec piece[WALK_PIECES_MOST];

	/* Its descriptors, for a peer that rewrites them. */
	unsigned n_descs;
	uint8_t *desc[WALK_PIECES_MOST];
};

/* Makes the memory; everything that is allocated has exactly its size. Once a process. */
void walks_init(uint64_t seed);
void walks_fini(void);

/* Makes a chain that ends with @meant. Returns: the same object each time. */
struct walk_case *walks_make(unsigned meant);

/* One random change of one of its words. Returns: whether the word is another now. */
bool walks_rewrite(const struct walk_case *c);

/* Where pieces may lie. */
extern struct range walk_ranges[];
extern const unsigned walk_n_ranges;

/* ---- chance ---- */

extern uint64_t walk_random_state;

/* splitmix64 */
static inline uint64_t walk_random(void)
{
	uint64_t z = (walk_random_state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned walk_below(unsigned limit)
{
	return (unsigned)((walk_random() >> 32) * limit >> 32);
}

#endif
