/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive rng`: fetches random bytes and writes them to stdout or a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/devices/rng.h>

#include "drive.h"
#include "interrupt.h"
#include "model.h"
#include "progress.h"

#define CHUNK 65536u
#define DEPTH 4u

struct rng_run {
	struct drive drive;
	struct vri_drvq *q;
	struct iovec buffer[DEPTH];
	uint64_t wanted, got;
	int out;
	bool hex;
	unsigned column; /* of the hex line */
	bool output_failed; /* a message was printed */
};

/* As many requests as the rest needs, and no more: the device should not work for nothing. */
static int ask(struct rng_run *run)
{
	struct vri_pool *pool = vri_driver_pool(run->drive.drv);
	uint64_t rest = run->wanted;
	int r = 0;

	run->q = vri_driver_drvq(run->drive.drv, 0);
	if (!run->q)
		return -EPROTO;
	for (unsigned i = 0; r == 0 && i < DEPTH && rest > 0; i++) {
		struct iovec *b = &run->buffer[i];

		b->iov_len = CHUNK;
		b->iov_base = vri_pool_alloc(pool, CHUNK);
		if (!b->iov_base)
			return -ENOMEM;
		r = vri_drvq_add(run->q, NULL, 0, b, 1, b);
		rest -= rest < CHUNK ? rest : CHUNK;
	}
	return r < 0 ? r : vri_drvq_kick(run->q);
}

static int print_hex(struct rng_run *run, const unsigned char *bytes, size_t len)
{
	char line[3 * 32 + 1];
	size_t used = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++) {
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%02x", bytes[i]);
		if (++run->column == 32 || i + 1 == len) {
			if (run->column == 32) {
				line[used++] = '\n';
				run->column = 0;
			}
			r = drive_write_all(run->out, line, used);
			used = 0;
		}
	}
	return r;
}

/* One buffer came back: its bytes go out, and it goes in again if more are needed. */
static int take(struct rng_run *run, struct iovec *b, uint32_t len)
{
	uint64_t missing = run->wanted - run->got;
	size_t n = len < missing ? len : (size_t)missing;
	int r;

	if (len == 0)
		return -EPROTO;
	r = run->hex ? print_hex(run, b->iov_base, n) : drive_write_all(run->out, b->iov_base, n);
	explicit_bzero(b->iov_base, len);
	if (r < 0) {
		if (r != -EINTR) {
			cmd_fail("cannot write the bytes: %s", strerror(-r));
			run->output_failed = true;
		}
		return r;
	}
	run->got += n;
	if (run->got == run->wanted)
		return 0;
	r = vri_drvq_add(run->q, NULL, 0, b, 1, b);
	return r < 0 ? r : vri_drvq_kick(run->q);
}

static int fetch(struct rng_run *run, struct progress *progress)
{
	int r = ask(run);

	while (r >= 0 && run->got < run->wanted) {
		void *token = NULL;
		uint32_t len = 0;

		if (interrupt_signal())
			return -EINTR;
		progress_update(progress, run->got);
		r = vri_drvq_get_used(run->q, &token, &len);
		if (r == 1)
			r = take(run, token, len);
		else if (r == 0 && (run->drive.gone || run->drive.needs_reset))
			r = -ECONNRESET;
		else if (r == 0)
			r = drive_wait(&run->drive, -1, progress_wait_ms(progress));
	}
	if (r >= 0 && run->hex && run->column)
		r = drive_write_all(run->out, "\n", 1);
	return r < 0 ? r : 0;
}

static void report(const struct rng_run *run, double seconds)
{
	struct model *model = model_new();

	model_number(model, "bytes", NULL, run->got);
	model_real(model, "seconds", NULL, seconds);
	model_bool(model, "complete", NULL, run->got == run->wanted);
	/* Not among the bytes themselves. */
	model_print_json(model, run->out == STDOUT_FILENO ? stderr : stdout, false);
	model_free(model);
}

static int drive(struct rng_run *run, const struct cmd_call *call)
{
	const struct drive_needs needs = {
		.type = VRI_RNG_TYPE,
		.device_id = VRI_ID_RNG,
		.n_queues = 1,
		.pool_size = 2 * CHUNK * DEPTH,
	};
	struct progress progress;
	int r = drive_open(&run->drive, call, &needs);

	if (r != CMD_OK)
		return r;
	r = vri_driver_start(run->drive.drv, NULL, NULL);
	if (r == 0)
		r = interrupt_catch();
	if (r < 0)
		return drive_fail(&run->drive, r);
	if (cmd_value(call, "--output"))
		run->out = drive_create_file(cmd_value(call, "--output"));
	if (run->out < 0)
		return CMD_FAILED;

	progress_begin(&progress, "rng", run->wanted, !cmd_has(call, "--no-progress"));
	r = fetch(run, &progress);
	progress_end(&progress);
	if (run->out != STDOUT_FILENO && close(run->out) < 0 && r == 0) {
		r = -errno;
		run->output_failed = true;
		cmd_fail("%s: %s", cmd_value(call, "--output"), strerror(errno));
	}
	if (call->json)
		report(run, progress_seconds(&progress));
	if (r == -EINTR) {
		cmd_fail("interrupted after %llu of %llu bytes", (unsigned long long)run->got,
			 (unsigned long long)run->wanted);
		return interrupt_status();
	}
	if (r < 0)
		return run->output_failed ? CMD_FAILED : drive_fail(&run->drive, r);
	return cmd_flush();
}

int cmd_drive_rng(const struct cmd_call *call)
{
	struct rng_run run = { .out = STDOUT_FILENO, .hex = cmd_has(call, "--hex") };
	int r;

	if (!cmd_value(call, "--bytes"))
		return cmd_usage("drive rng: --bytes is missing: how many?");
	r = cmd_option_size(call, "--bytes", 1, INT64_MAX, &run.wanted);
	if (r == CMD_OK)
		r = drive_check(call);
	if (r != CMD_OK)
		return r;
	if (!cmd_value(call, "--output") && !run.hex && isatty(STDOUT_FILENO))
		return cmd_usage("drive rng: random bytes would upset the terminal: use --hex, "
				 "--output, or a pipe");
	r = drive(&run, call);
	drive_close(&run.drive);
	return r;
}
