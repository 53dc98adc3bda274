/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The slow half of the list: its ends, and deadlines. */

#include "outstanding.h"

void vri__outstanding_init(struct outstanding *o, void *records, unsigned size)
{
	*o = (struct outstanding){ .record = records, .size = size };
	o->record[size].prev = (uint16_t)size;
	o->record[size].next = (uint16_t)size;
}

static void stamp_new(struct outstanding *o, uint64_t n_published, uint64_t now_ns)
{
	/* The list is in order of adding: what has no stamp is at its end. */
	for (unsigned head = o->record[o->size].prev; head != o->size;
	     head = o->record[head].prev) {
		struct outstanding_record *r = &o->record[head];

		if (r->stamp_ns != 0)
			return;
		if (r->number < n_published)
			r->stamp_ns = now_ns != 0 ? now_ns : 1;
	}
}

void vri__outstanding_restart(struct outstanding *o)
{
	for (unsigned head = outstanding_first(o); head != o->size; head = o->record[head].next)
		o->record[head].stamp_ns = 0;
}

bool vri__outstanding_is_late(struct outstanding *o, uint64_t n_published, uint64_t now_ns,
			      uint64_t limit_ns, uint64_t *ret_next_ns)
{
	uint64_t stamp, left, look;

	stamp_new(o, n_published, now_ns);
	stamp = o->record[outstanding_first(o)].stamp_ns;
	if (outstanding_first(o) == o->size || stamp == 0) {
		*ret_next_ns = 0;
		return false;
	}
	if (now_ns > stamp && now_ns - stamp >= limit_ns)
		return true;
	left = now_ns > stamp ? limit_ns - (now_ns - stamp) : limit_ns;
	look = limit_ns / 4 + 1; /* for those that are added after this look */
	look = look < left ? look : left;
	*ret_next_ns = look < UINT64_MAX - now_ns ? now_ns + look : UINT64_MAX;
	return false;
}
