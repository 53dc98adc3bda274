/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The log hook. */
#include "util/log.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

struct heard {
	unsigned n;
	enum vri_log_level level;
	char line[LOG_LINE_MAX];
};

static void hear(void *data, enum vri_log_level level, const char *line)
{
	struct heard *heard = data;

	heard->n++;
	heard->level = level;
	snprintf(heard->line, sizeof(heard->line), "%s", line);
}

Test(log, is_silent_without_a_hook)
{
	vri__log(VRI_LOG_ERROR, "nobody hears this");
	vri_log_set(NULL, NULL, VRI_LOG_DEBUG);
	vri__log(VRI_LOG_ERROR, "nor this");
}

Test(log, passes_lines_up_to_the_level)
{
	struct heard heard = { 0 };

	vri_log_set(hear, &heard, VRI_LOG_WARNING);
	vri__log(VRI_LOG_INFO, "too fine");
	t_eq(heard.n, 0);
	vri__log(VRI_LOG_WARNING, "queue %u of %s", 7, "x");
	t_eq(heard.n, 1);
	t_eq(heard.level, VRI_LOG_WARNING);
	t_streq(heard.line, "queue 7 of x");
}

/* faults: C21 */
Test(log, no_byte_of_a_peer_gets_through_that_is_not_printable)
{
	struct heard heard = { 0 };
	char all[256];

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	all[255] = '\0';
	vri_log_set(hear, &heard, VRI_LOG_DEBUG);
	vri__log(VRI_LOG_ERROR, "%s", all);
	t_eq(strlen(heard.line), 255);
	for (const char *c = heard.line; *c; c++)
		t_true(*c >= ' ' && *c <= '~');
	t_strstr(heard.line, "xyz{|}~");
}

Test(log, a_line_that_is_too_long_is_cut)
{
	struct heard heard = { 0 };
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	vri_log_set(hear, &heard, VRI_LOG_DEBUG);
	vri__log(VRI_LOG_ERROR, "%s", text);
	t_eq(strlen(heard.line), LOG_LINE_MAX - 1);
}

/* faults: C22 */
Test(log, one_kind_of_line_comes_once_in_an_interval)
{
	struct log_limit limit = { 0 }, other = { 0 };
	struct heard heard = { 0 };

	vri_log_set(hear, &heard, VRI_LOG_DEBUG);
	for (int i = 0; i < 100000; i++)
		vri__log_limited(&limit, VRI_LOG_WARNING, "again");
	t_eq(heard.n, 1);
	vri__log_limited(&other, VRI_LOG_WARNING, "another kind");
	t_eq(heard.n, 2);
	/* As if the interval were over. */
	limit.next_ns = 1;
	vri__log_limited(&limit, VRI_LOG_WARNING, "again");
	t_eq(heard.n, 3);
	t_streq(heard.line, "again (and 99999 more of these)");
}

Test(log, text_is_cleaned_within_its_bounds)
{
	char text[8];
	const char open[4] = { 'a', 'b', 'c', 'd' };

	t_true(vri__text_clean(text, sizeof(text), open, sizeof(open)));
	t_streq(text, "abcd");
	t_false(vri__text_clean(text, sizeof(text), "a\x1b[0m", 5));
	t_streq(text, "a?[0m");
	t_true(vri__text_clean(text, sizeof(text), "0123456789", 10));
	t_streq(text, "0123456");
	t_true(vri__text_clean(text, 1, "x", 1));
	t_streq(text, "");
}
