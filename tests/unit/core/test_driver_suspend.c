/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* SUSPEND, the driver's half, against a device that answers what the test wants. */
#include <errno.h>
#include <string.h>

#include "core/queue.h"
#include "mock_transport.h"
#include "test.h"
#include "util/clock.h"

#define ACK VRI_STATUS_ACKNOWLEDGE
#define DRV VRI_STATUS_DRIVER
#define FOK VRI_STATUS_FEATURES_OK
#define DOK VRI_STATUS_DRIVER_OK
#define NRS VRI_STATUS_NEEDS_RESET
#define SUS VRI_STATUS_SUSPEND

struct rig {
	struct mock_device device;
	struct vri_driver *drv;
	struct vri_drvq *q;
};

static void start_rig(struct rig *rig, unsigned timeout_ms, unsigned deadline_ms)
{
	struct vri_link_opts opts = { .size = sizeof(opts),
				      .timeout_ms = timeout_ms,
				      .deadline_ms = deadline_ms };

	mock_device_init(&rig->device);
	rig->drv = mock_device_driver(&rig->device, &opts);
	t_ok(vri_driver_start(rig->drv, NULL, NULL));
	rig->q = vri_driver_drvq(rig->drv, 0);
	rig->device.log[0] = '\0';
}

static void close_rig(struct rig *rig)
{
	vri__driver_free(rig->drv);
}

static int add(struct rig *rig)
{
	void *buffer = vri_pool_alloc(vri_driver_pool(rig->drv), 64);
	struct iovec in = { .iov_base = buffer, .iov_len = 64 };
	int r;

	t_not_null(buffer);
	r = vri_drvq_add(rig->q, NULL, 0, &in, 1, buffer);
	if (r < 0)
		vri_pool_free(vri_driver_pool(rig->drv), buffer);
	return r;
}

/* proves: drv:3.4/2 drv:3.4/6 drv:2.1/2 */
Test(driver_suspend, writes_the_bit_and_looks_until_the_device_says_yes)
{
	struct rig rig;

	start_rig(&rig, 60000, 0);
	rig.device.suspend_pending = 3;
	t_ok(vri_driver_suspend(rig.drv));
	t_eq(rig.device.suspend_pending, 0);
	t_eq(vri_driver_status(rig.drv), ACK | DRV | FOK | SUS);
	rig.device.suspend_pending = 3;
	t_ok(vri_driver_resume(rig.drv));
	t_eq(rig.device.suspend_pending, 0);
	t_eq(vri_driver_status(rig.drv), ACK | DRV | FOK | DOK);
	/* No bit is taken back: the device itself lets SUSPEND go. */
	t_streq(rig.device.log, "status 31;status 31;");
	close_rig(&rig);
}

/* proves: drv:3.4/3 drv:3.4/4 */
Test(driver_suspend, adds_and_notifies_nothing_from_the_write_on)
{
	unsigned notified;
	struct rig rig;

	start_rig(&rig, 20, 0);
	t_ok(add(&rig)); /* staged, and so it stays */
	notified = rig.device.notified;
	rig.device.hangs_in_suspend = true;
	for (int done = 0; done < 2; done++) {
		t_eq(vri_driver_suspend(rig.drv), done ? 0 : -ETIMEDOUT);
		t_errno_eq(add(&rig), -EAGAIN);
		t_errno_eq(vri_drvq_publish(rig.q), -EAGAIN);
		t_errno_eq(vri_drvq_kick(rig.q), -EAGAIN);
		t_eq(rig.device.notified, notified);
		t_ptr_eq(vri_driver_drvq(rig.drv, 0), rig.q);
		rig.device.hangs_in_suspend = false;
	}
	t_ok(vri_driver_resume(rig.drv));
	t_eq(vri_drvq_outstanding(rig.q), 1);
	t_ok(vri_drvq_kick(rig.q));
	t_ok(add(&rig));
	close_rig(&rig);
}

/* proves: drv:3.4/5 */
Test(driver_suspend, writes_no_config_from_the_write_on)
{
	uint8_t byte = 1;
	struct rig rig;

	start_rig(&rig, 20, 0);
	rig.device.hangs_in_suspend = true;
	for (int done = 0; done < 2; done++) {
		t_eq(vri_driver_suspend(rig.drv), done ? 0 : -ETIMEDOUT);
		rig.device.log[0] = '\0';
		t_errno_eq(vri_driver_config_write(rig.drv, 0, &byte, 1), -EBUSY);
		t_ok(vri_driver_config_read(rig.drv, 0, &byte, 1));
		t_streq(rig.device.log, "");
		rig.device.hangs_in_suspend = false;
	}
	t_ok(vri_driver_resume(rig.drv));
	t_ok(vri_driver_config_write(rig.drv, 0, &byte, 1));
	close_rig(&rig);
}

/* proves: drv:3.4/1 */
Test(driver_suspend, is_for_a_running_device_that_agreed_to_it)
{
	struct vri_features wanted;
	struct rig rig;

	start_rig(&rig, 60000, 0);
	t_errno_eq(vri_driver_resume(rig.drv), -EINVAL);
	t_ok(vri_driver_suspend(rig.drv));
	t_errno_eq(vri_driver_suspend(rig.drv), -EINVAL);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 0), -EINVAL);
	t_errno_eq(vri_driver_reset_queue(rig.drv, 0), -EINVAL);
	t_errno_eq(vri_driver_run(rig.drv), -EINVAL);
	t_ok(vri_driver_reset(rig.drv));
	t_errno_eq(vri_driver_resume(rig.drv), -EINVAL);
	t_errno_eq(vri_driver_suspend(rig.drv), -EINVAL);
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_errno_eq(vri_driver_suspend(rig.drv), -EINVAL);
	vri_features_default(&wanted);
	vri_features_clear(&wanted, VRI_F_SUSPEND);
	t_ok(vri_driver_start(rig.drv, &wanted, NULL));
	rig.device.log[0] = '\0';
	t_errno_eq(vri_driver_suspend(rig.drv), -EOPNOTSUPP);
	t_streq(rig.device.log, "");
	t_errno_eq(vri_driver_suspend(NULL), -EINVAL);
	t_errno_eq(vri_driver_resume(NULL), -EINVAL);
	close_rig(&rig);
}

/* proves: drv:3.4/2 */
Test(driver_suspend, a_device_that_shows_both_bits_is_not_suspended)
{
	struct rig rig;

	start_rig(&rig, 20, 0);
	rig.device.status_or = DOK;
	t_errno_eq(vri_driver_suspend(rig.drv), -ETIMEDOUT);
	rig.device.status_or = 0;
	rig.device.status_and_not = SUS;
	t_errno_eq(vri_driver_suspend(rig.drv), -ETIMEDOUT);
	t_errno_eq(vri_driver_resume(rig.drv), -EINVAL);
	close_rig(&rig);
}

/* proves: drv:3.4/6 */
Test(driver_suspend, a_device_that_shows_both_bits_is_not_resumed)
{
	struct rig rig;

	start_rig(&rig, 20, 0);
	t_ok(vri_driver_suspend(rig.drv));
	rig.device.status_or = SUS;
	t_errno_eq(vri_driver_resume(rig.drv), -ETIMEDOUT);
	t_errno_eq(add(&rig), -EAGAIN);
	rig.device.status_or = 0;
	rig.device.status_and_not = DOK;
	t_errno_eq(vri_driver_resume(rig.drv), -ETIMEDOUT);
	t_errno_eq(add(&rig), -EAGAIN);
	rig.device.status_and_not = 0;
	t_ok(vri_driver_resume(rig.drv));
	t_ok(add(&rig));
	close_rig(&rig);
}

/* The answer to the first write came too late; to write the same again would suspend the device. */
Test(driver_suspend, a_resume_that_came_through_is_not_repeated)
{
	struct rig rig;

	start_rig(&rig, 20, 0);
	t_ok(vri_driver_suspend(rig.drv));
	rig.device.get_status_result = 0;
	rig.device.set_status_result = -ETIMEDOUT;
	t_errno_eq(vri_driver_resume(rig.drv), -ETIMEDOUT);
	rig.device.set_status_result = 0;
	rig.device.status = ACK | DRV | FOK | DOK;
	rig.device.log[0] = '\0';
	t_ok(vri_driver_resume(rig.drv));
	t_streq(rig.device.log, "");
	t_ok(add(&rig));
	close_rig(&rig);
}

Test(driver_suspend, needs_reset_ends_it)
{
	struct rig rig;
	void *token;

	start_rig(&rig, 60000, 0);
	t_ok(add(&rig));
	t_ok(vri_drvq_kick(rig.q));
	rig.device.hangs_in_suspend = true;
	rig.device.status_or = NRS;
	t_errno_eq(vri_driver_suspend(rig.drv), -ESHUTDOWN);
	rig.device.hangs_in_suspend = false;
	rig.device.status_or = 0;
	t_ok(vri_driver_suspend(rig.drv));
	rig.device.status_or = NRS;
	t_errno_eq(vri_driver_resume(rig.drv), -ESHUTDOWN);
	t_errno_eq(vri_drvq_take_back(rig.q, &token), -EAGAIN);
	rig.device.status_or = 0;
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_drvq_take_back(rig.q, &token), 1);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	close_rig(&rig);
}

Test(driver_suspend, a_device_that_is_gone_cannot)
{
	struct rig rig;

	start_rig(&rig, 60000, 0);
	rig.device.set_status_result = -ECONNRESET;
	t_errno_eq(vri_driver_suspend(rig.drv), -ECONNRESET);
	rig.device.set_status_result = 0;
	t_ok(vri_driver_suspend(rig.drv));
	vri__driver_gone(rig.drv);
	rig.device.log[0] = '\0';
	t_errno_eq(vri_driver_resume(rig.drv), -ECONNRESET);
	t_errno_eq(vri_driver_suspend(rig.drv), -EINVAL);
	t_streq(rig.device.log, "");
	close_rig(&rig);
}

static int look(struct rig *rig, uint64_t now_ns)
{
	uint64_t next_ns;

	return vri__driver_dispatch(rig->drv, now_ns, &next_ns);
}

Test(driver_suspend, deadlines_stand_still)
{
	uint64_t now = clock_monotonic_ns();
	const uint64_t ms = 1000000;
	struct rig rig;

	start_rig(&rig, 60000, 100);
	t_ok(add(&rig));
	t_ok(vri_drvq_kick(rig.q));
	t_ok(look(&rig, now));
	t_ok(look(&rig, now + 90 * ms));
	t_ok(vri_driver_suspend(rig.drv));
	t_ok(look(&rig, now + 5000 * ms));
	t_eq(vri_drvq_broken(rig.q), VRI_RULE_NONE);
	t_ok(vri_driver_resume(rig.drv));
	t_ok(look(&rig, now + 9000 * ms));
	t_ok(look(&rig, now + 9090 * ms));
	t_errno_eq(look(&rig, now + 9100 * ms), -ETIMEDOUT);
	close_rig(&rig);
}
