/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Faults that clang-tidy has to find, one a group of .clang-tidy. Compiled by nobody else. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

int planted(const char *text, int n, char *name, size_t size);
int planted(const char *text, int n, char *name, size_t size)
{
	char *copy = strdup(text);
	int number = atoi(text); /* fault */

	if (n == n) /* fault */
		number++;
	if (copy == NULL)
		return 0;
	free(copy);
	number += copy[0]; /* fault */
	if (strcmp(text, name)) /* fault */
		number += (int)size;
	return number;
}
