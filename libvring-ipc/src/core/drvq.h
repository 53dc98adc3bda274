/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's side of a virtqueue from the inside: what it keeps in private memory, and what a ring
 * format implements. drvq.c has what is the same for all formats.
 */
#ifndef CORE_DRVQ_H
#define CORE_DRVQ_H

#include "counters.h"
#include "notify.h"
#include "outstanding.h"
#include "queue.h"
#include "queue_setup.h"
#include "queue_wait.h"
#include "ring_access.h"

/* One of these for each ring format, chosen once when the queue is made. The queue is live and the
 * arguments make sense when an op is called. */
struct drvq_format {
	int (*add)(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		   const struct iovec *writable, unsigned n_writable, void *token);
	void (*publish)(struct vri_drvq *q);
	/* Publishes and finds out whether the device wants to hear of it. */
	enum notify_verdict (*announce)(struct vri_drvq *q);
	/* Takes up to @max used buffers. Returns: how many; when the first one breaks a rule,
	 * -EPROTO and *ret_rule. One that breaks a rule behind good ones is left for the next
	 * call. */
	int (*take)(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
		    enum vri_rule *ret_rule);
	int (*arm)(struct vri_drvq *q, unsigned n);
	void (*suppress)(struct vri_drvq *q);
	bool (*has_used)(const struct vri_drvq *q);
	bool (*uses_memory)(const struct vri_drvq *q, uint64_t iova, uint64_t len);
};

extern const struct drvq_format vri__split_drv;

/* The split ring as its driver knows it. Index arithmetic is modulo 2^16. */
struct split_drv {
	/* what add and publish touch */
	_Alignas(64) void *desc;
	uint16_t *avail_ring;
	uint16_t *avail_idx;
	struct ring_desc *desc_shadow; /* what stands in the descriptor table */
	uint16_t *avail_shadow; /* what stands in the available ring */
	uint16_t *free_ring; /* free descriptors, the one freed longest ago first */
	uint16_t free_first;
	uint16_t free_last; /* where the next freed one goes */
	uint16_t n_free;
	uint16_t idx; /* of the available ring, staged buffers included */
	uint16_t used_idx; /* taken up to here */
	uint16_t used_idx_seen; /* the device's index when it was last looked at and checked */
	uint16_t used_event; /* what stands in the event word */
	uint16_t flags; /* what stands in avail.flags */

	/* what looking at the used ring touches, and tables */
	_Alignas(64) const uint32_t *used_ring; /* pairs: id, length */
	const uint16_t *used_idx_word;
	const uint16_t *used_flags;
	const uint16_t *avail_event;
	uint16_t *avail_flags;
	uint16_t *used_event_word;
	uint8_t *tables;
	struct ring_desc *tables_shadow; /* what stands in the indirect tables */

	uint64_t tables_iova;
	uint32_t indirect_max; /* 0: no tables */
	uint32_t unannounced; /* entries published since the last decision about a notification */
};

struct vri_drvq {
	/* hot in every call */
	_Alignas(64) uint32_t state; /* enum queue_state */
	uint16_t size;
	uint16_t mask;
	const struct drvq_format *format;
	const struct vri_mem *mem;
	unsigned mem_hint;
	bool event_idx;
	uint8_t *outstanding_bytes; /* the inspector's; may be NULL */
	struct outstanding outstanding;
	uint64_t n_published; /* of all the requests that were added */

	union {
		struct split_drv split;
	};

	_Alignas(64) struct counters count;
	uint64_t bytes_readable_staged;

	/* cold */
	_Alignas(64) const struct queue_ops *ops;
	void *ctx;
	struct spin spin;
	unsigned index;
	enum vri_rule rule;
	uint64_t deadline_ns;
};

/* Sets a split ring up in @q, whose common part is there: empties descriptor table and available
 * ring. @arrays: vri__split_drv_bytes() of zeros that start a cache line. */
size_t vri__split_drv_bytes(const struct queue_setup *setup);
void vri__split_drv_init(struct vri_drvq *q, const struct queue_setup *setup, void *arrays);

#endif
