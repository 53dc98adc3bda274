/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's side of a control queue: a dispatch table, and every byte of the driver's copied
 * once before anybody looks at it.
 */
#include <vring-ipc/control.h>

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"

#define CONTROL_TURN 64 /* commands before other queues have their turn */
#define QUEUE_SIZE_DEFAULT 1024

/* Where the reply begins in the room for the answer, whatever stands before it. */
#define REPLY_AT sizeof(struct vri_control_answer)

static_assert(sizeof(struct vri_control_header) == 8, "control queue layout");
static_assert(sizeof(struct vri_control_answer) == 8, "control queue layout");

struct vri_control_dev {
	const struct vri_control_command *commands;
	unsigned n_commands;
	enum vri_control_framing framing;
	void *data;
	uint8_t *payload; /* the longest that any row has */
	uint8_t *answer; /* the same, behind REPLY_AT bytes */
	unsigned n_iov;
	struct iovec iov[]; /* room for the pieces of the longest chain that there can be */
};

/* ---- making one ---- */

static uint32_t payload_max(const struct vri_control_command *row)
{
	return row->payload_max ? row->payload_max : row->payload_min;
}

static bool row_is_valid(const struct vri_control_dev_opts *opts, unsigned i)
{
	const struct vri_control_command *row = &opts->commands[i];

	if (!row->handle || payload_max(row) < row->payload_min ||
	    payload_max(row) > VRI_CONTROL_LENGTH_MAX || row->reply_max > VRI_CONTROL_LENGTH_MAX)
		return false;
	for (unsigned other = 0; other < i; other++)
		if (opts->commands[other].command_class == row->command_class &&
		    opts->commands[other].command == row->command)
			return false;
	return true;
}

int vri_control_dev_new(const struct vri_control_dev_opts *opts, struct vri_control_dev **ret_ctl)
{
	struct vri_control_dev_opts o;
	uint32_t payload = 0, reply = 0;
	struct vri_control_dev *ctl;
	unsigned n_iov;

	if (!ret_ctl || vri__options_copy(&o, sizeof(o), opts) < 0 ||
	    (o.n_commands && !o.commands) || o.framing > VRI_CONTROL_PLAIN ||
	    o.queue_size_max > VRI_QUEUE_SIZE_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < o.n_commands; i++) {
		if (!row_is_valid(&o, i))
			return -EINVAL;
		if (payload_max(&o.commands[i]) > payload)
			payload = payload_max(&o.commands[i]);
		if (o.commands[i].reply_max > reply)
			reply = o.commands[i].reply_max;
	}
	n_iov = o.queue_size_max ? o.queue_size_max : QUEUE_SIZE_DEFAULT;
	ctl = calloc(1, sizeof(*ctl) + n_iov * sizeof(ctl->iov[0]));
	if (!ctl)
		return -ENOMEM;
	ctl->commands = o.commands;
	ctl->n_commands = o.n_commands;
	ctl->framing = o.framing;
	ctl->data = o.data;
	ctl->n_iov = n_iov;
	ctl->payload = malloc(payload ? payload : 1);
	ctl->answer = malloc(REPLY_AT + reply);
	if (!ctl->payload || !ctl->answer) {
		vri_control_dev_free(ctl);
		return -ENOMEM;
	}
	*ret_ctl = ctl;
	return 0;
}

void vri_control_dev_free(struct vri_control_dev *ctl)
{
	if (!ctl)
		return;
	free(ctl->payload);
	free(ctl->answer);
	free(ctl);
}

/* ---- a command ---- */

static const struct vri_control_command *find(const struct vri_control_dev *ctl,
					      const struct vri_control_header *header)
{
	for (unsigned i = 0; i < ctl->n_commands; i++)
		if (ctl->commands[i].command_class == header->command_class &&
		    ctl->commands[i].command == header->command)
			return &ctl->commands[i];
	return NULL;
}

static uint8_t carry_out(struct vri_control_dev *ctl, struct vri_instance *inst,
			 const struct vri_chain *chain, uint32_t *ret_reply_len)
{
	bool plain = ctl->framing == VRI_CONTROL_PLAIN;
	uint32_t header_len = plain ? 2 : sizeof(struct vri_control_header);
	struct vri_control_header header = { 0 };
	const struct vri_control_command *row;
	struct vri_control_job job;
	uint32_t length, known;
	uint8_t ack;

	if (vri_chain_read(chain, 0, &header, header_len) < header_len)
		return VRI_CONTROL_SHORT;
	row = find(ctl, &header);
	if (!row)
		return VRI_CONTROL_UNKNOWN;
	length = chain->readable_len - header_len;
	if (!plain && le32toh(header.length) > length)
		return VRI_CONTROL_SHORT;
	if (!plain)
		length = le32toh(header.length);
	if (length < row->payload_min)
		return VRI_CONTROL_SHORT;
	known = length < payload_max(row) ? length : payload_max(row);
	memset(ctl->payload + known, 0, payload_max(row) - known);
	vri_chain_read(chain, header_len, ctl->payload, known);
	memset(ctl->answer + REPLY_AT, 0, row->reply_max);
	job = (struct vri_control_job){
		.inst = inst,
		.command_class = header.command_class,
		.command = header.command,
		.payload_len = known,
		.payload = ctl->payload,
		.reply = ctl->answer + REPLY_AT,
		.data = ctl->data,
	};
	ack = row->handle(&job);
	*ret_reply_len = job.reply_len < row->reply_max ? job.reply_len : row->reply_max;
	return ack;
}

/* Carries one command out and writes its answer. Returns: how much was written. */
static uint32_t command(struct vri_control_dev *ctl, struct vri_instance *inst,
			const struct vri_chain *chain)
{
	bool plain = ctl->framing == VRI_CONTROL_PLAIN;
	uint32_t answer_len = plain ? 1 : sizeof(struct vri_control_answer);
	struct vri_control_answer answer = { 0 };
	uint32_t reply_len = 0;
	uint8_t *at = ctl->answer + REPLY_AT - answer_len;

	/* Nobody could learn what became of it. */
	if (chain->writable_len < answer_len)
		return 0;
	answer.ack = carry_out(ctl, inst, chain, &reply_len);
	/* virtio 1.4, 5.1.6.5: a standard type knows two answers. */
	if (plain && answer.ack != VRI_CONTROL_OK && answer.ack < VRI_CONTROL_OWN)
		answer.ack = VRI_CONTROL_FAILED;
	answer.length = htole32(reply_len);
	memcpy(at, &answer, answer_len);
	return (uint32_t)vri_chain_write(chain, 0, at, answer_len + reply_len);
}

int vri_control_dev_serve(struct vri_control_dev *ctl, struct vri_instance *inst, unsigned queue)
{
	if (!ctl)
		return -EINVAL;
	for (int n = 0; n < CONTROL_TURN; n++) {
		struct vri_chain chain = { .iov = ctl->iov, .iov_max = ctl->n_iov };
		/* Asked for each time: a handler may have ended it. */
		struct vri_devq *q = vri_instance_devq(inst, queue);
		uint32_t written;
		int r;

		if (!q)
			return 0;
		r = vri_devq_pop(q, &chain);
		if (r <= 0)
			return r;
		written = command(ctl, inst, &chain);
		if (vri_instance_devq(inst, queue) != q)
			return 0;
		r = vri_devq_push(q, &chain, written);
		if (r < 0)
			return r;
	}
	return 1;
}
