/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device with shared memory regions. */
#include "shared_dev.h"

#include <endian.h>
#include <string.h>

static void work(struct vri_instance *inst)
{
	const uint8_t *from = vri_instance_shared_memory(inst, SHARED_WORK, NULL);
	uint8_t *to = vri_instance_shared_memory(inst, SHARED_RESULT, NULL);
	uint8_t *common = vri_instance_shared_memory(inst, SHARED_COMMON, NULL);
	uint32_t n;

	for (unsigned i = 0; i < 4096; i++)
		to[i] = (uint8_t)(from[i] + 1);
	memcpy(&n, common, sizeof(n));
	n = htole32(le32toh(n) + 1);
	memcpy(common, &n, sizeof(n));
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct iovec iov[1024];
	struct vri_chain chain = { .iov = iov, .iov_max = 1024 };

	for (unsigned i = 0; i < 64; i++) {
		int r = vri_devq_pop(q, &chain);

		if (r <= 0)
			return r;
		work(inst);
		r = vri_devq_push(q, &chain, 0);
		if (r < 0)
			return r;
	}
	return 1;
}

int shared_dev_new(const char *options, struct vri_device **ret_dev)
{
	static const struct vri_device_ops ops = { .size = sizeof(ops), .process = process };
	static const struct vri_shared_memory shared[] = {
		{ .id = SHARED_RESULT, .size = 4096 },
		{ .id = SHARED_WORK, .size = 65536, .writable = true },
		{ .id = SHARED_COMMON, .size = 8192, .common = true },
	};
	const struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.shared",
		.device_id = VRI_ID_LOCAL_FIRST + 34,
		.shared_memory = shared,
		.n_shared_memory = 3,
	};

	return vri_device_new(&info, &ops, NULL, ret_dev);
}
