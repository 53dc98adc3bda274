/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Who starts the processes of a hostile run, watches the honest ones, and counts. */
#ifndef HOSTILE_REFEREE_H
#define HOSTILE_REFEREE_H

#include <sys/types.h>

#include "roles.h"

struct referee {
	struct board *board;
	int board_fd;
	char dir[64];
	uint64_t seed;
	unsigned seconds;
	const char *only; /* one rule by name; NULL: all */
	pid_t device, driver; /* the honest ones */
	char *held[SIDES]; /* by each of them, before any hostile process came */
	uint64_t memory[SIDES];
	uint64_t ups; /* links of the honest device then */
	unsigned passed, failed;
	bool is_over; /* an honest process is gone, or hangs: nothing goes on */

	/* what the beats were, and since when */
	unsigned beats[LOOPS];
	uint64_t since_ms[LOOPS];
	uint64_t good[GOOD_LINKS], good_since_ms[GOOD_LINKS];
};

/* Each check counts as one test, and is said when it failed. */
bool referee_check(struct referee *f, bool ok, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t referee_now_ms(void);

/* Starts a process of this program. @hush: what it says is not shown. Returns: its pid. */
pid_t referee_start(struct referee *f, const char *name, const struct role *role, bool hush);

/* Ends a hostile process. Returns: its wait status. */
int referee_end(pid_t pid);

/* Both honest processes, and good links that move. Returns: false when they do not come to life. */
bool referee_begin(struct referee *f);

/* A look at the honest processes: do they live, do their loops go round, do the good links move, did they complain?
 * What is wrong is said once, and counts. Returns: false when nothing can go on. */
bool referee_look(struct referee *f);

/* No hostile process is left: what do the honest ones hold, and do they end well? */
void referee_finish(struct referee *f);

/* Breaks all rules by name. */
void named_rules(struct referee *f);

/* Hostile processes at random. */
void soak(struct referee *f);

#endif
