/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's side of a split virtqueue.
 *
 * The plot: pop looks at the driver's index, copies the next head out of the available ring and has
 * the chain walked; the head is in flight then, a private record says with which lengths. push
 * writes a used entry for a head that is in flight, publish moves the used index past all of them,
 * announce asks whether the driver wants to hear of it. rewind forgets the newest pops.
 *
 * The device stores to nothing but the used ring, and not twice the same value in the same place.
 */

#include "devq.h"

#include <errno.h>

#include <linux/virtio_ring.h>

#include "chain_pieces.h"
#include "ring_layout.h"

/* How many chains ahead pop asks for payload: about what fits into the time that a line takes. */
#define FETCH_AHEAD 8u

/* ---- pop and rewind ---- */

/* Looks at the driver's index unless an older look left something to pop. Returns: a broken rule. */
static inline enum vri_rule look_for_available(struct vri_devq *q)
{
	struct split_dev *s = &q->split;
	uint16_t idx;

	if (s->avail_idx != s->avail_idx_seen)
		return VRI_RULE_NONE;
	/* Acquires ring entries, descriptors and payload. Pairs with ring_publish_avail_idx() in
	 * split_publish() of split_drv.c. */
	idx = ring_look_idx(s->avail_idx_word);
	if ((uint16_t)(idx - s->avail_idx) > q->size)
		return VRI_RULE_AVAIL_IDX; /* virtio 1.4, 2.7.6.1: it never goes back */
	s->avail_idx_seen = idx;
	return VRI_RULE_NONE;
}

/* Asks for the first piece of a chain that comes later, by where the last one with its head was: the
 * line comes while others are worked on. A hint, so a driver that changes its heads or its buffers
 * slows down itself and nothing else. */
static inline void fetch_ahead(const struct vri_devq *q)
{
	const struct split_dev *s = &q->split;
	unsigned head;

	if ((uint16_t)(s->avail_idx_seen - s->avail_idx) <= FETCH_AHEAD)
		return;
	head = ring_load_avail_entry(&s->avail_ring[(s->avail_idx + FETCH_AHEAD) & q->mask]);
	if (head < q->size)
		__builtin_prefetch(s->flight[head].first_piece);
}

/* The chain at @head is found, and is the device's from now on. */
static inline int take_off(struct vri_devq *q, unsigned head, struct vri_chain *chain)
{
	struct split_dev *s = &q->split;

	chain->head = (uint16_t)head;
	chain->id = (uint32_t)q->epoch << 16 | s->avail_idx;
	flight_begin(&s->flight[head], chain, 1);
	s->popped[s->avail_idx & q->mask] = (uint16_t)head;
	s->avail_idx++;
	q->n_in_flight++;
	COUNTER_ADD(&q->count, position, 1);
	return 1;
}

/* Any chain, by the walker. It looks at the first descriptor anew: what an earlier look found does not
 * count. */
static __attribute__((noinline)) int pop_any(struct vri_devq *q, unsigned head,
					     struct vri_chain *chain, enum vri_rule *ret_rule)
{
	int r = vri__chain_walk(&q->source, head, chain, ret_rule);

	return r < 0 ? r : take_off(q, head, chain);
}

static int split_pop(struct vri_devq *q, struct vri_chain *chain, enum vri_rule *ret_rule)
{
	struct split_dev *s = &q->split;
	struct ring_desc desc;
	unsigned head;

	*ret_rule = look_for_available(q);
	if (*ret_rule != VRI_RULE_NONE)
		return -EPROTO;
	if (s->avail_idx == s->avail_idx_seen)
		return 0;
	fetch_ahead(q);
	head = ring_load_avail_entry(&s->avail_ring[s->avail_idx & q->mask]);
	if (head >= q->size) {
		*ret_rule = VRI_RULE_HEAD;
		return -EPROTO;
	}
	if (s->flight[head].state != FLIGHT_NONE) {
		*ret_rule = VRI_RULE_HEAD_IN_FLIGHT;
		return -EPROTO;
	}
	desc = ring_load_desc(q->source.desc, head);
	if ((ring_desc_flags(&desc) & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) == 0 &&
	    chain_take_single(&q->source, desc.addr, ring_desc_len(&desc),
			      (ring_desc_flags(&desc) & VRING_DESC_F_WRITE) != 0, chain))
		return take_off(q, head, chain);
	return pop_any(q, head, chain, ret_rule);
}

static int split_rewind(struct vri_devq *q, unsigned n)
{
	struct split_dev *s = &q->split;
	uint16_t idx;
	unsigned head;

	if (n > q->n_in_flight)
		return -EINVAL;
	for (unsigned i = 1; i <= n; i++) {
		idx = (uint16_t)(s->avail_idx - i);
		head = s->popped[idx & q->mask];
		if (s->flight[head].state != FLIGHT_POPPED || (uint16_t)s->flight[head].id != idx)
			return -EINVAL;
	}
	for (unsigned i = 1; i <= n; i++)
		s->flight[s->popped[(uint16_t)(s->avail_idx - i) & q->mask]].state = FLIGHT_NONE;
	s->avail_idx = (uint16_t)(s->avail_idx - n);
	q->n_in_flight -= n;
	q->count.value.position -= n;
	COUNTER_PUT(&q->count, position);
	return 0;
}

/* ---- push, publish and announce ---- */

/* The flight of a chain that may be pushed with @written bytes; else NULL. */
static inline struct flight *flight_of(const struct vri_devq *q, const struct vri_chain *chain,
				       uint32_t written)
{
	struct flight *flight = &q->split.flight[chain->head & q->mask];

	if (chain->head >= q->size || flight->state != FLIGHT_POPPED || flight->id != chain->id ||
	    written > flight->writable_len)
		return NULL;
	return flight;
}

/* Writes the next used entry. */
static inline void put_used(struct vri_devq *q, unsigned head, uint32_t written)
{
	struct split_dev *s = &q->split;
	unsigned slot = s->used_idx & q->mask;
	struct split_used *shadow = &s->used_shadow[slot];

	q->bytes_readable_staged += s->flight[head].readable_len;
	q->bytes_written_staged += written;
	if (shadow->id != head) {
		shadow->id = head;
		ring_store_used_id(&s->used_ring[2 * slot], head);
	}
	if (shadow->len != written) {
		shadow->len = written;
		ring_store_used_len(&s->used_ring[2 * slot], written);
	}
	s->used_idx++;
}

static int split_push(struct vri_devq *q, const struct vri_chain *chain, uint32_t written)
{
	struct flight *flight = flight_of(q, chain, written);

	if (flight == NULL)
		return -EINVAL;
	flight->state = FLIGHT_NONE;
	q->n_in_flight--;
	put_used(q, chain->head, written);
	return 0;
}

/* virtio 1.4, 6.2: with IN_ORDER buffers are used in the order in which they were made available.
 * Each gets an entry of its own, though one could stand for a batch: so lengths are kept, and as
 * slot i always gets the same head, an entry of the same length is not stored again at all. */
static int split_push_in_order(struct vri_devq *q, const struct vri_chain *chain, uint32_t written)
{
	struct split_dev *s = &q->split;
	struct flight *flight = flight_of(q, chain, written);

	if (flight == NULL)
		return -EINVAL;
	q->n_in_flight--;
	if (q->n_held == 0 && s->popped[s->used_idx & q->mask] == chain->head) {
		/* It is the oldest, and nobody waits for it. */
		flight->state = FLIGHT_NONE;
		put_used(q, chain->head, written);
		return 0;
	}
	flight->state = FLIGHT_HELD;
	flight->written = written;
	q->n_held++;
	while (q->n_held > 0) {
		unsigned oldest = s->popped[s->used_idx & q->mask];

		flight = &s->flight[oldest];
		if (flight->state != FLIGHT_HELD)
			break;
		flight->state = FLIGHT_NONE;
		q->n_held--;
		put_used(q, oldest, flight->written);
	}
	return 0;
}

static void split_dev_publish(struct vri_devq *q)
{
	struct split_dev *s = &q->split;
	uint16_t n = (uint16_t)(s->used_idx - s->used_idx_published);

	if (n == 0)
		return;
	/* Releases the used entries and what was written into buffers. Pairs with ring_look_idx()
	 * in look_for_used() of split_drv.c. virtio 1.4, 2.7.8.2: length before index */
	ring_publish_used_idx(s->used_idx_word, s->used_idx);
	s->used_idx_published = s->used_idx;
	/* It only has to be right up to 65536. */
	if (s->unannounced <= UINT16_MAX)
		s->unannounced += n;
	COUNTER_ADD(&q->count, buffers, n);
	COUNTER_ADD(&q->count, bytes_readable, q->bytes_readable_staged);
	COUNTER_ADD(&q->count, bytes_written, q->bytes_written_staged);
	q->bytes_readable_staged = 0;
	q->bytes_written_staged = 0;
}

static enum notify_verdict split_announce(struct vri_devq *q)
{
	struct split_dev *s = &q->split;
	uint32_t n;
	bool wanted;

	split_dev_publish(q);
	n = s->unannounced;
	if (n == 0)
		return NOTIFY_NOTHING_NEW;
	s->unannounced = 0;
	/* Orders the index before the look at the driver's wish. Pairs with ring_fence_armed() in
	 * split_drv.c. */
	ring_fence_published();
	/* virtio 1.4, 2.7.7.2: with EVENT_IDX the flags are not looked at, without it the event
	 * word is not. */
	if (q->event_idx)
		wanted = vri__notify_event(ring_look_wish(s->used_event), s->used_idx_published, n);
	else
		wanted = vri__notify_flags(ring_look_wish(s->avail_flags));
	return wanted ? NOTIFY_WANTED : NOTIFY_NOT_WANTED;
}

/* ---- asking for notifications ---- */

static bool split_has_available(const struct vri_devq *q)
{
	const struct split_dev *s = &q->split;

	return s->avail_idx != s->avail_idx_seen ||
	       ring_look_idx(s->avail_idx_word) != s->avail_idx;
}

static void put_flags(struct split_dev *s, uint16_t flags)
{
	if (s->flags == flags)
		return;
	s->flags = flags;
	ring_store_wish(s->used_flags, flags);
}

static void put_event(struct split_dev *s, uint16_t event)
{
	if (s->avail_event == event)
		return;
	s->avail_event = event;
	ring_store_wish(s->avail_event_word, event);
}

static int split_arm(struct vri_devq *q)
{
	struct split_dev *s = &q->split;

	if (s->avail_idx != s->avail_idx_seen)
		return 1;
	if (q->event_idx)
		put_event(s, s->avail_idx);
	else
		put_flags(s, 0);
	/* Orders the wish before the second look. Pairs with ring_fence_published() in
	 * split_drv.c. */
	ring_fence_armed();
	if (split_has_available(q))
		return 1;
	COUNTER_ADD(&q->count, sleeps, 1);
	return 0;
}

static void split_suppress(struct vri_devq *q)
{
	struct split_dev *s = &q->split;

	/* virtio 1.4, 2.7.10.2: with EVENT_IDX used.flags stays 0. An event that has passed asks for
	 * nothing until the index has gone all the way round; one that has not is moved to where it
	 * has. */
	if (!q->event_idx)
		put_flags(s, VRING_USED_F_NO_NOTIFY);
	else if (s->avail_event == s->avail_idx)
		put_event(s, (uint16_t)(s->avail_idx - 1));
}

/* ---- set-up ---- */

static size_t split_bytes(const struct queue_setup *setup)
{
	return queue_lines(setup->size * sizeof(struct flight)) +
	       queue_lines(setup->size * sizeof(uint16_t)) +
	       setup->size * sizeof(struct split_used);
}

static void split_init(struct vri_devq *q, const struct queue_setup *setup, void *arrays)
{
	struct split_dev *s = &q->split;
	struct vring_avail __shm *avail = setup->driver;
	struct vring_used __shm *used = setup->device;
	unsigned size = setup->size;
	char *at = arrays;

	s->avail_flags = &avail->flags;
	s->avail_idx_word = &avail->idx;
	s->avail_ring = avail->ring;
	s->used_event = &avail->ring[size];
	s->used_flags = &used->flags;
	s->used_idx_word = &used->idx;
	s->used_ring = (uint32_t __shm *)used->ring;
	s->avail_event_word = (uint16_t __shm *)&used->ring[size];

	s->flight = (struct flight *)at;
	at += queue_lines(size * sizeof(struct flight));
	s->popped = (uint16_t *)at;
	at += queue_lines(size * sizeof(uint16_t));
	s->used_shadow = (struct split_used *)at;
	ring_zero_area(used, vri__split_area_bytes(RING_DEVICE_AREA, size));
}

const struct devq_format vri__split_dev = {
	.bytes = split_bytes,
	.init = split_init,
	.pop = split_pop,
	.rewind = split_rewind,
	.push = split_push,
	.publish = split_dev_publish,
	.announce = split_announce,
	.arm = split_arm,
	.suppress = split_suppress,
	.has_available = split_has_available,
};

const struct devq_format vri__split_in_order_dev = {
	.bytes = split_bytes,
	.init = split_init,
	.pop = split_pop,
	.rewind = split_rewind,
	.push = split_push_in_order,
	.publish = split_dev_publish,
	.announce = split_announce,
	.arm = split_arm,
	.suppress = split_suppress,
	.has_available = split_has_available,
};
