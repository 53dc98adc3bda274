/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The smallest user of the installed library: says whether it runs with what it was compiled against. */
#include <stdio.h>
#include <string.h>
#include <vring-ipc/vring-ipc.h>

int main(void)
{
	char compiled[32];

	snprintf(compiled, sizeof(compiled), "%d.%d.%d", VRI_VERSION_MAJOR, VRI_VERSION_MINOR,
		 VRI_VERSION_PATCH);
	printf("compiled against %s, runs with %s\n", compiled, vri_version());
	return strcmp(compiled, vri_version()) != 0;
}
