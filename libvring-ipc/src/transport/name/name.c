/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Links and listeners by name. The broker brings the two sides together; from the socket pair on it is
 * a link as over "unix:", but for the region, which the broker makes.
 *
 * A link keeps its connection to the broker, whose end tells the broker that the link is over; the
 * link itself does not notice when the broker goes. A listener whose broker has gone tries to find it
 * again, and registers again; its links do not notice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/name/name_client.h"
#include "transport/shm/shm_device.h"
#include "transport/shm/shm_driver.h"
#include "util/clock.h"

#define RETRY_NS 100000000ull

static int take_fd(struct name_message *message, unsigned i)
{
	int fd = i < message->n_fds ? message->fds[i] : -1;

	if (fd >= 0)
		message->fds[i] = message->fds[--message->n_fds];
	return fd;
}

static void put_text(char ret[BROKER_NAME_MAX], const char *text)
{
	snprintf(ret, BROKER_NAME_MAX, "%s", text);
}

/* The peer as the broker has verified it: the pair's own credentials would name the broker. */
static struct sock_peer peer_of(const struct broker_peer *peer, int pidfd)
{
	return (struct sock_peer){ .uid = peer->uid, .pid = (pid_t)peer->pid, .pidfd = pidfd };
}

/* ---- a driver's end ---- */

struct name_link {
	struct name_client client;
	uint64_t number;
	uint64_t until_ns; /* of the set-up */
};

static void link_close(void *ctx)
{
	struct name_link *name = ctx;

	name_disconnect(&name->client);
	free(name);
}

/* Returns: a reply without an error, to drop; the reply's error, or as name_ask(). */
static int ask(struct name_link *name, struct broker_msg *msg, struct name_message *ret_reply)
{
	int r = name_ask(&name->client, msg, name->until_ns, NULL, NULL, ret_reply);

	if (r < 0)
		return r;
	r = ret_reply->msg.reply.error;
	if (r < 0) {
		vri__log(VRI_LOG_WARNING, "the broker: %s", ret_reply->msg.reply.words);
		name_message_drop(ret_reply);
	}
	return r;
}

static int make_region(void *ctx, uint64_t size)
{
	struct name_link *name = ctx;
	struct broker_msg msg = { .kind = BROKER_GRANT };
	struct name_message reply;
	int r;

	msg.grant.link = name->number;
	msg.grant.size = size;
	r = ask(name, &msg, &reply);
	if (r < 0)
		return r;
	r = take_fd(&reply, 0);
	name_message_drop(&reply);
	return r < 0 ? -EPROTO : r;
}

static int open_name(struct name_link *name, const char *address, const struct vri_link_opts *opts,
		     struct shm_far *ret_far)
{
	struct broker_msg msg = { .kind = BROKER_OPEN };
	struct name_message reply;
	int r, pidfd;

	put_text(msg.open.name, address);
	/* A longer one is no type of any device; the offer says so. */
	if (opts->type && strlen(opts->type) < sizeof(msg.open.type))
		put_text(msg.open.type, opts->type);
	msg.open.device_id = opts->device_id;
	r = name_connect(&name->client, opts->timeout_ms);
	if (r == 0)
		r = name_hello(&name->client, name->until_ns);
	if (r == 0)
		r = ask(name, &msg, &reply);
	if (r != 0)
		return r;
	name->number = reply.msg.reply.link;
	pidfd = take_fd(&reply, 1);
	ret_far->sock = take_fd(&reply, 0);
	ret_far->peer = peer_of(&reply.msg.reply.peer, pidfd);
	name_message_drop(&reply);
	if (ret_far->sock >= 0)
		return 0;
	if (pidfd >= 0)
		close(pidfd);
	return -EPROTO;
}

static int link_open(struct vri_link **ret_link, const char *address,
		     const struct vri_link_opts *opts)
{
	struct name_link *name = calloc(1, sizeof(*name));
	struct shm_far far = { .make_region = make_region, .close = link_close, .ctx = name };
	int r;

	if (!name)
		return -ENOMEM;
	name->client.fd = -1;
	name->until_ns = clock_monotonic_ns() + (uint64_t)opts->timeout_ms * 1000000u;
	r = open_name(name, address, opts, &far);
	if (r < 0) {
		link_close(name);
		return r;
	}
	return shm_link_open_far(ret_link, &far, opts);
}

/* ---- a device's end ---- */

struct name_listener {
	struct name_client client;
	struct shm_listener *listener;
	char name[BROKER_NAME_MAX];
	bool is_known; /* the broker has registered it */
};

static void incoming(struct name_listener *name, struct name_message *message)
{
	int pidfd = take_fd(message, 1);
	int sock = take_fd(message, 0);
	struct sock_peer peer = peer_of(&message->msg.incoming.peer, pidfd);

	if (sock >= 0)
		shm_listener_take(name->listener, sock, &peer);
	else if (pidfd >= 0)
		close(pidfd);
}

/* GRANTED: the driver's ATTACH brings the same region. */
static void take_other(void *ctx, struct name_message *message)
{
	struct name_listener *name = ctx;

	if (message->msg.kind == BROKER_INCOMING)
		incoming(name, message);
	name_message_drop(message);
}

static void fill_registration(struct name_listener *name, struct broker_msg *msg)
{
	struct broker_device_info *info = &msg->registration.info;
	struct offer offer;

	vri__offer_of(name->listener->dev, &offer);
	put_text(info->name, name->name);
	put_text(info->type, offer.type);
	info->device_id = offer.device_id;
	info->n_queues = offer.n_queues;
	info->queue_size_max = offer.queue_size_max;
	info->max_links = name->listener->opts.max_links;
}

/* Connects and registers. Returns: 0; a negative errno, and it is not connected. */
static int sign_up(struct name_listener *name, unsigned timeout_ms)
{
	uint64_t until_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
	struct broker_msg msg = { .kind = BROKER_REGISTER };
	struct name_message reply;
	int r = name_connect(&name->client, timeout_ms);

	if (r < 0)
		return r;
	r = name_hello(&name->client, until_ns);
	if (r == 0) {
		fill_registration(name, &msg);
		r = name_ask(&name->client, &msg, until_ns, take_other, name, &reply);
	}
	if (r == 0) {
		r = reply.msg.reply.error;
		if (r < 0)
			vri__log(VRI_LOG_WARNING, "the broker does not register %s: %s", name->name,
				 reply.msg.reply.words);
		name_message_drop(&reply);
	}
	if (r < 0)
		name_disconnect(&name->client);
	return r;
}

static int source_fd(void *ctx)
{
	return ((struct name_listener *)ctx)->client.fd;
}

static void lost(struct name_listener *name)
{
	vri__log(VRI_LOG_WARNING, "%s: the broker is gone", name->name);
	name_disconnect(&name->client);
	shm_listener_retry(name->listener, RETRY_NS);
}

static void source_readable(void *ctx)
{
	struct name_listener *name = ctx;
	struct name_message message;
	int r;

	for (int i = 0; i < 16; i++) {
		r = name_receive(&name->client, &message);
		if (r == -EAGAIN)
			return;
		if (r < 0) {
			lost(name);
			return;
		}
		take_other(name, &message);
	}
}

/* In a listener's turn, so it does not wait for a broker that is slow to answer: a quarter of a second. */
static void source_retry(void *ctx)
{
	struct name_listener *name = ctx;

	if (sign_up(name, 250) < 0)
		shm_listener_retry(name->listener, RETRY_NS);
	else
		vri__log(VRI_LOG_INFO, "%s: registered again", name->name);
}

static void source_close(void *ctx)
{
	struct name_listener *name = ctx;

	name_disconnect(&name->client);
	free(name);
}

static int listener_open(struct vri_listener **ret_listener, const char *address,
			 struct vri_device *dev, const struct vri_listener_opts *opts)
{
	struct name_listener *name = calloc(1, sizeof(*name));
	struct shm_source source = { .fd = source_fd,
				     .readable = source_readable,
				     .retry = source_retry,
				     .close = source_close,
				     .ctx = name };
	int r;

	if (!name)
		return -ENOMEM;
	name->client.fd = -1;
	put_text(name->name, address);
	r = shm_listener_open_source(ret_listener, &source, dev, opts);
	if (r < 0)
		return r;
	name->listener = (struct shm_listener *)*ret_listener;
	r = sign_up(name, opts->timeout_ms);
	if (r == 0)
		r = shm_listener_watch_source(name->listener);
	if (r < 0)
		vri_listener_close(*ret_listener);
	return r;
}

const struct transport vri__transport_name = {
	.scheme = "",
	.open = link_open,
	.listen = listener_open,
};
