/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the `vring drive` commands share: a link that is opened by options, waited on, closed. */
#ifndef CLI_DRIVE_H
#define CLI_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vring-ipc/vring-ipc.h>

#include "command.h"

struct drive {
	const char *address; /* borrowed from argv */
	struct vri_link *link;
	struct vri_driver *drv;
	bool explained; /* the library said what is wrong */
	bool gone; /* the device went away; what it had used can still be taken */
	bool needs_reset; /* the device gave the link up, and why: */
	char why[200];
};

/* What a command asks of the link, besides the options that all have. */
struct drive_needs {
	const char *type; /* the device's type string */
	uint32_t device_id;
	unsigned n_queues;
	size_t pool_size;
};

/* The words of a command that are about the link, in the order of struct vri_link_opts; the address
 * is its first argument. Nothing is started yet. Returns: CMD_OK; CMD_USAGE or CMD_FAILED after a
 * message. In any case: drive_close(). */
int drive_open(struct drive *d, const struct cmd_call *call, const struct drive_needs *needs);

/* Reads the options alone, to find what is wrong with them before anything else happens. */
int drive_check(const struct cmd_call *call);

void drive_close(struct drive *d);

/*
 * Sleeps until a queue has used buffers, the link has news, somebody wants an end
 * (interrupt_signal()), @input_fd (-1: none) is readable, or @timeout_ms (-1: no limit) have passed.
 * A device that goes away sets drive.gone. Returns: 0; what a queue or the link reports.
 */
int drive_wait(struct drive *d, int input_fd, int timeout_ms);

/* Tells what ended the conversation, by @error and by what the device and the queues say.
 * Returns: CMD_FAILED. */
int drive_fail(const struct drive *d, int error);

/* Opens a file that a command fills: makes it or empties it, and leaves alone what is no regular
 * file. Returns: the descriptor; -1 after a message. */
int drive_create_file(const char *path);

/* Writes all of it. Returns: 0; -EINTR when somebody wants an end; a negative errno. */
int drive_write_all(int fd, const void *buf, size_t len);

#endif
