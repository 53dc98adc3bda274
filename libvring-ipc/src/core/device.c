/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device: what it says of itself, checked when it is made, and the list of its instances. */
#include "core/device_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "core/features.h"
#include "core/instance_impl.h"
#include "core/options.h"
#include "core/ring_layout.h"
#include "core/transport.h"
#include "util/clock.h"
#include "util/log.h"

#define QUEUES_DEFAULT 1
#define QUEUE_SIZE_DEFAULT 1024

/* ---- making one ---- */

static const char *fill_names(struct vri_device *dev, const struct vri_device_info *info)
{
	const char *name = info->name ? info->name : info->type;

	if (!info->type || !info->type[0])
		return "no type";
	if (strnlen(info->type, VRI_TYPE_MAX) == VRI_TYPE_MAX ||
	    strnlen(name, VRI_TYPE_MAX) == VRI_TYPE_MAX)
		return "the type or the name is too long";
	if (!vri__text_clean(dev->type, sizeof(dev->type), info->type, VRI_TYPE_MAX) ||
	    !vri__text_clean(dev->name, sizeof(dev->name), name, VRI_TYPE_MAX))
		return "the type or the name is not printable ASCII";
	return NULL;
}

static const char *fill_numbers(struct vri_device *dev, const struct vri_device_info *info)
{
	static const struct vri_features none;
	const char *why = NULL;

	dev->device_id = info->device_id;
	dev->vendor_id = info->vendor_id;
	dev->n_queues = info->n_queues ? info->n_queues : QUEUES_DEFAULT;
	dev->queue_size_max = info->queue_size_max ? info->queue_size_max : QUEUE_SIZE_DEFAULT;
	dev->config_size = info->config_size;
	dev->config_race = info->config_race;
	dev->offered = info->features;
	if (memcmp(&dev->offered, &none, sizeof(none)) == 0)
		vri_features_default(&dev->offered);

	if (dev->device_id == 0)
		return "no device id";
	if (dev->n_queues > VRI_QUEUES_MAX)
		return "too many queues";
	if (!vri__split_size_is_valid(dev->queue_size_max))
		return "the queue size is no power of two up to 32768";
	if (dev->config_size > VRI_CONFIG_MAX || (dev->config_size && !info->config))
		return "the config space is too large or not there";
	if ((unsigned)dev->config_race > VRI_CONFIG_MERGE)
		return "no such way to settle a race of config writes";
	if (info->n_config_fields && (!info->config_fields || info->config_writable))
		return "fields that are not there, or besides single bytes";
	vri__features_check_offer(dev->device_id, &dev->offered, &why);
	return why ? why : vri__shared_memory_check(info->shared_memory, info->n_shared_memory);
}

static int make_shared_memory(struct vri_device *dev, const struct vri_device_info *info)
{
	int r = 0;

	for (unsigned i = 0; i < info->n_shared_memory && r == 0; i++) {
		dev->shared[dev->n_shared++] = info->shared_memory[i];
		if (info->shared_memory[i].common)
			r = vri__shared_memory_make(&dev->common[i], &info->shared_memory[i]);
	}
	return r;
}

/* Returns: 0; -EINVAL when they overlap or are not inside. */
static int mark_fields(struct vri_device *dev, const struct vri_device_info *info)
{
	for (unsigned i = 0; i < info->n_config_fields; i++) {
		const struct vri_config_field *field = &info->config_fields[i];

		if (field->size == 0 ||
		    !vri__config_is_inside(dev->config_size, field->offset, field->size))
			return -EINVAL;
		for (uint32_t at = 0; at < field->size; at++) {
			uint8_t *mark = &dev->config_writable[field->offset + at];

			if (*mark)
				return -EINVAL;
			*mark = CONFIG_WRITABLE | (at ? CONFIG_JOINED : 0);
		}
	}
	return 0;
}

static int fill_config(struct vri_device *dev, const struct vri_device_info *info)
{
	uint32_t size = dev->config_size;

	dev->config = calloc(size ? size : 1, 1);
	dev->config_writable = calloc(size ? size : 1, 1);
	if (!dev->config || !dev->config_writable)
		return -ENOMEM;
	if (size)
		memcpy(dev->config, info->config, size);
	for (uint32_t i = 0; info->config_writable && i < size; i++)
		dev->config_writable[i] = info->config_writable[i] ? CONFIG_WRITABLE : 0;
	return mark_fields(dev, info);
}

static void free_device(struct vri_device *dev)
{
	for (unsigned i = 0; i < dev->n_shared; i++)
		vri__shared_memory_free(&dev->common[i]);
	free(dev->config);
	free(dev->config_writable);
	free(dev);
}

int vri_device_new(const struct vri_device_info *info, const struct vri_device_ops *ops, void *data,
		   struct vri_device **ret_dev)
{
	struct vri_device_info known;
	struct vri_device *dev;
	const char *why;
	int r;

	if (!info || !ret_dev || vri__options_copy(&known, sizeof(known), info) < 0)
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	atomic_init(&dev->refs, 1);
	dev->data = data;
	list_init(&dev->instances);
	list_init(&dev->lingering);
	why = fill_names(dev, &known);
	if (!why)
		why = fill_numbers(dev, &known);
	if (!why && vri__options_copy(&dev->ops, sizeof(dev->ops), ops) < 0)
		why = "the ops table has members that are not known";
	if (why) {
		vri__log(VRI_LOG_ERROR, "vri_device_new: %s", why);
		free_device(dev);
		return -EINVAL;
	}
	/* Threads of the device's own cannot be told that one queue is reset, and only its ops can tell them to pause. */
	if (vri__device_has_own_threads(dev)) {
		vri_features_clear(&dev->offered, VRI_F_RING_RESET);
		if (!dev->ops.suspend || !dev->ops.is_suspended || !dev->ops.resume)
			vri_features_clear(&dev->offered, VRI_F_SUSPEND);
	}
	r = fill_config(dev, &known);
	if (r == -EINVAL)
		vri__log(VRI_LOG_ERROR,
			 "vri_device_new: fields of the config space that overlap or "
			 "are not inside of it");
	if (r == 0)
		r = make_shared_memory(dev, &known);
	if (r < 0) {
		free_device(dev);
		return r;
	}
	*ret_dev = dev;
	return 0;
}

struct vri_device *vri_device_ref(struct vri_device *dev)
{
	if (dev)
		atomic_fetch_add_explicit(&dev->refs, 1, memory_order_relaxed);
	return dev;
}

void vri_device_unref(struct vri_device *dev)
{
	/* Acquire and release: what each holder did comes before what the last one frees. Pairs with itself. */
	if (!dev || atomic_fetch_sub_explicit(&dev->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (dev->ops.release)
		dev->ops.release(dev);
	free_device(dev);
}

/* ---- what it says of itself ---- */

void *vri_device_data(const struct vri_device *dev)
{
	return dev ? dev->data : NULL;
}

const char *vri_device_type(const struct vri_device *dev)
{
	return dev ? dev->type : "";
}

const char *vri_device_name(const struct vri_device *dev)
{
	return dev ? dev->name : "";
}

uint32_t vri_device_device_id(const struct vri_device *dev)
{
	return dev ? dev->device_id : 0;
}

void vri_device_features(const struct vri_device *dev, struct vri_features *ret_offered)
{
	if (dev && ret_offered)
		*ret_offered = dev->offered;
}

void vri__offer_of(const struct vri_device *dev, struct offer *ret_offer)
{
	*ret_offer = (struct offer){
		.device_id = dev->device_id,
		.vendor_id = dev->vendor_id,
		.features = dev->offered,
		.n_queues = dev->n_queues,
		.queue_size_max = dev->queue_size_max,
		.config_size = dev->config_size,
		.n_shared = dev->n_shared,
	};
	memcpy(ret_offer->shared, dev->shared, sizeof(ret_offer->shared));
	memcpy(ret_offer->type, dev->type, sizeof(ret_offer->type));
	memcpy(ret_offer->name, dev->name, sizeof(ret_offer->name));
}

static bool text_is_fine(const char text[VRI_TYPE_MAX])
{
	char clean[VRI_TYPE_MAX];

	return memchr(text, '\0', VRI_TYPE_MAX) &&
	       vri__text_clean(clean, sizeof(clean), text, VRI_TYPE_MAX);
}

int vri__offer_check(const struct offer *offer)
{
	if (!text_is_fine(offer->type) || !offer->type[0] || !text_is_fine(offer->name))
		return -EPROTO;
	/* virtio 1.4, 4.2.2 (MMIO): device id 0 is a placeholder for no device. */
	if (offer->device_id == 0)
		return -EPROTO;
	if (offer->n_queues < 1 || offer->n_queues > VRI_QUEUES_MAX ||
	    !vri__split_size_is_valid(offer->queue_size_max) || offer->config_size > VRI_CONFIG_MAX)
		return -EPROTO;
	if (vri__shared_memory_check(offer->shared, offer->n_shared))
		return -EPROTO;
	return 0;
}

bool vri__device_takes_turns(const struct vri_device *dev)
{
	return dev->ops.process != NULL;
}

bool vri__device_has_own_threads(const struct vri_device *dev)
{
	return dev->ops.process == NULL;
}

int vri__device_event_fd(struct vri_device *dev)
{
	return dev->ops.event_fd ? dev->ops.event_fd(dev) : -1;
}

/* ---- what ends later than its link ---- */

void vri__device_linger(struct vri_device *dev, struct vri_instance *inst)
{
	if (dev->ops.is_stopped && !dev->ops.is_stopped(inst))
		list_add(&dev->lingering, &vri_instance_ref(inst)->of_device);
}

static void let_go(struct vri_device *dev)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &dev->lingering) {
		struct vri_instance *inst = list_entry(node, struct vri_instance, of_device);

		if (!dev->ops.is_stopped(inst))
			continue;
		list_remove(node);
		vri_instance_unref(inst);
	}
}

void vri__device_event(struct vri_device *dev)
{
	if (dev->ops.event)
		dev->ops.event(dev);
	let_go(dev);
}

void vri__device_settle(struct vri_device *dev, unsigned timeout_ms)
{
	uint64_t deadline = clock_monotonic_ns() + timeout_ms * 1000000ull;

	let_go(dev);
	while (!list_is_empty(&dev->lingering)) {
		struct pollfd fd = { .fd = vri__device_event_fd(dev), .events = POLLIN };
		uint64_t now = clock_monotonic_ns();

		if (now >= deadline) {
			vri__log(VRI_LOG_WARNING,
				 "%s: requests of links that ended are still being worked on",
				 dev->name);
			return;
		}
		poll(&fd, 1, (int)((deadline - now + 999999) / 1000000));
		vri__device_event(dev);
	}
}

/* ---- its instances ---- */

void vri_device_each_instance(struct vri_device *dev,
			      void (*fn)(struct vri_instance *inst, void *data), void *data)
{
	struct list *node, *after;

	if (!dev || !fn)
		return;
	list_for_each_safe(node, after, &dev->instances)
		fn(list_entry(node, struct vri_instance, of_device), data);
}

int vri_device_config_set(struct vri_device *dev, uint32_t offset, const void *buf, uint32_t len)
{
	struct list *node;

	if (!dev || !buf || !vri__config_is_inside(dev->config_size, offset, len))
		return -EINVAL;
	memcpy(dev->config + offset, buf, len);
	list_for_each(node, &dev->instances)
		vri_instance_config_set(list_entry(node, struct vri_instance, of_device), offset,
					buf, len);
	return 0;
}
