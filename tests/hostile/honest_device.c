/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The honest device's process: one thread that serves good and hostile drivers, and counts which rules were broken. */
#include "roles.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HELD_MAX 8
#define CHAINS_A_TURN 32

static struct board *board;

/* ---- the device ---- */

struct held {
	struct vri_chain chain;
	struct iovec iov[PARROT_QUEUE_SIZE];
};

/* What an instance has popped and not pushed, with room for one more. */
struct parrot {
	struct held held[PARROT_QUEUES][HELD_MAX + 1];
	unsigned n_held[PARROT_QUEUES];
};

static int attach(struct vri_instance *inst)
{
	struct parrot *parrot = calloc(1, sizeof(*parrot));

	if (!parrot)
		return -ENOMEM;
	vri_instance_set_data(inst, parrot);
	return 0;
}

static void stop(struct vri_instance *inst)
{
	struct parrot *parrot = vri_instance_data(inst);

	memset(parrot->n_held, 0, sizeof(parrot->n_held));
}

static void detach(struct vri_instance *inst)
{
	free(vri_instance_data(inst));
}

static int answer(struct vri_devq *q, const struct vri_chain *chain)
{
	char bytes[1024];
	size_t done = 0;
	int r;

	while (done < chain->readable_len && done < chain->writable_len && done < PARROT_MAX) {
		size_t n = vri_chain_read(chain, done, bytes, sizeof(bytes));

		done += vri_chain_write(chain, done, bytes, n);
	}
	r = vri_devq_push(q, chain, (uint32_t)done);
	if (r < 0 && r != -ESHUTDOWN)
		board_fail(board, "the device may not push what it has popped: %s",
			   vri_strerror(r));
	return r;
}

/* @h is popped: answers it, and then those that waited for it, the newest first. */
static int take(struct parrot *parrot, struct vri_devq *q, unsigned queue, struct held *h)
{
	uint8_t first = 0;
	int r;

	vri_chain_read(&h->chain, 0, &first, 1);
	if (first == PARROT_HOLD && parrot->n_held[queue] < HELD_MAX) {
		parrot->n_held[queue]++;
		return 0;
	}
	r = answer(q, &h->chain);
	while (r == 0 && parrot->n_held[queue] > 0)
		r = answer(q, &parrot->held[queue][--parrot->n_held[queue]].chain);
	return r;
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct parrot *parrot = vri_instance_data(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);
	int r;

	for (int i = 0; i < CHAINS_A_TURN; i++) {
		struct held *h = &parrot->held[queue][parrot->n_held[queue]];

		h->chain = (struct vri_chain){ .iov = h->iov, .iov_max = PARROT_QUEUE_SIZE };
		r = vri_devq_pop(q, &h->chain);
		if (r == -EPROTO)
			atomic_fetch_add(&board->rules[SIDE_DEVICE][vri_devq_broken(q)], 1);
		else if (r < 0 && r != -ESHUTDOWN)
			board_fail(board, "vri_devq_pop: %s", vri_strerror(r));
		if (r <= 0)
			return r;
		r = take(parrot, q, queue, h);
		if (r < 0)
			return r;
	}
	return 1;
}

static const struct vri_device_ops ops = {
	.size = sizeof(ops),
	.attach = attach,
	.detach = detach,
	.stop = stop,
	.process = process,
};

static struct vri_device *make_device(void)
{
	static const uint8_t config[PARROT_CONFIG];
	static uint8_t writable[PARROT_CONFIG];
	static const struct vri_shared_memory shared = { .id = PARROT_SHARED,
							 .size = PARROT_SHARED_SIZE,
							 .writable = true };
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = PARROT_TYPE,
		.device_id = PARROT_ID,
		.n_queues = PARROT_QUEUES,
		.queue_size_max = PARROT_QUEUE_SIZE,
		.config = config,
		.config_size = PARROT_CONFIG,
		.config_writable = writable,
		.shared_memory = &shared,
		.n_shared_memory = 1,
	};
	struct vri_device *dev = NULL;
	int r;

	memset(writable + PARROT_CONFIG_FIXED, 1, PARROT_CONFIG - PARROT_CONFIG_FIXED);
	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	r = vri_device_new(&info, &ops, NULL, &dev);
	if (r < 0)
		board_fail(board, "vri_device_new: %s", vri_strerror(r));
	return dev;
}

/* ---- serving ---- */

static void link_up(struct vri_instance *inst, void *data)
{
	atomic_fetch_add(&board->hostile_links, 1);
}

static const struct vri_listener_callbacks callbacks = {
	.size = sizeof(callbacks),
	.link_up = link_up,
};

static void keep_words(void *data, enum vri_log_level level, const char *line)
{
	if (level <= VRI_LOG_WARNING || strstr(line, "down: "))
		board_say(board, SIDE_DEVICE, line);
}

static struct vri_listener *listen_at(const struct role *role, const char *name,
				      enum vri_notifier notifier, struct vri_device *dev)
{
	struct vri_listener_opts opts = { .size = sizeof(opts),
					  .notifier = notifier,
					  .timeout_ms = 1000,
					  .max_links = 64,
					  .callbacks = &callbacks };
	struct vri_listener *l = NULL;
	char address[128];
	int r;

	snprintf(address, sizeof(address), "unix:%s/%s", role->dir, name);
	r = vri_listener_open(&l, address, dev, &opts);
	if (r < 0)
		board_fail(board, "vri_listener_open %s: %s", address, vri_strerror(r));
	return l;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void dispatch(struct vri_listener *l)
{
	uint64_t before = now_us(), took;
	int r = vri_listener_dispatch(l);

	if (r < 0)
		board_fail(board, "vri_listener_dispatch: %s", vri_strerror(r));
	took = now_us() - before;
	if (took > atomic_load(&board->longest_us[DOING_DISPATCH]))
		atomic_store(&board->longest_us[DOING_DISPATCH], took);
}

/* Running drivers are told of each change, whether they listen or not. */
static void change_config(struct vri_device *dev)
{
	static uint8_t version;
	uint8_t bytes[PARROT_CONFIG_FIXED];

	memset(bytes, ++version, sizeof(bytes));
	(void)vri_device_config_set(dev, 0, bytes, sizeof(bytes));
}

int honest_device(const struct role *role)
{
	struct vri_listener *listener[2];
	struct vri_device *dev;
	struct pollfd p[2];

	board = role->board;
	vri_log_set(keep_words, NULL, VRI_LOG_INFO);
	dev = make_device();
	listener[0] = listen_at(role, ADDRESS_AUTO, VRI_NOTIFIER_AUTO, dev);
	listener[1] = listen_at(role, ADDRESS_PIPE, VRI_NOTIFIER_PIPE, dev);
	if (!listener[0] || !listener[1])
		return 1;
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){ vri_listener_fd(listener[i]),
					vri_listener_events(listener[i]), 0 };
	atomic_store(&board->device_is_ready, true);
	for (unsigned n = 0; !atomic_load(&board->stop_device); n++) {
		board_beat(board, LOOP_DEVICE, DOING_NOTHING);
		board_measure(board, SIDE_DEVICE);
		if (n % 64 == 0)
			change_config(dev);
		if (poll(p, 2, 20) < 0 && errno != EINTR)
			board_fail(board, "poll: %s", strerror(errno));
		board_beat(board, LOOP_DEVICE, DOING_DISPATCH);
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				dispatch(listener[i]);
	}
	vri_listener_close(listener[0]);
	vri_listener_close(listener[1]);
	vri_device_unref(dev);
	return 0;
}
