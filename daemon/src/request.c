/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What clients ask for: each request is checked against the policy, carried out, and answered once. */
#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "pending.h"
#include "watch.h"

/* ---- answers ---- */

static void deny(struct client *client, uint32_t token)
{
	client->server->count[COUNT_DENIED]++;
	client_reply(client, token, -EACCES, "the policy does not allow it");
}

static bool allows(struct client *client, uint32_t token, enum policy_action action,
		   const char *name)
{
	if (policy_allows(&client->server->policy, client, action, name))
		return true;
	deny(client, token);
	return false;
}

static void answer(struct client *client, uint32_t token, int r)
{
	static const struct {
		int error;
		const char *words;
	} texts[] = {
		{ -EDQUOT, "this user has as much as one user may have" },
		{ -ENOMEM, "the broker has no memory for it" },
		{ -EBUSY, "the broker cannot do it now" },
		{ -EADDRINUSE, "somebody else has that name" },
		{ -EINVAL, "a value that cannot be" },
		{ -ENOENT, "there is no such thing" },
	};
	const char *words = NULL;

	if (r == -EDQUOT)
		client->server->count[COUNT_QUOTA]++;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == r)
			words = texts[i].words;
	client_reply(client, token, r, words);
}

/* ---- requests ---- */

static void hello(struct client *client, const struct broker_msg *msg)
{
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = msg->token };

	if (msg->hello.version_min > BROKER_VERSION) {
		client_reply(client, msg->token, -EPROTONOSUPPORT,
			     "the broker speaks version 1 of the protocol");
		client_end(client, "it speaks no version of the protocol that we do");
		return;
	}
	snprintf(client->program, sizeof(client->program), "%s", msg->hello.program);
	client->state = BROKER_OPEN_STATE;
	reply.reply.version = BROKER_VERSION;
	(void)client_send(client, &reply, NULL, 0);
}

static void registration(struct client *client, const struct broker_msg *msg)
{
	const struct broker_device_info *info = &msg->registration.info;

	struct device *device;

	if (!allows(client, msg->token, POLICY_OWN, info->name))
		return;
	answer(client, msg->token,
	       device_register(client, info, msg->registration.replaceable,
			       msg->registration.replace));
	/* Who waits for it comes after the answer. */
	device = device_find(client->server, info->name);
	if (device)
		pending_look(client->server, device);
}

static void withdraw(struct client *client, const struct broker_msg *msg)
{
	struct device *device = device_find(client->server, msg->withdraw.name);

	if (device && device->client == client) {
		device_withdraw(device);
		answer(client, msg->token, 0);
	} else {
		answer(client, msg->token, -ENOENT);
	}
}

static const char *why_not(const struct broker_msg *open, const struct device *device)
{
	if (*open->open.type && strcmp(open->open.type, device->type) != 0)
		return "the device is of another type";
	if (open->open.device_id && open->open.device_id != device->device_id)
		return "the device has another id";
	return NULL;
}

void request_open(struct client *client, const struct broker_msg *open, struct device *device)
{
	const char *why = why_not(open, device);
	int r;

	if (why) {
		client_reply(client, open->token, -ECONNREFUSED, why);
		return;
	}
	r = link_open(client, open->token, device);
	if (r < 0)
		answer(client, open->token, r);
}

static void open_device(struct client *client, const struct broker_msg *msg)
{
	struct device *device;

	if (!allows(client, msg->token, POLICY_OPEN, msg->open.name))
		return;
	device = device_find(client->server, msg->open.name);
	if (device && device_has_room(device)) {
		request_open(client, msg, device);
	} else if (msg->open.wait) {
		int r = pending_add(client, msg);

		if (r < 0)
			answer(client, msg->token, r);
	} else if (device) {
		client_reply(client, msg->token, -EBUSY,
			     "the device has as many links as it takes");
	} else {
		client_reply(client, msg->token, -ENOENT, "nobody has registered that name");
	}
}

static void cancel(struct client *client, const struct broker_msg *msg)
{
	answer(client, msg->token, pending_cancel(client, msg->cancel.open) ? 0 : -ENOENT);
}

static void grant(struct client *client, const struct broker_msg *msg)
{
	struct link *link = link_find(client->server, msg->grant.link);
	int r = link && link->driver == client ? link_grant(link, msg->token, msg->grant.size) :
						 -ENOENT;

	if (r < 0)
		answer(client, msg->token, r);
}

static void link_down(struct client *client, const struct broker_msg *msg)
{
	struct link *link = link_find(client->server, msg->link_down.link);

	if (!link || (link->driver != client && link->server_end != client)) {
		answer(client, msg->token, -ENOENT);
		return;
	}
	/* Before who waits for the room that it makes is told. */
	answer(client, msg->token, 0);
	link_end(link, msg->link_down.words);
}

/* ---- lists ---- */

/* Devices of one page take a few hundred bytes each, with all metadata 3 KiB: as many as fit. */
#define PAGE_BYTES (48u << 10)

static size_t bytes_of(const struct broker_device *device)
{
	size_t bytes = 96 + strlen(device->info.name) + strlen(device->info.type) +
		       strlen(device->program);

	for (unsigned i = 0; i < device->info.n_pairs; i++)
		bytes += 8 + strlen(device->info.pair[i].key) + strlen(device->info.pair[i].value);
	return bytes;
}

static void list_devices(struct client *client, const struct broker_msg *msg)
{
	struct server *server = client->server;
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = msg->token };
	bool one = *msg->list_devices.name != 0;
	size_t bytes = 0, at;

	reply.reply.device = calloc(msg->list_devices.limit, sizeof(*reply.reply.device));
	if (!reply.reply.device) {
		answer(client, msg->token, -ENOMEM);
		return;
	}
	at = one ? 0 : device_after(server, msg->list_devices.after);
	for (; at < server->devices.n && !reply.reply.more; at++) {
		const struct device *device = one ? device_find(server, msg->list_devices.name) :
						    server->devices.at[at];
		struct broker_device *to = &reply.reply.device[reply.reply.n_devices];

		if (!device)
			break;
		if (policy_allows(&server->policy, client, POLICY_LIST, device->name)) {
			if (reply.reply.n_devices == msg->list_devices.limit ||
			    bytes > PAGE_BYTES) {
				reply.reply.more = true;
				break;
			}
			device_describe(device, to);
			bytes += bytes_of(to);
			reply.reply.n_devices++;
		}
		if (one)
			break;
	}
	if (one && !reply.reply.n_devices)
		answer(client, msg->token, -ENOENT);
	else
		(void)client_send(client, &reply, NULL, 0);
	free(reply.reply.device);
}

static void list_links(struct client *client, const struct broker_msg *msg)
{
	struct server *server = client->server;
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = msg->token };
	size_t at = link_after(server, msg->list_links.after);

	reply.reply.links = calloc(msg->list_links.limit, sizeof(*reply.reply.links));
	if (!reply.reply.links) {
		answer(client, msg->token, -ENOMEM);
		return;
	}
	for (; at < server->links.n; at++) {
		const struct link *link = server->links.at[at];

		if (*msg->list_links.name && strcmp(msg->list_links.name, link->name) != 0)
			continue;
		if (!policy_allows(&server->policy, client, POLICY_LIST, link->name))
			continue;
		if (reply.reply.n_links == msg->list_links.limit) {
			reply.reply.more = true;
			break;
		}
		link_describe(link, &reply.reply.links[reply.reply.n_links++]);
	}
	(void)client_send(client, &reply, NULL, 0);
	free(reply.reply.links);
}

static void watch(struct client *client, const struct broker_msg *msg)
{
	int r = 0;

	if (msg->watch.on)
		r = watch_start(client, msg->watch.name);
	else
		watch_stop(client);
	answer(client, msg->token, r);
}

static void view(struct client *client, const struct broker_msg *msg)
{
	struct link *link = link_find(client->server, msg->view.link);
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = msg->token };
	int fd;

	if (!link) {
		answer(client, msg->token, -ENOENT);
		return;
	}
	if (!allows(client, msg->token, POLICY_INSPECT, link->name))
		return;
	fd = link_view(link);
	if (fd < 0) {
		answer(client, msg->token, fd == -ENOENT ? -ENOENT : -EBUSY);
		return;
	}
	reply.reply.link = link->number;
	(void)client_send(client, &reply, &fd, 1);
}

/* ---- statistics ---- */

static void put_stat(struct broker_reply *reply, const char *prefix, const char *name,
		     uint64_t value)
{
	struct broker_stat *stat = &reply->stat[reply->n_stats++];

	snprintf(stat->name, sizeof(stat->name), "%s%s", prefix, name);
	stat->value = value;
}

/* What the client's own user has, and what the broker has done. */
static void stats(struct client *client, const struct broker_msg *msg)
{
	struct server *server = client->server;
	struct broker_stat room[COUNT_KINDS + RES_KINDS + 4] = { 0 };
	struct broker_msg reply = { .kind = BROKER_REPLY, .token = msg->token };
	size_t n_clients = 0;
	struct list *node;

	reply.reply.stat = room;
	for (unsigned i = 0; i < COUNT_KINDS; i++)
		put_stat(&reply.reply, "", counter_name(i), server->count[i]);
	for (unsigned i = 0; i < RES_KINDS; i++)
		put_stat(&reply.reply, "user_", resource_name(i), client->user->used[i]);
	list_for_each(node, &server->clients)
		n_clients++;
	put_stat(&reply.reply, "", "connections", n_clients);
	put_stat(&reply.reply, "", "devices", server->devices.n);
	put_stat(&reply.reply, "", "links", server->links.n);
	put_stat(&reply.reply, "", "fds_under_way", server->fds_under_way);
	(void)client_send(client, &reply, NULL, 0);
}

void client_request(struct client *client, const struct broker_msg *msg)
{
	static void (*const requests[BROKER_KINDS])(struct client * client,
						    const struct broker_msg *msg) = {
		[BROKER_HELLO] = hello,
		[BROKER_REGISTER] = registration,
		[BROKER_WITHDRAW] = withdraw,
		[BROKER_OPEN] = open_device,
		[BROKER_CANCEL] = cancel,
		[BROKER_GRANT] = grant,
		[BROKER_LINK_DOWN] = link_down,
		[BROKER_LIST_DEVICES] = list_devices,
		[BROKER_LIST_LINKS] = list_links,
		[BROKER_WATCH] = watch,
		[BROKER_VIEW] = view,
		[BROKER_STATS] = stats,
	};

	client->server->count[COUNT_REQUESTS]++;
	if (requests[msg->kind])
		requests[msg->kind](client, msg);
	else
		client_reply(client, msg->token, -EOPNOTSUPP,
			     "the broker does not know that request");
}
