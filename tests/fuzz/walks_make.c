/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Makes chains of both formats, direct ones and ones with a table: right but for the one thing that
 * they are meant to be wrong in. Descriptors of earlier chains stay in the ring around them.
 */
#include "walks.h"

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/virtio_ring.h>

#include <vring-ipc/memory.h>

#include "core/memtab.h"
#include "core/packed_ring.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

/* ---- memory ---- */

enum { TABLES, POOL, READABLE, WRITABLE, HUGE, PLACES };

#define TABLES_BYTES 4096u
#define POOL_BYTES 16384u
#define POOL_WINDOW 512u /* what is before it, buffers may not use */
#define OTHER_BYTES 4096u
#define HUGE_BYTES ((1ull << 32) + 4096u)

static struct place {
	uint64_t iova; /* of the first byte that buffers may use */
	uint64_t size;
	uint8_t *base;
} place[PLACES];

struct range walk_ranges[PLACES];
const unsigned walk_n_ranges = PLACES;
uint64_t walk_random_state;

static struct vri_mem *mem;
static uint8_t *ring[WALK_SIZE_MOST + 1]; /* by size */
static struct walk_case made;

static void add_place(unsigned i, uint64_t iova, uint64_t bytes, uint64_t window, unsigned access,
		      uint8_t *base)
{
	struct mem_entry entry = {
		.iova = iova,
		.size = bytes,
		.va = base,
		.access = access,
		.window_offset = window,
		.window_size = bytes - window,
	};

	MUST(base && vri__mem_add(mem, &entry) == 0);
	place[i] = (struct place){ iova + window, bytes - window, base + window };
	walk_ranges[i] = (struct range){ base + window, bytes - window, access };
}

void walks_init(uint64_t seed)
{
	void *huge = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(huge != MAP_FAILED && vri__mem_new(&mem) == 0);
	walk_random_state = seed;
	add_place(TABLES, 0x1000, TABLES_BYTES, 0, VRI_ACCESS_READ_WRITE, calloc(1, TABLES_BYTES));
	add_place(POOL, 0x10000, POOL_BYTES, POOL_WINDOW, VRI_ACCESS_READ_WRITE,
		  calloc(1, POOL_BYTES));
	add_place(READABLE, 0x80000, OTHER_BYTES, 0, VRI_ACCESS_READ, calloc(1, OTHER_BYTES));
	add_place(HUGE, 1ull << 40, HUGE_BYTES, 0, VRI_ACCESS_READ_WRITE, huge);
	/* As high as there is: what begins here can wrap. */
	add_place(WRITABLE, UINT64_MAX - OTHER_BYTES, OTHER_BYTES, 0, VRI_ACCESS_WRITE,
		  calloc(1, OTHER_BYTES));
	for (unsigned size = 1; size <= WALK_SIZE_MOST; size++) {
		ring[size] = calloc(size, RING_DESC_BYTES);
		MUST(ring[size]);
	}
}

void walks_fini(void)
{
	for (unsigned size = 1; size <= WALK_SIZE_MOST; size++)
		free(ring[size]);
	for (unsigned i = 0; i < PLACES; i++)
		if (i != HUGE)
			free(place[i].base - (i == POOL ? POOL_WINDOW : 0));
	munmap(place[HUGE].base, HUGE_BYTES);
	vri__mem_free(mem);
}

/* ---- pieces ---- */

struct piece {
	uint64_t addr;
	uint32_t len;
	bool writable;
};

static struct piece pieces[WALK_PIECES_MOST];
static unsigned n_pieces;

static uint32_t a_length(void)
{
	uint64_t dice = walk_random();

	if (dice % 16 == 0)
		return 0;
	return 1 + (uint32_t)(dice >> 32) % 255;
}

static struct piece good_piece(bool writable)
{
	unsigned which = walk_below(4);
	const struct place *p = &place[POOL];
	uint64_t offset = walk_below(OTHER_BYTES - 255);

	if (which == 0)
		p = &place[writable ? WRITABLE : READABLE];
	else if (which == 1)
		p = &place[HUGE];
	if (which == 1)
		offset += (uint64_t)walk_below(16) << 28;
	return (struct piece){ p->iova + offset, a_length(), writable };
}

static void good_pieces(unsigned n, unsigned n_readable)
{
	for (unsigned i = 0; i < n; i++)
		pieces[i] = good_piece(i >= n_readable);
	n_pieces = n;
}

/* Nowhere, or not all of it anywhere. */
static uint64_t bad_addr(uint32_t *len)
{
	const struct place *p = &place[walk_below(PLACES)];

	switch (walk_below(6)) {
	case 0:
		return walk_random() | 1ull << 62;
	case 1:
		/* The last bytes are behind the end; with the highest place they wrap. */
		*len = 2 + walk_below(512);
		return p->iova + p->size - 1 - walk_below(*len - 1);
	case 2:
		*len = UINT32_MAX - walk_below(64);
		return place[POOL].iova + walk_below(POOL_BYTES - POOL_WINDOW);
	case 3:
		/* Before the window. */
		return place[POOL].iova - 1 - walk_below(POOL_WINDOW);
	case 4:
		return UINT64_MAX;
	default:
		return p->iova + p->size;
	}
}

static void spoil_address(void)
{
	struct piece *p = &pieces[walk_below(n_pieces)];

	p->addr = bad_addr(&p->len);
}

static void spoil_access(void)
{
	struct piece *p = &pieces[walk_below(n_pieces)];

	p->addr = place[p->writable ? READABLE : WRITABLE].iova + walk_below(OTHER_BYTES - 255);
}

static void spoil_order(void)
{
	unsigned at = walk_below(n_pieces - 1);

	for (unsigned i = 0; i <= at + 1; i++)
		pieces[i] = good_piece(i == at);
}

static void spoil_bytes(void)
{
	unsigned first = walk_below(n_pieces - 1);

	for (unsigned i = first; i < first + 2; i++) {
		pieces[i].addr = place[HUGE].iova + walk_below(4096);
		pieces[i].len = UINT32_MAX - walk_below(1u << 30);
	}
}

/* ---- descriptors ---- */

static void put(uint8_t *at, uint64_t addr, uint64_t rest)
{
	uint64_t word[2] = { htole64(addr), htole64(rest) };

	memcpy(at, word, sizeof(word));
	made.desc[made.n_descs++] = at;
}

/* The size of a table, where it is, and what the descriptor says that points at it. */
struct table {
	uint8_t *at;
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
};

static struct table a_table(unsigned n)
{
	size_t bytes = (size_t)n * RING_DESC_BYTES;
	/* Every other table is aligned to nothing. */
	size_t offset = walk_random() >> 32;
	struct table t = { .len = (uint32_t)bytes, .flags = INDIRECT };

	offset %= TABLES_BYTES - bytes + 1;
	if (walk_below(2))
		offset &= ~(size_t)15;
	t.at = place[TABLES].base + offset;
	t.addr = place[TABLES].iova + offset;
	return t;
}

static void spoil_table(struct table *t)
{
	switch (made.meant) {
	case VRI_RULE_INDIRECT_FEATURE:
		made.source.indirect = false;
		break;
	case VRI_RULE_INDIRECT_NEXT:
		t->flags |= NEXT;
		break;
	case VRI_RULE_INDIRECT_SIZE:
		switch (walk_below(3)) {
		case 0:
			t->len = 0;
			break;
		case 1:
			t->len += 1 + walk_below(15);
			break;
		default:
			t->len = (65537u + walk_below(1000)) * RING_DESC_BYTES;
		}
		break;
	case VRI_RULE_INDIRECT_ADDRESS:
		if (walk_below(4) == 0)
			t->addr = place[WRITABLE].iova;
		else if (walk_below(3) == 0)
			t->addr = place[TABLES].iova + TABLES_BYTES - t->len + 1 + walk_below(15);
		else
			t->addr = walk_random() | 1ull << 62;
		break;
	default:
		break;
	}
}

/* Flags without a meaning, which are ignored: but for those that packed descriptors need. */
static uint16_t noise(void)
{
	return walk_below(8) == 0 ? (uint16_t)(walk_random() & 0x7f78) : 0;
}

/* ---- split ---- */

static unsigned power_of_two(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* Descriptors @from to @to of the pieces, all over a table of @size, which is a power of two. @end:
 * what is behind the last one: -1 nothing, else the next field. Returns: where the first is. */
static unsigned put_split(uint8_t *table, unsigned size, unsigned from, unsigned to, int end,
			  unsigned first, unsigned step)
{
	unsigned at = first;

	for (unsigned i = from; i < to; i++) {
		uint16_t flags = (uint16_t)((pieces[i].writable ? WRITE : 0) | noise());
		unsigned next = (at + step) & (size - 1);

		if (i + 1 == to && end >= 0)
			next = (unsigned)end;
		if (i + 1 < to || end >= 0)
			flags |= NEXT;
		put(table + (size_t)at * RING_DESC_BYTES, pieces[i].addr,
		    ring_desc_rest(pieces[i].len, flags, (uint16_t)next));
		at = next;
	}
	return first;
}

/* Where the last next field leads. */
static int split_end(unsigned size, unsigned first, unsigned step, unsigned n)
{
	if (made.meant == VRI_RULE_NEXT)
		return (int)(walk_below(2) ? size : size + walk_below(65536 - size));
	if (made.meant == VRI_RULE_CHAIN_LENGTH)
		return (int)((first + walk_below(n) * step) & (size - 1));
	return -1;
}

static void make_split_table(uint8_t *desc, unsigned size)
{
	/* Some pieces may be before the table. */
	unsigned before = n_pieces > 1 && size > 1 ? walk_below(n_pieces < size ? n_pieces : size) :
						     0;
	unsigned table_size = power_of_two(n_pieces - before);
	struct table t = a_table(table_size);
	unsigned step = walk_below(size) | 1;
	unsigned first = walk_below(table_size);
	unsigned table_step = walk_below(table_size) | 1;
	unsigned at;

	made.head = walk_below(size);
	at = (made.head + before * step) & (size - 1);
	spoil_table(&t);
	if (before > 0)
		put_split(desc, size, 0, before, (int)at, made.head, step);
	put(desc + (size_t)at * RING_DESC_BYTES, t.addr,
	    ring_desc_rest(t.len, (uint16_t)(t.flags | (walk_below(4) ? 0 : WRITE) | noise()),
			   (uint16_t)walk_below(size)));
	/* A table is walked from its beginning. */
	first = 0;
	put_split(t.at, table_size, before, n_pieces,
		  split_end(table_size, first, table_step, n_pieces - before), first, table_step);
	if (made.meant == VRI_RULE_INDIRECT_NESTED) {
		uint8_t *inside = made.desc[made.n_descs - 1 - walk_below(n_pieces - before)];
		uint64_t rest;

		memcpy(&rest, inside + 8, 8);
		rest |= htole64((uint64_t)INDIRECT << 32);
		memcpy(inside + 8, &rest, 8);
	}
}

static void make_split(unsigned size)
{
	uint8_t *desc = ring[size];

	if (made.with_table) {
		make_split_table(desc, size);
	} else {
		unsigned step = walk_below(size) | 1;

		made.head = walk_below(size);
		put_split(desc, size, 0, n_pieces, split_end(size, made.head, step, n_pieces),
			  made.head, step);
	}
}

/* ---- packed ---- */

static uint16_t an_id(unsigned size)
{
	made.head = walk_below(size);
	if (made.meant == VRI_RULE_HEAD)
		made.head = walk_below(2) ? size : size + walk_below(65536 - size);
	return (uint16_t)made.head;
}

static void put_packed(uint8_t *at, uint64_t addr, uint32_t len, uint16_t id, uint16_t flags)
{
	put(at, addr, ring_desc_rest(len, id, flags));
}

static void make_packed_table(uint8_t *desc, unsigned size)
{
	struct table t = a_table(n_pieces);

	spoil_table(&t);
	made.list.flags = (uint16_t)(made.list.available | t.flags | (walk_below(4) ? 0 : WRITE) |
				     (noise() & ~PACKED_BOTH));
	put_packed(desc + (size_t)made.list.slot * RING_DESC_BYTES, t.addr, t.len, an_id(size),
		   made.list.flags);
	for (unsigned i = 0; i < n_pieces; i++)
		put_packed(t.at + (size_t)i * RING_DESC_BYTES, pieces[i].addr, pieces[i].len,
			   (uint16_t)walk_random(),
			   (uint16_t)((pieces[i].writable ? WRITE : 0) |
				      (noise() & ~(unsigned)WRITE)));
}

static void make_packed_list(uint8_t *desc, unsigned size)
{
	uint16_t slot = made.list.slot, available = made.list.available;
	unsigned wrong = n_pieces > 1 ? 1 + walk_below(n_pieces - 1) : 0;

	for (unsigned i = 0; i < n_pieces; i++) {
		uint16_t flags = (uint16_t)((pieces[i].writable ? WRITE : 0) |
					    (noise() & ~PACKED_BOTH) | available);
		bool last = i + 1 == n_pieces;

		if (!last || made.meant == VRI_RULE_CHAIN_LENGTH)
			flags |= NEXT;
		if (i == wrong && made.meant == VRI_RULE_FLAGS)
			flags ^= (uint16_t)(walk_below(3) ? PACKED_BOTH :
					    walk_below(2) ? PACKED_AVAIL :
							    PACKED_USED);
		if (i == wrong && made.meant == VRI_RULE_INDIRECT_NEXT)
			flags |= INDIRECT;
		put_packed(desc + (size_t)slot * RING_DESC_BYTES, pieces[i].addr, pieces[i].len,
			   last ? an_id(size) : (uint16_t)walk_random(), flags);
		if (i == 0)
			made.list.flags = flags;
		packed_advance(size, &slot, &available, 1);
	}
}

static void make_packed(unsigned size)
{
	uint8_t *desc = ring[size];
	unsigned n = made.with_table ? 1 : n_pieces;

	made.n_slots = n;
	made.list = (struct packed_list){
		.slot = (uint16_t)walk_below(size),
		.available = walk_below(2) ? PACKED_AVAIL : PACKED_USED,
		.room = (uint16_t)(made.meant == VRI_RULE_CHAIN_LENGTH ?
					   n :
					   n + walk_below(size - n + 1)),
	};
	if (made.with_table)
		make_packed_table(desc, size);
	else
		make_packed_list(desc, size);
	if (made.list.room > size)
		made.list.room = (uint16_t)size;
}

/* ---- a case ---- */

static bool choose_format(void)
{
	switch (made.meant) {
	case VRI_RULE_NEXT:
	case VRI_RULE_INDIRECT_NESTED:
		return false;
	case VRI_RULE_FLAGS:
	case VRI_RULE_HEAD:
		return true;
	default:
		return walk_below(2);
	}
}

static bool choose_table(void)
{
	switch (made.meant) {
	case VRI_RULE_INDIRECT_FEATURE:
	case VRI_RULE_INDIRECT_NESTED:
	case VRI_RULE_INDIRECT_SIZE:
	case VRI_RULE_INDIRECT_ADDRESS:
		return true;
	case VRI_RULE_FLAGS:
		return false;
	case VRI_RULE_INDIRECT_NEXT:
		/* In a packed list any descriptor but the first can have it. */
		return !made.packed || walk_below(2);
	default:
		return walk_below(2);
	}
}

/* Mostly small ones, where the ends are near. */
static unsigned choose_size(void)
{
	unsigned most = made.meant == VRI_RULE_CHAIN_LENGTH ? 4 : walk_below(8) ? 5 : 7;

	if (made.packed)
		return 1 + walk_below(1u << (most - 1));
	return 1u << walk_below(most);
}

/* How many pieces it takes to be wrong in that way. */
static unsigned fewest_pieces(void)
{
	switch (made.meant) {
	case VRI_RULE_CHAIN_ORDER:
	case VRI_RULE_CHAIN_BYTES:
	case VRI_RULE_FLAGS:
		return 2;
	case VRI_RULE_INDIRECT_NEXT:
		return made.packed && !made.with_table ? 2 : 1;
	default:
		return 1;
	}
}

static unsigned choose_n(unsigned size)
{
	unsigned fewest = fewest_pieces();
	unsigned most = walk_below(16) ? 4 : 24;
	unsigned n;

	/* Too long a table, in either format; lists that are too long end with NEXT. */
	if (made.meant == VRI_RULE_CHAIN_LENGTH && made.with_table && made.packed)
		return size + 1 + walk_below(4);
	n = fewest + walk_below(most);
	return n < size ? n : size;
}

static void spoil_pieces(void)
{
	switch (made.meant) {
	case VRI_RULE_ADDRESS:
		spoil_address();
		break;
	case VRI_RULE_ACCESS:
		spoil_access();
		break;
	case VRI_RULE_CHAIN_ORDER:
		spoil_order();
		break;
	case VRI_RULE_CHAIN_BYTES:
		spoil_bytes();
		break;
	default:
		break;
	}
}

static const struct place *place_of(uint64_t addr)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (addr - place[i].iova < place[i].size)
			return &place[i];
	return NULL;
}

/* What has to come out. */
static void note_pieces(void)
{
	made.n_pieces = made.n_readable = 0;
	for (unsigned i = 0; i < n_pieces; i++) {
		const struct place *p = place_of(pieces[i].addr);

		if (pieces[i].len == 0)
			continue;
		made.piece[made.n_pieces++] =
			(struct iovec){ .iov_base = p->base + (pieces[i].addr - p->iova),
					.iov_len = pieces[i].len };
		made.n_readable += !pieces[i].writable;
	}
}

/* Random words in all of its descriptors, or bits of them. */
static void make_noise(void)
{
	for (unsigned i = 0; i < made.n_descs; i++)
		walks_rewrite(&made);
	if (made.packed) {
		uint16_t flags;

		memcpy(&flags, made.desc[0] + 14, 2);
		made.list.flags = (uint16_t)((le16toh(flags) & ~PACKED_BOTH) | made.list.available);
	}
}

struct walk_case *walks_make(unsigned meant)
{
	unsigned size, n;

	made.meant = meant;
	made.packed = choose_format();
	made.with_table = choose_table();
	made.n_descs = 0;
	do
		size = choose_size();
	while (size < fewest_pieces());
	made.source = (struct chain_source){
		.desc = ring[size],
		.mem = mem,
		.size = size,
		.hint = made.source.hint,
		.indirect = made.with_table || walk_below(2),
	};
	n = choose_n(size);
	/* A loop goes on in the direction in which it began. */
	good_pieces(n,
		    meant == VRI_RULE_CHAIN_LENGTH ? (walk_below(2) ? n : 0) : walk_below(n + 1));
	spoil_pieces();
	if (made.packed)
		make_packed(size);
	else
		make_split(size);
	if (meant == VRI_RULE_NONE || meant == WALK_NO_ROOM)
		note_pieces();
	made.iov_max = size;
	if (meant == WALK_NO_ROOM && made.n_pieces > 0)
		made.iov_max = walk_below(made.n_pieces);
	else if (meant == WALK_NO_ROOM)
		made.meant = WALK_ANY;
	if (meant == WALK_ANY)
		make_noise();
	return &made;
}

/* ---- rewriting ---- */

bool walks_rewrite(const struct walk_case *c)
{
	uint64_t dice = walk_random();
	unsigned half = dice >> 16 & 8;
	uint8_t *at = c->desc[(dice & 0xffff) % c->n_descs] + half;
	uint64_t was, is;

	memcpy(&was, at, 8);
	switch (dice >> 20 & 7) {
	case 0:
		is = walk_random();
		break;
	case 1:
		/* Another descriptor's. */
		memcpy(&is, c->desc[(dice >> 24 & 0xffff) % c->n_descs] + half, 8);
		break;
	case 2:
	case 3:
		/* Its lower half: of the length or the address. */
		is = was ^ htole64(1ull << (dice >> 24 & 31));
		break;
	case 4:
		is = was + htole64(dice >> 24 & 0xff);
		break;
	default:
		/* A flag or a next field. */
		is = was ^ htole64(1ull << (32 + (dice >> 24 & 31)));
	}
	memcpy(at, &is, 8);
	return is != was;
}
