/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver side of virtio-rng: some requests at once, copied to where the caller wants them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vring-ipc/devices/rng.h>

#include "core/options.h"
#include "util/clock.h"

#define CHUNK_DEFAULT 16384
#define CHUNK_MAX (1u << 20)
#define DEPTH_DEFAULT 4
#define DEPTH_MAX 256

struct rng_chunk {
	uint8_t *bytes; /* of the pool */
	bool busy;
};

struct vri_rng {
	struct vri_driver *drv;
	struct vri_drvq *q;
	uint32_t chunk_size;
	unsigned depth;
	unsigned in_flight;
	struct rng_chunk chunk[];
};

static int rng_prepare(struct vri_rng *rng)
{
	rng->q = vri_driver_drvq(rng->drv, 0);
	if (!rng->q)
		return -EPROTO;
	if (rng->depth > vri_drvq_size(rng->q))
		rng->depth = vri_drvq_size(rng->q);
	for (unsigned i = 0; i < rng->depth; i++) {
		rng->chunk[i].bytes = vri_pool_alloc(vri_driver_pool(rng->drv), rng->chunk_size);
		if (!rng->chunk[i].bytes)
			return -ENOMEM;
	}
	return 0;
}

int vri_rng_open(struct vri_driver *drv, const struct vri_rng_opts *opts, struct vri_rng **ret_rng)
{
	struct vri_rng_opts o;
	struct vri_rng *rng;
	struct vri_features wanted;
	int r;

	if (!drv || !ret_rng || vri__options_copy(&o, sizeof(o), opts) < 0 || o.chunk > CHUNK_MAX ||
	    o.depth > DEPTH_MAX)
		return -EINVAL;
	if (vri_driver_device_id(drv) != VRI_ID_RNG)
		return -EOPNOTSUPP;
	o.depth = o.depth ? o.depth : DEPTH_DEFAULT;
	rng = calloc(1, sizeof(*rng) + o.depth * sizeof(rng->chunk[0]));
	if (!rng)
		return -ENOMEM;
	rng->drv = drv;
	rng->depth = o.depth;
	rng->chunk_size = o.chunk ? o.chunk : CHUNK_DEFAULT;
	vri_features_default(&wanted);
	vri_features_set(&wanted, VRI_F_IN_ORDER);
	r = vri_driver_start(drv, &wanted, NULL);
	if (r < 0) {
		free(rng);
		return r;
	}
	r = rng_prepare(rng);
	if (r < 0) {
		vri_rng_close(rng);
		return r;
	}
	*ret_rng = rng;
	return 0;
}

void vri_rng_close(struct vri_rng *rng)
{
	bool quiet;

	if (!rng)
		return;
	/* A device that did not answer may still write: what it has stays taken until the end of
	 * the link. */
	quiet = vri_driver_reset(rng->drv) == 0;
	for (unsigned i = 0; i < rng->depth; i++) {
		if (quiet || !rng->chunk[i].busy)
			vri_pool_free(vri_driver_pool(rng->drv), rng->chunk[i].bytes);
	}
	free(rng);
}

/* Asks for as much as is still needed, in all chunks that are free. */
static int rng_ask(struct vri_rng *rng, size_t needed)
{
	size_t asked = (size_t)rng->in_flight * rng->chunk_size;

	for (unsigned i = 0; i < rng->depth && asked < needed; i++) {
		struct rng_chunk *chunk = &rng->chunk[i];
		struct iovec piece = { chunk->bytes, rng->chunk_size };
		int r;

		if (chunk->busy)
			continue;
		if (needed - asked < rng->chunk_size)
			piece.iov_len = needed - asked;
		r = vri_drvq_add(rng->q, NULL, 0, &piece, 1, chunk);
		if (r < 0)
			return r;
		chunk->busy = true;
		rng->in_flight++;
		asked += piece.iov_len;
	}
	return vri_drvq_kick(rng->q);
}

/* Takes one chunk that has come back. Returns: the bytes it gave; 0 when none is there; a negative
 * errno. */
static int rng_take(struct vri_rng *rng, uint8_t *buf, size_t room)
{
	struct rng_chunk *chunk;
	void *token;
	uint32_t len;
	int r = vri_drvq_get_used(rng->q, &token, &len);

	if (r <= 0)
		return r;
	chunk = token;
	chunk->busy = false;
	rng->in_flight--;
	/* virtio 1.4, 5.4.6.2: the device MUST place one or more random bytes into the buffer. */
	if (len == 0)
		return -EPROTO;
	if (room > len)
		room = len;
	memcpy(buf, chunk->bytes, room);
	/* The bytes are somebody's keys now. The device may have kept them; we do not. */
	explicit_bzero(chunk->bytes, len);
	return (int)room;
}

/* Milliseconds until @deadline, rounded up, or -1 for never. */
static int time_left(uint64_t deadline, int timeout_ms)
{
	uint64_t now = clock_monotonic_ns();

	if (timeout_ms < 0)
		return -1;
	return now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0;
}

int vri_rng_read(struct vri_rng *rng, void *ret_buf, size_t len, int timeout_ms)
{
	uint64_t deadline =
		clock_monotonic_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;
	uint8_t *buf = ret_buf;
	size_t done = 0;

	if (!rng || (!ret_buf && len > 0))
		return -EINVAL;
	while (done < len) {
		int left = time_left(deadline, timeout_ms);
		int r = rng_ask(rng, len - done);

		if (r < 0)
			return r;
		r = vri_drvq_wait(rng->q, left);
		if (r == 0 && left == 0)
			return -ETIMEDOUT;
		while (r > 0 && done < len) {
			r = rng_take(rng, buf + done, len - done);
			if (r > 0)
				done += (size_t)r;
		}
		if (r < 0)
			return r;
	}
	return 0;
}
