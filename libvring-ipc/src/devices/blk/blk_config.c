/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a block device says of itself in its config space, and whether a driver believes it. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_blk.h>

#include "devices/blk/blk_config.h"

#define CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)
#define BLOCK_SIZE_MAX (1u << 20) /* far beyond any that exists; ours */

bool blk_offers(const struct vri_driver *drv, unsigned bit)
{
	struct vri_features offered;

	vri_driver_offered(drv, &offered);
	return vri_features_has(&offered, bit);
}

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* The config space ends at least behind every field whose feature is offered. A longer one is fine:
 * virtio 1.4, 2.5.1 (drivers MUST NOT limit structure size). */
static bool config_is_long_enough(struct vri_driver *drv)
{
	static const struct {
		unsigned bit;
		size_t end;
	} fields[] = {
#define FIELD_END(field) \
	(offsetof(struct virtio_blk_config, field) + sizeof(((struct virtio_blk_config *)0)->field))
		{ VIRTIO_BLK_F_SIZE_MAX, FIELD_END(size_max) },
		{ VIRTIO_BLK_F_SEG_MAX, FIELD_END(seg_max) },
		{ VIRTIO_BLK_F_BLK_SIZE, FIELD_END(blk_size) },
		{ VIRTIO_BLK_F_TOPOLOGY, FIELD_END(opt_io_size) },
		{ VIRTIO_BLK_F_CONFIG_WCE, FIELD_END(wce) },
		{ VIRTIO_BLK_F_MQ, FIELD_END(num_queues) },
		{ VIRTIO_BLK_F_DISCARD, FIELD_END(discard_sector_alignment) },
		{ VIRTIO_BLK_F_WRITE_ZEROES, FIELD_END(write_zeroes_may_unmap) },
#undef FIELD_END
	};
	uint32_t size = vri_driver_config_size(drv);

	if (size < sizeof(uint64_t))
		return false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (blk_offers(drv, fields[i].bit) && size < fields[i].end)
			return false;
	}
	return true;
}

static bool parse_topology(const struct virtio_blk_config *config, struct vri_blk_info *info)
{
	uint64_t block = info->block_size;

	if (config->physical_block_exp > 20 || (block << config->physical_block_exp) > UINT32_MAX)
		return false;
	info->physical_block_size = (uint32_t)(block << config->physical_block_exp);
	info->alignment_offset = config->alignment_offset * info->block_size;
	info->min_io_size = le16toh(config->min_io_size) * info->block_size;
	if (le32toh(config->opt_io_size) * block > UINT32_MAX)
		return false;
	info->opt_io_size = (uint32_t)(le32toh(config->opt_io_size) * block);
	return true;
}

static bool parse_sizes(struct vri_driver *drv, const struct virtio_blk_config *config,
			struct vri_blk_info *info)
{
	uint64_t sectors = le64toh(config->capacity);

	if (sectors > INT64_MAX / VRI_BLK_SECTOR)
		return false;
	info->capacity = sectors * VRI_BLK_SECTOR;
	info->block_size = blk_offers(drv, VIRTIO_BLK_F_BLK_SIZE) ? le32toh(config->blk_size) :
								    VRI_BLK_SECTOR;
	if (!is_power_of_two(info->block_size) || info->block_size < VRI_BLK_SECTOR ||
	    info->block_size > BLOCK_SIZE_MAX)
		return false;
	info->seg_max = blk_offers(drv, VIRTIO_BLK_F_SEG_MAX) ? le32toh(config->seg_max) : 1;
	info->size_max = blk_offers(drv, VIRTIO_BLK_F_SIZE_MAX) ? le32toh(config->size_max) :
								  UINT32_MAX;
	return info->seg_max > 0 && info->size_max > 0;
}

/* An absurd config is refused before anything is allocated by it. */
static bool parse_config(struct vri_driver *drv, const struct virtio_blk_config *config,
			 struct vri_blk_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!parse_sizes(drv, config, info))
		return false;
	if (blk_offers(drv, VIRTIO_BLK_F_TOPOLOGY) && !parse_topology(config, info))
		return false;
	info->n_queues_max = blk_offers(drv, VIRTIO_BLK_F_MQ) ? le16toh(config->num_queues) : 1;
	if (info->n_queues_max == 0 || info->n_queues_max > vri_driver_max_queues(drv))
		return false;
	info->read_only = vri_driver_has_feature(drv, VIRTIO_BLK_F_RO);
	info->flush = vri_driver_has_feature(drv, VIRTIO_BLK_F_FLUSH);
	info->discard = vri_driver_has_feature(drv, VIRTIO_BLK_F_DISCARD);
	if (info->discard) {
		info->max_discard = (uint64_t)le32toh(config->max_discard_sectors) * VRI_BLK_SECTOR;
		info->discard_alignment = le32toh(config->discard_sector_alignment);
		if (info->discard_alignment > UINT32_MAX / VRI_BLK_SECTOR ||
		    le32toh(config->max_discard_seg) == 0)
			return false;
		info->discard_alignment *= VRI_BLK_SECTOR;
	}
	info->write_zeroes = vri_driver_has_feature(drv, VIRTIO_BLK_F_WRITE_ZEROES);
	if (info->write_zeroes) {
		info->max_write_zeroes =
			(uint64_t)le32toh(config->max_write_zeroes_sectors) * VRI_BLK_SECTOR;
		info->write_zeroes_may_unmap = config->write_zeroes_may_unmap != 0;
		if (le32toh(config->max_write_zeroes_seg) == 0)
			return false;
	}
	return true;
}

int blk_config_read(struct vri_driver *drv, struct vri_blk_info *ret_info)
{
	struct virtio_blk_config config;
	uint32_t len = vri_driver_config_size(drv);
	int r;

	if (!config_is_long_enough(drv))
		return -EPROTO;
	memset(&config, 0, sizeof(config));
	r = vri_driver_config_read(drv, 0, &config, len < CONFIG_SIZE ? len : CONFIG_SIZE);
	if (r < 0)
		return r;
	if (!parse_config(drv, &config, ret_info))
		return -EPROTO;
	/* virtio 1.4, 5.2.5: without CONFIG_WCE the cache mode follows from FLUSH. */
	ret_info->write_back = vri_driver_has_feature(drv, VIRTIO_BLK_F_CONFIG_WCE) ?
				       config.wce != 0 :
				       ret_info->flush;
	return 0;
}
