/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Writes lines to the log hook of base.h. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include <vring-ipc/base.h>

#define LOG_LINE_MAX 512 /* bytes of a line, the final 0 included; longer ones are cut */
#define LOG_INTERVAL_NS 10000000000ull /* between two lines of one kind that a peer can cause */

/* Writes one line, every byte of it printable ASCII: whatever else comes in, from a peer say, becomes '?'.
 * Threads: any. */
void vri__log(enum vri_log_level level, const char *format, ...) VRI_PRINTF(2, 3);

/* Keeps one kind of line from filling the log; zero it. One for each peer and kind. */
struct log_limit {
	_Atomic uint64_t next_ns; /* CLOCK_MONOTONIC; 0: nothing was said yet */
	_Atomic uint32_t held_back;
};

/* The same, but at most once in LOG_INTERVAL_NS; the next line says how many were held back. */
void vri__log_limited(struct log_limit *limit, enum vri_log_level level, const char *format, ...)
	VRI_PRINTF(3, 4);

/* Makes text of a peer fit to be shown: copies at most @size - 1 bytes up to the first 0, each byte that is not
 * printable ASCII becoming '?'. Returns: true when there was nothing to replace. */
bool vri__text_clean(char *ret_text, size_t size, const char *text, size_t text_max);

#endif
