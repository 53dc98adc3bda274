/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive blk` with disks that fail, lie or answer in another order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mock_disk.h"
#include "program.h"
#include "test.h"
#include "tmpdir.h"

struct scene {
	struct tmpdir dir;
	const char *address, *file, *copy;
	struct mock_disk disk;
	struct program p;
};

static void scene_open(struct scene *s, enum mock_disk_habit habit)
{
	s->p = (struct program){ .in = -1, .out = -1, .err = -1 };
	tmpdir_open(&s->dir);
	s->address = tmpdir_unix(&s->dir, "s");
	s->file = tmpdir_file(&s->dir, "file");
	s->copy = tmpdir_file(&s->dir, "copy");
	make_file(s->file, MOCK_DISK_SIZE, 1);
	mock_disk_start(&s->disk, s->address, habit);
}

static void scene_close(struct scene *s)
{
	mock_disk_stop(&s->disk);
	program_free(&s->p);
	tmpdir_close(&s->dir);
}

Test(bad_disk, verification_finds_what_was_forgotten)
{
	struct scene s;

	scene_open(&s, MOCK_DISK_FORGETS);
	t_eq(vring(&s.p, "drive", "blk", s.address, "copy-in", s.file, "--verify", "--json", NULL),
	     1);
	t_strstr(s.p.stderr_bytes.data, "verification failed");
	t_strstr(s.p.stdout_bytes.data, "\"verified\": false");
	t_strstr(s.p.stdout_bytes.data, "\"complete\": false");
	scene_close(&s);
}

Test(bad_disk, verification_finds_it_in_the_last_sector_too)
{
	struct scene s;

	scene_open(&s, MOCK_DISK_FORGETS);
	make_file(s.file, 100, 1);
	t_eq(vring(&s.p, "drive", "blk", s.address, "copy-in", s.file, "--verify", NULL), 1);
	t_strstr(s.p.stderr_bytes.data, "verification failed in the last sector");
	scene_close(&s);
}

Test(bad_disk, without_verification_nobody_looks)
{
	struct scene s;

	scene_open(&s, MOCK_DISK_FORGETS);
	vring_ok("drive", "blk", s.address, "copy-in", s.file);
	scene_close(&s);
}

struct failure {
	enum mock_disk_habit habit;
	const char *says;
};

static const struct failure failures[] = {
	{ MOCK_DISK_FAILS, "could not read" },
	{ MOCK_DISK_KNOWS_NOTHING, "could not read" },
	{ MOCK_DISK_LIES, "could not read" },
	{ MOCK_DISK_GIVES_UP, "the mock has had enough" },
};

TestEach(bad_disk, read_that_fails_is_explained, failures, struct failure)
{
	struct scene s;

	scene_open(&s, param->habit);
	t_eq(vring(&s.p, "drive", "blk", s.address, "copy-out", s.copy, "--request-size", "4K",
		   NULL),
	     1);
	t_strstr(s.p.stderr_bytes.data, param->says);
	t_strstr(s.p.stderr_bytes.data, "copy: is incomplete");
	scene_close(&s);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((*text < 0x20 && *text != '\n') || *text > 0x7e)
			return false;
	return true;
}

Test(bad_disk, id_with_control_bytes_is_shown_and_not_obeyed)
{
	struct scene s;

	scene_open(&s, MOCK_DISK_COLOURS);
	t_ok(vring(&s.p, "drive", "blk", s.address, "info", NULL));
	t_strstr(s.p.stdout_bytes.data, "\\x1b[31mred\\x9bm\\xc2\\x9b1m\\x0a");
	t_true(is_printable(s.p.stdout_bytes.data));
	program_free(&s.p);
	s.p = (struct program){ .in = -1, .out = -1, .err = -1 };
	t_ok(vring(&s.p, "drive", "blk", s.address, "info", "--json", NULL));
	t_strstr(s.p.stdout_bytes.data, "\\\\x1b[31mred\\\\x9bm");
	t_true(is_printable(s.p.stdout_bytes.data));
	scene_close(&s);
}

Test(bad_disk, write_that_fails_is_explained_with_its_offset)
{
	struct scene s;

	scene_open(&s, MOCK_DISK_FAILS);
	t_eq(vring(&s.p, "drive", "blk", s.address, "copy-in", s.file, "--queue-depth", "1",
		   "--request-size", "4K", "--offset", "8K", "--length", "64K", NULL),
	     1);
	t_strstr(s.p.stderr_bytes.data, "could not write 4096 bytes at offset 8192");
	scene_close(&s);
}

Test(bad_disk, answers_in_another_order_are_put_in_their_places_and_counted)
{
	struct scene s;
	struct bytes file, copy;

	scene_open(&s, MOCK_DISK_BACKWARDS);
	vring_ok("drive", "blk", s.address, "copy-in", s.file, "--request-size", "4K", "--verify");
	t_eq(vring(&s.p, "drive", "blk", s.address, "copy-out", s.copy, "--request-size", "4K",
		   "--json", NULL),
	     0);
	t_null(strstr(s.p.stdout_bytes.data, "\"out_of_order\": 0"));
	file = read_file(s.file);
	copy = read_file(s.copy);
	t_eq(copy.len, file.len);
	t_mem_eq(copy.data, file.data, file.len);
	free(file.data);
	free(copy.data);
	scene_close(&s);
}

Test(bad_disk, stream_is_in_order_whatever_the_order_of_the_answers)
{
	struct scene s;
	struct bytes file;

	scene_open(&s, MOCK_DISK_BACKWARDS);
	vring_ok("drive", "blk", s.address, "copy-in", s.file);
	t_eq(vring(&s.p, "drive", "blk", s.address, "read", "--request-size", "4K", NULL), 0);
	file = read_file(s.file);
	t_eq(s.p.stdout_bytes.len, file.len);
	t_mem_eq(s.p.stdout_bytes.data, file.data, file.len);
	free(file.data);
	scene_close(&s);
}

static const char *const unknown[] = { "flush", "discard", "write-zeroes" };
typedef const char *const word;

TestEach(bad_disk, request_that_the_device_does_not_know_is_refused, unknown, word)
{
	struct scene s;
	bool flush = strcmp(*param, "flush") == 0;

	scene_open(&s, MOCK_DISK_FORGETS);
	t_eq(vring(&s.p, "drive", "blk", s.address, *param, flush ? (const char *)NULL : "--length",
		   "512", NULL),
	     1);
	t_strstr(s.p.stderr_bytes.data, "knows no");
	scene_close(&s);
}
