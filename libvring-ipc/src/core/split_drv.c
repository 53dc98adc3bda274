/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's side of a split virtqueue.
 *
 * The plot: add takes free descriptors and fills them in and names the first of them in the next
 * slot of the available ring; publish moves the index past all such slots; announce asks whether the
 * device wants to hear of it; take reads the used ring as far as the device's index says, checks
 * every word of it against the private records, and frees the descriptors.
 *
 * Nothing that the driver wrote is ever read back. What stands in the shared tables is known from
 * shadows, and a value that stands there already is not stored again: descriptors are reused in the
 * order in which they were freed, so while the device works in order, slot i names the same
 * descriptors lap after lap and these cache lines stay where the device has them. With IN_ORDER that
 * is a promise, and the next field of descriptor x is x + 1 or 0, as virtio 1.4, 2.7.5.2 wants it.
 */

#include "drvq.h"

#include <errno.h>
#include <string.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/memory.h>

#include "in_order.h"
#include "memtab.h"
#include "ring_layout.h"

/* Up to so many pieces, descriptors of the queue are better than a table, which the device can only
 * read after the descriptor that points at it. */
#define DIRECT_PIECES 2u

/* ---- descriptors ---- */

static inline void put_desc(void __shm *table, struct ring_desc *shadow, unsigned i, uint64_t addr,
			    uint64_t rest)
{
	if (shadow[i].addr != addr) {
		shadow[i].addr = addr;
		ring_store_desc_addr(table, i, addr);
	}
	if (shadow[i].rest != rest) {
		shadow[i].rest = rest;
		ring_store_desc_rest(table, i, rest);
	}
}

/* Where the descriptors of a request go: free ones of the queue, or the table of one of them. */
struct target {
	void __shm *table;
	struct ring_desc *shadow;
	const uint16_t *free_ring; /* NULL: 0, 1, 2, ... */
	unsigned first;
	unsigned mask;
};

static inline unsigned target_desc(const struct target *t, unsigned n)
{
	return t->free_ring != NULL ? t->free_ring[(t->first + n) & t->mask] : n;
}

/* Writes the descriptors of one direction. @n of @n_all are written already. Returns: the bytes;
 * -EINVAL. */
static inline int64_t put_pieces(struct vri_drvq *q, const struct target *t,
				 const struct iovec *iov, unsigned n_iov, unsigned n,
				 unsigned n_all, unsigned access)
{
	uint16_t flags = access == VRI_ACCESS_WRITE ? VRING_DESC_F_WRITE : 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n_iov; i++, n++) {
		uint64_t iova, len = iov[i].iov_len;
		uint64_t rest = ring_desc_rest((uint32_t)len, flags, 0);

		if (len > UINT32_MAX)
			return -EINVAL;
		iova = vri__mem_iova(q->mem, &q->mem_hint, iov[i].iov_base, len, access);
		if (iova == MEM_NO_IOVA)
			return -EINVAL;
		bytes += len;
		if (n + 1 < n_all)
			rest = ring_desc_rest((uint32_t)len, flags | VRING_DESC_F_NEXT,
					      (uint16_t)target_desc(t, n + 1));
		put_desc(t->table, t->shadow, target_desc(t, n), iova, rest);
	}
	return (int64_t)bytes;
}

/* Descriptors that are free may hold anything: a request that turns out to be wrong half way needs no
 * undoing. Returns: 0 and the bytes each way; -EINVAL. */
static inline __attribute__((always_inline)) int
put_all(struct vri_drvq *q, const struct target *t, const struct iovec *readable,
	unsigned n_readable, const struct iovec *writable, unsigned n_writable,
	int64_t *ret_readable, int64_t *ret_writable)
{
	unsigned n = n_readable + n_writable;

	/* virtio 1.4, 2.7.4.2: readable ones first. */
	*ret_readable = put_pieces(q, t, readable, n_readable, 0, n, VRI_ACCESS_READ);
	if (*ret_readable < 0)
		return -EINVAL;
	*ret_writable = put_pieces(q, t, writable, n_writable, n_readable, n, VRI_ACCESS_WRITE);
	/* virtio 1.4, 2.7.5.2 */
	return *ret_writable < 0 || *ret_readable + *ret_writable > UINT32_MAX ? -EINVAL : 0;
}

/* ---- add ---- */

static inline bool wants_table(const struct vri_drvq *q, unsigned n)
{
	return n <= q->split.indirect_max && (n > DIRECT_PIECES || n > q->split.n_free) && n > 1;
}

/* Makes the request that starts at @head available in the next slot, but not yet visible. */
static inline void stage(struct vri_drvq *q, unsigned head, unsigned n_desc, void *token,
			 uint32_t readable_len, uint32_t writable_len)
{
	struct split_drv *s = &q->split;
	unsigned slot = s->idx & q->mask;

	s->free_first = (uint16_t)((s->free_first + n_desc) & q->mask);
	s->n_free = (uint16_t)(s->n_free - n_desc);
	outstanding_add(&q->outstanding, head, token, writable_len);
	q->bytes_readable_staged += readable_len;
	drvq_show_outstanding(q, head, true);

	/* virtio 1.4, 2.7.13.2: the head goes into the ring before the index moves. */
	if (s->avail_shadow[slot] != head) {
		s->avail_shadow[slot] = (uint16_t)head;
		ring_store_avail_entry(&s->avail_ring[slot], (uint16_t)head);
	}
	s->idx++;
}

/* Out of line, so that the usual small request keeps its registers. */
static __attribute__((noinline)) int add_indirect(struct vri_drvq *q, const struct iovec *readable,
						  unsigned n_readable, const struct iovec *writable,
						  unsigned n_writable, void *token)
{
	struct split_drv *s = &q->split;
	unsigned head = s->free_ring[s->free_first];
	size_t at = (size_t)head * s->indirect_max;
	const struct target t = { s->tables + at * RING_DESC_BYTES, s->tables_shadow + at, NULL, 0,
				  0 };
	int64_t to_read, to_write;

	if (put_all(q, &t, readable, n_readable, writable, n_writable, &to_read, &to_write) < 0)
		return -EINVAL;
	put_desc(s->desc, s->desc_shadow, head, s->tables_iova + at * RING_DESC_BYTES,
		 ring_desc_rest((n_readable + n_writable) * RING_DESC_BYTES, VRING_DESC_F_INDIRECT,
				0));
	stage(q, head, 1, token, (uint32_t)to_read, (uint32_t)to_write);
	return 0;
}

/* The usual small message: one piece, one descriptor. */
static inline int add_single(struct vri_drvq *q, const struct iovec *iov, bool writable,
			     void *token)
{
	struct split_drv *s = &q->split;
	unsigned head = s->free_ring[s->free_first];
	uint64_t iova, len = iov->iov_len;

	if (s->n_free == 0)
		return -ENOSPC;
	if (len > UINT32_MAX)
		return -EINVAL;
	iova = vri__mem_iova(q->mem, &q->mem_hint, iov->iov_base, len,
			     writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ);
	if (iova == MEM_NO_IOVA)
		return -EINVAL;
	put_desc(s->desc, s->desc_shadow, head, iova,
		 ring_desc_rest((uint32_t)len, writable ? VRING_DESC_F_WRITE : 0, 0));
	stage(q, head, 1, token, writable ? 0 : (uint32_t)len, writable ? (uint32_t)len : 0);
	return 0;
}

static int add_direct(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		      const struct iovec *writable, unsigned n_writable, void *token)
{
	struct split_drv *s = &q->split;
	const struct target t = { s->desc, s->desc_shadow, s->free_ring, s->free_first, q->mask };
	unsigned n = n_readable + n_writable;
	int64_t to_read, to_write;

	if (n > s->n_free)
		return -ENOSPC;
	if (put_all(q, &t, readable, n_readable, writable, n_writable, &to_read, &to_write) < 0)
		return -EINVAL;
	stage(q, s->free_ring[s->free_first], n, token, (uint32_t)to_read, (uint32_t)to_write);
	return 0;
}

static int split_add(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		     const struct iovec *writable, unsigned n_writable, void *token)
{
	unsigned n = n_readable + n_writable;

	if (n == 1)
		return add_single(q, n_readable != 0 ? readable : writable, n_readable == 0, token);
	if (wants_table(q, n) && q->split.n_free > 0)
		return add_indirect(q, readable, n_readable, writable, n_writable, token);
	return add_direct(q, readable, n_readable, writable, n_writable, token);
}

/* ---- publish and announce ---- */

static inline unsigned n_staged(const struct vri_drvq *q)
{
	return (unsigned)(q->outstanding.n_added - q->n_published);
}

static void split_publish(struct vri_drvq *q)
{
	struct split_drv *s = &q->split;
	unsigned n = n_staged(q);

	if (n == 0)
		return;
	/* Releases payload, descriptors and ring entries. Pairs with ring_look_idx() in
	 * look_for_available() of split_dev.c. virtio 1.4, 2.7.13.3.1 */
	ring_publish_avail_idx(s->avail_idx, s->idx);
	q->n_published += n;
	/* It only has to be right up to 65536. */
	if (s->unannounced <= UINT16_MAX)
		s->unannounced += n;
	COUNTER_ADD(&q->count, buffers, n);
	COUNTER_ADD(&q->count, bytes_readable, q->bytes_readable_staged);
	q->bytes_readable_staged = 0;
}

static enum notify_verdict split_announce(struct vri_drvq *q)
{
	struct split_drv *s = &q->split;
	uint32_t n;
	bool wanted;

	split_publish(q);
	n = s->unannounced;
	if (n == 0)
		return NOTIFY_NOTHING_NEW;
	s->unannounced = 0;
	/* Orders the index before the look at the device's wish. Pairs with ring_fence_armed() in
	 * split_dev.c. virtio 1.4, 2.7.13.4.1 */
	ring_fence_published();
	/* virtio 1.4, 2.7.10.1: with EVENT_IDX the flags are not looked at, without it the event
	 * word is not. */
	if (q->event_idx)
		wanted = vri__notify_event(ring_look_wish(s->avail_event), s->idx, n);
	else
		wanted = vri__notify_flags(ring_look_wish(s->used_flags));
	return wanted ? NOTIFY_WANTED : NOTIFY_NOT_WANTED;
}

/* ---- used buffers ---- */

static inline unsigned n_lent(const struct vri_drvq *q)
{
	return q->outstanding.n - n_staged(q);
}

/* Frees the descriptors of the request that starts at @head, along the private copy of its chain. */
static inline void free_descriptors(struct vri_drvq *q, unsigned head)
{
	struct split_drv *s = &q->split;
	unsigned at = head;
	uint16_t n = 1;

	s->free_ring[s->free_last] = (uint16_t)at;
	s->free_last = (s->free_last + 1) & q->mask;
	while ((ring_desc_flags(&s->desc_shadow[at]) & VRING_DESC_F_NEXT) != 0) {
		at = ring_desc_next(&s->desc_shadow[at]);
		s->free_ring[s->free_last] = (uint16_t)at;
		s->free_last = (s->free_last + 1) & q->mask;
		n++;
	}
	s->n_free = (uint16_t)(s->n_free + n);
}

/* Tells an id that lies inside of an outstanding chain from one that is not outstanding at all. For
 * the error's sake only, so it may take its time. */
static enum vri_rule why_not_lent(const struct vri_drvq *q, unsigned id)
{
	const struct outstanding *o = &q->outstanding;
	const struct ring_desc *shadow = q->split.desc_shadow;

	/* What tests/proofs/split_used proves. */
	/*@ loop invariant h <= o->size;
	    loop assigns h;
	    loop variant o->size - h; */
	for (unsigned h = 0; h < o->size; h++) {
		if (o->record[h].token == NULL)
			continue;
		/*@ loop invariant at < o->size && is_in_a_chain(at) && 0 <= to_the_end(at);
		    loop assigns at;
		    loop variant to_the_end(at); */
		for (unsigned at = h; (ring_desc_flags(&shadow[at]) & VRING_DESC_F_NEXT) != 0;) {
			at = ring_desc_next(&shadow[at]);
			if (at == id)
				return VRI_RULE_USED_ID;
		}
	}
	return VRI_RULE_USED_NOT_LENT;
}

/* Checks the next used entry and takes it. */
static inline enum vri_rule take_one(struct vri_drvq *q, struct vri_used *ret)
{
	struct split_drv *s = &q->split;
	unsigned slot = s->used_idx & q->mask;
	uint32_t id, len;
	struct outstanding_record *r;

	ring_load_used_entry(&s->used_ring[2 * slot], &id, &len);
	if (id >= q->size)
		return VRI_RULE_USED_ID;
	if (!drvq_is_lent(q, id))
		return why_not_lent(q, id);
	r = &q->outstanding.record[id];
	if (len > r->writable_len)
		return VRI_RULE_USED_LEN;

	ret->token = r->token;
	ret->len = len;
	outstanding_remove(&q->outstanding, id);
	free_descriptors(q, id);
	drvq_show_outstanding(q, id, false);
	s->used_idx++;
	return VRI_RULE_NONE;
}

/* The same with IN_ORDER: a used entry can stand for a batch, and lies in the slot of the first. The
 * slots of the others hold anything. */
static inline enum vri_rule take_one_in_order(struct vri_drvq *q, struct vri_used *ret)
{
	struct split_drv *s = &q->split;
	unsigned slot = s->used_idx & q->mask;
	enum vri_rule rule;
	uint32_t id, len;
	unsigned head;

	if (q->batch_left == 0) {
		ring_load_used_entry(&s->used_ring[2 * slot], &id, &len);
		rule = in_order_begin(q, id, len, (uint16_t)(s->used_idx_seen - s->used_idx));
		if (rule != VRI_RULE_NONE)
			return rule;
	}
	head = in_order_next(q, ret);
	free_descriptors(q, head);
	drvq_show_outstanding(q, head, false);
	s->used_idx++;
	return VRI_RULE_NONE;
}

/* Looks at the device's index unless an older look left something to take. Returns: a broken rule. */
static inline enum vri_rule look_for_used(struct vri_drvq *q)
{
	struct split_drv *s = &q->split;
	uint16_t idx;

	if (s->used_idx != s->used_idx_seen)
		return VRI_RULE_NONE;
	/* Acquires used entries and what the device wrote. Pairs with ring_publish_used_idx() in
	 * split_dev_publish(). */
	idx = ring_look_idx(s->used_idx_word);
	if ((uint16_t)(idx - s->used_idx) > n_lent(q))
		return VRI_RULE_USED_IDX;
	s->used_idx_seen = idx;
	return VRI_RULE_NONE;
}

static inline int take(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
		       enum vri_rule *ret_rule,
		       enum vri_rule (*one)(struct vri_drvq *q, struct vri_used *ret))
{
	struct split_drv *s = &q->split;
	enum vri_rule rule = VRI_RULE_NONE;
	uint64_t bytes = 0;
	unsigned n = 0;

	while (n < max) {
		rule = look_for_used(q);
		if (rule != VRI_RULE_NONE || s->used_idx == s->used_idx_seen)
			break;
		rule = one(q, &ret_used[n]);
		if (rule != VRI_RULE_NONE)
			break;
		bytes += ret_used[n++].len;
	}
	if (n > 0) {
		COUNTER_ADD(&q->count, bytes_written, bytes);
		COUNTER_ADD(&q->count, position, n);
		return (int)n;
	}
	*ret_rule = rule;
	return rule == VRI_RULE_NONE ? 0 : -EPROTO;
}

static int split_take(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
		      enum vri_rule *ret_rule)
{
	return take(q, ret_used, max, ret_rule, take_one);
}

static int split_take_in_order(struct vri_drvq *q, struct vri_used *ret_used, unsigned max,
			       enum vri_rule *ret_rule)
{
	return take(q, ret_used, max, ret_rule, take_one_in_order);
}

static bool split_has_used(const struct vri_drvq *q)
{
	const struct split_drv *s = &q->split;

	return s->used_idx != s->used_idx_seen || ring_look_idx(s->used_idx_word) != s->used_idx;
}

/* ---- asking for notifications ---- */

static void put_flags(struct split_drv *s, uint16_t flags)
{
	if (s->flags == flags)
		return;
	s->flags = flags;
	ring_store_wish(s->avail_flags, flags);
}

static void put_event(struct split_drv *s, uint16_t event)
{
	if (s->used_event == event)
		return;
	s->used_event = event;
	ring_store_wish(s->used_event_word, event);
}

static int split_arm(struct vri_drvq *q, unsigned n)
{
	struct split_drv *s = &q->split;
	uint16_t event;

	if (!q->event_idx || n < 1)
		n = 1;
	if (n > n_lent(q))
		n = n_lent(q) > 0 ? n_lent(q) : 1;
	event = (uint16_t)(s->used_idx + n - 1);
	if ((uint16_t)(s->used_idx_seen - s->used_idx) >= n)
		return 1;
	if (!q->event_idx) {
		put_flags(s, 0);
	} else {
		put_event(s, event);
	}
	/* Orders the wish before the second look. Pairs with ring_fence_published() in
	 * split_dev.c. */
	ring_fence_armed();
	if ((uint16_t)(ring_look_idx(s->used_idx_word) - s->used_idx) >= n)
		return 1;
	COUNTER_ADD(&q->count, sleeps, 1);
	return 0;
}

static void split_suppress(struct vri_drvq *q)
{
	struct split_drv *s = &q->split;

	if (!q->event_idx) {
		put_flags(s, VRING_AVAIL_F_NO_INTERRUPT);
		return;
	}
	/* virtio 1.4, 2.7.7.1: avail.flags stays 0. An event that has passed asks for nothing until
	 * the index has gone all the way round; one that has not is moved to where it has. */
	if ((uint16_t)(s->used_event - s->used_idx) < q->size)
		put_event(s, (uint16_t)(s->used_idx - 1));
}

/* ---- memory ---- */

static bool chain_overlaps(const struct ring_desc *shadow, unsigned head, uint64_t iova,
			   uint64_t len)
{
	for (unsigned at = head;; at = ring_desc_next(&shadow[at])) {
		if (drvq_overlaps(shadow[at].addr, ring_desc_len(&shadow[at]), iova, len))
			return true;
		if ((ring_desc_flags(&shadow[at]) & VRING_DESC_F_NEXT) == 0)
			return false;
	}
}

static bool split_uses_memory(const struct vri_drvq *q, uint64_t iova, uint64_t len)
{
	const struct outstanding *o = &q->outstanding;
	const struct split_drv *s = &q->split;

	for (unsigned h = outstanding_first(o); h != o->size; h = outstanding_next(o, h)) {
		bool indirect = (ring_desc_flags(&s->desc_shadow[h]) & VRING_DESC_F_INDIRECT) != 0;

		if (chain_overlaps(s->desc_shadow, h, iova, len))
			return true;
		if (indirect &&
		    chain_overlaps(s->tables_shadow + (size_t)h * s->indirect_max, 0, iova, len))
			return true;
	}
	return false;
}

/* ---- set-up ---- */

static size_t split_bytes(const struct queue_setup *setup)
{
	return queue_lines(setup->size * sizeof(struct ring_desc)) +
	       2 * queue_lines(setup->size * sizeof(uint16_t)) + drvq_tables_bytes(setup);
}

static void split_init(struct vri_drvq *q, const struct queue_setup *setup, void *arrays)
{
	struct split_drv *s = &q->split;
	struct vring_avail __shm *avail = setup->driver;
	struct vring_used __shm *used = setup->device;
	unsigned size = setup->size;
	char *at = arrays;

	s->desc = setup->desc;
	s->avail_flags = &avail->flags;
	s->avail_idx = &avail->idx;
	s->avail_ring = avail->ring;
	s->used_event_word = &avail->ring[size];
	s->used_flags = &used->flags;
	s->used_idx_word = &used->idx;
	s->used_ring = (uint32_t __shm *)used->ring;
	s->avail_event = (const uint16_t __shm *)&used->ring[size];

	s->desc_shadow = (struct ring_desc *)at;
	at += queue_lines(size * sizeof(struct ring_desc));
	s->avail_shadow = (uint16_t *)at;
	at += queue_lines(size * sizeof(uint16_t));
	s->free_ring = (uint16_t *)at;
	at += queue_lines(size * sizeof(uint16_t));
	for (unsigned i = 0; i < size; i++)
		s->free_ring[i] = (uint16_t)i;
	s->n_free = (uint16_t)size;

	if (drvq_tables_bytes(setup) != 0) {
		/* No descriptor of a table is all zeros, so nothing needs to be written here for
		 * the shadow to be right. */
		s->tables = setup->tables;
		s->tables_iova = setup->tables_iova;
		s->tables_shadow = (struct ring_desc *)at;
		s->indirect_max = setup->indirect_max;
	}
	ring_zero_area(s->desc, vri__split_area_bytes(RING_DESC_AREA, size));
	ring_zero_area(avail, vri__split_area_bytes(RING_DRIVER_AREA, size));
}

static unsigned split_free_descriptors(const struct vri_drvq *q)
{
	return q->split.n_free;
}

const struct drvq_format vri__split_drv = {
	.bytes = split_bytes,
	.init = split_init,
	.add = split_add,
	.publish = split_publish,
	.announce = split_announce,
	.take = split_take,
	.arm = split_arm,
	.suppress = split_suppress,
	.has_used = split_has_used,
	.uses_memory = split_uses_memory,
	.free_descriptors = split_free_descriptors,
};

const struct drvq_format vri__split_in_order_drv = {
	.bytes = split_bytes,
	.init = split_init,
	.add = split_add,
	.publish = split_publish,
	.announce = split_announce,
	.take = split_take_in_order,
	.arm = split_arm,
	.suppress = split_suppress,
	.has_used = split_has_used,
	.uses_memory = split_uses_memory,
	.free_descriptors = split_free_descriptors,
};
