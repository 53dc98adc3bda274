/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A packed ring for proofs: what shared_memory.h is, for the loads of packed descriptors. */
#ifndef PROOFS_PACKED_MEMORY_H
#define PROOFS_PACKED_MEMORY_H

#include "shared_memory.h"

struct ring_packed_body {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
};

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    assigns \result \from \nothing;
*/
struct ring_packed_body ring_load_packed_body(const void *ring, unsigned i);

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    assigns \result \from \nothing;
*/
uint16_t ring_load_packed_flags(const void *ring, unsigned i);

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    assigns \result \from \nothing;
*/
uint16_t ring_look_packed_flags(const void *ring, unsigned i);

/*@ requires inside: RING_DESC_BYTES * (i + 1) <= readable_from(ring);
    requires \valid(ret_id) && \valid(ret_len) && \separated(ret_id, ret_len);
    assigns *ret_id, *ret_len \from \nothing;
*/
void ring_load_packed_id_len(const void *ring, unsigned i, uint16_t *ret_id, uint32_t *ret_len);

/* As in core/ring_access.h, and as arbitrary as what was loaded. */
/*@ requires \valid_read(desc);
    assigns \result \from *desc;
*/
static inline uint16_t ring_packed_rest_flags(const struct ring_desc *desc)
{
	return (uint16_t)(desc->rest >> 48);
}

#endif
