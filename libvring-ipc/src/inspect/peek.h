/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The inspector's only way into a region: copies out of the mapping, every one of them checked
 * against its size. What they return is one read of each byte; it may be older or newer than what
 * the next read returns, and nobody vouches for it.
 */
#ifndef INSPECT_PEEK_H
#define INSPECT_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/shm.h"

struct peek {
	const uint8_t __shm *base;
	uint64_t size;
};

/* Tells whether @len bytes at @offset are inside. Nothing wraps. */
bool peek_has(const struct peek *peek, uint64_t offset, uint64_t len);

/* Copies @len bytes, aligned words of up to 8 bytes in one piece. Returns: false, and zeros, when
 * they are not inside. */
bool peek_copy(const struct peek *peek, uint64_t offset, void *ret, size_t len);

/*
 * Copies until two copies in a row are the same, at most @tries times; @scratch is as large as
 * @ret. Returns: whether they were.
 */
bool peek_stable(const struct peek *peek, uint64_t offset, void *ret, void *scratch, size_t len,
		 unsigned tries);

/* Little-endian words; 0 when they are not inside. */
uint16_t peek_le16(const struct peek *peek, uint64_t offset);
uint32_t peek_le32(const struct peek *peek, uint64_t offset);

/*
 * Makes a text out of @len foreign bytes, up to the first 0: printable ASCII stays, everything else
 * and the backslash become \xNN. What does not fit is left out, never half of an escape.
 */
void peek_escape(char *ret, size_t ret_size, const void *bytes, size_t len);

#endif
