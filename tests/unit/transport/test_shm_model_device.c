/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's end of the control channel against a model: the state table, and what the requests mean
 * (docs/protocol.md, "Device control"). Random walks over states and messages, legal and illegal, with too few and too
 * many descriptors; after each step both say the same: taken and answered with what, refused, or the link is over.
 *
 * VRI_TEST_SEED repeats a run, VRI_TEST_SECONDS makes it longer.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "channel_model.h"
#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"
#include "util/memfd.h"

#define STEPS_MAX 40
#define HIGH (1ull << 50)

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

	draw_begin();
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
