/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Regions of hostile sides: random bytes where structures should be, words that never stand still. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/inspect.h>

#include "synthetic.h"
#include "test.h"

/* ---- chance ---- */

static uint64_t state;

static uint64_t chance(void)
{
	/* splitmix64 */
	uint64_t z = (state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void seed(void)
{
	const char *given = getenv("VRI_TEST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec * 1000003u;
	fprintf(stderr, "seed: VRI_TEST_SEED=%llu\n", (unsigned long long)state);
}

/* ---- looking at everything ---- */

static void check_text(const char *text, size_t size)
{
	size_t i;

	t_not_null(memchr(text, 0, size));
	for (i = 0; text[i]; i++)
		t_true(text[i] >= 0x20 && text[i] < 0x7f);
}

static void look_at_chains(struct vri_inspect *insp, unsigned queue, bool moves)
{
	static struct vri_inspect_desc descs[64];
	struct vri_inspect_head heads[64];
	struct vri_inspect_used used[64];
	int n, i;

	n = vri_inspect_outstanding(insp, queue, heads, 64);
	for (i = 0; i < n && i < 4; i++) {
		struct vri_inspect_chain chain = { .size = sizeof(chain) };

		int r = vri_inspect_get_chain(insp, queue, heads[i].head, &chain, descs, 64);

		/* The queue may be gone, or shorter. */
		if (moves && (r == -ENOENT || r == -EINVAL || r == -EPROTO))
			continue;
		t_ok(r);
		t_eq(chain.n_descs == 0, chain.known == VRI_INSPECT_KNOWN_NONE);
		t_le(chain.n_descs, 2 * VRI_QUEUE_SIZE_MAX);
		t_lt(chain.problem, VRI_RULE_COUNT);
	}
	n = vri_inspect_get_used(insp, queue, used, 64);
	t_le(n, 64);
}

/* @moves: somebody else writes meanwhile, so what was there a moment ago need not be. */
static void look_at_everything(struct vri_inspect *insp, bool moves)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	uint32_t generation;
	uint8_t config[64];
	unsigned i;
	bool stable;

	t_ok(vri_inspect_get_link(insp, &link));
	check_text(link.type, sizeof(link.type));
	check_text(link.name, sizeof(link.name));
	check_text(link.needs_reset_why, sizeof(link.needs_reset_why));
	t_le(link.n_queues, VRI_QUEUES_MAX);
	t_le(vri_inspect_config(insp, config, sizeof(config), &generation, &stable),
	     sizeof(config));
	for (i = 0; i < link.n_queues && i < 4; i++) {
		struct vri_inspect_queue q = { .size = sizeof(q) };

		int r = vri_inspect_get_queue(insp, i, &q);

		if (moves && r == -ENOENT)
			continue;
		t_ok(r);
		if (q.readable)
			look_at_chains(insp, i, moves);
	}
}

/* ---- mutations ---- */

#define MUTATIONS 24000

/* A structure of the region, picked so that a mutation mostly hits something that means something. */
static uint64_t pick_place(const struct synthetic *s)
{
	const struct region_map *map = &s->map;

	switch (chance() % 10) {
	case 0:
		return chance() % 512; /* header and table */
	case 1:
		return map->device_block.offset + chance() % map->device_block.size;
	case 2:
	case 3:
		return map->driver_block.offset + chance() % map->driver_block.size;
	case 4:
		return map->device_counters.offset + chance() % map->device_counters.size;
	case 5:
		return map->driver_counters.offset + chance() % map->driver_counters.size;
	case 6:
		return map->outstanding.offset + chance() % map->outstanding.size;
	case 7:
		return map->tables.offset + chance() % map->tables.size;
	case 8:
		return map->device_rings.offset + chance() % map->device_rings.size;
	default:
		return map->driver_rings.offset + chance() % map->driver_rings.size;
	}
}

static void mutate(struct synthetic *s)
{
	static const uint64_t words[] = { 0,	  1,	      0xff,	  0x7fff, 0x8000,
					  0xffff, 0xffffffff, 0x80000000, ~0ull };
	uint64_t word = chance() % 2 ? chance() : words[chance() % 9];
	uint64_t at = pick_place(s);
	size_t len = (size_t)1 << (chance() % 4);

	at -= at % len;
	if (at + len <= s->map.size)
		memcpy(s->base + at, &word, len);
}

/* faults: G6 */
Test(inspect_hostile, any_bytes_are_shown_without_harm, .timeout = 120)
{
	struct synthetic s;
	uint64_t control; /* where the pool begins: what is restored each time */
	uint8_t *pristine;
	unsigned i, opened = 0;

	seed();
	synthetic_init(&s);
	control = s.map.pool.offset;
	pristine = malloc(control);
	t_not_null(pristine);
	memcpy(pristine, s.base, control);
	for (i = 0; i < MUTATIONS; i++) {
		char why[VRI_INSPECT_WHY_MAX];
		struct vri_inspect *insp = NULL;
		unsigned n = 1 + (unsigned)(chance() % 12);
		int r;

		while (n--)
			mutate(&s);
		r = vri_inspect_open_fd(&insp, s.fd, why, sizeof(why));
		if (r == 0) {
			look_at_everything(insp, false);
			opened++;
		} else {
			t_errno_eq(r, -EPROTO);
			check_text(why, sizeof(why));
		}
		vri_inspect_close(insp);
		memcpy(s.base, pristine, control);
	}
	/* The test means nothing if most regions are refused at the door. */
	t_gt(opened, MUTATIONS / 4);
	free(pristine);
	synthetic_fini(&s);
}

/* faults: G6 */
Test(inspect_hostile, longest_possible_chains_come_to_an_end, .timeout = 60)
{
	struct vri_inspect_chain chain = { .size = sizeof(chain) };
	const unsigned size = VRI_QUEUE_SIZE_MAX;
	struct vri_inspect_head head;
	struct vring_desc *desc;
	struct vri_inspect *insp;
	struct synthetic s;
	unsigned i;

	/* One ring of the largest size, spread over all of a region that has no room for it: it
	 * overlaps everything, which a reader does not mind. */
	synthetic_init(&s);
	t_ok(vri_inspect_open_fd(&insp, s.fd, NULL, 0));
	t_lt(s.map.size, 16ull * size);
	s.driver_queue[0].size = htole32(4096);
	s.driver_queue[0].desc = htole64(s.map.pool.offset);
	s.driver_queue[0].driver = htole64(s.map.pool.offset);
	s.driver_queue[0].device = htole64(s.map.pool.offset);
	s.driver_queue[0].outstanding = htole64(s.map.pool.offset);
	desc = (struct vring_desc *)(void *)(s.base + s.map.pool.offset);
	for (i = 0; i < 4096; i++) {
		desc[i].addr = htole64(s.map.pool.offset);
		desc[i].len = htole32(1);
		desc[i].flags = htole16(VRING_DESC_F_NEXT);
		desc[i].next = htole16((uint16_t)((i + 1) % 4096));
	}
	t_gt(vri_inspect_outstanding(insp, 0, &head, 1), 0);
	t_ok(vri_inspect_get_chain(insp, 0, 17, &chain, NULL, 0));
	t_eq(chain.problem, VRI_RULE_CHAIN_LENGTH);
	t_eq(chain.n_descs, 4096);
	vri_inspect_close(insp);
	synthetic_fini(&s);
}

/* ---- words that never stand still ---- */

struct rewriter {
	struct synthetic *s;
	bool stop;
	bool everything; /* descriptors, bytes and blocks as well */
};

static void *rewrite(void *data)
{
	struct rewriter *w = data;
	struct synthetic *s = w->s;
	uint16_t idx = 0;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		idx++;
		__atomic_store_n(&s->avail->idx, htole16(idx), __ATOMIC_RELEASE);
		__atomic_store_n(&s->used->idx, htole16(idx), __ATOMIC_RELEASE);
		__atomic_store_n(&s->device->config_generation, htole32(2u * idx + 1),
				 __ATOMIC_RELEASE);
		if (!w->everything)
			continue;
		__atomic_store_n(&s->desc[idx % SYNTHETIC_SIZE].next, idx, __ATOMIC_RELAXED);
		__atomic_store_n(&s->desc[idx % SYNTHETIC_SIZE].flags, idx, __ATOMIC_RELAXED);
		__atomic_store_n(&s->outstanding[idx % SYNTHETIC_SIZE], (uint8_t)(idx & 1),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&s->driver_queue[0].size, htole32(8u << (idx % 3)),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&s->driver->n_queues, htole32(idx), __ATOMIC_RELAXED);
		__atomic_store_n(&s->device->status, htole32(idx), __ATOMIC_RELAXED);
	}
	return NULL;
}

static pthread_t begin_rewriting(struct rewriter *w)
{
	pthread_t thread;

	t_eq(pthread_create(&thread, NULL, rewrite, w), 0);
	return thread;
}

static void end_rewriting(struct rewriter *w, pthread_t thread)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	t_eq(pthread_join(thread, NULL), 0);
}

/* faults: G5 */
Test(inspect_hostile, snapshot_of_a_ring_that_is_rewritten_is_called_unstable, .timeout = 120)
{
	struct rewriter w = { 0 };
	struct vri_inspect *insp;
	struct synthetic s;
	bool unstable = false;
	pthread_t thread;

	synthetic_init(&s);
	t_ok(vri_inspect_open_fd(&insp, s.fd, NULL, 0));
	w.s = &s;
	thread = begin_rewriting(&w);
	/* The writer may not run at this very moment: look until it did. */
	while (!unstable) {
		struct vri_inspect_queue q = { .size = sizeof(q) };

		t_ok(vri_inspect_get_queue(insp, 0, &q));
		unstable = !q.stable;
	}
	end_rewriting(&w, thread);
	vri_inspect_close(insp);
	synthetic_fini(&s);
}

/* faults: G5 */
Test(inspect_hostile, config_that_is_rewritten_is_called_unstable, .timeout = 120)
{
	struct rewriter w = { 0 };
	struct vri_inspect *insp;
	struct synthetic s;
	uint32_t generation;
	uint8_t config[64];
	bool stable = true;
	pthread_t thread;

	synthetic_init(&s);
	t_ok(vri_inspect_open_fd(&insp, s.fd, NULL, 0));
	w.s = &s;
	thread = begin_rewriting(&w);
	while (stable)
		t_ok(vri_inspect_config(insp, config, sizeof(config), &generation, &stable));
	end_rewriting(&w, thread);
	vri_inspect_close(insp);
	synthetic_fini(&s);
}

/* faults: G5 G6 */
Test(inspect_hostile, every_look_ends_while_everything_is_rewritten, .timeout = 120)
{
	struct rewriter w = { .everything = true };
	struct vri_inspect *insp;
	struct synthetic s;
	pthread_t thread;
	unsigned i;

	synthetic_init(&s);
	t_ok(vri_inspect_open_fd(&insp, s.fd, NULL, 0));
	w.s = &s;
	thread = begin_rewriting(&w);
	for (i = 0; i < 300; i++)
		look_at_everything(insp, true);
	end_rewriting(&w, thread);
	vri_inspect_close(insp);
	synthetic_fini(&s);
}
