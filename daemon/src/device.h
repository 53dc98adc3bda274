/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A registered name. */
#ifndef VRINGD_DEVICE_H
#define VRINGD_DEVICE_H

#include "client.h"

/* A few hundred bytes and what the metadata takes: there can be thousands. */
struct device {
	struct client *client; /* who serves it */
	struct list in_client;
	struct list links; /* of struct link */
	unsigned n_links;
	char *name, *type; /* in the block of memory behind this */
	uint32_t device_id;
	uint32_t n_queues;
	uint32_t queue_size_max;
	uint32_t max_links; /* 0: as many as come */
	uint64_t since_ms;
	bool replaceable;
	unsigned n_pairs;
	char *pairs; /* key 0 value 0 key 0 ... */
};

/*
 * Registers a name. Returns: 0; -EADDRINUSE when somebody has it and it is not to be, or cannot be,
 * replaced; -EDQUOT; -ENOMEM.
 */
int device_register(struct client *client, const struct broker_device_info *info, bool replaceable,
		    bool replace);

/* Takes a name back; its links stay. */
void device_withdraw(struct device *device);
void devices_drop_client(struct client *client);

struct device *device_find(const struct server *server, const char *name);

/* The place of the first device whose name comes after @name. */
size_t device_after(const struct server *server, const char *name);

/* Fills in what a list shows of it. */
void device_describe(const struct device *device, struct broker_device *ret);

/* Tells whether a link can be opened to it now. */
bool device_has_room(const struct device *device);

#endif
