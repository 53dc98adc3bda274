/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Opens a link for an inspecting command and says what went wrong. */
#include "inspect_open.h"

#include <errno.h>
#include <string.h>

#include <vring-ipc/vring-ipc.h>

#include "command.h"

int inspect_open(const char *address, struct vri_inspect **ret_insp,
		 struct vri_inspect_link *ret_link)
{
	char why[VRI_INSPECT_WHY_MAX] = "";
	struct vri_inspect *insp;
	int r;

	r = vri_inspect_open(&insp, address, why, sizeof(why));
	if (r == -EINVAL)
		return cmd_usage("%s: %s", address, why);
	if (r < 0)
		return cmd_fail("%s: %s", address, why[0] ? why : vri_strerror(r));
	memset(ret_link, 0, sizeof(*ret_link));
	ret_link->size = sizeof(*ret_link);
	r = vri_inspect_get_link(insp, ret_link);
	if (r < 0) {
		vri_inspect_close(insp);
		return cmd_fail("%s: %s", address, vri_strerror(r));
	}
	*ret_insp = insp;
	return CMD_OK;
}
