/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive blk`: real files cross to a real disk image and back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "test.h"

/* ---- copies ---- */

struct copy_case {
	size_t bytes;
	const char *queues, *depth, *request_size, *io;
};

static const struct copy_case copy_cases[] = {
	{ 0, "1", "1", "128K", "auto" },
	{ 1, "1", "1", "128K", "auto" },
	{ 511, "1", "32", "128K", "sync" },
	{ 512, "1", "32", "128K", "auto" },
	{ 513, "2", "32", "512", "auto" },
	{ 65536, "1", "1", "64K", "sync" },
	{ 1000000, "4", "8", "4K", "auto" },
	{ 1000000, "4", "8", "4K", "sync" },
	{ 5 * MIB + 7, "1", "32", "128K", "auto" },
	{ 5 * MIB + 7, "4", "32", "64K", "auto" },
	{ 16 * MIB, "3", "5", "1M", "auto" },
	{ 16 * MIB, "1", "1", "16M", "auto" },
};

TestEach(drive_blk, file_comes_back_as_it_was, copy_cases, struct copy_case)
{
	struct disk d;
	struct bytes bytes;

	disk_prepare(&d, 16 * MIB);
	make_file(d.file, param->bytes, 1);
	server_start(&d.server, "blk", "--listen", d.address, "--image", d.image, "--io", param->io,
		     NULL);
	char length[32];

	snprintf(length, sizeof(length), "%zu", param->bytes);
	vring_ok("drive", "blk", d.address, "copy-in", d.file, "--queues", param->queues,
		 "--queue-depth", param->depth, "--request-size", param->request_size);
	if (param->bytes)
		vring_ok("drive", "blk", d.address, "copy-out", d.copy, "--length", length,
			 "--queues", param->queues, "--queue-depth", param->depth, "--request-size",
			 param->request_size);
	else
		make_file(d.copy, 0, 0);
	bytes = read_file(d.copy);
	t_eq(bytes.len, param->bytes);
	same_bytes(d.file, d.image, 0);
	same_bytes(d.copy, d.file, 0);
	free(bytes.data);
	disk_close(&d);
}

Test(drive_blk, copy_says_what_it_did)
{
	struct program p;
	struct disk d;

	disk_open(&d, 16 * MIB);
	make_file(d.file, 16 * MIB, 1);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-in", d.file, "--json", NULL), 0);
	t_strstr(p.stdout_bytes.data, "\"action\": \"copy-in\"");
	t_strstr(p.stdout_bytes.data, "\"bytes\": 16777216");
	t_strstr(p.stdout_bytes.data, "\"requests\": 128");
	t_strstr(p.stdout_bytes.data, "\"max_in_flight\": 32");
	t_strstr(p.stdout_bytes.data, "\"queue_depth\": 32");
	t_strstr(p.stdout_bytes.data, "\"complete\": true");
	t_eq(p.stderr_bytes.len, 0);
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, summary_for_people_is_one_line)
{
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, NULL), 0);
	t_strstr(p.stdout_bytes.data, "copy-out: 1048576 bytes (1.00 MiB) in ");
	t_strstr(p.stdout_bytes.data, "completed out of order\n");
	t_ptr_eq(strchr(p.stdout_bytes.data, '\n'), p.stdout_bytes.data + p.stdout_bytes.len - 1);
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, without_a_length_the_whole_device_is_copied_out)
{
	struct disk d;
	struct bytes bytes;

	disk_open(&d, 3 * MIB);
	vring_ok("drive", "blk", d.address, "copy-out", d.copy);
	bytes = read_file(d.copy);
	t_eq(bytes.len, 3 * MIB);
	same_bytes(d.copy, d.image, 0);
	free(bytes.data);
	disk_close(&d);
}

Test(drive_blk, offset_and_length_choose_the_range)
{
	struct disk d;
	struct bytes before, after;

	disk_open(&d, 2 * MIB);
	before = read_file(d.image);
	make_file(d.file, 10000, 3);
	vring_ok("drive", "blk", d.address, "copy-in", d.file, "--offset", "1M", "--length",
		 "5000");
	after = read_file(d.image);
	t_mem_eq(after.data, before.data, MIB);
	t_mem_eq(after.data + MIB + 5000, before.data + MIB + 5000, MIB - 5000);

	vring_ok("drive", "blk", d.address, "copy-out", d.copy, "--offset", "1M", "--length",
		 "4999");
	same_bytes(d.copy, d.image, MIB);
	free(before.data);
	free(after.data);
	disk_close(&d);
}

Test(drive_blk, rest_of_the_last_sector_stays_as_it_was)
{
	struct disk d;
	struct bytes before, after;

	disk_open(&d, MIB);
	before = read_file(d.image);
	make_file(d.file, 1300, 4);
	vring_ok("drive", "blk", d.address, "copy-in", d.file, "--verify");
	after = read_file(d.image);
	same_bytes(d.file, d.image, 0);
	t_mem_eq(after.data + 1300, before.data + 1300, MIB - 1300);
	free(before.data);
	free(after.data);
	disk_close(&d);
}

Test(drive_blk, file_that_just_fits_is_copied)
{
	struct disk d;

	disk_open(&d, MIB);
	make_file(d.file, MIB - 1, 4);
	vring_ok("drive", "blk", d.address, "copy-in", d.file, "--verify");
	same_bytes(d.file, d.image, 0);
	disk_close(&d);
}

Test(drive_blk, file_that_does_not_fit_is_refused_before_anything_is_written)
{
	struct disk d;
	struct program p;
	struct bytes before, after;

	disk_open(&d, MIB);
	before = read_file(d.image);
	make_file(d.file, MIB + 1, 4);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-in", d.file, NULL), 1);
	t_strstr(p.stderr_bytes.data, "do not fit");
	t_strstr(p.stderr_bytes.data, "1048577");
	after = read_file(d.image);
	t_eq(after.len, before.len);
	t_mem_eq(after.data, before.data, before.len);
	free(before.data);
	free(after.data);
	program_free(&p);
	disk_close(&d);
}

struct range_case {
	const char *offset, *length;
};

static const struct range_case range_cases[] = {
	{ "0", "1048577" },
	{ "1M", "1" },
	{ "512", "1M" },
	{ "2M", "1" },
	{ "9223372036854775296", "512" },
	{ "0", "9223372036854775807" },
};

TestEach(drive_blk, range_beyond_the_end_is_refused, range_cases, struct range_case)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "read", "--offset", param->offset, "--length",
		   param->length, NULL),
	     1);
	t_strstr(p.stderr_bytes.data, "do not fit: the device has 1048576");
	t_eq(p.stdout_bytes.len, 0);
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, length_beyond_the_file_is_refused)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	make_file(d.file, 1000, 4);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-in", d.file, "--length", "1001", NULL), 1);
	t_strstr(p.stderr_bytes.data, "has 1000 bytes");
	program_free(&p);
	disk_close(&d);
}

struct bad_file {
	const char *path, *says;
};

static const struct bad_file bad_sources[] = {
	{ "/nonexistent/file", "No such file" },
	{ "/tmp", "directory" },
	{ "/dev/zero", "neither a regular file" },
};

TestEach(drive_blk, source_that_is_no_file_is_refused, bad_sources, struct bad_file)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-in", param->path, NULL), 1);
	t_strstr(p.stderr_bytes.data, param->path);
	t_strstr(p.stderr_bytes.data, param->says);
	program_free(&p);
	disk_close(&d);
}

static const struct bad_file bad_targets[] = {
	{ "/nonexistent/file", "No such file" },
	{ "/tmp", "directory" },
	{ "/dev/null", "not a regular file" },
};

TestEach(drive_blk, target_that_is_no_file_is_refused, bad_targets, struct bad_file)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", param->path, NULL), 1);
	t_strstr(p.stderr_bytes.data, param->path);
	t_strstr(p.stderr_bytes.data, param->says);
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, target_is_emptied_first)
{
	struct disk d;
	struct stat st;

	disk_open(&d, MIB);
	make_file(d.copy, 3 * MIB, 8);
	vring_ok("drive", "blk", d.address, "copy-out", d.copy, "--length", "100");
	t_sys(stat(d.copy, &st));
	t_eq(st.st_size, 100);
	disk_close(&d);
}

Test(drive_blk, target_stays_when_there_is_no_device)
{
	struct disk d;
	struct program p;
	struct stat st;

	disk_prepare(&d, MIB);
	make_file(d.copy, 1000, 8);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, NULL), 1);
	t_strstr(p.stderr_bytes.data, "no such socket");
	t_sys(stat(d.copy, &st));
	t_eq(st.st_size, 1000);
	program_free(&p);
	tmpdir_close(&d.dir);
}

Test(drive_blk, queues_that_the_device_does_not_have_are_refused)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, "--queues", "5", NULL), 1);
	t_strstr(p.stderr_bytes.data, "the device has 4 queues");
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, depth_beyond_the_ring_is_what_the_ring_takes)
{
	struct disk d;
	struct program p;

	disk_open(&d, 4 * MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, "--queue-depth", "64",
		   "--queue-size", "8", "--request-size", "4K", "--json", NULL),
	     0);
	t_strstr(p.stdout_bytes.data, "\"complete\": true");
	same_bytes(d.copy, d.image, 0);
	program_free(&p);
	disk_close(&d);
}

/* ---- verify ---- */

Test(drive_blk, verified_copy_says_so)
{
	struct disk d;
	struct program p;

	disk_open(&d, 4 * MIB);
	make_file(d.file, 3 * MIB + 100, 5);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-in", d.file, "--verify", "--json", NULL),
	     0);
	t_strstr(p.stdout_bytes.data, "\"verified\": true");
	program_free(&p);
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, "--verify", NULL), 0);
	t_strstr(p.stdout_bytes.data, ", verified;");
	same_bytes(d.copy, d.image, 0);
	program_free(&p);
	disk_close(&d);
}

/* ---- what needs no file ---- */

Test(drive_blk, info_for_people_has_a_line_for_each_fact)
{
	struct program p;
	struct disk d;

	disk_open(&d, 2 * MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "info", NULL), 0);
	t_strstr(p.stdout_bytes.data, "capacity");
	t_strstr(p.stdout_bytes.data, "2.0 MiB");
	t_strstr(p.stdout_bytes.data, "BLK_F_FLUSH");
	program_free(&p);
	disk_close(&d);
}

Test(drive_blk, flush_succeeds)
{
	struct program p;
	struct disk d;

	disk_open(&d, MIB);
	t_eq(vring(&p, "drive", "blk", d.address, "flush", NULL), 0);
	t_strstr(p.stdout_bytes.data, "flush: done");
	program_free(&p);
	make_file(d.file, 1000, 1);
	vring_ok("drive", "blk", d.address, "copy-in", d.file, "--flush");
	disk_close(&d);
}

Test(drive_blk, write_zeroes_makes_the_range_zero_and_nothing_else)
{
	struct disk d;
	struct bytes before, after;

	disk_open(&d, MIB);
	before = read_file(d.image);
	vring_ok("drive", "blk", d.address, "write-zeroes", "--offset", "4K", "--length", "64K");
	after = read_file(d.image);
	memset(before.data + 4096, 0, 65536);
	t_mem_eq(after.data, before.data, MIB);
	free(before.data);
	free(after.data);
	disk_close(&d);
}

Test(drive_blk, discard_leaves_the_rest_alone)
{
	struct disk d;
	struct bytes before, after;

	disk_open(&d, MIB);
	before = read_file(d.image);
	vring_ok("drive", "blk", d.address, "discard", "--offset", "64K", "--length", "128K");
	after = read_file(d.image);
	t_eq(after.len, MIB);
	t_mem_eq(after.data, before.data, 65536);
	t_mem_eq(after.data + 196608, before.data + 196608, MIB - 196608);
	free(before.data);
	free(after.data);
	disk_close(&d);
}

static const char *const writes[] = { "write", "copy-in", "discard", "write-zeroes" };
typedef const char *const word;

TestEach(drive_blk, read_only_device_is_not_written, writes, word)
{
	struct disk d;
	struct program p;
	bool file = strcmp(*param, "copy-in") == 0;

	disk_prepare(&d, MIB);
	make_file(d.file, 1000, 1);
	server_start(&d.server, "blk", "--listen", d.address, "--image", d.image, "--read-only",
		     NULL);
	t_eq(vring(&p, "drive", "blk", d.address, *param, "--length", "512",
		   file ? d.file : (const char *)NULL, NULL),
	     1);
	t_strstr(p.stderr_bytes.data, "read-only");
	program_free(&p);
	vring_ok("drive", "blk", d.address, "copy-out", d.copy);
	same_bytes(d.copy, d.image, 0);
	disk_close(&d);
}

Test(drive_blk, image_that_shrank_is_an_io_error_and_the_file_said_to_be_incomplete)
{
	struct disk d;
	struct program p;

	disk_open(&d, MIB);
	t_sys(truncate(d.image, 4096));
	t_eq(vring(&p, "drive", "blk", d.address, "copy-out", d.copy, NULL), 1);
	t_strstr(p.stderr_bytes.data, "could not read");
	t_strstr(p.stderr_bytes.data, "is incomplete");
	program_free(&p);
	/* The server goes on. */
	vring_ok("drive", "blk", d.address, "copy-out", d.copy, "--length", "4096");
	disk_close(&d);
}
