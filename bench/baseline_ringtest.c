/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The shape of the kernel's tools/virtio/ringtest with virtio_ring_0_9, written anew from its description: a split ring of
 * 256 with a free list, each buffer published by an index of its own and given back by an index of its own, as many under
 * way as there is room for, no notifications, no payload, no checks, both sides polling. Processes in place of its threads.
 */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE 256
#define MASK (SIZE - 1)

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct ring {
	_Alignas(4096) struct desc desc[SIZE];
	_Alignas(4096) struct {
		uint16_t flags;
		_Atomic uint16_t idx;
		uint16_t ring[SIZE];
	} avail;
	_Alignas(4096) struct {
		uint16_t flags;
		_Atomic uint16_t idx;
		struct {
			uint32_t id, len;
		} ring[SIZE];
	} used;
};

struct guest {
	struct ring *ring;
	uint16_t free_head, avail_idx, last_used, n_free;
	void *data[SIZE];
};

static bool add(struct guest *g, void *buf, uint32_t len)
{
	struct desc *desc = &g->ring->desc[g->free_head];
	uint16_t head = g->free_head;

	if (g->n_free == 0)
		return false;
	g->n_free--;
	desc->flags = 0;
	desc->addr = (uint64_t)(uintptr_t)buf;
	desc->len = len;
	g->free_head = desc->next;
	g->data[head] = buf;
	g->ring->avail.ring[g->avail_idx & MASK] = head;
	/* Releases descriptor and entry. Pairs with the acquire in host(). */
	atomic_store_explicit(&g->ring->avail.idx, ++g->avail_idx, memory_order_release);
	return true;
}

static void *get(struct guest *g)
{
	uint16_t head;
	void *data;

	/* Pairs with the release in host(). */
	if (atomic_load_explicit(&g->ring->used.idx, memory_order_acquire) == g->last_used)
		return NULL;
	head = (uint16_t)g->ring->used.ring[g->last_used & MASK].id;
	data = g->data[head];
	g->ring->desc[head].next = g->free_head;
	g->free_head = head;
	g->n_free++;
	g->last_used++;
	return data;
}

static int host(const struct bench_env *env, void *arg)
{
	struct ring *ring = arg;
	uint16_t seen = 0, used = 0;

	(void)env;
	bench_ready();
	while (!bench_is_stopped()) {
		uint16_t head;

		/* Pairs with the release in add(). */
		if (atomic_load_explicit(&ring->avail.idx, memory_order_acquire) == seen) {
			bench_relax();
			continue;
		}
		head = ring->avail.ring[seen++ & MASK];
		ring->used.ring[used & MASK].id = head;
		ring->used.ring[used & MASK].len = ring->desc[head].len - 1;
		/* Releases the entry. Pairs with the acquire in get(). */
		atomic_store_explicit(&ring->used.idx, ++used, memory_order_release);
	}
	return 0;
}

/* Many buffers, so that the clock is not what is measured. */
static int stream(void *arg)
{
	struct guest *g = arg;
	unsigned done = 0;

	while (done < 4096) {
		bool busy = add(g, g, 1);

		if (get(g)) {
			done++;
			busy = true;
		}
		if (!busy)
			bench_relax();
	}
	return 0;
}

static int measure(const struct bench_env *env, struct bench_sample *ret_sample)
{
	struct guest guest = { .n_free = SIZE };
	struct ring *ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (ring == MAP_FAILED)
		return -errno;
	for (uint16_t i = 0; i < SIZE; i++)
		ring->desc[i].next = (uint16_t)(i + 1);
	guest.ring = ring;
	pid_t pid = bench_start(env, host, ring);
	int r = pid < 0 ? (int)pid : bench_time(env, stream, &guest, ret_sample);
	if (pid > 0)
		bench_stop(pid);
	bench_sample_per(ret_sample, 4096);
	munmap(ring, sizeof(*ring));
	return r;
}

const struct bench_scenario baseline_ringtest = {
	.name = "ringtest_0_9",
	.what = "the shape of ringtest's virtio_ring_0_9: split ring, no payload, no checks, both polling",
	.measure = measure,
};
