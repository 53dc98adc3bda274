/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the kernel offers for the same: a pair of eventfds, and a Unix stream socket with the payload. */
#include "bench.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
	int ask, answer; /* eventfds, or the two ends of a socket */
	size_t payload;
	char buffer[65536];
};

static int eventfd_answer(const struct bench_env *env, void *arg)
{
	struct ends *ends = arg;
	uint64_t value;

	(void)env;
	bench_ready();
	while (read(ends->ask, &value, sizeof(value)) == sizeof(value)) {
		value = 1;
		if (write(ends->answer, &value, sizeof(value)) != sizeof(value))
			return -EIO;
	}
	return 0;
}

static int eventfd_round_trip(void *arg)
{
	struct ends *ends = arg;
	uint64_t value = 1;

	if (write(ends->ask, &value, sizeof(value)) != sizeof(value) ||
	    read(ends->answer, &value, sizeof(value)) != sizeof(value))
		return -EIO;
	return 0;
}

static int eventfd_measure(const struct bench_env *env, struct bench_sample *ret_sample)
{
	struct ends ends = { .ask = eventfd(0, EFD_CLOEXEC), .answer = eventfd(0, EFD_CLOEXEC) };
	pid_t pid = bench_start(env, eventfd_answer, &ends);
	int r = pid < 0 ? (int)pid : bench_time(env, eventfd_round_trip, &ends, ret_sample);

	if (pid > 0)
		bench_stop(pid);
	close(ends.ask);
	close(ends.answer);
	return r;
}

static int transfer(int fd, char *buffer, size_t len, bool out)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = out ? send(fd, buffer + done, len - done, MSG_NOSIGNAL) :
				  recv(fd, buffer + done, len - done, 0);
		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int socket_answer(const struct bench_env *env, void *arg)
{
	struct ends *ends = arg;

	close(ends->ask);
	bench_ready();
	while (transfer(ends->answer, ends->buffer, env->payload, false) == 0 &&
	       transfer(ends->answer, ends->buffer, env->payload, true) == 0)
		;
	return 0;
}

static int socket_round_trip(void *arg)
{
	struct ends *ends = arg;
	int r = transfer(ends->ask, ends->buffer, ends->payload, true);

	return r < 0 ? r : transfer(ends->ask, ends->buffer, ends->payload, false);
}

static int socket_measure(const struct bench_env *env, struct bench_sample *ret_sample)
{
	static struct ends ends;
	int pair[2];

	if (env->payload > sizeof(ends.buffer))
		return -EINVAL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	ends.ask = pair[0];
	ends.answer = pair[1];
	ends.payload = env->payload;
	pid_t pid = bench_start(env, socket_answer, &ends);
	int r = pid < 0 ? (int)pid : bench_time(env, socket_round_trip, &ends, ret_sample);
	if (pid > 0)
		bench_stop(pid);
	close(pair[0]);
	close(pair[1]);
	return r;
}

const struct bench_scenario baseline_eventfd = {
	.name = "eventfd",
	.what = "two eventfds, blocking, no payload",
	.measure = eventfd_measure,
};

const struct bench_scenario baseline_socket = {
	.name = "unix_stream",
	.what = "Unix stream socket with the payload, blocking",
	.measure = socket_measure,
};
