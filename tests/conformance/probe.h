/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A device that shows its driver what happens to it: it answers in its own time, counts what it
 * answered, and changes its config space when it is told to.
 *
 * Options: queues= qsize= merge=1 (config writes are merged) wide=1 (offers features
 * beyond bit 63: PROBE_F_...)
 */
#ifndef CONFORMANCE_PROBE_H
#define CONFORMANCE_PROBE_H

#include <stdint.h>

#include <vring-ipc/spec.h>

#define PROBE_TYPE "org.example.probe"
#define PROBE_ID (VRI_ID_LOCAL_FIRST + 0x77)

/* All little-endian. A request is one of these, readable, then room for an answer. */
enum probe_op {
	PROBE_NOW = 0, /* answered at once */
	PROBE_LATER = 1, /* taken, and answered some time after that, out of order with others */
	PROBE_LEVEL = 2, /* answered at once, and the level is @arg from then on */
	PROBE_WEIGHT = 3, /* the same with the weight */
};

struct probe_request {
	uint32_t op;
	uint32_t arg;
	uint64_t seq;
};

struct probe_answer {
	uint64_t seq; /* of the request */
	uint64_t nth; /* answer of this device to this driver, from 1 */
};

/* The device changes the level and the weight; the driver may write the weight and the limit, as a
 * whole. */
struct probe_config {
	uint32_t level;
	uint32_t weight;
	uint64_t limit;
};

/* Features of the type, with wide=1. GEARS does not work without BRAKES. */
#define PROBE_F_LIGHTS 64
#define PROBE_F_GEARS 90
#define PROBE_F_BRAKES 127

#endif
