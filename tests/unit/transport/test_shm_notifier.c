/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Which kind of notifier a link gets, and what a peer can do with the end that it holds. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"

static struct tmpdir dir;
static struct leaks leaks;
static struct serve serve;
static const char *address;

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
}

static void tear_down(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

#define NotifierTest(name) Test(shm_notifier, name, .init = set_up, .fini = tear_down)

static bool is_pipe(int fd)
{
	struct stat st;

	t_sys(fstat(fd, &st));
	return S_ISFIFO(st.st_mode);
}

struct wishes {
	enum vri_notifier driver, device;
	bool pipe;
};

static const struct wishes wishes[] = {
	{ VRI_NOTIFIER_AUTO, VRI_NOTIFIER_AUTO, false },
	{ VRI_NOTIFIER_EVENTFD, VRI_NOTIFIER_AUTO, false },
	{ VRI_NOTIFIER_AUTO, VRI_NOTIFIER_EVENTFD, false },
	{ VRI_NOTIFIER_EVENTFD, VRI_NOTIFIER_EVENTFD, false },
	{ VRI_NOTIFIER_PIPE, VRI_NOTIFIER_AUTO, true },
	{ VRI_NOTIFIER_AUTO, VRI_NOTIFIER_PIPE, true },
	{ VRI_NOTIFIER_PIPE, VRI_NOTIFIER_EVENTFD, true },
	{ VRI_NOTIFIER_EVENTFD, VRI_NOTIFIER_PIPE, true },
	{ VRI_NOTIFIER_PIPE, VRI_NOTIFIER_PIPE, true },
};

NotifierTest(a_pipe_when_either_side_asks_for_one)
{
	for (unsigned i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct serve_opts opts = { .listener.notifier = wishes[i].device };
		struct vri_link_opts mine = { .size = sizeof(mine), .notifier = wishes[i].driver };
		struct vri_link *link;

		serve_start(&serve, address, &opts);
		t_ok(vri_link_open(&link, address, &mine));
		t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
		t_eq(is_pipe(vri_drvq_fd(vri_driver_drvq(vri_link_driver(link), 0))),
		     wishes[i].pipe);
		for (int n = 0; n < 20; n++)
			serve_echo(link, 0, 64);
		vri_link_close(link);
		serve_stop(&serve);
	}
}

/* Attaches as another user, to a name that has no folder in the way. Returns: 0 when that worked, over a
 * pipe; 1 when it was refused. */
static int attach_as_nobody(const char *name)
{
	int status;
	pid_t child = fork();

	t_sys(child);
	if (child == 0) {
		struct vri_link *link;
		int r;

		t_sys(setresgid(65534, 65534, 65534));
		t_sys(setresuid(65534, 65534, 65534));
		r = vri_link_open(&link, name, NULL);
		if (r == -ECONNREFUSED)
			_exit(17);
		t_ok(r);
		t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
		t_true(is_pipe(vri_drvq_fd(vri_driver_drvq(vri_link_driver(link), 0))));
		for (int n = 0; n < 20; n++)
			serve_echo(link, 0, 64);
		vri_link_close(link);
		_exit(0);
	}
	t_eq(waitpid(child, &status, 0), child);
	t_true(WIFEXITED(status));
	t_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 17);
	return WEXITSTATUS(status) != 0;
}

NotifierTest(a_pipe_between_different_users)
{
	struct serve_opts opts = { .listener.mode = 0666 };
	char name[64];

	if (geteuid() != 0)
		t_skip("needs to become another user");
	snprintf(name, sizeof(name), "unix:@vring-ipc-test-%d", getpid());
	serve_start(&serve, name, &opts);
	t_eq(attach_as_nobody(name), 0);
	serve_stop(&serve);
}

/* Without a file there is no mode: a name is for the same user, unless others were asked for. */
NotifierTest(an_abstract_name_is_for_the_same_user)
{
	char name[64];

	if (geteuid() != 0)
		t_skip("needs to become another user");
	snprintf(name, sizeof(name), "unix:@vring-ipc-test-%d", getpid());
	serve_start(&serve, name, NULL);
	t_eq(attach_as_nobody(name), 1);
	serve_stop(&serve);
}

/* The device's notifier, seen by the driver: what a driver does to its end of a pipe does not reach
 * the device's. */
NotifierTest(the_ends_of_a_pipe_are_two_open_files)
{
	struct serve_opts opts = { .listener.notifier = VRI_NOTIFIER_PIPE };
	struct raw_driver raw;
	char byte;

	serve_start(&serve, address, &opts);
	raw_start(&raw, address + strlen("unix:"));
	t_eq(fcntl(raw.call_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	t_eq(write(raw.call_fd, "x", 1), -1);
	t_eq(errno, EBADF);
	t_eq(read(raw.call_fd, &byte, 1), -1);
	t_eq(errno, EAGAIN);
	raw_close(&raw);
	serve_stop(&serve);
}

/* A peer that closes its receiving end raises no SIGPIPE, and its link goes on. */
NotifierTest(nobody_at_the_receiving_end_is_no_signal)
{
	struct serve_opts opts = { .listener.notifier = VRI_NOTIFIER_PIPE };
	struct region_queue_areas areas;
	struct raw_driver raw;
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} * desc;
	uint16_t *avail;

	serve_start(&serve, address, &opts);
	raw_start(&raw, address + strlen("unix:"));
	close(raw.call_fd);
	raw.call_fd = -1;
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	desc = (void *)(raw.base + areas.desc);
	avail = (void *)(raw.base + areas.driver);
	desc[0].addr = raw.map.pool.offset;
	desc[0].len = 64;
	desc[0].flags = 2; /* WRITE */
	for (unsigned i = 0; i < 100; i++) {
		__atomic_store_n(&avail[1], (uint16_t)(i + 1), __ATOMIC_RELEASE);
		t_eq(write(raw.kick_fd, "k", 1), 1);
		serve_await(&serve.served, i + 1);
	}
	t_ge(raw_set_status(&raw, 0), 0);
	raw_close(&raw);
	serve_stop(&serve);
}

/* The driver's notifier is a pipe whose writers are gone: readable for ever, and nobody spins. */
NotifierTest(a_pipe_without_a_writer_keeps_nobody_busy)
{
	struct serve_opts opts = { .listener.notifier = VRI_NOTIFIER_PIPE };
	struct raw_driver raw;
	unsigned before;

	serve_start(&serve, address, &opts);
	raw_start(&raw, address + strlen("unix:"));
	close(raw.kick_fd);
	raw.kick_fd = -1;
	t_ge(raw_set_status(&raw, 15), 0);
	usleep(50000);
	before = serve.dispatches;
	usleep(100000);
	t_le(serve.dispatches - before, 2);
	t_eq(raw_set_status(&raw, 0), 0);
	raw_close(&raw);
	serve_stop(&serve);
}
