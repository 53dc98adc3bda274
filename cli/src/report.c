/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Messages to people: "vring: ..." on stderr, and whether stdout took what was printed. */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
	char text[1024];
	size_t i;

	vsnprintf(text, sizeof(text), format, args);
	/* What an argument or a peer said must not reach a terminal as a command to it. */
	for (i = 0; text[i]; i++) {
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			text[i] = '?';
	}
	fprintf(stderr, "vring: %s\n", text);
}

int cmd_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return CMD_FAILED;
}

/* The words of the command that is being read; "" before there is one. */
static char help_words[64];

void cmd_set_help(const char *object, const char *verb)
{
	snprintf(help_words, sizeof(help_words), "%s%s%s", object, verb ? " " : "",
		 verb ? verb : "");
}

int cmd_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	if (help_words[0])
		fprintf(stderr, "vring: 'vring help %s' says more\n", help_words);
	else
		fprintf(stderr, "vring: 'vring --help' lists the commands\n");
	return CMD_USAGE;
}

int cmd_flush(void)
{
	int error = 0;

	if (fflush(stdout) != 0 || ferror(stdout))
		error = errno ? errno : EIO;
	return error ? cmd_fail("cannot write the output: %s", strerror(error)) : CMD_OK;
}
