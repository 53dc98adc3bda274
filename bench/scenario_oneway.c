/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Small messages one way, as many as will go: the driver writes each one and makes them available in batches, the device
 * reads every byte, checks the sequence and gives the buffer back. Public API, checks and counters on, both polling.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/vring-ipc.h>

#define SINK_TYPE "org.vring-ipc.bench.sink"
#define SINK_ID (VRI_ID_LOCAL_FIRST + 0x5b)
#define QUEUE_SIZE 256
#define TURN 64
#define AHEAD 8

struct kind {
	enum vri_ring ring;
	bool in_order;
	unsigned batch;
};

/* ---- the device ---- */

struct sink {
	uint64_t sequence; /* of the last message */
	volatile uint64_t sum;
};

static int take(struct sink *sink, const struct vri_chain *chain)
{
	const uint64_t *word = chain->iov[0].iov_base;
	uint64_t sequence = ((const volatile uint64_t *)word)[0], sum = 0;

	for (size_t i = 1; i < chain->iov[0].iov_len / sizeof(*word); i++)
		sum += word[i];
	sink->sum = sum;
	if (sequence != sink->sequence + 1)
		return -EBADMSG;
	sink->sequence = sequence;
	return 0;
}

static int sink_process(struct vri_instance *inst, unsigned queue)
{
	struct sink *sink = vri_device_data(vri_instance_device(inst));
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct iovec iov[1];
	struct vri_chain chain = { .iov = iov, .iov_max = 1 };

	for (int n = 0; n < TURN; n++) {
		int r = vri_devq_pop(q, &chain);

		if (r <= 0)
			return r;
		if (chain.n_readable != 1 || take(sink, &chain) < 0)
			return -EPROTO;
		r = vri_devq_push(q, &chain, 0);
		if (r < 0)
			return r;
	}
	return 1;
}

static const struct vri_device_ops sink_ops = { .size = sizeof(sink_ops), .process = sink_process };

static int sink_new(struct sink *sink, struct vri_device **ret_dev)
{
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = SINK_TYPE,
		.device_id = SINK_ID,
		.queue_size_max = QUEUE_SIZE,
	};

	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	return vri_device_new(&info, &sink_ops, sink, ret_dev);
}

static int serve(const struct bench_env *env, void *arg)
{
	const struct vri_listener_opts opts = { .size = sizeof(opts), .spin = ~0u };
	struct vri_listener *listener;
	struct vri_device *dev;
	struct sink sink = { 0 };
	int r = sink_new(&sink, &dev);

	(void)env;
	if (r < 0)
		return r;
	r = vri_listener_open(&listener, arg, dev, &opts);
	if (r == 0)
		bench_ready();
	while (r == 0 && !bench_is_stopped())
		r = vri_listener_wait(listener, 100);
	if (r == 0)
		vri_listener_close(listener);
	vri_device_unref(dev);
	return r;
}

/* ---- the driver ---- */

struct sender {
	struct vri_drvq *q;
	unsigned batch;
	size_t payload;
	uint64_t sequence;
	char *free[QUEUE_SIZE]; /* buffers, the one that came back longest ago first */
	unsigned n_taken, n_freed;
};

static int reclaim(struct sender *s)
{
	struct vri_used used[QUEUE_SIZE];
	int n = vri_drvq_get_used_batch(s->q, used, QUEUE_SIZE);

	for (int i = 0; i < n; i++)
		s->free[s->n_freed++ % QUEUE_SIZE] = used[i].token;
	return n;
}

static int send_batch(void *arg)
{
	struct sender *s = arg;
	int r;

	while (s->n_freed - s->n_taken < s->batch) {
		r = reclaim(s);
		if (r < 0)
			return r;
		if (r == 0)
			bench_relax();
	}
	for (unsigned i = 0; i < s->batch; i++) {
		char *buffer = s->free[s->n_taken++ % QUEUE_SIZE];
		struct iovec iov = { buffer, s->payload };

		/* The device has read the line since: asked for early, it comes while others are
		 * being written. */
		__builtin_prefetch(s->free[(s->n_taken + AHEAD) % QUEUE_SIZE], 1);
		s->sequence++;
		for (size_t at = 0; at < s->payload; at += sizeof(s->sequence))
			memcpy(buffer + at, &s->sequence, sizeof(s->sequence));
		r = vri_drvq_add(s->q, &iov, 1, NULL, 0, buffer);
		if (r < 0)
			return r;
	}
	r = vri_drvq_kick(s->q);
	return r < 0 ? r : 0;
}

static int send_all(const struct bench_env *env, const char *address, const struct kind *kind,
		    struct bench_sample *ret_sample)
{
	const struct vri_link_opts opts = { .size = sizeof(opts),
					    .queue_size = QUEUE_SIZE,
					    .ring = kind->ring };
	struct sender sender = { .batch = kind->batch, .payload = env->payload };
	struct vri_features wanted;
	struct vri_link *link;
	char *buffers;
	int r;

	vri_features_default(&wanted);
	if (kind->in_order)
		vri_features_set(&wanted, VRI_F_IN_ORDER);
	r = vri_link_open(&link, address, &opts);
	if (r < 0)
		return r;
	r = vri_driver_start(vri_link_driver(link), &wanted, NULL);
	if (r < 0)
		goto out;
	buffers = vri_pool_alloc(vri_driver_pool(vri_link_driver(link)), QUEUE_SIZE * env->payload);
	sender.q = vri_driver_drvq(vri_link_driver(link), 0);
	r = -ENOMEM;
	if (!buffers || !sender.q)
		goto out;
	for (unsigned i = 0; i < QUEUE_SIZE; i++)
		sender.free[sender.n_freed++] = buffers + i * env->payload;
	vri_drvq_suppress(sender.q);
	r = bench_time(env, send_batch, &sender, ret_sample);
	bench_sample_per(ret_sample, kind->batch);
out:
	vri_link_close(link);
	return r;
}

static int measure(const struct bench_env *env, struct kind kind, struct bench_sample *ret_sample)
{
	char address[64];

	snprintf(address, sizeof(address), "unix:@vring-bench-%d", getpid());
	pid_t pid = bench_start(env, serve, address);
	if (pid < 0)
		return (int)pid;
	int r = send_all(env, address, &kind, ret_sample);
	bench_stop(pid);
	return r;
}

/* ---- the rows ---- */

#define ONE_WAY(ident, format, order, n, text)                                                   \
	static int measure_##ident(const struct bench_env *env, struct bench_sample *ret_sample) \
	{                                                                                        \
		return measure(env, (struct kind){ format, order, n }, ret_sample);              \
	}                                                                                        \
	const struct bench_scenario scenario_oneway_##ident = {                                  \
		.name = "oneway_" #ident,                                                        \
		.what = "vring-ipc, messages one way, written and read, " text ", both polling", \
		.measure = measure_##ident,                                                      \
	}

ONE_WAY(split_in_order_1, VRI_RING_SPLIT, true, 1, "split, IN_ORDER, batches of 1");
ONE_WAY(split_in_order_32, VRI_RING_SPLIT, true, 32, "split, IN_ORDER, batches of 32");
ONE_WAY(split_32, VRI_RING_SPLIT, false, 32, "split, batches of 32");
ONE_WAY(packed_in_order_32, VRI_RING_PACKED, true, 32, "packed, IN_ORDER, batches of 32");
ONE_WAY(packed_32, VRI_RING_PACKED, false, 32, "packed, batches of 32");
