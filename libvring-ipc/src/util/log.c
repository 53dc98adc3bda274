/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The log hook: the only global state of the library. */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/clock.h"

static struct {
	vri_log_fn *fn;
	void *data;
	enum vri_log_level up_to;
} hook;

void vri_log_set(vri_log_fn *fn, void *data, enum vri_log_level up_to)
{
	hook.fn = fn;
	hook.data = data;
	hook.up_to = up_to;
}

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

bool vri__text_clean(char *ret_text, size_t size, const char *text, size_t text_max)
{
	bool clean = true;
	size_t n;

	for (n = 0; n + 1 < size && n < text_max && text[n] != '\0'; n++) {
		ret_text[n] = is_printable(text[n]) ? text[n] : '?';
		clean = clean && is_printable(text[n]);
	}
	ret_text[n] = '\0';
	return clean;
}

static bool wanted(enum vri_log_level level)
{
	return hook.fn && level <= hook.up_to;
}

static void VRI_PRINTF(3, 0)
	say(enum vri_log_level level, uint32_t held_back, const char *format, va_list args)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX];
	int n = vsnprintf(raw, sizeof(raw), format, args);

	if (n < 0)
		return;
	if (held_back && (size_t)n < sizeof(raw))
		snprintf(raw + n, sizeof(raw) - (size_t)n, " (and %u more of these)", held_back);
	vri__text_clean(line, sizeof(line), raw, sizeof(raw));
	hook.fn(hook.data, level, line);
}

void vri__log(enum vri_log_level level, const char *format, ...)
{
	va_list args;

	if (!wanted(level))
		return;
	va_start(args, format);
	say(level, 0, format, args);
	va_end(args);
}

/* One winner among the threads that find the interval over. Relaxed: the words guard nothing but themselves. */
static bool may_say(struct log_limit *limit, uint32_t *ret_held_back)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t next = atomic_load_explicit(&limit->next_ns, memory_order_relaxed);

	if (now < next ||
	    !atomic_compare_exchange_strong_explicit(&limit->next_ns, &next, now + LOG_INTERVAL_NS,
						     memory_order_relaxed, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&limit->held_back, 1, memory_order_relaxed);
		return false;
	}
	*ret_held_back = atomic_exchange_explicit(&limit->held_back, 0, memory_order_relaxed);
	return true;
}

void vri__log_limited(struct log_limit *limit, enum vri_log_level level, const char *format, ...)
{
	uint32_t held_back;
	va_list args;

	if (!wanted(level) || !may_say(limit, &held_back))
		return;
	va_start(args, format);
	say(level, held_back, format, args);
	va_end(args);
}
