/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A bar on a terminal for work that takes a while, and bytes and rates for people. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *label; /* kept */
	uint64_t total; /* 0: not known */
	bool shown; /* stderr is a terminal and nobody objected */
	unsigned width; /* columns of the terminal */
	uint64_t begun_ns, drawn_ns; /* CLOCK_MONOTONIC */
	uint64_t drawn_bytes;
	double rate; /* bytes a second, smoothed */
};

/* Starts the clock. The bar appears only when @wanted and stderr is a terminal. */
void progress_begin(struct progress *p, const char *label, uint64_t total, bool wanted);

/* Draws it anew if it is time: ten times a second at most. */
void progress_update(struct progress *p, uint64_t done);

/* Takes it off the screen, so that the next line begins at the left edge. */
void progress_end(struct progress *p);

/* How long a wait may last, in milliseconds, for the bar to stay true: -1 when there is none. */
int progress_wait_ms(const struct progress *p);

/* Seconds since progress_begin(). */
double progress_seconds(const struct progress *p);

/*
 * Writes one line of at most @width columns: label, bar, percent, bytes, rate, time that is left;
 * the bar gives way first when there is no room. @eta_s below 0: not known.
 */
void progress_line(char *buf, size_t size, unsigned width, const char *label, uint64_t done,
		   uint64_t total, double rate, double eta_s);

/* Writes @bytes with three or four digits and a unit: "512 B", "1.50 MiB". */
void format_bytes(char *buf, size_t size, double bytes);

#define FORMAT_BYTES_MAX 24

#endif
