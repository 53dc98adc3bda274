/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's half, against a device that answers what the test wants. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_ring.h>

#include "core/region_access.h"
#include "leaks.h"
#include "mock_transport.h"
#include "test.h"
#include "toy_device.h"
#include "util/clock.h"
#include "util/memfd.h"

#define ACK VRI_STATUS_ACKNOWLEDGE
#define DRV VRI_STATUS_DRIVER
#define FOK VRI_STATUS_FEATURES_OK
#define DOK VRI_STATUS_DRIVER_OK
#define NRS VRI_STATUS_NEEDS_RESET
#define FLD VRI_STATUS_FAILED

struct rig {
	struct mock_device device;
	struct vri_driver *drv;
};

/* For a device that answers, and for one that never does: the time that passes then. */
static const struct vri_link_opts patient = { .size = sizeof(patient), .timeout_ms = 60000 };
static const struct vri_link_opts quick = { .size = sizeof(quick), .timeout_ms = 20 };

static void open_rig(struct rig *rig)
{
	mock_device_init(&rig->device);
	rig->drv = mock_device_driver(&rig->device, &patient);
}

static void open_quick_rig(struct rig *rig)
{
	mock_device_init(&rig->device);
	rig->drv = mock_device_driver(&rig->device, &quick);
}

static void close_rig(struct rig *rig)
{
	vri__driver_free(rig->drv);
}

static void start(struct rig *rig)
{
	t_ok(vri_driver_start(rig->drv, NULL, NULL));
	rig->device.log[0] = '\0';
}

/* Lends one buffer to the device and makes it visible. */
static void *lend(struct rig *rig)
{
	void *buffer = vri_pool_alloc(vri_driver_pool(rig->drv), 64);
	struct iovec in = { .iov_base = buffer, .iov_len = 64 };

	t_not_null(buffer);
	t_ok(vri_drvq_add(vri_driver_drvq(rig->drv, 0), NULL, 0, &in, 1, buffer));
	t_ok(vri_drvq_kick(vri_driver_drvq(rig->drv, 0)));
	return buffer;
}

/* ---- the way up ---- */

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

/* ---- reset ---- */

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

/* ---- the config space ---- */

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

/* ---- the region ---- */

/* faults: B17 */
Test(driver, the_region_shows_nothing_but_what_is_published)
{
	const struct region_map *map;
	const struct region_driver *block;
	uint8_t *base;
	struct rig rig;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	map = vri__driver_region_map(rig.drv);
	block = (void *)(base + map->driver_block.offset);
	t_eq(le32toh(block->n_queues), 1);
	t_eq(le64toh(block->acked[0]), rig.device.acked.word[0]);
	for (unsigned i = 0; i < sizeof(block->reserved); i++)
		t_eq(block->reserved[i], 0);
	for (uint64_t i = 64 + 32 * 10; i < REGION_ALIGN; i++)
		t_eq(base[i], 0); /* the header's page */
	for (uint64_t i = map->driver_block.offset + map->driver_block.size; i < map->config.offset;
	     i++)
		t_eq(base[i], 0);
	for (uint64_t i = map->driver_rings.offset; i < map->size; i++)
		if (i < map->tables.offset || i >= map->pool.offset)
			t_eq(base[i], 0);
	close_rig(&rig);
}

Test(driver, the_blocks_say_what_is_true)
{
	struct region_driver_queue *queue;
	struct region_driver *block;
	struct rig rig;
	uint8_t *base;

	open_rig(&rig);
	base = vri__driver_region_base(rig.drv);
	block = (void *)(base + vri__driver_region_map(rig.drv)->driver_block.offset);
	queue = (void *)(block + 1);
	t_eq(le32toh(block->pid), getpid());
	t_ne(le64toh(block->attached_ns), 0);
	t_eq(queue->enabled, 0);
	start(&rig);
	t_eq(le32toh(queue->enabled), 1);
	t_eq(le32toh(queue->size), 64);
	t_eq(le64toh(queue->desc), rig.device.params[0].desc);
	t_eq(le64toh(queue->last_sleep_ns), 0);
	lend(&rig);
	t_eq(base[le64toh(queue->outstanding) + 0] | base[le64toh(queue->outstanding) + 63], 1);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(le32toh(queue->enabled), 0);
	t_eq(le64toh(block->acked[0]), 0);
	close_rig(&rig);
}

/* What a program with an event loop of its own calls before it sleeps. */
Test(driver, a_queue_that_is_armed_and_empty_says_when)
{
	struct region_driver_queue *queue;
	struct vring_used *used;
	struct rig rig;
	uint64_t before;
	uint8_t *base;

	open_rig(&rig);
	start(&rig);
	base = vri__driver_region_base(rig.drv);
	queue = (void *)(base + vri__driver_region_map(rig.drv)->driver_block.offset +
			 sizeof(struct region_driver));
	used = (void *)(base + rig.device.params[0].device);
	lend(&rig);
	/* With a used buffer there it does not sleep. */
	used->idx = htole16(1);
	t_eq(vri_drvq_arm(vri_driver_drvq(rig.drv, 0)), 1);
	t_eq(le64toh(queue->last_sleep_ns), 0);
	used->idx = 0;
	before = clock_boottime_ns();
	t_eq(vri_drvq_arm(vri_driver_drvq(rig.drv, 0)), 0);
	t_ge(le64toh(queue->last_sleep_ns), before);
	t_le(le64toh(queue->last_sleep_ns), clock_boottime_ns());
	close_rig(&rig);
}

static const struct vri_link_opts bad_opts[] = {
	{ .size = sizeof(struct vri_link_opts), .n_queues = 2 },
	{ .size = sizeof(struct vri_link_opts), .queue_size = 128 },
	{ .size = sizeof(struct vri_link_opts), .queue_size = 7 },
	{ .size = sizeof(struct vri_link_opts), .indirect_max = 40000 },
	{ .size = sizeof(struct vri_link_opts), .pool_size = SIZE_MAX },
	{ .size = 3 },
};

TestEach(driver, options_beyond_the_limits_are_refused, bad_opts, struct vri_link_opts)
{
	struct mock_device device;
	struct driver_setup setup = {
		.offer = &device.offer,
		.ops = &mock_driver_transport,
		.transport = &device,
		.opts = param,
	};
	struct vri_driver *drv = NULL;
	struct leaks leaks;

	leaks_begin(&leaks);
	mock_device_init(&device);
	t_errno_eq(vri__driver_new(&setup, &drv), -EINVAL);
	t_null(drv);
	leaks_check(&leaks);
}

/* ---- events ---- */

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

/* ---- memory ---- */

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

/* ---- the n-th allocation fails: see the --wrap options of this test ---- */

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
