/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's private list of what it has added and not got back: the truth about the queue,
 * whatever the device writes. One record for each head, linked in the order of adding, so that the
 * oldest comes back first and a new device can be given the same requests in the same order.
 */
#ifndef CORE_OUTSTANDING_H
#define CORE_OUTSTANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two to a cache line. What the descriptors of the request are, the queue's shadow knows. */
struct outstanding_record {
	void *token; /* NULL: this head is not outstanding */
	uint64_t number; /* of all requests since the set-up, from 0 */
	uint64_t stamp_ns; /* of the first look at the clock after it was published; 0: none yet */
	uint32_t writable_len;
	uint16_t prev, next; /* in the order of adding; index @size is the ends' */
};

struct outstanding {
	struct outstanding_record *record; /* size + 1 of them */
	unsigned size;
	unsigned n;
	uint64_t n_added;
};

static inline size_t outstanding_bytes(unsigned size)
{
	return (size + 1u) * sizeof(struct outstanding_record);
}

/* @records: outstanding_bytes() of zeros, kept. */
void vri__outstanding_init(struct outstanding *o, void *records, unsigned size);

static inline void outstanding_add(struct outstanding *o, unsigned head, void *token,
				   uint32_t writable_len)
{
	struct outstanding_record *end = &o->record[o->size];

	o->record[head] = (struct outstanding_record){
		.token = token,
		.number = o->n_added++,
		.writable_len = writable_len,
		.prev = end->prev,
		.next = (uint16_t)o->size,
	};
	o->record[end->prev].next = (uint16_t)head;
	end->prev = (uint16_t)head;
	o->n++;
}

static inline void outstanding_remove(struct outstanding *o, unsigned head)
{
	struct outstanding_record *r = &o->record[head];

	o->record[r->prev].next = r->next;
	o->record[r->next].prev = r->prev;
	r->token = NULL;
	o->n--;
}

/* Walk from the oldest: the first head, and the one after @head; @size is the end. */
static inline unsigned outstanding_first(const struct outstanding *o)
{
	return o->record[o->size].next;
}

static inline unsigned outstanding_next(const struct outstanding *o, unsigned head)
{
	return o->record[head].next;
}

/*
 * Looks at the clock: requests with a number below @n_published that have no stamp get @now_ns, then
 * the oldest of them is checked. Each request is stamped once, so a look costs what was added since
 * the last one. Returns: true when the oldest has been with the device for @limit_ns; else *ret_next_ns is
 * when to look again, at the latest a quarter of the limit from now, 0 when nothing is out.
 */
bool vri__outstanding_is_late(struct outstanding *o, uint64_t n_published, uint64_t now_ns,
			      uint64_t limit_ns, uint64_t *ret_next_ns);

/* Forgets all stamps: the age of each counts from the next look. */
void vri__outstanding_restart(struct outstanding *o);

#endif
