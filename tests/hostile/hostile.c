/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * hostile [--seconds N] [--seed S] [--rule NAME] [--rules-only]: honest processes among hostile ones.
 *
 * An honest device and an honest driver, each with several links, work together all the time. Hostile drivers and devices
 * come and go: first one for each rule, which has to be reported by its name, then for N seconds at random. The honest
 * processes must not crash, hang or leak, and their good links must carry every byte. Ends with "N passed, N failed".
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "referee.h"
#include "test.h"

/* The mock rings check their own set-up with these, which is not used here. */
void test__fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(3);
}

struct arguments {
	const char *be;
	int board_fd;
	bool rules_only, soak_only;
	unsigned seconds;
	struct role role;
};

static int usage(void)
{
	fprintf(stderr,
		"usage: hostile [--seconds N] [--seed S] [--rule NAME] [--rules-only | --soak-only]\n");
	return 2;
}

static bool parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--packed") == 0) {
			a->role.packed = true;
			continue;
		}
		if (strcmp(argv[i], "--split") == 0)
			continue;
		if (strcmp(argv[i], "--rules-only") == 0) {
			a->rules_only = true;
			continue;
		}
		if (strcmp(argv[i], "--soak-only") == 0) {
			a->soak_only = true;
			continue;
		}
		if (!value)
			return false;
		i++;
		if (strcmp(argv[i - 1], "--be") == 0)
			a->be = value;
		else if (strcmp(argv[i - 1], "--board") == 0)
			a->board_fd = atoi(value);
		else if (strcmp(argv[i - 1], "--dir") == 0)
			a->role.dir = value;
		else if (strcmp(argv[i - 1], "--seed") == 0)
			a->role.seed = strtoull(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--seconds") == 0)
			a->seconds = (unsigned)strtoul(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--number") == 0)
			a->role.number = (unsigned)strtoul(value, NULL, 0);
		else if (strcmp(argv[i - 1], "--rule") == 0)
			a->role.name = value;
		else
			return false;
	}
	return true;
}

static int play(struct arguments *a)
{
	a->role.board = board_map(a->board_fd);
	if (strcmp(a->be, "device") == 0)
		return honest_device(&a->role);
	if (strcmp(a->be, "driver") == 0)
		return honest_driver(&a->role);
	if (strcmp(a->be, "bad-driver") == 0)
		return bad_driver(&a->role);
	if (strcmp(a->be, "bad-device") == 0)
		return bad_device(&a->role);
	return usage();
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = { ADDRESS_AUTO, ADDRESS_PIPE, ADDRESS_BAD "0",
					     ADDRESS_BAD "1" };
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	if (rmdir(dir) < 0)
		perror(dir);
}

int main(int argc, char **argv)
{
	struct arguments a = { .seconds = 60 };
	struct referee f = { .dir = "/tmp/vri-hostile-XXXXXX" };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	a.role.seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (!parse(argc, argv, &a))
		return usage();
	if (a.be)
		return play(&a);
	f.seed = a.role.seed;
	f.seconds = a.seconds;
	f.only = a.role.name;
	if (!mkdtemp(f.dir)) {
		perror(f.dir);
		return 2;
	}
	f.board_fd = board_make();
	f.board = board_map(f.board_fd);
	printf("seed %llu\n", (unsigned long long)f.seed);
	if (referee_begin(&f)) {
		if (!a.soak_only)
			named_rules(&f);
		if (!a.rules_only && !f.only && !f.is_over)
			soak(&f);
	}
	referee_finish(&f);
	remove_dir(f.dir);
	if (f.failed)
		printf("to repeat it: --seed %llu\n", (unsigned long long)f.seed);
	printf("%u passed, %u failed\n", f.passed, f.failed);
	return f.failed ? 1 : 0;
}
