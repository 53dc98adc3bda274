/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What hostile processes do at random: to the region, to the control channel, to notifiers, to pages. */
#include "rig.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/memfd.h"

/* ---- the region ---- */

static uint64_t random_bits(struct rig *r)
{
	return (uint64_t)rig_below(r, ~0u) << 32 | rig_below(r, ~0u);
}

struct vring_desc rig_random_desc(struct rig *r)
{
	uint64_t pool = r->map.pool.offset, size = r->map.pool.size;
	struct vring_desc desc = {
		.addr = htole64(pool + rig_below(r, (uint32_t)size)),
		.len = htole32(rig_below(r, 600)),
		.flags = htole16((uint16_t)rig_below(r, 8)),
		.next = htole16((uint16_t)rig_below(r, r->p.size)),
	};

	switch (rig_below(r, 12)) {
	case 0:
		desc.addr = htole64(random_bits(r));
		break;
	case 1:
		desc.addr = htole64(rig_below(r, (uint32_t)r->map.size));
		break;
	case 2:
		desc.len = htole32((uint32_t)random_bits(r));
		break;
	case 3:
		desc.len = htole32(16 * rig_below(r, 20));
		break;
	case 4:
		desc.flags = htole16((uint16_t)random_bits(r));
		break;
	case 5:
		desc.next = htole16((uint16_t)random_bits(r));
		break;
	default:
		break;
	}
	return desc;
}

static void put16(void *word, uint32_t value)
{
	__atomic_store_n((uint16_t *)word, htole16((uint16_t)value), __ATOMIC_RELEASE);
}

static void scribble_split(struct rig *r)
{
	struct mock_ring *ring = &r->p.ring;
	unsigned i = rig_below(r, ring->size);

	switch (rig_below(r, 9)) {
	case 0:
		put16(&ring->avail->idx, mock_avail_idx(ring) + rig_below(r, 5) - 2);
		break;
	case 1:
		put16(&ring->avail->idx, rig_below(r, 65536));
		break;
	case 2:
		put16(&ring->avail->ring[i], rig_below(r, ring->size + 2));
		break;
	case 3:
		put16(&ring->avail->flags, rig_below(r, 65536));
		break;
	case 4:
		put16(&ring->avail->ring[ring->size], rig_below(r, 65536)); /* used_event */
		break;
	case 5:
		put16(&ring->used->idx, mock_used_idx(ring) + rig_below(r, 5) - 2);
		break;
	case 6:
		mock_used_entry(ring, (uint16_t)i, rig_below(r, ring->size + 2),
				rig_below(r, 2000));
		break;
	case 7:
		put16(&ring->used->flags, rig_below(r, 65536));
		break;
	default:
		mock_set_avail_event(ring, (uint16_t)rig_below(r, 65536));
		break;
	}
}

static void scribble_packed(struct rig *r)
{
	unsigned slot = rig_below(r, r->p.size);
	uint16_t flags = mock_flags(&r->p, slot);

	switch (rig_below(r, 7)) {
	case 0:
		mock_set_flags(&r->p, slot, flags ^ MOCK_AVAIL);
		break;
	case 1:
		mock_set_flags(&r->p, slot, flags ^ MOCK_USED);
		break;
	case 2:
		mock_set_flags(&r->p, slot, flags ^ (1u << rig_below(r, 16)));
		break;
	case 3:
		put16(&r->p.desc[slot].id, rig_below(r, r->p.size + 2));
		break;
	case 4:
		put16(&r->p.driver_event->flags, rig_below(r, 5));
		put16(&r->p.driver_event->off_wrap, rig_below(r, 65536));
		break;
	case 5:
		put16(&r->p.device_event->flags, rig_below(r, 5));
		put16(&r->p.device_event->off_wrap, rig_below(r, 65536));
		break;
	default:
		r->p.desc[slot].len = htole32((uint32_t)random_bits(r));
		break;
	}
}

/* Any word of any part: header, blocks, counters, config, pool. */
static void scribble_anywhere(struct rig *r)
{
	uint64_t at = rig_below(r, (uint32_t)(r->map.size / 8)) * 8;
	uint64_t bits = random_bits(r);

	/* Most of a region is pool, so half of the time only what lies before it. */
	if (rig_below(r, 2))
		at = rig_below(r, (uint32_t)(r->map.pool.offset / 8)) * 8;
	if (rig_below(r, 4) == 0)
		bits = 0;
	memcpy(r->base + at, &bits, sizeof(bits));
}

static void scribble_block(struct rig *r)
{
	const struct region_part *part[] = { &r->map.device_block,    &r->map.driver_block,
					     &r->map.config,	      &r->map.device_counters,
					     &r->map.driver_counters, &r->map.driver_rings,
					     &r->map.device_rings,    &r->map.shared_rings,
					     &r->map.outstanding,     &r->map.tables };
	const struct region_part *p = part[rig_below(r, 10)];
	int byte = rig_below(r, 2) ? 0xff : (int)rig_below(r, 256);

	if (p->size)
		memset(r->base + p->offset, byte, p->size);
	else
		memset(r->base, byte, REGION_ALIGN); /* the header's page */
}

void rig_scribble(struct rig *r)
{
	struct vring_desc desc;

	if (!r->base || !r->p.size)
		return;
	desc = rig_random_desc(r);
	atomic_fetch_add_explicit(&r->board->hostile_moves, 1, memory_order_relaxed);
	switch (rig_below(r, 20)) {
	case 0:
		scribble_block(r);
		break;
	case 1:
	case 2:
	case 3:
		scribble_anywhere(r);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		memcpy(&r->p.ring.desc[rig_below(r, r->p.size)], &desc, sizeof(desc));
		break;
	case 8:
	case 9:
		if (r->p.ring.tables)
			memcpy(&r->p.ring.tables[rig_below(r, r->p.size)], &desc, sizeof(desc));
		break;
	default:
		if (r->packed)
			scribble_packed(r);
		else
			scribble_split(r);
		break;
	}
}

/* The same word with two values by turns, as fast as it goes: what is read twice is read differently. */
static void *rewrite(void *data)
{
	struct rig *r = data;
	volatile uint8_t *ring = (void *)r->p.ring.desc;
	volatile uint8_t *pool = r->p.ring.pool;
	size_t bytes = 16 * (size_t)r->p.size;
	uint64_t n = r->random.state | 1;

	for (;;) {
		size_t at;

		n = n * 6364136223846793005u + 1442695040888963407u;
		at = (size_t)(n >> 33) % bytes;
		for (unsigned i = 0; i < 2000; i++) {
			ring[at] ^= (uint8_t)(n >> 20);
			pool[(n >> 40) % 4096] ^= 0xff;
		}
		/* On a machine with few processors the others have to go on too. */
		if ((n >> 60) == 0)
			rig_sleep_ms(1);
	}
	return NULL;
}

void rig_rewrite_for_ever(struct rig *r)
{
	static struct rig copy; /* the region stays mapped until the process ends */
	pthread_attr_t attr;
	pthread_t id;

	if (r->rewrites)
		return;
	r->rewrites = true;
	copy = *r;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_create(&id, &attr, rewrite, &copy);
	pthread_attr_destroy(&attr);
}

void rig_punch_hole(struct rig *r)
{
	uint64_t page = rig_below(r, (uint32_t)(r->map.size / REGION_ALIGN));
	uint64_t n = 1 + rig_below(r, 8);

	(void)fallocate(r->region_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)(page * REGION_ALIGN), (off_t)(n * REGION_ALIGN));
	/* It is sealed: these have to fail. */
	if (ftruncate(r->region_fd, 0) == 0 ||
	    ftruncate(r->region_fd, (off_t)(r->map.size * 2)) == 0)
		board_fail(r->board, "a sealed region could be resized");
}

/* ---- the control channel ---- */

static void fill_message(struct rig *r, struct wire_msg *msg)
{
	struct vri_features any = { { random_bits(r), random_bits(r) } };

	switch (msg->kind) {
	case WIRE_HELLO:
		msg->hello.version_min = rig_below(r, 3);
		msg->hello.version_max = msg->hello.version_min + rig_below(r, 2);
		break;
	case WIRE_OFFER:
		*msg = r->offer;
		msg->kind = WIRE_OFFER;
		break;
	case WIRE_ATTACH:
		msg->attach.region_size = r->map.size;
		msg->attach.notifier = NOTIFIER_EVENTFD + rig_below(r, 2);
		break;
	case WIRE_SET_STATUS:
		msg->set_status.status = (uint8_t)rig_below(r, 256);
		break;
	case WIRE_SET_FEATURES:
		msg->set_features.features.set = rig_below(r, 2) ? any : r->features;
		break;
	case WIRE_GET_CONFIG:
		msg->get_config.offset = rig_below(r, 80);
		msg->get_config.len = rig_below(r, 80);
		break;
	case WIRE_SET_CONFIG:
		msg->set_config.generation = rig_below(r, 20);
		msg->set_config.offset = rig_below(r, 70);
		msg->set_config.data_len = 1 + rig_below(r, 20);
		break;
	case WIRE_SET_QUEUE:
		msg->set_queue = (struct queue_params){ rig_below(r, 3), 1u << rig_below(r, 17),
							r->areas.desc, r->areas.driver,
							r->areas.device };
		if (rig_below(r, 2))
			msg->set_queue.desc = random_bits(r);
		break;
	case WIRE_RESET_QUEUE:
		msg->reset_queue.index = rig_below(r, 3);
		break;
	case WIRE_ADD_MEMORY:
		msg->add_memory.iova = rig_below(r, 4) ? 1ull << 50 : random_bits(r);
		msg->add_memory.size = 4096ull * rig_below(r, 4);
		msg->add_memory.access = 1 + rig_below(r, 3);
		break;
	case WIRE_GET_SHARED_MEMORY:
		msg->get_shared_memory.id =
			(uint8_t)(rig_below(r, 4) ? PARROT_SHARED : rig_below(r, 256));
		break;
	case WIRE_REMOVE_MEMORY:
		msg->remove_memory.iova = rig_below(r, 4) ? 1ull << 50 : 0;
		break;
	case WIRE_REPLY:
		msg->reply.error = rig_below(r, 2) ? -EPROTO : 0;
		msg->reply.status = (uint8_t)rig_below(r, 256);
		msg->reply.generation = rig_below(r, 10);
		msg->reply.data_len = rig_below(r, 80);
		break;
	case WIRE_REFUSED:
		msg->refused.error = -EBUSY;
		break;
	default:
		break;
	}
}

/* A descriptor of some kind. */
static int random_fd(struct rig *r)
{
	switch (rig_below(r, 6)) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		return eventfd(0, EFD_CLOEXEC | (rig_below(r, 2) ? EFD_SEMAPHORE : 0));
	case 2:
		return memfd_create("loose", MFD_CLOEXEC);
	case 3:
		return memfd_make("other", 4096 * (1 + rig_below(r, 3)));
	case 4:
		return r->region_fd >= 0 ? dup(r->region_fd) : -1;
	default:
		return dup(r->fd);
	}
}

void rig_babble(struct rig *r)
{
	struct wire_msg msg = { .kind = 1 + rig_below(r, WIRE_KINDS - 1) };
	uint8_t bytes[VRI_CONFIG_MAX + 512];
	unsigned n = rig_once_in(r, 3) ? 1 + rig_below(r, 4) : 0;
	int fds[4], len;

	atomic_fetch_add_explicit(&r->board->hostile_moves, 1, memory_order_relaxed);
	msg.token = rig_below(r, 3) ? ++r->token : 0;
	fill_message(r, &msg);
	len = wire_format(&msg, bytes, sizeof(bytes));
	if (len < 0)
		return;
	if (rig_once_in(r, 6) && len > 0)
		bytes[rig_below(r, (uint32_t)len)] ^= (uint8_t)(1 << rig_below(r, 8));
	if (rig_once_in(r, 20))
		len = (int)rig_below(r, (uint32_t)len + 1);
	for (unsigned i = 0; i < n; i++)
		if ((fds[i] = random_fd(r)) < 0)
			n = i;
	rig_send_bytes(r, bytes, (size_t)len, fds, n);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

/* ---- notifiers ---- */

void rig_misuse_notifiers(struct rig *r)
{
	static const uint64_t most = ~0ull - 1;

	atomic_fetch_add_explicit(&r->board->hostile_moves, 1, memory_order_relaxed);
	switch (rig_below(r, 5)) {
	case 0: /* a storm */
		for (unsigned i = 0; i < 2000; i++)
			rig_notify(r);
		break;
	case 1: /* full */
		if (r->send_fd >= 0)
			(void)!write(r->send_fd, &most, sizeof(most));
		break;
	case 2: /* the receiver may find that reading blocks */
		if (r->send_fd >= 0)
			fcntl(r->send_fd, F_SETFL, 0);
		if (r->send_fd >= 0 && rig_below(r, 2))
			fcntl(r->send_fd, F_SETFL, O_NONBLOCK);
		break;
	case 3: /* What comes is never read. Of an eventfd both ends are one open file, and a user's own processes can
		 * make each other's writes block with it: there pipes are the answer. */
		if (r->receive_fd >= 0 && r->notifier == NOTIFIER_PIPE) {
			fcntl(r->receive_fd, F_SETFL, 0);
			fcntl(r->receive_fd, F_SETPIPE_SZ, RIG_PIPE_BYTES);
		}
		break;
	default:
		if (rig_once_in(r, 4)) {
			if (r->send_fd >= 0)
				close(r->send_fd);
			r->send_fd = -1;
		} else if (rig_once_in(r, 4)) {
			if (r->receive_fd >= 0)
				close(r->receive_fd);
			r->receive_fd = -1;
		}
		break;
	}
}
