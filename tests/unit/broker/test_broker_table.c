/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The state table of the broker's protocol: complete, obeyed for every message in every state, and printed as it is. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_table.h"

static const enum broker_state states[] = { BROKER_NEW, BROKER_OPEN_STATE };

Test(broker_table, has_a_row_for_each_message)
{
	for (enum broker_kind kind = BROKER_UNKNOWN + 1; kind < BROKER_KINDS; kind++) {
		const struct broker_row *row = broker_row(kind);

		t_not_null(row);
		t_streq(row->name, broker_kind_name(kind));
		t_true(row->sender == BROKER_CLIENT || row->sender == BROKER_DAEMON);
		t_ne(row->state, 0);
		/* The broker takes no descriptor from anybody. */
		if (row->sender == BROKER_CLIENT)
			t_eq(row->fds_max, 0);
	}
	t_null(broker_row(BROKER_UNKNOWN));
	t_null(broker_row(BROKER_KINDS));
}

Test(broker_table, lets_through_what_its_row_says_and_nothing_else)
{
	struct broker_msg msg = { 0 };
	unsigned let_through = 0;

	for (msg.kind = BROKER_UNKNOWN + 1; msg.kind < BROKER_KINDS; msg.kind++) {
		const struct broker_row *row = broker_row(msg.kind);

		for (unsigned i = 0; i < 2 * 2 * 2 * 2 * 4; i++) {
			enum broker_state state = states[i % 2];
			enum broker_end sender = i / 2 % 2 ? BROKER_CLIENT : BROKER_DAEMON;
			unsigned fds = i / 16;
			bool allowed;

			msg.token = i / 4 % 2;
			msg.parcel = i / 8 % 2;
			allowed = sender == row->sender && (state & row->state) &&
				  fds <= row->fds_max && (fds != 0) == (msg.parcel != 0) &&
				  (msg.token != 0) == (row->token != BROKER_TOKEN_NONE);
			t_eq(broker_table_check(&msg, sender, state, fds) == NULL, allowed);
			let_through += allowed;
		}
	}
	t_gt(let_through, 0);
}

Test(broker_table, messages_of_later_versions_are_no_error)
{
	struct broker_msg msg = { .kind = BROKER_UNKNOWN, .token = 4 };

	t_null(broker_table_check(&msg, BROKER_CLIENT, BROKER_OPEN_STATE, 0));
	t_not_null(broker_table_check(&msg, BROKER_CLIENT, BROKER_OPEN_STATE, 1));
	t_not_null(broker_table_check(&msg, BROKER_CLIENT, BROKER_NEW, 0));
}

/* As docs/protocol.md prints a row. */
static void print(const struct broker_row *row, char *ret, size_t size)
{
	static const char *const tokens[] = { "none", "new", "back" };
	char fds[16] = "0";

	if (row->fds_max)
		snprintf(fds, sizeof(fds), "%s%u",
			 row->fds_max == 1 && row->sender == BROKER_DAEMON &&
					 strcmp(row->name, "GRANTED") == 0 ?
				 "" :
				 "up to ",
			 row->fds_max);
	snprintf(ret, size, "| %s | %s | %s | %s | %s |\n", row->name,
		 row->sender == BROKER_CLIENT ? "client" : "broker",
		 row->state == BROKER_NEW	 ? "NEW" :
		 row->state == BROKER_OPEN_STATE ? "OPEN" :
						   "NEW, OPEN",
		 tokens[row->token], fds);
}

Test(broker_table, is_what_the_documentation_says)
{
	static char text[256 << 10];
	char line[256];
	FILE *file = fopen(PROTOCOL_DOC, "re");
	size_t n;

	t_not_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	for (enum broker_kind kind = BROKER_UNKNOWN + 1; kind < BROKER_KINDS; kind++) {
		print(broker_row(kind), line, sizeof(line));
		t_strstr(text, line);
	}
}
