/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Prints what the command table says: usage, options, summaries. */
#include "command.h"

#include <stdio.h>
#include <string.h>

static int words_width(const struct command *c)
{
	return (int)(strlen(c->object) + (c->verb ? 1 + strlen(c->verb) : 0));
}

static void print_summary(const struct command *c)
{
	printf("  vring %s%s%s%*s  %s\n", c->object, c->verb ? " " : "", c->verb ? c->verb : "",
	       16 - words_width(c) > 0 ? 16 - words_width(c) : 0, "", c->summary);
}

static void print_options(const struct cmd_option *options)
{
	for (; options && options->name; options++) {
		int width = printf("  %s%s%s", options->name, options->value ? " " : "",
				   options->value ? options->value : "");

		if (width > 25) {
			printf("\n");
			width = 0;
		}
		printf("%*s  %s%s\n", 25 - width, "", options->help,
		       options->repeats ? " (may be repeated)" : "");
	}
}

int help_all(void)
{
	const struct command *c;

	printf("vring: serves, drives and inspects virtio devices between processes.\n\n"
	       "Usage: vring COMMAND [ARGUMENT...] [OPTION...]\n\nCommands:\n");
	for (c = command_table; c->object; c++)
		print_summary(c);
	printf("\n  vring help COMMAND        says more about one of them\n"
	       "  vring --version           prints the version\n\n"
	       "Every command takes --json and --help. Exit status: 0 it worked, 1 it did not,\n"
	       "2 the command line makes no sense, 128 and more: a signal interrupted it.\n");
	return cmd_flush();
}

int help_object(const char *object)
{
	const struct command *c;

	printf("Commands:\n");
	for (c = command_table; c->object; c++) {
		if (strcmp(c->object, object) == 0)
			print_summary(c);
	}
	printf("\n  vring help %s VERB says more about one of them\n", object);
	return cmd_flush();
}

int help_command(const struct command *c)
{
	printf("Usage: vring %s%s%s%s%s [OPTION...]\n\n%c%s.\n", c->object, c->verb ? " " : "",
	       c->verb ? c->verb : "", c->args[0] ? " " : "", c->args,
	       c->summary[0] >= 'a' && c->summary[0] <= 'z' ? c->summary[0] - 'a' + 'A' :
							      c->summary[0],
	       c->summary + 1);
	if (c->text)
		printf("\n%s\n", c->text);
	printf("\nOptions:\n");
	print_options(c->options);
	print_options(command_common_options);
	return cmd_flush();
}
