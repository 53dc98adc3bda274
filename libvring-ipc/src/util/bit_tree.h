/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A set of small numbers with the lowest one found in a few steps: words of bits, words that say which of those are not
 * empty, and so on. */
#ifndef UTIL_BIT_TREE_H
#define UTIL_BIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT_TREE_LEVELS 6 /* 64^6 numbers */
#define BIT_TREE_NONE SIZE_MAX

struct bit_tree {
	uint64_t *level[BIT_TREE_LEVELS]; /* level[0] has a bit for each number */
	unsigned n_levels;
	size_t n; /* numbers are below it */
};

/* An empty set of numbers below @n; 0 is allowed. Returns: 0; -ENOMEM. */
int bit_tree_init(struct bit_tree *tree, size_t n);
void bit_tree_fini(struct bit_tree *tree);

void bit_tree_set(struct bit_tree *tree, size_t i);
void bit_tree_clear(struct bit_tree *tree, size_t i);
/* False for numbers that are not below n. */
bool bit_tree_has(const struct bit_tree *tree, size_t i);

/* The lowest number in the set, or BIT_TREE_NONE. */
size_t bit_tree_first(const struct bit_tree *tree);

#endif
