/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's reading of used entries with IN_ORDER, the same in both ring formats: an entry names
 * the last buffer of a batch, and all that were made available before it are used as well. They come
 * back one by one, the oldest first.
 */
#ifndef CORE_IN_ORDER_H
#define CORE_IN_ORDER_H

#include "drvq.h"

/* Checks an entry that says that @id, with @len bytes written, ends a batch of at most @max. */
static inline enum vri_rule in_order_begin(struct vri_drvq *q, uint32_t id, uint32_t len,
					   uint32_t max)
{
	const struct outstanding *o = &q->outstanding;
	uint64_t n;

	if (id >= q->size)
		return VRI_RULE_USED_ID;
	if (!drvq_is_lent(q, id))
		return VRI_RULE_USED_NOT_LENT;
	/* Who is outstanding was added one after the other, and the oldest went first: no gaps. */
	n = o->record[id].number - (o->n_added - o->n) + 1;
	if (n > max)
		return VRI_RULE_USED_ORDER;
	if (len > o->record[id].writable_len)
		return VRI_RULE_USED_LEN;
	q->batch_left = (uint32_t)n;
	q->batch_len = len;
	return VRI_RULE_NONE;
}

/* Takes the next buffer of the batch. Returns: its head or buffer id. */
static inline unsigned in_order_next(struct vri_drvq *q, struct vri_used *ret)
{
	unsigned head = outstanding_first(&q->outstanding);
	const struct outstanding_record *r = &q->outstanding.record[head];

	ret->token = r->token;
	/* virtio 1.4, 2.7.9, 2.8.8: a buffer without an entry of its own was used completely. */
	ret->len = --q->batch_left > 0 ? r->writable_len : q->batch_len;
	outstanding_remove(&q->outstanding, head);
	return head;
}

#endif
