/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Bounded copies out of a live, possibly hostile region. */
#include "inspect/peek.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

bool peek_has(const struct peek *peek, uint64_t offset, uint64_t len)
{
	return offset <= peek->size && len <= peek->size - offset;
}

/*
 * Loads the largest aligned word that stands at @from and fits into @len; returns its size. Honest
 * writers store these words whole, so a counter is never half of an old one.
 *
 * Acquire: what is loaded later is not older, so a second look that finds the same proves what was
 * read in between; and it pairs with the releases that publish avail.idx (split_drv.c), used.idx
 * (split_dev.c), the flags of packed descriptors (packed_drv.c, packed_dev.c) and the config
 * generation (config.c).
 */
static size_t load_word(const uint8_t __shm *from, uint8_t *to, size_t len)
{
	uintptr_t at = (uintptr_t)from;

	if (len >= 8 && at % 8 == 0) {
		uint64_t word = shm_load((const uint64_t __shm *)from, __ATOMIC_ACQUIRE);

		memcpy(to, &word, sizeof(word));
		return sizeof(word);
	}
	if (len >= 4 && at % 4 == 0) {
		uint32_t word = shm_load((const uint32_t __shm *)from, __ATOMIC_ACQUIRE);

		memcpy(to, &word, sizeof(word));
		return sizeof(word);
	}
	if (len >= 2 && at % 2 == 0) {
		uint16_t word = shm_load((const uint16_t __shm *)from, __ATOMIC_ACQUIRE);

		memcpy(to, &word, sizeof(word));
		return sizeof(word);
	}
	*to = shm_load(from, __ATOMIC_ACQUIRE);
	return 1;
}

bool peek_copy(const struct peek *peek, uint64_t offset, void *ret, size_t len)
{
	const uint8_t __shm *from;
	uint8_t *to = ret;

	if (!peek_has(peek, offset, len)) {
		memset(ret, 0, len);
		return false;
	}
	from = peek->base + offset;
	while (len) {
		size_t n = load_word(from, to, len);

		from += n;
		to += n;
		len -= n;
	}
	return true;
}

bool peek_stable(const struct peek *peek, uint64_t offset, void *ret, void *scratch, size_t len,
		 unsigned tries)
{
	/* Second look: two that are the same are what is asked for. */
	peek_copy(peek, offset, ret, len);
	while (tries--) {
		peek_copy(peek, offset, scratch, len);
		if (memcmp(ret, scratch, len) == 0)
			return true;
		memcpy(ret, scratch, len);
	}
	return false;
}

uint16_t peek_le16(const struct peek *peek, uint64_t offset)
{
	uint16_t word;

	peek_copy(peek, offset, &word, sizeof(word));
	return le16toh(word);
}

uint32_t peek_le32(const struct peek *peek, uint64_t offset)
{
	uint32_t word;

	peek_copy(peek, offset, &word, sizeof(word));
	return le32toh(word);
}

void peek_escape(char *ret, size_t ret_size, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t at = 0;
	size_t i;

	for (i = 0; i < len && from[i]; i++) {
		bool plain = from[i] >= 0x20 && from[i] < 0x7f && from[i] != '\\';

		if (at + (plain ? 1 : 4) >= ret_size)
			break;
		if (plain)
			ret[at++] = (char)from[i];
		else
			at += (size_t)snprintf(ret + at, ret_size - at, "\\x%02x", from[i]);
	}
	ret[at] = '\0';
}
