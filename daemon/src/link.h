/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A link by name, as the broker knows it. */
#ifndef VRINGD_LINK_H
#define VRINGD_LINK_H

#include "device.h"

struct link {
	uint64_t number;
	char *name; /* the device's, behind this */
	struct device *device; /* NULL: the name was withdrawn, the link goes on */
	struct list in_device;
	struct client *driver, *server_end; /* who has the two ends */
	struct list in_drives, in_serves;
	struct broker_peer driver_peer, device_peer;
	int region; /* -1: none yet */
	uint64_t size;
	uint64_t since_ms;
};

/*
 * Brings a driver and a device together: a socket pair, one end for each, and who the other one is. The
 * driver gets its end with the reply to its request @token. Returns: 0; -EDQUOT, -ENOMEM, -EBUSY (no
 * descriptors), and nothing was sent.
 */
int link_open(struct client *driver, uint32_t token, struct device *device);

/* Makes the region, and sends it to both. Returns: 0, and the driver has its reply; -EINVAL for a size that
 * cannot be, -EBUSY when there is a region already, -EDQUOT, -ENOMEM. */
int link_grant(struct link *link, uint32_t token, uint64_t size);

/* A descriptor for reading of the region, which nothing makes writable. Returns: the descriptor, the
 * caller's; -ENOENT when there is no region yet; a negative errno. */
int link_view(const struct link *link);

void link_end(struct link *link, const char *why);
void links_drop_client(struct client *client);
void links_forget_device(struct device *device);

struct link *link_find(const struct server *server, uint64_t number);
size_t link_after(const struct server *server, uint64_t number);
void link_describe(const struct link *link, struct broker_link *ret);

#endif
