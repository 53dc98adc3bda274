/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device whose requests end later than it is told to stop: what resets and ends of links wait for. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vring-ipc/vring-ipc.h>

#include "leaks.h"
#include "test.h"

/* It begins whatever it gets, and ends nothing before it is let. */
static struct {
	int event_fd;
	struct vri_instance *held; /* by what is under way */
	struct iovec piece; /* which may write here */
	bool was_released;
} slow;

static int slow_process(struct vri_instance *inst, unsigned queue)
{
	struct iovec iov[64];
	struct vri_chain chain = { .iov = iov, .iov_max = 64 };

	if (vri_devq_pop(vri_instance_devq(inst, queue), &chain) == 1) {
		slow.held = vri_instance_ref(inst);
		slow.piece = iov[0];
	}
	return 0;
}

static bool slow_is_stopped(struct vri_instance *inst)
{
	return slow.held != inst;
}

static int slow_event_fd(struct vri_device *dev)
{
	return slow.event_fd;
}

static void let_end(void)
{
	vri_instance_unref(slow.held);
	slow.held = NULL;
}

static void slow_event(struct vri_device *dev)
{
	eventfd_t count;

	if (eventfd_read(slow.event_fd, &count) == 0)
		let_end();
}

static void slow_release(struct vri_device *dev)
{
	slow.was_released = true;
	close(slow.event_fd);
}

static const struct vri_device_ops slow_ops = {
	.size = sizeof(slow_ops),
	.process = slow_process,
	.is_stopped = slow_is_stopped,
	.event_fd = slow_event_fd,
	.event = slow_event,
	.release = slow_release,
};

/* A link with one request that the device has begun. */
static struct vri_link *begin(struct vri_device **ret_dev)
{
	struct vri_device_info info = { .size = sizeof(info),
					.type = "org.example.slow",
					.device_id = VRI_ID_LOCAL_LAST };
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 100 };
	struct vri_driver *drv;
	struct vri_drvq *q;
	struct vri_link *link;
	struct iovec piece;

	slow.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t_sys(slow.event_fd);
	t_ok(vri_device_new(&info, &slow_ops, NULL, ret_dev));
	opts.device = *ret_dev;
	t_ok(vri_link_open(&link, "loop:", &opts));
	drv = vri_link_driver(link);
	t_ok(vri_driver_start(drv, NULL, NULL));
	q = vri_driver_drvq(drv, 0);
	piece = (struct iovec){ vri_pool_alloc(vri_driver_pool(drv), 64), 64 };
	t_ok(vri_drvq_add(q, NULL, 0, &piece, 1, &slow));
	t_ok(vri_drvq_kick(q));
	while (!slow.held)
		t_ok(vri_link_wait(link, 10));
	return link;
}

/* proves: dev:2.4/1 drv:2.4/1 */
Test(device_stop, reset_is_over_when_the_last_request_has_ended)
{
	struct vri_device *dev;
	struct vri_link *link;
	struct leaks leaks;

	leaks_begin(&leaks);
	link = begin(&dev);
	t_errno_eq(vri_driver_reset(vri_link_driver(link)), -ETIMEDOUT);
	t_ne(vri_driver_status(vri_link_driver(link)), 0);
	t_sys(eventfd_write(slow.event_fd, 1));
	t_ok(vri_link_dispatch(link));
	t_ok(vri_driver_reset(vri_link_driver(link)));
	t_eq(vri_driver_status(vri_link_driver(link)), 0);
	vri_link_close(link);
	vri_device_unref(dev);
	t_true(slow.was_released);
	leaks_check(&leaks);
}

Test(device_stop, end_of_the_link_waits_for_the_last_request)
{
	struct vri_device *dev;
	struct vri_link *link;
	struct leaks leaks;

	leaks_begin(&leaks);
	link = begin(&dev);
	t_sys(eventfd_write(slow.event_fd, 1));
	vri_link_close(link);
	t_null(slow.held);
	t_false(slow.was_released);
	vri_device_unref(dev);
	t_true(slow.was_released);
	leaks_check(&leaks);
}

/* faults: A33 */
Test(device_stop, request_that_goes_on_keeps_its_instance_and_blocks_nobody)
{
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct vri_device *dev;
	struct vri_link *link;
	struct leaks leaks;

	leaks_begin(&leaks);
	vri_link_close(begin(&dev));
	t_not_null(slow.held);
	memset(slow.piece.iov_base, 0xee, slow.piece.iov_len);
	/* another driver comes meanwhile; when it goes, the first one's request has ended */
	opts.device = dev;
	t_ok(vri_link_open(&link, "loop:", &opts));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	let_end();
	vri_link_close(link);
	vri_device_unref(dev);
	t_true(slow.was_released);
	leaks_check(&leaks);
}
