/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The man page and --help tell the same. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "test.h"

struct command {
	const char *object, *verb;
};

static const struct command commands[] = {
	{ "serve", "echo" }, { "serve", "rng" },  { "serve", "blk" }, { "drive", "echo" },
	{ "drive", "rng" },  { "drive", "blk" },  { "link", "list" }, { "link", "show" },
	{ "queue", "list" }, { "queue", "show" },
};

/* The page as plain words: mdoc writes --queue-size as "Fl \-queue\-size". */
static struct bytes man_page(void)
{
	struct bytes page = read_file(MAN_PAGE);
	char *to = page.data;

	for (const char *from = page.data; *from; from++) {
		if (*from != '\\')
			*to++ = *from;
	}
	*to = '\0';
	return page;
}

static bool page_has_option(const char *page, const char *name)
{
	char word[80];
	size_t len;

	/* "--offset" is "Fl -offset", "-v" is "Fl v". */
	snprintf(word, sizeof(word), "Fl %s", name + 1);
	len = strlen(word);
	for (const char *at = strstr(page, word); at; at = strstr(at + 1, word)) {
		if (at[len] == '\n' || at[len] == ' ')
			return true;
	}
	return false;
}

TestEach(man_page, has_each_option_of_help, commands, struct command)
{
	struct bytes page = man_page();
	struct program p;
	char words[64];
	unsigned n = 0;

	t_eq(vring(&p, param->object, param->verb, "--help", NULL), 0);
	snprintf(words, sizeof(words), "%s %s", param->object, param->verb);
	t_strstr(page.data, words);
	for (char *line = strtok(p.stdout_bytes.data, "\n"); line; line = strtok(NULL, "\n")) {
		char name[64];

		if (sscanf(line, "  %63[-a-z]", name) != 1 || name[0] != '-')
			continue;
		n++;
		if (!page_has_option(page.data, name))
			t_fail("the man page lacks %s", name);
	}
	t_ge(n, 2);
	program_free(&p);
	free(page.data);
}

/* Every option that a page describes is known to some command. */
Test(man_page, describes_no_option_that_does_not_exist)
{
	struct bytes page = man_page();
	struct bytes helps = { 0 };
	char *line;

	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct program p;

		t_eq(vring(&p, commands[i].object, commands[i].verb, "--help", NULL), 0);
		helps.data = realloc(helps.data, helps.len + p.stdout_bytes.len + 1);
		t_not_null(helps.data);
		memcpy(helps.data + helps.len, p.stdout_bytes.data, p.stdout_bytes.len + 1);
		helps.len += p.stdout_bytes.len;
		program_free(&p);
	}
	for (line = strtok(page.data, "\n"); line; line = strtok(NULL, "\n")) {
		char name[64], option[72];

		if (sscanf(line, ".It Fl %63[-a-z]", name) != 1)
			continue;
		snprintf(option, sizeof(option), "  -%s ", name);
		if (!strstr(helps.data, option)) {
			snprintf(option, sizeof(option), "  -%s\n", name);
			t_strstr(helps.data, option);
		}
	}
	free(helps.data);
	free(page.data);
}
