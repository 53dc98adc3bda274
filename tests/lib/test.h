/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a test file needs: tests, checks, skips. The same file runs under Criterion and under our own runner. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A test is one sentence about one behaviour:
 *
 *	Test(drvq, add_returns_enospc_when_ring_is_full, .timeout = 5)
 *	{
 *		t_errno_eq(vri_drvq_add(...), -ENOSPC);
 *	}
 *
 * Options, all optional: .timeout (seconds; 60 unless given, ten times that under a sanitizer, times
 * VRI_TEST_TIMEOUT_SCALE if that is set), .init and .fini (void functions that run before and after,
 * fini also after a failed check), .signal (the test must die of it), .exit_code (the test must end
 * so), .disabled is not offered: use t_skip() with a reason.
 *
 * The same body for each element of an array; every element counts as a test of its own:
 *
 *	static const struct size_case sizes[] = { ... };
 *	TestEach(layout, size_is_as_the_specification_says, sizes, struct size_case)
 *	{
 *		t_eq(layout_size(param->num), param->size);
 *	}
 *
 * Each test runs in a process of its own, so it may crash, leak and change limits. The process has
 * one thread when the body starts.
 *
 * Checks end the test when they fail. They may be used in any thread of the test. In a process that
 * the test forked, a failed check prints its message and ends that process with status 1: the test
 * has to look at it.
 *
 *	t_true(cond)  t_false(cond)
 *	t_eq(a, b)  t_ne(a, b)  t_lt(a, b)  t_le(a, b)  t_gt(a, b)  t_ge(a, b)   integers, any types
 *	t_streq(a, b)  t_strstr(text, part)
 *	t_mem_eq(a, b, len)
 *	t_ptr_eq(a, b)  t_null(p)  t_not_null(p)
 *	t_errno_eq(r, -EPROTO)     r is that negative errno value; prints names
 *	t_ok(r)                    r is not negative
 *	t_sys(r)                   r is not -1; prints errno's name: for system calls in tests
 *	t_fail(format, ...)        it went wrong
 *	t_skip(format, ...)        it cannot run here, and why
 *
 * Run a test executable by hand: --filter 'suite/glob*', --list, -jN, --help.
 */

#define t_true(cond)                                                           \
	do {                                                                   \
		if (!(cond))                                                   \
			test__fail(__FILE__, __LINE__, "not true: %s", #cond); \
	} while (0)

#define t_false(cond)                                                           \
	do {                                                                    \
		if (cond)                                                       \
			test__fail(__FILE__, __LINE__, "not false: %s", #cond); \
	} while (0)

#define t_eq(a, b) test__compare(a, TEST__EQ, b)
#define t_ne(a, b) test__compare(a, TEST__NE, b)
#define t_lt(a, b) test__compare(a, TEST__LT, b)
#define t_le(a, b) test__compare(a, TEST__LE, b)
#define t_gt(a, b) test__compare(a, TEST__GT, b)
#define t_ge(a, b) test__compare(a, TEST__GE, b)

#define t_streq(a, b) test__check_str(__FILE__, __LINE__, #a, (a), #b, (b))
#define t_strstr(text, part) test__check_part(__FILE__, __LINE__, #text, (text), (part))
#define t_mem_eq(a, b, len) test__check_mem(__FILE__, __LINE__, #a, (a), #b, (b), (len))
#define t_ptr_eq(a, b) test__check_ptr(__FILE__, __LINE__, #a, (a), #b, (b))
#define t_null(p) test__check_null(__FILE__, __LINE__, #p, (p), true)
#define t_not_null(p) test__check_null(__FILE__, __LINE__, #p, (p), false)
#define t_errno_eq(r, want) test__check_errno(__FILE__, __LINE__, #r, (r), (want))
#define t_ok(r) test__check_ok(__FILE__, __LINE__, #r, (r))
#define t_sys(r) test__check_sys(__FILE__, __LINE__, #r, (r))
#define t_fail(...) test__fail(__FILE__, __LINE__, __VA_ARGS__)
#define t_skip(...) test__skip(__VA_ARGS__)

/* By how much the waits of this run are stretched: 1 normally, more under a sanitizer. */
double test_timeout_scale(void);

/* Tells whether MADV_WIPEONFORK works here; an emulator can forget it, and say nothing. */
bool test_wipes_on_fork(void);

/* From here on: how it works. */

/* An integer of any type with its sign, so that -1 and 2^64-1 are two values. */
struct test__number {
	bool negative;
	unsigned long long bits;
};

enum test__relation { TEST__EQ, TEST__NE, TEST__LT, TEST__LE, TEST__GT, TEST__GE };

struct test__number test__signed(long long value);
struct test__number test__unsigned(unsigned long long value);

#define test__number(x)                          \
	_Generic((x), unsigned long long         \
		 : test__unsigned, unsigned long \
		 : test__unsigned, unsigned int  \
		 : test__unsigned, default       \
		 : test__signed)(x)

#define test__compare(a, relation, b) \
	test__check_number(__FILE__, __LINE__, #a, test__number(a), relation, #b, test__number(b))

void test__check_number(const char *file, int line, const char *a_text, struct test__number a,
			enum test__relation relation, const char *b_text, struct test__number b);
void test__check_str(const char *file, int line, const char *a_text, const char *a,
		     const char *b_text, const char *b);
void test__check_part(const char *file, int line, const char *text_text, const char *text,
		      const char *part);
void test__check_mem(const char *file, int line, const char *a_text, const void *a,
		     const char *b_text, const void *b, size_t len);
void test__check_ptr(const char *file, int line, const char *a_text, const volatile void *a,
		     const char *b_text, const volatile void *b);
void test__check_null(const char *file, int line, const char *text, const volatile void *p,
		      bool want_null);
void test__check_errno(const char *file, int line, const char *text, long long r, long long want);
void test__check_ok(const char *file, int line, const char *text, long long r);
void test__check_sys(const char *file, int line, const char *text, long long r);

_Noreturn void test__fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void test__skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#ifdef VRI_TEST_CRITERION
#include "test_criterion.h"
#else
#include "test_plain.h"
#endif

#endif
