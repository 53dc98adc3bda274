/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The back end of the block device: a file, and an engine that does I/O on it.
 *
 * A job (struct blk_job) is what one request needs; it takes one or more system calls (struct
 * blk_call): short reads and writes are continued, ranges are done one after the other, a way to
 * write zeros that the file does not know is replaced by the next. Which call comes next is decided
 * here, without doing any (blk_job_call(), blk_job_result()); an engine does the calls:
 *
 *	engine.submit(job) -> for each: blk_job_call(), the call, blk_job_result() -> job.done(job)
 */
#ifndef DEVICES_BLK_FILE_H
#define DEVICES_BLK_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vring-ipc/devices/blk.h>

#include "devices/blk/blk_req.h"

/* ---- the file ---- */

struct blk_file {
	int fd;
	uint64_t capacity; /* bytes: whole blocks */
	uint32_t block_size;
	uint32_t physical_block_size;
	uint32_t optimal_io_size; /* 0: not known */
	bool read_only;
	bool can_punch; /* holes can be made */
};

/* Opens @path and finds out what it can do. Returns: 0; as vri_blk_device_new(). */
int blk_file_open(struct blk_file *file, const char *path, uint32_t block_size, bool read_only);
void blk_file_close(struct blk_file *file);

/* ---- jobs ---- */

#define BLK_ZERO_PIECE (64u * 1024) /* bytes of zeros that one iovec names */
#define BLK_ZERO_PIECES 16

/* One system call. */
struct blk_call {
	enum { BLK_CALL_READV, BLK_CALL_WRITEV, BLK_CALL_FDATASYNC, BLK_CALL_FALLOCATE } kind;
	const struct iovec *iov;
	unsigned n_iov;
	uint64_t offset;
	uint64_t len; /* of the range to fallocate() */
	int flags; /* RWF_..., or the mode of fallocate() */
};

/* How zeros get into a range, tried in this order as far as the request and the file allow. */
enum blk_zero_way { BLK_ZERO_PUNCH, BLK_ZERO_RANGE, BLK_ZERO_WRITE };

struct blk_job {
	enum blk_req_op op; /* all but BLK_REQ_GET_ID */
	struct blk_run run; /* of reads and writes; used up piece by piece */
	uint64_t offset;
	const struct blk_range *ranges; /* kept */
	unsigned n_ranges;
	bool durable; /* writes and zeros are on the disk when the job is done */
	void (*done)(struct blk_job *job);

	/* the answer */
	int error; /* 0 or a negative errno */
	uint64_t bytes; /* read or written */

	/* private */
	unsigned range;
	uint64_t range_done;
	enum blk_zero_way way;
	bool needs_sync;
	struct iovec zeros[BLK_ZERO_PIECES];
	struct blk_job *next;
};

/* Readies a job whose public members are set. Returns: true when there is something to do; false
 * when it is done already (nothing to read, say). */
bool blk_job_start(struct blk_job *job, const struct blk_file *file);
/* What to call next. */
void blk_job_call(struct blk_job *job, struct blk_call *ret_call);
/* Takes the result of that call: a count, 0 or a negative errno. Returns: true when there is more
 * to do. */
bool blk_job_result(struct blk_job *job, const struct blk_file *file, int result);

/* ---- engines ---- */

struct blk_engine;

struct blk_engine_ops {
	enum vri_blk_io io;
	/* Takes a job that was started. May call job->done() before it returns. */
	void (*submit)(struct blk_engine *engine, struct blk_job *job);
	/* Hands to the kernel what was submitted, and calls done() for what has ended. Never
	 * blocks. */
	void (*run)(struct blk_engine *engine);
	/* Becomes readable when jobs end; -1: none. event() is run() for when it is. */
	int (*fd)(const struct blk_engine *engine);
	void (*event)(struct blk_engine *engine);
	/* Waits for the jobs that are under way, calls done() for them, frees. */
	void (*free)(struct blk_engine *engine);
};

/* The first member of each engine. */
struct blk_engine {
	const struct blk_engine_ops *ops;
	const struct blk_file *file; /* kept */
};

/* Returns: 0; a negative errno, -ENOSYS or -EPERM where there is no io_uring. */
int blk_uring_new(const struct blk_file *file, struct blk_engine **ret_engine);
int blk_sync_new(const struct blk_file *file, struct blk_engine **ret_engine);

/* As asked for; VRI_BLK_IO_AUTO falls back. */
int blk_engine_new(const struct blk_file *file, enum vri_blk_io io, struct blk_engine **ret_engine);

#endif
