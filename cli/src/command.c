/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rows of the command table, and how to find one. */
#include "command.h"

#include <stdio.h>
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

/* One option a line reads better than what would fit. */
/* clang-format off */
#define SERVE_OPTIONS \
	{ "--listen", "ADDRESS", "where drivers find it: unix:PATH, or a NAME by vringd", true }, \
	{ "--name", "NAME", "what people call it", false }, \
	{ "--notifier", "auto|eventfd|pipe", "what wakes a sleeping driver", false }, \
	{ "--max-links", "N", "drivers at once, default 1024", false }, \
	{ "--mode", "OCTAL", "permissions of the socket file, default 600", false }, \
	{ "--timeout", "MS", "for a driver to get ready, default 5000", false }, \
	{ "--ready-fd", "FD", "write a newline there when it is ready", false }, \
	{ "-v", NULL, "say when links come and go; twice: every step", true }, \
	{ 0 }

#define DRIVE_OPTIONS \
	{ "--queue-size", "N", "descriptors of a queue, a power of two (split), default 256", false }, \
	{ "--ring", "auto|split|packed", "how the queues are laid out; auto is split", false }, \
	{ "--notifier", "auto|eventfd|pipe", "what wakes a sleeping device", false }, \
	{ "--timeout", "MS", "for the set-up, and for each control request, default 5000", false }, \
	{ "--deadline", "MS", "how long the device may keep a request, default for ever", false }, \
	{ "--no-progress", NULL, "draw no progress bar", false }, \
	{ "-v", NULL, "say every step of the set-up", false }, \
	{ 0 }

static const struct cmd_option serve_echo_options[] = {
	{ "--queues", "N", "echo queues, default 1", false },
	{ "--queue-size", "N", "descriptors of a queue at most, a power of two, default 1024", false },
	{ "--max-message", "BYTES", "what is echoed of one message, default 1M, at most 16M", false },
	SERVE_OPTIONS
};

static const struct cmd_option serve_rng_options[] = {
	{ "--request-max", "BYTES", "what one request gets, default 64K, at most 1M", false },
	SERVE_OPTIONS
};

static const struct cmd_option serve_blk_options[] = {
	{ "--image", "FILE", "the disk: a regular file or a block device", false },
	{ "--create", NULL, "make the file, which must not exist, with --size bytes", false },
	{ "--size", "BYTES", "of the new file", false },
	{ "--read-only", NULL, "refuse to write", false },
	{ "--block-size", "BYTES", "told to drivers, a power of two from 512 to 64K, default 512", false },
	{ "--io", "auto|uring|sync", "how the file is read and written, default auto", false },
	{ "--serial", "ID", "the id string, at most 20 bytes, default the name", false },
	{ "--queues", "N", "default 4", false },
	{ "--queue-size", "N", "descriptors of a queue at most, a power of two, default 256", false },
	SERVE_OPTIONS
};

static const struct cmd_option drive_rng_options[] = {
	{ "--bytes", "BYTES", "how many", false },
	{ "--output", "FILE", "write them there, default standard output", false },
	{ "--hex", NULL, "as hexadecimal digits, 32 bytes a line", false },
	DRIVE_OPTIONS
};

static const struct cmd_option drive_echo_options[] = {
	{ "--count", "N", "messages, default 1000", false },
	{ "--size", "BYTES", "of each of them, default 64", false },
	DRIVE_OPTIONS
};

static const struct cmd_option drive_blk_options[] = {
	{ "--offset", "BYTES", "where it begins on the device, a multiple of 512, default 0", false },
	{ "--length", "BYTES", "how many, default all that the file or the device has", false },
	{ "--queues", "N", "queues to use, default 1", false },
	{ "--queue-depth", "N", "requests in flight on each queue, default 32", false },
	{ "--request-size", "BYTES", "of one request, a multiple of 512, default 128K", false },
	{ "--verify", NULL, "read back what was written and compare", false },
	{ "--flush", NULL, "make durable what was written before it ends", false },
	{ "--unmap", NULL, "write-zeroes: the space may be given back", false },
	DRIVE_OPTIONS
};
/* clang-format on */

const struct command command_table[] = {
	{ .object = "serve",
	  .verb = "echo",
	  .args = "--listen ADDRESS",
	  .summary = "serve a device that returns what it is given",
	  .options = serve_echo_options,
	  .run = cmd_serve_echo },
	{ .object = "serve",
	  .verb = "rng",
	  .args = "--listen ADDRESS",
	  .summary = "serve the kernel's random bytes",
	  .options = serve_rng_options,
	  .run = cmd_serve_rng },
	{ .object = "serve",
	  .verb = "blk",
	  .args = "--listen ADDRESS --image FILE",
	  .summary = "serve a disk image",
	  .options = serve_blk_options,
	  .run = cmd_serve_blk },
	{ .object = "drive",
	  .verb = "echo",
	  .args = "ADDRESS [MESSAGE]",
	  .args_min = 1,
	  .args_max = 2,
	  .summary = "send a message, or many, and look at what comes back",
	  .text = "With a MESSAGE it prints what came back. Without, it sends --count messages of\n"
		  "--size bytes, checks each reply and prints the times of the round trips.",
	  .options = drive_echo_options,
	  .run = cmd_drive_echo },
	{ .object = "drive",
	  .verb = "rng",
	  .args = "ADDRESS --bytes BYTES",
	  .args_min = 1,
	  .args_max = 1,
	  .summary = "fetch random bytes",
	  .options = drive_rng_options,
	  .run = cmd_drive_rng },
	{ .object = "drive",
	  .verb = "blk",
	  .args = "ADDRESS ACTION [FILE]",
	  .args_min = 2,
	  .args_max = 3,
	  .summary = "use a disk: read, write, copy, flush, discard",
	  .text = "Actions:\n"
		  "  info            say what the device is\n"
		  "  read            device to standard output\n"
		  "  write           standard input to device\n"
		  "  copy-in FILE    file to device\n"
		  "  copy-out FILE   device to file\n"
		  "  flush           make durable what was written\n"
		  "  discard         say that --length bytes are no longer needed\n"
		  "  write-zeroes    make --length bytes zero",
	  .options = drive_blk_options,
	  .run = cmd_drive_blk },
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

void command_verbs(const char *object, char *buf, size_t size)
{
	const struct command *c;
	size_t used = 0;

	buf[0] = '\0';
	for (c = command_table; c->object; c++) {
		if (c->verb && strcmp(c->object, object) == 0 && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 c->verb);
	}
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
