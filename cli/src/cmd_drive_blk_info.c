/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* info, flush, discard and write-zeroes of `vring drive blk`: what needs no file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd_drive_blk.h"
#include "interrupt.h"
#include "model.h"

/* ---- info ---- */

static void collect_limits(const struct vri_blk_info *info, struct model *m)
{
	model_size(m, "capacity", "capacity", info->capacity);
	model_number(m, "block_size", "block size", info->block_size);
	model_number(m, "physical_block_size", "physical block size", info->physical_block_size);
	model_number(m, "alignment_offset", "alignment offset", info->alignment_offset);
	model_number(m, "min_io_size", "min I/O size", info->min_io_size);
	model_number(m, "opt_io_size", "opt I/O size", info->opt_io_size);
	model_number(m, "seg_max", "seg max", info->seg_max);
	model_number(m, "size_max", "size max", info->size_max);
	model_bool(m, "read_only", "read-only", info->read_only);
	model_bool(m, "flush", "flush", info->flush);
	model_bool(m, "write_back", "write-back", info->write_back);
	model_bool(m, "discard", "discard", info->discard);
	model_size(m, "max_discard", "max discard", info->max_discard);
	model_number(m, "discard_alignment", "discard alignment", info->discard_alignment);
	model_bool(m, "write_zeroes", "write zeroes", info->write_zeroes);
	model_size(m, "max_write_zeroes", "max write zeroes", info->max_write_zeroes);
	model_bool(m, "write_zeroes_may_unmap", "write zeroes may unmap",
		   info->write_zeroes_may_unmap);
	model_number(m, "queues", "queues", info->n_queues_max);
}

static struct model *collect(const struct blk_run *run, const char *id)
{
	struct vri_driver *drv = run->drive.drv;
	struct vri_features negotiated;
	struct model *m = model_new();
	struct model *features;

	model_text(m, "type", "type", vri_driver_type(drv));
	model_text(m, "name", "name", vri_driver_name(drv));
	model_text(m, "id", "id", id);
	collect_limits(&run->info, m);
	model_number(m, "queue_size_max", "queue size max", vri_driver_max_queue_size(drv));

	vri_driver_features(drv, &negotiated);
	features = model_list(m, "features", "features");
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++) {
		const char *name = vri_feature_name(VRI_ID_BLOCK, bit);

		if (name && vri_features_has(&negotiated, bit))
			model_text(features, NULL, NULL, name);
	}
	return m;
}

/* The id is the one text of a device's that comes past the control channel, which lets printable ASCII through alone.
 * virtio 1.4, 5.2.6: it is ASCII. */
static void escape_id(const char id[VRI_BLK_ID_MAX + 1], char ret_text[4 * VRI_BLK_ID_MAX + 1])
{
	for (; *id; id++)
		ret_text += sprintf(ret_text, *id < 0x20 || *id > 0x7e ? "\\x%02x" : "%c",
				    (unsigned char)*id);
	*ret_text = '\0';
}

int blk_run_info(struct blk_run *run)
{
	char id[VRI_BLK_ID_MAX + 1] = "", text[4 * VRI_BLK_ID_MAX + 1];
	struct model *model;
	int r = vri_blk_get_id(run->blk, 0, id, run);

	if (r == 0)
		r = blk_await(&run->drive, run->blk, NULL, 0);
	if (r == -EINTR)
		return interrupt_status();
	/* A device need not know this request. */
	if (r < 0 && r != -EOPNOTSUPP && r != -EIO)
		return drive_fail(&run->drive, r);
	escape_id(id, text);
	model = collect(run, r < 0 ? NULL : text);
	r = model_print(model, run->call->json);
	model_free(model);
	return r;
}

/* ---- flush, discard, write-zeroes ---- */

static int report_json(const struct blk_run *run, uint64_t bytes, uint64_t requests, double seconds)
{
	struct model *model = model_new();
	int r;

	model_text(model, "action", NULL, run->action->name);
	model_number(model, "offset", NULL, run->offset);
	model_number(model, "bytes", NULL, bytes);
	model_number(model, "requests", NULL, requests);
	model_real(model, "seconds", NULL, seconds);
	r = model_print_json(model, stdout, false);
	model_free(model);
	return r;
}

static int report(const struct blk_run *run, uint64_t bytes, uint64_t requests, double seconds)
{
	if (run->call->json)
		return report_json(run, bytes, requests, seconds);
	if (run->length == COPY_TO_THE_END)
		printf("%s: done in %.3f s\n", run->action->name, seconds);
	else
		printf("%s: %llu bytes at offset %llu in %.3f s; %llu requests\n",
		       run->action->name, (unsigned long long)bytes,
		       (unsigned long long)run->offset, seconds, (unsigned long long)requests);
	return cmd_flush();
}

int blk_run_flush(struct blk_run *run)
{
	struct progress progress;
	int r;

	if (!run->info.flush)
		return cmd_fail("%s: the device knows no flush: its writes are durable when they "
				"are done",
				run->drive.address);
	progress_begin(&progress, "flush", 0, false);
	r = vri_blk_flush(run->blk, 0, run);
	if (r == 0)
		r = blk_await(&run->drive, run->blk, NULL, 0);
	if (r == -EINTR)
		return interrupt_status();
	if (r < 0)
		return drive_fail(&run->drive, r);
	return report(run, 0, 1, progress_seconds(&progress));
}

struct range_limits {
	bool possible;
	uint64_t max; /* bytes in one request */
};

static struct range_limits limits_of(const struct blk_run *run, bool zeroes)
{
	const struct vri_blk_info *info = &run->info;
	struct range_limits limits = {
		.possible = zeroes ? info->write_zeroes : info->discard,
		.max = zeroes ? info->max_write_zeroes : info->max_discard,
	};

	limits.max = limits.max / VRI_BLK_SECTOR * VRI_BLK_SECTOR;
	if (limits.max == 0)
		limits.max = run->length;
	return limits;
}

/* Returns: 0; -EINTR; what went wrong. */
static int one_range(struct blk_run *run, bool zeroes, uint64_t at, uint64_t len,
		     struct progress *progress)
{
	uint64_t offset = run->offset + at;
	int r;

	if (interrupt_signal())
		return -EINTR;
	progress_update(progress, at);
	r = zeroes ? vri_blk_write_zeroes(run->blk, 0, offset, len, cmd_has(run->call, "--unmap"),
					  run) :
		     vri_blk_discard(run->blk, 0, offset, len, run);
	return r < 0 ? r : blk_await(&run->drive, run->blk, progress, at);
}

static int check_ranges(const struct blk_run *run, const struct range_limits *limits, bool zeroes)
{
	const char *address = run->drive.address;

	if (run->info.read_only)
		return cmd_fail("%s: the device is read-only", address);
	if (!limits->possible)
		return cmd_fail("%s: the device knows no %s", address, run->action->name);
	if (zeroes && cmd_has(run->call, "--unmap") && !run->info.write_zeroes_may_unmap)
		return cmd_fail("%s: --unmap: the device does not unmap when it writes zeroes",
				address);
	return blk_check_range(run, run->length);
}

int blk_run_ranges(struct blk_run *run)
{
	bool zeroes = strcmp(run->action->name, "write-zeroes") == 0;
	struct range_limits limits = limits_of(run, zeroes);
	struct progress progress;
	uint64_t done = 0, requests = 0;
	int r = check_ranges(run, &limits, zeroes);

	if (r != CMD_OK)
		return r;
	progress_begin(&progress, run->action->name, run->length,
		       !cmd_has(run->call, "--no-progress"));
	while (r == 0 && done < run->length) {
		uint64_t rest = run->length - done;
		uint64_t len = rest < limits.max ? rest : limits.max;

		r = one_range(run, zeroes, done, len, &progress);
		if (r == 0) {
			done += len;
			requests++;
		}
	}
	progress_end(&progress);
	if (r == -EINTR)
		return blk_interrupted(done, run->length);
	if (r == -EIO)
		return cmd_fail("%s: the device could not %s at offset %llu: %s",
				run->drive.address, run->action->name,
				(unsigned long long)(run->offset + done), vri_strerror(r));
	if (r < 0)
		return drive_fail(&run->drive, r);
	return report(run, done, requests, progress_seconds(&progress));
}
