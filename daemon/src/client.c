/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * One connection.
 *
 * In: a bounded number of packets a turn, none while the output is full. Out: what the socket does
 * not take waits, in order. A packet with descriptors goes out only when the one before it was taken,
 * since descriptors on their way count against the broker's own limit, and a client that never
 * receives them would use it up for everybody.
 */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "link.h"
#include "pending.h"
#include "watch.h"

#define PACKETS_A_TURN 16

/* ---- output ---- */

static void drop_out(struct client *client, struct out *out)
{
	list_remove(&out->in_queue);
	client->queued -= out->len;
	user_uncharge(client->user, RES_QUEUE_BYTES, out->len);
	for (unsigned i = 0; i < out->n_fds; i++)
		close(out->fds[i]);
	user_uncharge(client->user, RES_FDS, out->n_fds);
	free(out);
}

static void parcel_is_taken(struct client *client)
{
	client->server->fds_under_way -= client->parcel_fds;
	user_uncharge(client->user, RES_FDS, client->parcel_fds);
	client->parcel_out = 0;
	client->parcel_fds = 0;
}

/* Sends the first packet. Returns: 1; 0 when it has to wait; a negative errno. */
static int send_first(struct client *client)
{
	struct out *out = list_entry(client->queue.next, struct out, in_queue);
	int r;

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left the list, of which it loses sight */
	if (out->parcel && client->parcel_out)
		return 0;
	/* What a broker has under way the kernel bounds: the others wait until something is taken. */
	if (out->n_fds > client->server->fds_max - client->server->fds_under_way) {
		server_retry(client->server);
		return 0;
	}
	r = packet_send(client->fd, out->bytes, out->len, out->fds, out->n_fds);
	if (r == -EAGAIN) {
		client->waits_to_write = true;
		return 0;
	}
	/* The socket could be written, so waiting for that would not wait. */
	if (r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM) {
		server_retry(client->server);
		return 0;
	}
	if (r < 0)
		return r;
	if (out->parcel) {
		client->parcel_out = out->parcel;
		client->parcel_fds = out->n_fds;
		client->server->fds_under_way += out->n_fds;
		/* Charged on until they are taken. */
		for (unsigned i = 0; i < out->n_fds; i++)
			close(out->fds[i]);
		out->n_fds = 0;
	}
	drop_out(client, out);
	return 1;
}

static void on_event(uv_poll_t *handle, int status, int events);

static void watch_socket(struct client *client)
{
	int events = UV_DISCONNECT;

	/* Who does not read is not read. */
	if (client->queued < CLIENT_QUEUE_MAX / 2)
		events |= UV_READABLE;
	if (client->waits_to_write)
		events |= UV_WRITABLE;
	(void)uv_poll_start(&client->poll, events, on_event);
}

void client_flush(struct client *client)
{
	int r = 1;

	client->waits_to_write = false;
	while (r > 0 && !list_is_empty(&client->queue))
		r = send_first(client);
	if (r < 0) {
		client_end(client, NULL);
		return;
	}
	if (client->n_lost && client->queued < CLIENT_EVENTS_MAX / 2)
		watch_tell_lost(client);
	if (!client->is_dead)
		watch_socket(client);
}

static struct out *make_out(struct client *client, const struct broker_msg *msg, const int *fds,
			    unsigned n_fds)
{
	static uint8_t bytes[BROKER_PACKET_MAX]; /* one thread */
	int len = broker_format(msg, bytes, sizeof(bytes));
	struct out *out;

	if (len < 0)
		return NULL;
	out = malloc(sizeof(*out) + (size_t)len);
	if (!out)
		return NULL;
	list_init(&out->in_queue);
	out->len = (size_t)len;
	out->n_fds = n_fds;
	out->parcel = msg->parcel;
	for (unsigned i = 0; i < n_fds; i++)
		out->fds[i] = fds[i];
	memcpy(out->bytes, bytes, (size_t)len);
	return out;
}

/* Returns: NULL; else why it cannot be kept. */
static const char *enqueue(struct client *client, struct broker_msg *msg, const int *fds,
			   unsigned n_fds)
{
	struct server *server = client->server;
	struct out *out;

	if (user_charge(&server->users, client->user, RES_FDS, n_fds) < 0)
		return "its user has too many descriptors under way";
	msg->parcel = 0;
	if (n_fds) {
		client->last_parcel = client->last_parcel == UINT32_MAX ? 1 :
									  client->last_parcel + 1;
		msg->parcel = client->last_parcel;
	}
	out = make_out(client, msg, fds, n_fds);
	if (!out || out->len > CLIENT_QUEUE_MAX - client->queued ||
	    user_charge(&server->users, client->user, RES_QUEUE_BYTES, out->len) < 0) {
		user_uncharge(client->user, RES_FDS, n_fds);
		free(out);
		return "it does not read";
	}
	client->queued += out->len;
	list_add(&client->queue, &out->in_queue);
	return NULL;
}

int client_send(struct client *client, struct broker_msg *msg, const int *fds, unsigned n_fds)
{
	const char *why = client->is_dead ? "over" : enqueue(client, msg, fds, n_fds);

	if (why) {
		for (unsigned i = 0; i < n_fds; i++)
			close(fds[i]);
		if (!client->is_dead) {
			client->server->count[COUNT_SLOW]++;
			client_end(client, why);
		}
		return -ECONNRESET;
	}
	client_flush(client);
	return client->is_dead ? -ECONNRESET : 0;
}

void client_tell(struct client *client, struct broker_msg *msg)
{
	if (client->is_dead)
		return;
	if (client->n_lost || client->queued > CLIENT_EVENTS_MAX) {
		client->n_lost++;
		return;
	}
	(void)client_send(client, msg, NULL, 0);
}

void client_reply(struct client *client, uint32_t token, int error, const char *words)
{
	struct broker_msg msg = { .kind = BROKER_REPLY, .token = token };

	msg.reply.error = error;
	broker_words(msg.reply.words, words);
	(void)client_send(client, &msg, NULL, 0);
}

struct broker_peer client_peer(const struct client *client)
{
	return (struct broker_peer){ client->peer.uid, client->peer.gid,
				     (uint32_t)client->peer.pid };
}

/* ---- input ---- */

static void broke(struct client *client, const char *why)
{
	client->server->count[COUNT_BROKEN]++;
	client_end(client, why);
}

static void took(struct client *client, uint32_t parcel)
{
	if (parcel == 0 || parcel != client->parcel_out) {
		broke(client, "it took a parcel that was not sent");
		return;
	}
	parcel_is_taken(client);
	client_flush(client);
}

static void handle(struct client *client, const struct broker_msg *msg)
{
	const char *why = broker_table_check(msg, BROKER_CLIENT, client->state, 0);

	if (why)
		broke(client, why);
	else if (msg->kind == BROKER_TOOK)
		took(client, msg->took.parcel);
	else if (msg->kind == BROKER_UNKNOWN && msg->token == 0)
		return; /* an event of a later version */
	else
		client_request(client, msg);
}

/* Returns: whether there may be more. */
static bool take_packet(struct client *client)
{
	static uint8_t bytes[BROKER_PACKET_MAX]; /* one thread */
	struct broker_msg msg;
	const char *why;
	int len = packet_receive(client->fd, bytes, sizeof(bytes));

	if (len == -EAGAIN)
		return false;
	if (len == -ECONNRESET) {
		client_end(client, NULL);
		return false;
	}
	if (len < 0) {
		broke(client, "a message that is too long, or with descriptors");
		return false;
	}
	if (broker_parse(bytes, (size_t)len, &msg, &why) < 0) {
		broke(client, why);
		return false;
	}
	handle(client, &msg);
	broker_msg_free(&msg);
	return !client->is_dead && client->queued < CLIENT_QUEUE_MAX / 2;
}

static void on_event(uv_poll_t *handle, int status, int events)
{
	struct client *client = handle->data;

	if (status < 0) {
		client_end(client, NULL);
		return;
	}
	if (events & UV_WRITABLE)
		client_flush(client);
	for (int i = 0; i < PACKETS_A_TURN && !client->is_dead && events & UV_READABLE; i++) {
		bool more = take_packet(client);

		/* No request finds what is left of who is over. */
		clients_sweep(client->server);
		if (!more)
			break;
	}
	/* What it had said before it left was heard above, a turn's worth of it. */
	if (!client->is_dead && events & UV_DISCONNECT && !(events & UV_READABLE))
		client_end(client, NULL);
}

/* ---- life ---- */

int client_new(struct server *server, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->server = server;
	client->fd = fd;
	client->state = BROKER_NEW;
	client->peer.pidfd = -1;
	list_init(&client->in_clients);
	list_init(&client->queue);
	list_init(&client->devices);
	list_init(&client->opens);
	list_init(&client->drives);
	list_init(&client->serves);
	list_init(&client->in_watchers);
	r = packet_peer(fd, &client->peer);
	if (r == 0) {
		client->user = user_get(&server->users, client->peer.uid);
		r = client->user ? user_charge(&server->users, client->user, RES_CONNECTIONS, 1) :
				   -ENOMEM;
	}
	if (r == 0) {
		r = uv_poll_init(server->loop, &client->poll, fd);
		if (r < 0)
			user_uncharge(client->user, RES_CONNECTIONS, 1);
	}
	if (r < 0) {
		if (client->peer.pidfd >= 0)
			close(client->peer.pidfd);
		user_put(client->user);
		free(client);
		return r;
	}
	client->poll.data = client;
	packet_refuse_fds(fd);
	server->handles++;
	list_add(&server->clients, &client->in_clients);
	watch_socket(client);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	struct server *server = client->server;

	/* Only now is the loop done with the number. */
	close(client->fd);
	if (client->peer.pidfd >= 0)
		close(client->peer.pidfd);
	user_put(client->user);
	free(client);
	server->handles--;
}

void client_end(struct client *client, const char *why)
{
	struct server *server = client->server;

	if (client->is_dead)
		return;
	client->is_dead = true;
	if (why)
		vri__log_limited(&server->refusals, VRI_LOG_WARNING,
				 "process %d of user %u (%s) was disconnected: %s",
				 (int)client->peer.pid, (unsigned)client->peer.uid, client->program,
				 why);
	list_remove(&client->in_clients);
	list_add(&server->dead, &client->in_clients);
}

/* Its names go first: who waits for one of them waits on, also when its links make room. */
static void clean_up(struct client *client)
{
	watch_stop(client);
	pending_drop_client(client);
	devices_drop_client(client);
	links_drop_client(client);
	while (!list_is_empty(&client->queue))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed has left the list, of which it loses sight */
		drop_out(client, list_entry(client->queue.next, struct out, in_queue));
	if (client->parcel_out)
		parcel_is_taken(client);
	user_uncharge(client->user, RES_CONNECTIONS, 1);
	(void)uv_poll_stop(&client->poll);
	uv_close((uv_handle_t *)&client->poll, on_closed);
}

void clients_sweep(struct server *server)
{
	/* Telling others may find that they are over too: they come to the end of the list. */
	while (!list_is_empty(&server->dead)) {
		struct client *client = list_entry(server->dead.next, struct client, in_clients);

		list_remove(&client->in_clients);
		clean_up(client);
	}
}
