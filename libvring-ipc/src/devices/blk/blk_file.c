/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The file behind a block device, and what its jobs need done: which system call comes next. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/blk/blk_file.h"

/* ---- the file ---- */

/* A file that may not be written is served read-only; one that may not be read is an error. */
static int open_either(const char *path, bool *read_only)
{
	int fd = -1;

	/* O_NONBLOCK: a FIFO or a tape at @path must not hang the program that serves it. */
	if (!*read_only)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (*read_only || errno == EACCES || errno == EROFS || errno == EPERM ||
		       errno == ETXTBSY)) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		*read_only = true;
	}
	if (fd < 0)
		return -errno;
	/* io_uring would take the flag for "fail rather than wait". */
	if (fcntl(fd, F_SETFL, 0) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int device_size(int fd, struct blk_file *file, uint64_t *ret_size)
{
	unsigned physical = 0, optimal = 0;
	int writable_not = 0;

	if (ioctl(fd, BLKGETSIZE64, ret_size) < 0)
		return -errno;
	if (ioctl(fd, BLKROGET, &writable_not) == 0 && writable_not)
		file->read_only = true;
	if (ioctl(fd, BLKPBSZGET, &physical) == 0)
		file->physical_block_size = physical;
	if (ioctl(fd, BLKIOOPT, &optimal) == 0)
		file->optimal_io_size = optimal;
	return 0;
}

/* Past the end there is nothing to make a hole in, but whether the file system could is answered
 * all the same. */
static bool can_punch(int fd, uint64_t size)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)size, 4096) == 0;
}

static int inspect(struct blk_file *file, struct stat *st, uint64_t *ret_size)
{
	if (S_ISBLK(st->st_mode)) {
		/* The kernel emulates it on disks that cannot. */
		file->can_punch = true;
		return device_size(file->fd, file, ret_size);
	}
	*ret_size = (uint64_t)st->st_size;
	file->physical_block_size = (uint32_t)st->st_blksize;
	file->can_punch = !file->read_only && can_punch(file->fd, *ret_size);
	return 0;
}

int blk_file_open(struct blk_file *file, const char *path, uint32_t block_size, bool read_only)
{
	uint64_t size = 0;
	struct stat st;
	int r;

	*file = (struct blk_file){ .fd = -1, .block_size = block_size, .read_only = read_only };
	r = open_either(path, &file->read_only);
	if (r < 0)
		return r;
	file->fd = r;
	if (fstat(file->fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		r = -ENOTBLK;
	else
		r = inspect(file, &st, &size);
	file->capacity = size - size % block_size;
	if (r >= 0 && file->capacity == 0)
		r = -EINVAL;
	if (r < 0)
		blk_file_close(file);
	return r < 0 ? r : 0;
}

void blk_file_close(struct blk_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* ---- jobs ---- */

static uint8_t zeros[BLK_ZERO_PIECE]; /* never written */

static enum blk_zero_way first_way(const struct blk_job *job, const struct blk_file *file)
{
	/* virtio 1.4, 5.2.6.2: without the unmap flag a device MUST NOT deallocate sectors. */
	return job->ranges[job->range].unmap && file->can_punch ? BLK_ZERO_PUNCH : BLK_ZERO_RANGE;
}

/* Goes on to the next range that is not empty. Returns: false when there is none. */
static bool next_range(struct blk_job *job, const struct blk_file *file)
{
	while (job->range < job->n_ranges && job->ranges[job->range].len == 0)
		job->range++;
	if (job->range == job->n_ranges)
		return false;
	job->range_done = 0;
	job->way = job->op == BLK_REQ_DISCARD ? BLK_ZERO_PUNCH : first_way(job, file);
	return true;
}

bool blk_job_start(struct blk_job *job, const struct blk_file *file)
{
	job->error = 0;
	job->bytes = 0;
	job->range = 0;
	job->needs_sync = false;
	switch (job->op) {
	case BLK_REQ_READ:
	case BLK_REQ_WRITE:
		return job->run.len > 0;
	case BLK_REQ_DISCARD:
	case BLK_REQ_WRITE_ZEROES:
		return next_range(job, file);
	default:
		return true;
	}
}

static void call_write_zeros(struct blk_job *job, struct blk_call *call)
{
	uint64_t left = job->ranges[job->range].len - job->range_done;
	unsigned n = 0;

	for (; n < BLK_ZERO_PIECES && left > 0; n++) {
		job->zeros[n].iov_base = zeros;
		job->zeros[n].iov_len = left < BLK_ZERO_PIECE ? left : BLK_ZERO_PIECE;
		left -= job->zeros[n].iov_len;
	}
	call->kind = BLK_CALL_WRITEV;
	call->iov = job->zeros;
	call->n_iov = n;
}

static void call_range(struct blk_job *job, struct blk_call *call)
{
	const struct blk_range *range = &job->ranges[job->range];

	call->offset = range->offset + job->range_done;
	call->len = range->len - job->range_done;
	call->kind = BLK_CALL_FALLOCATE;
	if (job->way == BLK_ZERO_PUNCH)
		call->flags = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	else if (job->way == BLK_ZERO_RANGE)
		call->flags = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
	else
		call_write_zeros(job, call);
}

void blk_job_call(struct blk_job *job, struct blk_call *ret_call)
{
	*ret_call = (struct blk_call){ .kind = BLK_CALL_FDATASYNC };
	if (job->op == BLK_REQ_FLUSH || job->needs_sync)
		return;
	if (job->op == BLK_REQ_DISCARD || job->op == BLK_REQ_WRITE_ZEROES) {
		call_range(job, ret_call);
		return;
	}
	ret_call->kind = job->op == BLK_REQ_READ ? BLK_CALL_READV : BLK_CALL_WRITEV;
	ret_call->iov = job->run.iov;
	/* The rest is done by the next call, as after a short read. */
	ret_call->n_iov = job->run.n < IOV_MAX ? job->run.n : IOV_MAX;
	ret_call->offset = job->offset + job->bytes;
	ret_call->flags = job->op == BLK_REQ_WRITE && job->durable ? RWF_DSYNC : 0;
}

static bool fail(struct blk_job *job, int error)
{
	job->error = error;
	return false;
}

static bool result_data(struct blk_job *job, int result)
{
	/* The end of the file, where the disk goes on: it has become shorter. A write of 0 bytes
	 * is not known to happen and must not loop. */
	if (result == 0)
		return fail(job, -EIO);
	blk_run_skip(&job->run, (uint64_t)result);
	job->bytes += (uint64_t)result;
	return job->run.len > 0;
}

/* One range is zero, or part of it. */
static bool range_went_on(struct blk_job *job, const struct blk_file *file, int result)
{
	if (job->way != BLK_ZERO_WRITE) {
		job->range_done = job->ranges[job->range].len;
	} else if (result == 0) {
		return fail(job, -EIO);
	} else {
		job->range_done += (uint64_t)result;
	}
	if (job->range_done < job->ranges[job->range].len)
		return true;
	job->bytes += job->range_done;
	job->range++;
	if (next_range(job, file))
		return true;
	job->needs_sync = job->durable && job->op == BLK_REQ_WRITE_ZEROES;
	return job->needs_sync;
}

static bool range_failed(struct blk_job *job, int result)
{
	bool unknown = result == -EOPNOTSUPP || result == -ENOSYS;

	/* The driver only said that it does not need the contents: keeping them is an answer. */
	if (unknown && job->op == BLK_REQ_DISCARD)
		return false;
	if (!unknown || job->way == BLK_ZERO_WRITE)
		return fail(job, result);
	job->way++;
	return true;
}

bool blk_job_result(struct blk_job *job, const struct blk_file *file, int result)
{
	if (result == -EINTR)
		return true;
	if (job->op == BLK_REQ_FLUSH || job->needs_sync)
		return result < 0 ? fail(job, result) : false;
	if (job->op == BLK_REQ_READ || job->op == BLK_REQ_WRITE)
		return result < 0 ? fail(job, result) : result_data(job, result);
	return result < 0 ? range_failed(job, result) : range_went_on(job, file, result);
}

/* ---- engines ---- */

int blk_engine_new(const struct blk_file *file, enum vri_blk_io io, struct blk_engine **ret_engine)
{
	int r = -ENOSYS;

	if (io != VRI_BLK_IO_SYNC)
		r = blk_uring_new(file, ret_engine);
	/* Containers and hardened hosts forbid io_uring, and old kernels lack parts of it. */
	if (r < 0 && io != VRI_BLK_IO_URING)
		r = blk_sync_new(file, ret_engine);
	return r;
}
