/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Both ends of the control channel against a model that is made from the state table: random walks over states and
 * messages, legal and illegal, with too few and too many descriptors, with and without a token. After each step model
 * and implementation say the same: taken, answered with what, refused, or the link is over.
 *
 * VRI_TEST_SEED repeats a run, VRI_TEST_SECONDS makes it longer.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "mock_ring.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"
#include "transport/shm/shm_table.h"
#include "util/memfd.h"

#define STATES 3
#define FDS_MAX 2 /* one more than any message may have */
#define STEPS_MAX 40
#define HIGH (1ull << 50)

static const enum shm_state states[STATES] = { SHM_NEW, SHM_OFFERED, SHM_ATTACHED };
static const char *const state_names[STATES] = { "NEW", "OFFERED", "ATTACHED" };

static struct mock_random random_state;

static unsigned draw(unsigned below)
{
	return mock_random_below(&random_state, below);
}

static time_t end_of_run(void)
{
	const char *given = getenv("VRI_TEST_SECONDS");

	return time(NULL) + (given ? atoi(given) : 3);
}

/* How often each message was said in each state, with so many descriptors, with a token or without. */
static unsigned visits[STATES][WIRE_KINDS][FDS_MAX + 1][2];

static void visit(unsigned state, const struct wire_msg *msg, unsigned fds)
{
	visits[state][msg->kind][fds][msg->token != 0]++;
}

static void every_cell_was_visited(void)
{
	unsigned cells = 0;

	for (unsigned s = 0; s < STATES; s++)
		for (unsigned kind = 0; kind < WIRE_KINDS; kind++)
			for (unsigned fds = 0; fds <= FDS_MAX; fds++)
				for (unsigned token = 0; token < 2; token++, cells++)
					if (visits[s][kind][fds][token] == 0)
						t_fail("message %u was never said in %s with %u descriptors, token %u",
						       kind, state_names[s], fds, token);
	printf("all of %u cells visited\n", cells);
}

/* ---- what the table says ---- */

enum verdict {
	OVER, /* the link ends */
	IGNORED,
	UNKNOWN_REQUEST, /* a reply that says so */
	TAKEN, /* and answered as the row says */
};

static enum verdict judge(enum shm_end sender, unsigned state, const struct wire_msg *msg,
			  unsigned fds)
{
	const struct shm_row *row = shm_row(msg->kind);

	if (!row) {
		if (states[state] != SHM_ATTACHED || fds)
			return OVER;
		return msg->token ? UNKNOWN_REQUEST : IGNORED;
	}
	if (row->sender != sender || !(row->state & states[state]) || fds < row->fds_min ||
	    fds > row->fds_max || (msg->token != 0) != (row->token != SHM_TOKEN_NONE))
		return OVER;
	return TAKEN;
}

/* ---- the device's end ---- */

/* A link as the model sees it: what the requests mean is docs/protocol.md, "Device control". */
struct model {
	unsigned state; /* index into states */
	uint8_t status;
	bool ring_reset; /* acknowledged */
	bool is_workable; /* so are features that can be worked with */
	bool is_set; /* the queue */
	bool has_memory;
	uint32_t generation;
};

static struct serve serve;
static struct raw_driver raw; /* its region serves all walks */
static const char *path;

/* Whether a write of the status is refused. virtio 1.4, 2.1, 3.1.1 */
static bool status_is_refused(struct model *m, uint8_t written)
{
	uint8_t now = m->status, fresh = written & (uint8_t)~now;

	if (written == 0) {
		m->status = 0;
		m->is_set = m->is_workable = m->ring_reset = false;
		return false;
	}
	if (now & (uint8_t)~written)
		return true;
	if ((now & VRI_STATUS_FAILED) && fresh)
		return true;
	if ((fresh & VRI_STATUS_DRIVER) && !(written & VRI_STATUS_ACKNOWLEDGE))
		return true;
	if ((fresh & VRI_STATUS_FEATURES_OK) && !(now & VRI_STATUS_DRIVER))
		return true;
	if ((fresh & VRI_STATUS_DRIVER_OK) && !(now & VRI_STATUS_FEATURES_OK))
		return true;
	/* Who gives up starts nothing. */
	if (fresh & VRI_STATUS_FAILED)
		m->status |= VRI_STATUS_FAILED;
	else if ((fresh & VRI_STATUS_FEATURES_OK) && !m->is_workable)
		m->status = written & (uint8_t)~VRI_STATUS_FEATURES_OK;
	else
		m->status = written;
	return false;
}

/* Whether a request is refused; the model goes one step on when it is not. */
static bool is_refused(struct model *m, const struct wire_msg *msg)
{
	bool features_ok = m->status & VRI_STATUS_FEATURES_OK;
	bool driver_ok = m->status & VRI_STATUS_DRIVER_OK;
	const struct vri_features *set = &msg->set_features.features.set;
	bool was = m->is_set;

	switch (msg->kind) {
	case WIRE_SET_STATUS:
		return status_is_refused(m, msg->set_status.status);
	case WIRE_SET_FEATURES:
		if (!(m->status & VRI_STATUS_DRIVER) || features_ok)
			return true;
		m->is_workable = vri_features_has(set, VRI_F_VERSION_1) &&
				 !vri_features_has(set, VRI_F_SR_IOV);
		m->ring_reset = vri_features_has(set, VRI_F_RING_RESET);
		return false;
	case WIRE_GET_CONFIG:
		return msg->get_config.offset + msg->get_config.len > SERVE_CONFIG_SIZE;
	case WIRE_SET_CONFIG:
		if (!features_ok || msg->set_config.offset + msg->set_config.data_len > 4 ||
		    msg->set_config.generation != m->generation)
			return true;
		m->generation += 2;
		return false;
	case WIRE_SET_QUEUE:
		if (!features_ok || msg->set_queue.index > 0 || msg->set_queue.size != 16 ||
		    (driver_ok && (!m->ring_reset || m->is_set)))
			return true;
		m->is_set = true;
		return false;
	case WIRE_RESET_QUEUE:
		if (msg->reset_queue.index > 0 || !driver_ok || !m->ring_reset)
			return true;
		m->is_set = false;
		return false;
	case WIRE_ADD_MEMORY:
		if (msg->add_memory.iova != HIGH || m->has_memory)
			return true;
		m->has_memory = true;
		return false;
	case WIRE_REMOVE_MEMORY:
		if (msg->remove_memory.iova != HIGH || !m->has_memory)
			return true;
		m->has_memory = false;
		return false;
	case WIRE_GET_SHARED_MEMORY:
		return true; /* this device offers none */
	default:
		m->is_set = was;
		return false;
	}
}

/* What a driver could say of that kind; mostly what makes sense now. */
static struct wire_msg make_message(const struct model *m, enum wire_kind kind)
{
	static const uint8_t bits[] = { 1, 2, 8, 4 };
	struct wire_msg msg = { .kind = kind };
	struct region_queue_areas areas;

	switch (kind) {
	case WIRE_HELLO:
		msg.hello.version_min = msg.hello.version_max = WIRE_VERSION;
		break;
	case WIRE_OFFER: /* whatever the wire can carry: it is not the driver's to say */
		msg.offer.notifier = NOTIFIER_EVENTFD;
		break;
	case WIRE_ATTACH:
		memcpy(msg.attach.link_id, raw.map.link_id, sizeof(msg.attach.link_id));
		msg.attach.region_size = raw.map.size;
		msg.attach.notifier = NOTIFIER_EVENTFD;
		break;
	case WIRE_SET_STATUS:
		msg.set_status.status = m->status;
		for (unsigned i = 0; i < 4; i++)
			if (!(m->status & bits[i])) {
				msg.set_status.status |= bits[i];
				break;
			}
		if (draw(8) == 0)
			msg.set_status.status = (uint8_t)(draw(16) | (draw(8) ? 0 : 128));
		if (draw(12) == 0)
			msg.set_status.status = 0;
		break;
	case WIRE_SET_FEATURES:
		if (draw(10))
			vri_features_set(&msg.set_features.features.set, VRI_F_VERSION_1);
		if (draw(2))
			vri_features_set(&msg.set_features.features.set, VRI_F_RING_RESET);
		if (draw(12) == 0)
			vri_features_set(&msg.set_features.features.set, VRI_F_SR_IOV);
		break;
	case WIRE_GET_CONFIG:
		msg.get_config.offset = draw(SERVE_CONFIG_SIZE);
		msg.get_config.len = draw(SERVE_CONFIG_SIZE);
		break;
	case WIRE_SET_CONFIG:
		msg.set_config.generation = m->generation + (draw(6) ? 0 : 2);
		msg.set_config.offset = draw(5);
		msg.set_config.data_len = 1 + draw(2);
		break;
	case WIRE_SET_QUEUE:
		vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
		msg.set_queue = (struct queue_params){ draw(8) == 0, draw(8) ? 16 : 3, areas.desc,
						       areas.driver, areas.device };
		break;
	case WIRE_RESET_QUEUE:
		msg.reset_queue.index = draw(8) == 0;
		break;
	case WIRE_ADD_MEMORY:
		msg.add_memory.iova = draw(8) ? HIGH : 4096;
		msg.add_memory.size = 4096;
		msg.add_memory.access = VRI_ACCESS_READ_WRITE;
		break;
	case WIRE_REMOVE_MEMORY:
		msg.remove_memory.iova = draw(8) ? HIGH : HIGH + 4096;
		break;
	default:
		break;
	}
	return msg;
}

/* A message of a later version: field 900, and the token if there is one. */
static void send_unknown(int fd, uint32_t token, const int *fds, unsigned n)
{
	uint8_t bytes[16];
	size_t len = 0;

	if (token) {
		bytes[len++] = 0x08;
		for (; token > 127; token >>= 7)
			bytes[len++] = (uint8_t)(token | 0x80);
		bytes[len++] = (uint8_t)token;
	}
	memcpy(bytes + len, "\242\070\001x", 4);
	raw_send_bytes(fd, bytes, len + 4, fds, n);
}

static void say(int fd, const struct wire_msg *msg, const int *fds, unsigned n)
{
	if (msg->kind == WIRE_UNKNOWN)
		send_unknown(fd, msg->token, fds, n);
	else
		raw_send(fd, msg, fds, n);
}

/* Takes the next message that is no event. Returns: false for a hang-up. */
static bool hear(int fd, struct wire_msg *ret_msg, int *ret_with)
{
	do {
		if (raw_receive(fd, ret_msg, ret_with) == 0)
			return false;
	} while (ret_msg->kind == WIRE_CONFIG_CHANGED || ret_msg->kind == WIRE_NEEDS_RESET);
	return true;
}

static void expect_over(int fd)
{
	struct wire_msg answer;
	int with;

	t_true(hear(fd, &answer, &with));
	t_eq(answer.kind, WIRE_REFUSED);
	t_ne(answer.refused.words[0], 0);
	t_eq(with, -1);
	t_false(hear(fd, &answer, &with));
}

static void check_reply(struct model *m, const struct wire_msg *msg, const struct wire_msg *answer,
			int with)
{
	bool refused = is_refused(m, msg);

	t_eq(answer->token, msg->token);
	t_eq(answer->reply.error != 0, refused);
	if (refused)
		t_ne(answer->reply.words[0], 0);
	/* Only what takes a notifier gives one. */
	t_eq(with >= 0, !refused && msg->kind == WIRE_SET_QUEUE);
	if (!refused && (msg->kind == WIRE_GET_STATUS || msg->kind == WIRE_SET_STATUS))
		t_eq(answer->reply.status, m->status);
	if (!refused && msg->kind == WIRE_GET_CONFIG)
		t_eq(answer->reply.generation, m->generation);
}

static void expect_answer(struct model *m, int fd, const struct wire_msg *msg)
{
	const struct shm_row *row = shm_row(msg->kind);
	struct wire_msg answer;
	int with;

	t_true(hear(fd, &answer, &with));
	t_eq(answer.kind, row ? row->answer : WIRE_REPLY);
	if (!row) {
		t_eq(answer.token, msg->token);
		t_errno_eq(answer.reply.error, -EOPNOTSUPP);
	} else if (row->answer == WIRE_REPLY) {
		check_reply(m, msg, &answer, with);
	} else {
		m->state++;
		t_eq(with, -1);
	}
	if (with >= 0)
		close(with);
}

/* What stands beside a message that wants something: the first descriptor is right, the others too many. */
static unsigned descriptors(const struct wire_msg *msg, unsigned n, int *ret)
{
	for (unsigned i = 0; i < n; i++)
		ret[i] = msg->kind == WIRE_ATTACH     ? raw.region_fd :
			 msg->kind == WIRE_ADD_MEMORY ? memfd_make("t", 4096) :
							eventfd(0, EFD_CLOEXEC);
	return n;
}

static void give_back(const struct wire_msg *msg, unsigned n, const int *fds)
{
	for (unsigned i = 0; i < n && msg->kind != WIRE_ATTACH; i++)
		close(fds[i]);
}

/* One step of a driver's. Returns: false when the link is over, as it should be. */
static bool step(struct model *m, int fd, const struct wire_msg *msg, unsigned n)
{
	int fds[FDS_MAX];
	enum verdict verdict = judge(SHM_DRIVER, m->state, msg, n);

	visit(m->state, msg, n);
	say(fd, msg, fds, descriptors(msg, n, fds));
	give_back(msg, n, fds);
	if (verdict == OVER)
		expect_over(fd);
	else if (verdict != IGNORED)
		expect_answer(m, fd, msg);
	return verdict != OVER;
}

/* A message that the table allows in this state. */
static enum wire_kind legal_kind(enum shm_end sender, unsigned state)
{
	enum wire_kind kind;

	do
		kind = 1 + draw(WIRE_KINDS - 1);
	while (shm_row(kind)->sender != sender || !(shm_row(kind)->state & states[state]));
	return kind;
}

static bool legal_step(struct model *m, int fd, uint32_t token)
{
	enum wire_kind kind = legal_kind(SHM_DRIVER, m->state);
	struct wire_msg msg = make_message(m, kind);

	msg.token = shm_row(kind)->token == SHM_TOKEN_NONE ? 0 : token;
	return step(m, fd, &msg, shm_row(kind)->fds_min);
}

static int begin(struct model *m)
{
	/* The first contents of the config space were a change. */
	*m = (struct model){ .generation = 2 };
	vri__region_format(raw.base, &raw.map);
	return raw_connect(path);
}

/* Each cell once, on the shortest way there. */
static void visit_every_cell(void)
{
	for (unsigned s = 0; s < STATES; s++)
		for (enum wire_kind kind = WIRE_UNKNOWN; kind < WIRE_KINDS; kind++)
			for (unsigned i = 0; i < (FDS_MAX + 1) * 2; i++) {
				struct model m;
				struct wire_msg msg;
				int fd = begin(&m);

				while (m.state < s)
					t_true(legal_step(&m, fd, 1));
				msg = make_message(&m, kind);
				msg.token = i % 2 ? 7 : 0;
				(void)step(&m, fd, &msg, i / 2);
				close(fd);
			}
}

static unsigned walk(void)
{
	unsigned steps = 1 + draw(STEPS_MAX), n;
	struct model m;
	int fd = begin(&m);

	for (n = 0; n < steps; n++) {
		struct wire_msg msg;
		uint32_t token = 1 + draw(1000);

		if (draw(12)) {
			t_true(legal_step(&m, fd, token));
			continue;
		}
		msg = make_message(&m, draw(WIRE_KINDS));
		msg.token = draw(3) ? token : 0;
		if (!step(&m, fd, &msg, draw(FDS_MAX + 1)))
			break;
	}
	close(fd);
	return n;
}

/* faults: A32 C9 */
Test(shm_model, a_device_does_what_the_table_says, .timeout = 600)
{
	struct leaks leaks;
	struct tmpdir dir;
	unsigned walks = 0, steps = 0;
	const char *address;
	time_t end;

	random_state = mock_random_seeded();
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	path = address + strlen("unix:");
	serve_start(&serve, address, NULL);
	raw_hello(&raw, path);
	raw_make_region(&raw);
	close(raw.fd);
	raw.fd = -1;
	visit_every_cell();
	for (end = end_of_run(); time(NULL) < end; walks++)
		steps += walk();
	every_cell_was_visited();
	printf("%u walks, %u steps\n", walks, steps);
	serve_await_links(&serve, 0);
	raw_close(&raw);
	serve_stop(&serve);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

/* ---- the driver's end ---- */

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

	random_state = mock_random_seeded();
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
