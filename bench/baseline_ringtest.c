/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The shape of the kernel's tools/virtio/ringtest with virtio_ring_0_9, written anew from its description: a split ring of
 * 256 with a free list, each buffer published by an index of its own and given back by an index of its own, as many under
 * way as there is room for, no notifications, no payload, no checks, both sides polling. Processes in place of its threads.
 *
 * In the kernel's program the pointers to the ring, which both sides read for each buffer, share a cache line with the
 * guest's indices. That costs it two thirds of its speed, and is a part of the figures that are known of it: so there are
 * two rows, as it is and with the two kept apart.
 */
#include "bench.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE 256
#define MASK (SIZE - 1)
#define BUFFERS 64 /* in one timed call */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct avail {
	uint16_t flags;
	_Atomic uint16_t idx;
	uint16_t ring[SIZE];
};

struct used {
	uint16_t flags;
	_Atomic uint16_t idx;
	struct {
		uint32_t id, len;
	} ring[SIZE];
};

/* What both sides look through. */
struct vring {
	struct desc *desc;
	struct avail *avail;
	struct used *used;
};

struct guest {
	uint16_t free_head, avail_idx, last_used, n_free;
	void *data[SIZE];
};

struct shared {
	_Alignas(64) struct vring vring; /* a guest that is close begins in this line */
	struct guest close;
	_Alignas(4096) struct guest apart;
	_Alignas(4096) struct desc desc[SIZE];
	_Alignas(4096) struct avail avail;
	_Alignas(4096) struct used used;
};

struct end {
	struct shared *shared;
	struct guest *guest;
};

static bool add(const struct vring *v, struct guest *g, void *buf, uint32_t len)
{
	uint16_t head = g->free_head;
	struct desc *desc = &v->desc[head];

	if (g->n_free == 0)
		return false;
	g->n_free--;
	desc->flags = 0;
	desc->addr = (uint64_t)(uintptr_t)buf;
	desc->len = len;
	g->free_head = desc->next;
	g->data[head] = buf;
	v->avail->ring[g->avail_idx & MASK] = head;
	/* Releases descriptor and entry. Pairs with the acquire in host(). */
	atomic_store_explicit(&v->avail->idx, ++g->avail_idx, memory_order_release);
	return true;
}

static void *get(const struct vring *v, struct guest *g)
{
	uint16_t head;
	void *data;

	/* Pairs with the release in host(). */
	if (atomic_load_explicit(&v->used->idx, memory_order_acquire) == g->last_used)
		return NULL;
	head = (uint16_t)v->used->ring[g->last_used & MASK].id;
	data = g->data[head];
	v->desc[head].next = g->free_head;
	g->free_head = head;
	g->n_free++;
	g->last_used++;
	return data;
}

static int host(const struct bench_env *env, void *arg)
{
	const struct end *end = arg;
	const struct vring *v = &end->shared->vring;
	uint16_t seen = 0, used = 0;

	(void)env;
	bench_ready();
	while (!bench_is_stopped()) {
		uint16_t head;

		/* Pairs with the release in add(). */
		if (atomic_load_explicit(&v->avail->idx, memory_order_acquire) == seen) {
			bench_relax();
			continue;
		}
		head = v->avail->ring[seen++ & MASK];
		v->used->ring[used & MASK].id = head;
		v->used->ring[used & MASK].len = v->desc[head].len - 1;
		/* Releases the entry. Pairs with the acquire in get(). */
		atomic_store_explicit(&v->used->idx, ++used, memory_order_release);
	}
	return 0;
}

/* Many buffers, so that the clock is not what is measured. */
static int stream(void *arg)
{
	const struct end *end = arg;
	const struct vring *v = &end->shared->vring;
	unsigned done = 0;

	while (done < BUFFERS) {
		bool busy = add(v, end->guest, end->guest, 1);

		if (get(v, end->guest)) {
			done++;
			busy = true;
		}
		if (!busy)
			bench_relax();
	}
	return 0;
}

static int measure(const struct bench_env *env, bool apart, struct bench_sample *ret_sample)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct end end = { .shared = s };

	if (s == MAP_FAILED)
		return -errno;
	s->vring = (struct vring){ s->desc, &s->avail, &s->used };
	end.guest = apart ? &s->apart : &s->close;
	end.guest->n_free = SIZE;
	for (uint16_t i = 0; i < SIZE; i++)
		s->desc[i].next = (uint16_t)(i + 1);
	pid_t pid = bench_start(env, host, &end);
	int r = pid < 0 ? (int)pid : bench_time(env, stream, &end, ret_sample);
	if (pid > 0)
		bench_stop(pid);
	bench_sample_per(ret_sample, BUFFERS);
	munmap(s, sizeof(*s));
	return r;
}

static int measure_close(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, false, ret_sample);
}

static int measure_apart(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, true, ret_sample);
}

#define SHAPE \
	"the shape of ringtest's virtio_ring_0_9: split ring, no payload, no checks, both polling"

const struct bench_scenario baseline_ringtest = {
	.name = "ringtest_0_9",
	.what = SHAPE,
	.measure = measure_close,
};

const struct bench_scenario baseline_ringtest_apart = {
	.name = "ringtest_0_9_apart",
	.what = SHAPE ", without its falsely shared line",
	.measure = measure_apart,
};
