/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The checks of test.h: they compare, and on a difference say in one line what was and what should be. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct test__number test__signed(long long value)
{
	return (struct test__number){ .negative = value < 0, .bits = (unsigned long long)value };
}

struct test__number test__unsigned(unsigned long long value)
{
	return (struct test__number){ .negative = false, .bits = value };
}

static int number_order(struct test__number a, struct test__number b)
{
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	/* Two's complement: among numbers of one sign the bits are in the order of the numbers. */
	return (a.bits > b.bits) - (a.bits < b.bits);
}

static bool number_holds(int order, enum test__relation relation)
{
	switch (relation) {
	case TEST__EQ:
		return order == 0;
	case TEST__NE:
		return order != 0;
	case TEST__LT:
		return order < 0;
	case TEST__LE:
		return order <= 0;
	case TEST__GT:
		return order > 0;
	case TEST__GE:
		return order >= 0;
	}
	return false;
}

static const char *number_text(struct test__number n, char *text, size_t size)
{
	if (n.negative)
		snprintf(text, size, "%lld", (long long)n.bits);
	else if (n.bits < 10)
		snprintf(text, size, "%llu", n.bits);
	else
		snprintf(text, size, "%llu (0x%llx)", n.bits, n.bits);
	return text;
}

void test__check_number(const char *file, int line, const char *a_text, struct test__number a,
			enum test__relation relation, const char *b_text, struct test__number b)
{
	static const char *const sign[] = { "==", "!=", "<", "<=", ">", ">=" };
	char a_value[64], b_value[64];

	if (number_holds(number_order(a, b), relation))
		return;
	test__fail(file, line, "not %s %s %s: left is %s, right is %s", a_text, sign[relation],
		   b_text, number_text(a, a_value, sizeof(a_value)),
		   number_text(b, b_value, sizeof(b_value)));
}

void test__check_str(const char *file, int line, const char *a_text, const char *a,
		     const char *b_text, const char *b)
{
	if (a && b && strcmp(a, b) == 0)
		return;
	test__fail(file, line, "not the same text: %s is \"%s\", %s is \"%s\"", a_text,
		   a ? a : "(null)", b_text, b ? b : "(null)");
}

void test__check_part(const char *file, int line, const char *text_text, const char *text,
		      const char *part)
{
	if (text && part && strstr(text, part))
		return;
	test__fail(file, line, "%s lacks \"%s\"; it is \"%s\"", text_text, part ? part : "(null)",
		   text ? text : "(null)");
}

void test__check_mem(const char *file, int line, const char *a_text, const void *a,
		     const char *b_text, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;
	size_t i;

	for (i = 0; i < len; i++) {
		if (x[i] != y[i])
			test__fail(
				file, line,
				"not the same bytes: at offset %zu of %zu, %s has 0x%02x and %s has 0x%02x",
				i, len, a_text, x[i], b_text, y[i]);
	}
}

void test__check_ptr(const char *file, int line, const char *a_text, const volatile void *a,
		     const char *b_text, const volatile void *b)
{
	if (a != b)
		test__fail(file, line, "not the same pointer: %s is %#llx, %s is %#llx", a_text,
			   (unsigned long long)(uintptr_t)a, b_text,
			   (unsigned long long)(uintptr_t)b);
}

void test__check_null(const char *file, int line, const char *text, const volatile void *p,
		      bool want_null)
{
	if ((p == NULL) != want_null)
		test__fail(file, line, "%s is %sNULL", text, p ? "not " : "");
}

/* Names of errno values; strerrorname_np() is glibc's alone. */
static const char *errno_name(int error, char *text, size_t size)
{
#define ROW(e)        \
	{             \
		e, #e \
	}
	static const struct {
		int error;
		const char *name;
	} names[] = {
		ROW(EPERM),	   ROW(ENOENT),	      ROW(EINTR),	 ROW(EIO),
		ROW(ENXIO),	   ROW(E2BIG),	      ROW(EBADF),	 ROW(ECHILD),
		ROW(EAGAIN),	   ROW(ENOMEM),	      ROW(EACCES),	 ROW(EFAULT),
		ROW(EBUSY),	   ROW(EEXIST),	      ROW(ENODEV),	 ROW(ENOTDIR),
		ROW(EISDIR),	   ROW(EINVAL),	      ROW(ENFILE),	 ROW(EMFILE),
		ROW(ENOTTY),	   ROW(EFBIG),	      ROW(ENOSPC),	 ROW(ESPIPE),
		ROW(EROFS),	   ROW(EPIPE),	      ROW(EDOM),	 ROW(ERANGE),
		ROW(EDEADLK),	   ROW(ENAMETOOLONG), ROW(ENOSYS),	 ROW(ELOOP),
		ROW(ENOMSG),	   ROW(EPROTO),	      ROW(EBADMSG),	 ROW(EOVERFLOW),
		ROW(EILSEQ),	   ROW(ENOTSOCK),     ROW(EDESTADDRREQ), ROW(EMSGSIZE),
		ROW(EOPNOTSUPP),   ROW(EADDRINUSE),   ROW(ECONNABORTED), ROW(ECONNRESET),
		ROW(ENOBUFS),	   ROW(EISCONN),      ROW(ENOTCONN),	 ROW(ESHUTDOWN),
		ROW(ETOOMANYREFS), ROW(ETIMEDOUT),    ROW(ECONNREFUSED), ROW(EALREADY),
		ROW(EINPROGRESS),  ROW(ESTALE),	      ROW(EDQUOT),	 ROW(ECANCELED),
		ROW(EOWNERDEAD),   ROW(ESRCH),	      ROW(EPROTOTYPE),	 ROW(ENODATA),
	};
#undef ROW
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].error == error)
			return names[i].name;
	}
	snprintf(text, size, "errno %d", error);
	return text;
}

/* @r is what a function of the library returned: a count, zero, or a negative errno value. */
static const char *result_text(long long r, char *text, size_t size)
{
	char name[32];

	if (r < 0 && r >= -4095)
		snprintf(text, size, "-%s", errno_name((int)-r, name, sizeof(name)));
	else
		snprintf(text, size, "%lld", r);
	return text;
}

void test__check_errno(const char *file, int line, const char *text, long long r, long long want)
{
	char is[48], should[48];

	if (r == want)
		return;
	test__fail(file, line, "%s gives %s, should give %s", text, result_text(r, is, sizeof(is)),
		   result_text(want, should, sizeof(should)));
}

void test__check_ok(const char *file, int line, const char *text, long long r)
{
	char is[48];

	if (r < 0)
		test__fail(file, line, "%s gives %s, should succeed", text,
			   result_text(r, is, sizeof(is)));
}

void test__check_sys(const char *file, int line, const char *text, long long r)
{
	int error = errno;
	char name[32];

	if (r == -1)
		test__fail(file, line, "%s fails with %s (%s)", text,
			   errno_name(error, name, sizeof(name)), strerror(error));
}
