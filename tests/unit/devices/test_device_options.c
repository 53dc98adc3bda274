/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Making devices: what is refused, and that a refusal leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/devices/echo.h>
#include <vring-ipc/devices/rng.h>

#include "leaks.h"
#include "test.h"
#include "tmpdir.h"

static struct tmpdir dir;
static struct leaks leaks;

static void begin(void)
{
	tmpdir_open(&dir);
	leaks_begin(&leaks);
}

static void end(void)
{
	leaks_check(&leaks);
	tmpdir_close(&dir);
}

static const char *image(const char *name)
{
	const char *path = tmpdir_file(&dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	t_sys(fd);
	t_sys(ftruncate(fd, 65536));
	close(fd);
	return path;
}

static const struct vri_blk_device_opts bad_blk_opts[] = {
	{ .size = sizeof(bad_blk_opts[0]), .block_size = 256 },
	{ .size = sizeof(bad_blk_opts[0]), .block_size = 1000 },
	{ .size = sizeof(bad_blk_opts[0]), .block_size = 131072 },
	{ .size = sizeof(bad_blk_opts[0]), .id = "one more than twenty." },
	{ .size = sizeof(bad_blk_opts[0]), .io = (enum vri_blk_io)3 },
	{ .size = sizeof(bad_blk_opts[0]), .n_queues = VRI_QUEUES_MAX + 1 },
	{ .size = sizeof(bad_blk_opts[0]), .queue_size_max = 100 },
	{ .size = sizeof(bad_blk_opts[0]), .queue_size_max = 65536 },
	{ .size = sizeof(bad_blk_opts[0]), .in_flight_max = 65536 },
	{ .size = sizeof(bad_blk_opts[0]), .seg_max = 65536 },
	{ .size = sizeof(bad_blk_opts[0]), .max_ranges = 257 },
	{ .size = sizeof(bad_blk_opts[0]), .name = "a\nline" },
	{ .size = 1 },
};

TestEach(device_options, blk_that_makes_no_sense_is_refused, bad_blk_opts,
	 struct vri_blk_device_opts, .init = begin, .fini = end)
{
	struct vri_device *dev = NULL;

	t_errno_eq(vri_blk_device_new(image("image"), param, &dev), -EINVAL);
	t_null(dev);
}

Test(device_options, blk_without_a_file_says_what_is_wrong, .init = begin, .fini = end)
{
	struct vri_device *dev = NULL;

	t_errno_eq(vri_blk_device_new(tmpdir_file(&dir, "missing"), NULL, &dev), -ENOENT);
	t_errno_eq(vri_blk_device_new(dir.path, NULL, &dev), -EISDIR);
	t_errno_eq(vri_blk_device_new("/dev/null", NULL, &dev), -ENOTBLK);
	t_errno_eq(vri_blk_device_new(NULL, NULL, &dev), -EINVAL);
	t_null(dev);
}

Test(device_options, blk_takes_its_name_from_any_file, .init = begin, .fini = end)
{
	struct vri_device *dev;

	t_ok(vri_blk_device_new(image("h\xc3\xa9\n\x1b[31m"), NULL, &dev));
	t_streq(vri_device_name(dev), "h????[31m");
	vri_device_unref(dev);
}

Test(device_options, blk_says_how_it_does_its_io, .init = begin, .fini = end)
{
	struct vri_blk_device_opts opts = { .size = sizeof(opts), .io = VRI_BLK_IO_SYNC };
	struct vri_blk_stats stats;
	struct vri_device *dev;

	t_ok(vri_blk_device_new(image("image"), &opts, &dev));
	t_eq(vri_blk_device_io(dev), VRI_BLK_IO_SYNC);
	memset(&stats, 0xff, sizeof(stats));
	vri_blk_device_stats(dev, &stats);
	t_eq(stats.requests, 0);
	t_eq(stats.in_flight, 0);
	vri_device_unref(dev);
}

Test(device_options, echo_and_rng_have_limits, .init = begin, .fini = end)
{
	struct vri_echo_device_opts echo = { .size = sizeof(echo) };
	struct vri_rng_device_opts rng = { .size = sizeof(rng) };
	struct vri_device *dev = NULL;

	echo.max_message = (16u << 20) + 1;
	t_errno_eq(vri_echo_device_new(&echo, &dev), -EINVAL);
	echo.max_message = 0;
	echo.n_queues = VRI_QUEUES_MAX;
	t_errno_eq(vri_echo_device_new(&echo, &dev), -EINVAL);
	echo.n_queues = 0;
	echo.queue_size_max = 3;
	t_errno_eq(vri_echo_device_new(&echo, &dev), -EINVAL);
	rng.request_max = (1u << 20) + 1;
	t_errno_eq(vri_rng_device_new(&rng, &dev), -EINVAL);
	t_null(dev);
}
