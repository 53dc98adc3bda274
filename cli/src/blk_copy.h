/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Moves bytes between a block device and a file or stream, with many requests in flight. */
#ifndef CLI_BLK_COPY_H
#define CLI_BLK_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <vring-ipc/devices/blk.h>

#include "drive.h"
#include "progress.h"

/* Data pieces of one request: with the header and the status they fill one indirect table of the
 * library's default length. */
#define COPY_PIECES_MAX 30

#define COPY_TO_THE_END UINT64_MAX

enum copy_step {
	COPY_MOVE, /* the request that moves the bytes */
	COPY_CHECK, /* the read that proves they arrived */
};

enum copy_state {
	COPY_FREE,
	COPY_READY, /* to be sent */
	COPY_LENT, /* the device has it */
	COPY_HELD, /* read, and waiting for its turn on the stream */
};

/* One request and its buffer. */
struct copy_slot {
	uint64_t number; /* of the request, counted by its queue */
	void *buf; /* of the link's pool, request_size bytes */
	void *mine; /* private, as large, to compare with; NULL without verify */
	uint64_t at; /* where it begins in the range that is copied */
	uint32_t want; /* bytes that count */
	uint32_t len; /* the same in whole sectors */
	unsigned queue;
	enum copy_step step;
	enum copy_state state;
};

struct copy_queue {
	uint64_t sent; /* requests */
	uint64_t newest_done; /* the highest number that came back */
	bool staged; /* something is to be kicked */
};

/* What happened, for the summary. */
struct copy_stats {
	uint64_t bytes; /* moved, and verified where that was asked for */
	uint64_t requests; /* answered by the device */
	uint64_t out_of_order; /* answered after a newer request of the same queue */
	unsigned max_in_flight; /* over all queues */
	double seconds;
};

struct copy {
	/* what to do; set by the caller */
	struct drive *drive;
	struct vri_blk *blk;
	struct vri_blk_info info;
	struct progress *progress;
	const char *name; /* of the file, for messages */
	int fd;
	bool to_device;
	bool stream; /* fd is read or written in order, else at offsets */
	bool verify;
	uint64_t offset; /* on the device, a multiple of VRI_BLK_SECTOR */
	uint64_t length; /* COPY_TO_THE_END: until the stream ends */
	uint32_t
		request_size; /* a multiple of VRI_BLK_SECTOR; made smaller where the device wants */

	/* what came of it */
	struct copy_stats stats;
	bool explained; /* a message about the failure was printed */

	/* the engine's own */
	struct copy_slot *slots;
	unsigned n_slots;
	struct copy_queue *queues;
	uint32_t piece_size; /* bytes in one data piece */
	uint64_t next; /* bytes that were given to slots */
	uint64_t delivered; /* bytes that went to the stream */
	unsigned in_flight;
	struct copy_slot *filling; /* from a stream, so far: */
	uint32_t filled;
	bool wants_input; /* a slot is free and the stream had nothing */
	unsigned char tail[VRI_BLK_SECTOR]; /* the bytes behind the last whole sector */
	unsigned tail_len;
};

/*
 * Copies, with as many requests in flight as the queues take. Where the length is no multiple of a
 * sector, what follows in the last sector of the device stays as it was.
 * Returns: 0; -EINTR when somebody wants an end; what went wrong. copy.stats is true in any case.
 */
int copy_run(struct copy *c);

/* ---- the two ends, blk_ends.c ---- */

/* Fills the slot from the file or stream. Returns: 1; 0 when the stream has nothing now; a negative
 * errno. A stream that ends, or the last sector's part, is taken note of in the copy. */
int copy_fill(struct copy *c, struct copy_slot *slot);

/* Takes care of what the device has answered well. Returns: 0 or a negative errno; the slot's state
 * says what is next. */
int copy_done(struct copy *c, struct copy_slot *slot);

/* Writes to the stream what is next in turn. Returns: 0; -EINTR; a negative errno. */
int copy_deliver(struct copy *c);

/* Prints what is wrong with the file. Returns: @error. */
int copy_file_error(struct copy *c, int error);

/* ---- one request at a time, blk_request.c ---- */

/* Sends what is staged on queue 0 and waits for its answer. Returns: the result; -EINTR. */
int blk_await(struct drive *d, struct vri_blk *blk, struct progress *progress, uint64_t done);

/* Writes the tail of the copy into the last sector, whose rest stays as it was. Returns: as
 * copy_run(). */
int copy_write_tail(struct copy *c);

#endif
