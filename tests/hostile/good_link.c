/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A link between two honest processes: numbered requests of all shapes, of which each has to come back once, unchanged. */
#include "honest_driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define QUEUE_SIZE 64
#define DEPTH 16
#define BYTES_MIN 16u
#define BYTES_MAX 2048u
#define PIECES_MAX 3u
#define WAIT_MS 1000
#define REST_EVERY 64 /* answers; the others need processors too */
#define CONFIG_EVERY 512

/* Each link has another format, notifier and set of features. */
static const struct {
	enum vri_ring ring;
	const char *address;
	bool in_order;
	unsigned refused; /* a feature; 0: none */
} kinds[GOOD_LINKS] = {
	{ VRI_RING_SPLIT, ADDRESS_AUTO, false, 0 },
	{ VRI_RING_PACKED, ADDRESS_AUTO, true, 0 },
	{ VRI_RING_SPLIT, ADDRESS_PIPE, true, VRI_F_EVENT_IDX },
	{ VRI_RING_PACKED, ADDRESS_PIPE, false, VRI_F_INDIRECT_DESC },
};

struct request {
	uint8_t *out, *in;
	uint32_t len;
	uint64_t number;
	bool is_out;
};

struct good {
	struct driver_thread *thread;
	struct board *board;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_drvq *q;
	struct request request[DEPTH];
	uint64_t number;
	uint64_t checked;
	unsigned n_out;
	bool has_failed;
};

static void fail(struct good *g, const char *what, int r)
{
	board_fail(g->board, "good link %u: %s: %s", g->thread->index, what, vri_strerror(r));
	g->has_failed = true;
}

/* Byte @i of a request; the first one says whether the device is to hold it. */
static uint8_t byte_of(uint64_t number, uint32_t i)
{
	if (i == 0)
		return number % 8 == 3 ? PARROT_HOLD : 1;
	return (uint8_t)((number * 2654435761u >> 7) + i * 13 + (i >> 8) * 101);
}

/* Cuts @len bytes into up to PIECES_MAX pieces. */
static unsigned cut(struct good *g, uint8_t *bytes, uint32_t len, struct iovec *ret)
{
	unsigned n = 1 + draw(&g->thread->random, PIECES_MAX), made = 0;

	while (len > 0) {
		uint32_t piece = made + 1 < n ? 1 + draw(&g->thread->random, len) : len;

		ret[made++] = (struct iovec){ bytes, piece };
		bytes += piece;
		len -= piece;
	}
	return made;
}

/* Returns: false when the queue is full. */
static bool send_one(struct good *g, struct request *request)
{
	struct iovec readable[PIECES_MAX], writable[PIECES_MAX];
	unsigned n_readable, n_writable;
	int r;

	request->number = g->number;
	request->len = BYTES_MIN + draw(&g->thread->random, BYTES_MAX - BYTES_MIN);
	for (uint32_t i = 0; i < request->len; i++)
		request->out[i] = byte_of(request->number, i);
	memset(request->in, 0, request->len);
	n_readable = cut(g, request->out, request->len, readable);
	n_writable = cut(g, request->in, request->len, writable);
	r = vri_drvq_add(g->q, readable, n_readable, writable, n_writable, request);
	if (r == -ENOSPC)
		return false;
	if (r < 0) {
		fail(g, "vri_drvq_add", r);
		return false;
	}
	request->is_out = true;
	g->number++;
	g->n_out++;
	return true;
}

static void check(struct good *g, struct request *request, uint32_t len)
{
	if (request < g->request || request >= g->request + DEPTH || !request->is_out) {
		board_fail(g->board, "good link %u: an answer to nothing", g->thread->index);
		g->has_failed = true;
		return;
	}
	request->is_out = false;
	g->n_out--;
	for (uint32_t i = 0; i < request->len && !g->has_failed; i++)
		if (len != request->len || request->in[i] != byte_of(request->number, i)) {
			board_fail(g->board,
				   "good link %u: answer %llu is wrong at byte %u of %u (%u came)",
				   g->thread->index, (unsigned long long)request->number, i,
				   request->len, len);
			g->has_failed = true;
		}
	g->checked++;
	atomic_fetch_add(&g->board->good[g->thread->index], 1);
}

/* Takes what is there. */
static void receive(struct good *g)
{
	uint32_t len;
	void *token;
	int r;

	while ((r = vri_drvq_get_used(g->q, &token, &len)) == 1 && !g->has_failed)
		check(g, token, len);
	if (r < 0)
		fail(g, "vri_drvq_get_used", r);
}

static void look_at_config(struct good *g)
{
	uint8_t bytes[PARROT_CONFIG];
	int r;

	board_beat(g->board, g->thread->loop, DOING_CONFIG);
	r = vri_driver_config_read(g->drv, 0, bytes, sizeof(bytes));
	if (r < 0)
		fail(g, "vri_driver_config_read", r);
	for (unsigned i = 1; i < PARROT_CONFIG_FIXED && r == 0; i++)
		if (bytes[i] != bytes[0]) {
			board_fail(g->board, "good link %u: two generations of config in one read",
				   g->thread->index);
			return;
		}
	r = vri_driver_config_write(g->drv, PARROT_CONFIG_FIXED, bytes, 8);
	if (r < 0 && r != -EAGAIN)
		fail(g, "vri_driver_config_write", r);
}

/* Sends and receives once, and waits when nothing came. */
static void go_round(struct good *g, bool may_send)
{
	int r;

	board_beat(g->board, g->thread->loop, DOING_TRAFFIC);
	for (unsigned i = 0; i < DEPTH && may_send; i++)
		if (!g->request[i].is_out && !send_one(g, &g->request[i]))
			break;
	if (g->has_failed)
		return;
	r = vri_drvq_kick(g->q);
	if (r < 0) {
		fail(g, "vri_drvq_kick", r);
		return;
	}
	receive(g);
	if (g->has_failed || g->n_out == 0)
		return;
	board_beat(g->board, g->thread->loop, DOING_WAIT);
	r = vri_link_wait(g->link, WAIT_MS);
	if (r < 0)
		fail(g, "vri_link_wait", r);
}

static void run(struct good *g)
{
	uint64_t rest = REST_EVERY, config = CONFIG_EVERY;

	while (!atomic_load(&g->board->stop_driver) && !g->has_failed) {
		go_round(g, true);
		if (g->checked >= rest) {
			rest = g->checked + REST_EVERY;
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
		if (g->checked >= config) {
			config = g->checked + CONFIG_EVERY;
			look_at_config(g);
		}
	}
	/* The last one may be held: one more that is not gets it out. */
	while (g->n_out > 0 && !g->has_failed) {
		if (g->n_out < DEPTH)
			for (unsigned i = 0; i < DEPTH; i++)
				if (!g->request[i].is_out) {
					while (byte_of(g->number, 0) == PARROT_HOLD)
						g->number++;
					(void)send_one(g, &g->request[i]);
					break;
				}
		while (g->n_out > 0 && !g->has_failed)
			go_round(g, false);
	}
}

static int open_it(struct good *g)
{
	unsigned kind = g->thread->index;
	struct vri_link_opts opts = { .size = sizeof(opts),
				      .type = PARROT_TYPE,
				      .ring = kinds[kind].ring,
				      .n_queues = 1,
				      .queue_size = QUEUE_SIZE,
				      .pool_size = 4 * DEPTH * BYTES_MAX,
				      .timeout_ms = 30000 * board_patience() };
	struct vri_features wanted;
	char address[128];
	int r;

	snprintf(address, sizeof(address), "unix:%s/%s", g->thread->role->dir, kinds[kind].address);
	vri_features_default(&wanted);
	if (kinds[kind].in_order)
		vri_features_set(&wanted, VRI_F_IN_ORDER);
	if (kinds[kind].refused)
		vri_features_clear(&wanted, kinds[kind].refused);
	r = vri_link_open(&g->link, address, &opts);
	if (r < 0)
		return r;
	g->drv = vri_link_driver(g->link);
	r = vri_driver_start(g->drv, &wanted, NULL);
	if (r < 0)
		return r;
	g->q = vri_driver_drvq(g->drv, 0);
	for (unsigned i = 0; i < DEPTH; i++) {
		g->request[i].out = vri_pool_alloc(vri_driver_pool(g->drv), BYTES_MAX);
		g->request[i].in = vri_pool_alloc(vri_driver_pool(g->drv), BYTES_MAX);
		if (!g->request[i].out || !g->request[i].in)
			return -ENOMEM;
	}
	return 0;
}

void *good_link(void *data)
{
	struct good g = { .thread = data };
	int r;

	g.board = g.thread->board;
	board_beat(g.board, g.thread->loop, DOING_OPEN);
	r = open_it(&g);
	if (r < 0)
		fail(&g, "set-up", r);
	else
		run(&g);
	vri_link_close(g.link);
	return NULL;
}
