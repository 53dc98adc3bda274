/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rig of the tests of instances. */
#include "instance_rig.h"

#include <endian.h>
#include <string.h>

#include "test.h"

void open_rig_of(struct rig *rig, const struct vri_device_info *given)
{
	struct vri_device_info info = { .size = sizeof(info) };
	struct region_plan plan = {
		.n_queues = N_QUEUES,
		.queue_size = QUEUE_SIZE,
		.config_size = TOY_CONFIG_SIZE,
		.pool_size = 65536,
	};

	memset(rig, 0, sizeof(*rig));
	if (given)
		info = *given;
	info.n_queues = N_QUEUES;
	info.queue_size_max = 2 * QUEUE_SIZE;
	rig->dev = toy_device_new(&rig->toy, &info);
	mock_region_init(&rig->region, &plan);
	t_ok(vri__instance_new(rig->dev, &mock_instance_transport, &rig->link, rig->region.mem,
			       rig->region.base, &rig->region.map, &rig->inst));
	t_ok(vri__pool_new(rig->region.base + rig->region.map.pool.offset, 65536, &rig->pool));
}

void open_rig(struct rig *rig)
{
	open_rig_of(rig, NULL);
}

void close_rig(struct rig *rig)
{
	vri__drvq_free(rig->q);
	vri__pool_free_all(rig->pool);
	if (rig->inst)
		vri__instance_detach(rig->inst);
	t_eq(rig->link.released, 1);
	t_eq(rig->toy.detached, 1);
	mock_region_fini(&rig->region);
	vri_device_unref(rig->dev);
	t_eq(rig->toy.released, 1);
}

uint8_t write_status(struct rig *rig, uint8_t status)
{
	uint8_t seen = 0;

	t_ok(vri__instance_set_status(rig->inst, status, &seen, &rig->why));
	t_eq(le32toh(mock_region_device(&rig->region)->status), seen);
	return seen;
}

struct vri_features default_set(void)
{
	struct vri_features set;

	vri_features_default(&set);
	vri_features_clear(&set, VRI_F_RING_PACKED); /* the region is laid out for split rings */
	return set;
}

void negotiate(struct rig *rig)
{
	struct vri_features set = default_set();

	t_eq(write_status(rig, ACK), ACK);
	t_eq(write_status(rig, ACK | DRV), ACK | DRV);
	t_ok(vri__instance_set_features(rig->inst, &set, &rig->why));
	t_eq(write_status(rig, ACK | DRV | FOK), ACK | DRV | FOK);
}

int set_queue(struct rig *rig, unsigned queue)
{
	struct queue_params params = mock_region_queue(&rig->region, queue, QUEUE_SIZE);

	return vri__instance_set_queue(rig->inst, &params, &rig->why);
}

void start(struct rig *rig)
{
	negotiate(rig);
	for (unsigned i = 0; i < N_QUEUES; i++)
		t_ok(set_queue(rig, i));
	t_eq(write_status(rig, ACK | DRV | FOK | DOK), ACK | DRV | FOK | DOK);
}

void drive(struct rig *rig, unsigned queue)
{
	struct queue_params params = mock_region_queue(&rig->region, queue, QUEUE_SIZE);
	struct queue_setup setup = {
		.index = queue,
		.size = QUEUE_SIZE,
		.features = default_set(),
		.desc = rig->region.base + params.desc,
		.driver = rig->region.base + params.driver,
		.device = rig->region.base + params.device,
		.mem = rig->region.mem,
		.ops = &mock_queue_ops,
		.ctx = &rig->kicks,
	};

	vri__drvq_free(rig->q);
	t_ok(vri__drvq_new(&setup, &rig->q));
}

void add(struct rig *rig)
{
	void *buffer = vri_pool_alloc(rig->pool, 64);
	struct iovec out = { .iov_base = buffer, .iov_len = 32 };
	struct iovec in = { .iov_base = (uint8_t *)buffer + 32, .iov_len = 32 };

	t_not_null(buffer);
	t_ok(vri_drvq_add(rig->q, &out, 1, &in, 1, buffer));
	t_ok(vri_drvq_kick(rig->q));
}

unsigned collect(struct rig *rig)
{
	unsigned n = 0;
	uint32_t len;
	void *token;

	while (vri_drvq_get_used(rig->q, &token, &len) == 1) {
		vri_pool_free(rig->pool, token);
		n++;
	}
	return n;
}
