/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What each user has of the broker, and may have. Everything that a client can make the broker keep is
 * charged to the client's user before it is made, and given back where it ends.
 */
#ifndef VRINGD_USER_H
#define VRINGD_USER_H

#include <stdint.h>
#include <sys/types.h>

#include "util/list.h"

enum resource {
	RES_CONNECTIONS,
	RES_DEVICES, /* names */
	RES_LINKS,
	RES_OPENS, /* that wait */
	RES_WATCHES,
	RES_FDS, /* held, and sent and not yet taken */
	RES_QUEUE_BYTES, /* of packets that a slow reader leaves */
	RES_REGION_BYTES,
	RES_KINDS,
};

struct limits {
	uint64_t max[RES_KINDS]; /* for each user */
};

struct user {
	struct list in_users;
	uid_t uid;
	unsigned refs;
	uint64_t used[RES_KINDS];
};

struct users {
	struct list all;
	const struct limits *limits;
};

extern const struct limits limits_default;

/* The name for people and metrics: "connections". */
const char *resource_name(enum resource kind);

void users_init(struct users *users, const struct limits *limits);

/* The record of @uid, made when there is none. Returns: a reference, or NULL without memory. */
struct user *user_get(struct users *users, uid_t uid);
void user_put(struct user *user);

/* Takes @n of @kind. Returns: 0; -EDQUOT when the user would have more than it may. */
int user_charge(const struct users *users, struct user *user, enum resource kind, uint64_t n);
void user_uncharge(struct user *user, enum resource kind, uint64_t n);

#endif
