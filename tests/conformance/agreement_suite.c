/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Config writes that race with the device's own changes, and features beyond bit 63, over a transport. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/inspect.h>

#include "harness.h"
#include "probe.h"
#include "test.h"

#define PATIENCE_MS 30000

#define AT(field) ((uint32_t)offsetof(struct probe_config, field))

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
	struct probe_request *request;
	struct probe_answer *answer;
	unsigned changes; /* events */
};

static void count_change(struct vri_driver *drv, void *data)
{
	struct rig *rig = data;

	(void)drv;
	rig->changes++;
}

static void rig_begin(struct rig *rig, const char *options)
{
	static const struct vri_driver_callbacks callbacks = { .size = sizeof(callbacks),
							       .config_changed = count_change };

	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "probe", options);
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
	rig->request = vri_pool_alloc(vri_driver_pool(rig->drv), sizeof(*rig->request));
	rig->answer = vri_pool_alloc(vri_driver_pool(rig->drv), sizeof(*rig->answer));
	vri_driver_set_callbacks(rig->drv, &callbacks, rig);
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

/* Lets the device do something to its config space, and waits until it has. */
static void tell(struct rig *rig, enum probe_op op, uint32_t arg)
{
	struct iovec out = { rig->request, sizeof(*rig->request) };
	struct iovec in = { rig->answer, sizeof(*rig->answer) };
	struct vri_drvq *q = vri_driver_drvq(rig->drv, 0);
	uint32_t len;
	void *token;
	int r;

	*rig->request = (struct probe_request){ .op = htole32(op), .arg = htole32(arg) };
	t_ok(vri_drvq_add(q, &out, 1, &in, 1, rig));
	t_ok(vri_drvq_kick(q));
	while ((r = vri_drvq_get_used(q, &token, &len)) == 0)
		t_ok(vri_link_wait(rig->link, PATIENCE_MS));
	t_eq(r, 1);
}

static struct probe_config config_of(struct rig *rig)
{
	struct probe_config config;

	t_ok(vri_driver_config_read(rig->drv, 0, &config, sizeof(config)));
	return config;
}

static int write_weight(struct rig *rig, uint32_t value)
{
	value = htole32(value);
	return vri_driver_config_write(rig->drv, AT(weight), &value, sizeof(value));
}

static int write_limit(struct rig *rig, uint64_t value)
{
	value = htole64(value);
	return vri_driver_config_write(rig->drv, AT(limit), &value, sizeof(value));
}

/* ---- races ---- */

/* proves: drv:2.5/1 */
Test(agreement, a_device_that_refuses_makes_the_driver_look_again)
{
	struct rig rig;

	rig_begin(&rig, "");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	config_of(&rig);
	tell(&rig, PROBE_LEVEL, 9);
	t_errno_eq(write_weight(&rig, 5), -EAGAIN);
	t_errno_eq(write_limit(&rig, 5), -EAGAIN);
	t_eq(le32toh(config_of(&rig).level), 9);
	t_ok(write_weight(&rig, 5));
	t_ok(write_limit(&rig, 1ull << 40)); /* nothing but its own write came between */
	t_eq(le32toh(config_of(&rig).weight), 5);
	t_eq(le64toh(config_of(&rig).limit), 1ull << 40);
	rig_end(&rig);
}

/* proves: drv:2.5/1 */
Test(agreement, a_device_that_merges_keeps_what_both_wrote)
{
	struct probe_config config;
	struct rig rig;

	rig_begin(&rig, "merge=1");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	t_errno_eq(write_weight(&rig, 1), -EAGAIN); /* it has read nothing yet */
	config_of(&rig);
	tell(&rig, PROBE_LEVEL, 9);
	t_ok(write_weight(&rig, 5));
	tell(&rig, PROBE_LEVEL, 10);
	t_ok(write_limit(&rig, 1ull << 40));
	t_ok(write_weight(&rig, 6));
	/* The same field from both: this device leaves it to the driver to look again. */
	tell(&rig, PROBE_WEIGHT, 7);
	t_errno_eq(write_weight(&rig, 8), -EAGAIN);
	config = config_of(&rig);
	t_eq(le32toh(config.level), 10);
	t_eq(le32toh(config.weight), 7);
	t_eq(le64toh(config.limit), 1ull << 40);
	t_ok(write_weight(&rig, 8));
	t_eq(le32toh(config_of(&rig).weight), 8);
	t_ok(vri_link_dispatch(rig.link));
	t_ge(rig.changes, 1);
	rig_end(&rig);
}

/* The model: a write is late for its field when the device changed that since the last read. */
Test(agreement, any_interleaving_ends_as_it_should)
{
	uint32_t level = 1, weight = 0;
	uint64_t limit = 0;
	bool late = true, has_read = false; /* the weight; anything was read */
	struct dice dice;
	struct rig rig;

	rig_begin(&rig, "merge=1");
	dice_seed(&dice);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	for (int i = 0; i < 300; i++) {
		uint32_t value = (uint32_t)dice_below(&dice, 1000);
		struct probe_config config;

		switch (dice_below(&dice, 5)) {
		case 0:
			config = config_of(&rig);
			t_eq(le32toh(config.level), level);
			t_eq(le32toh(config.weight), weight);
			t_eq(le64toh(config.limit), limit);
			late = false;
			has_read = true;
			break;
		case 1:
			tell(&rig, PROBE_LEVEL, value);
			level = value;
			break;
		case 2:
			tell(&rig, PROBE_WEIGHT, value);
			late |= value != weight;
			weight = value;
			break;
		case 3:
			t_eq(write_weight(&rig, value), late ? -EAGAIN : 0);
			weight = late ? weight : value;
			break;
		default:
			t_eq(write_limit(&rig, value), has_read ? 0 : -EAGAIN);
			limit = has_read ? value : limit;
		}
	}
	rig_end(&rig);
}

Test(agreement, a_driver_writes_whole_fields_that_are_its_own)
{
	static const char *const options[] = { "", "merge=1" };
	uint8_t bytes[sizeof(struct probe_config) + 8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct rig rig;

	for (int i = 0; i < 2; i++) {
		struct probe_config before, after;

		rig_begin(&rig, options[i]);
		t_ok(vri_driver_start(rig.drv, NULL, NULL));
		before = config_of(&rig);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(level), bytes, 4), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(level), bytes, 8), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(weight), bytes, 2), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(weight) + 2, bytes, 2), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(limit), bytes, 4), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(limit) + 4, bytes, 4), -EPERM);
		t_errno_eq(vri_driver_config_write(rig.drv, AT(limit), bytes, 9), -EINVAL);
		t_errno_eq(vri_driver_config_write(rig.drv, UINT32_MAX, bytes, 2), -EINVAL);
		after = config_of(&rig);
		t_mem_eq(&after, &before, sizeof(before));
		t_ok(vri_driver_config_write(rig.drv, AT(weight), bytes, 12)); /* two fields */
		t_eq(le32toh(config_of(&rig).weight), 0x01010101);
		rig_end(&rig);
	}
}

/* ---- features beyond bit 63 ---- */

static struct vri_features wanted(unsigned a, unsigned b, unsigned c)
{
	struct vri_features set;

	vri_features_default(&set);
	vri_features_set(&set, a);
	vri_features_set(&set, b);
	vri_features_set(&set, c);
	return set;
}

/* What the inspector sees in the region. */
static void inspect(struct rig *rig, struct vri_inspect_link *ret_link)
{
	struct vri_inspect *insp;
	char address[80], why[200];

	snprintf(address, sizeof(address), "pid:%d/%s", (int)getpid(), vri_link_id(rig->link));
	t_ok(vri_inspect_open(&insp, address, why, sizeof(why)));
	memset(ret_link, 0, sizeof(*ret_link));
	ret_link->size = sizeof(*ret_link);
	t_ok(vri_inspect_get_link(insp, ret_link));
	vri_inspect_close(insp);
}

/* proves: shm:tr/5 drv:2.2/1 */
Test(agreement, features_beyond_bit_63_are_offered_accepted_and_shown)
{
	struct vri_features want = wanted(PROBE_F_LIGHTS, PROBE_F_GEARS, PROBE_F_BRAKES), offered;
	struct vri_inspect_link link;
	struct rig rig;

	rig_begin(&rig, "wide=1");
	vri_driver_offered(rig.drv, &offered);
	t_eq(offered.word[1], 1ull << (64 - 64) | 1ull << (90 - 64) | 1ull << (127 - 64));
	vri_features_set(&want, 65); /* wanted, and not offered */
	t_ok(vri_driver_start(rig.drv, &want, NULL));
	t_true(vri_driver_has_feature(rig.drv, PROBE_F_LIGHTS));
	t_true(vri_driver_has_feature(rig.drv, PROBE_F_GEARS));
	t_true(vri_driver_has_feature(rig.drv, PROBE_F_BRAKES));
	t_false(vri_driver_has_feature(rig.drv, 65));
	inspect(&rig, &link);
	t_eq(link.offered.word[1], offered.word[1]);
	t_eq(link.acked.word[1], offered.word[1]);
	t_eq(link.negotiated.word[1], offered.word[1]);
	tell(&rig, PROBE_NOW, 0);
	/* Another life, with one of them. */
	want = wanted(PROBE_F_BRAKES, PROBE_F_BRAKES, PROBE_F_BRAKES);
	t_ok(vri_driver_start(rig.drv, &want, NULL));
	inspect(&rig, &link);
	t_eq(link.negotiated.word[1], 1ull << (127 - 64));
	rig_end(&rig);
}

/* proves: drv:2.2/1 drv:2.2/6 */
Test(agreement, a_driver_that_does_not_want_them_leaves_them)
{
	struct vri_features got;
	struct rig rig;

	rig_begin(&rig, "wide=1");
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	vri_driver_features(rig.drv, &got);
	t_eq(got.word[1], 0);
	tell(&rig, PROBE_NOW, 0);
	rig_end(&rig);
}

/* proves: dev:2.2/2 drv:2.2/5 */
Test(agreement, a_set_beyond_bit_63_can_be_refused)
{
	struct vri_features want = wanted(PROBE_F_LIGHTS, PROBE_F_GEARS, PROBE_F_GEARS), need;
	struct rig rig;

	rig_begin(&rig, "wide=1");
	t_errno_eq(vri_driver_start(rig.drv, &want, NULL), -EOPNOTSUPP);
	t_ne(vri_driver_status(rig.drv) & VRI_STATUS_FAILED, 0);
	need = (struct vri_features){ { 0 } };
	vri_features_set(&need, 126);
	t_errno_eq(vri_driver_start(rig.drv, NULL, &need), -EOPNOTSUPP);
	t_ne(vri_driver_status(rig.drv) & VRI_STATUS_FAILED, 0);
	need = (struct vri_features){ { 0 } };
	vri_features_set(&need, PROBE_F_BRAKES);
	t_ok(vri_driver_start(rig.drv, &want, &need));
	t_true(vri_driver_has_feature(rig.drv, PROBE_F_GEARS));
	tell(&rig, PROBE_NOW, 0);
	rig_end(&rig);
}
