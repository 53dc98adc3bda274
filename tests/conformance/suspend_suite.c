/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* SUSPEND over a transport, with requests under way: numbered, so that what is lost or done twice shows. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/devices/echo.h>
#include <vring-ipc/devices/rng.h>
#include <vring-ipc/inspect.h>

#include "harness.h"
#include "probe.h"
#include "test.h"

#define PATIENCE_MS 30000
#define QUEUES 2
#define DEPTH 24 /* requests under way on each queue */

#define SUSPENDED \
	(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK | VRI_STATUS_SUSPEND)

struct slot {
	struct probe_request *request;
	struct probe_answer *answer;
	uint64_t seq;
	bool busy;
	unsigned queue;
};

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
	struct slot slot[QUEUES][DEPTH];
	uint64_t seq, done;
	bool seen[4096]; /* which of the device's answers came: each once */
};

static void rig_begin(struct rig *rig, const struct vri_link_opts *opts)
{
	struct vri_features wanted;

	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "probe", "queues=2 qsize=64");
	rig->link = harness_link(&rig->h, opts);
	rig->drv = vri_link_driver(rig->link);
	vri_features_default(&wanted);
	vri_features_set(&wanted, VRI_F_IN_ORDER);
	t_ok(vri_driver_start(rig->drv, &wanted, NULL));
	t_true(vri_driver_has_feature(rig->drv, VRI_F_SUSPEND));
	for (unsigned q = 0; q < QUEUES; q++)
		for (unsigned i = 0; i < DEPTH; i++) {
			struct vri_pool *pool = vri_driver_pool(rig->drv);
			struct slot *slot = &rig->slot[q][i];

			slot->queue = q;
			slot->request = vri_pool_alloc(pool, sizeof(*slot->request));
			slot->answer = vri_pool_alloc(pool, sizeof(*slot->answer));
			t_not_null(slot->request);
			t_not_null(slot->answer);
		}
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

static int send(struct rig *rig, struct slot *slot, enum probe_op op, uint32_t arg)
{
	struct iovec out = { slot->request, sizeof(*slot->request) };
	struct iovec in = { slot->answer, sizeof(*slot->answer) };
	int r;

	*slot->request = (struct probe_request){ htole32(op), htole32(arg), htole64(rig->seq + 1) };
	memset(slot->answer, 0, sizeof(*slot->answer));
	r = vri_drvq_add(vri_driver_drvq(rig->drv, slot->queue), &out, 1, &in, 1, slot);
	if (r == 0) {
		slot->seq = ++rig->seq;
		slot->busy = true;
	}
	return r;
}

/* Fills each free slot of a queue. */
static void fill(struct rig *rig, unsigned queue, enum probe_op op)
{
	for (unsigned i = 0; i < DEPTH; i++)
		if (!rig->slot[queue][i].busy)
			t_ok(send(rig, &rig->slot[queue][i], op, 0));
	t_ge(vri_drvq_kick(vri_driver_drvq(rig->drv, queue)), 0);
}

static void take(struct rig *rig, struct slot *slot, uint32_t len)
{
	uint64_t nth = le64toh(slot->answer->nth);

	t_true(slot->busy);
	t_eq(len, sizeof(*slot->answer));
	t_eq(le64toh(slot->answer->seq), slot->seq);
	t_ge(nth, 1);
	t_lt(nth, 4096);
	t_false(rig->seen[nth]);
	rig->seen[nth] = true;
	slot->busy = false;
	rig->done++;
}

/* Takes what is there. Returns: how many. */
static unsigned collect(struct rig *rig)
{
	unsigned n = 0;

	for (unsigned q = 0; q < QUEUES; q++) {
		uint32_t len;
		void *slot;
		int r;

		while ((r = vri_drvq_get_used(vri_driver_drvq(rig->drv, q), &slot, &len)) == 1) {
			take(rig, slot, len);
			n++;
		}
		t_ok(r);
	}
	return n;
}

static void finish(struct rig *rig)
{
	while (rig->done < rig->seq)
		if (!collect(rig))
			t_ok(vri_link_wait(rig->link, PATIENCE_MS));
	/* As many answers as requests, each of them seen: none was done twice. */
	for (uint64_t nth = 1; nth <= rig->seq; nth++)
		t_true(rig->seen[nth]);
	t_eq(collect(rig), 0);
}

/* What an inspector sees of the link. */
static void inspect(struct rig *rig, struct vri_inspect_link *ret_link,
		    struct vri_inspect_queue ret_queue[QUEUES])
{
	struct vri_inspect *insp;
	char address[80], why[200];

	snprintf(address, sizeof(address), "pid:%d/%s", (int)getpid(), vri_link_id(rig->link));
	t_ok(vri_inspect_open(&insp, address, why, sizeof(why)));
	memset(ret_link, 0, sizeof(*ret_link));
	ret_link->size = sizeof(*ret_link);
	t_ok(vri_inspect_get_link(insp, ret_link));
	memset(ret_queue, 0, QUEUES * sizeof(ret_queue[0]));
	for (unsigned q = 0; q < QUEUES; q++) {
		ret_queue[q].size = sizeof(ret_queue[q]);
		t_ok(vri_inspect_get_queue(insp, q, &ret_queue[q]));
	}
	vri_inspect_close(insp);
}

/* Nothing of what the device can write moves. */
static void expect_stillness(struct rig *rig)
{
	struct vri_inspect_queue before[QUEUES], after[QUEUES];
	struct vri_inspect_link link;

	t_eq(vri_driver_status(rig->drv), SUSPENDED);
	while (collect(rig))
		;
	inspect(rig, &link, before);
	t_eq(link.status, SUSPENDED);
	for (int i = 0; i < 20; i++) {
		for (unsigned q = 0; q < QUEUES; q++) {
			struct slot *slot = &rig->slot[q][0];

			if (!slot->busy)
				t_errno_eq(send(rig, slot, PROBE_NOW, 0), -EAGAIN);
			t_errno_eq(vri_drvq_kick(vri_driver_drvq(rig->drv, q)), -EAGAIN);
		}
		t_eq(vri_driver_status(rig->drv), SUSPENDED);
		t_ok(vri_link_dispatch(rig->link));
		t_eq(collect(rig), 0);
	}
	inspect(rig, &link, after);
	for (unsigned q = 0; q < QUEUES; q++) {
		t_true(after[q].live);
		t_eq(after[q].outstanding, vri_drvq_outstanding(vri_driver_drvq(rig->drv, q)));
		t_mem_eq(&after[q].device_counters, &before[q].device_counters,
			 sizeof(before[q].device_counters));
		t_eq(after[q].used_idx, before[q].used_idx);
		t_eq(after[q].device_position, before[q].device_position);
		t_eq(after[q].not_taken, 0);
	}
}

/* proves: drv:3.4/2 drv:3.4/3 drv:3.4/6 dev:3.4/2 dev:3.4/7 */
Test(suspend, loses_and_repeats_nothing_that_is_under_way)
{
	struct dice dice;
	struct rig rig;

	rig_begin(&rig, NULL);
	dice_seed(&dice);
	for (int round = 0; round < 12; round++) {
		for (uint64_t n = dice_below(&dice, 6); n-- > 0;) {
			for (unsigned q = 0; q < QUEUES; q++)
				fill(&rig, q, dice_below(&dice, 3) ? PROBE_LATER : PROBE_NOW);
			t_ok(vri_link_wait(rig.link, dice_below(&dice, 2) ? PATIENCE_MS : 0));
			collect(&rig);
		}
		/* With requests in the ring, in the device's hands, used and not yet taken. */
		fill(&rig, 0, PROBE_LATER);
		fill(&rig, 1, PROBE_NOW);
		t_ok(vri_driver_suspend(rig.drv));
		expect_stillness(&rig);
		t_ok(vri_driver_resume(rig.drv));
		t_ne(vri_driver_status(rig.drv) & VRI_STATUS_DRIVER_OK, 0);
	}
	finish(&rig);
	rig_end(&rig);
}

Test(suspend, an_idle_device_wakes_again)
{
	struct rig rig;

	rig_begin(&rig, NULL);
	for (int i = 0; i < 5; i++) {
		fill(&rig, i % QUEUES, PROBE_NOW);
		finish(&rig);
		t_ok(vri_driver_suspend(rig.drv));
		expect_stillness(&rig);
		t_ok(vri_driver_resume(rig.drv));
	}
	fill(&rig, 0, PROBE_LATER);
	finish(&rig);
	rig_end(&rig);
}

/* What is staged when the device is suspended goes out with the first kick after it. */
Test(suspend, keeps_what_is_staged)
{
	struct rig rig;

	rig_begin(&rig, NULL);
	t_ok(send(&rig, &rig.slot[0][0], PROBE_NOW, 0));
	t_ok(vri_driver_suspend(rig.drv));
	t_eq(vri_drvq_outstanding(vri_driver_drvq(rig.drv, 0)), 1);
	t_errno_eq(send(&rig, &rig.slot[0][1], PROBE_NOW, 0), -EAGAIN);
	t_ok(vri_driver_resume(rig.drv));
	t_ok(send(&rig, &rig.slot[0][1], PROBE_NOW, 0));
	t_ge(vri_drvq_kick(vri_driver_drvq(rig.drv, 0)), 0);
	finish(&rig);
	rig_end(&rig);
}

/* proves: drv:3.3/2 dev:2.4/1 */
Test(suspend, a_reset_ends_it_and_gives_everything_back)
{
	unsigned n = 0;
	struct rig rig;
	void *token;

	rig_begin(&rig, NULL);
	fill(&rig, 0, PROBE_LATER);
	finish(&rig);
	/* Staged, so that the device cannot have taken it. */
	t_ok(send(&rig, &rig.slot[0][0], PROBE_NOW, 0));
	t_ok(vri_driver_suspend(rig.drv));
	t_errno_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), -EAGAIN);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_driver_status(rig.drv), 0);
	while (vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token) == 1)
		n++;
	t_eq(n, 1);
	t_errno_eq(vri_driver_resume(rig.drv), -EINVAL);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	rig.slot[0][0].busy = false;
	rig.seq = rig.done = 0;
	memset(rig.seen, 0, sizeof(rig.seen));
	fill(&rig, 0, PROBE_LATER);
	t_ok(vri_driver_suspend(rig.drv));
	t_ok(vri_driver_resume(rig.drv));
	finish(&rig);
	rig_end(&rig);
}

/* proves: drv:3.4/5 dev:3.4/4 */
Test(suspend, the_config_space_stands_still)
{
	struct probe_config before, after;
	uint32_t weight = htole32(7), generation;
	struct rig rig;

	rig_begin(&rig, NULL);
	t_ok(send(&rig, &rig.slot[0][0], PROBE_LEVEL, 5));
	t_ge(vri_drvq_kick(vri_driver_drvq(rig.drv, 0)), 0);
	finish(&rig);
	t_ok(vri_driver_config_read(rig.drv, 0, &before, sizeof(before)));
	t_eq(le32toh(before.level), 5);
	generation = vri_driver_config_generation(rig.drv);
	t_ok(vri_driver_suspend(rig.drv));
	t_errno_eq(vri_driver_config_write(rig.drv, offsetof(struct probe_config, weight), &weight,
					   sizeof(weight)),
		   -EBUSY);
	t_ok(vri_driver_config_read(rig.drv, 0, &after, sizeof(after)));
	t_mem_eq(&after, &before, sizeof(before));
	t_eq(vri_driver_config_generation(rig.drv), generation);
	t_ok(vri_driver_resume(rig.drv));
	rig_end(&rig);
}

Test(suspend, a_link_may_be_closed_in_the_middle_of_it)
{
	struct rig rig;

	rig_begin(&rig, NULL);
	fill(&rig, 0, PROBE_LATER);
	fill(&rig, 1, PROBE_LATER);
	t_ok(vri_driver_suspend(rig.drv));
	rig_end(&rig);
}

/* A driver that does not want it gets on as ever. */
Test(suspend, is_not_there_when_it_was_not_agreed_on)
{
	struct vri_features wanted;
	struct rig rig;

	rig_begin(&rig, NULL);
	vri_features_default(&wanted);
	vri_features_clear(&wanted, VRI_F_SUSPEND);
	t_ok(vri_driver_start(rig.drv, &wanted, NULL));
	t_errno_eq(vri_driver_suspend(rig.drv), -EOPNOTSUPP);
	fill(&rig, 0, PROBE_LATER);
	finish(&rig);
	rig_end(&rig);
}

/* ---- the devices of the library ---- */

Test(suspend, echo_goes_on_where_it_was)
{
	struct vri_drvq *q;
	struct vri_pool *pool;
	struct vri_link *link;
	struct iovec out, in;
	struct harness h;
	uint32_t len;
	void *token;
	int r;

	harness_begin(&h, harness_transport());
	harness_serve(&h, "echo", "queues=1");
	link = harness_link(&h, NULL);
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	pool = vri_driver_pool(vri_link_driver(link));
	out = (struct iovec){ vri_pool_alloc(pool, 8), 8 };
	in = (struct iovec){ vri_pool_alloc(pool, 8), 8 };
	q = vri_driver_drvq(vri_link_driver(link), 0);
	for (uint64_t i = 0; i < 50; i++) {
		memcpy(out.iov_base, &i, 8);
		t_ok(vri_drvq_add(q, &out, 1, &in, 1, &out));
		t_ge(vri_drvq_kick(q), 0);
		t_ok(vri_driver_suspend(vri_link_driver(link)));
		t_ok(vri_driver_resume(vri_link_driver(link)));
		while ((r = vri_drvq_get_used(q, &token, &len)) == 0)
			t_ok(vri_link_wait(link, PATIENCE_MS));
		t_eq(r, 1);
		t_mem_eq(in.iov_base, &i, 8);
	}
	vri_link_close(link);
	harness_end(&h);
}

Test(suspend, rng_goes_on_where_it_was)
{
	struct vri_link *link;
	struct vri_rng *rng;
	struct harness h;
	uint8_t bytes[64];

	harness_begin(&h, harness_transport());
	harness_serve(&h, "rng", "");
	link = harness_link(&h, NULL);
	t_ok(vri_rng_open(vri_link_driver(link), NULL, &rng));
	for (int i = 0; i < 20; i++) {
		t_ok(vri_driver_suspend(vri_link_driver(link)));
		t_ok(vri_driver_resume(vri_link_driver(link)));
		t_ok(vri_rng_read(rng, bytes, sizeof(bytes), PATIENCE_MS));
	}
	vri_rng_close(rng);
	vri_link_close(link);
	harness_end(&h);
}

#define BLOCK 4096u
#define WRITES 64

typedef const char *engine_text;
static const engine_text engines[] = { "io=auto", "io=sync" };

/* Requests are in the kernel when the bit is written: each is answered, once, and none before it shows
 * is left to be answered after.
 * proves: dev:3.4/7 */
TestEach(suspend, blk_finishes_what_is_in_the_kernel, engines, engine_text)
{
	struct vri_blk_done done[WRITES];
	bool answered[WRITES + 1] = { false };
	char options[300];
	struct vri_link *link;
	struct vri_blk *blk;
	struct harness h;
	struct iovec iov[WRITES];
	unsigned n = 0;

	harness_begin(&h, harness_transport());
	snprintf(options, sizeof(options), "path=%s queues=1 inflight=16 %s",
		 harness_file(&h, "disk", WRITES * BLOCK), *param);
	harness_serve(&h, "blk", options);
	link = harness_link(&h, NULL);
	t_ok(vri_blk_open(vri_link_driver(link), NULL, &blk));
	for (unsigned i = 0; i < WRITES; i++) {
		iov[i] = (struct iovec){
			vri_pool_alloc(vri_driver_pool(vri_link_driver(link)), BLOCK), BLOCK
		};
		t_not_null(iov[i].iov_base);
		memset(iov[i].iov_base, (int)i + 1, BLOCK);
		t_ok(vri_blk_write(blk, 0, i * BLOCK, &iov[i], 1, &iov[i]));
		if (i % 8 == 7)
			t_ge(vri_blk_kick(blk, 0), 0);
	}
	while (n < WRITES) {
		int r;

		t_ok(vri_driver_suspend(vri_link_driver(link)));
		while ((r = vri_blk_poll(blk, 0, done, WRITES)) > 0) {
			for (int i = 0; i < r; i++) {
				unsigned which = (unsigned)((struct iovec *)done[i].token - iov);

				t_ok(done[i].result);
				t_false(answered[which]);
				answered[which] = true;
				n++;
			}
		}
		t_ok(r);
		t_eq(vri_driver_status(vri_link_driver(link)), SUSPENDED);
		t_eq(vri_blk_poll(blk, 0, done, WRITES), 0);
		t_ok(vri_driver_resume(vri_link_driver(link)));
		t_ok(vri_link_wait(link, 0));
	}
	/* And it is on the disk. */
	for (unsigned i = 0; i < WRITES; i++) {
		memset(iov[i].iov_base, 0, BLOCK);
		t_ok(vri_blk_read(blk, 0, i * BLOCK, &iov[i], 1, &iov[i]));
		t_eq(vri_blk_wait(blk, 0, done, 1, PATIENCE_MS), 1);
		t_ok(done[0].result);
		for (unsigned k = 0; k < BLOCK; k++)
			t_eq(((uint8_t *)iov[i].iov_base)[k], i + 1);
	}
	vri_blk_close(blk);
	vri_link_close(link);
	harness_end(&h);
}
