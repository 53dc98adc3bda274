/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sessions of the block device with their queues and request slots: made at start, freed at stop or
 * when the kernel has let go of their memory. */
#include <errno.h>
#include <stdlib.h>

#include "devices/blk/blk_dev.h"

/* ---- slots ---- */

struct blk_slot *blk_slot_of_job(struct blk_job *job)
{
	return (struct blk_slot *)((char *)job - offsetof(struct blk_slot, job));
}

struct blk_slot *blk_slot_take(struct blk_queue *q)
{
	struct blk_slot *slot = q->free;

	if (!slot) {
		q->starved = true;
		return NULL;
	}
	q->free = slot->next;
	slot->chain.iov = slot->pieces;
	slot->chain.iov_max = q->session->disk->pieces_max;
	return slot;
}

bool blk_slot_widen(struct blk_slot *slot)
{
	struct blk_queue *q = slot->queue;

	if (q->wide_user)
		return false;
	q->wide_user = slot;
	slot->chain.iov = q->wide;
	slot->chain.iov_max = vri_devq_size(q->devq);
	return true;
}

void blk_slot_free(struct blk_slot *slot)
{
	struct blk_queue *q = slot->queue;

	if (q->wide_user == slot)
		q->wide_user = NULL;
	slot->next = q->free;
	q->free = slot;
	if (!q->starved)
		return;
	q->starved = false;
	vri_instance_schedule(q->session->inst, q->index);
}

/* ---- queues ---- */

void blk_queue_mark_dirty(struct blk_queue *q)
{
	struct blk_disk *disk = q->session->disk;

	if (q->dirty)
		return;
	q->dirty = true;
	q->next_dirty = disk->dirty;
	disk->dirty = q;
}

void blk_disk_notify_dirty(struct blk_disk *disk)
{
	while (disk->dirty) {
		struct blk_queue *q = disk->dirty;

		disk->dirty = q->next_dirty;
		q->dirty = false;
		vri_devq_notify(q->devq);
	}
}

static void queue_fini(struct blk_queue *q)
{
	free(q->slots);
	free(q->iov);
	free(q->ranges);
	free(q->wide);
}

static int queue_init(struct blk_queue *q, struct blk_session *session, unsigned index)
{
	struct blk_disk *disk = session->disk;
	unsigned size, n;

	q->session = session;
	q->index = index;
	q->devq = vri_instance_devq(session->inst, index);
	if (!q->devq)
		return 0;
	size = vri_devq_size(q->devq);
	n = size < disk->in_flight_max ? size : disk->in_flight_max;
	/* -Wanalyzer-malloc-leak: the session frees them, in *q, which gcc 12 loses sight of */
	q->slots = calloc(n, sizeof(*q->slots));
	q->iov = calloc((size_t)n * disk->pieces_max, sizeof(*q->iov));
	q->ranges = calloc((size_t)n * disk->limits.max_ranges, sizeof(*q->ranges));
	q->wide = calloc(size, sizeof(*q->wide));
	if (!q->slots || !q->iov || !q->ranges || !q->wide)
		return -ENOMEM;
	for (unsigned i = n; i-- > 0;) {
		struct blk_slot *slot = &q->slots[i];

		slot->queue = q;
		slot->pieces = &q->iov[(size_t)i * disk->pieces_max];
		slot->req.ranges = &q->ranges[(size_t)i * disk->limits.max_ranges];
		slot->next = q->free;
		q->free = slot;
	}
	return 0;
}

/* ---- sessions ---- */

static void session_free(struct blk_session *session)
{
	struct vri_instance *inst = session->inst;

	for (unsigned i = 0; i < session->n_queues; i++)
		queue_fini(&session->queue[i]);
	free(session);
	vri_instance_unref(inst);
}

int blk_session_new(struct blk_disk *disk, struct vri_instance *inst,
		    struct blk_session **ret_session)
{
	unsigned n = vri_instance_n_queues(inst);
	struct blk_session *session = calloc(1, sizeof(*session) + n * sizeof(session->queue[0]));

	if (!session)
		return -ENOMEM;
	session->disk = disk;
	session->inst = vri_instance_ref(inst);
	session->n_queues = n;
	for (unsigned i = 0; i < n; i++) {
		int r = queue_init(&session->queue[i], session, i);

		if (r < 0) {
			session_free(session);
			return r;
		}
	}
	*ret_session = session;
	return 0;
}

void blk_session_stop(struct blk_session *session)
{
	session->stopped = true;
	session->next = session->disk->stopped;
	session->disk->stopped = session;
	blk_session_free_if_idle(session);
}

void blk_session_free_if_idle(struct blk_session *session)
{
	struct blk_session **at = &session->disk->stopped;

	if (session->in_kernel > 0)
		return;
	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	session_free(session);
}

bool blk_disk_has_session(const struct blk_disk *disk, const struct vri_instance *inst)
{
	for (const struct blk_session *s = disk->stopped; s; s = s->next) {
		if (s->inst == inst)
			return true;
	}
	return false;
}
