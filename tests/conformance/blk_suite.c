/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The block device and its driver at work: each request type, limits, data that is verified. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_rig.h"
#include "test.h"

#define MIB (1024 * 1024)

typedef const char *engine_text;
static const engine_text engines[] = { "io=uring", "io=sync" };

/* ---- what a disk is ---- */

Test(blk, disk_says_what_it_is)
{
	struct vri_blk_info info;
	struct blk_rig rig;

	rig_serve(&rig, MIB + 700, "block=4096 queues=3 seg=50 zeroes=64");
	rig_drive(&rig, NULL, NULL);
	vri_blk_get_info(rig.blk, &info);
	t_eq(info.capacity, MIB);
	t_eq(info.block_size, 4096);
	t_eq(info.seg_max, 50);
	t_eq(info.size_max, UINT32_MAX);
	t_eq(info.n_queues, 3);
	t_eq(info.n_queues_max, 3);
	t_ge(info.physical_block_size, 4096);
	t_false(info.read_only);
	t_true(info.flush);
	t_true(info.write_back);
	t_true(info.write_zeroes);
	t_eq(info.max_write_zeroes, 64 * 512);
	t_eq(vri_driver_device_id(rig.drv), VRI_ID_BLOCK);
	t_streq(vri_driver_type(rig.drv), VRI_BLK_TYPE);
	rig_end(&rig);
}

Test(blk, id_is_what_the_server_was_told)
{
	char id[VRI_BLK_ID_MAX + 1];
	struct blk_rig rig;

	rig_serve(&rig, 4096, "id=exactly-twenty-bytes");
	rig_drive(&rig, NULL, NULL);
	memset(id, 'x', sizeof(id));
	t_ok(rig_finish(&rig, vri_blk_get_id(rig.blk, 0, id, &rig)));
	t_streq(id, "exactly-twenty-bytes");
	rig_end(&rig);
}

Test(blk, id_is_the_name_by_default)
{
	char id[VRI_BLK_ID_MAX + 1];
	struct blk_rig rig;

	rig_serve(&rig, 4096, "");
	rig_drive(&rig, NULL, NULL);
	t_ok(rig_finish(&rig, vri_blk_get_id(rig.blk, 0, id, &rig)));
	t_streq(id, "image");
	t_streq(vri_driver_name(rig.drv), "image");
	rig_end(&rig);
}

/* ---- reading and writing ---- */

TestEach(blk, what_is_written_is_in_the_file, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t back[8192];
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 8192);
	memset(buf, 0x5a, 8192);
	t_ok(rig_write(&rig, 4096, buf, 8192));
	t_ok(rig_flush(&rig));
	t_eq(pread(rig.fd, back, 8192, 4096), 8192);
	t_mem_eq(back, buf, 8192);
	t_eq(pread(rig.fd, back, 4096, 0), 4096);
	t_eq(back[4095], 0);
	rig_end(&rig);
}

TestEach(blk, what_is_in_the_file_is_read, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t out[4096];
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 4096);
	memset(out, 0xa5, sizeof(out));
	t_eq(pwrite(rig.fd, out, sizeof(out), MIB - 4096), 4096);
	t_ok(rig_read(&rig, MIB - 4096, buf, 4096));
	t_mem_eq(buf, out, sizeof(out));
	rig_end(&rig);
}

/* proves: dev:2.7f/1 */
TestEach(blk, data_may_be_in_many_pieces, engines, engine_text)
{
	struct iovec iov[100];
	struct blk_rig rig;
	uint8_t *buf;
	size_t at = 0;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 3 * 5120);
	for (size_t i = 0; i < 5120; i++)
		buf[i] = (uint8_t)(i * 31);
	for (unsigned i = 0; i < 100; i++) {
		size_t len = i < 99 ? 1 + i : 5120 - at;

		iov[i] = (struct iovec){ buf + at, len };
		at += len;
	}
	t_ok(rig_finish(&rig, vri_blk_write(rig.blk, 0, 512, iov, 100, &rig)));
	for (unsigned i = 0; i < 100; i++)
		iov[i].iov_base = (uint8_t *)iov[i].iov_base + 5120;
	t_ok(rig_finish(&rig, vri_blk_read(rig.blk, 0, 512, iov, 100, &rig)));
	t_mem_eq(buf + 5120, buf, 5120);
	rig_end(&rig);
}

Test(blk, memory_of_the_users_own_travels_too)
{
	struct blk_rig rig;
	uint8_t *buf;
	void *base;
	int fd;

	rig_serve(&rig, MIB, "");
	rig_drive(&rig, NULL, NULL);
	fd = memfd_create("buffers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	t_sys(fd);
	t_sys(ftruncate(fd, 65536));
	t_sys(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	t_ok(vri_driver_add_memory(rig.drv, fd, 0, 65536, VRI_ACCESS_READ_WRITE, &base));
	close(fd);
	buf = base;
	memset(buf, 7, 32768);
	t_ok(rig_write(&rig, 0, buf, 32768));
	t_ok(rig_read(&rig, 0, buf + 32768, 32768));
	t_mem_eq(buf + 32768, buf, 32768);
	t_ok(vri_driver_remove_memory(rig.drv, base));
	rig_end(&rig);
}

/* ---- flush, discard, write zeroes ---- */

TestEach(blk, zeroes_are_written_with_and_without_unmap, engines, engine_text)
{
	static const uint8_t none[16384];
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 65536);
	memset(buf, 1, 65536);
	t_ok(rig_write(&rig, 0, buf, 65536));
	t_ok(rig_zero(&rig, 4096, 16384, false));
	t_ok(rig_zero(&rig, 32768, 16384, true));
	t_ok(rig_read(&rig, 0, buf, 65536));
	t_eq(buf[4095], 1);
	t_mem_eq(buf + 4096, none, 16384);
	t_eq(buf[4096 + 16384], 1);
	t_mem_eq(buf + 32768, none, 16384);
	t_eq(buf[32768 + 16384], 1);
	rig_end(&rig);
}

TestEach(blk, discard_gives_the_space_back, engines, engine_text)
{
	struct vri_blk_info info;
	struct stat before, after;
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	vri_blk_get_info(rig.blk, &info);
	if (!info.discard) {
		rig_end(&rig);
		t_skip("the file system makes no holes");
	}
	buf = rig_alloc(&rig, 262144);
	memset(buf, 1, 262144);
	t_ok(rig_write(&rig, 0, buf, 262144));
	t_ok(rig_flush(&rig));
	t_sys(fstat(rig.fd, &before));
	t_ok(rig_discard(&rig, 0, 131072));
	t_sys(fstat(rig.fd, &after));
	t_lt(after.st_blocks, before.st_blocks);
	t_eq(after.st_size, MIB);
	t_ok(rig_read(&rig, 131072, buf, 512));
	t_eq(buf[0], 1);
	rig_end(&rig);
}

TestEach(blk, write_through_needs_no_flush, engines, engine_text)
{
	struct vri_blk_opts opts = { .size = sizeof(opts), .write_through = true };
	struct vri_blk_info info;
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, &opts);
	vri_blk_get_info(rig.blk, &info);
	t_false(info.write_back);
	t_false(info.flush);
	buf = rig_alloc(&rig, 4096);
	t_ok(rig_write(&rig, 0, buf, 4096));
	t_ok(rig_zero(&rig, 4096, 4096, false));
	t_errno_eq(rig_flush(&rig), -EOPNOTSUPP);
	rig_end(&rig);
}

/* The one field of the config space that a driver may write. */
Test(blk, cache_mode_can_be_switched)
{
	struct blk_rig rig;
	uint8_t wce = 0xff;
	uint32_t zero = 0;

	rig_serve(&rig, MIB, "");
	rig_drive_raw(&rig);
	t_ok(vri_driver_config_read(rig.drv, offsetof(struct virtio_blk_config, wce), &wce, 1));
	t_eq(wce, 1);
	wce = 0;
	t_ok(vri_driver_config_write(rig.drv, offsetof(struct virtio_blk_config, wce), &wce, 1));
	wce = 0xff;
	t_ok(vri_driver_config_read(rig.drv, offsetof(struct virtio_blk_config, wce), &wce, 1));
	t_eq(wce, 0);
	t_errno_eq(vri_driver_config_write(rig.drv, 0, &zero, 4), -EPERM);
	rig_end(&rig);
}

/* A flush has to wait for the disk; a read of what is in memory has not. */
Test(blk, requests_overtake_each_other)
{
	int flush, read;
	struct blk_rig rig;
	bool overtaken = false;

	rig_serve(&rig, MIB, "io=uring");
	rig_drive(&rig, NULL, NULL);
	for (int i = 0; i < 200 && !overtaken; i++) {
		struct iovec iov = { rig_alloc(&rig, 65536), 65536 };
		struct vri_blk_done done[2];
		int n = 0;

		t_ok(rig_write(&rig, (uint64_t)(i % 16) * 65536, iov.iov_base, 65536));
		t_ok(vri_blk_flush(rig.blk, 0, &flush));
		t_ok(vri_blk_read(rig.blk, 0, 0, &iov, 1, &read));
		while (n < 2) {
			int r = vri_blk_wait(rig.blk, 0, done + n, 2 - (unsigned)n, PATIENCE_MS);

			t_gt(r, 0);
			n += r;
		}
		t_eq(done[0].result, 0);
		t_eq(done[1].result, 0);
		overtaken = done[0].token == &read;
		vri_pool_free(rig.pool, iov.iov_base);
	}
	rig_end(&rig);
	if (!overtaken)
		t_skip("a flush takes no time on this file system");
}

/* ---- limits that the driver keeps ---- */

Test(blk, driver_refuses_what_the_disk_cannot)
{
	struct vri_blk_opts opts = { .size = sizeof(opts), .queue_depth = 4 };
	struct iovec iov[4];
	struct blk_rig rig;
	uint8_t *buf;
	char id[VRI_BLK_ID_MAX + 1];

	rig_serve(&rig, MIB, "seg=3 size=8192 zeroes=16");
	rig_drive(&rig, NULL, &opts);
	buf = rig_alloc(&rig, 65536);
	for (unsigned i = 0; i < 4; i++)
		iov[i] = (struct iovec){ buf + i * 512, 512 };

	t_errno_eq(rig_read(&rig, 1, buf, 512), -EINVAL);
	t_errno_eq(rig_read(&rig, 0, buf, 511), -EINVAL);
	t_errno_eq(rig_read(&rig, 0, buf, 0), -EINVAL);
	t_errno_eq(rig_read(&rig, MIB, buf, 512), -EINVAL);
	t_errno_eq(rig_read(&rig, MIB - 512, buf, 1024), -EINVAL);
	t_errno_eq(rig_write(&rig, UINT64_MAX - 511, buf, 512), -EINVAL);
	t_errno_eq(rig_write(&rig, 0, buf, 8192 + 512), -EINVAL);
	t_errno_eq(vri_blk_read(rig.blk, 0, 0, iov, 4, &rig), -EINVAL);
	t_errno_eq(vri_blk_read(rig.blk, 0, 0, iov, 0, &rig), -EINVAL);
	t_errno_eq(vri_blk_read(rig.blk, 0, 0, iov, 1, NULL), -EINVAL);
	t_errno_eq(vri_blk_read(rig.blk, 99, 0, iov, 1, &rig), -EINVAL);
	t_errno_eq(rig_zero(&rig, 0, 17 * 512, false), -EINVAL);
	t_errno_eq(rig_zero(&rig, 0, 0, false), -EINVAL);
	/* memory that the link does not share */
	t_errno_eq(rig_read(&rig, 0, id, 512), -EINVAL);
	t_eq(vri_blk_in_flight(rig.blk, 0), 0);
	/* and it still works */
	t_ok(vri_blk_read(rig.blk, 0, 0, iov, 3, &rig));
	t_ok(rig_finish(&rig, 0));
	rig_end(&rig);
}

Test(blk, full_queue_is_said_and_goes_on)
{
	struct vri_blk_opts opts = { .size = sizeof(opts), .queue_depth = 4 };
	struct vri_blk_done done[4];
	struct blk_rig rig;
	struct iovec iov;
	unsigned n = 0;

	rig_serve(&rig, MIB, "");
	rig_drive(&rig, NULL, &opts);
	t_eq(vri_blk_queue_depth(rig.blk), 4);
	iov = (struct iovec){ rig_alloc(&rig, 512), 512 };
	for (int i = 0; i < 4; i++)
		t_ok(vri_blk_read(rig.blk, 0, 0, &iov, 1, &rig));
	t_eq(vri_blk_in_flight(rig.blk, 0), 4);
	t_errno_eq(vri_blk_read(rig.blk, 0, 0, &iov, 1, &rig), -ENOSPC);
	while (n < 4) {
		int r = vri_blk_wait(rig.blk, 0, done, 4, PATIENCE_MS);

		t_gt(r, 0);
		n += (unsigned)r;
	}
	t_eq(vri_blk_in_flight(rig.blk, 0), 0);
	t_ok(vri_blk_read(rig.blk, 0, 0, &iov, 1, &rig));
	t_ok(rig_finish(&rig, 0));
	rig_end(&rig);
}

Test(blk, read_only_disk_is_only_read)
{
	struct vri_blk_info info;
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, "ro=1");
	rig_drive(&rig, NULL, NULL);
	vri_blk_get_info(rig.blk, &info);
	t_true(info.read_only);
	t_false(info.discard);
	t_false(info.write_zeroes);
	buf = rig_alloc(&rig, 512);
	t_ok(rig_read(&rig, 0, buf, 512));
	t_errno_eq(rig_write(&rig, 0, buf, 512), -EROFS);
	t_errno_eq(rig_discard(&rig, 0, 512), -EOPNOTSUPP);
	t_errno_eq(rig_zero(&rig, 0, 512, false), -EOPNOTSUPP);
	rig_end(&rig);
}

Test(blk, fewer_queues_than_offered_are_enough)
{
	struct vri_link_opts link_opts = { .size = sizeof(link_opts), .n_queues = 3 };
	struct vri_blk_opts opts = { .size = sizeof(opts), .n_queues = 2 };
	struct vri_blk_info info;
	struct blk_rig rig;

	rig_serve(&rig, MIB, "queues=4");
	rig_drive(&rig, &link_opts, &opts);
	vri_blk_get_info(rig.blk, &info);
	t_eq(info.n_queues, 2);
	t_eq(info.n_queues_max, 4);
	rig_hang_up(&rig);
	rig_drive(&rig, &link_opts, NULL);
	vri_blk_get_info(rig.blk, &info);
	t_eq(info.n_queues, 3);
	rig_end(&rig);
}

Test(blk, driver_of_another_type_is_turned_away)
{
	struct vri_link *link;
	struct vri_blk *blk;
	struct harness h;

	harness_begin(&h, harness_transport());
	harness_serve(&h, "rng", "");
	link = harness_link(&h, NULL);
	t_errno_eq(vri_blk_open(vri_link_driver(link), NULL, &blk), -EOPNOTSUPP);
	vri_link_close(link);
	harness_end(&h);
}

Test(blk, pool_that_is_too_small_is_said)
{
	struct vri_link_opts link_opts = { .size = sizeof(link_opts), .pool_size = 4096 };
	struct vri_blk_opts opts = { .size = sizeof(opts), .queue_depth = 128 };
	struct blk_rig rig;
	struct vri_blk *blk;

	rig_serve(&rig, MIB, "queues=4");
	rig.link = harness_link(&rig.h, &link_opts);
	t_errno_eq(vri_blk_open(vri_link_driver(rig.link), &opts, &blk), -ENOMEM);
	/* the driver is free again */
	opts.queue_depth = 4;
	t_ok(vri_blk_open(vri_link_driver(rig.link), &opts, &blk));
	vri_blk_close(blk);
	rig_end(&rig);
}

/* ---- verified data ---- */

#define SECTORS 4096 /* of the disk that is verified */
#define CHUNK_MAX 64 /* sectors in one request */
#define WORKERS 32 /* requests at once, at most */
#define REQUESTS 2000

struct work {
	unsigned queue;
	enum { WORK_IDLE, WORK_READ, WORK_WRITE, WORK_ZERO, WORK_FLUSH } kind;
	uint64_t sector;
	unsigned n;
	uint8_t *buf;
};

struct verifier {
	struct blk_rig *rig;
	struct dice dice;
	struct vri_blk_info info;
	uint8_t *expected; /* the whole disk */
	bool busy[SECTORS]; /* a request is under way there */
	struct work work[WORKERS];
	unsigned n_work, active;
};

/* Requests that overlap complete in any order: none does. */
static bool claim(struct verifier *v, struct work *w)
{
	for (int tries = 0; tries < 100; tries++) {
		unsigned i;

		w->n = 1 + (unsigned)dice_below(&v->dice, CHUNK_MAX);
		w->sector = dice_below(&v->dice, SECTORS - w->n + 1);
		for (i = 0; i < w->n && !v->busy[w->sector + i]; i++)
			;
		if (i < w->n)
			continue;
		memset(&v->busy[w->sector], true, w->n);
		return true;
	}
	return false;
}

/* Cuts the buffer into one to four pieces. */
static unsigned cut(struct verifier *v, const struct work *w, struct iovec iov[4])
{
	size_t len = w->n * 512, at = 0;
	unsigned n = 0;

	while (n < 3 && len - at > 1 && dice_below(&v->dice, 2)) {
		size_t piece = 1 + dice_below(&v->dice, len - at - 1);

		iov[n++] = (struct iovec){ w->buf + at, piece };
		at += piece;
	}
	iov[n++] = (struct iovec){ w->buf + at, len - at };
	return n;
}

static void begin_work(struct verifier *v, struct work *w)
{
	struct vri_blk *blk = v->rig->blk;
	struct iovec iov[4];
	uint64_t dice = dice_below(&v->dice, 100);
	unsigned n;
	int r;

	w->queue = (unsigned)dice_below(&v->dice, v->info.n_queues);
	w->kind = dice < 45 ? WORK_WRITE :
		  dice < 90 ? WORK_READ :
		  dice < 97 ? WORK_ZERO :
			      WORK_FLUSH;
	if (w->kind != WORK_FLUSH && !claim(v, w)) {
		w->kind = WORK_IDLE;
		return;
	}
	n = w->kind == WORK_FLUSH ? 0 : cut(v, w, iov);
	switch (w->kind) {
	case WORK_WRITE:
		dice_fill(&v->dice, w->buf, w->n * 512);
		memcpy(v->expected + w->sector * 512, w->buf, w->n * 512);
		r = vri_blk_write(blk, w->queue, w->sector * 512, iov, n, w);
		break;
	case WORK_READ:
		memset(w->buf, 0xee, w->n * 512);
		r = vri_blk_read(blk, w->queue, w->sector * 512, iov, n, w);
		break;
	case WORK_ZERO:
		memset(v->expected + w->sector * 512, 0, w->n * 512);
		r = vri_blk_write_zeroes(blk, w->queue, w->sector * 512, w->n * 512, dice & 1, w);
		break;
	default:
		r = vri_blk_flush(blk, w->queue, w);
		break;
	}
	t_ok(r);
	v->active++;
}

static void end_work(struct verifier *v, const struct vri_blk_done *done)
{
	struct work *w = done->token;

	t_eq(done->result, 0);
	if (w->kind == WORK_READ)
		t_mem_eq(w->buf, v->expected + w->sector * 512, w->n * 512);
	if (w->kind == WORK_READ || w->kind == WORK_WRITE)
		t_eq(done->bytes, w->n * 512);
	if (w->kind != WORK_FLUSH)
		memset(&v->busy[w->sector], false, w->n);
	w->kind = WORK_IDLE;
	v->active--;
}

static unsigned collect(struct verifier *v)
{
	struct vri_blk_done done[WORKERS];
	unsigned n = 0;

	for (unsigned q = 0; q < v->info.n_queues; q++) {
		int r = vri_blk_poll(v->rig->blk, q, done, WORKERS);

		t_ok(r);
		for (int i = 0; i < r; i++)
			end_work(v, &done[i]);
		n += (unsigned)r;
	}
	return n;
}

static void wait_for_some(struct verifier *v)
{
	for (unsigned q = 0; q < v->info.n_queues; q++)
		t_ok(vri_blk_kick(v->rig->blk, q));
	while (v->active > 0 && collect(v) == 0)
		t_ok(vri_link_wait(v->rig->link, PATIENCE_MS));
}

static void verify_file(struct verifier *v)
{
	uint8_t sector[512];

	for (uint64_t i = 0; i < SECTORS; i++) {
		t_eq(pread(v->rig->fd, sector, 512, (off_t)(i * 512)), 512);
		t_mem_eq(sector, v->expected + i * 512, 512);
	}
}

static void verify(struct blk_rig *rig, unsigned depth)
{
	static struct verifier v;
	unsigned begun = 0;

	memset(&v, 0, sizeof(v));
	v.rig = rig;
	v.n_work = depth;
	vri_blk_get_info(rig->blk, &v.info);
	v.expected = calloc(SECTORS, 512);
	t_not_null(v.expected);
	dice_seed(&v.dice);
	for (unsigned i = 0; i < depth; i++)
		v.work[i].buf = rig_alloc(rig, CHUNK_MAX * 512);
	while (begun < REQUESTS || v.active > 0) {
		for (unsigned i = 0; i < depth && begun < REQUESTS; i++) {
			if (v.work[i].kind == WORK_IDLE) {
				begin_work(&v, &v.work[i]);
				begun++;
			}
		}
		wait_for_some(&v);
	}
	verify_file(&v);
	free(v.expected);
}

struct load {
	const char *options;
	unsigned queues, depth, queue_size;
	unsigned indirect_max;
};

static const struct load loads[] = {
	{ "io=uring queues=1", 1, 1, 0, 0 },
	{ "io=uring queues=1", 1, 32, 0, 0 },
	{ "io=uring queues=4", 4, 32, 0, 0 },
	{ "io=sync queues=4", 4, 32, 0, 0 },
	/* direct descriptors on rings that are nearly too small */
	{ "io=uring queues=2", 2, 16, 128, ~0u },
	/* more requests than the device works on at once */
	{ "io=uring queues=2 inflight=3", 2, 32, 0, 0 },
	{ "io=sync queues=1 inflight=1", 1, 8, 0, 0 },
};

TestEach(blk, random_load_keeps_its_data, loads, struct load)
{
	struct vri_link_opts link_opts = { .size = sizeof(link_opts),
					   .n_queues = param->queues,
					   .queue_size = param->queue_size,
					   .indirect_max = param->indirect_max,
					   .pool_size = 4 * MIB };
	struct blk_rig rig;

	rig_serve(&rig, SECTORS * 512, param->options);
	rig_drive(&rig, &link_opts, NULL);
	verify(&rig, param->depth);
	rig_end(&rig);
}

/* One device, several drivers: each has its own queues, all see one disk. */
Test(blk, two_links_share_one_disk)
{
	struct blk_rig rig, other;
	uint8_t *a, *b;

	rig_serve(&rig, MIB, "");
	rig_drive(&rig, NULL, NULL);
	other = rig;
	rig_drive(&other, NULL, NULL);
	a = rig_alloc(&rig, 4096);
	b = rig_alloc(&other, 4096);
	memset(a, 0x11, 4096);
	t_ok(rig_write(&rig, 8192, a, 4096));
	t_ok(rig_read(&other, 8192, b, 4096));
	t_mem_eq(b, a, 4096);
	rig_hang_up(&other);
	t_ok(rig_read(&rig, 0, a, 4096));
	rig_end(&rig);
}

Test(blk, driver_can_be_closed_and_opened_again)
{
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, "");
	rig_drive(&rig, NULL, NULL);
	for (int i = 0; i < 10; i++) {
		size_t before = vri_pool_free_size(rig.pool);

		buf = rig_alloc(&rig, 4096);
		t_ok(rig_write(&rig, (uint64_t)i * 4096, buf, 4096));
		vri_pool_free(rig.pool, buf);
		t_eq(vri_pool_free_size(rig.pool), before);
		vri_blk_close(rig.blk);
		t_ok(vri_blk_open(rig.drv, NULL, &rig.blk));
	}
	rig_end(&rig);
}
