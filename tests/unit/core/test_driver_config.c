/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The config space as the driver's half reads and writes it. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "driver_rig.h"
#include "test.h"

static uint8_t *config_of(struct rig *rig)
{
	uint8_t *base = vri__driver_region_base(rig->drv);

	return base + vri__driver_region_map(rig->drv)->config.offset;
}

/* proves: drv:2.5/1 */
Test(driver, reads_the_config_space_without_a_message)
{
	struct rig rig;
	uint8_t seen[32];
	unsigned calls;

	open_rig(&rig);
	memset(config_of(&rig), 0x42, 32);
	mock_device_block(rig.drv)->config_generation = htole32(6);
	calls = rig.device.calls;
	t_ok(vri_driver_config_read(rig.drv, 0, seen, 32));
	t_eq(seen[31], 0x42);
	t_eq(vri_driver_config_generation(rig.drv), 6);
	t_eq(rig.device.calls, calls);
	t_errno_eq(vri_driver_config_read(rig.drv, 0, seen, 33), -EINVAL);
	t_errno_eq(vri_driver_config_read(rig.drv, 32, seen, 1), -EINVAL);
	t_errno_eq(vri_driver_config_read(rig.drv, UINT32_MAX, seen, 2), -EINVAL);
	t_errno_eq(vri_driver_config_read(rig.drv, 0, NULL, 1), -EINVAL);
	close_rig(&rig);
}

/* proves: drv:2.5/3 */
Test(driver, takes_a_config_space_that_is_larger_than_it_expects)
{
	struct rig rig;
	uint8_t seen;

	mock_device_init(&rig.device);
	rig.device.offer.config_size = VRI_CONFIG_MAX;
	rig.drv = mock_device_driver(&rig.device, &quick);
	t_eq(vri_driver_config_size(rig.drv), VRI_CONFIG_MAX);
	t_ok(vri_driver_config_read(rig.drv, VRI_CONFIG_MAX - 1, &seen, 1));
	/* A driver that knows only the first fields reads those. */
	t_ok(vri_driver_config_read(rig.drv, 0, &seen, 1));
	close_rig(&rig);
}

/* faults: B15 */
Test(driver, asks_by_message_when_the_generation_stays_odd)
{
	uint8_t seen[4] = { 1, 2, 3, 4 };
	struct rig rig;

	open_quick_rig(&rig);
	mock_device_block(rig.drv)->config_generation = htole32(7);
	rig.device.config_generation = 8;
	t_ok(vri_driver_config_read(rig.drv, 2, seen, 4));
	t_eq(seen[0], 102);
	t_streq(rig.device.log, "config read;");
	/* And when even the answer is odd, or there is none, that is an error and no loop. */
	rig.device.config_generation = 9;
	seen[0] = 1;
	t_errno_eq(vri_driver_config_read(rig.drv, 2, seen, 4), -EPROTO);
	rig.device.config_read_result = -EAGAIN;
	t_errno_eq(vri_driver_config_read(rig.drv, 2, seen, 4), -EPROTO);
	rig.device.config_read_result = -ETIMEDOUT;
	t_errno_eq(vri_driver_config_read(rig.drv, 2, seen, 4), -ETIMEDOUT);
	t_eq(seen[0], 1);
	close_rig(&rig);
}

/* faults: B10 */
Test(driver, what_it_read_of_the_config_is_its_own_copy)
{
	uint8_t seen[32];
	struct rig rig;

	open_rig(&rig);
	memset(config_of(&rig), 1, 32);
	t_ok(vri_driver_config_read(rig.drv, 0, seen, 32));
	memset(config_of(&rig), 2, 32);
	for (unsigned i = 0; i < 32; i++)
		t_eq(seen[i], 1);
	close_rig(&rig);
}

/* proves: drv:3.1/2 */
Test(driver, writes_no_config_while_it_negotiates)
{
	struct rig rig;

	open_rig(&rig);
	t_errno_eq(vri_driver_config_write(rig.drv, 0, "x", 1), -EOPNOTSUPP);
	t_streq(rig.device.log, "");
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_ok(vri_driver_config_write(rig.drv, 0, "x", 1));
	t_errno_eq(vri_driver_config_write(rig.drv, 32, "x", 1), -EINVAL);
	t_errno_eq(vri_driver_config_write(rig.drv, 0, "x", 0), -EINVAL);
	t_ok(vri_driver_reset(rig.drv));
	t_errno_eq(vri_driver_config_write(rig.drv, 0, "x", 1), -EOPNOTSUPP);
	close_rig(&rig);
}

Test(driver, a_config_write_names_the_generation_that_was_read)
{
	struct rig rig;
	uint8_t seen;

	open_rig(&rig);
	start(&rig);
	mock_device_block(rig.drv)->config_generation = htole32(10);
	t_ok(vri_driver_config_read(rig.drv, 0, &seen, 1));
	mock_device_block(rig.drv)->config_generation =
		htole32(14); /* the device changed it twice */
	rig.device.config_write_result = -EAGAIN;
	t_errno_eq(vri_driver_config_write(rig.drv, 0, "x", 1), -EAGAIN);
	t_eq(rig.device.written_generation, 10);
	t_ok(vri_driver_config_read(rig.drv, 0, &seen, 1));
	rig.device.config_write_result = 0;
	t_ok(vri_driver_config_write(rig.drv, 0, "x", 1));
	t_eq(rig.device.written_generation, 14);
	/* Its own write was the only change: the next one builds on that. */
	mock_device_block(rig.drv)->config_generation = htole32(16);
	t_ok(vri_driver_config_write(rig.drv, 0, "x", 1));
	mock_device_block(rig.drv)->config_generation = htole32(18);
	t_ok(vri_driver_config_write(rig.drv, 0, "x", 1));
	close_rig(&rig);
}
