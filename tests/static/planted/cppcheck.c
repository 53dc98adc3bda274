/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Faults that cppcheck has to find. Compiled by nobody. */
#include <stdlib.h>

int *planted_dangles(int **ret)
{
	int local = 1;

	*ret = &local; /* fault */
	return NULL;
}

int planted_outside(void)
{
	int a[4] = { 0 };

	return a[4]; /* fault */
}

int planted_leaks(int n)
{
	char *p = malloc(16);

	if (n > 3)
		return 1; /* fault */
	free(p);
	return 0;
}
