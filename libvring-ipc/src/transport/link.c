/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The public face of links and listeners: options and addresses are checked here, then a transport
 * takes over. */
#include "transport/transport.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/broker_wire.h"
#include "core/options.h"
#include "core/region.h"
#include "util/log.h"

#define TIMEOUT_DEFAULT_MS 5000
#define POOL_DEFAULT (1u << 20)
#define INDIRECT_DEFAULT 32
#define LINKS_DEFAULT 1024
#define MODE_DEFAULT 0600

static const struct transport *const transports[] = {
	&vri__transport_shm,
	&vri__transport_loopback,
};

static const struct transport *find_transport(const char *address, const char **ret_rest)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		size_t len = strlen(transports[i]->scheme);

		if (strncmp(address, transports[i]->scheme, len) == 0) {
			*ret_rest = address + len;
			return transports[i];
		}
	}
	*ret_rest = address;
	return broker_name_check(address) == NULL ? &vri__transport_name : NULL;
}

/* ---- what transports share ---- */

int vri__link_init(struct vri_link *link, const struct link_ops *ops)
{
	link->ops = ops;
	link->drv = NULL;
	link->pid = getpid();
	if (getrandom(link->id, sizeof(link->id), 0) != (ssize_t)sizeof(link->id))
		return -EAGAIN; /* the machine has only just started */
	for (unsigned i = 0; i < sizeof(link->id); i++)
		snprintf(link->id_text + 2 * i, 3, "%02x", link->id[i]);
	return 0;
}

bool vri__link_is_foreign(const struct vri_link *link)
{
	return getpid() != link->pid;
}

int vri__link_check_offer(const struct vri_link_opts *opts, const struct offer *offer)
{
	if (opts->type && strcmp(opts->type, offer->type) != 0) {
		vri__log(VRI_LOG_WARNING, "the device is of type %s, not %s", offer->type,
			 opts->type);
		return -ECONNREFUSED;
	}
	if (opts->device_id && opts->device_id != offer->device_id) {
		vri__log(VRI_LOG_WARNING, "the device has id %u, not %u", offer->device_id,
			 opts->device_id);
		return -ECONNREFUSED;
	}
	if (opts->n_queues > offer->n_queues) {
		vri__log(VRI_LOG_WARNING, "the device has %u queues, not %u", offer->n_queues,
			 opts->n_queues);
		return -EINVAL;
	}
	if (opts->queue_size > offer->queue_size_max) {
		vri__log(VRI_LOG_WARNING, "the device has queues of at most %u descriptors, not %u",
			 offer->queue_size_max, opts->queue_size);
		return -EINVAL;
	}
	return 0;
}

/* ---- links ---- */

static bool is_power_of_two(unsigned n)
{
	return n && (n & (n - 1)) == 0;
}

static int complete_link_opts(const struct vri_link_opts *given, struct vri_link_opts *ret)
{
	int r = vri__options_copy(ret, sizeof(*ret), given);

	if (r < 0)
		return r;
	if (ret->n_queues > VRI_QUEUES_MAX || ret->queue_size > VRI_QUEUE_SIZE_MAX ||
	    (ret->queue_size && ret->ring != VRI_RING_PACKED &&
	     !is_power_of_two(ret->queue_size)) ||
	    ret->ring > VRI_RING_PACKED || ret->pool_size > REGION_SIZE_MAX ||
	    (ret->indirect_max > VRI_QUEUE_SIZE_MAX && ret->indirect_max != ~0u) ||
	    ret->notifier > VRI_NOTIFIER_PIPE || ret->timeout_ms > INT_MAX)
		return -EINVAL;
	ret->size = sizeof(*ret);
	if (!ret->pool_size)
		ret->pool_size = POOL_DEFAULT;
	if (!ret->indirect_max)
		ret->indirect_max = INDIRECT_DEFAULT;
	if (!ret->timeout_ms)
		ret->timeout_ms = TIMEOUT_DEFAULT_MS;
	return 0;
}

int vri_link_open(struct vri_link **ret_link, const char *address, const struct vri_link_opts *opts)
{
	const struct transport *transport;
	struct vri_link_opts all;
	const char *rest;
	int r;

	if (!ret_link || !address)
		return -EINVAL;
	r = complete_link_opts(opts, &all);
	if (r < 0)
		return r;
	transport = find_transport(address, &rest);
	if (!transport)
		return -EINVAL;
	if (transport->wants_device != (all.device != NULL))
		return -EINVAL;
	return transport->open(ret_link, rest, &all);
}

void vri_link_close(struct vri_link *link)
{
	if (link)
		link->ops->close(link);
}

struct vri_driver *vri_link_driver(struct vri_link *link)
{
	return link ? link->drv : NULL;
}

const char *vri_link_id(const struct vri_link *link)
{
	return link ? link->id_text : NULL;
}

int vri_link_fd(const struct vri_link *link)
{
	return link ? link->ops->fd(link) : -EINVAL;
}

short vri_link_events(const struct vri_link *link)
{
	return POLLIN;
}

int vri_link_dispatch(struct vri_link *link)
{
	return link ? link->ops->dispatch(link) : -EINVAL;
}

int vri_link_wait(struct vri_link *link, int timeout_ms)
{
	return link ? link->ops->wait(link, timeout_ms) : -EINVAL;
}

/* ---- listeners ---- */

static int complete_listener_opts(const struct vri_listener_opts *given,
				  struct vri_listener_opts *ret)
{
	int r = vri__options_copy(ret, sizeof(*ret), given);

	if (r < 0)
		return r;
	if (ret->mode > 0777 || ret->notifier > VRI_NOTIFIER_PIPE || ret->timeout_ms > INT_MAX)
		return -EINVAL;
	ret->size = sizeof(*ret);
	if (!ret->max_links)
		ret->max_links = LINKS_DEFAULT;
	if (!ret->mode)
		ret->mode = MODE_DEFAULT;
	if (!ret->timeout_ms)
		ret->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (!ret->memory_max)
		ret->memory_max = REGION_SIZE_MAX > SIZE_MAX ? SIZE_MAX : (size_t)REGION_SIZE_MAX;
	return 0;
}

int vri_listener_open(struct vri_listener **ret_listener, const char *address,
		      struct vri_device *dev, const struct vri_listener_opts *opts)
{
	const struct transport *transport;
	struct vri_listener_opts all;
	const char *rest;
	int r;

	if (!ret_listener || !address || !dev)
		return -EINVAL;
	r = complete_listener_opts(opts, &all);
	if (r < 0)
		return r;
	transport = find_transport(address, &rest);
	if (!transport || !transport->listen)
		return -EINVAL;
	return transport->listen(ret_listener, rest, dev, &all);
}

void vri_listener_close(struct vri_listener *listener)
{
	if (listener)
		listener->ops->close(listener);
}

int vri_listener_fd(const struct vri_listener *listener)
{
	return listener ? listener->ops->fd(listener) : -EINVAL;
}

short vri_listener_events(const struct vri_listener *listener)
{
	return POLLIN;
}

int vri_listener_dispatch(struct vri_listener *listener)
{
	return vri_listener_wait(listener, 0);
}

int vri_listener_wait(struct vri_listener *listener, int timeout_ms)
{
	if (!listener)
		return -EINVAL;
	if (getpid() != listener->pid)
		return -ESHUTDOWN;
	return listener->ops->wait(listener, timeout_ms);
}

unsigned vri_listener_n_links(const struct vri_listener *listener)
{
	return listener ? listener->ops->n_links(listener) : 0;
}
