/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links in a uv loop: dispatched when there is something, stopped, their storage free when told so. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include <vring-ipc/uv.h>

#include "leaks.h"
#include "serve.h"
#include "tmpdir.h"

#define ROUNDS 100

struct echo {
	struct vri_link *link;
	struct vri_drvq *q;
	struct serve *serve;
	char *buffer;
	int rounds;
	int last;
	int closed;
};

static void ask(struct echo *e)
{
	struct iovec readable = { e->buffer, 32 }, writable = { e->buffer + 32, 32 };

	t_ok(vri_drvq_add(e->q, &readable, 1, &writable, 1, e));
	t_ok(vri_drvq_kick(e->q));
}

static void closed(struct vri_uv_link *watch)
{
	struct echo *e = watch->data;

	e->closed++;
	free(watch); /* the storage is ours again, here and nowhere earlier */
}

static void dispatched(struct vri_uv_link *watch, int result)
{
	struct echo *e = watch->data;
	uint32_t len;
	void *token;

	e->last = result;
	do {
		while (result == 0 && vri_drvq_get_used(e->q, &token, &len) == 1) {
			t_eq(len, 32);
			e->rounds++;
			ask(e);
		}
	} while (result == 0 && vri_drvq_arm(e->q) == 1);
	if (result < 0 || e->rounds >= ROUNDS)
		vri_uv_link_stop(watch, closed);
}

static void dispatched_once(struct echo *e)
{
	uint32_t len;
	void *token;

	while (vri_drvq_arm(e->q) == 1)
		while (vri_drvq_get_used(e->q, &token, &len) == 1)
			ask(e);
}

static void begin(struct echo *e, struct serve *serve, const char *address, uv_loop_t *loop)
{
	struct vri_uv_link *watch = malloc(sizeof(*watch));

	*e = (struct echo){ .serve = serve };
	serve_start(serve, address, NULL);
	t_ok(vri_link_open(&e->link, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(e->link), NULL, NULL));
	e->q = vri_driver_drvq(vri_link_driver(e->link), 0);
	e->buffer = vri_pool_alloc(vri_driver_pool(vri_link_driver(e->link)), 64);
	t_eq(uv_loop_init(loop), 0);
	watch->data = e;
	t_eq(vri_uv_link_start(loop, watch, e->link, dispatched), 0);
}

Test(uv, a_link_is_dispatched_until_it_is_stopped)
{
	struct leaks leaks;
	struct tmpdir dir;
	struct serve serve;
	uv_loop_t loop;
	struct echo e;

	/* libuv keeps a pipe for signals from its first loop on. */
	t_eq(uv_loop_init(&loop), 0);
	t_eq(uv_loop_close(&loop), 0);
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	begin(&e, &serve, tmpdir_unix(&dir, "s"), &loop);
	ask(&e);
	/* A first look by hand: whatever is used already will not be notified. */
	dispatched_once(&e);
	t_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	t_ge(e.rounds, ROUNDS);
	t_eq(e.closed, 1);
	t_eq(uv_loop_close(&loop), 0);
	vri_link_close(e.link);
	serve_stop(&serve);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

Test(uv, the_end_of_the_device_comes_as_an_error)
{
	struct tmpdir dir;
	struct serve serve;
	uv_loop_t loop;
	struct echo e;

	tmpdir_open(&dir);
	begin(&e, &serve, tmpdir_unix(&dir, "s"), &loop);
	serve_stop(&serve);
	t_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	t_errno_eq(e.last, -ECONNRESET);
	t_eq(e.closed, 1);
	t_eq(uv_loop_close(&loop), 0);
	vri_link_close(e.link);
	tmpdir_close(&dir);
}

static void nothing(struct vri_uv_listener *watch)
{
	(*(int *)watch->data)++;
}

static void stop_listener(uv_timer_t *timer)
{
	vri_uv_listener_stop(timer->data, nothing);
	uv_close((uv_handle_t *)timer, NULL);
}

static void *drive(void *data)
{
	struct vri_link *link;

	t_ok(vri_link_open(&link, data, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	for (int i = 0; i < 50; i++)
		serve_echo(link, 0, 100);
	vri_link_close(link);
	return NULL;
}

struct wish {
	struct serve *serve;
	struct vri_uv_listener *watch;
	uv_timer_t timer;
};

static void look(uv_timer_t *timer)
{
	struct wish *wish = (struct wish *)((char *)timer - offsetof(struct wish, timer));

	if (wish->serve->downs < 1)
		return;
	timer->data = wish->watch;
	stop_listener(timer);
}

Test(uv, a_listener_serves_from_the_loop)
{
	struct vri_uv_listener watch = { 0 };
	struct serve serve;
	struct tmpdir dir;
	struct wish wish;
	pthread_t driver;
	uv_loop_t loop;
	int closes = 0;

	tmpdir_open(&dir);
	serve_open(&serve, tmpdir_unix(&dir, "s"), NULL);
	t_eq(uv_loop_init(&loop), 0);
	watch.data = &closes;
	t_eq(vri_uv_listener_start(&loop, &watch, serve.listener, NULL), 0);
	wish = (struct wish){ .serve = &serve, .watch = &watch };
	t_eq(uv_timer_init(&loop, &wish.timer), 0);
	t_eq(uv_timer_start(&wish.timer, look, 5, 5), 0);
	t_eq(pthread_create(&driver, NULL, drive, (void *)(uintptr_t)tmpdir_unix(&dir, "s")), 0);
	t_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
	t_eq(pthread_join(driver, NULL), 0);
	t_eq(closes, 1);
	t_eq(serve.ups, 1);
	t_eq(uv_loop_close(&loop), 0);
	serve_close(&serve);
	tmpdir_close(&dir);
}

Test(uv, what_is_missing_is_refused)
{
	struct vri_uv_listener listener;
	struct vri_uv_link link;
	uv_loop_t loop;

	t_eq(uv_loop_init(&loop), 0);
	t_errno_eq(vri_uv_link_start(&loop, &link, NULL, NULL), -EINVAL);
	t_errno_eq(vri_uv_listener_start(&loop, &listener, NULL, NULL), -EINVAL);
	vri_uv_link_stop(NULL, NULL);
	vri_uv_listener_stop(NULL, NULL);
	t_eq(uv_loop_close(&loop), 0);
}
