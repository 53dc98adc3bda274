/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Each access to an index, an event word or packed flags as a function of its own, for check-idx-access to look at. */

#include "core/ring_access.h"

uint16_t access_look_idx(const uint16_t *idx);
uint16_t access_look_wish(const uint16_t *word);
uint16_t access_load_avail_entry(const uint16_t *entry);
void access_publish_avail_idx(uint16_t *idx, uint16_t value);
void access_publish_used_idx(uint16_t *idx, uint16_t value);
void access_store_wish(uint16_t *word, uint16_t value);
void access_store_avail_entry(uint16_t *entry, uint16_t head);
uint16_t access_look_packed_flags(const uint16_t *flags);
uint16_t access_load_packed_flags(const uint16_t *flags);
void access_publish_packed_available(uint16_t *flags, uint16_t value);
void access_publish_packed_used(uint16_t *flags, uint16_t value);
void access_store_packed_flags(uint16_t *flags, uint16_t value);

uint16_t access_look_idx(const uint16_t *idx)
{
	return ring_look_idx(idx);
}

uint16_t access_look_wish(const uint16_t *word)
{
	return ring_look_wish(word);
}

uint16_t access_load_avail_entry(const uint16_t *entry)
{
	return ring_load_avail_entry(entry);
}

void access_publish_avail_idx(uint16_t *idx, uint16_t value)
{
	ring_publish_avail_idx(idx, value);
}

void access_publish_used_idx(uint16_t *idx, uint16_t value)
{
	ring_publish_used_idx(idx, value);
}

void access_store_wish(uint16_t *word, uint16_t value)
{
	ring_store_wish(word, value);
}

void access_store_avail_entry(uint16_t *entry, uint16_t head)
{
	ring_store_avail_entry(entry, head);
}

/* The descriptor whose flags are there: they are its last two bytes. */
static void *desc_of(const uint16_t *flags)
{
	return (char *)flags - (RING_DESC_BYTES - sizeof(*flags));
}

uint16_t access_look_packed_flags(const uint16_t *flags)
{
	return ring_look_packed_flags(desc_of(flags), 0);
}

uint16_t access_load_packed_flags(const uint16_t *flags)
{
	return ring_load_packed_flags(desc_of(flags), 0);
}

void access_publish_packed_available(uint16_t *flags, uint16_t value)
{
	ring_publish_packed_available(desc_of(flags), 0, value);
}

void access_publish_packed_used(uint16_t *flags, uint16_t value)
{
	ring_publish_packed_used(desc_of(flags), 0, value);
}

void access_store_packed_flags(uint16_t *flags, uint16_t value)
{
	ring_store_packed_flags(desc_of(flags), 0, value);
}
