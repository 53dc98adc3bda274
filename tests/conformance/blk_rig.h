/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A disk image, a block device that serves it, a link and a driver: what most block tests start with. */
#ifndef CONFORMANCE_BLK_RIG_H
#define CONFORMANCE_BLK_RIG_H

#include <linux/virtio_blk.h>

#include <vring-ipc/devices/blk.h>

#include "harness.h"

#define PATIENCE_MS 30000 /* a test that waits longer has failed */

struct blk_rig {
	struct harness h;
	const char *path; /* of the image */
	int fd; /* of the image, for looking at it from outside */
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_pool *pool;
	struct vri_blk *blk; /* NULL when the test speaks to the queues itself */
	struct vri_drvq *q;
};

/* The image, of @size bytes, and the device with "path=" and @options. */
void rig_serve(struct blk_rig *rig, off_t size, const char *options);
/* A link and a started driver; the options may be NULL. */
void rig_drive(struct blk_rig *rig, const struct vri_link_opts *link_opts,
	       const struct vri_blk_opts *opts);
/* A link and a driver with all features, for requests made by hand. */
void rig_drive_raw(struct blk_rig *rig);
void rig_hang_up(struct blk_rig *rig);
void rig_end(struct blk_rig *rig);

/* Skips the test when @options ask for an io_uring that is not to be had. */
void rig_need_io(const char *options);

void *rig_alloc(struct blk_rig *rig, size_t size);

/* Requests on queue 0, one at a time. Returns: the result of the request, or why it could not be
 * made. */
int rig_read(struct blk_rig *rig, uint64_t offset, void *buf, size_t len);
int rig_write(struct blk_rig *rig, uint64_t offset, void *buf, size_t len);
int rig_flush(struct blk_rig *rig);
int rig_discard(struct blk_rig *rig, uint64_t offset, uint64_t len);
int rig_zero(struct blk_rig *rig, uint64_t offset, uint64_t len, bool unmap);
/* Waits for the one request that was staged with @rig as its token. */
int rig_finish(struct blk_rig *rig, int staged);

/* A request made by hand, on a raw driver: any header, any pieces. */
struct raw {
	struct virtio_blk_outhdr *header;
	uint8_t *status;
	struct iovec readable[256], writable[256];
	unsigned n_readable, n_writable;
	uint32_t used_len;
};
/* Takes header and status out of the pool; the header is the first readable piece. */
void raw_begin(struct blk_rig *rig, struct raw *raw, uint32_t type, uint64_t sector);
void raw_readable(struct raw *raw, void *base, size_t len);
void raw_writable(struct raw *raw, void *base, size_t len);
/* Adds it as it is, waits. Returns: the status byte afterwards. */
uint8_t raw_do(struct blk_rig *rig, struct raw *raw);
/* Appends the status, then as raw_do(). */
uint8_t raw_finish(struct blk_rig *rig, struct raw *raw);

#define RAW_UNTOUCHED 0x77 /* the status byte when the device wrote none */

#endif
