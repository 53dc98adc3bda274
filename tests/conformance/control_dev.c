/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device of nothing but control queues, one for each framing. */
#include "control_dev.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/control.h>

struct link {
	struct vri_control_dev *control[2];
	uint32_t count;
};

static struct link *count(struct vri_control_job *job)
{
	struct link *link = job->data;

	link->count++;
	return link;
}

static uint8_t reverse(struct vri_control_job *job)
{
	const uint8_t *from = job->payload;
	uint8_t *to = job->reply;

	count(job);
	for (uint32_t i = 0; i < job->payload_len; i++)
		to[i] = from[job->payload_len - 1 - i];
	job->reply_len = job->payload_len;
	return VRI_CONTROL_OK;
}

static uint8_t zeroes(struct vri_control_job *job)
{
	count(job);
	memcpy(job->reply, job->payload, 8);
	job->reply_len = 8;
	return VRI_CONTROL_OK;
}

static uint8_t tell(struct vri_control_job *job)
{
	uint32_t n = htole32(count(job)->count);

	memcpy(job->reply, &n, sizeof(n));
	job->reply_len = sizeof(n);
	return VRI_CONTROL_OK;
}

static uint8_t refuse(struct vri_control_job *job)
{
	count(job);
	return NUMBER_REFUSED;
}

static uint8_t fail(struct vri_control_job *job)
{
	count(job);
	return VRI_CONTROL_FAILED;
}

static uint8_t many(struct vri_control_job *job)
{
	uint8_t *to = job->reply;
	uint32_t n;

	count(job);
	memcpy(&n, job->payload, sizeof(n));
	job->reply_len = le32toh(n);
	for (uint32_t i = 0; i < NUMBER_MANY_MAX; i++)
		to[i] = (uint8_t)i;
	return VRI_CONTROL_OK;
}

static const struct vri_control_command commands[] = {
	{ TEXT_CLASS, TEXT_REVERSE, 1, TEXT_MAX, TEXT_MAX, reverse },
	{ TEXT_CLASS, TEXT_ZEROES, 2, 8, 8, zeroes },
	{ NUMBER_CLASS, NUMBER_COUNT, 0, 0, 4, tell },
	{ NUMBER_CLASS, NUMBER_REFUSE, 0, 0, 0, refuse },
	{ NUMBER_CLASS, NUMBER_FAIL, 0, 0, 0, fail },
	{ NUMBER_CLASS, NUMBER_MANY, 4, 0, NUMBER_MANY_MAX, many },
};

static void detach(struct vri_instance *inst)
{
	struct link *link = vri_instance_data(inst);

	vri_control_dev_free(link->control[0]);
	vri_control_dev_free(link->control[1]);
	free(link);
}

static int attach(struct vri_instance *inst)
{
	struct link *link = calloc(1, sizeof(*link));
	struct vri_control_dev_opts opts = {
		.size = sizeof(opts),
		.commands = commands,
		.n_commands = sizeof(commands) / sizeof(commands[0]),
		.data = link,
	};
	int r = link ? 0 : -ENOMEM;

	for (unsigned i = 0; i < 2 && r == 0; i++) {
		opts.framing = i;
		r = vri_control_dev_new(&opts, &link->control[i]);
	}
	vri_instance_set_data(inst, link);
	if (r < 0 && link)
		detach(inst);
	return r;
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct link *link = vri_instance_data(inst);

	return queue == CONTROL_DEAF ? 0 : vri_control_dev_serve(link->control[queue], inst, queue);
}

int control_dev_new(const char *options, struct vri_device **ret_dev)
{
	static const struct vri_device_ops ops = {
		.size = sizeof(ops),
		.attach = attach,
		.detach = detach,
		.process = process,
	};
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.control",
		.device_id = VRI_ID_LOCAL_FIRST + 33,
		.n_queues = CONTROL_QUEUES,
	};

	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	return vri_device_new(&info, &ops, NULL, ret_dev);
}
