/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Turns what the inspector sees into a model. The keys stand in docs/json.md. */
#ifndef CLI_COLLECT_H
#define CLI_COLLECT_H

#include <vring-ipc/inspect.h>

#include "model.h"

/* How a link's device is called where there is little room: "block", or the type string of a type
 * without an assigned id. */
const char *collect_type(const struct vri_inspect_link *link);

/* The one word that says how far a device is: "running", "needs-reset", ... */
const char *collect_state(uint32_t status);

/* A process that holds a link: a row with its pid, role and command. The labels are left out of
 * tables that have other columns for them. */
void collect_process(struct model *into, const struct vri_inspect_process *process, bool labels);

/* CLOCK_BOOTTIME now, on which all times are, as "now_ns". */
void collect_now(struct model *into);

/* All about a link: identity, processes, status, features, config space, queues, parts. */
void collect_link(struct model *into, struct vri_inspect *insp,
		  const struct vri_inspect_link *link);

/* The queues of a link, a row each. */
void collect_queues(struct model *into, struct vri_inspect *insp,
		    const struct vri_inspect_link *link);

/* How much of a queue's lists is collected. */
struct collect_limits {
	unsigned chains;
	unsigned used;
};

/* All about one queue. */
void collect_queue(struct model *into, struct vri_inspect *insp,
		   const struct vri_inspect_queue *queue, const struct collect_limits *limits);

#endif
