/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What devices do to drivers: used buffers that were never lent, offers and answers that make no sense, memory that
 * changes, silence. */
#include "bad_device.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/memfd.h"

/* ---- used buffers ---- */

static bool used_idx_ahead(struct rig *r, const struct found *f)
{
	mock_set_used_idx(&r->p.ring, (uint16_t)(mock_used_idx(&r->p.ring) + r->p.size + 1));
	rig_notify(r);
	return true;
}

static bool used_idx_back(struct rig *r, const struct found *f)
{
	mock_set_used_idx(&r->p.ring, (uint16_t)(mock_used_idx(&r->p.ring) - 1));
	rig_notify(r);
	return true;
}

static bool used_id_outside(struct rig *r, const struct found *f)
{
	device_use(r, r->p.size, 0, f->n);
	return true;
}

static bool used_id_all_ones(struct rig *r, const struct found *f)
{
	device_use(r, r->packed ? 0xffff : ~0u, 0, f->n);
	return true;
}

/* A descriptor of the chain, but not its first. */
static bool used_id_no_head(struct rig *r, const struct found *f)
{
	if (!f->is_direct_list)
		return false;
	device_use(r, f->next, 0, 1);
	return true;
}

static bool used_twice(struct rig *r, const struct found *f)
{
	device_use(r, f->id, f->writable, f->n);
	device_use(r, f->id, f->writable, f->n);
	return true;
}

/* Most of the time the driver has not lent the one on the other side of the table; if it has, the next one is tried. */
static bool used_not_lent(struct rig *r, const struct found *f)
{
	device_use(r, (f->id + r->p.size / 2) % r->p.size, 0, f->n);
	return true;
}

static bool used_len_too_long(struct rig *r, const struct found *f)
{
	device_use(r, f->id, f->writable + 1, f->n);
	return true;
}

static bool used_len_all_ones(struct rig *r, const struct found *f)
{
	device_use(r, f->id, ~0u, f->n);
	return true;
}

/* With IN_ORDER one entry that stands for a batch, but the index moves for one. */
static bool used_out_of_order(struct rig *r, const struct found *f)
{
	static unsigned older;

	if (older++ % 2 == 0)
		return true; /* kept, and never used */
	device_use(r, f->id, f->writable, f->n);
	return true;
}

static bool never_used(struct rig *r, const struct found *f)
{
	return true;
}

/* ---- offers ---- */

static bool offer_no_queues(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->offer.offer.n_queues = 0;
	return true;
}

static bool offer_odd_size(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->offer.offer.queue_size_max = 100;
	return true;
}

static bool offer_later_version(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->offer.version = WIRE_VERSION + 1;
	return true;
}

static bool offer_no_type(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->offer.offer.type[0] = '\0';
	return true;
}

/* As the wire can have them, though an honest sender cannot: field 9 is the number of queues. */
static bool offer_too_many_queues(struct rig *r, struct wire_msg *msg, int *fd)
{
	static const uint8_t bytes[] = { 0x1a, 0x0a, 0x08, 0x01, 0x10, 0x01,
					 0x48, 0xff, 0xff, 0x03, 0x50, 0x40 };

	rig_send_bytes(r, bytes, sizeof(bytes), NULL, 0);
	return false;
}

static bool offer_with_descriptor(struct rig *r, struct wire_msg *msg, int *fd)
{
	*fd = dup(r->fd);
	return true;
}

static bool garbage(struct rig *r, struct wire_msg *msg, int *fd)
{
	rig_send_bytes(r, "\377\377\377", 3, NULL, 0);
	return false;
}

static bool packet_too_large(struct rig *r, struct wire_msg *msg, int *fd)
{
	static uint8_t bytes[WIRE_PACKET_MAX + 1];

	rig_send_bytes(r, bytes, sizeof(bytes), NULL, 0);
	return false;
}

static bool reply_instead(struct rig *r, struct wire_msg *msg, int *fd)
{
	*msg = (struct wire_msg){ .kind = WIRE_REPLY, .token = 1 };
	return true;
}

static bool hang_up(struct rig *r, struct wire_msg *msg, int *fd)
{
	r->is_over = true;
	return false;
}

static bool die(struct rig *r, struct wire_msg *msg, int *fd)
{
	(void)raise(SIGKILL);
	return false;
}

static bool say_nothing(struct rig *r, struct wire_msg *msg, int *fd)
{
	return false;
}

static bool refuse(struct rig *r, struct wire_msg *msg, int *fd)
{
	*msg = (struct wire_msg){ .kind = WIRE_REFUSED };
	msg->refused.error = -EBUSY;
	strcpy(msg->refused.words, "not today");
	return true;
}

/* ---- replies ---- */

static bool another_token(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->token += 1000;
	return true;
}

static bool reply_with_descriptor(struct rig *r, struct wire_msg *msg, int *fd)
{
	*fd = dup(r->fd);
	return true;
}

static bool reply_twice(struct rig *r, struct wire_msg *msg, int *fd)
{
	rig_send(r, msg, NULL, 0);
	rig_send(r, msg, NULL, 0);
	return true;
}

static bool descriptors_two(struct rig *r, struct wire_msg *msg, int *fd)
{
	int fds[2] = { r->fd, r->fd };

	rig_send(r, msg, fds, 2);
	return false;
}

static bool without_notifier(struct rig *r, struct wire_msg *msg, int *fd)
{
	rig_send(r, msg, NULL, 0);
	return false;
}

static bool notifier_that_is_none(struct rig *r, struct wire_msg *msg, int *fd)
{
	close(*fd);
	*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return true;
}

/* ---- shared memory ---- */

static bool shared_of_another_size(struct rig *r, struct wire_msg *msg, int *fd)
{
	msg->reply.shared.size *= 2;
	return true;
}

static bool shared_too_small(struct rig *r, struct wire_msg *msg, int *fd)
{
	close(*fd);
	*fd = memfd_make("shared", PARROT_SHARED_SIZE / 2);
	return true;
}

static bool shared_not_sealed(struct rig *r, struct wire_msg *msg, int *fd)
{
	close(*fd);
	*fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	(void)!ftruncate(*fd, PARROT_SHARED_SIZE);
	return true;
}

static bool shared_with_holes(struct rig *r, struct wire_msg *msg, int *fd)
{
	(void)fallocate(*fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PARROT_SHARED_SIZE);
	return true;
}

static bool shared_without_memory(struct rig *r, struct wire_msg *msg, int *fd)
{
	rig_send(r, msg, NULL, 0);
	return false;
}

static bool features_do_not_stick(struct rig *r, struct wire_msg *msg, int *fd)
{
	if (r->status & VRI_STATUS_FEATURES_OK)
		msg->reply.status &= (uint8_t)~VRI_STATUS_FEATURES_OK;
	return true;
}

static bool does_not_start(struct rig *r, struct wire_msg *msg, int *fd)
{
	if (r->status & VRI_STATUS_DRIVER_OK)
		msg->reply.status |= VRI_STATUS_NEEDS_RESET;
	return true;
}

static bool features_that_contradict(struct rig *r, struct wire_msg *msg, int *fd)
{
	vri_features_clear(&msg->reply.features.set, VRI_F_VERSION_1);
	return true;
}

static bool never_reset(struct rig *r, struct wire_msg *msg, int *fd)
{
	if (r->status == 0)
		msg->reply.status = r->status = VRI_STATUS_NEEDS_RESET;
	return true;
}

/* ---- on a running link ---- */

static bool needs_reset_for_ever(struct rig *r, struct wire_msg *msg, int *fd)
{
	struct wire_msg event = { .kind = WIRE_NEEDS_RESET };

	strcpy(event.needs_reset.words, "again and again");
	for (unsigned i = 0; i < 500 && !r->is_over; i++) {
		rig_send(r, &event, NULL, 0);
		event.kind = i % 2 ? WIRE_NEEDS_RESET : WIRE_CONFIG_CHANGED;
	}
	return true;
}

static bool answers_unasked(struct rig *r, struct wire_msg *msg, int *fd)
{
	struct wire_msg reply = { .kind = WIRE_REPLY, .token = 0x7fffffff };

	rig_send(r, &reply, NULL, 0);
	return true;
}

static bool event_out_of_order(struct rig *r, struct wire_msg *msg, int *fd)
{
	rig_send(r, &r->offer, NULL, 0);
	return true;
}

static bool generation_always_odd(struct rig *r, struct wire_msg *msg, int *fd)
{
	struct region_device *block = (void *)(r->base + r->map.device_block.offset);

	__atomic_store_n(&block->config_generation, htole32(7), __ATOMIC_RELEASE);
	memset(r->base + r->map.config.offset, 0xa5, r->map.config.size);
	return true;
}

static bool blocks_overwritten(struct rig *r, struct wire_msg *msg, int *fd)
{
	const struct region_part *part[] = { &r->map.device_block, &r->map.driver_block,
					     &r->map.device_counters, &r->map.driver_counters,
					     &r->map.outstanding };

	memset(r->base, 0xff, REGION_ALIGN);
	for (unsigned i = 0; i < 5; i++)
		memset(r->base + part[i]->offset, 0xff, part[i]->size);
	return true;
}

static bool kick_never_read(struct rig *r, struct wire_msg *msg, int *fd)
{
	if (r->notifier == NOTIFIER_PIPE) {
		fcntl(r->receive_fd, F_SETFL, 0);
		fcntl(r->receive_fd, F_SETPIPE_SZ, RIG_PIPE_BYTES);
	}
	return true;
}

static bool notify_storm(struct rig *r, struct wire_msg *msg, int *fd)
{
	for (unsigned i = 0; i < 100000; i++)
		rig_notify(r);
	return true;
}

static bool holes(struct rig *r, struct wire_msg *msg, int *fd)
{
	(void)fallocate(r->region_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)r->map.pool.offset, (off_t)r->map.pool.size);
	return true;
}

/* All that the driver has written: its descriptors (split; packed ones are read where they are used), its tables, and
 * what it lent to be read. */
static bool drivers_memory_overwritten(struct rig *r, const struct found *f)
{
	uint32_t writable = f->writable;

	if (!r->packed) {
		memset(r->p.ring.desc, 0xff, 16 * (size_t)r->p.size);
		memset(r->p.ring.avail->ring, 0xff, 2 * (size_t)r->p.size);
	}
	if (r->p.ring.tables)
		memset(r->p.ring.tables, 0xff, r->map.tables.size);
	if (f->first_readable)
		memset(r->base + f->first_readable, 0xff, 1);
	device_use(r, f->id, writable, f->n);
	return true;
}

static bool events_at_random(struct rig *r, const struct found *f)
{
	if (r->packed)
		mock_set_event(r->p.device_event, (uint16_t)rig_below(r, 5), rig_below(r, 40000),
			       rig_below(r, 2));
	else
		mock_set_avail_event(&r->p.ring, (uint16_t)rig_below(r, 65536));
	return false;
}

#define USED(text, kinds, broken, fn)                                                  \
	{                                                                              \
		.name = text, .formats = kinds, .answer = DEVICE_RULE, .rule = broken, \
		.moment = MOMENT_CHAIN, .on_chain = fn                                 \
	}
#define SAYS(text, when, about, what, fn)                                                   \
	{                                                                                   \
		.name = text, .formats = MOVE_SPLIT, .answer = DEVICE_WORDS, .words = what, \
		.moment = when, .request = about, .act = fn                                 \
	}
#define HARMLESS(text, fn)                                                    \
	{                                                                     \
		.name = text, .formats = MOVE_BOTH, .answer = DEVICE_NOTHING, \
		.moment = MOMENT_RUNNING, .act = fn                           \
	}

const struct device_move device_moves[] = {
	USED("used-idx-ahead", MOVE_SPLIT, VRI_RULE_USED_IDX, used_idx_ahead),
	USED("used-idx-back", MOVE_SPLIT, VRI_RULE_USED_IDX, used_idx_back),
	USED("used-id-outside", MOVE_BOTH, VRI_RULE_USED_ID, used_id_outside),
	USED("used-id-all-ones", MOVE_BOTH, VRI_RULE_USED_ID, used_id_all_ones),
	USED("used-id-no-head", MOVE_SPLIT, VRI_RULE_USED_ID, used_id_no_head),
	USED("used-twice", MOVE_BOTH, VRI_RULE_USED_NOT_LENT, used_twice),
	USED("used-not-lent", MOVE_BOTH, VRI_RULE_USED_NOT_LENT, used_not_lent),
	USED("used-len-too-long", MOVE_BOTH, VRI_RULE_USED_LEN, used_len_too_long),
	USED("used-len-all-ones", MOVE_BOTH, VRI_RULE_USED_LEN, used_len_all_ones),
	{ .name = "used-out-of-order",
	  .formats = MOVE_SPLIT,
	  .answer = DEVICE_RULE,
	  .rule = VRI_RULE_USED_ORDER,
	  .moment = MOMENT_CHAIN,
	  .on_chain = used_out_of_order,
	  .in_order = true },
	USED("never-used", MOVE_BOTH, VRI_RULE_DEADLINE, never_used),

	SAYS("offer-no-queues", MOMENT_OFFER, 0, "offer that makes no sense", offer_no_queues),
	SAYS("offer-odd-size", MOMENT_OFFER, 0, "offer that makes no sense", offer_odd_size),
	SAYS("offer-later-version", MOMENT_OFFER, 0, "offer that makes no sense",
	     offer_later_version),
	SAYS("offer-no-type", MOMENT_OFFER, 0, "offer that makes no sense", offer_no_type),
	SAYS("offer-too-many-queues", MOMENT_OFFER, 0, "limits", offer_too_many_queues),
	SAYS("offer-with-descriptor", MOMENT_OFFER, 0, "descriptor too many",
	     offer_with_descriptor),
	SAYS("garbage-for-an-offer", MOMENT_HELLO, 0, "no message", garbage),
	SAYS("packet-too-large", MOMENT_HELLO, 0, "more than # KiB", packet_too_large),
	SAYS("reply-for-an-offer", MOMENT_HELLO, 0, "out of order", reply_instead),
	SAYS("hang-up-for-an-offer", MOMENT_HELLO, 0, "closed the link", hang_up),
	SAYS("refused", MOMENT_HELLO, 0, "not today", refuse),
	SAYS("garbage-for-attached", MOMENT_ATTACH, 0, "no message", garbage),
	SAYS("hang-up-for-attached", MOMENT_ATTACH, 0, "closed the link", hang_up),

	SAYS("another-token", MOMENT_REPLY, WIRE_SET_STATUS, "what was not asked", another_token),
	SAYS("reply-with-descriptor", MOMENT_REPLY, WIRE_SET_STATUS, "descriptor that was not",
	     reply_with_descriptor),
	SAYS("reply-with-descriptors", MOMENT_REPLY, WIRE_SET_STATUS, "more descriptors",
	     descriptors_two),
	SAYS("reply-twice", MOMENT_REPLY, WIRE_SET_STATUS, "what was not asked", reply_twice),
	SAYS("garbage-for-a-reply", MOMENT_REPLY, WIRE_SET_FEATURES, "no message", garbage),
	SAYS("hang-up-for-a-reply", MOMENT_REPLY, WIRE_SET_FEATURES, "closed the link", hang_up),
	SAYS("death-for-a-reply", MOMENT_REPLY, WIRE_SET_FEATURES, "closed the link", die),
	SAYS("no-reply", MOMENT_REQUEST, WIRE_SET_FEATURES, "could not be written", say_nothing),
	SAYS("without-notifier", MOMENT_REPLY, WIRE_SET_QUEUE, "notifier", without_notifier),
	SAYS("notifier-that-is-none", MOMENT_REPLY, WIRE_SET_QUEUE, "notifier",
	     notifier_that_is_none),
	SAYS("shared-of-another-size", MOMENT_REPLY, WIRE_GET_SHARED_MEMORY, "another region than",
	     shared_of_another_size),
	SAYS("shared-too-small", MOMENT_REPLY, WIRE_GET_SHARED_MEMORY, "smaller than announced",
	     shared_too_small),
	SAYS("shared-not-sealed", MOMENT_REPLY, WIRE_GET_SHARED_MEMORY, "not sealed",
	     shared_not_sealed),
	SAYS("shared-with-holes", MOMENT_REPLY, WIRE_GET_SHARED_MEMORY, "without its pages",
	     shared_with_holes),
	SAYS("shared-without-memory", MOMENT_REPLY, WIRE_GET_SHARED_MEMORY, "without its memory",
	     shared_without_memory),
	SAYS("features-do-not-stick", MOMENT_REPLY, WIRE_SET_STATUS, "refused the features",
	     features_do_not_stick),
	SAYS("does-not-start", MOMENT_REPLY, WIRE_SET_STATUS, "did not start", does_not_start),
	SAYS("features-that-contradict", MOMENT_REPLY, WIRE_GET_FEATURES, "required is not offered",
	     features_that_contradict),
	SAYS("answers-unasked", MOMENT_RUNNING, 0, "what was not asked", answers_unasked),
	SAYS("event-out-of-order", MOMENT_RUNNING, 0, "out of order", event_out_of_order),

	{ .name = "never-reset",
	  .formats = MOVE_SPLIT,
	  .answer = DEVICE_NOTHING,
	  .moment = MOMENT_REPLY,
	  .request = WIRE_SET_STATUS,
	  .act = never_reset },
	HARMLESS("needs-reset-for-ever", needs_reset_for_ever),
	HARMLESS("generation-always-odd", generation_always_odd),
	HARMLESS("blocks-overwritten", blocks_overwritten),
	HARMLESS("kick-never-read", kick_never_read),
	HARMLESS("notify-storm", notify_storm),
	HARMLESS("holes", holes),
	{ .name = "drivers-memory-overwritten",
	  .formats = MOVE_BOTH,
	  .answer = DEVICE_NOTHING,
	  .moment = MOMENT_CHAIN,
	  .on_chain = drivers_memory_overwritten },
	{ .name = "events-at-random",
	  .formats = MOVE_BOTH,
	  .answer = DEVICE_NOTHING,
	  .moment = MOMENT_CHAIN,
	  .on_chain = events_at_random },
};
const unsigned n_device_moves = sizeof(device_moves) / sizeof(device_moves[0]);
