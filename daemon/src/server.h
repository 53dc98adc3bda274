/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The broker: one libuv loop, and what hangs on it.
 *
 *   server.c    the socket, accepting, its end
 *   client.c    one connection: packets in, packets out, parcels, its end
 *   request.c   what clients ask for
 *   device.c    names, in their order
 *   link.c      links, from OPEN to their end, and their regions
 *   pending.c   opens that wait
 *   watch.c     who hears of what
 *   user.c      what each user has and may have
 *   policy.c    who may do what
 *
 * Nothing blocks, and nothing that one client does, or leaves undone, holds up another one.
 */
#ifndef VRINGD_SERVER_H
#define VRINGD_SERVER_H

#include <stdbool.h>
#include <uv.h>

#include "broker/broker_table.h"
#include "util/list.h"
#include "util/log.h"

#include "packet.h"
#include "policy.h"
#include "user.h"

#define CLIENT_QUEUE_MAX (64u << 10) /* bytes that wait for one client; then it is too slow */
#define CLIENT_EVENTS_MAX (32u << 10) /* beyond it, events are counted and not kept */

struct device;
struct link;
struct client;

/* Things in the order of their key, found by it. */
struct table {
	void **at;
	size_t n, room;
};

enum counter {
	COUNT_ACCEPTED,
	COUNT_REFUSED, /* connections */
	COUNT_REQUESTS,
	COUNT_OPENS, /* that came to a link */
	COUNT_DENIED, /* by the policy */
	COUNT_QUOTA,
	COUNT_BROKEN, /* connections that broke a rule of the protocol */
	COUNT_SLOW, /* connections that did not read */
	COUNT_KINDS,
};

struct server {
	uv_loop_t *loop;
	uv_poll_t accepting;
	uv_timer_t pause; /* of accepting, without descriptors */
	uv_check_t sweep; /* cleans up behind connections that are over, between events */
	uv_timer_t retry; /* of sending, when too many descriptors are under way */
	int fd; /* the socket that listens */
	int reserve; /* a descriptor to give up when there are no others */
	unsigned handles; /* of libuv's, open */
	bool stops;
	struct limits limits;
	struct users users;
	struct policy policy;
	struct list clients;
	struct list dead; /* clients that are over, until the loop comes by */
	struct list watchers;
	struct table devices; /* by name */
	struct table links; /* by number */
	struct list opens; /* that wait */
	uint64_t last_link;
	uint64_t fds_under_way; /* sent and not yet taken */
	uint64_t fds_max; /* of those: half of what the broker may have open */
	uint64_t count[COUNT_KINDS];
	struct log_limit refusals;
};

/* Serves those who come to @fd, which listens. Returns: 0; a negative errno. */
int server_start(struct server *server, uv_loop_t *loop, int fd);

/* Ends all connections and the listening; the loop comes to its end. */
void server_stop(struct server *server);

/* Flushes everybody's output in a while. */
void server_retry(struct server *server);

/* After the loop has ended: frees the rest. The socket stays the caller's. */
void server_fini(struct server *server);

const char *counter_name(enum counter kind);

/* ---- tables ---- */

/* Compares a key with an element: <0, 0, >0. */
typedef int (*table_compare)(const void *key, const void *element);

/* Where @key is, or where it would have to be put. */
size_t table_find(const struct table *table, const void *key, table_compare compare,
		  bool *ret_found);
int table_insert(struct table *table, size_t at, void *element); /* Returns: 0; -ENOMEM */
void table_remove(struct table *table, size_t at);

#endif
