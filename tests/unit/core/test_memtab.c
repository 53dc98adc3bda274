/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The memory table. */

#include <errno.h>
#include <pthread.h>

#include <vring-ipc/memory.h>

#include "core/memtab.h"
#include "test.h"

static uint8_t region[8192], extra[4096];
static struct vri_mem *mem;

/* Entry 0: 8 KiB at 0, buffers in its upper half. A second one: 4 KiB that the device may only read. */
static void init(void)
{
	struct mem_entry e0 = {
		.iova = 0,
		.size = sizeof(region),
		.va = region,
		.access = VRI_ACCESS_READ_WRITE,
		.window_offset = 4096,
		.window_size = 4096,
	};
	struct mem_entry e1 = {
		.iova = 0x100000,
		.size = sizeof(extra),
		.va = extra,
		.access = VRI_ACCESS_READ,
		.window_size = sizeof(extra),
	};

	t_ok(vri__mem_new(&mem));
	t_ok(vri__mem_add(mem, &e0));
	t_ok(vri__mem_add(mem, &e1));
}

static void fini(void)
{
	vri__mem_free(mem);
}

static void *translate(uint64_t iova, uint64_t len, unsigned access, bool *ret_denied)
{
	unsigned hint = 0;

	return vri__mem_translate(mem, &hint, iova, len, access, ret_denied);
}

struct place {
	const char *what;
	uint64_t iova, len;
	void *va; /* NULL: refused */
};

static const struct place places[] = {
	{ "all of the window", 4096, 4096, region + 4096 },
	{ "its first byte", 4096, 1, region + 4096 },
	{ "its last byte", 8191, 1, region + 8191 },
	{ "up to its end", 8000, 192, region + 8000 },
	{ "one byte past its end", 8000, 193, NULL },
	{ "after its end", 8192, 1, NULL },
	{ "one byte before it", 4095, 2, NULL },
	{ "in front of it", 0, 1, NULL },
	{ "nothing", 5000, 0, NULL },
	{ "length wraps", 5000, UINT64_MAX, NULL },
	{ "sum wraps to inside", 5000, UINT64_MAX - 100, NULL },
	{ "address near the top", UINT64_MAX, 1, NULL },
	{ "address near the top wraps", UINT64_MAX - 1, 4096, NULL },
	{ "between entries", 0x50000, 1, NULL },
	{ "the other entry", 0x100000, 4096, extra },
	{ "past the other entry", 0x100000, 4097, NULL },
};

/* faults: A5 A6 A7 A13 */
TestEach(memtab, a_buffer_is_inside_of_one_window_or_refused, places, struct place, .init = init,
	 .fini = fini)
{
	t_ptr_eq(translate(param->iova, param->len, VRI_ACCESS_READ, NULL), param->va);
}

Test(memtab, wrong_direction_is_told_from_a_wrong_place, .init = init, .fini = fini)
{
	bool denied = false;

	t_null(translate(0x100000, 16, VRI_ACCESS_WRITE, &denied));
	t_true(denied);
	t_null(translate(0x200000, 16, VRI_ACCESS_WRITE, &denied));
	t_false(denied);
	t_not_null(translate(0x100000, 16, VRI_ACCESS_READ, &denied));
}

Test(memtab, hint_follows_what_matched, .init = init, .fini = fini)
{
	unsigned hint = 0;

	t_ptr_eq(vri__mem_translate(mem, &hint, 0x100010, 1, VRI_ACCESS_READ, NULL), extra + 16);
	t_eq(hint, 1);
	t_ptr_eq(vri__mem_translate(mem, &hint, 4096, 1, VRI_ACCESS_READ, NULL), region + 4096);
	t_eq(hint, 0);
}

Test(memtab, iova_is_the_way_back, .init = init, .fini = fini)
{
	unsigned hint = 0;
	uint64_t iova = 1;

	iova = vri__mem_iova(mem, &hint, extra + 7, 9, VRI_ACCESS_READ);
	t_eq(iova, 0x100007);
	iova = vri__mem_iova(mem, &hint, region + 4096, 4096, VRI_ACCESS_WRITE);
	t_eq(iova, 4096);
	iova = 77;
	t_eq(vri__mem_iova(mem, &hint, region + 4096, 4097, VRI_ACCESS_WRITE), MEM_NO_IOVA);
	t_eq(vri__mem_iova(mem, &hint, region, 16, VRI_ACCESS_READ), MEM_NO_IOVA);
	t_eq(vri__mem_iova(mem, &hint, extra, 16, VRI_ACCESS_WRITE), MEM_NO_IOVA);
	t_eq(vri__mem_iova(mem, &hint, region + 4096, 0, VRI_ACCESS_READ), MEM_NO_IOVA);
	t_eq(vri__mem_iova(mem, &hint, &hint, 1, VRI_ACCESS_READ), MEM_NO_IOVA);
	t_eq(iova, 77);
}

/* proves: drv:2.7/1 */
Test(memtab, ring_areas_may_lie_anywhere_aligned, .init = init, .fini = fini)
{
	static _Alignas(16) uint8_t rings[4096];
	struct mem_entry e = {
		.iova = 0x300000,
		.size = sizeof(rings),
		.va = rings,
		.access = VRI_ACCESS_READ_WRITE,
	};

	t_ok(vri__mem_add(mem, &e));
	t_ptr_eq(vri__mem_translate_ring(mem, 0x300010, 256, 16), rings + 16);
	t_ptr_eq(vri__mem_translate_ring(mem, 0x300000, 4096, 16), rings);
	t_null(vri__mem_translate_ring(mem, 0x300008, 256, 16));
	t_null(vri__mem_translate_ring(mem, 0x300000, 4097, 16));
	t_null(vri__mem_translate_ring(mem, 0x300000, 0, 16));
	t_null(vri__mem_translate_ring(mem, UINT64_MAX - 15, 256, 16));
	/* A window of no bytes holds no buffer. */
	t_null(translate(0x300000, 1, VRI_ACCESS_READ, NULL));
}

struct bad_entry {
	const char *what;
	struct mem_entry entry;
};

static const struct bad_entry bad_entries[] = {
	{ "empty", { .iova = 0x500000, .size = 0, .va = extra, .access = 3 } },
	{ "wraps", { .iova = UINT64_MAX - 10, .size = 4096, .va = extra, .access = 3 } },
	{ "no memory", { .iova = 0x500000, .size = 4096, .va = NULL, .access = 3 } },
	{ "no access", { .iova = 0x500000, .size = 4096, .va = extra, .access = 0 } },
	{ "strange access", { .iova = 0x500000, .size = 4096, .va = extra, .access = 5 } },
	{ "the same", { .iova = 0, .size = 8192, .va = extra, .access = 3 } },
	{ "overlaps the end", { .iova = 8191, .size = 4096, .va = extra, .access = 3 } },
	{ "overlaps the start", { .iova = 0xff001, .size = 4096, .va = extra, .access = 3 } },
	{ "window outside",
	  { .iova = 0x500000, .size = 4096, .va = extra, .access = 3, .window_offset = 4097 } },
	{ "window too long",
	  { .iova = 0x500000,
	    .size = 4096,
	    .va = extra,
	    .access = 3,
	    .window_offset = 4096,
	    .window_size = 1 } },
	{ "window wraps",
	  { .iova = 0x500000,
	    .size = 4096,
	    .va = extra,
	    .access = 3,
	    .window_offset = 16,
	    .window_size = UINT64_MAX } },
};

TestEach(memtab, bad_entries_are_refused, bad_entries, struct bad_entry, .init = init, .fini = fini)
{
	t_errno_eq(vri__mem_add(mem, &param->entry), -EINVAL);
}

Test(memtab, removed_entry_matches_nothing_and_comes_back_whole, .init = init, .fini = fini)
{
	struct mem_entry e;

	t_ok(vri__mem_remove(mem, 0x100000, &e));
	t_eq(e.size, sizeof(extra));
	t_ptr_eq(e.va, extra);
	t_null(translate(0x100000, 1, VRI_ACCESS_READ, NULL));
	t_errno_eq(vri__mem_remove(mem, 0x100000, &e), -EINVAL);
	t_errno_eq(vri__mem_remove(mem, 0x1, &e), -EINVAL);
	t_ok(vri__mem_add(mem, &e));
	t_ptr_eq(translate(0x100000, 1, VRI_ACCESS_READ, NULL), extra);
}

Test(memtab, table_fills_up_and_walks, .init = init, .fini = fini)
{
	unsigned n = 0;
	struct mem_entry e = {
		.size = 16,
		.va = extra,
		.access = VRI_ACCESS_READ,
		.window_size = 16,
	};

	for (unsigned i = 2; i < MEM_ENTRIES_MAX; i++) {
		e.iova = 0x1000000ull + 4096 * i;
		t_ok(vri__mem_add(mem, &e));
	}
	e.iova = 0x9000000;
	t_errno_eq(vri__mem_add(mem, &e), -ENOSPC);
	for (; vri__mem_entry(mem, n) != NULL; n++)
		;
	t_eq(n, MEM_ENTRIES_MAX);
	t_ok(vri__mem_remove(mem, 0, &e));
	t_null(vri__mem_entry(mem, MEM_ENTRIES_MAX - 1));
	t_eq(vri__mem_entry(mem, 0)->iova, 0x100000);
}

/* ---- one thread adds and removes, another translates ---- */

static int stop;

static void *translate_all_the_time(void *arg)
{
	unsigned hint = 0;
	uintptr_t wrong = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		/* The entry that never goes away is always found ... */
		if (vri__mem_translate(mem, &hint, 4096, 64, VRI_ACCESS_READ, NULL) !=
		    region + 4096)
			wrong++;
		/* ... the other two only as a whole: 0x700000 is always in extra, 0x800000 in
		 * region, whichever slot they take. */
		void *a = vri__mem_translate(mem, &hint, 0x700000, 64, VRI_ACCESS_READ, NULL);
		void *b = vri__mem_translate(mem, &hint, 0x800000, 64, VRI_ACCESS_READ, NULL);

		if ((a != NULL && a != extra) || (b != NULL && b != region))
			wrong++;
	}
	return (void *)wrong;
}

Test(memtab, entries_come_and_go_under_a_reader, .init = init, .fini = fini)
{
	struct mem_entry a = {
		.iova = 0x700000,
		.size = 4096,
		.va = extra,
		.access = VRI_ACCESS_READ,
		.window_size = 4096,
	};
	struct mem_entry b = {
		.iova = 0x800000,
		.size = 64,
		.va = region,
		.access = VRI_ACCESS_READ_WRITE,
		.window_size = 64,
	};
	struct mem_entry e;
	pthread_t reader;
	void *wrong;

	t_eq(pthread_create(&reader, NULL, translate_all_the_time, NULL), 0);
	for (unsigned i = 0; i < 20000; i++) {
		t_ok(vri__mem_add(mem, &a));
		t_ok(vri__mem_remove(mem, a.iova, &e));
		t_ok(vri__mem_add(mem, &b));
		t_ok(vri__mem_remove(mem, b.iova, &e));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	t_eq(pthread_join(reader, &wrong), 0);
	t_null(wrong);
}
