/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device at the other end: in this process or in a server that is started for the test. */
#include "harness.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "devices.h"
#include "test.h"

extern char **environ;

/* ---- what this run is of ---- */

const char *harness_transport(void)
{
	const char *given = getenv("VRI_TEST_TRANSPORT");

	return given ? given : "loop:";
}

enum vri_ring harness_ring(void)
{
	const char *given = getenv("VRI_TEST_RING");

	if (!given)
		return VRI_RING_AUTO;
	if (strcmp(given, "packed") == 0)
		return VRI_RING_PACKED;
	if (strcmp(given, "split") == 0)
		return VRI_RING_SPLIT;
	t_fail("VRI_TEST_RING=%s is no ring format", given);
}

/* ---- the server ---- */

static void read_ready(int fd)
{
	char line[64] = "";
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(line) - 1 && (r = read(fd, line + n, sizeof(line) - 1 - n)) > 0) {
		n += (size_t)r;
		if (memchr(line, '\n', n))
			break;
	}
	t_streq(line, "ready\n");
}

static void spawn_server(struct harness *h, const char *kind, const char *options)
{
	const char *argv[] = { DEVICE_SERVER, h->address, kind, options, NULL };
	posix_spawn_file_actions_t actions;
	int in[2], out[2];

	t_sys(pipe2(in, O_CLOEXEC));
	t_sys(pipe2(out, O_CLOEXEC));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	t_eq(posix_spawn(&h->server, argv[0], &actions, NULL, (char **)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	h->server_in = in[1];
	read_ready(out[0]);
	close(out[0]);
}

static void end_server(struct harness *h)
{
	int status;

	if (h->server <= 0)
		return;
	close(h->server_in);
	t_sys(waitpid(h->server, &status, 0));
	h->server = 0;
	t_true(WIFEXITED(status));
	t_eq(WEXITSTATUS(status), 0);
}

/* ---- the harness ---- */

void harness_begin(struct harness *h, const char *transport)
{
	memset(h, 0, sizeof(*h));
	tmpdir_open(&h->dir);
	leaks_begin(&h->leaks);
	h->in_process = strcmp(transport, "loop:") == 0;
	h->address = h->in_process ? transport : tmpdir_unix(&h->dir, "s");
}

void harness_serve(struct harness *h, const char *kind, const char *options)
{
	if (h->in_process)
		t_ok(devices_make(kind, options, &h->dev));
	else
		spawn_server(h, kind, options);
}

/* What the driver refuses, so that the set that VRI_TEST_FEATURES names is left. */
static struct vri_features refused(void)
{
	static const struct {
		const char *name;
		int left; /* a bit, or -1 */
	} sets[] = {
		{ "plain", -1 },
		{ "indirect", VRI_F_INDIRECT_DESC },
		{ "event-idx", VRI_F_EVENT_IDX },
		{ "in-order", VRI_F_IN_ORDER },
	};
	static const int optional[] = { VRI_F_INDIRECT_DESC, VRI_F_EVENT_IDX, VRI_F_IN_ORDER };
	const char *name = getenv("VRI_TEST_FEATURES");
	struct vri_features set = { { 0 } };

	if (!name)
		return set;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (strcmp(sets[i].name, name) != 0)
			continue;
		for (unsigned k = 0; k < sizeof(optional) / sizeof(optional[0]); k++)
			if (optional[k] != sets[i].left)
				vri_features_set(&set, (unsigned)optional[k]);
		return set;
	}
	t_fail("VRI_TEST_FEATURES=%s is no set of features", name);
}

int harness_try_link(struct harness *h, const struct vri_link_opts *opts,
		     struct vri_link **ret_link)
{
	struct vri_link_opts o = { .size = sizeof(o) };

	if (opts)
		o = *opts;
	o.device = h->dev;
	if (o.ring == VRI_RING_AUTO)
		o.ring = harness_ring();
	o.refused = refused();
	return vri_link_open(ret_link, h->address, &o);
}

struct vri_link *harness_link(struct harness *h, const struct vri_link_opts *opts)
{
	struct vri_link *link;

	t_ok(harness_try_link(h, opts, &link));
	return link;
}

void harness_stop(struct harness *h)
{
	vri_device_unref(h->dev);
	h->dev = NULL;
	end_server(h);
}

void harness_end(struct harness *h)
{
	harness_stop(h);
	leaks_check(&h->leaks);
	tmpdir_close(&h->dir);
}

/* ---- helpers ---- */

const char *harness_file(struct harness *h, const char *name, off_t size)
{
	const char *path = tmpdir_file(&h->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	t_sys(fd);
	t_sys(ftruncate(fd, size));
	close(fd);
	return path;
}

void dice_seed(struct dice *dice)
{
	const char *given = getenv("VRI_TEST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	dice->state = given ? strtoull(given, NULL, 0) :
			      ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec ^
				      ((uint64_t)getpid() << 48);
	fprintf(stderr, "VRI_TEST_SEED=%llu\n", (unsigned long long)dice->state);
}

/* splitmix64 */
uint64_t dice_throw(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *dice, uint64_t below)
{
	return dice_throw(dice) % below;
}

void dice_fill(struct dice *dice, void *buf, size_t len)
{
	uint8_t *bytes = buf;

	while (len > 0) {
		uint64_t word = dice_throw(dice);
		size_t n = len < sizeof(word) ? len : sizeof(word);

		memcpy(bytes, &word, n);
		bytes += n;
		len -= n;
	}
}
