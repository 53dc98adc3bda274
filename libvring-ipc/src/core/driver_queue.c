/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The queues of a driver: set up in the region's areas, stopped, reset alone, broken. */
#include <errno.h>

#include "core/driver_impl.h"
#include "core/region_access.h"
#include "core/ring_layout.h"
#include "util/backoff.h"
#include "util/clock.h"

#define DESC_BYTES 16u

static struct region_driver_queue __shm *block_of(const struct drv_queue *dq)
{
	return &dq->drv->queue_blocks[dq->index];
}

void vri__drv_quarantine(struct vri_driver *drv, bool on)
{
	vri__pool_set_quarantine(drv->pool, on);
}

/* ---- what the queue asks of its carrier, with a look in between ---- */

static void forward_notify(void *ctx)
{
	struct drv_queue *dq = ctx;

	dq->carrier->notify(dq->carrier_ctx);
}

static int forward_wait(void *ctx, int timeout_ms)
{
	struct drv_queue *dq = ctx;

	return dq->carrier->wait(dq->carrier_ctx, timeout_ms);
}

static void forward_clear(void *ctx)
{
	struct drv_queue *dq = ctx;

	dq->carrier->clear(dq->carrier_ctx);
}

static int forward_fd(void *ctx)
{
	struct drv_queue *dq = ctx;

	return dq->carrier->fd(dq->carrier_ctx);
}

/* For the inspector. Whoever arms is about to make a system call, so that the clock costs nothing. */
static void armed(void *ctx)
{
	block_store64(&block_of(ctx)->last_sleep_ns, clock_boottime_ns());
}

/* In the queue's thread. What the device was lent may still be written: it is not used again before a reset. */
static void broken(void *ctx, enum vri_rule rule)
{
	struct drv_queue *dq = ctx;
	struct vri_driver *drv = dq->drv;

	vri__drv_quarantine(drv, true);
	block_store32(&block_of(dq)->broken_rule, rule);
	block_store64(&block_of(dq)->broken_ns, clock_boottime_ns());
	atomic_store_explicit(&dq->broke, true, memory_order_relaxed);
	vri__log_limited(&drv->broken_log, VRI_LOG_WARNING, "%s: queue %u is broken: %s",
			 drv->offer.name, dq->index, vri_rule_text(rule));
	if (dq->carrier->broken)
		dq->carrier->broken(dq->carrier_ctx, rule);
}

static void wrap(struct drv_queue *dq, const struct queue_ops *carrier)
{
	dq->carrier = carrier;
	dq->ops = (struct queue_ops){
		.notify = carrier->notify ? forward_notify : NULL,
		.wait = carrier->wait ? forward_wait : NULL,
		.clear = carrier->clear ? forward_clear : NULL,
		.fd = carrier->fd ? forward_fd : NULL,
		.armed = armed,
		.broken = broken,
	};
}

/* ---- set-up ---- */

/* The driver's own areas start from zeros, whatever an earlier life of the queue left there. virtio 1.4, 2.7.5 */
static void zero_areas(struct drv_queue *dq, const struct region_queue_areas *areas, unsigned size)
{
	uint8_t __shm *base = dq->drv->base;
	const struct region_plan *plan = &dq->drv->plan;

	if (!dq->was_set)
		return;
	ring_zero_area(base + areas->desc, ring_area_bytes(plan->format, RING_DESC_AREA, size));
	ring_zero_area(base + areas->driver, ring_area_bytes(plan->format, RING_DRIVER_AREA, size));
	for (unsigned i = 0; i < plan->queue_size; i++)
		ring_store_outstanding(base + areas->outstanding + i, 0);
	if (areas->tables)
		ring_zero_area(base + areas->tables,
			       (size_t)plan->queue_size * plan->indirect_max * DESC_BYTES);
}

static int make(struct drv_queue *dq, const struct region_queue_areas *areas, unsigned size)
{
	struct vri_driver *drv = dq->drv;
	struct queue_setup setup = {
		.index = dq->index,
		.size = size,
		.features = drv->negotiated,
		.desc = drv->base + areas->desc,
		.driver = drv->base + areas->driver,
		.device = drv->base + areas->device,
		.mem = drv->mem,
		.counters = &drv->counters[dq->index],
		.ops = &dq->ops,
		.ctx = dq,
		.spin = drv->spin,
		.outstanding = drv->base + areas->outstanding,
		.tables = areas->tables ? drv->base + areas->tables : NULL,
		.tables_iova = areas->tables,
		.indirect_max = drv->plan.indirect_max,
		.deadline_ns = (uint64_t)drv->deadline_ms * 1000000,
	};

	return vri__drvq_new(&setup, &dq->q);
}

static void publish(struct drv_queue *dq, const struct region_queue_areas *areas, unsigned size)
{
	struct region_driver_queue __shm *block = block_of(dq);

	block_store32(&block->format, dq->drv->plan.format);
	block_store32(&block->size, size);
	block_store64(&block->desc, areas->desc);
	block_store64(&block->driver, areas->driver);
	block_store64(&block->device, areas->device);
	block_store64(&block->outstanding, areas->outstanding);
	block_store32(&block->broken_rule, VRI_RULE_NONE);
	block_store64(&block->broken_ns, 0);
	block_store32(&block->enabled, 1);
}

/* Its memory is ready before the device hears of it: a queue that is set up again is live with the device's answer. */
int vri__drv_queue_set(struct vri_driver *drv, unsigned queue, unsigned size)
{
	struct drv_queue *dq = &drv->queues[queue];
	struct region_queue_areas areas;
	struct queue_params params;
	const struct queue_ops *carrier;
	int r;

	vri__drvq_free(dq->q);
	dq->q = NULL;
	vri__region_queue_areas(&drv->map, &drv->plan, queue, &areas);
	zero_areas(dq, &areas, size);
	dq->was_set = true;
	atomic_store_explicit(&dq->broke, false, memory_order_relaxed);
	r = make(dq, &areas, size);
	if (r < 0)
		return r;
	params = (struct queue_params){
		.index = queue,
		.size = size,
		.desc = areas.desc,
		.driver = areas.driver,
		.device = areas.device,
	};
	r = drv->ops->set_queue(drv->transport, &params, &carrier, &dq->carrier_ctx);
	if (r < 0) {
		vri__drvq_free(dq->q);
		dq->q = NULL;
		return r;
	}
	wrap(dq, carrier);
	publish(dq, &areas, size);
	dq->is_set = true;
	return 0;
}

int vri_driver_set_queue(struct vri_driver *drv, unsigned queue, unsigned size)
{
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (queue >= drv->plan.n_queues || drv->queues[queue].is_set)
		return -EINVAL;
	if (drv->state != DRV_FEATURES_OK &&
	    !(drv->state == DRV_RUNNING && vri_driver_has_feature(drv, VRI_F_RING_RESET)))
		return -EINVAL;
	/* Its own reset failed: the device may still use its rings. */
	if (drv->state == DRV_RUNNING &&
	    atomic_load_explicit(&drv->queues[queue].broke, memory_order_relaxed))
		return -ESHUTDOWN;
	if (size == 0)
		size = drv->plan.queue_size;
	if (!ring_size_is_valid(drv->plan.format, size) || size > drv->offer.queue_size_max)
		return -EINVAL;
	if (size > drv->plan.queue_size)
		return -ENOSPC;
	return vri__drv_queue_set(drv, queue, size);
}

int vri_driver_set_n_queues(struct vri_driver *drv, unsigned n_queues)
{
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (n_queues == 0 || n_queues > drv->plan.n_queues)
		return -EINVAL;
	drv->n_queues = n_queues;
	return 0;
}

/* ---- end ---- */

static void stop(struct drv_queue *dq)
{
	if (!dq->is_set)
		return;
	vri__drvq_stop(dq->q);
	dq->is_set = false;
	block_store32(&block_of(dq)->enabled, 0);
}

void vri__drv_queues_stop(struct vri_driver *drv)
{
	for (unsigned i = 0; i < drv->plan.n_queues; i++)
		stop(&drv->queues[i]);
}

/* As long as any other queue is broken, its buffers are not to be trusted. */
static bool any_other_is_broken(const struct vri_driver *drv, unsigned queue)
{
	for (unsigned i = 0; i < drv->plan.n_queues; i++)
		if (i != queue && atomic_load_explicit(&drv->queues[i].broke, memory_order_relaxed))
			return true;
	return false;
}

/* virtio 1.4, 2.6.1: the driver MUST verify that the queue has been reset; the device may have to finish first. */
static int reset_queue(struct vri_driver *drv, unsigned queue)
{
	struct backoff backoff = backoff_start(drv->timeout_ms);
	int r;

	while ((r = drv->ops->reset_queue(drv->transport, queue)) == -EAGAIN)
		if (!backoff_pause(&backoff))
			return -ETIMEDOUT;
	return r;
}

int vri_driver_reset_queue(struct vri_driver *drv, unsigned queue)
{
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (queue >= drv->plan.n_queues || drv->state != DRV_RUNNING || !drv->queues[queue].is_set)
		return -EINVAL;
	if (!vri_driver_has_feature(drv, VRI_F_RING_RESET))
		return -EOPNOTSUPP;
	r = drv->gone ? -ECONNRESET : reset_queue(drv, queue);
	if (r < 0)
		vri__drv_quarantine(drv, true);
	stop(&drv->queues[queue]);
	atomic_store_explicit(&drv->queues[queue].broke, r < 0, memory_order_relaxed);
	if (r == 0 && !any_other_is_broken(drv, queue))
		vri__drv_quarantine(drv, false);
	return r;
}

/* ---- getters ---- */

struct vri_drvq *vri_driver_drvq(struct vri_driver *drv, unsigned queue)
{
	if (vri__drv_check(drv) < 0 || queue >= drv->plan.n_queues)
		return NULL;
	/* Between set-up and DRIVER_OK nobody may kick. virtio 1.4, 3.1.1 */
	if (drv->queues[queue].is_set && !drv_has_queues(drv))
		return NULL;
	return drv->queues[queue].q;
}

unsigned vri_driver_n_queues(const struct vri_driver *drv)
{
	return drv ? drv->n_queues : 0;
}
