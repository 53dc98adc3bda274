/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The parser of block requests: descriptor chain in, checked request out. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include <vring-ipc/devices/blk.h>

#include "devices/blk/blk_req.h"

void blk_run_skip(struct blk_run *run, uint64_t len)
{
	run->len -= len;
	while (run->n > 0 && len >= run->iov->iov_len) {
		len -= run->iov->iov_len;
		run->iov++;
		run->n--;
	}
	if (len > 0) {
		run->iov->iov_base = (uint8_t *)run->iov->iov_base + len;
		run->iov->iov_len -= len;
	}
}

uint32_t blk_run_put(struct blk_run *run, const void *bytes, uint32_t len)
{
	uint32_t done = 0;

	while (done < len && run->n > 0) {
		uint32_t piece = len - done;

		if (piece > run->iov->iov_len)
			piece = (uint32_t)run->iov->iov_len;
		memcpy(run->iov->iov_base, (const uint8_t *)bytes + done, piece);
		blk_run_skip(run, piece);
		done += piece;
	}
	return done;
}

/* Takes @len bytes off the front of a run, into private memory. */
static void run_take(struct blk_run *run, void *bytes, uint32_t len)
{
	uint32_t done = 0;

	while (done < len) {
		uint32_t piece = len - done;

		if (piece > run->iov->iov_len)
			piece = (uint32_t)run->iov->iov_len;
		memcpy((uint8_t *)bytes + done, run->iov->iov_base, piece);
		blk_run_skip(run, piece);
		done += piece;
	}
}

/* Cuts the last byte off: the status. The run is not empty, its last pieces may be. */
static uint8_t *run_take_last(struct blk_run *run)
{
	struct iovec *last;
	uint8_t *byte;

	while (run->iov[run->n - 1].iov_len == 0)
		run->n--;
	last = &run->iov[run->n - 1];
	byte = (uint8_t *)last->iov_base + last->iov_len - 1;
	run->len--;
	if (--last->iov_len == 0)
		run->n--;
	return byte;
}

/* virtio 1.4, 5.2.6.1: a driver MUST NOT submit a request which would cause a read or write beyond
 * capacity. Without overflow: both numbers are the peer's. */
static bool is_inside(const struct blk_limits *limits, uint64_t sector, uint64_t bytes)
{
	uint64_t sectors = limits->capacity / VRI_BLK_SECTOR;

	return sector <= sectors && bytes <= (sectors - sector) * VRI_BLK_SECTOR;
}

static uint8_t parse_data(struct blk_req *req, const struct blk_limits *limits, uint64_t sector,
			  const struct blk_run *data)
{
	/* virtio 1.4, 5.2.6: the size of data is a multiple of 512 bytes for IN and OUT. */
	if (data->len % VRI_BLK_SECTOR != 0 || !is_inside(limits, sector, data->len))
		return VIRTIO_BLK_S_IOERR;
	req->offset = sector * VRI_BLK_SECTOR;
	return VIRTIO_BLK_S_OK;
}

static uint8_t parse_range(const struct virtio_blk_discard_write_zeroes *wire, enum blk_req_op op,
			   const struct blk_limits *limits, struct blk_range *range)
{
	uint64_t sector = le64toh(wire->sector);
	uint64_t n_sectors = le32toh(wire->num_sectors);
	uint32_t flags = le32toh(wire->flags);
	bool discard = op == BLK_REQ_DISCARD;

	/* virtio 1.4, 5.2.6.2: UNSUPP for an unknown flag, and for unmap in a discard. */
	if (flags & ~(discard ? 0u : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP))
		return VIRTIO_BLK_S_UNSUPP;
	if (n_sectors > (discard ? limits->max_discard_sectors : limits->max_write_zeroes_sectors))
		return VIRTIO_BLK_S_IOERR;
	if (!is_inside(limits, sector, n_sectors * VRI_BLK_SECTOR))
		return VIRTIO_BLK_S_IOERR;
	range->offset = sector * VRI_BLK_SECTOR;
	range->len = n_sectors * VRI_BLK_SECTOR;
	range->unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	return VIRTIO_BLK_S_OK;
}

static uint8_t parse_ranges(struct blk_req *req, const struct blk_limits *limits)
{
	struct virtio_blk_discard_write_zeroes wire;
	uint64_t n = req->out.len / sizeof(wire);

	if (n == 0 || req->out.len % sizeof(wire) != 0 || n > limits->max_ranges)
		return VIRTIO_BLK_S_IOERR;
	for (unsigned i = 0; i < n; i++) {
		uint8_t status;

		run_take(&req->out, &wire, sizeof(wire));
		status = parse_range(&wire, req->op, limits, &req->ranges[i]);
		if (status != VIRTIO_BLK_S_OK)
			return status;
	}
	req->n_ranges = (unsigned)n;
	return VIRTIO_BLK_S_OK;
}

static uint8_t parse_type(struct blk_req *req, const struct blk_limits *limits, uint32_t type,
			  uint64_t sector)
{
	switch (type) {
	case VIRTIO_BLK_T_IN:
		req->op = BLK_REQ_READ;
		return parse_data(req, limits, sector, &req->in);
	case VIRTIO_BLK_T_OUT:
		req->op = BLK_REQ_WRITE;
		/* virtio 1.4, 5.2.6.2: a device MUST set the status byte to VIRTIO_BLK_S_IOERR for
		 * a write request if VIRTIO_BLK_F_RO is offered, and MUST NOT write any data. */
		if (limits->read_only)
			return VIRTIO_BLK_S_IOERR;
		return parse_data(req, limits, sector, &req->out);
	case VIRTIO_BLK_T_FLUSH:
		req->op = BLK_REQ_FLUSH;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		req->op = BLK_REQ_GET_ID;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_DISCARD:
		req->op = BLK_REQ_DISCARD;
		return limits->discard ? parse_ranges(req, limits) : VIRTIO_BLK_S_UNSUPP;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		req->op = BLK_REQ_WRITE_ZEROES;
		return limits->write_zeroes ? parse_ranges(req, limits) : VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

int blk_req_parse(struct vri_chain *chain, const struct blk_limits *limits, struct blk_req *req,
		  uint8_t *ret_status)
{
	struct virtio_blk_outhdr header;

	req->op = BLK_REQ_READ;
	req->offset = 0;
	req->n_ranges = 0;
	req->out = (struct blk_run){ chain->iov, chain->n_readable, chain->readable_len };
	req->in = (struct blk_run){ chain->iov + chain->n_readable, chain->n_writable,
				    chain->writable_len };
	if (req->in.len == 0)
		return -EPROTO;
	req->status_byte = run_take_last(&req->in);
	if (req->out.len < sizeof(header)) {
		*ret_status = VIRTIO_BLK_S_IOERR;
		return 0;
	}
	run_take(&req->out, &header, sizeof(header));
	*ret_status = parse_type(req, limits, le32toh(header.type), le64toh(header.sector));
	return 0;
}

uint32_t blk_req_answer(struct blk_req *req, uint32_t written, uint8_t status)
{
	uint32_t room = BLK_FILL_MAX;

	while (req->in.len > 0 && room > 0) {
		uint32_t piece = room;

		if (piece > req->in.iov->iov_len)
			piece = (uint32_t)req->in.iov->iov_len;
		memset(req->in.iov->iov_base, 0, piece);
		blk_run_skip(&req->in, piece);
		written += piece;
		room -= piece;
	}
	*req->status_byte = status;
	/* virtio 1.4, 2.7.8.2: at least len bytes have been written, from the first writable byte
	 * on. With a gap before it the status byte is not among them. */
	return req->in.len == 0 ? written + 1 : written;
}
