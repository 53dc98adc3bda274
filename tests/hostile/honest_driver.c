/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The honest driver's process: threads with good links, and threads with links to hostile devices. */
#include "honest_driver.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

static struct board *board;

static void keep_words(void *data, enum vri_log_level level, const char *line)
{
	if (level <= VRI_LOG_WARNING)
		board_say(board, SIDE_DRIVER, line);
}

int honest_driver(const struct role *role)
{
	struct driver_thread thread[GOOD_LINKS + BAD_LINKS];
	pthread_t id[GOOD_LINKS + BAD_LINKS];

	board = role->board;
	vri_log_set(keep_words, NULL, VRI_LOG_INFO);
	for (unsigned i = 0; i < GOOD_LINKS + BAD_LINKS; i++) {
		bool good = i < GOOD_LINKS;

		thread[i] = (struct driver_thread){
			.role = role,
			.board = board,
			.index = good ? i : i - GOOD_LINKS,
			.loop = LOOP_GOOD + i,
			.random = role->seed * 1000003 + i,
		};
		if (pthread_create(&id[i], NULL, good ? good_link : bad_link, &thread[i]) != 0) {
			board_fail(board, "pthread_create");
			return 1;
		}
	}
	while (!atomic_load(&board->stop_driver)) {
		board_measure(board, SIDE_DRIVER);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	for (unsigned i = 0; i < GOOD_LINKS + BAD_LINKS; i++)
		pthread_join(id[i], NULL);
	return 0;
}
