/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The processes of a hostile run, each the same program under another name. */
#ifndef HOSTILE_ROLES_H
#define HOSTILE_ROLES_H

#include <stdint.h>

#include "board.h"

/* The folder has these sockets. */
#define ADDRESS_AUTO "auto" /* the honest device: eventfds for its own user */
#define ADDRESS_PIPE "pipe" /* the honest device: pipes for everybody */
#define ADDRESS_BAD "bad" /* and a number: hostile devices */

struct role {
	struct board *board;
	const char *dir;
	uint64_t seed;
	const char *name; /* of a hostile process: the rule that it breaks, NULL for a random one */
	bool packed; /* of that rule */
	unsigned number; /* of a hostile device: its address */
};

/* Each returns its exit status. */
int honest_device(const struct role *role);
int honest_driver(const struct role *role);
int bad_driver(const struct role *role);
int bad_device(const struct role *role);

/* What the honest device is. It copies what it can read to where it can write, 64 KiB at most; a chain whose first byte
 * is HOLD waits until another one has come. Bytes 0 to 31 of its config space are always the same, a driver may write the
 * others. */
#define PARROT_TYPE "org.example.hostile-parrot"
#define PARROT_ID (VRI_ID_LOCAL_FIRST + 66)
#define PARROT_QUEUES 2
#define PARROT_QUEUE_SIZE 256
#define PARROT_CONFIG 64
#define PARROT_CONFIG_FIXED 32
#define PARROT_SHARED 3 /* id of a shared memory region that drivers may write */
#define PARROT_SHARED_SIZE 8192
#define PARROT_HOLD 0xee
#define PARROT_MAX 65536

#endif
