/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the device of the control suite understands. */
#ifndef CONFORMANCE_CONTROL_DEV_H
#define CONFORMANCE_CONTROL_DEV_H

#include <vring-ipc/device.h>

enum control_queue {
	CONTROL_RECORDS, /* VRI_CONTROL_RECORD */
	CONTROL_PLAIN, /* VRI_CONTROL_PLAIN */
	CONTROL_DEAF, /* takes nothing */
	CONTROL_QUEUES,
};

#define TEXT_CLASS 1
#define TEXT_REVERSE 0 /* payload: 1 to TEXT_MAX bytes; reply: the same from its end */
#define TEXT_MAX 64u
#define TEXT_ZEROES 1 /* payload: 2 to 8 bytes; reply: 8, those that were missing are 0 */

#define NUMBER_CLASS 7
#define NUMBER_COUNT 0 /* no payload; reply: le32, how many commands the device has carried out */
#define NUMBER_REFUSE 1 /* no payload; answered with NUMBER_REFUSED */
#define NUMBER_REFUSED (VRI_CONTROL_OWN + 5)
#define NUMBER_FAIL 2 /* no payload; answered with VRI_CONTROL_FAILED */
#define NUMBER_MANY 3 /* payload: le32, 4096 at most; reply: so many bytes, byte n is n */
#define NUMBER_MANY_MAX 4096u

int control_dev_new(const char *options, struct vri_device **ret_dev);

#endif
