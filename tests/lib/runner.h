/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What both runners share: the folder of a run, its result, the length of a time-out. */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <stdbool.h>
#include <sys/types.h>

#define RUNNER_TIMEOUT 60.0 /* seconds for a test that does not say */

/* The seconds that a test with .timeout = @timeout (0: not given) may take in this run. */
double runner_timeout(double timeout);

/*
 * Makes the folder that tmpdir.h works in and names it to the tests by VRI_TEST_RUN_DIR. It is
 * removed by runner_close_dir(), and if the runner dies first, by a process that waits for that.
 */
void runner_open_dir(void);
void runner_close_dir(void);

/*
 * Prints the closing line and, if VRI_TEST_RESULTS names a folder, leaves the counts there in a file
 * named after VRI_TEST_NAME. Returns: what main() returns.
 */
int runner_report(const char *program, size_t passed, size_t failed, size_t skipped);

/* Whether this is not the process of the test but one that it forked. */
bool runner_in_forked_child(void);

/* Declares the calling process to be the process of a test. */
void runner_enter_test(void);

/* Whether this is the first thread of its process. */
bool runner_in_main_thread(void);

#endif
