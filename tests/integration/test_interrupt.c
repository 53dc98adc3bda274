/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Commands that are interrupted, and devices that go away in the middle. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "leaks.h"
#include "test.h"

/* A write from a pipe that stays open, with 256 KiB of it on the device: in the middle for sure,
 * because the pipe itself holds only 64 KiB. */
static void start_write(struct program *p, const struct disk *d)
{
	const struct program_setup with_input = { .with_input = true };
	const char *const words[] = { "drive",		"blk", d->address, "write",
				      "--request-size", "4K",  "--json",   NULL };
	char block[4096] = "";

	program_start(p, &with_input, words);
	for (int i = 0; i < 80; i++)
		t_true(program_write(p, block, sizeof(block)));
}

/* A read into a pipe that nobody empties further: in the middle for sure. */
static void start_read(struct program *p, const struct disk *d)
{
	const struct program_setup setup = { 0 };
	const char *const words[] = { "drive", "blk", d->address, "read", "--json", NULL };

	program_start(p, &setup, words);
	program_read(p, MIB);
}

struct end_case {
	int signal, status;
};

static const struct end_case ends[] = { { SIGINT, 130 }, { SIGTERM, 143 }, { SIGHUP, 129 } };

TestEach(interrupt, write_that_waits_for_input_ends_and_says_how_far_it_came, ends, struct end_case)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 16 * MIB);
	start_write(&p, &d);
	t_sys(kill(p.pid, param->signal));
	/* Its input is still open. */
	int in = p.in;

	p.in = -1;
	t_eq(program_finish(&p), param->status);
	close(in);
	t_strstr(p.stderr_bytes.data, "interrupted after ");
	t_strstr(p.stdout_bytes.data, "\"complete\": false");
	program_free(&p);
	disk_close(&d);
}

Test(interrupt, read_whose_reader_sleeps_ends)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 64 * MIB);
	start_read(&p, &d);
	t_sys(kill(p.pid, SIGINT));
	t_eq(program_finish(&p), 130);
	t_strstr(p.stderr_bytes.data, "interrupted after ");
	t_strstr(p.stderr_bytes.data, "of 67108864 bytes");
	program_free(&p);
	disk_close(&d);
}

Test(interrupt, copy_from_a_device_that_hangs_ends_and_the_file_is_said_to_be_incomplete)
{
	const struct program_setup setup = { 0 };
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 64 * MIB);
	const char *const words[] = { "drive",	   "blk", d.address, "copy-out", d.copy,
				      "--timeout", "200", "--json",  NULL };
	char *before = leaks_describe(d.server.pid);
	struct stat st = { 0 };

	program_start(&p, &setup, words);
	/* The file is made when the device has started; any size will do. */
	while (stat(d.copy, &st) < 0)
		sched_yield();
	t_sys(kill(d.server.pid, SIGSTOP));
	t_sys(kill(p.pid, SIGINT));
	int status = program_finish(&p);

	/* It may have been at its end already; then it was not interrupted. */
	if (status != 0) {
		t_eq(status, 130);
		t_strstr(p.stderr_bytes.data, "interrupted after ");
		t_strstr(p.stderr_bytes.data, "is incomplete");
	}
	t_sys(kill(d.server.pid, SIGCONT));
	server_settles(&d.server, before);
	free(before);
	program_free(&p);
	disk_close(&d);
}

Test(interrupt, second_signal_kills)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 16 * MIB);
	start_write(&p, &d);
	t_sys(kill(d.server.pid, SIGSTOP));
	t_sys(kill(p.pid, SIGTERM));
	/* Until it says how far it came, the first one is not handled. */
	while (p.stdout_bytes.len == 0)
		program_read(&p, 1);
	kill(p.pid, SIGTERM);
	int status = program_finish(&p);

	t_true(status == -SIGTERM || status == 143);
	t_sys(kill(d.server.pid, SIGCONT));
	program_free(&p);
	disk_close(&d);
}

Test(interrupt, server_that_is_ended_lets_its_drivers_know)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 16 * MIB);
	start_write(&p, &d);
	server_stop(&d.server);
	t_false(file_exists(d.socket));
	int in = p.in;

	p.in = -1;
	t_eq(program_finish(&p), 1);
	close(in);
	t_strstr(p.stderr_bytes.data, "the device went away");
	program_free(&p);
	tmpdir_close(&d.dir);
}

/* ---- the device dies ---- */

Test(interrupt, write_to_a_device_that_dies_is_an_error)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 16 * MIB);
	start_write(&p, &d);
	disk_kill_server(&d);
	int in = p.in;

	/* It does not need more input to find out. */
	p.in = -1;
	t_eq(program_finish(&p), 1);
	close(in);
	t_strstr(p.stderr_bytes.data, "the device went away");
	t_strstr(p.stderr_bytes.data, "write: ended after ");
	t_strstr(p.stdout_bytes.data, "\"complete\": false");
	program_free(&p);
	tmpdir_close(&d.dir);
}

Test(interrupt, read_from_a_device_that_dies_is_an_error)
{
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 256 * MIB);
	start_read(&p, &d);
	disk_kill_server(&d);
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "the device went away");
	t_lt(p.stdout_bytes.len, 256 * MIB);
	program_free(&p);
	tmpdir_close(&d.dir);
}

Test(interrupt, copy_out_of_a_device_that_dies_leaves_a_file_that_is_said_to_be_incomplete)
{
	const struct program_setup setup = { 0 };
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 1024 * MIB);
	const char *const words[] = { "drive",	       "blk", d.address,	"copy-out", d.copy,
				      "--queue-depth", "1",   "--request-size", "4K",	    NULL };
	struct stat st = { 0 };

	program_start(&p, &setup, words);
	while (st.st_size == 0)
		stat(d.copy, &st);
	disk_kill_server(&d);
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "the device went away");
	t_strstr(p.stderr_bytes.data, "copy: is incomplete");
	program_free(&p);
	tmpdir_close(&d.dir);
}

Test(interrupt, device_that_hangs_is_given_up_at_the_deadline)
{
	const struct program_setup with_input = { .with_input = true };
	struct program p;
	struct disk d;

	disk_open_sparse(&d, 16 * MIB);
	const char *const words[] = { "drive",		"blk", d.address,    "write",
				      "--request-size", "4K",  "--deadline", "200",
				      "--timeout",	"200", NULL };
	char block[4096] = "";

	program_start(&p, &with_input, words);
	for (int i = 0; i < 80; i++)
		t_true(program_write(&p, block, sizeof(block)));
	t_sys(kill(d.server.pid, SIGSTOP));
	/* It may give up, and end, before it has read all of this. */
	for (int i = 0; i < 8 && program_write(&p, block, sizeof(block)); i++)
		;
	int in = p.in;

	p.in = -1;
	t_eq(program_finish(&p), 1);
	close(in);
	t_gt(p.stderr_bytes.len, 0);
	t_sys(kill(d.server.pid, SIGCONT));
	program_free(&p);
	disk_close(&d);
}

/* ---- the driver dies ---- */

Test(interrupt, server_holds_what_it_held_before_a_driver_that_was_killed)
{
	struct program p;
	struct disk d;
	char *before;

	disk_open_sparse(&d, 16 * MIB);
	before = leaks_describe(d.server.pid);
	start_write(&p, &d);
	t_sys(kill(p.pid, SIGKILL));
	t_eq(program_finish(&p), -SIGKILL);
	server_settles(&d.server, before);
	free(before);
	program_free(&p);
	disk_close(&d);
}
