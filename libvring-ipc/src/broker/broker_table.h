/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The state table of the broker's protocol: one row for each message. docs/protocol.md prints it, both
 * ends obey it, and the tests are made from it.
 */
#ifndef BROKER_TABLE_H
#define BROKER_TABLE_H

#include "broker/broker_wire.h"

enum broker_end { BROKER_CLIENT = 1, BROKER_DAEMON = 2 };

/* Where a connection stands. */
enum broker_state {
	BROKER_NEW = 1 << 0, /* connected: HELLO and its REPLY */
	BROKER_OPEN_STATE = 1 << 1, /* everything else */
};

/* What stands in the token. */
enum broker_token {
	BROKER_TOKEN_NONE, /* 0 */
	BROKER_TOKEN_NEW, /* not 0: chosen by the sender */
	BROKER_TOKEN_BACK, /* that of a request */
};

struct broker_row {
	const char *name;
	enum broker_end sender;
	unsigned state; /* enum broker_state, or-ed: where it may come */
	enum broker_token token;
	unsigned fds_max; /* descriptors beside it; any at all only with a parcel number */
};

/* The row of @kind; NULL for BROKER_UNKNOWN. */
const struct broker_row *broker_row(enum broker_kind kind);

/*
 * Looks whether @msg with @n_fds descriptors may come from @sender in @state. Returns: NULL when it
 * may, else why not (static text). BROKER_UNKNOWN may come in BROKER_OPEN_STATE, without descriptors: a
 * request (with a token) is answered with "not supported", an event is ignored.
 */
const char *broker_table_check(const struct broker_msg *msg, enum broker_end sender,
			       enum broker_state state, unsigned n_fds);

#endif
