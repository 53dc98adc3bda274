/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The engine on io_uring: one ring for a device, many jobs in the kernel at once, an eventfd that
 * tells when some have ended.
 *
 * A submitted job joins the waiting list; feed() moves jobs from there into the submission queue as
 * long as the completion queue has room for their ends, so that it cannot overflow; reap() takes
 * the ends, and a job that needs another call joins the list again.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/blk/blk_file.h"

#define URING_SQ_ENTRIES 256u
#define URING_CQ_ENTRIES 1024u /* and so the most jobs in the kernel */
/* The kernel serves a transfer that the page cache can take at once inside of the system call, in
 * the thread that serves every link. One as large as this goes to a worker of the kernel when others
 * are under way: it holds nobody up, the pieces are copied on several processors, and each completes
 * when it is done. A lone or small one is quicker where it is, up to a size: a driver may ask for 4 GiB
 * at once, and again as soon as it has them, and the other drivers would wait for each. */
#define URING_WORKER_BYTES 16384u
#define URING_LONE_BYTES (1u << 20)
#define URING_ROUNDS 4 /* of feed and reap in one run; the rest after others had their turn */

struct uring_engine {
	struct blk_engine base;
	struct io_uring ring;
	int event_fd;
	unsigned in_kernel;
	struct blk_job *first; /* waiting */
	struct blk_job **end;
};

static struct uring_engine *uring_of(struct blk_engine *engine)
{
	return (struct uring_engine *)engine;
}

static void wait_list_add(struct uring_engine *engine, struct blk_job *job)
{
	job->next = NULL;
	*engine->end = job;
	engine->end = &job->next;
}

static struct blk_job *wait_list_take(struct uring_engine *engine)
{
	struct blk_job *job = engine->first;

	engine->first = job->next;
	if (!engine->first)
		engine->end = &engine->first;
	return job;
}

static size_t transfer_bytes(const struct blk_call *call)
{
	size_t bytes = 0;

	if (call->kind == BLK_CALL_READV || call->kind == BLK_CALL_WRITEV)
		for (unsigned i = 0; i < call->n_iov; i++)
			bytes += call->iov[i].iov_len;
	return bytes;
}

static void prepare(const struct uring_engine *engine, struct io_uring_sqe *sqe,
		    struct blk_job *job)
{
	int fd = engine->base.file->fd;
	struct blk_call call;

	blk_job_call(job, &call);
	switch (call.kind) {
	case BLK_CALL_READV:
		io_uring_prep_readv(sqe, fd, call.iov, call.n_iov, call.offset);
		break;
	case BLK_CALL_WRITEV:
		io_uring_prep_writev(sqe, fd, call.iov, call.n_iov, call.offset);
		sqe->rw_flags = call.flags;
		break;
	case BLK_CALL_FDATASYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_CALL_FALLOCATE:
		io_uring_prep_fallocate(sqe, fd, call.flags, (off_t)call.offset, (off_t)call.len);
		break;
	}
	io_uring_sqe_set_data(sqe, job);
	if (transfer_bytes(&call) >=
	    (engine->in_kernel > 0 ? URING_WORKER_BYTES : URING_LONE_BYTES))
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
}

/* Returns: false when the kernel takes no more now. */
static bool feed(struct uring_engine *engine)
{
	int r;

	while (engine->first && engine->in_kernel < URING_CQ_ENTRIES) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&engine->ring);

		if (!sqe) {
			if (io_uring_submit(&engine->ring) <= 0)
				return false;
			continue;
		}
		prepare(engine, sqe, wait_list_take(engine));
		engine->in_kernel++;
	}
	if (io_uring_sq_ready(&engine->ring) == 0)
		return true;
	r = io_uring_submit(&engine->ring);
	return r > 0 && io_uring_sq_ready(&engine->ring) == 0;
}

static void reap(struct uring_engine *engine)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&engine->ring, &cqe) == 0) {
		struct blk_job *job = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&engine->ring, cqe);
		engine->in_kernel--;
		if (blk_job_result(job, engine->base.file, result))
			wait_list_add(engine, job);
		else
			job->done(job);
	}
}

static void uring_submit(struct blk_engine *engine, struct blk_job *job)
{
	wait_list_add(uring_of(engine), job);
}

static void uring_run(struct blk_engine *base)
{
	struct uring_engine *engine = uring_of(base);
	uint64_t count = 1;

	for (int round = 0; round < URING_ROUNDS; round++) {
		bool fed = feed(engine);

		reap(engine);
		if (fed && !engine->first)
			return;
	}
	/* There is more to hand over. With jobs in the kernel their ends call us again; otherwise
	 * we have to. */
	if (write(engine->event_fd, &count, sizeof(count)) < 0)
		return;
}

static void uring_event(struct blk_engine *base)
{
	uint64_t count;

	/* Emptied first: an end that comes after the last look in run() makes it readable again. */
	if (read(uring_of(base)->event_fd, &count, sizeof(count)) < 0)
		return;
	uring_run(base);
}

static int uring_fd(const struct blk_engine *engine)
{
	return ((const struct uring_engine *)engine)->event_fd;
}

static void uring_free(struct blk_engine *base)
{
	struct uring_engine *engine = uring_of(base);
	int r;

	while (engine->in_kernel > 0 || engine->first) {
		feed(engine);
		r = io_uring_submit_and_wait(&engine->ring, 1);
		if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY)
			break;
		reap(engine);
	}
	io_uring_queue_exit(&engine->ring);
	close(engine->event_fd);
	free(engine);
}

static const struct blk_engine_ops uring_ops = {
	.io = VRI_BLK_IO_URING,
	.submit = uring_submit,
	.run = uring_run,
	.event = uring_event,
	.fd = uring_fd,
	.free = uring_free,
};

/* fallocate is the youngest of what is used, Linux 5.6; the probe is as old. */
static int check_ring(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	int r = -ENOSYS;

	if (probe && io_uring_opcode_supported(probe, IORING_OP_READV) &&
	    io_uring_opcode_supported(probe, IORING_OP_WRITEV) &&
	    io_uring_opcode_supported(probe, IORING_OP_FSYNC) &&
	    io_uring_opcode_supported(probe, IORING_OP_FALLOCATE))
		r = 0;
	if (probe)
		io_uring_free_probe(probe);
	return r;
}

static int open_ring(struct uring_engine *engine)
{
	struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE,
					  .cq_entries = URING_CQ_ENTRIES };
	int r = io_uring_queue_init_params(URING_SQ_ENTRIES, &engine->ring, &params);

	if (r < 0)
		return r;
	r = check_ring(&engine->ring);
	if (r < 0)
		goto exit_ring;
	engine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->event_fd < 0) {
		r = -errno;
		goto exit_ring;
	}
	r = io_uring_register_eventfd(&engine->ring, engine->event_fd);
	if (r < 0)
		goto close_event;
	return 0;

close_event:
	close(engine->event_fd);
exit_ring:
	io_uring_queue_exit(&engine->ring);
	return r;
}

int blk_uring_new(const struct blk_file *file, struct blk_engine **ret_engine)
{
	struct uring_engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return -ENOMEM;
	engine->base.ops = &uring_ops;
	engine->base.file = file;
	engine->end = &engine->first;
	r = open_ring(engine);
	if (r < 0) {
		free(engine);
		return r;
	}
	*ret_engine = &engine->base;
	return 0;
}
