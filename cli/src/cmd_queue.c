/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring queue list` and `vring queue show`. */
#include <errno.h>

#include <vring-ipc/vring-ipc.h>

#include "collect.h"
#include "command.h"
#include "inspect_open.h"

static struct model *begin(const struct cmd_call *call, const struct vri_inspect_link *link)
{
	struct model *model = model_new();

	model_text(model, "address", "address", call->arg[0]);
	collect_now(model);
	model_text(model, "link_id", "link", link->link_id);
	model_text(model, "type", NULL, link->type);
	model_text(model, "name", "name", link->name);
	return model;
}

int cmd_queue_list(const struct cmd_call *call)
{
	struct vri_inspect_link link;
	struct vri_inspect *insp;
	struct model *model;
	int r;

	r = inspect_open(call->arg[0], &insp, &link);
	if (r != CMD_OK)
		return r;
	model = begin(call, &link);
	collect_queues(model, insp, &link);
	r = model_print(model, call->json);
	model_free(model);
	vri_inspect_close(insp);
	return r;
}

static int show(const struct cmd_call *call, struct vri_inspect *insp,
		const struct vri_inspect_link *link, unsigned index,
		const struct collect_limits *limits)
{
	struct vri_inspect_queue queue = { .size = sizeof(queue) };
	struct model *model;
	int r;

	r = vri_inspect_get_queue(insp, index, &queue);
	if (r == -ENOENT)
		return cmd_fail("%s: it has no queue %u, but %u queues", call->arg[0], index,
				link->n_queues);
	if (r < 0)
		return cmd_fail("%s: %s", call->arg[0], vri_strerror(r));
	model = begin(call, link);
	collect_queue(model, insp, &queue, limits);
	r = model_print(model, call->json);
	model_free(model);
	return r;
}

int cmd_queue_show(const struct cmd_call *call)
{
	/* People want a first look, programs all of it. */
	uint64_t index, chains = call->json ? VRI_QUEUE_SIZE_MAX : 8, used = 8;
	struct vri_inspect_link link;
	struct collect_limits limits;
	struct vri_inspect *insp;
	int r;

	r = cmd_number("N", call->arg[1], 0, VRI_QUEUES_MAX - 1, &index);
	if (r == CMD_OK)
		r = cmd_option_number(call, "--chains", 0, VRI_QUEUE_SIZE_MAX, &chains);
	if (r == CMD_OK)
		r = cmd_option_number(call, "--used", 0, VRI_QUEUE_SIZE_MAX, &used);
	if (r == CMD_OK)
		r = inspect_open(call->arg[0], &insp, &link);
	if (r != CMD_OK)
		return r;
	limits.chains = (unsigned)chains;
	limits.used = (unsigned)used;
	r = show(call, insp, &link, (unsigned)index, &limits);
	vri_inspect_close(insp);
	return r;
}
