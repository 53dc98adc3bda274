/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The command table: one row for each command, from which the parser and --help come.
 *
 * To add a command: write its handler in cmd_<object>.c, declare the handler at the end of this
 * file, add a row (and its options) in command.c, the file in CMakeLists.txt, and what it does in
 * docs/man/vring.1.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a handler returns, and with it the process. */
enum cmd_exit {
	CMD_OK = 0,
	CMD_FAILED = 1, /* it was understood and did not work */
	CMD_USAGE = 2, /* the command line makes no sense; nothing was done */
};

struct cmd_option {
	const char *name; /* "--bytes" */
	const char *value; /* what follows it, as help calls it ("N"); NULL: a switch */
	const char *help; /* one line, lower case, no full stop */
	bool repeats; /* may be given more than once */
};

struct cmd_call;

struct command {
	const char *object; /* first word: "link" */
	const char *verb; /* second word: "show"; NULL when the first says it all */
	const char *args; /* as help shows them: "ADDRESS N"; optional ones in brackets */
	unsigned args_min, args_max; /* how many */
	const char *summary; /* one line, lower case, no full stop */
	const char *text; /* what help says below the usage; NULL: nothing more */
	const struct cmd_option *options; /* up to one without a name; NULL: none of its own */
	int (*run)(const struct cmd_call *call);
};

/* The rows, up to one without an object; rows of one object stand together. */
extern const struct command command_table[];

/* Options that every command has: --json and --help. */
extern const struct cmd_option command_common_options[];

/* ---- what a handler gets ---- */

#define CMD_ARGS_MAX 8
#define CMD_OPTIONS_MAX 64

struct cmd_call {
	const struct command *command;
	unsigned n_args; /* between the row's limits */
	const char *arg[CMD_ARGS_MAX];
	bool json;
	/* as they were given; use the functions below */
	unsigned n_options;
	struct {
		const struct cmd_option *option;
		const char *value;
	} option[CMD_OPTIONS_MAX];
};

/* Tells whether an option was given. */
bool cmd_has(const struct cmd_call *call, const char *name);

/* The value of an option that was given; the last one when it was given more than once; NULL. */
const char *cmd_value(const struct cmd_call *call, const char *name);

/* The @n-th value of an option that repeats, NULL past the end. */
const char *cmd_value_nth(const struct cmd_call *call, const char *name, unsigned n);

/*
 * Reads a whole number (decimal, or hexadecimal after 0x) and checks that it lies in [@min, @max].
 * cmd_size() also takes the suffixes K, M, G, T (powers of 1024, "KiB" as well). @what names the
 * argument or option in the message. Returns: CMD_OK; CMD_USAGE after the message was printed.
 */
int cmd_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret);
int cmd_size(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* The same for an option, which keeps what *inout holds when the option was not given. */
int cmd_option_number(const struct cmd_call *call, const char *name, uint64_t min, uint64_t max,
		      uint64_t *inout);
int cmd_option_size(const struct cmd_call *call, const char *name, uint64_t min, uint64_t max,
		    uint64_t *inout);

/* Prints "vring: ..." to stderr, without any control byte that an argument may have held.
 * Returns: CMD_FAILED; CMD_USAGE. */
int cmd_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cmd_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Names the command, @verb may be NULL, whose help cmd_usage() points to from now on. */
void cmd_set_help(const char *object, const char *verb);

/* ---- the rest of the machinery ---- */

/* Finds the row of these words, NULL: none. @verb may be NULL. */
const struct command *command_find(const char *object, const char *verb);
bool command_has_object(const char *object);

/* Writes the verbs of an object, "echo, rng, blk", as far as there is room. */
void command_verbs(const char *object, char *buf, size_t size);

/* Parses what stands behind the words of a command. Returns: CMD_OK; CMD_USAGE after a message;
 * *ret_help when --help was among it, in which case nothing else was checked. */
int command_parse(const struct command *command, int n, char *const *words,
		  struct cmd_call *ret_call, bool *ret_help);

/* Prints what there is: all, the commands of one object, one command. Returns: CMD_OK or CMD_FAILED
 * when stdout cannot take it. */
int help_all(void);
int help_object(const char *object);
int help_command(const struct command *command);

/* Flushes stdout. Returns: CMD_OK; CMD_FAILED, with a message, when not all of it was written. */
int cmd_flush(void);

/* ---- handlers ---- */

int cmd_link_list(const struct cmd_call *call);
int cmd_link_show(const struct cmd_call *call);
int cmd_queue_list(const struct cmd_call *call);
int cmd_queue_show(const struct cmd_call *call);
int cmd_serve_echo(const struct cmd_call *call);
int cmd_serve_rng(const struct cmd_call *call);
int cmd_serve_blk(const struct cmd_call *call);
int cmd_drive_echo(const struct cmd_call *call);
int cmd_drive_rng(const struct cmd_call *call);
int cmd_drive_blk(const struct cmd_call *call);

#endif
