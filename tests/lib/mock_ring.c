/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The raw ring and who writes it. */

#include "mock_ring.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "test.h"

#include <vring-ipc/memory.h>

#define PAGE 4096u

static size_t pages(size_t bytes)
{
	return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

void mock_ring_init(struct mock_ring *r, unsigned size)
{
	size_t desc = pages(16 * (size_t)size);
	size_t avail = pages(6 + 2 * (size_t)size);
	size_t used = pages(6 + 8 * (size_t)size);
	size_t tables = pages(16 * (size_t)size * MOCK_TABLE_MAX);
	size_t whole = desc + avail + used + tables + MOCK_POOL_SIZE;
	struct mem_entry entry;

	memset(r, 0, sizeof(*r));
	r->size = size;
	r->bytes = whole;
	r->base = mmap(NULL, whole + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_true(r->base != MAP_FAILED);
	t_sys(mprotect(r->base, whole, PROT_READ | PROT_WRITE));
	r->desc = (void *)r->base;
	r->avail = (void *)(r->base + desc);
	r->used = (void *)(r->base + desc + avail);
	r->tables = (void *)(r->base + desc + avail + used);
	r->pool = r->base + desc + avail + used + tables;
	r->outstanding = calloc(size, 1);
	t_not_null(r->outstanding);
	t_ok(vri__mem_new(&r->mem));
	entry = (struct mem_entry){
		.iova = 0,
		.size = whole,
		.va = r->base,
		.access = VRI_ACCESS_READ_WRITE,
		.window_offset = mock_iova(r, r->tables),
		.window_size = tables + MOCK_POOL_SIZE,
	};
	t_ok(vri__mem_add(r->mem, &entry));
}

void mock_ring_fini(struct mock_ring *r)
{
	vri__mem_free(r->mem);
	free(r->outstanding);
	munmap(r->base, r->bytes + PAGE);
}

/* ---- queue_ops ---- */

static void side_notify(void *ctx)
{
	((struct mock_side *)ctx)->n_notify++;
}

static int side_wait(void *ctx, int timeout_ms)
{
	struct mock_side *side = ctx;

	side->n_wait++;
	return side->on_wait != NULL ? side->on_wait(side->data, timeout_ms) : 0;
}

static void side_clear(void *ctx)
{
	((struct mock_side *)ctx)->n_clear++;
}

static int side_fd(void *ctx)
{
	return 42;
}

static void side_broken(void *ctx, enum vri_rule rule)
{
	struct mock_side *side = ctx;

	side->n_broken++;
	side->rule = rule;
}

static const struct queue_ops side_ops = {
	.notify = side_notify,
	.wait = side_wait,
	.clear = side_clear,
	.fd = side_fd,
	.broken = side_broken,
};

static struct queue_setup setup(struct mock_ring *r, uint64_t features)
{
	return (struct queue_setup){
		.index = 3,
		.size = r->size,
		.features = { { features } },
		.desc = r->desc,
		.driver = r->avail,
		.device = r->used,
		.mem = r->mem,
		.ops = &side_ops,
	};
}

struct queue_setup mock_drv_setup(struct mock_ring *r, uint64_t features)
{
	struct queue_setup s = setup(r, features);

	s.ctx = &r->drv;
	s.counters = &r->drv_counters;
	s.outstanding = r->outstanding;
	s.tables = r->tables;
	s.tables_iova = mock_iova(r, r->tables);
	s.indirect_max = MOCK_TABLE_MAX;
	return s;
}

struct queue_setup mock_dev_setup(struct mock_ring *r, uint64_t features)
{
	struct queue_setup s = setup(r, features);

	s.ctx = &r->dev;
	s.counters = &r->dev_counters;
	return s;
}

struct vri_drvq *mock_drvq(struct mock_ring *r, uint64_t features)
{
	struct queue_setup s = mock_drv_setup(r, features);
	struct vri_drvq *q;

	t_ok(vri__drvq_new(&s, &q));
	return q;
}

struct vri_devq *mock_devq(struct mock_ring *r, uint64_t features)
{
	struct queue_setup s = mock_dev_setup(r, features);
	struct vri_devq *q;

	t_ok(vri__devq_new(&s, &q));
	return q;
}

/* ---- the mock driver ---- */

void mock_desc(void *table, unsigned i, uint64_t iova, uint32_t len, uint16_t flags, uint16_t next)
{
	struct vring_desc desc = {
		.addr = htole64(iova),
		.len = htole32(len),
		.flags = htole16(flags),
		.next = htole16(next),
	};

	memcpy((uint8_t *)table + sizeof(desc) * i, &desc, sizeof(desc));
}

void mock_set_avail_idx(struct mock_ring *r, uint16_t idx)
{
	__atomic_store_n(&r->avail->idx, htole16(idx), __ATOMIC_RELEASE);
}

uint16_t mock_avail_idx(const struct mock_ring *r)
{
	return le16toh(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE));
}

void mock_offer(struct mock_ring *r, uint16_t head)
{
	uint16_t idx = mock_avail_idx(r);

	r->avail->ring[idx % r->size] = htole16(head);
	mock_set_avail_idx(r, (uint16_t)(idx + 1));
}

void mock_set_avail_flags(struct mock_ring *r, uint16_t flags)
{
	r->avail->flags = htole16(flags);
}

void mock_set_used_event(struct mock_ring *r, uint16_t event)
{
	r->avail->ring[r->size] = htole16(event);
}

/* ---- the mock device ---- */

uint16_t mock_avail_head(const struct mock_ring *r, uint16_t idx)
{
	return le16toh(r->avail->ring[idx % r->size]);
}

void mock_used_entry(struct mock_ring *r, uint16_t idx, uint32_t id, uint32_t len)
{
	r->used->ring[idx % r->size].id = htole32(id);
	r->used->ring[idx % r->size].len = htole32(len);
}

void mock_set_used_idx(struct mock_ring *r, uint16_t idx)
{
	__atomic_store_n(&r->used->idx, htole16(idx), __ATOMIC_RELEASE);
}

uint16_t mock_used_idx(const struct mock_ring *r)
{
	return le16toh(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE));
}

void mock_use(struct mock_ring *r, uint32_t id, uint32_t len)
{
	uint16_t idx = mock_used_idx(r);

	mock_used_entry(r, idx, id, len);
	mock_set_used_idx(r, (uint16_t)(idx + 1));
}

void mock_set_used_flags(struct mock_ring *r, uint16_t flags)
{
	r->used->flags = htole16(flags);
}

static uint16_t *avail_event_word(const struct mock_ring *r)
{
	return (uint16_t *)(void *)&r->used->ring[r->size];
}

void mock_set_avail_event(struct mock_ring *r, uint16_t event)
{
	*avail_event_word(r) = htole16(event);
}

uint16_t mock_avail_flags(const struct mock_ring *r)
{
	return le16toh(r->avail->flags);
}

uint16_t mock_used_flags(const struct mock_ring *r)
{
	return le16toh(r->used->flags);
}

uint16_t mock_avail_event(const struct mock_ring *r)
{
	return le16toh(*avail_event_word(r));
}

uint16_t mock_used_event(const struct mock_ring *r)
{
	return le16toh(r->avail->ring[r->size]);
}

/* ---- chance ---- */

struct mock_random mock_random_seeded(void)
{
	const char *given = getenv("VRI_TEST_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seed = given != NULL ? strtoull(given, NULL, 0) :
			       (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	fprintf(stderr, "seed: VRI_TEST_SEED=%llu\n", (unsigned long long)seed);
	return (struct mock_random){ seed };
}

/* splitmix64 */
uint32_t mock_random_below(struct mock_random *rnd, uint32_t limit)
{
	uint64_t z = rnd->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return (uint32_t)(z >> 32) % limit;
}
