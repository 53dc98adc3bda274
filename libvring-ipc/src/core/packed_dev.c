/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's side of a packed virtqueue.
 *
 * The plot: pop looks at the flags of the next slot; when they say available, the list that begins
 * there is walked and its buffer id is in flight, with a private record of its lengths and slots.
 * push writes a used descriptor into the next used slot, whatever list that slot belonged to, and
 * goes on behind as many slots as the pushed list had; the first flags of what was not published
 * yet are held back, and publish writes those. rewind forgets the newest pops.
 *
 * The device knows how many slots it has not given back; a driver that makes more available than
 * there is room for has broken a rule, and no slot is run twice.
 */

#include "devq.h"

#include <errno.h>

#include <linux/virtio_ring.h>

#include "chain_pieces.h"
#include "packed_chain.h"
#include "packed_ring.h"
#include "ring_layout.h"

/* ---- pop and rewind ---- */

/* Looks at the next slot. */
static inline bool look_for_available(const struct vri_devq *q, uint16_t *ret_flags)
{
	const struct packed_dev *p = &q->packed;

	/* Acquires the descriptors of the list and of those published with it, and payload. Pairs
	 * with ring_publish_packed_available() in packed_publish() of packed_drv.c. */
	*ret_flags = ring_look_packed_flags(p->ring, p->slot);
	return (*ret_flags & PACKED_BOTH) == p->available;
}

static inline void take_off(struct vri_devq *q, struct vri_chain *chain, uint16_t n)
{
	struct packed_dev *p = &q->packed;

	chain->id = (uint32_t)q->epoch << 16 | p->sequence++;
	flight_begin(&p->flight[chain->head], chain, n);
	p->popped[p->popped_at] = chain->head;
	p->popped_at = p->popped_at + 1 < q->size ? p->popped_at + 1 : 0;
	p->n_taken = (uint16_t)(p->n_taken + n);
	packed_advance(q->size, &p->slot, &p->available, n);
	q->n_in_flight++;
	COUNTER_ADD(&q->count, position, n);
}

/* A list of one descriptor; see chain_take_single(). The walker looks at the body anew: what this look
 * found does not count then. */
static inline bool take_single(const struct vri_devq *q, const struct packed_list *list,
			       struct vri_chain *chain)
{
	struct ring_packed_body body;

	if ((list->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) != 0)
		return false;
	body = ring_load_packed_body(q->source.desc, list->slot);
	if (body.id >= q->size ||
	    !chain_take_single(&q->source, body.addr, body.len,
			       (list->flags & VRING_DESC_F_WRITE) != 0, chain))
		return false;
	chain->head = body.id;
	return true;
}

static int packed_pop(struct vri_devq *q, struct vri_chain *chain, enum vri_rule *ret_rule)
{
	struct packed_dev *p = &q->packed;
	struct packed_list list = { .slot = p->slot, .available = p->available };
	uint16_t n = 1;
	int r;

	if (!look_for_available(q, &list.flags))
		return 0;
	list.room = (uint16_t)(q->size - p->n_taken);
	if (list.room == 0) {
		*ret_rule = VRI_RULE_AVAIL_IDX;
		return -EPROTO;
	}
	if (!take_single(q, &list, chain)) {
		r = vri__packed_chain_walk(&q->source, &list, chain, &n, ret_rule);
		if (r < 0)
			return r;
	}
	if (p->flight[chain->head].state != FLIGHT_NONE) {
		*ret_rule = VRI_RULE_HEAD_IN_FLIGHT;
		return -EPROTO;
	}
	take_off(q, chain, n);
	return 1;
}

/* The flight that was popped @back pops ago, if nothing else happened to it since; else NULL. */
static struct flight *popped_before(const struct vri_devq *q, unsigned back)
{
	const struct packed_dev *p = &q->packed;
	unsigned at = p->popped_at >= back ? p->popped_at - back : p->popped_at + q->size - back;
	struct flight *flight = &p->flight[p->popped[at]];

	if (flight->state != FLIGHT_POPPED ||
	    (uint16_t)flight->id != (uint16_t)(p->sequence - back))
		return NULL;
	return flight;
}

static int packed_rewind(struct vri_devq *q, unsigned n)
{
	struct packed_dev *p = &q->packed;
	unsigned n_desc = 0;

	if (n > q->n_in_flight)
		return -EINVAL;
	for (unsigned i = 1; i <= n; i++)
		if (popped_before(q, i) == NULL)
			return -EINVAL;
	for (unsigned i = 1; i <= n; i++) {
		struct flight *flight = popped_before(q, i);

		/* -Wanalyzer-null-dereference: the loop before has seen that there is one */
		flight->state = FLIGHT_NONE;
		n_desc += flight->n;
	}
	p->popped_at =
		(uint16_t)(p->popped_at >= n ? p->popped_at - n : p->popped_at + q->size - n);
	p->sequence = (uint16_t)(p->sequence - n);
	p->n_taken = (uint16_t)(p->n_taken - n_desc);
	packed_go_back(q->size, &p->slot, &p->available, n_desc);
	q->n_in_flight -= n;
	q->count.value.position -= n_desc;
	COUNTER_PUT(&q->count, position);
	return 0;
}

/* ---- push ---- */

/* Writes a used descriptor over the next used slot, for @n_buffers with @n descriptors. */
static inline void put_used(struct vri_devq *q, uint16_t id, uint32_t written, uint16_t n,
			    uint32_t n_buffers)
{
	struct packed_dev *p = &q->packed;
	/* virtio 1.4, 2.8.3: WRITE says whether anything was written, and so whether the length
	 * means anything; AVAIL and USED are both the device's wrap counter. */
	uint16_t flags = (uint16_t)(p->used | (written != 0 ? VRING_DESC_F_WRITE : 0));

	ring_store_packed_id_len(p->ring, p->used_slot, id, written);
	if (p->n_staged == 0) {
		p->staged_slot = p->used_slot;
		p->staged_flags = flags;
	} else {
		ring_store_packed_flags(p->ring, p->used_slot, flags);
	}
	p->n_staged = (uint16_t)(p->n_staged + n);
	p->n_staged_buffers += n_buffers;
	packed_advance(q->size, &p->used_slot, &p->used, n);
}

/* Takes a chain that may be pushed with @written bytes out of flight. Returns: its record; NULL. */
static inline struct flight *land(struct vri_devq *q, const struct vri_chain *chain,
				  uint32_t written, enum flight_state state)
{
	struct flight *flight;

	if (chain->head >= q->size)
		return NULL;
	flight = &q->packed.flight[chain->head];
	if (flight->state != FLIGHT_POPPED || flight->id != chain->id ||
	    written > flight->writable_len)
		return NULL;
	flight->state = (uint8_t)state;
	flight->written = written;
	q->n_in_flight--;
	return flight;
}

static inline void count_bytes(struct vri_devq *q, const struct flight *flight)
{
	q->bytes_readable_staged += flight->readable_len;
	q->bytes_written_staged += flight->written;
}

static int packed_push(struct vri_devq *q, const struct vri_chain *chain, uint32_t written)
{
	const struct flight *flight = land(q, chain, written, FLIGHT_NONE);

	if (flight == NULL)
		return -EINVAL;
	count_bytes(q, flight);
	put_used(q, chain->head, written, flight->n, 1);
	return 0;
}

/* ---- the same in order ----
 *
 * virtio 1.4, 2.8.8: one used descriptor can stand for a batch; it has the id of the last buffer, and
 * the driver takes the others to be written completely. So a run of buffers ends at the first that
 * is not, and no length is lost. */

static void end_run(struct vri_devq *q)
{
	struct packed_run *run = &q->packed.run;

	if (run->n_buffers == 0)
		return;
	put_used(q, run->id, run->written, run->n, run->n_buffers);
	*run = (struct packed_run){ .n_buffers = 0 };
}

static void add_to_run(struct vri_devq *q, uint16_t id, const struct flight *flight)
{
	struct packed_run *run = &q->packed.run;

	count_bytes(q, flight);
	run->id = id;
	run->written = flight->written;
	run->n = (uint16_t)(run->n + flight->n);
	run->n_buffers++;
	if (flight->written != flight->writable_len)
		end_run(q);
}

/* virtio 1.4, 6.2: buffers are used in the order in which they were made available. */
static int packed_push_in_order(struct vri_devq *q, const struct vri_chain *chain, uint32_t written)
{
	struct packed_dev *p = &q->packed;
	struct flight *flight = land(q, chain, written, FLIGHT_HELD);

	if (flight == NULL)
		return -EINVAL;
	q->n_held++;
	while (q->n_held > 0) {
		uint16_t oldest = p->popped[p->oldest_at];

		flight = &p->flight[oldest];
		if (flight->state != FLIGHT_HELD)
			break;
		flight->state = FLIGHT_NONE;
		q->n_held--;
		p->oldest_at = p->oldest_at + 1 < q->size ? p->oldest_at + 1 : 0;
		add_to_run(q, oldest, flight);
	}
	return 0;
}

/* ---- publish and announce ---- */

static void packed_dev_publish(struct vri_devq *q)
{
	struct packed_dev *p = &q->packed;

	if (p->n_staged == 0)
		return;
	/* Releases the used descriptors and what was written into buffers. Pairs with
	 * ring_look_packed_flags() in look_for_used() of packed_drv.c. */
	ring_publish_packed_used(p->ring, p->staged_slot, p->staged_flags);
	/* It only has to be right up to two laps. */
	if (p->unannounced <= UINT16_MAX)
		p->unannounced += p->n_staged;
	COUNTER_ADD(&q->count, buffers, p->n_staged_buffers);
	COUNTER_ADD(&q->count, bytes_readable, q->bytes_readable_staged);
	COUNTER_ADD(&q->count, bytes_written, q->bytes_written_staged);
	p->n_taken = (uint16_t)(p->n_taken - p->n_staged);
	p->n_staged = 0;
	p->n_staged_buffers = 0;
	q->bytes_readable_staged = 0;
	q->bytes_written_staged = 0;
}

static enum notify_verdict packed_announce(struct vri_devq *q)
{
	struct packed_dev *p = &q->packed;
	uint32_t n;

	packed_dev_publish(q);
	n = p->unannounced;
	if (n == 0)
		return NOTIFY_NOTHING_NEW;
	p->unannounced = 0;
	/* Orders the flags before the look at the driver's wish. Pairs with ring_fence_armed() in
	 * packed_drv.c. */
	ring_fence_published();
	return vri__notify_packed(ring_look_packed_wish(p->driver_wish), q->event_idx, q->size,
				  packed_place(p->used_slot, p->used), n) ?
		       NOTIFY_WANTED :
		       NOTIFY_NOT_WANTED;
}

static void packed_publish_in_order(struct vri_devq *q)
{
	end_run(q);
	packed_dev_publish(q);
}

static enum notify_verdict packed_announce_in_order(struct vri_devq *q)
{
	end_run(q);
	return packed_announce(q);
}

/* ---- asking for notifications ---- */

static bool packed_has_available(const struct vri_devq *q)
{
	uint16_t flags;

	return look_for_available(q, &flags);
}

static void put_wish(struct packed_dev *p, uint32_t wish)
{
	if (p->wish == wish)
		return;
	p->wish = wish;
	ring_store_packed_wish(p->wish_word, wish);
}

static int packed_arm(struct vri_devq *q)
{
	struct packed_dev *p = &q->packed;

	put_wish(p, q->event_idx ? packed_wish_at(packed_place(p->slot, p->available)) :
				   PACKED_WISH_ENABLE);
	/* Orders the wish before the second look. Pairs with ring_fence_published() in
	 * packed_drv.c. */
	ring_fence_armed();
	if (packed_has_available(q))
		return 1;
	COUNTER_ADD(&q->count, sleeps, 1);
	return 0;
}

static void packed_suppress(struct vri_devq *q)
{
	put_wish(&q->packed, PACKED_WISH_DISABLE);
}

/* ---- set-up ---- */

static size_t packed_bytes(const struct queue_setup *setup)
{
	return queue_lines(setup->size * sizeof(struct flight)) + setup->size * sizeof(uint16_t);
}

static void packed_init(struct vri_devq *q, const struct queue_setup *setup, void *arrays)
{
	struct packed_dev *p = &q->packed;
	unsigned size = setup->size;
	char *at = arrays;

	p->ring = setup->desc;
	p->driver_wish = setup->driver;
	p->wish_word = setup->device;
	p->available = PACKED_FIRST_AVAILABLE;
	p->used = PACKED_FIRST_USED;
	p->flight = (struct flight *)at;
	at += queue_lines(size * sizeof(struct flight));
	p->popped = (uint16_t *)at;
	ring_zero_area(p->wish_word, vri__packed_area_bytes(RING_DEVICE_AREA, size));
}

const struct devq_format vri__packed_dev = {
	.bytes = packed_bytes,
	.init = packed_init,
	.pop = packed_pop,
	.rewind = packed_rewind,
	.push = packed_push,
	.publish = packed_dev_publish,
	.announce = packed_announce,
	.arm = packed_arm,
	.suppress = packed_suppress,
	.has_available = packed_has_available,
};

const struct devq_format vri__packed_in_order_dev = {
	.bytes = packed_bytes,
	.init = packed_init,
	.pop = packed_pop,
	.rewind = packed_rewind,
	.push = packed_push_in_order,
	.publish = packed_publish_in_order,
	.announce = packed_announce_in_order,
	.arm = packed_arm,
	.suppress = packed_suppress,
	.has_available = packed_has_available,
};
