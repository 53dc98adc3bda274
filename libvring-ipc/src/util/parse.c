/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Bounded memory and checked texts for parsers. */
#include "util/parse.h"

#include <stdlib.h>
#include <string.h>

void *parse_alloc(void *budget, size_t size)
{
	struct parse_budget *b = budget;

	if (size > b->left)
		return NULL;
	b->left -= size;
	return malloc(size ? size : 1);
}

void parse_free(void *budget, void *pointer)
{
	free(pointer);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

bool parse_text(char *ret, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size || (len && !is_printable(text)))
		return false;
	memset(ret, 0, size);
	if (len)
		memcpy(ret, text, len + 1);
	return true;
}
