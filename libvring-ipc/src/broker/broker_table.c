/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Who may say what, when, with which descriptors. */
#include "broker/broker_table.h"

#define REQUEST(text)                                                       \
	{                                                                   \
		text, BROKER_CLIENT, BROKER_OPEN_STATE, BROKER_TOKEN_NEW, 0 \
	}

static const struct broker_row rows[BROKER_KINDS] = {
	[BROKER_HELLO] = { "HELLO", BROKER_CLIENT, BROKER_NEW, BROKER_TOKEN_NEW, 0 },
	[BROKER_REGISTER] = REQUEST("REGISTER"),
	[BROKER_WITHDRAW] = REQUEST("WITHDRAW"),
	[BROKER_OPEN] = REQUEST("OPEN"),
	[BROKER_CANCEL] = REQUEST("CANCEL"),
	[BROKER_GRANT] = REQUEST("GRANT"),
	[BROKER_LINK_DOWN] = REQUEST("LINK_DOWN"),
	[BROKER_LIST_DEVICES] = REQUEST("LIST_DEVICES"),
	[BROKER_LIST_LINKS] = REQUEST("LIST_LINKS"),
	[BROKER_WATCH] = REQUEST("WATCH"),
	[BROKER_VIEW] = REQUEST("VIEW"),
	[BROKER_STATS] = REQUEST("STATS"),
	[BROKER_REPLY] = { "REPLY", BROKER_DAEMON, BROKER_NEW | BROKER_OPEN_STATE,
			   BROKER_TOKEN_BACK, 2 },
	[BROKER_TOOK] = { "TOOK", BROKER_CLIENT, BROKER_OPEN_STATE, BROKER_TOKEN_NONE, 0 },
	[BROKER_INCOMING] = { "INCOMING", BROKER_DAEMON, BROKER_OPEN_STATE, BROKER_TOKEN_NONE, 2 },
	[BROKER_GRANTED] = { "GRANTED", BROKER_DAEMON, BROKER_OPEN_STATE, BROKER_TOKEN_NONE, 1 },
	[BROKER_EVENT] = { "EVENT", BROKER_DAEMON, BROKER_OPEN_STATE, BROKER_TOKEN_NONE, 0 },
};

const struct broker_row *broker_row(enum broker_kind kind)
{
	return kind > BROKER_UNKNOWN && kind < BROKER_KINDS ? &rows[kind] : NULL;
}

static const char *check_unknown(enum broker_state state, unsigned n_fds)
{
	if (state != BROKER_OPEN_STATE)
		return "a message that may not come now";
	return n_fds ? "descriptors beside a message that has none" : NULL;
}

const char *broker_table_check(const struct broker_msg *msg, enum broker_end sender,
			       enum broker_state state, unsigned n_fds)
{
	const struct broker_row *row = broker_row(msg->kind);

	if (!row)
		return check_unknown(state, n_fds);
	if (row->sender != sender)
		return "a message that only the other side may send";
	if (!(row->state & state))
		return "a message that may not come now";
	if ((msg->token != 0) != (row->token != BROKER_TOKEN_NONE))
		return "a token where none may be, or none where one has to be";
	if (n_fds > row->fds_max)
		return "more descriptors than belong to the message";
	if ((n_fds != 0) != (msg->parcel != 0))
		return "a parcel without descriptors, or descriptors without a parcel";
	return NULL;
}
