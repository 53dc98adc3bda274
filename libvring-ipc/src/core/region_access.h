/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Every load and store of the parts of a region that are not rings (for those: ring_access.h). The same rules: what the
 * peer can write is read exactly once into private memory, and the copy is what counts; words are little-endian.
 *
 * Who orders whom
 *   config_end_write() (release of the even generation)  ->  config_begin_read() (acquire)
 *   config_begin_write(), release fence, bytes           ->  bytes, acquire fence, config_end_read()
 *   Nothing else in the blocks orders anything: they publish what is true for people who look, and decide nothing.
 */
#ifndef CORE_REGION_ACCESS_H
#define CORE_REGION_ACCESS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ring_access.h"
#include "util/shm.h"

/* ---- words of the blocks ---- */

static inline uint32_t block_load32(const uint32_t __shm *word)
{
	return le32toh(shm_load(word, __ATOMIC_RELAXED));
}

static inline uint64_t block_load64(const uint64_t __shm *word)
{
	return le64toh(shm_load(word, __ATOMIC_RELAXED));
}

static inline void block_store32(uint32_t __shm *word, uint32_t value)
{
	shm_store(word, htole32(value), __ATOMIC_RELAXED);
}

static inline void block_store64(uint64_t __shm *word, uint64_t value)
{
	shm_store(word, htole64(value), __ATOMIC_RELAXED);
}

/* ---- runs of bytes ---- */

/* Reads each byte once. */
static inline void block_load_bytes(void *ret, const void __shm *from, size_t len)
{
	const uint8_t __shm *src = from;
	uint8_t *dst = ret;

	for (size_t i = 0; i < len; i++)
		dst[i] = shm_load(&src[i], __ATOMIC_RELAXED);
}

static inline void block_store_bytes(void __shm *to, const void *from, size_t len)
{
	const uint8_t *src = from;
	uint8_t __shm *dst = to;

	for (size_t i = 0; i < len; i++)
		shm_store(&dst[i], src[i], __ATOMIC_RELAXED);
}

/* Stores a text and zeros up to @size, so that nothing of what stood there or in our memory shows. */
static inline void block_store_text(char __shm *to, size_t size, const char *text)
{
	size_t i = 0;

	for (; i + 1 < size && text[i]; i++)
		shm_store(&to[i], text[i], __ATOMIC_RELAXED);
	for (; i < size; i++)
		shm_store(&to[i], '\0', __ATOMIC_RELAXED);
}

/* ---- the config space ---- */

static inline void config__release_fence(void)
{
#ifdef RING_UNDER_TSAN
	ring__full_fence();
#else
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

static inline void config__acquire_fence(void)
{
#ifdef RING_UNDER_TSAN
	ring__full_fence();
#else
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/* The generation becomes odd before the first byte changes. The fence pairs with the one in config_end_read(). */
static inline void config_begin_write(uint32_t __shm *generation, uint32_t odd)
{
	block_store32(generation, odd);
	config__release_fence();
}

/* The generation becomes even after the last byte changed. Pairs with config_begin_read(). */
static inline void config_end_write(uint32_t __shm *generation, uint32_t even)
{
	shm_store(generation, htole32(even), __ATOMIC_RELEASE);
}

/* Pairs with config_end_write(). */
static inline uint32_t config_begin_read(const uint32_t __shm *generation)
{
	return le32toh(shm_load(generation, __ATOMIC_ACQUIRE));
}

/* After the last byte was read. The fence pairs with the one in config_begin_write(): a reader that saw a byte of a
 * change sees the odd generation before it, or a later one. */
static inline uint32_t config_end_read(const uint32_t __shm *generation)
{
	config__acquire_fence();
	return block_load32(generation);
}

/*
 * Copies bytes of the config space, in accesses as wide as their alignment allows: an aligned field of 16 or 32 bits
 * is never torn, one of 64 bits is two accesses. virtio 1.4, 4.2.2.2 (MMIO): 8-, 16- and 32-bit wide and aligned
 * accesses for fields of those sizes.
 */
static inline void config_load(void *ret, const uint8_t __shm *from, size_t len)
{
	uint8_t *dst = ret;

	while (len) {
		size_t step = 1;

		if (len >= 4 && ((uintptr_t)from & 3) == 0) {
			uint32_t word = shm_load((const uint32_t __shm *)(const void __shm *)from,
						 __ATOMIC_RELAXED);

			step = 4;
			__builtin_memcpy(dst, &word, step);
		} else if (len >= 2 && ((uintptr_t)from & 1) == 0) {
			uint16_t half = shm_load((const uint16_t __shm *)(const void __shm *)from,
						 __ATOMIC_RELAXED);

			step = 2;
			__builtin_memcpy(dst, &half, step);
		} else {
			*dst = shm_load(from, __ATOMIC_RELAXED);
		}
		dst += step;
		from += step;
		len -= step;
	}
}

static inline void config_store(uint8_t __shm *to, const void *from, size_t len)
{
	const uint8_t *src = from;

	while (len) {
		size_t step = 1;

		if (len >= 4 && ((uintptr_t)to & 3) == 0) {
			uint32_t word;

			step = 4;
			__builtin_memcpy(&word, src, step);
			shm_store((uint32_t __shm *)(void __shm *)to, word, __ATOMIC_RELAXED);
		} else if (len >= 2 && ((uintptr_t)to & 1) == 0) {
			uint16_t half;

			step = 2;
			__builtin_memcpy(&half, src, step);
			shm_store((uint16_t __shm *)(void __shm *)to, half, __ATOMIC_RELAXED);
		} else {
			shm_store(to, *src, __ATOMIC_RELAXED);
		}
		src += step;
		to += step;
		len -= step;
	}
}

#endif
