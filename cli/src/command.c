/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rows of the command table, and how to find one. */
#include "command.h"

#include <string.h>

const struct cmd_option command_common_options[] = {
	{ .name = "--json", .help = "print JSON, whose keys are stable (docs/json.md)" },
	{ .name = "--help", .help = "print this" },
	{ 0 },
};

#define LIVE_ADDRESS                                                                      \
	"ADDRESS is pid:PID, or pid:PID/LINK where LINK is the beginning of the link's\n" \
	"id, as 'vring link list' prints it. The process of either side will do. The\n"   \
	"look is read-only: it stops nothing and slows nothing."

static const struct cmd_option queue_show_options[] = {
	{ "--chains", "N", "show N outstanding chains (8; --json: all)", false },
	{ "--used", "N", "show the N last used entries (8)", false },
	{ 0 },
};

const struct command command_table[] = {
	{ "link", "list", "", 0, 0, "list the live links of this host",
	  "It looks at the open files of every process that it may look into.", NULL,
	  cmd_link_list },
	{ "link", "show", "ADDRESS", 1, 1, "show a link: status, features, config space, queues",
	  LIVE_ADDRESS, NULL, cmd_link_show },
	{ "queue", "list", "ADDRESS", 1, 1, "list the queues of a link", LIVE_ADDRESS, NULL,
	  cmd_queue_list },
	{ "queue", "show", "ADDRESS N", 2, 2, "show queue N of a link: indices, chains, counters",
	  LIVE_ADDRESS, queue_show_options, cmd_queue_show },
	{ 0 },
};

const struct command *command_find(const char *object, const char *verb)
{
	const struct command *c;

	for (c = command_table; c->object; c++) {
		if (strcmp(c->object, object) != 0)
			continue;
		if (!c->verb || (verb && strcmp(c->verb, verb) == 0))
			return c;
	}
	return NULL;
}

bool command_has_object(const char *object)
{
	const struct command *c;

	for (c = command_table; c->object; c++) {
		if (strcmp(c->object, object) == 0)
			return true;
	}
	return false;
}
