/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Serves one device on any number of addresses, in a libuv loop, until a signal ends it. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <vring-ipc/vring-ipc.h>

#include "command.h"
#include "model.h"

struct serve {
	const struct cmd_call *call;
	const char *kind; /* "blk" */
	struct vri_device *dev;
	/* Adds what is particular to the device to the JSON that says that it is ready; may be NULL. */
	void (*describe)(const struct serve *s, struct model *model);
	/* Says with -v, at the end, what the device has done; may be NULL. */
	void (*sum_up)(const struct serve *s);
};

/* Checks the options that all devices have. To be called before anything is made.
 * Returns: CMD_OK; CMD_USAGE after a message. */
int serve_check(const struct cmd_call *call);

/* Serves until SIGINT, SIGTERM or SIGHUP. Returns: the exit status; *ret_was_ready tells whether any
 * driver could have come. Ownership: the device stays the caller's. */
int serve_run(const struct serve *s, bool *ret_was_ready);

#endif
