/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What hostile drivers and hostile devices have in common: packets, said right or wrong, and the whole region in both
 * hands. Nothing here checks the honest side; whatever goes wrong ends the hostile process, and that is all.
 */
#ifndef HOSTILE_RIG_H
#define HOSTILE_RIG_H

#include <stddef.h>

#include "mock_packed.h"
#include "roles.h"

#include "core/region.h"
#include "transport/shm/shm_wire.h"

#define RIG_PIPE_BYTES 4096

struct rig {
	const struct role *role;
	struct board *board;
	struct mock_random random;

	int fd;
	uint32_t token;
	bool is_over; /* the honest side hung up */
	uint8_t status; /* as it said last */
	bool needs_reset; /* it said so */
	bool rewrites; /* a thread does, for ever */
	struct wire_msg offer;
	enum notifier_kind notifier;

	bool packed;
	struct vri_features features; /* acknowledged */
	struct region_plan plan;
	struct region_map map;
	struct region_queue_areas areas;
	int region_fd;
	uint8_t *base;
	int send_fd, receive_fd; /* of the newest queue */

	/* The queue, for who writes it directly. p.ring is the split one. */
	struct mock_packed p;
};

void rig_init(struct rig *r, const struct role *role);
void rig_close(struct rig *r);

/* From the seed: below @limit; or true once in @n times. */
static inline uint32_t rig_below(struct rig *r, uint32_t limit)
{
	return mock_random_below(&r->random, limit);
}

static inline bool rig_once_in(struct rig *r, uint32_t n)
{
	return rig_below(r, n) == 0;
}

/* ---- packets ---- none of them blocks for long ---- */

void rig_send_bytes(struct rig *r, const void *bytes, size_t len, const int *fds, unsigned n);
void rig_send(struct rig *r, const struct wire_msg *msg, const int *fds, unsigned n);

/* Returns: 1 and *ret_fd the descriptor beside it or -1; 0 when nothing came; -1 when the link is over. */
int rig_receive(struct rig *r, struct wire_msg *ret_msg, int *ret_fd, int timeout_ms);

/* Reads and forgets what comes within @ms, up to a hang-up. */
void rig_drain(struct rig *r, unsigned ms);

/* ---- the queue ---- */

/* Points the raw queue at the region. @size: of the queue. */
void rig_map_queue(struct rig *r, unsigned size);

/* Makes a notifier: the sending end becomes the rig's. Returns: the receiving end. */
int rig_make_notifier(struct rig *r);
void rig_notify(struct rig *r);

/* ---- wild ---- */

/* Writes something that does not belong there, somewhere in the region. */
void rig_scribble(struct rig *r);

/* A descriptor with values of which some make sense. */
struct vring_desc rig_random_desc(struct rig *r);

/* Has another thread rewrite descriptors, indices and payload as fast as it can, until this process ends. */
void rig_rewrite_for_ever(struct rig *r);

/* Says anything: a message of the protocol or garbage, with descriptors or without. */
void rig_babble(struct rig *r);

/* Misuses the notifiers: storms, fills, takes O_NONBLOCK off, closes. */
void rig_misuse_notifiers(struct rig *r);

/* Takes pages out of the region. */
void rig_punch_hole(struct rig *r);

void rig_sleep_ms(unsigned ms);

#endif
