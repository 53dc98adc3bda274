/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The state table of the control channel: complete, and obeyed for every message in every state. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "transport/shm/shm_table.h"

static const enum shm_state states[] = { SHM_NEW, SHM_OFFERED, SHM_ATTACHED };

Test(shm_table, has_a_row_for_each_message)
{
	for (enum wire_kind kind = WIRE_UNKNOWN + 1; kind < WIRE_KINDS; kind++) {
		const struct shm_row *row = shm_row(kind);

		t_not_null(row);
		t_not_null(row->name);
		t_true(row->sender == SHM_DRIVER || row->sender == SHM_DEVICE);
		t_ne(row->state, 0);
		t_le(row->fds_min, row->fds_max);
		/* Only what a driver says is answered, by a message of the device's that may come
		 * in the same state. */
		if (row->sender == SHM_DEVICE) {
			t_eq(row->answer, WIRE_UNKNOWN);
		} else {
			t_eq(shm_row(row->answer)->sender, SHM_DEVICE);
			t_ne(shm_row(row->answer)->state & row->state, 0);
		}
	}
	t_null(shm_row(WIRE_UNKNOWN));
	t_null(shm_row(WIRE_KINDS));
}

Test(shm_table, lets_through_what_its_row_says_and_nothing_else)
{
	struct wire_msg msg = { 0 };
	unsigned let_through = 0;

	for (msg.kind = WIRE_UNKNOWN + 1; msg.kind < WIRE_KINDS; msg.kind++) {
		const struct shm_row *row = shm_row(msg.kind);

		for (unsigned i = 0; i < 3 * 2 * 2 * 4; i++) {
			enum shm_state state = states[i % 3];
			enum shm_end sender = i / 3 % 2 ? SHM_DRIVER : SHM_DEVICE;
			unsigned fds = i / 12 % 4;
			bool allowed;

			msg.token = i / 6 % 2;
			allowed = sender == row->sender && (state & row->state) &&
				  fds >= row->fds_min && fds <= row->fds_max &&
				  (msg.token != 0) == (row->token != SHM_TOKEN_NONE);
			t_eq(shm_table_check(&msg, sender, state, fds) == NULL, allowed);
			let_through += allowed;
		}
	}
	t_gt(let_through, 0);
}

/* faults: D9 */
Test(shm_table, lets_unknown_messages_through_only_after_the_set_up)
{
	struct wire_msg msg = { .kind = WIRE_UNKNOWN, .token = 4 };

	t_not_null(shm_table_check(&msg, SHM_DRIVER, SHM_NEW, 0));
	t_not_null(shm_table_check(&msg, SHM_DRIVER, SHM_OFFERED, 0));
	t_null(shm_table_check(&msg, SHM_DRIVER, SHM_ATTACHED, 0));
	t_not_null(shm_table_check(&msg, SHM_DRIVER, SHM_ATTACHED, 1));
	t_null(shm_table_check(&msg, SHM_DEVICE, SHM_ATTACHED, 0));
}

/* Writes the row of @kind as docs/protocol.md has it. */
static void describe(enum wire_kind kind, char *line, size_t size)
{
	static const char *const tokens[] = {
		[SHM_TOKEN_NONE] = "none", [SHM_TOKEN_NEW] = "new", [SHM_TOKEN_BACK] = "back"
	};
	static const char *const names[] = { "NEW", "OFFERED", "ATTACHED" };
	const struct shm_row *row = shm_row(kind);
	char in[32] = "", fds[16];

	for (unsigned i = 0; i < 3; i++)
		if (row->state & states[i]) {
			strcat(in, in[0] ? ", " : "");
			strcat(in, names[i]);
		}
	snprintf(fds, sizeof(fds), row->fds_min == row->fds_max ? "%u" : "%u or %u", row->fds_min,
		 row->fds_max);
	snprintf(line, size, "| %s | %s | %s | %s | %s | %s |\n", row->name,
		 row->sender == SHM_DRIVER ? "driver" : "device", in, tokens[row->token], fds,
		 row->answer == WIRE_UNKNOWN ? "-" : shm_row(row->answer)->name);
}

Test(shm_table, is_the_table_of_the_documentation)
{
	static char text[65536];
	char line[256];
	FILE *file = fopen(PROTOCOL_DOC, "re");
	size_t len;

	t_not_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	for (enum wire_kind kind = WIRE_UNKNOWN + 1; kind < WIRE_KINDS; kind++) {
		describe(kind, line, sizeof(line));
		t_strstr(text, line);
	}
}
