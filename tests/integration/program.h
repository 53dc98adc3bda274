/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Runs the command vring as a user would: words in, text and an exit status out. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bytes {
	char *data; /* ended by a 0 that does not count */
	size_t len;
	size_t room;
};

struct program {
	pid_t pid;
	int in, out, err; /* our ends of its pipes; -1: none */
	struct bytes stdout_bytes, stderr_bytes; /* what came so far */
};

/* What a program is started with, besides its words. */
struct program_setup {
	bool with_input; /* a pipe to its stdin; else there is nothing to read */
	const char *stdout_path; /* instead of a pipe */
	int pass_fd; /* becomes its descriptor 3; 0: none */
	uid_t uid; /* becomes its user; 0: ours */
	unsigned closed; /* a bit for each standard stream that it has not */
};

/* Starts vring with @words, which end with NULL. It dies with the test. */
void program_start(struct program *p, const struct program_setup *setup, const char *const *words);

/* Closes its stdin, takes all of its output and waits for it. Returns: its exit status, or the
 * negative signal that killed it. */
int program_finish(struct program *p);

/* Takes output until @len bytes of stdout have come. The test fails if it ends before. */
void program_read(struct program *p, size_t len);

/* Writes to its stdin. Returns: false when it does not read any more. */
bool program_write(struct program *p, const void *data, size_t len);

void program_free(struct program *p);

/* Runs vring with the words that follow, up to NULL, to its end. Returns: as program_finish(). */
int vring(struct program *p, ...);

/* The same, for one that has to succeed and whose output nobody needs. */
#define vring_ok(...) vring__ok(__FILE__, __LINE__, __VA_ARGS__, NULL)
void vring__ok(const char *file, int line, ...);

/* ---- a server ---- */

/* Starts `vring serve` with the words that follow, up to NULL, and waits until it is ready. */
void server_start(struct program *server, ...);

/* Ends it with SIGTERM. It has to exit with 0. */
void server_stop(struct program *server);

/* Waits until the process holds the descriptors and mappings again that leaks_describe() told
 * @before; the test fails when it does not. */
void server_settles(const struct program *server, const char *before);

/* ---- files ---- */

/* Fills memory or a file with bytes that depend on @seed and repeat nowhere near. */
void fill_bytes(void *buf, size_t len, uint64_t seed);
void make_file(const char *path, size_t len, uint64_t seed);
/* Makes a sparse file. */
void make_image(const char *path, size_t len);
struct bytes read_file(const char *path);
bool file_exists(const char *path);

#endif
