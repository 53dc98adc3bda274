/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the specification asks of a transport, one mechanism after the other, seen from the driver's
 * end: whatever carries a link has to pass this.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <vring-ipc/devices/echo.h>

#include "harness.h"
#include "test.h"

#define PATIENCE_MS 30000

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
};

static void rig_begin_kind(struct rig *rig, const char *kind, const char *options)
{
	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, kind, options);
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
}

static void rig_begin(struct rig *rig)
{
	rig_begin_kind(rig, "echo", "queues=2 max=4096 qsize=64");
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

static struct iovec buffer(struct rig *rig, size_t len)
{
	struct iovec iov = { vri_pool_alloc(vri_driver_pool(rig->drv), len), len };

	t_not_null(iov.iov_base);
	memset(iov.iov_base, 0, len);
	return iov;
}

/* Sends a text over a queue and waits, asleep, for the same text. */
static void talk(struct rig *rig, unsigned queue, const char *text)
{
	struct iovec out = buffer(rig, strlen(text)), in = buffer(rig, strlen(text));
	struct vri_drvq *q = vri_driver_drvq(rig->drv, queue);
	void *token;
	uint32_t len;
	int r;

	memcpy(out.iov_base, text, out.iov_len);
	t_ok(vri_drvq_add(q, &out, 1, &in, 1, rig));
	t_ok(vri_drvq_kick(q));
	while ((r = vri_drvq_get_used(q, &token, &len)) == 0) {
		r = vri_link_wait(rig->link, PATIENCE_MS);
		t_ok(r);
	}
	t_eq(r, 1);
	t_ptr_eq(token, rig);
	t_eq(len, in.iov_len);
	t_mem_eq(in.iov_base, text, in.iov_len);
	vri_pool_free(vri_driver_pool(rig->drv), out.iov_base);
	vri_pool_free(vri_driver_pool(rig->drv), in.iov_base);
}

/* proves: shm:tr/1 */
Test(transport, has_a_configuration_space)
{
	struct vri_echo_config config = { 0 };
	struct rig rig;

	rig_begin(&rig);
	t_ge(vri_driver_config_size(rig.drv), sizeof(config));
	t_ok(vri_driver_config_read(rig.drv, 0, &config, sizeof(config)));
	t_eq(le32toh(config.max_message), 4096);
	t_errno_eq(vri_driver_config_read(rig.drv, vri_driver_config_size(rig.drv), &config, 1),
		   -EINVAL);
	rig_end(&rig);
}

/* proves: shm:tr/2 */
Test(transport, tells_the_type_of_the_device)
{
	struct rig rig;

	rig_begin(&rig);
	t_eq(vri_driver_device_id(rig.drv), VRI_ID_ECHO);
	t_streq(vri_driver_type(rig.drv), VRI_ECHO_TYPE);
	rig_end(&rig);
}

/* proves: shm:tr/3 shm:tr/4 */
Test(transport, lets_the_driver_change_the_status_and_read_features_ok)
{
	struct rig rig;

	rig_begin(&rig);
	t_eq(vri_driver_status(rig.drv), 0);
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_eq(vri_driver_status(rig.drv),
	     VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK);
	t_ok(vri_driver_run(rig.drv));
	t_ne(vri_driver_status(rig.drv) & VRI_STATUS_DRIVER_OK, 0);
	t_ok(vri_driver_fail(rig.drv));
	t_ne(vri_driver_status(rig.drv) & VRI_STATUS_FAILED, 0);
	rig_end(&rig);
}

static void remember_why(struct vri_driver *drv, const char *why, void *data)
{
	(void)drv;
	*(bool *)data = why[0] != '\0';
}

/* proves: shm:tr/3 drv:2.1/4 */
Test(transport, lets_the_driver_see_that_the_device_needs_a_reset)
{
	static const struct vri_driver_callbacks callbacks = { .size = sizeof(callbacks),
							       .needs_reset = remember_why };
	bool told = false;
	struct vri_drvq *q;
	struct iovec out, in;
	struct rig rig;
	void *token;
	uint32_t len;

	/* The device claims to have written more than there is room for, and gives its queue up. */
	rig_begin_kind(&rig, "badblk", "used=1000000");
	vri_driver_set_callbacks(rig.drv, &callbacks, &told);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	q = vri_driver_drvq(rig.drv, 0);
	out = buffer(&rig, 16);
	in = buffer(&rig, 1);
	t_ok(vri_drvq_add(q, &out, 1, &in, 1, &rig));
	t_ok(vri_drvq_kick(q));
	while (!told)
		t_ok(vri_link_wait(rig.link, PATIENCE_MS));
	t_ne(vri_driver_status(rig.drv) & VRI_STATUS_NEEDS_RESET, 0);
	/* What is in flight is neither done nor not done: it comes back after the reset, as not used. */
	t_eq(vri_drvq_get_used(q, &token, &len), 0);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_drvq_take_back(q, &token), 1);
	t_ptr_eq(token, &rig);
	rig_end(&rig);
}

/* proves: shm:tr/5 */
Test(transport, carries_features_both_ways)
{
	struct vri_features wanted = { { 0 } }, offered, negotiated;
	struct rig rig;

	rig_begin(&rig);
	vri_driver_offered(rig.drv, &offered);
	t_true(vri_features_has(&offered, VRI_F_VERSION_1));
	t_true(vri_features_has(&offered, VRI_F_EVENT_IDX));
	vri_features_default(&wanted);
	vri_features_clear(&wanted, VRI_F_EVENT_IDX);
	t_ok(vri_driver_negotiate(rig.drv, &wanted, NULL));
	vri_driver_features(rig.drv, &negotiated);
	t_true(vri_features_is_subset(&negotiated, &offered));
	t_true(vri_features_has(&negotiated, VRI_F_VERSION_1));
	t_false(vri_features_has(&negotiated, VRI_F_EVENT_IDX));
	t_ok(vri_driver_run(rig.drv));
	talk(&rig, 0, "without an event index");
	rig_end(&rig);
}

/* proves: shm:tr/6 shm:tr/7 shm:adopt/4 */
Test(transport, lets_the_driver_say_how_large_a_queue_is)
{
	struct rig rig;

	rig_begin(&rig);
	t_ge(vri_driver_max_queues(rig.drv), 2);
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 128), -EINVAL);
	if (harness_ring() == VRI_RING_SPLIT)
		t_errno_eq(vri_driver_set_queue(rig.drv, 0, 12), -EINVAL);
	t_ok(vri_driver_set_queue(rig.drv, 0, 16));
	t_ok(vri_driver_run(rig.drv));
	t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 0)), 16);
	t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 1)), 64);
	talk(&rig, 0, "small");
	talk(&rig, 1, "large");
	rig_end(&rig);
}

/* The driver sleeps before the device answers, and the device before the driver asks.
 * proves: shm:tr/8 shm:tr/9 */
Test(transport, notifies_both_ways)
{
	struct vri_counters counters;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	for (int i = 0; i < 100; i++)
		talk(&rig, 0, "ping");
	vri_drvq_get_counters(vri_driver_drvq(rig.drv, 0), &counters);
	t_eq(counters.buffers, 100);
	t_gt(counters.notifications, 0);
	rig_end(&rig);
}

/* A notification names its queue by its notifier: only that one is served.
 * proves: drv:4n/1 */
Test(transport, notifies_each_queue_apart)
{
	struct vri_counters other;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_ne(vri_drvq_fd(vri_driver_drvq(rig.drv, 0)), vri_drvq_fd(vri_driver_drvq(rig.drv, 1)));
	/* Once may be found without a notification: each queue is looked at when it starts. */
	for (int i = 0; i < 3; i++)
		talk(&rig, 1, "one of two");
	vri_drvq_get_counters(vri_driver_drvq(rig.drv, 0), &other);
	t_eq(other.notifications, 0);
	t_eq(other.buffers, 0);
	rig_end(&rig);
}

/* proves: shm:tr/10 shm:adopt/8 */
Test(transport, lets_the_driver_reset_and_start_again)
{
	struct rig rig;

	rig_begin(&rig);
	for (int life = 0; life < 3; life++) {
		t_ok(vri_driver_start(rig.drv, NULL, NULL));
		talk(&rig, life % 2, "alive");
		t_ok(vri_driver_reset(rig.drv));
		t_eq(vri_driver_status(rig.drv), 0);
		t_errno_eq(vri_drvq_kick(vri_driver_drvq(rig.drv, 0)), -ESHUTDOWN);
	}
	rig_end(&rig);
}
