/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A private folder for the sockets and files of one test, with paths short enough for sun_path. */
#ifndef TESTS_TMPDIR_H
#define TESTS_TMPDIR_H

#define TMPDIR_RUN_MAX 48 /* the folder of a run, made by the runner */
#define TMPDIR_FILES 32 /* paths that one test can ask for */
#define TMPDIR_PATH_MAX 108 /* sizeof(((struct sockaddr_un *)0)->sun_path) */

struct tmpdir {
	char path[TMPDIR_RUN_MAX + 8];
	char files[TMPDIR_FILES][sizeof("unix:") + TMPDIR_PATH_MAX];
	int used;
};

/* Makes the folder; the test fails if it cannot. A crash leaves nothing: the runner cleans up. */
void tmpdir_open(struct tmpdir *dir);

/* Removes the folder and all that is in it. */
void tmpdir_close(struct tmpdir *dir);

/* The path of @name in the folder, and the same as an address, "unix:PATH". Valid until tmpdir_close(). */
const char *tmpdir_file(struct tmpdir *dir, const char *name);
const char *tmpdir_unix(struct tmpdir *dir, const char *name);

/* Removes a folder with all that is in it, symbolic links as such. */
void tmpdir_remove(const char *path);

#endif
