/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A private folder for the sockets and files of one test, with paths short enough for sun_path. */
#include "tmpdir.h"
#include "test.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void tmpdir_open(struct tmpdir *dir)
{
	const char *under = getenv("VRI_TEST_RUN_DIR");
	int n;

	memset(dir, 0, sizeof(*dir));
	if (!under)
		under = "/tmp";
	n = snprintf(dir->path, sizeof(dir->path), "%s/XXXXXX", under);
	t_lt((size_t)n, sizeof(dir->path));
	if (!mkdtemp(dir->path))
		t_fail("cannot make %s: %s", dir->path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

void tmpdir_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void tmpdir_close(struct tmpdir *dir)
{
	if (dir->path[0])
		tmpdir_remove(dir->path);
	memset(dir, 0, sizeof(*dir));
}

static const char *make_path(struct tmpdir *dir, const char *prefix, const char *name)
{
	char text[sizeof(dir->files[0]) + 1];
	int n;

	t_lt(dir->used, TMPDIR_FILES);
	n = snprintf(text, sizeof(text), "%s%s/%s", prefix, dir->path, name);
	t_lt((size_t)n, strlen(prefix) + TMPDIR_PATH_MAX);
	return memcpy(dir->files[dir->used++], text, (size_t)n + 1);
}

const char *tmpdir_file(struct tmpdir *dir, const char *name)
{
	return make_path(dir, "", name);
}

const char *tmpdir_unix(struct tmpdir *dir, const char *name)
{
	return make_path(dir, "unix:", name);
}
