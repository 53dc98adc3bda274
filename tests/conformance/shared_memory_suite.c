/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Shared memory regions: found, mapped, used from both sides, kept apart, kept over a reset. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/vring-ipc.h>

#include "harness.h"
#include "shared_dev.h"
#include "test.h"

#define PATIENCE_MS 30000

struct rig {
	struct harness h;
	struct vri_link *link;
	struct vri_driver *drv;
};

static void rig_begin(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	harness_begin(&rig->h, harness_transport());
	harness_serve(&rig->h, "shared", "");
	rig->link = harness_link(&rig->h, NULL);
	rig->drv = vri_link_driver(rig->link);
}

static void rig_end(struct rig *rig)
{
	vri_link_close(rig->link);
	harness_end(&rig->h);
}

static uint8_t *map(struct vri_driver *drv, uint8_t id)
{
	void *base;

	t_ok(vri_driver_map_shared_memory(drv, id, &base, NULL));
	return base;
}

/* One buffer there and back. */
static void ask(struct vri_driver *drv)
{
	struct vri_drvq *q = vri_driver_drvq(drv, 0);
	struct iovec piece = { vri_pool_alloc(vri_driver_pool(drv), 16), 16 };
	uint32_t len;
	void *token;

	t_not_null(piece.iov_base);
	t_ok(vri_drvq_add(q, &piece, 1, NULL, 0, drv));
	t_ok(vri_drvq_kick(q));
	t_eq(vri_drvq_wait(q, PATIENCE_MS), 1);
	t_eq(vri_drvq_get_used(q, &token, &len), 1);
	vri_pool_free(vri_driver_pool(drv), piece.iov_base);
}

static uint32_t count_in(const uint8_t *common)
{
	uint32_t n;

	memcpy(&n, common, sizeof(n));
	return le32toh(n);
}

Test(shared_memory, the_driver_finds_what_is_offered)
{
	struct vri_shared_memory shared[4] = { { 0 } };
	uint64_t size;
	void *base;
	struct rig rig;

	rig_begin(&rig);
	t_eq(vri_driver_list_shared_memory(rig.drv, NULL, 0), 3);
	t_eq(vri_driver_list_shared_memory(rig.drv, shared, 2), 3);
	t_eq(shared[2].size, 0);
	t_eq(vri_driver_list_shared_memory(rig.drv, shared, 4), 3);
	t_eq(shared[0].id, SHARED_RESULT);
	t_eq(shared[0].size, 4096);
	t_false(shared[0].writable);
	t_eq(shared[1].id, SHARED_WORK);
	t_true(shared[1].writable);
	t_eq(shared[2].id, SHARED_COMMON);
	t_errno_eq(vri_driver_map_shared_memory(rig.drv, 0, &base, &size), -ENOENT);
	t_errno_eq(vri_driver_map_shared_memory(rig.drv, 255, &base, &size), -ENOENT);
	t_ok(vri_driver_map_shared_memory(rig.drv, SHARED_WORK, &base, &size));
	t_eq(size, 65536);
	rig_end(&rig);
}

Test(shared_memory, each_side_sees_what_the_other_writes)
{
	uint8_t *work, *result;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	work = map(rig.drv, SHARED_WORK);
	result = map(rig.drv, SHARED_RESULT);
	for (unsigned round = 0; round < 20; round++) {
		memset(work, (int)round, 4096);
		ask(rig.drv);
		for (unsigned i = 0; i < 4096; i++)
			t_eq(result[i], round + 1);
	}
	rig_end(&rig);
}

Test(shared_memory, begins_as_zeroes_and_can_be_mapped_before_the_start)
{
	uint8_t zeroes[4096] = { 0 };
	struct rig rig;

	rig_begin(&rig);
	t_mem_eq(map(rig.drv, SHARED_WORK), zeroes, 4096);
	t_mem_eq(map(rig.drv, SHARED_RESULT), zeroes, 4096);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	map(rig.drv, SHARED_WORK)[0] = 9;
	ask(rig.drv);
	t_eq(map(rig.drv, SHARED_RESULT)[0], 10);
	rig_end(&rig);
}

Test(shared_memory, what_is_not_writable_cannot_be_made_so)
{
	struct rig rig;

	rig_begin(&rig);
	t_eq(mprotect(map(rig.drv, SHARED_RESULT), 4096, PROT_READ | PROT_WRITE), -1);
	t_eq(mprotect(map(rig.drv, SHARED_COMMON), 8192, PROT_READ | PROT_WRITE), -1);
	rig_end(&rig);
}

Test(shared_memory, a_second_map_is_the_first_and_unmap_ends_both)
{
	uint8_t *work;
	struct rig rig;

	rig_begin(&rig);
	t_errno_eq(vri_driver_unmap_shared_memory(rig.drv, SHARED_WORK), -EINVAL);
	work = map(rig.drv, SHARED_WORK);
	t_ptr_eq(map(rig.drv, SHARED_WORK), work);
	work[65535] = 77;
	t_ok(vri_driver_unmap_shared_memory(rig.drv, SHARED_WORK));
	t_errno_eq(vri_driver_unmap_shared_memory(rig.drv, SHARED_WORK), -EINVAL);
	t_errno_eq(vri_driver_unmap_shared_memory(rig.drv, 99), -EINVAL);
	t_eq(map(rig.drv, SHARED_WORK)[65535], 77);
	rig_end(&rig);
}

/* The device's regions are not part of what a reset resets. */
Test(shared_memory, mappings_and_contents_outlive_a_reset)
{
	uint8_t *work, *result;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	work = map(rig.drv, SHARED_WORK);
	result = map(rig.drv, SHARED_RESULT);
	work[5] = 50;
	ask(rig.drv);
	t_ok(vri_driver_reset(rig.drv));
	t_eq(result[5], 51);
	t_ptr_eq(map(rig.drv, SHARED_WORK), work);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	work[5] = 60;
	ask(rig.drv);
	t_eq(result[5], 61);
	rig_end(&rig);
}

Test(shared_memory, links_have_their_own_but_for_what_is_common)
{
	struct vri_link *link;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	link = harness_link(&rig.h, NULL);
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	map(rig.drv, SHARED_WORK)[0] = 1;
	map(vri_link_driver(link), SHARED_WORK)[0] = 2;
	ask(rig.drv);
	ask(vri_link_driver(link));
	ask(rig.drv);
	t_eq(map(rig.drv, SHARED_RESULT)[0], 2);
	t_eq(map(vri_link_driver(link), SHARED_RESULT)[0], 3);
	t_eq(count_in(map(rig.drv, SHARED_COMMON)), 3);
	t_eq(count_in(map(vri_link_driver(link), SHARED_COMMON)), 3);
	vri_link_close(link);
	rig_end(&rig);
}

/* A region is neither the link's region nor a place for buffers.
 * proves: dev:2.10/1 */
Test(shared_memory, nothing_that_controls_the_device_or_carries_its_data_is_in_it)
{
	struct vri_inspect_link *seen;
	struct vri_inspect *insp;
	char address[64];
	struct iovec piece;
	struct rig rig;

	rig_begin(&rig);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	piece = (struct iovec){ map(rig.drv, SHARED_WORK), 16 };
	t_errno_eq(vri_drvq_add(vri_driver_drvq(rig.drv, 0), &piece, 1, NULL, 0, &rig), -EINVAL);
	t_errno_eq(vri_drvq_add(vri_driver_drvq(rig.drv, 0), NULL, 0, &piece, 1, &rig), -EINVAL);
	/* The whole region overwritten: the queues and the config space do not notice. */
	memset(piece.iov_base, 0xff, 65536);
	ask(rig.drv);
	t_eq(map(rig.drv, SHARED_RESULT)[0], 0);
	/* And what there is, is shown. */
	snprintf(address, sizeof(address), "pid:%d/%s", (int)getpid(), vri_link_id(rig.link));
	t_ok(vri_inspect_open(&insp, address, NULL, 0));
	seen = calloc(1, sizeof(*seen));
	t_not_null(seen);
	seen->size = sizeof(*seen);
	t_ok(vri_inspect_get_link(insp, seen));
	t_eq(seen->n_shared_memory, 3);
	t_eq(seen->shared_memory[0].id, SHARED_RESULT);
	t_eq(seen->shared_memory[0].size, 4096);
	t_false(seen->shared_memory[0].writable);
	t_false(seen->shared_memory[0].common);
	t_eq(seen->shared_memory[1].id, SHARED_WORK);
	t_true(seen->shared_memory[1].writable);
	t_eq(seen->shared_memory[2].size, 8192);
	t_true(seen->shared_memory[2].common);
	free(seen);
	vri_inspect_close(insp);
	rig_end(&rig);
}

/* The device goes; what it shared stays readable until the link is closed. */
Test(shared_memory, a_mapping_outlives_the_device)
{
	uint8_t *work;
	void *base;
	struct rig rig;

	rig_begin(&rig);
	if (rig.h.in_process) {
		rig_end(&rig);
		t_skip("the device is in this process");
	}
	work = map(rig.drv, SHARED_WORK);
	work[0] = 1;
	harness_stop(&rig.h);
	while (vri_link_wait(rig.link, PATIENCE_MS) != -ECONNRESET)
		;
	work[65535] = 2;
	t_eq(work[0], 1);
	t_ptr_eq(map(rig.drv, SHARED_WORK), work);
	t_errno_eq(vri_driver_map_shared_memory(rig.drv, SHARED_RESULT, &base, NULL), -ECONNRESET);
	rig_end(&rig);
}
