/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The page of counters that the processes of a hostile run share. */
#include "board.h"

#include <ctype.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#endif
#ifdef HAS_ASAN
/* As in <sanitizer/allocator_interface.h>, which is not installed with every compiler. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

const char *const doing_names[DOINGS] = {
	[DOING_NOTHING] = "nothing",
	[DOING_DISPATCH] = "vri_listener_dispatch",
	[DOING_OPEN] = "vri_link_open",
	[DOING_START] = "vri_driver_start",
	[DOING_TRAFFIC] = "queue calls",
	[DOING_WAIT] = "vri_link_wait",
	[DOING_CONFIG] = "config space",
	[DOING_STATUS] = "vri_driver_status",
	[DOING_RESET_QUEUE] = "vri_driver_reset_queue",
	[DOING_SUSPEND] = "vri_driver_suspend and resume",
	[DOING_RESET] = "vri_driver_reset",
	[DOING_CLOSE] = "vri_link_close",
};

int board_make(void)
{
	int fd = memfd_create("hostile-board", 0);

	if (fd < 0 || ftruncate(fd, sizeof(struct board)) < 0) {
		perror("board");
		exit(2);
	}
	return fd;
}

struct board *board_map(int fd)
{
	void *b = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (b == MAP_FAILED) {
		perror("board");
		exit(2);
	}
	return b;
}

/* "link 3f20: queue 1 is broken: a next field ..." and "... (and 7 more of these)" give the same text. */
static void boil_down(char *ret, const char *text)
{
	const char *colon = strstr(text, ": "), *more = strstr(text, " (and ");
	size_t n = 0;

	while (colon && (!more || colon < more)) {
		text = colon + 2;
		colon = strstr(text, ": ");
	}
	for (; *text && text != more && n + 1 < BOARD_TEXT; text++) {
		if (isdigit((unsigned char)*text) && n && ret[n - 1] == '#')
			continue;
		ret[n++] = isdigit((unsigned char)*text) ? '#' : *text;
	}
	ret[n] = '\0';
}

void board_say(struct board *b, enum side side, const char *text)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char what[BOARD_TEXT];

	boil_down(what, text);
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < BOARD_WORDS; i++) {
		struct board_words *w = &b->words[side][i];
		unsigned n = atomic_load_explicit(&w->n, memory_order_acquire);

		if (n && strcmp(w->text, what) != 0)
			continue;
		if (!n)
			memcpy(w->text, what, BOARD_TEXT);
		atomic_store_explicit(&w->n, n + 1, memory_order_release);
		break;
	}
	pthread_mutex_unlock(&lock);
}

unsigned board_said(const struct board *b, enum side side, const char *part)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < BOARD_WORDS; i++) {
		const struct board_words *w = &b->words[side][i];
		unsigned n = atomic_load_explicit(&w->n, memory_order_acquire);

		if (n && strstr(w->text, part))
			sum += n;
	}
	return sum;
}

void board_fail(struct board *b, const char *format, ...)
{
	char text[sizeof(b->failure)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "hostile: %s\n", text);
	if (b->failure[0])
		return;
	memcpy(b->failure, text, sizeof(text));
	atomic_store_explicit(&b->has_failed, true, memory_order_release);
}

static uint64_t memory_in_use(void)
{
#ifdef HAS_ASAN
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
}

void board_measure(struct board *b, enum side side)
{
	unsigned wanted = atomic_load(&b->measure);

	if (atomic_load(&b->measured[side]) == wanted)
		return;
	atomic_store(&b->memory[side], memory_in_use());
	atomic_store(&b->measured[side], wanted);
}

unsigned board_patience(void)
{
	const char *text = getenv("VRI_TEST_TIMEOUT_SCALE");
	unsigned scale = text ? (unsigned)strtoul(text, NULL, 0) : 1;

	if (scale < 1)
		scale = 1;
#if defined(HAS_ASAN) || defined(HAS_TSAN)
	scale *= 3;
#endif
	return scale;
}
