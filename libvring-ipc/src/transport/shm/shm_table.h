/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The state table of the control channel: one row for each message. docs/protocol.md prints it, both
 * ends obey it, and the tests are made from it.
 */
#ifndef SHM_TABLE_H
#define SHM_TABLE_H

#include "shm_wire.h"

/* Where a link stands. Both ends are in the same state but for the message that is on its way. */
enum shm_state {
	SHM_NEW = 1 << 0, /* connected: HELLO, then OFFER */
	SHM_OFFERED = 1 << 1, /* ATTACH, then ATTACHED */
	SHM_ATTACHED = 1 << 2, /* requests, replies and events */
};

enum shm_end { SHM_DRIVER = 1, SHM_DEVICE = 2 };

/* What stands in the token. */
enum shm_token {
	SHM_TOKEN_NONE, /* 0 */
	SHM_TOKEN_NEW, /* not 0: chosen by the sender */
	SHM_TOKEN_BACK, /* that of the request */
};

struct shm_row {
	const char *name; /* as the protocol's description writes it */
	enum shm_end sender;
	unsigned state; /* enum shm_state, or-ed: where it may come */
	enum shm_token token;
	unsigned fds_min, fds_max; /* descriptors beside it */
	enum wire_kind
		answer; /* what the other end answers when all is well; WIRE_UNKNOWN: nothing */
};

/* The row of @kind; NULL for WIRE_UNKNOWN. */
const struct shm_row *shm_row(enum wire_kind kind);

/*
 * Looks whether @msg with @n_fds descriptors may come from @sender in @state.
 * Returns: NULL when it may, else why not (static text). WIRE_UNKNOWN may come in SHM_ATTACHED,
 * without descriptors: a request (with a token) is answered with "not supported", an event is
 * ignored.
 */
const char *shm_table_check(const struct wire_msg *msg, enum shm_end sender, enum shm_state state,
			    unsigned n_fds);

#endif
