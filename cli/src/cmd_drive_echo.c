/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive echo`: sends one message and prints what came back, or sends many and checks each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vring-ipc/devices/echo.h>

#include "drive.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "progress.h"

#define SIZE_MAX_ECHO (16u << 20)
#define DEFAULT_COUNT 1000
#define DEFAULT_SIZE 64

struct echo_run {
	struct drive drive;
	struct vri_drvq *q;
	const char *message; /* NULL: count messages of size bytes each */
	uint64_t count;
	uint64_t size;
	struct iovec request, reply; /* pool */
	uint64_t sent, checked;
	uint32_t got; /* bytes of the last reply */
	uint64_t least_ns, most_ns, total_ns; /* of the round trips */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* One message there and back. Returns: 0; -EINTR; what went wrong. */
static int round_trip(struct echo_run *run)
{
	struct drive *d = &run->drive;
	uint64_t begun = now_ns();
	void *token = NULL;
	int r = vri_drvq_add(run->q, &run->request, 1, &run->reply, 1, run);

	if (r == 0)
		r = vri_drvq_kick(run->q);
	run->sent += r >= 0;
	while (r >= 0 && (r = vri_drvq_get_used(run->q, &token, &run->got)) == 0) {
		if (interrupt_signal())
			return -EINTR;
		if (d->gone || d->needs_reset)
			return -ECONNRESET;
		r = drive_wait(d, -1, -1);
	}
	if (r < 0)
		return r;

	uint64_t took = now_ns() - begun;

	if (!run->least_ns || took < run->least_ns)
		run->least_ns = took;
	if (took > run->most_ns)
		run->most_ns = took;
	run->total_ns += took;
	return 0;
}

/* Bytes that differ from message to message and from place to place, so that a reply which is late,
 * moved or cut is found out. */
static void fill(struct iovec *io, uint64_t seed)
{
	unsigned char *p = io->iov_base;

	for (size_t i = 0; i < io->iov_len; i++)
		p[i] = (unsigned char)((seed * 31 + i * 7 + (i >> 8)) & 0xff);
}

static bool is_echo(const struct echo_run *run, uint64_t seed)
{
	const unsigned char *p = run->reply.iov_base;

	if (run->got != run->reply.iov_len)
		return false;
	for (size_t i = 0; i < run->reply.iov_len; i++) {
		if (p[i] != (unsigned char)((seed * 31 + i * 7 + (i >> 8)) & 0xff))
			return false;
	}
	return true;
}

static int run_count(struct echo_run *run, const struct cmd_call *call)
{
	struct progress progress;
	int r = 0;

	progress_begin(&progress, "echo", run->count * run->size, !cmd_has(call, "--no-progress"));
	while (r == 0 && run->checked < run->count) {
		if (interrupt_signal())
			r = -EINTR;
		progress_update(&progress, run->checked * run->size);
		if (r < 0)
			break;
		fill(&run->request, run->checked);
		memset(run->reply.iov_base, 0, run->reply.iov_len);
		r = round_trip(run);
		if (r == 0 && !is_echo(run, run->checked))
			r = -EBADMSG;
		run->checked += r == 0;
	}
	progress_end(&progress);
	return r;
}

/* A reply is a device's bytes: a terminal gets them without control characters. */
static void print_reply(const unsigned char *p, size_t len)
{
	bool terminal = isatty(STDOUT_FILENO);

	for (size_t i = 0; i < len; i++) {
		if (terminal && (p[i] < 0x20 || p[i] == 0x7f))
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
	}
	putchar('\n');
}

static int report_json(const struct echo_run *run)
{
	struct model *model = model_new();
	struct model *times;
	int r;

	model_number(model, "messages", NULL, run->checked);
	model_number(model, "wanted", NULL, run->count);
	model_number(model, "bytes_each", NULL, run->size);
	model_bool(model, "complete", NULL, run->checked == run->count);
	if (run->checked) {
		times = model_object(model, "round_trip_ns", NULL);
		model_number(times, "min", NULL, run->least_ns);
		model_number(times, "mean", NULL, run->total_ns / run->checked);
		model_number(times, "max", NULL, run->most_ns);
	}
	if (run->message && run->checked)
		model_format(model, "reply", NULL, "%.*s", (int)run->got,
			     (const char *)run->reply.iov_base);
	r = model_print_json(model, stdout, false);
	model_free(model);
	return r;
}

static void report_text(const struct echo_run *run)
{
	if (run->message) {
		if (run->checked)
			print_reply(run->reply.iov_base, run->got);
		return;
	}
	printf("echo: %llu messages of %llu bytes came back as they were",
	       (unsigned long long)run->checked, (unsigned long long)run->size);
	if (run->checked)
		printf("; round trip min %.2f, mean %.2f, max %.2f us", (double)run->least_ns / 1e3,
		       (double)run->total_ns / (double)run->checked / 1e3,
		       (double)run->most_ns / 1e3);
	putchar('\n');
}

static int converse(struct echo_run *run, const struct cmd_call *call)
{
	int r;

	if (!run->message)
		return run_count(run, call);
	memcpy(run->request.iov_base, run->message, run->size);
	r = round_trip(run);
	run->checked += r == 0;
	return r;
}

/* Starts the device and takes the two buffers. */
static int start(struct echo_run *run, struct vri_echo **ret_echo)
{
	struct drive *d = &run->drive;
	struct vri_pool *pool;
	int r = vri_echo_open(
		d->drv, &(struct vri_echo_opts){ .size = sizeof(struct vri_echo_opts) }, ret_echo);

	if (r < 0)
		return drive_fail(d, r);
	if (run->size > vri_echo_max_message(*ret_echo))
		return cmd_fail("%s: %llu bytes are too many: the device echoes %u", d->address,
				(unsigned long long)run->size, vri_echo_max_message(*ret_echo));
	pool = vri_driver_pool(d->drv);
	run->q = vri_driver_drvq(d->drv, 0);
	run->request = (struct iovec){ vri_pool_alloc(pool, run->size), run->size };
	run->reply = (struct iovec){ vri_pool_alloc(pool, run->size), run->size };
	if (!run->q || !run->request.iov_base || !run->reply.iov_base)
		return drive_fail(d, -ENOMEM);
	r = interrupt_catch();
	return r < 0 ? drive_fail(d, r) : CMD_OK;
}

static int finish(const struct echo_run *run, const struct cmd_call *call, int r)
{
	if (call->json)
		report_json(run);
	else if (r == 0)
		report_text(run);
	if (r == -EINTR) {
		cmd_fail("interrupted after %llu of %llu messages",
			 (unsigned long long)run->checked, (unsigned long long)run->count);
		return interrupt_status();
	}
	if (r == -EBADMSG)
		return cmd_fail("%s: message %llu did not come back as it was sent",
				run->drive.address, (unsigned long long)run->checked);
	return r < 0 ? drive_fail(&run->drive, r) : cmd_flush();
}

static int drive(struct echo_run *run, const struct cmd_call *call)
{
	const struct drive_needs needs = {
		.type = VRI_ECHO_TYPE,
		.device_id = VRI_ID_ECHO,
		.pool_size = 4 * run->size + 65536,
	};
	struct vri_echo *echo = NULL;
	int r = drive_open(&run->drive, call, &needs);

	if (r == CMD_OK)
		r = start(run, &echo);
	if (r == CMD_OK)
		r = finish(run, call, converse(run, call));
	vri_echo_close(echo);
	return r;
}

int cmd_drive_echo(const struct cmd_call *call)
{
	struct echo_run run = { .count = DEFAULT_COUNT, .size = DEFAULT_SIZE };
	int r = cmd_option_number(call, "--count", 1, UINT64_C(1) << 48, &run.count);

	if (r == CMD_OK)
		r = cmd_option_size(call, "--size", 1, SIZE_MAX_ECHO, &run.size);
	if (r == CMD_OK)
		r = drive_check(call);
	if (r != CMD_OK)
		return r;
	if (call->n_args > 1) {
		if (cmd_has(call, "--count") || cmd_has(call, "--size"))
			return cmd_usage("drive echo: either a MESSAGE, or --count and --size");
		run.message = call->arg[1];
		run.count = 1;
		run.size = strlen(run.message);
	}
	r = drive(&run, call);
	drive_close(&run.drive);
	return r;
}
