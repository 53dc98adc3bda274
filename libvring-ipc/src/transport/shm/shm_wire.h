/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The control channel's messages as plain structs, and the way from and to the bytes of a packet.
 * Pure: no descriptor, no socket, no state. The generated protobuf types end in shm_wire.c.
 */
#ifndef SHM_WIRE_H
#define SHM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "core/transport.h"
#include "util/notifier.h"

#define WIRE_VERSION 1
#define WIRE_PACKET_MAX 65536 /* bytes in one packet */
#define WIRE_WORDS_MAX 128 /* bytes in a text for people, the final 0 included */
#define WIRE_UNPACK_MAX (1u << 20) /* bytes that taking one packet apart may allocate in all */
#define WIRE_FEATURE_WORDS_MAX 16 /* 64-bit words in a feature set */

enum wire_kind {
	WIRE_UNKNOWN = 0, /* a body that this version does not know, or none */
	WIRE_HELLO,
	WIRE_OFFER,
	WIRE_ATTACH,
	WIRE_ATTACHED,
	WIRE_REFUSED,
	WIRE_REPLY,
	WIRE_GET_STATUS,
	WIRE_SET_STATUS,
	WIRE_GET_FEATURES,
	WIRE_SET_FEATURES,
	WIRE_GET_CONFIG,
	WIRE_SET_CONFIG,
	WIRE_SET_QUEUE,
	WIRE_RESET_QUEUE,
	WIRE_ADD_MEMORY,
	WIRE_REMOVE_MEMORY,
	WIRE_GET_SHARED_MEMORY,
	WIRE_CONFIG_CHANGED,
	WIRE_NEEDS_RESET,
	WIRE_KINDS,
};

struct wire_features {
	struct vri_features set;
	bool beyond; /* a bit that does not fit into the set was there */
};

struct wire_msg {
	enum wire_kind kind;
	uint32_t token;
	union {
		struct {
			uint32_t version_min, version_max;
			enum notifier_kind notifier; /* 0: the device may choose */
			uint64_t flags;
		} hello;
		struct {
			uint32_t version;
			enum notifier_kind notifier;
			uint64_t flags;
			struct offer offer; /* sizes and texts are within their limits; see
					       vri__offer_check() */
		} offer;
		struct {
			uint8_t link_id[16];
			uint64_t region_size;
			enum notifier_kind notifier;
		} attach;
		struct {
			int error; /* negative */
			char words[WIRE_WORDS_MAX];
		} refused;
		struct {
			int error; /* 0 or negative */
			char words[WIRE_WORDS_MAX];
			uint8_t status;
			struct wire_features features;
			uint32_t generation;
			uint32_t data_len;
			uint8_t data[VRI_CONFIG_MAX];
			struct vri_shared_memory shared; /* size 0: none */
		} reply;
		struct {
			uint8_t status;
		} set_status;
		struct {
			struct wire_features features;
		} set_features;
		struct {
			uint32_t offset, len;
		} get_config;
		struct {
			uint32_t generation, offset, data_len;
			uint8_t data[VRI_CONFIG_MAX];
		} set_config;
		struct queue_params set_queue;
		struct {
			uint32_t index;
		} reset_queue;
		struct {
			uint64_t iova, size, fd_offset;
			unsigned access; /* enum vri_access */
		} add_memory;
		struct {
			uint64_t iova;
		} remove_memory;
		struct {
			uint8_t id;
		} get_shared_memory;
		struct {
			uint32_t generation;
		} config_changed;
		struct {
			char words[WIRE_WORDS_MAX];
		} needs_reset;
	};
};

/*
 * Takes a packet apart. Every field is checked: enumerations, text lengths, that texts are
 * printable ASCII, sizes. A body that is not known gives WIRE_UNKNOWN.
 * Returns: 0; -EPROTO, and *ret_why (static text) says what is wrong. Allocates at most
 * WIRE_UNPACK_MAX bytes on the way, whatever the packet claims, and keeps none.
 */
int wire_parse(const void *bytes, size_t len, struct wire_msg *ret_msg, const char **ret_why);

/* Puts a message into @size bytes at @bytes. Returns: the packet's length; -EMSGSIZE. Allocates
 * nothing. */
int wire_format(const struct wire_msg *msg, void *bytes, size_t size);

/* Copies @text into a field for words: cut to its size, what is not printable ASCII replaced by
 * '?'. NULL is "". */
void wire_words(char ret_words[WIRE_WORDS_MAX], const char *text);

#endif
