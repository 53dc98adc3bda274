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

const struct command command_table[] = {
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
