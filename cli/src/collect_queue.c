/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A queue as a model: one row of a table, or all about it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "collect.h"

/* Descriptors that one command prints at most, however long a hostile peer makes its chains. */
#define DESCS_MAX 4096

static const char *format_name(uint32_t format)
{
	return format == VRI_INSPECT_SPLIT  ? "split" :
	       format == VRI_INSPECT_PACKED ? "packed" :
					      "unknown";
}

/* NULL for a queue that works. What a hostile peer made up has no name of its own. */
static const char *rule_name(uint32_t rule)
{
	if (rule == VRI_RULE_NONE)
		return NULL;
	return rule < VRI_RULE_COUNT ? vri_rule_name((enum vri_rule)rule) : "unknown";
}

static const char *queue_state(const struct vri_inspect_queue *q)
{
	if (q->driver_broken || q->device_broken)
		return "broken";
	if (q->enabled && q->live)
		return "live";
	return q->enabled ? "set up" : "off";
}

void collect_queues(struct model *into, struct vri_inspect *insp,
		    const struct vri_inspect_link *link)
{
	struct model *list = model_list(into, "queues", "queues");
	unsigned i;

	for (i = 0; i < link->n_queues; i++) {
		struct vri_inspect_queue q = { .size = sizeof(q) };
		struct model *row;

		if (vri_inspect_get_queue(insp, i, &q) < 0)
			continue;
		row = model_object(list, NULL, NULL);
		model_number(row, "index", "N", i);
		model_text(row, "state", "STATE", queue_state(&q));
		model_text(row, "format", NULL, format_name(q.format));
		model_number(row, "size", "SIZE", q.queue_size);
		model_number(row, "avail_idx", "AVAIL", q.avail_idx);
		model_number(row, "used_idx", "USED", q.used_idx);
		model_number(row, "outstanding", "OUTSTANDING", q.outstanding);
		model_number(row, "buffers", "BUFFERS", q.driver_counters.buffers);
		model_size(row, "bytes_readable", "READABLE", q.driver_counters.bytes_readable);
		model_size(row, "bytes_written", "WRITTEN", q.device_counters.bytes_written);
		model_bool(row, "stable", NULL, q.stable);
	}
}

/* ---- the two sides ---- */

static void collect_counters(struct model *into, const struct vri_counters *c)
{
	struct model *counters = model_object(into, "counters", "counters");

	model_number(counters, "buffers", "buffers", c->buffers);
	model_number(counters, "bytes_readable", "bytes readable", c->bytes_readable);
	model_number(counters, "bytes_written", "bytes written", c->bytes_written);
	model_number(counters, "notifications", "notifications sent", c->notifications);
	model_number(counters, "suppressed", "notifications saved", c->suppressed);
	model_number(counters, "sleeps", "sleeps", c->sleeps);
	model_number(counters, "errors", "errors of the peer", c->errors);
}

static const char *wants_name(uint32_t wants)
{
	return wants == VRI_INSPECT_WANTS_ALL ? "always" :
	       wants == VRI_INSPECT_WANTS_AT  ? "at-event" :
						"no";
}

static void collect_driver(struct model *into, const struct vri_inspect_queue *q)
{
	struct model *driver = model_object(into, "driver", "DRIVER (available)");

	model_number(driver, "avail_idx", "index", q->avail_idx);
	model_number(driver, "position", "has read up to", q->driver_counters.position);
	model_number(driver, "behind", "behind by", q->not_taken);
	model_text(driver, "wants_notification", "wants a notification",
		   wants_name(q->driver_wants));
	model_number(driver, "used_event", "event index", q->used_event);
	model_hex(driver, "avail_flags", "flags", q->avail_flags);
	model_time(driver, "last_sleep_ns", "last sleep", q->driver_sleep_ns);
	model_text(driver, "broken_rule", "broken rule", rule_name(q->driver_broken));
	model_time(driver, "broken_ns", "broken since", q->driver_broken_ns);
	collect_counters(driver, &q->driver_counters);
}

static void collect_device(struct model *into, const struct vri_inspect_queue *q)
{
	struct model *device = model_object(into, "device", "DEVICE (used)");

	model_number(device, "used_idx", "index", q->used_idx);
	model_number(device, "position", "has read up to", q->device_counters.position);
	model_number(device, "behind", "behind by", q->not_popped);
	model_text(device, "wants_notification", "wants a notification",
		   wants_name(q->device_wants));
	model_number(device, "avail_event", "event index", q->avail_event);
	model_hex(device, "used_flags", "flags", q->used_flags);
	model_time(device, "last_sleep_ns", "last sleep", q->device_sleep_ns);
	model_text(device, "broken_rule", "broken rule", rule_name(q->device_broken));
	model_time(device, "broken_ns", "broken since", q->device_broken_ns);
	collect_counters(device, &q->device_counters);
}

/* ---- chains ---- */

static const char *where_name(uint16_t where)
{
	static const char *const names[] = { "available", "in-device", "used" };

	return where < 3 ? names[where] : "unknown";
}

static void collect_flags(struct model *into, uint16_t flags)
{
	static const char *const names[] = { "NEXT", "WRITE", "INDIRECT" };
	struct model *list = model_list(into, "flags", "FLAGS");
	unsigned bit;

	for (bit = 0; bit < 16; bit++) {
		if (!(flags >> bit & 1))
			continue;
		if (bit < 3)
			model_text(list, NULL, NULL, names[bit]);
		else
			model_format(list, NULL, NULL, "0x%x", 1u << bit);
	}
}

static void collect_desc(struct model *into, const struct vri_inspect_desc *desc)
{
	struct model *row = model_object(into, NULL, NULL);
	const char *part = desc->in_region ? vri_inspect_part_name(desc->part_type) : NULL;

	model_format(row, "table", "TABLE", "%s", desc->indirect ? "indirect" : "direct");
	model_number(row, "number", "NUMBER", desc->number);
	model_text(row, "direction", "DIRECTION",
		   desc->flags & 4 ? "table" :
		   desc->flags & 2 ? "writable" :
				     "readable");
	model_number(row, "length", "LENGTH", desc->len);
	model_hex(row, "iova", "IOVA", desc->iova);
	if (part)
		model_format(row, "place", "PLACE", "%s+0x%" PRIx64, part, desc->part_offset);
	else
		model_none(row, "place", "PLACE");
	collect_flags(row, desc->flags);
	model_number(row, "next", NULL, desc->next);
}

static void collect_chain(struct model *into, const struct vri_inspect_head *head,
			  const struct vri_inspect_chain *chain,
			  const struct vri_inspect_desc *descs, unsigned n_descs)
{
	struct model *row = model_object(into, NULL, NULL);
	struct model *list;
	unsigned i;

	model_number(row, "head", "HEAD", chain->head);
	model_text(row, "where", "WHERE", where_name(head->where));
	model_number(row, "readable", "READABLE", chain->readable_len);
	model_number(row, "writable", "WRITABLE", chain->writable_len);
	model_number(row, "n_descriptors", "DESCRIPTORS", chain->n_descs);
	model_format(row, "state", "STATE", "%s",
		     !chain->stable	       ? "moving" :
		     rule_name(chain->problem) ? rule_name(chain->problem) :
						 "ok");
	model_bool(row, "stable", NULL, chain->stable);
	model_text(row, "problem", NULL, rule_name(chain->problem));
	list = model_list(row, "descriptors", n_descs ? "descriptors" : NULL);
	for (i = 0; i < n_descs; i++)
		collect_desc(list, &descs[i]);
}

static void collect_some_chains(struct model *list, struct vri_inspect *insp, unsigned queue,
				const struct vri_inspect_head *heads, unsigned n)
{
	static struct vri_inspect_desc descs[DESCS_MAX];
	unsigned left = DESCS_MAX;
	unsigned i;

	for (i = 0; i < n && left; i++) {
		struct vri_inspect_chain chain = { .size = sizeof(chain) };
		unsigned stored;

		if (vri_inspect_get_chain(insp, queue, heads[i].head, &chain, descs, left) < 0)
			break;
		stored = chain.n_descs < left ? chain.n_descs : left;
		collect_chain(list, &heads[i], &chain, descs, stored);
		left -= stored;
	}
}

static void collect_chains(struct model *into, struct vri_inspect *insp,
			   const struct vri_inspect_queue *q, unsigned max)
{
	struct vri_inspect_head *heads = calloc(max ? max : 1, sizeof(*heads));
	struct model *list = model_list(into, "chains", q->readable ? "outstanding chains" : NULL);
	int n = heads ? vri_inspect_outstanding(insp, q->index, heads, max) : 0;

	if (n > 0)
		collect_some_chains(list, insp, q->index, heads,
				    (unsigned)n < max ? (unsigned)n : max);
	free(heads);
}

static void collect_used(struct model *into, struct vri_inspect *insp,
			 const struct vri_inspect_queue *q, unsigned max)
{
	struct vri_inspect_used *used = calloc(max ? max : 1, sizeof(*used));
	struct model *list = model_list(into, "used", q->readable ? "last used" : NULL);
	int n = used ? vri_inspect_get_used(insp, q->index, used, max) : 0;
	int i;

	for (i = 0; i < n; i++) {
		struct model *row = model_object(list, NULL, NULL);

		model_number(row, "idx", "INDEX", used[i].idx);
		model_number(row, "id", "HEAD", used[i].id);
		model_number(row, "length", "LENGTH", used[i].len);
	}
	free(used);
}

void collect_queue(struct model *into, struct vri_inspect *insp, const struct vri_inspect_queue *q,
		   const struct collect_limits *limits)
{
	struct model *areas, *sides;

	model_number(into, "index", "queue", q->index);
	model_text(into, "state", "state", queue_state(q));
	model_text(into, "problem", q->problem ? "not read" : NULL, q->problem);
	model_text(into, "format", "format", format_name(q->format));
	model_number(into, "size", "size", q->queue_size);
	model_number(into, "size_max", "largest size", q->queue_size_max);
	model_bool(into, "enabled", NULL, q->enabled);
	model_bool(into, "live", NULL, q->live);
	model_bool(into, "event_idx", "EVENT_IDX", q->event_idx);
	model_number(into, "outstanding", NULL, q->outstanding);
	if (q->outstanding > limits->chains)
		model_format(into, NULL, "outstanding", "%u chains, %u of them below",
			     q->outstanding, limits->chains);
	else
		model_format(into, NULL, "outstanding", "%u chains", q->outstanding);
	model_bool(into, "stable", "stable", q->stable);
	areas = model_object(into, "areas", "areas");
	model_hex(areas, "descriptor", "descriptor", q->desc);
	model_hex(areas, "driver", "driver", q->driver);
	model_hex(areas, "device", "device", q->device);

	sides = model_object(into, NULL, "");
	sides->style = MODEL_SIDE_BY_SIDE;
	collect_driver(sides, q);
	collect_device(sides, q);
	collect_chains(into, insp, q, limits->chains);
	collect_used(into, insp, q, limits->used);
}
