/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* info, flush, discard and write-zeroes of `vring drive blk`: what needs no file. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd_drive_blk.h"
#include "interrupt.h"

/* ---- info ---- */

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_BYTES, FIELD_BOOL };

/* One fact about a device; the printers for text and JSON walk the same list. */
struct field {
	const char *key;
	enum field_kind kind;
	const char *text;
	uint64_t number;
};

#define FIELDS_MAX 32

struct facts {
	struct field field[FIELDS_MAX];
	unsigned n;
	const char *features[VRI_FEATURE_BITS];
	unsigned n_features;
};

static void add(struct facts *f, const char *key, enum field_kind kind, const char *text,
		uint64_t number)
{
	if (f->n < FIELDS_MAX)
		f->field[f->n++] = (struct field){ key, kind, text, number };
}

static void collect(const struct blk_run *run, const char *id, struct facts *f)
{
	const struct vri_blk_info *info = &run->info;
	struct vri_driver *drv = run->drive.drv;
	struct vri_features negotiated;

	add(f, "type", FIELD_TEXT, vri_driver_type(drv), 0);
	add(f, "name", FIELD_TEXT, vri_driver_name(drv), 0);
	add(f, "id", FIELD_TEXT, id, 0);
	add(f, "capacity", FIELD_BYTES, NULL, info->capacity);
	add(f, "block_size", FIELD_NUMBER, NULL, info->block_size);
	add(f, "physical_block_size", FIELD_NUMBER, NULL, info->physical_block_size);
	add(f, "alignment_offset", FIELD_NUMBER, NULL, info->alignment_offset);
	add(f, "min_io_size", FIELD_NUMBER, NULL, info->min_io_size);
	add(f, "opt_io_size", FIELD_NUMBER, NULL, info->opt_io_size);
	add(f, "seg_max", FIELD_NUMBER, NULL, info->seg_max);
	add(f, "size_max", FIELD_NUMBER, NULL, info->size_max);
	add(f, "read_only", FIELD_BOOL, NULL, info->read_only);
	add(f, "flush", FIELD_BOOL, NULL, info->flush);
	add(f, "write_back", FIELD_BOOL, NULL, info->write_back);
	add(f, "discard", FIELD_BOOL, NULL, info->discard);
	add(f, "max_discard", FIELD_BYTES, NULL, info->max_discard);
	add(f, "discard_alignment", FIELD_NUMBER, NULL, info->discard_alignment);
	add(f, "write_zeroes", FIELD_BOOL, NULL, info->write_zeroes);
	add(f, "max_write_zeroes", FIELD_BYTES, NULL, info->max_write_zeroes);
	add(f, "write_zeroes_may_unmap", FIELD_BOOL, NULL, info->write_zeroes_may_unmap);
	add(f, "queues", FIELD_NUMBER, NULL, info->n_queues_max);
	add(f, "queue_size_max", FIELD_NUMBER, NULL, vri_driver_max_queue_size(drv));

	vri_driver_features(drv, &negotiated);
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++) {
		const char *name = vri_feature_name(VRI_ID_BLOCK, bit);

		if (name && vri_features_has(&negotiated, bit))
			f->features[f->n_features++] = name;
	}
}

static void print_text(const struct facts *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct field *field = &f->field[i];
		char human[FORMAT_BYTES_MAX];

		printf("%-24s", field->key);
		switch (field->kind) {
		case FIELD_TEXT:
			puts(field->text);
			break;
		case FIELD_NUMBER:
			printf("%llu\n", (unsigned long long)field->number);
			break;
		case FIELD_BYTES:
			format_bytes(human, sizeof(human), (double)field->number);
			printf("%llu (%s)\n", (unsigned long long)field->number, human);
			break;
		case FIELD_BOOL:
			puts(field->number ? "yes" : "no");
			break;
		}
	}
	printf("%-24s", "features");
	for (unsigned i = 0; i < f->n_features; i++)
		printf("%s%s", i ? " " : "", f->features[i]);
	putchar('\n');
}

static int print_json(const struct facts *f)
{
	json_t *root = json_object(), *names = json_array();
	int r = root && names ? 0 : -1;

	for (unsigned i = 0; r == 0 && i < f->n; i++) {
		const struct field *field = &f->field[i];
		json_t *value = field->kind == FIELD_TEXT ? json_string(field->text) :
				field->kind == FIELD_BOOL ? json_boolean(field->number) :
							    json_integer((json_int_t)field->number);

		r = json_object_set_new(root, field->key, value ? value : json_null());
	}
	for (unsigned i = 0; r == 0 && i < f->n_features; i++)
		r = json_array_append_new(names, json_string(f->features[i]));
	if (r == 0)
		r = json_object_set(root, "features", names);
	if (r == 0)
		r = json_dumpf(root, stdout, JSON_INDENT(2));
	json_decref(names);
	json_decref(root);
	if (r < 0)
		return cmd_fail("cannot print the result");
	putchar('\n');
	return cmd_flush();
}

/* What a device answers is shown without bytes that a terminal would obey. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

int blk_run_info(struct blk_run *run)
{
	char id[VRI_BLK_ID_MAX + 1] = "";
	struct facts facts = { 0 };
	int r = vri_blk_get_id(run->blk, 0, id, run);

	if (r == 0)
		r = blk_await(&run->drive, run->blk, NULL, 0);
	if (r == -EINTR)
		return interrupt_status();
	/* A device need not know this request. */
	if (r < 0 && r != -EOPNOTSUPP && r != -EIO)
		return drive_fail(&run->drive, r);
	make_printable(id);
	collect(run, id, &facts);
	if (run->call->json)
		return print_json(&facts);
	print_text(&facts);
	return cmd_flush();
}

/* ---- flush, discard, write-zeroes ---- */

static int report(const struct blk_run *run, uint64_t bytes, uint64_t requests, double seconds)
{
	json_t *root;

	if (!run->call->json) {
		if (run->length == COPY_TO_THE_END)
			printf("%s: done in %.3f s\n", run->action->name, seconds);
		else
			printf("%s: %llu bytes at offset %llu in %.3f s; %llu requests\n",
			       run->action->name, (unsigned long long)bytes,
			       (unsigned long long)run->offset, seconds,
			       (unsigned long long)requests);
		return cmd_flush();
	}
	root = json_pack("{s:s, s:I, s:I, s:I, s:f}", "action", run->action->name, "offset",
			 (json_int_t)run->offset, "bytes", (json_int_t)bytes, "requests",
			 (json_int_t)requests, "seconds", seconds);
	if (!root || json_dumpf(root, stdout, JSON_INDENT(2)) < 0) {
		json_decref(root);
		return cmd_fail("cannot print the result");
	}
	json_decref(root);
	putchar('\n');
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
