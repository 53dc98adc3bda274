/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Between the bytes of a broker packet and plain structs: the only file that knows these protobuf
 * types. */
#include "broker/broker_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

#include "broker.pb-c.h"

#define PB(name) VringIpc__Broker__V1__##name
#define PB_ERROR(name) VRING_IPC__BROKER__V1__ERROR__ERROR_##name
#define PB_BODY(name) VRING_IPC__BROKER__V1__PACKET__BODY_##name
#define PB_EVENT(name) VRING_IPC__BROKER__V1__EVENT_KIND__EVENT_##name

typedef PB(Packet) packet_pb;

/* ---- what both directions share ---- */

static const char *const kind_names[BROKER_KINDS] = {
	[BROKER_UNKNOWN] = "UNKNOWN",
	[BROKER_HELLO] = "HELLO",
	[BROKER_REGISTER] = "REGISTER",
	[BROKER_WITHDRAW] = "WITHDRAW",
	[BROKER_OPEN] = "OPEN",
	[BROKER_CANCEL] = "CANCEL",
	[BROKER_GRANT] = "GRANT",
	[BROKER_LINK_DOWN] = "LINK_DOWN",
	[BROKER_LIST_DEVICES] = "LIST_DEVICES",
	[BROKER_LIST_LINKS] = "LIST_LINKS",
	[BROKER_WATCH] = "WATCH",
	[BROKER_VIEW] = "VIEW",
	[BROKER_STATS] = "STATS",
	[BROKER_RECLAIM] = "RECLAIM",
	[BROKER_REPLY] = "REPLY",
	[BROKER_TOOK] = "TOOK",
	[BROKER_INCOMING] = "INCOMING",
	[BROKER_GRANTED] = "GRANTED",
	[BROKER_EVENT] = "EVENT",
};

const char *broker_kind_name(enum broker_kind kind)
{
	return kind < BROKER_KINDS ? kind_names[kind] : "UNKNOWN";
}

static const struct {
	int error;
	PB(Error) code;
} errors[] = {
	{ 0, PB_ERROR(NONE) },
	{ -EPROTO, PB_ERROR(PROTOCOL) },
	{ -EPROTONOSUPPORT, PB_ERROR(VERSION) },
	{ -EACCES, PB_ERROR(DENIED) },
	{ -EDQUOT, PB_ERROR(QUOTA) },
	{ -ENOENT, PB_ERROR(NO_NAME) },
	{ -EADDRINUSE, PB_ERROR(TAKEN) },
	{ -ECONNREFUSED, PB_ERROR(TYPE) },
	{ -ETIMEDOUT, PB_ERROR(TIMEOUT) },
	{ -EBUSY, PB_ERROR(BUSY) },
	{ -ECONNRESET, PB_ERROR(GONE) },
	{ -ENOMEM, PB_ERROR(NO_MEMORY) },
	{ -EOPNOTSUPP, PB_ERROR(NOT_SUPPORTED) },
	{ -EINVAL, PB_ERROR(INVALID) },
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

/* Another library's errno numbers mean nothing here, so that codes and not they travel. */
static PB(Error) error_code(int error)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].code;
	return PB_ERROR(PROTOCOL);
}

static int error_value(PB(Error) code)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EPROTO;
}

void broker_words(char ret_words[BROKER_WORDS_MAX], const char *text)
{
	vri__text_clean(ret_words, BROKER_WORDS_MAX, text ? text : "", text ? strlen(text) : 0);
}

/* ---- names ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_inner(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

const char *broker_name_check(const char *name)
{
	unsigned parts = 0;

	if (strlen(name) >= BROKER_NAME_MAX)
		return "a name has at most 127 bytes";
	for (const char *at = name;; at++) {
		if (!is_letter(*at))
			return "each part of a name begins with a letter or an underscore";
		while (is_inner(*at))
			at++;
		parts++;
		if (*at == 0)
			break;
		if (*at != '.')
			return "a name has letters, digits, \"_\", \"-\", and dots between its parts";
	}
	return parts >= 2 ? NULL : "a name has two parts or more, as in org.example.disk0";
}

static bool is_key(const char *key)
{
	if (!*key)
		return false;
	for (; *key; key++)
		if (!is_inner(*key) && *key != '.')
			return false;
	return true;
}

/* ---- bytes to structs ---- */

/* What one broker_parse() has allocated: counted and never handed back, so that a packet which makes
 * the parser allocate and free in turns is bounded too. */
struct budget {
	size_t left;
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *budget = data;

	if (size > budget->left)
		return NULL;
	budget->left -= size;
	return malloc(size ? size : 1);
}

static void budget_free(void *data, void *pointer)
{
	free(pointer);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static bool take_text(char *ret, size_t size, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= size || (len && !is_printable(text)))
		return false;
	memset(ret, 0, size);
	if (len)
		memcpy(ret, text, len + 1);
	return true;
}

#define TAKE(member, text) take_text(member, sizeof(member), text)
#define BAD_TEXT "a text that is too long or not printable"

static const char *take_name(char ret[BROKER_NAME_MAX], const char *name, bool may_be_empty)
{
	if (!take_text(ret, BROKER_NAME_MAX, name))
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
		if (!is_key(ret->pair[i].key))
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
	reply->error = error_value(pb->error);
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
	case PB_BODY(RECLAIM):
		ret->kind = BROKER_RECLAIM;
		ret->reclaim.link = pb->reclaim->link;
		ret->reclaim.device = pb->reclaim->device;
		return take_name(ret->reclaim.name, pb->reclaim->name, false);
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
	struct budget budget = { .left = BROKER_UNPACK_MAX };
	ProtobufCAllocator allocator = { .alloc = budget_alloc,
					 .free = budget_free,
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

/* ---- structs to bytes ---- */

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
		PB(Reclaim) reclaim;
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
	to->error = error_code(reply->error);
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
	case BROKER_RECLAIM:
		BEGIN(RECLAIM, reclaim, reclaim);
		body->reclaim.link = msg->reclaim.link;
		body->reclaim.name = (char *)msg->reclaim.name;
		body->reclaim.device = msg->reclaim.device;
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
