/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Links, from OPEN to their end.
 *
 * The broker keeps the region for the inspector and nothing else: what the two say to each other goes
 * over their own socket pair. A link is over here when either end says so or leaves the broker; that
 * ends the broker's knowledge of it, and never the link.
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/compat.h"

#include "pending.h"
#include "watch.h"

#define REGION_MAX (1ull << 40)

static int compare(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct link *)element)->number;

	return a < b ? -1 : a > b;
}

struct link *link_find(const struct server *server, uint64_t number)
{
	bool found;
	size_t at = table_find(&server->links, &number, compare, &found);

	return found ? server->links.at[at] : NULL;
}

size_t link_after(const struct server *server, uint64_t number)
{
	bool found;
	size_t at = table_find(&server->links, &number, compare, &found);

	return found ? at + 1 : at;
}

/* ---- making ---- */

static struct link *make(struct client *driver, struct device *device)
{
	size_t len = strlen(device->name) + 1;
	struct link *link = calloc(1, sizeof(*link) + len);
	struct timespec now;

	if (!link)
		return NULL;
	link->name = memcpy(link + 1, device->name, len);
	link->region = -1;
	link->driver = driver;
	link->server_end = device->client;
	link->driver_peer = client_peer(driver);
	link->device_peer = client_peer(device->client);
	clock_gettime(CLOCK_REALTIME, &now);
	link->since_ms = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
	list_init(&link->in_device);
	list_init(&link->in_drives);
	list_init(&link->in_serves);
	return link;
}

/* Puts it into the tables. Returns: 0; -EDQUOT; -ENOMEM. */
static int enter(struct server *server, struct link *link, struct device *device)
{
	struct user *user = link->driver->user;

	if (user_charge(&server->users, user, RES_LINKS, 1) < 0)
		return -EDQUOT;
	link->number = ++server->last_link;
	/* The newest number is the highest. */
	if (table_insert(&server->links, server->links.n, link) < 0) {
		user_uncharge(user, RES_LINKS, 1);
		return -ENOMEM;
	}
	link->device = device;
	device->n_links++;
	list_add(&device->links, &link->in_device);
	list_add(&link->driver->drives, &link->in_drives);
	list_add(&device->client->serves, &link->in_serves);
	return 0;
}

/* One end and the other one's process. Returns: how many descriptors. */
static unsigned put_end(int fds[PACKET_FDS_MAX], int end, const struct client *other)
{
	fds[0] = end;
	fds[1] = other->peer.pidfd >= 0 ? fcntl(other->peer.pidfd, F_DUPFD_CLOEXEC, 0) : -1;
	return fds[1] >= 0 ? 2 : 1;
}

static void send_ends(struct link *link, uint32_t token, const int pair[2])
{
	struct broker_msg incoming = { .kind = BROKER_INCOMING };
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = token };
	struct client *driver = link->driver, *device = link->server_end;
	int fds[PACKET_FDS_MAX];
	unsigned n;

	incoming.incoming.link = link->number;
	snprintf(incoming.incoming.name, sizeof(incoming.incoming.name), "%s", link->name);
	incoming.incoming.peer = link->driver_peer;
	reply.reply.link = link->number;
	reply.reply.peer = link->device_peer;
	n = put_end(fds, pair[0], driver);
	(void)client_send(device, &incoming, fds, n);
	n = put_end(fds, pair[1], device);
	(void)client_send(driver, &reply, fds, n);
	watch_event(driver->server, BROKER_EVENT_LINK_UP, link->name, link->number, NULL);
}

int link_open(struct client *driver, uint32_t token, struct device *device)
{
	struct server *server = driver->server;
	struct link *link;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -EBUSY;
	link = make(driver, device);
	r = link ? enter(server, link, device) : -ENOMEM;
	if (r < 0) {
		close(pair[0]);
		close(pair[1]);
		free(link);
		return r;
	}
	server->count[COUNT_OPENS]++;
	send_ends(link, token, pair);
	return 0;
}

/* ---- the region ---- */

static int make_region(uint64_t size)
{
	int fd = memfd_create("vring-ipc", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int r;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vring-ipc", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	/* Its pages are the driver's to make, so they are charged to it. Nobody but us and root can open
	 * it anew, for writing, through /proc. */
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int send_region(struct link *link, uint32_t token)
{
	struct broker_msg granted = { .kind = BROKER_GRANTED };
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = token };
	struct client *driver = link->driver, *device = link->server_end;
	int copy[2];

	copy[0] = fcntl(link->region, F_DUPFD_CLOEXEC, 0);
	copy[1] = copy[0] < 0 ? -1 : fcntl(link->region, F_DUPFD_CLOEXEC, 0);
	if (copy[1] < 0) {
		if (copy[0] >= 0)
			close(copy[0]);
		return -EBUSY;
	}
	granted.granted.link = link->number;
	granted.granted.size = link->size;
	reply.reply.link = link->number;
	(void)client_send(device, &granted, &copy[0], 1);
	(void)client_send(driver, &reply, &copy[1], 1);
	return 0;
}

int link_grant(struct link *link, uint32_t token, uint64_t size)
{
	struct server *server = link->driver->server;
	struct user *user = link->driver->user;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd, r;

	if (size == 0 || size > REGION_MAX || size % page)
		return -EINVAL;
	if (link->region >= 0)
		return -EBUSY;
	if (user_charge(&server->users, user, RES_REGION_BYTES, size) < 0)
		return -EDQUOT;
	if (user_charge(&server->users, user, RES_FDS, 1) < 0) {
		user_uncharge(user, RES_REGION_BYTES, size);
		return -EDQUOT;
	}
	fd = make_region(size);
	if (fd >= 0) {
		link->region = fd;
		link->size = size;
	}
	r = fd < 0 ? -ENOMEM : send_region(link, token);
	if (r < 0) {
		user_uncharge(user, RES_REGION_BYTES, size);
		user_uncharge(user, RES_FDS, 1);
		if (fd >= 0)
			close(fd);
		link->region = -1;
		link->size = 0;
	}
	return r;
}

int link_view(const struct link *link)
{
	char path[32];
	int fd;

	if (link->region < 0)
		return -ENOENT;
	/* Opened anew: a duplicate would be the same open file, for writing. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", link->region);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- the end ---- */

void link_end(struct link *link, const char *why)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left the list, of which it loses sight */
	struct server *server = link->driver->server;
	struct device *device = link->device;
	bool found;
	size_t at = table_find(&server->links, &link->number, compare, &found);

	table_remove(&server->links, at);
	list_remove(&link->in_device);
	list_remove(&link->in_drives);
	list_remove(&link->in_serves);
	if (device)
		device->n_links--;
	user_uncharge(link->driver->user, RES_LINKS, 1);
	if (link->region >= 0) {
		close(link->region);
		user_uncharge(link->driver->user, RES_REGION_BYTES, link->size);
		user_uncharge(link->driver->user, RES_FDS, 1);
	}
	watch_event(server, BROKER_EVENT_LINK_DOWN, link->name, link->number, why);
	free(link);
	if (device)
		pending_look(server, device);
}

void links_drop_client(struct client *client)
{
	while (!list_is_empty(&client->drives))
		link_end(list_entry(client->drives.next, struct link, in_drives),
			 "the driver left the broker");
	while (!list_is_empty(&client->serves))
		link_end(list_entry(client->serves.next, struct link, in_serves),
			 "the device left the broker");
}

void links_forget_device(struct device *device)
{
	while (!list_is_empty(&device->links)) {
		struct link *link = list_entry(device->links.next, struct link, in_device);

		list_remove(&link->in_device);
		link->device = NULL;
	}
	device->n_links = 0;
}

/* ---- for lists ---- */

void link_describe(const struct link *link, struct broker_link *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->link = link->number;
	snprintf(ret->name, sizeof(ret->name), "%s", link->name);
	ret->driver = link->driver_peer;
	ret->device = link->device_peer;
	ret->size = link->size;
	ret->since_ms = link->since_ms;
}
