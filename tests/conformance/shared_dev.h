/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the device of the shared memory suite offers. */
#ifndef CONFORMANCE_SHARED_DEV_H
#define CONFORMANCE_SHARED_DEV_H

#include <vring-ipc/device.h>

#define SHARED_RESULT 1 /* the device writes, the driver reads: 4096 bytes */
#define SHARED_WORK 7 /* both write: 65536 bytes */
#define SHARED_COMMON 200 /* the same for all drivers: 8192 bytes */

/* For each buffer the device copies the first page of WORK to RESULT, each byte plus 1, and counts
 * in the first 4 bytes of COMMON. It writes nothing into the buffer. */
int shared_dev_new(const char *options, struct vri_device **ret_dev);

#endif
