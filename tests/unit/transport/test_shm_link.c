/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links over a Unix socket from the outside: addresses, options, use, waiting, memory, fork, the end. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "serve.h"
#include "tmpdir.h"
#include "util/memfd.h"

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

#define LinkTest(name, ...) Test(shm_link, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

static struct vri_link *open_started(const struct vri_link_opts *opts)
{
	struct vri_link *link;

	t_ok(vri_link_open(&link, address, opts));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	return link;
}

/* ---- addresses and options ---- */

LinkTest(an_address_that_is_none_is_refused)
{
	static const char *const bad[] = { "",	     "unix",  "unix:", "unix:@", "UNIX:/tmp/x",
					   "/tmp/x", "tcp:1", "loop:" };
	struct vri_listener *listener;
	struct vri_link *link = NULL;

	serve_start(&serve, address, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_errno_eq(vri_link_open(&link, bad[i], NULL), -EINVAL);
		t_errno_eq(vri_listener_open(&listener, bad[i], serve.dev, NULL), -EINVAL);
	}
	t_errno_eq(vri_link_open(&link, NULL, NULL), -EINVAL);
	t_errno_eq(vri_link_open(NULL, address, NULL), -EINVAL);
	t_errno_eq(vri_listener_open(&listener, address, NULL, NULL), -EINVAL);
	t_null(link);
	serve_stop(&serve);
}

LinkTest(an_address_where_nobody_is_says_so)
{
	struct vri_link *link;
	char text[200];
	int fd;

	t_errno_eq(vri_link_open(&link, address, NULL), -ENOENT);
	fd = open(address + strlen("unix:"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	t_sys(fd);
	close(fd);
	t_errno_eq(vri_link_open(&link, address, NULL), -ECONNREFUSED);
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[sizeof(text) - 1] = 0;
	t_errno_eq(vri_link_open(&link, text, NULL), -ENAMETOOLONG);
}

LinkTest(options_beyond_the_limits_are_refused)
{
	struct vri_link_opts bad[] = {
		{ .size = 1 },
		{ .size = sizeof(bad[0]), .n_queues = VRI_QUEUES_MAX + 1 },
		{ .size = sizeof(bad[0]), .queue_size = 3 },
		{ .size = sizeof(bad[0]), .queue_size = VRI_QUEUE_SIZE_MAX * 2 },
		{ .size = sizeof(bad[0]), .pool_size = SIZE_MAX },
		{ .size = sizeof(bad[0]), .indirect_max = VRI_QUEUE_SIZE_MAX + 1 },
		{ .size = sizeof(bad[0]), .notifier = (enum vri_notifier)3 },
		{ .size = sizeof(bad[0]), .timeout_ms = ~0u },
		{ .size = sizeof(bad[0]), .n_queues = 2 },
		{ .size = sizeof(bad[0]), .queue_size = 512 },
	};
	struct vri_listener_opts bad_listener[] = {
		{ .size = sizeof(bad_listener[0]), .mode = 01000 },
		{ .size = sizeof(bad_listener[0]), .notifier = (enum vri_notifier)3 },
		{ .size = sizeof(bad_listener[0]), .timeout_ms = ~0u },
	};
	struct {
		struct vri_link_opts opts;
		uint64_t more;
	} newer = { .opts.size = sizeof(newer) };
	struct vri_listener *listener;
	struct vri_link *link;

	serve_start(&serve, address, NULL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		t_errno_eq(vri_link_open(&link, address, &bad[i]), -EINVAL);
	for (unsigned i = 0; i < 3; i++)
		t_errno_eq(vri_listener_open(&listener, tmpdir_unix(&dir, "t"), serve.dev,
					     &bad_listener[i]),
			   -EINVAL);
	/* What a later version added is fine as long as it is zero. */
	t_ok(vri_link_open(&link, address, &newer.opts));
	vri_link_close(link);
	newer.more = 1;
	t_errno_eq(vri_link_open(&link, address, &newer.opts), -EINVAL);
	serve_stop(&serve);
}

LinkTest(nothing_is_not_a_link)
{
	vri_link_close(NULL);
	vri_listener_close(NULL);
	t_null(vri_link_driver(NULL));
	t_errno_eq(vri_link_wait(NULL, 0), -EINVAL);
	t_errno_eq(vri_listener_wait(NULL, 0), -EINVAL);
	t_eq(vri_listener_n_links(NULL), 0);
}

LinkTest(a_listener_says_who_is_in_its_way)
{
	struct vri_listener *listener;
	const char *file = tmpdir_unix(&dir, "file");
	struct stat st;
	int fd = open(file + strlen("unix:"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	t_sys(fd);
	close(fd);
	serve_start(&serve, address, NULL);
	t_sys(stat(address + strlen("unix:"), &st));
	t_eq(st.st_mode & 0777, 0600);
	t_errno_eq(vri_listener_open(&listener, address, serve.dev, NULL), -EADDRINUSE);
	t_errno_eq(vri_listener_open(&listener, file, serve.dev, NULL), -EEXIST);
	t_errno_eq(vri_listener_open(&listener, tmpdir_unix(&dir, "no/s"), serve.dev, NULL),
		   -ENOENT);
	serve_stop(&serve);
}

/* ---- use ---- */

LinkTest(carries_bytes_there_and_back)
{
	struct vri_link *link;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	t_eq(strlen(vri_link_id(link)), 32);
	t_streq(vri_driver_type(vri_link_driver(link)), SERVE_TYPE);
	for (size_t len = 1; len < 100000; len = len * 3 + 1)
		serve_echo(link, 0, len);
	vri_link_close(link);
	serve_stop(&serve);
}

static const unsigned queue_counts[] = { 1, 126, 127, 1024 };

TestEach(shm_link, each_number_of_queues_works, queue_counts, unsigned, .timeout = 120)
{
	/* So many messages take their time where processors are few. */
	struct serve_opts opts = { .n_queues = *param,
				   .queue_size_max = 16,
				   .listener.timeout_ms = 60000 };
	struct rlimit limit;
	struct vri_link *link;

	/* Four descriptors a queue, with both ends in one process. */
	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < *param * 4 + 100)
		t_skip("only %lu descriptors allowed", (unsigned long)limit.rlim_max);
	set_up();
	serve_start(&serve, address, &opts);
	link = open_started(NULL);
	t_eq(vri_driver_n_queues(vri_link_driver(link)), *param);
	for (unsigned i = 0; i < *param; i++)
		serve_echo(link, i, 64);
	vri_link_close(link);
	serve_stop(&serve);
	tear_down();
}

LinkTest(a_process_out_of_descriptors_is_told_so)
{
	struct serve_opts opts = { .n_queues = 64, .queue_size_max = 16 };
	struct rlimit limit, low;
	struct serve child;
	struct vri_link *link;

	serve_fork(&child, address, &opts);
	t_ok(vri_link_open(&link, address, NULL));
	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 60;
	t_sys(setrlimit(RLIMIT_NOFILE, &low));
	t_lt(vri_driver_start(vri_link_driver(link), NULL, NULL), 0);
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
	vri_link_close(link);
	serve_kill(&child);
}

LinkTest(many_drivers_have_a_link_each)
{
	struct vri_link *links[20];

	serve_start(&serve, address, NULL);
	for (int i = 0; i < 20; i++)
		links[i] = open_started(NULL);
	for (int round = 0; round < 5; round++)
		for (int i = 0; i < 20; i++)
			serve_echo(links[i], 0, 100 + (size_t)i);
	for (int i = 0; i < 20; i += 2)
		vri_link_close(links[i]);
	serve_await_links(&serve, 10);
	for (int i = 1; i < 20; i += 2)
		serve_echo(links[i], 0, 1000);
	for (int i = 1; i < 20; i += 2)
		vri_link_close(links[i]);
	serve_stop(&serve);
}

LinkTest(a_link_can_be_reset_and_started_again)
{
	struct vri_link *link;
	char *before;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	before = leaks_describe(getpid());
	for (int i = 0; i < 10; i++) {
		serve_echo(link, 0, 100);
		t_ok(vri_driver_reset(vri_link_driver(link)));
		t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	}
	serve_await_holding(before);
	vri_link_close(link);
	serve_stop(&serve);
}

/* proves: dev:2.2/2 drv:3.1/4 */
LinkTest(a_device_can_refuse_in_each_step)
{
	struct serve_opts opts[] = { { .refuses_drivers = true },
				     { .refuses_features = true },
				     { .fails_to_start = true } };
	struct vri_link *link;

	serve_start(&serve, address, &opts[0]);
	t_errno_eq(vri_link_open(&link, address, NULL), -ECONNREFUSED);
	serve_stop(&serve);

	serve_start(&serve, address, &opts[1]);
	t_ok(vri_link_open(&link, address, NULL));
	t_errno_eq(vri_driver_start(vri_link_driver(link), NULL, NULL), -EOPNOTSUPP);
	vri_link_close(link);
	serve_stop(&serve);

	serve_start(&serve, address, &opts[2]);
	t_ok(vri_link_open(&link, address, NULL));
	(void)vri_driver_start(vri_link_driver(link), NULL, NULL);
	t_ne(vri_driver_status(vri_link_driver(link)) & VRI_STATUS_NEEDS_RESET, 0);
	vri_link_close(link);
	serve_stop(&serve);
}

/* ---- the config space ---- */

LinkTest(config_is_read_and_written_with_its_generation)
{
	uint8_t config[SERVE_CONFIG_SIZE];
	struct vri_driver *drv;
	struct vri_link *link;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	drv = vri_link_driver(link);
	t_ok(vri_driver_config_read(drv, 0, config, sizeof(config)));
	t_mem_eq(config, "\1\2\3\4\5\6\7\10", 8);
	t_ok(vri_driver_config_write(drv, 0, "\11\11\11\11", 4));
	t_ok(vri_driver_config_read(drv, 0, config, sizeof(config)));
	t_mem_eq(config, "\11\11\11\11\5\6\7\10", 8);
	t_errno_eq(vri_driver_config_write(drv, 4, "\11", 1), -EPERM);
	t_errno_eq(vri_driver_config_read(drv, 5, config, 4), -EINVAL);
	vri_link_close(link);
	serve_stop(&serve);
}

/* ---- waiting ---- */

/* One buffer that the device keeps. */
static void lend(struct vri_link *link)
{
	struct vri_driver *drv = vri_link_driver(link);
	struct iovec writable = { vri_pool_alloc(vri_driver_pool(drv), 64), 64 };

	t_ok(vri_drvq_add(vri_driver_drvq(drv, 0), NULL, 0, &writable, 1, link));
	t_ok(vri_drvq_kick(vri_driver_drvq(drv, 0)));
}

LinkTest(waiting_ends_when_the_time_is_over)
{
	struct serve_opts opts = { .lets_nothing_out = true };
	struct vri_link_opts never_block = { .size = sizeof(never_block), .spin = ~0u };
	struct vri_link *link;

	serve_start(&serve, address, &opts);
	for (int i = 0; i < 2; i++) {
		struct timespec before, after;

		link = open_started(i ? &never_block : NULL);
		lend(link);
		t_eq(vri_link_wait(link, 0), 0);
		clock_gettime(CLOCK_MONOTONIC, &before);
		t_eq(vri_link_wait(link, 30), 0);
		clock_gettime(CLOCK_MONOTONIC, &after);
		t_ge((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec,
		     30000000);
		vri_link_close(link);
	}
	serve_stop(&serve);
}

static void *stop_soon(void *data)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	serve_stop(data);
	return NULL;
}

/* Asleep when the device goes, in each of the three ways to sleep. */
LinkTest(waiting_ends_when_the_device_goes)
{
	struct serve_opts opts = { .lets_nothing_out = true };

	for (int way = 0; way < 3; way++) {
		struct vri_link *link;
		pthread_t stopper;
		struct pollfd p;
		int r = 0;

		serve_start(&serve, address, &opts);
		link = open_started(NULL);
		lend(link);
		t_eq(pthread_create(&stopper, NULL, stop_soon, &serve), 0);
		if (way == 0) {
			while (r == 0)
				r = vri_link_wait(link, 20000);
		} else if (way == 1) {
			while (r == 0)
				r = vri_drvq_wait(vri_driver_drvq(vri_link_driver(link), 0), 20000);
		} else {
			p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
			while (r == 0 && poll(&p, 1, 20000) == 1)
				r = vri_link_dispatch(link);
		}
		t_errno_eq(r, -ECONNRESET);
		t_eq(pthread_join(stopper, NULL), 0);
		vri_link_close(link);
	}
}

LinkTest(a_deadline_wakes_an_event_loop)
{
	struct serve_opts opts = { .lets_nothing_out = true };
	struct vri_link_opts hasty = { .size = sizeof(hasty), .deadline_ms = 30 };
	struct vri_link *link;
	struct pollfd p;
	int r = 0;

	serve_start(&serve, address, &opts);
	link = open_started(&hasty);
	lend(link);
	p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
	t_eq(vri_link_dispatch(link), 0); /* the first look */
	while (r == 0 && poll(&p, 1, 20000) == 1)
		r = vri_link_dispatch(link);
	t_errno_eq(r, -ETIMEDOUT);
	t_eq(vri_drvq_broken(vri_driver_drvq(vri_link_driver(link), 0)), VRI_RULE_DEADLINE);
	vri_link_close(link);

	link = open_started(&hasty);
	lend(link);
	while ((r = vri_link_wait(link, 20000)) == 0)
		;
	t_errno_eq(r, -ETIMEDOUT);
	vri_link_close(link);
	serve_stop(&serve);
}

/* The loop is told of nothing when a request is added: its first, or one after it has been idle for a while. */
LinkTest(a_deadline_needs_no_dispatch_after_the_request)
{
	struct serve_opts opts = { .lets_nothing_out = true };
	struct vri_link_opts hasty = { .size = sizeof(hasty), .deadline_ms = 30 };

	serve_start(&serve, address, &opts);
	for (int idle = 0; idle < 4; idle++) {
		struct vri_link *link = open_started(&hasty);
		struct pollfd p = { vri_link_fd(link), vri_link_events(link), 0 };
		int r = 0;

		for (int i = 0; i < idle; i++) {
			t_eq(poll(&p, 1, 20000), 1);
			t_ok(vri_link_dispatch(link));
		}
		lend(link);
		while (r == 0 && poll(&p, 1, 20000) == 1)
			r = vri_link_dispatch(link);
		t_errno_eq(r, -ETIMEDOUT);
		vri_link_close(link);
	}
	serve_stop(&serve);
}

struct slow_thread {
	struct vri_link *link;
	int go[2]; /* two steps of the test, each a byte */
};

static void *lend_and_wait(void *data)
{
	struct slow_thread *t = data;
	struct vri_drvq *q = vri_driver_drvq(vri_link_driver(t->link), 0);
	char byte = 0;

	t_ge(vri_drvq_fd(q), 0);
	lend(t->link);
	t_eq(write(t->go[1], &byte, 1), 1);
	t_eq(read(t->go[1], &byte, 1), 1);
	t_errno_eq(vri_drvq_wait(q, 20000), -ETIMEDOUT);
	return NULL;
}

/* What a queue's own thread has outstanding is not the link's thread's to look at. */
LinkTest(a_thread_looks_at_the_deadlines_of_its_own_queue)
{
	struct serve_opts opts = { .lets_nothing_out = true };
	struct vri_link_opts hasty = { .size = sizeof(hasty), .deadline_ms = 30 };
	struct slow_thread t;
	pthread_t thread;
	char byte;

	serve_start(&serve, address, &opts);
	t.link = open_started(&hasty);
	t_sys(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t.go));
	t_eq(pthread_create(&thread, NULL, lend_and_wait, &t), 0);
	t_eq(read(t.go[0], &byte, 1), 1);
	for (int i = 0; i < 20; i++) {
		t_ok(vri_link_dispatch(t.link));
		poll(NULL, 0, 5);
	}
	t_eq(write(t.go[0], &byte, 1), 1);
	t_eq(pthread_join(thread, NULL), 0);
	close(t.go[0]);
	close(t.go[1]);
	vri_link_close(t.link);
	serve_stop(&serve);
}

/* A queue's own thread sleeps on it while the link's thread dispatches whatever comes: no wake-up
 * is taken away from it. */
struct worker {
	struct vri_link *link;
	unsigned queue;
	_Atomic bool is_done;
};

static void *work(void *data)
{
	struct worker *w = data;
	struct vri_drvq *q = vri_driver_drvq(vri_link_driver(w->link), w->queue);
	static _Alignas(64) char token;
	char *buffer;

	/* One buffer for each thread, from a pool that is taken before the threads start. */
	buffer = vri_pool_alloc(vri_driver_pool(vri_link_driver(w->link)), 64);
	for (int i = 0; i < 3000; i++) {
		struct iovec readable = { buffer, 32 }, writable = { buffer + 32, 32 };
		void *back;
		uint32_t len;

		t_ok(vri_drvq_add(q, &readable, 1, &writable, 1, &token));
		t_ok(vri_drvq_kick(q));
		t_eq(vri_drvq_wait(q, 20000), 1);
		t_eq(vri_drvq_get_used(q, &back, &len), 1);
		t_eq(len, 32);
	}
	atomic_store(&w->is_done, true);
	return NULL;
}

LinkTest(a_queue_may_have_a_thread_of_its_own, .timeout = 120)
{
	struct serve_opts opts = { .n_queues = 2 };
	struct worker w = { .queue = 1 };
	struct vri_link *link;
	pthread_t thread;
	struct pollfd p;

	serve_start(&serve, address, &opts);
	link = w.link = open_started(NULL);
	t_eq(pthread_create(&thread, NULL, work, &w), 0);
	p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
	while (!atomic_load(&w.is_done))
		if (poll(&p, 1, 1) == 1)
			t_ok(vri_link_dispatch(link));
	t_eq(pthread_join(thread, NULL), 0);
	/* Its thread is gone: the queue is the link's again. */
	serve_echo(link, 0, 64);
	vri_link_close(link);
	serve_stop(&serve);
}

static void *use_link(void *data)
{
	struct vri_link *link = data;

	t_eq(vri_drvq_wait(vri_driver_drvq(vri_link_driver(link), 0), 1), 0);
	for (int i = 0; i < 100; i++)
		serve_echo(link, 0, 64);
	return NULL;
}

LinkTest(a_link_may_move_to_another_thread)
{
	struct vri_link *link;
	pthread_t thread;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	serve_echo(link, 0, 64);
	for (int i = 0; i < 3; i++) {
		t_eq(pthread_create(&thread, NULL, use_link, link), 0);
		t_eq(pthread_join(thread, NULL), 0);
		serve_echo(link, 0, 64);
	}
	vri_link_close(link);
	serve_stop(&serve);
}

/* An idle link uses no processor, neither end: no dispatch without a cause. */
LinkTest(an_idle_link_is_asleep)
{
	struct vri_link *link;
	struct pollfd p;
	unsigned before;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	serve_echo(link, 0, 64);
	t_eq(vri_link_dispatch(link), 0);
	p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
	t_eq(poll(&p, 1, 50), 0);
	before = serve.dispatches;
	t_eq(poll(&p, 1, 100), 0);
	t_eq(serve.dispatches, before);
	vri_link_close(link);
	serve_stop(&serve);
}

/* ---- a device that looks before it sleeps ---- */

/* Sends @n bytes-long requests one after the other without sleeping. Returns: how many kicks had to
 * wake the device. */
static unsigned kicks_of(struct vri_link *link, int n)
{
	struct vri_drvq *q = vri_driver_drvq(vri_link_driver(link), 0);
	char *buffer = vri_pool_alloc(vri_driver_pool(vri_link_driver(link)), 64);
	unsigned kicks = 0;

	for (int i = 0; i < n; i++) {
		struct iovec readable = { buffer, 32 }, writable = { buffer + 32, 32 };
		void *token;
		uint32_t len;
		int r;

		t_ok(vri_drvq_add(q, &readable, 1, &writable, 1, link));
		r = vri_drvq_kick(q);
		t_ok(r);
		kicks += (unsigned)r;
		/* On a machine with more to do than processors the device needs this one. */
		while ((r = vri_drvq_get_used(q, &token, &len)) == 0)
			sched_yield();
		t_eq(r, 1);
	}
	vri_pool_free(vri_driver_pool(vri_link_driver(link)), buffer);
	return kicks;
}

LinkTest(a_device_that_never_sleeps_is_never_woken, .timeout = 300)
{
	struct serve_opts opts = { .waits = true, .listener.spin = ~0u };
	struct vri_link *link, *other;

	serve_start(&serve, address, &opts);
	link = open_started(NULL);
	serve_echo(link, 0, 64);
	t_eq(kicks_of(link, 50), 0);
	/* Its sockets are looked at all the same. */
	other = open_started(NULL);
	serve_echo(other, 0, 64);
	vri_link_close(other);
	serve_await_links(&serve, 1);
	t_eq(kicks_of(link, 50), 0);
	vri_link_close(link);
	serve_stop(&serve);
}

LinkTest(a_device_that_looks_for_a_while_loses_no_kick)
{
	static const unsigned spins[] = { 0, 1, 1000, 100000 };

	for (int i = 0; i < 4; i++) {
		struct serve_opts opts = { .waits = true, .listener.spin = spins[i] };
		struct vri_link *links[3];

		serve_start(&serve, address, &opts);
		for (int n = 0; n < 3; n++)
			links[n] = open_started(NULL);
		for (int round = 0; round < 200; round++)
			serve_echo(links[round % 3], 0, 64);
		for (int n = 0; n < 3; n++)
			vri_link_close(links[n]);
		serve_stop(&serve);
	}
}

/* ---- memory ---- */

LinkTest(memory_of_the_applications_own_travels_in_its_direction_only)
{
	static const enum vri_access ways[] = { VRI_ACCESS_READ_WRITE, VRI_ACCESS_READ,
						VRI_ACCESS_WRITE };
	int fd = memfd_make("own", 65536);
	struct vri_driver *drv;
	struct vri_link *link;
	struct vri_drvq *q;

	t_ok(fd);
	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	drv = vri_link_driver(link);
	q = vri_driver_drvq(drv, 0);
	for (int i = 0; i < 3; i++) {
		void *base, *token;
		struct iovec in, out;
		uint32_t len;
		char *pool = vri_pool_alloc(vri_driver_pool(drv), 64);
		int r;

		t_ok(vri_driver_add_memory(drv, fd, 4096, 8192, ways[i], &base));
		memset(base, 'r', 64);
		memset(pool, 'p', 64);
		/* Into the device from it, then out of the device into it. */
		for (int into = 0; into < 2; into++) {
			bool allowed = ways[i] & (into ? VRI_ACCESS_WRITE : VRI_ACCESS_READ);

			out = (struct iovec){ into ? pool : base, 64 };
			in = (struct iovec){ into ? base : pool, 64 };
			r = vri_drvq_add(q, &out, 1, &in, 1, link);
			if (!allowed) {
				t_errno_eq(r, -EINVAL);
				continue;
			}
			t_ok(r);
			t_ok(vri_drvq_kick(q));
			t_errno_eq(vri_driver_remove_memory(drv, base), -EBUSY);
			while ((r = vri_drvq_get_used(q, &token, &len)) == 0)
				t_ok(vri_link_wait(link, 20000));
			t_eq(r, 1);
			t_eq(len, 64);
			t_eq(*(char *)in.iov_base, *(char *)out.iov_base);
		}
		t_ok(vri_driver_remove_memory(drv, base));
		vri_pool_free(vri_driver_pool(drv), pool);
	}
	vri_link_close(link);
	serve_stop(&serve);
	close(fd);
}

/* ---- fork ---- */

/* faults: E20 */
LinkTest(a_child_of_fork_can_neither_use_nor_harm_a_link)
{
	struct serve child;
	struct vri_link *link;
	int status;
	pid_t pid;

	serve_fork(&child, address, NULL);
	link = open_started(NULL);
	serve_echo(link, 0, 64);
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		struct vri_driver *drv = vri_link_driver(link);
		char own[16] = "", byte;

		t_errno_eq(vri_link_dispatch(link), -ESHUTDOWN);
		t_errno_eq(vri_link_wait(link, 1000), -ESHUTDOWN);
		t_errno_eq(vri_driver_status(drv), -ESHUTDOWN);
		t_errno_eq(vri_driver_reset(drv), -ESHUTDOWN);
		t_errno_eq(vri_driver_config_read(drv, 0, &byte, 1), -ESHUTDOWN);
		if (vri_driver_drvq(drv, 0)) {
			struct iovec iov = { own, sizeof(own) };

			t_lt(vri_drvq_add(vri_driver_drvq(drv, 0), &iov, 1, NULL, 0, own), 0);
			t_errno_eq(vri_drvq_kick(vri_driver_drvq(drv, 0)), -ESHUTDOWN);
		}
		vri_link_close(link);
		_exit(0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	for (int i = 0; i < 10; i++)
		serve_echo(link, 0, 64);
	t_ge(vri_driver_status(vri_link_driver(link)), 0);
	vri_link_close(link);
	serve_kill(&child);
}

/* The device's side: the child of a server gives back its copies, and its end is nobody's end.
 * faults: E20 */
LinkTest(a_child_of_fork_can_close_a_listener_and_disturb_nobody)
{
	struct vri_link *link;
	int status;
	pid_t pid;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		t_errno_eq(vri_listener_dispatch(serve.listener), -ESHUTDOWN);
		t_errno_eq(vri_listener_wait(serve.listener, 1000), -ESHUTDOWN);
		vri_listener_close(serve.listener);
		vri_link_close(link);
		_exit(0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	serve_echo(link, 0, 64);
	vri_link_close(link);
	link = open_started(NULL);
	serve_echo(link, 0, 64);
	vri_link_close(link);
	serve_stop(&serve);
}

/* A driver that is gone is gone, though a child of its process lives on with copies of it all. */
LinkTest(a_closed_link_is_closed_though_a_child_holds_copies)
{
	struct vri_link *link;
	pid_t pid;

	serve_start(&serve, address, NULL);
	link = open_started(NULL);
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	vri_link_close(link);
	serve_await(&serve.downs, 1);
	t_sys(kill(pid, SIGKILL));
	t_eq(waitpid(pid, NULL, 0), pid);
	serve_stop(&serve);
}
