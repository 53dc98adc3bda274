/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Waiting on all queues of a link at once: the counterpart of core/queue_wait.c, which waits on one. */
#include "transport/transport.h"

#include <errno.h>

#include "core/queue.h"
#include "core/ring_access.h"

/* Calls @fn for each queue of the set that exists, until it returns true. */
static bool each_queue(const struct wait_set *set, bool (*fn)(struct vri_drvq *q, void *data),
		       void *data)
{
	unsigned n = vri_driver_n_queues(set->drv);

	for (unsigned i = 0; i < n; i++) {
		struct vri_drvq *q;

		if (set->is_ours && !set->is_ours(set->link, i))
			continue;
		q = vri_driver_drvq(set->drv, i);
		if (q && fn(q, data))
			return true;
	}
	return false;
}

static bool look_at(struct vri_drvq *q, void *data)
{
	return vri__drvq_has_used(q);
}

bool vri__wait_look(const struct wait_set *set)
{
	return each_queue(set, look_at, NULL);
}

bool vri__wait_spin(const struct wait_set *set, struct spin *spin)
{
	bool found = false;

	for (unsigned i = 0; i < spin->budget && !found; i++) {
		found = vri__wait_look(set);
		if (!found)
			ring_relax();
	}
	vri__spin_adapt(spin, found);
	return found;
}

static bool arm_one(struct vri_drvq *q, void *data)
{
	bool *has_work = data;
	int r = vri_drvq_arm(q);

	/* A broken queue has nothing to wait for; the others do, and the link's events may come. */
	if (r > 0)
		*has_work = true;
	return *has_work;
}

bool vri__wait_arm(const struct wait_set *set)
{
	bool has_work = false;

	each_queue(set, arm_one, &has_work);
	return has_work;
}

static bool suppress_one(struct vri_drvq *q, void *data)
{
	vri_drvq_suppress(q);
	return false;
}

void vri__wait_suppress(const struct wait_set *set)
{
	each_queue(set, suppress_one, NULL);
}
