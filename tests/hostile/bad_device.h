/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile devices: a device that answers honestly, and the table of rules that it breaks by name. */
#ifndef HOSTILE_BAD_DEVICE_H
#define HOSTILE_BAD_DEVICE_H

#include "rig.h"

/* When a move is made. */
enum moment {
	MOMENT_HELLO, /* instead of the OFFER */
	MOMENT_OFFER, /* with the OFFER in hand, before it is sent */
	MOMENT_ATTACH, /* instead of ATTACHED */
	MOMENT_REQUEST, /* instead of the reply to .request */
	MOMENT_REPLY, /* with the reply to .request in hand */
	MOMENT_CHAIN, /* instead of using the available chain */
	MOMENT_RUNNING, /* once, when some chains were used */
};

enum device_answer {
	DEVICE_RULE, /* the driver's queue breaks by .rule */
	DEVICE_WORDS, /* .words stand in the driver's log */
	DEVICE_NOTHING, /* the driver goes on as if nothing were; when .act has returned all is well */
};

/* An available chain, as the hostile device found it. */
struct found {
	unsigned id;
	unsigned n; /* descriptors that it takes in a packed ring */
	uint32_t readable, writable;
	bool is_direct_list; /* of several descriptors */
	uint64_t first_readable, first_writable; /* iovas, 0: none */
	unsigned next; /* split: what follows the head in such a list */
};

struct device_move {
	const char *name;
	unsigned formats; /* MOVE_SPLIT, MOVE_PACKED */
	enum device_answer answer;
	enum vri_rule rule;
	const char *words;
	enum moment moment;
	enum wire_kind request;
	/* What is done. For MOMENT_OFFER and MOMENT_REPLY @msg is what will be sent, and *fd goes with it; a false return
	 * sends nothing. For MOMENT_CHAIN, whether the chain was dealt with. */
	bool (*act)(struct rig *r, struct wire_msg *msg, int *fd);
	bool (*on_chain)(struct rig *r, const struct found *found);
	bool in_order; /* IN_ORDER is offered; else it is not */
};

#define MOVE_SPLIT 1u
#define MOVE_PACKED 2u
#define MOVE_BOTH (MOVE_SPLIT | MOVE_PACKED)

const struct device_move *bad_device_move(unsigned i);

/* Uses a chain with any id and length. */
void device_use(struct rig *r, unsigned id, uint32_t len, unsigned n);

extern const struct device_move device_moves[];
extern const unsigned n_device_moves;

#endif
