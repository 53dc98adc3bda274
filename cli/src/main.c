/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The entry of vring: finds the command, parses its arguments, runs it. */
#include "command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/vring-ipc.h>

static bool is_any(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || (b && strcmp(word, b) == 0);
}

/*
 * A standard stream that is closed would be the number of the next descriptor that is opened: output
 * would go into a link's socket. What takes its place fails as the closed one did: it is open for the
 * other direction.
 */
static void occupy_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
	}
}

static int unknown(const char *object, const char *verb)
{
	char verbs[64];

	if (!command_has_object(object))
		return object[0] == '-' ? cmd_usage("there is no option %s", object) :
					  cmd_usage("there is no command '%s'", object);
	command_verbs(object, verbs, sizeof(verbs));
	cmd_set_help(object, NULL);
	if (!verb || verb[0] == '-')
		return cmd_usage("%s: which of %s?", object, verbs);
	return cmd_usage("%s: there is no '%s', but %s", object, verb, verbs);
}

static int help(const char *object, const char *verb)
{
	const struct command *command;

	if (!object)
		return help_all();
	command = command_find(object, verb);
	if (command)
		return help_command(command);
	if (!verb && command_has_object(object))
		return help_object(object);
	return unknown(object, verb);
}

static int run(const struct command *command, int n, char *const *words)
{
	struct cmd_call call;
	bool wants_help;
	int r;

	cmd_set_help(command->object, command->verb);
	r = command_parse(command, n, words, &call, &wants_help);
	if (r != CMD_OK)
		return r;
	return wants_help ? help_command(command) : command->run(&call);
}

int main(int argc, char **argv)
{
	const char *object = argc > 1 ? argv[1] : NULL;
	const char *verb = argc > 2 ? argv[2] : NULL;
	const struct command *command;
	int used;

	occupy_standard_streams();
	if (!object) {
		cmd_usage("which command?");
		return CMD_USAGE;
	}
	if (is_any(object, "--version", NULL)) {
		printf("vring %s\n", vri_version());
		return cmd_flush();
	}
	if (is_any(object, "--help", "-h"))
		return help_all();
	if (is_any(object, "help", NULL) && argc > 4)
		return cmd_usage("help: too many arguments: it takes [COMMAND]");
	if (is_any(object, "help", NULL))
		return help(verb, argc > 3 ? argv[3] : NULL);

	command = command_find(object, verb);
	if (!command) {
		if (verb && is_any(verb, "--help", "-h"))
			return help(object, NULL);
		return unknown(object, verb);
	}
	used = command->verb ? 3 : 2;
	return run(command, argc - used, argv + used);
}
