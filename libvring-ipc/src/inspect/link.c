/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Snapshots of a link: what both blocks publish, the parts, the config space. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/view.h"

static void take_text(char ret[VRI_INSPECT_TEXT_MAX], const char text[REGION_TEXT_MAX])
{
	peek_escape(ret, VRI_INSPECT_TEXT_MAX, text, REGION_TEXT_MAX);
}

static void take_features(struct vri_features *ret, const uint64_t word[2])
{
	static_assert(VRI_FEATURE_BITS == 128, "two words");
	ret->word[0] = le64toh(word[0]);
	ret->word[1] = le64toh(word[1]);
}

static void take_device(const struct vri_inspect *insp, struct vri_inspect_link *link)
{
	struct region_device block, scratch;

	if (insp->map.device_block.size < sizeof(block))
		return;
	link->stable &= peek_stable(&insp->peek, insp->map.device_block.offset, &block, &scratch,
				    sizeof(block), VIEW_TRIES);
	take_text(link->type, block.type);
	take_text(link->name, block.name);
	take_text(link->needs_reset_why, block.needs_reset_why);
	link->device_id = le32toh(block.device_id);
	link->vendor_id = le32toh(block.vendor_id);
	take_features(&link->offered, block.offered);
	link->status = le32toh(block.status);
	link->config_generation = le32toh(block.config_generation);
	link->config_size = le32toh(block.config_size);
	link->device_pid = le32toh(block.pid);
	link->device_attached_ns = le64toh(block.attached_ns);
	link->needs_reset_ns = le64toh(block.needs_reset_ns);
}

static void take_driver(const struct vri_inspect *insp, struct vri_inspect_link *link)
{
	struct region_driver block, scratch;

	if (insp->map.driver_block.size < sizeof(block))
		return;
	link->stable &= peek_stable(&insp->peek, insp->map.driver_block.offset, &block, &scratch,
				    sizeof(block), VIEW_TRIES);
	take_features(&link->acked, block.acked);
	link->driver_pid = le32toh(block.pid);
	link->driver_attached_ns = le64toh(block.attached_ns);
}

static void take_shared_memory(const struct vri_inspect *insp, struct vri_inspect_link *link)
{
	struct region_shared_memory entry[VRI_INSPECT_SHARED_MEMORY_MAX];
	struct region_shared_memory scratch[VRI_INSPECT_SHARED_MEMORY_MAX];
	size_t n = insp->map.shared_memory.size / sizeof(entry[0]);

	if (n > VRI_INSPECT_SHARED_MEMORY_MAX)
		n = VRI_INSPECT_SHARED_MEMORY_MAX;
	if (n == 0)
		return;
	link->stable &= peek_stable(&insp->peek, insp->map.shared_memory.offset, entry, scratch,
				    n * sizeof(entry[0]), VIEW_TRIES);
	for (size_t i = 0; i < n; i++) {
		struct vri_inspect_shared_memory *to = &link->shared_memory[link->n_shared_memory];
		uint32_t flags = le32toh(entry[i].flags);

		if (!entry[i].size)
			continue; /* the device is not there yet */
		to->id = le32toh(entry[i].id);
		to->size = le64toh(entry[i].size);
		to->writable = flags & REGION_SHARED_WRITABLE;
		to->common = flags & REGION_SHARED_COMMON;
		link->n_shared_memory++;
	}
}

static uint32_t role_of(uint32_t writer)
{
	switch (writer) {
	case REGION_WRITER_DEVICE:
		return VRI_INSPECT_ROLE_DEVICE;
	case REGION_WRITER_DRIVER:
		return VRI_INSPECT_ROLE_DRIVER;
	case REGION_WRITER_BOTH:
		return VRI_INSPECT_ROLE_DEVICE | VRI_INSPECT_ROLE_DRIVER;
	default:
		return 0;
	}
}

static void take_parts(const struct vri_inspect *insp, struct vri_inspect_link *link)
{
	unsigned i;

	for (i = 0; i < insp->n_parts && i < VRI_INSPECT_PARTS_MAX; i++) {
		link->part[i].type = insp->part[i].type;
		link->part[i].version = insp->part[i].version;
		link->part[i].offset = insp->part[i].offset;
		link->part[i].size = insp->part[i].size;
		link->part[i].writer = role_of(insp->part[i].writer);
	}
	link->n_parts = i;
}

int vri_inspect_get_link(struct vri_inspect *insp, struct vri_inspect_link *ret_link)
{
	struct vri_inspect_link *link;
	size_t size;

	if (!insp || !ret_link || ret_link->size < sizeof(ret_link->size))
		return -EINVAL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	size = ret_link->size < sizeof(*link) ? ret_link->size : sizeof(*link);
	link->size = size;
	link->stable = true;
	view_id_text(insp->link_id, link->link_id);
	link->region_size = insp->peek.size;
	take_parts(insp, link);
	take_device(insp, link);
	take_driver(insp, link);
	take_shared_memory(insp, link);
	if (link->status & VRI_STATUS_FEATURES_OK) {
		link->negotiated = link->offered;
		vri_features_and(&link->negotiated, &link->acked);
	}
	link->n_queues = view_n_queues(insp);
	memcpy(ret_link, link, size);
	free(link);
	return 0;
}

static uint32_t generation(const struct vri_inspect *insp)
{
	return peek_le32(&insp->peek, insp->map.device_block.offset +
					      offsetof(struct region_device, config_generation));
}

int vri_inspect_config(struct vri_inspect *insp, void *ret_buf, uint32_t max,
		       uint32_t *ret_generation, bool *ret_stable)
{
	struct region_part config;
	uint32_t before, after, size;
	unsigned tries;

	if (!insp || (!ret_buf && max) || !ret_generation || !ret_stable)
		return -EINVAL;
	config = insp->map.config;
	if (insp->map.device_block.size < sizeof(struct region_device))
		config.size = 0;
	size = config.size ?
		       peek_le32(&insp->peek, insp->map.device_block.offset +
						      offsetof(struct region_device, config_size)) :
		       0;
	if (size > config.size)
		size = (uint32_t)config.size;
	if (size > max)
		size = max;
	after = generation(insp);
	/* virtio 1.4, 2.5.3: the generation changes whenever the bytes may have; here it is odd
	 * while they do. Second look: until one is between two of the same generation. */
	for (tries = 0; tries < 1000; tries++) {
		before = after;
		peek_copy(&insp->peek, config.offset, ret_buf, size);
		after = generation(insp);
		if (before == after && !(before & 1))
			break;
	}
	*ret_generation = after;
	*ret_stable = tries < 1000;
	return (int)size;
}

const char *vri_inspect_part_name(uint32_t type)
{
	static const char *const names[] = {
		[REGION_DEVICE_BLOCK] = "device-block",
		[REGION_DRIVER_BLOCK] = "driver-block",
		[REGION_CONFIG] = "config",
		[REGION_DEVICE_COUNTERS] = "device-counters",
		[REGION_DRIVER_COUNTERS] = "driver-counters",
		[REGION_DRIVER_RINGS] = "driver-rings",
		[REGION_DEVICE_RINGS] = "device-rings",
		[REGION_SHARED_RINGS] = "shared-rings",
		[REGION_OUTSTANDING] = "outstanding",
		[REGION_TABLES] = "tables",
		[REGION_POOL] = "pool",
		[REGION_TRACE] = "trace",
		[REGION_SHARED_MEMORY] = "shared-memory",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}
