/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a process holds, before and after: file descriptors, mappings of memfds, children. */
#ifndef TESTS_LEAKS_H
#define TESTS_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

struct leaks {
	char *before; /* sorted lines */
};

/*
 * Remembers what this process holds. leaks_check() fails the test if there is more or less of it
 * then, and prints each line of the difference. Leaked memory is AddressSanitizer's to find.
 */
void leaks_begin(struct leaks *leaks);
#define leaks_check(leaks) leaks__check((leaks), __FILE__, __LINE__)

/*
 * The same for another process, @pid: what it holds now, to be compared with what it held before.
 * Returns: text to be freed with free(), one line each, sorted.
 */
char *leaks_describe(int pid);

/* Whether @before and @after are the same; if not, the lines that differ, each marked - or +, in @diff. */
bool leaks_differ(const char *before, const char *after, char *diff, size_t size);

void leaks__check(struct leaks *leaks, const char *file, int line);

#endif
