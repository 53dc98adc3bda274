/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring serve blk`: a disk image, an existing one or a new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>

#include "options.h"
#include "serve.h"

static int read_options(const struct cmd_call *call, struct vri_blk_device_opts *opts)
{
	static const char *const kinds[] = {
		[VRI_BLK_IO_AUTO] = "auto",
		[VRI_BLK_IO_URING] = "uring",
		[VRI_BLK_IO_SYNC] = "sync",
		NULL,
	};
	unsigned io = VRI_BLK_IO_AUTO;
	uint64_t block_size = 0;
	int r = option_choice(call, "--io", kinds, &io);

	if (r == CMD_OK)
		r = option_unsigned(call, "--queues", 1, VRI_QUEUES_MAX, &opts->n_queues);
	if (r == CMD_OK)
		r = option_power_of_two(call, "--queue-size", 2, VRI_QUEUE_SIZE_MAX,
					&opts->queue_size_max);
	if (r == CMD_OK)
		r = cmd_option_size(call, "--block-size", 512, 65536, &block_size);
	if (r != CMD_OK)
		return r;
	if (block_size & (block_size - 1))
		return cmd_usage("--block-size: %s is not a power of two",
				 cmd_value(call, "--block-size"));
	if (opts->id && strlen(opts->id) > VRI_BLK_ID_MAX)
		return cmd_usage("--serial: '%s' has more than %d bytes", opts->id, VRI_BLK_ID_MAX);
	opts->io = (enum vri_blk_io)io;
	opts->block_size = (unsigned)block_size;
	return CMD_OK;
}

/* --create makes a sparse file and never touches one that is there. */
static int check_create(const struct cmd_call *call, uint64_t *ret_size)
{
	bool create = cmd_has(call, "--create");

	if (!cmd_value(call, "--image"))
		return cmd_usage("serve blk: --image is missing: which file?");
	if (create != cmd_has(call, "--size"))
		return cmd_usage("serve blk: --create and --size go together");
	if (create && cmd_has(call, "--read-only"))
		return cmd_usage("serve blk: --create with --read-only would serve nothing");
	return cmd_option_size(call, "--size", 512, INT64_MAX, ret_size);
}

static int create(const char *path, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r = 0;

	if (fd < 0)
		return cmd_fail("%s: %s", path, strerror(errno));
	if (ftruncate(fd, (off_t)size) < 0)
		r = errno;
	if (close(fd) < 0 && !r)
		r = errno;
	if (!r)
		return CMD_OK;
	unlink(path);
	return cmd_fail("%s: cannot have %llu bytes: %s", path, (unsigned long long)size,
			strerror(r));
}

static const char *image_error(int error, const struct vri_blk_device_opts *opts)
{
	switch (error) {
	case -EISDIR:
		return "is a folder";
	case -ENOTBLK:
		return "is neither a regular file nor a block device";
	case -EINVAL:
		return "is smaller than one block";
	case -ENOSYS:
	case -EPERM:
		if (opts->io == VRI_BLK_IO_URING)
			return "--io uring: the kernel has or allows no io_uring";
		return vri_strerror(error);
	default:
		return strerror(-error);
	}
}

static void describe(const struct serve *s, struct model *model)
{
	bool uring = vri_blk_device_io(s->dev) == VRI_BLK_IO_URING;

	model_text(model, "image", NULL, cmd_value(s->call, "--image"));
	model_text(model, "io", NULL, uring ? "uring" : "sync");
}

static void sum_up(const struct serve *s)
{
	struct vri_blk_stats stats = { 0 };

	vri_blk_device_stats(s->dev, &stats);
	fprintf(stderr,
		"vring: requests=%llu failed=%llu bytes_read=%llu bytes_written=%llu "
		"out_of_order=%llu in_flight_peak=%u\n",
		(unsigned long long)stats.requests, (unsigned long long)stats.failed,
		(unsigned long long)stats.bytes_read, (unsigned long long)stats.bytes_written,
		(unsigned long long)stats.out_of_order, stats.in_flight_peak);
}

int cmd_serve_blk(const struct cmd_call *call)
{
	const char *image = cmd_value(call, "--image");
	struct vri_blk_device_opts opts = {
		.size = sizeof(opts),
		.name = cmd_value(call, "--name"),
		.id = cmd_value(call, "--serial"),
		.read_only = cmd_has(call, "--read-only"),
	};
	struct serve serve = {
		.call = call, .kind = "blk", .describe = describe, .sum_up = sum_up
	};
	bool was_ready = false;
	uint64_t size = 0;
	int r = check_create(call, &size);

	if (r == CMD_OK)
		r = read_options(call, &opts);
	if (r == CMD_OK)
		r = serve_check(call);
	if (r == CMD_OK && cmd_has(call, "--create"))
		r = create(image, size);
	if (r != CMD_OK)
		return r;

	r = vri_blk_device_new(image, &opts, &serve.dev);
	r = r < 0 ? cmd_fail("%s: %s", image, image_error(r, &opts)) :
		    serve_run(&serve, &was_ready);
	vri_device_unref(serve.dev);
	/* What could not be served leaves nothing behind. */
	if (!was_ready && cmd_has(call, "--create"))
		unlink(image);
	return r;
}
