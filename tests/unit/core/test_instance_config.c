/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* An instance's config space: read and written, also in a race with changes of the device: refused or merged, and
 * whole fields only. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance_rig.h"
#include "test.h"

#define RUN (ACK | DRV | FOK | DOK)

/* proves: dev:2.5/1 */
Test(instance, the_config_space_can_be_read_from_the_start)
{
	uint8_t seen[TOY_CONFIG_SIZE];
	uint32_t generation;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri__instance_config_read(rig.inst, 0, seen, sizeof(seen), &generation));
	for (unsigned i = 0; i < sizeof(seen); i++)
		t_eq(seen[i], i);
	t_mem_eq(rig.region.base + rig.region.map.config.offset, seen, sizeof(seen));
	t_eq(generation, le32toh(mock_region_device(&rig.region)->config_generation));
	t_errno_eq(vri__instance_config_read(rig.inst, 1, seen, sizeof(seen), &generation),
		   -EPROTO);
	t_errno_eq(vri__instance_config_read(rig.inst, UINT32_MAX, seen, 2, &generation), -EPROTO);
	close_rig(&rig);
}

/* proves: drv:3.1/2 */
Test(instance, config_writes_keep_to_time_place_and_mask)
{
	uint8_t value[32] = { 200, 201 };
	uint32_t generation;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri__instance_config_read(rig.inst, 0, value + 4, 4, &generation));
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, value, 2,
					      &rig.why),
		   -EPROTO);
	negotiate(&rig);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_CONFIG_SIZE, value, 1,
					      &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, UINT32_MAX, value, 2, &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, 0, value, 0, &rig.why),
		   -EPROTO);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, 0, value, 1, &rig.why), -EPERM);
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_END - 1, value, 2,
					      &rig.why),
		   -EPERM);
	t_errno_eq(vri__instance_config_write(rig.inst, generation - 2, TOY_WRITABLE_FIRST, value,
					      2, &rig.why),
		   -EAGAIN);
	t_eq(rig.toy.written, 0);
	t_ok(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, value, 2,
					&rig.why));
	t_eq(rig.toy.written, 1);
	t_eq(rig.toy.written_offset, TOY_WRITABLE_FIRST);
	t_eq(rig.toy.written_len, 2);
	t_eq(rig.region.base[rig.region.map.config.offset + TOY_WRITABLE_FIRST], 200);
	t_eq(le32toh(mock_region_device(&rig.region)->config_generation), generation + 2);
	close_rig(&rig);
}

Test(instance, a_config_write_that_the_device_refuses_is_undone)
{
	uint32_t generation;
	uint8_t value = 200, seen;
	struct rig rig;

	open_rig(&rig);
	negotiate(&rig);
	rig.toy.written_result = -EPERM;
	t_ok(vri__instance_config_read(rig.inst, TOY_WRITABLE_FIRST, &seen, 1, &generation));
	t_errno_eq(vri__instance_config_write(rig.inst, generation, TOY_WRITABLE_FIRST, &value, 1,
					      &rig.why),
		   -EPERM);
	t_ok(vri_instance_config_get(rig.inst, TOY_WRITABLE_FIRST, &seen, 1));
	t_eq(seen, TOY_WRITABLE_FIRST);
	t_eq(rig.region.base[rig.region.map.config.offset + TOY_WRITABLE_FIRST],
	     TOY_WRITABLE_FIRST);
	t_eq(le32toh(mock_region_device(&rig.region)->config_generation), generation);
	close_rig(&rig);
}

Test(instance, a_config_change_is_announced_to_running_drivers_only)
{
	uint8_t value = 99;
	struct rig rig;

	open_rig(&rig);
	t_ok(vri_device_config_set(rig.dev, 3, &value, 1));
	t_eq(rig.link.config_changed, 0);
	t_eq(rig.region.base[rig.region.map.config.offset + 3], 99);
	start(&rig);
	t_ok(vri_instance_config_set(rig.inst, 4, &value, 1));
	t_eq(rig.link.config_changed, 1);
	t_eq(rig.link.generation, le32toh(mock_region_device(&rig.region)->config_generation));
	t_errno_eq(vri_instance_config_set(rig.inst, TOY_CONFIG_SIZE, &value, 1), -EINVAL);
	t_errno_eq(vri_device_config_set(rig.dev, TOY_CONFIG_SIZE, &value, 1), -EINVAL);
	close_rig(&rig);
}

/* ---- writes that race with changes ---- */

/* Two fields of the driver's with the device's own bytes around and between them, one at the end. */
static const struct vri_config_field fields[] = { { 8, 4 }, { 12, 8 }, { 24, 2 }, { 60, 4 } };
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void open_fields(struct rig *rig, enum vri_config_race race)
{
	static uint8_t config[TOY_CONFIG_SIZE];
	struct vri_device_info info = {
		.size = sizeof(info),
		.config = config,
		.config_size = sizeof(config),
		.config_fields = fields,
		.n_config_fields = N_FIELDS,
		.config_race = race,
	};

	open_rig_of(rig, &info);
	start(rig);
}

static uint32_t look(struct rig *rig, uint32_t offset, void *ret_buf, uint32_t len)
{
	uint32_t generation;

	t_ok(vri__instance_config_read(rig->inst, offset, ret_buf, len, &generation));
	return generation;
}

static uint32_t generation_of(struct rig *rig)
{
	uint8_t byte;

	return look(rig, 0, &byte, 1);
}

/* The driver writes @len bytes of @value. */
static int put(struct rig *rig, uint32_t generation, uint32_t offset, uint8_t value, uint32_t len)
{
	uint8_t bytes[TOY_CONFIG_SIZE];

	memset(bytes, value, sizeof(bytes));
	return vri__instance_config_write(rig->inst, generation, offset, bytes, len, &rig->why);
}

/* So does the device. */
static void change(struct rig *rig, uint32_t offset, uint8_t value, uint32_t len)
{
	uint8_t bytes[TOY_CONFIG_SIZE];

	memset(bytes, value, sizeof(bytes));
	t_ok(vri_instance_config_set(rig->inst, offset, bytes, len));
}

static void expect(struct rig *rig, uint32_t offset, uint8_t value, uint32_t len)
{
	const uint8_t *shared = rig->region.base + rig->region.map.config.offset;
	uint8_t seen[TOY_CONFIG_SIZE], own[TOY_CONFIG_SIZE];

	look(rig, offset, seen, len);
	t_ok(vri_instance_config_get(rig->inst, offset, own, len));
	for (uint32_t i = 0; i < len; i++) {
		t_eq(seen[i], value);
		t_eq(own[i], value);
		t_eq(shared[offset + i], value);
	}
}

/* proves: drv:2.5/1 */
Test(instance_config, a_late_write_is_refused_whatever_changed)
{
	uint32_t seen;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_REFUSE);
	seen = generation_of(&rig);
	change(&rig, 0, 5, 1); /* nothing of the driver's */
	t_errno_eq(put(&rig, seen, 8, 1, 4), -EAGAIN);
	expect(&rig, 8, 0, 4);
	t_eq(rig.toy.conflicts, 0);
	t_ok(put(&rig, generation_of(&rig), 8, 1, 4));
	expect(&rig, 8, 1, 4);
	close_rig(&rig);
}

/* proves: drv:2.5/1 */
Test(instance_config, a_late_write_goes_into_the_newer_config)
{
	uint32_t seen;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	seen = generation_of(&rig);
	change(&rig, 0, 5, 8); /* right before the field ... */
	change(&rig, 12, 6, 8); /* ... and right behind */
	t_ok(put(&rig, seen, 8, 1, 4));
	expect(&rig, 0, 5, 8);
	expect(&rig, 8, 1, 4);
	expect(&rig, 12, 6, 8);
	t_eq(rig.toy.written, 1);
	t_eq(rig.toy.conflicts, 0);
	/* Its own write is none that it has missed. */
	t_ok(put(&rig, seen, 8, 2, 4));
	expect(&rig, 8, 2, 4);
	t_eq(rig.toy.conflicts, 0);
	close_rig(&rig);
}

Test(instance_config, where_both_changed_the_same_the_device_decides)
{
	uint32_t seen;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	seen = generation_of(&rig);
	change(&rig, 11, 5, 1); /* one byte of the field will do */
	rig.toy.conflict_result = -EAGAIN;
	t_errno_eq(put(&rig, seen, 8, 1, 4), -EAGAIN);
	t_errno_eq(put(&rig, seen, 8, 1, 12), -EAGAIN); /* with its neighbour */
	t_eq(rig.toy.conflicts, 2);
	t_eq(rig.toy.written, 0);
	expect(&rig, 8, 0, 3);
	expect(&rig, 11, 5, 1);
	t_ok(put(&rig, seen, 12, 7, 8)); /* the neighbour alone is free */
	expect(&rig, 12, 7, 8);
	rig.toy.conflict_result = 0;
	t_ok(put(&rig, seen, 8, 1, 4));
	t_eq(rig.toy.conflicts, 3);
	expect(&rig, 8, 1, 4);
	close_rig(&rig);
}

Test(instance_config, a_change_to_the_same_value_is_none)
{
	uint32_t seen;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	seen = generation_of(&rig);
	change(&rig, 0, 0, TOY_CONFIG_SIZE);
	t_ne(generation_of(&rig), seen);
	t_ok(put(&rig, seen, 8, 1, 4));
	t_eq(rig.toy.conflicts, 0);
	close_rig(&rig);
}

/* Whatever a driver says it has seen, it can deceive nobody but itself. */
Test(instance_config, a_generation_that_never_was_is_a_conflict)
{
	uint32_t now;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	rig.toy.conflict_result = -EAGAIN;
	now = generation_of(&rig);
	t_errno_eq(put(&rig, 0, 8, 1, 4), -EAGAIN); /* it has read nothing */
	t_errno_eq(put(&rig, now + 2, 8, 1, 4), -EAGAIN);
	t_errno_eq(put(&rig, now + 1, 8, 1, 4), -EAGAIN);
	t_errno_eq(put(&rig, now - 1, 8, 1, 4), -EAGAIN);
	t_errno_eq(put(&rig, now ^ 0x80000000u, 8, 1, 4), -EAGAIN);
	t_errno_eq(put(&rig, UINT32_MAX, 8, 1, 4), -EAGAIN);
	expect(&rig, 8, 0, 4);
	t_ok(put(&rig, now, 8, 1, 4));
	close_rig(&rig);
}

struct bad_write {
	const char *what;
	uint32_t offset, len;
	int result;
};

static const struct bad_write bad_writes[] = {
	{ "the first half of a field", 8, 2, -EPERM },
	{ "the second half", 10, 2, -EPERM },
	{ "its middle", 9, 2, -EPERM },
	{ "one field and half of the next", 8, 8, -EPERM },
	{ "half of one and the next", 10, 10, -EPERM },
	{ "a byte of the device's before it", 7, 5, -EPERM },
	{ "a byte of the device's behind it", 12, 9, -EPERM },
	{ "two fields and what is between them", 12, 14, -EPERM },
	{ "the device's own", 0, 4, -EPERM },
	{ "nothing", 8, 0, -EPROTO },
	{ "half of the last one", 62, 2, -EPERM },
	{ "one byte past the end", 60, 5, -EPROTO },
	{ "the end", 64, 1, -EPROTO },
	{ "wrapping", UINT32_MAX, 2, -EPROTO },
	{ "wrapping into a field", UINT32_MAX - 3, 16, -EPROTO },
	{ "a length that wraps", 8, UINT32_MAX - 7, -EPROTO },
};

TestEach(instance_config, a_write_is_of_whole_fields_inside_of_it, bad_writes, struct bad_write)
{
	for (enum vri_config_race race = VRI_CONFIG_REFUSE; race <= VRI_CONFIG_MERGE; race++) {
		uint8_t bytes[TOY_CONFIG_SIZE];
		struct rig rig;

		open_fields(&rig, race);
		memset(bytes, 9, sizeof(bytes));
		for (int late = 0; late < 2; late++) {
			uint32_t seen = generation_of(&rig);

			if (late)
				change(&rig, 30, (uint8_t)race + 1, 1);
			t_errno_eq(vri__instance_config_write(rig.inst, seen, param->offset, bytes,
							      param->len, &rig.why),
				   param->result);
		}
		expect(&rig, 0, 0, 30);
		expect(&rig, 31, 0, TOY_CONFIG_SIZE - 31);
		t_eq(rig.toy.written, 0);
		t_eq(rig.toy.conflicts, 0);
		/* Whole ones, also several, also the last bytes. */
		t_ok(put(&rig, generation_of(&rig), 8, 3, 12));
		t_ok(put(&rig, generation_of(&rig), 60, 3, 4));
		close_rig(&rig);
	}
}

/* What was changed while the device was suspended counts from when it is shown. */
Test(instance_config, a_change_that_waited_for_the_resume_is_a_conflict_too)
{
	uint32_t seen;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	rig.toy.conflict_result = -EAGAIN;
	seen = generation_of(&rig);
	write_status(&rig, RUN | VRI_STATUS_SUSPEND);
	change(&rig, 8, 4, 4);
	t_eq(generation_of(&rig), seen);
	write_status(&rig, RUN);
	t_errno_eq(put(&rig, seen, 8, 1, 4), -EAGAIN);
	t_ok(put(&rig, seen, 12, 1, 8));
	t_ok(put(&rig, generation_of(&rig), 8, 1, 4));
	close_rig(&rig);
}

/* Against a model: each byte has a value, and who set it when. */
Test(instance_config, any_order_of_reads_writes_and_changes_ends_as_the_model_says)
{
	uint8_t value[TOY_CONFIG_SIZE] = { 0 };
	uint32_t changed[TOY_CONFIG_SIZE], seen = 0, now;
	unsigned seed = 7, merged = 0, refused = 0;
	struct rig rig;

	open_fields(&rig, VRI_CONFIG_MERGE);
	rig.toy.conflict_result = -EAGAIN;
	now = generation_of(&rig);
	for (unsigned i = 0; i < TOY_CONFIG_SIZE; i++)
		changed[i] = now;
	for (int step = 0; step < 20000; step++) {
		const struct vri_config_field *field = &fields[(unsigned)rand_r(&seed) % N_FIELDS];
		uint8_t fresh = (uint8_t)(rand_r(&seed) % 5);
		bool conflict = false;

		switch (rand_r(&seed) % 4) {
		case 0:
			seen = generation_of(&rig);
			t_eq(seen, now);
			break;
		case 1: /* anywhere */
			t_ok(vri_instance_config_set(rig.inst, field->offset - 1 + fresh % 2,
						     &fresh, 1));
			now += 2;
			if (value[field->offset - 1 + fresh % 2] != fresh)
				changed[field->offset - 1 + fresh % 2] = now;
			value[field->offset - 1 + fresh % 2] = fresh;
			break;
		default:
			for (unsigned i = 0; i < field->size; i++)
				conflict |= changed[field->offset + i] > seen;
			t_eq(put(&rig, seen, field->offset, fresh, field->size),
			     conflict ? -EAGAIN : 0);
			refused += conflict;
			if (conflict)
				break;
			merged += seen != now;
			now += 2;
			memset(value + field->offset, fresh, field->size);
		}
	}
	t_gt(merged, 1000);
	t_gt(refused, 500);
	for (unsigned i = 0; i < TOY_CONFIG_SIZE; i++)
		expect(&rig, i, value[i], 1);
	close_rig(&rig);
}

/* ---- which fields there can be ---- */

struct bad_fields {
	const char *what;
	struct vri_config_field field[2];
	unsigned n;
};

static const struct bad_fields bad_fields[] = {
	{ "empty", { { 4, 0 } }, 1 },
	{ "past the end", { { 60, 5 } }, 1 },
	{ "behind the end", { { 64, 1 } }, 1 },
	{ "wrapping", { { UINT32_MAX, 2 } }, 1 },
	{ "overlapping", { { 4, 4 }, { 7, 2 } }, 2 },
	{ "twice", { { 4, 4 }, { 4, 4 } }, 2 },
};

TestEach(instance_config, fields_that_cannot_be_make_no_device, bad_fields, struct bad_fields)
{
	static const uint8_t bytes[TOY_CONFIG_SIZE];
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = TOY_TYPE,
		.device_id = TOY_ID,
		.config = bytes,
		.config_size = sizeof(bytes),
		.config_fields = param->field,
		.n_config_fields = param->n,
	};
	struct vri_device_ops ops = toy_ops;
	struct vri_device *dev;

	ops.release = NULL;
	t_errno_eq(vri_device_new(&info, &ops, NULL, &dev), -EINVAL);
	info.config_fields = NULL;
	t_errno_eq(vri_device_new(&info, &ops, NULL, &dev), -EINVAL);
	info.config_fields = fields;
	info.n_config_fields = N_FIELDS;
	info.config_writable = bytes; /* one way to say it, not two */
	t_errno_eq(vri_device_new(&info, &ops, NULL, &dev), -EINVAL);
	info.config_writable = NULL;
	info.config_race = (enum vri_config_race)2;
	t_errno_eq(vri_device_new(&info, &ops, NULL, &dev), -EINVAL);
	info.config_race = VRI_CONFIG_MERGE;
	t_ok(vri_device_new(&info, &ops, NULL, &dev));
	vri_device_unref(dev);
}
