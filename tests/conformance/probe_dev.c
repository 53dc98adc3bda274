/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The probe: a timer is what completes the requests that it holds. */
#include "probe.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vring-ipc/device.h>

#include "devices.h"

#define HELD_MAX 64
#define PIECES 8
#define TICK_NS 200000

struct probe {
	int timer_fd;
};

struct held {
	struct vri_chain chain;
	struct iovec iov[PIECES];
	unsigned queue;
	uint64_t seq;
};

/* One driver's part. */
struct probe_link {
	struct held held[HELD_MAX];
	unsigned n_held;
	bool starved; /* some queue waits for room */
	uint64_t answered;
};

static void set_timer(const struct probe *probe)
{
	struct itimerspec spec = { .it_value.tv_nsec = TICK_NS };

	timerfd_settime(probe->timer_fd, 0, &spec, NULL);
}

static int answer(struct probe_link *link, struct vri_devq *q, struct vri_chain *chain,
		  uint64_t seq)
{
	struct probe_answer answer = { .seq = seq, .nth = htole64(++link->answered) };

	return vri_devq_push(q, chain,
			     (uint32_t)vri_chain_write(chain, 0, &answer, sizeof(answer)));
}

static int take(struct vri_instance *inst, unsigned queue, struct held *held)
{
	struct probe *probe = vri_device_data(vri_instance_device(inst));
	struct probe_link *link = vri_instance_data(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct probe_request request = { 0 };
	uint32_t value;

	vri_chain_read(&held->chain, 0, &request, sizeof(request));
	held->queue = queue;
	held->seq = request.seq;
	if (le32toh(request.op) == PROBE_LATER) {
		if (link->n_held++ == 0)
			set_timer(probe);
		return 0;
	}
	value = request.arg;
	if (le32toh(request.op) == PROBE_LEVEL)
		vri_instance_config_set(inst, offsetof(struct probe_config, level), &value,
					sizeof(value));
	if (le32toh(request.op) == PROBE_WEIGHT)
		vri_instance_config_set(inst, offsetof(struct probe_config, weight), &value,
					sizeof(value));
	return answer(link, q, &held->chain, request.seq);
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct probe_link *link = vri_instance_data(inst);
	struct vri_devq *q = vri_instance_devq(inst, queue);

	for (int n = 0; n < 64; n++) {
		struct held *held = &link->held[link->n_held];
		int r;

		if (link->n_held == HELD_MAX) {
			link->starved = true;
			return -EAGAIN;
		}
		held->chain = (struct vri_chain){ .iov = held->iov, .iov_max = PIECES };
		r = vri_devq_pop(q, &held->chain);
		if (r <= 0)
			return r;
		r = take(inst, queue, held);
		if (r < 0)
			return r;
	}
	return 1;
}

/* Youngest first. */
static void complete(struct vri_instance *inst, void *data)
{
	struct probe_link *link = vri_instance_data(inst);

	while (link && link->n_held > 0) {
		struct held *held = &link->held[--link->n_held];
		struct vri_devq *q = vri_instance_devq(inst, held->queue);

		if (!q)
			continue;
		answer(link, q, &held->chain, held->seq);
		vri_devq_notify(q);
	}
	for (unsigned i = 0; link && link->starved && i < vri_instance_n_queues(inst); i++)
		vri_instance_schedule(inst, i);
	if (link)
		link->starved = false;
}

static int event_fd(struct vri_device *dev)
{
	const struct probe *probe = vri_device_data(dev);

	return probe->timer_fd;
}

static void event(struct vri_device *dev)
{
	const struct probe *probe = vri_device_data(dev);
	uint64_t ticks;

	(void)!read(probe->timer_fd, &ticks, sizeof(ticks));
	vri_device_each_instance(dev, complete, NULL);
}

static int attach(struct vri_instance *inst)
{
	struct probe_link *link = calloc(1, sizeof(*link));

	vri_instance_set_data(inst, link);
	return link ? 0 : -ENOMEM;
}

static void detach(struct vri_instance *inst)
{
	free(vri_instance_data(inst));
	vri_instance_set_data(inst, NULL);
}

static int check_features(struct vri_instance *inst, const struct vri_features *acked)
{
	(void)inst;
	return vri_features_has(acked, PROBE_F_GEARS) && !vri_features_has(acked, PROBE_F_BRAKES) ?
		       -EOPNOTSUPP :
		       0;
}

static int start(struct vri_instance *inst)
{
	struct probe_link *link = vri_instance_data(inst);

	link->n_held = 0;
	link->answered = 0;
	return 0;
}

static void stop(struct vri_instance *inst)
{
	struct probe_link *link = vri_instance_data(inst);

	link->n_held = 0;
}

static void release(struct vri_device *dev)
{
	struct probe *probe = vri_device_data(dev);

	close(probe->timer_fd);
	free(probe);
}

static const struct vri_device_ops ops = {
	.size = sizeof(ops),
	.attach = attach,
	.detach = detach,
	.check_features = check_features,
	.start = start,
	.stop = stop,
	.process = process,
	.event_fd = event_fd,
	.event = event,
	.release = release,
};

int probe_new(const char *options, struct vri_device **ret_dev)
{
	static const struct vri_config_field fields[] = {
		{ offsetof(struct probe_config, weight), sizeof(uint32_t) },
		{ offsetof(struct probe_config, limit), sizeof(uint64_t) },
	};
	struct probe_config config = { .level = htole32(1) };
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = PROBE_TYPE,
		.device_id = PROBE_ID,
		.n_queues = (unsigned)devices_number(options, "queues", 1),
		.queue_size_max = (unsigned)devices_number(options, "qsize", 256),
		.config = &config,
		.config_size = sizeof(config),
		.config_fields = fields,
		.n_config_fields = 2,
		.config_race = devices_number(options, "merge", 0) ? VRI_CONFIG_MERGE :
								     VRI_CONFIG_REFUSE,
	};
	struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return -ENOMEM;
	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	if (devices_number(options, "wide", 0)) {
		vri_features_set(&info.features, PROBE_F_LIGHTS);
		vri_features_set(&info.features, PROBE_F_GEARS);
		vri_features_set(&info.features, PROBE_F_BRAKES);
	}
	probe->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = probe->timer_fd < 0 ? -errno : vri_device_new(&info, &ops, probe, ret_dev);
	if (r < 0) {
		if (probe->timer_fd >= 0)
			close(probe->timer_fd);
		free(probe);
	}
	return r;
}
