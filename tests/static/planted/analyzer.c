/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Faults that gcc -fanalyzer has to find. Compiled by nobody else. */
#include <stdlib.h>
#include <unistd.h>

int planted_twice(char *p, int n);
int planted_twice(char *p, int n)
{
	free(p);
	if (n > 3)
		free(p); /* fault */
	return 0;
}

int planted_null(size_t n);
int planted_null(size_t n)
{
	int *p = malloc(n * sizeof(*p));

	p[0] = 1; /* fault */
	n = (size_t)p[0];
	free(p);
	return (int)n;
}

void *planted_excused(size_t n);
void *planted_excused(size_t n)
{
	int *p = malloc(n * sizeof(*p));

	/* -Wanalyzer-possible-null-dereference: planted, to see that this is how to say so */
	p[0] = 1;
	return p;
}
