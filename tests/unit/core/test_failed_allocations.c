/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The n-th allocation fails, of a driver and of an instance: see the --wrap options of this test. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "driver_rig.h"
#include "leaks.h"
#include "test.h"
#include "toy_device.h"

static long allocations_left = -1;

static bool must_fail(void)
{
	if (allocations_left < 0)
		return false;
	if (allocations_left > 0) {
		allocations_left--;
		return false;
	}
	return true;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : __real_malloc(size);
}

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (!must_fail())
		return __real_mmap(at, size, prot, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* faults: E18 E19 */
Test(driver, no_failed_allocation_leaves_anything)
{
	struct mock_device device;
	struct driver_setup setup = {
		.offer = &device.offer,
		.ops = &mock_driver_transport,
		.transport = &device,
		.opts = &quick,
	};
	unsigned failures = 0;
	int r;

	mock_device_init(&device);
	do {
		struct vri_driver *drv = NULL;
		struct leaks leaks;

		leaks_begin(&leaks);
		allocations_left = (long)failures;
		r = vri__driver_new(&setup, &drv);
		if (r == 0)
			r = vri_driver_start(drv, NULL, NULL);
		allocations_left = -1;
		t_true(r == 0 || r == -ENOMEM);
		vri__driver_free(drv);
		leaks_check(&leaks);
		failures++;
	} while (r < 0);
	t_gt(failures, 10);
}

/* faults: E18 */
Test(device, no_failed_allocation_leaves_anything)
{
	struct region_plan plan = {
		.n_queues = 1, .queue_size = 4, .config_size = TOY_CONFIG_SIZE, .pool_size = 1
	};
	struct vri_device_info info = { .size = sizeof(info), .type = "a", .device_id = 5 };
	struct mock_region region;
	unsigned failures = 0;
	int r;

	mock_region_init(&region, &plan);
	do {
		struct mock_link link = { 0 };
		struct vri_device *dev = NULL;
		struct vri_instance *inst = NULL;

		allocations_left = (long)failures;
		r = vri_device_new(&info, NULL, NULL, &dev);
		if (r == 0)
			r = vri__instance_new(dev, &mock_instance_transport, &link, region.mem,
					      region.base, &region.map, &inst);
		allocations_left = -1;
		t_true(r == 0 || r == -ENOMEM);
		if (inst)
			vri__instance_detach(inst);
		t_eq(link.released, inst ? 1 : 0);
		vri_device_unref(dev);
		failures++;
	} while (r < 0);
	t_gt(failures, 4);
	mock_region_fini(&region);
}
