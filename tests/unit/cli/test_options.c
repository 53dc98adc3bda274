/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Values of options that are more than a number: what is taken, what is refused. */
#include <string.h>

#include "options.h"
#include "test.h"

/* The parser wants the table of the options that all commands have; here there are none. */
const struct cmd_option command_common_options[] = { { 0 } };

static const struct cmd_option table[] = {
	{ .name = "--value", .value = "V" },
	{ .name = "--notifier", .value = "KIND" },
	{ .name = "-v", .repeats = true },
	{ 0 },
};

static struct cmd_call call_with(const char *name, const char *value)
{
	struct cmd_call call = { .n_options = 1 };

	for (const struct cmd_option *o = table; o->name; o++) {
		if (strcmp(o->name, name) == 0)
			call.option[0].option = o;
	}
	call.option[0].value = value;
	return call;
}

struct mode_case {
	const char *text;
	int status;
	unsigned mode;
};

static const struct mode_case mode_cases[] = {
	{ "600", CMD_OK, 0600 },
	{ "0660", CMD_OK, 0660 },
	{ "777", CMD_OK, 0777 },
	{ "0", CMD_OK, 0 },
	{ "1000", CMD_USAGE, 0 },
	{ "7777", CMD_USAGE, 0 },
	{ "", CMD_USAGE, 0 },
	{ "-1", CMD_USAGE, 0 },
	{ "8", CMD_USAGE, 0 },
	{ "rw", CMD_USAGE, 0 },
	{ "600 ", CMD_USAGE, 0 },
	{ " 600", CMD_USAGE, 0 },
	{ "0x1ff", CMD_USAGE, 0 },
	{ "77777777777777777777777", CMD_USAGE, 0 },
	{ "\xef\xbc\x96", CMD_USAGE, 0 },
};

/* faults: G1 */
TestEach(options, mode_is_octal_up_to_777, mode_cases, struct mode_case)
{
	struct cmd_call call = call_with("--value", param->text);
	unsigned mode = 0;

	t_eq(option_mode(&call, "--value", &mode), param->status);
	t_eq(mode, param->mode);
}

struct power_case {
	const char *text;
	int status;
};

static const struct power_case power_cases[] = {
	{ "2", CMD_OK },
	{ "256", CMD_OK },
	{ "32768", CMD_OK },
	{ "0", CMD_USAGE },
	{ "1", CMD_USAGE },
	{ "3", CMD_USAGE },
	{ "-1", CMD_USAGE },
	{ "65536", CMD_USAGE },
	{ "1e99", CMD_USAGE },
	{ "256 ", CMD_USAGE },
	{ "", CMD_USAGE },
	{ "+2", CMD_USAGE },
	{ "18446744073709551618", CMD_USAGE },
	{ "\xef\xbc\x98", CMD_USAGE },
};

/* faults: G1 */
TestEach(options, queue_sizes_are_powers_of_two_within_the_limits, power_cases, struct power_case)
{
	struct cmd_call call = call_with("--value", param->text);
	unsigned value = 77;

	t_eq(option_power_of_two(&call, "--value", 2, 32768, &value), param->status);
	if (param->status != CMD_OK)
		t_eq(value, 77);
}

Test(options, multiple_refuses_what_is_not_one)
{
	struct cmd_call call = call_with("--value", "513");
	uint64_t value = 7;

	t_eq(option_multiple(&call, "--value", 512, 0, UINT64_MAX, &value), CMD_USAGE);
	t_eq(value, 7);
}

Test(options, multiple_takes_a_suffix)
{
	struct cmd_call call = call_with("--value", "4K");
	uint64_t value = 0;

	t_eq(option_multiple(&call, "--value", 512, 0, UINT64_MAX, &value), CMD_OK);
	t_eq(value, 4096);
}

Test(options, default_of_multiple_need_not_be_one)
{
	struct cmd_call call = { 0 };
	uint64_t value = UINT64_MAX;

	t_eq(option_multiple(&call, "--value", 512, 0, 100, &value), CMD_OK);
	t_eq(value, UINT64_MAX);
}

Test(options, notifier_is_known_by_name)
{
	struct cmd_call call = call_with("--notifier", "pipe");
	unsigned kind = 0;

	t_eq(option_notifier(&call, &kind), CMD_OK);
	t_eq(kind, 2);
}

Test(options, unknown_choice_is_a_mistake_of_the_caller)
{
	struct cmd_call call = call_with("--notifier", "pipes");
	unsigned kind = 7;

	t_eq(option_notifier(&call, &kind), CMD_USAGE);
	t_eq(kind, 7);
}

Test(options, switches_are_counted)
{
	struct cmd_call call = call_with("-v", NULL);

	call.n_options = 2;
	call.option[1] = call.option[0];
	t_eq(option_count(&call, "-v"), 2);
	t_eq(option_count(&call, "--value"), 0);
}
