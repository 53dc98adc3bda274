/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Bit trees with 64 branches at each node. */
#include "util/bit_tree.h"

#include <errno.h>
#include <stdlib.h>

static size_t words_of(size_t bits)
{
	return bits / 64 + (bits % 64 != 0);
}

int bit_tree_init(struct bit_tree *tree, size_t n)
{
	size_t words = n;

	*tree = (struct bit_tree){ .n = n };
	while (words > 1 || tree->n_levels == 0) {
		words = words_of(words);
		/* -Wanalyzer-malloc-leak: it is the caller's, in *tree, which gcc 12 loses sight of */
		tree->level[tree->n_levels] = calloc(words ? words : 1, sizeof(uint64_t));
		if (!tree->level[tree->n_levels]) {
			bit_tree_fini(tree);
			return -ENOMEM;
		}
		tree->n_levels++;
	}
	return 0;
}

void bit_tree_fini(struct bit_tree *tree)
{
	for (unsigned l = 0; l < tree->n_levels; l++)
		free(tree->level[l]);
	*tree = (struct bit_tree){ 0 };
}

void bit_tree_set(struct bit_tree *tree, size_t i)
{
	for (unsigned l = 0; l < tree->n_levels; l++, i /= 64) {
		uint64_t *word = &tree->level[l][i / 64];
		bool was_empty = *word == 0;

		*word |= UINT64_C(1) << i % 64;
		if (!was_empty)
			return;
	}
}

void bit_tree_clear(struct bit_tree *tree, size_t i)
{
	for (unsigned l = 0; l < tree->n_levels; l++, i /= 64) {
		uint64_t *word = &tree->level[l][i / 64];

		*word &= ~(UINT64_C(1) << i % 64);
		if (*word)
			return;
	}
}

bool bit_tree_has(const struct bit_tree *tree, size_t i)
{
	return i < tree->n && (tree->level[0][i / 64] >> i % 64 & 1);
}

size_t bit_tree_first(const struct bit_tree *tree)
{
	size_t i = 0;

	for (unsigned l = tree->n_levels; l-- > 0;) {
		uint64_t word = tree->level[l][i];

		if (!word)
			return BIT_TREE_NONE;
		i = i * 64 + (size_t)__builtin_ctzll(word);
	}
	return i;
}
