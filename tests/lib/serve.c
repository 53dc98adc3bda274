/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A small device for tests of transports, served by a thread of the test's own process or by a child. */
#include "serve.h"
#include "leaks.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AWAIT_S 20
#define PIECES 64

/* ---- the device ---- */

static struct serve *serve_of(struct vri_instance *inst)
{
	return vri_device_data(vri_instance_device(inst));
}

static int parrot_attach(struct vri_instance *inst)
{
	return serve_of(inst)->opts.refuses_drivers ? -EPERM : 0;
}

static int parrot_check(struct vri_instance *inst, const struct vri_features *acked)
{
	return serve_of(inst)->opts.refuses_features ? -EOPNOTSUPP : 0;
}

static int parrot_start(struct vri_instance *inst)
{
	return serve_of(inst)->opts.fails_to_start ? -EIO : 0;
}

static uint32_t repeat(const struct vri_chain *chain)
{
	char bytes[512];
	size_t done = 0;

	while (done < chain->readable_len && done < chain->writable_len) {
		size_t n = vri_chain_read(chain, done, bytes, sizeof(bytes));

		done += vri_chain_write(chain, done, bytes, n);
	}
	return (uint32_t)done;
}

static int parrot_process(struct vri_instance *inst, unsigned queue)
{
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct serve *s = serve_of(inst);
	struct iovec iov[PIECES];
	int r = 0;

	for (int i = 0; i < 16; i++) {
		struct vri_chain chain = { .iov = iov, .iov_max = PIECES };

		r = vri_devq_pop(q, &chain);
		if (r <= 0)
			return r;
		atomic_fetch_add(&s->taken, 1);
		if (s->opts.lets_nothing_out)
			continue;
		r = vri_devq_push(q, &chain, repeat(&chain));
		if (r < 0)
			return r;
		atomic_fetch_add(&s->served, 1);
	}
	return 1;
}

static const struct vri_device_ops parrot_ops = {
	.size = sizeof(parrot_ops),
	.attach = parrot_attach,
	.check_features = parrot_check,
	.start = parrot_start,
	.process = parrot_process,
};

/* ---- serving ---- */

static void link_up(struct vri_instance *inst, void *data)
{
	struct serve *s = data;

	atomic_fetch_add(&s->ups, 1);
}

static void link_down(struct vri_instance *inst, const char *why, void *data)
{
	struct serve *s = data;

	snprintf(s->last_why, sizeof(s->last_why), "%s", why);
	atomic_fetch_add(&s->downs, 1);
}

static const struct vri_listener_callbacks callbacks = {
	.size = sizeof(callbacks),
	.link_up = link_up,
	.link_down = link_down,
};

void serve_open(struct serve *s, const char *address, const struct serve_opts *opts)
{
	static const uint8_t config[SERVE_CONFIG_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t writable[SERVE_CONFIG_SIZE] = { 1, 1, 1, 1 };
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = SERVE_TYPE,
		.device_id = SERVE_ID,
		.config = config,
		.config_size = sizeof(config),
		.config_writable = writable,
	};
	struct vri_listener_opts listener = { 0 };

	memset(s, 0, sizeof(*s));
	if (opts)
		s->opts = *opts;
	info.n_queues = s->opts.n_queues;
	info.shared_memory = s->opts.shared;
	info.n_shared_memory = s->opts.n_shared;
	info.features = s->opts.features;
	info.queue_size_max = s->opts.queue_size_max ? s->opts.queue_size_max : 256;
	listener = s->opts.listener;
	listener.size = sizeof(listener);
	listener.callbacks = &callbacks;
	listener.data = s;
	t_ok(vri_device_new(&info, &parrot_ops, s, &s->dev));
	t_ok(vri_listener_open(&s->listener, address, s->dev, &listener));
}

void serve_close(struct serve *s)
{
	vri_listener_close(s->listener);
	vri_device_unref(s->dev);
}

static void *loop(void *data)
{
	struct serve *s = data;
	struct pollfd p[] = { { vri_listener_fd(s->listener), vri_listener_events(s->listener), 0 },
			      { s->stop_fd, POLLIN, 0 } };

	while (s->opts.waits && poll(&p[1], 1, 0) == 0) {
		t_ok(vri_listener_wait(s->listener, 5));
		atomic_fetch_add(&s->dispatches, 1);
	}
	while (!s->opts.waits && poll(p, 2, -1) >= 0 && !p[1].revents) {
		t_ok(vri_listener_dispatch(s->listener));
		atomic_fetch_add(&s->dispatches, 1);
	}
	/* Where the links were served they end. */
	serve_close(s);
	return NULL;
}

void serve_start(struct serve *s, const char *address, const struct serve_opts *opts)
{
	serve_open(s, address, opts);
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	t_sys(s->stop_fd);
	t_eq(pthread_create(&s->thread, NULL, loop, s), 0);
}

void serve_stop(struct serve *s)
{
	uint64_t one = 1;

	t_eq(write(s->stop_fd, &one, sizeof(one)), (int)sizeof(one));
	t_eq(pthread_join(s->thread, NULL), 0);
	close(s->stop_fd);
}

void serve_fork(struct serve *s, const char *address, const struct serve_opts *opts)
{
	int ready[2];
	char byte;

	t_sys(pipe(ready));
	s->child = fork();
	t_sys(s->child);
	if (s->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		serve_open(s, address, opts);
		close(ready[1]);
		while (vri_listener_wait(s->listener, -1) == 0)
			;
		_exit(1);
	}
	close(ready[1]);
	t_eq(read(ready[0], &byte, 1), 0);
	close(ready[0]);
}

void serve_kill(struct serve *s)
{
	t_sys(kill(s->child, SIGKILL));
	t_eq(waitpid(s->child, NULL, 0), s->child);
}

/* ---- waiting for it, using it ---- */

static void await(bool (*is_there)(const void *what, unsigned n), const void *what, unsigned n)
{
	time_t end = time(NULL) + (time_t)(AWAIT_S * test_timeout_scale());

	while (!is_there(what, n)) {
		if (time(NULL) > end)
			t_fail("waited %d s for nothing", AWAIT_S);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

static bool has_reached(const void *what, unsigned n)
{
	return atomic_load((const _Atomic unsigned *)what) >= n;
}

void serve_await(const _Atomic unsigned *counter, unsigned at_least)
{
	await(has_reached, (const void *)(uintptr_t)counter, at_least);
}

static bool has_links(const void *what, unsigned n)
{
	const struct serve *s = what;

	return atomic_load(&s->ups) - atomic_load(&s->downs) == n;
}

void serve_await_links(struct serve *s, unsigned links)
{
	await(has_links, s, links);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static bool holds_lines(const void *what, unsigned n)
{
	char *now = leaks_describe(getpid());
	bool same = count_lines(now) == n;

	free(now);
	return same;
}

void serve_await_holding(char *before)
{
	await(holds_lines, NULL, count_lines(before));
	free(before);
}

void serve_echo(struct vri_link *link, unsigned queue, size_t len)
{
	struct vri_driver *drv = vri_link_driver(link);
	struct vri_pool *pool = vri_driver_pool(drv);
	struct vri_drvq *q = vri_driver_drvq(drv, queue);
	uint8_t *out = vri_pool_alloc(pool, len), *in = vri_pool_alloc(pool, len);
	struct iovec readable = { out, len }, writable = { in, len };
	void *token = NULL;
	uint32_t used = 0;
	int r;

	t_not_null(q);
	t_not_null(out);
	t_not_null(in);
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 7 + queue);
	memset(in, 0, len);
	t_ok(vri_drvq_add(q, &readable, 1, &writable, 1, out));
	t_ok(vri_drvq_kick(q));
	while ((r = vri_drvq_get_used(q, &token, &used)) == 0)
		t_ok(vri_link_wait(link, 10000));
	t_eq(r, 1);
	t_ptr_eq(token, out);
	t_eq(used, len);
	t_mem_eq(in, out, len);
	vri_pool_free(pool, out);
	vri_pool_free(pool, in);
}
