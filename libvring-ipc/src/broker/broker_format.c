/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* From plain structs to the bytes of a broker packet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_pb.h"

/* Whatever one message needs beside its Packet. The generated structs point into the broker_msg, which
 * they do not change; only their types lack the const. */
struct body {
	union {
		PB(Hello) hello;
		PB(Register) registration;
		PB(Withdraw) withdraw;
		PB(Open) open;
		PB(Cancel) cancel;
		PB(Grant) grant;
		PB(LinkDown) link_down;
		PB(ListDevices) list_devices;
		PB(ListLinks) list_links;
		PB(Watch) watch;
		PB(View) view;
		PB(Stats) stats;
		PB(Reply) reply;
		PB(Took) took;
		PB(Incoming) incoming;
		PB(Granted) granted;
		PB(Event) event;
	};
	PB(Peer) peer;
	struct pairs {
		PB(Pair) pair[BROKER_PAIRS_MAX];
		PB(Pair) * at[BROKER_PAIRS_MAX];
	} pairs;
	/* The lists of a reply, one block of memory each. */
	void *elements;
	void *pointers;
};

static void put_peer(const struct broker_peer *peer, PB(Peer) * body)
{
	vring_ipc__broker__v1__peer__init(body);
	body->uid = peer->uid;
	body->gid = peer->gid;
	body->pid = peer->pid;
}

static size_t put_pairs(const struct broker_device_info *info, struct pairs *pairs)
{
	for (unsigned i = 0; i < info->n_pairs; i++) {
		vring_ipc__broker__v1__pair__init(&pairs->pair[i]);
		pairs->pair[i].key = (char *)info->pair[i].key;
		pairs->pair[i].value = (char *)info->pair[i].value;
		pairs->at[i] = &pairs->pair[i];
	}
	return info->n_pairs;
}

/* A device in a list, with what it points at. */
struct listed_device {
	PB(Device) device;
	PB(Peer) owner;
	struct pairs pairs;
};

static void put_device(const struct broker_device *device, struct listed_device *body)
{
	const struct broker_device_info *info = &device->info;
	PB(Device) *pb = &body->device;

	vring_ipc__broker__v1__device__init(pb);
	pb->name = (char *)info->name;
	pb->type = (char *)info->type;
	pb->device_id = info->device_id;
	pb->n_queues = info->n_queues;
	pb->queue_size_max = info->queue_size_max;
	pb->max_links = info->max_links;
	pb->n_links = device->n_links;
	pb->program = (char *)device->program;
	pb->since_ms = device->since_ms;
	put_peer(&device->owner, &body->owner);
	pb->owner = &body->owner;
	pb->n_metadata = put_pairs(info, &body->pairs);
	pb->metadata = body->pairs.at;
}

/* A link in a list, with what it points at. */
struct listed_link {
	PB(Link) link;
	PB(Peer) driver, device;
};

static void put_link(const struct broker_link *link, struct listed_link *body)
{
	PB(Link) *pb = &body->link;

	vring_ipc__broker__v1__link__init(pb);
	pb->link = link->link;
	pb->name = (char *)link->name;
	pb->size = link->size;
	pb->since_ms = link->since_ms;
	put_peer(&link->driver, &body->driver);
	put_peer(&link->device, &body->device);
	pb->driver = &body->driver;
	pb->device = &body->device;
}

static int make_room(struct body *body, size_t n, size_t element)
{
	body->elements = calloc(n, element);
	body->pointers = calloc(n, sizeof(void *));
	return body->elements && body->pointers ? 0 : -ENOMEM;
}

static int put_devices(const struct broker_reply *reply, PB(Reply) * pb, struct body *body)
{
	struct listed_device *device;
	int r = make_room(body, reply->n_devices, sizeof(*device));

	if (r < 0)
		return r;
	device = body->elements;
	pb->devices = body->pointers;
	pb->n_devices = reply->n_devices;
	for (unsigned i = 0; i < reply->n_devices; i++) {
		put_device(&reply->device[i], &device[i]);
		pb->devices[i] = &device[i].device;
	}
	return 0;
}

static int put_links(const struct broker_reply *reply, PB(Reply) * pb, struct body *body)
{
	struct listed_link *link;
	int r = make_room(body, reply->n_links, sizeof(*link));

	if (r < 0)
		return r;
	link = body->elements;
	pb->links = body->pointers;
	pb->n_links = reply->n_links;
	for (unsigned i = 0; i < reply->n_links; i++) {
		put_link(&reply->links[i], &link[i]);
		pb->links[i] = &link[i].link;
	}
	return 0;
}

static int put_stats(const struct broker_reply *reply, PB(Reply) * pb, struct body *body)
{
	PB(Stat) * stat;
	int r = make_room(body, reply->n_stats, sizeof(*stat));

	if (r < 0)
		return r;
	stat = body->elements;
	pb->stats = body->pointers;
	pb->n_stats = reply->n_stats;
	for (unsigned i = 0; i < reply->n_stats; i++) {
		vring_ipc__broker__v1__stat__init(&stat[i]);
		stat[i].name = (char *)reply->stat[i].name;
		stat[i].value = reply->stat[i].value;
		pb->stats[i] = &stat[i];
	}
	return 0;
}

static int put_reply(const struct broker_reply *reply, packet_pb *pb, struct body *body)
{
	PB(Reply) *to = &body->reply;

	vring_ipc__broker__v1__reply__init(to);
	to->error = broker_error_code(reply->error);
	to->words = (char *)reply->words;
	to->version = reply->version;
	to->link = reply->link;
	to->more = reply->more;
	put_peer(&reply->peer, &body->peer);
	to->peer = &body->peer;
	pb->body_case = PB_BODY(REPLY);
	pb->reply = to;
	/* At most one of them: they share the room. */
	if (reply->n_devices)
		return put_devices(reply, to, body);
	if (reply->n_links)
		return put_links(reply, to, body);
	if (reply->n_stats)
		return put_stats(reply, to, body);
	return 0;
}

static void put_register(const struct broker_msg *msg, packet_pb *pb, struct body *body)
{
	const struct broker_device_info *info = &msg->registration.info;
	PB(Register) *to = &body->registration;

	vring_ipc__broker__v1__register__init(to);
	to->name = (char *)info->name;
	to->type = (char *)info->type;
	to->device_id = info->device_id;
	to->n_queues = info->n_queues;
	to->queue_size_max = info->queue_size_max;
	to->max_links = info->max_links;
	to->replaceable = msg->registration.replaceable;
	to->replace = msg->registration.replace;
	to->n_metadata = put_pairs(info, &body->pairs);
	to->metadata = body->pairs.at;
	pb->body_case = PB_BODY(REGISTER);
	pb->register_ = to;
}

/* Begins the body of one kind: its case, and where it is. */
#define BEGIN(NAME, field, member)                                     \
	do {                                                           \
		vring_ipc__broker__v1__##field##__init(&body->member); \
		pb->body_case = PB_BODY(NAME);                         \
		pb->field = &body->member;                             \
	} while (0)

static void put_request(const struct broker_msg *msg, packet_pb *pb, struct body *body)
{
	switch (msg->kind) {
	case BROKER_HELLO:
		BEGIN(HELLO, hello, hello);
		body->hello.version_min = msg->hello.version_min;
		body->hello.version_max = msg->hello.version_max;
		body->hello.program = (char *)msg->hello.program;
		return;
	case BROKER_REGISTER:
		put_register(msg, pb, body);
		return;
	case BROKER_WITHDRAW:
		BEGIN(WITHDRAW, withdraw, withdraw);
		body->withdraw.name = (char *)msg->withdraw.name;
		return;
	case BROKER_OPEN:
		BEGIN(OPEN, open, open);
		body->open.name = (char *)msg->open.name;
		body->open.type = (char *)msg->open.type;
		body->open.device_id = msg->open.device_id;
		body->open.wait = msg->open.wait;
		body->open.timeout_ms = msg->open.timeout_ms;
		return;
	case BROKER_CANCEL:
		BEGIN(CANCEL, cancel, cancel);
		body->cancel.open = msg->cancel.open;
		return;
	case BROKER_GRANT:
		BEGIN(GRANT, grant, grant);
		body->grant.link = msg->grant.link;
		body->grant.size = msg->grant.size;
		return;
	case BROKER_LINK_DOWN:
		BEGIN(LINK_DOWN, link_down, link_down);
		body->link_down.link = msg->link_down.link;
		body->link_down.words = (char *)msg->link_down.words;
		return;
	case BROKER_LIST_DEVICES:
		BEGIN(LIST_DEVICES, list_devices, list_devices);
		body->list_devices.after = (char *)msg->list_devices.after;
		body->list_devices.limit = msg->list_devices.limit;
		body->list_devices.name = (char *)msg->list_devices.name;
		return;
	case BROKER_LIST_LINKS:
		BEGIN(LIST_LINKS, list_links, list_links);
		body->list_links.after = msg->list_links.after;
		body->list_links.limit = msg->list_links.limit;
		body->list_links.name = (char *)msg->list_links.name;
		return;
	case BROKER_WATCH:
		BEGIN(WATCH, watch, watch);
		body->watch.on = msg->watch.on;
		body->watch.name = (char *)msg->watch.name;
		return;
	case BROKER_VIEW:
		BEGIN(VIEW, view, view);
		body->view.link = msg->view.link;
		return;
	case BROKER_STATS:
		BEGIN(STATS, stats, stats);
		return;
	case BROKER_TOOK:
		BEGIN(TOOK, took, took);
		body->took.parcel = msg->took.parcel;
		return;
	default:
		return;
	}
}

static int put_answer(const struct broker_msg *msg, packet_pb *pb, struct body *body)
{
	switch (msg->kind) {
	case BROKER_REPLY:
		return put_reply(&msg->reply, pb, body);
	case BROKER_INCOMING:
		BEGIN(INCOMING, incoming, incoming);
		body->incoming.link = msg->incoming.link;
		body->incoming.name = (char *)msg->incoming.name;
		put_peer(&msg->incoming.peer, &body->peer);
		body->incoming.peer = &body->peer;
		return 0;
	case BROKER_GRANTED:
		BEGIN(GRANTED, granted, granted);
		body->granted.link = msg->granted.link;
		body->granted.size = msg->granted.size;
		return 0;
	case BROKER_EVENT:
		BEGIN(EVENT, event, event);
		body->event.kind = (PB(EventKind))msg->event.kind;
		body->event.name = (char *)msg->event.name;
		body->event.link = msg->event.link;
		body->event.words = (char *)msg->event.words;
		body->event.count = msg->event.count;
		return 0;
	default:
		put_request(msg, pb, body);
		return 0;
	}
}

int broker_format(const struct broker_msg *msg, void *bytes, size_t size)
{
	packet_pb pb = VRING_IPC__BROKER__V1__PACKET__INIT;
	struct body body = { .elements = NULL, .pointers = NULL };
	size_t len;
	int r;

	pb.token = msg->token;
	pb.parcel = msg->parcel;
	r = put_answer(msg, &pb, &body);
	if (r == 0) {
		len = vring_ipc__broker__v1__packet__get_packed_size(&pb);
		r = len > size || len > BROKER_PACKET_MAX ?
			    -EMSGSIZE :
			    (int)vring_ipc__broker__v1__packet__pack(&pb, bytes);
	}
	free(body.elements);
	free(body.pointers);
	return r;
}
