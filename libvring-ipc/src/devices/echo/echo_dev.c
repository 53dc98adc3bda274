/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The echo device: the smallest example of a device type of one's own. Nothing in here is special;
 * a program outside of this library writes its device with the same public calls.
 *
 * What a device type consists of:
 *   1. a type string and an id of the local range             devices/echo.h, VRI_ECHO_TYPE
 *   2. feature bits of its own, next to the common ones       echo_device_new(), VRI_ECHO_F_CTRL
 *   3. a config space, little-endian                          struct vri_echo_config
 *   4. what its queues carry                                  echo_messages(), the table echo_commands
 *   5. what belongs to one driver, made when one comes        struct echo_link, attach and detach
 *
 * The two rules for everything that a driver can write: read each byte that decides something once,
 * into memory of your own, and check the copy; and bound what one turn of a queue does.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/devices/echo.h>

#include "core/options.h"

#define ECHO_TURN 256 /* messages of one queue before others have their turn */
#define ECHO_BYTES_TURN (4u << 20) /* and bytes */
#define ECHO_MESSAGE_MAX (16u << 20)

/* The device: what all its drivers share. */
struct echo {
	uint32_t max_message;
	unsigned n_queues; /* echo queues: the control queue is the one after them */
	unsigned queue_size_max;
};

/* One driver's part. */
struct echo_link {
	uint8_t mask; /* what this driver's messages are XORed with */
	struct vri_control_dev *control;
	struct iovec iov[]; /* room for the pieces of the longest chain that there can be */
};

/* ---- echo queues ---- */

/* Copies with the mask, from one run of pieces to the other. */
static uint32_t echo_pieces(const struct vri_chain *chain, uint32_t len, uint8_t mask)
{
	/* Each step looks for its place from the first piece on: large steps keep a message of many
	 * tiny pieces and a huge one from being a walk without end. */
	uint8_t piece[32768];
	uint32_t done = 0;

	while (done < len) {
		size_t n = len - done < sizeof(piece) ? len - done : sizeof(piece);

		n = vri_chain_read(chain, done, piece, n);
		for (size_t i = 0; mask != 0 && i < n; i++)
			piece[i] ^= mask;
		done += (uint32_t)vri_chain_write(chain, done, piece, n);
	}
	return done;
}

static uint32_t echo_message(const struct echo *echo, const struct echo_link *link,
			     const struct vri_chain *chain)
{
	uint32_t len = chain->readable_len;

	if (len > chain->writable_len)
		len = chain->writable_len;
	if (len > echo->max_message)
		len = echo->max_message;
	/* The usual message is one piece each way and goes back as it is. A driver that points both
	 * at the same bytes gets what it asked for: memmove(). */
	if (link->mask == 0 && chain->n_readable == 1 && chain->n_writable == 1)
		memmove(chain->iov[1].iov_base, chain->iov[0].iov_base, len);
	else
		echo_pieces(chain, len, link->mask);
	return len;
}

static int echo_messages(const struct echo *echo, struct echo_link *link, struct vri_devq *q,
			 struct vri_chain *chain)
{
	uint32_t bytes = 0;

	for (int n = 0; n < ECHO_TURN && bytes < ECHO_BYTES_TURN; n++) {
		uint32_t len;
		int r = vri_devq_pop(q, chain);

		if (r <= 0)
			return r;
		len = echo_message(echo, link, chain);
		r = vri_devq_push(q, chain, len);
		if (r < 0)
			return r;
		bytes += len;
	}
	return 1; /* more to do, perhaps: others first */
}

/* ---- the control queue ---- */

static uint8_t echo_set_mask(struct vri_control_job *job)
{
	struct echo_link *link = vri_instance_data(job->inst);
	const struct vri_echo_mask *wanted = job->payload;
	struct vri_echo_mask *before = job->reply;

	before->mask = link->mask;
	job->reply_len = sizeof(*before);
	link->mask = wanted->mask;
	return VRI_CONTROL_OK;
}

/* What is longer, or not in here, the library sees to. */
static const struct vri_control_command echo_commands[] = {
	{ .command_class = VRI_ECHO_CLASS_MASK,
	  .command = VRI_ECHO_MASK_SET,
	  .payload_min = sizeof(struct vri_echo_mask),
	  .reply_max = sizeof(struct vri_echo_mask),
	  .handle = echo_set_mask },
};

/* Called when the driver has kicked. Publishing, notifying and going to sleep are the library's. */
static int echo_process(struct vri_instance *inst, unsigned queue)
{
	const struct echo *echo = vri_device_data(vri_instance_device(inst));
	struct echo_link *link = vri_instance_data(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct vri_chain chain = { .iov = link->iov, .iov_max = echo->queue_size_max };

	if (!q)
		return 0;
	if (queue < echo->n_queues)
		return echo_messages(echo, link, q, &chain);
	return vri_control_dev_serve(link->control, inst, queue);
}

/* ---- drivers come and go ---- */

static int echo_attach(struct vri_instance *inst)
{
	const struct echo *echo = vri_device_data(vri_instance_device(inst));
	const struct vri_control_dev_opts control = {
		.size = sizeof(control),
		.commands = echo_commands,
		.n_commands = sizeof(echo_commands) / sizeof(echo_commands[0]),
		.queue_size_max = echo->queue_size_max,
	};
	struct echo_link *link;
	int r;

	link = calloc(1, sizeof(*link) + echo->queue_size_max * sizeof(link->iov[0]));
	if (!link)
		return -ENOMEM;
	r = vri_control_dev_new(&control, &link->control);
	if (r < 0) {
		free(link);
		return r;
	}
	vri_instance_set_data(inst, link);
	return 0;
}

static void echo_detach(struct vri_instance *inst)
{
	struct echo_link *link = vri_instance_data(inst);

	vri_control_dev_free(link->control);
	free(link);
}

/* A reset brings everything back to where it began. */
static int echo_start(struct vri_instance *inst)
{
	struct echo_link *link = vri_instance_data(inst);

	link->mask = 0;
	return 0;
}

static void echo_release(struct vri_device *dev)
{
	free(vri_device_data(dev));
}

static const struct vri_device_ops echo_ops = {
	.size = sizeof(echo_ops),
	.attach = echo_attach,
	.detach = echo_detach,
	.start = echo_start,
	.process = echo_process,
	.release = echo_release,
};

/* ---- the device ---- */

static int echo_device_new(struct echo *echo, const struct vri_echo_device_opts *opts,
			   struct vri_device **ret_dev)
{
	struct vri_echo_config config = {
		.max_message = htole32(echo->max_message),
		.n_echo_queues = htole32(echo->n_queues),
	};
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = VRI_ECHO_TYPE,
		.name = opts->name,
		.device_id = VRI_ID_ECHO,
		.n_queues = echo->n_queues + (opts->no_control ? 0 : 1),
		.queue_size_max = echo->queue_size_max,
		.config = &config,
		.config_size = sizeof(config),
	};

	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	if (!opts->no_control)
		vri_features_set(&info.features, VRI_ECHO_F_CTRL);
	return vri_device_new(&info, &echo_ops, echo, ret_dev);
}

int vri_echo_device_new(const struct vri_echo_device_opts *opts, struct vri_device **ret_dev)
{
	struct vri_echo_device_opts o;
	struct echo *echo;
	int r;

	if (!ret_dev || vri__options_copy(&o, sizeof(o), opts) < 0)
		return -EINVAL;
	if (o.max_message > ECHO_MESSAGE_MAX || o.n_queues >= VRI_QUEUES_MAX ||
	    o.queue_size_max > VRI_QUEUE_SIZE_MAX)
		return -EINVAL;
	echo = calloc(1, sizeof(*echo));
	if (!echo)
		return -ENOMEM;
	echo->max_message = o.max_message ? o.max_message : 1u << 20;
	echo->n_queues = o.n_queues ? o.n_queues : 1;
	echo->queue_size_max = o.queue_size_max ? o.queue_size_max : 1024;
	r = echo_device_new(echo, &o, ret_dev);
	if (r < 0)
		free(echo);
	return r;
}
