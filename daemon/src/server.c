/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The socket, accepting, and the end. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "device.h"
#include "link.h"

#define ACCEPTS_A_TURN 16

/* How long not to accept, or to send, when there are no descriptors: long enough to be no busy loop, short enough
 * to be back soon. */
#define PAUSE_MS 100

static const char *const counters[COUNT_KINDS] = {
	[COUNT_ACCEPTED] = "connections_accepted",
	[COUNT_REFUSED] = "connections_refused",
	[COUNT_REQUESTS] = "requests",
	[COUNT_OPENS] = "opens",
	[COUNT_DENIED] = "denied",
	[COUNT_QUOTA] = "over_quota",
	[COUNT_BROKEN] = "protocol_errors",
	[COUNT_SLOW] = "slow_readers",
};

const char *counter_name(enum counter kind)
{
	return counters[kind];
}

/* ---- tables ---- */

size_t table_find(const struct table *table, const void *key, table_compare compare,
		  bool *ret_found)
{
	size_t low = 0, high = table->n;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(key, table->at[middle]);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int table_insert(struct table *table, size_t at, void *element)
{
	if (table->n == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		void **wider = realloc(table->at, room * sizeof(*wider));

		if (!wider)
			return -ENOMEM;
		table->at = wider;
		table->room = room;
	}
	memmove(table->at + at + 1, table->at + at, (table->n - at) * sizeof(*table->at));
	table->at[at] = element;
	table->n++;
	return 0;
}

void table_remove(struct table *table, size_t at)
{
	table->n--;
	memmove(table->at + at, table->at + at + 1, (table->n - at) * sizeof(*table->at));
}

/* ---- accepting ---- */

static void on_acceptable(uv_poll_t *handle, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct server *server = timer->data;

	(void)uv_poll_start(&server->accepting, UV_READABLE, on_acceptable);
}

static void pause_accepting(struct server *server)
{
	(void)uv_poll_stop(&server->accepting);
	(void)uv_timer_start(&server->pause, on_pause_over, PAUSE_MS, 0);
}

static int accept_one(const struct server *server)
{
	int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_shortage(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS;
}

/* One connection is taken, through the descriptor that was kept for this, and closed, so that its
 * client knows; then a pause, since the others in the backlog keep the socket readable. */
static void out_of_fds(struct server *server)
{
	int fd;

	vri__log_limited(&server->refusals, VRI_LOG_WARNING,
			 "no descriptor left for another connection");
	server->count[COUNT_REFUSED]++;
	if (server->reserve >= 0) {
		close(server->reserve);
		fd = accept_one(server);
		if (fd >= 0)
			close(fd);
	}
	server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pause_accepting(server);
}

/* Tells who gets no connection why. It has not said HELLO yet, so there is no token. */
static void turn_away(int fd, int error, const char *words)
{
	struct broker_msg msg = { .kind = BROKER_REPLY, .token = UINT32_MAX };
	uint8_t bytes[512];
	int len;

	msg.reply.error = error;
	broker_words(msg.reply.words, words);
	len = broker_format(&msg, bytes, sizeof(bytes));
	if (len > 0)
		(void)packet_send(fd, bytes, (size_t)len, NULL, 0);
}

static void take_client(struct server *server, int fd)
{
	int r = client_new(server, fd);

	if (r == 0) {
		server->count[COUNT_ACCEPTED]++;
		return;
	}
	server->count[COUNT_REFUSED]++;
	if (r == -EDQUOT) {
		server->count[COUNT_QUOTA]++;
		turn_away(fd, r, "this user has as many connections as one user may have");
	}
	close(fd);
	if (is_shortage(r))
		pause_accepting(server);
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
	struct server *server = handle->data;

	for (int i = 0; i < ACCEPTS_A_TURN && !uv_is_active((uv_handle_t *)&server->pause); i++) {
		int fd = accept_one(server);

		if (is_shortage(fd)) {
			out_of_fds(server);
			return;
		}
		if (fd == -EAGAIN)
			return;
		if (fd >= 0)
			take_client(server, fd);
		/* Any other error is that of a connection which is gone again. */
	}
}

/* ---- life ---- */

static void on_retry(uv_timer_t *timer)
{
	struct server *server = timer->data;
	struct list *node, *after;

	list_for_each_safe(node, after, &server->clients)
		client_flush(list_entry(node, struct client, in_clients));
}

void server_retry(struct server *server)
{
	if (!uv_is_active((uv_handle_t *)&server->retry))
		(void)uv_timer_start(&server->retry, on_retry, PAUSE_MS, 0);
}

/* Descriptors on their way count as the broker's; the other half is for connections and regions. */
static uint64_t fds_max(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : 512;
}

static void on_sweep(uv_check_t *check)
{
	clients_sweep(check->data);
}

int server_start(struct server *server, uv_loop_t *loop, int fd)
{
	int r;

	server->loop = loop;
	server->fd = fd;
	list_init(&server->clients);
	list_init(&server->dead);
	list_init(&server->watchers);
	list_init(&server->opens);
	users_init(&server->users, &server->limits);
	server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* A number of an earlier broker must not be taken for one of this one's. */
	server->last_link = (uint64_t)time(NULL) << 24;
	r = uv_poll_init(loop, &server->accepting, fd);
	if (r < 0)
		return r;
	(void)uv_timer_init(loop, &server->pause);
	(void)uv_check_init(loop, &server->sweep);
	server->sweep.data = server;
	(void)uv_timer_init(loop, &server->retry);
	server->retry.data = server;
	server->fds_max = fds_max();
	(void)uv_check_start(&server->sweep, on_sweep);
	server->accepting.data = server;
	server->pause.data = server;
	return uv_poll_start(&server->accepting, UV_READABLE, on_acceptable);
}

void server_stop(struct server *server)
{
	if (server->stops)
		return;
	server->stops = true;
	while (!list_is_empty(&server->clients))
		client_end(list_entry(server->clients.next, struct client, in_clients), NULL);
	uv_close((uv_handle_t *)&server->accepting, NULL);
	uv_close((uv_handle_t *)&server->pause, NULL);
	clients_sweep(server);
	uv_close((uv_handle_t *)&server->sweep, NULL);
	uv_close((uv_handle_t *)&server->retry, NULL);
}

void server_fini(struct server *server)
{
	free(server->devices.at);
	free(server->links.at);
	if (server->reserve >= 0)
		close(server->reserve);
}
