/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the tests that walk through the state table of the control channel share: what the table says of a message, how
 * often each of its cells was visited, chance, and how anything is said.
 */
#ifndef TESTS_CHANNEL_MODEL_H
#define TESTS_CHANNEL_MODEL_H

#include <time.h>

#include "transport/shm/shm_table.h"

#define STATES 3
#define FDS_MAX 2 /* one more than any message may have */

/* In the order in which a link goes through them. */
extern const enum shm_state states[STATES];

/* What must come of a message. */
enum verdict {
	OVER, /* the link ends */
	IGNORED,
	UNKNOWN_REQUEST, /* a reply that says so */
	TAKEN, /* and answered as the row says */
};

/* What the table says of @msg with @fds descriptors, from @sender in states[@state]. */
enum verdict judge(enum shm_end sender, unsigned state, const struct wire_msg *msg, unsigned fds);

/* Counts a message; and fails the test if one was never said, in one of the states, with one of the numbers of
 * descriptors, with or without a token. */
void visit(unsigned state, const struct wire_msg *msg, unsigned fds);
void every_cell_was_visited(void);

/* Says @msg; one of kind WIRE_UNKNOWN as a later version would. */
void say(int fd, const struct wire_msg *msg, const int *fds, unsigned n);

/* Begins by VRI_TEST_SEED or a seed of its own, which is printed; then a number below @below. */
void draw_begin(void);
unsigned draw(unsigned below);

/* VRI_TEST_SECONDS from now, or three. */
time_t end_of_run(void);

#endif
