/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What drivers do that breaks no rule of the ring, and that must change nothing for anybody but themselves: the hostile
 * link itself works afterwards. */
#include "bad_driver.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define CHAINS 300

static void kick_storm(struct rig *r)
{
	for (unsigned i = 0; i < 200000; i++)
		rig_notify(r);
}

static void full_notifier(struct rig *r)
{
	static const uint64_t most = ~0ull - 1;
	char bytes[4096] = { 0 };

	if (r->notifier == NOTIFIER_EVENTFD)
		(void)!write(r->send_fd, &most, sizeof(most));
	else
		while (write(r->send_fd, bytes, sizeof(bytes)) > 0)
			;
	/* Who reads must not rely on it. */
	fcntl(r->send_fd, F_SETFL, 0);
}

/* The device's notifications are taken by nobody, and may block: the pipe's open file is the driver's own. */
static void notifier_never_read(struct rig *r)
{
	fcntl(r->receive_fd, F_SETFL, 0);
	fcntl(r->receive_fd, F_SETPIPE_SZ, RIG_PIPE_BYTES);
	for (unsigned i = 0; i < 2 * RIG_PIPE_BYTES; i++) {
		driver_offer_simple(r, i % r->p.size, false);
		for (unsigned n = 0; n < 1000 && i % 4 == 3; n++) {
			if (r->packed ? mock_is_used(&r->p, r->p.avail) ||
						!mock_is_available(&r->p, r->p.avail) :
					mock_used_idx(&r->p.ring) == mock_avail_idx(&r->p.ring))
				break;
			rig_sleep_ms(1);
		}
		if (r->needs_reset)
			break;
		rig_drain(r, 0);
	}
}

static void notifiers_closed(struct rig *r)
{
	close(r->send_fd);
	close(r->receive_fd);
	r->send_fd = r->receive_fd = -1;
	rig_sleep_ms(50);
}

static void blocks_overwritten(struct rig *r)
{
	const struct region_part *part[] = { &r->map.device_block,    &r->map.driver_block,
					     &r->map.config,	      &r->map.device_counters,
					     &r->map.driver_counters, &r->map.outstanding };

	for (unsigned n = 0; n < 50; n++) {
		memset(r->base, rig_below(r, 2) ? 0xff : 0, REGION_ALIGN);
		for (unsigned i = 0; i < 6; i++)
			memset(r->base + part[i]->offset, (int)rig_below(r, 256), part[i]->size);
		rig_sleep_ms(1);
	}
}

/* Entries, index and wishes of the device's area are for the device to write, and never read back by it. */
static void device_area_overwritten(struct rig *r)
{
	for (unsigned n = 0; n < 50; n++) {
		memset(r->p.ring.used, (int)rig_below(r, 256),
		       r->packed ? 4 : 6 + 8 * (size_t)r->p.size);
		driver_offer_simple(r, n % r->p.size, false);
		rig_sleep_ms(2);
	}
}

static void events_at_random(struct rig *r)
{
	for (unsigned n = 0; n < CHAINS; n++) {
		if (r->packed)
			mock_set_event(r->p.driver_event, (uint16_t)rig_below(r, 5),
				       rig_below(r, 40000), rig_below(r, 2));
		else
			mock_set_used_event(&r->p.ring, (uint16_t)rig_below(r, 65536));
		if (!driver_echo(r))
			break;
	}
}

/* Payload of requests that are being copied, as fast as it goes. */
static void payload_rewritten(struct rig *r)
{
	struct mock_piece pieces[2] = { { driver_pool(r, 0), 60000, 0 },
					{ driver_pool(r, 65536), 60000, MOCK_WRITE } };
	uint8_t *pool = r->p.ring.pool;

	for (unsigned n = 0; n < 40; n++) {
		pool[0] = 1;
		driver_offer(r, pieces, 2, 2 * (n % (r->p.size / 2)));
		for (unsigned i = 1; i < 60000; i++)
			pool[i] ^= (uint8_t)n;
		rig_sleep_ms(1);
	}
}

static void holes(struct rig *r)
{
	uint64_t pool = r->map.pool.offset;

	for (unsigned n = 0; n < 50; n++) {
		driver_offer_simple(r, n % r->p.size, false);
		(void)fallocate(r->region_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)pool, 65536);
		rig_sleep_ms(1);
	}
}

static void silence(struct rig *r)
{
	rig_sleep_ms(1200); /* longer than the set-up may take */
}

static void status_asked_for_ever(struct rig *r)
{
	struct wire_msg msg = { .kind = WIRE_GET_STATUS };

	for (unsigned n = 0; n < 500; n++)
		if (driver_request(r, &msg, NULL, 0, NULL) != 0)
			break;
		else
			msg = (struct wire_msg){ .kind = WIRE_GET_STATUS };
}

static void resets_for_ever(struct rig *r)
{
	for (unsigned n = 0; n < 100; n++)
		if (!driver_set_status(r, 0) || !driver_set_status(r, 1) ||
		    !driver_set_status(r, 3) || !driver_negotiate(r, 0) ||
		    !driver_set_queue(r, DRIVER_QUEUE_SIZE) || !driver_run(r))
			break;
}

/* What is offered to a suspended device waits, and its area stays as it is. */
static void chains_while_suspended(struct rig *r)
{
	size_t bytes = r->packed ? 4 : 6 + 8 * (size_t)r->p.size;
	uint8_t before[512];

	if (!driver_suspend(r))
		return;
	memcpy(before, r->p.ring.used, bytes);
	for (unsigned i = 0; i < 4; i++)
		driver_offer_simple(r, i, false);
	kick_storm(r);
	rig_sleep_ms(50);
	if (memcmp(before, r->p.ring.used, bytes) != 0)
		board_fail(r->board, "a suspended device wrote into its area");
	(void)driver_resume(r);
}

static void suspended_for_ever(struct rig *r)
{
	for (unsigned i = 0; i < 100 && driver_suspend(r) && driver_resume(r); i++)
		;
	(void)driver_suspend(r);
}

static void die(struct rig *r)
{
	for (unsigned i = 0; i < 4; i++)
		driver_offer_simple(r, i, true);
	(void)raise(SIGKILL);
}

#define HARMLESS(text, fn)                                                    \
	{                                                                     \
		.name = text, .formats = MOVE_BOTH, .answer = ANSWER_NOTHING, \
		.step = STEP_RUNNING, .act = fn                               \
	}
#define HARMLESS_BY_PIPE(text, fn)                                            \
	{                                                                     \
		.name = text, .formats = MOVE_BOTH, .answer = ANSWER_NOTHING, \
		.step = STEP_RUNNING, .act = fn, .pipe = true                 \
	}

const struct bad_move driver_harmless_moves[] = {
	HARMLESS("kick-storm", kick_storm),
	HARMLESS_BY_PIPE("kick-storm-by-pipe", kick_storm),
	HARMLESS("full-notifier", full_notifier),
	HARMLESS_BY_PIPE("full-notifier-by-pipe", full_notifier),
	HARMLESS_BY_PIPE("notifier-never-read", notifier_never_read),
	HARMLESS("notifiers-closed", notifiers_closed),
	HARMLESS_BY_PIPE("notifiers-closed-by-pipe", notifiers_closed),
	HARMLESS("blocks-overwritten", blocks_overwritten),
	HARMLESS("device-area-overwritten", device_area_overwritten),
	HARMLESS("events-at-random", events_at_random),
	HARMLESS("payload-rewritten", payload_rewritten),
	HARMLESS("holes", holes),
	HARMLESS("silence", silence),
	HARMLESS("status-asked-for-ever", status_asked_for_ever),
	HARMLESS("resets-for-ever", resets_for_ever),
	HARMLESS("chains-while-suspended", chains_while_suspended),
	HARMLESS("suspended-for-ever", suspended_for_ever),
	{ .name = "death-with-chains-held",
	  .formats = MOVE_BOTH,
	  .answer = ANSWER_GONE,
	  .words = "the driver",
	  .step = STEP_RUNNING,
	  .act = die },
};
const unsigned n_driver_harmless_moves =
	sizeof(driver_harmless_moves) / sizeof(driver_harmless_moves[0]);
