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

static bool is_packed(const struct vri_inspect_queue *q)
{
	return q->format == VRI_INSPECT_PACKED;
}

/* ---- where a side is: an index when the ring is split, a place when it is packed ---- */

static void collect_index(struct model *into, const char *key, const char *label,
			  const struct vri_inspect_queue *q, uint16_t idx)
{
	if (is_packed(q))
		model_none(into, key, NULL);
	else
		model_number(into, key, label, idx);
}

static void collect_place(struct model *into, const char *key, const char *label,
			  const struct vri_inspect_queue *q, const struct vri_inspect_place *place)
{
	struct model *object;

	if (!is_packed(q) || !q->readable) {
		model_none(into, key, is_packed(q) ? label : NULL);
		return;
	}
	object = model_object(into, key, NULL);
	model_number(object, "slot", NULL, place->slot);
	model_number(object, "wrap", NULL, place->wrap);
	model_bool(object, "exact", NULL, place->exact);
	model_format(into, NULL, label, "%s%u w%u", place->exact ? "" : ">=", place->slot,
		     place->wrap);
}

/* ---- a row ---- */

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
		collect_index(row, "avail_idx", "AVAIL", &q, q.avail_idx);
		collect_place(row, "avail_place", "AVAIL", &q, &q.driver_avail);
		collect_index(row, "used_idx", "USED", &q, q.used_idx);
		collect_place(row, "used_place", "USED", &q, &q.device_used);
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

static const char *event_name(uint8_t kind)
{
	static const char *const names[] = { "enable", "disable", "at", "reserved" };

	return names[kind & 3];
}

/* The event suppression structure of a side of a packed ring. */
static void collect_event(struct model *into, const struct vri_inspect_queue *q,
			  const struct vri_inspect_event *event)
{
	struct model *object;

	if (!is_packed(q) || !q->readable) {
		model_none(into, "event", is_packed(q) ? "event suppression" : NULL);
		return;
	}
	object = model_object(into, "event", NULL);
	model_text(object, "kind", NULL, event_name(event->kind));
	model_number(object, "slot", NULL, event->slot);
	model_number(object, "wrap", NULL, event->wrap);
	model_hex(object, "flags", NULL, event->flags);
	if (event->kind == VRI_INSPECT_EVENT_AT)
		model_format(into, NULL, "event suppression", "at %u w%u", event->slot,
			     event->wrap);
	else
		model_text(into, NULL, "event suppression", event_name(event->kind));
}

static const char *position_label(const struct vri_inspect_queue *q)
{
	return is_packed(q) ? "descriptors passed" : "has read up to";
}

static void collect_flag_word(struct model *into, const char *key,
			      const struct vri_inspect_queue *q, uint16_t flags)
{
	if (is_packed(q))
		model_none(into, key, NULL);
	else
		model_hex(into, key, "flags", flags);
}

/* What both sides have: in text it stands side by side, so the order is one. */
static void collect_life(struct model *into, uint64_t sleep_ns, uint32_t broken, uint64_t broken_ns,
			 const struct vri_counters *counters)
{
	model_time(into, "last_sleep_ns", "last sleep", sleep_ns);
	model_text(into, "broken_rule", "broken rule", rule_name(broken));
	model_time(into, "broken_ns", "broken since", broken_ns);
	collect_counters(into, counters);
}

static void collect_driver(struct model *into, const struct vri_inspect_queue *q)
{
	struct model *driver = model_object(into, "driver", "DRIVER (available)");

	collect_index(driver, "avail_idx", "index", q, q->avail_idx);
	collect_place(driver, "avail_place", "next available", q, &q->driver_avail);
	collect_place(driver, "used_place", "next used", q, &q->driver_used);
	model_number(driver, "position", position_label(q), q->driver_counters.position);
	model_number(driver, "behind", "behind by", q->not_taken);
	model_text(driver, "wants_notification", "wants a notification",
		   wants_name(q->driver_wants));
	collect_index(driver, "used_event", "event index", q, q->used_event);
	collect_flag_word(driver, "avail_flags", q, q->avail_flags);
	collect_event(driver, q, &q->driver_event);
	collect_life(driver, q->driver_sleep_ns, q->driver_broken, q->driver_broken_ns,
		     &q->driver_counters);
}

static void collect_device(struct model *into, const struct vri_inspect_queue *q)
{
	struct model *device = model_object(into, "device", "DEVICE (used)");

	collect_index(device, "used_idx", "index", q, q->used_idx);
	collect_place(device, "avail_place", "next available", q, &q->device_avail);
	collect_place(device, "used_place", "next used", q, &q->device_used);
	model_number(device, "position", position_label(q), q->device_counters.position);
	model_number(device, "behind", "behind by", q->not_popped);
	model_text(device, "wants_notification", "wants a notification",
		   wants_name(q->device_wants));
	collect_index(device, "avail_event", "event index", q, q->avail_event);
	collect_flag_word(device, "used_flags", q, q->used_flags);
	collect_event(device, q, &q->device_event);
	collect_life(device, q->device_sleep_ns, q->device_broken, q->device_broken_ns,
		     &q->device_counters);
}

/* ---- chains ---- */

static const char *where_name(uint16_t where)
{
	static const char *const names[] = { "available", "in-device", "used", "added" };

	return where < 4 ? names[where] : "unknown";
}

static const char *flag_name(unsigned bit, bool packed)
{
	static const char *const names[] = { "NEXT", "WRITE", "INDIRECT" };

	if (packed && bit == 7)
		return "AVAIL";
	if (packed && bit == 15)
		return "USED";
	return bit < 3 ? names[bit] : NULL;
}

static void collect_flags(struct model *into, uint16_t flags, bool packed)
{
	struct model *list = model_list(into, "flags", "FLAGS");
	unsigned bit;

	for (bit = 0; bit < 16; bit++) {
		if (!(flags >> bit & 1))
			continue;
		if (flag_name(bit, packed))
			model_text(list, NULL, NULL, flag_name(bit, packed));
		else
			model_format(list, NULL, NULL, "0x%x", 1u << bit);
	}
}

static const char *direction(const struct vri_inspect_desc *desc, bool packed)
{
	/* virtio 1.4, 2.8.7: in a table of a packed ring only WRITE means anything. */
	if (desc->flags & 4 && !(packed && desc->indirect))
		return "table";
	return desc->flags & 2 ? "writable" : "readable";
}

static void collect_desc(struct model *into, const struct vri_inspect_desc *desc, bool packed)
{
	struct model *row = model_object(into, NULL, NULL);
	const char *part = desc->in_region ? vri_inspect_part_name(desc->part_type) : NULL;

	model_format(row, "table", "TABLE", "%s", desc->indirect ? "indirect" : "direct");
	model_number(row, "number", "NUMBER", desc->number);
	model_text(row, "direction", "DIRECTION", direction(desc, packed));
	model_number(row, "length", "LENGTH", desc->len);
	model_hex(row, "iova", "IOVA", desc->iova);
	if (part)
		model_format(row, "place", "PLACE", "%s+0x%" PRIx64, part, desc->part_offset);
	else
		model_none(row, "place", "PLACE");
	collect_flags(row, desc->flags, packed);
	if (packed)
		model_none(row, "next", NULL);
	else
		model_number(row, "next", NULL, desc->next);
}

static const char *known_name(uint32_t known)
{
	return known == VRI_INSPECT_KNOWN_ALL  ? "all" :
	       known == VRI_INSPECT_KNOWN_SOME ? "some" :
						 "none";
}

/* The one word for people. */
static const char *chain_state(const struct vri_inspect_head *head,
			       const struct vri_inspect_chain *chain)
{
	if (!chain->stable)
		return "moving";
	if (rule_name(chain->problem))
		return rule_name(chain->problem);
	if (chain->known == VRI_INSPECT_KNOWN_SOME)
		return "start unknown";
	if (chain->known == VRI_INSPECT_KNOWN_NONE)
		return head->where == VRI_INSPECT_ADDED ? "unpublished" : "overwritten";
	return "ok";
}

static void collect_known(struct model *row, const char *key, const char *label, bool known,
			  uint64_t number)
{
	if (known)
		model_number(row, key, label, number);
	else
		model_none(row, key, label);
}

static void collect_chain(struct model *into, const struct vri_inspect_head *head,
			  const struct vri_inspect_chain *chain,
			  const struct vri_inspect_desc *descs, unsigned n_descs, bool packed)
{
	struct model *row = model_object(into, NULL, NULL);
	bool known = chain->known != VRI_INSPECT_KNOWN_NONE;
	struct model *list;
	unsigned i;

	model_number(row, "head", packed ? "ID" : "HEAD", chain->head);
	collect_known(row, "slot", packed ? "SLOT" : NULL, packed && known, chain->slot);
	model_text(row, "where", "WHERE", where_name(head->where));
	collect_known(row, "readable", "READABLE", known, chain->readable_len);
	collect_known(row, "writable", "WRITABLE", known, chain->writable_len);
	collect_known(row, "n_descriptors", "DESCRIPTORS", known, chain->n_descs);
	model_text(row, "state", "STATE", chain_state(head, chain));
	model_bool(row, "stable", NULL, chain->stable);
	model_text(row, "problem", NULL, rule_name(chain->problem));
	model_text(row, "known", NULL, known_name(chain->known));
	list = model_list(row, "descriptors", n_descs ? "descriptors" : NULL);
	for (i = 0; i < n_descs; i++)
		collect_desc(list, &descs[i], packed);
}

static void collect_some_chains(struct model *list, struct vri_inspect *insp,
				const struct vri_inspect_queue *q,
				const struct vri_inspect_head *heads, unsigned n)
{
	static struct vri_inspect_desc descs[DESCS_MAX];
	unsigned left = DESCS_MAX;
	unsigned i;

	for (i = 0; i < n && left; i++) {
		struct vri_inspect_chain chain = { .size = sizeof(chain) };
		unsigned stored;

		if (vri_inspect_get_chain(insp, q->index, heads[i].head, &chain, descs, left) < 0)
			break;
		stored = chain.n_descs < left ? chain.n_descs : left;
		collect_chain(list, &heads[i], &chain, descs, stored, is_packed(q));
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
		collect_some_chains(list, insp, q, heads, (unsigned)n < max ? (unsigned)n : max);
	free(heads);
}

static void collect_used(struct model *into, struct vri_inspect *insp,
			 const struct vri_inspect_queue *q, unsigned max)
{
	struct vri_inspect_used *used = calloc(max ? max : 1, sizeof(*used));
	struct model *list = model_list(into, "used", q->readable ? "last used" : NULL);
	int n = used ? vri_inspect_get_used(insp, q->index, used, max) : 0;
	bool packed = is_packed(q);
	int i;

	for (i = 0; i < n; i++) {
		struct model *row = model_object(list, NULL, NULL);

		collect_known(row, "idx", packed ? NULL : "INDEX", !packed, used[i].idx);
		collect_known(row, "slot", packed ? "SLOT" : NULL, packed, used[i].idx);
		collect_known(row, "wrap", packed ? "WRAP" : NULL, packed, used[i].wrap);
		model_number(row, "id", packed ? "ID" : "HEAD", used[i].id);
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
	model_bool(into, "in_order", "IN_ORDER", q->in_order);
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
