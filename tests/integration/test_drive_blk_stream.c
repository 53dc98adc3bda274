/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive blk read` and `write`: bytes that come and go through pipes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "test.h"

struct stream_case {
	size_t bytes;
	const char *request_size;
};

static const struct stream_case stream_cases[] = {
	{ 0, "4K" },	{ 1, "4K" },	  { 512, "512" },  { 4096, "4K" },
	{ 4097, "4K" }, { 100000, "4K" }, { MIB, "128K" }, { MIB - 1, "64K" },
};

TestEach(drive_blk_stream, stream_comes_back_as_it_was, stream_cases, struct stream_case)
{
	const struct program_setup with_input = { .with_input = true };
	char *data = malloc(param->bytes + 1);
	char length[32];
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	t_not_null(data);
	fill_bytes(data, param->bytes, 6);
	const char *const words[] = { "drive",		"blk",
				      d.address,	"write",
				      "--request-size", param->request_size,
				      "--verify",	NULL };

	program_start(&p, &with_input, words);
	/* In pieces of odd sizes, so that reads end anywhere. */
	for (size_t at = 0; at < param->bytes; at += 3333)
		t_true(program_write(&p, data + at,
				     param->bytes - at < 3333 ? param->bytes - at : 3333));
	t_eq(program_finish(&p), 0);
	program_free(&p);
	if (param->bytes) {
		snprintf(length, sizeof(length), "%zu", param->bytes);
		t_eq(vring(&p, "drive", "blk", d.address, "read", "--length", length,
			   "--request-size", param->request_size, NULL),
		     0);
		t_eq(p.stdout_bytes.len, param->bytes);
		t_mem_eq(p.stdout_bytes.data, data, param->bytes);
		program_free(&p);
	}
	free(data);
	disk_close(&d);
}

Test(drive_blk_stream, stream_that_goes_on_after_the_end_is_an_error)
{
	const struct program_setup with_input = { .with_input = true };
	char *data = calloc(1, MIB + 1);
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	t_not_null(data);
	const char *const words[] = { "drive", "blk", d.address, "write", NULL };

	program_start(&p, &with_input, words);
	program_write(&p, data, MIB + 1);
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "goes on after the end of the device");
	program_free(&p);
	free(data);
	disk_close(&d);
}

Test(drive_blk_stream, stream_that_ends_too_early_is_an_error)
{
	const struct program_setup with_input = { .with_input = true };
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	const char *const words[] = {
		"drive", "blk", d.address, "write", "--length", "1000", NULL
	};

	program_start(&p, &with_input, words);
	t_true(program_write(&p, "0123456789", 10));
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "ended after 10 of 1000 bytes");
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk_stream, no_more_is_taken_from_a_stream_than_was_asked_for)
{
	const struct program_setup with_input = { .with_input = true };
	char data[8192];
	struct program p;
	struct disk d;
	struct bytes before, after;

	disk_open(&d, MIB);
	before = read_file(d.image);
	const char *const words[] = {
		"drive", "blk", d.address, "write", "--length", "1000", NULL
	};

	fill_bytes(data, sizeof(data), 2);
	program_start(&p, &with_input, words);
	program_write(&p, data, sizeof(data));
	t_eq(program_finish(&p), 0);
	after = read_file(d.image);
	t_mem_eq(after.data, data, 1000);
	t_mem_eq(after.data + 1000, before.data + 1000, MIB - 1000);
	free(before.data);
	free(after.data);
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk_stream, summary_of_a_read_is_not_among_its_bytes)
{
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "read", "--json", NULL), 0);
	t_eq(p.stdout_bytes.len, MIB);
	t_strstr(p.stderr_bytes.data, "\"bytes\": 1048576");
	program_free(&p);
	disk_close(&d);
}
