/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device from the inside, for the files of the device's half. */
#ifndef CORE_DEVICE_IMPL_H
#define CORE_DEVICE_IMPL_H

#include <stdatomic.h>

#include <vring-ipc/device.h>

#include "core/shared_memory.h"
#include "util/list.h"

/* What a driver may do with one byte of the config space. */
#define CONFIG_WRITABLE 1
#define CONFIG_JOINED 2 /* only together with the byte before it: they are one field */

struct vri_device {
	_Atomic unsigned refs;
	char type[VRI_TYPE_MAX];
	char name[VRI_TYPE_MAX];
	uint32_t device_id;
	uint32_t vendor_id;
	struct vri_features offered;
	unsigned n_queues;
	unsigned queue_size_max;
	uint8_t *config; /* what instances to come start with */
	uint8_t *config_writable; /* for each byte: CONFIG_..., or-ed */
	enum vri_config_race config_race;
	uint32_t config_size;
	struct vri_shared_memory shared[VRI_SHARED_MEMORY_MAX];
	struct shared_memory common[VRI_SHARED_MEMORY_MAX]; /* of those that all instances share */
	unsigned n_shared;
	struct vri_device_ops ops;
	void *data;
	struct list instances;
	struct list lingering; /* detached ones, a reference each, of which something still runs */
};

/* Detached, and not stopped: keeps it until it is. */
void vri__device_linger(struct vri_device *dev, struct vri_instance *inst);

#endif
