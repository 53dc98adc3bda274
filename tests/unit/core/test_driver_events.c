/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a driver is told of its device: a changed config, NEEDS_RESET, that it is gone. */
#include <endian.h>
#include <errno.h>

#include "driver_rig.h"
#include "test.h"

struct heard {
	unsigned config_changed, needs_reset, gone;
};

static void on_config(struct vri_driver *drv, void *data)
{
	((struct heard *)data)->config_changed++;
}

static void on_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	t_streq(why, "a?b");
	((struct heard *)data)->needs_reset++;
}

static void on_gone(struct vri_driver *drv, void *data)
{
	((struct heard *)data)->gone++;
}

static const struct vri_driver_callbacks callbacks = {
	.size = sizeof(callbacks),
	.config_changed = on_config,
	.needs_reset = on_needs_reset,
	.gone = on_gone,
};

/* faults: B18 */
Test(driver, each_event_is_told_once)
{
	struct heard heard = { 0 };
	uint64_t next;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	vri_driver_set_callbacks(rig.drv, &callbacks, &heard);
	t_ok(vri__driver_dispatch(rig.drv, 1, &next));
	t_eq(heard.config_changed + heard.needs_reset + heard.gone, 0);
	for (int i = 0; i < 100; i++) {
		vri__driver_config_changed(rig.drv);
		vri__driver_needs_reset(rig.drv, "a\nb");
	}
	t_eq(heard.config_changed + heard.needs_reset, 0); /* not before dispatch */
	for (int i = 0; i < 3; i++)
		t_ok(vri__driver_dispatch(rig.drv, 1, &next));
	t_eq(heard.config_changed, 1);
	t_eq(heard.needs_reset, 1);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	vri__driver_needs_reset(rig.drv, "a\nb");
	t_ok(vri__driver_dispatch(rig.drv, 1, &next));
	t_eq(heard.needs_reset, 2);
	close_rig(&rig);
}

Test(driver, what_was_used_before_the_device_went_can_be_taken)
{
	struct heard heard = { 0 };
	struct rig rig;
	void *buffer, *second, *token;
	uint32_t *used, len;
	uint64_t next;
	uint8_t *base;

	open_rig(&rig);
	start(&rig);
	vri_driver_set_callbacks(rig.drv, &callbacks, &heard);
	buffer = lend(&rig);
	second = lend(&rig);
	base = vri__driver_region_base(rig.drv);
	used = (void *)(base + rig.device.params[0].device + 4);
	used[0] = 0; /* the first head */
	used[1] = htole32(5);
	*(uint16_t *)(void *)(base + rig.device.params[0].device + 2) = htole16(1);
	vri__driver_gone(rig.drv);
	for (int i = 0; i < 2; i++)
		t_errno_eq(vri__driver_dispatch(rig.drv, 1, &next), -ECONNRESET);
	t_eq(heard.gone, 1);
	t_eq(vri_drvq_get_used(vri_driver_drvq(rig.drv, 0), &token, &len), 1);
	t_ptr_eq(token, buffer);
	t_eq(len, 5);
	t_errno_eq(vri_driver_status(rig.drv), -ECONNRESET);
	t_errno_eq(vri_driver_reset(rig.drv), -ECONNRESET);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	t_ptr_eq(token, second);
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -ECONNRESET);
	t_errno_eq(vri_driver_fail(rig.drv), -ECONNRESET);
	close_rig(&rig);
}
