/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Torture: a driver and a device, two processes, at work on one ring at the same time with whatever
 * a queue allows. Buffers of any number of readable and writable pieces of any length at any
 * address, direct and in tables; batches of any size, published now and announced later; chains
 * held, rewound and completed in any order; sleeps that only a notification ends. What is in message
 * n, how it is cut and how much of it is written follows from the seed, so each side knows what to
 * expect from the other and checks every byte and length.
 *
 *   torture [--seconds N] [--seed N] [--cell FORMAT.FEATURES]
 *   torture --cell FORMAT.FEATURES --session SEED
 *
 * The time is shared by the cells, split and packed with each of some sets of features. A cell is a row
 * of sessions: a new pair of processes, a new size, a new seed. The second form repeats one of them.
 * Ends with "N passed, N failed", which counts cells.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"
#include "util/clock.h"

#define SIZE_MAX_HERE 64u
#define PIECES_MAX 24u
#define PIECE_LONG 8192u
#define SLOT_BYTES 32768u /* room for a message with its pieces apart, on pages of its own */
#define UNTOUCHED 0xa5
#define PATIENCE_MS 20000
#define BATCH_MAX 16u

/* What both sides know of a session. */
struct session {
	uint64_t seed;
	struct pair_opts opts;
	uint32_t n; /* messages */
	struct totals *totals; /* shared */
};

/* What a cell did; written by the side that its name says. */
struct totals {
	uint64_t messages, bytes, pieces;
	uint64_t drv_sleeps, drv_notified, dev_sleeps, dev_notified, rewound;
	uint64_t out_of_order; /* completions that overtook another */
};

/* ---- messages ---- */

struct shape {
	unsigned n_readable, n_writable;
	uint32_t len[PIECES_MAX]; /* readable ones first */
	uint32_t readable_len, writable_len, written;
	uint8_t out, back; /* where the bytes of both directions begin to count */
	uint16_t offset; /* of the first piece in the slot */
	uint8_t gap[PIECES_MAX]; /* bytes between a piece and the next */
};

static uint32_t length(struct chance *chance, bool *had_long)
{
	static const uint32_t most[] = { 1, 8, 64, 700 };

	if (!*had_long && chance_below(chance, 40) == 0) {
		*had_long = true;
		return 1 + chance_below(chance, PIECE_LONG);
	}
	return 1 + chance_below(chance, most[chance_below(chance, 4)]);
}

static void shape_of(const struct session *s, uint32_t number, struct shape *ret)
{
	struct chance chance = { s->seed + number * 0x100000001b3ull };
	unsigned most = s->opts.size < PIECES_MAX ? s->opts.size : PIECES_MAX;
	bool had_long = false;
	unsigned n;

	if (chance_below(&chance, 2) && most > 3)
		most = 3;
	n = 1 + chance_below(&chance, most);
	*ret = (struct shape){ .n_readable = chance_below(&chance, n + 1) };
	ret->n_writable = n - ret->n_readable;
	for (unsigned i = 0; i < n; i++) {
		ret->len[i] = length(&chance, &had_long);
		ret->gap[i] = (uint8_t)chance_below(&chance, 4);
		if (i < ret->n_readable)
			ret->readable_len += ret->len[i];
		else
			ret->writable_len += ret->len[i];
	}
	/* All of it as often as not: that is what in-order devices make batches of. */
	ret->written = chance_below(&chance, 2) ? ret->writable_len :
						  chance_below(&chance, ret->writable_len + 1);
	ret->out = (uint8_t)chance_throw(&chance);
	ret->back = (uint8_t)chance_throw(&chance);
	ret->offset = (uint16_t)chance_below(&chance, 4096);
}

static void fill(uint8_t *p, uint32_t len, uint8_t first)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(first + i * 0x9d);
}

static bool is_filled(const uint8_t *p, uint32_t len, uint8_t first)
{
	uint8_t differs = 0;

	for (uint32_t i = 0; i < len; i++)
		differs |= p[i] ^ (uint8_t)(first + i * 0x9d);
	return differs == 0;
}

static bool is_untouched(const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (p[i] != UNTOUCHED)
			return false;
	return true;
}

/* A pause of nothing, of some instructions, or, now and then, of a real sleep. */
static void dawdle(struct chance *chance)
{
	uint32_t what = chance_below(chance, 256);
	struct timespec nap = { .tv_nsec = 1000 + chance_below(chance, 100000) };

	if (what == 0)
		nanosleep(&nap, NULL);
	for (volatile uint32_t n = what < 32 ? chance_below(chance, 2000) : 0; n > 0; n--)
		;
}

/* ---- the driver ---- */

struct torture_driver {
	const struct session *s;
	struct pair_side *side;
	struct chance chance;
	struct message {
		uint32_t number; /* in this slot */
	} message[SIZE_MAX_HERE];
	uint16_t free[SIZE_MAX_HERE];
	unsigned n_free;
	uint32_t sent, done, newest_done;
};

static void cut(const struct pair_side *side, unsigned slot, const struct shape *shape,
		struct iovec *iov)
{
	uint8_t *at = side->pool + (size_t)slot * SLOT_BYTES + shape->offset;

	for (unsigned i = 0; i < shape->n_readable + shape->n_writable; i++) {
		iov[i] = (struct iovec){ at, shape->len[i] };
		at += shape->len[i] + shape->gap[i];
	}
}

/* Sends the next message. Returns: 1; 0 when there is no room; -1. */
static int send_one(struct torture_driver *d)
{
	struct iovec iov[PIECES_MAX];
	struct shape shape;
	uint32_t at = 0;
	unsigned slot;
	int r;

	if (d->n_free == 0 || d->sent == d->s->n)
		return 0;
	slot = d->free[d->n_free - 1];
	shape_of(d->s, d->sent, &shape);
	cut(d->side, slot, &shape, iov);
	for (unsigned i = 0; i < shape.n_readable + shape.n_writable; i++) {
		if (i >= shape.n_readable)
			memset(iov[i].iov_base, UNTOUCHED, iov[i].iov_len);
		else
			fill(iov[i].iov_base, shape.len[i], (uint8_t)(shape.out + at * 0x9d));
		at += shape.len[i];
	}
	d->message[slot].number = d->sent;
	r = vri_drvq_add(d->side->drv, iov, shape.n_readable, iov + shape.n_readable,
			 shape.n_writable, &d->message[slot]);
	if (r == -ENOSPC && d->done < d->sent)
		return 0;
	if (r < 0) {
		pair_wrong("message %u: add: %s", d->sent, strerror(-r));
		return -1;
	}
	d->n_free--;
	d->sent++;
	return 1;
}

/* Looks at what came back. Returns: how much of it is wrong. */
static unsigned look_at(struct torture_driver *d, const struct vri_used *used)
{
	const struct message *message = used->token;
	unsigned slot = (unsigned)(message - d->message);
	struct iovec iov[PIECES_MAX];
	struct shape shape;
	uint32_t at = 0;

	if (slot >= SIZE_MAX_HERE)
		return pair_wrong("driver: a token that it never gave");
	shape_of(d->s, message->number, &shape);
	cut(d->side, slot, &shape, iov);
	if (used->len != shape.written)
		return pair_wrong("driver: message %u: %u bytes written, not %u", message->number,
				  used->len, shape.written);
	for (unsigned i = shape.n_readable; i < shape.n_readable + shape.n_writable; i++) {
		uint32_t want = shape.written - at < shape.len[i] ? shape.written - at :
								    shape.len[i];
		const uint8_t *p = iov[i].iov_base;

		if (!is_filled(p, want, (uint8_t)(shape.back + at * 0x9d)) ||
		    !is_untouched(p + want, shape.len[i] - want))
			return pair_wrong("driver: message %u: piece %u came back wrong",
					  message->number, i);
		at += want;
	}
	if (message->number < d->newest_done)
		d->s->totals->out_of_order++;
	else
		d->newest_done = message->number;
	d->s->totals->bytes += shape.readable_len + shape.written;
	d->s->totals->pieces += shape.n_readable + shape.n_writable;
	d->free[d->n_free++] = (uint16_t)slot;
	d->done++;
	return 0;
}

/* Takes what is there, one or some. Returns: how many things were wrong. */
static unsigned collect(struct torture_driver *d, bool *ret_any)
{
	struct vri_used used[BATCH_MAX];
	unsigned max = 1 + chance_below(&d->chance, BATCH_MAX);
	unsigned wrong = 0;
	int n;

	if (max == 1)
		n = vri_drvq_get_used(d->side->drv, &used[0].token, &used[0].len);
	else
		n = vri_drvq_get_used_batch(d->side->drv, used, max);
	if (n < 0)
		return pair_wrong("driver: get_used: %s (%s)", strerror(-n),
				  vri_rule_name(vri_drvq_broken(d->side->drv)));
	*ret_any = n > 0;
	for (int i = 0; i < n && !wrong; i++)
		wrong += look_at(d, &used[i]);
	return wrong;
}

/* Sleeps until something came back: any, or some at once. Returns: how many things were wrong. */
static unsigned sleep_for_used(struct torture_driver *d)
{
	struct pair_side *side = d->side;
	unsigned out = d->sent - d->done;
	int r;

	if (chance_below(&d->chance, 3) != 0) {
		r = vri_drvq_wait(side->drv, PATIENCE_MS);
		return r == 1 ? 0 : pair_wrong("driver: wait returned %d", r);
	}
	/* As an event loop does it. */
	r = vri_drvq_arm_after(side->drv, 1 + chance_below(&d->chance, out));
	if (r == 0) {
		struct pollfd p = { .fd = side->receive_fd, .events = POLLIN };

		side->sleeps++;
		if (poll(&p, 1, PATIENCE_MS) == 0)
			return pair_wrong("driver: nobody woke it (%u out)", out);
		vri_drvq_clear(side->drv);
	}
	vri_drvq_suppress(side->drv);
	return r >= 0 ? 0 : pair_wrong("driver: arm_after: %s", strerror(-r));
}

static unsigned be_driver(struct pair_side *side, void *data)
{
	const struct session *s = data;
	struct torture_driver d = { .s = s, .side = side, .chance = { s->seed ^ 0xd } };
	unsigned wrong = 0;

	for (uint16_t i = 0; i < s->opts.size; i++)
		d.free[d.n_free++] = i;
	while (d.done < s->n && !wrong) {
		unsigned batch = chance_below(&d.chance, BATCH_MAX + 1);
		bool any = false;
		int r = 0;

		while (batch-- > 0 && (r = send_one(&d)) == 1)
			;
		dawdle(&d.chance);
		if (chance_below(&d.chance, 8) == 0 && vri_drvq_publish(side->drv) < 0)
			return wrong + pair_wrong("driver: publish");
		if (r < 0)
			return wrong + 1;
		wrong += collect(&d, &any);
		/* What is published is announced at the latest before a sleep. */
		if (!any || chance_below(&d.chance, 2) != 0) {
			if (vri_drvq_kick(side->drv) < 0)
				return wrong + pair_wrong("driver: kick");
		}
		dawdle(&d.chance);
		if (!wrong && !any && d.sent > d.done &&
		    (r == 0 || chance_below(&d.chance, 8) == 0))
			wrong += sleep_for_used(&d);
	}
	s->totals->messages += d.done;
	s->totals->drv_sleeps += side->sleeps;
	s->totals->drv_notified += side->notified;
	return wrong;
}

/* ---- the device ---- */

struct held {
	struct vri_chain chain;
	struct iovec iov[PIECES_MAX];
	uint32_t number;
};

struct torture_device {
	const struct session *s;
	struct pair_side *side;
	struct chance chance;
	struct held *held[SIZE_MAX_HERE]; /* the first n_held; the others are free */
	unsigned n_held;
	uint32_t popped, pushed;
};

/* Checks what was popped against what the seed says that it is. */
static unsigned check_popped(const struct torture_device *d, const struct held *h)
{
	const struct vri_chain *c = &h->chain;
	struct shape shape;
	uint32_t at = 0;

	shape_of(d->s, h->number, &shape);
	if (c->n_readable != shape.n_readable || c->n_writable != shape.n_writable ||
	    c->readable_len != shape.readable_len || c->writable_len != shape.writable_len)
		return pair_wrong("device: message %u: %u + %u pieces, %u + %u bytes", h->number,
				  c->n_readable, c->n_writable, c->readable_len, c->writable_len);
	for (unsigned i = 0; i < shape.n_readable + shape.n_writable; i++) {
		if (c->iov[i].iov_len != shape.len[i])
			return pair_wrong("device: message %u: piece %u has another length",
					  h->number, i);
		if (i < shape.n_readable &&
		    !is_filled(c->iov[i].iov_base, shape.len[i], (uint8_t)(shape.out + at * 0x9d)))
			return pair_wrong("device: message %u: piece %u has other bytes", h->number,
					  i);
		at += shape.len[i];
	}
	return 0;
}

/* Pops a batch, and gives the newest of it back now and then. Returns: how many things were wrong. */
static unsigned take_some(struct torture_device *d, unsigned most, unsigned *ret_n)
{
	unsigned batch = 1 + chance_below(&d->chance, BATCH_MAX);
	unsigned n = 0, back, wrong = 0;
	int r = 1;

	while (n < batch && d->n_held < most && !wrong) {
		struct held *h = d->held[d->n_held];

		h->chain = (struct vri_chain){ .iov = h->iov, .iov_max = PIECES_MAX };
		r = vri_devq_pop(d->side->dev, &h->chain);
		if (r <= 0)
			break;
		h->number = d->popped++;
		d->n_held++;
		n++;
		wrong += check_popped(d, h);
	}
	if (r < 0)
		wrong += pair_wrong("device: pop: %s (%s)", strerror(-r),
				    vri_rule_name(vri_devq_broken(d->side->dev)));
	if (n > 0 && !wrong && chance_below(&d->chance, 16) == 0) {
		back = 1 + chance_below(&d->chance, n);
		if (vri_devq_rewind(d->side->dev, back) < 0)
			return pair_wrong("device: rewind");
		d->popped -= back;
		d->n_held -= back;
		d->s->totals->rewound += back;
	}
	*ret_n = n;
	return wrong;
}

static unsigned complete(struct torture_device *d, unsigned which)
{
	struct held *h = d->held[which];
	uint8_t bytes[SLOT_BYTES];
	struct shape shape;

	shape_of(d->s, h->number, &shape);
	fill(bytes, shape.written, shape.back);
	if (vri_chain_write(&h->chain, 0, bytes, shape.written) != shape.written ||
	    vri_devq_push(d->side->dev, &h->chain, shape.written) < 0)
		return pair_wrong("device: message %u cannot be completed", h->number);
	d->held[which] = d->held[--d->n_held];
	d->held[d->n_held] = h;
	d->pushed++;
	return 0;
}

static unsigned device_turn(struct torture_device *d, unsigned most)
{
	struct vri_devq *q = d->side->dev;
	unsigned n = 0, wrong = take_some(d, most, &n), few;
	int r;

	if (wrong)
		return wrong;
	dawdle(&d->chance);
	few = chance_below(&d->chance, d->n_held + 1);
	/* Nothing came: the driver may wait for what is held. */
	if (n == 0 && few == 0 && d->n_held > 0)
		few = 1;
	while (few-- > 0 && !wrong)
		wrong += complete(d, chance_below(&d->chance, d->n_held));
	if (chance_below(&d->chance, 8) == 0)
		r = vri_devq_publish(q);
	else
		r = vri_devq_notify(q);
	dawdle(&d->chance);
	if (r >= 0 && (n == 0 || chance_below(&d->chance, 16) == 0) && d->pushed < d->s->n) {
		r = vri_devq_notify(q);
		/* With chains in hand it asks for a kick and looks, but does not sleep. */
		if (r >= 0)
			r = vri_devq_wait(q, d->n_held > 0 ? 0 : PATIENCE_MS);
		if (r == 0 && d->n_held == 0)
			return wrong + pair_wrong("device: nobody woke it");
	}
	return r >= 0 ? wrong : wrong + pair_wrong("device: %s", strerror(-r));
}

static unsigned be_device(struct pair_side *side, void *data)
{
	static struct held room[SIZE_MAX_HERE];
	const struct session *s = data;
	struct torture_device d = { .s = s, .side = side, .chance = { s->seed ^ 0xe } };
	/* Chains in hand at once: one, some, or all that there are. */
	unsigned most = chance_below(&d.chance, 2) ? s->opts.size :
						     1 + chance_below(&d.chance, s->opts.size);
	unsigned wrong = 0;

	for (unsigned i = 0; i < SIZE_MAX_HERE; i++)
		d.held[i] = &room[i];
	while (d.pushed < s->n && !wrong)
		wrong += device_turn(&d, most);
	if (vri_devq_notify(side->dev) < 0)
		wrong += pair_wrong("device: notify");
	s->totals->dev_sleeps += side->sleeps;
	s->totals->dev_notified += side->notified;
	return wrong;
}

/* ---- sessions and cells ---- */

struct cell {
	const char *name;
	uint64_t features;
};

static const struct cell cells[] = {
	{ "split.plain", 0 },
	{ "split.indirect", PAIR_INDIRECT },
	{ "split.event-idx", PAIR_EVENT_IDX },
	{ "split.in-order", PAIR_IN_ORDER },
	{ "split.all", PAIR_INDIRECT | PAIR_EVENT_IDX | PAIR_IN_ORDER },
	{ "split.usual", PAIR_INDIRECT | PAIR_EVENT_IDX },
	{ "packed.plain", PAIR_PACKED },
	{ "packed.indirect", PAIR_PACKED | PAIR_INDIRECT },
	{ "packed.event-idx", PAIR_PACKED | PAIR_EVENT_IDX },
	{ "packed.in-order", PAIR_PACKED | PAIR_IN_ORDER },
	{ "packed.all", PAIR_PACKED | PAIR_INDIRECT | PAIR_EVENT_IDX | PAIR_IN_ORDER },
	{ "packed.usual", PAIR_PACKED | PAIR_INDIRECT | PAIR_EVENT_IDX },
};

#define N_CELLS (sizeof(cells) / sizeof(cells[0]))

static unsigned run_session(const struct cell *cell, uint64_t seed, struct totals *totals)
{
	static const unsigned tables[] = { 2, 4, 8, 32 };
	struct session s = { .seed = seed, .totals = totals };
	struct chance chance = { seed ^ 0x5e55 };
	unsigned wrong;

	s.opts = (struct pair_opts){
		.size = cell->features & PAIR_PACKED ? 1 + chance_below(&chance, SIZE_MAX_HERE) :
						       1u << chance_below(&chance, 7),
		.features = cell->features,
		.indirect_max = tables[chance_below(&chance, 4)],
		/* One look, then to sleep; or as programs do it. */
		.drv_spin = chance_below(&chance, 3) != 0,
		.dev_spin = chance_below(&chance, 3) != 0,
		.pool_size = SIZE_MAX_HERE * SLOT_BYTES,
		.patience_ms = PATIENCE_MS,
	};
	s.n = 500 + 250 * s.opts.size;
	wrong = pair_run(&s.opts, be_driver, be_device, &s);
	if (wrong)
		pair_wrong("repeat it: torture --cell %s --session %#llx (size %u)", cell->name,
			   (unsigned long long)seed, s.opts.size);
	return wrong;
}

/* Returns: how many things were wrong. */
static unsigned run_cell(const struct cell *cell, uint64_t seed, double seconds)
{
	uint64_t end_ns = clock_monotonic_ns() + (uint64_t)(seconds * 1e9);
	struct chance chance = { seed };
	struct totals *t =
		mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned wrong = 0, n = 0;

	if (t == MAP_FAILED)
		return pair_wrong("out of memory");
	do {
		wrong = run_session(cell, chance_throw(&chance), t);
		n++;
	} while (!wrong && clock_monotonic_ns() < end_ns);
	printf("%-16s %5u sessions %9llu messages %10llu pieces %5llu MB, slept %7llu + %7llu, "
	       "notified %7llu + %7llu, overtook %llu, rewound %llu\n",
	       cell->name, n, (unsigned long long)t->messages, (unsigned long long)t->pieces,
	       (unsigned long long)t->bytes / 1000000, (unsigned long long)t->drv_sleeps,
	       (unsigned long long)t->dev_sleeps, (unsigned long long)t->drv_notified,
	       (unsigned long long)t->dev_notified, (unsigned long long)t->out_of_order,
	       (unsigned long long)t->rewound);
	/* Or else it has not shown what it is for. */
	if (!wrong && n > 5 && (!t->drv_sleeps || !t->dev_sleeps || !t->rewound))
		wrong = pair_wrong("%s: a side never slept, or nothing was rewound", cell->name);
	if (!wrong && n > 5 && !(cell->features & PAIR_IN_ORDER) && !t->out_of_order)
		wrong = pair_wrong("%s: nothing overtook anything", cell->name);
	if (cell->features & PAIR_IN_ORDER && t->out_of_order)
		wrong += pair_wrong("%s: messages came out of their order", cell->name);
	munmap(t, sizeof(*t));
	fflush(stdout);
	return wrong;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "cell", required_argument, NULL, 'c' },
		{ "session", required_argument, NULL, 'o' },
		{ 0 },
	};
	const char *only = NULL, *session = NULL;
	unsigned passed = 0, failed = 0, n = 0;
	uint64_t seed = chance_seed();
	double seconds = 30;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seconds = strtod(optarg, NULL);
			break;
		case 'S':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			only = optarg;
			break;
		case 'o':
			session = optarg;
			break;
		default:
			return 2;
		}
	}
	for (unsigned i = 0; i < N_CELLS; i++)
		n += !only || strcmp(only, cells[i].name) == 0;
	if (n == 0 || (session && n != 1)) {
		fprintf(stderr, "torture: --cell is one of:");
		for (unsigned i = 0; i < N_CELLS; i++)
			fprintf(stderr, " %s", cells[i].name);
		fputc('\n', stderr);
		return 2;
	}
	printf("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < N_CELLS; i++) {
		struct totals ignored = { 0 };
		unsigned wrong;

		if (only && strcmp(only, cells[i].name) != 0)
			continue;
		if (session)
			wrong = run_session(&cells[i], strtoull(session, NULL, 0), &ignored);
		else
			wrong = run_cell(&cells[i], seed + i, seconds / n);
		wrong ? failed++ : passed++;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
