/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes in any pieces as a request of a block device: answered, or found to be one that can be
 * done, inside of the disk and of the chain; and the answer counts what was really written.
 */
#include "devices/blk/blk_req.h"

#include <stdlib.h>
#include <string.h>

#include <linux/virtio_blk.h>

#define PIECES_MAX 24
#define RANGES 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct blk_limits limits = {
	.capacity = 1 << 20,
	.discard = true,
	.write_zeroes = true,
	.max_discard_sectors = 1000,
	.max_write_zeroes_sectors = 1000,
	.max_ranges = RANGES,
};

struct input {
	const uint8_t *bytes;
	size_t len;
};

static uint8_t take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->bytes++;
}

/* Each piece is memory of its own, of exactly its size, so that a step too far is seen. */
static void make_chain(struct input *in, struct vri_chain *chain, void *base[PIECES_MAX])
{
	unsigned n = take(in) % (PIECES_MAX + 1);

	chain->n_readable = n ? take(in) % (n + 1) : 0;
	chain->n_writable = n - chain->n_readable;
	for (unsigned i = 0; i < n; i++) {
		size_t size = take(in) * (take(in) % 3 == 0 ? 4u : 1u);

		base[i] = malloc(size ? size : 1);
		if (!base[i])
			abort();
		for (size_t at = 0; at < size; at++)
			((uint8_t *)base[i])[at] = take(in);
		chain->iov[i] = (struct iovec){ base[i], size };
		if (i < chain->n_readable)
			chain->readable_len += (uint32_t)size;
		else
			chain->writable_len += (uint32_t)size;
	}
}

static void check_run(const struct blk_run *run)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < run->n; i++)
		sum += run->iov[i].iov_len;
	if (sum != run->len)
		abort();
}

static void check_place(uint64_t offset, uint64_t len)
{
	if (offset % 512 || len % 512 || offset > limits.capacity || len > limits.capacity - offset)
		abort();
}

static void check_good(const struct blk_req *req)
{
	if (req->op == BLK_REQ_READ)
		check_place(req->offset, req->in.len);
	if (req->op == BLK_REQ_WRITE)
		check_place(req->offset, req->out.len);
	if (req->n_ranges > RANGES)
		abort();
	for (unsigned i = 0; i < req->n_ranges; i++)
		check_place(req->ranges[i].offset, req->ranges[i].len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	struct iovec iov[PIECES_MAX];
	struct blk_range ranges[RANGES];
	struct vri_chain chain = { .iov = iov, .iov_max = PIECES_MAX };
	struct blk_req req = { .ranges = ranges };
	uint8_t status = VIRTIO_BLK_S_OK;
	void *base[PIECES_MAX];

	make_chain(&in, &chain, base);
	if (blk_req_parse(&chain, &limits, &req, &status) < 0) {
		if (chain.writable_len != 0)
			abort();
	} else {
		check_run(&req.in);
		check_run(&req.out);
		if (status == VIRTIO_BLK_S_OK)
			check_good(&req);
		if (blk_req_answer(&req, 0, status) != chain.writable_len ||
		    *req.status_byte != status)
			abort();
	}
	for (unsigned i = 0; i < chain.n_readable + chain.n_writable; i++)
		free(base[i]);
	return 0;
}
