/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Values of options that are more than a number. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdint.h>

#include "command.h"

/* All return CMD_OK, also when the option was not given (the output is then untouched), or
 * CMD_USAGE after the message was printed. */

/* One of the words in @choices, which ends with NULL; *inout is its index. */
int option_choice(const struct cmd_call *call, const char *name, const char *const *choices,
		  unsigned *inout);

/* Permission bits as chmod takes them: octal digits, at most 0777. */
int option_mode(const struct cmd_call *call, const char *name, unsigned *inout);

/* As cmd_option_number(), into an unsigned int. */
int option_unsigned(const struct cmd_call *call, const char *name, unsigned min, unsigned max,
		    unsigned *inout);

/* The same, and a power of two. */
int option_power_of_two(const struct cmd_call *call, const char *name, unsigned min, unsigned max,
			unsigned *inout);

/* A size that is a multiple of @unit. */
int option_multiple(const struct cmd_call *call, const char *name, unsigned unit, uint64_t min,
		    uint64_t max, uint64_t *inout);

/* --notifier, as enum vri_notifier. */
int option_notifier(const struct cmd_call *call, unsigned *inout);

/* --ring, as enum vri_ring. */
int option_ring(const struct cmd_call *call, unsigned *inout);

/* How often a switch was given. */
unsigned option_count(const struct cmd_call *call, const char *name);

#endif
