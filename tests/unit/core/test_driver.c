/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's half: the way up to DRIVER_OK, step by step, and what ends it. */
#include <errno.h>
#include <string.h>

#include "driver_rig.h"
#include "leaks.h"
#include "test.h"

/* proves: drv:3.1/1 drv:2.1/1 drv:2.1/2 */
Test(driver, takes_the_steps_in_their_order)
{
	struct rig rig;

	open_rig(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_streq(rig.device.log,
		"status 0;status 1;status 3;get features;set features;status 11;queue 0;status 15;");
	t_eq(vri_driver_status(rig.drv), 15);
	close_rig(&rig);
}

Test(driver, starts_in_two_halves_with_sizes_of_its_own)
{
	struct rig rig;

	open_rig(&rig);
	t_errno_eq(vri_driver_run(rig.drv), -EINVAL);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 8), -EINVAL);
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_true(vri_driver_has_feature(rig.drv, VRI_F_EVENT_IDX));
	t_errno_eq(vri_driver_set_queue(rig.drv, 1, 8), -EINVAL);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 7), -EINVAL);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 128), -EINVAL);
	t_ok(vri_driver_set_queue(rig.drv, 0, 8));
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 8), -EINVAL);
	t_ok(vri_driver_run(rig.drv));
	t_eq(rig.device.params[0].size, 8);
	t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 0)), 8);
	close_rig(&rig);
}

/* proves: drv:3.1/6 */
Test(driver, has_no_queue_to_kick_before_driver_ok)
{
	struct rig rig;

	open_rig(&rig);
	t_null(vri_driver_drvq(rig.drv, 0));
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	t_ok(vri_driver_set_queue(rig.drv, 0, 0));
	t_null(vri_driver_drvq(rig.drv, 0));
	t_eq(rig.device.notified, 0);
	t_ok(vri_driver_run(rig.drv));
	t_not_null(vri_driver_drvq(rig.drv, 0));
	close_rig(&rig);
}

/* proves: drv:2.2/1 drv:6.1/1 */
Test(driver, acknowledges_what_is_offered_and_wanted)
{
	struct vri_features wanted = { { 0 } };
	struct rig rig;

	open_rig(&rig);
	vri_features_set(&rig.device.offered, 3);
	vri_features_set(&rig.device.offered, 4);
	vri_features_set(&wanted, 3);
	vri_features_set(&wanted, 5);
	vri_features_set(&wanted, VRI_F_EVENT_IDX);
	t_ok(vri_driver_start(rig.drv, &wanted, NULL));
	t_eq(rig.device.acked.word[0],
	     1ull << 3 | 1ull << VRI_F_EVENT_IDX | 1ull << VRI_F_VERSION_1);
	t_eq(rig.device.acked.word[1], 0);
	close_rig(&rig);
}

/* proves: drv:2.2/4 drv:2.2/6 drv:6.1/5 */
Test(driver, ignores_bits_that_it_does_not_know)
{
	struct rig rig;

	open_rig(&rig);
	rig.device.offered = (struct vri_features){ { ~0ull, ~0ull } };
	t_ok(vri_driver_start(rig.drv, &rig.device.offered, NULL));
	t_false(vri_features_has(&rig.device.acked, VRI_F_SR_IOV));
	t_false(vri_features_has(&rig.device.acked, VRI_F_RING_PACKED));
	t_false(vri_features_has(&rig.device.acked, 49));
	t_true(vri_features_has(&rig.device.acked, 100));
	close_rig(&rig);
}

/* proves: drv:2.2/3 drv:3.1/5 */
Test(driver, refuses_an_offer_that_is_not_valid)
{
	struct rig rig;

	mock_device_init(&rig.device);
	rig.device.offer.device_id = VRI_ID_NET;
	vri_features_set(&rig.device.offered, 22); /* MQ without CTRL_VQ */
	rig.drv = mock_device_driver(&rig.device, &quick);
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -EPROTO);
	t_eq(rig.device.status, ACK | DRV | FLD);
	close_rig(&rig);
}

/* proves: drv:2.2/5 drv:3.1/5 */
Test(driver, sets_failed_when_a_required_bit_is_missing)
{
	struct vri_features required = { { 1ull << 7 } };
	struct rig rig;

	open_rig(&rig);
	t_errno_eq(vri_driver_start(rig.drv, NULL, &required), -EOPNOTSUPP);
	t_eq(rig.device.status, ACK | DRV | FLD);
	t_errno_eq(vri_driver_run(rig.drv), -EINVAL);
	close_rig(&rig);
}

/* Who requires a ring format has to ask for it when the link is opened. */
Test(driver, does_not_take_a_ring_format_that_the_region_has_no_room_for)
{
	struct vri_features required = { { 1ull << VRI_F_RING_PACKED } };
	struct rig rig;

	open_rig(&rig);
	vri_features_set(&rig.device.offered, VRI_F_RING_PACKED);
	t_errno_eq(vri_driver_start(rig.drv, NULL, &required), -EOPNOTSUPP);
	t_eq(rig.device.status, ACK | DRV | FLD);
	close_rig(&rig);
}

Test(driver, a_device_without_version_1_is_not_for_us)
{
	struct rig rig;

	open_rig(&rig);
	vri_features_clear(&rig.device.offered, VRI_F_VERSION_1);
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -EOPNOTSUPP);
	close_rig(&rig);
}

/* proves: drv:3.1/4 drv:3.1/5 */
Test(driver, stops_when_features_ok_does_not_stick)
{
	struct rig rig;

	open_rig(&rig);
	rig.device.status_and_not = FOK;
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -EOPNOTSUPP);
	t_true(rig.device.status & FLD);
	t_false(vri_driver_has_feature(rig.drv, VRI_F_VERSION_1));
	t_null(strstr(rig.device.log, "queue"));
	close_rig(&rig);
}

/* proves: drv:2.1/3 */
Test(driver, resets_before_it_tries_again_after_failed)
{
	struct rig rig;

	open_rig(&rig);
	rig.device.status_and_not = FOK;
	t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), -EOPNOTSUPP);
	rig.device.status_and_not = 0;
	rig.device.log[0] = '\0';
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_eq(strncmp(rig.device.log, "status 0;status 1;", 18), 0);
	close_rig(&rig);
}

Test(driver, a_device_that_cannot_start_is_an_error)
{
	struct rig rig;

	open_quick_rig(&rig);
	t_ok(vri_driver_negotiate(rig.drv, NULL, NULL));
	rig.device.status_or = NRS;
	t_errno_eq(vri_driver_run(rig.drv), -ESHUTDOWN);
	t_true(rig.device.status & FLD);
	close_rig(&rig);
}

struct answer_case {
	int result;
};

static const struct answer_case answers[] = { { -ETIMEDOUT }, { -ECONNRESET }, { -EPROTO } };

/* faults: E19 */
TestEach(driver, what_the_transport_says_comes_through_at_each_step, answers, struct answer_case)
{
	struct rig rig;

	for (int step = 0; step < 4; step++) {
		struct leaks leaks;

		leaks_begin(&leaks);
		open_rig(&rig);
		rig.device.set_status_result = step == 0 ? param->result : 0;
		rig.device.get_features_result = step == 1 ? param->result : 0;
		rig.device.set_features_result = step == 2 ? param->result : 0;
		rig.device.set_queue_result = step == 3 ? param->result : 0;
		t_errno_eq(vri_driver_start(rig.drv, NULL, NULL), param->result);
		t_null(vri_driver_drvq(rig.drv, 0));
		close_rig(&rig);
		leaks_check(&leaks);
	}
}

Test(driver, null_is_an_error_and_not_a_crash)
{
	struct vri_features set = { { 1, 2 } }, same = set;
	uint8_t byte;

	t_streq(vri_driver_type(NULL), "");
	t_streq(vri_driver_name(NULL), "");
	t_eq(vri_driver_device_id(NULL), 0);
	t_eq(vri_driver_vendor_id(NULL), 0);
	vri_driver_offered(NULL, &set);
	vri_driver_features(NULL, &set);
	t_mem_eq(&set, &same, sizeof(set));
	t_false(vri_driver_has_feature(NULL, VRI_F_VERSION_1));
	t_eq(vri_driver_max_queues(NULL), 0);
	t_eq(vri_driver_max_queue_size(NULL), 0);
	t_eq(vri_driver_n_queues(NULL), 0);
	t_eq(vri_driver_config_size(NULL), 0);
	t_eq(vri_driver_config_generation(NULL), 0);
	t_null(vri_driver_pool(NULL));
	t_null(vri_driver_drvq(NULL, 0));
	vri_driver_set_callbacks(NULL, NULL, NULL);
	t_errno_eq(vri_driver_reset(NULL), -EINVAL);
	t_errno_eq(vri_driver_fail(NULL), -EINVAL);
	t_errno_eq(vri_driver_negotiate(NULL, NULL, NULL), -EINVAL);
	t_errno_eq(vri_driver_run(NULL), -EINVAL);
	t_errno_eq(vri_driver_start(NULL, NULL, NULL), -EINVAL);
	t_errno_eq(vri_driver_status(NULL), -EINVAL);
	t_errno_eq(vri_driver_suspend(NULL), -EINVAL);
	t_errno_eq(vri_driver_resume(NULL), -EINVAL);
	t_errno_eq(vri_driver_set_queue(NULL, 0, 0), -EINVAL);
	t_errno_eq(vri_driver_set_n_queues(NULL, 1), -EINVAL);
	t_errno_eq(vri_driver_reset_queue(NULL, 0), -EINVAL);
	t_errno_eq(vri_driver_config_read(NULL, 0, &byte, 1), -EINVAL);
	t_errno_eq(vri_driver_config_write(NULL, 0, &byte, 1), -EINVAL);
	t_errno_eq(vri_driver_add_memory(NULL, 0, 0, 4096, VRI_ACCESS_READ, NULL), -EINVAL);
	t_errno_eq(vri_driver_remove_memory(NULL, &byte), -EINVAL);
}
