/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The policy without rules. */
#include "policy.h"

#include "client.h"

bool policy_allows(const struct policy *policy, const struct client *client,
		   enum policy_action action, const char *name)
{
	return client->peer.uid == policy->uid || client->peer.uid == 0;
}
