/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Names, in their order. */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link.h"
#include "watch.h"

static int compare(const void *key, const void *element)
{
	return strcmp(key, ((const struct device *)element)->name);
}

struct device *device_find(const struct server *server, const char *name)
{
	bool found;
	size_t at = table_find(&server->devices, name, compare, &found);

	return found ? server->devices.at[at] : NULL;
}

size_t device_after(const struct server *server, const char *name)
{
	bool found;
	size_t at = table_find(&server->devices, name, compare, &found);

	return found ? at + 1 : at;
}

bool device_has_room(const struct device *device)
{
	return !device->client->is_dead &&
	       (!device->max_links || device->n_links < device->max_links);
}

/* ---- making ---- */

static char *put_text(char *at, const char *text, char **ret)
{
	size_t len = strlen(text) + 1;

	memcpy(at, text, len);
	*ret = at;
	return at + len;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static struct device *make(const struct broker_device_info *info)
{
	size_t texts = strlen(info->name) + strlen(info->type) + 2;
	struct device *device;
	char *at, *unused;

	for (unsigned i = 0; i < info->n_pairs; i++)
		texts += strlen(info->pair[i].key) + strlen(info->pair[i].value) + 2;
	device = calloc(1, sizeof(*device) + texts);
	if (!device)
		return NULL;
	list_init(&device->in_client);
	list_init(&device->links);
	at = put_text((char *)(device + 1), info->name, &device->name);
	at = put_text(at, info->type, &device->type);
	device->pairs = at;
	device->n_pairs = info->n_pairs;
	for (unsigned i = 0; i < info->n_pairs; i++) {
		at = put_text(at, info->pair[i].key, &unused);
		at = put_text(at, info->pair[i].value, &unused);
	}
	device->device_id = info->device_id;
	device->n_queues = info->n_queues;
	device->queue_size_max = info->queue_size_max;
	device->max_links = info->max_links;
	device->since_ms = now_ms();
	return device;
}

/* Both have agreed, and they are of one user: the older one hears of it and keeps its links. */
static bool may_replace(const struct device *old, const struct client *client, bool replace)
{
	return replace && old->replaceable && old->client->peer.uid == client->peer.uid;
}

static void tell_replaced(struct client *client, const char *name)
{
	struct broker_msg msg = { .kind = BROKER_EVENT };

	msg.event.kind = BROKER_EVENT_REPLACED;
	snprintf(msg.event.name, sizeof(msg.event.name), "%s", name);
	(void)client_send(client, &msg, NULL, 0);
}

int device_register(struct client *client, const struct broker_device_info *info, bool replaceable,
		    bool replace)
{
	struct server *server = client->server;
	struct device *old = device_find(server, info->name);
	struct device *device;
	bool found;
	size_t at;

	if (old && !may_replace(old, client, replace))
		return -EADDRINUSE;
	if (user_charge(&server->users, client->user, RES_DEVICES, 1) < 0)
		return -EDQUOT;
	device = make(info);
	if (!device) {
		user_uncharge(client->user, RES_DEVICES, 1);
		return -ENOMEM;
	}
	device->client = client;
	device->replaceable = replaceable;
	if (old) {
		struct client *before = old->client;

		/* The old one's links go on without a name that points at it. */
		device_withdraw(old);
		if (before != client)
			tell_replaced(before, info->name);
	}
	at = table_find(&server->devices, info->name, compare, &found);
	if (table_insert(&server->devices, at, device) < 0) {
		user_uncharge(client->user, RES_DEVICES, 1);
		free(device);
		return -ENOMEM;
	}
	list_add(&client->devices, &device->in_client);
	watch_event(server, BROKER_EVENT_DEVICE_ADDED, device->name, 0, NULL);
	return 0;
}

/* ---- the end ---- */

void device_withdraw(struct device *device)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left the list, of which it loses sight */
	struct client *client = device->client;
	struct server *server = client->server;
	bool found;
	size_t at = table_find(&server->devices, device->name, compare, &found);

	table_remove(&server->devices, at);
	list_remove(&device->in_client);
	links_forget_device(device);
	user_uncharge(client->user, RES_DEVICES, 1);
	watch_event(server, BROKER_EVENT_DEVICE_REMOVED, device->name, 0, NULL);
	free(device);
}

void devices_drop_client(struct client *client)
{
	while (!list_is_empty(&client->devices))
		device_withdraw(list_entry(client->devices.next, struct device, in_client));
}

/* ---- for lists ---- */

void device_describe(const struct device *device, struct broker_device *ret)
{
	const char *at = device->pairs;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->info.name, sizeof(ret->info.name), "%s", device->name);
	snprintf(ret->info.type, sizeof(ret->info.type), "%s", device->type);
	ret->info.device_id = device->device_id;
	ret->info.n_queues = device->n_queues;
	ret->info.queue_size_max = device->queue_size_max;
	ret->info.max_links = device->max_links;
	ret->info.n_pairs = device->n_pairs;
	for (unsigned i = 0; i < device->n_pairs; i++) {
		snprintf(ret->info.pair[i].key, sizeof(ret->info.pair[i].key), "%s", at);
		at += strlen(at) + 1;
		snprintf(ret->info.pair[i].value, sizeof(ret->info.pair[i].value), "%s", at);
		at += strlen(at) + 1;
	}
	ret->n_links = device->n_links;
	ret->owner = client_peer(device->client);
	snprintf(ret->program, sizeof(ret->program), "%s", device->client->program);
	ret->since_ms = device->since_ms;
}
