/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Which block requests are valid, and how each one is answered. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include "devices/blk/blk_req.h"
#include "test.h"

#define SECTORS 100

static const struct blk_limits limits = {
	.capacity = SECTORS * 512,
	.discard = true,
	.write_zeroes = true,
	.max_discard_sectors = 50,
	.max_write_zeroes_sectors = 50,
	.max_ranges = 4,
};

/* A request as a driver would lay it out: header and data readable, data and status writable. */
struct layout {
	struct virtio_blk_outhdr header;
	uint8_t out[4096];
	uint8_t in[4096];
	uint8_t status;
	struct iovec iov[64];
	struct vri_chain chain;
	struct blk_range ranges[4];
	struct blk_req req;
};

static void add_piece(struct layout *l, bool writable, void *base, size_t len)
{
	struct vri_chain *c = &l->chain;

	if (len == 0)
		return;
	c->iov = l->iov;
	l->iov[c->n_readable + c->n_writable] = (struct iovec){ base, len };
	if (writable) {
		c->n_writable++;
		c->writable_len += (uint32_t)len;
	} else {
		c->n_readable++;
		c->readable_len += (uint32_t)len;
	}
}

static void lay_out(struct layout *l, uint32_t type, uint64_t sector, size_t n_out, size_t n_in)
{
	memset(l, 0, sizeof(*l));
	l->status = 0xee;
	l->req.ranges = l->ranges;
	l->header.type = htole32(type);
	l->header.sector = htole64(sector);
	memset(l->in, 0xaa, sizeof(l->in));
	add_piece(l, false, &l->header, sizeof(l->header));
	add_piece(l, false, l->out, n_out);
	add_piece(l, true, l->in, n_in);
	add_piece(l, true, &l->status, 1);
}

static uint8_t parse(struct layout *l)
{
	uint8_t status = 0xdd;

	t_ok(blk_req_parse(&l->chain, &limits, &l->req, &status));
	return status;
}

static void put_range(struct layout *l, unsigned n, uint64_t sector, uint32_t sectors,
		      uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes wire = { htole64(sector), htole32(sectors),
							htole32(flags) };

	memcpy(l->out + n * sizeof(wire), &wire, sizeof(wire));
}

/* ---- good requests ---- */

Test(blk_req, read_takes_all_writable_bytes_but_the_status)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_IN, 3, 0, 1024);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.op, BLK_REQ_READ);
	t_eq(l.req.offset, 3 * 512);
	t_eq(l.req.in.len, 1024);
	t_eq(l.req.in.n, 1);
	t_ptr_eq(l.req.in.iov->iov_base, l.in);
	t_ptr_eq(l.req.status_byte, &l.status);
}

Test(blk_req, write_takes_all_readable_bytes_but_the_header)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_OUT, SECTORS - 2, 1024, 0);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.op, BLK_REQ_WRITE);
	t_eq(l.req.out.len, 1024);
	t_ptr_eq(l.req.out.iov->iov_base, l.out);
}

/* proves: dev:2.7f/1 */
/* faults: A25 */
Test(blk_req, header_may_be_cut_into_single_bytes)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_OUT, 7, 0, 0);
	memset(&l.chain, 0, sizeof(l.chain));
	for (size_t i = 0; i < sizeof(l.header); i++)
		add_piece(&l, false, (uint8_t *)&l.header + i, 1);
	add_piece(&l, false, l.out, 512);
	add_piece(&l, true, &l.status, 1);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.offset, 7 * 512);
	t_eq(l.req.out.len, 512);
	t_eq(l.req.out.n, 1);
	t_ptr_eq(l.req.out.iov->iov_base, l.out);
}

/* proves: dev:2.7f/1 */
Test(blk_req, header_and_data_may_share_a_piece)
{
	struct layout l;
	uint8_t bytes[16 + 512];

	lay_out(&l, VIRTIO_BLK_T_OUT, 1, 0, 0);
	memset(&l.chain, 0, sizeof(l.chain));
	memcpy(bytes, &l.header, sizeof(l.header));
	add_piece(&l, false, bytes, sizeof(bytes));
	add_piece(&l, true, &l.status, 1);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.out.len, 512);
	t_ptr_eq(l.req.out.iov->iov_base, bytes + 16);
}

/* proves: dev:2.7f/1 */
Test(blk_req, data_and_status_may_share_a_piece)
{
	struct layout l;
	uint8_t bytes[512 + 1];

	lay_out(&l, VIRTIO_BLK_T_IN, 1, 0, 0);
	l.chain.n_writable = 0;
	l.chain.writable_len = 0;
	add_piece(&l, true, bytes, sizeof(bytes));
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.in.len, 512);
	t_ptr_eq(l.req.status_byte, bytes + 512);
}

Test(blk_req, flush_and_get_id_need_no_sector)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_FLUSH, UINT64_MAX, 0, 0);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.op, BLK_REQ_FLUSH);
	lay_out(&l, VIRTIO_BLK_T_GET_ID, UINT64_MAX, 0, 20);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(l.req.op, BLK_REQ_GET_ID);
	t_eq(l.req.in.len, 20);
}

Test(blk_req, ranges_are_copied_out_of_shared_memory)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_WRITE_ZEROES, 0, 32, 0);
	put_range(&l, 0, 1, 2, 0);
	put_range(&l, 1, 50, 50, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	memset(l.out, 0xff, sizeof(l.out));
	t_eq(l.req.n_ranges, 2);
	t_eq(l.ranges[0].offset, 512);
	t_eq(l.ranges[0].len, 1024);
	t_false(l.ranges[0].unmap);
	t_eq(l.ranges[1].offset, 50 * 512);
	t_eq(l.ranges[1].len, 50 * 512);
	t_true(l.ranges[1].unmap);
}

/* ---- bad ones ---- */

struct bad {
	const char *what;
	uint32_t type;
	uint64_t sector;
	size_t n_out, n_in;
	uint8_t status;
};

static const struct bad bad_requests[] = {
	{ "unknown type", 99, 0, 0, 0, VIRTIO_BLK_S_UNSUPP },
	{ "legacy scsi command", VIRTIO_BLK_T_SCSI_CMD, 0, 0, 0, VIRTIO_BLK_S_UNSUPP },
	{ "secure erase", VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 0, VIRTIO_BLK_S_UNSUPP },
	{ "type with a legacy flag", VIRTIO_BLK_T_OUT | 0x80000000u, 0, 512, 0,
	  VIRTIO_BLK_S_UNSUPP },
	{ "read of half a sector", VIRTIO_BLK_T_IN, 0, 0, 256, VIRTIO_BLK_S_IOERR },
	{ "write of a sector and a byte", VIRTIO_BLK_T_OUT, 0, 513, 0, VIRTIO_BLK_S_IOERR },
	{ "read at the end", VIRTIO_BLK_T_IN, SECTORS, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "write across the end", VIRTIO_BLK_T_OUT, SECTORS - 1, 1024, 0, VIRTIO_BLK_S_IOERR },
	{ "last sector there is", VIRTIO_BLK_T_IN, UINT64_MAX, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "sector times 512 wraps to 0", VIRTIO_BLK_T_OUT, 1ull << 55, 512, 0, VIRTIO_BLK_S_IOERR },
	{ "nothing beyond the end", VIRTIO_BLK_T_IN, SECTORS + 1, 0, 0, VIRTIO_BLK_S_IOERR },
	{ "discard without a range", VIRTIO_BLK_T_DISCARD, 0, 0, 0, VIRTIO_BLK_S_IOERR },
	{ "discard with half a range", VIRTIO_BLK_T_DISCARD, 0, 24, 0, VIRTIO_BLK_S_IOERR },
	{ "too many ranges", VIRTIO_BLK_T_WRITE_ZEROES, 0, 5 * 16, 0, VIRTIO_BLK_S_IOERR },
};

/* faults: A26 */
TestEach(blk_req, bad_request_is_answered, bad_requests, struct bad)
{
	struct layout l;

	lay_out(&l, param->type, param->sector, param->n_out, param->n_in);
	t_eq(parse(&l), param->status);
}

struct bad_range {
	const char *what;
	uint32_t type;
	uint64_t sector;
	uint32_t sectors, flags;
	uint8_t status;
};

static const struct bad_range bad_ranges[] = {
	{ "unmap in a discard", VIRTIO_BLK_T_DISCARD, 0, 1, 1, VIRTIO_BLK_S_UNSUPP },
	{ "unknown flag", VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2, VIRTIO_BLK_S_UNSUPP },
	{ "beyond the end", VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 0, VIRTIO_BLK_S_IOERR },
	{ "wraps", VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 2, 0, VIRTIO_BLK_S_IOERR },
	{ "longer than allowed", VIRTIO_BLK_T_WRITE_ZEROES, 0, 51, 0, VIRTIO_BLK_S_IOERR },
	{ "as long as can be", VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR },
};

/* faults: A26 */
TestEach(blk_req, bad_range_is_answered, bad_ranges, struct bad_range)
{
	struct layout l;

	lay_out(&l, param->type, 0, 32, 0);
	put_range(&l, 0, 0, 1, 0);
	put_range(&l, 1, param->sector, param->sectors, param->flags);
	t_eq(parse(&l), param->status);
}

/* faults: A24 */
Test(blk_req, short_header_is_an_error_with_an_answer)
{
	struct layout l;

	for (size_t len = 0; len < sizeof(l.header); len++) {
		lay_out(&l, VIRTIO_BLK_T_IN, 0, 0, 0);
		memset(&l.chain, 0, sizeof(l.chain));
		add_piece(&l, false, &l.header, len);
		add_piece(&l, true, &l.status, 1);
		t_eq(parse(&l), VIRTIO_BLK_S_IOERR);
		t_eq(blk_req_answer(&l.req, 0, VIRTIO_BLK_S_IOERR), 1);
		t_eq(l.status, VIRTIO_BLK_S_IOERR);
	}
}

Test(blk_req, nothing_writable_is_no_request)
{
	struct layout l;
	uint8_t status = 0xdd;

	lay_out(&l, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	l.chain.n_writable = 0;
	l.chain.writable_len = 0;
	t_errno_eq(blk_req_parse(&l.chain, &limits, &l.req, &status), -EPROTO);
	t_eq(status, 0xdd);
}

Test(blk_req, read_only_disk_takes_no_write)
{
	struct blk_limits ro = limits;
	struct layout l;
	uint8_t status = 0;

	ro.read_only = true;
	lay_out(&l, VIRTIO_BLK_T_OUT, 0, 512, 0);
	t_ok(blk_req_parse(&l.chain, &ro, &l.req, &status));
	t_eq(status, VIRTIO_BLK_S_IOERR);
}

Test(blk_req, what_was_not_negotiated_is_not_supported)
{
	struct blk_limits none = limits;
	struct layout l;
	uint8_t status = 0;

	none.discard = false;
	none.write_zeroes = false;
	lay_out(&l, VIRTIO_BLK_T_DISCARD, 0, 16, 0);
	t_ok(blk_req_parse(&l.chain, &none, &l.req, &status));
	t_eq(status, VIRTIO_BLK_S_UNSUPP);
	lay_out(&l, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0);
	t_ok(blk_req_parse(&l.chain, &none, &l.req, &status));
	t_eq(status, VIRTIO_BLK_S_UNSUPP);
}

/* ---- answers ---- */

Test(blk_req, answer_of_a_read_counts_data_and_status)
{
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_IN, 0, 0, 1024);
	parse(&l);
	blk_run_skip(&l.req.in, 1024);
	t_eq(blk_req_answer(&l.req, 1024, VIRTIO_BLK_S_OK), 1025);
	t_eq(l.status, VIRTIO_BLK_S_OK);
	t_eq(l.in[0], 0xaa);
}

/* proves: dev:2.7u/2 */
Test(blk_req, failed_read_leaves_zeros_and_no_gap)
{
	static const uint8_t none[1024];
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_IN, 0, 0, 1024);
	parse(&l);
	blk_run_skip(&l.req.in, 100);
	t_eq(blk_req_answer(&l.req, 100, VIRTIO_BLK_S_IOERR), 1025);
	t_eq(l.status, VIRTIO_BLK_S_IOERR);
	t_eq(l.in[99], 0xaa);
	t_mem_eq(l.in + 100, none, 924);
}

/* proves: dev:2.7u/2 */
Test(blk_req, answer_before_a_large_gap_does_not_count_the_status)
{
	static uint8_t large[BLK_FILL_MAX + 512];
	struct layout l;

	memset(large, 0xaa, sizeof(large));
	lay_out(&l, 99, 0, 0, 0);
	l.chain.n_writable = 0;
	l.chain.writable_len = 0;
	add_piece(&l, true, large, sizeof(large));
	add_piece(&l, true, &l.status, 1);
	t_eq(parse(&l), VIRTIO_BLK_S_UNSUPP);
	t_eq(blk_req_answer(&l.req, 0, VIRTIO_BLK_S_UNSUPP), BLK_FILL_MAX);
	t_eq(l.status, VIRTIO_BLK_S_UNSUPP);
	t_eq(large[BLK_FILL_MAX - 1], 0);
	t_eq(large[BLK_FILL_MAX], 0xaa);
}

Test(blk_req, id_goes_into_many_pieces)
{
	static const char id[20] = "0123456789abcdefghij";
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_GET_ID, 0, 0, 0);
	l.chain.n_writable = 0;
	l.chain.writable_len = 0;
	for (size_t i = 0; i < 4; i++)
		add_piece(&l, true, l.in + i * 5, 5);
	add_piece(&l, true, &l.status, 1);
	t_eq(parse(&l), VIRTIO_BLK_S_OK);
	t_eq(blk_run_put(&l.req.in, id, sizeof(id)), 20);
	t_eq(blk_req_answer(&l.req, 20, VIRTIO_BLK_S_OK), 21);
	t_mem_eq(l.in, id, 20);
}

Test(blk_req, id_is_cut_where_there_is_no_room)
{
	static const char id[20] = "0123456789abcdefghij";
	struct layout l;

	lay_out(&l, VIRTIO_BLK_T_GET_ID, 0, 0, 7);
	parse(&l);
	t_eq(blk_run_put(&l.req.in, id, sizeof(id)), 7);
	t_eq(l.in[7], 0xaa);
}

Test(blk_req, skip_passes_over_empty_pieces)
{
	uint8_t bytes[8];
	struct iovec iov[] = { { bytes, 0 }, { bytes, 4 }, { bytes, 0 }, { bytes + 4, 4 } };
	struct blk_run run = { iov, 4, 8 };

	blk_run_skip(&run, 5);
	t_eq(run.n, 1);
	t_eq(run.len, 3);
	t_ptr_eq(run.iov->iov_base, bytes + 5);
	blk_run_skip(&run, 3);
	t_eq(run.n, 0);
	t_eq(run.len, 0);
}
