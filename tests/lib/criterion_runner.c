/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* main() for test files that run under Criterion: default time-outs, the folder of the run, the result. */
#include "runner.h"
#include "test.h"

#include <criterion/criterion.h>
#include <criterion/event.h>
#include <criterion/hooks.h>
#include <criterion/options.h>
#include <criterion/parameterized.h>
#include <criterion/abort.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_PARAMS 4096

static size_t passed, failed, skipped;
static bool body_ended; /* in the process of a test */

/* LeakSanitizer's, in builds that have it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* At the exit of its process, when LeakSanitizer would look by itself, the test has been counted. */
void test__body_ended(void)
{
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0)
		t_fail("memory leaked");
	body_ended = true;
}

struct criterion_test_params test__indices(size_t count)
{
	static size_t indices[MAX_PARAMS];
	size_t i;

	if (count > MAX_PARAMS) {
		fprintf(stderr, "an array of TestEach has %zu elements, more than %d\n", count,
			MAX_PARAMS);
		exit(2);
	}
	for (i = 0; i < count; i++)
		indices[i] = i;
	return (struct criterion_test_params){
		.size = sizeof(indices[0]),
		.params = indices,
		.length = count,
	};
}

void test__fail(const char *file, int line, const char *format, ...)
{
	char text[2048];
	struct criterion_assert_stats stats = {
		.message = text,
		.passed = false,
		.file = file,
		.line = (unsigned int)line,
	};
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	/* Aborting a test jumps back into its first thread; elsewhere only the process can end. */
	if (runner_in_forked_child() || !runner_in_main_thread()) {
		fprintf(stderr, "%s:%d: %s\n", file, line, text);
		_exit(1);
	}
	criterion_send_assert(&stats);
	/* Criterion has counted the test by then; only a bad end of its process changes that. */
	if (body_ended)
		_exit(1);
	criterion_abort_test();
}

void test__skip(const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	criterion_skip_test("%s", text);
}

/*
 * Criterion's own sums call a test passed whose .fini failed, and skipped what --filter leaves out. The
 * first counts as failed here, the second not at all.
 */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	const struct criterion_suite_stats *suite;
	const struct criterion_test_stats *test;

	passed = stats->tests_passed;
	skipped = stats->tests_skipped;
	failed = stats->nb_tests - passed - skipped;
	for (suite = stats->suites; suite; suite = suite->next) {
		for (test = suite->tests; test; test = test->next) {
			if (test->test_status == CR_STATUS_PASSED && !test->crashed &&
			    !test->timed_out && test->failed_asserts > 0) {
				passed--;
				failed++;
			}
			if (test->test_status == CR_STATUS_SKIPPED && test->test->data->disabled)
				skipped--;
		}
	}
}

static void set_timeouts(struct criterion_test_set *tests)
{
	FOREACH_SET(struct criterion_suite_set * suite, tests->suites)
	{
		FOREACH_SET(struct criterion_test * test, suite->tests)
		test->data->timeout = runner_timeout(test->data->timeout);
	}
}

/*
 * Visible, whatever the flags say: the process that Criterion makes for a test finds its way by this
 * symbol, and would run the whole program again without it.
 */
__attribute__((visibility("default"))) int main(int argc, char **argv)
{
	struct criterion_test_set *tests = criterion_initialize();
	int ret = 0;

	/* False: the arguments asked for something else than a run (--help, --list), now done. */
	if (criterion_handle_args(argc, argv, true)) {
		set_timeouts(tests);
		runner_open_dir();
		ret = criterion_run_all_tests(tests) ? 0 : 1;
		runner_close_dir();
		if (runner_report(argv[0], passed, failed, skipped) != 0)
			ret = 1;
	}
	criterion_finalize(tests);
	/* Not exit(): what Criterion itself does not free is not LeakSanitizer's to find. */
	fflush(NULL);
	_exit(ret);
}
