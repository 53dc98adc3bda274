/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The broker's socket. */
#include "broker/broker_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int broker_path(char ret_path[BROKER_PATH_MAX])
{
	const char *set = secure_getenv("VRINGD_SOCKET");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	int n;

	if (set && *set)
		n = snprintf(ret_path, BROKER_PATH_MAX, "%s", set);
	else if (runtime && *runtime)
		n = snprintf(ret_path, BROKER_PATH_MAX, "%s/vringd/vringd.sock", runtime);
	else
		n = snprintf(ret_path, BROKER_PATH_MAX, "/run/vringd/vringd.sock");
	return n < BROKER_PATH_MAX ? 0 : -ENAMETOOLONG;
}
