/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Decodes a packed queue from a copy of its words.
 *
 * The plot: copy until two copies are the same; find the used descriptors that the driver has not
 * taken, between D and P; find A behind P, where descriptors stop being available; cut what was not
 * overwritten into lists; find out how far the last used descriptor reaches; say of every lent id
 * where it is. Nothing here is a loop over more than the ring.
 *
 * Three facts carry it. The driver writes every slot of every lap, so what is available or used at a
 * position was written there in this lap. What lies behind the last used descriptor was not
 * overwritten. And the lists that are with the device are as long, all together, as the way from U
 * to P; when those that are there are that long, none is missing.
 */
#include "inspect/packed.h"

#include <endian.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "core/packed_ring.h"
#include "util/clock.h"

#define DESC_BYTES 16u

/* Slots that are copied, all tries together, and copies at least: a bound for rings that never stand
 * still, which leaves small ones many tries. */
#define COPIED_SLOTS 65536u
#define TRIES_MIN 3u

/* How long a look is good for following chains. */
#define FRESH_NS 10000000u

/* ---- the copy ---- */

static size_t lent_bytes(const struct ring *ring)
{
	return (ring->size + DESC_BYTES - 1) / DESC_BYTES * DESC_BYTES;
}

static size_t words_bytes(const struct ring *ring)
{
	return sizeof(struct packed_words) + lent_bytes(ring) + (size_t)ring->size * DESC_BYTES;
}

/* D is read before P, which runs ahead of it, and both before the ring. */
static void copy_words(const struct vri_inspect *insp, const struct ring *ring, unsigned queue,
		       struct packed_words *words)
{
	view_counters(insp, &insp->map.driver_counters, queue, &words->driver_counters);
	view_counters(insp, &insp->map.device_counters, queue, &words->device_counters);
	words->driver_event = peek_le32(&insp->peek, ring->avail);
	words->device_event = peek_le32(&insp->peek, ring->used);
	if (ring->outstanding)
		peek_copy(&insp->peek, ring->outstanding, words->bytes, ring->size);
	peek_copy(&insp->peek, ring->desc, words->bytes + lent_bytes(ring),
		  (size_t)ring->size * DESC_BYTES);
}

static void copy_until_stable(const struct vri_inspect *insp, struct packed_view *view)
{
	size_t len = words_bytes(&view->ring);
	unsigned tries = COPIED_SLOTS / view->ring.size;

	tries = tries < TRIES_MIN ? TRIES_MIN : tries > VIEW_TRIES ? VIEW_TRIES : tries;
	copy_words(insp, &view->ring, view->queue, view->words);
	while (tries-- && !view->stable) {
		struct packed_words *older = view->words;

		view->words = view->scratch;
		view->scratch = older;
		copy_words(insp, &view->ring, view->queue, view->words);
		view->stable = memcmp(view->words, view->scratch, len) == 0;
	}
}

/* ---- one descriptor ---- */

/* Finds the slot, and the wrap counter there: both start at 1, in lap 0. virtio 1.4, 2.8.1. Positions
 * are below six laps, and subtracting is quicker than dividing. */
static uint32_t slot_at(const struct ring *ring, uint32_t at, bool *ret_wrap)
{
	*ret_wrap = true;
	for (; at >= ring->size; at -= ring->size)
		*ret_wrap = !*ret_wrap;
	return at;
}

struct packed_copy packed_at(const struct packed_view *view, uint32_t at)
{
	const struct ring *ring = &view->ring;
	bool wrap;
	uint32_t slot = slot_at(ring, at, &wrap);
	unsigned available = wrap ? PACKED_AVAIL : PACKED_USED;
	unsigned used = wrap ? PACKED_BOTH : 0;
	struct vring_packed_desc raw;
	struct packed_copy copy;

	memcpy(&raw, view->words->bytes + lent_bytes(ring) + (size_t)slot * DESC_BYTES,
	       sizeof(raw));
	copy.addr = le64toh(raw.addr);
	copy.len = le32toh(raw.len);
	copy.id = le16toh(raw.id);
	copy.flags = le16toh(raw.flags);
	copy.available = (copy.flags & PACKED_BOTH) == available;
	copy.used = (copy.flags & PACKED_BOTH) == used;
	return copy;
}

struct vri_inspect_place packed_place_of(const struct ring *ring, uint32_t at, bool exact)
{
	bool wrap;
	uint32_t slot = slot_at(ring, at, &wrap);

	return (struct vri_inspect_place){ .slot = (uint16_t)slot, .wrap = wrap, .exact = exact };
}

/* ---- where everybody is ---- */

static void find_counted(struct packed_view *view)
{
	uint64_t d = le64toh(view->words->driver_counters.position);
	uint64_t p = le64toh(view->words->device_counters.position);
	uint32_t laps = 2 * view->ring.size;

	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no ring is located whose size is 0 */
	view->driver_used = laps + (uint32_t)(d % laps);
	view->first_written = view->driver_used - (uint32_t)(d < laps ? d : laps);
	view->absurd = p - d > view->ring.size;
	view->device_avail = view->driver_used + (view->absurd ? 0 : (uint32_t)(p - d));
}

/* Finds the used descriptors that the driver has not taken. Returns: the id of the last. */
static unsigned find_used(struct packed_view *view)
{
	unsigned last = view->ring.size;
	uint32_t at;

	view->overwritten = view->driver_used;
	for (at = view->driver_used; at < view->device_avail; at++) {
		struct packed_copy copy = packed_at(view, at);

		if (!copy.used)
			continue;
		last = copy.id;
		if (copy.id < view->ring.size)
			view->seen[copy.id].used = 1;
		view->overwritten = at + 1;
		view->n_used++;
	}
	return last;
}

static void find_driver(struct packed_view *view)
{
	uint32_t at = view->device_avail;

	while (at < view->driver_used + view->ring.size && packed_at(view, at).available)
		at++;
	view->driver_avail = at;
}

/* ---- lists ---- */

/* Of several lists with one id the last is the one that is lent: the others were used and skipped. */
static void note_list(struct packed_view *view, uint32_t from, uint32_t to, unsigned where,
		      unsigned problem)
{
	unsigned id = packed_at(view, to - 1).id;
	struct packed_seen *seen;

	view->n_available += where == VRI_INSPECT_AVAILABLE;
	if (id >= view->ring.size || !view->seen[id].lent)
		return;
	seen = &view->seen[id];
	seen->at = from;
	seen->n = (uint16_t)(to - from);
	seen->where =
		(uint8_t)(where == VRI_INSPECT_IN_DEVICE && seen->used ? VRI_INSPECT_USED : where);
	seen->known = VRI_INSPECT_KNOWN_ALL;
	seen->problem = (uint8_t)problem;
}

/* Cuts [@from, @to) into lists. What is not available there belongs to none. */
static void cut(struct packed_view *view, uint32_t from, uint32_t to, unsigned where)
{
	uint32_t start = from, at;

	for (at = from; at < to; at++) {
		struct packed_copy copy = packed_at(view, at);

		if (!copy.available) {
			start = at + 1;
		} else if (!(copy.flags & VRING_DESC_F_NEXT)) {
			note_list(view, start, at + 1, where, VRI_RULE_NONE);
			start = at + 1;
		}
	}
	/* virtio 1.4, 2.8.6: the next descriptor had to be there. */
	if (start < to)
		note_list(view, start, to, where,
			  to == view->driver_used + view->ring.size ? VRI_RULE_CHAIN_LENGTH :
								      VRI_RULE_FLAGS);
}

/* ---- how far the device has used, in order ----
 *
 * virtio 1.4, 2.8.8: a used descriptor stands for all buffers up to its own, in the slot of the
 * first of them, and so all slots behind it are as the driver wrote them. */

static void settle_in_order(struct packed_view *view, unsigned last)
{
	const struct packed_seen *x = last < view->ring.size ? &view->seen[last] : NULL;
	uint32_t end = x && x->n ? x->at + x->n : 0;
	unsigned id;

	view->device_used = view->overwritten;
	view->device_used_exact = !view->absurd;
	if (view->n_used && end > view->overwritten && end <= view->device_avail)
		view->device_used = end;
	for (id = 0; id < view->ring.size; id++) {
		struct packed_seen *seen = &view->seen[id];

		if (!seen->lent)
			continue;
		if (!seen->n)
			seen->where = view->n_used ? VRI_INSPECT_USED : VRI_INSPECT_ADDED;
		else if (seen->at < view->device_used)
			seen->where = VRI_INSPECT_USED;
		if (view->n_used && seen->n && seen->at == view->overwritten &&
		    seen->where == VRI_INSPECT_USED)
			seen->known = VRI_INSPECT_KNOWN_SOME;
	}
	view->n_used = 0;
	for (id = 0; id < view->ring.size; id++)
		view->n_used += view->seen[id].lent && view->seen[id].where == VRI_INSPECT_USED;
}

/* ---- the same in any order ---- */

struct sums {
	uint32_t there; /* slots of lists with the device, and of the one that was used last */
	unsigned hidden; /* ids of which there is no trace */
};

static bool is_with_device(const struct packed_view *view, unsigned id)
{
	const struct packed_seen *seen = &view->seen[id];

	return seen->lent && seen->n && seen->at < view->device_avail;
}

static struct sums add_up(const struct packed_view *view, unsigned last)
{
	struct sums sums = { 0 };
	unsigned id;

	for (id = 0; id < view->ring.size; id++) {
		const struct packed_seen *seen = &view->seen[id];

		if (is_with_device(view, id) && (!seen->used || id == last))
			sums.there += seen->n;
		sums.hidden += seen->lent && !seen->n && !seen->used;
	}
	return sums;
}

/* How many slots the buffer @last takes, whose used descriptor ends where overwriting ends. Only the
 * list right behind it can have lost its beginning. Returns: 0 when that cannot be told. */
static uint32_t length_of_last(const struct packed_view *view, unsigned last,
			       const struct sums *sums)
{
	uint32_t way = view->device_avail - (view->overwritten - 1);
	bool there = last < view->ring.size && is_with_device(view, last);
	uint32_t missing = way - sums->there;

	if (there && view->seen[last].at != view->overwritten)
		return view->seen[last].n;
	if (sums->hidden || sums->there > way)
		return 0;
	if (there)
		return view->seen[last].n + missing;
	return sums->there == 0 || missing == 1 ? missing : 0;
}

static void settle_any_order(struct packed_view *view, unsigned last)
{
	struct sums sums = add_up(view, last);
	uint32_t n_last = view->n_used ? length_of_last(view, last, &sums) : 0;
	bool whole;
	unsigned id;

	view->device_used = view->overwritten;
	view->device_used_exact = !view->absurd && (!view->n_used || n_last);
	if (n_last) {
		view->device_used = view->overwritten - 1 + n_last;
		if (last < view->ring.size && is_with_device(view, last))
			sums.there -= view->seen[last].n;
	}
	whole = view->device_used_exact && sums.there == view->device_avail - view->device_used;
	for (id = 0; id < view->ring.size; id++) {
		struct packed_seen *seen = &view->seen[id];

		if (!seen->lent)
			continue;
		if (!seen->n)
			seen->where = seen->used ? VRI_INSPECT_USED :
				      whole	 ? VRI_INSPECT_ADDED :
						   VRI_INSPECT_IN_DEVICE;
		else if (seen->at == view->overwritten && is_with_device(view, id) &&
			 (id == last ? seen->n != n_last : seen->used || !whole))
			seen->known = VRI_INSPECT_KNOWN_SOME;
	}
}

/* ---- looking ---- */

static void decode(struct packed_view *view)
{
	unsigned last, id;

	for (id = 0; id < view->ring.size; id++) {
		view->seen[id].lent = view->ring.outstanding && view->words->bytes[id];
		view->seen[id].known = VRI_INSPECT_KNOWN_NONE;
		view->n_lent += view->seen[id].lent;
	}
	find_counted(view);
	last = find_used(view);
	find_driver(view);
	cut(view, view->overwritten, view->device_avail, VRI_INSPECT_IN_DEVICE);
	cut(view, view->device_avail, view->driver_avail, VRI_INSPECT_AVAILABLE);
	if (view->ring.in_order)
		settle_in_order(view, last);
	else
		settle_any_order(view, last);
}

void packed_free(struct packed_view *view)
{
	if (!view)
		return;
	free(view->words);
	free(view->scratch);
	free(view->seen);
	free(view);
}

static struct packed_view *make(const struct ring *ring)
{
	struct packed_view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->ring = *ring;
	view->words = calloc(1, words_bytes(ring));
	view->scratch = calloc(1, words_bytes(ring));
	view->seen = calloc(ring->size, sizeof(*view->seen));
	if (!view->words || !view->scratch || !view->seen) {
		packed_free(view);
		return NULL;
	}
	return view;
}

/* Makes an old view, for a ring of the same size, as good as new. */
static void clear(struct packed_view *view, const struct ring *ring)
{
	struct packed_view old = *view;

	*view = (struct packed_view){
		.ring = *ring, .words = old.words, .scratch = old.scratch, .seen = old.seen
	};
	memset(view->words->bytes, 0, lent_bytes(ring));
	memset(view->scratch->bytes, 0, lent_bytes(ring));
	memset(view->seen, 0, ring->size * sizeof(*view->seen));
}

static bool is_same_ring(const struct ring *a, const struct ring *b)
{
	return a->size == b->size && a->desc == b->desc && a->avail == b->avail &&
	       a->used == b->used && a->outstanding == b->outstanding &&
	       a->in_order == b->in_order && a->event_idx == b->event_idx &&
	       a->indirect == b->indirect;
}

const struct packed_view *packed_recall(struct vri_inspect *insp, const struct ring *ring,
					unsigned queue, bool anew)
{
	struct packed_view *view = insp->packed;

	/* Whoever shows thousands of chains pays for a few looks, however long a peer makes them. */
	if (view && !anew && view->queue == queue && is_same_ring(&view->ring, ring) &&
	    clock_monotonic_ns() - view->taken_ns < FRESH_NS)
		return view;
	if (view && view->ring.size == ring->size) {
		clear(view, ring);
	} else {
		packed_free(view);
		insp->packed = view = make(ring);
	}
	if (!view)
		return NULL;
	view->queue = queue;
	copy_until_stable(insp, view);
	decode(view);
	view->taken_ns = clock_monotonic_ns();
	return view;
}

/* ---- what is told ---- */

static struct vri_inspect_event event_of(uint32_t word)
{
	return (struct vri_inspect_event){
		.kind = (uint8_t)(word >> 16 & 3),
		.wrap = word >> 15 & 1,
		.slot = word & 0x7fff,
		.flags = (uint16_t)(word >> 16),
	};
}

/* As vri__notify_packed() reads it; an event that lies more than a lap ahead of @at, where the other
 * side goes on, is not reached before the side asks again. */
static uint32_t wants(const struct packed_view *view, struct vri_inspect_event event, uint32_t at)
{
	unsigned size = view->ring.size;
	unsigned wanted = event.wrap ? event.slot : event.slot + size;

	if (event.kind == VRI_INSPECT_EVENT_DISABLE)
		return VRI_INSPECT_WANTS_NONE;
	if (event.kind != VRI_INSPECT_EVENT_AT || !view->ring.event_idx || event.slot >= size)
		return VRI_INSPECT_WANTS_ALL;
	return (wanted + 2 * size - at % (2 * size)) % (2 * size) < size ? VRI_INSPECT_WANTS_AT :
									   VRI_INSPECT_WANTS_NONE;
}

void packed_tell(const struct packed_view *view, struct vri_inspect_queue *q)
{
	const struct ring *ring = &view->ring;

	ring_take_counters(&view->words->driver_counters, &q->driver_counters);
	ring_take_counters(&view->words->device_counters, &q->device_counters);
	q->driver_position = (uint16_t)q->driver_counters.position;
	q->device_position = (uint16_t)q->device_counters.position;
	q->stable &= view->stable && !view->absurd;
	q->queue_size = ring->size;
	q->event_idx = ring->event_idx;
	q->in_order = ring->in_order;
	q->not_popped = view->n_available;
	q->not_taken = view->n_used;
	q->outstanding = view->n_lent;
	q->driver_avail = packed_place_of(ring, view->driver_avail, !view->absurd);
	q->driver_used = packed_place_of(ring, view->driver_used, true);
	q->device_avail = packed_place_of(ring, view->device_avail, !view->absurd);
	q->device_used = packed_place_of(ring, view->device_used, view->device_used_exact);
	q->driver_event = event_of(view->words->driver_event);
	q->device_event = event_of(view->words->device_event);
	q->driver_wants = wants(view, q->driver_event, view->device_used);
	q->device_wants = wants(view, q->device_event, view->driver_avail);
}

int packed_heads(const struct packed_view *view, struct vri_inspect_head *ret, unsigned max)
{
	unsigned id, n = 0;

	for (id = 0; id < view->ring.size; id++) {
		if (!view->seen[id].lent)
			continue;
		if (n < max) {
			ret[n].head = (uint16_t)id;
			ret[n].where = view->seen[id].where;
		}
		n++;
	}
	return (int)n;
}

/* The oldest position that still holds what was written there. The driver fills in the next list
 * before it makes it available. */
static uint32_t oldest(const struct packed_view *view)
{
	uint32_t at = view->driver_avail - view->ring.size;
	unsigned id;

	for (id = 0; id < view->ring.size; id++) {
		if (view->seen[id].lent && view->seen[id].where == VRI_INSPECT_ADDED) {
			at++;
			break;
		}
	}
	return at > view->first_written ? at : view->first_written;
}

int packed_used(const struct packed_view *view, struct vri_inspect_used *ret, unsigned max)
{
	uint32_t first = view->overwritten, low = oldest(view), at;
	unsigned n = 0;

	while (first > low && n < max)
		n += packed_at(view, --first).used;
	max = n;
	for (at = first, n = 0; at < view->overwritten && n < max; at++) {
		struct vri_inspect_place place = packed_place_of(&view->ring, at, true);
		struct packed_copy copy = packed_at(view, at);

		if (!copy.used)
			continue;
		/* virtio 1.4, 2.8.13: without WRITE the length means nothing. */
		ret[n++] = (struct vri_inspect_used){
			.idx = place.slot,
			.wrap = place.wrap,
			.id = copy.id,
			.len = copy.flags & VRING_DESC_F_WRITE ? copy.len : 0,
		};
	}
	return (int)n;
}
