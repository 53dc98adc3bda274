/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* read, write, copy-in and copy-out of `vring drive blk`: opens the file, copies, says what happened. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_drive_blk.h"
#include "model.h"

/* How many bytes the file of a copy-in has. Returns: CMD_OK; CMD_FAILED after a message. */
static int open_source(struct copy *c, uint64_t *ret_size)
{
	struct stat st;
	off_t size;

	/* O_NONBLOCK: the open of a FIFO would wait for a writer. */
	c->fd = open(c->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		return cmd_fail("%s: %s", c->name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return cmd_fail("%s: %s", c->name, strerror(EISDIR));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return cmd_fail("%s: is neither a regular file nor a block device; 'write' takes "
				"streams",
				c->name);
	size = lseek(c->fd, 0, SEEK_END);
	if (size < 0)
		return cmd_fail("%s: %s", c->name, strerror(errno));
	*ret_size = (uint64_t)size;
	return CMD_OK;
}

static int prepare_in(const struct blk_run *run, struct copy *c)
{
	uint64_t size = 0;
	int r;

	c->to_device = true;
	if (run->info.read_only)
		return cmd_fail("%s: the device is read-only", run->drive.address);
	if (c->stream) {
		c->fd = STDIN_FILENO;
		c->name = "standard input";
		return run->length == COPY_TO_THE_END ? CMD_OK : blk_check_range(run, run->length);
	}
	r = open_source(c, &size);
	if (r != CMD_OK)
		return r;
	if (run->length == COPY_TO_THE_END)
		c->length = size;
	else if (run->length > size)
		return cmd_fail("%s: has %llu bytes, and --length asks for %llu", c->name,
				(unsigned long long)size, (unsigned long long)run->length);
	return blk_check_range(run, c->length);
}

static int prepare_out(const struct blk_run *run, struct copy *c)
{
	int r = blk_check_range(run, run->length == COPY_TO_THE_END ? 0 : run->length);

	if (r != CMD_OK)
		return r;
	if (run->length == COPY_TO_THE_END)
		c->length = run->info.capacity - run->offset;
	if (c->stream) {
		c->fd = STDOUT_FILENO;
		c->name = "standard output";
		return CMD_OK;
	}
	c->fd = drive_create_file(c->name);
	return c->fd < 0 ? CMD_FAILED : CMD_OK;
}

static int prepare(const struct blk_run *run, struct copy *c)
{
	const char *action = run->action->name;

	c->stream = strcmp(action, "read") == 0 || strcmp(action, "write") == 0;
	c->name = run->call->arg[2];
	return strcmp(action, "write") == 0 || strcmp(action, "copy-in") == 0 ? prepare_in(run, c) :
										prepare_out(run, c);
}

/* What the virtqueues counted, all of them together: bytes with their headers and status. */
static struct vri_counters queue_counters(const struct blk_run *run)
{
	struct vri_counters sum = { 0 }, one;

	for (unsigned i = 0; i < run->info.n_queues; i++) {
		vri_drvq_get_counters(vri_blk_drvq(run->blk, i), &one);
		sum.bytes_readable += one.bytes_readable;
		sum.bytes_written += one.bytes_written;
		sum.notifications += one.notifications;
		sum.suppressed += one.suppressed;
	}
	return sum;
}

static void report_json(FILE *out, const struct blk_run *run, const struct copy *c, bool complete)
{
	const struct copy_stats *s = &c->stats;
	struct vri_counters counters = queue_counters(run);
	struct model *model = model_new();

	model_text(model, "action", NULL, run->action->name);
	model_number(model, "offset", NULL, run->offset);
	model_number(model, "bytes", NULL, s->bytes);
	model_real(model, "seconds", NULL, s->seconds);
	model_real(model, "bytes_per_second", NULL,
		   s->seconds > 0 ? (double)s->bytes / s->seconds : 0);
	model_number(model, "requests", NULL, s->requests);
	model_number(model, "max_in_flight", NULL, s->max_in_flight);
	model_number(model, "out_of_order", NULL, s->out_of_order);
	model_number(model, "queues", NULL, run->info.n_queues);
	model_number(model, "queue_depth", NULL, run->info.queue_depth);
	model_number(model, "request_size", NULL, c->request_size);
	model_number(model, "queue_bytes_readable", NULL, counters.bytes_readable);
	model_number(model, "queue_bytes_written", NULL, counters.bytes_written);
	model_number(model, "notifications", NULL, counters.notifications);
	model_number(model, "notifications_saved", NULL, counters.suppressed);
	model_bool(model, "verified", NULL, complete && c->verify);
	model_bool(model, "complete", NULL, complete);
	model_print_json(model, out, false);
	model_free(model);
}

static void report_text(FILE *out, const struct blk_run *run, const struct copy *c)
{
	const struct copy_stats *s = &c->stats;
	char size[FORMAT_BYTES_MAX], rate[FORMAT_BYTES_MAX];

	format_bytes(size, sizeof(size), (double)s->bytes);
	format_bytes(rate, sizeof(rate), s->seconds > 0 ? (double)s->bytes / s->seconds : 0);
	fprintf(out,
		"%s: %llu bytes (%s) in %.3f s, %s/s%s; %llu requests, at most %u in flight, %llu "
		"completed out of order\n",
		run->action->name, (unsigned long long)s->bytes, size, s->seconds, rate,
		c->verify ? ", verified" : "", (unsigned long long)s->requests, s->max_in_flight,
		(unsigned long long)s->out_of_order);
}

/* A stream that was to give --length bytes and gave fewer. */
static bool is_short(const struct blk_run *run, const struct copy *c)
{
	return run->length != COPY_TO_THE_END && c->stats.bytes < run->length;
}

static int flush(struct blk_run *run, struct copy *c)
{
	int r;

	if (!cmd_has(run->call, "--flush") || !run->info.flush)
		return 0;
	r = vri_blk_flush(run->blk, 0, run);
	return r < 0 ? r : blk_await(&run->drive, run->blk, c->progress, c->stats.bytes);
}

/* Says how it ended. Returns: the exit status. */
static int explain(const struct blk_run *run, const struct copy *c, int r)
{
	uint64_t total = c->length == COPY_TO_THE_END ? c->length : c->length + c->tail_len;
	int status = CMD_FAILED;

	if (r == -EINTR)
		status = blk_interrupted(c->stats.bytes, total);
	else if (r < 0 && !c->explained)
		status = drive_fail(&run->drive, r);
	if (r < 0) {
		if (r != -EINTR)
			cmd_fail("%s: ended after %llu bytes", run->action->name,
				 (unsigned long long)c->stats.bytes);
		if (!c->to_device && !c->stream)
			cmd_fail("%s: is incomplete", c->name);
		return status;
	}
	if (is_short(run, c))
		return cmd_fail("%s: ended after %llu of %llu bytes", c->name,
				(unsigned long long)c->stats.bytes,
				(unsigned long long)run->length);
	return cmd_flush();
}

static int copy_and_report(struct blk_run *run, struct copy *c)
{
	FILE *out = !c->to_device && c->stream ? stderr : stdout;
	struct progress progress;
	int r;

	progress_begin(&progress, run->action->name, c->length == COPY_TO_THE_END ? 0 : c->length,
		       !cmd_has(run->call, "--no-progress"));
	c->progress = &progress;
	r = copy_run(c);
	if (r == 0)
		r = flush(run, c);
	progress_end(&progress);
	c->progress = NULL;
	if (c->fd > STDERR_FILENO && close(c->fd) < 0 && r == 0 && !c->to_device)
		r = copy_file_error(c, -errno);
	c->fd = -1;

	if (run->call->json)
		report_json(out, run, c, r == 0 && !is_short(run, c));
	else if (r == 0)
		report_text(out, run, c);
	return explain(run, c, r);
}

int blk_run_copy(struct blk_run *run)
{
	struct copy copy = {
		.drive = &run->drive,
		.blk = run->blk,
		.info = run->info,
		.fd = -1,
		.verify = cmd_has(run->call, "--verify"),
		.offset = run->offset,
		.length = run->length,
		.request_size = run->request_size,
	};
	int r = prepare(run, &copy);

	if (r == CMD_OK)
		r = copy_and_report(run, &copy);
	else if (copy.fd > STDERR_FILENO)
		close(copy.fd);
	return r;
}
