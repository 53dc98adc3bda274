/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The progress bar and the numbers beside it. */
#include <string.h>

#include "progress.h"
#include "test.h"

#define MIB 1048576.0

struct bytes_case {
	double bytes;
	const char *text;
};

static const struct bytes_case bytes_cases[] = {
	{ 0, "0 B" },
	{ 1, "1 B" },
	{ 1023, "1023 B" },
	{ 1024, "1.00 KiB" },
	{ 1536, "1.50 KiB" },
	{ 10.0 * 1024, "10.0 KiB" },
	{ 100.0 * 1024, "100 KiB" },
	{ 1023.4 * 1024, "1023 KiB" },
	{ 1023.6 * 1024, "1.00 MiB" },
	{ 256 * MIB, "256 MiB" },
	{ 1536 * MIB, "1.50 GiB" },
	{ 18446744073709551616.0, "16.0 EiB" },
};

TestEach(progress, bytes_have_three_or_four_digits_and_a_unit, bytes_cases, struct bytes_case)
{
	char text[FORMAT_BYTES_MAX];

	format_bytes(text, sizeof(text), param->bytes);
	t_streq(text, param->text);
}

Test(progress, line_shows_bar_percent_bytes_rate_and_time_left)
{
	char line[256];

	progress_line(line, sizeof(line), 79, "copy-in", 64u << 20, 256u << 20, 128 * MIB, 1.5);
	t_streq(line,
		"copy-in [=======>                     ]  25%  64.0 MiB     128 MiB/s  ETA 00:01");
}

Test(progress, line_is_full_at_the_end)
{
	char line[256];

	progress_line(line, sizeof(line), 79, "copy-in", 256, 256, 128 * MIB, 0);
	t_strstr(line, "[=============================]");
	t_strstr(line, " 100% ");
}

Test(progress, more_than_all_is_shown_as_all)
{
	char line[256];

	progress_line(line, sizeof(line), 79, "copy-in", 300, 256, 0, -1);
	t_strstr(line, " 100% ");
}

Test(progress, bar_gives_way_when_the_terminal_is_narrow)
{
	char line[256];

	progress_line(line, sizeof(line), 50, "copy-in", 64, 256, 1, 3);
	t_null(strchr(line, '['));
	t_strstr(line, " 25% ");
}

Test(progress, line_is_never_wider_than_the_terminal)
{
	for (unsigned width = 1; width < 200; width++) {
		char line[600];

		progress_line(line, sizeof(line), width, "write-zeroes", UINT64_MAX / 3, UINT64_MAX,
			      1e15, 359999);
		t_le(strlen(line), width);
	}
}

Test(progress, a_huge_terminal_gets_a_line_that_fits_the_buffer)
{
	char line[600];

	progress_line(line, sizeof(line), 1000000, "copy-in", 1, 2, 1, 1);
	t_lt(strlen(line), 200);
}

Test(progress, without_a_total_there_is_no_bar_and_no_time_left)
{
	char line[256];

	progress_line(line, sizeof(line), 79, "write", 1536, 0, 1024, -1);
	t_streq(line, "write  1.50 KiB    1.00 KiB/s");
}

struct eta_case {
	double seconds;
	const char *text;
};

static const struct eta_case eta_cases[] = {
	{ -1, "ETA --:--" },   { 0, "ETA 00:00" },	  { 59.9, "ETA 00:59" },
	{ 61, "ETA 01:01" },   { 3599, "ETA 59:59" },	  { 3600, "ETA 1:00:00" },
	{ 1e12, "ETA --:--" }, { 7384.2, "ETA 2:03:04" },
};

TestEach(progress, time_left_is_in_minutes_or_hours, eta_cases, struct eta_case)
{
	char line[256];

	progress_line(line, sizeof(line), 79, "x", 1, 2, 1, param->seconds);
	t_strstr(line, param->text);
}

Test(progress, nothing_is_drawn_when_nobody_wants_it)
{
	struct progress p;

	progress_begin(&p, "copy-in", 100, false);
	t_false(p.shown);
	t_eq(progress_wait_ms(&p), -1);
}
