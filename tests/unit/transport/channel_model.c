/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the state table of the control channel says, for the tests that walk through it. */
#include "channel_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock_ring.h"
#include "raw_peer.h"
#include "test.h"

const enum shm_state states[STATES] = { SHM_NEW, SHM_OFFERED, SHM_ATTACHED };
static const char *const state_names[STATES] = { "NEW", "OFFERED", "ATTACHED" };

static struct mock_random random_state;

void draw_begin(void)
{
	random_state = mock_random_seeded();
}

unsigned draw(unsigned below)
{
	return mock_random_below(&random_state, below);
}

time_t end_of_run(void)
{
	const char *given = getenv("VRI_TEST_SECONDS");

	return time(NULL) + (given ? atoi(given) : 3);
}

/* How often each message was said in each state, with so many descriptors, with a token or without. */
static unsigned visits[STATES][WIRE_KINDS][FDS_MAX + 1][2];

void visit(unsigned state, const struct wire_msg *msg, unsigned fds)
{
	visits[state][msg->kind][fds][msg->token != 0]++;
}

void every_cell_was_visited(void)
{
	unsigned cells = 0;

	for (unsigned s = 0; s < STATES; s++)
		for (unsigned kind = 0; kind < WIRE_KINDS; kind++)
			for (unsigned fds = 0; fds <= FDS_MAX; fds++)
				for (unsigned token = 0; token < 2; token++, cells++)
					if (visits[s][kind][fds][token] == 0)
						t_fail("message %u was never said in %s with %u descriptors, token %u",
						       kind, state_names[s], fds, token);
	printf("all of %u cells visited\n", cells);
}

/* ---- what the table says ---- */

enum verdict judge(enum shm_end sender, unsigned state, const struct wire_msg *msg, unsigned fds)
{
	const struct shm_row *row = shm_row(msg->kind);

	if (!row) {
		if (states[state] != SHM_ATTACHED || fds)
			return OVER;
		return msg->token ? UNKNOWN_REQUEST : IGNORED;
	}
	if (row->sender != sender || !(row->state & states[state]) || fds < row->fds_min ||
	    fds > row->fds_max || (msg->token != 0) != (row->token != SHM_TOKEN_NONE))
		return OVER;
	return TAKEN;
}

/* ---- saying anything ---- */

/* A message of a later version: field 900, and the token if there is one. */
static void send_unknown(int fd, uint32_t token, const int *fds, unsigned n)
{
	uint8_t bytes[16];
	size_t len = 0;

	if (token) {
		bytes[len++] = 0x08;
		for (; token > 127; token >>= 7)
			bytes[len++] = (uint8_t)(token | 0x80);
		bytes[len++] = (uint8_t)token;
	}
	memcpy(bytes + len, "\242\070\001x", 4);
	raw_send_bytes(fd, bytes, len + 4, fds, n);
}

void say(int fd, const struct wire_msg *msg, const int *fds, unsigned n)
{
	if (msg->kind == WIRE_UNKNOWN)
		send_unknown(fd, msg->token, fds, n);
	else
		raw_send(fd, msg, fds, n);
}
