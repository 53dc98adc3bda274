/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A link with as many queues as there can be: set up, used, reset, given back; and with too few descriptors for it. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"
#include "probe.h"
#include "test.h"

#define PATIENCE_MS 30000
#define QUEUES VRI_QUEUES_MAX
#define QUEUE_SIZE 8

/* Two for each queue, and one process that is both ends of a loopback link shares them. */
#define DESCRIPTORS (2 * QUEUES + 100)

struct message {
	struct probe_request request;
	struct probe_answer answer;
	bool busy;
};

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
	struct message *message; /* one for each queue, in the pool */
	uint64_t seq;
};

/* @n 0: as many as there may be. */
static void limit_descriptors(rlim_t n)
{
	struct rlimit limit;

	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < DESCRIPTORS)
		t_skip("only %lu descriptors allowed", (unsigned long)limit.rlim_max);
	limit.rlim_cur = n ? n : limit.rlim_max;
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
}

static void rig_begin(struct rig *rig)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .queue_size = QUEUE_SIZE };

	limit_descriptors(0);
	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "probe", "queues=1024 qsize=8");
	rig->link = harness_link(&rig->h, &opts);
	rig->drv = vri_link_driver(rig->link);
	rig->message = vri_pool_alloc(vri_driver_pool(rig->drv), QUEUES * sizeof(*rig->message));
	t_not_null(rig->message);
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

static void send(struct rig *rig, unsigned queue, enum probe_op op)
{
	struct message *m = &rig->message[queue];
	struct iovec out = { &m->request, sizeof(m->request) };
	struct iovec in = { &m->answer, sizeof(m->answer) };
	struct vri_drvq *q = vri_driver_drvq(rig->drv, queue);

	t_not_null(q);
	t_false(m->busy);
	m->busy = true;
	m->request = (struct probe_request){ .op = htole32(op), .seq = htole64(++rig->seq) };
	t_ok(vri_drvq_add(q, &out, 1, &in, 1, m));
	t_ok(vri_drvq_kick(q));
}

/* Takes what came in one queue, and it has to be this queue's. Returns: whether anything came. */
static bool collect(struct rig *rig, unsigned queue)
{
	struct message *m = &rig->message[queue];
	uint32_t len;
	void *token;
	int r = vri_drvq_get_used(vri_driver_drvq(rig->drv, queue), &token, &len);

	t_ok(r);
	if (r == 0)
		return false;
	t_ptr_eq(token, m);
	t_true(m->busy);
	t_eq(m->answer.seq, m->request.seq);
	m->busy = false;
	return true;
}

static void talk(struct rig *rig, unsigned queue)
{
	send(rig, queue, PROBE_NOW);
	while (!collect(rig, queue))
		t_ok(vri_drvq_wait(vri_driver_drvq(rig->drv, queue), PATIENCE_MS));
}

/* One request on each of them, all under way at once. */
static void talk_on_all(struct rig *rig, enum probe_op op)
{
	unsigned left = QUEUES;

	memset(rig->message, 0, QUEUES * sizeof(*rig->message));
	for (unsigned i = 0; i < QUEUES; i++)
		send(rig, i, op);
	while (left > 0) {
		unsigned before = left;

		for (unsigned i = 0; i < QUEUES; i++)
			left -= collect(rig, i);
		if (left == before)
			t_ok(vri_link_wait(rig->link, PATIENCE_MS));
	}
}

static void talk_here_and_there(struct rig *rig)
{
	static const unsigned some[] = { 0, 1, QUEUES / 2, QUEUES - 2, QUEUES - 1 };

	memset(rig->message, 0, QUEUES * sizeof(*rig->message));
	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		for (int n = 0; n < 3 * QUEUE_SIZE; n++)
			talk(rig, some[i]);
}

/* proves: shm:tr/6 */
Test(multiqueue, as_many_queues_as_there_can_be_work_alone_and_at_once)
{
	struct rig rig;

	rig_begin(&rig);
	t_eq(vri_driver_max_queues(rig.drv), QUEUES);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_eq(vri_driver_n_queues(rig.drv), QUEUES);
	t_null(vri_driver_drvq(rig.drv, QUEUES));
	talk_here_and_there(&rig);
	talk_on_all(&rig, PROBE_NOW);
	talk_on_all(&rig, PROBE_LATER);
	rig_end(&rig);
}

/* proves: shm:qr/1 shm:adopt/8 */
Test(multiqueue, they_are_reset_and_suspended_like_a_few)
{
	static const unsigned some[] = { 0, QUEUES / 2, QUEUES - 1 };
	struct rig rig;

	rig_begin(&rig);
	for (int life = 0; life < 2; life++) {
		t_ok(vri_driver_start(rig.drv, NULL, NULL));
		for (unsigned i = 0; i < 3; i++) {
			t_ok(vri_driver_reset_queue(rig.drv, some[i]));
			t_ok(vri_driver_set_queue(rig.drv, some[i], QUEUE_SIZE / 2));
		}
		t_ok(vri_driver_suspend(rig.drv));
		t_ok(vri_driver_resume(rig.drv));
		talk_here_and_there(&rig);
		talk_on_all(&rig, PROBE_NOW);
		t_ok(vri_driver_reset(rig.drv));
	}
	rig_end(&rig);
}

/* The driver's process has too few: that is an error and nothing else, and enough are enough. */
Test(multiqueue, a_driver_without_enough_descriptors_is_told_so)
{
	struct vri_link_opts few = { .size = sizeof(few), .queue_size = QUEUE_SIZE, .n_queues = 4 };
	struct rig rig;

	rig_begin(&rig);
	/* One more, and it is the descriptor of the other direction that is missing. */
	for (rlim_t n = 300; n < 304; n++) {
		struct vri_link_opts opts = { .size = sizeof(opts), .queue_size = QUEUE_SIZE };
		struct vri_link *link;
		int r;

		limit_descriptors(n);
		r = harness_try_link(&rig.h, &opts, &link);
		if (r == 0) {
			r = vri_driver_start(vri_link_driver(link), NULL, NULL);
			vri_link_close(link);
		}
		limit_descriptors(0); /* the runner needs some to tell of a failure */
		t_errno_eq(r, -EMFILE);
		t_ok(harness_try_link(&rig.h, &few, &link));
		t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
		vri_link_close(link);
	}
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	talk_here_and_there(&rig);
	rig_end(&rig);
}

/* The device's process has too few: it says so, and its other drivers notice nothing. */
Test(multiqueue, a_device_without_enough_descriptors_says_so)
{
	struct vri_link_opts few = { .size = sizeof(few), .queue_size = QUEUE_SIZE, .n_queues = 4 };
	struct vri_link_opts all = { .size = sizeof(all), .queue_size = QUEUE_SIZE };
	struct vri_link *bystander, *link;
	struct harness h;

	if (strcmp(harness_transport(), "loop:") == 0)
		t_skip("one process is both ends");
	limit_descriptors(0);
	harness_begin(&h, harness_transport());
	limit_descriptors(400); /* which the server inherits */
	harness_serve(&h, "probe", "queues=1024 qsize=8");
	limit_descriptors(0);
	bystander = harness_link(&h, &few);
	t_ok(vri_driver_start(vri_link_driver(bystander), NULL, NULL));
	for (int i = 0; i < 3; i++) {
		link = harness_link(&h, &all);
		t_lt(vri_driver_start(vri_link_driver(link), NULL, NULL), 0);
		vri_link_close(link);
		t_ok(vri_driver_suspend(vri_link_driver(bystander)));
		t_ok(vri_driver_resume(vri_link_driver(bystander)));
	}
	vri_link_close(bystander);
	harness_end(&h);
}
