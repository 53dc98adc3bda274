/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the processes of a hostile run tell the one that watches them: a page of counters that all of them map. No peer of
 * a link has it in its region, so nothing that a hostile process does to its peer changes it.
 */
#ifndef HOSTILE_BOARD_H
#define HOSTILE_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vring-ipc/link.h>

/* Whose words and rules. */
enum side {
	SIDE_DEVICE, /* the honest device's process */
	SIDE_DRIVER, /* the honest driver's process */
	SIDE_TOLD, /* what an honest side told a hostile driver: REFUSED and the words of replies */
	SIDES,
};

#define GOOD_LINKS 4 /* that carry checked data all the time */
#define BAD_LINKS 2 /* threads that open links to hostile devices */

/* Each loop of an honest process beats, and says what it is about to do: who hangs can be told. */
enum loop {
	LOOP_DEVICE,
	LOOP_GOOD,
	LOOP_BAD = LOOP_GOOD + GOOD_LINKS,
	LOOPS = LOOP_BAD + BAD_LINKS,
};

enum doing {
	DOING_NOTHING,
	DOING_DISPATCH,
	DOING_OPEN,
	DOING_START,
	DOING_TRAFFIC,
	DOING_WAIT,
	DOING_CONFIG,
	DOING_STATUS,
	DOING_RESET_QUEUE,
	DOING_SUSPEND,
	DOING_RESET,
	DOING_CLOSE,
	DOINGS,
};
extern const char *const doing_names[DOINGS];

#define BOARD_WORDS 256
#define BOARD_TEXT 128

struct board_words {
	char text[BOARD_TEXT];
	_Atomic unsigned n; /* how often it was said; 0: no text yet */
};

struct board {
	/* orders */
	_Atomic bool stop_bad; /* no more links to hostile devices */
	_Atomic bool stop_driver;
	_Atomic bool stop_device; /* when no good link is left */
	_Atomic unsigned ring; /* for links to hostile devices: enum vri_ring; AUTO: any */
	_Atomic unsigned measure; /* counts up: say how much memory is in use */

	/* reports */
	_Atomic bool device_is_ready;
	_Atomic unsigned beats[LOOPS];
	_Atomic unsigned doing[LOOPS];
	_Atomic uint64_t longest_us[DOINGS]; /* of one call on a link to a hostile device */
	_Atomic uint64_t good[GOOD_LINKS]; /* answers checked */
	_Atomic uint64_t bad_opens, bad_starts, bad_answers;
	_Atomic uint64_t hostile_links; /* that hostile drivers brought to life */
	_Atomic uint64_t hostile_moves; /* that hostile processes made */
	_Atomic bool bad_is_idle[BAD_LINKS];
	_Atomic uint64_t rules[SIDES][VRI_RULE_COUNT];
	_Atomic unsigned measured[SIDES];
	_Atomic uint64_t memory[SIDES];
	struct board_words words[SIDES][BOARD_WORDS];
	_Atomic bool has_failed;
	char failure[512];
};

/* Makes the board. Returns: a descriptor that is inherited by children, to be given to board_map(). */
int board_make(void);
struct board *board_map(int fd);

static inline void board_beat(struct board *b, enum loop loop, enum doing doing)
{
	atomic_store_explicit(&b->doing[loop], doing, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->beats[loop], 1, memory_order_relaxed);
}

/* Counts @text, without the numbers in it and what stands before the last colon. Threads: any, of one process a side. */
void board_say(struct board *b, enum side side, const char *text);

/* How often a text with @part in it was said. */
unsigned board_said(const struct board *b, enum side side, const char *part);

/* An honest process saw what must not be. The first to say so is heard. */
void board_fail(struct board *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Answers a wish for a measurement: bytes of memory that this process has allocated. */
void board_measure(struct board *b, enum side side);

/* Time limits of the honest driver's links to hostile devices, to be multiplied by that: */
#define BAD_TIMEOUT_MS 150u /* of a control request */
#define BAD_DEADLINE_MS 200u /* of a request in a queue */

/* By how much limits of time are stretched. */
unsigned board_patience(void);

#endif
