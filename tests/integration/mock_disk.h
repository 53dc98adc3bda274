/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A block device in a process of its own that does what no good disk does. */
#ifndef TESTS_MOCK_DISK_H
#define TESTS_MOCK_DISK_H

#include <sys/types.h>

enum mock_disk_habit {
	MOCK_DISK_FORGETS, /* writes succeed, and all that is read is 0 */
	MOCK_DISK_FAILS, /* each request ends with IOERR */
	MOCK_DISK_KNOWS_NOTHING, /* each request ends with UNSUPP */
	MOCK_DISK_LIES, /* each request ends with a status that does not exist */
	MOCK_DISK_BACKWARDS, /* of what is there together, the last is answered first */
	MOCK_DISK_COLOURS, /* its id gives commands to terminals */
	MOCK_DISK_GIVES_UP, /* after 10 requests it needs a reset */
};

#define MOCK_DISK_SIZE 1048576
#define MOCK_DISK_ID "\033[31mred\233m\302\2331m\n" /* of one that colours */

struct mock_disk {
	pid_t pid;
};

/* Starts it and waits until it listens. It dies with the test. */
void mock_disk_start(struct mock_disk *disk, const char *address, enum mock_disk_habit habit);
void mock_disk_stop(struct mock_disk *disk);

#endif
