/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * One request of the block device, parsed out of a descriptor chain: pure, and the only place that
 * decides which requests are valid. virtio 1.4, 5.2.6
 *
 * Everything that decides is copied out of shared memory once. The header may be cut into
 * descriptors in any way; the status byte is the last writable byte of the chain.
 */
#ifndef DEVICES_BLK_REQ_H
#define DEVICES_BLK_REQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vring-ipc/virtqueue.h>

#define BLK_RANGES_MAX 256 /* of one discard or write-zeroes request; ours */

/* Bytes that a failed request fills with zeros at most, so that its status byte lies within the
 * used length without work that a hostile driver could make endless; ours. */
#define BLK_FILL_MAX (1u << 20)

enum blk_req_op {
	BLK_REQ_READ,
	BLK_REQ_WRITE,
	BLK_REQ_FLUSH,
	BLK_REQ_GET_ID,
	BLK_REQ_DISCARD,
	BLK_REQ_WRITE_ZEROES,
};

/* What requests of one driver are measured against. */
struct blk_limits {
	uint64_t capacity; /* bytes, a multiple of 512 */
	bool read_only;
	bool discard; /* negotiated */
	bool write_zeroes; /* negotiated */
	uint32_t max_discard_sectors;
	uint32_t max_write_zeroes_sectors;
	unsigned max_ranges; /* at most BLK_RANGES_MAX, and as many as blk_req.ranges has room for
			      */
};

/* Pieces of memory as one run of bytes. */
struct blk_run {
	struct iovec *iov;
	unsigned n;
	uint64_t len;
};

/* A part of the disk. */
struct blk_range {
	uint64_t offset;
	uint64_t len;
	bool unmap;
};

struct blk_req {
	enum blk_req_op op;
	uint64_t offset; /* of reads and writes */
	struct blk_run out; /* the readable bytes past the header */
	struct blk_run in; /* the writable bytes before the status */
	uint8_t *status_byte;
	struct blk_range *ranges; /* the caller's storage */
	unsigned n_ranges;
};

/*
 * Parses @chain, whose iovecs it cuts in place. *ret_status is the answer already when the request
 * is bad; VIRTIO_BLK_S_OK: it is good, do it.
 * Returns: 0; -EPROTO when there is no writable byte for the status, so that nothing can be
 * answered. @req->ranges must be set; @req is filled in as far as blk_req_answer() needs also for a
 * bad request.
 */
int blk_req_parse(struct vri_chain *chain, const struct blk_limits *limits, struct blk_req *req,
		  uint8_t *ret_status);

/*
 * Writes the status byte, after zeros to what is left of the writable bytes before it; @written of
 * them, no longer part of @req->in, have been filled already.
 * Returns: the used length: what has been written without a gap from the first writable byte on.
 */
uint32_t blk_req_answer(struct blk_req *req, uint32_t written, uint8_t status);

/* Takes the first @len bytes off a run. */
void blk_run_skip(struct blk_run *run, uint64_t len);

/* Copies @len bytes, or as many as there is room for, to the front of a run and takes them off.
 * Returns: how many. */
uint32_t blk_run_put(struct blk_run *run, const void *bytes, uint32_t len);

#endif
