/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Between the bytes of a control packet and plain structs: the only file that knows protobuf. */
#include "shm_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/parse.h"

#include "link.pb-c.h"

typedef VringIpc__V1__Link link_pb;

/* ---- what both directions share ---- */

static const struct {
	int error;
	VringIpc__V1__Error code;
} errors[] = {
	{ 0, VRING_IPC__V1__ERROR__ERROR_NONE },
	{ -EPROTO, VRING_IPC__V1__ERROR__ERROR_PROTOCOL },
	{ -EAGAIN, VRING_IPC__V1__ERROR__ERROR_AGAIN },
	{ -EPERM, VRING_IPC__V1__ERROR__ERROR_PERMISSION },
	{ -ENOMEM, VRING_IPC__V1__ERROR__ERROR_NO_MEMORY },
	{ -ENOSPC, VRING_IPC__V1__ERROR__ERROR_NO_SPACE },
	{ -EOPNOTSUPP, VRING_IPC__V1__ERROR__ERROR_NOT_SUPPORTED },
	{ -EINVAL, VRING_IPC__V1__ERROR__ERROR_INVALID },
	{ -EBUSY, VRING_IPC__V1__ERROR__ERROR_BUSY },
	{ -EPROTONOSUPPORT, VRING_IPC__V1__ERROR__ERROR_VERSION },
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

/* Another library's errno numbers mean nothing here, so that codes and not they travel. */
static VringIpc__V1__Error error_code(int error)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].code;
	return VRING_IPC__V1__ERROR__ERROR_PROTOCOL;
}

static int error_value(VringIpc__V1__Error code)
{
	for (size_t i = 0; i < N_ERRORS; i++)
		if (errors[i].code == code)
			return errors[i].error;
	return -EPROTO;
}

void wire_words(char ret_words[WIRE_WORDS_MAX], const char *text)
{
	vri__text_clean(ret_words, WIRE_WORDS_MAX, text ? text : "", text ? strlen(text) : 0);
}

/* ---- bytes to structs ---- */

/* Words past our last one read as bits that cannot be named here, not as an error: a later peer may
 * know more of them. */
static bool take_features(struct wire_features *ret, size_t n, const uint64_t *word)
{
	if (n > WIRE_FEATURE_WORDS_MAX)
		return false;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		if (i < VRI_FEATURE_BITS / 64)
			ret->set.word[i] = word[i];
		else if (word[i])
			ret->beyond = true;
	}
	return true;
}

static bool take_data(uint8_t *ret, uint32_t *ret_len, const ProtobufCBinaryData *data)
{
	if (data->len > VRI_CONFIG_MAX)
		return false;
	if (data->len)
		memcpy(ret, data->data, data->len);
	*ret_len = (uint32_t)data->len;
	return true;
}

static bool take_notifier(enum notifier_kind *ret, VringIpc__V1__Notifier value, bool any_allowed)
{
	switch (value) {
	case VRING_IPC__V1__NOTIFIER__NOTIFIER_ANY:
		*ret = 0;
		return any_allowed;
	case VRING_IPC__V1__NOTIFIER__NOTIFIER_EVENTFD:
		*ret = NOTIFIER_EVENTFD;
		return true;
	case VRING_IPC__V1__NOTIFIER__NOTIFIER_PIPE:
		*ret = NOTIFIER_PIPE;
		return true;
	default:
		return false;
	}
}

static const char *take_hello(const VringIpc__V1__Hello *pb, struct wire_msg *ret)
{
	if (pb->version_min < 1 || pb->version_min > pb->version_max)
		return "a version range that is none";
	ret->hello.version_min = pb->version_min;
	ret->hello.version_max = pb->version_max;
	ret->hello.flags = pb->flags;
	return take_notifier(&ret->hello.notifier, pb->notifier, true) ? NULL :
									 "an unknown notifier";
}

static bool take_shared_memory(struct vri_shared_memory *ret, const VringIpc__V1__SharedMemory *pb)
{
	if (pb->id > UINT8_MAX)
		return false;
	ret->id = (uint8_t)pb->id;
	ret->size = pb->size;
	ret->writable = pb->writable != 0;
	return true;
}

static const char *take_offer(const VringIpc__V1__Offer *pb, struct wire_msg *ret)
{
	struct offer *offer = &ret->offer.offer;
	struct wire_features features;

	if (!parse_text(offer->type, sizeof(offer->type), pb->type) ||
	    !parse_text(offer->name, sizeof(offer->name), pb->name))
		return "a type or name that is too long or not printable";
	if (!take_features(&features, pb->n_features, pb->features))
		return "too many feature words";
	if (pb->n_queues > VRI_QUEUES_MAX || pb->queue_size_max > VRI_QUEUE_SIZE_MAX ||
	    pb->config_size > VRI_CONFIG_MAX || pb->n_shared_memory > VRI_SHARED_MEMORY_MAX)
		return "an offer beyond the limits";
	for (size_t i = 0; i < pb->n_shared_memory; i++)
		if (!take_shared_memory(&offer->shared[i], pb->shared_memory[i]))
			return "a shared memory region with an id of more than 8 bits";
	offer->n_shared = (unsigned)pb->n_shared_memory;
	ret->offer.version = pb->version;
	ret->offer.flags = pb->flags;
	offer->device_id = pb->device_id;
	offer->vendor_id = pb->vendor_id;
	offer->features = features.set;
	offer->n_queues = pb->n_queues;
	offer->queue_size_max = pb->queue_size_max;
	offer->config_size = pb->config_size;
	return take_notifier(&ret->offer.notifier, pb->notifier, false) ? NULL :
									  "an unknown notifier";
}

static const char *take_attach(const VringIpc__V1__Attach *pb, struct wire_msg *ret)
{
	if (pb->link_id.len != sizeof(ret->attach.link_id))
		return "a link id that is not 16 bytes long";
	memcpy(ret->attach.link_id, pb->link_id.data, sizeof(ret->attach.link_id));
	ret->attach.region_size = pb->region_size;
	return take_notifier(&ret->attach.notifier, pb->notifier, false) ? NULL :
									   "an unknown notifier";
}

static const char *take_refused(const VringIpc__V1__Refused *pb, struct wire_msg *ret)
{
	ret->refused.error = error_value(pb->error);
	if (ret->refused.error == 0)
		ret->refused.error = -EPROTO;
	return parse_text(ret->refused.words, sizeof(ret->refused.words), pb->words) ?
		       NULL :
		       "words that are too long or not printable";
}

static const char *take_reply(const VringIpc__V1__Reply *pb, struct wire_msg *ret)
{
	ret->reply.error = error_value(pb->error);
	ret->reply.generation = pb->generation;
	if (pb->status > UINT8_MAX)
		return "a status of more than 8 bits";
	ret->reply.status = (uint8_t)pb->status;
	if (!parse_text(ret->reply.words, sizeof(ret->reply.words), pb->words))
		return "words that are too long or not printable";
	if (!take_features(&ret->reply.features, pb->n_features, pb->features))
		return "too many feature words";
	if (pb->shared_memory && !take_shared_memory(&ret->reply.shared, pb->shared_memory))
		return "a shared memory region with an id of more than 8 bits";
	return take_data(ret->reply.data, &ret->reply.data_len, &pb->data) ?
		       NULL :
		       "more bytes than a config space has";
}

static const char *take_set_status(const VringIpc__V1__SetStatus *pb, struct wire_msg *ret)
{
	ret->set_status.status = (uint8_t)pb->status;
	return pb->status > UINT8_MAX ? "a status of more than 8 bits" : NULL;
}

static const char *take_get_config(const VringIpc__V1__GetConfig *pb, struct wire_msg *ret)
{
	ret->get_config.offset = pb->offset;
	ret->get_config.len = pb->length;
	return pb->length > VRI_CONFIG_MAX ? "more bytes than a config space has" : NULL;
}

static const char *take_set_config(const VringIpc__V1__SetConfig *pb, struct wire_msg *ret)
{
	ret->set_config.generation = pb->generation;
	ret->set_config.offset = pb->offset;
	return take_data(ret->set_config.data, &ret->set_config.data_len, &pb->data) ?
		       NULL :
		       "more bytes than a config space has";
}

static const char *take_set_queue(const VringIpc__V1__SetQueue *pb, struct wire_msg *ret)
{
	ret->set_queue = (struct queue_params){
		.index = pb->index,
		.size = pb->size,
		.desc = pb->desc,
		.driver = pb->driver,
		.device = pb->device,
	};
	return NULL;
}

static const char *take_add_memory(const VringIpc__V1__AddMemory *pb, struct wire_msg *ret)
{
	ret->add_memory.iova = pb->iova;
	ret->add_memory.size = pb->size;
	ret->add_memory.fd_offset = pb->fd_offset;
	ret->add_memory.access = pb->access;
	return pb->access < VRI_ACCESS_READ || pb->access > VRI_ACCESS_READ_WRITE ?
		       "an access that is none" :
		       NULL;
}

static const char *take_get_shared_memory(const VringIpc__V1__GetSharedMemory *pb,
					  struct wire_msg *ret)
{
	ret->get_shared_memory.id = (uint8_t)pb->id;
	return pb->id > UINT8_MAX ? "a shared memory region with an id of more than 8 bits" : NULL;
}

static const char *take_needs_reset(const VringIpc__V1__NeedsReset *pb, struct wire_msg *ret)
{
	return parse_text(ret->needs_reset.words, sizeof(ret->needs_reset.words), pb->words) ?
		       NULL :
		       "words that are too long or not printable";
}

static const char *take_body(const link_pb *pb, struct wire_msg *ret)
{
	switch (pb->body_case) {
	case VRING_IPC__V1__LINK__BODY_HELLO:
		ret->kind = WIRE_HELLO;
		return take_hello(pb->hello, ret);
	case VRING_IPC__V1__LINK__BODY_OFFER:
		ret->kind = WIRE_OFFER;
		return take_offer(pb->offer, ret);
	case VRING_IPC__V1__LINK__BODY_ATTACH:
		ret->kind = WIRE_ATTACH;
		return take_attach(pb->attach, ret);
	case VRING_IPC__V1__LINK__BODY_ATTACHED:
		ret->kind = WIRE_ATTACHED;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_REFUSED:
		ret->kind = WIRE_REFUSED;
		return take_refused(pb->refused, ret);
	case VRING_IPC__V1__LINK__BODY_REPLY:
		ret->kind = WIRE_REPLY;
		return take_reply(pb->reply, ret);
	case VRING_IPC__V1__LINK__BODY_GET_STATUS:
		ret->kind = WIRE_GET_STATUS;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_SET_STATUS:
		ret->kind = WIRE_SET_STATUS;
		return take_set_status(pb->set_status, ret);
	case VRING_IPC__V1__LINK__BODY_GET_FEATURES:
		ret->kind = WIRE_GET_FEATURES;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_SET_FEATURES:
		ret->kind = WIRE_SET_FEATURES;
		return take_features(&ret->set_features.features, pb->set_features->n_features,
				     pb->set_features->features) ?
			       NULL :
			       "too many feature words";
	case VRING_IPC__V1__LINK__BODY_GET_CONFIG:
		ret->kind = WIRE_GET_CONFIG;
		return take_get_config(pb->get_config, ret);
	case VRING_IPC__V1__LINK__BODY_SET_CONFIG:
		ret->kind = WIRE_SET_CONFIG;
		return take_set_config(pb->set_config, ret);
	case VRING_IPC__V1__LINK__BODY_SET_QUEUE:
		ret->kind = WIRE_SET_QUEUE;
		return take_set_queue(pb->set_queue, ret);
	case VRING_IPC__V1__LINK__BODY_RESET_QUEUE:
		ret->kind = WIRE_RESET_QUEUE;
		ret->reset_queue.index = pb->reset_queue->index;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_ADD_MEMORY:
		ret->kind = WIRE_ADD_MEMORY;
		return take_add_memory(pb->add_memory, ret);
	case VRING_IPC__V1__LINK__BODY_REMOVE_MEMORY:
		ret->kind = WIRE_REMOVE_MEMORY;
		ret->remove_memory.iova = pb->remove_memory->iova;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_GET_SHARED_MEMORY:
		ret->kind = WIRE_GET_SHARED_MEMORY;
		return take_get_shared_memory(pb->get_shared_memory, ret);
	case VRING_IPC__V1__LINK__BODY_CONFIG_CHANGED:
		ret->kind = WIRE_CONFIG_CHANGED;
		ret->config_changed.generation = pb->config_changed->generation;
		return NULL;
	case VRING_IPC__V1__LINK__BODY_NEEDS_RESET:
		ret->kind = WIRE_NEEDS_RESET;
		return take_needs_reset(pb->needs_reset, ret);
	default:
		ret->kind = WIRE_UNKNOWN;
		return NULL;
	}
}

int wire_parse(const void *bytes, size_t len, struct wire_msg *ret_msg, const char **ret_why)
{
	struct parse_budget budget = { .left = WIRE_UNPACK_MAX };
	ProtobufCAllocator allocator = { .alloc = parse_alloc,
					 .free = parse_free,
					 .allocator_data = &budget };
	struct wire_msg msg;
	const char *why;
	link_pb *pb;

	if (len > WIRE_PACKET_MAX) {
		*ret_why = "a message of more than 64 KiB";
		return -EPROTO;
	}
	/* The schema is flat, and protobuf-c steps over what it does not know without looking
	 * inside, so nesting costs no stack. */
	pb = vring_ipc__v1__link__unpack(&allocator, len, bytes);
	if (!pb) {
		*ret_why = "bytes that are no message";
		return -EPROTO;
	}
	memset(&msg, 0, sizeof(msg));
	msg.token = pb->token;
	why = take_body(pb, &msg);
	vring_ipc__v1__link__free_unpacked(pb, &allocator);
	if (why) {
		*ret_why = why;
		return -EPROTO;
	}
	*ret_msg = msg;
	return 0;
}

/* ---- structs to bytes ---- */

/* Whatever one message needs beside its Link. The generated structs point into the wire_msg, which
 * they do not change; only their types lack the const. */
struct body {
	union {
		VringIpc__V1__Hello hello;
		VringIpc__V1__Offer offer;
		VringIpc__V1__Attach attach;
		VringIpc__V1__Attached attached;
		VringIpc__V1__Refused refused;
		VringIpc__V1__Reply reply;
		VringIpc__V1__GetStatus get_status;
		VringIpc__V1__SetStatus set_status;
		VringIpc__V1__GetFeatures get_features;
		VringIpc__V1__SetFeatures set_features;
		VringIpc__V1__GetConfig get_config;
		VringIpc__V1__SetConfig set_config;
		VringIpc__V1__SetQueue set_queue;
		VringIpc__V1__ResetQueue reset_queue;
		VringIpc__V1__AddMemory add_memory;
		VringIpc__V1__RemoveMemory remove_memory;
		VringIpc__V1__GetSharedMemory get_shared_memory;
		VringIpc__V1__ConfigChanged config_changed;
		VringIpc__V1__NeedsReset needs_reset;
	};
	VringIpc__V1__SharedMemory shared[VRI_SHARED_MEMORY_MAX];
	VringIpc__V1__SharedMemory *shared_list[VRI_SHARED_MEMORY_MAX];
};

static void put_shared_memory(const struct vri_shared_memory *shared,
			      VringIpc__V1__SharedMemory *pb)
{
	vring_ipc__v1__shared_memory__init(pb);
	pb->id = shared->id;
	pb->size = shared->size;
	pb->writable = shared->writable;
}

static VringIpc__V1__Notifier notifier_code(enum notifier_kind kind)
{
	if (kind == NOTIFIER_EVENTFD)
		return VRING_IPC__V1__NOTIFIER__NOTIFIER_EVENTFD;
	if (kind == NOTIFIER_PIPE)
		return VRING_IPC__V1__NOTIFIER__NOTIFIER_PIPE;
	return VRING_IPC__V1__NOTIFIER__NOTIFIER_ANY;
}

static void put_hello(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__Hello *body)
{
	vring_ipc__v1__hello__init(body);
	body->version_min = msg->hello.version_min;
	body->version_max = msg->hello.version_max;
	body->notifier = notifier_code(msg->hello.notifier);
	body->flags = msg->hello.flags;
	pb->body_case = VRING_IPC__V1__LINK__BODY_HELLO;
	pb->hello = body;
}

static void put_offer(const struct wire_msg *msg, link_pb *pb, struct body *all)
{
	const struct offer *offer = &msg->offer.offer;
	VringIpc__V1__Offer *body = &all->offer;

	vring_ipc__v1__offer__init(body);
	body->version = msg->offer.version;
	body->notifier = notifier_code(msg->offer.notifier);
	body->flags = msg->offer.flags;
	body->type = (char *)offer->type;
	body->name = (char *)offer->name;
	body->device_id = offer->device_id;
	body->vendor_id = offer->vendor_id;
	body->n_features = VRI_FEATURE_BITS / 64;
	body->features = (uint64_t *)offer->features.word;
	body->n_queues = offer->n_queues;
	body->queue_size_max = offer->queue_size_max;
	body->config_size = offer->config_size;
	for (unsigned i = 0; i < offer->n_shared; i++) {
		put_shared_memory(&offer->shared[i], &all->shared[i]);
		all->shared_list[i] = &all->shared[i];
	}
	body->n_shared_memory = offer->n_shared;
	body->shared_memory = all->shared_list;
	pb->body_case = VRING_IPC__V1__LINK__BODY_OFFER;
	pb->offer = body;
}

static void put_attach(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__Attach *body)
{
	vring_ipc__v1__attach__init(body);
	body->link_id.len = sizeof(msg->attach.link_id);
	body->link_id.data = (uint8_t *)msg->attach.link_id;
	body->region_size = msg->attach.region_size;
	body->notifier = notifier_code(msg->attach.notifier);
	pb->body_case = VRING_IPC__V1__LINK__BODY_ATTACH;
	pb->attach = body;
}

static void put_refused(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__Refused *body)
{
	vring_ipc__v1__refused__init(body);
	body->error = error_code(msg->refused.error);
	body->words = (char *)msg->refused.words;
	pb->body_case = VRING_IPC__V1__LINK__BODY_REFUSED;
	pb->refused = body;
}

static void put_reply(const struct wire_msg *msg, link_pb *pb, struct body *all)
{
	const struct vri_features *features = &msg->reply.features.set;
	VringIpc__V1__Reply *body = &all->reply;

	vring_ipc__v1__reply__init(body);
	body->error = error_code(msg->reply.error);
	body->words = (char *)msg->reply.words;
	body->status = msg->reply.status;
	body->generation = msg->reply.generation;
	body->data.len = msg->reply.data_len;
	body->data.data = (uint8_t *)msg->reply.data;
	/* Only one reply has features, and a set without a bit is what a missing field means. */
	if (features->word[0] || features->word[1]) {
		body->n_features = VRI_FEATURE_BITS / 64;
		body->features = (uint64_t *)features->word;
	}
	if (msg->reply.shared.size) {
		put_shared_memory(&msg->reply.shared, &all->shared[0]);
		body->shared_memory = &all->shared[0];
	}
	pb->body_case = VRING_IPC__V1__LINK__BODY_REPLY;
	pb->reply = body;
}

static void put_set_features(const struct wire_msg *msg, link_pb *pb,
			     VringIpc__V1__SetFeatures *body)
{
	vring_ipc__v1__set_features__init(body);
	body->n_features = VRI_FEATURE_BITS / 64;
	body->features = (uint64_t *)msg->set_features.features.set.word;
	pb->body_case = VRING_IPC__V1__LINK__BODY_SET_FEATURES;
	pb->set_features = body;
}

static void put_set_config(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__SetConfig *body)
{
	vring_ipc__v1__set_config__init(body);
	body->generation = msg->set_config.generation;
	body->offset = msg->set_config.offset;
	body->data.len = msg->set_config.data_len;
	body->data.data = (uint8_t *)msg->set_config.data;
	pb->body_case = VRING_IPC__V1__LINK__BODY_SET_CONFIG;
	pb->set_config = body;
}

static void put_set_queue(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__SetQueue *body)
{
	vring_ipc__v1__set_queue__init(body);
	body->index = msg->set_queue.index;
	body->size = msg->set_queue.size;
	body->desc = msg->set_queue.desc;
	body->driver = msg->set_queue.driver;
	body->device = msg->set_queue.device;
	pb->body_case = VRING_IPC__V1__LINK__BODY_SET_QUEUE;
	pb->set_queue = body;
}

static void put_add_memory(const struct wire_msg *msg, link_pb *pb, VringIpc__V1__AddMemory *body)
{
	vring_ipc__v1__add_memory__init(body);
	body->iova = msg->add_memory.iova;
	body->size = msg->add_memory.size;
	body->fd_offset = msg->add_memory.fd_offset;
	body->access = msg->add_memory.access;
	pb->body_case = VRING_IPC__V1__LINK__BODY_ADD_MEMORY;
	pb->add_memory = body;
}

static void put_body(const struct wire_msg *msg, link_pb *pb, struct body *body)
{
	switch (msg->kind) {
	case WIRE_HELLO:
		put_hello(msg, pb, &body->hello);
		return;
	case WIRE_OFFER:
		put_offer(msg, pb, body);
		return;
	case WIRE_ATTACH:
		put_attach(msg, pb, &body->attach);
		return;
	case WIRE_ATTACHED:
		vring_ipc__v1__attached__init(&body->attached);
		pb->body_case = VRING_IPC__V1__LINK__BODY_ATTACHED;
		pb->attached = &body->attached;
		return;
	case WIRE_REFUSED:
		put_refused(msg, pb, &body->refused);
		return;
	case WIRE_REPLY:
		put_reply(msg, pb, body);
		return;
	case WIRE_GET_STATUS:
		vring_ipc__v1__get_status__init(&body->get_status);
		pb->body_case = VRING_IPC__V1__LINK__BODY_GET_STATUS;
		pb->get_status = &body->get_status;
		return;
	case WIRE_SET_STATUS:
		vring_ipc__v1__set_status__init(&body->set_status);
		body->set_status.status = msg->set_status.status;
		pb->body_case = VRING_IPC__V1__LINK__BODY_SET_STATUS;
		pb->set_status = &body->set_status;
		return;
	case WIRE_GET_FEATURES:
		vring_ipc__v1__get_features__init(&body->get_features);
		pb->body_case = VRING_IPC__V1__LINK__BODY_GET_FEATURES;
		pb->get_features = &body->get_features;
		return;
	case WIRE_SET_FEATURES:
		put_set_features(msg, pb, &body->set_features);
		return;
	case WIRE_GET_CONFIG:
		vring_ipc__v1__get_config__init(&body->get_config);
		body->get_config.offset = msg->get_config.offset;
		body->get_config.length = msg->get_config.len;
		pb->body_case = VRING_IPC__V1__LINK__BODY_GET_CONFIG;
		pb->get_config = &body->get_config;
		return;
	case WIRE_SET_CONFIG:
		put_set_config(msg, pb, &body->set_config);
		return;
	case WIRE_SET_QUEUE:
		put_set_queue(msg, pb, &body->set_queue);
		return;
	case WIRE_RESET_QUEUE:
		vring_ipc__v1__reset_queue__init(&body->reset_queue);
		body->reset_queue.index = msg->reset_queue.index;
		pb->body_case = VRING_IPC__V1__LINK__BODY_RESET_QUEUE;
		pb->reset_queue = &body->reset_queue;
		return;
	case WIRE_ADD_MEMORY:
		put_add_memory(msg, pb, &body->add_memory);
		return;
	case WIRE_REMOVE_MEMORY:
		vring_ipc__v1__remove_memory__init(&body->remove_memory);
		body->remove_memory.iova = msg->remove_memory.iova;
		pb->body_case = VRING_IPC__V1__LINK__BODY_REMOVE_MEMORY;
		pb->remove_memory = &body->remove_memory;
		return;
	case WIRE_GET_SHARED_MEMORY:
		vring_ipc__v1__get_shared_memory__init(&body->get_shared_memory);
		body->get_shared_memory.id = msg->get_shared_memory.id;
		pb->body_case = VRING_IPC__V1__LINK__BODY_GET_SHARED_MEMORY;
		pb->get_shared_memory = &body->get_shared_memory;
		return;
	case WIRE_CONFIG_CHANGED:
		vring_ipc__v1__config_changed__init(&body->config_changed);
		body->config_changed.generation = msg->config_changed.generation;
		pb->body_case = VRING_IPC__V1__LINK__BODY_CONFIG_CHANGED;
		pb->config_changed = &body->config_changed;
		return;
	case WIRE_NEEDS_RESET:
		vring_ipc__v1__needs_reset__init(&body->needs_reset);
		body->needs_reset.words = (char *)msg->needs_reset.words;
		pb->body_case = VRING_IPC__V1__LINK__BODY_NEEDS_RESET;
		pb->needs_reset = &body->needs_reset;
		return;
	case WIRE_UNKNOWN:
	case WIRE_KINDS:
		return;
	}
}

int wire_format(const struct wire_msg *msg, void *bytes, size_t size)
{
	link_pb pb = VRING_IPC__V1__LINK__INIT;
	struct body body;
	size_t len;

	pb.token = msg->token;
	put_body(msg, &pb, &body);
	len = vring_ipc__v1__link__get_packed_size(&pb);
	if (len > size || len > WIRE_PACKET_MAX)
		return -EMSGSIZE;
	return (int)vring_ipc__v1__link__pack(&pb, bytes);
}
