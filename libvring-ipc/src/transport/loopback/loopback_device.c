/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's half of a loopback link: its mappings, its notifiers, its turns. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/region.h"
#include "transport/loopback/loopback.h"
#include "util/log.h"
#include "util/memfd.h"

#define EVENTS_A_TURN 64

/* ---- descriptors ---- */

int loop_watch(int epoll_fd, int fd, enum loop_source source, unsigned queue)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)source << 32 | queue,
	};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Closing alone would not do: a child of fork() keeps the open file, and with it the watch. */
void loop_unwatch(int epoll_fd, int fd)
{
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* Both ends in one descriptor. */
static int make_notifier(struct notifier *ret)
{
	int receive_fd;
	int r = notifier_make(NOTIFIER_EVENTFD, ret, &receive_fd);

	if (r == 0)
		close(receive_fd);
	return r;
}

/* ---- queues ---- */

int loop_queue_open(struct loop_queue *q)
{
	int r;

	if (q->kick.fd >= 0)
		return 0;
	r = make_notifier(&q->kick);
	if (r == 0)
		r = make_notifier(&q->call);
	if (r == 0)
		r = loop_watch(q->link->epoll_fd, q->call.fd, LOOP_CALL, q->index);
	/* Threads of the device's own wait for the kicks themselves. */
	if (r == 0 && !vri__device_has_own_threads(q->device->dev))
		r = loop_watch(q->device->epoll_fd, q->kick.fd, LOOP_KICK, q->index);
	if (r < 0)
		loop_queue_close(q);
	return r;
}

void loop_queue_unwatch(struct loop_queue *q)
{
	if (q->kick.fd >= 0)
		loop_unwatch(q->device->epoll_fd, q->kick.fd);
	if (q->call.fd >= 0)
		loop_unwatch(q->link->epoll_fd, q->call.fd);
}

void loop_queue_close(struct loop_queue *q)
{
	loop_queue_unwatch(q);
	notifier_close(&q->kick);
	notifier_close(&q->call);
}

static void send_call(void *ctx)
{
	const struct loop_queue *q = ctx;

	notifier_send(&q->call);
}

static int wait_kick(void *ctx, int timeout_ms)
{
	const struct loop_queue *q = ctx;
	struct pollfd fd = { .fd = q->kick.fd, .events = POLLIN };

	return poll(&fd, 1, timeout_ms) > 0 ? 1 : 0;
}

static void clear_kick(void *ctx)
{
	const struct loop_queue *q = ctx;

	notifier_clear(&q->kick);
}

static int kick_fd(void *ctx)
{
	const struct loop_queue *q = ctx;

	return q->kick.fd;
}

static const struct queue_ops device_queue_ops = {
	.notify = send_call,
	.wait = wait_kick,
	.clear = clear_kick,
	.fd = kick_fd,
};

/* ---- what the instance asks ---- */

static void tell_news(struct loop_device *ld)
{
	ld->link->n_news++;
	notifier_send(&ld->link->news);
}

static void config_changed(void *t, uint32_t generation)
{
	struct loop_device *ld = t;

	vri__driver_config_changed(ld->link->link.drv);
	tell_news(ld);
}

static void needs_reset(void *t, const char *why)
{
	struct loop_device *ld = t;

	vri__driver_needs_reset(ld->link->link.drv, why);
	tell_news(ld);
}

static void wants_run(void *t)
{
	const struct loop_device *ld = t;

	notifier_send(&ld->wake);
}

static int queue_up(void *t, unsigned queue, const struct queue_ops **ret_ops, void **ret_ctx)
{
	const struct loop_device *ld = t;

	*ret_ops = &device_queue_ops;
	*ret_ctx = &ld->link->queues[queue];
	return 0;
}

static void free_device(struct loop_device *ld)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		memfd_unmap(ld->memory[i].base, ld->memory[i].size);
	memfd_unmap(ld->base, ld->size);
	vri__mem_free(ld->mem);
	if (ld->epoll_fd >= 0)
		close(ld->epoll_fd);
	notifier_close(&ld->wake);
	vri_device_unref(ld->dev);
	free(ld);
}

static void released(void *t)
{
	free_device(t);
}

static const struct instance_transport instance_transport = {
	.config_changed = config_changed,
	.needs_reset = needs_reset,
	.wants_run = wants_run,
	.queue_up = queue_up,
	.released = released,
};

/* ---- life ---- */

/* The same way, and the same checks, as with a region that came from another process. */
static int attach_region(struct loop_device *ld, struct vri_driver *drv, struct region_map *ret_map)
{
	struct mem_entry entry = { .iova = 0, .access = VRI_ACCESS_READ_WRITE };
	uint64_t size = vri__driver_region_size(drv);
	int fd = vri__driver_region_fd(drv);
	const char *why;
	int r;

	r = memfd_check(fd, 0, size, true, &why);
	if (r < 0)
		return r;
	r = memfd_map(fd, 0, size, PROT_READ | PROT_WRITE, &ld->base);
	if (r < 0)
		return r;
	ld->size = size;
	r = vri__region_parse(ld->base, size, ret_map, &why);
	if (r < 0 || ret_map->size != size)
		return -EPROTO;
	entry.size = size;
	entry.va = ld->base;
	vri__region_window(ret_map, &entry.window_offset, &entry.window_size);
	r = vri__mem_new(&ld->mem);
	return r < 0 ? r : vri__mem_add(ld->mem, &entry);
}

static int watch(struct loop_device *ld)
{
	int event_fd = vri__device_event_fd(ld->dev);
	int r;

	ld->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ld->epoll_fd < 0)
		return -errno;
	r = make_notifier(&ld->wake);
	if (r == 0)
		r = loop_watch(ld->epoll_fd, ld->wake.fd, LOOP_WAKE, 0);
	if (r == 0 && event_fd >= 0)
		r = loop_watch(ld->epoll_fd, event_fd, LOOP_EVENT, 0);
	return r;
}

int loop_device_new(struct loop_link *link, struct vri_device *dev, struct loop_device **ret_device)
{
	struct loop_device *ld = calloc(1, sizeof(*ld));
	struct region_map map;
	int r;

	if (!ld)
		return -ENOMEM;
	ld->link = link;
	ld->dev = vri_device_ref(dev);
	ld->epoll_fd = -1;
	ld->wake = NOTIFIER_NONE;
	r = watch(ld);
	if (r == 0)
		r = attach_region(ld, link->link.drv, &map);
	if (r == 0)
		r = vri__instance_new(dev, &instance_transport, ld, ld->mem, ld->base, &map,
				      &ld->inst);
	if (r < 0) {
		free_device(ld);
		return r;
	}
	*ret_device = ld;
	return 0;
}

void loop_device_detach(struct loop_device *ld)
{
	struct vri_device *dev = vri_device_ref(ld->dev);
	int event_fd = vri__device_event_fd(dev);

	if (event_fd >= 0)
		loop_unwatch(ld->epoll_fd, event_fd);
	vri__instance_detach(ld->inst); /* ld may be gone now */
	vri__device_settle(dev, DEVICE_SETTLE_MS);
	vri_device_unref(dev);
}

void loop_device_abandon(struct loop_device *ld)
{
	if (ld->epoll_fd >= 0)
		close(ld->epoll_fd);
	notifier_close(&ld->wake);
}

/* ---- memory ---- */

static struct loop_memory *find_memory(struct loop_device *ld, uint64_t iova)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		if (ld->memory[i].base && !ld->memory[i].removed && ld->memory[i].iova == iova)
			return &ld->memory[i];
	return NULL;
}

/* Unmaps what was removed, as soon as no chain can point there. */
static void reap_memory(struct loop_device *ld)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++) {
		if (!ld->memory[i].removed)
			continue;
		/* Asked only when there is something to unmap: it looks at every queue. */
		if (!vri__instance_is_idle(ld->inst))
			return;
		memfd_unmap(ld->memory[i].base, ld->memory[i].size);
		ld->memory[i] = (struct loop_memory){ 0 };
	}
}

static struct loop_memory *free_memory_slot(struct loop_device *ld)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		if (!ld->memory[i].base)
			return &ld->memory[i];
	return NULL;
}

int loop_device_add_memory(struct loop_device *ld, int fd, uint64_t offset,
			   const struct mem_entry *entry)
{
	int prot = entry->access == VRI_ACCESS_READ ? PROT_READ : PROT_READ | PROT_WRITE;
	struct mem_entry own = *entry;
	struct loop_memory *slot;
	const char *why;
	void __shm *base;
	int r;

	reap_memory(ld);
	slot = free_memory_slot(ld);
	if (!slot)
		return -ENOSPC;
	r = memfd_check(fd, offset, entry->size, false, &why);
	if (r < 0)
		return r;
	r = memfd_map(fd, offset, entry->size, prot, &base);
	if (r < 0)
		return r;
	own.va = base;
	r = vri__mem_add(ld->mem, &own);
	if (r < 0) {
		memfd_unmap(base, entry->size);
		return r;
	}
	*slot = (struct loop_memory){ .base = base, .size = entry->size, .iova = entry->iova };
	return 0;
}

int loop_device_remove_memory(struct loop_device *ld, uint64_t iova)
{
	struct loop_memory *memory = find_memory(ld, iova);
	struct mem_entry removed;

	if (!memory || vri__mem_remove(ld->mem, iova, &removed) < 0)
		return -EINVAL;
	memory->removed = true;
	reap_memory(ld);
	return 0;
}

/* ---- turns ---- */

static void take_event(struct loop_device *ld, uint64_t data)
{
	struct loop_queue *q;

	switch (loop_source_of(data)) {
	case LOOP_KICK:
		q = &ld->link->queues[loop_queue_of(data)];
		notifier_clear(&q->kick);
		vri__instance_kicked(ld->inst, q->index);
		break;
	case LOOP_WAKE:
		notifier_clear(&ld->wake);
		break;
	case LOOP_EVENT:
		vri__device_event(ld->dev);
		break;
	default:
		break;
	}
}

bool loop_device_turn(struct loop_device *ld)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(ld->epoll_fd, events, EVENTS_A_TURN, 0);
	bool more;

	for (int i = 0; i < n; i++)
		take_event(ld, events[i].data.u64);
	more = vri__instance_run(ld->inst);
	reap_memory(ld);
	/* The link's descriptor stays readable for whoever waits on it. */
	if (more)
		notifier_send(&ld->wake);
	return more || n == EVENTS_A_TURN;
}
