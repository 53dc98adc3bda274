/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Any bytes as a packet of the control channel: taken apart or refused, and what was taken can be sent
 * again and is the same then. The bytes are the input's, or a message of some kind with fields of the
 * input's, of which some bytes are stored over.
 */
#include "transport/shm/shm_wire.h"

#include <string.h>

#include "check.h"

static struct input in;

/* Of any bytes but 0, which ends it. */
static void take_text(char *text, size_t size)
{
	size_t len = take8(&in) % size;

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = take8(&in);

		text[i] = (char)(byte ? byte : 'x');
	}
}

static void take_features(struct wire_features *features)
{
	features->set.word[0] = take64(&in);
	features->set.word[1] = take8(&in) & 1 ? take64(&in) : 0;
}

static void take_data(uint8_t *data, uint32_t *len)
{
	*len = take8(&in) * 16u % (VRI_CONFIG_MAX + 1);
	for (uint32_t i = 0; i < *len && in.left > 0; i++)
		data[i] = take8(&in);
}

static void take_offer(struct wire_msg *msg)
{
	struct offer *offer = &msg->offer.offer;
	struct wire_features features = { .beyond = false };

	msg->offer.version = take8(&in);
	msg->offer.notifier = (enum notifier_kind)(take8(&in) % 4);
	take_text(offer->type, sizeof(offer->type));
	take_text(offer->name, sizeof(offer->name));
	offer->device_id = take32(&in);
	take_features(&features);
	offer->features = features.set;
	offer->n_queues = take16(&in);
	offer->queue_size_max = take16(&in);
	offer->config_size = take16(&in);
}

static void take_message(struct wire_msg *msg)
{
	msg->token = take8(&in);
	switch (msg->kind) {
	case WIRE_HELLO:
		msg->hello.version_min = take8(&in);
		msg->hello.version_max = take32(&in);
		msg->hello.notifier = (enum notifier_kind)(take8(&in) % 4);
		msg->hello.flags = take64(&in);
		break;
	case WIRE_OFFER:
		take_offer(msg);
		break;
	case WIRE_ATTACH:
		msg->attach.link_id[take8(&in) % 16] = take8(&in);
		msg->attach.region_size = take64(&in);
		msg->attach.notifier = (enum notifier_kind)(take8(&in) % 4);
		break;
	case WIRE_REFUSED:
		msg->refused.error = -(int)take8(&in);
		take_text(msg->refused.words, sizeof(msg->refused.words));
		break;
	case WIRE_REPLY:
		msg->reply.error = -(int)take8(&in);
		take_text(msg->reply.words, sizeof(msg->reply.words));
		msg->reply.status = take8(&in);
		take_features(&msg->reply.features);
		msg->reply.generation = take8(&in);
		take_data(msg->reply.data, &msg->reply.data_len);
		break;
	case WIRE_SET_STATUS:
		msg->set_status.status = take8(&in);
		break;
	case WIRE_SET_FEATURES:
		take_features(&msg->set_features.features);
		break;
	case WIRE_SET_CONFIG:
		msg->set_config.generation = take32(&in);
		msg->set_config.offset = take32(&in);
		take_data(msg->set_config.data, &msg->set_config.data_len);
		break;
	case WIRE_SET_QUEUE:
		msg->set_queue = (struct queue_params){ take16(&in), take32(&in), take64(&in),
							take64(&in), take64(&in) };
		break;
	case WIRE_ADD_MEMORY:
		msg->add_memory.iova = take64(&in);
		msg->add_memory.size = take64(&in);
		msg->add_memory.fd_offset = take64(&in);
		msg->add_memory.access = take8(&in) % 5;
		break;
	case WIRE_NEEDS_RESET:
		take_text(msg->needs_reset.words, sizeof(msg->needs_reset.words));
		break;
	default:
		/* The others have one number, or two. */
		msg->get_config.offset = take32(&in);
		msg->get_config.len = take32(&in);
	}
}

/* The first byte says which kind of message; 0 that there is none. Returns: the packet's length. */
static size_t make_packet(uint8_t *packet, size_t size)
{
	static struct wire_msg msg;
	uint8_t kind = take8(&in) % WIRE_KINDS;
	int len;

	if (kind == WIRE_UNKNOWN) {
		size = in.left < size ? in.left : size;
		memcpy(packet, in.at, size);
		return size;
	}
	msg = (struct wire_msg){ .kind = kind };
	take_message(&msg);
	len = wire_format(&msg, packet, size);
	MUST(len > 0);
	while (in.left > 0) {
		size_t at = take16(&in);

		packet[at % (unsigned)len] = take8(&in);
	}
	return (size_t)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	static struct wire_msg msg, again;
	const char *why = NULL;
	uint8_t *exactly;
	size_t n;
	int r;

	in = (struct input){ bytes, len };
	n = make_packet(packet, sizeof(packet));
	exactly = malloc(n ? n : 1);
	MUST(exactly);
	memcpy(exactly, packet, n);
	r = wire_parse(exactly, n, &msg, &why);
	free(exactly);
	if (r < 0) {
		MUST(why);
		return 0;
	}
	if (msg.kind == WIRE_UNKNOWN)
		return 0;
	r = wire_format(&msg, packet, sizeof(packet));
	MUST(r > 0);
	MUST(wire_parse(packet, (size_t)r, &again, &why) == 0);
	MUST(again.kind == msg.kind && again.token == msg.token);
	return 0;
}
