/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Command lines of serve and drive that make no sense: exit 2, and a message that says why. */
#include <stdio.h>
#include <string.h>

#include "program.h"
#include "test.h"

#define WORDS_MAX 14

struct wrong_case {
	const char *words[WORDS_MAX];
	const char *says[3]; /* what the message must contain */
};

#define NOWHERE "unix:/nonexistent/socket"
#define SERVE "serve", "blk", "--listen", NOWHERE, "--image", "/nonexistent"
#define DRIVE "drive", "blk", NOWHERE

static const struct wrong_case wrong_cases[] = {
	/* numbers */
	{ { SERVE, "--queue-size", "0" }, { "--queue-size", "0" } },
	{ { SERVE, "--queue-size", "-1" }, { "--queue-size", "-1" } },
	{ { SERVE, "--queue-size", "3" }, { "--queue-size", "3" } },
	{ { SERVE, "--queue-size", "65536" }, { "--queue-size", "65536" } },
	{ { SERVE, "--queue-size", "1e99" }, { "--queue-size", "1e99" } },
	{ { SERVE, "--queue-size", "\xef\xbc\x98" }, { "--queue-size" } },
	{ { SERVE, "--queue-size", "" }, { "--queue-size", "''" } },
	{ { SERVE, "--queue-size", " 8" }, { "--queue-size", "' 8'" } },
	{ { SERVE, "--queue-size", "8 " }, { "--queue-size", "'8 '" } },
	{ { SERVE, "--queue-size", "+8" }, { "--queue-size", "+8" } },
	{ { SERVE, "--queue-size", "256K" }, { "--queue-size", "256K" } },
	{ { SERVE, "--queue-size=99999999999999999999" }, { "--queue-size" } },
	{ { SERVE, "--queues", "0" }, { "--queues", "0" } },
	{ { SERVE, "--queues", "1025" }, { "--queues", "1025" } },
	{ { SERVE, "--max-links", "0" }, { "--max-links" } },
	{ { SERVE, "--max-links", "4294967297" }, { "--max-links", "4294967297" } },
	{ { SERVE, "--block-size", "1000" }, { "--block-size", "1000" } },
	{ { SERVE, "--block-size", "256" }, { "--block-size", "256" } },
	{ { SERVE, "--mode", "888" }, { "--mode", "888" } },
	{ { SERVE, "--mode", "rw" }, { "--mode", "rw" } },
	{ { SERVE, "--timeout", "-5" }, { "--timeout", "-5" } },
	{ { SERVE, "--size", "1X", "--create" }, { "--size", "1X" } },
	{ { SERVE, "--size", "16777216T", "--create" }, { "--size", "16777216T" } },
	{ { DRIVE, "info", "--queue-size", "0" }, { "--queue-size", "0" } },
	{ { DRIVE, "info", "--queue-size", "65536" }, { "--queue-size", "65536" } },
	{ { DRIVE, "info", "--queue-size", "7" }, { "--queue-size", "power of two" } },
	{ { DRIVE, "info", "--queue-size", "7", "--ring", "split" }, { "power of two" } },
	{ { DRIVE, "info", "--ring", "round" }, { "--ring", "auto, split, packed" } },
	{ { DRIVE, "info", "--timeout", "0" }, { "--timeout" } },
	{ { DRIVE, "read", "--queue-depth", "0" }, { "--queue-depth" } },
	{ { DRIVE, "read", "--queue-depth", "1025" }, { "--queue-depth", "1025" } },
	{ { DRIVE, "read", "--offset", "100" }, { "--offset", "100", "512" } },
	{ { DRIVE, "read", "--offset", "-512" }, { "--offset", "-512" } },
	{ { DRIVE, "read", "--length", "0" }, { "--length" } },
	{ { DRIVE, "read", "--request-size", "1000" }, { "--request-size", "1000" } },
	{ { DRIVE, "read", "--request-size", "1G" }, { "--request-size", "1G" } },
	{ { DRIVE, "read", "--request-size", "16M", "--queue-depth", "1024" }, { "4 GiB" } },
	{ { DRIVE, "discard", "--length", "1000" }, { "--length", "1000", "512" } },
	{ { "drive", "rng", NOWHERE, "--bytes", "0" }, { "--bytes" } },
	{ { "drive", "rng", NOWHERE, "--bytes", "ten" }, { "--bytes", "ten" } },
	{ { "drive", "echo", NOWHERE, "--count", "1.5" }, { "--count", "1.5" } },
	{ { "drive", "echo", NOWHERE, "--size", "17M" }, { "--size", "17M" } },
	/* choices */
	{ { SERVE, "--notifier", "signal" }, { "--notifier", "signal", "eventfd" } },
	{ { SERVE, "--io", "aio" }, { "--io", "aio", "uring" } },
	{ { DRIVE, "info", "--notifier", "" }, { "--notifier", "eventfd" } },
	/* what is missing, too much, or does not go together */
	{ { "serve", "blk", "--image", "/nonexistent" }, { "--listen" } },
	{ { "serve", "blk", "--listen", NOWHERE }, { "--image" } },
	{ { SERVE, "--create" }, { "--create", "--size" } },
	{ { SERVE, "--size", "1M" }, { "--create", "--size" } },
	{ { SERVE, "--create", "--size", "1M", "--read-only" }, { "--read-only" } },
	{ { SERVE, "--serial", "123456789012345678901" }, { "--serial", "20" } },
	{ { SERVE, "--ready-fd", "77" }, { "--ready-fd", "77" } },
	{ { SERVE, "--ready-fd" }, { "--ready-fd" } },
	{ { SERVE, "--read-only=yes" }, { "--read-only" } },
	{ { SERVE, "--nonsense" }, { "--nonsense" } },
	{ { SERVE, "word" }, { "argument" } },
	{ { "serve" }, { "serve" } },
	{ { "serve", "toaster" }, { "toaster" } },
	{ { "drive", "blk" }, { "argument" } },
	{ { DRIVE }, { "argument" } },
	{ { DRIVE, "sing" }, { "sing" } },
	{ { DRIVE, "copy-in" }, { "FILE" } },
	{ { DRIVE, "copy-out" }, { "FILE" } },
	{ { DRIVE, "info", "file" }, { "FILE" } },
	{ { DRIVE, "info", "--length", "512" }, { "--length" } },
	{ { DRIVE, "read", "--verify" }, { "--verify" } },
	{ { DRIVE, "copy-out", "/nonexistent/x", "--flush" }, { "--flush" } },
	{ { DRIVE, "discard" }, { "--length" } },
	{ { DRIVE, "write-zeroes" }, { "--length" } },
	{ { DRIVE, "discard", "--length", "512", "--unmap" }, { "--unmap" } },
	{ { "drive", "rng", NOWHERE }, { "--bytes" } },
	{ { "drive", "echo", NOWHERE, "hello", "--count", "2" }, { "--count" } },
	{ { "drive", "echo", NOWHERE, "" }, { "empty" } },
};

/* faults: G1 */
TestEach(command_line, nonsense_is_named_and_ends_with_2, wrong_cases, struct wrong_case)
{
	const struct program_setup setup = { 0 };
	struct program p;

	program_start(&p, &setup, param->words);
	t_eq(program_finish(&p), 2);
	t_not_null(p.stderr_bytes.data);
	for (unsigned i = 0; i < 3 && param->says[i]; i++)
		t_strstr(p.stderr_bytes.data, param->says[i]);
	t_eq(p.stdout_bytes.len, 0);
	program_free(&p);
}

Test(command_line, message_holds_no_control_byte_of_an_argument)
{
	struct program p;

	t_eq(vring(&p, "drive", "rng", NOWHERE, "--bytes", "1\033[2J\a\n", NULL), 2);
	for (size_t i = 0; i + 1 < p.stderr_bytes.len; i++) {
		unsigned char c = (unsigned char)p.stderr_bytes.data[i];

		if (c != '\n' && (c < 0x20 || c == 0x7f))
			t_fail("a byte 0x%02x in: %s", c, p.stderr_bytes.data);
	}
	program_free(&p);
}

static const char *const helped[][3] = {
	{ "serve", "echo" }, { "serve", "rng" }, { "serve", "blk" },
	{ "drive", "echo" }, { "drive", "rng" }, { "drive", "blk" },
};

typedef const char *const words_of_two[3];

TestEach(command_line, help_goes_to_stdout_and_ends_with_0, helped, words_of_two)
{
	struct program p;

	t_eq(vring(&p, (*param)[0], (*param)[1], "--help", NULL), 0);
	t_strstr(p.stdout_bytes.data, "Usage: vring");
	t_strstr(p.stdout_bytes.data, (*param)[1]);
	t_eq(p.stderr_bytes.len, 0);
	program_free(&p);
}
