/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The back end of the block device: opening files, jobs step by step, and both engines on a file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "devices/blk/blk_file.h"
#include "leaks.h"
#include "test.h"
#include "tmpdir.h"

static struct tmpdir dir;

static const char *make_file(const char *name, off_t size)
{
	const char *path = tmpdir_file(&dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	t_sys(fd);
	t_sys(ftruncate(fd, size));
	close(fd);
	return path;
}

static void begin(void)
{
	tmpdir_open(&dir);
}

static void end(void)
{
	tmpdir_close(&dir);
}

/* ---- opening ---- */

Test(blk_file, capacity_is_whole_blocks, .init = begin, .fini = end)
{
	const char *path = make_file("image", 4096 * 3 + 4095);
	struct blk_file file;

	t_ok(blk_file_open(&file, path, 4096, false));
	t_eq(file.capacity, 4096 * 3);
	blk_file_close(&file);
	t_ok(blk_file_open(&file, path, 512, false));
	t_eq(file.capacity, 4096 * 3 + 512 * 7);
	blk_file_close(&file);
}

Test(blk_file, smaller_than_a_block_is_no_disk, .init = begin, .fini = end)
{
	struct blk_file file;

	t_errno_eq(blk_file_open(&file, make_file("image", 511), 512, false), -EINVAL);
	t_errno_eq(blk_file_open(&file, make_file("empty", 0), 512, false), -EINVAL);
}

Test(blk_file, what_is_no_file_is_refused_by_kind, .init = begin, .fini = end)
{
	const char *fifo = tmpdir_file(&dir, "fifo");
	struct blk_file file;
	struct leaks leaks;

	t_sys(mkfifo(fifo, 0600));
	leaks_begin(&leaks);
	t_errno_eq(blk_file_open(&file, tmpdir_file(&dir, "missing"), 512, false), -ENOENT);
	t_errno_eq(blk_file_open(&file, dir.path, 512, false), -EISDIR);
	t_errno_eq(blk_file_open(&file, dir.path, 512, true), -EISDIR);
	t_errno_eq(blk_file_open(&file, fifo, 512, false), -ENOTBLK);
	t_errno_eq(blk_file_open(&file, "/dev/null", 512, false), -ENOTBLK);
	leaks_check(&leaks);
}

static void give_up_root(void)
{
	if (geteuid() == 0)
		t_sys(seteuid(65534));
}

Test(blk_file, no_permission_is_said, .init = begin, .fini = end)
{
	const char *path = make_file("image", 4096);
	struct blk_file file;
	int r;

	t_sys(chmod(path, 0));
	t_sys(chmod(dir.path, 0755));
	give_up_root();
	r = blk_file_open(&file, path, 512, false);
	if (getuid() == 0)
		t_sys(seteuid(0));
	t_errno_eq(r, -EACCES);
}

Test(blk_file, unwritable_file_is_read_only, .init = begin, .fini = end)
{
	const char *path = make_file("image", 4096);
	struct blk_file file;
	int r;

	t_sys(chmod(path, 0444));
	t_sys(chmod(dir.path, 0755));
	give_up_root();
	r = blk_file_open(&file, path, 512, false);
	if (getuid() == 0)
		t_sys(seteuid(0));
	if (r == -EACCES)
		t_skip("the folder for temporary files is closed to other users");
	t_ok(r);
	t_true(file.read_only);
	t_false(file.can_punch);
	blk_file_close(&file);
}

Test(blk_file, probing_leaves_the_file_as_it_was, .init = begin, .fini = end)
{
	const char *path = make_file("image", 4096 + 100);
	struct stat before, after;
	struct blk_file file;

	t_sys(stat(path, &before));
	t_ok(blk_file_open(&file, path, 512, false));
	t_sys(fstat(file.fd, &after));
	t_eq(before.st_size, after.st_size);
	t_eq(before.st_blocks, after.st_blocks);
	blk_file_close(&file);
}

/* ---- jobs, without doing them ---- */

static const struct blk_file some_file = { .fd = -1, .capacity = 1 << 30, .can_punch = true };

static uint8_t some_bytes[4096];

Test(blk_job, short_read_is_continued_where_it_ended)
{
	struct iovec iov[2] = { { some_bytes, 512 }, { some_bytes + 512, 512 } };
	struct blk_job job = { .op = BLK_REQ_READ, .run = { iov, 2, 1024 }, .offset = 8192 };
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	blk_job_call(&job, &call);
	t_eq(call.kind, BLK_CALL_READV);
	t_eq(call.offset, 8192);
	t_eq(call.n_iov, 2);
	t_true(blk_job_result(&job, &some_file, 700));
	blk_job_call(&job, &call);
	t_eq(call.offset, 8192 + 700);
	t_eq(call.n_iov, 1);
	t_ptr_eq(call.iov->iov_base, some_bytes + 700);
	t_eq(call.iov->iov_len, 324);
	t_false(blk_job_result(&job, &some_file, 324));
	t_eq(job.error, 0);
	t_eq(job.bytes, 1024);
}

Test(blk_job, end_of_file_within_the_disk_is_an_error)
{
	struct iovec iov = { some_bytes, 1024 };
	struct blk_job job = { .op = BLK_REQ_READ, .run = { &iov, 1, 1024 } };

	t_true(blk_job_start(&job, &some_file));
	t_true(blk_job_result(&job, &some_file, 512));
	t_false(blk_job_result(&job, &some_file, 0));
	t_errno_eq(job.error, -EIO);
	t_eq(job.bytes, 512);
	t_eq(job.run.len, 512);
}

Test(blk_job, interrupted_call_is_done_again)
{
	struct iovec iov = { some_bytes, 512 };
	struct blk_job job = { .op = BLK_REQ_WRITE, .run = { &iov, 1, 512 } };
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	t_true(blk_job_result(&job, &some_file, -EINTR));
	blk_job_call(&job, &call);
	t_eq(call.kind, BLK_CALL_WRITEV);
	t_eq(call.iov->iov_len, 512);
	t_false(blk_job_result(&job, &some_file, -ENOSPC));
	t_errno_eq(job.error, -ENOSPC);
}

Test(blk_job, nothing_to_read_is_done_at_once)
{
	struct blk_job job = { .op = BLK_REQ_READ };

	t_false(blk_job_start(&job, &some_file));
	t_eq(job.error, 0);
}

Test(blk_job, durable_write_says_so_to_the_kernel)
{
	struct iovec iov = { some_bytes, 512 };
	struct blk_job job = { .op = BLK_REQ_WRITE, .run = { &iov, 1, 512 }, .durable = true };
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	blk_job_call(&job, &call);
	t_eq(call.flags, RWF_DSYNC);
}

Test(blk_job, more_pieces_than_one_call_takes_are_cut)
{
	static struct iovec iov[1500];
	struct blk_job job = { .op = BLK_REQ_READ, .run = { iov, 1500, 1500 } };
	struct blk_call call;

	for (size_t i = 0; i < 1500; i++)
		iov[i] = (struct iovec){ some_bytes, 1 };
	t_true(blk_job_start(&job, &some_file));
	blk_job_call(&job, &call);
	t_eq(call.n_iov, 1024);
	t_true(blk_job_result(&job, &some_file, 1024));
	blk_job_call(&job, &call);
	t_eq(call.n_iov, 476);
	t_eq(call.offset, 1024);
}

Test(blk_job, zeros_without_unmap_make_no_hole)
{
	struct blk_range range = { 4096, 8192, false };
	struct blk_job job = { .op = BLK_REQ_WRITE_ZEROES, .ranges = &range, .n_ranges = 1 };
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	blk_job_call(&job, &call);
	t_eq(call.kind, BLK_CALL_FALLOCATE);
	t_eq(call.flags, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	t_eq(call.offset, 4096);
	t_eq(call.len, 8192);
}

Test(blk_job, zeros_are_written_where_the_file_system_knows_no_other_way)
{
	struct blk_range range = { 0, 3u << 20, true };
	struct blk_job job = { .op = BLK_REQ_WRITE_ZEROES, .ranges = &range, .n_ranges = 1 };
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	blk_job_call(&job, &call);
	t_eq(call.flags, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	t_true(blk_job_result(&job, &some_file, -EOPNOTSUPP));
	blk_job_call(&job, &call);
	t_eq(call.flags, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	t_true(blk_job_result(&job, &some_file, -EOPNOTSUPP));
	for (unsigned i = 0; i < 3; i++) {
		blk_job_call(&job, &call);
		t_eq(call.kind, BLK_CALL_WRITEV);
		t_eq(call.offset, i * (1u << 20));
		t_eq(blk_job_result(&job, &some_file, 1 << 20), i < 2);
	}
	t_eq(job.error, 0);
}

Test(blk_job, ranges_are_done_one_after_the_other)
{
	struct blk_range ranges[] = { { 0, 512, true }, { 512, 0, true }, { 4096, 1024, true } };
	struct blk_job job = {
		.op = BLK_REQ_WRITE_ZEROES, .ranges = ranges, .n_ranges = 3, .durable = true
	};
	struct blk_call call;

	t_true(blk_job_start(&job, &some_file));
	t_true(blk_job_result(&job, &some_file, 0));
	blk_job_call(&job, &call);
	t_eq(call.offset, 4096);
	t_eq(call.len, 1024);
	t_true(blk_job_result(&job, &some_file, 0));
	blk_job_call(&job, &call);
	t_eq(call.kind, BLK_CALL_FDATASYNC);
	t_false(blk_job_result(&job, &some_file, 0));
}

Test(blk_job, discard_of_what_cannot_be_punched_is_no_error)
{
	struct blk_range range = { 0, 512, false };
	struct blk_job job = { .op = BLK_REQ_DISCARD, .ranges = &range, .n_ranges = 1 };

	t_true(blk_job_start(&job, &some_file));
	t_false(blk_job_result(&job, &some_file, -EOPNOTSUPP));
	t_eq(job.error, 0);
}

/* ---- engines ---- */

static const enum vri_blk_io ios[] = { VRI_BLK_IO_URING, VRI_BLK_IO_SYNC };

struct rig {
	struct blk_file file;
	struct blk_engine *engine;
};

static unsigned n_done;

static void count_done(struct blk_job *job)
{
	n_done++;
}

static void rig_open(struct rig *rig, const char *path, enum vri_blk_io io)
{
	int r;

	n_done = 0;
	t_ok(blk_file_open(&rig->file, path, 512, false));
	r = blk_engine_new(&rig->file, io, &rig->engine);
	if (io == VRI_BLK_IO_URING && (r == -ENOSYS || r == -EPERM))
		t_skip("no io_uring here");
	t_ok(r);
	t_eq(rig->engine->ops->io, io);
}

static void rig_close(struct rig *rig)
{
	rig->engine->ops->free(rig->engine);
	blk_file_close(&rig->file);
}

static void rig_submit(struct rig *rig, struct blk_job *job)
{
	job->done = count_done;
	t_true(blk_job_start(job, &rig->file));
	rig->engine->ops->submit(rig->engine, job);
}

static void rig_finish(struct rig *rig, unsigned n)
{
	const struct blk_engine_ops *ops = rig->engine->ops;

	ops->run(rig->engine);
	while (n_done < n) {
		struct pollfd fd = { .fd = ops->fd(rig->engine), .events = POLLIN };

		t_sys(poll(&fd, 1, -1));
		ops->event(rig->engine);
	}
}

TestEach(blk_engine, writes_then_reads_the_same, ios, enum vri_blk_io, .init = begin, .fini = end)
{
	enum { N = 600, LEN = 1024 };
	static uint8_t out[N][LEN], in[N][LEN];
	static struct blk_job jobs[N];
	static struct iovec iov[N];
	struct rig rig;
	struct leaks leaks;

	make_file("image", N * LEN);
	leaks_begin(&leaks);
	rig_open(&rig, tmpdir_file(&dir, "image"), *param);
	for (unsigned i = 0; i < N; i++) {
		memset(out[i], (int)(i * 7 + 1), LEN);
		iov[i] = (struct iovec){ out[i], LEN };
		jobs[i] = (struct blk_job){ .op = BLK_REQ_WRITE,
					    .run = { &iov[i], 1, LEN },
					    .offset = (uint64_t)i * LEN };
		rig_submit(&rig, &jobs[i]);
	}
	rig_finish(&rig, N);
	n_done = 0;
	for (unsigned i = 0; i < N; i++) {
		t_eq(jobs[i].error, 0);
		iov[i] = (struct iovec){ in[i], LEN };
		jobs[i] = (struct blk_job){ .op = BLK_REQ_READ,
					    .run = { &iov[i], 1, LEN },
					    .offset = (uint64_t)i * LEN };
		rig_submit(&rig, &jobs[i]);
	}
	rig_finish(&rig, N);
	for (unsigned i = 0; i < N; i++) {
		t_eq(jobs[i].error, 0);
		t_mem_eq(in[i], out[i], LEN);
	}
	rig_close(&rig);
	leaks_check(&leaks);
}

/* Stands in for the library's: looks at the first request of a ring on its way to the kernel. */
static bool first_goes_to_a_worker;

int io_uring_submit(struct io_uring *ring)
{
	first_goes_to_a_worker = ring->sq.sqes[0].flags & IOSQE_ASYNC;
	return io_uring_submit_and_wait(ring, 0);
}

struct transfer {
	size_t bytes;
	bool to_a_worker;
};

static const struct transfer lone_transfers[] = { { 4096, false },
						  { 64 << 10, false },
						  { 1 << 20, true },
						  { 4 << 20, true } };

/* What the page cache has is copied inside of the system call, in the thread that serves all drivers, and a driver can
 * ask for 4 GiB at once. */
TestEach(blk_engine, a_large_transfer_holds_up_nobody, lone_transfers, struct transfer,
	 .init = begin, .fini = end)
{
	char *bytes = malloc(param->bytes);
	struct iovec iov = { bytes, param->bytes };
	struct blk_job job = { .op = BLK_REQ_READ, .run = { &iov, 1, param->bytes } };
	struct rig rig;

	rig_open(&rig, make_file("image", 4 << 20), VRI_BLK_IO_URING);
	rig_submit(&rig, &job);
	rig_finish(&rig, 1);
	t_eq(job.error, 0);
	t_eq(first_goes_to_a_worker, param->to_a_worker);
	rig_close(&rig);
	free(bytes);
}

TestEach(blk_engine, durable_write_and_flush_succeed, ios, enum vri_blk_io, .init = begin,
	 .fini = end)
{
	struct iovec iov = { some_bytes, 4096 };
	struct blk_job write = { .op = BLK_REQ_WRITE, .run = { &iov, 1, 4096 }, .durable = true };
	struct blk_job flush = { .op = BLK_REQ_FLUSH };
	struct rig rig;

	rig_open(&rig, make_file("image", 4096), *param);
	rig_submit(&rig, &write);
	rig_finish(&rig, 1);
	rig_submit(&rig, &flush);
	rig_finish(&rig, 2);
	t_eq(write.error, 0);
	t_eq(flush.error, 0);
	rig_close(&rig);
}

TestEach(blk_engine, zeroes_and_discards_ranges, ios, enum vri_blk_io, .init = begin, .fini = end)
{
	static uint8_t ones[64 * 1024], back[64 * 1024], none[64 * 1024];
	struct blk_range ranges[] = { { 512, 1024, false }, { 8192, 16384, true } };
	struct blk_range punched = { 32768, 4096, false };
	struct blk_job zero = { .op = BLK_REQ_WRITE_ZEROES, .ranges = ranges, .n_ranges = 2 };
	struct blk_job discard = { .op = BLK_REQ_DISCARD, .ranges = &punched, .n_ranges = 1 };
	struct rig rig;

	rig_open(&rig, make_file("image", sizeof(ones)), *param);
	memset(ones, 1, sizeof(ones));
	t_eq(pwrite(rig.file.fd, ones, sizeof(ones), 0), (ssize_t)sizeof(ones));
	rig_submit(&rig, &zero);
	rig_submit(&rig, &discard);
	rig_finish(&rig, 2);
	t_eq(zero.error, 0);
	t_eq(discard.error, 0);
	t_eq(pread(rig.file.fd, back, sizeof(back), 0), (ssize_t)sizeof(back));
	t_mem_eq(back, ones, 512);
	t_mem_eq(back + 512, none, 1024);
	t_mem_eq(back + 1536, ones, 8192 - 1536);
	t_mem_eq(back + 8192, none, 16384);
	t_mem_eq(back + 36864, ones, sizeof(ones) - 36864);
	rig_close(&rig);
}

TestEach(blk_engine, file_that_shrank_gives_what_is_left, ios, enum vri_blk_io, .init = begin,
	 .fini = end)
{
	static uint8_t in[8192];
	struct iovec iov = { in, sizeof(in) };
	struct blk_job job = { .op = BLK_REQ_READ, .run = { &iov, 1, sizeof(in) } };
	const char *path = make_file("image", 65536);
	struct rig rig;

	rig_open(&rig, path, *param);
	t_sys(truncate(path, 1000));
	rig_submit(&rig, &job);
	rig_finish(&rig, 1);
	t_errno_eq(job.error, -EIO);
	t_eq(job.bytes, 1000);
	rig_close(&rig);
}

TestEach(blk_engine, file_size_limit_is_an_error_of_the_write, ios, enum vri_blk_io, .init = begin,
	 .fini = end)
{
	struct iovec iov = { some_bytes, 4096 };
	struct blk_job job = { .op = BLK_REQ_WRITE, .run = { &iov, 1, 4096 }, .offset = 32768 };
	struct rlimit limit = { 16384, RLIM_INFINITY };
	struct rig rig;

	rig_open(&rig, make_file("image", 65536), *param);
	signal(SIGXFSZ, SIG_IGN);
	t_sys(setrlimit(RLIMIT_FSIZE, &limit));
	rig_submit(&rig, &job);
	rig_finish(&rig, 1);
	t_errno_eq(job.error, -EFBIG);
	rig_close(&rig);
}

/* io_uring_setup fails as it does in a container that forbids it. */
static void forbid_io_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	t_sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	t_sys(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

Test(blk_engine, falls_back_where_io_uring_is_forbidden, .init = begin, .fini = end)
{
	struct blk_file file;
	struct blk_engine *engine = NULL;
	struct leaks leaks;

	t_ok(blk_file_open(&file, make_file("image", 4096), 512, false));
	forbid_io_uring();
	leaks_begin(&leaks);
	t_errno_eq(blk_engine_new(&file, VRI_BLK_IO_URING, &engine), -EPERM);
	t_null(engine);
	t_ok(blk_engine_new(&file, VRI_BLK_IO_AUTO, &engine));
	t_eq(engine->ops->io, VRI_BLK_IO_SYNC);
	engine->ops->free(engine);
	leaks_check(&leaks);
	blk_file_close(&file);
}
