/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the actions of `vring drive blk` are given and share. */
#ifndef CLI_CMD_DRIVE_BLK_H
#define CLI_CMD_DRIVE_BLK_H

#include "blk_copy.h"

struct blk_run;

struct blk_action {
	const char *name;
	unsigned flags;
	int (*run)(struct blk_run *run);
};

struct blk_run {
	const struct cmd_call *call;
	const struct blk_action *action;
	uint64_t offset;
	uint64_t length; /* COPY_TO_THE_END: not said */
	unsigned n_queues;
	unsigned queue_depth;
	uint32_t request_size;
	struct drive drive;
	struct vri_blk *blk;
	struct vri_blk_info info;
};

/* The actions. Return: the exit status. */
int blk_run_info(struct blk_run *run);
int blk_run_copy(struct blk_run *run);
int blk_run_flush(struct blk_run *run);
int blk_run_ranges(struct blk_run *run);

/* Returns: CMD_OK when @length bytes from the offset on are on the device; CMD_FAILED after a
 * message. */
int blk_check_range(const struct blk_run *run, uint64_t length);

/* Says how far it came. Returns: the exit status. */
int blk_interrupted(uint64_t done, uint64_t total);

#endif
