/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The generation counter of the config space. */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/config.h"
#include "core/region_access.h"
#include "test.h"

#define SIZE 96

struct rig {
	struct config_space config;
	_Alignas(8) uint8_t shared[SIZE];
	uint32_t generation;
};

static void rig_init(struct rig *rig)
{
	uint8_t initial[SIZE];

	memset(rig, 0, sizeof(*rig));
	for (unsigned i = 0; i < SIZE; i++)
		initial[i] = (uint8_t)i;
	t_ok(vri__config_init(&rig->config, initial, SIZE, rig->shared, &rig->generation));
}

Test(config, starts_published_with_an_even_generation)
{
	struct rig rig;
	uint8_t seen[SIZE];
	uint32_t generation;

	rig_init(&rig);
	t_eq(le32toh(rig.generation) % 2, 0);
	t_ok(vri__config_snapshot(rig.shared, &rig.generation, 0, seen, SIZE, &generation));
	t_eq(generation, rig.config.generation);
	t_mem_eq(seen, rig.config.bytes, SIZE);
	vri__config_fini(&rig.config);
}

/* proves: shm:gen/1 */
Test(config, each_change_moves_the_generation_on_by_two)
{
	struct rig rig;
	uint32_t before;

	rig_init(&rig);
	before = le32toh(rig.generation);
	rig.config.bytes[3] = 99;
	vri__config_publish(&rig.config, 3, 1);
	t_eq(le32toh(rig.generation), before + 2);
	t_eq(rig.shared[3], 99);
	vri__config_fini(&rig.config);
}

/* proves: shm:gen/1 */
Test(config, the_generation_wraps_without_becoming_odd)
{
	struct rig rig;

	rig_init(&rig);
	rig.config.generation = UINT32_MAX - 1;
	vri__config_publish(&rig.config, 0, 1);
	t_eq(rig.generation, 0);
	vri__config_fini(&rig.config);
}

/* faults: B15 */
Test(config, a_reader_gives_up_on_a_generation_that_stays_odd)
{
	struct rig rig;
	uint8_t seen[SIZE];
	uint32_t generation = 77;

	rig_init(&rig);
	rig.generation |= htole32(1);
	t_errno_eq(vri__config_snapshot(rig.shared, &rig.generation, 0, seen, SIZE, &generation),
		   -EAGAIN);
	t_eq(generation, 77);
	vri__config_fini(&rig.config);
}

struct range_case {
	uint32_t offset, len;
	bool inside;
};

static const struct range_case ranges[] = {
	{ 0, 0, true },		  { 0, SIZE, true },
	{ SIZE, 0, true },	  { SIZE - 1, 1, true },
	{ 0, SIZE + 1, false },	  { SIZE, 1, false },
	{ SIZE + 1, 0, false },	  { UINT32_MAX, 1, false },
	{ 1, UINT32_MAX, false }, { UINT32_MAX, UINT32_MAX, false },
};

TestEach(config, a_range_is_inside_or_not, ranges, struct range_case)
{
	t_eq(vri__config_is_inside(SIZE, param->offset, param->len), param->inside);
}

Test(config, any_piece_at_any_alignment_is_copied_whole)
{
	struct rig rig;
	uint8_t seen[SIZE];
	uint32_t generation;

	rig_init(&rig);
	for (uint32_t offset = 0; offset < 16; offset++)
		for (uint32_t len = 1; len < 24; len++) {
			memset(seen, 0xee, sizeof(seen));
			t_ok(vri__config_snapshot(rig.shared, &rig.generation, offset, seen, len,
						  &generation));
			t_mem_eq(seen, rig.config.bytes + offset, len);
			t_eq(seen[len], 0xee);
		}
	vri__config_fini(&rig.config);
}

struct race {
	struct rig rig;
	_Atomic bool over;
};

static void *change(void *data)
{
	struct race *race = data;

	for (uint8_t value = 1; !atomic_load(&race->over); value++) {
		memset(race->rig.config.bytes, value, SIZE);
		vri__config_publish(&race->rig.config, 0, SIZE);
	}
	return NULL;
}

/* proves: shm:gen/1 drv:2.5/1 */
Test(config, no_reader_ever_sees_a_mix)
{
	static struct race race;
	pthread_t thread;
	unsigned good = 0;

	rig_init(&race.rig);
	memset(race.rig.config.bytes, 0, SIZE);
	vri__config_publish(&race.rig.config, 0, SIZE);
	t_eq(pthread_create(&thread, NULL, change, &race), 0);
	for (int i = 0; i < 2000000 && good < 20000; i++) {
		uint8_t seen[SIZE];
		uint32_t generation;

		if (vri__config_snapshot(race.rig.shared, &race.rig.generation, 0, seen, SIZE,
					 &generation) < 0)
			continue;
		good++;
		for (unsigned k = 1; k < SIZE; k++)
			t_eq(seen[k], seen[0]);
	}
	atomic_store(&race.over, true);
	pthread_join(thread, NULL);
	t_gt(good, 0);
	vri__config_fini(&race.rig.config);
}

/* Fields that somebody else changes all the time, each whole, from all bits to none and back. */
struct fields {
	_Alignas(8) uint8_t bytes[8];
	_Atomic bool over;
};

static void *flip_fields(void *data)
{
	struct fields *fields = data;
	const uint64_t none = 0, all = UINT64_MAX;

	while (!atomic_load(&fields->over)) {
		config_store(fields->bytes, &all, 4);
		config_store(fields->bytes + 4, &all, 2);
		config_store(fields->bytes, &none, 4);
		config_store(fields->bytes + 4, &none, 2);
	}
	return NULL;
}

/* An aligned field of 32 or 16 bits is read and written whole: what one side stores, the other sees, and no mix. Goes on
 * until it has seen many changes, or for a while where the two threads hardly ever run at once.
 * proves: shm:width/1 */
Test(config, an_aligned_field_is_never_torn)
{
	static struct fields fields;
	time_t end = time(NULL) + 10;
	unsigned changes = 0;
	uint32_t last = 0;
	pthread_t thread;

	t_eq(pthread_create(&thread, NULL, flip_fields, &fields), 0);
	for (unsigned i = 1; changes < 20000 && (i % 65536 != 0 || time(NULL) < end); i++) {
		uint32_t word;
		uint16_t half;

		config_load(&word, fields.bytes, sizeof(word));
		config_load(&half, fields.bytes + 4, sizeof(half));
		if (word != 0 && word != UINT32_MAX)
			t_fail("half a store of 32 bits: %08x", word);
		if (half != 0 && half != UINT16_MAX)
			t_fail("half a store of 16 bits: %04x", half);
		changes += word != last;
		last = word;
	}
	atomic_store(&fields.over, true);
	pthread_join(thread, NULL);
}
