/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile drivers: the steps of a link, and the table of rules that they break by name. */
#ifndef HOSTILE_BAD_DRIVER_H
#define HOSTILE_BAD_DRIVER_H

#include "rig.h"

#define DRIVER_QUEUE_SIZE 8 /* of a named rule, small: all of it can be held */
#define DRIVER_TABLE_MAX 16
#define DRIVER_POOL (256u << 10)

/* How far a link goes before a rule is broken. */
enum step {
	STEP_CONNECTED,
	STEP_OFFERED,
	STEP_ATTACHED,
	STEP_DRIVER, /* the status has DRIVER */
	STEP_FEATURES_OK,
	STEP_RUNNING,
};

/* What the honest side has to say to it. */
enum answer {
	ANSWER_RULE, /* the queue breaks by .rule */
	ANSWER_WORDS, /* .words are told to the hostile side, or stand in the honest side's log */
	ANSWER_NOTHING, /* all goes on, the hostile link included */
	ANSWER_GONE, /* the link ends, and .words stand in the log */
};

struct bad_move {
	const char *name;
	unsigned formats; /* MOVE_SPLIT, MOVE_PACKED */
	enum answer answer;
	enum vri_rule rule;
	const char *words;
	enum step step;
	void (*act)(struct rig *r);
	uint64_t refuses; /* a feature bit's mask that is not acknowledged */
	unsigned queue_size; /* 0: the usual */
	unsigned pool_size; /* 0: the usual */
	bool pipe; /* over pipes */
};

#define MOVE_SPLIT 1u
#define MOVE_PACKED 2u
#define MOVE_BOTH (MOVE_SPLIT | MOVE_PACKED)

/* The rules that drivers break, one after the other. Returns: NULL behind the last. */
const struct bad_move *bad_driver_move(unsigned i);

/* ---- steps, as an honest driver makes them ---- each returns false when the device did not go along ---- */

bool driver_connect(struct rig *r, bool pipe);
bool driver_hello(struct rig *r);
bool driver_make_region(struct rig *r, unsigned queue_size, unsigned pool_size);
bool driver_attach(struct rig *r);
bool driver_set_status(struct rig *r, uint8_t status);
bool driver_negotiate(struct rig *r, uint64_t refuses); /* up to FEATURES_OK */
bool driver_set_queue(struct rig *r, unsigned size);
bool driver_run(struct rig *r);
bool driver_suspend(struct rig *r);
bool driver_resume(struct rig *r);
bool driver_go(struct rig *r, enum step step, const struct bad_move *move);

/* A request and its reply: 0, the error in it, -ECONNRESET or -ETIMEDOUT. */
int driver_request(struct rig *r, struct wire_msg *msg, const int *fds, unsigned n, int *ret_fd);

/* ---- the queue ---- */

/* Makes a chain of @n pieces available under @id (split: in the descriptors from @id on) and kicks. */
void driver_offer(struct rig *r, const struct mock_piece *pieces, unsigned n, unsigned id);

/* A chain that the device holds, or answers at once; one descriptor. */
void driver_offer_simple(struct rig *r, unsigned id, bool hold);

/* Sends some bytes and waits until they have come back. */
bool driver_echo(struct rig *r);

uint64_t driver_pool(const struct rig *r, uint64_t offset);

/* The tables of moves. */
extern const struct bad_move driver_ring_moves[], driver_set_up_moves[], driver_harmless_moves[];
extern const unsigned n_driver_ring_moves, n_driver_set_up_moves, n_driver_harmless_moves;

#endif
