/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Disk image, device, link and driver of the block tests. */
#include "blk_rig.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "test.h"

void rig_need_io(const char *options)
{
	char io[8], path[] = "/tmp/vri-io-XXXXXX", text[64];
	struct vri_device *dev;
	int fd, r;

	if (!devices_text(options, "io", io, sizeof(io)) || strcmp(io, "uring") != 0)
		return;
	fd = mkostemp(path, O_CLOEXEC);
	t_sys(fd);
	t_sys(ftruncate(fd, 512));
	snprintf(text, sizeof(text), "path=%s io=uring", path);
	r = devices_make("blk", text, &dev);
	close(fd);
	unlink(path);
	if (r == -ENOSYS || r == -EPERM)
		t_skip("this kernel has or allows no io_uring");
	t_ok(r);
	vri_device_unref(dev);
}

void rig_serve(struct blk_rig *rig, off_t size, const char *options)
{
	char text[512];

	memset(rig, 0, sizeof(*rig));
	rig_need_io(options);
	harness_begin(&rig->h, harness_transport());
	rig->path = harness_file(&rig->h, "image", size);
	rig->fd = open(rig->path, O_RDWR | O_CLOEXEC);
	t_sys(rig->fd);
	snprintf(text, sizeof(text), "path=%s %s", rig->path, options);
	harness_serve(&rig->h, "blk", text);
}

static void hold_link(struct blk_rig *rig, const struct vri_link_opts *opts)
{
	rig->link = harness_link(&rig->h, opts);
	rig->drv = vri_link_driver(rig->link);
	rig->pool = vri_driver_pool(rig->drv);
}

void rig_drive(struct blk_rig *rig, const struct vri_link_opts *link_opts,
	       const struct vri_blk_opts *opts)
{
	hold_link(rig, link_opts);
	t_ok(vri_blk_open(rig->drv, opts, &rig->blk));
	rig->q = vri_blk_drvq(rig->blk, 0);
}

void rig_drive_raw(struct blk_rig *rig)
{
	struct vri_features all;

	hold_link(rig, NULL);
	vri_driver_offered(rig->drv, &all);
	t_ok(vri_driver_start(rig->drv, &all, NULL));
	rig->q = vri_driver_drvq(rig->drv, 0);
	t_not_null(rig->q);
}

void rig_hang_up(struct blk_rig *rig)
{
	vri_blk_close(rig->blk);
	vri_link_close(rig->link);
	rig->blk = NULL;
	rig->link = NULL;
	rig->drv = NULL;
}

void rig_end(struct blk_rig *rig)
{
	rig_hang_up(rig);
	close(rig->fd);
	harness_end(&rig->h);
}

void *rig_alloc(struct blk_rig *rig, size_t size)
{
	void *p = vri_pool_alloc(rig->pool, size);

	t_not_null(p);
	return p;
}

/* ---- one request at a time ---- */

int rig_finish(struct blk_rig *rig, int staged)
{
	struct vri_blk_done done;

	if (staged < 0)
		return staged;
	t_eq(vri_blk_wait(rig->blk, 0, &done, 1, PATIENCE_MS), 1);
	t_ptr_eq(done.token, rig);
	return done.result;
}

int rig_read(struct blk_rig *rig, uint64_t offset, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	return rig_finish(rig, vri_blk_read(rig->blk, 0, offset, &iov, 1, rig));
}

int rig_write(struct blk_rig *rig, uint64_t offset, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	return rig_finish(rig, vri_blk_write(rig->blk, 0, offset, &iov, 1, rig));
}

int rig_flush(struct blk_rig *rig)
{
	return rig_finish(rig, vri_blk_flush(rig->blk, 0, rig));
}

int rig_discard(struct blk_rig *rig, uint64_t offset, uint64_t len)
{
	return rig_finish(rig, vri_blk_discard(rig->blk, 0, offset, len, rig));
}

int rig_zero(struct blk_rig *rig, uint64_t offset, uint64_t len, bool unmap)
{
	return rig_finish(rig, vri_blk_write_zeroes(rig->blk, 0, offset, len, unmap, rig));
}

/* ---- requests by hand ---- */

void raw_begin(struct blk_rig *rig, struct raw *raw, uint32_t type, uint64_t sector)
{
	memset(raw, 0, sizeof(*raw));
	raw->header = rig_alloc(rig, sizeof(*raw->header));
	raw->status = rig_alloc(rig, 1);
	*raw->status = RAW_UNTOUCHED;
	raw->header->type = htole32(type);
	raw->header->ioprio = 0;
	raw->header->sector = htole64(sector);
	raw_readable(raw, raw->header, sizeof(*raw->header));
}

void raw_readable(struct raw *raw, void *base, size_t len)
{
	raw->readable[raw->n_readable++] = (struct iovec){ base, len };
}

void raw_writable(struct raw *raw, void *base, size_t len)
{
	raw->writable[raw->n_writable++] = (struct iovec){ base, len };
}

uint8_t raw_do(struct blk_rig *rig, struct raw *raw)
{
	uint8_t status;
	void *token;

	t_ok(vri_drvq_add(rig->q, raw->readable, raw->n_readable, raw->writable, raw->n_writable,
			  raw));
	t_ok(vri_drvq_kick(rig->q));
	t_eq(vri_drvq_wait(rig->q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(rig->q, &token, &raw->used_len), 1);
	t_ptr_eq(token, raw);
	status = *raw->status;
	vri_pool_free(rig->pool, raw->header);
	vri_pool_free(rig->pool, raw->status);
	return status;
}

uint8_t raw_finish(struct blk_rig *rig, struct raw *raw)
{
	raw_writable(raw, raw->status, 1);
	return raw_do(rig, raw);
}
