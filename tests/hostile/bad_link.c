/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Links of an honest driver to hostile devices. Whatever the device does: each call ends within its limit with one of the
 * errors that its comment names, every request comes back exactly once, and no length is more than what was lent.
 */
#include "honest_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUESTS 24
#define BYTES_MAX 512u
#define PIECES_MAX 5u
#define ROUNDS_MAX 200u
#define POOL (64u << 10)

struct request {
	uint8_t *bytes;
	uint32_t writable;
	bool is_out;
};

struct bad {
	struct driver_thread *thread;
	struct board *board;
	struct vri_link *link;
	struct vri_driver *drv;
	struct vri_drvq *q;
	struct request request[REQUESTS];
	unsigned n_out;
	bool needs_reset;
	bool is_over; /* the link has ended, or nothing goes on with it */
};

/* ---- the time that calls take ---- */

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t begin(struct bad *b, enum doing what)
{
	board_beat(b->board, b->thread->loop, what);
	return now_us();
}

/* Passes the result on. */
static int end(struct bad *b, enum doing what, uint64_t began_us, int r)
{
	uint64_t took = now_us() - began_us;
	uint64_t longest = atomic_load(&b->board->longest_us[what]);

	while (took > longest &&
	       !atomic_compare_exchange_weak(&b->board->longest_us[what], &longest, took))
		;
	board_beat(b->board, b->thread->loop, DOING_NOTHING);
	return r;
}

/* Only these may come of what a peer does. */
static int allow(struct bad *b, const char *what, int r)
{
	switch (r) {
	case -EPROTO:
	case -ESHUTDOWN:
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -ECONNREFUSED:
	case -EOPNOTSUPP:
	case -EAGAIN:
	case -EPERM:
	case -ENOENT:
	case -EINVAL: /* the words of an error are the device's to choose */
	case -EBUSY:
	case -ENOSPC:
	case -ENOMEM:
	case -EPROTONOSUPPORT:
		break;
	default:
		if (r < 0)
			board_fail(b->board, "%s of a hostile device gives %s", what,
				   vri_strerror(r));
	}
	return r;
}

/* ---- requests ---- */

static unsigned random_below(struct bad *b, unsigned limit)
{
	return draw(&b->thread->random, limit);
}

static void give(struct bad *b)
{
	struct iovec iov[2 * PIECES_MAX];
	unsigned n_readable = random_below(b, PIECES_MAX), n_writable = random_below(b, PIECES_MAX);
	struct vri_pool *pool = vri_driver_pool(b->drv);
	unsigned n = n_readable + n_writable, i = 0;
	struct request *request;
	uint32_t len = 0;
	int r;

	while (i < REQUESTS && b->request[i].is_out)
		i++;
	if (i == REQUESTS || n == 0)
		return;
	request = &b->request[i];
	request->bytes = vri_pool_alloc(pool, BYTES_MAX);
	if (!request->bytes)
		return;
	memset(request->bytes, 'd', BYTES_MAX);
	request->writable = 0;
	for (i = 0; i < n; i++) {
		uint32_t piece = 1 + random_below(b, BYTES_MAX / n);

		iov[i] = (struct iovec){ request->bytes + len, piece };
		len += piece;
		if (i >= n_readable)
			request->writable += piece;
	}
	r = vri_drvq_add(b->q, iov, n_readable, iov + n_readable, n_writable, request);
	if (r < 0) {
		vri_pool_free(pool, request->bytes);
		if (r != -ENOSPC && r != -ESHUTDOWN && r != -EINVAL && r != -EAGAIN)
			board_fail(b->board, "vri_drvq_add: %s", vri_strerror(r));
		return;
	}
	request->is_out = true;
	b->n_out++;
}

/* A request is the application's again. */
static void came_back(struct bad *b, void *token)
{
	struct request *request = token;

	if (request < b->request || request >= b->request + REQUESTS || !request->is_out) {
		board_fail(b->board, "a request came back that was not out");
		return;
	}
	request->is_out = false;
	b->n_out--;
	vri_pool_free(vri_driver_pool(b->drv), request->bytes);
}

/* Takes what was used. Returns: an error that ends the queue's life, or 0. */
static int receive(struct bad *b)
{
	uint32_t len;
	void *token;
	int r;

	while ((r = vri_drvq_get_used(b->q, &token, &len)) == 1) {
		const struct request *request = token;

		if (len > request->writable)
			board_fail(b->board, "a used length of %u where %u bytes were lent", len,
				   request->writable);
		came_back(b, token);
		atomic_fetch_add(&b->board->bad_answers, 1);
	}
	return allow(b, "vri_drvq_get_used", r);
}

static void note_broken(struct bad *b)
{
	enum vri_rule rule = vri_drvq_broken(b->q);

	if (rule != VRI_RULE_NONE)
		atomic_fetch_add(&b->board->rules[SIDE_DRIVER][rule], 1);
}

/* ---- control ---- */

static void take_back(struct bad *b)
{
	void *token;
	int r;

	while ((r = vri_drvq_take_back(b->q, &token)) == 1)
		came_back(b, token);
	if (r < 0)
		board_fail(b->board, "vri_drvq_take_back: %s", vri_strerror(r));
	if (b->n_out)
		board_fail(b->board, "%u requests never came back", b->n_out);
}

static int start(struct bad *b)
{
	struct vri_features wanted;
	uint64_t began;
	int r;

	vri_features_default(&wanted);
	vri_features_set(&wanted, VRI_F_IN_ORDER);
	began = begin(b, DOING_START);
	r = end(b, DOING_START, began, vri_driver_start(b->drv, &wanted, NULL));
	allow(b, "vri_driver_start", r);
	b->q = r == 0 ? vri_driver_drvq(b->drv, 0) : NULL;
	if (r == 0)
		atomic_fetch_add(&b->board->bad_starts, 1);
	return r;
}

static void reset(struct bad *b)
{
	uint64_t began = begin(b, DOING_RESET);
	int r = end(b, DOING_RESET, began, vri_driver_reset(b->drv));

	allow(b, "vri_driver_reset", r);
	take_back(b);
	b->needs_reset = false;
	b->is_over = r < 0 || start(b) < 0;
}

static void reset_queue(struct bad *b)
{
	uint64_t began = begin(b, DOING_RESET_QUEUE);
	int r = end(b, DOING_RESET_QUEUE, began, vri_driver_reset_queue(b->drv, 0));

	allow(b, "vri_driver_reset_queue", r);
	if (r == -EOPNOTSUPP)
		return;
	take_back(b);
	if (r == 0)
		r = vri_driver_set_queue(b->drv, 0, 0);
	b->is_over = r < 0;
	b->q = vri_driver_drvq(b->drv, 0);
	if (!b->q)
		b->is_over = true;
}

/* There and back; what does not come back is reset. */
static void suspend(struct bad *b)
{
	uint64_t began = begin(b, DOING_SUSPEND);
	int r = allow(b, "vri_driver_suspend", vri_driver_suspend(b->drv));

	if (r == 0 && random_below(b, 4))
		r = allow(b, "vri_driver_resume", vri_driver_resume(b->drv));
	else if (r == 0)
		r = -ETIMEDOUT;
	end(b, DOING_SUSPEND, began, r);
	if (r < 0 && r != -EOPNOTSUPP)
		b->needs_reset = true;
}

/* What can be mapped can be used; sometimes it is left for the end of the link. */
static void use_shared_memory(struct bad *b)
{
	uint64_t began = begin(b, DOING_CONFIG), size = 0;
	void *base = NULL;
	int r;

	r = allow(b, "vri_driver_map_shared_memory",
		  vri_driver_map_shared_memory(b->drv, PARROT_SHARED, &base, &size));
	if (r == 0) {
		memset(base, 's', size);
		if (random_below(b, 2))
			r = vri_driver_unmap_shared_memory(b->drv, PARROT_SHARED);
		if (r < 0)
			board_fail(b->board, "vri_driver_unmap_shared_memory: %s", vri_strerror(r));
	}
	end(b, DOING_CONFIG, began, r);
}

static void use_config(struct bad *b)
{
	uint32_t size = vri_driver_config_size(b->drv);
	uint8_t bytes[VRI_CONFIG_MAX];
	uint64_t began = begin(b, DOING_CONFIG);
	int r;

	r = vri_driver_config_read(b->drv, 0, bytes, size);
	allow(b, "vri_driver_config_read", r);
	if (size)
		r = vri_driver_config_write(b->drv, random_below(b, size), bytes, 1);
	end(b, DOING_CONFIG, began, allow(b, "vri_driver_config_write", r));
}

static void use_control(struct bad *b)
{
	uint64_t began;

	switch (random_below(b, 16)) {
	case 0:
	case 1:
		use_config(b);
		break;
	case 2:
		began = begin(b, DOING_STATUS);
		(void)end(b, DOING_STATUS, began,
			  allow(b, "vri_driver_status", vri_driver_status(b->drv)));
		break;
	case 3:
		reset_queue(b);
		break;
	case 4:
		reset(b);
		break;
	case 5:
		suspend(b);
		break;
	case 6:
		use_shared_memory(b);
		break;
	default:
		break;
	}
}

/* ---- one link ---- */

static void on_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	((struct bad *)data)->needs_reset = true;
}

static const struct vri_driver_callbacks callbacks = {
	.size = sizeof(callbacks),
	.needs_reset = on_needs_reset,
};

/* Returns: what ended the queue's life, or 0. */
static int go_round(struct bad *b)
{
	int scale = (int)board_patience();
	uint64_t began;
	int r;

	for (unsigned i = random_below(b, 6); i > 0; i--)
		give(b);
	r = allow(b, "vri_drvq_kick", vri_drvq_kick(b->q));
	if (r >= 0)
		r = receive(b);
	if (r < 0)
		return r;
	/* Mostly so short that much goes on, now and then long enough for a deadline to pass. */
	began = begin(b, DOING_WAIT);
	r = end(b, DOING_WAIT, began,
		vri_link_wait(b->link,
			      random_below(b, 40) ? 2 : (int)(2 * BAD_DEADLINE_MS) * scale));
	return r < 0 ? allow(b, "vri_link_wait", r) : 0;
}

static void use(struct bad *b)
{
	unsigned rounds = random_below(b, ROUNDS_MAX);

	for (unsigned i = 0; i < rounds && !b->is_over; i++) {
		int r = go_round(b);

		if (r < 0 || vri_drvq_broken(b->q) != VRI_RULE_NONE) {
			note_broken(b);
			if (r == -ECONNRESET || random_below(b, 2))
				break;
			b->needs_reset = true;
		}
		if (atomic_load(&b->board->stop_bad))
			break;
		if (b->needs_reset)
			reset(b);
		else
			use_control(b);
	}
}

static int open_it(struct bad *b)
{
	enum vri_ring ring = atomic_load(&b->board->ring);
	struct vri_link_opts opts = { .size = sizeof(opts),
				      .ring = ring ? ring : 1 + random_below(b, 2),
				      .n_queues = 1,
				      .pool_size = POOL,
				      .notifier = random_below(b, 2) ? VRI_NOTIFIER_PIPE :
								       VRI_NOTIFIER_AUTO,
				      .timeout_ms = BAD_TIMEOUT_MS * board_patience(),
				      .deadline_ms = BAD_DEADLINE_MS * board_patience() };
	char address[128];
	uint64_t began;
	int r;

	opts.queue_size = opts.ring == VRI_RING_SPLIT ? 4u << random_below(b, 5) :
							3 + random_below(b, 60);
	opts.indirect_max = random_below(b, 3) ? 8 : ~0u;
	snprintf(address, sizeof(address), "unix:%s/%s%u", b->thread->role->dir, ADDRESS_BAD,
		 b->thread->index);
	began = begin(b, DOING_OPEN);
	r = end(b, DOING_OPEN, began, vri_link_open(&b->link, address, &opts));
	if (r == -ENOENT || r == -ECONNREFUSED || r == -EACCES) {
		/* Nobody is there just now, or says no. */
		nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
		return r;
	}
	atomic_fetch_add(&b->board->bad_opens, 1);
	return allow(b, "vri_link_open", r);
}

static void one_link(struct bad *b)
{
	uint64_t began;

	if (open_it(b) < 0)
		return;
	b->drv = vri_link_driver(b->link);
	vri_driver_set_callbacks(b->drv, &callbacks, b);
	if (start(b) == 0) {
		use(b);
		/* Live or broken, all of it is the application's after a reset, even one that fails. */
		if (b->n_out) {
			began = begin(b, DOING_RESET);
			allow(b, "vri_driver_reset",
			      end(b, DOING_RESET, began, vri_driver_reset(b->drv)));
			take_back(b);
		}
	}
	began = begin(b, DOING_CLOSE);
	vri_link_close(b->link);
	(void)end(b, DOING_CLOSE, began, 0);
}

void *bad_link(void *data)
{
	struct driver_thread *thread = data;
	struct board *board = thread->board;

	while (!atomic_load(&board->stop_driver)) {
		struct bad b = { .thread = thread, .board = board };

		board_beat(board, thread->loop, DOING_NOTHING);
		if (atomic_load(&board->stop_bad)) {
			atomic_store(&board->bad_is_idle[thread->index], true);
			nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
			continue;
		}
		atomic_store(&board->bad_is_idle[thread->index], false);
		one_link(&b);
	}
	return NULL;
}
