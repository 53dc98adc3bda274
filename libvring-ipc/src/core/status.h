/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a driver's write to the status byte may do: one table, pure. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* What the device has to do before the new status is the truth. */
enum status_action {
	STATUS_STORE, /* nothing: the new value stands */
	STATUS_RESET,
	STATUS_CHECK_FEATURES, /* FEATURES_OK stays only if the acknowledged features work */
	STATUS_START, /* the queues become live; DRIVER_OK stays only if they do */
	STATUS_SUSPEND, /* SUSPEND takes DRIVER_OK's place when nothing is in flight any more */
	STATUS_RESUME, /* and DRIVER_OK that of SUSPEND */
};

struct status_step {
	enum status_action action;
	uint8_t status; /* if the action succeeds */
};

/*
 * Judges a driver's write of @written over @now; @may_suspend: SUSPEND was negotiated, else that bit is ignored.
 * Returns: 0; -EPROTO for a step out of order, a cleared bit or an unknown one, and *ret_why (static text) says so:
 * the status stays as it is.
 */
int vri__status_write(uint8_t now, uint8_t written, bool may_suspend, struct status_step *ret_step,
		      const char **ret_why);

#endif
