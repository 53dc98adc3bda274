/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Opens the link of a `vring drive` command, waits on it, and explains how it ended. */
#include "drive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "options.h"

/* What the library has to say, a refusing device's words among it, goes where messages go. */
static void print_log(void *data, enum vri_log_level level, const char *line)
{
	struct drive *d = data;

	if (level <= VRI_LOG_WARNING)
		d->explained = true;
	fprintf(stderr, "vring: %s\n", line);
}

static void on_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	struct drive *d = data;

	d->needs_reset = true;
	snprintf(d->why, sizeof(d->why), "%s", why);
}

static void on_gone(struct vri_driver *drv, void *data)
{
	struct drive *d = data;

	d->gone = true;
}

static const struct vri_driver_callbacks callbacks = {
	.size = sizeof(callbacks),
	.needs_reset = on_needs_reset,
	.gone = on_gone,
};

/* virtio 1.4, 2.8: the size of a packed ring need not be a power of two. */
static int read_queue_size(const struct cmd_call *call, unsigned ring, unsigned *inout)
{
	if (ring == VRI_RING_PACKED)
		return option_unsigned(call, "--queue-size", 2, VRI_QUEUE_SIZE_MAX, inout);
	return option_power_of_two(call, "--queue-size", 2, VRI_QUEUE_SIZE_MAX, inout);
}

static int read_options(const struct cmd_call *call, struct vri_link_opts *opts)
{
	unsigned notifier = VRI_NOTIFIER_AUTO, ring = VRI_RING_AUTO;
	int r;

	r = option_ring(call, &ring);
	if (r == CMD_OK)
		r = read_queue_size(call, ring, &opts->queue_size);
	if (r == CMD_OK)
		r = option_notifier(call, &notifier);
	if (r == CMD_OK)
		r = option_unsigned(call, "--timeout", 1, 86400000, &opts->timeout_ms);
	if (r == CMD_OK)
		r = option_unsigned(call, "--deadline", 1, 86400000, &opts->deadline_ms);
	opts->notifier = (enum vri_notifier)notifier;
	opts->ring = (enum vri_ring)ring;
	return r;
}

int drive_check(const struct cmd_call *call)
{
	struct vri_link_opts opts = { .size = sizeof(opts) };

	return read_options(call, &opts);
}

/* Why the link was not opened, unless the library said so already. */
static int open_failed(const struct drive *d, int error)
{
	if (d->explained)
		return cmd_fail("%s: there is no link", d->address);
	switch (error) {
	case -EINVAL:
		return cmd_usage(
			"'%s' is not an address that can be driven: one is unix:PATH or org.example.name",
			d->address);
	case -ENOENT:
		return cmd_fail("%s: there is no such socket", d->address);
	case -ECONNREFUSED:
		return cmd_fail("%s: nobody serves there", d->address);
	case -EOPNOTSUPP:
		return cmd_fail("%s: the device has no packed rings", d->address);
	default:
		return cmd_fail("%s: %s", d->address, vri_strerror(error));
	}
}

int drive_open(struct drive *d, const struct cmd_call *call, const struct drive_needs *needs)
{
	struct vri_link_opts opts = {
		.size = sizeof(opts),
		.type = needs->type,
		.device_id = needs->device_id,
		.n_queues = needs->n_queues,
		.pool_size = needs->pool_size,
	};
	int r;

	*d = (struct drive){ .address = call->arg[0] };
	r = read_options(call, &opts);
	if (r != CMD_OK)
		return r;

	/* A peer that went away must not kill this process by a pipe. */
	signal(SIGPIPE, SIG_IGN);
	vri_log_set(print_log, d, cmd_has(call, "-v") ? VRI_LOG_DEBUG : VRI_LOG_WARNING);
	r = vri_link_open(&d->link, d->address, &opts);
	if (r < 0)
		return open_failed(d, r);
	d->drv = vri_link_driver(d->link);
	vri_driver_set_callbacks(d->drv, &callbacks, d);
	return CMD_OK;
}

void drive_close(struct drive *d)
{
	vri_link_close(d->link);
	vri_log_set(NULL, NULL, VRI_LOG_WARNING);
	d->link = NULL;
}

/* Returns: 1 when a queue has something already; 0 when all are armed; a queue's error. */
static int arm_all(struct drive *d)
{
	for (unsigned i = 0; i < vri_driver_n_queues(d->drv); i++) {
		struct vri_drvq *q = vri_driver_drvq(d->drv, i);
		int r = q ? vri_drvq_arm(q) : 0;

		if (r)
			return r;
	}
	return 0;
}

static void suppress_all(struct drive *d)
{
	for (unsigned i = 0; i < vri_driver_n_queues(d->drv); i++) {
		struct vri_drvq *q = vri_driver_drvq(d->drv, i);

		if (q)
			vri_drvq_suppress(q);
	}
}

static int block(struct drive *d, int input_fd, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = vri_link_fd(d->link), .events = vri_link_events(d->link) },
		{ .fd = interrupt_fd(), .events = POLLIN },
		{ .fd = input_fd, .events = POLLIN },
	};
	int r = poll(fds, 3, timeout_ms);

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return 0;
}

int drive_wait(struct drive *d, int input_fd, int timeout_ms)
{
	int r = arm_all(d);

	if (r == 0)
		r = block(d, input_fd, timeout_ms);
	if (r >= 0)
		r = vri_link_dispatch(d->link);
	suppress_all(d);
	if (r == -ECONNRESET) {
		d->gone = true;
		return 0;
	}
	return r < 0 ? r : 0;
}

/* The rule that one of the queues was broken by, if any. */
static enum vri_rule broken_rule(const struct drive *d)
{
	enum vri_rule rule = VRI_RULE_NONE;

	for (unsigned i = 0; d->drv && i < vri_driver_n_queues(d->drv); i++) {
		struct vri_drvq *q = vri_driver_drvq(d->drv, i);

		if (q && rule == VRI_RULE_NONE)
			rule = vri_drvq_broken(q);
	}
	return rule;
}

int drive_fail(const struct drive *d, int error)
{
	enum vri_rule rule = broken_rule(d);

	if (rule != VRI_RULE_NONE)
		return cmd_fail("%s: the device broke a rule: %s", d->address, vri_rule_text(rule));
	if (d->needs_reset)
		return cmd_fail("%s: the device gave up and needs a reset: %s", d->address, d->why);
	if (d->gone || error == -ECONNRESET)
		return cmd_fail("%s: the device went away", d->address);
	return cmd_fail("%s: %s", d->address, vri_strerror(error));
}

int drive_create_file(const char *path)
{
	/* O_NONBLOCK: the open of a FIFO would wait for a reader. */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	struct stat st;

	if (fd < 0) {
		cmd_fail("%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		cmd_fail("%s: is not a regular file, so it is left as it is", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0) {
		cmd_fail("%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int drive_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n;

		if (interrupt_signal())
			return -EINTR;
		n = write(fd, p, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
