/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* An instance of the toy device on a region of the test's own, and what its driver would do. */
#ifndef UNIT_CORE_INSTANCE_RIG_H
#define UNIT_CORE_INSTANCE_RIG_H

#include "core/pool.h"
#include "mock_transport.h"
#include "toy_device.h"

#define ACK VRI_STATUS_ACKNOWLEDGE
#define DRV VRI_STATUS_DRIVER
#define FOK VRI_STATUS_FEATURES_OK
#define DOK VRI_STATUS_DRIVER_OK
#define NRS VRI_STATUS_NEEDS_RESET

#define N_QUEUES 3
#define QUEUE_SIZE 16

struct rig {
	struct toy toy;
	struct vri_device *dev;
	struct mock_region region;
	struct mock_link link;
	struct vri_instance *inst;
	const char *why;
	/* a driver's side of queue 0 */
	struct vri_drvq *q;
	unsigned kicks;
	struct vri_pool *pool;
};

/* Three queues of 16; nothing is negotiated. */
void open_rig(struct rig *rig);
void close_rig(struct rig *rig);
/* The same for a toy with a config space of its own, of TOY_CONFIG_SIZE bytes. */
void open_rig_of(struct rig *rig, const struct vri_device_info *given);

/* Writes the status, which has to be taken. Returns: what it is then. */
uint8_t write_status(struct rig *rig, uint8_t status);

/* What is negotiated unless a test does it by itself. */
struct vri_features default_set(void);
/* Up to FEATURES_OK; one queue of the right size; the whole way to DRIVER_OK. */
void negotiate(struct rig *rig);
int set_queue(struct rig *rig, unsigned queue);
void start(struct rig *rig);

/* The driver's side of a queue, on the same memory: one at a time. */
void drive(struct rig *rig, unsigned queue);
/* A request on it, published; and how many are used since the last time. */
void add(struct rig *rig);
unsigned collect(struct rig *rig);

#endif
