/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The application's own memory: how it comes into a driver's table, and out of it. */
#include <errno.h>
#include <unistd.h>

#include "driver_rig.h"
#include "leaks.h"
#include "test.h"
#include "util/memfd.h"

Test(driver, memory_is_checked_before_the_device_hears_of_it)
{
	struct leaks leaks;
	struct rig rig;
	void *base = NULL;
	int fd;

	open_rig(&rig);
	fd = memfd_make("test", 65536);
	t_ok(fd);
	leaks_begin(&leaks);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 65537, VRI_ACCESS_READ, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 65536 + 4096, VRI_ACCESS_READ, &base),
		   -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 1, 4096, VRI_ACCESS_READ, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 0, VRI_ACCESS_READ, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 4096, (enum vri_access)0, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 4096, (enum vri_access)4, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, -1, 0, 4096, VRI_ACCESS_READ, &base), -EINVAL);
	t_errno_eq(vri_driver_add_memory(rig.drv, STDIN_FILENO, 0, 4096, VRI_ACCESS_READ, &base),
		   -EINVAL);
	t_streq(rig.device.log, "");
	rig.device.add_memory_result = -EPERM;
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 4096, VRI_ACCESS_READ, &base), -EPERM);
	t_null(base);
	leaks_check(&leaks);
	close(fd);
	close_rig(&rig);
}

Test(driver, memory_that_is_lent_cannot_be_removed)
{
	struct rig rig;
	struct iovec out;
	void *base, *token;
	int fd;

	open_quick_rig(&rig);
	start(&rig);
	fd = memfd_make("test", 65536);
	t_ok(vri_driver_add_memory(rig.drv, fd, 0, 65536, VRI_ACCESS_READ, &base));
	close(fd);
	out = (struct iovec){ .iov_base = (uint8_t *)base + 100, .iov_len = 7 };
	t_errno_eq(vri_drvq_add(vri_driver_drvq(rig.drv, 0), NULL, 0, &out, 1, base), -EINVAL);
	t_ok(vri_drvq_add(vri_driver_drvq(rig.drv, 0), &out, 1, NULL, 0, base));
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -EBUSY);
	t_errno_eq(vri_driver_remove_memory(rig.drv, (uint8_t *)base + 1), -EINVAL);
	t_ok(vri_driver_reset(rig.drv));
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -EBUSY);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	rig.device.remove_memory_result = -ETIMEDOUT;
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -ETIMEDOUT);
	rig.device.remove_memory_result = 0;
	t_ok(vri_driver_remove_memory(rig.drv, base));
	close_rig(&rig);
}

/* The device may have done what it answered too late. */
Test(driver, a_late_answer_about_memory_can_be_lived_with)
{
	uint64_t first_iova;
	struct rig rig;
	void *base;
	int fd;

	open_quick_rig(&rig);
	fd = memfd_make("test", 4096);
	rig.device.add_memory_result = -ETIMEDOUT;
	t_errno_eq(vri_driver_add_memory(rig.drv, fd, 0, 4096, VRI_ACCESS_READ, &base), -ETIMEDOUT);
	first_iova = rig.device.memory_iova;
	rig.device.add_memory_result = 0;
	t_ok(vri_driver_add_memory(rig.drv, fd, 0, 4096, VRI_ACCESS_READ, &base));
	t_ge(rig.device.memory_iova, first_iova + 4096);
	close(fd);

	rig.device.remove_memory_result = -ETIMEDOUT;
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -ETIMEDOUT);
	rig.device.remove_memory_result = -EINVAL; /* there is no such memory */
	t_ok(vri_driver_remove_memory(rig.drv, base));
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -EINVAL);
	close_rig(&rig);
}

Test(driver, the_table_of_memory_has_an_end)
{
	struct rig rig;
	void *base;
	int fd, r = 0;
	unsigned n = 0;

	open_rig(&rig);
	fd = memfd_make("test", 4096);
	while (n < 2 * MEM_ENTRIES_MAX &&
	       (r = vri_driver_add_memory(rig.drv, fd, 0, 4096, VRI_ACCESS_READ, &base)) == 0)
		n++;
	t_errno_eq(r, -ENOSPC);
	t_eq(n, MEM_ENTRIES_MAX - 1);
	close(fd);
	close_rig(&rig);
}
