/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Names for what the virtio specification numbers: status bits, feature bits, device ids; and
 * feature sets. */
#ifndef VRING_IPC_SPEC_H
#define VRING_IPC_SPEC_H

#include <vring-ipc/base.h>

VRI_BEGIN_DECLS

/* Device status bits. virtio 1.4, 2.1 */
enum vri_status {
	VRI_STATUS_ACKNOWLEDGE = 1,
	VRI_STATUS_DRIVER = 2,
	VRI_STATUS_DRIVER_OK = 4,
	VRI_STATUS_FEATURES_OK = 8,
	VRI_STATUS_SUSPEND = 16,
	VRI_STATUS_NEEDS_RESET = 64,
	VRI_STATUS_FAILED = 128,
};

/* Feature bits that do not depend on the device type. virtio 1.4, 6 */
enum vri_feature {
	VRI_F_INDIRECT_DESC = 28,
	VRI_F_EVENT_IDX = 29,
	VRI_F_VERSION_1 = 32,
	VRI_F_ACCESS_PLATFORM = 33,
	VRI_F_RING_PACKED = 34,
	VRI_F_IN_ORDER = 35,
	VRI_F_ORDER_PLATFORM = 36,
	VRI_F_SR_IOV = 37,
	VRI_F_NOTIFICATION_DATA = 38,
	VRI_F_NOTIF_CONFIG_DATA = 39,
	VRI_F_RING_RESET = 40,
	VRI_F_ADMIN_VQ = 41,
	VRI_F_SUSPEND = 43,
};

/* Device ids. Standard types have their assigned number (virtio 1.4, 5); VRI_ID_LOCAL_FIRST and
 * above is this project's range for types of users' own, outside of the assigned one: there the
 * type string is the truth. */
enum vri_device_id {
	VRI_ID_NET = 1,
	VRI_ID_BLOCK = 2,
	VRI_ID_CONSOLE = 3,
	VRI_ID_RNG = 4,
	VRI_ID_SCSI = 8,
	VRI_ID_VSOCK = 19,
	VRI_ID_LOCAL_FIRST = 0x10000,
	VRI_ID_ECHO = 0x10000,
	VRI_ID_LOCAL_LAST = 0x1ffff,
};

/* The largest virtqueue and the largest number of them. virtio 1.4, 2.7; the number is ours. */
#define VRI_QUEUE_SIZE_MAX 32768
#define VRI_QUEUES_MAX 1024

#define VRI_FEATURE_BITS 128

/* A set of feature bits, in the native byte order, bit n in word n / 64. A value: copy it freely.
 */
struct vri_features {
	uint64_t word[VRI_FEATURE_BITS / 64];
};

/* Adds, removes or looks up one bit; a @bit past VRI_FEATURE_BITS is never in a set and changes
 * nothing. Threads: any, for different sets. */
VRI_API void vri_features_set(struct vri_features *set, unsigned bit);
VRI_API void vri_features_clear(struct vri_features *set, unsigned bit);
VRI_API bool vri_features_has(const struct vri_features *set, unsigned bit);

/* Keeps in @set what is also in @other (and), or adds what is in @other (or). Threads: any, for
 * different sets. */
VRI_API void vri_features_and(struct vri_features *set, const struct vri_features *other);
VRI_API void vri_features_or(struct vri_features *set, const struct vri_features *other);

/* Tells whether every bit of @set is in @other. Threads: any. */
VRI_API bool vri_features_is_subset(const struct vri_features *set,
				    const struct vri_features *other);

/*
 * The device-independent bits that this library can honour between two processes, which is what a
 * device offers and a driver wants when they do not say otherwise. Not among them is IN_ORDER: a
 * device type whose requests take about the same time adds it on both sides, and the library keeps
 * the order whatever the device does; with one whose requests overtake each other it would hold the
 * quick ones up. RING_PACKED is acknowledged by links that were opened with such rings. Threads: any.
 */
VRI_API void vri_features_default(struct vri_features *ret_set);

/*
 * Names @bit as the specification does ("EVENT_IDX", or "BLK_F_FLUSH" for a bit of device type
 * @device_id), or returns NULL for a bit without a name. Threads: any.
 */
VRI_API const char *vri_feature_name(uint32_t device_id, unsigned bit);

/* Names a single status bit ("DRIVER_OK"), or returns NULL. Threads: any. */
VRI_API const char *vri_status_name(unsigned status_bit);

/* Names a device id ("block"), or returns NULL. Threads: any. */
VRI_API const char *vri_device_id_name(uint32_t device_id);

VRI_END_DECLS

#endif
