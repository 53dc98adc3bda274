/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A driver: its life, its region, what the device said of itself, and the events. */
#include "core/driver_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/options.h"
#include "core/region_access.h"
#include "core/ring_layout.h"
#include "util/clock.h"
#include "util/memfd.h"

#define QUEUE_SIZE_DEFAULT 256
#define POOL_SIZE_DEFAULT (1u << 20)
#define INDIRECT_MAX_DEFAULT 32
#define NO_TABLES (~0u)
#define TIMEOUT_MS_DEFAULT 5000

int vri__drv_check(const struct vri_driver *drv)
{
	if (!drv)
		return -EINVAL;
	return fork_guard_is_ours(&drv->guard) ? 0 : -ESHUTDOWN;
}

/* ---- making one ---- */

static int take_options(struct vri_driver *drv, const struct vri_link_opts *given)
{
	const struct offer *offer = &drv->offer;
	struct vri_link_opts opts;
	unsigned indirect_max;

	if (vri__options_copy(&opts, sizeof(opts), given) < 0)
		return -EINVAL;
	if (!opts.queue_size)
		opts.queue_size = offer->queue_size_max < QUEUE_SIZE_DEFAULT ?
					  offer->queue_size_max :
					  QUEUE_SIZE_DEFAULT;
	if (opts.n_queues > offer->n_queues || opts.queue_size > offer->queue_size_max ||
	    (unsigned)opts.ring > VRI_RING_PACKED)
		return -EINVAL;
	if (opts.ring == VRI_RING_PACKED && !vri_features_has(&offer->features, VRI_F_RING_PACKED))
		return -EOPNOTSUPP;
	indirect_max = opts.indirect_max ? opts.indirect_max : INDIRECT_MAX_DEFAULT;
	drv->plan = (struct region_plan){
		.n_queues = opts.n_queues ? opts.n_queues : offer->n_queues,
		.format = opts.ring == VRI_RING_PACKED ? RING_PACKED : RING_SPLIT,
		.queue_size = opts.queue_size,
		.indirect_max = indirect_max == NO_TABLES ? 0 : indirect_max,
		.config_size = offer->config_size,
		.n_shared = offer->n_shared,
		.pool_size = opts.pool_size ? opts.pool_size : POOL_SIZE_DEFAULT,
	};
	drv->spin = opts.spin;
	drv->timeout_ms = opts.timeout_ms ? opts.timeout_ms : TIMEOUT_MS_DEFAULT;
	drv->deadline_ms = opts.deadline_ms;
	drv->refused = opts.refused;
	return 0;
}

static int region_memfd(struct vri_driver *drv, uint64_t size)
{
	int r = -EOPNOTSUPP;

	if (drv->ops->make_region)
		r = drv->ops->make_region(drv->transport, size);
	return r == -EOPNOTSUPP ? memfd_make(REGION_MEMFD_NAME, size) : r;
}

/* Whoever makes the region, the driver pays for its pages. */
static int make_region(struct vri_driver *drv, const uint8_t link_id[16])
{
	void __shm *base;
	int r;

	r = vri__region_plan(&drv->plan, link_id, &drv->map);
	if (r < 0)
		return r;
	drv->region_fd = region_memfd(drv, drv->map.size);
	if (drv->region_fd < 0)
		return drv->region_fd;
	r = memfd_map(drv->region_fd, 0, drv->map.size, PROT_READ | PROT_WRITE, &base);
	if (r < 0)
		return r;
	drv->base = base;
	drv->block = (void __shm *)(drv->base + drv->map.driver_block.offset);
	drv->queue_blocks = (void __shm *)(drv->block + 1);
	drv->counters = (void __shm *)(drv->base + drv->map.driver_counters.offset);
	vri__region_format(drv->base, &drv->map);
	return 0;
}

static int make_memory(struct vri_driver *drv)
{
	struct mem_entry entry = {
		.iova = 0,
		.size = drv->map.size,
		.va = drv->base,
		.access = VRI_ACCESS_READ_WRITE,
	};
	int r;

	vri__region_window(&drv->map, &entry.window_offset, &entry.window_size);
	r = vri__mem_new(&drv->mem);
	if (r == 0)
		r = vri__mem_add(drv->mem, &entry);
	if (r == 0)
		r = vri__pool_new(shm_payload(drv->base + drv->map.pool.offset), drv->map.pool.size,
				  &drv->pool);
	drv->next_iova = REGION_SIZE_MAX;
	return r;
}

static int make_queues(struct vri_driver *drv)
{
	drv->n_queues = drv->plan.n_queues;
	drv->queues = calloc(drv->plan.n_queues, sizeof(*drv->queues));
	if (!drv->queues)
		return -ENOMEM;
	for (unsigned i = 0; i < drv->plan.n_queues; i++) {
		drv->queues[i].drv = drv;
		drv->queues[i].index = i;
	}
	return 0;
}

static void publish(struct vri_driver *drv)
{
	block_store32(&drv->block->n_queues, drv->plan.n_queues);
	block_store32(&drv->block->pid, (uint32_t)getpid());
	block_store64(&drv->block->attached_ns, clock_boottime_ns());
}

int vri__driver_new(const struct driver_setup *setup, struct vri_driver **ret_drv)
{
	struct vri_driver *drv = calloc(1, sizeof(*drv));
	int r;

	if (!drv)
		return -ENOMEM;
	drv->region_fd = -1;
	drv->offer = *setup->offer;
	drv->offered = setup->offer->features;
	drv->ops = setup->ops;
	drv->transport = setup->transport;
	r = fork_guard_init(&drv->guard);
	if (r == 0)
		r = take_options(drv, setup->opts);
	if (r == 0)
		r = make_region(drv, setup->link_id);
	if (r == 0)
		r = make_memory(drv);
	if (r == 0)
		r = make_queues(drv);
	if (r < 0) {
		vri__driver_free(drv);
		return r;
	}
	publish(drv);
	*ret_drv = drv;
	return 0;
}

/* A child of fork() has none of the mappings (MADV_DONTFORK); something else may lie there by now. */
static void unmap_all(struct vri_driver *drv)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		memfd_unmap(drv->memory[i].base, drv->memory[i].len);
	for (unsigned i = 0; i < drv->offer.n_shared; i++)
		memfd_unmap(drv->shared[i], drv->offer.shared[i].size);
	memfd_unmap(drv->base, drv->map.size);
}

void vri__driver_free(struct vri_driver *drv)
{
	if (!drv)
		return;
	for (unsigned i = 0; drv->queues && i < drv->plan.n_queues; i++)
		vri__drvq_free(drv->queues[i].q);
	free(drv->queues);
	vri__pool_free_all(drv->pool);
	vri__mem_free(drv->mem);
	if (drv->guard.word && fork_guard_is_ours(&drv->guard))
		unmap_all(drv);
	if (drv->region_fd >= 0)
		close(drv->region_fd);
	fork_guard_fini(&drv->guard);
	free(drv);
}

/* ---- for the transport ---- */

int vri__driver_region_fd(const struct vri_driver *drv)
{
	return drv->region_fd;
}

uint64_t vri__driver_region_size(const struct vri_driver *drv)
{
	return drv->map.size;
}

void __shm *vri__driver_region_base(const struct vri_driver *drv)
{
	return drv->base;
}

const struct region_map *vri__driver_region_map(const struct vri_driver *drv)
{
	return &drv->map;
}

/* ---- what it was told ---- */

const char *vri_driver_type(const struct vri_driver *drv)
{
	return drv ? drv->offer.type : "";
}

const char *vri_driver_name(const struct vri_driver *drv)
{
	return drv ? drv->offer.name : "";
}

uint32_t vri_driver_device_id(const struct vri_driver *drv)
{
	return drv ? drv->offer.device_id : 0;
}

uint32_t vri_driver_vendor_id(const struct vri_driver *drv)
{
	return drv ? drv->offer.vendor_id : 0;
}

void vri_driver_offered(const struct vri_driver *drv, struct vri_features *ret_offered)
{
	if (drv && ret_offered)
		*ret_offered = drv->offered;
}

unsigned vri_driver_max_queues(const struct vri_driver *drv)
{
	return drv ? drv->offer.n_queues : 0;
}

unsigned vri_driver_max_queue_size(const struct vri_driver *drv)
{
	return drv ? drv->offer.queue_size_max : 0;
}

uint32_t vri_driver_config_size(const struct vri_driver *drv)
{
	return drv ? drv->offer.config_size : 0;
}

void vri_driver_features(const struct vri_driver *drv, struct vri_features *ret_negotiated)
{
	if (drv && ret_negotiated)
		*ret_negotiated = drv->negotiated;
}

bool vri_driver_has_feature(const struct vri_driver *drv, unsigned bit)
{
	return drv && vri_features_has(&drv->negotiated, bit);
}

struct vri_pool *vri_driver_pool(struct vri_driver *drv)
{
	return drv ? drv->pool : NULL;
}

/* ---- events ---- */

void vri_driver_set_callbacks(struct vri_driver *drv, const struct vri_driver_callbacks *callbacks,
			      void *data)
{
	if (!drv || vri__options_copy(&drv->callbacks, sizeof(drv->callbacks), callbacks) < 0)
		return;
	drv->callbacks_data = data;
}

void vri__driver_config_changed(struct vri_driver *drv)
{
	drv->config_changed = true;
}

void vri__driver_needs_reset(struct vri_driver *drv, const char *why)
{
	if (drv->needs_reset)
		return;
	drv->needs_reset = true;
	vri__text_clean(drv->needs_reset_why, sizeof(drv->needs_reset_why), why, strlen(why));
}

void vri__driver_gone(struct vri_driver *drv)
{
	drv->gone = true;
}

/* Each kind once, however often the device says it: NEEDS_RESET once until the next reset, a config change once for
 * each dispatch. A callback may reset, and so clear what comes after it. */
static void tell(struct vri_driver *drv)
{
	const struct vri_driver_callbacks *cb = &drv->callbacks;

	if (drv->config_changed) {
		drv->config_changed = false;
		if (cb->config_changed)
			cb->config_changed(drv, drv->callbacks_data);
	}
	if (drv->needs_reset && !drv->needs_reset_told) {
		drv->needs_reset_told = true;
		if (cb->needs_reset)
			cb->needs_reset(drv, drv->needs_reset_why, drv->callbacks_data);
	}
	if (drv->gone && !drv->gone_told) {
		drv->gone_told = true;
		if (cb->gone)
			cb->gone(drv, drv->callbacks_data);
	}
}

static bool is_elsewhere(const struct vri_driver *drv, unsigned queue)
{
	return drv->ops->is_elsewhere && drv->ops->is_elsewhere(drv->transport, queue);
}

/* Returns: -ETIMEDOUT when a queue has just passed its deadline; else 0. */
static int check_deadlines(struct vri_driver *drv, uint64_t now_ns, uint64_t *next_ns)
{
	int result = 0;

	if (!drv->deadline_ms || drv->state != DRV_RUNNING)
		return 0;
	/* A program with an event loop says nothing when it adds a request. */
	*next_ns = now_ns + (uint64_t)drv->deadline_ms * 1000000 / 4 + 1;
	for (unsigned i = 0; i < drv->plan.n_queues; i++) {
		struct drv_queue *dq = &drv->queues[i];
		uint64_t next = 0;

		if (!dq->is_set || is_elsewhere(drv, i) || vri_drvq_broken(dq->q) != VRI_RULE_NONE)
			continue;
		if (vri__drvq_check_deadline(dq->q, now_ns, &next) == -ETIMEDOUT)
			result = -ETIMEDOUT;
		else if (next && next < *next_ns)
			*next_ns = next;
	}
	return result;
}

int vri__driver_dispatch(struct vri_driver *drv, uint64_t now_ns, uint64_t *ret_next_ns)
{
	uint64_t next_ns = 0;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	tell(drv);
	r = check_deadlines(drv, now_ns, &next_ns);
	*ret_next_ns = next_ns;
	return drv->gone ? -ECONNRESET : r;
}
