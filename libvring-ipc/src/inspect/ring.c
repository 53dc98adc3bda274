/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Snapshots of one queue: indices, suppression, counters, used entries, outstanding heads. Here are
 * those of split queues, and what both formats have in common. */
#include "inspect/packed.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

/* ---- the words ---- virtio 1.4, 2.7.6 and 2.7.8: the layouts of the two rings */

uint16_t ring_avail_flags(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek, ring->avail + offsetof(struct vring_avail, flags));
}

uint16_t ring_avail_idx(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek, ring->avail + offsetof(struct vring_avail, idx));
}

uint16_t ring_avail_entry(const struct vri_inspect *insp, const struct ring *ring, uint16_t idx)
{
	unsigned slot = idx & (ring->size - 1);

	return peek_le16(&insp->peek,
			 ring->avail + offsetof(struct vring_avail, ring) + 2ull * slot);
}

uint16_t ring_used_event(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek,
			 ring->avail + offsetof(struct vring_avail, ring) + 2ull * ring->size);
}

uint16_t ring_used_flags(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek, ring->used + offsetof(struct vring_used, flags));
}

uint16_t ring_used_idx(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek, ring->used + offsetof(struct vring_used, idx));
}

static uint64_t used_entry_at(const struct ring *ring, unsigned slot)
{
	return ring->used + offsetof(struct vring_used, ring) +
	       (uint64_t)slot * sizeof(struct vring_used_elem);
}

void ring_used_entry(const struct vri_inspect *insp, const struct ring *ring, uint16_t idx,
		     uint32_t *ret_id, uint32_t *ret_len)
{
	uint64_t at = used_entry_at(ring, idx & (ring->size - 1));

	*ret_id = peek_le32(&insp->peek, at + offsetof(struct vring_used_elem, id));
	*ret_len = peek_le32(&insp->peek, at + offsetof(struct vring_used_elem, len));
}

uint16_t ring_avail_event(const struct vri_inspect *insp, const struct ring *ring)
{
	return peek_le16(&insp->peek, used_entry_at(ring, ring->size));
}

bool ring_is_lent(const struct vri_inspect *insp, const struct ring *ring, unsigned head)
{
	uint8_t byte = 0;

	return ring->outstanding && head < ring->size &&
	       peek_copy(&insp->peek, ring->outstanding + head, &byte, 1) && byte;
}

/* ---- where they stand ---- */

static bool area(const struct vri_inspect *insp, uint64_t at, uint64_t len, unsigned align)
{
	return at % align == 0 && peek_has(&insp->peek, at, len);
}

static bool acked(const struct vri_inspect *insp, unsigned bit)
{
	uint64_t words[2];

	if (!insp->map.driver_block.size)
		return false;
	peek_copy(&insp->peek,
		  insp->map.driver_block.offset + offsetof(struct region_driver, acked), words,
		  sizeof(words));
	return (le64toh(words[bit / 64]) >> (bit % 64)) & 1;
}

/* What is wrong with the places of a queue's areas; NULL: nothing. */
static const char *check_areas(const struct vri_inspect *insp, const struct ring *ring)
{
	uint64_t size = ring->size;
	bool packed = ring->packed;

	if (!area(insp, ring->desc, 16 * size, 16))
		return "its descriptor area is not inside of the region";
	if (!area(insp, ring->avail, packed ? 4 : 6 + 2 * size, packed ? 4 : 2))
		return "its driver area is not inside of the region";
	if (!area(insp, ring->used, packed ? 4 : 6 + 8 * size, 4))
		return "its device area is not inside of the region";
	return NULL;
}

const char *ring_locate(const struct vri_inspect *insp, const struct region_driver_queue *queue,
			struct ring *ret_ring)
{
	uint32_t size = le32toh(queue->size);
	struct ring ring = {
		.desc = le64toh(queue->desc),
		.avail = le64toh(queue->driver),
		.used = le64toh(queue->device),
		.outstanding = le64toh(queue->outstanding),
	};
	const char *problem;

	if (size == 0 && !queue->enabled)
		return "the driver has not set it up";
	if (le32toh(queue->format) > VRI_INSPECT_PACKED)
		return "its ring format is unknown";
	ring.packed = le32toh(queue->format) == VRI_INSPECT_PACKED;
	/* virtio 1.4, 2.7: Queue Size is always a power of 2, at most 32768; 2.8: of a packed one it
	 * need not be. */
	if (size == 0 || size > VRI_QUEUE_SIZE_MAX)
		return "its size is not between 1 and 32768";
	if (!ring.packed && (size & (size - 1)))
		return "its size is not a power of two up to 32768";
	ring.size = size;
	problem = check_areas(insp, &ring);
	if (problem)
		return problem;
	if (!peek_has(&insp->peek, ring.outstanding, size))
		ring.outstanding = 0;
	ring.event_idx = acked(insp, VRI_F_EVENT_IDX);
	ring.indirect = acked(insp, VRI_F_INDIRECT_DESC);
	ring.in_order = acked(insp, VRI_F_IN_ORDER);
	*ret_ring = ring;
	return NULL;
}

int ring_find(const struct vri_inspect *insp, unsigned queue, struct ring *ret_ring)
{
	struct region_driver_queue q;

	if (queue >= view_n_queues(insp))
		return -ENOENT;
	view_driver_queue(insp, queue, &q);
	return ring_locate(insp, &q, ret_ring) ? -EPROTO : 0;
}

/* ---- the snapshot ---- */

void ring_take_counters(const struct region_counters *from, struct vri_counters *to)
{
	to->buffers = le64toh(from->buffers);
	to->bytes_readable = le64toh(from->bytes_readable);
	to->bytes_written = le64toh(from->bytes_written);
	to->notifications = le64toh(from->notifications);
	to->suppressed = le64toh(from->suppressed);
	to->sleeps = le64toh(from->sleeps);
	to->errors = le64toh(from->errors);
	to->position = le64toh(from->position);
}

static unsigned count_lent(const struct vri_inspect *insp, const struct ring *ring)
{
	uint8_t bytes[256];
	unsigned done, i, n = 0;

	for (done = 0; ring->outstanding && done < ring->size; done += sizeof(bytes)) {
		unsigned len = ring->size - done < sizeof(bytes) ? ring->size - done :
								   (unsigned)sizeof(bytes);

		peek_copy(&insp->peek, ring->outstanding + done, bytes, len);
		for (i = 0; i < len; i++)
			n += bytes[i] != 0;
	}
	return n;
}

static bool words_moved(const struct vri_inspect_queue *a, const struct vri_inspect_queue *b)
{
	return a->avail_idx != b->avail_idx || a->used_idx != b->used_idx ||
	       a->used_event != b->used_event || a->avail_event != b->avail_event ||
	       a->avail_flags != b->avail_flags || a->used_flags != b->used_flags ||
	       a->driver_counters.position != b->driver_counters.position ||
	       a->device_counters.position != b->device_counters.position;
}

static void read_moving(const struct vri_inspect *insp, const struct ring *ring, unsigned queue,
			struct vri_inspect_queue *q)
{
	struct region_counters counters;

	view_counters(insp, &insp->map.driver_counters, queue, &counters);
	ring_take_counters(&counters, &q->driver_counters);
	view_counters(insp, &insp->map.device_counters, queue, &counters);
	ring_take_counters(&counters, &q->device_counters);
	q->driver_position = (uint16_t)q->driver_counters.position;
	q->device_position = (uint16_t)q->device_counters.position;
	if (!ring)
		return;
	/* What follows another word is read before it: positions, then the index they run after,
	 * so that a moving ring shows a distance too large rather than a negative one. */
	q->used_idx = ring_used_idx(insp, ring);
	q->avail_event = ring_avail_event(insp, ring);
	q->used_flags = ring_used_flags(insp, ring);
	q->used_event = ring_used_event(insp, ring);
	q->avail_flags = ring_avail_flags(insp, ring);
	q->avail_idx = ring_avail_idx(insp, ring);
}

/* virtio 1.4, 2.7.10: a notification is sent when the index passes the event index: one that lies
 * further ahead than the ring is long is not reached before the side asks again. */
static uint32_t wants(const struct ring *ring, bool no_flag, uint16_t event, uint16_t idx)
{
	if (!ring->event_idx)
		return no_flag ? VRI_INSPECT_WANTS_NONE : VRI_INSPECT_WANTS_ALL;
	return (uint16_t)(event - idx) < ring->size ? VRI_INSPECT_WANTS_AT : VRI_INSPECT_WANTS_NONE;
}

static void judge(const struct ring *ring, struct vri_inspect_queue *q)
{
	q->queue_size = ring->size;
	q->event_idx = ring->event_idx;
	q->in_order = ring->in_order;
	q->not_popped = (uint16_t)(q->avail_idx - q->device_position);
	q->not_taken = (uint16_t)(q->used_idx - q->driver_position);
	q->driver_wants = wants(ring, q->avail_flags & VRING_AVAIL_F_NO_INTERRUPT, q->used_event,
				q->used_idx);
	q->device_wants =
		wants(ring, q->used_flags & VRING_USED_F_NO_NOTIFY, q->avail_event, q->avail_idx);
}

static void read_ring(const struct vri_inspect *insp, const struct ring *ring,
		      struct vri_inspect_queue *q)
{
	struct vri_inspect_queue again;
	unsigned tries;

	read_moving(insp, ring, q->index, q);
	for (tries = 0; tries < VIEW_TRIES; tries++) {
		again = *q;
		read_moving(insp, ring, q->index, &again);
		if (!words_moved(q, &again))
			break;
		*q = again;
	}
	if (tries == VIEW_TRIES)
		q->stable = false;
	if (ring) {
		judge(ring, q);
		q->outstanding = count_lent(insp, ring);
	}
}

static void take_blocks(const struct vri_inspect *insp, struct vri_inspect_queue *q,
			struct region_driver_queue *driver)
{
	struct region_device_queue device;

	q->stable = view_device_queue(insp, q->index, &device);
	q->stable &= view_driver_queue(insp, q->index, driver);
	q->queue_size_max = le32toh(device.size_max);
	q->live = device.live != 0;
	q->device_broken = le32toh(device.broken_rule);
	q->device_broken_ns = le64toh(device.broken_ns);
	q->device_sleep_ns = le64toh(device.last_sleep_ns);
	q->format = le32toh(driver->format);
	q->queue_size = le32toh(driver->size);
	q->enabled = driver->enabled != 0;
	q->driver_broken = le32toh(driver->broken_rule);
	q->driver_broken_ns = le64toh(driver->broken_ns);
	q->driver_sleep_ns = le64toh(driver->last_sleep_ns);
	q->desc = le64toh(driver->desc);
	q->driver = le64toh(driver->driver);
	q->device = le64toh(driver->device);
}

int vri_inspect_get_queue(struct vri_inspect *insp, unsigned queue,
			  struct vri_inspect_queue *ret_queue)
{
	struct vri_inspect_queue q = { .size = sizeof(q), .index = queue };
	struct region_driver_queue driver;
	struct ring ring;

	if (!insp || !ret_queue || ret_queue->size < sizeof(q.size))
		return -EINVAL;
	if (queue >= view_n_queues(insp))
		return -ENOENT;
	take_blocks(insp, &q, &driver);
	q.problem = ring_locate(insp, &driver, &ring);
	q.readable = !q.problem;
	if (q.readable && ring.packed) {
		const struct packed_view *view = packed_recall(insp, &ring, queue, true);

		if (!view)
			return -ENOMEM;
		packed_tell(view, &q);
	} else {
		read_ring(insp, q.readable ? &ring : NULL, &q);
	}

	q.size = ret_queue->size < sizeof(q) ? ret_queue->size : sizeof(q);
	memcpy(ret_queue, &q, q.size);
	return 0;
}

/* ---- lists ---- */

int vri_inspect_get_used(struct vri_inspect *insp, unsigned queue,
			 struct vri_inspect_used *ret_used, unsigned max)
{
	struct region_counters counters;
	const struct packed_view *view;
	struct ring ring;
	uint16_t idx;
	unsigned i;
	int r;

	if (!insp || (!ret_used && max))
		return -EINVAL;
	r = ring_find(insp, queue, &ring);
	if (r < 0)
		return r;
	if (ring.packed) {
		view = packed_recall(insp, &ring, queue, true);
		return view ? packed_used(view, ret_used, max) : -ENOMEM;
	}
	idx = ring_used_idx(insp, &ring);
	if (max > ring.size)
		max = ring.size;
	/* In the first lap the slots ahead hold nothing yet, which the index alone cannot tell; before
	 * 2^16 buffers were popped it has not wrapped. */
	view_counters(insp, &insp->map.device_counters, queue, &counters);
	if (le64toh(counters.position) <= UINT16_MAX && max > idx)
		max = idx;
	for (i = 0; i < max; i++) {
		struct vri_inspect_used *used = &ret_used[i];

		memset(used, 0, sizeof(*used));
		used->idx = (uint16_t)(idx - max + i);
		ring_used_entry(insp, &ring, used->idx, &used->id, &used->len);
	}
	return (int)max;
}

/* Marks the heads of the entries [@from, @to) of the available ring, at most a ring of them. */
static void mark_available(const struct vri_inspect *insp, const struct ring *ring, uint16_t from,
			   uint16_t to, uint8_t *where)
{
	unsigned n = (uint16_t)(to - from);
	unsigned i;

	for (i = 0; i < n && i < ring->size; i++) {
		uint16_t head = ring_avail_entry(insp, ring, (uint16_t)(from + i));

		if (head < ring->size)
			where[head] = VRI_INSPECT_AVAILABLE;
	}
}

static void mark_used(const struct vri_inspect *insp, const struct ring *ring, uint16_t from,
		      uint16_t to, uint8_t *where)
{
	unsigned n = (uint16_t)(to - from);
	uint32_t id, len;
	unsigned i;

	for (i = 0; i < n && i < ring->size; i++) {
		ring_used_entry(insp, ring, (uint16_t)(from + i), &id, &len);
		if (id < ring->size)
			where[id] = VRI_INSPECT_USED;
	}
}

int vri_inspect_outstanding(struct vri_inspect *insp, unsigned queue,
			    struct vri_inspect_head *ret_heads, unsigned max)
{
	struct vri_inspect_queue q = { .size = sizeof(q) };
	const struct packed_view *view;
	struct ring ring;
	unsigned head, n = 0;
	uint8_t *where;
	int r;

	if (!insp || (!ret_heads && max))
		return -EINVAL;
	r = ring_find(insp, queue, &ring);
	if (r < 0)
		return r;
	if (ring.packed) {
		view = packed_recall(insp, &ring, queue, true);
		return view ? packed_heads(view, ret_heads, max) : -ENOMEM;
	}
	where = malloc(ring.size);
	if (!where)
		return -ENOMEM;
	memset(where, VRI_INSPECT_IN_DEVICE, ring.size);
	read_moving(insp, &ring, queue, &q);
	mark_available(insp, &ring, q.device_position, q.avail_idx, where);
	mark_used(insp, &ring, q.driver_position, q.used_idx, where);

	for (head = 0; head < ring.size; head++) {
		if (!ring_is_lent(insp, &ring, head))
			continue;
		if (n < max) {
			ret_heads[n].head = (uint16_t)head;
			ret_heads[n].where = where[head];
		}
		n++;
	}
	free(where);
	return (int)n;
}
