/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Who may do what. */
#ifndef VRINGD_POLICY_H
#define VRINGD_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

struct client;

enum policy_action {
	POLICY_OWN, /* register a name */
	POLICY_OPEN,
	POLICY_LIST, /* see that it is there, and hear of it */
	POLICY_INSPECT, /* look into the regions of its links */
};

struct policy {
	uid_t uid; /* the broker's own user */
};

/* Tells whether @client may do @action to @name. Without rules: root, and the broker's own user. */
bool policy_allows(const struct policy *policy, const struct client *client,
		   enum policy_action action, const char *name);

#endif
