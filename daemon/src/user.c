/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Counting what users have. */
#include "user.h"

#include <errno.h>
#include <stdlib.h>

/* An ordinary user can have hundreds of links: each takes about four descriptors here while it is set
 * up, and two afterwards. */
const struct limits limits_default = {
	.max = {
		[RES_CONNECTIONS] = 128,
		[RES_DEVICES] = 1024,
		[RES_LINKS] = 1024,
		[RES_OPENS] = 256,
		[RES_WATCHES] = 64,
		[RES_FDS] = 4096,
		[RES_QUEUE_BYTES] = 4u << 20,
		[RES_REGION_BYTES] = 16ull << 30,
	},
};

static const char *const names[RES_KINDS] = {
	[RES_CONNECTIONS] = "connections",
	[RES_DEVICES] = "devices",
	[RES_LINKS] = "links",
	[RES_OPENS] = "opens",
	[RES_WATCHES] = "watches",
	[RES_FDS] = "fds",
	[RES_QUEUE_BYTES] = "queue_bytes",
	[RES_REGION_BYTES] = "region_bytes",
};

const char *resource_name(enum resource kind)
{
	return names[kind];
}

void users_init(struct users *users, const struct limits *limits)
{
	list_init(&users->all);
	users->limits = limits;
}

struct user *user_get(struct users *users, uid_t uid)
{
	struct list *node;
	struct user *user;

	list_for_each(node, &users->all) {
		user = list_entry(node, struct user, in_users);
		if (user->uid == uid) {
			user->refs++;
			return user;
		}
	}
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	user->refs = 1;
	list_add(&users->all, &user->in_users);
	return user;
}

void user_put(struct user *user)
{
	if (!user || --user->refs > 0)
		return;
	list_remove(&user->in_users);
	free(user);
}

int user_charge(const struct users *users, struct user *user, enum resource kind, uint64_t n)
{
	uint64_t max = users->limits->max[kind];

	/* The sum is never formed, so it cannot wrap. */
	if (user->used[kind] > max || n > max - user->used[kind])
		return -EDQUOT;
	user->used[kind] += n;
	return 0;
}

void user_uncharge(struct user *user, enum resource kind, uint64_t n)
{
	user->used[kind] -= n;
}
