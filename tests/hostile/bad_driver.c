/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile drivers: what an honest driver does first, one rule that is broken by name, or anything at random. */
#include "bad_driver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/memfd.h"

#define REPLY_MS 2000
#define TRIES 5

/* ---- steps ---- */

bool driver_connect(struct rig *r, bool pipe)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", r->role->dir,
		 pipe ? ADDRESS_PIPE : ADDRESS_AUTO);
	r->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return r->fd >= 0 && connect(r->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
}

/* Waits for a message of @kind, whatever else comes before. */
static bool await(struct rig *r, enum wire_kind kind, struct wire_msg *ret_msg)
{
	int fd, got;

	while ((got = rig_receive(r, ret_msg, &fd, REPLY_MS)) == 1) {
		if (fd >= 0)
			close(fd);
		if (ret_msg->kind == kind)
			return true;
	}
	return false;
}

bool driver_hello(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_HELLO };

	msg.hello.version_min = msg.hello.version_max = WIRE_VERSION;
	rig_send(r, &msg, NULL, 0);
	if (!await(r, WIRE_OFFER, &r->offer))
		return false;
	r->notifier = r->offer.offer.notifier;
	return true;
}

bool driver_make_region(struct rig *r, unsigned queue_size, unsigned pool_size)
{
	uint8_t link_id[16];
	void *base;

	for (unsigned i = 0; i < sizeof(link_id); i++)
		link_id[i] = (uint8_t)rig_below(r, 256);
	r->plan = (struct region_plan){ .n_queues = 1,
					.format = r->packed ? RING_PACKED : RING_SPLIT,
					.queue_size = queue_size,
					.indirect_max = DRIVER_TABLE_MAX,
					.config_size = r->offer.offer.offer.config_size,
					.pool_size = pool_size };
	if (vri__region_plan(&r->plan, link_id, &r->map) < 0)
		return false;
	r->region_fd = memfd_make(REGION_MEMFD_NAME, r->map.size);
	if (r->region_fd < 0)
		return false;
	base = mmap(NULL, r->map.size, PROT_READ | PROT_WRITE, MAP_SHARED, r->region_fd, 0);
	if (base == MAP_FAILED)
		return false;
	r->base = base;
	vri__region_format(base, &r->map);
	vri__region_queue_areas(&r->map, &r->plan, 0, &r->areas);
	return true;
}

bool driver_attach(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_ATTACH };

	memcpy(msg.attach.link_id, r->map.link_id, sizeof(msg.attach.link_id));
	msg.attach.region_size = r->map.size;
	msg.attach.notifier = r->notifier;
	rig_send(r, &msg, &r->region_fd, 1);
	return await(r, WIRE_ATTACHED, &msg);
}

int driver_request(struct rig *r, struct wire_msg *msg, const int *fds, unsigned n, int *ret_fd)
{
	uint32_t token = ++r->token;
	int fd, got;

	msg->token = token;
	rig_send(r, msg, fds, n);
	while ((got = rig_receive(r, msg, &fd, REPLY_MS)) == 1) {
		if (msg->kind == WIRE_REPLY && msg->token == token) {
			if (ret_fd)
				*ret_fd = fd;
			else if (fd >= 0)
				close(fd);
			r->status = msg->reply.status;
			return msg->reply.error;
		}
		if (fd >= 0)
			close(fd);
	}
	return got < 0 ? -ECONNRESET : -ETIMEDOUT;
}

bool driver_set_status(struct rig *r, uint8_t status)
{
	struct wire_msg msg = { .kind = WIRE_SET_STATUS };

	msg.set_status.status = status;
	return driver_request(r, &msg, NULL, 0, NULL) == 0 && r->status == status;
}

static bool driver_begin(struct rig *r)
{
	return driver_set_status(r, 0) && driver_set_status(r, 1) && driver_set_status(r, 3);
}

bool driver_negotiate(struct rig *r, uint64_t refuses)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };

	r->features = r->offer.offer.offer.features;
	r->features.word[0] &= ~refuses;
	if (!r->packed)
		vri_features_clear(&r->features, VRI_F_RING_PACKED);
	msg.set_features.features.set = r->features;
	return driver_request(r, &msg, NULL, 0, NULL) == 0 && driver_set_status(r, 11);
}

bool driver_set_queue(struct rig *r, unsigned size)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	int receive = rig_make_notifier(r), error;

	if (receive < 0)
		return false;
	if (r->receive_fd >= 0)
		close(r->receive_fd);
	r->receive_fd = -1;
	memset(r->base + r->areas.desc, 0, 16 * (size_t)size);
	memset(r->base + r->areas.driver, 0, 6 + 2 * (size_t)size);
	rig_map_queue(r, size);
	msg.set_queue =
		(struct queue_params){ 0, size, r->areas.desc, r->areas.driver, r->areas.device };
	error = driver_request(r, &msg, &receive, 1, &r->receive_fd);
	close(receive);
	return error == 0;
}

bool driver_run(struct rig *r)
{
	return driver_set_status(r, 15);
}

/* Writes @status and asks until the bit @set is there and @cleared is not. */
static bool driver_turn(struct rig *r, uint8_t status, uint8_t set, uint8_t cleared)
{
	struct wire_msg msg = { .kind = WIRE_SET_STATUS };

	msg.set_status.status = status;
	for (unsigned i = 0; i < REPLY_MS; i++) {
		if (driver_request(r, &msg, NULL, 0, NULL) != 0)
			return false;
		if ((r->status & set) && !(r->status & cleared))
			return true;
		rig_sleep_ms(1);
		msg = (struct wire_msg){ .kind = WIRE_GET_STATUS };
	}
	return false;
}

bool driver_suspend(struct rig *r)
{
	return driver_turn(r, 15 | VRI_STATUS_SUSPEND, VRI_STATUS_SUSPEND, VRI_STATUS_DRIVER_OK);
}

bool driver_resume(struct rig *r)
{
	return driver_turn(r, 15, VRI_STATUS_DRIVER_OK, VRI_STATUS_SUSPEND);
}

bool driver_go(struct rig *r, enum step step, const struct bad_move *move)
{
	unsigned size = move->queue_size ? move->queue_size : DRIVER_QUEUE_SIZE;
	unsigned pool = move->pool_size ? move->pool_size : DRIVER_POOL;

	return driver_connect(r, move->pipe) && (step < STEP_OFFERED || driver_hello(r)) &&
	       (step < STEP_OFFERED || driver_make_region(r, size, pool)) &&
	       (step < STEP_ATTACHED || driver_attach(r)) &&
	       (step < STEP_DRIVER || driver_begin(r)) &&
	       (step < STEP_FEATURES_OK || driver_negotiate(r, move->refuses)) &&
	       (step < STEP_RUNNING ||
		(driver_set_queue(r, size) && driver_run(r) && driver_echo(r) && driver_echo(r)));
}

/* ---- the queue ---- */

uint64_t driver_pool(const struct rig *r, uint64_t offset)
{
	return r->map.pool.offset + offset;
}

void driver_offer(struct rig *r, const struct mock_piece *pieces, unsigned n, unsigned id)
{
	struct mock_ring *ring = &r->p.ring;

	if (r->packed) {
		mock_packed_offer(&r->p, pieces, n, (uint16_t)id);
	} else {
		for (unsigned i = 0; i < n; i++)
			mock_desc(ring->desc, (id + i) % ring->size, pieces[i].iova, pieces[i].len,
				  (uint16_t)(pieces[i].flags | (i + 1 < n ? MOCK_NEXT : 0)),
				  (uint16_t)((id + i + 1) % ring->size));
		mock_offer(ring, (uint16_t)id);
	}
	rig_notify(r);
}

void driver_offer_simple(struct rig *r, unsigned id, bool hold)
{
	struct mock_piece piece = { driver_pool(r, 64 * (uint64_t)id), 8, 0 };

	r->p.ring.pool[64 * id] = hold ? PARROT_HOLD : 1;
	driver_offer(r, &piece, 1, id);
}

bool driver_echo(struct rig *r)
{
	struct mock_piece pieces[2] = { { driver_pool(r, 0), 100, 0 },
					{ driver_pool(r, 4096), 100, MOCK_WRITE } };
	struct mock_place place = r->p.avail;
	uint16_t idx = mock_used_idx(&r->p.ring);
	uint8_t *pool = r->p.ring.pool;

	memset(pool, 1 + (int)rig_below(r, 100), 100);
	memset(pool + 4096, 0, 100);
	driver_offer(r, pieces, 2, 0);
	for (unsigned i = 0; i < REPLY_MS; i++) {
		if (r->packed ? mock_is_used(&r->p, place) : mock_used_idx(&r->p.ring) != idx)
			return memcmp(pool, pool + 4096, 100) == 0;
		rig_sleep_ms(1);
	}
	return false;
}

/* ---- by name ---- */

const struct bad_move *bad_driver_move(unsigned i)
{
	if (i < n_driver_ring_moves)
		return &driver_ring_moves[i];
	i -= n_driver_ring_moves;
	if (i < n_driver_set_up_moves)
		return &driver_set_up_moves[i];
	i -= n_driver_set_up_moves;
	return i < n_driver_harmless_moves ? &driver_harmless_moves[i] : NULL;
}

static int break_by_name(struct rig *r)
{
	const struct bad_move *move = NULL;
	bool came_so_far = false;

	for (unsigned i = 0; (move = bad_driver_move(i)); i++)
		if (strcmp(move->name, r->role->name) == 0)
			break;
	if (!move) {
		fprintf(stderr, "hostile: no rule for drivers has the name %s\n", r->role->name);
		return 2;
	}
	/* The device gives a set-up a second, which a busy machine may take elsewhere. */
	for (unsigned i = 0; i < TRIES && !came_so_far; i++) {
		if (i > 0)
			rig_close(r);
		came_so_far = driver_go(r, move->step, move);
	}
	if (!came_so_far) {
		fprintf(stderr, "hostile: the device did not go along up to step %d\n", move->step);
		return 2;
	}
	move->act(r);
	rig_drain(r, 50);
	if (move->answer == ANSWER_NOTHING && !r->is_over) {
		/* The link still works, whatever was done to it. */
		if (!driver_set_status(r, 0) || !driver_begin(r) || !driver_negotiate(r, 0) ||
		    !driver_set_queue(r, DRIVER_QUEUE_SIZE) || !driver_run(r) || !driver_echo(r)) {
			fprintf(stderr, "hostile: the link is no good after %s\n", move->name);
			return 3;
		}
	}
	rig_drain(r, move->answer == ANSWER_NOTHING ? 0 : 2000);
	return 0;
}

/* ---- at random ---- */

static void offer_something(struct rig *r)
{
	static unsigned next;
	struct mock_piece pieces[4];
	unsigned n = 1 + rig_below(r, 4), id = next % r->p.size;

	/* Mostly one after the other, so that many chains are good. */
	next = rig_below(r, 20) ? id + n : rig_below(r, r->p.size);

	for (unsigned i = 0; i < n; i++) {
		pieces[i] = (struct mock_piece){ driver_pool(r, rig_below(r, 60000)),
						 1 + rig_below(r, 500),
						 i >= n / 2 ? MOCK_WRITE : 0 };
	}
	/* Few that are held: the others would wait for ever. */
	if (rig_below(r, 10))
		r->p.ring.pool[pieces[0].iova - r->map.pool.offset] = 1;
	driver_offer(r, pieces, n, id);
}

static void offer_table(struct rig *r)
{
	static unsigned next;
	unsigned id = next++ % r->p.size, n = 1 + rig_below(r, DRIVER_TABLE_MAX);
	struct mock_piece piece = { r->areas.tables + 16ull * DRIVER_TABLE_MAX * id, 16 * n,
				    MOCK_INDIRECT };
	uint8_t *table = r->base + piece.iova;

	for (unsigned i = 0; i < n; i++) {
		struct vring_desc desc = rig_random_desc(r);

		if (rig_below(r, 8)) {
			bool last = i + 1 == n, writable = i >= n / 2;

			mock_desc(&desc, 0, driver_pool(r, rig_below(r, 60000)),
				  1 + rig_below(r, 300),
				  (uint16_t)((last || r->packed ? 0 : MOCK_NEXT) |
					     (writable ? MOCK_WRITE : 0)),
				  (uint16_t)(i + 1));
		}
		memcpy(table + 16 * i, &desc, sizeof(desc));
	}
	driver_offer(r, &piece, 1, id);
}

static void one_move(struct rig *r)
{
	switch (rig_below(r, 40)) {
	case 0:
		rig_babble(r);
		break;
	case 1:
		rig_misuse_notifiers(r);
		break;
	case 2:
		rig_punch_hole(r);
		break;
	case 3:
		rig_sleep_ms(rig_below(r, 30));
		break;
	case 4:
		if (rig_once_in(r, 10))
			(void)raise(SIGKILL);
		break;
	case 5:
		if (rig_once_in(r, 4) && driver_suspend(r) && rig_below(r, 4))
			(void)driver_resume(r);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
		rig_scribble(r);
		break;
	case 12:
	case 13:
	case 14:
	case 15:
	case 16:
	case 17:
		offer_table(r);
		break;
	case 18:
		driver_offer_simple(r, rig_below(r, r->p.size), rig_below(r, 2));
		break;
	default:
		offer_something(r);
		rig_sleep_ms(rig_below(r, 4) ? 0 : 1);
		break;
	}
}

/* Goes through the set-up, but for a step that goes wrong now and then. */
static bool stumble_in(struct rig *r)
{
	struct bad_move how = { .queue_size = r->packed ? 3 + rig_below(r, 61) :
							  2u << rig_below(r, 6),
				.pipe = rig_below(r, 2),
				.refuses = rig_below(r, 2) ?
						   1ull << (28 + rig_below(r, 2)) |
							   (uint64_t)rig_below(r, 2) << 35 :
						   0 };
	enum step step = rig_once_in(r, 5) ? rig_below(r, STEP_RUNNING) : STEP_RUNNING;

	if (!driver_go(r, step, &how))
		return false;
	if (step == STEP_RUNNING)
		return true;
	for (unsigned i = rig_below(r, 10); i > 0 && !r->is_over; i--)
		rig_babble(r);
	rig_drain(r, rig_below(r, 50));
	return false;
}

static void at_random(struct rig *r)
{
	unsigned moves = 1 + rig_below(r, 2000);

	r->packed = rig_below(r, 2);
	if (!stumble_in(r))
		return;
	if (rig_once_in(r, 3))
		rig_rewrite_for_ever(r);
	for (unsigned i = 0; i < moves && !r->is_over; i++) {
		one_move(r);
		rig_drain(r, 0);
		/* What is broken is reset, and set up again; or left for a while as it is. */
		if (r->needs_reset && rig_once_in(r, 3)) {
			r->needs_reset = false;
			if (!driver_set_status(r, 0) || !driver_begin(r) ||
			    !driver_negotiate(r, 0) || !driver_set_queue(r, r->p.size) ||
			    !driver_run(r))
				return;
		}
	}
}

int bad_driver(const struct role *role)
{
	struct rig r;

	signal(SIGPIPE, SIG_IGN);
	rig_init(&r, role);
	r.packed = role->packed;
	if (role->name)
		return break_by_name(&r);
	/* The memory that a thread rewrites stays until the process ends. */
	for (unsigned i = 1 + rig_below(&r, 6); i > 0 && !r.rewrites; i--) {
		at_random(&r);
		if (!r.rewrites)
			rig_close(&r);
	}
	return 0;
}
