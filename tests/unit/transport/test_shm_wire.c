/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The messages of the control channel as bytes: what survives, what is refused, what it may cost. */
#include "test.h"

#include <endian.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "transport/shm/shm_wire.h"

static uint8_t packet[WIRE_PACKET_MAX + 16];
static struct wire_msg msg, back;

/* ---- writing protobuf by hand ---- */

struct bytes {
	size_t len;
	uint8_t *at;
};

static void put_varint(struct bytes *b, uint64_t value)
{
	do {
		b->at[b->len++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
}

static void put_uint(struct bytes *b, unsigned field, uint64_t value)
{
	put_varint(b, field << 3);
	put_varint(b, value);
}

static void put_block(struct bytes *b, unsigned field, const void *data, size_t len)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, len);
	if (len)
		memcpy(b->at + b->len, data, len);
	b->len += len;
}

static int parse(const struct bytes *b, const char **ret_why)
{
	return wire_parse(b->at, b->len, &back, ret_why);
}

/* ---- there and back ---- */

static void round_trip(void)
{
	const char *why = NULL;
	int len = wire_format(&msg, packet, sizeof(packet));

	t_gt(len, 0);
	memset(&back, 0x5a, sizeof(back));
	t_ok(wire_parse(packet, (size_t)len, &back, &why));
	t_eq(back.kind, msg.kind);
	t_eq(back.token, msg.token);
	t_mem_eq(&back, &msg, sizeof(msg));
}

static void fill_offer(struct offer *offer)
{
	strcpy(offer->type, "org.example.thermometer");
	strcpy(offer->name, "the one in the cellar");
	offer->device_id = 0xffffffff;
	offer->vendor_id = 0x80000001;
	offer->features.word[0] = ~0ull;
	offer->features.word[1] = 1ull << 63;
	offer->n_queues = VRI_QUEUES_MAX;
	offer->queue_size_max = VRI_QUEUE_SIZE_MAX;
	offer->config_size = VRI_CONFIG_MAX;
	offer->n_shared = VRI_SHARED_MEMORY_MAX;
	for (unsigned i = 0; i < VRI_SHARED_MEMORY_MAX; i++) {
		offer->shared[i].id = (uint8_t)(255 - i);
		offer->shared[i].size = 1ull << (63 - i);
		offer->shared[i].writable = i % 2;
	}
}

static void fill(enum wire_kind kind)
{
	memset(&msg, 0, sizeof(msg));
	msg.kind = kind;
	msg.token = 0xfffffffe;
	switch (kind) {
	case WIRE_HELLO:
		msg.hello.version_min = 1;
		msg.hello.version_max = 0xffffffff;
		msg.hello.notifier = NOTIFIER_PIPE;
		msg.hello.flags = 1ull << 63;
		break;
	case WIRE_OFFER:
		msg.offer.version = 7;
		msg.offer.notifier = NOTIFIER_EVENTFD;
		msg.offer.flags = 5;
		fill_offer(&msg.offer.offer);
		break;
	case WIRE_ATTACH:
		memset(msg.attach.link_id, 0xa5, sizeof(msg.attach.link_id));
		msg.attach.region_size = 1ull << 40;
		msg.attach.notifier = NOTIFIER_PIPE;
		break;
	case WIRE_REFUSED:
		msg.refused.error = -EPROTONOSUPPORT;
		memset(msg.refused.words, 'w', WIRE_WORDS_MAX - 1);
		break;
	case WIRE_REPLY:
		msg.reply.error = -EAGAIN;
		strcpy(msg.reply.words, "too late");
		msg.reply.status = 0xff;
		msg.reply.features.set.word[1] = 3;
		msg.reply.generation = 0xffffffff;
		msg.reply.data_len = VRI_CONFIG_MAX;
		memset(msg.reply.data, 0xee, VRI_CONFIG_MAX);
		msg.reply.shared.id = 255;
		msg.reply.shared.size = ~0ull;
		msg.reply.shared.writable = true;
		break;
	case WIRE_SET_STATUS:
		msg.set_status.status = VRI_STATUS_FAILED;
		break;
	case WIRE_SET_FEATURES:
		msg.set_features.features.set.word[0] = 1ull << 32;
		break;
	case WIRE_GET_CONFIG:
		msg.get_config.offset = 0xffffffff;
		msg.get_config.len = VRI_CONFIG_MAX;
		break;
	case WIRE_SET_CONFIG:
		msg.set_config.generation = 9;
		msg.set_config.offset = 0x80000000;
		msg.set_config.data_len = 3;
		memcpy(msg.set_config.data, "\0\1\2", 3);
		break;
	case WIRE_SET_QUEUE:
		msg.set_queue = (struct queue_params){ 0x10001, 0x10002, 1ull << 63, 2, 3 };
		break;
	case WIRE_RESET_QUEUE:
		msg.reset_queue.index = 0x80000003;
		break;
	case WIRE_ADD_MEMORY:
		msg.add_memory.iova = ~0ull;
		msg.add_memory.size = 1ull << 62;
		msg.add_memory.fd_offset = 4096;
		msg.add_memory.access = VRI_ACCESS_READ_WRITE;
		break;
	case WIRE_REMOVE_MEMORY:
		msg.remove_memory.iova = 1ull << 50;
		break;
	case WIRE_GET_SHARED_MEMORY:
		msg.get_shared_memory.id = 255;
		break;
	case WIRE_CONFIG_CHANGED:
		msg.config_changed.generation = 4;
		break;
	case WIRE_NEEDS_RESET:
		strcpy(msg.needs_reset.words, "a next field points outside of its table");
		break;
	default:
		break;
	}
}

/* All 32 bits of an index come through, for the receiver to check.
 * faults: C20 */
Test(shm_wire, brings_each_message_back_as_it_was)
{
	for (enum wire_kind kind = WIRE_UNKNOWN + 1; kind < WIRE_KINDS; kind++) {
		fill(kind);
		round_trip();
	}
}

Test(shm_wire, brings_each_message_back_with_every_field_missing)
{
	for (enum wire_kind kind = WIRE_UNKNOWN + 1; kind < WIRE_KINDS; kind++) {
		memset(&msg, 0, sizeof(msg));
		msg.kind = kind;
		/* These have fields whose zero means nothing. */
		if (kind == WIRE_HELLO)
			msg.hello.version_min = msg.hello.version_max = 1;
		if (kind == WIRE_OFFER)
			msg.offer.notifier = NOTIFIER_PIPE;
		if (kind == WIRE_ATTACH)
			msg.attach.notifier = NOTIFIER_PIPE;
		if (kind == WIRE_ADD_MEMORY)
			msg.add_memory.access = VRI_ACCESS_READ;
		if (kind == WIRE_REFUSED)
			msg.refused.error = -EPROTO;
		round_trip();
	}
}

Test(shm_wire, says_when_a_message_does_not_fit)
{
	fill(WIRE_REPLY);
	t_errno_eq(wire_format(&msg, packet, VRI_CONFIG_MAX), -EMSGSIZE);
	t_errno_eq(wire_format(&msg, packet, 0), -EMSGSIZE);
}

Test(shm_wire, makes_words_fit_for_people)
{
	char words[WIRE_WORDS_MAX];
	char long_text[300];

	wire_words(words, "a\x1b[31m\n\xc3\xa9z");
	t_streq(words, "a?[31m???z");
	wire_words(words, NULL);
	t_streq(words, "");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	wire_words(words, long_text);
	t_eq(strlen(words), WIRE_WORDS_MAX - 1);
}

/* ---- what is not known ---- */

/* faults: D9 */
Test(shm_wire, ignores_unknown_fields)
{
	struct bytes body = { 0, (uint8_t[64]){ 0 } }, b = { 0, packet };
	const char *why;

	put_uint(&body, 1, VRI_STATUS_DRIVER);
	put_uint(&body, 1000, 77);
	put_block(&body, 1001, "new", 3);
	put_uint(&b, 1, 5);
	put_uint(&b, 999, 1);
	put_block(&b, 18, body.at, body.len); /* SET_STATUS */
	t_ok(parse(&b, &why));
	t_eq(back.kind, WIRE_SET_STATUS);
	t_eq(back.token, 5);
	t_eq(back.set_status.status, VRI_STATUS_DRIVER);
}

Test(shm_wire, gives_an_unknown_body_its_token_and_no_kind)
{
	struct bytes b = { 0, packet };
	const char *why;

	put_uint(&b, 1, 5);
	put_block(&b, 99, "x", 1);
	t_ok(parse(&b, &why));
	t_eq(back.kind, WIRE_UNKNOWN);
	t_eq(back.token, 5);
	b.len = 0;
	t_ok(parse(&b, &why));
	t_eq(back.kind, WIRE_UNKNOWN);
}

/* Feature words past the last one are zero, whoever sends fewer; whoever sends more is told apart.
 * proves: shm:adopt/3 */
Test(shm_wire, takes_feature_sets_of_any_width)
{
	struct bytes body = { 0, (uint8_t[512]){ 0 } }, b = { 0, packet };
	uint64_t word[WIRE_FEATURE_WORDS_MAX + 1] = { htole64(1), htole64(2) };
	const char *why;

	put_block(&body, 1, word, 8);
	put_block(&b, 20, body.at, body.len); /* SET_FEATURES */
	t_ok(parse(&b, &why));
	t_eq(back.set_features.features.set.word[0], 1);
	t_eq(back.set_features.features.set.word[1], 0);
	t_false(back.set_features.features.beyond);

	word[WIRE_FEATURE_WORDS_MAX - 1] = htole64(4);
	body.len = b.len = 0;
	put_block(&body, 1, word, 8 * WIRE_FEATURE_WORDS_MAX);
	put_block(&b, 20, body.at, body.len);
	t_ok(parse(&b, &why));
	t_eq(back.set_features.features.set.word[1], 2);
	t_true(back.set_features.features.beyond);

	body.len = b.len = 0;
	put_block(&body, 1, word, 8 * (WIRE_FEATURE_WORDS_MAX + 1));
	put_block(&b, 20, body.at, body.len);
	t_errno_eq(parse(&b, &why), -EPROTO);
	t_streq(why, "too many feature words");
}

/* ---- what is refused ---- */

/* One field at @field of the body numbered @body, and what the receiver says. */
struct bad_field {
	unsigned body;
	unsigned field;
	uint64_t value; /* of a number */
	const char *text; /* of a block, NULL for a number */
	size_t text_len;
	const char *why;
};

#define TEXT(t) .text = t, .text_len = sizeof(t) - 1
#define X128                                                               \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct bad_field bad_fields[] = {
	{ 2, 1, 0, .why = "version range" }, /* HELLO without a version */
	{ 2, 1, 2, .why = "version range" }, /* version_max is missing: 2 to 0 */
	{ 3, 2, 0, .why = "unknown notifier" }, /* OFFER */
	{ 3, 2, 3, .why = "unknown notifier" },
	{ 3, 4, TEXT("a\033[2J"), .why = "not printable" },
	{ 3, 4, TEXT("caf\xc3\xa9"), .why = "not printable" },
	{ 3, 5, TEXT("two\nlines"), .why = "not printable" },
	{ 3, 5, TEXT(X128), .why = "too long" },
	{ 3, 9, VRI_QUEUES_MAX + 1, .why = "beyond the limits" },
	{ 3, 9, 0xffffffff, .why = "beyond the limits" },
	{ 3, 10, VRI_QUEUE_SIZE_MAX + 1, .why = "beyond the limits" },
	{ 3, 11, VRI_CONFIG_MAX + 1, .why = "beyond the limits" },
	{ 4, 1, TEXT("fifteen bytes.."), .why = "link id" }, /* ATTACH */
	{ 4, 1, TEXT("seventeen bytes.."), .why = "link id" },
	{ 4, 1, TEXT(""), .why = "link id" },
	{ 6, 2, TEXT("\a"), .why = "not printable" }, /* REFUSED */
	{ 16, 2, TEXT(X128), .why = "too long" }, /* REPLY */
	{ 16, 3, 256, .why = "status" },
	{ 18, 1, 256, .why = "status" }, /* SET_STATUS */
	{ 18, 1, 0xffffff00, .why = "status" },
	{ 21, 2, VRI_CONFIG_MAX + 1, .why = "config space" }, /* GET_CONFIG */
	{ 25, 4, 0, .why = "access" }, /* ADD_MEMORY */
	{ 25, 4, 4, .why = "access" },
	{ 25, 4, 0x80000001, .why = "access" },
	{ 33, 1, TEXT("\x7f"), .why = "not printable" }, /* NEEDS_RESET */
};

/* faults: C21 B16 */
TestEach(shm_wire, refuses_a_bad_field_in_words, bad_fields, struct bad_field)
{
	struct bytes body = { 0, (uint8_t[512]){ 0 } }, b = { 0, packet };
	const char *why = NULL;

	/* A notifier that is one, so that only the field in question is wrong. */
	if (param->body == 3 && param->field != 2)
		put_uint(&body, 2, 2);
	if (param->text)
		put_block(&body, param->field, param->text, param->text_len);
	else
		put_uint(&body, param->field, param->value);
	put_block(&b, param->body, body.at, body.len);
	t_errno_eq(parse(&b, &why), -EPROTO);
	t_not_null(why);
	t_strstr(why, param->why);
}

/* faults: C9 D11 */
Test(shm_wire, refuses_more_config_than_there_is)
{
	static const unsigned bodies[] = { 16, 22 }; /* REPLY, SET_CONFIG */
	static const unsigned fields[] = { 6, 3 };
	static uint8_t data[VRI_CONFIG_MAX + 1], room[VRI_CONFIG_MAX + 64];
	const char *why;

	for (int i = 0; i < 2; i++) {
		struct bytes body = { 0, room }, b = { 0, packet };

		put_block(&body, fields[i], data, sizeof(data));
		put_block(&b, bodies[i], body.at, body.len);
		t_errno_eq(parse(&b, &why), -EPROTO);
		body.len = b.len = 0;
		put_block(&body, fields[i], data, VRI_CONFIG_MAX);
		put_block(&b, bodies[i], body.at, body.len);
		t_ok(parse(&b, &why));
	}
}

/* Each message, cut off at each byte: refused, or a message with what came before the cut. Under
 * AddressSanitizer a read past the end ends the test.
 * faults: C9 */
Test(shm_wire, reads_nothing_past_a_packet_that_was_cut_off)
{
	const char *why;

	for (enum wire_kind kind = WIRE_UNKNOWN + 1; kind < WIRE_KINDS; kind++) {
		int len;

		fill(kind);
		len = wire_format(&msg, packet, sizeof(packet));
		for (int cut = 0; cut < len; cut++) {
			uint8_t *part = malloc((size_t)cut + 1);
			int r;

			memcpy(part, packet, (size_t)cut);
			r = wire_parse(part, (size_t)cut, &back, &why);
			free(part);
			t_true(r == 0 || r == -EPROTO);
			/* The body has a length in front: a part of it is no body. */
			t_true(r == -EPROTO || back.kind == WIRE_UNKNOWN || cut > 2);
		}
	}
}

/* faults: C9 */
Test(shm_wire, refuses_a_packet_beyond_the_limit)
{
	struct bytes b = { 0, packet };
	const char *why;
	static uint8_t filler[WIRE_PACKET_MAX];

	/* A field that nobody knows fills the packet to the last byte allowed. */
	put_block(&b, 99, filler, WIRE_PACKET_MAX - 5);
	t_eq(b.len, WIRE_PACKET_MAX);
	t_ok(parse(&b, &why));
	b.at[b.len++] = 0;
	t_errno_eq(parse(&b, &why), -EPROTO);
	t_strstr(why, "64 KiB");
}

/* 10,000 messages inside of each other cost no stack: nobody looks inside of what is not known. As
 * bodies that are known, they are no message.
 * faults: C10 */
Test(shm_wire, survives_deep_nesting)
{
	static uint8_t nest[WIRE_PACKET_MAX];
	static const unsigned fields[] = { 99, 2, 3, 16, 22 };
	const char *why;

	for (unsigned f = 0; f < 5; f++) {
		size_t at = sizeof(nest);
		unsigned depth = 0;

		/* From the inside out. */
		while (depth < 10000 && at > 8) {
			struct bytes head = { 0, (uint8_t[8]){ 0 } };

			put_varint(&head, fields[f] << 3 | 2);
			put_varint(&head, sizeof(nest) - at);
			at -= head.len;
			memcpy(nest + at, head.at, head.len);
			depth++;
		}
		t_ge(depth, 10000);
		(void)wire_parse(nest + at, sizeof(nest) - at, &back, &why);
	}
	/* Groups, the other way to nest, are not spoken here. */
	memset(nest, 99 << 3 | 3, sizeof(nest));
	t_errno_eq(wire_parse(nest, sizeof(nest), &back, &why), -EPROTO);
}

/* Packets of 64 KiB whose unpacked form would be far larger: many fields nobody knows, one body
 * again and again, empty elements of a repeated field.
 * faults: C11 */
Test(shm_wire, bounds_what_a_packet_can_make_it_allocate)
{
	const char *why;
	size_t before = 0;

	/* Each shape twice: what the allocator keeps for the next time counts as in use. */
	for (int round = 0; round < 6; round++) {
		int shape = round % 3;
		struct bytes b = { 0, packet };

		if (round == 3)
			before = mallinfo2().uordblks;
		while (b.len < WIRE_PACKET_MAX - 8) {
			if (shape == 0)
				put_uint(&b, 15, 1);
			else if (shape == 1)
				put_block(&b, 6, "\022\001w", 3); /* REFUSED with words */
			else
				put_block(&b, 3, "\101\0\0\0\0\0\0\0\0", 9); /* OFFER, one word */
		}
		/* What counts is that it ends, soon, and gives everything back. */
		(void)parse(&b, &why);
	}
	t_eq(mallinfo2().uordblks, before);
}

/* Random bytes, and valid messages with random changes: never a crash, never a field out of its
 * bounds. */
Test(shm_wire, keeps_its_bounds_whatever_comes, .timeout = 30)
{
	const char *why;
	unsigned seed = 20260101, good = 0;

	for (int round = 0; round < 100000; round++) {
		size_t len;

		fill(WIRE_UNKNOWN + 1 + (enum wire_kind)(rand_r(&seed) % (WIRE_KINDS - 1)));
		len = (size_t)wire_format(&msg, packet, sizeof(packet));
		for (int i = rand_r(&seed) % 4; i >= 0; i--)
			packet[(size_t)rand_r(&seed) % (len < 64 ? len : 64)] =
				(uint8_t)rand_r(&seed);
		if (wire_parse(packet, len, &back, &why) < 0)
			continue;
		good++;
		t_lt((unsigned)back.kind, (unsigned)WIRE_KINDS);
		if (back.kind == WIRE_REPLY)
			t_le(back.reply.data_len, (unsigned)VRI_CONFIG_MAX);
		if (back.kind == WIRE_OFFER) {
			t_le(back.offer.offer.n_queues, (unsigned)VRI_QUEUES_MAX);
			t_not_null(memchr(back.offer.offer.type, 0, VRI_TYPE_MAX));
		}
		if (back.kind == WIRE_REFUSED)
			t_not_null(memchr(back.refused.words, 0, WIRE_WORDS_MAX));
	}
	t_gt(good, 0);
}
