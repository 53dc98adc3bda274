/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The toy device. */
#include "toy_device.h"

#include <string.h>

#include "test.h"

static struct toy *toy_of(const struct vri_instance *inst)
{
	return vri_device_data(vri_instance_device(inst));
}

static int attach(struct vri_instance *inst)
{
	struct toy *toy = toy_of(inst);

	if (toy->attach_result < 0)
		return toy->attach_result;
	toy->attached++;
	toy->inst = inst;
	return 0;
}

static void detach(struct vri_instance *inst)
{
	toy_of(inst)->detached++;
}

static int check_features(struct vri_instance *inst, const struct vri_features *acked)
{
	struct toy *toy = toy_of(inst);

	toy->checked++;
	toy->acked = *acked;
	return toy->check_result;
}

static int start(struct vri_instance *inst)
{
	struct toy *toy = toy_of(inst);

	toy->started++;
	return toy->start_result;
}

static void stop(struct vri_instance *inst)
{
	toy_of(inst)->stopped++;
}

static bool is_stopped(struct vri_instance *inst)
{
	return !toy_of(inst)->still_running;
}

static void copy(struct toy *toy, struct vri_devq *q, const struct vri_chain *chain)
{
	uint8_t buf[4096];
	size_t n = vri_chain_read(chain, 0, buf, sizeof(buf));

	n = vri_chain_write(chain, 0, buf, n);
	toy->last_push = vri_devq_push(q, chain, (uint32_t)n);
	toy->copied++;
}

static void hold(struct toy *toy, const struct vri_chain *chain, unsigned queue)
{
	t_lt(toy->n_held, TOY_HELD_MAX);
	toy->held[toy->n_held] = *chain;
	toy->held_queue[toy->n_held] = queue;
	toy->n_held++;
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct toy *toy = toy_of(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);

	toy->processed++;
	if (toy->comes_free)
		vri_instance_schedule(inst, queue);
	if (toy->process_result < 0)
		return toy->process_result;
	for (;;) {
		struct vri_chain chain = { .iov = toy->held_iov[toy->n_held % TOY_HELD_MAX],
					   .iov_max = 16 };
		int r = vri_devq_pop(q, &chain);

		if (r <= 0)
			return r;
		if (toy->hold)
			hold(toy, &chain, queue);
		else
			copy(toy, q, &chain);
		if (toy->one_a_turn)
			return 1;
	}
}

void toy_complete_held(struct toy *toy)
{
	for (unsigned i = 0; i < toy->n_held; i++) {
		struct vri_devq *q = vri_instance_devq(toy->inst, toy->held_queue[i]);

		if (q)
			copy(toy, q, &toy->held[i]);
		vri_instance_schedule(toy->inst, toy->held_queue[i]);
	}
	toy->n_held = 0;
}

static int config_written(struct vri_instance *inst, uint32_t offset, uint32_t len)
{
	struct toy *toy = toy_of(inst);

	toy->written++;
	toy->written_offset = offset;
	toy->written_len = len;
	return toy->written_result;
}

static int suspend(struct vri_instance *inst)
{
	struct toy *toy = toy_of(inst);

	toy->suspended++;
	return toy->suspend_result;
}

static bool is_suspended(struct vri_instance *inst)
{
	return !toy_of(inst)->still_busy;
}

static int resume(struct vri_instance *inst)
{
	struct toy *toy = toy_of(inst);

	toy->resumed++;
	return toy->resume_result;
}

static int config_conflict(struct vri_instance *inst, uint32_t offset, const void *buf,
			   uint32_t len)
{
	struct toy *toy = toy_of(inst);

	(void)offset;
	(void)buf;
	(void)len;
	toy->conflicts++;
	return toy->conflict_result;
}

static void release(struct vri_device *dev)
{
	struct toy *toy = vri_device_data(dev);

	toy->released++;
}

const struct vri_device_ops toy_ops = {
	.size = sizeof(toy_ops),
	.attach = attach,
	.detach = detach,
	.check_features = check_features,
	.start = start,
	.stop = stop,
	.is_stopped = is_stopped,
	.process = process,
	.config_written = config_written,
	.release = release,
	.suspend = suspend,
	.is_suspended = is_suspended,
	.resume = resume,
	.config_conflict = config_conflict,
};

struct vri_device *toy_device_new(struct toy *toy, const struct vri_device_info *given)
{
	struct vri_device_info info = { .size = sizeof(info) };
	uint8_t config[TOY_CONFIG_SIZE], writable[TOY_CONFIG_SIZE] = { 0 };
	struct vri_device *dev;

	if (given)
		info = *given;
	for (unsigned i = 0; i < TOY_CONFIG_SIZE; i++)
		config[i] = (uint8_t)i;
	memset(writable + TOY_WRITABLE_FIRST, 1, TOY_WRITABLE_END - TOY_WRITABLE_FIRST);
	if (!info.type)
		info.type = TOY_TYPE;
	if (!info.device_id)
		info.device_id = TOY_ID;
	if (!info.config) {
		info.config = config;
		info.config_size = sizeof(config);
		info.config_writable = writable;
	}
	t_ok(vri_device_new(&info, &toy_ops, toy, &dev));
	return dev;
}
