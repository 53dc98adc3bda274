/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Events to those who watch. */
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int watch_start(struct client *client, const char *name)
{
	struct server *server = client->server;

	if (!client->watches) {
		if (user_charge(&server->users, client->user, RES_WATCHES, 1) < 0)
			return -EDQUOT;
		client->watches = true;
		list_add(&server->watchers, &client->in_watchers);
	}
	snprintf(client->watched, sizeof(client->watched), "%s", name);
	return 0;
}

void watch_stop(struct client *client)
{
	if (!client->watches)
		return;
	client->watches = false;
	list_remove(&client->in_watchers);
	user_uncharge(client->user, RES_WATCHES, 1);
}

void watch_event(struct server *server, enum broker_event_kind kind, const char *name,
		 uint64_t link, const char *words)
{
	struct broker_msg msg = { .kind = BROKER_EVENT };
	struct list *node;

	if (list_is_empty(&server->watchers))
		return;
	msg.event.kind = kind;
	msg.event.link = link;
	snprintf(msg.event.name, sizeof(msg.event.name), "%s", name);
	broker_words(msg.event.words, words);
	list_for_each(node, &server->watchers) {
		struct client *client = list_entry(node, struct client, in_watchers);

		if (*client->watched && strcmp(client->watched, name) != 0)
			continue;
		if (policy_allows(&server->policy, client, POLICY_LIST, name))
			client_tell(client, &msg);
	}
}

void watch_tell_lost(struct client *client)
{
	struct broker_msg msg = { .kind = BROKER_EVENT };

	msg.event.kind = BROKER_EVENT_LOST;
	msg.event.count = client->n_lost;
	client->n_lost = 0;
	(void)client_send(client, &msg, NULL, 0);
}
