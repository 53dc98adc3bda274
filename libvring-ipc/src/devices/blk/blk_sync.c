/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The engine that does one thing after the other, with the plain system calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/blk/blk_file.h"

static int result_of(ssize_t r)
{
	return r < 0 ? -errno : (int)r;
}

/* A kernel or file system without RWF_DSYNC: write, then sync. */
static int write_durable(int fd, const struct blk_call *call)
{
	int r = result_of(
		pwritev2(fd, call->iov, (int)call->n_iov, (off_t)call->offset, RWF_DSYNC));

	if (r != -EOPNOTSUPP)
		return r;
	r = result_of(pwritev(fd, call->iov, (int)call->n_iov, (off_t)call->offset));
	if (r > 0 && fdatasync(fd) < 0)
		return -errno;
	return r;
}

static int do_call(int fd, const struct blk_call *call)
{
	switch (call->kind) {
	case BLK_CALL_READV:
		return result_of(preadv(fd, call->iov, (int)call->n_iov, (off_t)call->offset));
	case BLK_CALL_WRITEV:
		if (call->flags & RWF_DSYNC)
			return write_durable(fd, call);
		return result_of(pwritev(fd, call->iov, (int)call->n_iov, (off_t)call->offset));
	case BLK_CALL_FDATASYNC:
		return result_of(fdatasync(fd));
	case BLK_CALL_FALLOCATE:
		return result_of(fallocate(fd, call->flags, (off_t)call->offset, (off_t)call->len));
	}
	return -EINVAL;
}

static void sync_submit(struct blk_engine *engine, struct blk_job *job)
{
	struct blk_call call;

	do {
		blk_job_call(job, &call);
	} while (blk_job_result(job, engine->file, do_call(engine->file->fd, &call)));
	job->done(job);
}

static void sync_run(struct blk_engine *engine)
{
}

static int sync_fd(const struct blk_engine *engine)
{
	return -1;
}

static void sync_free(struct blk_engine *engine)
{
	free(engine);
}

static const struct blk_engine_ops sync_ops = {
	.io = VRI_BLK_IO_SYNC,
	.submit = sync_submit,
	.run = sync_run,
	.event = sync_run,
	.fd = sync_fd,
	.free = sync_free,
};

int blk_sync_new(const struct blk_file *file, struct blk_engine **ret_engine)
{
	struct blk_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->ops = &sync_ops;
	engine->file = file;
	*ret_engine = engine;
	return 0;
}
