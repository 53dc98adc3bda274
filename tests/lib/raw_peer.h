/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The control channel by hand: one end of a link that says exactly what a test wants, right or wrong. */
#ifndef TESTS_RAW_PEER_H
#define TESTS_RAW_PEER_H

#include <stddef.h>

#include "core/region.h"
#include "transport/shm/shm_wire.h"

/* ---- packets ---- */

/* A driver's connection to @path, a device's socket at it. The test fails if they cannot. */
int raw_connect(const char *path);
int raw_listen(const char *path);
int raw_accept(int listener);

/* Sends a packet with @n descriptors beside it; a peer that has hung up is no failure. */
void raw_send_bytes(int fd, const void *bytes, size_t len, const int *fds, unsigned n);
void raw_send(int fd, const struct wire_msg *msg, const int *fds, unsigned n);

/* Waits for a packet, 20 s at most. Returns: 1, with *ret_fd the descriptor beside it or -1; 0 for a hang-up. */
int raw_receive(int fd, struct wire_msg *ret_msg, int *ret_fd);

/* Expects a message of @kind without a descriptor. */
void raw_expect(int fd, enum wire_kind kind, struct wire_msg *ret_msg);

/* Expects a REFUSED whose words contain @words (NULL: whatever), then the hang-up. */
void raw_expect_refused(int fd, const char *words);

/* Expects the hang-up, whatever is said before it. */
void raw_expect_hang_up(int fd);

/* ---- a driver ---- */

struct raw_driver {
	int fd;
	uint32_t token;
	struct wire_msg offer;
	struct region_plan plan;
	struct region_map map;
	int region_fd;
	uint8_t *base; /* of the region, mapped */
	int kick_fd; /* the sending end, of the newest queue */
	int call_fd; /* the receiving end */
};

/* Each goes one step, as an honest driver would. */
void raw_hello(struct raw_driver *r, const char *path);
void raw_make_region(struct raw_driver *r);
void raw_attach(struct raw_driver *r);
void raw_negotiate(struct raw_driver *r); /* up to FEATURES_OK, with VERSION_1 alone */
void raw_negotiate_with(struct raw_driver *r, const struct vri_features *acked);
void raw_set_queue(struct raw_driver *r, unsigned queue);
void raw_run(struct raw_driver *r); /* DRIVER_OK */

/* From nothing to DRIVER_OK with one queue. */
void raw_start(struct raw_driver *r, const char *path);

/* One request with descriptors, and its reply in @msg. Returns: the reply's error; *ret_fd may be NULL. */
int raw_request(struct raw_driver *r, struct wire_msg *msg, const int *fds, unsigned n,
		int *ret_fd);
int raw_set_status(struct raw_driver *r, uint8_t status);

/* Closes whatever is open. */
void raw_close(struct raw_driver *r);

#endif
