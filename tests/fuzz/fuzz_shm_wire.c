/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Any bytes as a packet of the control channel: taken apart or refused, and what was taken can be sent again. */
#include "transport/shm/shm_wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static uint8_t packet[WIRE_PACKET_MAX];
	static struct wire_msg msg, again;
	const char *why = NULL;
	int r;

	if (wire_parse(bytes, len, &msg, &why) < 0) {
		if (!why)
			abort();
		return 0;
	}
	if (msg.kind == WIRE_UNKNOWN)
		return 0;
	r = wire_format(&msg, packet, sizeof(packet));
	if (r < 0)
		abort();
	if (wire_parse(packet, (size_t)r, &again, &why) < 0 || again.kind != msg.kind ||
	    again.token != msg.token)
		abort();
	return 0;
}
