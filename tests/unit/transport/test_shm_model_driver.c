/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's end of the control channel against the state table: a device that says anything at any time, and what
 * must come of it for who opens the link, asks, and listens.
 *
 * VRI_TEST_SEED repeats a run, VRI_TEST_SECONDS makes it longer.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/link.h>

#include "channel_model.h"
#include "leaks.h"
#include "raw_peer.h"
#include "tmpdir.h"

#define SAID_MAX 3 /* messages before an answer */
#define REQUESTS 4 /* of one walk: GET_STATUS, each answered after some others */
#define SLOTS (2 + REQUESTS)

/* What a device says. */
struct said {
	struct wire_msg msg;
	unsigned fds;
	bool is_answer; /* takes the token of the request */
};

/* What the device says after HELLO, after ATTACH and after each request, and what must come of it. */
struct plan {
	struct said said[SLOTS][SAID_MAX + 1];
	unsigned n[SLOTS];
	unsigned over_at; /* the slot in which the link ends; SLOTS: it does not */
	bool is_refusal; /* with a REFUSED during the set-up */
	unsigned changed, needs_reset; /* events that are told by then */
};

static int listener;

static struct wire_msg device_message(enum wire_kind kind)
{
	struct wire_msg msg = { .kind = kind };

	switch (kind) {
	case WIRE_HELLO:
		msg.hello.version_min = msg.hello.version_max = WIRE_VERSION;
		break;
	case WIRE_OFFER:
		msg.offer.version = WIRE_VERSION;
		msg.offer.notifier = NOTIFIER_EVENTFD;
		strcpy(msg.offer.offer.type, "org.example.model");
		strcpy(msg.offer.offer.name, "model");
		msg.offer.offer.device_id = VRI_ID_LOCAL_FIRST + 3;
		msg.offer.offer.n_queues = 1;
		msg.offer.offer.queue_size_max = 16;
		vri_features_set(&msg.offer.offer.features, VRI_F_VERSION_1);
		break;
	case WIRE_ATTACH:
		msg.attach.notifier = NOTIFIER_EVENTFD;
		break;
	case WIRE_REFUSED:
		msg.refused.error = -EBUSY;
		break;
	case WIRE_SET_CONFIG:
		msg.set_config.data_len = 1;
		break;
	case WIRE_ADD_MEMORY:
		msg.add_memory.access = VRI_ACCESS_READ;
		break;
	case WIRE_REPLY:
		msg.reply.status = 5;
		break;
	default:
		break;
	}
	return msg;
}

static unsigned state_of(unsigned slot)
{
	return slot < 2 ? slot : 2;
}

static enum wire_kind answer_in(unsigned slot)
{
	static const enum wire_kind kinds[] = { WIRE_OFFER, WIRE_ATTACHED, WIRE_REPLY };

	return kinds[state_of(slot)];
}

/* What comes of one message. Returns: false when the link is over. */
static bool judge_said(struct plan *plan, unsigned slot, const struct said *said)
{
	enum verdict verdict = judge(SHM_DEVICE, state_of(slot), &said->msg, said->fds);

	if (verdict == TAKEN) {
		switch (said->msg.kind) {
		case WIRE_REFUSED:
			plan->is_refusal = slot < 2;
			verdict = OVER;
			break;
		case WIRE_REPLY: /* an answer to what was not asked, or with what was not asked for */
			if (!said->is_answer || said->fds)
				verdict = OVER;
			break;
		case WIRE_CONFIG_CHANGED:
			plan->changed++;
			break;
		case WIRE_NEEDS_RESET:
			plan->needs_reset++;
			break;
		default:
			break;
		}
	}
	if (verdict == OVER)
		plan->over_at = slot;
	return verdict != OVER;
}

/* Adds a message to what is said. Returns: false when it is the last one. */
static bool add(struct plan *plan, unsigned slot, struct said said)
{
	visit(state_of(slot), &said.msg, said.fds);
	plan->said[slot][plan->n[slot]++] = said;
	return judge_said(plan, slot, &said);
}

static bool add_answer(struct plan *plan, unsigned slot)
{
	struct said said = { .msg = device_message(answer_in(slot)), .is_answer = true };

	/* Replaced by that of the request. */
	said.msg.token = state_of(slot) == 2 ? 1 : 0;
	return add(plan, slot, said);
}

static struct said anything(void)
{
	struct said said = { .msg = device_message(draw(WIRE_KINDS)), .fds = draw(FDS_MAX + 1) };

	said.msg.token = draw(2) ? 0x7ffffff0 : 0;
	if (draw(2))
		said.fds = 0;
	return said;
}

static struct said an_event(void)
{
	static const enum wire_kind kinds[] = { WIRE_UNKNOWN, WIRE_CONFIG_CHANGED,
						WIRE_NEEDS_RESET };

	return (struct said){ .msg = device_message(kinds[draw(3)]) };
}

static void make_plan(struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->over_at = SLOTS;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		bool is_answered = false;

		if (slot < 2 && draw(8) == 0) {
			/* What the table lets through during the set-up and does not end it is the answer. */
			is_answered = true;
			if (!add(plan, slot, anything()))
				return;
		}
		for (unsigned i = slot < 2 ? 0 : draw(SAID_MAX + 1); i > 0; i--)
			if (!add(plan, slot, draw(8) ? an_event() : anything()))
				return;
		if (!is_answered && !add_answer(plan, slot))
			return;
	}
}

/* One message in one state, whatever it is, and honesty up to there. */
static void plan_for_cell(struct plan *plan, unsigned state, enum wire_kind kind, unsigned fds,
			  bool token)
{
	struct said said = { .msg = device_message(kind), .fds = fds };

	memset(plan, 0, sizeof(*plan));
	plan->over_at = SLOTS;
	said.msg.token = token ? 0x7ffffff0 : 0;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (slot == state && !add(plan, slot, said))
			return;
		/* The very message that was due: then it is there already. */
		if (slot == state && state < 2 && kind == answer_in(slot))
			continue;
		if (!add_answer(plan, slot))
			return;
	}
}

/* The device: says what the plan says, and then waits for the driver to leave. */
static void *play(void *data)
{
	const struct plan *plan = data;
	int fd = raw_accept(listener), with;
	struct wire_msg msg;

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		if (raw_receive(fd, &msg, &with) == 0)
			break;
		if (with >= 0)
			close(with);
		for (unsigned i = 0; i < plan->n[slot]; i++) {
			struct said said = plan->said[slot][i];
			int fds[FDS_MAX] = { fd, fd };

			if (said.is_answer)
				said.msg.token = msg.token;
			say(fd, &said.msg, fds, said.fds);
		}
		if (plan->over_at == slot)
			break;
	}
	raw_expect_hang_up(fd);
	close(fd);
	return NULL;
}

struct told {
	unsigned changed, needs_reset, gone;
};

static void on_changed(struct vri_driver *drv, void *data)
{
	((struct told *)data)->changed++;
}

static void on_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	((struct told *)data)->needs_reset++;
}

static void on_gone(struct vri_driver *drv, void *data)
{
	((struct told *)data)->gone++;
}

static const struct vri_driver_callbacks callbacks = {
	.size = sizeof(callbacks),
	.config_changed = on_changed,
	.needs_reset = on_needs_reset,
	.gone = on_gone,
};

/* The requests of an open link, each answered or the end. */
static void ask(const struct plan *plan, struct vri_link *link)
{
	struct vri_driver *drv = vri_link_driver(link);
	struct told told = { 0 };
	bool is_over = false;

	vri_driver_set_callbacks(drv, &callbacks, &told);
	for (unsigned slot = 2; slot < SLOTS; slot++) {
		int r = vri_driver_status(drv);

		is_over = is_over || plan->over_at == slot;
		if (is_over)
			t_true(r == -EPROTO || r == -ECONNRESET);
		else
			t_eq(r, 5);
	}
	t_errno_eq(vri_link_dispatch(link), is_over ? -ECONNRESET : 0);
	t_eq(told.changed, plan->changed > 0);
	t_eq(told.needs_reset, plan->needs_reset > 0);
	t_eq(told.gone, is_over);
}

/* Returns: how many messages were said. */
static unsigned meet(struct plan *plan, const char *address)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 60000 };
	struct vri_link *link = NULL;
	unsigned n = 0;
	pthread_t thread;
	int r;

	t_eq(pthread_create(&thread, NULL, play, plan), 0);
	r = vri_link_open(&link, address, &opts);
	if (plan->over_at < 2) {
		t_errno_eq(r, plan->is_refusal ? -ECONNREFUSED : -EPROTO);
	} else {
		t_ok(r);
		ask(plan, link);
		vri_link_close(link);
	}
	t_eq(pthread_join(thread, NULL), 0);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		n += plan->n[slot];
	return n;
}

/* faults: D4 D7 D9 */
Test(shm_model, a_driver_does_what_the_table_says, .timeout = 600)
{
	struct leaks leaks;
	struct tmpdir dir;
	unsigned walks = 0, steps = 0;
	const char *address;
	struct plan plan;
	time_t end;

	draw_begin();
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	listener = raw_listen(address + strlen("unix:"));
	for (unsigned s = 0; s < STATES; s++)
		for (enum wire_kind kind = WIRE_UNKNOWN; kind < WIRE_KINDS; kind++)
			for (unsigned i = 0; i < (FDS_MAX + 1) * 2; i++) {
				plan_for_cell(&plan, s, kind, i / 2, i % 2);
				(void)meet(&plan, address);
			}
	for (end = end_of_run(); time(NULL) < end; walks++) {
		make_plan(&plan);
		steps += meet(&plan, address);
	}
	every_cell_was_visited();
	printf("%u walks, %u messages\n", walks, steps);
	close(listener);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}
