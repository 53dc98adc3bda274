/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A driver thread and a device thread on one ring: numbered requests, each with a payload that
 * both check, in batches of changing size. Whatever goes wrong is counted, so that this runs in a
 * test and in a bare program alike.
 */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/memory.h>

#include "core/memtab.h"
#include "core/queue.h"

#define EXCHANGE_QUEUE 64u
#define EXCHANGE_PIECE 64u
#define EXCHANGE_BYTES (64u << 10)
#define EXCHANGE_POOL (32u << 10)

/* One side's notifier, as its queue_ops see it. */
struct exchange_end {
	int receive_fd, send_fd;
	unsigned sleeps;
	unsigned slept_on; /* sleeps that ended with the patience and not with a notification */
};

struct exchange {
	unsigned n; /* requests in all */
	uint64_t features;
	unsigned drv_spin, dev_spin; /* as in struct queue_setup */
	unsigned depth; /* requests out at once, up to EXCHANGE_QUEUE / 2; 1: one at a time, with a
			   little pause of changing length before each */
	int patience_ms; /* a wait that lasts longer has lost its wake-up */

	uint8_t *base;
	struct vri_mem *mem;
	struct vri_drvq *drv;
	struct vri_devq *dev;
	struct exchange_end drv_end, dev_end;

	/* what went wrong */
	unsigned lost_wakeups, bad_payloads, errors;
};

static void exchange_notify(void *ctx)
{
	struct exchange_end *end = ctx;
	uint64_t one = 1;

	if (write(end->send_fd, &one, sizeof(one)) < 0)
		_exit(3);
}

static int exchange_wait(void *ctx, int timeout_ms)
{
	struct exchange_end *end = ctx;
	struct pollfd p = { .fd = end->receive_fd, .events = POLLIN };

	int r = poll(&p, 1, timeout_ms);

	if (timeout_ms != 0) {
		end->sleeps++;
		end->slept_on += r == 0;
	}
	return r;
}

static void exchange_clear(void *ctx)
{
	struct exchange_end *end = ctx;
	uint64_t n;

	/* Empty is fine: a notification may have been for something that was found without it. */
	if (read(end->receive_fd, &n, sizeof(n)) < 0)
		return;
}

static const struct queue_ops exchange_ops = {
	.notify = exchange_notify,
	.wait = exchange_wait,
	.clear = exchange_clear,
};

/* A pause of 0 to about 300 ns, so that publishing on one side meets arming on the other in every
 * possible way. */
static void exchange_pause(uint32_t i)
{
	for (volatile uint32_t n = i * 2654435761u >> 23; n > 0; n--)
		;
}

/* Sizes of batches: 1 to 8, in an order that both sides need not share. */
static unsigned exchange_batch(uint32_t i)
{
	return 1 + (i * 2654435761u >> 29);
}

static void exchange_fill(uint32_t *piece, uint32_t number)
{
	for (uint32_t i = 0; i < EXCHANGE_PIECE / 4; i++)
		piece[i] = number * 16777619u + i;
}

static bool exchange_is_filled(const uint32_t *piece, uint32_t number)
{
	for (uint32_t i = 0; i < EXCHANGE_PIECE / 4; i++)
		if (piece[i] != number * 16777619u + i)
			return false;
	return true;
}

static uint8_t *exchange_slot(const struct exchange *x, unsigned slot)
{
	return x->base + EXCHANGE_BYTES - EXCHANGE_POOL + (size_t)slot * 2 * EXCHANGE_PIECE;
}

/* Waits for work unless something is wrong. Returns: whether to go on. */
static bool exchange_went_wrong(struct exchange *x, int r)
{
	if (r == 0)
		__atomic_fetch_add(&x->lost_wakeups, 1, __ATOMIC_RELAXED);
	else if (r < 0)
		__atomic_fetch_add(&x->errors, 1, __ATOMIC_RELAXED);
	return r <= 0;
}

/* Takes what came back, waiting for the first. Returns: how many; 0 when something is wrong. */
static unsigned exchange_collect(struct exchange *x, uint16_t free_slots[], unsigned n_free,
				 const uint32_t number_of[])
{
	struct vri_used used[8];
	int r = vri_drvq_get_used_batch(x->drv, used, 8);

	while (r == 0) {
		r = vri_drvq_wait(x->drv, x->patience_ms);
		if (exchange_went_wrong(x, r))
			return 0;
		r = vri_drvq_get_used_batch(x->drv, used, 8);
	}
	if (r < 0) {
		exchange_went_wrong(x, r);
		return 0;
	}
	for (int i = 0; i < r; i++) {
		uint8_t *slot = used[i].token;
		unsigned n = (unsigned)(slot - exchange_slot(x, 0)) / (2 * EXCHANGE_PIECE);

		if (used[i].len != EXCHANGE_PIECE ||
		    !exchange_is_filled((uint32_t *)(void *)(slot + EXCHANGE_PIECE), ~number_of[n]))
			x->bad_payloads++;
		free_slots[n_free++] = (uint16_t)n;
	}
	return (unsigned)r;
}

static void *exchange_driver(void *arg)
{
	struct exchange *x = arg;
	uint16_t free_slots[EXCHANGE_QUEUE / 2];
	uint32_t number_of[EXCHANGE_QUEUE / 2];
	unsigned n_free = 0, n_done = 0, more;
	uint32_t number = 0;

	for (uint16_t i = 0; i < x->depth; i++)
		free_slots[n_free++] = i;
	for (uint32_t turn = 0; n_done < x->n; turn++) {
		for (unsigned b = exchange_batch(turn); b > 0 && n_free > 0 && number < x->n; b--) {
			unsigned n = free_slots[--n_free];
			uint8_t *slot = exchange_slot(x, n);
			struct iovec r = { slot, EXCHANGE_PIECE };
			struct iovec w = { slot + EXCHANGE_PIECE, EXCHANGE_PIECE };

			exchange_fill((uint32_t *)(void *)slot, number);
			number_of[n] = number++;
			if (vri_drvq_add(x->drv, &r, 1, &w, 1, slot) < 0)
				x->errors++;
		}
		if (x->depth == 1)
			exchange_pause(turn);
		if (vri_drvq_kick(x->drv) < 0)
			x->errors++;
		/* Now and then with some still out, now and then with none. */
		if (n_free > x->depth / 2 && number < x->n && turn % 7 != 0)
			continue;
		more = exchange_collect(x, free_slots, n_free, number_of);
		if (more == 0)
			return NULL;
		n_free += more;
		n_done += more;
	}
	return NULL;
}

static void *exchange_device(void *arg)
{
	struct exchange *x = arg;
	struct iovec iov[2];
	struct vri_chain c = { .iov = iov, .iov_max = 2 };
	uint32_t number = 0;
	int r;

	for (uint32_t turn = 0; number < x->n; turn++) {
		unsigned b = exchange_batch(turn);

		for (; b > 0 && (r = vri_devq_pop(x->dev, &c)) == 1; b--, number++) {
			if (c.n_readable != 1 || c.n_writable != 1 ||
			    !exchange_is_filled(iov[0].iov_base, number))
				__atomic_fetch_add(&x->bad_payloads, 1, __ATOMIC_RELAXED);
			exchange_fill(iov[1].iov_base, ~number);
			if (vri_devq_push(x->dev, &c, EXCHANGE_PIECE) < 0)
				__atomic_fetch_add(&x->errors, 1, __ATOMIC_RELAXED);
		}
		if (vri_devq_notify(x->dev) < 0)
			__atomic_fetch_add(&x->errors, 1, __ATOMIC_RELAXED);
		if (b > 0 && number < x->n) {
			r = vri_devq_wait(x->dev, x->patience_ms);
			if (exchange_went_wrong(x, r))
				return NULL;
		}
	}
	return NULL;
}

/* Runs it. Returns: 0, or -1 when it could not even begin. */
static int exchange_run(struct exchange *x)
{
	struct mem_entry entry = {
		.size = EXCHANGE_BYTES,
		.access = VRI_ACCESS_READ_WRITE,
		.window_offset = EXCHANGE_BYTES - EXCHANGE_POOL,
		.window_size = EXCHANGE_POOL,
	};
	struct queue_setup setup = {
		.size = EXCHANGE_QUEUE,
		.features = { { x->features } },
		.ops = &exchange_ops,
	};
	pthread_t driver, device;

	x->base = mmap(NULL, EXCHANGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	if (x->base == MAP_FAILED || vri__mem_new(&x->mem) < 0)
		return -1;
	entry.va = x->base;
	setup.desc = x->base;
	setup.driver = x->base + 4096;
	setup.device = x->base + 8192;
	setup.mem = x->mem;
	x->drv_end.receive_fd = x->dev_end.send_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	x->dev_end.receive_fd = x->drv_end.send_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (vri__mem_add(x->mem, &entry) < 0 || x->drv_end.receive_fd < 0 ||
	    x->dev_end.receive_fd < 0)
		return -1;
	setup.ctx = &x->drv_end;
	setup.spin = x->drv_spin;
	if (vri__drvq_new(&setup, &x->drv) < 0)
		return -1;
	setup.ctx = &x->dev_end;
	setup.spin = x->dev_spin;
	if (vri__devq_new(&setup, &x->dev) < 0)
		return -1;

	if (pthread_create(&device, NULL, exchange_device, x) != 0 ||
	    pthread_create(&driver, NULL, exchange_driver, x) != 0)
		return -1;
	pthread_join(driver, NULL);
	pthread_join(device, NULL);

	vri__drvq_free(x->drv);
	vri__devq_free(x->dev);
	vri__mem_free(x->mem);
	munmap(x->base, EXCHANGE_BYTES);
	x->lost_wakeups += x->drv_end.slept_on + x->dev_end.slept_on;
	close(x->drv_end.receive_fd);
	close(x->dev_end.receive_fd);
	return 0;
}

#endif
