/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Two drivers at once on one disk, each on a half of its own. One is killed again and again, at
 * moments that the seed decides; the other must not notice, nor may the server keep anything.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "program.h"
#include "test.h"
#include "tmpdir.h"

#define MIB 1048576u
#define HALF (16 * MIB)
#define KILLS 50
/* From before the connect to far into the copy, or behind its end on a fast machine. */
#define MOMENT_MAX_NS 40000000

struct pair {
	struct tmpdir dir;
	const char *address, *image, *first, *second, *copy;
	struct program server;
};

static void pair_open(struct pair *p)
{
	tmpdir_open(&p->dir);
	p->address = tmpdir_unix(&p->dir, "s");
	p->image = tmpdir_file(&p->dir, "image");
	p->first = tmpdir_file(&p->dir, "first");
	p->second = tmpdir_file(&p->dir, "second");
	p->copy = tmpdir_file(&p->dir, "copy");
	make_image(p->image, 2 * HALF);
	make_file(p->first, HALF, 1);
	make_file(p->second, HALF, 2);
	server_start(&p->server, "blk", "--listen", p->address, "--image", p->image, NULL);
}

static void pair_close(struct pair *p)
{
	server_stop(&p->server);
	tmpdir_close(&p->dir);
}

static void start_copy(struct program *program, const struct pair *p, const char *file,
		       const char *offset)
{
	const struct program_setup setup = { 0 };
	const char *const words[] = {
		"drive",    "blk",	p->address,	  "copy-in", file,
		"--offset", offset,	"--queue-depth",  "16",	     "--queues",
		"2",	    "--verify", "--request-size", "64K",     NULL
	};

	program_start(program, &setup, words);
}

static void finish_copy(struct program *program)
{
	int status = program_finish(program);

	if (status != 0)
		t_fail("a copy ended with %d: %s", status, program->stderr_bytes.data);
	program_free(program);
}

/* Reads a half back and compares it with its file. */
static void check_half(const struct pair *p, const char *file, const char *offset)
{
	struct bytes want, is;

	vring_ok("drive", "blk", p->address, "copy-out", p->copy, "--offset", offset, "--length",
		 "16M");
	want = read_file(file);
	is = read_file(p->copy);
	t_eq(is.len, want.len);
	t_mem_eq(is.data, want.data, want.len);
	free(want.data);
	free(is.data);
}

static bool is_running(const struct program *program)
{
	siginfo_t info = { 0 };

	t_sys(waitid(P_PID, (id_t)program->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == 0;
}

static uint64_t choose_seed(void)
{
	const char *given = getenv("VRI_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) :
				(uint64_t)time(NULL) ^ (uint64_t)getpid();

	printf("seed: VRI_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

Test(two_drivers, each_verifies_its_own_half)
{
	struct program first, second;
	struct pair p;

	pair_open(&p);
	start_copy(&first, &p, p.first, "0");
	start_copy(&second, &p, p.second, "16M");
	finish_copy(&first);
	finish_copy(&second);
	check_half(&p, p.first, "0");
	check_half(&p, p.second, "16M");
	pair_close(&p);
}

Test(two_drivers, one_that_is_killed_at_random_moments_disturbs_neither_the_other_nor_the_server,
     .timeout = 300)
{
	struct program first, second;
	unsigned copies = 0;
	struct pair p;
	uint64_t seed = choose_seed();
	char *before;

	pair_open(&p);
	before = leaks_describe(p.server.pid);
	start_copy(&second, &p, p.second, "16M");
	for (unsigned i = 0; i < KILLS; i++) {
		struct timespec moment = { 0 };

		fill_bytes(&moment.tv_nsec, sizeof(moment.tv_nsec), seed + i);
		moment.tv_nsec = (long)((unsigned long)moment.tv_nsec % MOMENT_MAX_NS);
		start_copy(&first, &p, p.first, "0");
		/* Not to wait for anything: any moment is right. */
		ppoll(NULL, 0, &moment, NULL);
		t_sys(kill(first.pid, SIGKILL));
		program_finish(&first);
		program_free(&first);
		if (!is_running(&second)) {
			finish_copy(&second);
			copies++;
			start_copy(&second, &p, p.second, "16M");
		}
	}
	finish_copy(&second);
	printf("%u kills while the other made %u copies\n", KILLS, copies + 1);
	server_settles(&p.server, before);
	free(before);
	check_half(&p, p.second, "16M");
	/* The half of the one that was killed is as good as ever. */
	start_copy(&first, &p, p.first, "0");
	finish_copy(&first);
	check_half(&p, p.first, "0");
	pair_close(&p);
}
