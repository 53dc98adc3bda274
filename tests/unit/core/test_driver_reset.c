/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Resets as the driver's half sees them, of the device and of one queue, and what becomes of lent buffers. */
#include <endian.h>
#include <errno.h>

#include "core/region_access.h"
#include "driver_rig.h"
#include "test.h"

/* proves: drv:2.4/1 */
Test(driver, a_reset_is_over_when_the_status_reads_0)
{
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	rig.device.resets_pending = 5;
	t_ok(vri_driver_reset(rig.drv));
	t_eq(rig.device.resets_pending, 0);
	close_rig(&rig);
}

/* proves: drv:3.3/2 drv:2.4/1 */
/* faults: B12 B13 */
Test(driver, a_device_that_hangs_in_its_reset_keeps_its_memory)
{
	struct vri_pool *pool;
	struct rig rig;
	void *buffer, *token;
	size_t free_before;

	open_quick_rig(&rig);
	start(&rig);
	pool = vri_driver_pool(rig.drv);
	buffer = lend(&rig);
	t_errno_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), -EAGAIN);
	rig.device.hangs_in_reset = true;
	t_errno_eq(vri_driver_reset(rig.drv), -ETIMEDOUT);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	t_ptr_eq(token, buffer);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 0);
	free_before = vri_pool_free_size(pool);
	vri_pool_free(pool, buffer);
	t_eq(vri_pool_free_size(pool), free_before);
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -ETIMEDOUT);
	rig.device.hangs_in_reset = false;
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_not_null(vri_pool_alloc(pool, 64));
	t_eq(vri_pool_free_size(pool), vri_pool_size(pool) - 64);
	close_rig(&rig);
}

/* proves: drv:3.3/2 */
Test(driver, buffers_come_back_after_a_reset_and_before_the_next_start)
{
	struct rig rig;
	void *buffer, *token;

	open_rig(&rig);
	start(&rig);
	buffer = lend(&rig);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	t_ptr_eq(token, buffer);
	vri_pool_free(vri_driver_pool(rig.drv), buffer);
	t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), vri_pool_size(vri_driver_pool(rig.drv)));
	start(&rig);
	t_errno_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), -EAGAIN);
	close_rig(&rig);
}

/* proves: drv:2.6r/2 choice/5 */
Test(driver, starts_from_rings_of_zeros_each_time)
{
	struct region_queue_areas areas;
	struct region_plan plan = { .n_queues = 1,
				    .queue_size = 64,
				    .indirect_max = 32,
				    .config_size = 32,
				    .pool_size = 1 << 20 };
	struct rig rig;
	uint8_t *base;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	vri__region_queue_areas(vri__driver_region_map(rig.drv), &plan, 0, &areas);
	lend(&rig);
	t_ne(base[areas.desc + 8] | base[areas.driver + 2] | base[areas.outstanding], 0);
	t_ok(vri_driver_reset(rig.drv));
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_ok(vri_driver_set_queue(rig.drv, 0, 0));
	for (unsigned i = 0; i < 16 * 64; i++)
		t_eq(base[areas.desc + i], 0);
	for (unsigned i = 0; i < 6 + 2 * 64; i++)
		t_eq(base[areas.driver + i], 0);
	for (unsigned i = 0; i < 64; i++)
		t_eq(base[areas.outstanding + i], 0);
	close_rig(&rig);
}

/* proves: drv:2.6r/1 drv:2.6r/2 */
Test(driver, a_queue_reset_is_verified_and_followed_by_a_new_set_up)
{
	struct rig rig;
	void *buffer, *token;

	open_rig(&rig);
	start(&rig);
	buffer = lend(&rig);
	rig.device.reset_queue_pending = 3;
	t_ok(vri_driver_reset_queue(rig.drv, 0));
	t_errno_eq(vri_driver_reset_queue(rig.drv, 0), -EINVAL);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	t_ptr_eq(token, buffer);
	t_ok(vri_driver_set_queue(rig.drv, 0, 16));
	t_streq(rig.device.log, "reset queue 0;queue 0;");
	t_eq(rig.device.params[0].size, 16);
	lend(&rig);
	close_rig(&rig);
}

Test(driver, a_queue_reset_needs_the_feature)
{
	struct rig rig;

	open_rig(&rig);
	t_errno_eq(vri_driver_reset_queue(rig.drv, 0), -EINVAL);
	vri_features_clear(&rig.device.offered, VRI_F_RING_RESET);
	start(&rig);
	t_errno_eq(vri_driver_reset_queue(rig.drv, 0), -EOPNOTSUPP);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 0), -EINVAL);
	close_rig(&rig);
}

/* faults: B13 */
Test(driver, a_queue_that_breaks_puts_its_buffers_into_quarantine)
{
	struct region_driver_queue *block;
	struct rig rig;
	size_t free_before;
	void *buffer, *token;
	uint8_t *base;
	uint32_t len;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	block = (void *)(base + vri__driver_region_map(rig.drv)->driver_block.offset +
			 sizeof(struct region_driver));
	buffer = lend(&rig);
	/* The device claims to have used 60 buffers. */
	*(uint16_t *)(void *)(base + rig.device.params[0].device + 2) = htole16(60);
	t_errno_eq(vri_drvq_get_used(vri_driver_drvq(rig.drv, 0), &token, &len), -EPROTO);
	t_eq(le32toh(block->broken_rule), VRI_RULE_USED_IDX);
	t_ne(le64toh(block->broken_ns), 0);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	free_before = vri_pool_free_size(vri_driver_pool(rig.drv));
	vri_pool_free(vri_driver_pool(rig.drv), buffer);
	t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), free_before);
	t_ok(vri_driver_reset(rig.drv));
	t_not_null(vri_pool_alloc(vri_driver_pool(rig.drv), 64));
	t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), free_before);
	close_rig(&rig);
}
