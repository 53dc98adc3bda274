/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The round trip of a small payload over the echo device: the public API, checks and counters on. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/devices/echo.h>
#include <vring-ipc/vring-ipc.h>

struct asker {
	struct vri_drvq *q;
	struct iovec request, reply;
	uint64_t sequence;
	bool blocking;
	uint64_t notifications;
};

/* What a scenario is about, besides the address that it makes up. */
struct link_kind {
	bool blocking;
	enum vri_ring ring;
	bool in_order;
};

struct answerer {
	char address[64];
	struct link_kind kind;
};

static int serve(const struct bench_env *env, void *arg)
{
	const struct answerer *a = arg;
	const struct vri_listener_opts opts = {
		.size = sizeof(opts),
		.spin = a->kind.blocking ? 0 : ~0u,
	};
	struct vri_device *dev;
	struct vri_listener *listener;

	(void)env;
	int r = vri_echo_device_new(NULL, &dev);
	if (r < 0)
		return r;
	r = vri_listener_open(&listener, a->address, dev, &opts);
	if (r == 0)
		bench_ready();
	while (r == 0 && !bench_is_stopped())
		r = vri_listener_wait(listener, 100);
	if (r == 0)
		vri_listener_close(listener);
	vri_device_unref(dev);
	return r;
}

static int round_trip(void *arg)
{
	struct asker *a = arg;
	void *token;
	uint32_t len;
	uint64_t back;

	a->sequence++;
	for (size_t at = 0; at + 8 <= a->request.iov_len; at += 8)
		memcpy((char *)a->request.iov_base + at, &a->sequence, 8);
	int r = vri_drvq_add(a->q, &a->request, 1, &a->reply, 1, a);
	if (r < 0 || (r = vri_drvq_kick(a->q)) < 0)
		return r;
	a->notifications += (uint64_t)r;
	while ((r = vri_drvq_get_used(a->q, &token, &len)) == 0) {
		if (!a->blocking)
			bench_relax();
		else if ((r = vri_drvq_wait(a->q, 10000)) <= 0)
			return r < 0 ? r : -ETIMEDOUT;
	}
	if (r < 0)
		return r;
	for (size_t at = 0; at + 8 <= len; at += 8) {
		memcpy(&back, (char *)a->reply.iov_base + at, 8);
		if (back != a->sequence)
			return -EBADMSG;
	}
	return len == a->request.iov_len ? 0 : -EBADMSG;
}

static int ask(const struct bench_env *env, const struct answerer *answerer,
	       struct bench_sample *ret_sample)
{
	const struct vri_link_opts opts = { .size = sizeof(opts),
					    .queue_size = 256,
					    .ring = answerer->kind.ring };
	struct asker asker = { .blocking = answerer->kind.blocking };
	struct vri_features wanted;
	struct vri_link *link;
	struct vri_pool *pool;

	vri_features_default(&wanted);
	if (answerer->kind.in_order)
		vri_features_set(&wanted, VRI_F_IN_ORDER);
	int r = vri_link_open(&link, answerer->address, &opts);
	if (r < 0)
		return r;
	r = vri_driver_start(vri_link_driver(link), &wanted, NULL);
	if (r == 0 && answerer->kind.in_order &&
	    !vri_driver_has_feature(vri_link_driver(link), VRI_F_IN_ORDER))
		r = -EOPNOTSUPP;
	if (r < 0)
		goto out;
	pool = vri_driver_pool(vri_link_driver(link));
	asker.q = vri_driver_drvq(vri_link_driver(link), 0);
	asker.request = (struct iovec){ vri_pool_alloc(pool, env->payload), env->payload };
	asker.reply = (struct iovec){ vri_pool_alloc(pool, env->payload), env->payload };
	/* Who only looks asks for nothing. */
	if (!asker.blocking)
		vri_drvq_suppress(asker.q);
	r = -ENOMEM;
	if (asker.q && asker.request.iov_base && asker.reply.iov_base)
		r = bench_time(env, round_trip, &asker, ret_sample);
	ret_sample->notifications = asker.notifications;
out:
	vri_link_close(link);
	return r;
}

static int measure(const struct bench_env *env, struct link_kind kind,
		   struct bench_sample *ret_sample)
{
	struct answerer answerer = { .kind = kind };

	snprintf(answerer.address, sizeof(answerer.address), "unix:@vring-bench-%d", getpid());
	pid_t pid = bench_start(env, serve, &answerer);
	if (pid < 0)
		return (int)pid;
	int r = ask(env, &answerer, ret_sample);
	bench_stop(pid);
	return r;
}

static int measure_split(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, (struct link_kind){ .ring = VRI_RING_SPLIT }, ret_sample);
}

static int measure_split_in_order(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, (struct link_kind){ .ring = VRI_RING_SPLIT, .in_order = true },
		       ret_sample);
}

static int measure_packed(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, (struct link_kind){ .ring = VRI_RING_PACKED }, ret_sample);
}

static int measure_packed_in_order(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, (struct link_kind){ .ring = VRI_RING_PACKED, .in_order = true },
		       ret_sample);
}

static int measure_block(const struct bench_env *env, struct bench_sample *ret_sample)
{
	return measure(env, (struct link_kind){ .blocking = true }, ret_sample);
}

#define OVER "vring-ipc, echo device over unix:, one readable and one writable buffer, "

const struct bench_scenario scenario_rtt_split = {
	.name = "echo_split",
	.what = OVER "split, polling",
	.measure = measure_split,
};

const struct bench_scenario scenario_rtt_split_in_order = {
	.name = "echo_split_in_order",
	.what = OVER "split, IN_ORDER, polling",
	.measure = measure_split_in_order,
};

const struct bench_scenario scenario_rtt_packed = {
	.name = "echo_packed",
	.what = OVER "packed, polling",
	.measure = measure_packed,
};

const struct bench_scenario scenario_rtt_packed_in_order = {
	.name = "echo_packed_in_order",
	.what = OVER "packed, IN_ORDER, polling",
	.measure = measure_packed_in_order,
};

const struct bench_scenario scenario_rtt_block = {
	.name = "echo_block",
	.what = OVER "split, waiting as by default",
	.measure = measure_block,
};
