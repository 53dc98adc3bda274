/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's side of a packed virtqueue.
 *
 * The plot: add takes as many buffer ids as the list has descriptors, fills the next slots of the
 * ring in and sets their flags, all but the first flags of what was not published yet; publish
 * writes those, which makes all of it available at once; announce asks whether the device wants to
 * hear of it; take looks at the flags where the next used descriptor must appear, checks its id and
 * length against the private records, and goes on behind the list.
 *
 * The device writes used descriptors over the driver's, so nothing is ever read back but those: what
 * a list is made of, and how many slots to skip, the private record of its buffer id says.
 */

#include "drvq.h"

#include <errno.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/memory.h>

#include "in_order.h"
#include "memtab.h"
#include "packed_ring.h"
#include "ring_layout.h"

/* As in split_drv.c. */
#define DIRECT_PIECES 2u

/* ---- add ---- */

static inline uint64_t iova_of(struct vri_drvq *q, const struct iovec *iov, unsigned access)
{
	if (iov->iov_len > UINT32_MAX)
		return MEM_NO_IOVA;
	return vri__mem_iova(q->mem, &q->mem_hint, iov->iov_base, iov->iov_len, access);
}

/* Where the next piece of a list goes. */
struct cursor {
	uint16_t slot, bits;
	uint16_t id; /* whose record it gets */
	uint16_t last; /* whose record the one before got */
};

/* Writes the bodies of the descriptors of one direction, which make nothing available. Returns: the
 * bytes; -EINVAL. */
static inline int64_t put_bodies(struct vri_drvq *q, struct cursor *at, uint16_t id,
				 const struct iovec *iov, unsigned n_iov, unsigned access)
{
	struct packed_drv *p = &q->packed;
	uint64_t bytes = 0;
	uint64_t iova;

	for (unsigned i = 0; i < n_iov; i++) {
		struct packed_buffer *b = &p->buffer[at->id];
		uint32_t len = (uint32_t)iov[i].iov_len;

		iova = iova_of(q, &iov[i], access);
		if (iova == MEM_NO_IOVA)
			return -EINVAL;
		b->addr = iova;
		b->len = len;
		ring_store_packed_addr(p->ring, at->slot, iova);
		ring_store_packed_id_len(p->ring, at->slot, id, len);
		bytes += len;
		at->last = at->id;
		at->id = b->next;
		packed_advance(q->size, &at->slot, &at->bits, 1);
	}
	return (int64_t)bytes;
}

/* Writes the flags of a list of @n_readable + @n_writable direct descriptors, but the first, which
 * are returned. */
static inline uint16_t put_flags(struct vri_drvq *q, unsigned n_readable, unsigned n)
{
	struct packed_drv *p = &q->packed;
	uint16_t slot = p->slot;
	uint16_t bits = p->available;
	uint16_t first = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = (uint16_t)(bits | (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
					    (i >= n_readable ? VRING_DESC_F_WRITE : 0));

		if (i == 0)
			first = flags;
		else
			ring_store_packed_flags(p->ring, slot, flags);
		packed_advance(q->size, &slot, &bits, 1);
	}
	return first;
}

/* Writes descriptors of one direction into the table whose shadow is @shadow; a value that stands
 * there already is not stored again. Returns: the bytes; -EINVAL. */
static inline int64_t put_table(struct vri_drvq *q, void __shm *table, struct ring_desc *shadow,
				unsigned first, const struct iovec *iov, unsigned n_iov,
				unsigned access)
{
	uint16_t flags = access == VRI_ACCESS_WRITE ? VRING_DESC_F_WRITE : 0;
	uint64_t bytes = 0;
	uint64_t iova, rest;

	for (unsigned i = 0; i < n_iov; i++) {
		unsigned at = first + i;

		iova = iova_of(q, &iov[i], access);
		if (iova == MEM_NO_IOVA)
			return -EINVAL;
		bytes += iov[i].iov_len;
		/* virtio 1.4, 2.8.19: no flag but WRITE in a table. */
		rest = ring_packed_rest((uint32_t)iov[i].iov_len, flags);
		if (shadow[at].addr != iova) {
			shadow[at].addr = iova;
			ring_store_desc_addr(table, at, iova);
		}
		if (shadow[at].rest != rest) {
			shadow[at].rest = rest;
			ring_store_desc_rest(table, at, rest);
		}
	}
	return (int64_t)bytes;
}

static void put_wish(struct packed_drv *p, uint32_t wish)
{
	p->counted_on = 0;
	if (p->wish == wish)
		return;
	p->wish = wish;
	ring_store_packed_wish(p->wish_word, wish);
}

/* Takes the list out of the free ids and gives its descriptors to the device, unless it is the first
 * one of a batch, whose flags wait for publish. */
static inline void stage(struct vri_drvq *q, uint16_t id, struct packed_buffer list, uint16_t flags,
			 void *token, uint32_t writable_len)
{
	struct packed_drv *p = &q->packed;
	struct packed_buffer *b = &p->buffer[id];

	p->free_id = p->buffer[list.last].next;
	p->n_free = (uint16_t)(p->n_free - list.n);
	b->n = list.n;
	b->last = list.last;
	b->indirect = list.indirect;
	if (q->outstanding.n == 0 || list.n < p->shortest)
		p->shortest = list.n;
	/* Used before the others, this list and more like it would bring the device to the event too
	 * late. Any notification then, before the list is published: who uses it knows the wish. */
	if (list.n < p->counted_on)
		put_wish(p, PACKED_WISH_ENABLE);
	outstanding_add(&q->outstanding, id, token, writable_len);
	drvq_show_outstanding(q, id, true);

	if (p->n_staged == 0) {
		p->staged_slot = p->slot;
		p->staged_flags = flags;
	} else {
		ring_store_packed_flags(p->ring, p->slot, flags);
	}
	p->n_staged = (uint16_t)(p->n_staged + list.n);
	packed_advance(q->size, &p->slot, &p->available, list.n);
}

static int add_direct(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		      const struct iovec *writable, unsigned n_writable, void *token)
{
	struct packed_drv *p = &q->packed;
	unsigned n = n_readable + n_writable;
	uint16_t id = p->free_id;
	struct cursor at = { .id = id, .slot = p->slot, .bits = p->available };
	int64_t to_read, to_write;

	/* The flags come last, also among what is not published: a request that turns out to be
	 * wrong half way leaves nothing that looks available. */
	to_read = put_bodies(q, &at, id, readable, n_readable, VRI_ACCESS_READ);
	if (to_read < 0)
		return -EINVAL;
	to_write = put_bodies(q, &at, id, writable, n_writable, VRI_ACCESS_WRITE);
	if (to_write < 0 || to_read + to_write > UINT32_MAX)
		return -EINVAL;
	q->bytes_readable_staged += (uint64_t)to_read;
	stage(q, id, (struct packed_buffer){ .last = at.last, .n = (uint16_t)n },
	      put_flags(q, n_readable, n), token, (uint32_t)to_write);
	return 0;
}

static int add_indirect(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
			const struct iovec *writable, unsigned n_writable, void *token)
{
	struct packed_drv *p = &q->packed;
	uint16_t id = p->free_id;
	size_t offset = (size_t)id * p->indirect_max;
	uint8_t __shm *table = p->tables + offset * RING_DESC_BYTES;
	struct ring_desc *shadow = p->tables_shadow + offset;
	struct packed_buffer *b = &p->buffer[id];
	int64_t to_read, to_write;

	to_read = put_table(q, table, shadow, 0, readable, n_readable, VRI_ACCESS_READ);
	if (to_read < 0)
		return -EINVAL;
	to_write = put_table(q, table, shadow, n_readable, writable, n_writable, VRI_ACCESS_WRITE);
	if (to_write < 0 || to_read + to_write > UINT32_MAX)
		return -EINVAL;
	b->addr = p->tables_iova + offset * RING_DESC_BYTES;
	b->len = (n_readable + n_writable) * RING_DESC_BYTES;
	ring_store_packed_addr(p->ring, p->slot, b->addr);
	ring_store_packed_id_len(p->ring, p->slot, id, b->len);
	q->bytes_readable_staged += (uint64_t)to_read;
	stage(q, id, (struct packed_buffer){ .last = id, .n = 1, .indirect = true },
	      p->available | VRING_DESC_F_INDIRECT, token, (uint32_t)to_write);
	return 0;
}

static inline bool wants_table(const struct vri_drvq *q, unsigned n)
{
	return n <= q->packed.indirect_max && (n > DIRECT_PIECES || n > q->packed.n_free) && n > 1;
}

static int packed_add(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		      const struct iovec *writable, unsigned n_writable, void *token)
{
	unsigned n = n_readable + n_writable;
	bool indirect = wants_table(q, n);

	/* virtio 1.4, 2.8.17: room for the whole list first. */
	if ((indirect ? 1 : n) > q->packed.n_free)
		return -ENOSPC;
	return (indirect ? add_indirect : add_direct)(q, readable, n_readable, writable, n_writable,
						      token);
}

/* ---- publish and announce ---- */

static void packed_publish(struct vri_drvq *q)
{
	struct packed_drv *p = &q->packed;
	unsigned n = (unsigned)(q->outstanding.n_added - q->n_published);

	if (n == 0)
		return;
	/* Releases payload and all descriptors behind this one. Pairs with ring_look_packed_flags()
	 * in packed_pop() of packed_dev.c. virtio 1.4, 2.8.21.1.1 */
	ring_publish_packed_available(p->ring, p->staged_slot, p->staged_flags);
	q->n_published += n;
	/* It only has to be right up to two laps. */
	if (p->unannounced <= UINT16_MAX)
		p->unannounced += p->n_staged;
	p->n_staged = 0;
	COUNTER_ADD(&q->count, buffers, n);
	COUNTER_ADD(&q->count, bytes_readable, q->bytes_readable_staged);
	q->bytes_readable_staged = 0;
}

static enum notify_verdict packed_announce(struct vri_drvq *q)
{
	struct packed_drv *p = &q->packed;
	uint32_t n;

	packed_publish(q);
	n = p->unannounced;
	if (n == 0)
		return NOTIFY_NOTHING_NEW;
	p->unannounced = 0;
	/* Orders the flags before the look at the device's wish. Pairs with ring_fence_armed() in
	 * packed_dev.c. virtio 1.4, 2.8.21.3.1 */
	ring_fence_published();
	return vri__notify_packed(ring_look_packed_wish(p->device_wish), q->event_idx, q->size,
				  packed_place(p->slot, p->available), n) ?
		       NOTIFY_WANTED :
		       NOTIFY_NOT_WANTED;
}

/* ---- used buffers ---- */

static inline void free_list(struct vri_drvq *q, uint16_t id)
{
	struct packed_drv *p = &q->packed;
	const struct packed_buffer *b = &p->buffer[id];

	/* The id freed last is the next one taken: its record and its table are in the caches. */
	p->buffer[b->last].next = p->free_id;
	p->free_id = id;
	p->n_free = (uint16_t)(p->n_free + b->n);
}

/* Looks at the slot of the next used descriptor. */
static inline bool look_for_used(const struct vri_drvq *q, uint16_t slot, uint16_t used,
				 uint16_t *ret_flags)
{
	/* Acquires the used descriptor and what the device wrote. Pairs with
	 * ring_publish_packed_used() in packed_dev_publish(). */
	*ret_flags = ring_look_packed_flags(q->packed.ring, slot);
	return (*ret_flags & PACKED_BOTH) == used;
}

/* Copies the used descriptor that look_for_used() has found. */
static inline void load_used(const struct vri_drvq *q, uint16_t slot, uint16_t flags,
			     uint16_t *ret_id, uint32_t *ret_len)
{
	ring_load_packed_id_len(q->packed.ring, slot, ret_id, ret_len);
	/* virtio 1.4, 2.8.4: without WRITE the length means nothing. */
	if ((flags & VRING_DESC_F_WRITE) == 0)
		*ret_len = 0;
}

/* Ends the life of a list that was used: its ids are free, and the next used descriptor is behind it.
 * Returns: how many descriptors that was. */
static inline unsigned retire(struct vri_drvq *q, uint16_t id)
{
	struct packed_drv *p = &q->packed;
	unsigned n = p->buffer[id].n;

	free_list(q, id);
	drvq_show_outstanding(q, id, false);
	packed_advance(q->size, &p->used_slot, &p->used, n);
	return n;
}

/* Takes the next used buffer, if any. Returns: 1; 0; -EPROTO and *ret_rule. */
static inline int take_one(struct vri_drvq *q, struct vri_used *ret, unsigned *n_desc,
			   enum vri_rule *ret_rule)
{
	struct packed_drv *p = &q->packed;
	const struct outstanding_record *r;
	uint16_t flags, id;
	uint32_t len;

	if (!look_for_used(q, p->used_slot, p->used, &flags))
		return 0;
	load_used(q, p->used_slot, flags, &id, &len);
	*ret_rule = VRI_RULE_NONE;
	if (id >= q->size)
		*ret_rule = VRI_RULE_USED_ID;
	else if (!drvq_is_lent(q, id))
		*ret_rule = VRI_RULE_USED_NOT_LENT;
	else if (len > q->outstanding.record[id].writable_len)
		*ret_rule = VRI_RULE_USED_LEN;
	if (*ret_rule != VRI_RULE_NONE)
		return -EPROTO;
	r = &q->outstanding.record[id];
	ret->token = r->token;
	ret->len = len;
	outstanding_remove(&q->outstanding, id);
	*n_desc += retire(q, id);
	return 1;
}

/* The same with IN_ORDER: a used descriptor can stand for a batch, and lies in the first slot of the
 * first of its lists. */
static inline int take_one_in_order(struct vri_drvq *q, struct vri_used *ret, unsigned *n_desc,
				    enum vri_rule *ret_rule)
{
	struct packed_drv *p = &q->packed;
	uint16_t flags, id;
	uint32_t len;

	if (q->batch_left == 0) {
		if (!look_for_used(q, p->used_slot, p->used, &flags))
			return 0;
		load_used(q, p->used_slot, flags, &id, &len);
		*ret_rule = in_order_begin(q, id, len, q->size);
		if (*ret_rule != VRI_RULE_NONE)
			return -EPROTO;
	}
	id = (uint16_t)in_order_next(q, ret);
	*n_desc += retire(q, id);
	return 1;
}

static inline int take(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
		       enum vri_rule *ret_rule,
		       int (*one)(struct vri_drvq *q, struct vri_used *ret, unsigned *n_desc,
				  enum vri_rule *ret_rule))
{
	uint64_t bytes = 0;
	unsigned n = 0, n_desc = 0;
	int r = 0;

	while (n < max && (r = one(q, &ret_used[n], &n_desc, ret_rule)) == 1)
		bytes += ret_used[n++].len;
	if (n == 0)
		return r;
	COUNTER_ADD(&q->count, bytes_written, bytes);
	COUNTER_ADD(&q->count, position, n_desc);
	return (int)n;
}

static int packed_take(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
		       enum vri_rule *ret_rule)
{
	return take(q, ret_used, max, ret_rule, take_one);
}

static int packed_take_in_order(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
				enum vri_rule *ret_rule)
{
	return take(q, ret_used, max, ret_rule, take_one_in_order);
}

static bool packed_has_used(const struct vri_drvq *q)
{
	uint16_t flags;

	return q->batch_left > 0 || look_for_used(q, q->packed.used_slot, q->packed.used, &flags);
}

/* Tells whether the device has gone past the slot that is @ahead of the next used one. What does not
 * make sense counts as yes: take finds the rule. */
static bool has_used_past(const struct vri_drvq *q, unsigned ahead)
{
	const struct packed_drv *p = &q->packed;
	uint16_t slot = p->used_slot, used = p->used;
	uint16_t flags, id;
	uint32_t len;
	unsigned n;

	for (unsigned seen = 0; seen <= ahead; seen += n) {
		if (!look_for_used(q, slot, used, &flags))
			return false;
		ring_load_packed_id_len(p->ring, slot, &id, &len);
		if (id >= q->size || !drvq_is_lent(q, id))
			return true;
		n = p->buffer[id].n;
		packed_advance(q->size, &slot, &used, n);
	}
	return true;
}

/* The same with IN_ORDER, where it is known which lists come next: has the device used @n more? */
static bool has_used_in_order(const struct vri_drvq *q, unsigned n)
{
	const struct packed_drv *p = &q->packed;
	const struct outstanding *o = &q->outstanding;
	uint16_t slot = p->used_slot, used = p->used;
	unsigned oldest = outstanding_first(o);
	uint64_t left = q->batch_left;
	uint16_t flags, id;
	uint32_t len;

	for (unsigned seen = 0; seen < n; seen++, left--) {
		if (left == 0) {
			if (!look_for_used(q, slot, used, &flags))
				return false;
			ring_load_packed_id_len(p->ring, slot, &id, &len);
			if (id >= q->size || !drvq_is_lent(q, id) ||
			    o->record[id].number < o->record[oldest].number)
				return true;
			left = o->record[id].number - o->record[oldest].number + 1;
		}
		packed_advance(q->size, &slot, &used, p->buffer[oldest].n);
		oldest = outstanding_next(o, oldest);
	}
	return true;
}

/* ---- asking for notifications ---- */

/* How many buffers a wish can be for: @n of them, or all that the device has. */
static unsigned within_lent(const struct vri_drvq *q, unsigned n)
{
	unsigned n_lent = (unsigned)(q->n_published - (q->outstanding.n_added - q->outstanding.n));

	if (n > n_lent)
		n = n_lent;
	return q->event_idx && n > 0 ? n : 1;
}

/* Asks for the used descriptor @ahead of the next one. */
static void wish_for(struct vri_drvq *q, unsigned ahead)
{
	uint16_t slot = q->packed.used_slot, used = q->packed.used;

	packed_advance(q->size, &slot, &used, ahead);
	put_wish(&q->packed,
		 q->event_idx ? packed_wish_at(packed_place(slot, used)) : PACKED_WISH_ENABLE);
	/* Orders the wish before the second look. Pairs with ring_fence_published() in
	 * packed_dev.c. */
	ring_fence_armed();
}

static int packed_arm(struct vri_drvq *q, unsigned n)
{
	/* Which slot the n-th used descriptor will be in depends on the order of completion: the
	 * nearest that it can be. All the lent ones have room in the ring, so this is below the
	 * queue size. */
	unsigned ahead = (within_lent(q, n) - 1) * q->packed.shortest;

	wish_for(q, ahead);
	q->packed.counted_on = ahead > 0 ? q->packed.shortest : 0;
	if (has_used_past(q, ahead))
		return 1;
	COUNTER_ADD(&q->count, sleeps, 1);
	return 0;
}

static int packed_arm_in_order(struct vri_drvq *q, unsigned n)
{
	const struct outstanding *o = &q->outstanding;
	unsigned at = outstanding_first(o);
	unsigned ahead = 0;

	n = within_lent(q, n);
	/* Here it is known. */
	for (unsigned i = 1; i < n; i++, at = outstanding_next(o, at))
		ahead += q->packed.buffer[at].n;
	wish_for(q, ahead);
	if (has_used_in_order(q, n))
		return 1;
	COUNTER_ADD(&q->count, sleeps, 1);
	return 0;
}

static void packed_suppress(struct vri_drvq *q)
{
	put_wish(&q->packed, PACKED_WISH_DISABLE);
}

/* ---- memory ---- */

static bool list_overlaps(const struct packed_drv *p, unsigned id, uint64_t iova, uint64_t len)
{
	const struct packed_buffer *b = &p->buffer[id];
	unsigned at = id;

	for (unsigned i = 0; i < b->n; i++) {
		if (drvq_overlaps(p->buffer[at].addr, p->buffer[at].len, iova, len))
			return true;
		at = p->buffer[at].next;
	}
	return false;
}

static bool table_overlaps(const struct packed_drv *p, unsigned id, uint64_t iova, uint64_t len)
{
	const struct ring_desc *shadow = p->tables_shadow + (size_t)id * p->indirect_max;

	for (unsigned i = 0; i < p->buffer[id].len / RING_DESC_BYTES; i++)
		if (drvq_overlaps(shadow[i].addr, ring_desc_len(&shadow[i]), iova, len))
			return true;
	return false;
}

static bool packed_uses_memory(const struct vri_drvq *q, uint64_t iova, uint64_t len)
{
	const struct outstanding *o = &q->outstanding;
	const struct packed_drv *p = &q->packed;

	for (unsigned id = outstanding_first(o); id != o->size; id = outstanding_next(o, id))
		if (list_overlaps(p, id, iova, len) ||
		    (p->buffer[id].indirect && table_overlaps(p, id, iova, len)))
			return true;
	return false;
}

static unsigned packed_free_descriptors(const struct vri_drvq *q)
{
	return q->packed.n_free;
}

/* ---- set-up ---- */

static size_t packed_bytes(const struct queue_setup *setup)
{
	return queue_lines(setup->size * sizeof(struct packed_buffer)) + drvq_tables_bytes(setup);
}

static void packed_init(struct vri_drvq *q, const struct queue_setup *setup, void *arrays)
{
	struct packed_drv *p = &q->packed;
	unsigned size = setup->size;
	char *at = arrays;

	p->ring = setup->desc;
	p->wish_word = setup->driver;
	p->device_wish = setup->device;
	p->available = PACKED_FIRST_AVAILABLE;
	p->used = PACKED_FIRST_USED;

	p->buffer = (struct packed_buffer *)at;
	at += queue_lines(size * sizeof(struct packed_buffer));
	for (unsigned i = 0; i < size; i++)
		p->buffer[i].next = (uint16_t)(i + 1);
	p->n_free = (uint16_t)size;

	if (drvq_tables_bytes(setup) != 0) {
		/* As in split_drv.c: no descriptor of a table is all zeros. */
		p->tables = setup->tables;
		p->tables_iova = setup->tables_iova;
		p->tables_shadow = (struct ring_desc *)at;
		/* virtio 1.4, 2.8.19: no table longer than the queue, which add sees to. */
		p->indirect_max = setup->indirect_max;
	}
	/* virtio 1.4, 2.8.13: the ring starts all zero. */
	ring_zero_area(p->ring, vri__packed_area_bytes(RING_DESC_AREA, size));
	ring_zero_area(p->wish_word, vri__packed_area_bytes(RING_DRIVER_AREA, size));
}

const struct drvq_format vri__packed_drv = {
	.bytes = packed_bytes,
	.init = packed_init,
	.add = packed_add,
	.publish = packed_publish,
	.announce = packed_announce,
	.take = packed_take,
	.arm = packed_arm,
	.suppress = packed_suppress,
	.has_used = packed_has_used,
	.uses_memory = packed_uses_memory,
	.free_descriptors = packed_free_descriptors,
};

const struct drvq_format vri__packed_in_order_drv = {
	.bytes = packed_bytes,
	.init = packed_init,
	.add = packed_add,
	.publish = packed_publish,
	.announce = packed_announce,
	.take = packed_take_in_order,
	.arm = packed_arm_in_order,
	.suppress = packed_suppress,
	.has_used = packed_has_used,
	.uses_memory = packed_uses_memory,
	.free_descriptors = packed_free_descriptors,
};
