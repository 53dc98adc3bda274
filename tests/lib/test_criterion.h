/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Test() and TestEach() for Criterion; the latter is its parameterized test, over the array's indices. */
#ifndef TESTS_TEST_CRITERION_H
#define TESTS_TEST_CRITERION_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* The parameter is an index and not the element, so that elements may hold pointers. */
struct criterion_test_params test__indices(size_t count);

/* Says that the body has ended without a failure, so that a check that fails now stands in .fini. */
void test__body_ended(void);

#undef Test
#define Test(suite, name, ...)                                   \
	static void test__body_##suite##_##name(void);           \
	CR_TEST_BASE(suite, name, ##__VA_ARGS__, .sentinel_ = 0) \
	{                                                        \
		test__body_##suite##_##name();                   \
		test__body_ended();                              \
	}                                                        \
	static void test__body_##suite##_##name(void)

#define TestEach(suite, name, array, type, ...)                                  \
	static void test__each_##suite##_##name(const type *param);              \
	ParameterizedTestParameters(suite, name)                                 \
	{                                                                        \
		return test__indices(sizeof(array) / sizeof((array)[0]));        \
	}                                                                        \
	ParameterizedTest(const size_t *test__index, suite, name, ##__VA_ARGS__) \
	{                                                                        \
		test__each_##suite##_##name(&(array)[*test__index]);             \
		test__body_ended();                                              \
	}                                                                        \
	static void test__each_##suite##_##name(const type *param)

#endif
