/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile devices: they listen, answer and use chains as an honest one would, until they break a rule by name, or do
 * anything at random. */
#include "bad_device.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/shm/shm_table.h"
#include "util/memfd.h"

#define QUEUE_SIZE 64
#define CONFIG_SIZE 64
#define RUNNING_AFTER 3 /* chains */

struct device {
	struct rig rig;
	const struct device_move *move; /* NULL: at random */
	uint16_t avail_idx;
	unsigned used;
	bool has_moved;
	unsigned wildness; /* at random: one in so many answers goes wrong; 0: none does */
};

const struct device_move *bad_device_move(unsigned i)
{
	return i < n_device_moves ? &device_moves[i] : NULL;
}

/* ---- the queue ---- */

void device_use(struct rig *r, unsigned id, uint32_t len, unsigned n)
{
	if (r->packed)
		mock_packed_use(&r->p, (uint16_t)id, len, n);
	else
		mock_use(&r->p.ring, id, len);
	rig_notify(r);
}

static bool is_inside(const struct rig *r, uint64_t iova, uint32_t len)
{
	return iova <= r->map.size && len <= r->map.size - iova;
}

static void look_at_desc(struct rig *r, const struct vring_desc *desc, uint16_t flags,
			 struct found *f)
{
	uint64_t addr = le64toh(desc->addr);
	uint32_t len = le32toh(desc->len);

	if (!is_inside(r, addr, len) || len > 1u << 20)
		return; /* it is this process itself that wrote that */
	if (flags & MOCK_WRITE) {
		f->writable += len;
		if (!f->first_writable)
			f->first_writable = addr;
	} else {
		f->readable += len;
		if (!f->first_readable)
			f->first_readable = addr;
	}
}

static void look_at_table(struct rig *r, const struct vring_desc *desc, struct found *f)
{
	uint64_t addr = le64toh(desc->addr);
	uint32_t n = le32toh(desc->len) / 16;

	if (n > 256 || !is_inside(r, addr, 16 * n))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct vring_desc d;

		memcpy(&d, r->base + addr + 16 * i, sizeof(d));
		/* Flags lie elsewhere in packed ones. */
		look_at_desc(r, &d, le16toh(r->packed ? d.next : d.flags), f);
	}
}

static bool find_split(struct device *d, struct found *f)
{
	struct mock_ring *ring = &d->rig.p.ring;
	unsigned at;

	if (mock_avail_idx(ring) == d->avail_idx)
		return false;
	*f = (struct found){ .id = mock_avail_head(ring, d->avail_idx++), .n = 1 };
	at = f->id;
	for (unsigned i = 0; i < ring->size && at < ring->size; i++) {
		struct vring_desc desc = ring->desc[at];
		uint16_t flags = le16toh(desc.flags);

		if (flags & MOCK_INDIRECT)
			look_at_table(&d->rig, &desc, f);
		else
			look_at_desc(&d->rig, &desc, flags, f);
		if (!(flags & MOCK_NEXT))
			break;
		at = le16toh(desc.next);
		if (i == 0) {
			f->is_direct_list = true;
			f->next = at;
		}
	}
	return true;
}

static bool find_packed(struct device *d, struct found *f)
{
	struct mock_packed *p = &d->rig.p;
	struct mock_place place = p->avail;

	if (!mock_is_available(p, place))
		return false;
	*f = (struct found){ .id = 0 };
	f->id = mock_packed_list(p, place, &f->n);
	f->is_direct_list = f->n > 1;
	for (unsigned i = 0; i < f->n; i++) {
		struct vring_desc desc;
		uint16_t flags = mock_flags(p, place.slot);

		memcpy(&desc, &p->desc[place.slot], sizeof(desc));
		if (flags & MOCK_INDIRECT)
			look_at_table(&d->rig, &desc, f);
		else
			look_at_desc(&d->rig, &desc, flags, f);
		place = mock_place_after(p, place, 1);
	}
	p->avail = place;
	return true;
}

/* Writes into what may be written, as an honest device would. */
static void answer_chain(struct device *d, const struct found *f)
{
	uint32_t len = f->writable;

	if (f->first_writable && is_inside(&d->rig, f->first_writable, 1))
		d->rig.base[f->first_writable] = 'D';
	device_use(&d->rig, f->id, len, f->n);
	d->used++;
}

static void random_answer(struct device *d, const struct found *f)
{
	struct rig *r = &d->rig;

	switch (rig_below(r, 8)) {
	case 0:
		device_use(r, rig_below(r, r->p.size + 2), f->writable, f->n);
		break;
	case 1:
		device_use(r, f->id, f->writable + 1 + rig_below(r, 100), f->n);
		break;
	case 2:
		device_use(r, f->id, f->writable, 1 + rig_below(r, 3));
		break;
	case 3:
		device_use(r, f->id, f->writable, f->n);
		device_use(r, f->id, f->writable, f->n);
		break;
	case 4:
		break; /* never */
	default:
		device_use(r, f->id, rig_below(r, f->writable + 1), f->n);
		break;
	}
}

static void use_chains(struct device *d)
{
	struct found f;

	/* A suspended one does not, but for one that does. */
	if (!d->rig.p.size || ((d->rig.status & VRI_STATUS_SUSPEND) && !d->wildness))
		return;
	for (unsigned i = 0; i < 64; i++) {
		if (!(d->rig.packed ? find_packed(d, &f) : find_split(d, &f)))
			return;
		if (d->move && d->move->on_chain && d->used >= RUNNING_AFTER)
			d->has_moved = true;
		if (d->has_moved && d->move->on_chain && d->move->on_chain(&d->rig, &f))
			continue;
		if (d->wildness && rig_once_in(&d->rig, d->wildness))
			random_answer(d, &f);
		else
			answer_chain(d, &f);
	}
}

/* ---- the control channel ---- */

static void make_offer(struct device *d, struct wire_msg *msg)
{
	*msg = (struct wire_msg){ .kind = WIRE_OFFER };
	msg->offer.version = WIRE_VERSION;
	msg->offer.notifier = d->rig.notifier;
	strcpy(msg->offer.offer.type, PARROT_TYPE);
	strcpy(msg->offer.offer.name, "hostile");
	msg->offer.offer.device_id = PARROT_ID;
	msg->offer.offer.n_queues = 2;
	msg->offer.offer.queue_size_max = QUEUE_SIZE;
	msg->offer.offer.config_size = CONFIG_SIZE;
	msg->offer.offer.n_shared = 1;
	msg->offer.offer.shared[0] = (struct vri_shared_memory){ .id = PARROT_SHARED,
								 .size = PARROT_SHARED_SIZE,
								 .writable = true };
	vri_features_default(&msg->offer.offer.features);
	if (d->move ? d->move->in_order : rig_below(&d->rig, 2))
		vri_features_set(&msg->offer.offer.features, VRI_F_IN_ORDER);
	d->rig.offer = *msg;
}

static bool take_region(struct rig *r, int fd)
{
	struct stat st;
	void *base;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return false;
	r->region_fd = fd;
	r->base = base;
	r->map.size = (uint64_t)st.st_size;
	return vri__region_parse(base, r->map.size, &r->map, NULL) == 0;
}

static void take_queue(struct device *d, const struct queue_params *params, int fd)
{
	struct rig *r = &d->rig;

	if (r->receive_fd >= 0)
		close(r->receive_fd);
	r->receive_fd = fd;
	r->areas = (struct region_queue_areas){ .desc = params->desc,
						.driver = params->driver,
						.device = params->device,
						.tables = r->map.tables.size ?
								  r->map.tables.offset :
								  0 };
	if (!is_inside(r, params->device, 4096) || !is_inside(r, params->desc, 16 * params->size))
		return;
	r->packed = vri_features_has(&r->features, VRI_F_RING_PACKED);
	memset(r->base + params->device, 0, r->packed ? 4 : 6 + 8 * (size_t)params->size);
	rig_map_queue(r, params->size);
	d->avail_idx = 0;
	d->used = 0;
}

/* The honest reply to @msg. *ret_fd goes with it. */
static void make_reply(struct device *d, const struct wire_msg *msg, int with,
		       struct wire_msg *reply, int *ret_fd)
{
	struct rig *r = &d->rig;

	*reply = (struct wire_msg){ .kind = WIRE_REPLY, .token = msg->token };
	*ret_fd = -1;
	switch (msg->kind) {
	case WIRE_SET_STATUS:
		r->status = msg->set_status.status;
		if (r->status == 0)
			r->p.size = 0;
		if (r->status & VRI_STATUS_SUSPEND)
			r->status &= (uint8_t)~VRI_STATUS_DRIVER_OK;
		break;
	case WIRE_GET_FEATURES:
		reply->reply.features.set = r->offer.offer.offer.features;
		break;
	case WIRE_SET_FEATURES:
		r->features = msg->set_features.features.set;
		break;
	case WIRE_GET_CONFIG:
		reply->reply.data_len = msg->get_config.len;
		break;
	case WIRE_SET_QUEUE:
		take_queue(d, &msg->set_queue, with);
		*ret_fd = rig_make_notifier(r);
		return;
	case WIRE_GET_SHARED_MEMORY:
		reply->reply.shared = r->offer.offer.offer.shared[0];
		*ret_fd = memfd_make("shared", PARROT_SHARED_SIZE);
		break;
	case WIRE_RESET_QUEUE:
		r->p.size = 0;
		break;
	default:
		break;
	}
	reply->reply.status = r->status;
	if (with >= 0)
		close(with);
}

static void answer_request(struct device *d, const struct wire_msg *msg, int with)
{
	const struct device_move *move = d->move;
	struct rig *r = &d->rig;
	struct wire_msg reply;
	int fd;

	make_reply(d, msg, with, &reply, &fd);
	if (d->wildness && rig_once_in(r, 8 * d->wildness))
		reply.reply.status ^= (uint8_t)(1 << rig_below(r, 8));
	if (d->wildness && rig_once_in(r, 4 * d->wildness)) {
		rig_babble(r);
	} else if (move && (move->moment == MOMENT_REPLY || move->moment == MOMENT_REQUEST) &&
		   move->request == msg->kind) {
		d->has_moved = true;
		if (move->act(r, &reply, &fd))
			rig_send(r, &reply, &fd, fd >= 0);
	} else {
		rig_send(r, &reply, &fd, fd >= 0);
	}
	if (fd >= 0)
		close(fd);
}

static bool at_moment(struct device *d, enum moment moment, struct wire_msg *msg, int *fd)
{
	const struct device_move *move = d->move;

	if (!move || move->moment != moment)
		return true;
	d->has_moved = true;
	return move->act(&d->rig, msg, fd);
}

static void hear(struct device *d, const struct wire_msg *msg, int with)
{
	struct rig *r = &d->rig;
	struct wire_msg out;
	int fd = -1;

	switch (msg->kind) {
	case WIRE_HELLO:
		r->notifier = msg->hello.notifier == NOTIFIER_PIPE ? NOTIFIER_PIPE :
								     NOTIFIER_EVENTFD;
		make_offer(d, &out);
		if (at_moment(d, MOMENT_HELLO, &out, &fd) && at_moment(d, MOMENT_OFFER, &out, &fd))
			rig_send(r, &out, &fd, fd >= 0);
		break;
	case WIRE_ATTACH:
		if (!take_region(r, with)) {
			board_fail(r->board, "an honest driver sent a region that is none");
			return;
		}
		out = (struct wire_msg){ .kind = WIRE_ATTACHED };
		if (at_moment(d, MOMENT_ATTACH, &out, &fd))
			rig_send(r, &out, &fd, fd >= 0);
		break;
	default:
		answer_request(d, msg, with);
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* ---- one driver after the other ---- */

static int listen_at(const struct role *role)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s%u", role->dir, ADDRESS_BAD,
		 role->number);
	unlink(addr.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0)
		return -1;
	return fd;
}

static void wild_move(struct device *d)
{
	struct rig *r = &d->rig;

	switch (rig_below(r, 60)) {
	case 0:
		rig_babble(r);
		break;
	case 1:
	case 2:
		rig_misuse_notifiers(r);
		break;
	case 3:
		if (r->region_fd >= 0 && rig_once_in(r, 3))
			rig_punch_hole(r);
		break;
	case 4:
		rig_sleep_ms(rig_below(r, 20));
		break;
	case 5:
		if (rig_once_in(r, 40))
			(void)raise(SIGKILL);
		break;
	case 6:
		if (rig_once_in(r, 40) && r->base && r->p.size)
			rig_rewrite_for_ever(r);
		break;
	case 7:
		if (rig_once_in(r, 10))
			rig_sleep_ms(rig_below(r, 1500));
		break;
	default:
		if (rig_once_in(r, 8))
			rig_scribble(r);
		break;
	}
}

static void serve(struct device *d)
{
	struct wire_msg msg;
	int with, got;

	for (;;) {
		got = rig_receive(&d->rig, &msg, &with, d->rig.p.size ? 1 : 50);
		if (got < 0)
			return;
		if (got > 0) {
			hear(d, &msg, with);
			if (d->rig.is_over)
				return;
		}
		use_chains(d);
		if (d->move && d->move->moment == MOMENT_RUNNING && d->used >= RUNNING_AFTER &&
		    !d->has_moved && d->rig.status == 15) {
			d->has_moved = true;
			(void)d->move->act(&d->rig, NULL, NULL);
		}
		if (!d->move)
			wild_move(d);
	}
}

int bad_device(const struct role *role)
{
	struct device d = { .wildness = 0 };
	int listener, links = 0;

	signal(SIGPIPE, SIG_IGN);
	rig_init(&d.rig, role);
	for (unsigned i = 0; role->name && (d.move = bad_device_move(i)); i++)
		if (strcmp(d.move->name, role->name) == 0)
			break;
	if (role->name && !d.move) {
		fprintf(stderr, "hostile: no rule for devices has the name %s\n", role->name);
		return 2;
	}
	listener = listen_at(role);
	if (listener < 0)
		return 2;
	for (;;) {
		d.rig.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (d.rig.fd < 0)
			continue;
		d.wildness = role->name ? 0 : rig_once_in(&d.rig, 3) ? 3 : 40;
		serve(&d);
		if (d.rig.rewrites)
			return 0; /* the memory stays until the process ends */
		rig_close(&d.rig);
		d.used = 0;
		d.avail_idx = 0;
		d.rig.status = 0;
		/* By name, one link that was misused is enough; some wait to be, since the driver's shapes vary. */
		if (d.has_moved && role->name && d.move->answer == DEVICE_NOTHING && ++links > 3)
			return 0;
		if (!role->name && ++links > 20)
			return 0;
	}
}
