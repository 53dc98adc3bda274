/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a process holds, before and after: file descriptors, mappings of memfds, children. */
#include "leaks.h"
#include "test.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lines {
	char **line;
	size_t count;
};

static void lines_add(struct lines *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void lines_add(struct lines *lines, const char *format, ...)
{
	va_list args;

	lines->line = realloc(lines->line, (lines->count + 1) * sizeof(lines->line[0]));
	t_not_null(lines->line);
	va_start(args, format);
	t_ge(vasprintf(&lines->line[lines->count], format, args), 0);
	va_end(args);
	lines->count++;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Joins the lines, sorted, and frees them. */
static char *lines_finish(struct lines *lines)
{
	size_t size = 1, i;
	char *text;

	if (lines->count)
		qsort(lines->line, lines->count, sizeof(lines->line[0]), by_text);
	for (i = 0; i < lines->count; i++)
		size += strlen(lines->line[i]) + 1;
	text = calloc(1, size);
	t_not_null(text);
	for (i = 0; i < lines->count; i++) {
		strcat(text, lines->line[i]);
		strcat(text, "\n");
		free(lines->line[i]);
	}
	free(lines->line);
	return text;
}

/*
 * opendir() would do, but ThreadSanitizer does not see the descriptor that it makes: with a number that another thread had
 * just given back, closedir() looked like a race with that thread.
 */
static DIR *open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

/*
 * A file is what it is, whatever it is called by now: one that others share may be renamed or removed meanwhile. Its name
 * stands behind a tab, for the reader only. Every memfd is a file of its own, and so are the others known by their text.
 */
static void add_fd(struct lines *lines, const char *number, const char *path, const char *target)
{
	struct stat st;

	if (target[0] == '/' && strncmp(target, "/memfd:", 7) != 0 && stat(path, &st) == 0)
		lines_add(lines, "fd %s -> file %llx:%llu\t%s", number,
			  (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, target);
	else
		lines_add(lines, "fd %s -> %s", number, target);
}

static void add_fds(struct lines *lines, int pid)
{
	char path[300], target[512];
	struct dirent *entry;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = open_dir(path);
	if (!dir)
		t_fail("cannot read %s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (pid == getpid() && atoi(entry->d_name) == dirfd(dir))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue; /* closed meanwhile, by another process that is being looked at */
		target[n] = '\0';
		add_fd(lines, entry->d_name, path, target);
	}
	closedir(dir);
}

static void add_mappings(struct lines *lines, int pid)
{
	char path[64], *line = NULL, *name, *range;
	size_t size = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		t_fail("cannot read %s: %s", path, strerror(errno));
	while (getline(&line, &size, maps) > 0) {
		name = strstr(line, "/memfd:");
		if (!name)
			continue;
		name[strcspn(name, "\n")] = '\0';
		range = line;
		range[strcspn(range, " ")] = '\0';
		lines_add(lines, "mapping %s %s", range, name);
	}
	free(line);
	fclose(maps);
}

/* The parent in /proc/PID/stat, "pid (name) state ppid ..."; the name may hold anything. */
static int parent_of(const char *pid)
{
	char path[300], text[1024], state;
	int parent = -1;
	char *end;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return -1;
	if (fgets(text, sizeof(text), stat) && (end = strrchr(text, ')')))
		if (sscanf(end + 1, " %c %d", &state, &parent) != 2)
			parent = -1;
	fclose(stat);
	return parent;
}

static void add_children(struct lines *lines, int pid)
{
	struct dirent *entry;
	DIR *dir = open_dir("/proc");

	t_not_null(dir);
	while ((entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == pid)
			lines_add(lines, "child %s", entry->d_name);
	}
	closedir(dir);
}

char *leaks_describe(int pid)
{
	struct lines lines = { 0 };

	add_fds(&lines, pid);
	add_mappings(&lines, pid);
	add_children(&lines, pid);
	return lines_finish(&lines);
}

/* The length of the line at @text, and the order of two such lines. */
static size_t line_length(const char *text)
{
	return strcspn(text, "\n");
}

static int line_order(const char *a, const char *b)
{
	size_t a_len = strcspn(a, "\t\n"), b_len = strcspn(b, "\t\n");
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static void diff_line(char mark, const char **text, char *diff, size_t size)
{
	size_t used = strlen(diff), len = line_length(*text);

	snprintf(diff + used, size - used, "\n  %c %.*s", mark, (int)len, *text);
	*text += len + 1;
}

bool leaks_differ(const char *before, const char *after, char *diff, size_t size)
{
	diff[0] = '\0';
	while (*before || *after) {
		int order = !*before ? 1 : !*after ? -1 : line_order(before, after);

		if (order == 0) {
			before += line_length(before) + 1;
			after += line_length(after) + 1;
		} else if (order < 0) {
			diff_line('-', &before, diff, size);
		} else {
			diff_line('+', &after, diff, size);
		}
	}
	return diff[0] != '\0';
}

void leaks_begin(struct leaks *leaks)
{
	leaks->before = leaks_describe(getpid());
}

void leaks__check(struct leaks *leaks, const char *file, int line)
{
	char *after = leaks_describe(getpid());
	char diff[1600];
	bool differ = leaks_differ(leaks->before, after, diff, sizeof(diff));

	free(after);
	free(leaks->before);
	leaks->before = NULL;
	if (differ)
		test__fail(file, line, "the process does not hold what it held before:%s", diff);
}
