/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's side of a virtqueue from the inside: what it keeps in private memory, and what a ring
 * format implements. devq.c has what is the same for all formats.
 */
#ifndef CORE_DEVQ_H
#define CORE_DEVQ_H

#include "chain.h"
#include "counters.h"
#include "notify.h"
#include "queue.h"
#include "queue_setup.h"
#include "queue_wait.h"
#include "ring_access.h"
#include "util/shm.h"

/* As struct drvq_format. */
struct devq_format {
	size_t (*bytes)(const struct queue_setup *setup);
	void (*init)(struct vri_devq *q, const struct queue_setup *setup, void *arrays);
	/* Returns: 1; 0; -ENOBUFS; -EPROTO and *ret_rule. */
	int (*pop)(struct vri_devq *q, struct vri_chain *chain, enum vri_rule *ret_rule);
	int (*rewind)(struct vri_devq *q, unsigned n);
	int (*push)(struct vri_devq *q, const struct vri_chain *chain, uint32_t written);
	void (*publish)(struct vri_devq *q);
	enum notify_verdict (*announce)(struct vri_devq *q);
	int (*arm)(struct vri_devq *q);
	void (*suppress)(struct vri_devq *q);
	bool (*has_available)(const struct vri_devq *q);
};

extern const struct devq_format vri__split_dev;
extern const struct devq_format vri__packed_dev;
/* The same with IN_ORDER. */
extern const struct devq_format vri__split_in_order_dev;
extern const struct devq_format vri__packed_in_order_dev;

enum flight_state {
	FLIGHT_NONE = 0,
	FLIGHT_POPPED,
	FLIGHT_HELD, /* in order: pushed, while an older one is not */
};

/* A head (packed: a buffer id) that was popped and not yet made used. Two to a cache line. */
struct flight {
	const void *first_piece; /* stays: where the next chain with this head is likely to be */
	uint32_t readable_len;
	uint32_t writable_len;
	uint32_t id; /* as struct vri_chain has it */
	uint32_t written; /* of a held one */
	uint16_t n; /* packed: descriptors in the ring */
	uint8_t state; /* enum flight_state */
};

/* Member by member: what pop has just stored in pieces would have to wait to be copied as a whole. */
static inline void flight_begin(struct flight *flight, const struct vri_chain *chain, uint16_t n)
{
	if (chain->n_readable + chain->n_writable != 0)
		flight->first_piece = chain->iov[0].iov_base;
	flight->readable_len = chain->readable_len;
	flight->writable_len = chain->writable_len;
	flight->id = chain->id;
	flight->n = n;
	flight->state = FLIGHT_POPPED;
}

/* The split ring as its device knows it. Index arithmetic is modulo 2^16. */
struct split_dev {
	/* what pop touches */
	_Alignas(64) const uint16_t __shm *avail_ring;
	const uint16_t __shm *avail_idx_word;
	struct flight *flight; /* by head */
	uint16_t *popped; /* head of each slot, as it was popped: for rewind */
	uint16_t avail_idx; /* popped up to here */
	uint16_t avail_idx_seen; /* the driver's index when it was last looked at and checked */
	uint16_t avail_event; /* what stands in the event word */
	uint16_t flags; /* what stands in used.flags */

	/* what push and publish touch */
	_Alignas(64) uint32_t __shm *used_ring; /* pairs: id, length */
	struct split_used {
		uint32_t id, len;
	} * used_shadow; /* what stands in the used ring */
	uint16_t __shm *used_idx_word;
	const uint16_t __shm *avail_flags;
	const uint16_t __shm *used_event;
	uint16_t __shm *used_flags;
	uint16_t __shm *avail_event_word;
	uint16_t used_idx; /* pushed up to here */
	uint16_t used_idx_published;
	uint32_t unannounced; /* entries published since the last decision about a notification */
};

/* The packed ring as its device knows it. */
struct packed_dev {
	/* what pop touches */
	_Alignas(64) struct flight *flight; /* by buffer id */
	uint16_t *popped; /* buffer ids in the order of popping, for rewind: a ring */
	uint16_t popped_at; /* where the next one goes */
	uint16_t oldest_at; /* in order: where the oldest is that was not made used yet */
	uint16_t sequence; /* lower half of the next chain's id */
	uint16_t slot; /* where the next list begins */
	uint16_t available; /* PACKED_BOTH of a descriptor available there */
	uint16_t n_taken; /* descriptors popped, and not yet published as used */

	/* what push and publish touch */
	uint16_t used_slot; /* where the next used descriptor goes */
	uint16_t used; /* PACKED_BOTH of a descriptor used there */
	uint16_t staged_slot; /* the first used descriptor that was pushed and not yet published */
	uint16_t staged_flags; /* its flags, held back */
	uint16_t n_staged; /* descriptors of such lists */
	uint32_t n_staged_buffers;
	struct packed_run {
		uint32_t written; /* of the last one */
		uint32_t n_buffers; /* 0: none */
		uint16_t id; /* of the last one */
		uint16_t n; /* descriptors */
	} run; /* in order: buffers that one used descriptor will stand for */
	uint32_t
		unannounced; /* descriptors published since the last decision about a notification */

	/* wishes */
	void __shm *ring;
	uint32_t wish; /* what stands in the device's event area */
	uint32_t __shm *wish_word;
	const uint32_t __shm *driver_wish;
};

struct vri_devq {
	/* hot in every call */
	_Alignas(64) uint32_t state; /* enum queue_state */
	uint16_t size;
	uint16_t mask;
	const struct devq_format *format;
	struct chain_source source;
	unsigned n_in_flight;
	bool event_idx;
	uint16_t epoch; /* upper half of the ids of this queue's chains */
	unsigned n_held; /* in order: pushed, and waiting for an older one */

	union {
		struct split_dev split;
		struct packed_dev packed;
	};

	_Alignas(64) struct counters count;
	uint64_t bytes_readable_staged;
	uint64_t bytes_written_staged;

	/* cold */
	_Alignas(64) const struct queue_ops *ops;
	void *ctx;
	struct spin spin;
	unsigned index;
	enum vri_rule rule;
	enum vri_rule found; /* by the format's last call, before it becomes the queue's */
};

#endif
