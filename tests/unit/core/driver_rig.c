/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rig of the tests of drivers. */
#include "driver_rig.h"

#include "test.h"

const struct vri_link_opts patient = { .size = sizeof(patient), .timeout_ms = 60000 };
const struct vri_link_opts quick = { .size = sizeof(quick), .timeout_ms = 20 };

void open_rig(struct rig *rig)
{
	mock_device_init(&rig->device);
	rig->drv = mock_device_driver(&rig->device, &patient);
}

void open_quick_rig(struct rig *rig)
{
	mock_device_init(&rig->device);
	rig->drv = mock_device_driver(&rig->device, &quick);
}

void close_rig(struct rig *rig)
{
	vri__driver_free(rig->drv);
}

void start(struct rig *rig)
{
	t_ok(vri_driver_start(rig->drv, NULL, NULL));
	rig->device.log[0] = '\0';
}

void *lend(struct rig *rig)
{
	void *buffer = vri_pool_alloc(vri_driver_pool(rig->drv), 64);
	struct iovec in = { .iov_base = buffer, .iov_len = 64 };

	t_not_null(buffer);
	t_ok(vri_drvq_add(vri_driver_drvq(rig->drv, 0), NULL, 0, &in, 1, buffer));
	t_ok(vri_drvq_kick(vri_driver_drvq(rig->drv, 0)));
	return buffer;
}
