/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Every load, store and fence on memory that a queue shares with its peer, each with a name. Nothing
 * else in the core touches a shared word.
 *
 * The peer may write any byte at any moment. So each function reads what it reads exactly once, with
 * accesses that the compiler can neither repeat nor split, and hands out a private copy in the
 * machine's byte order; whoever calls checks that copy and uses nothing else. All words in memory are
 * little-endian.
 *
 * Who orders whom
 *   publish of avail.idx (release)  ->  look at avail.idx (acquire): table, ring entries and payload
 *   publish of used.idx (release)   ->  look at used.idx (acquire): used entries and payload
 *   publish of a packed descriptor's flags (release)  ->  look at them (acquire): that descriptor,
 *   all that were written behind it before, and payload; the same in both directions
 *   ring_fence_published() between publishing an index or flags and looking at the peer's wish, and
 *   ring_fence_armed() between writing a wish and looking at the peer's index or flags: of the two
 *   sides, at least one sees what the other stored, so a wake-up cannot be lost.
 */
#ifndef CORE_RING_ACCESS_H
#define CORE_RING_ACCESS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#include "util/shm.h"

#if defined(__SANITIZE_THREAD__)
#define RING_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RING_UNDER_TSAN 1
#endif
#endif

/* What a relaxed publish breaks, ThreadSanitizer has to report: the check of the checker, see
 * tests/stress/planted_race.c. */
#ifdef VRI_PLANT_RELAXED_PUBLISH
#define RING_PUBLISH_ORDER __ATOMIC_RELAXED
#else
#define RING_PUBLISH_ORDER __ATOMIC_RELEASE
#endif

/* ---- fences ---- */

static inline void ring__full_fence(void)
{
#ifdef RING_UNDER_TSAN
	/* ThreadSanitizer knows no fences. A read-modify-write is a full barrier where it runs; on
	 * a word of its own it tells the sanitizer of no order that the ring would not have
	 * without it. */
	unsigned dummy = 0;

	__atomic_fetch_add(&dummy, 1, __ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Between the publish of avail.idx, used.idx or a packed descriptor's flags and the look at the
 * peer's flags or event word. Pairs with ring_fence_armed() on the other side.
 * virtio 1.4, 2.7.13.4.1, 2.8.21.3.1 */
static inline void ring_fence_published(void)
{
	ring__full_fence();
}

/* Between a store to our flags or event word and the look at the peer's index or descriptor flags.
 * Pairs with ring_fence_published() on the other side. */
static inline void ring_fence_armed(void)
{
	ring__full_fence();
}

/* In a loop that looks again and again. */
static inline void ring_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* ---- indices ---- */

/* Makes everything stored before visible with the index. Pairs with ring_look_idx() in
 * split_dev.c. virtio 1.4, 2.7.13.3.1 */
static inline void ring_publish_avail_idx(uint16_t __shm *idx, uint16_t value)
{
	shm_store(idx, htole16(value), RING_PUBLISH_ORDER);
}

/* As ring_publish_avail_idx(). Pairs with ring_look_idx() in split_drv.c. virtio 1.4, 2.7.8.2 */
static inline void ring_publish_used_idx(uint16_t __shm *idx, uint16_t value)
{
	shm_store(idx, htole16(value), __ATOMIC_RELEASE);
}

/* Pairs with ring_publish_avail_idx() or ring_publish_used_idx() of the other side. */
static inline uint16_t ring_look_idx(const uint16_t __shm *idx)
{
	return le16toh(shm_load(idx, __ATOMIC_ACQUIRE));
}

/* ---- flags and event words ----
 * Relaxed: what they must be ordered against is a fence away, see above. */

static inline uint16_t ring_look_wish(const uint16_t __shm *word)
{
	return le16toh(shm_load(word, __ATOMIC_RELAXED));
}

static inline void ring_store_wish(uint16_t __shm *word, uint16_t value)
{
	shm_store(word, htole16(value), __ATOMIC_RELAXED);
}

/* ---- ring entries ----
 * Relaxed: the index orders them. */

static inline uint16_t ring_load_avail_entry(const uint16_t __shm *entry)
{
	return le16toh(shm_load(entry, __ATOMIC_RELAXED));
}

static inline void ring_store_avail_entry(uint16_t __shm *entry, uint16_t head)
{
	shm_store(entry, htole16(head), __ATOMIC_RELAXED);
}

/* Two words and not one: used entries are aligned to 4 bytes and can lie across two cache lines. */
static inline void ring_load_used_entry(const uint32_t __shm *entry, uint32_t *ret_id,
					uint32_t *ret_len)
{
	*ret_id = le32toh(shm_load(&entry[0], __ATOMIC_RELAXED));
	*ret_len = le32toh(shm_load(&entry[1], __ATOMIC_RELAXED));
}

static inline void ring_store_used_id(uint32_t __shm *entry, uint32_t id)
{
	shm_store(&entry[0], htole32(id), __ATOMIC_RELAXED);
}

static inline void ring_store_used_len(uint32_t __shm *entry, uint32_t len)
{
	shm_store(&entry[1], htole32(len), __ATOMIC_RELAXED);
}

/* ---- descriptors ---- */

#define RING_DESC_BYTES 16

/* A descriptor as two words: the address; then length, flags and next from the lowest bit up. The
 * same on every machine once each word is turned to little-endian. */
struct ring_desc {
	uint64_t addr;
	uint64_t rest;
};

static inline uint64_t ring_desc_rest(uint32_t len, uint16_t flags, uint16_t next)
{
	return (uint64_t)len | (uint64_t)flags << 32 | (uint64_t)next << 48;
}

static inline uint32_t ring_desc_len(const struct ring_desc *desc)
{
	return (uint32_t)desc->rest;
}

static inline uint16_t ring_desc_flags(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 32);
}

static inline uint16_t ring_desc_next(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 48);
}

/* Copies descriptor @i of a table that is aligned to 8 bytes. */
static inline struct ring_desc ring_load_desc(const void __shm *table, unsigned i)
{
	const uint64_t __shm *word = (const uint64_t __shm *)table + 2 * (size_t)i;

	return (struct ring_desc){
		.addr = le64toh(shm_load(&word[0], __ATOMIC_RELAXED)),
		.rest = le64toh(shm_load(&word[1], __ATOMIC_RELAXED)),
	};
}

struct ring__unaligned_word {
	uint64_t value;
} __attribute__((packed, may_alias));

/* Copies descriptor @i of an indirect table, of which nobody promises any alignment. A word that is
 * not aligned may be torn by a peer that writes it; the copy decides. */
static inline struct ring_desc ring_load_indirect_desc(const void __shm *table, unsigned i)
{
	const volatile struct ring__unaligned_word *word;

	if (((uintptr_t)table & 7) == 0)
		return ring_load_desc(table, i);
	word = (const volatile struct ring__unaligned_word __shm_off *)table + 2 * (size_t)i;
	return (struct ring_desc){ .addr = le64toh(word[0].value), .rest = le64toh(word[1].value) };
}

static inline void ring_store_desc_addr(void __shm *table, unsigned i, uint64_t addr)
{
	shm_store((uint64_t __shm *)table + 2 * (size_t)i, htole64(addr), __ATOMIC_RELAXED);
}

static inline void ring_store_desc_rest(void __shm *table, unsigned i, uint64_t rest)
{
	shm_store((uint64_t __shm *)table + 2 * (size_t)i + 1, htole64(rest), __ATOMIC_RELAXED);
}

/* ---- packed descriptors ----
 * The flags have 16 bits and are one access of that size on both sides, whoever the peer is; they are
 * stored last and read first. */

/* The body of a packed descriptor: all but its flags. */
struct ring_packed_body {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
};

static inline char __shm *ring__packed_field(const void __shm *ring, unsigned i, unsigned offset)
{
	return (char __shm *)ring + RING_DESC_BYTES * (size_t)i + offset;
}

static inline uint16_t __shm *ring__packed_flags(const void __shm *ring, unsigned i)
{
	return (uint16_t __shm *)(void __shm *)ring__packed_field(ring, i, 14);
}

/* Makes descriptor @i available, with everything that was stored before. Pairs with
 * ring_look_packed_flags() in packed_dev.c. virtio 1.4, 2.8.21.1.1 */
static inline void ring_publish_packed_available(void __shm *ring, unsigned i, uint16_t flags)
{
	shm_store(ring__packed_flags(ring, i), htole16(flags), RING_PUBLISH_ORDER);
}

/* Marks descriptor @i as used, with everything that was stored before. Pairs with
 * ring_look_packed_flags() in packed_drv.c. virtio 1.4, 2.8.15 */
static inline void ring_publish_packed_used(void __shm *ring, unsigned i, uint16_t flags)
{
	shm_store(ring__packed_flags(ring, i), htole16(flags), __ATOMIC_RELEASE);
}

/* Pairs with ring_publish_packed_available() or ring_publish_packed_used() of the other side. */
static inline uint16_t ring_look_packed_flags(const void __shm *ring, unsigned i)
{
	return le16toh(shm_load(ring__packed_flags(ring, i), __ATOMIC_ACQUIRE));
}

/* Of a descriptor behind the one whose flags were published and looked at, which orders it. */
static inline uint16_t ring_load_packed_flags(const void __shm *ring, unsigned i)
{
	return le16toh(shm_load(ring__packed_flags(ring, i), __ATOMIC_RELAXED));
}

static inline void ring_store_packed_flags(void __shm *ring, unsigned i, uint16_t flags)
{
	shm_store(ring__packed_flags(ring, i), htole16(flags), __ATOMIC_RELAXED);
}

static inline void ring_store_packed_addr(void __shm *ring, unsigned i, uint64_t addr)
{
	shm_store((uint64_t __shm *)(void __shm *)ring__packed_field(ring, i, 0), htole64(addr),
		  __ATOMIC_RELAXED);
}

/* Id and length, of which a used descriptor has nothing else. */
static inline void ring_store_packed_id_len(void __shm *ring, unsigned i, uint16_t id, uint32_t len)
{
	shm_store((uint32_t __shm *)(void __shm *)ring__packed_field(ring, i, 8), htole32(len),
		  __ATOMIC_RELAXED);
	shm_store((uint16_t __shm *)(void __shm *)ring__packed_field(ring, i, 12), htole16(id),
		  __ATOMIC_RELAXED);
}

static inline void ring_load_packed_id_len(const void __shm *ring, unsigned i, uint16_t *ret_id,
					   uint32_t *ret_len)
{
	*ret_len = le32toh(shm_load((uint32_t __shm *)(void __shm *)ring__packed_field(ring, i, 8),
				    __ATOMIC_RELAXED));
	*ret_id = le16toh(shm_load((uint16_t __shm *)(void __shm *)ring__packed_field(ring, i, 12),
				   __ATOMIC_RELAXED));
}

static inline struct ring_packed_body ring_load_packed_body(const void __shm *ring, unsigned i)
{
	struct ring_packed_body body;

	body.addr = le64toh(shm_load((uint64_t __shm *)(void __shm *)ring__packed_field(ring, i, 0),
				     __ATOMIC_RELAXED));
	ring_load_packed_id_len(ring, i, &body.id, &body.len);
	return body;
}

/* In an indirect table the two words of a descriptor are address; then length, id and flags from the
 * lowest bit up: struct ring_desc with the upper two fields the other way round. */
static inline uint64_t ring_packed_rest(uint32_t len, uint16_t flags)
{
	return (uint64_t)len | (uint64_t)flags << 48;
}

static inline uint16_t ring_packed_rest_flags(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 48);
}

/* ---- packed event areas ----
 * Offset and wrap counter in the lower 16 bits, flags in the upper: one word, so that nobody sees
 * half of a wish. Relaxed, as the split ring's event words are. */

static inline uint32_t ring_look_packed_wish(const uint32_t __shm *area)
{
	return le32toh(shm_load(area, __ATOMIC_RELAXED));
}

static inline void ring_store_packed_wish(uint32_t __shm *area, uint32_t wish)
{
	shm_store(area, htole32(wish), __ATOMIC_RELAXED);
}

/* ---- what only the inspector reads ----
 * Each word has one writer, who has its value in private memory too. */

static inline uint64_t ring_load_counter(const uint64_t __shm *counter)
{
	return le64toh(shm_load(counter, __ATOMIC_RELAXED));
}

static inline void ring_store_counter(uint64_t __shm *counter, uint64_t value)
{
	shm_store(counter, htole64(value), __ATOMIC_RELAXED);
}

static inline void ring_store_outstanding(uint8_t __shm *byte, uint8_t value)
{
	shm_store(byte, value, __ATOMIC_RELAXED);
}

/* ---- set-up ---- */

/* Fills an area of our own with zeros; @area is aligned to 2 and @len even, as ring areas are. */
static inline void ring_zero_area(void __shm *area, size_t len)
{
	uint16_t __shm *word = area;

	for (size_t i = 0; i < len / 2; i++)
		shm_store(&word[i], 0, __ATOMIC_RELAXED);
}

#endif
