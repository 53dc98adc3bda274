/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Driver and device in one process: the reference for what the other transports do by messages.
 *
 * Everything that a link between two processes has is there: a sealed memfd, mapped once by each half, eventfds, a
 * memory table for each half. Only the messages are calls. The device half lives in an object of its own, since its
 * instance can outlive the link.
 *
 *   loopback.c         the link: open, dispatch, wait, close
 *   loopback_driver.c  what the driver's half asks of the transport
 *   loopback_device.c  the device's half: its memory, its turns
 *
 * Threads: the link, its driver, its queues and the device belong to one thread; a device without a process op serves
 * its queues in threads of its own.
 */
#ifndef TRANSPORT_LOOPBACK_H
#define TRANSPORT_LOOPBACK_H

#include "core/memtab.h"
#include "core/transport.h"
#include "transport/transport.h"
#include "util/notifier.h"

struct loop_link;

/* The two notifiers of a queue. Both ends of each are this process, so one descriptor is both. */
struct loop_queue {
	struct loop_link *link;
	struct loop_device *device;
	unsigned index;
	struct notifier kick; /* what the driver's queue does */
	struct notifier call; /* what the device's queue does */
	unsigned news_seen; /* loop_link.n_news when a wait on this queue last returned for it */
};

/* Memory that the driver added, as the device has it mapped. */
struct loop_memory {
	void __shm *base; /* NULL: unused */
	size_t size;
	uint64_t iova;
	bool removed; /* to be unmapped when no chain is in flight */
};

struct loop_device {
	struct loop_link *link; /* until the instance is detached */
	struct vri_device *dev;
	struct vri_instance *inst;
	struct vri_mem *mem;
	void __shm *base; /* the region */
	size_t size;
	struct loop_memory memory[MEM_ENTRIES_MAX];
	struct notifier wake; /* the instance wants a turn */
	int epoll_fd; /* kicks, wake, the device's own descriptor */
};

struct loop_link {
	struct vri_link link;
	struct loop_device *device;
	struct loop_queue *queues;
	unsigned n_queues;
	int epoll_fd; /* the device's epoll, calls, timer, news */
	int timer_fd;
	struct notifier news; /* the driver was told something */
	unsigned n_news;
	bool resetting; /* the device needs turns to finish a reset */
	bool suspending; /* the driver wrote SUSPEND, which does not show yet */
	struct spin spin;
	struct wait_set waits;
};

/* ---- the device's half ---- */

int loop_device_new(struct loop_link *link, struct vri_device *dev,
		    struct loop_device **ret_device);
/* Ends it; what others still hold of the instance keeps its memory. */
void loop_device_detach(struct loop_device *ld);
/* In a child of fork(): gives back what the child holds. */
void loop_device_abandon(struct loop_device *ld);

/* Takes kicks and the device's events, and gives each queue that wants it one turn. True: there is more to do. */
bool loop_device_turn(struct loop_device *ld);

int loop_device_add_memory(struct loop_device *ld, int fd, uint64_t offset,
			   const struct mem_entry *entry);
int loop_device_remove_memory(struct loop_device *ld, uint64_t iova);

/* The notifiers of a queue, made when the driver sets it up and closed when it is reset. */
int loop_queue_open(struct loop_queue *q);
void loop_queue_unwatch(struct loop_queue *q);
void loop_queue_close(struct loop_queue *q);

/* ---- the driver's half ---- */

extern const struct driver_transport loop_driver_transport;

/* Makes the link's descriptor readable at that time (CLOCK_MONOTONIC, 0: never). */
void loop_set_timer(struct loop_link *link, uint64_t at_ns);

/* ---- descriptors ---- */

/* What an epoll event is about: a kind and a queue in one word. */
enum loop_source {
	LOOP_KICK = 1,
	LOOP_WAKE,
	LOOP_EVENT,
	LOOP_CALL,
	LOOP_DEVICE,
	LOOP_TIMER,
	LOOP_NEWS
};

int loop_watch(int epoll_fd, int fd, enum loop_source source, unsigned queue);
void loop_unwatch(int epoll_fd, int fd);

static inline enum loop_source loop_source_of(uint64_t data)
{
	return (enum loop_source)(data >> 32);
}

static inline unsigned loop_queue_of(uint64_t data)
{
	return (unsigned)data;
}

#endif
