/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Draws the progress bar. */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"

#define DRAW_EVERY_NS 100000000ull
#define LINE_MAX_COLUMNS 512

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

void format_bytes(char *buf, size_t size, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;

	/* 1023.5 would be shown as 1024. */
	while (bytes >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	int decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;

	snprintf(buf, size, "%.*f %s", decimals, bytes, units[unit]);
}

static void format_time(char *buf, size_t size, double seconds)
{
	/* Beyond this nobody wants the number. */
	if (seconds < 0 || seconds >= 100 * 3600)
		snprintf(buf, size, "--:--");
	else if (seconds >= 3600)
		snprintf(buf, size, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60,
			 (int)seconds % 60);
	else
		snprintf(buf, size, "%02d:%02d", (int)seconds / 60, (int)seconds % 60);
}

/* "[=====>    ]", @columns wide in all. */
static void format_bar(char *buf, unsigned columns, double part)
{
	unsigned inner = columns - 2;
	unsigned full = (unsigned)(part * inner);

	buf[0] = '[';
	memset(buf + 1, '=', full);
	memset(buf + 1 + full, ' ', inner - full);
	if (full < inner)
		buf[1 + full] = '>';
	buf[columns - 1] = ']';
	buf[columns] = '\0';
}

void progress_line(char *buf, size_t size, unsigned width, const char *label, uint64_t done,
		   uint64_t total, double rate, double eta_s)
{
	char bytes[FORMAT_BYTES_MAX], speed[FORMAT_BYTES_MAX], left[16];
	char numbers[160], bar[LINE_MAX_COLUMNS + 1] = "";
	double part = total ? (double)done / (double)total : 0;
	size_t used;

	if (part > 1)
		part = 1;
	format_bytes(bytes, sizeof(bytes), (double)done);
	format_bytes(speed, sizeof(speed), rate);
	format_time(left, sizeof(left), eta_s);
	if (total)
		snprintf(numbers, sizeof(numbers), " %3d%%  %8s  %10s/s  ETA %s", (int)(part * 100),
			 bytes, speed, left);
	else
		snprintf(numbers, sizeof(numbers), "  %8s  %10s/s", bytes, speed);

	used = strlen(label) + strlen(numbers);
	if (width > LINE_MAX_COLUMNS)
		width = LINE_MAX_COLUMNS;
	/* A bar of less than five cells says nothing. */
	if (total && width >= used + 1 + 7) {
		unsigned columns = width - (unsigned)used - 1;

		format_bar(bar, columns > 62 ? 62 : columns, part);
	}
	snprintf(buf, size, "%s%s%s%s", label, *bar ? " " : "", bar, numbers);
	if (strlen(buf) > width)
		buf[width] = '\0';
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void progress_begin(struct progress *p, const char *label, uint64_t total, bool wanted)
{
	*p = (struct progress){
		.label = label,
		.total = total,
		.shown = wanted && isatty(STDERR_FILENO),
		.begun_ns = now_ns(),
	};
	if (p->shown)
		p->width = terminal_width();
}

double progress_seconds(const struct progress *p)
{
	return (double)(now_ns() - p->begun_ns) / 1e9;
}

int progress_wait_ms(const struct progress *p)
{
	return p->shown ? (int)(DRAW_EVERY_NS / 1000000) : -1;
}

void progress_update(struct progress *p, uint64_t done)
{
	char line[LINE_MAX_COLUMNS + 1];
	uint64_t now;

	if (!p->shown)
		return;
	now = now_ns();
	if (interrupt_resized())
		p->width = terminal_width();
	else if (p->drawn_ns && now - p->drawn_ns < DRAW_EVERY_NS)
		return;

	uint64_t since = p->drawn_ns ? p->drawn_ns : p->begun_ns;
	double seconds = (double)(now - since) / 1e9;

	if (seconds > 0) {
		double rate = (double)(done - p->drawn_bytes) / seconds;

		/* About the last second counts: steady enough to read, quick enough to believe. */
		p->rate = p->drawn_ns ? p->rate * 0.85 + rate * 0.15 : rate;
	}
	double eta = p->total && p->rate > 0 && done <= p->total ?
			     (double)(p->total - done) / p->rate :
			     -1;

	/* The last columns stay free: a character in the last one makes some terminals wrap, and so
	 * would the ^C that is echoed there. */
	progress_line(line, sizeof(line), p->width > 3 ? p->width - 3 : 1, p->label, done, p->total,
		      p->rate, eta);
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	p->drawn_ns = now;
	p->drawn_bytes = done;
}

void progress_end(struct progress *p)
{
	if (!p->shown || !p->drawn_ns)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn_ns = 0;
}
