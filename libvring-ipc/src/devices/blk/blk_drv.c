/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver side of virtio-blk: start the device, then requests in, answers out.
 *
 * Each request has a slot: a private part, and 64 bytes of shared memory with what the two sides
 * tell each other beside the data. The private part is the truth; of the shared one the status and
 * the id are read, once, when the request is done.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include <vring-ipc/devices/blk.h>

#include "core/options.h"
#include "devices/blk/blk_config.h"

#define POLL_BATCH 32
#define DEPTH_DEFAULT 128
#define STATUS_NONE 0xff /* what stands there before the device answered */

/* One cache line, so that a request moves no more than this one beside ring and data. */
struct shared_slot {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	uint8_t id[VRI_BLK_ID_MAX];
	uint8_t status;
	uint8_t reserved[11];
};

_Static_assert(sizeof(struct shared_slot) == 64, "one cache line");

struct slot {
	struct shared_slot *shared;
	void *token;
	char *ret_id; /* GET_ID */
	uint32_t data_len; /* of reads and writes */
	uint32_t used_len; /* what a device that did all of it reports */
	struct slot *next; /* free */
};

struct queue {
	struct vri_drvq *drvq;
	struct slot *slots;
	struct slot *free;
	struct shared_slot *shared; /* a piece of the pool */
	struct iovec *scratch; /* one request's pieces */
	unsigned in_flight;
};

struct vri_blk {
	struct vri_driver *drv;
	struct vri_blk_info info;
	struct queue *queue;
};

/* ---- start and end ---- */

static int negotiate(struct vri_driver *drv, const struct vri_blk_opts *opts)
{
	static const unsigned wanted_bits[] = {
		VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX,	  VIRTIO_BLK_F_RO,
		VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY,	  VIRTIO_BLK_F_MQ,
		VIRTIO_BLK_F_DISCARD,  VIRTIO_BLK_F_WRITE_ZEROES,
	};
	struct vri_features wanted;

	if (vri_driver_device_id(drv) != VRI_ID_BLOCK)
		return -EOPNOTSUPP;
	vri_features_default(&wanted);
	for (size_t i = 0; i < sizeof(wanted_bits) / sizeof(wanted_bits[0]); i++)
		vri_features_set(&wanted, wanted_bits[i]);
	if (!opts->write_through) {
		vri_features_set(&wanted, VIRTIO_BLK_F_FLUSH);
		vri_features_set(&wanted, VIRTIO_BLK_F_CONFIG_WCE);
	} else if (!blk_offers(drv, VIRTIO_BLK_F_FLUSH)) {
		/* virtio 1.4, 5.2.6.2: a write is stable at its completion when neither CONFIG_WCE
		 * nor FLUSH was negotiated, but FLUSH was offered. */
		return -EOPNOTSUPP;
	}
	return vri_driver_negotiate(drv, &wanted, NULL);
}

static int run(struct vri_blk *blk, const struct vri_blk_opts *opts)
{
	unsigned n = blk->info.n_queues_max;
	int r;

	if (opts->n_queues && opts->n_queues < n)
		n = opts->n_queues;
	/* Not more than the link has: it may have been opened with fewer. */
	do {
		r = vri_driver_set_n_queues(blk->drv, n);
	} while (r == -EINVAL && --n > 0);
	if (r < 0)
		return r;
	r = vri_driver_run(blk->drv);
	if (r < 0)
		return r;
	blk->info.n_queues = vri_driver_n_queues(blk->drv);
	return blk->info.n_queues > 0 ? 0 : -EPROTO;
}

static unsigned pieces_max(const struct vri_blk *blk, const struct queue *q)
{
	unsigned size = vri_drvq_size(q->drvq);

	return blk->info.seg_max < size ? blk->info.seg_max : size;
}

static int queue_init(struct vri_blk *blk, struct queue *q, unsigned index)
{
	unsigned depth = blk->info.queue_depth;

	q->drvq = vri_driver_drvq(blk->drv, index);
	if (!q->drvq)
		return -EPROTO;
	/* -Wanalyzer-malloc-leak: free_all() has them, in *q, which gcc 12 loses sight of */
	q->slots = calloc(depth, sizeof(*q->slots));
	q->scratch = calloc(pieces_max(blk, q) + 2, sizeof(*q->scratch));
	q->shared = vri_pool_alloc(vri_driver_pool(blk->drv), depth * sizeof(*q->shared));
	if (!q->slots || !q->scratch || !q->shared)
		return -ENOMEM;
	memset(q->shared, 0, depth * sizeof(*q->shared));
	for (unsigned i = depth; i-- > 0;) {
		q->slots[i].shared = &q->shared[i];
		q->slots[i].next = q->free;
		q->free = &q->slots[i];
	}
	return 0;
}

/* The depth is one for all queues, bounded by the smallest ring. */
static unsigned choose_depth(const struct vri_blk *blk, const struct vri_blk_opts *opts)
{
	unsigned depth = opts->queue_depth ? opts->queue_depth : DEPTH_DEFAULT;

	for (unsigned i = 0; i < blk->info.n_queues; i++) {
		struct vri_drvq *q = vri_driver_drvq(blk->drv, i);

		if (q && vri_drvq_size(q) < depth)
			depth = vri_drvq_size(q);
	}
	return depth;
}

static int make_queues(struct vri_blk *blk, const struct vri_blk_opts *opts)
{
	blk->info.queue_depth = choose_depth(blk, opts);
	blk->queue = calloc(blk->info.n_queues, sizeof(*blk->queue));
	if (!blk->queue)
		return -ENOMEM;
	for (unsigned i = 0; i < blk->info.n_queues; i++) {
		int r = queue_init(blk, &blk->queue[i], i);

		if (r < 0)
			return r;
	}
	return 0;
}

/* @quiet: the device writes into its buffers no more. Otherwise those of requests that are under
 * way stay allocated until the end of the link. */
static void free_all(struct vri_blk *blk, bool quiet)
{
	for (unsigned i = 0; blk->queue && i < blk->info.n_queues; i++) {
		struct queue *q = &blk->queue[i];

		if (q->shared && (quiet || q->in_flight == 0))
			vri_pool_free(vri_driver_pool(blk->drv), q->shared);
		free(q->slots);
		free(q->scratch);
	}
	free(blk->queue);
	free(blk);
}

int vri_blk_open(struct vri_driver *drv, const struct vri_blk_opts *opts, struct vri_blk **ret_blk)
{
	struct vri_blk_opts o;
	struct vri_blk *blk;
	int r;

	if (!drv || !ret_blk || vri__options_copy(&o, sizeof(o), opts) < 0)
		return -EINVAL;
	r = negotiate(drv, &o);
	if (r < 0)
		return r;
	blk = calloc(1, sizeof(*blk));
	if (!blk)
		return -ENOMEM;
	blk->drv = drv;
	r = blk_config_read(drv, &blk->info);
	if (r < 0) {
		vri_driver_fail(drv);
		free(blk);
		return r;
	}
	r = run(blk, &o);
	if (r >= 0)
		r = make_queues(blk, &o);
	if (r < 0) {
		vri_driver_reset(drv);
		free_all(blk, true);
		return r;
	}
	*ret_blk = blk;
	return 0;
}

void vri_blk_close(struct vri_blk *blk)
{
	if (blk)
		free_all(blk, vri_driver_reset(blk->drv) == 0);
}

/* ---- getters ---- */

void vri_blk_get_info(const struct vri_blk *blk, struct vri_blk_info *ret_info)
{
	*ret_info = blk->info;
}

unsigned vri_blk_queue_depth(const struct vri_blk *blk)
{
	return blk->info.queue_depth;
}

static struct queue *queue_of(const struct vri_blk *blk, unsigned queue)
{
	return queue < blk->info.n_queues ? &blk->queue[queue] : NULL;
}

unsigned vri_blk_in_flight(const struct vri_blk *blk, unsigned queue)
{
	const struct queue *q = queue_of(blk, queue);

	return q ? q->in_flight : 0;
}

struct vri_drvq *vri_blk_drvq(struct vri_blk *blk, unsigned queue)
{
	struct queue *q = queue_of(blk, queue);

	return q ? q->drvq : NULL;
}

/* ---- requests ---- */

static void slot_release(struct queue *q, struct slot *slot)
{
	slot->next = q->free;
	q->free = slot;
	q->in_flight--;
}

static struct slot *slot_take(struct queue *q, uint32_t type, uint64_t offset, void *token)
{
	struct slot *slot = q->free;

	q->free = slot->next;
	q->in_flight++;
	slot->token = token;
	slot->ret_id = NULL;
	slot->data_len = 0;
	slot->shared->header.type = htole32(type);
	slot->shared->header.ioprio = 0;
	slot->shared->header.sector = htole64(offset / VRI_BLK_SECTOR);
	slot->shared->status = STATUS_NONE;
	return slot;
}

/* Adds what scratch holds: @n_readable pieces, then @n_writable ones, the status last. */
static int slot_add(struct queue *q, struct slot *slot, unsigned n_readable, unsigned n_writable,
		    uint32_t writable_data)
{
	int r;

	slot->used_len = writable_data + 1;
	q->scratch[n_readable + n_writable - 1] =
		(struct iovec){ &slot->shared->status, sizeof(slot->shared->status) };
	r = vri_drvq_add(q->drvq, q->scratch, n_readable, q->scratch + n_readable, n_writable,
			 slot);
	if (r < 0)
		slot_release(q, slot);
	return r;
}

static struct iovec header_of(struct slot *slot)
{
	return (struct iovec){ &slot->shared->header, sizeof(slot->shared->header) };
}

/* virtio 1.4, 5.2.6.1: a driver MUST NOT submit a request which would cause a read or write beyond
 * capacity. */
static bool is_inside(const struct vri_blk *blk, uint64_t offset, uint64_t len)
{
	return (offset | len) % VRI_BLK_SECTOR == 0 && offset <= blk->info.capacity &&
	       len <= blk->info.capacity - offset;
}

/* Returns: 0 and the bytes of all pieces; -EINVAL. */
static int measure(const struct vri_blk *blk, const struct queue *q, const struct iovec *iov,
		   unsigned n_iov, uint64_t *ret_len)
{
	uint64_t len = 0;

	if (!iov || n_iov == 0 || n_iov > pieces_max(blk, q))
		return -EINVAL;
	for (unsigned i = 0; i < n_iov; i++) {
		if (iov[i].iov_len > blk->info.size_max)
			return -EINVAL;
		len += iov[i].iov_len;
	}
	/* With header and status it must stay below 2^32. */
	if (len == 0 || len > UINT32_MAX - 4096)
		return -EINVAL;
	*ret_len = len;
	return 0;
}

static int begin(const struct vri_blk *blk, unsigned queue, void *token, struct queue **ret_q)
{
	if (!blk || !token || queue >= blk->info.n_queues)
		return -EINVAL;
	*ret_q = &blk->queue[queue];
	return (*ret_q)->free ? 0 : -ENOSPC;
}

static int add_data(struct vri_blk *blk, unsigned queue, bool write, uint64_t offset,
		    const struct iovec *iov, unsigned n_iov, void *token)
{
	struct slot *slot;
	struct queue *q;
	uint64_t len;
	int r = begin(blk, queue, token, &q);

	if (r < 0)
		return r;
	if (measure(blk, q, iov, n_iov, &len) < 0 || !is_inside(blk, offset, len))
		return -EINVAL;
	slot = slot_take(q, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, offset, token);
	slot->data_len = (uint32_t)len;
	q->scratch[0] = header_of(slot);
	memcpy(&q->scratch[1], iov, n_iov * sizeof(*iov));
	if (write)
		return slot_add(q, slot, 1 + n_iov, 1, 0);
	return slot_add(q, slot, 1, n_iov + 1, (uint32_t)len);
}

int vri_blk_read(struct vri_blk *blk, unsigned queue, uint64_t offset, const struct iovec *iov,
		 unsigned n_iov, void *token)
{
	return add_data(blk, queue, false, offset, iov, n_iov, token);
}

int vri_blk_write(struct vri_blk *blk, unsigned queue, uint64_t offset, const struct iovec *iov,
		  unsigned n_iov, void *token)
{
	if (blk && blk->info.read_only)
		return -EROFS;
	return add_data(blk, queue, true, offset, iov, n_iov, token);
}

int vri_blk_flush(struct vri_blk *blk, unsigned queue, void *token)
{
	struct slot *slot;
	struct queue *q;
	int r = begin(blk, queue, token, &q);

	if (r < 0)
		return r;
	if (!blk->info.flush)
		return -EOPNOTSUPP;
	slot = slot_take(q, VIRTIO_BLK_T_FLUSH, 0, token);
	q->scratch[0] = header_of(slot);
	return slot_add(q, slot, 1, 1, 0);
}

static int add_range(struct vri_blk *blk, unsigned queue, uint32_t type, uint64_t offset,
		     uint64_t len, uint32_t flags, void *token)
{
	struct slot *slot;
	struct queue *q;
	int r = begin(blk, queue, token, &q);

	if (r < 0)
		return r;
	if (!is_inside(blk, offset, len) || len == 0 || len / VRI_BLK_SECTOR > UINT32_MAX)
		return -EINVAL;
	slot = slot_take(q, type, 0, token);
	slot->shared->range.sector = htole64(offset / VRI_BLK_SECTOR);
	slot->shared->range.num_sectors = htole32((uint32_t)(len / VRI_BLK_SECTOR));
	slot->shared->range.flags = htole32(flags);
	q->scratch[0] = header_of(slot);
	q->scratch[1] = (struct iovec){ &slot->shared->range, sizeof(slot->shared->range) };
	return slot_add(q, slot, 2, 1, 0);
}

int vri_blk_discard(struct vri_blk *blk, unsigned queue, uint64_t offset, uint64_t len, void *token)
{
	if (!blk || !blk->info.discard)
		return blk ? -EOPNOTSUPP : -EINVAL;
	if (len > blk->info.max_discard)
		return -EINVAL;
	return add_range(blk, queue, VIRTIO_BLK_T_DISCARD, offset, len, 0, token);
}

int vri_blk_write_zeroes(struct vri_blk *blk, unsigned queue, uint64_t offset, uint64_t len,
			 bool unmap, void *token)
{
	if (!blk || !blk->info.write_zeroes)
		return blk ? -EOPNOTSUPP : -EINVAL;
	if (len > blk->info.max_write_zeroes)
		return -EINVAL;
	return add_range(blk, queue, VIRTIO_BLK_T_WRITE_ZEROES, offset, len,
			 unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0, token);
}

int vri_blk_get_id(struct vri_blk *blk, unsigned queue, char ret_id[VRI_BLK_ID_MAX + 1],
		   void *token)
{
	struct slot *slot;
	struct queue *q;
	int r = begin(blk, queue, token, &q);

	if (r < 0)
		return r;
	if (!ret_id)
		return -EINVAL;
	slot = slot_take(q, VIRTIO_BLK_T_GET_ID, 0, token);
	slot->ret_id = ret_id;
	q->scratch[0] = header_of(slot);
	q->scratch[1] = (struct iovec){ slot->shared->id, sizeof(slot->shared->id) };
	return slot_add(q, slot, 1, 2, sizeof(slot->shared->id));
}

/* ---- answers ---- */

int vri_blk_kick(struct vri_blk *blk, unsigned queue)
{
	struct queue *q = blk ? queue_of(blk, queue) : NULL;

	return q ? vri_drvq_kick(q->drvq) : -EINVAL;
}

/* The status is the last byte of the answer. A used length that does not reach it is no answer:
 * virtio 1.4, 2.7.8.1 (drivers MUST NOT rely on bytes past it). */
static int result_of(const struct slot *slot, uint32_t used_len)
{
	/* One look: the device may write there at any time. */
	uint8_t status = __atomic_load_n(&slot->shared->status, __ATOMIC_RELAXED);

	if (used_len < slot->used_len)
		return status == VIRTIO_BLK_S_OK ? -EPROTO : -EIO;
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_IOERR:
		return -EIO;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		return -EPROTO;
	}
}

static struct vri_blk_done finish(struct queue *q, struct slot *slot, int result)
{
	struct vri_blk_done done = { slot->token, result, result == 0 ? slot->data_len : 0 };

	if (result == 0 && slot->ret_id) {
		memcpy(slot->ret_id, slot->shared->id, VRI_BLK_ID_MAX);
		slot->ret_id[VRI_BLK_ID_MAX] = '\0';
	}
	slot_release(q, slot);
	return done;
}

int vri_blk_poll(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done, unsigned max)
{
	struct queue *q = blk ? queue_of(blk, queue) : NULL;
	struct vri_used used[POLL_BATCH];
	unsigned n = 0;

	if (!q || !ret_done)
		return -EINVAL;
	while (n < max) {
		unsigned want = max - n < POLL_BATCH ? max - n : POLL_BATCH;
		int r = vri_drvq_get_used_batch(q->drvq, used, want);

		/* What came before a broken entry is not lost. */
		if (r < 0)
			return n > 0 ? (int)n : r;
		for (int i = 0; i < r; i++) {
			struct slot *slot = used[i].token;

			ret_done[n++] = finish(q, slot, result_of(slot, used[i].len));
		}
		if ((unsigned)r < want)
			break;
	}
	return (int)n;
}

int vri_blk_wait(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done, unsigned max,
		 int timeout_ms)
{
	int r = vri_blk_kick(blk, queue);

	if (r < 0)
		return r;
	r = vri_blk_poll(blk, queue, ret_done, max);
	if (r != 0)
		return r;
	r = vri_drvq_wait(blk->queue[queue].drvq, timeout_ms);
	return r > 0 ? vri_blk_poll(blk, queue, ret_done, max) : r;
}

int vri_blk_take_back(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done,
		      unsigned max)
{
	struct queue *q = blk ? queue_of(blk, queue) : NULL;
	unsigned n = 0;

	if (!q || !ret_done)
		return -EINVAL;
	while (n < max) {
		void *token;
		int r = vri_drvq_take_back(q->drvq, &token);

		if (r <= 0)
			return n > 0 ? (int)n : r;
		ret_done[n++] = finish(q, token, -ECONNRESET);
	}
	return (int)n;
}
