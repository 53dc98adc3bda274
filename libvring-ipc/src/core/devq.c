/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The public face of a virtqueue's device side: arguments, life and death of the queue; the ring
 * itself is the format's. */

#include "devq.h"

#include <errno.h>
#include <sys/random.h>

#include "private_map.h"

/* ---- life and death ---- */

/* Tells the chains of one life of the queue from those of another. It is no secret: it protects
 * from mistakes of the device's own program. */
static uint16_t new_epoch(void)
{
	uint16_t epoch = 0;

	return getrandom(&epoch, sizeof(epoch), GRND_NONBLOCK) == sizeof(epoch) ? epoch : 0;
}

static const struct devq_format *choose_format(const struct queue_setup *setup)
{
	bool in_order = queue_has_feature(setup, VRI_F_IN_ORDER);

	if (queue_has_feature(setup, VRI_F_RING_PACKED))
		return in_order ? &vri__packed_in_order_dev : &vri__packed_dev;
	return in_order ? &vri__split_in_order_dev : &vri__split_dev;
}

int vri__devq_new(const struct queue_setup *setup, struct vri_devq **ret_q)
{
	const struct devq_format *format;
	struct vri_devq *q;
	int r;

	r = vri__queue_check_setup(setup);
	if (r < 0)
		return r;
	format = choose_format(setup);
	r = vri__private_map(sizeof(*q) + format->bytes(setup), (void **)&q);
	if (r < 0)
		return r;
	q->size = (uint16_t)setup->size;
	q->mask = (uint16_t)(setup->size - 1);
	q->source = (struct chain_source){
		.desc = setup->desc,
		.mem = setup->mem,
		.size = setup->size,
		.indirect = queue_has_feature(setup, VRI_F_INDIRECT_DESC),
	};
	q->event_idx = queue_has_feature(setup, VRI_F_EVENT_IDX);
	q->ops = setup->ops;
	q->ctx = setup->ctx;
	q->index = setup->index;
	counters_init(&q->count, setup->counters);
	vri__spin_init(&q->spin, setup->spin);
	q->epoch = new_epoch();
	q->format = format;
	format->init(q, setup, q + 1);
	q->state = QUEUE_LIVE;
	*ret_q = q;
	return 0;
}

void vri__devq_free(struct vri_devq *q)
{
	vri__private_unmap(q);
}

/* A queue that drains finishes what it has. */
static bool is_at_work(const struct vri_devq *q)
{
	return q->state == QUEUE_LIVE || q->state == QUEUE_DRAINING;
}

static int not_now(const struct vri_devq *q)
{
	return q->state == QUEUE_DRAINING || q->state == QUEUE_SUSPENDED ? -EAGAIN : -ESHUTDOWN;
}

void vri__devq_break(struct vri_devq *q, enum vri_rule rule)
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

void vri__devq_stop(struct vri_devq *q)
{
	if (is_at_work(q) || q->state == QUEUE_SUSPENDED)
		q->state = QUEUE_STOPPED;
}

void vri__devq_drain(struct vri_devq *q)
{
	if (q->state == QUEUE_LIVE)
		q->state = QUEUE_DRAINING;
}

void vri__devq_suspend(struct vri_devq *q)
{
	if (is_at_work(q))
		q->state = QUEUE_SUSPENDED;
}

void vri__devq_resume(struct vri_devq *q)
{
	if (q->state == QUEUE_DRAINING || q->state == QUEUE_SUSPENDED)
		q->state = QUEUE_LIVE;
}

/* ---- buffers ---- */

int vri_devq_pop(struct vri_devq *q, struct vri_chain *chain)
{
	int r;

	if (q == NULL || chain == NULL || (chain->iov == NULL && chain->iov_max != 0))
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	r = q->format->pop(q, chain, &q->found);
	if (r == -EPROTO)
		vri__devq_break(q, q->found);
	return r;
}

int vri_devq_rewind(struct vri_devq *q, unsigned n)
{
	if (q == NULL)
		return -EINVAL;
	if (!is_at_work(q))
		return not_now(q);
	return q->format->rewind(q, n);
}

int vri_devq_push(struct vri_devq *q, const struct vri_chain *chain, uint32_t written)
{
	if (q == NULL || chain == NULL)
		return -EINVAL;
	if (!is_at_work(q))
		return not_now(q);
	return q->format->push(q, chain, written);
}

int vri_devq_publish(struct vri_devq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (!is_at_work(q))
		return not_now(q);
	q->format->publish(q);
	return 0;
}

int vri_devq_notify(struct vri_devq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (!is_at_work(q))
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

/* ---- waiting ---- */

int vri_devq_arm(struct vri_devq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	return q->format->arm(q);
}

void vri_devq_suppress(struct vri_devq *q)
{
	if (q != NULL && q->state == QUEUE_LIVE)
		q->format->suppress(q);
}

bool vri__devq_has_available(struct vri_devq *q)
{
	return q->state == QUEUE_LIVE && q->format->has_available(q);
}

static bool side_has_work(void *q)
{
	return vri__devq_has_available(q);
}

static int side_arm(void *q)
{
	return vri_devq_arm(q);
}

static void side_suppress(void *q)
{
	vri_devq_suppress(q);
}

int vri_devq_wait(struct vri_devq *q, int timeout_ms)
{
	static const struct wait_side side = {
		.has_work = side_has_work,
		.arm = side_arm,
		.suppress = side_suppress,
	};

	if (q == NULL)
		return -EINVAL;
	if (q->state != QUEUE_LIVE)
		return not_now(q);
	return vri__queue_wait(q, &side, &q->spin, q->ops, q->ctx, timeout_ms);
}

int vri_devq_fd(const struct vri_devq *q)
{
	if (q == NULL)
		return -EINVAL;
	if (q->state == QUEUE_NOT_OURS)
		return -ESHUTDOWN;
	return q->ops->fd != NULL ? q->ops->fd(q->ctx) : -1;
}

void vri_devq_clear(struct vri_devq *q)
{
	if (q != NULL && q->state == QUEUE_LIVE && q->ops->clear != NULL)
		q->ops->clear(q->ctx);
}

/* ---- questions ---- */

unsigned vri_devq_index(const struct vri_devq *q)
{
	return q != NULL ? q->index : 0;
}

unsigned vri_devq_size(const struct vri_devq *q)
{
	return q != NULL ? q->size : 0;
}

unsigned vri_devq_in_flight(const struct vri_devq *q)
{
	return q != NULL ? q->n_in_flight : 0;
}

enum vri_rule vri_devq_broken(const struct vri_devq *q)
{
	return q != NULL ? q->rule : VRI_RULE_NONE;
}
