/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Reads choices, modes, powers of two and multiples, and says what is wrong with them. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include <vring-ipc/link.h>

int option_choice(const struct cmd_call *call, const char *name, const char *const *choices,
		  unsigned *inout)
{
	const char *text = cmd_value(call, name);
	char list[128] = "";
	size_t len = 0;

	if (!text)
		return CMD_OK;
	for (unsigned i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) == 0) {
			*inout = i;
			return CMD_OK;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						i ? ", " : "", choices[i]);
	}
	return cmd_usage("%s: '%s' is none of %s", name, text, list);
}

int option_mode(const struct cmd_call *call, const char *name, unsigned *inout)
{
	const char *text = cmd_value(call, name);
	unsigned mode = 0;

	if (!text)
		return CMD_OK;
	/* Seven digits do not overflow, and what is longer is too large anyway. */
	size_t len = strspn(text, "01234567");

	if (len == 0 || len > 7 || text[len])
		return cmd_usage("%s: '%s' is not an octal number up to 777", name, text);
	for (const char *p = text; *p; p++)
		mode = mode * 8 + (unsigned)(*p - '0');
	if (mode > 0777)
		return cmd_usage("%s: '%s' is not an octal number up to 777", name, text);
	*inout = mode;
	return CMD_OK;
}

int option_unsigned(const struct cmd_call *call, const char *name, unsigned min, unsigned max,
		    unsigned *inout)
{
	uint64_t value = *inout;
	int r = cmd_option_number(call, name, min, max, &value);

	if (r == CMD_OK)
		*inout = (unsigned)value;
	return r;
}

int option_power_of_two(const struct cmd_call *call, const char *name, unsigned min, unsigned max,
			unsigned *inout)
{
	unsigned value = *inout;
	int r = option_unsigned(call, name, min, max, &value);

	if (r != CMD_OK)
		return r;
	if (value & (value - 1))
		return cmd_usage("%s: %s is not a power of two", name, cmd_value(call, name));
	*inout = value;
	return CMD_OK;
}

int option_multiple(const struct cmd_call *call, const char *name, unsigned unit, uint64_t min,
		    uint64_t max, uint64_t *inout)
{
	uint64_t value = *inout;
	int r = cmd_option_size(call, name, min, max, &value);

	if (r != CMD_OK)
		return r;
	if (cmd_value(call, name) && value % unit)
		return cmd_usage("%s: %s is not a multiple of %u", name, cmd_value(call, name),
				 unit);
	*inout = value;
	return CMD_OK;
}

int option_notifier(const struct cmd_call *call, unsigned *inout)
{
	static const char *const kinds[] = {
		[VRI_NOTIFIER_AUTO] = "auto",
		[VRI_NOTIFIER_EVENTFD] = "eventfd",
		[VRI_NOTIFIER_PIPE] = "pipe",
		NULL,
	};

	return option_choice(call, "--notifier", kinds, inout);
}

int option_ring(const struct cmd_call *call, unsigned *inout)
{
	static const char *const formats[] = {
		[VRI_RING_AUTO] = "auto",
		[VRI_RING_SPLIT] = "split",
		[VRI_RING_PACKED] = "packed",
		NULL,
	};

	return option_choice(call, "--ring", formats, inout);
}

unsigned option_count(const struct cmd_call *call, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < call->n_options; i++)
		n += strcmp(call->option[i].option->name, name) == 0;
	return n;
}
