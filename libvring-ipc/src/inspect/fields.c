/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The fields of the config spaces of the device types that the inspector knows, by their names. */
#include <stddef.h>
#include <string.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_console.h>
#include <linux/virtio_net.h>
#include <linux/virtio_scsi.h>

#include <vring-ipc/devices/echo.h>
#include <vring-ipc/inspect.h>

#define NUMBER(type, member, bit)                                                         \
	{                                                                                 \
		.name = #member, .offset = offsetof(struct type, member),                 \
		.width = sizeof(((struct type *)0)->member), .count = 1, .feature = (bit) \
	}
#define BYTES(type, member, bit)                                                      \
	{                                                                             \
		.name = #member, .offset = offsetof(struct type, member), .width = 1, \
		.count = sizeof(((struct type *)0)->member), .feature = (bit)         \
	}

/* virtio 1.4, 5.2.4: struct virtio_blk_config */
static const struct vri_inspect_field blk[] = {
	NUMBER(virtio_blk_config, capacity, -1),
	NUMBER(virtio_blk_config, size_max, VIRTIO_BLK_F_SIZE_MAX),
	NUMBER(virtio_blk_config, seg_max, VIRTIO_BLK_F_SEG_MAX),
	NUMBER(virtio_blk_config, geometry.cylinders, VIRTIO_BLK_F_GEOMETRY),
	NUMBER(virtio_blk_config, geometry.heads, VIRTIO_BLK_F_GEOMETRY),
	NUMBER(virtio_blk_config, geometry.sectors, VIRTIO_BLK_F_GEOMETRY),
	NUMBER(virtio_blk_config, blk_size, VIRTIO_BLK_F_BLK_SIZE),
	NUMBER(virtio_blk_config, physical_block_exp, VIRTIO_BLK_F_TOPOLOGY),
	NUMBER(virtio_blk_config, alignment_offset, VIRTIO_BLK_F_TOPOLOGY),
	NUMBER(virtio_blk_config, min_io_size, VIRTIO_BLK_F_TOPOLOGY),
	NUMBER(virtio_blk_config, opt_io_size, VIRTIO_BLK_F_TOPOLOGY),
	/* which the kernel's header calls wce */
	{ "writeback", offsetof(struct virtio_blk_config, wce), 1, 1, VIRTIO_BLK_F_CONFIG_WCE },
	NUMBER(virtio_blk_config, num_queues, VIRTIO_BLK_F_MQ),
	NUMBER(virtio_blk_config, max_discard_sectors, VIRTIO_BLK_F_DISCARD),
	NUMBER(virtio_blk_config, max_discard_seg, VIRTIO_BLK_F_DISCARD),
	NUMBER(virtio_blk_config, discard_sector_alignment, VIRTIO_BLK_F_DISCARD),
	NUMBER(virtio_blk_config, max_write_zeroes_sectors, VIRTIO_BLK_F_WRITE_ZEROES),
	NUMBER(virtio_blk_config, max_write_zeroes_seg, VIRTIO_BLK_F_WRITE_ZEROES),
	NUMBER(virtio_blk_config, write_zeroes_may_unmap, VIRTIO_BLK_F_WRITE_ZEROES),
	NUMBER(virtio_blk_config, max_secure_erase_sectors, VIRTIO_BLK_F_SECURE_ERASE),
	NUMBER(virtio_blk_config, max_secure_erase_seg, VIRTIO_BLK_F_SECURE_ERASE),
	NUMBER(virtio_blk_config, secure_erase_sector_alignment, VIRTIO_BLK_F_SECURE_ERASE),
	{ 0 },
};

/* virtio 1.4, 5.1.4: struct virtio_net_config */
static const struct vri_inspect_field net[] = {
	BYTES(virtio_net_config, mac, VIRTIO_NET_F_MAC),
	NUMBER(virtio_net_config, status, VIRTIO_NET_F_STATUS),
	NUMBER(virtio_net_config, max_virtqueue_pairs, VIRTIO_NET_F_MQ),
	NUMBER(virtio_net_config, mtu, VIRTIO_NET_F_MTU),
	NUMBER(virtio_net_config, speed, VIRTIO_NET_F_SPEED_DUPLEX),
	NUMBER(virtio_net_config, duplex, VIRTIO_NET_F_SPEED_DUPLEX),
	NUMBER(virtio_net_config, rss_max_key_size, VIRTIO_NET_F_RSS),
	NUMBER(virtio_net_config, rss_max_indirection_table_length, VIRTIO_NET_F_RSS),
	NUMBER(virtio_net_config, supported_hash_types, VIRTIO_NET_F_RSS),
	{ 0 },
};

/* virtio 1.4, 5.3.4: struct virtio_console_config */
static const struct vri_inspect_field console[] = {
	NUMBER(virtio_console_config, cols, VIRTIO_CONSOLE_F_SIZE),
	NUMBER(virtio_console_config, rows, VIRTIO_CONSOLE_F_SIZE),
	NUMBER(virtio_console_config, max_nr_ports, VIRTIO_CONSOLE_F_MULTIPORT),
	NUMBER(virtio_console_config, emerg_wr, VIRTIO_CONSOLE_F_EMERG_WRITE),
	{ 0 },
};

/* virtio 1.4, 5.6.4: struct virtio_scsi_config */
static const struct vri_inspect_field scsi[] = {
	NUMBER(virtio_scsi_config, num_queues, -1),
	NUMBER(virtio_scsi_config, seg_max, -1),
	NUMBER(virtio_scsi_config, max_sectors, -1),
	NUMBER(virtio_scsi_config, cmd_per_lun, -1),
	NUMBER(virtio_scsi_config, event_info_size, -1),
	NUMBER(virtio_scsi_config, sense_size, -1),
	NUMBER(virtio_scsi_config, cdb_size, -1),
	NUMBER(virtio_scsi_config, max_channel, -1),
	NUMBER(virtio_scsi_config, max_target, -1),
	NUMBER(virtio_scsi_config, max_lun, -1),
	{ 0 },
};

static const struct vri_inspect_field echo[] = {
	NUMBER(vri_echo_config, max_message, -1),
	NUMBER(vri_echo_config, n_echo_queues, -1),
	{ 0 },
};

/* virtio 1.4, 5.4.4: the entropy device has no config space. */
static const struct vri_inspect_field rng[] = {
	{ 0 },
};

static const struct {
	uint32_t device_id;
	const char *type; /* in the local range the type string is the truth; NULL: the id is */
	const struct vri_inspect_field *fields;
} types[] = {
	{ VRI_ID_NET, NULL, net },	   { VRI_ID_BLOCK, NULL, blk },
	{ VRI_ID_CONSOLE, NULL, console }, { VRI_ID_RNG, NULL, rng },
	{ VRI_ID_SCSI, NULL, scsi },	   { VRI_ID_ECHO, VRI_ECHO_TYPE, echo },
};

const struct vri_inspect_field *vri_inspect_fields(uint32_t device_id, const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].device_id != device_id)
			continue;
		if (!types[i].type || !type || strcmp(types[i].type, type) == 0)
			return types[i].fields;
	}
	return NULL;
}
