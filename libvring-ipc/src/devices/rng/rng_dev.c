/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device side of virtio-rng: the kernel's random bytes into whatever is writable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <vring-ipc/devices/rng.h>

#include "core/options.h"

#define RNG_REQUEST_DEFAULT 65536
#define RNG_REQUEST_MAX (1u << 20)
#define RNG_TURN_BYTES (256u << 10) /* of one queue before others have their turn: about 1 ms */
#define RNG_TURN 64 /* requests */
#define RNG_QUEUE_SIZE 256

struct rng_device {
	uint32_t request_max;
};

struct rng_link {
	struct iovec iov[RNG_QUEUE_SIZE];
};

/* The kernel's generator blocks at no time but before it is seeded, early at boot: then the request
 * waits. Returns: the bytes written; -EAGAIN. */
static int fill(const struct vri_chain *chain, uint32_t max)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < chain->n_writable && done < max; i++) {
		const struct iovec *piece = &chain->iov[chain->n_readable + i];
		size_t len = piece->iov_len < max - done ? piece->iov_len : max - done;
		ssize_t r = getrandom(piece->iov_base, len, GRND_NONBLOCK);

		if (r < 0)
			return done > 0 ? (int)done : -EAGAIN;
		done += (uint32_t)r;
		/* Without a gap: a short answer ends here. */
		if ((size_t)r < len)
			break;
	}
	return (int)done;
}

static int rng_process(struct vri_instance *inst, unsigned queue)
{
	const struct rng_device *rng = vri_device_data(vri_instance_device(inst));
	struct rng_link *link = vri_instance_data(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct vri_chain chain = { .iov = link->iov, .iov_max = RNG_QUEUE_SIZE };
	uint32_t bytes = 0;

	for (int n = 0; q && n < RNG_TURN && bytes < RNG_TURN_BYTES; n++) {
		int len, r = vri_devq_pop(q, &chain);

		if (r <= 0)
			return r;
		/* virtio 1.4, 5.4.6.2: the device MUST place one or more random bytes into the
		 * buffer. One without a writable byte takes none. */
		len = fill(&chain, rng->request_max);
		if (len < 0) {
			vri_devq_rewind(q, 1);
			return 1;
		}
		r = vri_devq_push(q, &chain, (uint32_t)len);
		if (r < 0)
			return r;
		bytes += (uint32_t)len;
	}
	return q ? 1 : 0;
}

static int rng_attach(struct vri_instance *inst)
{
	struct rng_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	vri_instance_set_data(inst, link);
	return 0;
}

static void rng_detach(struct vri_instance *inst)
{
	free(vri_instance_data(inst));
}

static void rng_release(struct vri_device *dev)
{
	free(vri_device_data(dev));
}

static const struct vri_device_ops rng_ops = {
	.size = sizeof(rng_ops),
	.attach = rng_attach,
	.detach = rng_detach,
	.process = rng_process,
	.release = rng_release,
};

int vri_rng_device_new(const struct vri_rng_device_opts *opts, struct vri_device **ret_dev)
{
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = VRI_RNG_TYPE,
		.device_id = VRI_ID_RNG,
		.n_queues = 1,
		.queue_size_max = RNG_QUEUE_SIZE,
	};
	struct vri_rng_device_opts o;
	struct rng_device *rng;
	int r;

	if (!ret_dev || vri__options_copy(&o, sizeof(o), opts) < 0 ||
	    o.request_max > RNG_REQUEST_MAX)
		return -EINVAL;
	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	rng = calloc(1, sizeof(*rng));
	if (!rng)
		return -ENOMEM;
	rng->request_max = o.request_max ? o.request_max : RNG_REQUEST_DEFAULT;
	info.name = o.name;
	r = vri_device_new(&info, &rng_ops, rng, ret_dev);
	if (r < 0)
		free(rng);
	return r;
}
