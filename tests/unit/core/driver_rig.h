/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A driver on a device that answers what the test wants. */
#ifndef UNIT_CORE_DRIVER_RIG_H
#define UNIT_CORE_DRIVER_RIG_H

#include "mock_transport.h"

#define ACK VRI_STATUS_ACKNOWLEDGE
#define DRV VRI_STATUS_DRIVER
#define FOK VRI_STATUS_FEATURES_OK
#define DOK VRI_STATUS_DRIVER_OK
#define NRS VRI_STATUS_NEEDS_RESET
#define FLD VRI_STATUS_FAILED

struct rig {
	struct mock_device device;
	struct vri_driver *drv;
};

/* For a device that answers, and for one that never does: the time that passes then. */
extern const struct vri_link_opts patient, quick;

/* Nothing is negotiated; with the time limit of patient, or of quick. */
void open_rig(struct rig *rig);
void open_quick_rig(struct rig *rig);
void close_rig(struct rig *rig);

/* The whole way to DRIVER_OK; the device's log is empty then. */
void start(struct rig *rig);

/* Lends one buffer to the device and makes it visible. */
void *lend(struct rig *rig);

#endif
