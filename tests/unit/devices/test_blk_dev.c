/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device side of virtio-blk on an engine that does nothing before it is told to: order of
 * completion, slots that run out, links and sessions that end with jobs under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/vring-ipc.h>

#include "devices/blk/blk_dev.h"
#include "leaks.h"
#include "test.h"
#include "tmpdir.h"

#define PATIENCE_MS 10000

/* ---- the engine ---- */

static struct {
	struct blk_engine engine;
	int event_fd;
	struct blk_job *job[64]; /* under way */
	unsigned n;
	unsigned n_ended; /* told to end, to be reported by the next event */
	struct blk_job *ended[64];
} mock;

static void mock_submit(struct blk_engine *engine, struct blk_job *job)
{
	t_lt(mock.n, 64);
	mock.job[mock.n++] = job;
}

static void mock_run(struct blk_engine *engine)
{
}

static void mock_event(struct blk_engine *engine)
{
	unsigned n = mock.n_ended;
	eventfd_t count;

	if (eventfd_read(mock.event_fd, &count) < 0)
		return;
	mock.n_ended = 0;
	for (unsigned i = 0; i < n; i++)
		mock.ended[i]->done(mock.ended[i]);
}

static int mock_fd(const struct blk_engine *engine)
{
	return mock.event_fd;
}

static void mock_free(struct blk_engine *engine)
{
	close(mock.event_fd);
}

static const struct blk_engine_ops mock_ops = {
	.io = VRI_BLK_IO_URING,
	.submit = mock_submit,
	.run = mock_run,
	.event = mock_event,
	.fd = mock_fd,
	.free = mock_free,
};

/* Ends a job as if all of it had been done: reads give 0xab. */
static void end_job(unsigned which)
{
	struct blk_job *job = mock.job[which];

	t_lt(which, mock.n);
	memmove(&mock.job[which], &mock.job[which + 1], (--mock.n - which) * sizeof(mock.job[0]));
	job->bytes = job->run.len;
	while (job->op == BLK_REQ_READ && job->run.n > 0) {
		memset(job->run.iov->iov_base, 0xab, job->run.iov->iov_len);
		blk_run_skip(&job->run, job->run.iov->iov_len);
	}
	mock.ended[mock.n_ended++] = job;
	t_sys(eventfd_write(mock.event_fd, 1));
}

/* ---- the rig ---- */

struct rig {
	struct tmpdir dir;
	struct leaks leaks;
	struct vri_device *dev;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_blk *blk;
	uint8_t *buf;
};

static void make_device(struct rig *rig, unsigned in_flight_max, unsigned seg_max)
{
	struct vri_blk_device_opts opts = { .size = sizeof(opts),
					    .io = VRI_BLK_IO_SYNC,
					    .in_flight_max = in_flight_max,
					    .seg_max = seg_max };
	const char *path = tmpdir_file(&rig->dir, "image");
	struct blk_disk *disk;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	t_sys(fd);
	t_sys(ftruncate(fd, 65536));
	close(fd);
	t_ok(vri_blk_device_new(path, &opts, &rig->dev));
	disk = vri_device_data(rig->dev);
	disk->engine->ops->free(disk->engine);
	memset(&mock, 0, sizeof(mock));
	mock.engine = (struct blk_engine){ &mock_ops, &disk->file };
	mock.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t_sys(mock.event_fd);
	disk->engine = &mock.engine;
}

static void rig_link(struct rig *rig)
{
	struct vri_link_opts opts = {
		.size = sizeof(opts), .device = rig->dev, .n_queues = 1, .timeout_ms = 100
	};

	t_ok(vri_link_open(&rig->link, "loop:", &opts));
	rig->drv = vri_link_driver(rig->link);
	rig->buf = vri_pool_alloc(vri_driver_pool(rig->drv), 65536);
	t_not_null(rig->buf);
	memset(rig->buf, 0, 65536);
}

static void rig_begin(struct rig *rig, unsigned in_flight_max, unsigned seg_max)
{
	memset(rig, 0, sizeof(*rig));
	tmpdir_open(&rig->dir);
	leaks_begin(&rig->leaks);
	make_device(rig, in_flight_max, seg_max);
	rig_link(rig);
	t_ok(vri_blk_open(rig->drv, NULL, &rig->blk));
}

static void rig_end(struct rig *rig)
{
	vri_blk_close(rig->blk);
	vri_link_close(rig->link);
	vri_device_unref(rig->dev);
	leaks_check(&rig->leaks);
	tmpdir_close(&rig->dir);
}

/* Stages a read of sector @n whose token is its number. */
static uint8_t tokens[64];

static void read_sector(struct rig *rig, unsigned n)
{
	struct iovec iov = { rig->buf + (size_t)n * 512, 512 };

	t_ok(vri_blk_read(rig->blk, 0, (uint64_t)n * 512, &iov, 1, &tokens[n]));
}

/* Lets driver and device do all that there is to do now. */
static void turn(struct rig *rig)
{
	t_ok(vri_blk_kick(rig->blk, 0));
	for (int i = 0; i < 5; i++)
		t_ok(vri_link_dispatch(rig->link));
}

static void expect(struct rig *rig, unsigned n)
{
	struct vri_blk_done done;

	t_eq(vri_blk_poll(rig->blk, 0, &done, 1), 1);
	t_ptr_eq(done.token, &tokens[n]);
	t_eq(done.result, 0);
	t_eq(done.bytes, 512);
	t_eq(rig->buf[n * 512], 0xab);
}

/* ---- order and number ---- */

Test(blk_dev, jobs_that_end_in_any_order_are_answered_in_that_order)
{
	struct vri_blk_stats stats;
	struct rig rig;

	rig_begin(&rig, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		read_sector(&rig, i);
	turn(&rig);
	t_eq(mock.n, 4);
	vri_blk_device_stats(rig.dev, &stats);
	t_eq(stats.in_flight, 4);
	end_job(2);
	end_job(0);
	turn(&rig);
	expect(&rig, 2);
	expect(&rig, 0);
	end_job(1);
	end_job(0);
	turn(&rig);
	expect(&rig, 3);
	expect(&rig, 1);
	vri_blk_device_stats(rig.dev, &stats);
	t_eq(stats.requests, 4);
	t_eq(stats.bytes_read, 4 * 512);
	t_eq(stats.out_of_order, 2);
	t_eq(stats.in_flight, 0);
	t_eq(stats.in_flight_peak, 4);
	rig_end(&rig);
}

Test(blk_dev, requests_wait_for_a_free_slot)
{
	struct rig rig;

	rig_begin(&rig, 2, 0);
	for (unsigned i = 0; i < 5; i++)
		read_sector(&rig, i);
	turn(&rig);
	t_eq(mock.n, 2);
	for (unsigned i = 0; i < 5; i++) {
		end_job(0);
		turn(&rig);
		expect(&rig, i);
		t_eq(mock.n, i < 4 ? (i < 3 ? 2 : 1) : 0);
	}
	rig_end(&rig);
}

/* A device without a free slot sleeps: nothing is readable until a job ends. */
Test(blk_dev, full_device_does_not_spin)
{
	struct pollfd fd;
	struct rig rig;

	rig_begin(&rig, 1, 0);
	read_sector(&rig, 0);
	read_sector(&rig, 1);
	turn(&rig);
	fd = (struct pollfd){ .fd = vri_link_fd(rig.link), .events = vri_link_events(rig.link) };
	for (int i = 0; i < 20; i++)
		t_ok(vri_link_dispatch(rig.link));
	t_eq(mock.n, 1);
	t_eq(poll(&fd, 1, 0), 0);
	end_job(0);
	turn(&rig);
	expect(&rig, 0);
	end_job(0);
	turn(&rig);
	expect(&rig, 1);
	rig_end(&rig);
}

/* ---- chains of more pieces than were announced ---- */

static void add_wide(struct rig *rig, struct virtio_blk_outhdr *header, uint8_t *status, unsigned n)
{
	struct vri_drvq *q = vri_driver_drvq(rig->drv, 0);
	struct iovec readable = { header, sizeof(*header) }, writable[17];

	memset(header, 0, sizeof(*header));
	for (unsigned i = 0; i < 16; i++)
		writable[i] = (struct iovec){ rig->buf + n * 512 + i * 32, 32 };
	writable[16] = (struct iovec){ status, 1 };
	t_ok(vri_drvq_add(q, &readable, 1, writable, 17, &tokens[n]));
	t_ok(vri_drvq_kick(q));
}

Test(blk_dev, wide_chains_are_done_one_after_the_other)
{
	struct vri_features all;
	struct rig rig;
	void *token;
	uint32_t len;

	memset(&rig, 0, sizeof(rig));
	tmpdir_open(&rig.dir);
	leaks_begin(&rig.leaks);
	make_device(&rig, 0, 2);
	rig_link(&rig);
	vri_driver_offered(rig.drv, &all);
	t_ok(vri_driver_start(rig.drv, &all, NULL));
	add_wide(&rig, (void *)(rig.buf + 8192), rig.buf + 8500, 0);
	add_wide(&rig, (void *)(rig.buf + 8300), rig.buf + 8501, 1);
	for (unsigned i = 0; i < 2; i++) {
		for (int d = 0; d < 5; d++)
			t_ok(vri_link_dispatch(rig.link));
		t_eq(mock.n, 1);
		end_job(0);
		for (int d = 0; d < 5; d++)
			t_ok(vri_link_dispatch(rig.link));
		t_eq(vri_drvq_get_used(vri_driver_drvq(rig.drv, 0), &token, &len), 1);
		t_ptr_eq(token, &tokens[i]);
		t_eq(len, 513);
	}
	rig_end(&rig);
}

/* ---- ends with jobs under way ---- */

/* proves: dev:2.4/1 dev:2.4/2 */
Test(blk_dev, reset_waits_for_jobs_and_answers_none)
{
	struct rig rig;

	rig_begin(&rig, 0, 0);
	read_sector(&rig, 0);
	turn(&rig);
	t_eq(mock.n, 1);
	t_errno_eq(vri_driver_reset(rig.drv), -ETIMEDOUT);
	t_ne(vri_driver_status(rig.drv), 0);
	end_job(0);
	t_ok(vri_link_dispatch(rig.link));
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_driver_status(rig.drv), 0);
	/* the next session is a fresh one */
	vri_blk_close(rig.blk);
	t_ok(vri_blk_open(rig.drv, NULL, &rig.blk));
	read_sector(&rig, 1);
	turn(&rig);
	end_job(0);
	turn(&rig);
	expect(&rig, 1);
	rig_end(&rig);
}

/* The engine writes where it was told to, long after the link is gone. */
/* faults: A33 */
Test(blk_dev, memory_of_a_job_outlives_its_link)
{
	struct rig rig;

	rig_begin(&rig, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		read_sector(&rig, i);
	turn(&rig);
	t_eq(mock.n, 3);
	vri_blk_close(rig.blk);
	vri_link_close(rig.link);
	end_job(1);
	end_job(0);
	end_job(0);
	rig_link(&rig);
	t_ok(vri_link_dispatch(rig.link));
	t_eq(mock.n_ended, 0);
	vri_link_close(rig.link);
	vri_device_unref(rig.dev);
	leaks_check(&rig.leaks);
	tmpdir_close(&rig.dir);
}

Test(blk_dev, failed_job_is_an_io_error_and_zeros)
{
	static const uint8_t none[512];
	struct vri_blk_done done;
	struct blk_job *job;
	struct rig rig;

	rig_begin(&rig, 0, 0);
	memset(rig.buf, 0x55, 512);
	read_sector(&rig, 0);
	turn(&rig);
	job = mock.job[0];
	mock.n = 0;
	job->error = -EIO;
	mock.ended[mock.n_ended++] = job;
	t_sys(eventfd_write(mock.event_fd, 1));
	turn(&rig);
	t_eq(vri_blk_poll(rig.blk, 0, &done, 1), 1);
	t_errno_eq(done.result, -EIO);
	t_eq(done.bytes, 0);
	t_mem_eq(rig.buf, none, 512);
	rig_end(&rig);
}

/* ---- cache mode ---- */

Test(blk_dev, writes_are_durable_only_when_they_have_to_be)
{
	struct vri_blk_opts opts = { .size = sizeof(opts), .write_through = true };
	struct iovec iov;
	struct rig rig;

	rig_begin(&rig, 0, 0);
	iov = (struct iovec){ rig.buf, 512 };
	t_ok(vri_blk_write(rig.blk, 0, 0, &iov, 1, &tokens[0]));
	turn(&rig);
	t_false(mock.job[0]->durable);
	end_job(0);
	turn(&rig);
	vri_blk_close(rig.blk);
	t_ok(vri_blk_open(rig.drv, &opts, &rig.blk));
	t_ok(vri_blk_write(rig.blk, 0, 0, &iov, 1, &tokens[0]));
	turn(&rig);
	t_true(mock.job[0]->durable);
	end_job(0);
	turn(&rig);
	rig_end(&rig);
}

Test(blk_dev, cache_mode_follows_the_config_field)
{
	uint8_t wce = 0;
	struct iovec iov;
	struct rig rig;

	rig_begin(&rig, 0, 0);
	iov = (struct iovec){ rig.buf, 512 };
	t_ok(vri_driver_config_read(rig.drv, offsetof(struct virtio_blk_config, wce), &wce, 1));
	t_eq(wce, 1);
	wce = 0;
	t_ok(vri_driver_config_write(rig.drv, offsetof(struct virtio_blk_config, wce), &wce, 1));
	t_ok(vri_blk_write(rig.blk, 0, 0, &iov, 1, &tokens[0]));
	turn(&rig);
	t_true(mock.job[0]->durable);
	end_job(0);
	turn(&rig);
	rig_end(&rig);
}
