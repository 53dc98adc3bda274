/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Serves one device of a test in a process of its own: device_server ADDRESS KIND OPTIONS.
 * It writes "ready" when it listens, and ends when its standard input does.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vring-ipc/vring-ipc.h>

#include "devices.h"

static void log_line(void *data, enum vri_log_level level, const char *line)
{
	fprintf(stderr, "device_server: %s\n", line);
}

static int serve(struct vri_listener *listener)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = vri_listener_fd(listener),
			  .events = vri_listener_events(listener) },
			{ .fd = STDIN_FILENO, .events = POLLIN },
		};
		int r;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return 0;
		r = vri_listener_dispatch(listener);
		if (r < 0) {
			fprintf(stderr, "device_server: %s\n", vri_strerror(r));
			return 1;
		}
	}
}

/* For a full disk without one: no file may grow beyond this. */
static void limit_files(const char *options)
{
	long size = devices_number(options, "fsize", 0);
	struct rlimit limit = { (rlim_t)size, (rlim_t)size };

	signal(SIGXFSZ, SIG_IGN);
	if (size > 0)
		setrlimit(RLIMIT_FSIZE, &limit);
}

int main(int argc, char **argv)
{
	struct vri_listener *listener;
	struct vri_device *dev;
	int r;

	if (argc != 4)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	vri_log_set(log_line, NULL, VRI_LOG_ERROR);
	limit_files(argv[3]);
	r = devices_make(argv[2], argv[3], &dev);
	if (r >= 0)
		r = vri_listener_open(&listener, argv[1], dev, NULL);
	if (r < 0) {
		fprintf(stderr, "device_server: %s\n", vri_strerror(r));
		printf("failed %d\n", r);
		return 1;
	}
	vri_device_unref(dev);
	printf("ready\n");
	fflush(stdout);
	r = serve(listener);
	vri_listener_close(listener);
	return r;
}
