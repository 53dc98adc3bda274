/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What the inspecting commands begin with. */
#ifndef CLI_INSPECT_OPEN_H
#define CLI_INSPECT_OPEN_H

#include <vring-ipc/inspect.h>

/* Opens the link that @address names and takes a first look at it. Returns: CMD_OK; CMD_FAILED or
 * CMD_USAGE after a message. Ownership: returned; vri_inspect_close(). */
int inspect_open(const char *address, struct vri_inspect **ret_insp,
		 struct vri_inspect_link *ret_link);

#endif
