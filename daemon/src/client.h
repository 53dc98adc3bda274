/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* One connection. */
#ifndef VRINGD_CLIENT_H
#define VRINGD_CLIENT_H

#include "server.h"

/* A packet that waits. */
struct out {
	struct list in_queue;
	size_t len;
	unsigned n_fds;
	int fds[PACKET_FDS_MAX];
	uint32_t parcel; /* 0: no descriptors */
	uint8_t bytes[];
};

struct client {
	struct server *server;
	struct list in_clients;
	uv_poll_t poll;
	int fd;
	struct peer peer;
	struct user *user;
	enum broker_state state;
	char program[BROKER_PROGRAM_MAX];
	bool is_dead;
	struct log_limit said; /* of what it does wrong */

	struct list queue; /* of struct out */
	size_t queued; /* bytes in it */
	uint32_t last_parcel;
	uint32_t parcel_out; /* sent and not taken; 0: none */
	unsigned parcel_fds;
	bool waits_to_write;

	struct list devices; /* registered by it */
	struct list opens; /* that wait */
	struct list drives, serves; /* links at whose one end it is */
	bool watches;
	char watched[BROKER_NAME_MAX]; /* empty: all */
	struct list in_watchers;
	uint64_t n_lost; /* events that there was no room for */
};

/* Takes over @fd, which was accepted. Returns: 0; a negative errno, and it is still the caller's. */
int client_new(struct server *server, int fd);

/* Marks the connection as over, and nothing else, so it can be said in the middle of anything. @why is for the log; NULL:
 * it left. */
void client_end(struct client *client, const char *why);

/* Cleans up behind those that are over: names, opens and links go. Not from inside of a request. */
void clients_sweep(struct server *server);

/* Sends what waits, as far as the client reads and takes. */
void client_flush(struct client *client);

/*
 * Sends @msg, or keeps it until the client reads. @fds are taken over, whatever comes of it, and
 * msg->parcel is set here. A client that leaves too much unread is ended. Returns: 0; a negative errno
 * when it is over.
 */
int client_send(struct client *client, struct broker_msg *msg, const int *fds, unsigned n_fds);

/* An event: like client_send(), but only counted when much waits already. */
void client_tell(struct client *client, struct broker_msg *msg);

/* Answers the request with @token. @words may be NULL. */
void client_reply(struct client *client, uint32_t token, int error, const char *words);

/* Handles one request that the table allows (request.c). */
void client_request(struct client *client, const struct broker_msg *msg);

struct broker_peer client_peer(const struct client *client);

#endif
