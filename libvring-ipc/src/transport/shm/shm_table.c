/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rows of the control channel's state table. */
#include "shm_table.h"

#define DRIVER(name, state, token, fds, answer)                  \
	{                                                        \
		name, SHM_DRIVER, state, token, fds, fds, answer \
	}
#define REQUEST(name, fds) DRIVER(name, SHM_ATTACHED, SHM_TOKEN_NEW, fds, WIRE_REPLY)
#define DEVICE(name, state, token, fds_max)                              \
	{                                                                \
		name, SHM_DEVICE, state, token, 0, fds_max, WIRE_UNKNOWN \
	}

static const struct shm_row rows[WIRE_KINDS] = {
	[WIRE_HELLO] = DRIVER("HELLO", SHM_NEW, SHM_TOKEN_NONE, 0, WIRE_OFFER),
	[WIRE_OFFER] = DEVICE("OFFER", SHM_NEW, SHM_TOKEN_NONE, 0),
	[WIRE_ATTACH] = DRIVER("ATTACH", SHM_OFFERED, SHM_TOKEN_NONE, 1, WIRE_ATTACHED),
	[WIRE_ATTACHED] = DEVICE("ATTACHED", SHM_OFFERED, SHM_TOKEN_NONE, 0),
	/* The end of a link in words: it may come at any time. */
	[WIRE_REFUSED] = DEVICE("REFUSED", SHM_NEW | SHM_OFFERED | SHM_ATTACHED, SHM_TOKEN_NONE, 0),
	[WIRE_REPLY] = DEVICE("REPLY", SHM_ATTACHED, SHM_TOKEN_BACK, 1),
	[WIRE_GET_STATUS] = REQUEST("GET_STATUS", 0),
	[WIRE_SET_STATUS] = REQUEST("SET_STATUS", 0),
	[WIRE_GET_FEATURES] = REQUEST("GET_FEATURES", 0),
	[WIRE_SET_FEATURES] = REQUEST("SET_FEATURES", 0),
	[WIRE_GET_CONFIG] = REQUEST("GET_CONFIG", 0),
	[WIRE_SET_CONFIG] = REQUEST("SET_CONFIG", 0),
	[WIRE_SET_QUEUE] = REQUEST("SET_QUEUE", 1),
	[WIRE_RESET_QUEUE] = REQUEST("RESET_QUEUE", 0),
	[WIRE_ADD_MEMORY] = REQUEST("ADD_MEMORY", 1),
	[WIRE_REMOVE_MEMORY] = REQUEST("REMOVE_MEMORY", 0),
	[WIRE_GET_SHARED_MEMORY] = REQUEST("GET_SHARED_MEMORY", 0),
	[WIRE_CONFIG_CHANGED] = DEVICE("CONFIG_CHANGED", SHM_ATTACHED, SHM_TOKEN_NONE, 0),
	[WIRE_NEEDS_RESET] = DEVICE("NEEDS_RESET", SHM_ATTACHED, SHM_TOKEN_NONE, 0),
};

const struct shm_row *shm_row(enum wire_kind kind)
{
	return kind > WIRE_UNKNOWN && kind < WIRE_KINDS ? &rows[kind] : NULL;
}

const char *shm_table_check(const struct wire_msg *msg, enum shm_end sender, enum shm_state state,
			    unsigned n_fds)
{
	const struct shm_row *row = shm_row(msg->kind);

	if (!row) {
		if (state != SHM_ATTACHED)
			return "an unknown message during the set-up";
		return n_fds ? "an unknown message with descriptors" : NULL;
	}
	if (row->sender != sender)
		return "a message that is not the sender's to send";
	if (!(row->state & state))
		return "a message out of order";
	if (n_fds < row->fds_min)
		return "a message without its descriptor";
	if (n_fds > row->fds_max)
		return "a message with a descriptor too many";
	if ((row->token == SHM_TOKEN_NONE) != (msg->token == 0))
		return "a token where none belongs, or none where one does";
	return NULL;
}
