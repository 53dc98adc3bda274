/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring link list` and `vring link show`. */
#include <stdio.h>
#include <string.h>

#include <vring-ipc/vring-ipc.h>

#include "collect.h"
#include "command.h"
#include "inspect_open.h"

/* The side whose pid makes the address: the device, which outlives its drivers. */
static const struct vri_inspect_process *side(const struct vri_inspect_found *found, uint32_t role)
{
	unsigned i;

	for (i = 0; i < found->n_processes && i < VRI_INSPECT_PROCESSES_MAX; i++) {
		if (found->process[i].roles & role)
			return &found->process[i];
	}
	return NULL;
}

static void add_link(const struct vri_inspect_found *found, void *data)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	struct model *row = model_object(data, NULL, NULL);
	const struct vri_inspect_process *device = side(found, VRI_INSPECT_ROLE_DEVICE);
	const struct vri_inspect_process *driver = side(found, VRI_INSPECT_ROLE_DRIVER);
	bool known = found->insp && vri_inspect_get_link(found->insp, &link) == 0;
	int pid = device ? device->pid : found->process[0].pid;
	struct model *processes;
	unsigned i;

	model_format(row, "address", "ADDRESS", "pid:%d%s%.8s", pid, found->link_id[0] ? "/" : "",
		     found->link_id);
	model_text(row, "device_name", "TYPE", known ? collect_type(&link) : NULL);
	model_text(row, "type", NULL, known ? link.type : NULL);
	model_text(row, "name", NULL, known ? link.name : NULL);
	/* A device without a name of its own is called as its type: once is enough. */
	model_text(row, NULL, "NAME",
		   known && strcmp(link.name, link.type) != 0 ? link.name : NULL);
	model_text(row, "state", "STATE", known ? collect_state(link.status) : "unreadable");
	model_text(row, "link_id", NULL, found->link_id[0] ? found->link_id : NULL);
	model_text(row, "problem", NULL, found->problem);
	if (known)
		model_number(row, "n_queues", NULL, link.n_queues);
	else
		model_none(row, "n_queues", NULL);
	model_text(row, NULL, "DEVICE", device ? device->command : NULL);
	if (driver)
		model_format(row, NULL, "DRIVER", "%s %d", driver->command, (int)driver->pid);
	else
		model_none(row, NULL, "DRIVER");
	processes = model_list(row, "processes", NULL);
	for (i = 0; i < found->n_processes && i < VRI_INSPECT_PROCESSES_MAX; i++)
		collect_process(processes, &found->process[i], false);
}

int cmd_link_list(const struct cmd_call *call)
{
	struct vri_inspect_census census = { .size = sizeof(census) };
	struct model *model = model_new();
	struct model *list = model_list(model, "links", "links");
	int r;

	r = vri_inspect_list(add_link, list, &census);
	if (r < 0) {
		r = cmd_fail("cannot look for links: %s", vri_strerror(r));
	} else {
		model_number(model, "processes_read", NULL, census.processes);
		model_number(model, "processes_unreadable", NULL, census.processes_unreadable);
		r = model_print(model, call->json);
		if (!call->json && census.processes_unreadable)
			fprintf(stderr,
				"vring: %u processes could not be looked into: other users', or not dumpable\n",
				census.processes_unreadable);
	}
	model_free(model);
	return r;
}

int cmd_link_show(const struct cmd_call *call)
{
	struct vri_inspect_link link;
	struct vri_inspect *insp;
	struct model *model;
	int r;

	r = inspect_open(call->arg[0], &insp, &link);
	if (r != CMD_OK)
		return r;
	model = model_new();
	model_text(model, "address", "address", call->arg[0]);
	collect_now(model);
	collect_link(model, insp, &link);
	r = model_print(model, call->json);
	model_free(model);
	vri_inspect_close(insp);
	return r;
}
