/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Reads and checks the config space of a block device, for the driver side. */
#ifndef DEVICES_BLK_CONFIG_H
#define DEVICES_BLK_CONFIG_H

#include <stdbool.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/driver.h>

/* Fills in what the config space of a negotiated device says; n_queues and queue_depth stay 0.
 * Returns: 0; -EPROTO for one that is too short or absurd; as vri_driver_config_read(). */
int blk_config_read(struct vri_driver *drv, struct vri_blk_info *ret_info);

/* Whether the device offers a feature: its config fields exist then, whatever was negotiated. */
bool blk_offers(const struct vri_driver *drv, unsigned bit);

#endif
