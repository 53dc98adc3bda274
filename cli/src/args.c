/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Turns the words behind a command into a checked call, and words into numbers. */
#include "command.h"

#include <stdio.h>
#include <string.h>

static const struct cmd_option *find_in(const struct cmd_option *options, const char *name,
					size_t len)
{
	for (; options && options->name; options++) {
		if (strlen(options->name) == len && memcmp(options->name, name, len) == 0)
			return options;
	}
	return NULL;
}

static bool given(const struct cmd_call *call, const struct cmd_option *option)
{
	unsigned i;

	for (i = 0; i < call->n_options; i++) {
		if (call->option[i].option == option)
			return true;
	}
	return false;
}

static const char *words_of(const struct command *command)
{
	static char words[64];

	snprintf(words, sizeof(words), "%s%s%s", command->object, command->verb ? " " : "",
		 command->verb ? command->verb : "");
	return words;
}

/* One option with its value, which stands behind a '=' or is the next word. */
static int parse_option(struct cmd_call *call, int n, char *const *words, int *inout_at)
{
	const char *word = words[*inout_at];
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct cmd_option *option = find_in(call->command->options, word, len);
	const char *value = equals ? equals + 1 : NULL;

	if (!option)
		option = find_in(command_common_options, word, len);
	if (!option)
		return cmd_usage("%s: unknown option %.*s", words_of(call->command), (int)len,
				 word);
	if (!option->value && equals)
		return cmd_usage("%s: %s takes no value", words_of(call->command), option->name);
	if (option->value && !value) {
		if (*inout_at + 1 >= n)
			return cmd_usage("%s: %s needs a value: %s", words_of(call->command),
					 option->name, option->value);
		value = words[++*inout_at];
	}
	if (!option->repeats && option->value && given(call, option))
		return cmd_usage("%s: %s was given twice", words_of(call->command), option->name);
	if (call->n_options == CMD_OPTIONS_MAX)
		return cmd_usage("%s: more than %d options", words_of(call->command),
				 CMD_OPTIONS_MAX);
	call->option[call->n_options].option = option;
	call->option[call->n_options++].value = value;
	return CMD_OK;
}

static int check_args(const struct cmd_call *call, unsigned n)
{
	const struct command *command = call->command;
	unsigned i;

	if (n < command->args_min)
		return cmd_usage("%s: an argument is missing: it takes %s", words_of(command),
				 command->args);
	if (n > command->args_max)
		return command->args_max == 0 ?
			       cmd_usage("%s takes no argument", words_of(command)) :
			       cmd_usage("%s: too many arguments: it takes %s", words_of(command),
					 command->args);
	for (i = 0; i < n; i++) {
		if (call->arg[i][0] == '\0')
			return cmd_usage("%s: an argument is empty: it takes %s", words_of(command),
					 command->args);
	}
	return CMD_OK;
}

static bool asks_for_help(int n, char *const *words)
{
	int i;

	for (i = 0; i < n && strcmp(words[i], "--") != 0; i++) {
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			return true;
	}
	return false;
}

int command_parse(const struct command *command, int n, char *const *words,
		  struct cmd_call *ret_call, bool *ret_help)
{
	struct cmd_call call = { .command = command };
	bool options = true;
	unsigned n_args = 0;
	int i, r;

	*ret_help = asks_for_help(n, words);
	if (*ret_help)
		return CMD_OK;

	for (i = 0; i < n; i++) {
		if (options && strcmp(words[i], "--") == 0) {
			options = false;
		} else if (options && words[i][0] == '-' && words[i][1] != '\0') {
			r = parse_option(&call, n, words, &i);
			if (r != CMD_OK)
				return r;
		} else {
			if (n_args < CMD_ARGS_MAX)
				call.arg[n_args] = words[i];
			n_args++;
		}
	}
	r = check_args(&call, n_args);
	if (r != CMD_OK)
		return r;
	call.n_args = n_args;
	call.json = cmd_has(&call, "--json");
	*ret_call = call;
	return CMD_OK;
}

const char *cmd_value_nth(const struct cmd_call *call, const char *name, unsigned n)
{
	unsigned i;

	for (i = 0; i < call->n_options; i++) {
		if (strcmp(call->option[i].option->name, name) == 0 && n-- == 0)
			return call->option[i].value;
	}
	return NULL;
}

const char *cmd_value(const struct cmd_call *call, const char *name)
{
	const char *value = NULL;
	unsigned i;

	for (i = 0; i < call->n_options; i++) {
		if (strcmp(call->option[i].option->name, name) == 0)
			value = call->option[i].value;
	}
	return value;
}

bool cmd_has(const struct cmd_call *call, const char *name)
{
	unsigned i;

	for (i = 0; i < call->n_options; i++) {
		if (strcmp(call->option[i].option->name, name) == 0)
			return true;
	}
	return false;
}

/* ---- numbers ---- */

/* strtoull() takes signs, spaces and octal, and wraps: so by hand. Returns what follows the number,
 * or NULL. */
static const char *digits(const char *text, uint64_t *ret, bool *ret_too_large)
{
	static const char hex[] = "0123456789abcdef";
	unsigned base = 10;
	uint64_t value = 0;
	bool too_large = false;
	const char *start;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	for (start = text; *text; text++) {
		char c = (*text >= 'A' && *text <= 'F') ? (char)(*text - 'A' + 'a') : *text;
		const char *at = memchr(hex, c, base);

		if (!at)
			break;
		too_large |= __builtin_mul_overflow(value, base, &value) ||
			     __builtin_add_overflow(value, (uint64_t)(at - hex), &value);
	}
	if (text == start)
		return NULL;
	*ret = value;
	*ret_too_large = too_large;
	return text;
}

/* The power of two of a suffix, -1 for none. */
static int suffix_shift(const char *suffix)
{
	static const char letters[] = "KMGT";
	const char *at;

	if (suffix[0] == '\0')
		return 0;
	at = strchr(letters, suffix[0] >= 'a' ? suffix[0] - 'a' + 'A' : suffix[0]);
	if (!at || (suffix[1] != '\0' && strcmp(suffix + 1, "iB") != 0))
		return -1;
	return 10 * (int)(at - letters + 1);
}

static int number(const char *what, const char *text, bool suffixes, uint64_t min, uint64_t max,
		  uint64_t *ret)
{
	uint64_t value = 0;
	bool too_large = false;
	const char *rest = digits(text, &value, &too_large);
	int shift = !rest ? -1 : suffixes ? suffix_shift(rest) : (*rest ? -1 : 0);

	if (shift < 0)
		return cmd_usage("%s: '%s' is not a %s", what, text, suffixes ? "size" : "number");
	if (too_large || value > (UINT64_MAX >> shift) || value << shift < min ||
	    value << shift > max)
		return cmd_usage("%s: %s is not between %llu and %llu", what, text,
				 (unsigned long long)min, (unsigned long long)max);
	*ret = value << shift;
	return CMD_OK;
}

int cmd_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return number(what, text, false, min, max, ret);
}

int cmd_size(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return number(what, text, true, min, max, ret);
}

int cmd_option_number(const struct cmd_call *call, const char *name, uint64_t min, uint64_t max,
		      uint64_t *inout)
{
	const char *text = cmd_value(call, name);

	return text ? cmd_number(name, text, min, max, inout) : CMD_OK;
}

int cmd_option_size(const struct cmd_call *call, const char *name, uint64_t min, uint64_t max,
		    uint64_t *inout)
{
	const char *text = cmd_value(call, name);

	return text ? cmd_size(name, text, min, max, inout) : CMD_OK;
}
