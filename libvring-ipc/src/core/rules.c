/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The rules that a peer can break, by name and in words. */

#include <stddef.h>

#include <vring-ipc/virtqueue.h>

static const struct {
	const char *name, *text;
} rules[VRI_RULE_COUNT] = {
	[VRI_RULE_NONE] = { "none", "no rule was broken" },
	[VRI_RULE_AVAIL_IDX] = { "avail-idx",
				 "more was made available than the queue has room for, or the "
				 "available index went back" },
	[VRI_RULE_HEAD] = { "head", "a head or a buffer id is not below the queue size" },
	[VRI_RULE_HEAD_IN_FLIGHT] = { "head-in-flight",
				      "a head was made available again before it was used" },
	[VRI_RULE_NEXT] = { "next", "a next field points outside of its table" },
	[VRI_RULE_CHAIN_LENGTH] = { "chain-length",
				    "a chain is longer than the queue size, or it loops" },
	[VRI_RULE_CHAIN_BYTES] = { "chain-bytes", "a chain has more than 2^32 - 1 bytes in all" },
	[VRI_RULE_CHAIN_ORDER] = { "chain-order",
				   "a device-readable descriptor follows a device-writable one" },
	[VRI_RULE_ADDRESS] = { "address",
			       "a buffer is not inside of the shared memory, or it wraps" },
	[VRI_RULE_ACCESS] = { "access",
			      "a buffer is used in a direction that its memory does not allow" },
	[VRI_RULE_INDIRECT_FEATURE] = { "indirect-feature",
					"an indirect table without the feature" },
	[VRI_RULE_INDIRECT_NESTED] = { "indirect-nested",
				       "an indirect table inside of an indirect table" },
	[VRI_RULE_INDIRECT_NEXT] = { "indirect-next", "INDIRECT and NEXT on one descriptor" },
	[VRI_RULE_INDIRECT_SIZE] = { "indirect-size",
				     "an indirect table whose size is 0, no multiple of 16, or more "
				     "than 65536 descriptors" },
	[VRI_RULE_INDIRECT_ADDRESS] = { "indirect-address",
					"an indirect table that is not inside of the shared memory" },
	[VRI_RULE_FLAGS] = { "flags", "a descriptor inside of a list is not available" },
	[VRI_RULE_USED_IDX] = { "used-idx",
				"the used index moved by more than what is outstanding, or backwards" },
	[VRI_RULE_USED_ID] = { "used-id", "a used id is not below the queue size or not a head" },
	[VRI_RULE_USED_NOT_LENT] = { "used-not-lent",
				     "a used id that is not outstanding: never lent, or used twice" },
	[VRI_RULE_USED_LEN] = { "used-len",
				"a used length beyond the writable bytes of its chain" },
	[VRI_RULE_USED_ORDER] = { "used-order", "a buffer was used before an older one" },
	[VRI_RULE_DEADLINE] = { "deadline",
				"a request stayed with the device for longer than the deadline" },
	[VRI_RULE_DEVICE] = { "device", "the device gave the queue up" },
};

const char *vri_rule_text(enum vri_rule rule)
{
	return (unsigned)rule < VRI_RULE_COUNT ? rules[rule].text : "an unknown rule";
}

const char *vri_rule_name(enum vri_rule rule)
{
	return (unsigned)rule < VRI_RULE_COUNT ? rules[rule].name : "unknown";
}
