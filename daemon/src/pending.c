/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Waiting opens, in the order in which they came. */
#include "pending.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "request.h"

struct pending {
	struct client *client;
	struct list in_client, in_server;
	uint32_t token;
	uv_timer_t timer; /* its time limit */
	struct broker_msg open;
};

static void on_closed(uv_handle_t *handle)
{
	struct pending *pending = handle->data;

	free(pending);
}

static void drop(struct pending *pending)
{
	list_remove(&pending->in_client);
	list_remove(&pending->in_server);
	user_uncharge(pending->client->user, RES_OPENS, 1);
	uv_close((uv_handle_t *)&pending->timer, on_closed);
}

static void on_time_over(uv_timer_t *timer)
{
	struct pending *pending = timer->data;
	struct client *client = pending->client;
	uint32_t token = pending->token;

	drop(pending);
	client_reply(client, token, -ETIMEDOUT,
		     "the device did not appear, or had no room, in time");
}

int pending_add(struct client *client, const struct broker_msg *open)
{
	struct server *server = client->server;
	struct pending *pending;

	if (user_charge(&server->users, client->user, RES_OPENS, 1) < 0)
		return -EDQUOT;
	pending = calloc(1, sizeof(*pending));
	if (!pending) {
		user_uncharge(client->user, RES_OPENS, 1);
		return -ENOMEM;
	}
	pending->client = client;
	pending->token = open->token;
	pending->open = *open;
	(void)uv_timer_init(server->loop, &pending->timer);
	pending->timer.data = pending;
	if (open->open.timeout_ms)
		(void)uv_timer_start(&pending->timer, on_time_over, open->open.timeout_ms, 0);
	list_add(&client->opens, &pending->in_client);
	list_add(&server->opens, &pending->in_server);
	return 0;
}

bool pending_cancel(struct client *client, uint32_t token)
{
	struct list *node;

	list_for_each(node, &client->opens) {
		struct pending *pending = list_entry(node, struct pending, in_client);

		if (pending->token == token) {
			drop(pending);
			return true;
		}
	}
	return false;
}

void pending_drop_client(struct client *client)
{
	while (!list_is_empty(&client->opens))
		drop(list_entry(client->opens.next, struct pending, in_client));
}

static struct pending *first_for(struct server *server, const char *name)
{
	struct list *node;

	list_for_each(node, &server->opens) {
		struct pending *pending = list_entry(node, struct pending, in_server);

		if (!pending->client->is_dead && strcmp(pending->open.open.name, name) == 0)
			return pending;
	}
	return NULL;
}

void pending_look(struct server *server, struct device *device)
{
	struct pending *pending;

	while (device_has_room(device) && (pending = first_for(server, device->name))) {
		struct client *client = pending->client;
		struct broker_msg open = pending->open;

		drop(pending);
		request_open(client, &open, device);
	}
}
