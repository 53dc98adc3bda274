/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Requests to a block device that are sent one at a time. */
#include <errno.h>
#include <string.h>

#include "blk_copy.h"
#include "interrupt.h"

int blk_await(struct drive *d, struct vri_blk *blk, struct progress *progress, uint64_t done_bytes)
{
	struct vri_blk_done done;
	int r = vri_blk_kick(blk, 0);

	while (r >= 0 && (r = vri_blk_poll(blk, 0, &done, 1)) == 0) {
		if (interrupt_signal())
			return -EINTR;
		if (d->gone || d->needs_reset)
			return -ECONNRESET;
		if (progress)
			progress_update(progress, done_bytes);
		r = drive_wait(d, -1, progress ? progress_wait_ms(progress) : -1);
	}
	return r < 0 ? r : done.result;
}

static int read_sector(struct copy *c, struct iovec *sector, uint64_t offset)
{
	int r = vri_blk_read(c->blk, 0, offset, sector, 1, c);

	return r < 0 ? r : blk_await(c->drive, c->blk, c->progress, c->stats.bytes);
}

static int write_sector(struct copy *c, struct iovec *sector, uint64_t offset)
{
	int r = vri_blk_write(c->blk, 0, offset, sector, 1, c);

	return r < 0 ? r : blk_await(c->drive, c->blk, c->progress, c->stats.bytes);
}

int copy_write_tail(struct copy *c)
{
	/* Every slot is free by now. */
	struct iovec sector = { c->slots[0].buf, VRI_BLK_SECTOR };
	uint64_t offset = c->offset + c->length;
	int r = read_sector(c, &sector, offset);

	if (r == 0) {
		memcpy(sector.iov_base, c->tail, c->tail_len);
		r = write_sector(c, &sector, offset);
	}
	if (r == 0 && c->verify) {
		memset(sector.iov_base, 0xa5, VRI_BLK_SECTOR);
		r = read_sector(c, &sector, offset);
		if (r == 0 && memcmp(sector.iov_base, c->tail, c->tail_len) != 0) {
			cmd_fail("%s: verification failed in the last sector, at offset %llu",
				 c->drive->address, (unsigned long long)offset);
			c->explained = true;
			return -EBADMSG;
		}
	}
	if (r < 0)
		return r;
	c->stats.bytes += c->tail_len;
	c->stats.requests += c->verify ? 3 : 2;
	if (!c->stats.max_in_flight)
		c->stats.max_in_flight = 1;
	return 0;
}
