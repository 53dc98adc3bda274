/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Runs a fuzzer's inputs once each, without libFuzzer: replay_NAME FILE|FOLDER... Fails if there is none. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

static unsigned n_run;

/* Of exactly its size, so that a look behind the end is seen. Returns: whether it could be read. */
static bool run_file(const char *path, size_t len)
{
	uint8_t *bytes = malloc(len ? len : 1);
	FILE *file = fopen(path, "rb");
	bool ok = bytes && file && fread(bytes, 1, len, file) == len;

	if (file)
		fclose(file);
	if (ok) {
		LLVMFuzzerTestOneInput(bytes, len);
		n_run++;
	}
	free(bytes);
	return ok;
}

static bool run_path(const char *path);

static bool run_folder(const char *path)
{
	DIR *folder = opendir(path);
	char inside[PATH_MAX];
	struct dirent *entry;
	bool ok = folder != NULL;

	while (ok && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
		ok = run_path(inside);
	}
	if (folder)
		closedir(folder);
	return ok;
}

static bool run_path(const char *path)
{
	struct stat st;
	bool ok = stat(path, &st) == 0 &&
		  (S_ISDIR(st.st_mode) ? run_folder(path) : run_file(path, (size_t)st.st_size));

	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return ok;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!run_path(argv[i]))
			return 1;
	printf("%u inputs\n", n_run);
	return n_run > 0 ? 0 : 1;
}
