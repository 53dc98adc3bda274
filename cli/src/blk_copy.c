/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The engine of a copy. Each slot is one request with its buffer and belongs to one queue. In turns:
 * free slots take the next bytes and are sent, what the device has answered is taken, and when
 * neither gets anywhere the loop sleeps. It ends when all bytes were taken and every slot is free
 * again; on an error or a signal it ends at once, and closing the device takes the buffers back.
 */
#include "blk_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"

#define POLL_BATCH 32

static uint32_t round_down(uint64_t value)
{
	return (uint32_t)(value / VRI_BLK_SECTOR * VRI_BLK_SECTOR);
}

/* Makes requests as large as was asked for, within what the device takes. */
static int choose_sizes(struct copy *c)
{
	const struct vri_blk_info *info = &c->info;
	unsigned pieces = info->seg_max < COPY_PIECES_MAX ? info->seg_max : COPY_PIECES_MAX;
	uint64_t most;

	c->piece_size = info->size_max < c->request_size ? info->size_max : c->request_size;
	most = (uint64_t)c->piece_size * pieces;
	if (most < c->request_size)
		c->request_size = round_down(most);
	return c->request_size ? 0 : -EPROTO;
}

static int make_slots(struct copy *c)
{
	struct vri_pool *pool = vri_driver_pool(c->drive->drv);
	unsigned n_queues = c->info.n_queues;

	c->n_slots = n_queues * c->info.queue_depth;
	c->queues = calloc(n_queues, sizeof(*c->queues));
	c->slots = calloc(c->n_slots, sizeof(*c->slots));
	if (!c->queues || !c->slots)
		return -ENOMEM;
	for (unsigned i = 0; i < c->n_slots; i++) {
		struct copy_slot *slot = &c->slots[i];

		/* Neighbours belong to different queues, so that all fill up evenly. */
		slot->queue = i % n_queues;
		/* -Wanalyzer-malloc-leak: free_slots() has it, in *c, which gcc 12 loses sight of */
		slot->buf = vri_pool_alloc(pool, c->request_size);
		if (c->verify)
			slot->mine = malloc(c->request_size);
		if (!slot->buf || (c->verify && !slot->mine))
			return -ENOMEM;
	}
	return 0;
}

static void free_slots(struct copy *c)
{
	for (unsigned i = 0; c->slots && i < c->n_slots; i++)
		free(c->slots[i].mine);
	free(c->slots);
	free(c->queues);
	c->slots = NULL;
	c->queues = NULL;
}

/* ---- what the device has ---- */

static void lend(struct copy *c, struct copy_slot *slot)
{
	struct copy_queue *q = &c->queues[slot->queue];

	slot->number = ++q->sent;
	q->staged = true;
	slot->state = COPY_LENT;
	if (++c->in_flight > c->stats.max_in_flight)
		c->stats.max_in_flight = c->in_flight;
}

static void take_back(struct copy *c, const struct copy_slot *slot)
{
	struct copy_queue *q = &c->queues[slot->queue];

	c->stats.requests++;
	if (slot->number < q->newest_done)
		c->stats.out_of_order++;
	else
		q->newest_done = slot->number;
	c->in_flight--;
}

/* ---- the turns ---- */

/* Returns: 0; -ENOSPC when the queue is full; a negative errno. */
static int submit(struct copy *c, struct copy_slot *slot)
{
	struct iovec pieces[COPY_PIECES_MAX];
	unsigned n = 0;
	int r;

	for (uint32_t at = 0; at < slot->len; at += c->piece_size) {
		uint32_t rest = slot->len - at;

		pieces[n].iov_base = (char *)slot->buf + at;
		pieces[n++].iov_len = rest < c->piece_size ? rest : c->piece_size;
	}
	if (c->to_device && slot->step == COPY_MOVE)
		r = vri_blk_write(c->blk, slot->queue, c->offset + slot->at, pieces, n, slot);
	else
		r = vri_blk_read(c->blk, slot->queue, c->offset + slot->at, pieces, n, slot);
	if (r == 0)
		lend(c, slot);
	return r;
}

/* A free slot takes the next bytes of the range. Returns: as copy_fill(). */
static int assign(struct copy *c, struct copy_slot *slot)
{
	uint64_t rest = c->length - c->next;

	if (c->to_device)
		return copy_fill(c, slot);
	slot->at = c->next;
	slot->want = rest < c->request_size ? (uint32_t)rest : c->request_size;
	slot->len = round_down((uint64_t)slot->want + VRI_BLK_SECTOR - 1);
	slot->step = COPY_MOVE;
	slot->state = COPY_READY;
	c->next += slot->want;
	return 1;
}

/* Sends what can be sent. Returns: how many requests; a negative errno. */
static int send_all(struct copy *c)
{
	int sent = 0;

	c->wants_input = false;
	for (unsigned i = 0; i < c->n_slots; i++) {
		struct copy_slot *slot = &c->slots[i];
		int r = 0;

		if (slot->state == COPY_FREE && c->next < c->length && !c->wants_input) {
			r = assign(c, slot);
			if (r < 0)
				return r;
			/* A stream that just ended has nothing either, and has set the length. */
			c->wants_input = r == 0 && c->next < c->length;
		}
		if (slot->state != COPY_READY)
			continue;
		r = submit(c, slot);
		if (r < 0 && r != -ENOSPC)
			return r;
		sent += r == 0;
	}
	for (unsigned i = 0; i < c->info.n_queues; i++) {
		int r = c->queues[i].staged ? vri_blk_kick(c->blk, i) : 0;

		if (r < 0)
			return r;
		c->queues[i].staged = false;
	}
	return sent;
}

static int request_error(struct copy *c, const struct copy_slot *slot, int error)
{
	bool writes = c->to_device && slot->step == COPY_MOVE;

	cmd_fail("%s: the device could not %s %u bytes at offset %llu: %s", c->drive->address,
		 writes ? "write" : "read", slot->len, (unsigned long long)(c->offset + slot->at),
		 vri_strerror(error));
	c->explained = true;
	return error;
}

/* Takes what was answered. Returns: how many requests; a negative errno. */
static int collect(struct copy *c)
{
	struct vri_blk_done done[POLL_BATCH];
	int taken = 0;

	for (unsigned i = 0; i < c->info.n_queues; i++) {
		int n = vri_blk_poll(c->blk, i, done, POLL_BATCH);

		if (n < 0)
			return n;
		for (int k = 0; k < n; k++) {
			struct copy_slot *slot = done[k].token;
			int r = done[k].result;

			take_back(c, slot);
			if (r < 0)
				return request_error(c, slot, r);
			r = copy_done(c, slot);
			if (r < 0)
				return r;
		}
		taken += n;
	}
	return taken;
}

static bool is_finished(const struct copy *c)
{
	if (c->next < c->length)
		return false;
	for (unsigned i = 0; i < c->n_slots; i++) {
		if (c->slots[i].state != COPY_FREE)
			return false;
	}
	return true;
}

static int turn(struct copy *c)
{
	int sent = send_all(c);
	int taken = sent < 0 ? sent : collect(c);
	int r = taken < 0 ? taken : copy_deliver(c);

	if (r < 0 || sent + taken > 0)
		return r;
	if (is_finished(c))
		return 0;
	if (c->drive->gone || c->drive->needs_reset)
		return -ECONNRESET;
	/* Nothing under way, and yet no room for a request: the ring is too small for any. */
	if (!c->in_flight && !c->wants_input)
		return -ENOSPC;
	return drive_wait(c->drive, c->wants_input ? c->fd : -1, progress_wait_ms(c->progress));
}

int copy_run(struct copy *c)
{
	int r = choose_sizes(c);

	if (r == 0)
		r = make_slots(c);
	while (r == 0 && !is_finished(c)) {
		progress_update(c->progress, c->stats.bytes);
		r = interrupt_signal() ? -EINTR : turn(c);
	}
	if (r == 0 && c->tail_len)
		r = copy_write_tail(c);
	c->stats.seconds = progress_seconds(c->progress);
	free_slots(c);
	return r;
}
