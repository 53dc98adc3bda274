/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A link as a model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect.h"

const char *collect_type(const struct vri_inspect_link *link)
{
	const char *name = NULL;

	if (link->device_id < VRI_ID_LOCAL_FIRST)
		name = vri_device_id_name(link->device_id);
	return name ? name : link->type;
}

const char *collect_state(uint32_t status)
{
	if (status & VRI_STATUS_FAILED)
		return "failed";
	if (status & VRI_STATUS_NEEDS_RESET)
		return "needs-reset";
	if (status & VRI_STATUS_SUSPEND)
		return "suspended";
	if (status & VRI_STATUS_DRIVER_OK)
		return "running";
	return status ? "starting" : "reset";
}

static void collect_status(struct model *into, const struct vri_inspect_link *link)
{
	/* In the order in which a driver sets them. virtio 1.4, 3.1.1 */
	static const uint32_t order[] = { VRI_STATUS_ACKNOWLEDGE, VRI_STATUS_DRIVER,
					  VRI_STATUS_FEATURES_OK, VRI_STATUS_DRIVER_OK };
	uint32_t left = link->status;
	struct model *names;
	unsigned i;

	model_text(into, "state", "state", collect_state(link->status));
	model_number(into, "status", NULL, link->status);
	names = model_list(into, "status_names", "status");
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (left & order[i])
			model_text(names, NULL, NULL, vri_status_name(order[i]));
		left &= ~order[i];
	}
	for (i = 0; i < 32; i++) {
		const char *name = vri_status_name(1u << i);

		if (!(left >> i & 1))
			continue;
		if (name)
			model_text(names, NULL, NULL, name);
		else
			model_format(names, NULL, NULL, "0x%x", 1u << i);
	}
	model_text(into, "needs_reset_why", link->needs_reset_why[0] ? "needs reset" : NULL,
		   link->needs_reset_why[0] ? link->needs_reset_why : NULL);
	model_time(into, "needs_reset_ns", link->needs_reset_ns ? "since" : NULL,
		   link->needs_reset_ns);
}

static void collect_identity(struct model *into, const struct vri_inspect_link *link)
{
	model_text(into, "link_id", "link", link->link_id);
	model_text(into, "type", "type", link->type);
	model_text(into, "name", "name", link->name);
	model_format(into, NULL, "device", "%s (id %u)", collect_type(link), link->device_id);
	model_text(into, "device_name", NULL, collect_type(link));
	model_number(into, "device_id", NULL, link->device_id);
	model_hex(into, "vendor_id", "vendor", link->vendor_id);
}

static const char *role_name(uint32_t roles)
{
	static const char *const names[] = { "none", "device", "driver", "both" };

	return names[roles & 3];
}

void collect_process(struct model *into, const struct vri_inspect_process *process, bool labels)
{
	struct model *row = model_object(into, NULL, NULL);

	model_number(row, "pid", labels ? "PID" : NULL, (uint64_t)process->pid);
	model_text(row, "role", labels ? "ROLE" : NULL, role_name(process->roles));
	model_text(row, "command", labels ? "COMMAND" : NULL, process->command);
}

static void collect_processes(struct model *into, struct vri_inspect *insp)
{
	struct vri_inspect_process process[VRI_INSPECT_PROCESSES_MAX];
	struct model *list = model_list(into, "processes", "processes");
	int n = vri_inspect_processes(insp, process, VRI_INSPECT_PROCESSES_MAX);
	int i;

	for (i = 0; i < n && i < VRI_INSPECT_PROCESSES_MAX; i++)
		collect_process(list, &process[i], true);
}

static void collect_features(struct model *into, const struct vri_inspect_link *link)
{
	struct model *list = model_list(into, "features", "features");
	unsigned bit;

	for (bit = 0; bit < VRI_FEATURE_BITS; bit++) {
		const char *name = vri_feature_name(link->device_id, bit);
		struct model *row;

		if (!vri_features_has(&link->offered, bit) && !vri_features_has(&link->acked, bit))
			continue;
		row = model_object(list, NULL, NULL);
		model_number(row, "bit", "BIT", bit);
		model_text(row, "name", "NAME", name);
		model_bool(row, "offered", "OFFERED", vri_features_has(&link->offered, bit));
		model_bool(row, "acked", "ACKED", vri_features_has(&link->acked, bit));
		model_bool(row, "negotiated", "NEGOTIATED",
			   vri_features_has(&link->negotiated, bit));
	}
}

/* Little-endian, as all config spaces of non-transitional devices. virtio 1.4, 2.5.1 */
static uint64_t number_at(const uint8_t *bytes, unsigned width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

static char *hex_of(const uint8_t *bytes, size_t len, const char *between)
{
	char *text = malloc(3 * len + 1);
	size_t i, at = 0;

	if (!text)
		return NULL;
	text[0] = '\0';
	for (i = 0; i < len; i++)
		at += (size_t)sprintf(text + at, "%s%02x", i ? between : "", bytes[i]);
	return text;
}

static void collect_hex(struct model *into, const char *key, const char *label,
			const uint8_t *bytes, size_t len, const char *between)
{
	char *text = hex_of(bytes, len, between);

	model_text(into, key, label, text);
	free(text);
}

static bool collect_fields(struct model *into, const struct vri_inspect_link *link,
			   const uint8_t *bytes, unsigned len)
{
	const struct vri_inspect_field *field = vri_inspect_fields(link->device_id, link->type);
	struct model *list = model_list(into, "fields", field && field->name ? "" : NULL);

	for (; field && field->name; field++) {
		unsigned width = field->width * field->count;
		struct model *row;

		/* virtio 1.4, 2.5: a field exists when the feature that it depends on is offered. */
		if (field->offset + width > len ||
		    (field->feature >= 0 &&
		     !vri_features_has(&link->offered, (unsigned)field->feature)))
			continue;
		row = model_object(list, NULL, NULL);
		model_text(row, "name", "FIELD", field->name);
		model_number(row, "offset", "OFFSET", field->offset);
		model_number(row, "width", "WIDTH", width);
		if (field->count > 1)
			collect_hex(row, "value", "VALUE", bytes + field->offset, width, ":");
		else
			model_number(row, "value", "VALUE",
				     number_at(bytes + field->offset, field->width));
	}
	return list->first != NULL;
}

static void collect_config(struct model *into, struct vri_inspect *insp,
			   const struct vri_inspect_link *link)
{
	struct model *config = model_object(into, "config", "config space");
	uint8_t bytes[4096];
	uint32_t generation = 0;
	bool stable = false, has_fields;
	int len;

	len = vri_inspect_config(insp, bytes, sizeof(bytes), &generation, &stable);
	if (len < 0)
		len = 0;
	model_number(config, "size", "size", (uint64_t)len);
	model_number(config, "generation", "generation", generation);
	model_bool(config, "stable", stable ? NULL : "stable", stable);
	has_fields = collect_fields(config, link, bytes, (unsigned)len);
	collect_hex(config, "bytes", has_fields || !len ? NULL : "bytes", bytes, (size_t)len, "");
}

static void collect_shared_memory(struct model *into, const struct vri_inspect_link *link)
{
	struct model *list =
		model_list(into, "shared_memory", link->n_shared_memory ? "shared memory" : NULL);

	for (unsigned i = 0; i < link->n_shared_memory; i++) {
		const struct vri_inspect_shared_memory *shared = &link->shared_memory[i];
		struct model *row = model_object(list, NULL, NULL);

		model_number(row, "id", "ID", shared->id);
		model_size(row, "size", "SIZE", shared->size);
		model_bool(row, "writable", "WRITABLE", shared->writable);
		model_bool(row, "common", "COMMON", shared->common);
	}
}

static void collect_parts(struct model *into, const struct vri_inspect_link *link)
{
	struct model *list = model_list(into, "parts", "parts");
	unsigned i;

	for (i = 0; i < link->n_parts; i++) {
		const struct vri_inspect_part *part = &link->part[i];
		struct model *row = model_object(list, NULL, NULL);

		model_text(row, "name", "PART", vri_inspect_part_name(part->type));
		model_number(row, "type", "TYPE", part->type);
		model_number(row, "version", "VERSION", part->version);
		model_hex(row, "offset", "OFFSET", part->offset);
		model_size(row, "size", "SIZE", part->size);
		model_text(row, "writer", "WRITER", role_name(part->writer));
	}
}

void collect_now(struct model *into)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	model_number(into, "now_ns", NULL,
		     (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
}

void collect_link(struct model *into, struct vri_inspect *insp, const struct vri_inspect_link *link)
{
	collect_identity(into, link);
	collect_status(into, link);
	model_time(into, "device_attached_ns", "attached", link->device_attached_ns);
	model_time(into, "driver_attached_ns", NULL, link->driver_attached_ns);
	model_number(into, "device_pid", NULL, link->device_pid);
	model_number(into, "driver_pid", NULL, link->driver_pid);
	model_size(into, "region_size", "region", link->region_size);
	model_bool(into, "stable", link->stable ? NULL : "stable", link->stable);
	collect_processes(into, insp);
	collect_queues(into, insp, link);
	collect_config(into, insp, link);
	collect_features(into, link);
	collect_shared_memory(into, link);
	collect_parts(into, link);
}
