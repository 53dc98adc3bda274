/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device for tests of what carries devices: it copies what it is given, counts what happens to it, and does as it is
 * told otherwise. */
#ifndef TESTS_TOY_DEVICE_H
#define TESTS_TOY_DEVICE_H

#include <vring-ipc/device.h>

#define TOY_TYPE "org.example.toy"
#define TOY_ID (VRI_ID_LOCAL_FIRST + 7)
#define TOY_CONFIG_SIZE 64
#define TOY_WRITABLE_FIRST 16 /* the driver may write the config bytes from here ... */
#define TOY_WRITABLE_END 32 /* ... up to here */
#define TOY_HELD_MAX 64

struct toy {
	/* what the ops answer; 0 is yes */
	int attach_result, check_result, start_result, process_result, written_result;
	int suspend_result, resume_result, conflict_result;
	bool still_running; /* is_stopped says no */
	bool still_busy; /* is_suspended says no */
	bool hold; /* keep chains instead of completing them */
	unsigned one_a_turn; /* process one chain a turn */
	bool comes_free; /* what the op waits for is there again before the op returns */

	/* what happened */
	unsigned attached, detached, started, stopped, processed, copied, checked, written,
		released, events, suspended, resumed, conflicts;
	struct vri_features acked; /* as the last check_features saw them */
	uint32_t written_offset, written_len;
	int last_push; /* what the last vri_devq_push() returned */

	struct vri_instance *inst; /* the newest */
	struct vri_chain held[TOY_HELD_MAX];
	struct iovec held_iov[TOY_HELD_MAX][16];
	unsigned held_queue[TOY_HELD_MAX];
	unsigned n_held;
};

/* Makes the device; @info may be NULL, and its zero members get the toy's defaults: one queue, a config space whose
 * byte n is n. @toy must live as long as the device. */
struct vri_device *toy_device_new(struct toy *toy, const struct vri_device_info *info);

/* Completes what was held, in the given order of the array. */
void toy_complete_held(struct toy *toy);

/* The ops, for a test that changes some. */
extern const struct vri_device_ops toy_ops;

#endif
