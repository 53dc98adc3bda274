/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Bounded copies and escaped texts. */
#include <string.h>

#include "inspect/peek.h"
#include "test.h"

Test(inspect_peek, copies_any_length_from_any_offset)
{
	_Alignas(8) uint8_t bytes[64];
	struct peek peek = { .base = bytes, .size = sizeof(bytes) };
	uint8_t to[64];
	size_t at, len;

	for (at = 0; at < sizeof(bytes); at++)
		bytes[at] = (uint8_t)(at * 7 + 1);
	for (at = 0; at < sizeof(bytes); at++) {
		for (len = 0; len <= sizeof(bytes) - at; len++) {
			t_true(peek_copy(&peek, at, to, len));
			t_mem_eq(to, bytes + at, len);
		}
	}
}

Test(inspect_peek, gives_zeros_for_what_is_not_inside)
{
	_Alignas(8) uint8_t bytes[16] = { [0 ... 15] = 0xff };
	struct peek peek = { .base = bytes, .size = sizeof(bytes) };
	uint8_t to[4];

	memset(to, 0xee, sizeof(to));
	t_false(peek_copy(&peek, 13, to, sizeof(to)));
	t_mem_eq(to, "\0\0\0\0", 4);
	t_false(peek_copy(&peek, UINT64_MAX - 1, to, sizeof(to)));
	t_false(peek_copy(&peek, 17, to, 0));
	t_true(peek_copy(&peek, 16, to, 0));
	t_eq(peek_le16(&peek, 15), 0);
	t_eq(peek_le32(&peek, 12), 0xffffffffu);
}

/* faults: C21 */
Test(inspect_peek, escape_leaves_no_byte_that_a_terminal_obeys)
{
	uint8_t all[256];
	char text[4 * 256 + 1];
	unsigned i;

	for (i = 0; i < 255; i++)
		all[i] = (uint8_t)(i + 1);
	all[255] = 0;
	peek_escape(text, sizeof(text), all, sizeof(all));
	for (i = 0; text[i]; i++)
		t_true(text[i] >= 0x20 && text[i] < 0x7f);
	t_strstr(text, "\\x1b");
	t_strstr(text, "\\x5c");
	t_strstr(text, "\\xff");
}

Test(inspect_peek, escape_cuts_between_characters)
{
	char text[8];

	peek_escape(text, sizeof(text), "ab\x01\x02", 4);
	t_streq(text, "ab\\x01");
	peek_escape(text, sizeof(text), "abcdefghij", 10);
	t_streq(text, "abcdefg");
	peek_escape(text, 1, "abc", 3);
	t_streq(text, "");
	peek_escape(text, sizeof(text), "abc", 2);
	t_streq(text, "ab");
}
