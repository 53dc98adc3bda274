/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The messages of clients and broker as plain structs, and the way from and to the bytes of a packet;
 * proto/broker.proto has their meaning. Pure: no descriptor, no socket, no state. The generated
 * protobuf types end in the files that include broker_pb.h.
 */
#ifndef BROKER_WIRE_H
#define BROKER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BROKER_VERSION 1
#define BROKER_PACKET_MAX 65536 /* bytes in one packet */
#define BROKER_UNPACK_MAX (1u << 20) /* bytes that taking one packet apart may allocate in all */

/* Texts, the final 0 included. */
#define BROKER_NAME_MAX 128
#define BROKER_WORDS_MAX 128
#define BROKER_PROGRAM_MAX 64
#define BROKER_KEY_MAX 64
#define BROKER_VALUE_MAX 128
#define BROKER_STAT_MAX 64

#define BROKER_PAIRS_MAX 16
#define BROKER_PAGE_MAX 64 /* devices, links in one reply */
#define BROKER_STATS_MAX 128

enum broker_kind {
	BROKER_UNKNOWN = 0, /* a body that this version does not know, or none */
	BROKER_HELLO,
	BROKER_REGISTER,
	BROKER_WITHDRAW,
	BROKER_OPEN,
	BROKER_CANCEL,
	BROKER_GRANT,
	BROKER_LINK_DOWN,
	BROKER_LIST_DEVICES,
	BROKER_LIST_LINKS,
	BROKER_WATCH,
	BROKER_VIEW,
	BROKER_STATS,
	BROKER_REPLY,
	BROKER_TOOK,
	BROKER_INCOMING,
	BROKER_GRANTED,
	BROKER_EVENT,
	BROKER_KINDS,
};

struct broker_pair {
	char key[BROKER_KEY_MAX];
	char value[BROKER_VALUE_MAX];
};

struct broker_peer {
	uint32_t uid, gid, pid;
};

/* What a device says of itself. */
struct broker_device_info {
	char name[BROKER_NAME_MAX];
	char type[BROKER_NAME_MAX];
	uint32_t device_id;
	uint32_t n_queues;
	uint32_t queue_size_max;
	uint32_t max_links;
	unsigned n_pairs;
	struct broker_pair pair[BROKER_PAIRS_MAX];
};

/* A device in a list. */
struct broker_device {
	struct broker_device_info info;
	uint32_t n_links;
	struct broker_peer owner;
	char program[BROKER_PROGRAM_MAX];
	uint64_t since_ms;
};

/* A link in a list. */
struct broker_link {
	uint64_t link;
	char name[BROKER_NAME_MAX];
	struct broker_peer driver, device;
	uint64_t size;
	uint64_t since_ms;
};

struct broker_stat {
	char name[BROKER_STAT_MAX];
	uint64_t value;
};

enum broker_event_kind {
	BROKER_EVENT_NONE = 0,
	BROKER_EVENT_DEVICE_ADDED,
	BROKER_EVENT_DEVICE_REMOVED,
	BROKER_EVENT_LINK_UP,
	BROKER_EVENT_LINK_DOWN,
	BROKER_EVENT_REPLACED,
	BROKER_EVENT_LOST,
};

struct broker_reply {
	int error; /* 0 or a negative errno */
	char words[BROKER_WORDS_MAX];
	uint32_t version;
	uint64_t link;
	struct broker_peer peer;
	bool more;
	/* One of the three lists. Formatting: the caller's. Parsed: broker_msg_free()'s. */
	unsigned n_devices, n_links, n_stats;
	struct broker_device *device;
	struct broker_link *links;
	struct broker_stat *stat;
};

struct broker_msg {
	enum broker_kind kind;
	uint32_t token;
	uint32_t parcel;
	union {
		struct {
			uint32_t version_min, version_max;
			char program[BROKER_PROGRAM_MAX];
		} hello;
		struct {
			struct broker_device_info info;
			bool replaceable, replace;
		} registration;
		struct {
			char name[BROKER_NAME_MAX];
		} withdraw;
		struct {
			char name[BROKER_NAME_MAX];
			char type[BROKER_NAME_MAX]; /* empty: any */
			uint32_t device_id;
			bool wait;
			uint32_t timeout_ms;
		} open;
		struct {
			uint32_t open;
		} cancel;
		struct {
			uint64_t link, size;
		} grant, granted;
		struct {
			uint64_t link;
			char words[BROKER_WORDS_MAX];
		} link_down;
		struct {
			char after[BROKER_NAME_MAX];
			uint32_t limit;
			char name[BROKER_NAME_MAX];
		} list_devices;
		struct {
			uint64_t after;
			uint32_t limit;
			char name[BROKER_NAME_MAX];
		} list_links;
		struct {
			bool on;
			char name[BROKER_NAME_MAX];
		} watch;
		struct {
			uint64_t link;
		} view;
		struct broker_reply reply;
		struct {
			uint32_t parcel;
		} took;
		struct {
			uint64_t link;
			char name[BROKER_NAME_MAX];
			struct broker_peer peer;
		} incoming;
		struct {
			enum broker_event_kind kind;
			char name[BROKER_NAME_MAX];
			uint64_t link;
			char words[BROKER_WORDS_MAX];
			uint64_t count;
		} event;
	};
};

/*
 * Takes a packet apart: every text is printable and within its limit, every number within its own,
 * what the message lacks is 0. Returns: 0, and *ret_msg is the caller's to free; -EPROTO and *ret_why
 * (static text); -ENOMEM.
 */
int broker_parse(const void *bytes, size_t len, struct broker_msg *ret_msg, const char **ret_why);

/* Frees the lists of a parsed reply. */
void broker_msg_free(struct broker_msg *msg);

/* Returns: the bytes written; -EMSGSIZE. */
int broker_format(const struct broker_msg *msg, void *bytes, size_t size);

/* The name for people: "REGISTER". */
const char *broker_kind_name(enum broker_kind kind);

/*
 * A name: two parts or more of letters, digits, "_" and "-", none of which begins with a digit or
 * "-", with dots between them; 127 bytes at most. Returns: NULL, else what is wrong (static text).
 */
const char *broker_name_check(const char *name);

/* Copies text for people: cut off and cleaned. */
void broker_words(char ret_words[BROKER_WORDS_MAX], const char *text);

#endif
