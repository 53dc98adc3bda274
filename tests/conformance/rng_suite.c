/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The entropy device and its driver: bytes that differ, lengths, requests of odd shapes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/devices/rng.h>

#include "harness.h"
#include "test.h"

#define PATIENCE_MS 30000

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
};

static void rig_begin(struct rig *rig, const char *options)
{
	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "rng", options);
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

/* Of 2^20 fair coins between 45 and 55 in a hundred show heads, but for once in 10^2000 runs. */
static void looks_random(const uint8_t *bytes, size_t len)
{
	size_t ones = 0;

	for (size_t i = 0; i < len; i++)
		ones += (size_t)__builtin_popcount(bytes[i]);
	t_gt(ones, len * 8 * 45 / 100);
	t_lt(ones, len * 8 * 55 / 100);
}

Test(rng, bytes_are_random)
{
	enum { LEN = 128 * 1024 };
	static uint8_t a[LEN], b[LEN];
	struct vri_rng *rng;
	struct rig rig;

	rig_begin(&rig, "");
	t_ok(vri_rng_open(rig.drv, NULL, &rng));
	t_ok(vri_rng_read(rng, a, LEN, PATIENCE_MS));
	t_ok(vri_rng_read(rng, b, LEN, PATIENCE_MS));
	looks_random(a, LEN);
	looks_random(b, LEN);
	t_ne(memcmp(a, b, LEN), 0);
	/* no chunk was handed out twice */
	for (size_t i = 16; i < LEN; i += 16)
		t_ne(memcmp(a, a + i, 16), 0);
	vri_rng_close(rng);
	rig_end(&rig);
}

struct want {
	unsigned chunk, depth;
	size_t len;
};

static const struct want wants[] = {
	{ 0, 0, 0 },	 { 0, 0, 1 },		{ 1, 1, 100 },		{ 64, 1, 1000 },
	{ 64, 16, 999 }, { 100000, 2, 300001 }, { 4096, 256, 1 << 20 },
};

TestEach(rng, any_length_is_filled_to_the_last_byte, wants, struct want)
{
	struct vri_rng_opts opts = { .size = sizeof(opts),
				     .chunk = param->chunk,
				     .depth = param->depth };
	struct vri_link_opts link_opts = { .size = sizeof(link_opts), .pool_size = 8u << 20 };
	uint8_t *bytes = calloc(1, param->len + 16);
	unsigned last = 0;
	struct vri_rng *rng;
	struct rig rig;

	rig_begin(&rig, "max=5000");
	vri_link_close(rig.link);
	rig.link = harness_link(&rig.h, &link_opts);
	rig.drv = vri_link_driver(rig.link);
	t_ok(vri_rng_open(rig.drv, &opts, &rng));
	/* The last byte is 0 by chance once in 256 times, but hardly 32 times in a row. */
	for (int i = 0; i < 32 && last == 0; i++) {
		t_ok(vri_rng_read(rng, bytes, param->len, PATIENCE_MS));
		last |= param->len ? bytes[param->len - 1] : 1;
	}
	t_ne(last, 0);
	for (size_t i = 0; i < 16; i++)
		t_eq(bytes[param->len + i], 0);
	vri_rng_close(rng);
	free(bytes);
	rig_end(&rig);
}

Test(rng, close_gives_the_pool_back)
{
	struct vri_rng *rng;
	uint8_t bytes[1000];
	struct rig rig;
	size_t before;

	rig_begin(&rig, "");
	before = vri_pool_free_size(vri_driver_pool(rig.drv));
	for (int i = 0; i < 5; i++) {
		t_ok(vri_rng_open(rig.drv, NULL, &rng));
		t_lt(vri_pool_free_size(vri_driver_pool(rig.drv)), before);
		t_ok(vri_rng_read(rng, bytes, sizeof(bytes), PATIENCE_MS));
		vri_rng_close(rng);
		t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), before);
	}
	rig_end(&rig);
}

Test(rng, driver_of_another_type_is_turned_away)
{
	struct vri_link *link;
	struct vri_rng *rng;
	struct harness h;

	harness_begin(&h, harness_transport());
	harness_serve(&h, "echo", "");
	link = harness_link(&h, NULL);
	t_errno_eq(vri_rng_open(vri_link_driver(link), NULL, &rng), -EOPNOTSUPP);
	vri_link_close(link);
	harness_end(&h);
}

/* ---- requests by hand ---- */

static uint32_t ask(struct rig *rig, const struct iovec *readable, unsigned n_r,
		    const struct iovec *writable, unsigned n_w)
{
	struct vri_drvq *q = vri_driver_drvq(rig->drv, 0);
	uint32_t len;
	void *token;

	t_ok(vri_drvq_add(q, readable, n_r, writable, n_w, rig));
	t_ok(vri_drvq_kick(q));
	t_eq(vri_drvq_wait(q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(q, &token, &len), 1);
	return len;
}

/* proves: dev:2.7u/2 */
Test(rng, one_request_gets_no_more_than_the_limit)
{
	struct iovec piece;
	struct rig rig;

	rig_begin(&rig, "max=1000");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	piece = (struct iovec){ vri_pool_alloc(vri_driver_pool(rig.drv), 4096), 4096 };
	memset(piece.iov_base, 0, 4096);
	t_eq(ask(&rig, NULL, 0, &piece, 1), 1000);
	for (size_t i = 1000; i < 4096; i++)
		t_eq(((uint8_t *)piece.iov_base)[i], 0);
	rig_end(&rig);
}

/* proves: dev:2.7f/1 dev:2.7d/1 */
Test(rng, pieces_are_filled_and_readable_ones_left_alone)
{
	struct iovec pieces[10], readable;
	uint8_t *bytes;
	struct rig rig;

	rig_begin(&rig, "");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	bytes = vri_pool_alloc(vri_driver_pool(rig.drv), 1000);
	readable = (struct iovec){ vri_pool_alloc(vri_driver_pool(rig.drv), 64), 64 };
	memset(bytes, 0, 1000);
	memset(readable.iov_base, 0x5a, 64);
	for (size_t i = 0; i < 10; i++)
		pieces[i] = (struct iovec){ bytes + i * 100, 100 };
	t_eq(ask(&rig, &readable, 1, pieces, 10), 1000);
	looks_random(bytes, 1000);
	for (size_t i = 0; i < 64; i++)
		t_eq(((uint8_t *)readable.iov_base)[i], 0x5a);
	/* nothing to write into: comes back as it is */
	t_eq(ask(&rig, &readable, 1, NULL, 0), 0);
	rig_end(&rig);
}
