/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What drivers say and send that may not be: messages, descriptors, regions, features, status, queues. */
#include "bad_driver.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/memfd.h"

/* ---- messages ---- */

static void say(struct rig *r, enum wire_kind kind, uint32_t token, const int *fds, unsigned n)
{
	struct wire_msg msg = { .kind = kind, .token = token };

	if (kind == WIRE_HELLO)
		msg.hello.version_min = msg.hello.version_max = WIRE_VERSION;
	if (kind == WIRE_ATTACH) {
		memcpy(msg.attach.link_id, r->map.link_id, sizeof(msg.attach.link_id));
		msg.attach.region_size = r->map.size;
		msg.attach.notifier = r->notifier;
	}
	rig_send(r, &msg, fds, n);
}

static void garbage(struct rig *r)
{
	rig_send_bytes(r, "\377\377\377\377", 4, NULL, 0);
}

static void too_large(struct rig *r)
{
	static uint8_t bytes[WIRE_PACKET_MAX + 1];

	rig_send_bytes(r, bytes, sizeof(bytes), NULL, 0);
}

static void hang_up(struct rig *r)
{
	rig_send_bytes(r, "", 0, NULL, 0);
}

static void unknown_message(struct rig *r)
{
	rig_send_bytes(r, "\372\006\001x", 4, NULL, 0);
}

static void no_common_version(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_HELLO };

	msg.hello.version_min = msg.hello.version_max = WIRE_VERSION + 1;
	rig_send(r, &msg, NULL, 0);
}

static void out_of_order(struct rig *r)
{
	say(r, WIRE_HELLO, 0, NULL, 0);
}

static void request_too_early(struct rig *r)
{
	say(r, WIRE_GET_STATUS, 1, NULL, 0);
}

static void not_the_senders(struct rig *r)
{
	say(r, WIRE_ATTACHED, 0, NULL, 0);
}

static void without_a_token(struct rig *r)
{
	say(r, WIRE_GET_STATUS, 0, NULL, 0);
}

static void descriptor_too_many(struct rig *r)
{
	int fds[4] = { r->fd, r->fd, r->fd, r->fd };

	say(r, WIRE_GET_STATUS, 1, fds, 1);
}

static void descriptors_253(struct rig *r)
{
	int fds[253];

	for (unsigned i = 0; i < 253; i++)
		fds[i] = r->fd;
	say(r, WIRE_GET_STATUS, 1, fds, 253);
}

static void descriptor_missing(struct rig *r)
{
	say(r, WIRE_ATTACH, 0, NULL, 0);
}

static void replies_unread(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	int fd = eventfd(0, EFD_CLOEXEC);

	msg.set_queue = (struct queue_params){ 0, DRIVER_QUEUE_SIZE, r->areas.desc, r->areas.driver,
					       r->areas.device };
	for (msg.token = 100; msg.token < 150 && !r->is_over; msg.token++)
		rig_send(r, &msg, &fd, 1);
	close(fd);
}

/* ---- the region ---- */

static void attach_with(struct rig *r, int fd)
{
	say(r, WIRE_ATTACH, 0, &fd, 1);
	close(fd);
}

static void region_that_is_a_file(struct rig *r)
{
	attach_with(r, open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int memory_with(struct rig *r, unsigned seals, uint64_t size)
{
	int fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (ftruncate(fd, (off_t)size) == 0 && fallocate(fd, 0, 0, (off_t)size) == 0)
		(void)!pwrite(fd, r->base, size < r->map.size ? size : r->map.size, 0);
	(void)fcntl(fd, F_ADD_SEALS, seals);
	return fd;
}

static void region_that_can_shrink(struct rig *r)
{
	attach_with(r, memory_with(r, F_SEAL_GROW | F_SEAL_SEAL, r->map.size));
}

static void region_that_can_grow(struct rig *r)
{
	attach_with(r, memory_with(r, F_SEAL_SHRINK | F_SEAL_SEAL, r->map.size));
}

static void region_that_can_be_sealed(struct rig *r)
{
	attach_with(r, memory_with(r, F_SEAL_SHRINK | F_SEAL_GROW, r->map.size));
}

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void region_too_small(struct rig *r)
{
	attach_with(r, memory_with(r, ALL_SEALS, r->map.size - 4096));
}

static void region_read_only(struct rig *r)
{
	attach_with(r, memory_with(r, ALL_SEALS | F_SEAL_WRITE, r->map.size));
}

static void region_with_holes(struct rig *r)
{
	int fd = memory_with(r, 0, r->map.size);

	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192,
			(off_t)r->map.size - 8192);
	(void)fcntl(fd, F_ADD_SEALS, ALL_SEALS);
	attach_with(r, fd);
}

static struct region_header *header(struct rig *r)
{
	return (void *)r->base;
}

static struct region_part *parts(struct rig *r)
{
	return (void *)(header(r) + 1);
}

static void attach_as_it_is(struct rig *r)
{
	say(r, WIRE_ATTACH, 0, &r->region_fd, 1);
}

static void header_magic(struct rig *r)
{
	header(r)->magic[3] ^= 1;
	attach_as_it_is(r);
}

static void header_version(struct rig *r)
{
	header(r)->version = 2;
	attach_as_it_is(r);
}

static void header_size(struct rig *r)
{
	header(r)->size += 4096;
	attach_as_it_is(r);
}

static void header_parts(struct rig *r)
{
	header(r)->n_parts = ~0u;
	attach_as_it_is(r);
}

static void header_link(struct rig *r)
{
	header(r)->link_id[0] ^= 1;
	attach_as_it_is(r);
}

static void part_outside(struct rig *r)
{
	parts(r)[2].offset = ~0ull - 4095;
	attach_as_it_is(r);
}

static void parts_overlap(struct rig *r)
{
	parts(r)[2].offset = parts(r)[1].offset;
	attach_as_it_is(r);
}

static void part_with_another_writer(struct rig *r)
{
	parts(r)[0].writer = REGION_WRITER_DRIVER;
	attach_as_it_is(r);
}

static void part_twice(struct rig *r)
{
	parts(r)[1].type = parts(r)[0].type;
	parts(r)[1].writer = parts(r)[0].writer;
	attach_as_it_is(r);
}

static void another_notifier(struct rig *r)
{
	r->notifier = r->notifier == NOTIFIER_PIPE ? NOTIFIER_EVENTFD : NOTIFIER_PIPE;
	attach_as_it_is(r);
}

/* ---- requests ---- */

static void write_status(struct rig *r, uint8_t status)
{
	struct wire_msg msg = { .kind = WIRE_SET_STATUS };

	msg.set_status.status = status;
	(void)driver_request(r, &msg, NULL, 0, NULL);
}

static void status_out_of_order(struct rig *r)
{
	write_status(r, 15);
}

static void status_bit_cleared(struct rig *r)
{
	write_status(r, 1);
}

static void status_unknown(struct rig *r)
{
	write_status(r, 3 | 32);
}

static void features_too_early(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };

	(void)driver_request(r, &msg, NULL, 0, NULL);
}

static void features_not_offered(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };

	msg.set_features.features.set = r->offer.offer.offer.features;
	vri_features_set(&msg.set_features.features.set, VRI_F_SR_IOV);
	(void)driver_request(r, &msg, NULL, 0, NULL);
	write_status(r, 11);
	if (r->status & VRI_STATUS_FEATURES_OK)
		board_fail(r->board, "FEATURES_OK stuck with a feature that was not offered");
}

static void features_after_features_ok(struct rig *r)
{
	features_too_early(r);
}

static void config_written_too_early(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_SET_CONFIG };

	msg.set_config.offset = PARROT_CONFIG_FIXED;
	msg.set_config.data_len = 1;
	(void)driver_request(r, &msg, NULL, 0, NULL);
}

static void config_while_suspended(struct rig *r)
{
	(void)driver_suspend(r);
	config_written_too_early(r);
}

static void config_outside(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_GET_CONFIG };

	msg.get_config.offset = PARROT_CONFIG - 1;
	msg.get_config.len = 2;
	(void)driver_request(r, &msg, NULL, 0, NULL);
}

/* ---- queues ---- */

static void queue(struct rig *r, const struct queue_params *params)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	int fd = rig_make_notifier(r), with = -1;

	msg.set_queue = *params;
	(void)driver_request(r, &msg, &fd, 1, &with);
	close(fd);
	if (with >= 0)
		close(with);
}

static struct queue_params good_queue(const struct rig *r)
{
	return (struct queue_params){ 0, DRIVER_QUEUE_SIZE, r->areas.desc, r->areas.driver,
				      r->areas.device };
}

static void queue_of_size_0(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.size = 0;
	queue(r, &params);
}

static void queue_of_size_3(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.size = 3;
	queue(r, &params);
}

static void queue_of_size_65535(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.size = 65535;
	queue(r, &params);
}

static void queue_that_is_not_there(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.index = 7;
	queue(r, &params);
}

static void ring_misaligned(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.desc += 8;
	queue(r, &params);
}

static void rings_overlap(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.driver = params.desc;
	queue(r, &params);
}

static void ring_in_the_pool(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.device = r->map.pool.offset;
	queue(r, &params);
}

static void ring_that_wraps(struct rig *r)
{
	struct queue_params params = good_queue(r);

	params.desc = ~0ull - 15;
	queue(r, &params);
}

static void notifier_that_is_none(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };

	msg.set_queue = good_queue(r);
	(void)driver_request(r, &msg, &r->region_fd, 1, NULL);
}

static void queue_before_features_ok(struct rig *r)
{
	struct queue_params params = good_queue(r);

	queue(r, &params);
}

static void queue_while_suspended(struct rig *r)
{
	struct queue_params params = good_queue(r);

	(void)driver_suspend(r);
	queue(r, &params);
}

static void queue_again_without_reset(struct rig *r)
{
	struct queue_params params = good_queue(r);

	queue(r, &params);
}

/* ---- memory ---- */

static void add(struct rig *r, int fd, uint64_t iova, uint64_t size)
{
	struct wire_msg msg = { .kind = WIRE_ADD_MEMORY };

	msg.add_memory.iova = iova;
	msg.add_memory.size = size;
	msg.add_memory.access = VRI_ACCESS_READ_WRITE;
	(void)driver_request(r, &msg, &fd, 1, NULL);
	close(fd);
}

static void memory_over_the_region(struct rig *r)
{
	add(r, memfd_make("mine", 4096), 4096, 4096);
}

static void memory_that_can_shrink(struct rig *r)
{
	add(r, memory_with(r, F_SEAL_GROW, 4096), 1ull << 50, 4096);
}

static void memory_without_end(struct rig *r)
{
	add(r, memfd_make("mine", 4096), 1ull << 50, 1ull << 62);
}

static void go_on_too_late(struct rig *r)
{
	rig_drain(r, 1500);
}

#define REFUSED(text, at, what, fn)                                                         \
	{                                                                                   \
		.name = text, .formats = MOVE_SPLIT, .answer = ANSWER_WORDS, .words = what, \
		.step = at, .act = fn                                                       \
	}

const struct bad_move driver_set_up_moves[] = {
	REFUSED("garbage", STEP_CONNECTED, "no message", garbage),
	REFUSED("garbage-later", STEP_RUNNING, "no message", garbage),
	REFUSED("packet-too-large", STEP_ATTACHED, "more than # KiB", too_large),
	{ .name = "hang-up",
	  .formats = MOVE_SPLIT,
	  .answer = ANSWER_GONE,
	  .words = "the driver closed the link",
	  .step = STEP_RUNNING,
	  .act = hang_up },
	REFUSED("unknown-message", STEP_CONNECTED, "unknown message", unknown_message),
	REFUSED("no-common-version", STEP_CONNECTED, "this device speaks version",
		no_common_version),
	REFUSED("out-of-order", STEP_OFFERED, "out of order", out_of_order),
	REFUSED("request-too-early", STEP_OFFERED, "out of order", request_too_early),
	REFUSED("not-the-senders", STEP_OFFERED, "not the sender's", not_the_senders),
	REFUSED("without-a-token", STEP_ATTACHED, "token", without_a_token),
	REFUSED("descriptor-too-many", STEP_ATTACHED, "descriptor too many", descriptor_too_many),
	REFUSED("descriptors-253", STEP_ATTACHED, "more descriptors", descriptors_253),
	REFUSED("descriptor-missing", STEP_OFFERED, "without its descriptor", descriptor_missing),
	REFUSED("replies-unread", STEP_FEATURES_OK, "before the last reply was read",
		replies_unread),
	REFUSED("too-slow", STEP_ATTACHED, "too long", go_on_too_late),

	REFUSED("region-that-is-a-file", STEP_OFFERED, "not a memfd", region_that_is_a_file),
	REFUSED("region-that-can-shrink", STEP_OFFERED, "not sealed", region_that_can_shrink),
	REFUSED("region-that-can-grow", STEP_OFFERED, "not sealed", region_that_can_grow),
	REFUSED("region-that-can-be-sealed", STEP_OFFERED, "not sealed", region_that_can_be_sealed),
	REFUSED("region-too-small", STEP_OFFERED, "smaller than announced", region_too_small),
	REFUSED("region-read-only", STEP_OFFERED, "cannot be mapped", region_read_only),
	REFUSED("region-with-holes", STEP_OFFERED, "allocate them first", region_with_holes),
	REFUSED("header-magic", STEP_OFFERED, "magic", header_magic),
	REFUSED("header-version", STEP_OFFERED, "unknown version", header_version),
	REFUSED("header-size", STEP_OFFERED, "another size", header_size),
	REFUSED("header-parts", STEP_OFFERED, "too many parts", header_parts),
	REFUSED("header-link", STEP_OFFERED, "another link", header_link),
	REFUSED("part-outside", STEP_OFFERED, "not inside", part_outside),
	REFUSED("parts-overlap", STEP_OFFERED, "overlap", parts_overlap),
	REFUSED("part-with-another-writer", STEP_OFFERED, "wrong writer", part_with_another_writer),
	REFUSED("part-twice", STEP_OFFERED, "there twice", part_twice),
	REFUSED("another-notifier", STEP_OFFERED, "another notifier", another_notifier),

	REFUSED("status-out-of-order", STEP_DRIVER, "FEATURES_OK", status_out_of_order),
	REFUSED("status-bit-cleared", STEP_DRIVER, "bit was cleared", status_bit_cleared),
	REFUSED("status-unknown", STEP_DRIVER, "unknown status bit", status_unknown),
	REFUSED("features-too-early", STEP_ATTACHED, "before DRIVER", features_too_early),
	REFUSED("features-not-offered", STEP_DRIVER, "not offered", features_not_offered),
	REFUSED("features-too-late", STEP_FEATURES_OK, "after FEATURES_OK",
		features_after_features_ok),
	REFUSED("config-too-early", STEP_DRIVER, "before FEATURES_OK", config_written_too_early),
	REFUSED("config-while-suspended", STEP_RUNNING, "while suspended", config_while_suspended),
	REFUSED("config-outside", STEP_RUNNING, "outside of the config space", config_outside),

	REFUSED("queue-of-size-0", STEP_FEATURES_OK, "size", queue_of_size_0),
	REFUSED("queue-of-size-3", STEP_FEATURES_OK, "power of two", queue_of_size_3),
	REFUSED("queue-of-size-65535", STEP_FEATURES_OK, "larger than the device allows",
		queue_of_size_65535),
	REFUSED("queue-that-is-not-there", STEP_FEATURES_OK, "no such queue",
		queue_that_is_not_there),
	REFUSED("queue-too-early", STEP_DRIVER, "before FEATURES_OK", queue_before_features_ok),
	REFUSED("queue-again", STEP_RUNNING, "without its reset", queue_again_without_reset),
	REFUSED("queue-while-suspended", STEP_RUNNING, "suspended", queue_while_suspended),
	REFUSED("ring-misaligned", STEP_FEATURES_OK, "align", ring_misaligned),
	REFUSED("rings-overlap", STEP_FEATURES_OK, "overlap", rings_overlap),
	REFUSED("ring-in-the-pool", STEP_FEATURES_OK, "not in its part", ring_in_the_pool),
	REFUSED("ring-that-wraps", STEP_FEATURES_OK, "", ring_that_wraps),
	REFUSED("notifier-that-is-none", STEP_FEATURES_OK, "notifier", notifier_that_is_none),
	REFUSED("memory-over-the-region", STEP_RUNNING, "overlaps", memory_over_the_region),
	REFUSED("memory-that-can-shrink", STEP_RUNNING, "not sealed", memory_that_can_shrink),
	REFUSED("memory-without-end", STEP_RUNNING, "more memory", memory_without_end),
};
const unsigned n_driver_set_up_moves = sizeof(driver_set_up_moves) / sizeof(driver_set_up_moves[0]);
