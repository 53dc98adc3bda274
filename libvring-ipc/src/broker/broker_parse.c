/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* From the bytes of a broker packet to plain structs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_pb.h"
#include "util/parse.h"

#define TAKE(member, text) parse_text(member, sizeof(member), text)
#define BAD_TEXT "a text that is too long or not printable"

static const char *take_name(char ret[BROKER_NAME_MAX], const char *name, bool may_be_empty)
{
	if (!parse_text(ret, BROKER_NAME_MAX, name))
		return BAD_TEXT;
	if (!*ret && may_be_empty)
		return NULL;
	return broker_name_check(ret);
}

static void take_peer(struct broker_peer *ret, const PB(Peer) * pb)
{
	*ret = pb ? (struct broker_peer){ pb->uid, pb->gid, pb->pid } : (struct broker_peer){ 0 };
}

static const char *take_pairs(struct broker_device_info *ret, size_t n, PB(Pair) *const *pb)
{
	if (n > BROKER_PAIRS_MAX)
		return "more metadata than a device may have";
	for (size_t i = 0; i < n; i++) {
		if (!TAKE(ret->pair[i].key, pb[i]->key) || !TAKE(ret->pair[i].value, pb[i]->value))
			return BAD_TEXT;
		if (!broker_is_key(ret->pair[i].key))
			return "a key has letters, digits, \".\", \"_\", \"-\"";
	}
	ret->n_pairs = (unsigned)n;
	return NULL;
}

static const char *take_hello(const PB(Hello) * pb, struct broker_msg *ret)
{
	if (pb->version_min < 1 || pb->version_min > pb->version_max)
		return "a version range that is none";
	ret->hello.version_min = pb->version_min;
	ret->hello.version_max = pb->version_max;
	return TAKE(ret->hello.program, pb->program) ? NULL : BAD_TEXT;
}

static const char *check_limits(const struct broker_device_info *info)
{
	if (info->n_queues > 1024 || info->queue_size_max > 32768)
		return "a device beyond the limits";
	return NULL;
}

static const char *take_register(const PB(Register) * pb, struct broker_msg *ret)
{
	struct broker_device_info *info = &ret->registration.info;
	const char *why = take_name(info->name, pb->name, false);

	if (why)
		return why;
	if (!TAKE(info->type, pb->type))
		return BAD_TEXT;
	info->device_id = pb->device_id;
	info->n_queues = pb->n_queues;
	info->queue_size_max = pb->queue_size_max;
	info->max_links = pb->max_links;
	ret->registration.replaceable = pb->replaceable;
	ret->registration.replace = pb->replace;
	why = take_pairs(info, pb->n_metadata, pb->metadata);
	return why ? why : check_limits(info);
}

static const char *take_open(const PB(Open) * pb, struct broker_msg *ret)
{
	const char *why = take_name(ret->open.name, pb->name, false);

	if (why)
		return why;
	ret->open.device_id = pb->device_id;
	ret->open.wait = pb->wait;
	ret->open.timeout_ms = pb->timeout_ms;
	return TAKE(ret->open.type, pb->type) ? NULL : BAD_TEXT;
}

static const char *take_list_devices(const PB(ListDevices) * pb, struct broker_msg *ret)
{
	if (pb->limit > BROKER_PAGE_MAX)
		return "a page that is too long";
	ret->list_devices.limit = pb->limit ? pb->limit : BROKER_PAGE_MAX;
	if (!TAKE(ret->list_devices.after, pb->after))
		return BAD_TEXT;
	return take_name(ret->list_devices.name, pb->name, true);
}

static const char *take_list_links(const PB(ListLinks) * pb, struct broker_msg *ret)
{
	if (pb->limit > BROKER_PAGE_MAX)
		return "a page that is too long";
	ret->list_links.limit = pb->limit ? pb->limit : BROKER_PAGE_MAX;
	ret->list_links.after = pb->after;
	return take_name(ret->list_links.name, pb->name, true);
}

static const char *take_device(const PB(Device) * pb, struct broker_device *ret)
{
	struct broker_device_info *info = &ret->info;
	const char *why = take_name(info->name, pb->name, false);

	if (why)
		return why;
	if (!TAKE(info->type, pb->type) || !TAKE(ret->program, pb->program))
		return BAD_TEXT;
	info->device_id = pb->device_id;
	info->n_queues = pb->n_queues;
	info->queue_size_max = pb->queue_size_max;
	info->max_links = pb->max_links;
	ret->n_links = pb->n_links;
	ret->since_ms = pb->since_ms;
	take_peer(&ret->owner, pb->owner);
	why = take_pairs(info, pb->n_metadata, pb->metadata);
	return why ? why : check_limits(info);
}

static const char *take_devices(const PB(Reply) * pb, struct broker_reply *ret)
{
	const char *why = NULL;

	ret->device = calloc(pb->n_devices, sizeof(*ret->device));
	if (!ret->device)
		return "no memory";
	ret->n_devices = (unsigned)pb->n_devices;
	for (size_t i = 0; i < pb->n_devices && !why; i++)
		why = take_device(pb->devices[i], &ret->device[i]);
	return why;
}

static const char *take_links(const PB(Reply) * pb, struct broker_reply *ret)
{
	ret->links = calloc(pb->n_links, sizeof(*ret->links));
	if (!ret->links)
		return "no memory";
	ret->n_links = (unsigned)pb->n_links;
	for (size_t i = 0; i < pb->n_links; i++) {
		struct broker_link *link = &ret->links[i];
		const char *why = take_name(link->name, pb->links[i]->name, false);

		if (why)
			return why;
		link->link = pb->links[i]->link;
		link->size = pb->links[i]->size;
		link->since_ms = pb->links[i]->since_ms;
		take_peer(&link->driver, pb->links[i]->driver);
		take_peer(&link->device, pb->links[i]->device);
	}
	return NULL;
}

static const char *take_stats(const PB(Reply) * pb, struct broker_reply *ret)
{
	ret->stat = calloc(pb->n_stats, sizeof(*ret->stat));
	if (!ret->stat)
		return "no memory";
	ret->n_stats = (unsigned)pb->n_stats;
	for (size_t i = 0; i < pb->n_stats; i++) {
		if (!TAKE(ret->stat[i].name, pb->stats[i]->name))
			return BAD_TEXT;
		ret->stat[i].value = pb->stats[i]->value;
	}
	return NULL;
}

static const char *take_reply(const PB(Reply) * pb, struct broker_msg *ret)
{
	struct broker_reply *reply = &ret->reply;
	const char *why = NULL;

	if (pb->n_devices > BROKER_PAGE_MAX || pb->n_links > BROKER_PAGE_MAX ||
	    pb->n_stats > BROKER_STATS_MAX)
		return "a page that is too long";
	if (!TAKE(reply->words, pb->words))
		return BAD_TEXT;
	reply->error = broker_error_value(pb->error);
	reply->version = pb->version;
	reply->link = pb->link;
	reply->more = pb->more;
	take_peer(&reply->peer, pb->peer);
	if (pb->n_devices)
		why = take_devices(pb, reply);
	if (!why && pb->n_links)
		why = take_links(pb, reply);
	if (!why && pb->n_stats)
		why = take_stats(pb, reply);
	return why;
}

static const char *take_event(const PB(Event) * pb, struct broker_msg *ret)
{
	if (pb->kind < PB_EVENT(NONE) || pb->kind > PB_EVENT(LOST))
		ret->event.kind = BROKER_EVENT_NONE;
	else
		ret->event.kind = (enum broker_event_kind)pb->kind;
	ret->event.link = pb->link;
	ret->event.count = pb->count;
	if (!TAKE(ret->event.words, pb->words))
		return BAD_TEXT;
	return take_name(ret->event.name, pb->name, true);
}

static const char *take_incoming(const PB(Incoming) * pb, struct broker_msg *ret)
{
	ret->incoming.link = pb->link;
	take_peer(&ret->incoming.peer, pb->peer);
	return take_name(ret->incoming.name, pb->name, false);
}

static const char *take_body(const packet_pb *pb, struct broker_msg *ret)
{
	switch (pb->body_case) {
	case PB_BODY(HELLO):
		ret->kind = BROKER_HELLO;
		return take_hello(pb->hello, ret);
	case PB_BODY(REGISTER):
		ret->kind = BROKER_REGISTER;
		return take_register(pb->register_, ret);
	case PB_BODY(WITHDRAW):
		ret->kind = BROKER_WITHDRAW;
		return take_name(ret->withdraw.name, pb->withdraw->name, false);
	case PB_BODY(OPEN):
		ret->kind = BROKER_OPEN;
		return take_open(pb->open, ret);
	case PB_BODY(CANCEL):
		ret->kind = BROKER_CANCEL;
		ret->cancel.open = pb->cancel->open;
		return NULL;
	case PB_BODY(GRANT):
		ret->kind = BROKER_GRANT;
		ret->grant.link = pb->grant->link;
		ret->grant.size = pb->grant->size;
		return NULL;
	case PB_BODY(LINK_DOWN):
		ret->kind = BROKER_LINK_DOWN;
		ret->link_down.link = pb->link_down->link;
		return TAKE(ret->link_down.words, pb->link_down->words) ? NULL : BAD_TEXT;
	case PB_BODY(LIST_DEVICES):
		ret->kind = BROKER_LIST_DEVICES;
		return take_list_devices(pb->list_devices, ret);
	case PB_BODY(LIST_LINKS):
		ret->kind = BROKER_LIST_LINKS;
		return take_list_links(pb->list_links, ret);
	case PB_BODY(WATCH):
		ret->kind = BROKER_WATCH;
		ret->watch.on = pb->watch->on;
		return take_name(ret->watch.name, pb->watch->name, true);
	case PB_BODY(VIEW):
		ret->kind = BROKER_VIEW;
		ret->view.link = pb->view->link;
		return NULL;
	case PB_BODY(STATS):
		ret->kind = BROKER_STATS;
		return NULL;
	case PB_BODY(REPLY):
		ret->kind = BROKER_REPLY;
		return take_reply(pb->reply, ret);
	case PB_BODY(TOOK):
		ret->kind = BROKER_TOOK;
		ret->took.parcel = pb->took->parcel;
		return NULL;
	case PB_BODY(INCOMING):
		ret->kind = BROKER_INCOMING;
		return take_incoming(pb->incoming, ret);
	case PB_BODY(GRANTED):
		ret->kind = BROKER_GRANTED;
		ret->granted.link = pb->granted->link;
		ret->granted.size = pb->granted->size;
		return NULL;
	case PB_BODY(EVENT):
		ret->kind = BROKER_EVENT;
		return take_event(pb->event, ret);
	default:
		ret->kind = BROKER_UNKNOWN;
		return NULL;
	}
}

void broker_msg_free(struct broker_msg *msg)
{
	if (msg->kind != BROKER_REPLY)
		return;
	free(msg->reply.device);
	free(msg->reply.links);
	free(msg->reply.stat);
	msg->reply.device = NULL;
	msg->reply.links = NULL;
	msg->reply.stat = NULL;
}

int broker_parse(const void *bytes, size_t len, struct broker_msg *ret_msg, const char **ret_why)
{
	struct parse_budget budget = { .left = BROKER_UNPACK_MAX };
	ProtobufCAllocator allocator = { .alloc = parse_alloc,
					 .free = parse_free,
					 .allocator_data = &budget };
	const char *why;
	packet_pb *pb;

	if (len > BROKER_PACKET_MAX) {
		*ret_why = "a message of more than 64 KiB";
		return -EPROTO;
	}
	pb = vring_ipc__broker__v1__packet__unpack(&allocator, len, bytes);
	if (!pb) {
		*ret_why = "bytes that are no message";
		return -EPROTO;
	}
	memset(ret_msg, 0, sizeof(*ret_msg));
	ret_msg->token = pb->token;
	ret_msg->parcel = pb->parcel;
	why = take_body(pb, ret_msg);
	vring_ipc__broker__v1__packet__free_unpacked(pb, &allocator);
	if (why) {
		broker_msg_free(ret_msg);
		*ret_why = why;
		return -EPROTO;
	}
	return 0;
}
