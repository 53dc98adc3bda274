/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The specification's names for feature bits, status bits and device ids: tables and their look-up. */
#include <stdint.h>

#include "core/features.h"

struct name {
	unsigned number;
	const char *text;
};

/* A table ends with a NULL text. */
static const char *find(const struct name *table, unsigned number)
{
	for (; table->text; table++)
		if (table->number == number)
			return table->text;
	return NULL;
}

/* virtio 1.4, 6 */
static const struct name generic[] = {
	{ VRI_F_INDIRECT_DESC, "INDIRECT_DESC" },
	{ VRI_F_EVENT_IDX, "EVENT_IDX" },
	{ VRI_F_VERSION_1, "VERSION_1" },
	{ VRI_F_ACCESS_PLATFORM, "ACCESS_PLATFORM" },
	{ VRI_F_RING_PACKED, "RING_PACKED" },
	{ VRI_F_IN_ORDER, "IN_ORDER" },
	{ VRI_F_ORDER_PLATFORM, "ORDER_PLATFORM" },
	{ VRI_F_SR_IOV, "SR_IOV" },
	{ VRI_F_NOTIFICATION_DATA, "NOTIFICATION_DATA" },
	{ VRI_F_NOTIF_CONFIG_DATA, "NOTIF_CONFIG_DATA" },
	{ VRI_F_RING_RESET, "RING_RESET" },
	{ VRI_F_ADMIN_VQ, "ADMIN_VQ" },
	{ VRI_F_SUSPEND, "SUSPEND" },
	{ 0, NULL },
};

/* virtio 1.4, 5.1.3 */
static const struct name net[] = {
	{ 0, "NET_F_CSUM" },
	{ 1, "NET_F_GUEST_CSUM" },
	{ 2, "NET_F_CTRL_GUEST_OFFLOADS" },
	{ 3, "NET_F_MTU" },
	{ 5, "NET_F_MAC" },
	{ 7, "NET_F_GUEST_TSO4" },
	{ 8, "NET_F_GUEST_TSO6" },
	{ 9, "NET_F_GUEST_ECN" },
	{ 10, "NET_F_GUEST_UFO" },
	{ 11, "NET_F_HOST_TSO4" },
	{ 12, "NET_F_HOST_TSO6" },
	{ 13, "NET_F_HOST_ECN" },
	{ 14, "NET_F_HOST_UFO" },
	{ 15, "NET_F_MRG_RXBUF" },
	{ 16, "NET_F_STATUS" },
	{ 17, "NET_F_CTRL_VQ" },
	{ 18, "NET_F_CTRL_RX" },
	{ 19, "NET_F_CTRL_VLAN" },
	{ 20, "NET_F_CTRL_RX_EXTRA" },
	{ 21, "NET_F_GUEST_ANNOUNCE" },
	{ 22, "NET_F_MQ" },
	{ 23, "NET_F_CTRL_MAC_ADDR" },
	{ 50, "NET_F_DEVICE_STATS" },
	{ 51, "NET_F_HASH_TUNNEL" },
	{ 52, "NET_F_VQ_NOTF_COAL" },
	{ 53, "NET_F_NOTF_COAL" },
	{ 54, "NET_F_GUEST_USO4" },
	{ 55, "NET_F_GUEST_USO6" },
	{ 56, "NET_F_HOST_USO" },
	{ 57, "NET_F_HASH_REPORT" },
	{ 59, "NET_F_GUEST_HDRLEN" },
	{ 60, "NET_F_RSS" },
	{ 61, "NET_F_RSC_EXT" },
	{ 62, "NET_F_STANDBY" },
	{ 63, "NET_F_SPEED_DUPLEX" },
	{ 65, "NET_F_GUEST_UDP_TUNNEL_GSO" },
	{ 66, "NET_F_GUEST_UDP_TUNNEL_GSO_CSUM" },
	{ 67, "NET_F_HOST_UDP_TUNNEL_GSO" },
	{ 68, "NET_F_HOST_UDP_TUNNEL_GSO_CSUM" },
	{ 0, NULL },
};

/* virtio 1.4, 5.2.3 */
static const struct name blk[] = {
	{ 1, "BLK_F_SIZE_MAX" },
	{ 2, "BLK_F_SEG_MAX" },
	{ 4, "BLK_F_GEOMETRY" },
	{ 5, "BLK_F_RO" },
	{ 6, "BLK_F_BLK_SIZE" },
	{ 9, "BLK_F_FLUSH" },
	{ 10, "BLK_F_TOPOLOGY" },
	{ 11, "BLK_F_CONFIG_WCE" },
	{ 12, "BLK_F_MQ" },
	{ 13, "BLK_F_DISCARD" },
	{ 14, "BLK_F_WRITE_ZEROES" },
	{ 15, "BLK_F_LIFETIME" },
	{ 16, "BLK_F_SECURE_ERASE" },
	{ 17, "BLK_F_ZONED" },
	{ 0, NULL },
};

/* virtio 1.4, 5.3.3 */
static const struct name console[] = {
	{ 0, "CONSOLE_F_SIZE" },
	{ 1, "CONSOLE_F_MULTIPORT" },
	{ 2, "CONSOLE_F_EMERG_WRITE" },
	{ 0, NULL },
};

/* virtio 1.4, 5.4.3: none */
static const struct name rng[] = {
	{ 0, NULL },
};

/* virtio 1.4, 5.6.3 */
static const struct name scsi[] = {
	{ 0, "SCSI_F_INOUT" },
	{ 1, "SCSI_F_HOTPLUG" },
	{ 2, "SCSI_F_CHANGE" },
	{ 3, "SCSI_F_T10_PI" },
	{ 0, NULL },
};

/* virtio 1.4, 5.10.3 */
static const struct name vsock[] = {
	{ 0, "VSOCK_F_STREAM" },
	{ 1, "VSOCK_F_SEQPACKET" },
	{ 2, "VSOCK_F_NO_IMPLIED_STREAM" },
	{ 0, NULL },
};

static const struct name echo[] = {
	{ 0, "ECHO_F_CTRL" },
	{ 0, NULL },
};

/* Types whose tables are complete. */
static const struct {
	uint32_t device_id;
	const struct name *bits;
} types[] = {
	{ VRI_ID_NET, net },   { VRI_ID_BLOCK, blk }, { VRI_ID_CONSOLE, console },
	{ VRI_ID_RNG, rng },   { VRI_ID_SCSI, scsi }, { VRI_ID_VSOCK, vsock },
	{ VRI_ID_ECHO, echo },
};

static const struct name *bits_of(uint32_t device_id)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].device_id == device_id)
			return types[i].bits;
	return NULL;
}

bool vri__feature_names_are_complete(uint32_t device_id)
{
	return bits_of(device_id) != NULL;
}

const char *vri_feature_name(uint32_t device_id, unsigned bit)
{
	const struct name *own = bits_of(device_id);
	const char *text = find(generic, bit);

	if (!text && own)
		text = find(own, bit);
	return text;
}

/* virtio 1.4, 2.1 */
static const struct name statuses[] = {
	{ VRI_STATUS_ACKNOWLEDGE, "ACKNOWLEDGE" }, { VRI_STATUS_DRIVER, "DRIVER" },
	{ VRI_STATUS_DRIVER_OK, "DRIVER_OK" },	   { VRI_STATUS_FEATURES_OK, "FEATURES_OK" },
	{ VRI_STATUS_SUSPEND, "SUSPEND" },	   { VRI_STATUS_NEEDS_RESET, "NEEDS_RESET" },
	{ VRI_STATUS_FAILED, "FAILED" },	   { 0, NULL },
};

const char *vri_status_name(unsigned status_bit)
{
	return find(statuses, status_bit);
}

/* virtio 1.4, 5 */
static const struct name devices[] = {
	{ 1, "network" },
	{ 2, "block" },
	{ 3, "console" },
	{ 4, "entropy" },
	{ 5, "balloon" },
	{ 6, "ioMemory" },
	{ 7, "rpmsg" },
	{ 8, "scsi" },
	{ 9, "9p" },
	{ 10, "mac80211 wlan" },
	{ 11, "rproc serial" },
	{ 12, "caif" },
	{ 13, "memory balloon" },
	{ 16, "gpu" },
	{ 17, "clock" },
	{ 18, "input" },
	{ 19, "socket" },
	{ 20, "crypto" },
	{ 21, "signal distribution" },
	{ 22, "pstore" },
	{ 23, "iommu" },
	{ 24, "memory" },
	{ 25, "sound" },
	{ 26, "file system" },
	{ 27, "pmem" },
	{ 28, "rpmb" },
	{ 29, "mac80211 hwsim" },
	{ 30, "video encoder" },
	{ 31, "video decoder" },
	{ 32, "scmi" },
	{ 33, "nitro secure module" },
	{ 34, "i2c adapter" },
	{ 35, "watchdog" },
	{ 36, "can" },
	{ 38, "parameter server" },
	{ 39, "audio policy" },
	{ 40, "bluetooth" },
	{ 41, "gpio" },
	{ VRI_ID_ECHO, "echo" },
	{ 0, NULL },
};

const char *vri_device_id_name(uint32_t device_id)
{
	return find(devices, device_id);
}
