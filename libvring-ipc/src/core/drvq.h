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
#include "util/shm.h"

/* One of these for each ring format, chosen once when the queue is made. The queue is live and the
 * arguments make sense when an op is called. */
struct drvq_format {
	/* How many bytes of private arrays it needs. */
	size_t (*bytes)(const struct queue_setup *setup);
	/* Sets its ring up in @q, whose common part is there: empties the areas that the driver
	 * writes. @arrays: that many bytes of zeros that start a cache line. */
	void (*init)(struct vri_drvq *q, const struct queue_setup *setup, void *arrays);
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
	unsigned (*free_descriptors)(const struct vri_drvq *q);
};

extern const struct drvq_format vri__split_drv;
extern const struct drvq_format vri__packed_drv;
/* The same with IN_ORDER. */
extern const struct drvq_format vri__split_in_order_drv;
extern const struct drvq_format vri__packed_in_order_drv;

/* The split ring as its driver knows it. Index arithmetic is modulo 2^16. */
struct split_drv {
	/* what add and publish touch */
	_Alignas(64) void __shm *desc;
	uint16_t __shm *avail_ring;
	uint16_t __shm *avail_idx;
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
	_Alignas(64) const uint32_t __shm *used_ring; /* pairs: id, length */
	const uint16_t __shm *used_idx_word;
	const uint16_t __shm *used_flags;
	const uint16_t __shm *avail_event;
	uint16_t __shm *avail_flags;
	uint16_t __shm *used_event_word;
	uint8_t __shm *tables;
	struct ring_desc *tables_shadow; /* what stands in the indirect tables */

	uint64_t tables_iova;
	uint32_t indirect_max; /* 0: no tables */
	uint32_t unannounced; /* entries published since the last decision about a notification */
};

/* A buffer id and the descriptor that goes with it. The ids of one list are linked, and so are the
 * free ones. */
struct packed_buffer {
	uint64_t addr;
	uint32_t len;
	uint16_t next;
	/* of a whole list, in the record of its first id, which is the buffer's */
	uint16_t last;
	uint16_t n; /* descriptors in the ring */
	bool indirect; /* addr and len are the table's */
};

/* The packed ring as its driver knows it. */
struct packed_drv {
	/* what add and publish touch */
	_Alignas(64) void __shm *ring;
	struct packed_buffer *buffer; /* by id */
	uint16_t free_id; /* the id freed last, if n_free says that there is one */
	uint16_t n_free; /* ids, and as many descriptors */
	uint16_t slot; /* where the next list goes */
	uint16_t available; /* PACKED_BOTH of a descriptor made available there */
	uint16_t staged_slot; /* the first list that was added and not yet published */
	uint16_t staged_flags; /* its first flags, held back */
	uint16_t n_staged; /* descriptors of such lists */
	uint16_t shortest; /* no list that is outstanding has fewer descriptors */
	uint16_t counted_on; /* what shortest was when the event was chosen by it; else 0 */

	/* what take touches */
	uint16_t used_slot; /* where the device writes the next used descriptor */
	uint16_t used; /* PACKED_BOTH of a descriptor used there */
	uint32_t
		unannounced; /* descriptors published since the last decision about a notification */

	/* tables, and wishes */
	_Alignas(64) uint8_t __shm *tables;
	struct ring_desc *tables_shadow; /* what stands in the indirect tables */
	uint64_t tables_iova;
	uint32_t indirect_max; /* 0: no tables */
	uint32_t wish; /* what stands in the driver's event area */
	uint32_t __shm *wish_word;
	const uint32_t __shm *device_wish;
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
	uint8_t __shm *outstanding_bytes; /* the inspector's; may be NULL */
	struct outstanding outstanding;
	uint64_t n_published; /* of all the requests that were added */
	uint32_t batch_left; /* in order: buffers of the last used entry that were not taken yet */
	uint32_t batch_len; /* and the length of the last one of them */

	union {
		struct split_drv split;
		struct packed_drv packed;
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

/* Tells whether the device has the buffer with head (id) @id, which is below the size. */
static inline bool drvq_is_lent(const struct vri_drvq *q, unsigned id)
{
	const struct outstanding_record *r = &q->outstanding.record[id];

	return r->token != NULL && r->number < q->n_published;
}

/* Writes the inspector's byte. */
static inline void drvq_show_outstanding(struct vri_drvq *q, unsigned id, bool outstanding)
{
	if (q->outstanding_bytes != NULL)
		ring_store_outstanding(&q->outstanding_bytes[id], outstanding);
}

/* Tells whether [@addr, @addr + @addr_len) and [@iova, @iova + @len) have a byte in common. */
static inline bool drvq_overlaps(uint64_t addr, uint64_t addr_len, uint64_t iova, uint64_t len)
{
	return iova < addr ? addr - iova < len : iova - addr < addr_len;
}

/* What the shadow of the indirect tables takes. */
static inline size_t drvq_tables_bytes(const struct queue_setup *setup)
{
	return setup->tables == NULL ?
		       0 :
		       (size_t)setup->size * setup->indirect_max * sizeof(struct ring_desc);
}

#endif
