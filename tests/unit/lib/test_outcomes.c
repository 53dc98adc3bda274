/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* One test for each way in which a test can end. Run under both runners, whose counts must agree. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void fail_now(void)
{
	t_fail("on purpose");
}

static void *fail_in_thread(void *arg)
{
	t_fail("on purpose, in a thread");
	return arg;
}

Test(outcomes, passes)
{
	t_true(true);
}

Test(outcomes, fails_a_check)
{
	t_errno_eq(-EINVAL, -EPROTO);
}

Test(outcomes, fails_in_init, .init = fail_now)
{
}

Test(outcomes, fails_in_fini, .fini = fail_now)
{
}

Test(outcomes, fails_in_a_thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, fail_in_thread, NULL);
	pthread_join(thread, NULL);
}

Test(outcomes, skips)
{
	t_skip("on purpose: %d", 1);
}

Test(outcomes, crashes)
{
	abort();
}

Test(outcomes, dies_of_another_signal, .signal = SIGTERM)
{
	kill(getpid(), SIGKILL);
}

Test(outcomes, exits_with_a_status)
{
	exit(3);
}

Test(outcomes, hangs, .timeout = 0.2)
{
	for (;;)
		pause();
}

static void *volatile leaked;

/* Passes, but for a build with AddressSanitizer. */
Test(outcomes, leaks_memory)
{
	leaked = malloc(77);
	leaked = NULL;
}

static const int values[] = { 0, 1, 2, 3 };

TestEach(outcomes, two_pass_one_fails_one_skips, values, int)
{
	if (*param == 3)
		t_skip("on purpose: 3");
	t_ne(*param, 2);
}
