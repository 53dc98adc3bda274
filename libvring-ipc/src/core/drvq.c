/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The public face of a virtqueue's driver side: arguments, life and death of the queue; the ring
 * itself is the format's. */

#include "drvq.h"

#include <errno.h>

#include "private_map.h"

/* ---- life and death ---- */

/* What is used of the set-up when not every feature is there. */
static struct queue_setup effective(const struct queue_setup *setup)
{
	struct queue_setup s = *setup;

	/* virtio 1.4, 2.7.5.3.1, 2.8.19: no INDIRECT without the feature, no chain longer than the
	 * queue, which add sees to. */
	if (!queue_has_feature(setup, VRI_F_INDIRECT_DESC) || s.indirect_max < 2)
		s.tables = NULL;
	return s;
}

static const struct drvq_format *choose_format(const struct queue_setup *setup)
{
	bool in_order = queue_has_feature(setup, VRI_F_IN_ORDER);

	if (queue_has_feature(setup, VRI_F_RING_PACKED))
		return in_order ? &vri__packed_in_order_drv : &vri__packed_drv;
	return in_order ? &vri__split_in_order_drv : &vri__split_drv;
}

int vri__drvq_new(const struct queue_setup *setup, struct vri_drvq **ret_q)
{
	const struct drvq_format *format;
	struct queue_setup s;
	struct vri_drvq *q;
	char *at;
	int r;

	r = vri__queue_check_setup(setup);
	if (r < 0)
		return r;
	s = effective(setup);
	format = choose_format(&s);
	r = vri__private_map(sizeof(*q) + queue_lines(outstanding_bytes(s.size)) +
				     format->bytes(&s),
			     (void **)&q);
	if (r < 0)
		return r;
	q->size = (uint16_t)s.size;
	q->mask = (uint16_t)(s.size - 1);
	q->mem = s.mem;
	q->event_idx = queue_has_feature(&s, VRI_F_EVENT_IDX);
	q->outstanding_bytes = s.outstanding;
	q->ops = s.ops;
	q->ctx = s.ctx;
	q->index = s.index;
	q->deadline_ns = s.deadline_ns;
	counters_init(&q->count, s.counters);
	vri__spin_init(&q->spin, s.spin);

	at = (char *)(q + 1);
	vri__outstanding_init(&q->outstanding, at, s.size);
	at += queue_lines(outstanding_bytes(s.size));
	q->format = format;
	format->init(q, &s, at);
	for (unsigned i = 0; q->outstanding_bytes != NULL && i < s.size; i++)
		ring_store_outstanding(&q->outstanding_bytes[i], 0);
	q->state = QUEUE_LIVE;
	*ret_q = q;
	return 0;
}

void vri__drvq_free(struct vri_drvq *q)
{
	vri__private_unmap(q);
}

/* While a queue is suspended nothing is added, but what was made used before is taken. */
static bool is_at_work(const struct vri_drvq *q)
{
	return q->state == QUEUE_LIVE || q->state == QUEUE_SUSPENDED;
}

static int not_now(const struct vri_drvq *q)
{
	return q->state == QUEUE_SUSPENDED ? -EAGAIN : -ESHUTDOWN;
}

void vri__drvq_break(struct vri_drvq *q, enum vri_rule rule)
{
	if (!is_at_work(q))
		return;
	/* First, since the callback may come back here. */
	q->state = QUEUE_BROKEN;
	q->rule = rule;
	if (rule != VRI_RULE_DEVICE)
		COUNTER_ADD(&q->count, errors, 1);
	if (q->ops->broken != NULL)
		q->ops->broken(q->ctx, rule);
}

void vri__drvq_stop(struct vri_drvq *q)
{
	if (is_at_work(q))
		q->state = QUEUE_STOPPED;
}

void vri__drvq_suspend(struct vri_drvq *q)
{
	if (q->state == QUEUE_LIVE)
		q->state = QUEUE_SUSPENDED;
}

void vri__drvq_resume(struct vri_drvq *q)
{
	if (q->state != QUEUE_SUSPENDED)
		return;
	/* The device had no part in the time in between. */
	vri__outstanding_restart(&q->outstanding);
	q->state = QUEUE_LIVE;
}

/* ---- buffers ---- */

int vri_drvq_add(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
		 const struct iovec *writable, unsigned n_writable, void *token)
{
	if (q == NULL || token == NULL || (n_readable != 0 && readable == NULL) ||
	    (n_writable != 0 && writable == NULL))
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	/* Compared one by one, so that the sum cannot wrap. */
	if (n_readable > q->size || n_writable > q->size || n_readable + n_writable > q->size ||
	    n_readable + n_writable == 0)
		return -EINVAL;
	return q->format->add(q, readable, n_readable, writable, n_writable, token);
}

int vri_drvq_publish(struct vri_drvq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	q->format->publish(q);
	return 0;
}

int vri_drvq_kick(struct vri_drvq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	switch (q->format->announce(q)) {
	case NOTIFY_WANTED:
		COUNTER_ADD(&q->count, notifications, 1);
		if (q->ops->notify != NULL)
			q->ops->notify(q->ctx);
		return 1;
	case NOTIFY_NOT_WANTED:
		COUNTER_ADD(&q->count, suppressed, 1);
		return 0;
	default:
		return 0;
	}
}

int vri_drvq_get_used_batch(struct vri_drvq *q, struct vri_used *ret_used, unsigned max)
{
	enum vri_rule rule = VRI_RULE_NONE;
	int r;

	if (q == NULL || (ret_used == NULL && max != 0))
		return -EINVAL;
	if (!is_at_work(q))
		return -ESHUTDOWN;
	r = q->format->take(q, ret_used, max, &rule);
	if (r < 0)
		vri__drvq_break(q, rule);
	return r;
}

int vri_drvq_get_used(struct vri_drvq *q, void **ret_token, uint32_t *ret_len)
{
	struct vri_used used;
	int r;

	if (ret_token == NULL)
		return -EINVAL;
	r = vri_drvq_get_used_batch(q, &used, 1);
	if (r > 0) {
		*ret_token = used.token;
		if (ret_len != NULL)
			*ret_len = used.len;
	}
	return r;
}

int vri_drvq_take_back(struct vri_drvq *q, void **ret_token)
{
	unsigned head;

	if (q == NULL || ret_token == NULL)
		return -EINVAL;
	if (q->state == QUEUE_NOT_OURS)
		return -ESHUTDOWN;
	if (is_at_work(q))
		return -EAGAIN; /* virtio 1.4, 3.3.1: not from a live queue */
	head = outstanding_first(&q->outstanding);
	if (head == q->outstanding.size)
		return 0;
	*ret_token = q->outstanding.record[head].token;
	outstanding_remove(&q->outstanding, head);
	if (q->outstanding_bytes != NULL)
		ring_store_outstanding(&q->outstanding_bytes[head], 0);
	return 1;
}

/* ---- waiting ---- */

int vri_drvq_arm_after(struct vri_drvq *q, unsigned n)
{
	int r;

	if (q == NULL)
		return -EINVAL;
	if (!is_at_work(q))
		return -ESHUTDOWN;
	r = q->format->arm(q, n);
	if (r == 0 && q->ops->armed != NULL)
		q->ops->armed(q->ctx);
	return r;
}

int vri_drvq_arm(struct vri_drvq *q)
{
	return vri_drvq_arm_after(q, 1);
}

void vri_drvq_suppress(struct vri_drvq *q)
{
	if (q != NULL && is_at_work(q))
		q->format->suppress(q);
}

bool vri__drvq_has_used(struct vri_drvq *q)
{
	return is_at_work(q) && q->format->has_used(q);
}

int vri__drvq_check_deadline(struct vri_drvq *q, uint64_t now_ns, uint64_t *ret_next_ns)
{
	*ret_next_ns = 0;
	if (q->state != QUEUE_LIVE || q->deadline_ns == 0)
		return 0;
	if (!vri__outstanding_is_late(&q->outstanding, q->n_published, now_ns, q->deadline_ns,
				      ret_next_ns))
		return 0;
	if (q->format->has_used(q)) {
		/* Perhaps it is there already, and nobody has fetched it: not the device's fault. */
		*ret_next_ns = now_ns + q->deadline_ns / 4 + 1;
		return 0;
	}
	vri__drvq_break(q, VRI_RULE_DEADLINE);
	return -ETIMEDOUT;
}

static bool side_has_work(void *q)
{
	return vri__drvq_has_used(q);
}

static int side_arm(void *q)
{
	return vri_drvq_arm(q);
}

static void side_suppress(void *q)
{
	vri_drvq_suppress(q);
}

static int side_deadline(void *q, uint64_t now_ns, uint64_t *ret_next_ns)
{
	return vri__drvq_check_deadline(q, now_ns, ret_next_ns);
}

int vri_drvq_wait(struct vri_drvq *q, int timeout_ms)
{
	static const struct wait_side side = {
		.has_work = side_has_work,
		.arm = side_arm,
		.suppress = side_suppress,
		.deadline = side_deadline,
	};

	if (q == NULL)
		return -EINVAL;
	if (!is_at_work(q))
		return -ESHUTDOWN;
	return vri__queue_wait(q, &side, &q->spin, q->ops, q->ctx, timeout_ms);
}

int vri_drvq_fd(const struct vri_drvq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (q->state == QUEUE_NOT_OURS)
		return -ESHUTDOWN;
	return q->ops->fd != NULL ? q->ops->fd(q->ctx) : -1;
}

void vri_drvq_clear(struct vri_drvq *q)
{
	if (q != NULL && is_at_work(q) && q->ops->clear != NULL)
		q->ops->clear(q->ctx);
}

/* ---- questions ---- */

unsigned vri_drvq_index(const struct vri_drvq *q)
{
	return q != NULL ? q->index : 0;
}

unsigned vri_drvq_size(const struct vri_drvq *q)
{
	return q != NULL ? q->size : 0;
}

unsigned vri_drvq_outstanding(const struct vri_drvq *q)
{
	return q != NULL ? q->outstanding.n : 0;
}

unsigned vri_drvq_free_descriptors(const struct vri_drvq *q)
{
	return q != NULL && q->format != NULL ? q->format->free_descriptors(q) : 0;
}

enum vri_rule vri_drvq_broken(const struct vri_drvq *q)
{
	return q != NULL ? q->rule : VRI_RULE_NONE;
}

bool vri__drvq_uses_memory(const struct vri_drvq *q, uint64_t iova, uint64_t len)
{
	return q->state != QUEUE_NOT_OURS && q->format->uses_memory(q, iova, len);
}
