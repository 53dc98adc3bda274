/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Gives a suite a device at the other end of a transport, so that the same suite runs over each.
 * The transport is the scheme of its addresses ("loop:", "unix:"): over loop: the device lives in
 * this process, otherwise in a server that is started for it, so that driver and device are two
 * programs.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include <vring-ipc/vring-ipc.h>

#include "leaks.h"
#include "tmpdir.h"

struct harness {
	struct tmpdir dir;
	struct leaks leaks;
	bool in_process;
	struct vri_device *dev; /* loop: */
	const char *address;
	pid_t server; /* otherwise */
	int server_in; /* it ends when this is closed */
};

/* What this run is of: VRI_TEST_TRANSPORT, "loop:" unless it is set, and VRI_TEST_RING ("split" or "packed"), left open
 * unless it is set. VRI_TEST_FEATURES names what the driver accepts ("plain", "indirect", "event-idx", "in-order");
 * everything unless it is set. */
const char *harness_transport(void);
enum vri_ring harness_ring(void);

/* Makes the folder for the test's files. */
void harness_begin(struct harness *h, const char *transport);

/* Makes a device as devices_make() and serves it. */
void harness_serve(struct harness *h, const char *kind, const char *options);

/* Opens a link to it. @opts may be NULL; its device and ring are filled in. */
struct vri_link *harness_link(struct harness *h, const struct vri_link_opts *opts);
/* The same for links that may fail. */
int harness_try_link(struct harness *h, const struct vri_link_opts *opts,
		     struct vri_link **ret_link);

/* Ends the device; the server has to end well. */
void harness_stop(struct harness *h);

/* As harness_stop(), and this process has to hold what it held before. Removes the folder. */
void harness_end(struct harness *h);

/* ---- helpers that suites share ---- */

/* Makes a file of @size bytes, all of them 0, in the folder. Returns: its path. */
const char *harness_file(struct harness *h, const char *name, off_t size);

/* A generator of random numbers whose seed is printed, and taken from VRI_TEST_SEED if that is set:
 * what was seen once can be seen again. */
struct dice {
	uint64_t state;
};
void dice_seed(struct dice *dice);
uint64_t dice_throw(struct dice *dice);
/* From 0 to @below - 1. */
uint64_t dice_below(struct dice *dice, uint64_t below);
void dice_fill(struct dice *dice, void *buf, size_t len);

#endif
