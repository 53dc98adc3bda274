/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Shared memory regions: what a device may offer, and that their memory is what was promised. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/device.h>

#include "core/shared_memory.h"
#include "leaks.h"
#include "test.h"
#include "util/memfd.h"

#define MANY (VRI_SHARED_MEMORY_MAX + 1)

struct offer_case {
	unsigned n;
	struct vri_shared_memory shared[3];
};

static const struct offer_case bad_offers[] = {
	{ 1, { { .size = 0 } } },
	{ 1, { { .size = 4095 } } },
	{ 1, { { .size = 4097 } } },
	{ 1, { { .size = (1ull << 40) + 4096 } } },
	{ 1, { { .size = ~0ull - 4095 } } },
	{ 2, { { .size = 4096, .id = 3 }, { .size = 8192, .id = 3 } } },
	{ 3, { { .size = 4096, .id = 3 }, { .size = 8192, .id = 4 }, { .size = 8192, .id = 3 } } },
	{ 1, { { .size = 4096, .writable = true, .common = true } } },
};

TestEach(shared_regions, an_offer_that_cannot_be_is_refused, bad_offers, struct offer_case)
{
	const struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.shared",
		.device_id = VRI_ID_LOCAL_FIRST,
		.shared_memory = param->shared,
		.n_shared_memory = param->n,
	};
	struct vri_device *dev;

	t_not_null(vri__shared_memory_check(param->shared, param->n));
	t_errno_eq(vri_device_new(&info, NULL, NULL, &dev), -EINVAL);
}

Test(shared_regions, as_many_as_there_may_be_can_be_offered)
{
	struct vri_shared_memory shared[MANY] = { { 0 } };
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.shared",
		.device_id = VRI_ID_LOCAL_FIRST,
		.shared_memory = shared,
		.n_shared_memory = VRI_SHARED_MEMORY_MAX,
	};
	struct vri_device *dev;
	struct leaks leaks;

	leaks_begin(&leaks);
	for (unsigned i = 0; i < MANY; i++)
		shared[i] = (struct vri_shared_memory){ .size = 4096,
							.id = (uint8_t)(250 - i),
							.common = i % 2 };
	t_ok(vri_device_new(&info, NULL, NULL, &dev));
	vri_device_unref(dev);
	info.n_shared_memory = MANY;
	t_errno_eq(vri_device_new(&info, NULL, NULL, &dev), -EINVAL);
	info.shared_memory = NULL;
	info.n_shared_memory = 1;
	t_errno_eq(vri_device_new(&info, NULL, NULL, &dev), -EINVAL);
	leaks_check(&leaks);
}

Test(shared_regions, an_id_is_found_where_it_is)
{
	static const struct vri_shared_memory shared[] = { { .id = 0 },
							   { .id = 255 },
							   { .id = 7 } };

	t_eq(vri__shared_memory_find(shared, 3, 0), 0);
	t_eq(vri__shared_memory_find(shared, 3, 255), 1);
	t_eq(vri__shared_memory_find(shared, 3, 7), 2);
	t_eq(vri__shared_memory_find(shared, 3, 8), 3);
	t_eq(vri__shared_memory_find(shared, 2, 7), 2);
}

Test(shared_regions, what_is_not_writable_can_be_written_by_its_maker_alone)
{
	static const struct vri_shared_memory shared = { .size = 8192 };
	struct shared_memory m;
	struct leaks leaks;
	const char *why;
	uint8_t *mine;
	uint8_t *seen;

	leaks_begin(&leaks);
	t_ok(vri__shared_memory_make(&m, &shared));
	t_ok(memfd_check(m.fd, 0, 8192, true, &why));
	t_true(memfd_has_pages(m.fd, 8192));
	t_false(memfd_has_pages(m.fd, 8193));
	t_true(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0) == MAP_FAILED);
	t_eq(write(m.fd, "x", 1), -1);
	t_eq(fallocate(m.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	t_eq(ftruncate(m.fd, 4096), -1);
	seen = mmap(NULL, 8192, PROT_READ, MAP_SHARED, m.fd, 0);
	t_true(seen != MAP_FAILED);
	mine = shm_payload(m.base);
	mine[8191] = 5;
	t_eq(seen[8191], 5);
	munmap(seen, 8192);
	vri__shared_memory_free(&m);
	vri__shared_memory_free(&m);
	leaks_check(&leaks);
}

Test(shared_regions, what_is_writable_can_be_mapped_so_and_no_more)
{
	static const struct vri_shared_memory shared = { .size = 8192, .writable = true };
	struct shared_memory m;
	const char *why;
	uint8_t *mine;
	uint8_t *theirs;

	t_ok(vri__shared_memory_make(&m, &shared));
	t_ok(memfd_check(m.fd, 0, 8192, true, &why));
	t_eq(ftruncate(m.fd, 4096), -1);
	t_eq(ftruncate(m.fd, 12288), -1);
	theirs = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	t_true(theirs != MAP_FAILED);
	theirs[0] = 7;
	mine = shm_payload(m.base);
	t_eq(mine[0], 7);
	munmap(theirs, 8192);
	vri__shared_memory_free(&m);
}

Test(shared_regions, more_than_the_machine_has_is_refused)
{
	static const struct vri_shared_memory shared[] = {
		{ .size = 1ull << 40 }, { .size = 1ull << 40, .writable = true }
	};
	struct shared_memory m;

	for (unsigned i = 0; i < 2; i++) {
		t_errno_eq(vri__shared_memory_make(&m, &shared[i]), -ENOMEM);
		t_null(m.base);
		vri__shared_memory_free(&m);
	}
}
