/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Both sides' calls of one queue, split or packed, with any of the features, over memory that changes
 * between the calls and between two fetches inside of one.
 *
 * The input is a small program: what kind of queue, then calls of the driver's side, calls of the
 * device's side, and stores to any shared word, now or so many fetches later; some stores make
 * descriptors and entries that are nearly right, so that many get past the first check. As long as
 * there was no such store both sides are honest and have to get on with each other. Always: a
 * piece lies in memory that may be used that way, nothing is in flight twice, no token comes back
 * twice or before its time, no length is longer than was lent, who asked for a notification gets one
 * and nobody else, a broken queue names a rule of its peer's and stays broken.
 */
#include "core/devq.h"
#include "core/drvq.h"
#include "core/memtab.h"
#include "core/packed_ring.h"
#include "core/ring_layout.h"
#include <vring-ipc/memory.h>
#include <vring-ipc/virtqueue.h>

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "check.h"
#include "hostile.h"

#define SIZE_MOST 64u
#define PIECES_MOST 12u
#define OPS_MOST 512u
#define TABLE_MOST 16u
#define MEMORIES 4u

/* Where the shared memory is in the address space of the link: the last as high as there is. */
#define TABLES_IOVA 0x10000u
#define POOL_IOVA 0x40000u
#define POOL_BYTES 8192u
#define POOL_WINDOW 256u /* what is before it, buffers may not use */
#define PAGE 4096u
#define READABLE_IOVA 0x60000u
#define WRITABLE_IOVA (UINT64_MAX - 2 * PAGE + 1)

struct request {
	bool lent; /* added, and neither used nor taken back */
	uint64_t number;
	uint32_t readable_len, writable_len;
};

struct popped {
	bool in_flight;
	bool spent; /* pushed, so that it cannot be pushed again */
	struct vri_chain chain;
};

/* A pop that was not rewound, in the order of popping. */
struct pop {
	unsigned which; /* of world.popped */
	bool pushed;
	uint32_t written;
};

struct world {
	struct input in;
	unsigned size;
	bool packed, in_order, event_idx, indirect;
	unsigned indirect_max;

	uint8_t *area[RING_AREAS];
	size_t area_bytes[RING_AREAS];
	uint8_t *tables;
	size_t tables_bytes;
	uint8_t *memory[MEMORIES]; /* tables, pool, readable, writable */
	size_t memory_bytes[MEMORIES];
	struct range range[MEMORIES];
	struct vri_mem *mem;

	bool honest; /* nobody has stored what is not his to store */

	struct vri_drvq *drv;
	struct request request[SIZE_MOST];
	unsigned n_lent;
	uint64_t n_added, n_published;
	struct {
		uint32_t readable_len, writable_len, written;
	} history[256]; /* by number, for honest runs */
	unsigned drv_broke;
	enum vri_rule drv_rule;

	struct vri_devq *dev;
	struct popped popped[SIZE_MOST];
	unsigned n_in_flight;
	struct pop pops[OPS_MOST];
	unsigned n_pops;
	unsigned dev_broke;
	enum vri_rule dev_rule;
};

/* ---- the two sides' surroundings ---- */

static void drv_broken(void *ctx, enum vri_rule rule)
{
	struct world *w = ctx;

	w->drv_broke++;
	w->drv_rule = rule;
}

static void dev_broken(void *ctx, enum vri_rule rule)
{
	struct world *w = ctx;

	w->dev_broke++;
	w->dev_rule = rule;
}

static const struct queue_ops drv_ops = { .broken = drv_broken };
static const struct queue_ops dev_ops = { .broken = dev_broken };

static void *must_have(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* Memory of exactly its size, so that a step too far is seen; zeros. */
static uint8_t *fresh(size_t bytes)
{
	return must_have(calloc(1, bytes != 0 ? bytes : 1));
}

static void add_memory(struct world *w, unsigned i, uint64_t iova, size_t bytes, size_t window,
		       unsigned access)
{
	struct mem_entry entry = {
		.iova = iova,
		.size = bytes,
		.access = access,
		.window_offset = window,
		.window_size = bytes - window,
	};

	w->memory[i] = fresh(bytes);
	w->memory_bytes[i] = bytes;
	entry.va = w->memory[i];
	w->range[i] = (struct range){ w->memory[i] + window, bytes - window, access };
	MUST(vri__mem_add(w->mem, &entry) == 0);
}

static void make_memory(struct world *w)
{
	MUST(vri__mem_new(&w->mem) == 0);
	w->tables_bytes = (size_t)w->size * w->indirect_max * RING_DESC_BYTES;
	add_memory(w, 0, TABLES_IOVA, w->tables_bytes + RING_DESC_BYTES, 0, VRI_ACCESS_READ_WRITE);
	w->tables = w->memory[0];
	add_memory(w, 1, POOL_IOVA, POOL_BYTES, POOL_WINDOW, VRI_ACCESS_READ_WRITE);
	add_memory(w, 2, READABLE_IOVA, PAGE, 0, VRI_ACCESS_READ);
	add_memory(w, 3, WRITABLE_IOVA, PAGE, 0, VRI_ACCESS_WRITE);
}

static void make_queue(struct world *w)
{
	enum ring_format format = w->packed ? RING_PACKED : RING_SPLIT;
	struct queue_setup setup = { .size = w->size, .mem = w->mem, .ctx = w };

	for (unsigned a = 0; a < RING_AREAS; a++) {
		w->area_bytes[a] = ring_area_bytes(format, (enum ring_area)a, w->size);
		w->area[a] = fresh(w->area_bytes[a]);
	}
	setup.desc = w->area[RING_DESC_AREA];
	setup.driver = w->area[RING_DRIVER_AREA];
	setup.device = w->area[RING_DEVICE_AREA];
	vri_features_set(&setup.features, VRI_F_VERSION_1);
	if (w->packed)
		vri_features_set(&setup.features, VRI_F_RING_PACKED);
	if (w->in_order)
		vri_features_set(&setup.features, VRI_F_IN_ORDER);
	if (w->event_idx)
		vri_features_set(&setup.features, VRI_F_EVENT_IDX);
	if (w->indirect)
		vri_features_set(&setup.features, VRI_F_INDIRECT_DESC);

	setup.ops = &dev_ops;
	MUST(vri__devq_new(&setup, &w->dev) == 0);
	setup.ops = &drv_ops;
	setup.tables = w->tables;
	setup.tables_iova = TABLES_IOVA;
	setup.indirect_max = w->indirect_max;
	MUST(vri__drvq_new(&setup, &w->drv) == 0);
}

static void make_world(struct world *w)
{
	uint8_t kind = take8(&w->in);
	uint8_t size = take8(&w->in);

	w->packed = kind & 1;
	w->in_order = kind & 2;
	w->event_idx = kind & 4;
	w->indirect = kind & 8;
	w->indirect_max = 2 + (kind >> 4) % (TABLE_MOST - 1);
	w->size = w->packed ? 1 + size % SIZE_MOST : 1u << size % 7;
	w->honest = true;
	hostile_reset();
	make_memory(w);
	make_queue(w);
}

static void free_world(struct world *w)
{
	hostile_reset();
	vri__drvq_free(w->drv);
	vri__devq_free(w->dev);
	vri__mem_free(w->mem);
	for (unsigned i = 0; i < MEMORIES; i++)
		free(w->memory[i]);
	for (unsigned a = 0; a < RING_AREAS; a++)
		free(w->area[a]);
	for (unsigned i = 0; i < SIZE_MOST; i++)
		free(w->popped[i].chain.iov);
}

/* ---- who is to be notified, by trying each place ---- */

static bool is_wanted_split(bool event_idx, uint16_t flags, uint16_t event, uint16_t idx,
			    uint32_t n)
{
	if (!event_idx)
		return !(flags & 1);
	for (uint32_t i = 1; i <= n && i <= 65536; i++)
		if ((uint16_t)(idx - i) == event)
			return true;
	return false;
}

static bool is_wanted_packed(bool event_idx, unsigned size, uint32_t wish, uint16_t slot, bool wrap,
			     uint32_t n)
{
	unsigned flags = wish >> 16 & 3, event = wish & 0x7fff;

	if (flags == 1)
		return false;
	if (flags != 2 || !event_idx || event >= size)
		return true;
	for (uint32_t i = 0; i < n && i < 2 * size; i++) {
		wrap ^= slot == 0;
		slot = (uint16_t)(slot == 0 ? size - 1 : slot - 1u);
		if (slot == event && wrap == (wish >> 15 & 1))
			return true;
	}
	return false;
}

/* The same of wishes that no ring needs to hold. */
static void check_arithmetic(struct world *w)
{
	uint32_t wish = take32(&w->in);
	uint16_t event = (uint16_t)wish;
	uint16_t idx = (uint16_t)(event + (int8_t)take8(&w->in));
	uint16_t slot = (uint16_t)(idx % w->size);
	struct packed_place place = { .slot = slot, .wrap = take8(&w->in) & 1 };
	uint32_t n = take8(&w->in);

	/* One slot too far, too. */
	wish = (wish & 0xffff8000) | (wish & 0x7fff) % (w->size + 2);
	MUST(vri__notify_flags(event) == is_wanted_split(false, event, 0, idx, n));
	MUST(vri__notify_event(event, idx, n) == is_wanted_split(true, 0, event, idx, n));
	MUST(vri__notify_packed(wish, w->event_idx, w->size, place, n) ==
	     is_wanted_packed(w->event_idx, w->size, wish, slot, place.wrap, n));
}

/* What a kick has to return now. */
static int kick_expected(const struct world *w)
{
	const struct split_drv *s = &w->drv->split;
	const struct packed_drv *p = &w->drv->packed;
	uint32_t n = w->packed ? p->unannounced : s->unannounced;

	if (n == 0)
		return 0;
	return w->packed ? is_wanted_packed(w->event_idx, w->size, le32toh(*p->device_wish),
					    p->slot, p->available == PACKED_AVAIL, n) :
			   is_wanted_split(w->event_idx, le16toh(*s->used_flags),
					   le16toh(*s->avail_event), s->idx, n);
}

/* And a notify. */
static int notify_expected(const struct world *w)
{
	const struct split_dev *s = &w->dev->split;
	const struct packed_dev *p = &w->dev->packed;
	uint32_t n = w->packed ? p->unannounced : s->unannounced;

	if (n == 0)
		return 0;
	return w->packed ? is_wanted_packed(w->event_idx, w->size, le32toh(*p->driver_wish),
					    p->used_slot, p->used == PACKED_BOTH, n) :
			   is_wanted_split(w->event_idx, le16toh(*s->avail_flags),
					   le16toh(*s->used_event), s->used_idx_published, n);
}

/* ---- the driver's side ---- */

static bool is_driver_rule(enum vri_rule rule)
{
	return rule >= VRI_RULE_AVAIL_IDX && rule <= VRI_RULE_FLAGS;
}

static bool is_device_rule(enum vri_rule rule)
{
	return rule >= VRI_RULE_USED_IDX && rule <= VRI_RULE_USED_ORDER;
}

/* What a call of the driver's side returned, broken or not. */
static void check_drv(struct world *w, int r)
{
	MUST(r != -EPROTO || w->drv_broke == 1);
	MUST(r != -ESHUTDOWN || w->drv_broke == 1);
	MUST(w->drv_broke <= 1 && vri_drvq_broken(w->drv) == w->drv_rule);
	MUST(w->drv_broke == 0 || (is_device_rule(w->drv_rule) && !w->honest));
	MUST(vri_drvq_outstanding(w->drv) == w->n_lent);
	MUST(vri_drvq_free_descriptors(w->drv) <= w->size);
}

static struct iovec some_memory(struct world *w, unsigned access)
{
	uint8_t place = take8(&w->in);
	uint8_t len = take8(&w->in);
	unsigned other = access == VRI_ACCESS_READ ? 2 : 3;
	const struct range *range = &w->range[place & 0x80 ? other : 1];
	size_t offset = (place & 0x7fu) * 24u;
	size_t most = range->size - offset;

	return (struct iovec){ .iov_base = (uint8_t *)(uintptr_t)range->base + offset,
			       .iov_len = 1 + (len & 0x80 ? len * 16u : len) % most };
}

static uint32_t fill(struct world *w, struct iovec *iov, unsigned n, unsigned access)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = some_memory(w, access);
		bytes += (uint32_t)iov[i].iov_len;
	}
	return bytes;
}

static void drv_add(struct world *w)
{
	struct iovec readable[PIECES_MOST], writable[PIECES_MOST];
	uint8_t shape = take8(&w->in);
	unsigned n_readable = (shape & 15) % PIECES_MOST;
	unsigned n_writable = (shape >> 4) % PIECES_MOST;
	unsigned n = n_readable + n_writable;
	unsigned had = vri_drvq_free_descriptors(w->drv);
	struct request *request = NULL;
	struct request fresh_one;
	int r;

	for (unsigned i = 0; i < w->size && !request; i++)
		if (!w->request[i].lent)
			request = &w->request[i];
	if (!request)
		return;
	fresh_one = (struct request){ .lent = true, .number = w->n_added };
	fresh_one.readable_len = fill(w, readable, n_readable, VRI_ACCESS_READ);
	fresh_one.writable_len = fill(w, writable, n_writable, VRI_ACCESS_WRITE);
	r = vri_drvq_add(w->drv, readable, n_readable, writable, n_writable, request);
	if (r == 0) {
		MUST(n >= 1 && n <= w->size && w->drv_broke == 0);
		*request = fresh_one;
		w->history[w->n_added % 256].readable_len = request->readable_len;
		w->history[w->n_added % 256].writable_len = request->writable_len;
		w->n_added++;
		w->n_lent++;
	} else if (w->drv_broke == 0) {
		MUST(r == -EINVAL ? n == 0 || n > w->size : r == -ENOSPC && n > had);
	}
	check_drv(w, r);
}

static void drv_publish(struct world *w, bool kick)
{
	int r = vri_drvq_publish(w->drv);
	int expected = kick_expected(w);
	bool moves = hostile_waits();

	MUST(r == 0 || r == -ESHUTDOWN);
	if (kick && r == 0) {
		r = vri_drvq_kick(w->drv);
		MUST(moves ? r == 0 || r == 1 : r == expected);
	}
	if (r >= 0)
		w->n_published = w->n_added;
	check_drv(w, r);
}

static void check_used(struct world *w, const struct vri_used *used)
{
	struct request *request = used->token;
	uint64_t oldest = UINT64_MAX;

	MUST(request >= w->request && request < w->request + w->size);
	MUST(request->lent && request->number < w->n_published);
	MUST(used->len <= request->writable_len);
	for (unsigned i = 0; w->in_order && i < w->size; i++)
		if (w->request[i].lent && w->request[i].number < oldest)
			oldest = w->request[i].number;
	MUST(!w->in_order || request->number == oldest);
	MUST(!w->honest || used->len == w->history[request->number % 256].written);
	request->lent = false;
	w->n_lent--;
}

static void drv_get_used(struct world *w)
{
	struct vri_used used[SIZE_MOST];
	unsigned max = 1 + take8(&w->in) % SIZE_MOST;
	int r;

	if (max == 1) {
		r = vri_drvq_get_used(w->drv, &used[0].token, &used[0].len);
	} else {
		r = vri_drvq_get_used_batch(w->drv, used, max);
	}
	MUST(r <= (int)max && (r >= 0 || r == -EPROTO || r == -ESHUTDOWN));
	for (int i = 0; i < r; i++)
		check_used(w, &used[i]);
	check_drv(w, r);
}

static void drv_arm(struct world *w)
{
	int r = vri_drvq_arm_after(w->drv, take8(&w->in));

	MUST(r == 0 || r == 1 || r == -ESHUTDOWN);
	check_drv(w, r);
}

/* What is left when a queue is over comes back once each, the oldest first. */
static void drv_take_back(struct world *w)
{
	uint64_t last = 0;
	void *token;
	int r;

	while ((r = vri_drvq_take_back(w->drv, &token)) == 1) {
		struct request *request = token;

		MUST(request >= w->request && request < w->request + w->size && request->lent);
		MUST(request->number >= last);
		last = request->number;
		request->lent = false;
		w->n_lent--;
	}
	MUST(r == 0 && w->n_lent == 0);
}

/* ---- the device's side ---- */

static void check_dev(struct world *w, int r)
{
	MUST(r != -EPROTO || w->dev_broke == 1);
	MUST(r != -ESHUTDOWN || w->dev_broke == 1);
	MUST(w->dev_broke <= 1 && vri_devq_broken(w->dev) == w->dev_rule);
	MUST(w->dev_broke == 0 || (is_driver_rule(w->dev_rule) && !w->honest));
	MUST(vri_devq_in_flight(w->dev) == w->n_in_flight);
}

/* Touches what the chain says may be touched, and looks whether it is what may be. */
static void check_pieces(struct world *w, const struct vri_chain *chain)
{
	uint64_t sum[2] = { 0, 0 };
	unsigned n = chain->n_readable + chain->n_writable;

	MUST(n <= chain->iov_max && n <= w->size && chain->head < w->size);
	for (unsigned i = 0; i < n; i++) {
		bool writable = i >= chain->n_readable;
		const struct iovec *iov = &chain->iov[i];
		volatile uint8_t *byte = iov->iov_base;

		MUST(in_ranges(w->range, MEMORIES, iov->iov_base, iov->iov_len,
			       writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ));
		(void)byte[0];
		(void)byte[iov->iov_len - 1];
		sum[writable] += iov->iov_len;
	}
	MUST(sum[0] == chain->readable_len && sum[1] == chain->writable_len);
}

static void dev_pop(struct world *w)
{
	unsigned room = take8(&w->in);
	unsigned iov_max = room & 0xc0 ? w->size : room % (w->size + 1);
	struct popped *popped = NULL;
	unsigned number;
	int r;

	for (unsigned i = 0; i < w->size && !popped; i++)
		if (!w->popped[i].in_flight)
			popped = &w->popped[i];
	if (w->n_pops == OPS_MOST || !popped)
		return;
	free(popped->chain.iov);
	popped->spent = false;
	popped->chain = (struct vri_chain){
		.iov = must_have(malloc(iov_max != 0 ? iov_max * sizeof(struct iovec) : 1)),
		.iov_max = iov_max,
	};
	r = vri_devq_pop(w->dev, &popped->chain);
	MUST(r == 0 || r == 1 || r == -EPROTO || r == -ESHUTDOWN ||
	     (r == -ENOBUFS && iov_max < w->size));
	if (r == 1) {
		check_pieces(w, &popped->chain);
		for (unsigned i = 0; i < w->size; i++)
			MUST(!w->popped[i].in_flight ||
			     w->popped[i].chain.head != popped->chain.head);
		popped->in_flight = true;
		number = w->n_pops++;
		w->pops[number] = (struct pop){ .which = (unsigned)(popped - w->popped) };
		w->n_in_flight++;
		if (w->honest) {
			MUST(number < w->n_published);
			MUST(popped->chain.readable_len == w->history[number % 256].readable_len &&
			     popped->chain.writable_len == w->history[number % 256].writable_len);
		}
	} else if (r == 0 && w->honest) {
		MUST(w->n_pops == w->n_published);
	}
	check_dev(w, r);
}

static void dev_push(struct world *w)
{
	uint8_t which = take8(&w->in);
	uint32_t part = take8(&w->in);
	struct popped *popped = NULL;
	uint32_t written;
	int r;

	/* The which-th pop that is in flight, or one that was. */
	for (unsigned i = 0; i < w->size; i++) {
		unsigned at = (which + i) % w->size;

		if (which & 0x80 ? w->popped[at].spent : w->popped[at].in_flight) {
			popped = &w->popped[at];
			break;
		}
	}
	if (!popped)
		return;
	written = part == 254 ? popped->chain.writable_len + 1 :
				(uint32_t)((uint64_t)popped->chain.writable_len * part / 255);
	r = vri_devq_push(w->dev, &popped->chain, written);
	if (w->dev_broke == 0)
		MUST((r == 0) == (popped->in_flight && written <= popped->chain.writable_len));
	MUST(r == 0 || r == -EINVAL || r == -ESHUTDOWN);
	if (r == 0) {
		popped->in_flight = false;
		popped->spent = true;
		w->n_in_flight--;
		for (unsigned i = w->n_pops; i-- > 0;) {
			if (w->pops[i].pushed || w->pops[i].which != popped - w->popped)
				continue;
			w->pops[i].pushed = true;
			w->history[i % 256].written = written;
			break;
		}
	}
	check_dev(w, r);
}

static void dev_rewind(struct world *w)
{
	unsigned n = take8(&w->in) % 8;
	bool can = n <= w->n_in_flight;
	int r;

	for (unsigned i = 1; i <= n && can; i++)
		can = !w->pops[w->n_pops - i].pushed;
	r = vri_devq_rewind(w->dev, n);
	MUST(w->dev_broke != 0 || r == (can ? 0 : -EINVAL));
	if (r == 0)
		for (unsigned i = 0; i < n; i++) {
			w->popped[w->pops[--w->n_pops].which].in_flight = false;
			w->n_in_flight--;
		}
	check_dev(w, r);
}

static void dev_publish(struct world *w, bool notify)
{
	int r = vri_devq_publish(w->dev);
	int expected = notify_expected(w);
	bool moves = hostile_waits();

	MUST(r == 0 || r == -ESHUTDOWN);
	if (notify && r == 0) {
		r = vri_devq_notify(w->dev);
		MUST(moves ? r == 0 || r == 1 : r == expected);
	}
	check_dev(w, r);
}

static void dev_arm(struct world *w)
{
	int r = vri_devq_arm(w->dev);

	MUST(r == 0 || r == 1 || r == -ESHUTDOWN);
	check_dev(w, r);
}

/* ---- stores that are not by the rules ---- */

/* Stores now, or so many fetches later as the input says. */
static void store(struct world *w, void *at, unsigned width, uint64_t value)
{
	uint8_t later = take8(&w->in);

	w->honest = false;
	if (later & 0x80)
		hostile_write_later(1 + (later & 0x7f), at, width, value);
	else
		hostile_write(at, width, value);
}

/* Some shared word. */
static void *some_word(struct world *w, unsigned width, uint64_t *ret_now)
{
	uint8_t where = take8(&w->in);
	size_t offset = take16(&w->in);
	uint8_t *base = w->memory[where & 1];
	size_t bytes = w->memory_bytes[where & 1];

	*ret_now = 0;
	if (where & 0x0e) {
		base = w->area[where / 2 % RING_AREAS];
		bytes = w->area_bytes[where / 2 % RING_AREAS];
	}
	if (bytes < width)
		return NULL;
	offset = offset % (bytes - width + 1) & ~(size_t)(width - 1);
	memcpy(ret_now, base + offset, width);
	*ret_now = le64toh(*ret_now);
	return base + offset;
}

static void store_word(struct world *w)
{
	uint8_t how = take8(&w->in);
	unsigned width = 2u << how % 3;
	uint64_t now;
	void *at = some_word(w, width, &now);

	if (!at)
		return;
	switch (how / 4 % 4) {
	case 0:
		store(w, at, width, take64(&w->in));
		break;
	case 1:
		store(w, at, width, now + (uint64_t)(int8_t)take8(&w->in));
		break;
	case 2:
		store(w, at, width, now ^ 1ull << take8(&w->in) % 64);
		break;
	default:
		store(w, at, width, take8(&w->in));
	}
}

/* An address that is likely to be one. */
static uint64_t some_iova(struct world *w)
{
	static const uint64_t base[] = {
		TABLES_IOVA, POOL_IOVA, POOL_IOVA + POOL_WINDOW, READABLE_IOVA, WRITABLE_IOVA, 0,
	};
	uint8_t which = take8(&w->in);

	if (which % 8 == 7)
		return take64(&w->in);
	if (which % 8 == 6)
		return (uint64_t)0 - take16(&w->in);
	return base[which % 8] + take16(&w->in) % (2 * POOL_BYTES);
}

static uint32_t some_len(struct world *w)
{
	uint8_t how = take8(&w->in);

	if (how < 0x80)
		return how;
	if (how < 0xc0)
		return (how & 0x3fu) * RING_DESC_BYTES;
	return how < 0xf8 ? take16(&w->in) : take32(&w->in);
}

/* Of either format, with AVAIL and USED in one byte. */
static uint16_t some_flags(struct world *w)
{
	uint8_t bits = take8(&w->in);

	return (uint16_t)((bits & ~0x40u) | (bits & 0x40 ? PACKED_USED : 0));
}

/* A descriptor of any kind into the ring, a table or the pool. */
static void store_desc(struct world *w)
{
	uint8_t where = take8(&w->in);
	unsigned number = take8(&w->in);
	uint64_t addr = some_iova(w);
	uint32_t len = some_len(w);
	uint16_t flags = some_flags(w);
	uint16_t last = take8(&w->in);
	uint8_t *at;
	uint64_t rest;

	if (last == 255)
		last = take16(&w->in);
	if (where & 1) {
		at = w->area[RING_DESC_AREA] + number % w->size * RING_DESC_BYTES;
	} else {
		size_t bytes = w->memory_bytes[where / 2 % 2] - RING_DESC_BYTES;

		at = w->memory[where / 2 % 2] +
		     (number * RING_DESC_BYTES + (where & 0x30) / 4) % (bytes + 1);
	}
	rest = w->packed ? ring_desc_rest(len, last, flags) : ring_desc_rest(len, flags, last);
	store(w, at, 8, addr);
	store(w, at + 8, 8, rest);
}

/* The driver's next step, with a head or a descriptor of the input's. */
static void store_available(struct world *w)
{
	uint16_t what = take8(&w->in);

	if (w->packed) {
		const struct packed_dev *p = &w->dev->packed;
		uint8_t *at = w->area[RING_DESC_AREA] + (size_t)p->slot * RING_DESC_BYTES;
		uint64_t addr = some_iova(w);
		uint32_t len = some_len(w);
		uint16_t flags = (uint16_t)(some_flags(w) & ~PACKED_BOTH);

		store(w, at, 8, addr);
		store(w, at + 8, 8, ring_desc_rest(len, what, (uint16_t)(flags | p->available)));
	} else {
		uint16_t *avail = (uint16_t *)(void *)w->area[RING_DRIVER_AREA];
		uint16_t idx = le16toh(avail[1]);

		store(w, &avail[2 + idx % w->size], 2, what);
		store(w, &avail[1], 2, (uint16_t)(idx + 1));
	}
}

/* The device's next step. */
static void store_used(struct world *w)
{
	uint16_t id = take8(&w->in);
	uint32_t len = some_len(w);

	if (w->packed) {
		const struct packed_drv *p = &w->drv->packed;
		uint8_t *at = w->area[RING_DESC_AREA] + (size_t)p->used_slot * RING_DESC_BYTES;

		store(w, at + 8, 8, ring_desc_rest(len, id, (uint16_t)(p->used | 2)));
	} else {
		uint16_t *used = (uint16_t *)(void *)w->area[RING_DEVICE_AREA];
		uint16_t idx = le16toh(used[1]);
		uint16_t *entry = &used[2 + 4 * (idx % w->size)];

		store(w, entry, 4, id);
		store(w, entry + 2, 4, len);
		store(w, &used[1], 2, (uint16_t)(idx + 1));
	}
}

/* A wish of either side for notifications, near the places where they are. */
static void store_wish(struct world *w)
{
	uint8_t how = take8(&w->in);
	uint16_t value = take16(&w->in);
	bool of_driver = how & 1;
	uint8_t *area = w->area[of_driver ? RING_DRIVER_AREA : RING_DEVICE_AREA];
	size_t last = w->area_bytes[of_driver ? RING_DRIVER_AREA : RING_DEVICE_AREA] - 2;

	/* Packed: offset and wrap counter, then flags; split: flags first, the event last. */
	if (w->packed && how & 2)
		store(w, area, 2, (how & 4 ? 0 : 0x8000) | value % (w->size + 1));
	else if (w->packed)
		store(w, area + 2, 2, how / 8 % 4);
	else if (how & 2)
		store(w, area + last, 2,
		      (uint16_t)(le16toh(*(uint16_t *)(void *)(area + 2)) + (int8_t)value));
	else
		store(w, area, 2, how / 8 % 8);
}

/* ---- the program ---- */

static void step(struct world *w)
{
	uint64_t n;

	switch (take8(&w->in) % 25) {
	case 0:
	case 1:
	case 2:
		drv_add(w);
		break;
	case 3:
		drv_publish(w, false);
		break;
	case 4:
	case 5:
		drv_publish(w, true);
		break;
	case 6:
	case 7:
		drv_get_used(w);
		break;
	case 8:
		drv_arm(w);
		break;
	case 9:
		vri_drvq_suppress(w->drv);
		break;
	case 10:
		(void)vri__drvq_has_used(w->drv);
		n = some_iova(w);
		(void)vri__drvq_uses_memory(w->drv, n, some_len(w));
		break;
	case 11:
	case 12:
		dev_pop(w);
		break;
	case 13:
	case 14:
		dev_push(w);
		break;
	case 15:
		dev_publish(w, true);
		break;
	case 16:
		dev_publish(w, false);
		break;
	case 17:
		dev_rewind(w);
		break;
	case 18:
		dev_arm(w);
		break;
	case 19:
		vri_devq_suppress(w->dev);
		(void)vri__devq_has_available(w->dev);
		break;
	case 20:
		store_word(w);
		break;
	case 21:
		store_desc(w);
		break;
	case 22:
		store_available(w);
		break;
	case 23:
		check_arithmetic(w);
		store_wish(w);
		break;
	default:
		store_used(w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct world w;

	w = (struct world){ .in = { bytes, len } };
	make_world(&w);
	for (unsigned i = 0; i < OPS_MOST && w.in.left > 0; i++)
		step(&w);
	vri__devq_stop(w.dev);
	vri__drvq_stop(w.drv);
	drv_take_back(&w);
	free_world(&w);
	return 0;
}
