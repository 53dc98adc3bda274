/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Test() and TestEach() for our own runner: each adds one record to a list before main() starts. */
#ifndef TESTS_TEST_PLAIN_H
#define TESTS_TEST_PLAIN_H

#include <stddef.h>

struct test__case {
	const char *suite;
	const char *name;
	const char *file;
	void (*run)(size_t index);
	size_t count; /* 0: a Test(); else the number of elements of a TestEach() */
	struct test__opts {
		double timeout;
		void (*init)(void);
		void (*fini)(void);
		int signal;
		int exit_code;
		int sentinel;
	} opts;
	struct test__case *next;
};

void test__register(struct test__case *test);

#define TEST__CASE(suite_, name_, count_, ...)                                      \
	static void test__run_##suite_##_##name_(size_t index);                     \
	static struct test__case test__case_##suite_##_##name_ = {                  \
		.suite = #suite_,                                                   \
		.name = #name_,                                                     \
		.file = __FILE__,                                                   \
		.run = test__run_##suite_##_##name_,                                \
		.count = count_,                                                    \
		.opts = { __VA_ARGS__ },                                            \
	};                                                                          \
	__attribute__((constructor)) static void test__add_##suite_##_##name_(void) \
	{                                                                           \
		test__register(&test__case_##suite_##_##name_);                     \
	}                                                                           \
	static void test__run_##suite_##_##name_(size_t index)

#define Test(suite, name, ...) TEST__CASE(suite, name, 0, .sentinel = 0, ##__VA_ARGS__)

#define TestEach(suite, name, array, type, ...)                                                   \
	static void test__each_##suite##_##name(const type *param);                               \
	TEST__CASE(suite, name, sizeof(array) / sizeof((array)[0]), .sentinel = 0, ##__VA_ARGS__) \
	{                                                                                         \
		test__each_##suite##_##name(&(array)[index]);                                     \
	}                                                                                         \
	static void test__each_##suite##_##name(const type *param)

#endif
