/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Shared memory for proofs, in place of core/ring_access.h: each load returns anything at all, each
 * time anew, so whatever a peer wrote and however often it rewrites it is covered. All that is known
 * of a pointer is how many bytes may be read, and written, from there on.
 */
#ifndef PROOFS_SHARED_MEMORY_H
#define PROOFS_SHARED_MEMORY_H

#define CORE_RING_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What Frama-C does not read. The order of loads is not what is proved; a relaxed one, which is the
 * second look at a version, finds anything. */
#define _Alignas(bytes)
#define _Alignof(type) 64
#define __atomic_load_n(ptr, order) LOAD_##order(ptr)
#define LOAD___ATOMIC_ACQUIRE(ptr) (*(ptr))
#define LOAD___ATOMIC_RELAXED(ptr) look_again(ptr)
/*@ assigns \result \from \nothing; */
uint32_t look_again(const uint32_t *word);
#define __atomic_store_n(ptr, value, order) ((void)(*(ptr) = (value)))

/*@ axiomatic Extents {
      logic integer readable_from(void *p);
      logic integer writable_from(void *p);
    }
*/

#define RING_DESC_BYTES 16

struct ring_desc {
	uint64_t addr;
	uint64_t rest;
};

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(table);
    assigns \result \from \nothing;
*/
struct ring_desc ring_load_desc(const void *table, unsigned i);

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(table);
    assigns \result \from \nothing;
*/
struct ring_desc ring_load_indirect_desc(const void *table, unsigned i);

/* As in core/ring_access.h, and what they return is as arbitrary as what was loaded. */
/*@ requires \valid_read(desc);
    assigns \result \from *desc;
    ensures \result == desc->rest % 4294967296;
*/
static inline uint32_t ring_desc_len(const struct ring_desc *desc)
{
	return (uint32_t)desc->rest;
}

/*@ requires \valid_read(desc);
    assigns \result \from *desc;
*/
static inline uint16_t ring_desc_flags(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 32);
}

/*@ requires \valid_read(desc);
    assigns \result \from *desc;
*/
static inline uint16_t ring_desc_next(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 48);
}

#endif
