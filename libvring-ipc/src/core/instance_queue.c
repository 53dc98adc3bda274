/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The queues of an instance: made live, given turns, broken, stopped.
 *
 * Turns are what keeps one driver's queue from holding up the others: each scheduled queue gets one call of the process
 * op, then the next one is due. A queue waits at most once in the line.
 */
#include "core/instance_impl.h"

#include <errno.h>

#include "core/device_impl.h"
#include "core/region_access.h"
#include "core/ring_layout.h"
#include "util/clock.h"

static struct region_device_queue __shm *block_of(const struct inst_queue *iq)
{
	return &iq->inst->queue_blocks[iq->index];
}

static void publish_live(struct inst_queue *iq, bool live)
{
	iq->live = live;
	block_store32(&block_of(iq)->live, live);
}

/* ---- what the queue asks of its carrier, with a look in between ---- */

static void forward_notify(void *ctx)
{
	struct inst_queue *iq = ctx;

	iq->carrier->notify(iq->carrier_ctx);
}

static int forward_wait(void *ctx, int timeout_ms)
{
	struct inst_queue *iq = ctx;

	if (timeout_ms != 0)
		block_store64(&block_of(iq)->last_sleep_ns, clock_boottime_ns());
	return iq->carrier->wait(iq->carrier_ctx, timeout_ms);
}

static void forward_clear(void *ctx)
{
	struct inst_queue *iq = ctx;

	iq->carrier->clear(iq->carrier_ctx);
}

static int forward_fd(void *ctx)
{
	struct inst_queue *iq = ctx;

	return iq->carrier->fd(iq->carrier_ctx);
}

/* In the queue's thread: the instance's thread does the rest in its next vri__instance_run(). */
static void broken(void *ctx, enum vri_rule rule)
{
	struct inst_queue *iq = ctx;
	struct vri_instance *inst = iq->inst;

	block_store32(&block_of(iq)->broken_rule, rule);
	block_store64(&block_of(iq)->broken_ns, clock_boottime_ns());
	vri__log_limited(&inst->broken_log, VRI_LOG_WARNING,
			 "%s: link %.8s: queue %u is broken: %s", inst->dev->name, inst->link_id,
			 iq->index, vri_rule_text(rule));
	if (iq->carrier->broken)
		iq->carrier->broken(iq->carrier_ctx, rule);
	/* Release: pairs with the acquire in take_broken(). */
	atomic_store_explicit(&iq->broke, true, memory_order_relaxed);
	atomic_store_explicit(&inst->any_broke, true, memory_order_release);
	if (inst->ops->wants_run)
		inst->ops->wants_run(inst->transport);
}

static void wrap(struct inst_queue *iq)
{
	iq->ops = (struct queue_ops){
		.notify = iq->carrier->notify ? forward_notify : NULL,
		.wait = iq->carrier->wait ? forward_wait : NULL,
		.clear = iq->carrier->clear ? forward_clear : NULL,
		.fd = iq->carrier->fd ? forward_fd : NULL,
		.broken = broken,
	};
}

/* ---- life ---- */

static int make(struct inst_queue *iq)
{
	struct vri_instance *inst = iq->inst;
	struct queue_setup setup = {
		.index = iq->index,
		.size = iq->params.size,
		.features = inst->acked,
		.desc = iq->desc,
		.driver = iq->driver,
		.device = iq->device,
		.mem = inst->mem,
		.counters = inst->counters ? &inst->counters[iq->index] : NULL,
		.ops = &iq->ops,
		.ctx = iq,
	};

	return vri__devq_new(&setup, &iq->q);
}

static void carrier_down(struct inst_queue *iq)
{
	if (iq->carrier && iq->inst->ops->queue_down)
		iq->inst->ops->queue_down(iq->inst->transport, iq->index);
	iq->carrier = NULL;
}

int vri__inst_queue_up(struct inst_queue *iq)
{
	struct vri_instance *inst = iq->inst;
	int r;

	vri__inst_queue_forget(iq);
	r = inst->ops->queue_up(inst->transport, iq->index, &iq->carrier, &iq->carrier_ctx);
	if (r < 0) {
		iq->carrier = NULL;
		return r;
	}
	wrap(iq);
	r = make(iq);
	if (r < 0) {
		carrier_down(iq);
		return r;
	}
	block_store32(&block_of(iq)->broken_rule, VRI_RULE_NONE);
	block_store64(&block_of(iq)->broken_ns, 0);
	publish_live(iq, true);
	if (inst->polled)
		vri_devq_suppress(iq->q);
	return 0;
}

void vri__inst_queue_down(struct inst_queue *iq)
{
	if (iq->live)
		publish_live(iq, false);
	list_remove(&iq->ready);
	iq->draining = false;
	/* A device that serves its queues from threads of its own is out of them only after its stop op. */
	if (iq->q && (iq->inst->dev->ops.process || !iq->inst->started))
		vri__devq_stop(iq->q);
}

void vri__inst_queue_forget(struct inst_queue *iq)
{
	vri__devq_free(iq->q);
	iq->q = NULL;
	atomic_store_explicit(&iq->broke, false, memory_order_relaxed);
}

/* Everything of the driver's set-up goes. */
static void drop(struct inst_queue *iq)
{
	vri__inst_queue_down(iq);
	carrier_down(iq);
	vri__inst_queue_release_areas(iq);
	iq->params = (struct queue_params){ 0 };
}

void vri__instance_stop(struct vri_instance *inst)
{
	bool was_started = inst->started;

	vri__instance_end_suspend(inst);
	if (was_started && inst->dev->ops.stop)
		inst->dev->ops.stop(inst);
	inst->started = false;
	for (unsigned i = 0; i < inst->n_queues; i++)
		drop(&inst->queues[i]);
}

int vri__instance_reset_queue(struct vri_instance *inst, unsigned queue, const char **ret_why)
{
	struct inst_queue *iq;

	if (queue >= inst->n_queues) {
		*ret_why = "there is no such queue";
		return -EPROTO;
	}
	iq = &inst->queues[queue];
	if (!(inst->status & VRI_STATUS_DRIVER_OK) ||
	    !vri_features_has(&inst->acked, VRI_F_RING_RESET)) {
		*ret_why = "a queue was reset without DRIVER_OK or RING_RESET";
		return -EPROTO;
	}
	if (vri__instance_is_suspended(inst)) {
		*ret_why = "a queue was reset while the device is suspended";
		return -EPROTO;
	}
	if (!iq->set_up)
		return 0;
	/* virtio 1.4, 2.6.1: the queue is not run any more; its reset is over when nothing of it is in flight. */
	iq->draining = true;
	list_remove(&iq->ready);
	if (iq->q && vri_devq_in_flight(iq->q) > 0)
		return -EAGAIN;
	drop(iq);
	return 0;
}

/* ---- turns ---- */

void vri__inst_queue_schedule(struct inst_queue *iq)
{
	struct vri_instance *inst = iq->inst;

	iq->stalled = false;
	if (!iq->live || iq->draining || !inst->dev->ops.process || !list_is_empty(&iq->ready))
		return;
	/* All of them are looked at when it is resumed. */
	if (vri__instance_is_suspended(inst))
		return;
	list_add(&inst->ready, &iq->ready);
	if (!inst->running && inst->ops->wants_run)
		inst->ops->wants_run(inst->transport);
}

void vri__instance_kicked(struct vri_instance *inst, unsigned queue)
{
	if (queue < inst->n_queues)
		vri__inst_queue_schedule(&inst->queues[queue]);
}

/* A queue that found a broken rule is not live any more. Its link's other queues go on until the driver resets. */
static void take_broken(struct vri_instance *inst)
{
	/* Acquire: pairs with the release in broken(). */
	if (!atomic_exchange_explicit(&inst->any_broke, false, memory_order_acquire))
		return;
	for (unsigned i = 0; i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		if (!atomic_exchange_explicit(&iq->broke, false, memory_order_relaxed) || !iq->live)
			continue;
		publish_live(iq, false);
		list_remove(&iq->ready);
		vri__instance_needs_reset(inst, vri_rule_text(vri_devq_broken(iq->q)));
	}
}

/* Asks for the next kick; what came before the question has its turn now. */
static void arm(struct inst_queue *iq)
{
	int r = vri_devq_arm(iq->q);

	if (r > 0)
		vri__inst_queue_schedule(iq);
	else if (r == 0)
		block_store64(&block_of(iq)->last_sleep_ns, clock_boottime_ns());
}

static void turn(struct inst_queue *iq)
{
	struct vri_instance *inst = iq->inst;
	int r;

	iq->stalled = false;
	r = inst->dev->ops.process(inst, iq->index);
	/* The op may have failed the instance; a broken queue comes in take_broken(). */
	if (!iq->live || vri_devq_broken(iq->q) != VRI_RULE_NONE)
		return;
	if (r < 0 && r != -EAGAIN) {
		vri__devq_break(iq->q, VRI_RULE_DEVICE);
		return;
	}
	vri_devq_notify(iq->q);
	/* Nothing can be taken now: to look whether something is there would only spin. Unless it came free inside of
	 * the op, which has scheduled the queue then. */
	if (r == -EAGAIN) {
		iq->stalled = list_is_empty(&iq->ready);
		return;
	}
	if (r > 0) {
		vri__inst_queue_schedule(iq);
		return;
	}
	if (inst->polled)
		return;
	arm(iq);
}

bool vri__instance_run(struct vri_instance *inst)
{
	struct list round;
	bool more;

	vri_instance_ref(inst);
	inst->running = true;
	take_broken(inst);
	vri__instance_finish_reset(inst);

	/* Those that wait now; who queues up meanwhile has its turn in the next round. */
	list_init(&round);
	while (!list_is_empty(&inst->ready)) {
		struct list *first = inst->ready.next;

		list_remove(first);
		list_add(&round, first);
	}
	while (!list_is_empty(&round)) {
		struct inst_queue *iq = list_entry(round.next, struct inst_queue, ready);

		list_remove(&iq->ready);
		turn(iq);
	}
	take_broken(inst);
	vri__instance_finish_suspend(inst);
	inst->running = false;
	more = !list_is_empty(&inst->ready);
	vri_instance_unref(inst);
	return more;
}

void vri__instance_set_polled(struct vri_instance *inst, bool on)
{
	inst->polled = on;
	for (unsigned i = 0; i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		if (!iq->live)
			continue;
		if (on)
			vri_devq_suppress(iq->q);
		else if (!iq->stalled)
			arm(iq);
	}
}

bool vri__instance_look(struct vri_instance *inst)
{
	for (unsigned i = 0; i < inst->n_queues; i++) {
		struct inst_queue *iq = &inst->queues[i];

		if (iq->live && !iq->stalled && vri__devq_has_available(iq->q))
			vri__inst_queue_schedule(iq);
	}
	return !list_is_empty(&inst->ready);
}

bool vri__instance_is_idle(const struct vri_instance *inst)
{
	if (inst->resetting)
		return false;
	if (!inst->started)
		return true;
	/* Only the device's own threads know what they hold. */
	if (vri__device_has_own_threads(inst->dev))
		return false;
	for (unsigned i = 0; i < inst->n_queues; i++)
		if (inst->queues[i].q && vri_devq_in_flight(inst->queues[i].q) > 0)
			return false;
	return true;
}
