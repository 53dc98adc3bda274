/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive blk`: checks the command line, opens the device, does one of the actions. */
#include "cmd_drive_blk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "options.h"

#define QUEUE_DEPTH_DEFAULT 32
#define QUEUE_DEPTH_MAX 1024
#define REQUEST_SIZE_DEFAULT (128u << 10)
#define REQUEST_SIZE_MAX (16u << 20)
/* More than this much memory in flight is a slip of the hand. */
#define POOL_MAX (UINT64_C(4) << 30)

enum {
	TAKES_RANGE = 1, /* --offset, --length */
	TAKES_COPY = 2, /* --queue-depth, --queues, --request-size, --no-progress */
	TAKES_VERIFY = 4,
	TAKES_FLUSH = 8,
	TAKES_UNMAP = 16,
	NEEDS_FILE = 32,
	NEEDS_LENGTH = 64,
};

static const struct blk_action actions[] = {
	{ "info", 0, blk_run_info },
	{ "read", TAKES_RANGE | TAKES_COPY, blk_run_copy },
	{ "write", TAKES_RANGE | TAKES_COPY | TAKES_VERIFY | TAKES_FLUSH, blk_run_copy },
	{ "copy-in", TAKES_RANGE | TAKES_COPY | TAKES_VERIFY | TAKES_FLUSH | NEEDS_FILE,
	  blk_run_copy },
	{ "copy-out", TAKES_RANGE | TAKES_COPY | TAKES_VERIFY | NEEDS_FILE, blk_run_copy },
	{ "flush", 0, blk_run_flush },
	{ "discard", TAKES_RANGE | NEEDS_LENGTH, blk_run_ranges },
	{ "write-zeroes", TAKES_RANGE | NEEDS_LENGTH | TAKES_UNMAP, blk_run_ranges },
};

/* Options that make sense for some actions only. */
static const struct {
	const char *name;
	unsigned needs;
} restricted[] = {
	{ "--offset", TAKES_RANGE },	  { "--length", TAKES_RANGE },
	{ "--queue-depth", TAKES_COPY },  { "--queues", TAKES_COPY },
	{ "--request-size", TAKES_COPY }, { "--no-progress", TAKES_RANGE },
	{ "--verify", TAKES_VERIFY },	  { "--flush", TAKES_FLUSH },
	{ "--unmap", TAKES_UNMAP },
};

static const struct blk_action *find_action(const char *name)
{
	for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

static int check_action(const struct blk_run *run)
{
	const struct cmd_call *call = run->call;
	const struct blk_action *action = run->action;
	bool file = action->flags & NEEDS_FILE;

	if (file && call->n_args < 3)
		return cmd_usage("drive blk %s: the FILE is missing", action->name);
	if (!file && call->n_args > 2)
		return cmd_usage("drive blk %s takes no FILE", action->name);
	for (unsigned i = 0; i < sizeof(restricted) / sizeof(restricted[0]); i++) {
		if (cmd_has(call, restricted[i].name) && !(action->flags & restricted[i].needs))
			return cmd_usage("drive blk %s: %s has no meaning here", action->name,
					 restricted[i].name);
	}
	if ((action->flags & NEEDS_LENGTH) && !cmd_has(call, "--length"))
		return cmd_usage("drive blk %s: --length is missing: how many bytes?",
				 action->name);
	return CMD_OK;
}

/* Only whole sectors can be discarded or zeroed, and a copy begins at one. */
static int read_numbers(struct blk_run *run)
{
	const struct cmd_call *call = run->call;
	uint64_t request_size = run->request_size;
	unsigned unit = run->action->flags & NEEDS_LENGTH ? VRI_BLK_SECTOR : 1;
	int r;

	r = option_multiple(call, "--offset", VRI_BLK_SECTOR, 0, INT64_MAX, &run->offset);
	if (r == CMD_OK)
		r = option_multiple(call, "--length", unit, 1, INT64_MAX, &run->length);
	if (r == CMD_OK)
		r = option_unsigned(call, "--queues", 1, VRI_QUEUES_MAX, &run->n_queues);
	if (r == CMD_OK)
		r = option_unsigned(call, "--queue-depth", 1, QUEUE_DEPTH_MAX, &run->queue_depth);
	if (r == CMD_OK)
		r = option_multiple(call, "--request-size", VRI_BLK_SECTOR, VRI_BLK_SECTOR,
				    REQUEST_SIZE_MAX, &request_size);
	if (r == CMD_OK)
		r = drive_check(call);
	if (r != CMD_OK)
		return r;
	run->request_size = (uint32_t)request_size;
	if ((uint64_t)run->n_queues * run->queue_depth * request_size > POOL_MAX)
		return cmd_usage("drive blk: --queues, --queue-depth and --request-size together "
				 "ask for more than 4 GiB of buffers");
	return CMD_OK;
}

static int check_streams(const struct blk_run *run)
{
	if (run->action->run == blk_run_copy && strcmp(run->action->name, "read") == 0 &&
	    isatty(STDOUT_FILENO))
		return cmd_usage(
			"drive blk read: the bytes would upset the terminal: redirect them, "
			"or use copy-out");
	return CMD_OK;
}

/* The buffers, a request's header and status for each, and what alignment takes. */
static size_t pool_size(const struct blk_run *run)
{
	size_t n = (size_t)run->n_queues * run->queue_depth;

	return n * ((size_t)run->request_size + 256) + (64u << 10);
}

static int open_device(struct blk_run *run)
{
	const struct drive_needs needs = {
		.type = VRI_BLK_TYPE,
		.device_id = VRI_ID_BLOCK,
		.n_queues = run->n_queues,
		.pool_size = pool_size(run),
	};
	const struct vri_blk_opts opts = {
		.size = sizeof(opts),
		.n_queues = run->n_queues,
		.queue_depth = run->queue_depth,
	};
	struct drive *d = &run->drive;
	int r = drive_open(d, run->call, &needs);

	if (r != CMD_OK)
		return r;
	r = vri_blk_open(d->drv, &opts, &run->blk);
	if (r < 0)
		return drive_fail(d, r);
	vri_blk_get_info(run->blk, &run->info);
	r = interrupt_catch();
	return r < 0 ? drive_fail(d, r) : CMD_OK;
}

int blk_check_range(const struct blk_run *run, uint64_t length)
{
	uint64_t capacity = run->info.capacity;

	if (run->offset > capacity || length > capacity - run->offset)
		return cmd_fail("%s: %llu bytes at offset %llu do not fit: the device has %llu",
				run->drive.address, (unsigned long long)length,
				(unsigned long long)run->offset, (unsigned long long)capacity);
	return CMD_OK;
}

int blk_interrupted(uint64_t done, uint64_t total)
{
	if (total == COPY_TO_THE_END)
		cmd_fail("interrupted after %llu bytes", (unsigned long long)done);
	else
		cmd_fail("interrupted after %llu of %llu bytes", (unsigned long long)done,
			 (unsigned long long)total);
	return interrupt_status();
}

int cmd_drive_blk(const struct cmd_call *call)
{
	struct blk_run run = {
		.call = call,
		.action = find_action(call->arg[1]),
		.length = COPY_TO_THE_END,
		.n_queues = 1,
		.queue_depth = QUEUE_DEPTH_DEFAULT,
		.request_size = REQUEST_SIZE_DEFAULT,
	};
	int r;

	if (!run.action)
		return cmd_usage("drive blk: there is no action '%s'", call->arg[1]);
	r = check_action(&run);
	if (r == CMD_OK)
		r = read_numbers(&run);
	if (r == CMD_OK)
		r = check_streams(&run);
	if (r == CMD_OK)
		r = open_device(&run);
	if (r == CMD_OK)
		r = run.action->run(&run);
	vri_blk_close(run.blk);
	drive_close(&run.drive);
	return r;
}
