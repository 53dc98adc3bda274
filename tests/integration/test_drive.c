/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring drive rng` and `vring drive echo` with real servers. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"
#include "test.h"
#include "tmpdir.h"

struct bench {
	struct tmpdir dir;
	const char *address;
	struct program server;
};

static void bench_open(struct bench *bench, const char *kind)
{
	tmpdir_open(&bench->dir);
	bench->address = tmpdir_unix(&bench->dir, "s");
	server_start(&bench->server, kind, "--listen", bench->address, NULL);
}

static void bench_close(struct bench *bench)
{
	server_stop(&bench->server);
	tmpdir_close(&bench->dir);
}

/* ---- rng ---- */

struct amount {
	const char *text;
	size_t bytes;
};

static const struct amount amounts[] = {
	{ "1", 1 }, { "1000", 1000 }, { "64K", 65536 }, { "65537", 65537 }, { "3M", 3145728 },
};

TestEach(drive_rng, gives_as_many_bytes_as_were_asked_for, amounts, struct amount)
{
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", param->text, NULL), 0);
	t_eq(p.stdout_bytes.len, param->bytes);
	t_eq(p.stderr_bytes.len, 0);
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, bytes_are_new_each_time)
{
	struct program p, q;
	struct bench b;

	bench_open(&b, "rng");
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "32", NULL), 0);
	t_eq(vring(&q, "drive", "rng", b.address, "--bytes", "32", NULL), 0);
	t_ne(memcmp(p.stdout_bytes.data, q.stdout_bytes.data, 32), 0);
	program_free(&p);
	program_free(&q);
	bench_close(&b);
}

/* A buffer that was handed out twice would show as a repetition. */
Test(drive_rng, no_chunk_comes_twice)
{
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "1M", NULL), 0);
	for (size_t i = 0; i + 16 <= p.stdout_bytes.len; i += 65536) {
		for (size_t k = i + 65536; k + 16 <= p.stdout_bytes.len; k += 65536)
			t_ne(memcmp(p.stdout_bytes.data + i, p.stdout_bytes.data + k, 16), 0);
	}
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, hex_has_32_bytes_a_line)
{
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "40", "--hex", NULL), 0);
	t_eq(p.stdout_bytes.len, 80 + 2);
	for (size_t i = 0; i < p.stdout_bytes.len; i++) {
		if (i == 64 || i == 81)
			t_eq(p.stdout_bytes.data[i], '\n');
		else
			t_true(isxdigit((unsigned char)p.stdout_bytes.data[i]));
	}
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, output_file_is_replaced)
{
	struct program p;
	struct bench b;
	struct stat st;
	const char *path;

	bench_open(&b, "rng");
	path = tmpdir_file(&b.dir, "out");
	make_file(path, 5000, 1);
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "100", "--output", path, NULL), 0);
	t_eq(p.stdout_bytes.len, 0);
	t_sys(stat(path, &st));
	t_eq(st.st_size, 100);
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, output_that_is_no_file_is_refused)
{
	struct program p;
	struct bench b;
	const char *path;

	bench_open(&b, "rng");
	path = tmpdir_file(&b.dir, "fifo");
	t_sys(mkfifo(path, 0600));
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "100", "--output", path, NULL), 1);
	t_strstr(p.stderr_bytes.data, "not a regular file");
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, full_disk_is_an_error)
{
	const struct program_setup full = { .stdout_path = "/dev/full" };
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	const char *const words[] = { "drive", "rng", b.address, "--bytes", "100", NULL };

	program_start(&p, &full, words);
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "No space left");
	program_free(&p);
	bench_close(&b);
}

/* The link's socket must not become standard output. */
Test(drive_rng, closed_output_is_an_error)
{
	const struct program_setup without_output = { .closed = 1u << STDOUT_FILENO };
	struct bench bench;
	struct program p;

	bench_open(&bench, "rng");
	const char *const words[] = { "drive", "rng", bench.address, "--bytes", "32", NULL };

	program_start(&p, &without_output, words);
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, strerror(EBADF));
	t_null(strstr(p.stderr_bytes.data, "gone"));
	program_free(&p);
	bench_close(&bench);
}

Test(drive_rng, json_goes_where_the_bytes_do_not)
{
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	t_eq(vring(&p, "drive", "rng", b.address, "--bytes", "100", "--json", NULL), 0);
	t_eq(p.stdout_bytes.len, 100);
	t_strstr(p.stderr_bytes.data, "\"bytes\": 100");
	t_strstr(p.stderr_bytes.data, "\"complete\": true");
	program_free(&p);
	bench_close(&b);
}

Test(drive_rng, reader_that_leaves_is_an_error_and_no_signal)
{
	const struct program_setup setup = { 0 };
	struct program p;
	struct bench b;

	bench_open(&b, "rng");
	const char *const words[] = { "drive", "rng", b.address, "--bytes", "1G", NULL };

	program_start(&p, &setup, words);
	program_read(&p, 100000);
	close(p.out);
	p.out = -1;
	t_eq(program_finish(&p), 1);
	t_strstr(p.stderr_bytes.data, "Broken pipe");
	program_free(&p);
	bench_close(&b);
}

/* ---- echo ---- */

Test(drive_echo, prints_what_came_back)
{
	struct program p;
	struct bench b;

	bench_open(&b, "echo");
	t_eq(vring(&p, "drive", "echo", b.address, "hello, ring", NULL), 0);
	t_streq(p.stdout_bytes.data, "hello, ring\n");
	program_free(&p);
	bench_close(&b);
}

Test(drive_echo, reply_is_in_the_json)
{
	struct program p;
	struct bench b;

	bench_open(&b, "echo");
	t_eq(vring(&p, "drive", "echo", b.address, "hello", "--json", NULL), 0);
	t_strstr(p.stdout_bytes.data, "\"reply\": \"hello\"");
	t_strstr(p.stdout_bytes.data, "\"messages\": 1");
	program_free(&p);
	bench_close(&b);
}

struct count_case {
	const char *count, *size;
};

static const struct count_case count_cases[] = {
	{ "1", "1" },
	{ "5000", "64" },
	{ "300", "4095" },
	{ "20", "1M" },
};

TestEach(drive_echo, counts_messages_that_came_back_as_they_were, count_cases, struct count_case)
{
	char want[64];
	struct program p;
	struct bench b;

	bench_open(&b, "echo");
	t_eq(vring(&p, "drive", "echo", b.address, "--count", param->count, "--size", param->size,
		   "--json", NULL),
	     0);
	snprintf(want, sizeof(want), "\"messages\": %s", param->count);
	t_strstr(p.stdout_bytes.data, want);
	t_strstr(p.stdout_bytes.data, "\"complete\": true");
	program_free(&p);
	bench_close(&b);
}

Test(drive_echo, message_that_the_device_would_cut_is_refused)
{
	struct program server, p;
	struct tmpdir dir;
	const char *address;

	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	server_start(&server, "echo", "--listen", address, "--max-message", "16", NULL);
	t_eq(vring(&p, "drive", "echo", address, "--count", "1", "--size", "17", NULL), 1);
	t_strstr(p.stderr_bytes.data, "17 bytes are too many");
	vring_ok("drive", "echo", address, "--count", "10", "--size", "16");
	server_stop(&server);
	program_free(&p);
	tmpdir_close(&dir);
}

static const char *const kinds[] = { "eventfd", "pipe" };
typedef const char *const word;

TestEach(drive_echo, works_with_each_kind_of_notifier, kinds, word)
{
	struct bench b;

	bench_open(&b, "echo");
	vring_ok("drive", "echo", b.address, "--count", "200", "--notifier", *param);
	bench_close(&b);
}

struct ring_case {
	const char *ring, *size;
};

static const struct ring_case ring_cases[] = {
	{ "auto", "8" },   { "split", "8" },	{ "packed", "8" },
	{ "packed", "7" }, { "packed", "100" },
};

TestEach(drive_echo, works_with_each_format_of_ring, ring_cases, struct ring_case)
{
	struct bench b;

	bench_open(&b, "echo");
	vring_ok("drive", "echo", b.address, "--count", "200", "--ring", param->ring,
		 "--queue-size", param->size);
	bench_close(&b);
}

Test(drive_echo, device_that_keeps_a_message_too_long_is_given_up)
{
	const struct program_setup setup = { 0 };
	struct program p;
	struct bench b;

	bench_open(&b, "echo");
	const char *const words[] = { "drive",	    "echo", b.address,	 "--count", "1000000000",
				      "--deadline", "100",  "--timeout", "100",	    NULL };

	/* Some messages come and go before the device stops: there is no telling how many. */
	program_start(&p, &setup, words);
	t_sys(kill(b.server.pid, SIGSTOP));
	t_eq(program_finish(&p), 1);
	t_gt(p.stderr_bytes.len, 0);
	t_sys(kill(b.server.pid, SIGCONT));
	program_free(&p);
	bench_close(&b);
}
