/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Broker messages to bytes and back: each kind, each limit, and bytes that are no message. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_wire.h"

static uint8_t bytes[BROKER_PACKET_MAX];
static const char *why;

/* Formats and parses. The result is the caller's to free. */
static struct broker_msg there_and_back(const struct broker_msg *msg)
{
	struct broker_msg back;
	int len = broker_format(msg, bytes, sizeof(bytes));

	t_gt(len, 0);
	if (broker_parse(bytes, (size_t)len, &back, &why) < 0)
		t_fail("%s: %s", broker_kind_name(msg->kind), why);
	t_eq(back.kind, msg->kind);
	t_eq(back.token, msg->token);
	t_eq(back.parcel, msg->parcel);
	return back;
}

/* Flat messages, without lists: the same bytes come back. */
static void same(const struct broker_msg *msg)
{
	struct broker_msg back = there_and_back(msg);

	t_mem_eq(&back, msg, sizeof(back));
}

/* Zeroed with its padding, so that it can be compared as a whole. */
static struct broker_msg *blank(enum broker_kind kind)
{
	static struct broker_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.kind = kind;
	return &msg;
}

Test(broker_wire, each_request_comes_back_as_it_was)
{
	struct broker_msg *msg = blank(BROKER_HELLO);

	msg->token = UINT32_MAX;
	msg->hello.version_min = 1;
	msg->hello.version_max = UINT32_MAX;
	memset(msg->hello.program, 'p', sizeof(msg->hello.program) - 1);
	same(msg);

	msg = blank(BROKER_REGISTER);
	strcpy(msg->registration.info.name, "org.example.disk-0");
	strcpy(msg->registration.info.type, "org.vring-ipc.blk");
	msg->registration.info.device_id = UINT32_MAX;
	msg->registration.info.n_queues = 1024;
	msg->registration.info.queue_size_max = 32768;
	msg->registration.info.max_links = 7;
	msg->registration.info.n_pairs = BROKER_PAIRS_MAX;
	for (unsigned i = 0; i < BROKER_PAIRS_MAX; i++) {
		memset(msg->registration.info.pair[i].key, 'k', BROKER_KEY_MAX - 1);
		memset(msg->registration.info.pair[i].value, '~', BROKER_VALUE_MAX - 1);
	}
	msg->registration.replaceable = msg->registration.replace = true;
	same(msg);

	msg = blank(BROKER_WITHDRAW);
	strcpy(msg->withdraw.name, "a.b");
	same(msg);

	msg = blank(BROKER_OPEN);
	strcpy(msg->open.name, "a.b");
	strcpy(msg->open.type, "t");
	msg->open.device_id = 2;
	msg->open.wait = true;
	msg->open.timeout_ms = UINT32_MAX;
	same(msg);

	msg = blank(BROKER_CANCEL);
	msg->cancel.open = 9;
	same(msg);

	msg = blank(BROKER_GRANT);
	msg->grant.link = UINT64_MAX;
	msg->grant.size = UINT64_MAX;
	same(msg);

	msg = blank(BROKER_LINK_DOWN);
	msg->link_down.link = 3;
	strcpy(msg->link_down.words, "why not");
	same(msg);

	msg = blank(BROKER_LIST_DEVICES);
	strcpy(msg->list_devices.after, "a");
	strcpy(msg->list_devices.name, "a.b");
	msg->list_devices.limit = 64;
	same(msg);

	msg = blank(BROKER_LIST_LINKS);
	msg->list_links.after = 5;
	strcpy(msg->list_links.name, "a.b");
	msg->list_links.limit = 1;
	same(msg);

	msg = blank(BROKER_WATCH);
	msg->watch.on = true;
	strcpy(msg->watch.name, "a.b");
	same(msg);

	msg = blank(BROKER_VIEW);
	msg->view.link = 6;
	same(msg);
	same(blank(BROKER_STATS));

	msg = blank(BROKER_TOOK);
	msg->took.parcel = 4;
	same(msg);
}

Test(broker_wire, each_answer_comes_back_as_it_was)
{
	struct broker_msg *msg = blank(BROKER_INCOMING);

	msg->parcel = 1;
	msg->incoming.link = 12;
	strcpy(msg->incoming.name, "a.b");
	msg->incoming.peer = (struct broker_peer){ 1, 2, 3 };
	same(msg);

	msg = blank(BROKER_GRANTED);
	msg->parcel = 2;
	msg->granted.link = 12;
	msg->granted.size = 4096;
	same(msg);

	msg = blank(BROKER_EVENT);
	msg->event.kind = BROKER_EVENT_LOST;
	msg->event.count = UINT64_MAX;
	strcpy(msg->event.name, "a.b");
	strcpy(msg->event.words, "w");
	same(msg);

	msg = blank(BROKER_REPLY);
	msg->reply.error = -EDQUOT;
	strcpy(msg->reply.words, "words");
	msg->reply.version = 1;
	msg->reply.link = 3;
	msg->reply.peer = (struct broker_peer){ 4, 5, 6 };
	msg->reply.more = true;
	same(msg);
}

Test(broker_wire, lists_come_back_whole)
{
	static struct broker_device device[BROKER_PAGE_MAX];
	static struct broker_link link[BROKER_PAGE_MAX];
	static struct broker_stat stat[BROKER_STATS_MAX];
	struct broker_msg *msg = blank(BROKER_REPLY), back;

	for (unsigned i = 0; i < BROKER_PAGE_MAX; i++) {
		snprintf(device[i].info.name, BROKER_NAME_MAX, "a.d%u", i);
		device[i].info.n_pairs = 1;
		strcpy(device[i].info.pair[0].key, "k");
		device[i].owner.pid = i;
		snprintf(link[i].name, BROKER_NAME_MAX, "a.l%u", i);
		link[i].link = i + 1;
		link[i].driver.uid = i;
	}
	for (unsigned i = 0; i < BROKER_STATS_MAX; i++) {
		snprintf(stat[i].name, BROKER_STAT_MAX, "s%u", i);
		stat[i].value = UINT64_MAX - i;
	}
	msg->reply.device = device;
	msg->reply.n_devices = BROKER_PAGE_MAX;
	back = there_and_back(msg);
	t_eq(back.reply.n_devices, BROKER_PAGE_MAX);
	t_mem_eq(back.reply.device, device, sizeof(device));
	broker_msg_free(&back);

	msg = blank(BROKER_REPLY);
	msg->reply.links = link;
	msg->reply.n_links = BROKER_PAGE_MAX;
	back = there_and_back(msg);
	t_mem_eq(back.reply.links, link, sizeof(link));
	broker_msg_free(&back);

	msg = blank(BROKER_REPLY);
	msg->reply.stat = stat;
	msg->reply.n_stats = BROKER_STATS_MAX;
	back = there_and_back(msg);
	t_mem_eq(back.reply.stat, stat, sizeof(stat));
	broker_msg_free(&back);
}

static void refused(const struct broker_msg *msg)
{
	struct broker_msg back;
	int len = broker_format(msg, bytes, sizeof(bytes));

	t_gt(len, 0);
	why = NULL;
	t_errno_eq(broker_parse(bytes, (size_t)len, &back, &why), -EPROTO);
	t_not_null(why);
}

Test(broker_wire, values_beyond_their_limits_are_refused)
{
	struct broker_msg *msg = blank(BROKER_HELLO);

	refused(msg); /* version 0 */
	msg->hello.version_min = 2;
	msg->hello.version_max = 1;
	refused(msg);
	msg = blank(BROKER_REGISTER);
	refused(msg); /* no name */
	strcpy(msg->registration.info.name, "a.b");
	msg->registration.info.n_queues = 1025;
	refused(msg);
	msg->registration.info.n_queues = 1;
	msg->registration.info.n_pairs = 1;
	refused(msg); /* no key */
	strcpy(msg->registration.info.pair[0].key, "key");
	strcpy(msg->registration.info.pair[0].value, "\033[2J");
	refused(msg);
	msg = blank(BROKER_LIST_LINKS);
	msg->list_links.limit = BROKER_PAGE_MAX + 1;
	refused(msg);
	msg = blank(BROKER_LINK_DOWN);
	strcpy(msg->link_down.words, "two\nlines");
	refused(msg);
}

Test(broker_wire, names_are_of_two_parts_or_more)
{
	char longest[BROKER_NAME_MAX + 1];

	t_null(broker_name_check("a.b"));
	t_null(broker_name_check("org.example.disk_0-x.Y9"));
	t_not_null(broker_name_check(""));
	t_not_null(broker_name_check("a"));
	t_not_null(broker_name_check("a."));
	t_not_null(broker_name_check(".a"));
	t_not_null(broker_name_check("a..b"));
	t_not_null(broker_name_check("a.1"));
	t_not_null(broker_name_check("a.-b"));
	t_not_null(broker_name_check("a.b/c"));
	t_not_null(broker_name_check("a.b\xc3\xa4"));
	memset(longest, 'x', sizeof(longest));
	longest[1] = '.';
	longest[BROKER_NAME_MAX] = 0;
	t_not_null(broker_name_check(longest));
	longest[BROKER_NAME_MAX - 1] = 0;
	t_null(broker_name_check(longest));
}

/* faults: C9 */
Test(broker_wire, any_bytes_are_taken_or_refused)
{
	struct broker_msg *msg = blank(BROKER_REGISTER), back;
	uint64_t x = 88172645463325252u;
	int len;

	strcpy(msg->registration.info.name, "org.example.disk0");
	msg->registration.info.n_pairs = 3;
	for (unsigned i = 0; i < 3; i++)
		strcpy(msg->registration.info.pair[i].key, "key");
	len = broker_format(msg, bytes, sizeof(bytes));
	for (int cut = 0; cut < len; cut++)
		if (broker_parse(bytes, (size_t)cut, &back, &why) == 0)
			broker_msg_free(&back);
	for (int round = 0; round < 20000; round++) {
		uint8_t copy[512];

		memcpy(copy, bytes, (size_t)len);
		for (int i = 0; i < 4; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			copy[x % (unsigned)len] = (uint8_t)(x >> 32);
		}
		if (broker_parse(copy, (size_t)len, &back, &why) == 0)
			broker_msg_free(&back);
	}
	t_errno_eq(broker_parse(bytes, BROKER_PACKET_MAX + 1, &back, &why), -EPROTO);
}

/* faults: C11 */
Test(broker_wire, a_message_that_expands_stops_at_the_limit)
{
	struct broker_msg back;
	size_t len = 0;

	/* REPLY { stats: {}, stats: {}, ... }: two bytes each here, and some sixty after parsing. */
	bytes[len++] = 0x82; /* field 32, length-delimited */
	bytes[len++] = 0x02;
	bytes[len++] = 0x80 | (60000 & 0x7f);
	bytes[len++] = 0x80 | (60000 >> 7 & 0x7f);
	bytes[len++] = 60000 >> 14;
	for (unsigned i = 0; i < 30000; i++) {
		bytes[len++] = 0x4a; /* field 9, length-delimited */
		bytes[len++] = 0;
	}
	t_errno_eq(broker_parse(bytes, len, &back, &why), -EPROTO);
}
