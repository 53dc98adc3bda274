/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Double fetches that the rule has to find, and looks that are none. Compiled by nobody. */
#include "core/region_access.h"
#include "core/ring_access.h"

unsigned planted_index(const uint16_t __shm *idx, unsigned size)
{
	if (ring_look_idx(idx) > size)
		return 0;
	return ring_look_idx(idx); /* fault */
}

unsigned planted_one_way_only(const uint32_t __shm *word, bool careful)
{
	unsigned n = block_load32(word);

	if (careful)
		n += 1;
	else
		n = block_load32(word); /* fault */
	return n;
}

unsigned planted_waits_for_ever(const uint16_t __shm *word)
{
	while (ring_look_wish(word) != 0) /* fault */
		ring_relax();
	return 0;
}

uint64_t planted_two_of_one_kind(const void __shm *table, unsigned i)
{
	struct ring_desc desc = ring_load_desc(table, i);

	if (ring_desc_len(&desc) > 16)
		return 0;
	desc = ring_load_indirect_desc(table, i); /* fault */
	return desc.addr;
}

uint16_t planted_flags(const void __shm *ring, uint16_t slot)
{
	uint16_t flags = ring_look_packed_flags(ring, slot);

	if ((flags & 1) != 0)
		return ring_load_packed_flags(ring, slot); /* fault */
	return flags;
}

uint64_t planted_goes_on(const void __shm *table, unsigned n)
{
	uint64_t sum = 0;
	uint16_t at = 0;
	struct ring_desc desc;

	for (unsigned i = 0; i < n; i++) {
		desc = ring_load_desc(table, i);
		sum += desc.addr;
	}
	do {
		desc = ring_load_desc(table, at);
		at = ring_desc_next(&desc);
	} while (at < n && ++sum < n);
	return sum;
}

unsigned planted_excused(const uint32_t __shm *generation)
{
	unsigned before = config_begin_read(generation);

	/* Second look: planted. */
	return config_end_read(generation) == before;
}

unsigned planted_excuse_of_nothing(const uint32_t __shm *generation)
{
	/* Second look: there is none. */ /* fault */
	return config_begin_read(generation);
}
