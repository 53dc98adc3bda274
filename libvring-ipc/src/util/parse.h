/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the parsers of peers' messages share: memory that is bounded, texts that are checked. */
#ifndef UTIL_PARSE_H
#define UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

/* What taking one message apart may still allocate: counted and never handed back, so that a packet which makes the
 * parser allocate and free in turns is bounded too. */
struct parse_budget {
	size_t left;
};

/* The two functions of protobuf-c's allocator, whose data is a struct parse_budget. */
void *parse_alloc(void *budget, size_t size);
void parse_free(void *budget, void *pointer);

/* Copies a text (NULL: an empty one) and fills the rest of @size bytes with zeros. Returns: false when it is too long
 * or not printable ASCII. */
bool parse_text(char *ret, size_t size, const char *text);

#endif
