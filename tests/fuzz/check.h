/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the fuzzers share: the bytes of an input, what has to hold, and memory that a descriptor may name. */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer and replay.c call this. Returns: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A finding, if @what is not true. */
#define MUST(what)                                                                           \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                             \
		}                                                                            \
	} while (0)

/* ---- the input, which is a program of the fuzzer's ---- */

struct input {
	const uint8_t *at;
	size_t left;
};

/* The next byte; 0 behind the end. */
static inline uint8_t take8(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint16_t take16(struct input *in)
{
	uint16_t low = take8(in);

	return (uint16_t)(low | take8(in) << 8);
}

static inline uint32_t take32(struct input *in)
{
	uint32_t low = take16(in);

	return low | (uint32_t)take16(in) << 16;
}

static inline uint64_t take64(struct input *in)
{
	uint64_t low = take32(in);

	return low | (uint64_t)take32(in) << 32;
}

/* ---- where pieces may lie, as the harness knows it, without the library's memory table ---- */

struct range {
	const uint8_t *base;
	size_t size;
	unsigned access; /* enum vri_access */
};

/* Tells whether the @len bytes at @at, at least one, are all in one of @n ranges that allows @access. */
static inline bool in_ranges(const struct range *ranges, unsigned n, const void *at, size_t len,
			     unsigned access)
{
	for (unsigned i = 0; i < n; i++) {
		uintptr_t offset = (uintptr_t)at - (uintptr_t)ranges[i].base;

		if ((uintptr_t)at >= (uintptr_t)ranges[i].base && offset < ranges[i].size &&
		    len <= ranges[i].size - offset)
			return len > 0 && (ranges[i].access & access) == access;
	}
	return false;
}

#endif
