/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A listener that looks for work before it sleeps.
 *
 * While it looks, its queues ask for no notifications, so that a driver's kick costs no system call.
 * The budget of turns adapts as a queue's own does. Before the listener sleeps every queue asks
 * again, and what came before the question wakes it at once.
 */
#include "shm_device.h"

#include "core/ring_access.h"

/* An adaptive budget is for a device with few queues: with many, looking costs more than being told.
 * One with a processor of its own looks at them all. */
#define QUEUES_POLLED_MAX 64

/* A listener that never sleeps, and one that always finds work, looks at its sockets after so many
 * turns. */
#define TURNS_A_GLANCE 4096u
#define ROUNDS_A_GLANCE 32u

static bool may_be_polled(const struct shm_device *d)
{
	return d->inst && vri__device_takes_turns(d->listener->dev);
}

static bool is_worth_it(const struct shm_listener *l)
{
	unsigned queues = 0;
	struct list *node;

	if (!l->n_attached || (!l->spin.never_block && !l->spin.budget))
		return false;
	if (l->spin.never_block)
		return true;
	list_for_each(node, &l->links) {
		const struct shm_device *d = list_entry(node, struct shm_device, in_links);

		if (may_be_polled(d))
			queues += vri_instance_n_queues(d->inst);
		if (queues > QUEUES_POLLED_MAX)
			return false;
	}
	return queues > 0;
}

static void start(struct shm_listener *l)
{
	struct list *node;

	l->polls = true;
	list_for_each(node, &l->links) {
		struct shm_device *d = list_entry(node, struct shm_device, in_links);

		if (d->is_polled || !may_be_polled(d))
			continue;
		d->is_polled = true;
		vri__instance_set_polled(d->inst, true);
	}
}

void shm_poll_stop(struct shm_listener *l)
{
	struct list *node;

	if (!l->polls)
		return;
	l->polls = false;
	list_for_each(node, &l->links) {
		struct shm_device *d = list_entry(node, struct shm_device, in_links);

		if (!d->is_polled)
			continue;
		d->is_polled = false;
		vri__instance_set_polled(d->inst, false);
		if (vri__instance_look(d->inst))
			shm_instance_transport.wants_run(d);
	}
}

static bool turn(struct shm_listener *l)
{
	struct list *node, *after;
	bool found = false;

	list_for_each_safe(node, after, &l->links) {
		struct shm_device *d = list_entry(node, struct shm_device, in_links);

		if (!d->is_polled || !vri__instance_look(d->inst))
			continue;
		(void)shm_device_run(d);
		found = true;
	}
	return found;
}

enum shm_poll shm_poll(struct shm_listener *l)
{
	unsigned turns = l->spin.never_block ? TURNS_A_GLANCE : l->spin.budget;
	bool found = false;

	if (!is_worth_it(l))
		return SHM_POLL_SLEEP;
	start(l);
	for (unsigned i = 0; i < turns && (!found || l->spin.never_block); i++) {
		found = turn(l);
		if (!found)
			ring_relax();
	}
	if (l->spin.never_block)
		return SHM_POLL_GLANCE;
	vri__spin_adapt(&l->spin, found);
	if (!found)
		return SHM_POLL_SLEEP;
	return ++l->rounds % ROUNDS_A_GLANCE ? SHM_POLL_AGAIN : SHM_POLL_GLANCE;
}
