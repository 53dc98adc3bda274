/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's status machine.
 *
 * The happy path: 0 - ACKNOWLEDGE - DRIVER - (features) - FEATURES_OK - (queues) - DRIVER_OK.
 * And from there, any number of times: SUSPEND is written and takes the place of DRIVER_OK; DRIVER_OK is written and
 * takes the place of SUSPEND. The bit that was not there before is the driver's wish, whatever stands beside it.
 * Ways out: 0 from everywhere, which resets; FAILED from everywhere, after which only a reset is taken;
 * DEVICE_NEEDS_RESET, which is the device's own to set, after which nothing new starts until a reset.
 */
#include "core/status.h"

#include <errno.h>
#include <stddef.h>

#include <vring-ipc/spec.h>

/* Bits that a driver sets, what has to be set before them, and what then has to happen. */
static const struct step {
	uint8_t bit;
	uint8_t before; /* in the status as it was */
	uint8_t with; /* in the status as it was, or in the same write */
	enum status_action action;
	const char *why;
} steps[] = {
	{ VRI_STATUS_ACKNOWLEDGE, 0, 0, STATUS_STORE, NULL },
	{ VRI_STATUS_DRIVER, 0, VRI_STATUS_ACKNOWLEDGE, STATUS_STORE, "DRIVER before ACKNOWLEDGE" },
	{ VRI_STATUS_FEATURES_OK, VRI_STATUS_DRIVER, 0, STATUS_CHECK_FEATURES,
	  "FEATURES_OK before DRIVER" },
	/* Not in one write: whether FEATURES_OK stays is the device's to say. virtio 1.4, 3.1.1 */
	{ VRI_STATUS_DRIVER_OK, VRI_STATUS_FEATURES_OK, 0, STATUS_START,
	  "DRIVER_OK before FEATURES_OK" },
};

#define DRIVERS_BITS                                                           \
	(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK | \
	 VRI_STATUS_DRIVER_OK | VRI_STATUS_FAILED)
/* A driver writes back what it read. */
#define DEVICES_BITS (VRI_STATUS_NEEDS_RESET | VRI_STATUS_SUSPEND)

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EPROTO;
}

/* virtio 1.4, 3.4: a device MUST ignore a write of SUSPEND unless it was negotiated and the device is fully
 * initialised. */
static bool asks_to_suspend(uint8_t now, uint8_t written, bool may_suspend)
{
	return may_suspend && (written & VRI_STATUS_SUSPEND) && (now & VRI_STATUS_DRIVER_OK);
}

int vri__status_write(uint8_t now, uint8_t written, bool may_suspend, struct status_step *ret_step,
		      const char **ret_why)
{
	struct status_step step = { .action = STATUS_STORE };
	uint8_t fresh, result;

	if (written == 0) {
		*ret_step = (struct status_step){ .action = STATUS_RESET, .status = 0 };
		return 0;
	}
	if (written & ~(DRIVERS_BITS | DEVICES_BITS))
		return refuse(ret_why, "an unknown status bit");
	/* virtio 1.4, 2.1.1: the driver MUST NOT clear a device status bit. */
	if (now & DRIVERS_BITS & ~written)
		return refuse(ret_why, "a status bit was cleared");
	fresh = written & DRIVERS_BITS & (uint8_t)~now;
	result = now | fresh;

	/* virtio 1.4, 2.1.1: after FAILED the driver MUST reset before it tries again. */
	if ((now & VRI_STATUS_FAILED) && (fresh || asks_to_suspend(now, written, may_suspend)))
		return refuse(ret_why, "a step after FAILED without a reset");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (!(fresh & steps[i].bit))
			continue;
		if ((steps[i].before & ~now) || (steps[i].with & ~result))
			return refuse(ret_why, steps[i].why);
		step.action = steps[i].action;
	}
	if (asks_to_suspend(now, written, may_suspend)) {
		step.action = STATUS_SUSPEND;
		result = (result & (uint8_t)~VRI_STATUS_DRIVER_OK) | VRI_STATUS_SUSPEND;
	} else if (step.action == STATUS_START && (now & VRI_STATUS_SUSPEND)) {
		step.action = STATUS_RESUME;
		result &= (uint8_t)~VRI_STATUS_SUSPEND;
	}
	/* The driver could not know; it sees the bits that it wanted missing. */
	if ((now & VRI_STATUS_NEEDS_RESET) && step.action != STATUS_STORE) {
		*ret_step = (struct status_step){ .action = STATUS_STORE, .status = now };
		return 0;
	}
	/* Giving up is not a start, whatever else was written with it. */
	if (fresh & VRI_STATUS_FAILED) {
		step.action = STATUS_STORE;
		result = now | VRI_STATUS_FAILED;
	}
	step.status = result;
	*ret_step = step;
	return 0;
}
