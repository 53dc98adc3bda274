/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A block device that breaks the rules of its type, for the driver's side to survive:
 *
 *   status=N   the status byte of every answer, default 0
 *   used=N     the used length of every answer, default what is right
 *   flip=1     the status byte keeps changing after the answer
 *   bare=1     offers no feature that a field of the config space needs
 *   confsize= capacity= blksize= segmax= sizemax= numqueues= physexp= discardseg=
 *              fields of its config space
 */
#include "devices.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include <vring-ipc/devices/blk.h>

struct bad_blk {
	uint8_t status;
	long used;
	bool flip;
};

/* Each answer: all of the writable bytes are written, then lied about. */
static int bad_answer(const struct bad_blk *bad, struct vri_devq *q, struct vri_chain *chain)
{
	uint32_t len = chain->writable_len;
	uint8_t status = bad->status;

	vri_chain_write(chain, len - 1, &status, 1);
	return vri_devq_push(q, chain, bad->used >= 0 ? (uint32_t)bad->used : len);
}

static int bad_process(struct vri_instance *inst, unsigned queue)
{
	const struct bad_blk *bad = vri_device_data(vri_instance_device(inst));
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct iovec iov[256];
	struct vri_chain chain = { .iov = iov, .iov_max = 256 };
	int r;

	while ((r = vri_devq_pop(q, &chain)) == 1) {
		r = bad_answer(bad, q, &chain);
		if (r < 0)
			return r;
		if (!bad->flip)
			continue;
		vri_devq_notify(q);
		for (int i = 0; i < 1000; i++) {
			uint8_t status = (uint8_t)i;

			vri_chain_write(&chain, chain.writable_len - 1, &status, 1);
		}
	}
	return r;
}

static void bad_release(struct vri_device *dev)
{
	free(vri_device_data(dev));
}

static const struct vri_device_ops bad_ops = {
	.size = sizeof(bad_ops),
	.process = bad_process,
	.release = bad_release,
};

static void fill_config(const char *options, struct virtio_blk_config *config)
{
	memset(config, 0, sizeof(*config));
	config->capacity = htole64((uint64_t)devices_number(options, "capacity", 1024));
	config->blk_size = htole32((uint32_t)devices_number(options, "blksize", 512));
	config->seg_max = htole32((uint32_t)devices_number(options, "segmax", 16));
	config->size_max = htole32((uint32_t)devices_number(options, "sizemax", 65536));
	config->num_queues = htole16((uint16_t)devices_number(options, "numqueues", 1));
	config->physical_block_exp = (uint8_t)devices_number(options, "physexp", 0);
	config->max_discard_sectors = htole32(1024);
	config->max_discard_seg = htole32((uint32_t)devices_number(options, "discardseg", 1));
	config->discard_sector_alignment = htole32(1);
}

int bad_blk_new(const char *options, struct vri_device **ret_dev)
{
	static const unsigned bits[] = { VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_SEG_MAX,
					 VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY,
					 VIRTIO_BLK_F_MQ,	VIRTIO_BLK_F_FLUSH,
					 VIRTIO_BLK_F_DISCARD };
	struct virtio_blk_config config;
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = VRI_BLK_TYPE,
		.device_id = VRI_ID_BLOCK,
		.n_queues = 1,
		.queue_size_max = 256,
		.config = &config,
		.config_size = (uint32_t)devices_number(options, "confsize", sizeof(config)),
	};
	struct bad_blk *bad = calloc(1, sizeof(*bad));
	int r;

	if (!bad)
		return -ENOMEM;
	bad->status = (uint8_t)devices_number(options, "status", 0);
	bad->used = devices_number(options, "used", -1);
	bad->flip = devices_number(options, "flip", 0) != 0;
	fill_config(options, &config);
	vri_features_default(&info.features);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (!devices_number(options, "bare", 0))
			vri_features_set(&info.features, bits[i]);
	r = vri_device_new(&info, &bad_ops, bad, ret_dev);
	if (r < 0)
		free(bad);
	return r;
}
