/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The raw packed ring and who writes it. */

#include "mock_packed.h"

#include <endian.h>
#include <string.h>

#include "test.h"

void mock_packed_init(struct mock_packed *p, unsigned size)
{
	memset(p, 0, sizeof(*p));
	mock_ring_init(&p->ring, size);
	p->size = size;
	p->desc = (void *)p->ring.desc;
	p->driver_event = (void *)p->ring.avail;
	p->device_event = (void *)p->ring.used;
	p->avail.wrap = true;
	p->used.wrap = true;
}

void mock_packed_fini(struct mock_packed *p)
{
	mock_ring_fini(&p->ring);
}

struct vri_drvq *mock_packed_drvq(struct mock_packed *p, uint64_t features)
{
	return mock_drvq(&p->ring, features | MOCK_PACKED);
}

struct vri_devq *mock_packed_devq(struct mock_packed *p, uint64_t features)
{
	return mock_devq(&p->ring, features | MOCK_PACKED);
}

struct mock_place mock_place_after(const struct mock_packed *p, struct mock_place place, unsigned n)
{
	while (n-- > 0) {
		if (++place.slot == p->size) {
			place.slot = 0;
			place.wrap = !place.wrap;
		}
	}
	return place;
}

uint16_t mock_available_bits(bool wrap)
{
	return wrap ? MOCK_AVAIL : MOCK_USED;
}

uint16_t mock_used_bits(bool wrap)
{
	return wrap ? MOCK_AVAIL | MOCK_USED : 0;
}

uint16_t mock_flags(const struct mock_packed *p, unsigned slot)
{
	return le16toh(__atomic_load_n(&p->desc[slot].flags, __ATOMIC_ACQUIRE));
}

void mock_set_flags(struct mock_packed *p, unsigned slot, uint16_t flags)
{
	__atomic_store_n(&p->desc[slot].flags, htole16(flags), __ATOMIC_RELEASE);
}

static uint16_t bits(const struct mock_packed *p, unsigned slot)
{
	return mock_flags(p, slot) & (MOCK_AVAIL | MOCK_USED);
}

bool mock_is_available(const struct mock_packed *p, struct mock_place place)
{
	return bits(p, place.slot) == mock_available_bits(place.wrap);
}

bool mock_is_used(const struct mock_packed *p, struct mock_place place)
{
	return bits(p, place.slot) == mock_used_bits(place.wrap);
}

void mock_packed_desc(void *table, unsigned i, uint64_t iova, uint32_t len, uint16_t id,
		      uint16_t flags)
{
	struct vring_packed_desc desc = {
		.addr = htole64(iova),
		.len = htole32(len),
		.id = htole16(id),
		.flags = htole16(flags),
	};

	memcpy((uint8_t *)table + sizeof(desc) * i, &desc, sizeof(desc));
}

void mock_packed_offer(struct mock_packed *p, const struct mock_piece *pieces, unsigned n,
		       uint16_t id)
{
	struct mock_place first = p->avail;
	uint16_t first_flags = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t flags = (uint16_t)(pieces[i].flags | (i + 1 < n ? MOCK_NEXT : 0) |
					    mock_available_bits(p->avail.wrap));
		/* The first keeps the flags that it has until the end. */
		uint16_t now = i == 0 ? mock_flags(p, p->avail.slot) : flags;

		if (i == 0)
			first_flags = flags;
		mock_packed_desc(p->desc, p->avail.slot, pieces[i].iova, pieces[i].len, id, now);
		p->avail = mock_place_after(p, p->avail, 1);
	}
	mock_set_flags(p, first.slot, first_flags);
}

void mock_packed_offer_one(struct mock_packed *p, uint16_t id)
{
	struct mock_piece piece = { mock_iova(&p->ring, p->ring.pool), 8, 0 };

	mock_packed_offer(p, &piece, 1, id);
}

uint16_t mock_packed_list(const struct mock_packed *p, struct mock_place place, unsigned *ret_n)
{
	unsigned n = 1;

	while ((mock_flags(p, place.slot) & MOCK_NEXT) != 0 && n < p->size) {
		place = mock_place_after(p, place, 1);
		n++;
	}
	if (ret_n != NULL)
		*ret_n = n;
	return le16toh(p->desc[place.slot].id);
}

void mock_packed_use(struct mock_packed *p, uint16_t id, uint32_t len, unsigned n)
{
	p->desc[p->used.slot].id = htole16(id);
	p->desc[p->used.slot].len = htole32(len);
	mock_set_flags(p, p->used.slot, mock_used_bits(p->used.wrap) | MOCK_WRITE);
	p->used = mock_place_after(p, p->used, n);
}

void mock_set_event(struct vring_packed_desc_event *event, uint16_t flags, unsigned slot, bool wrap)
{
	event->off_wrap = htole16((uint16_t)(slot | (wrap ? 0x8000u : 0)));
	event->flags = htole16(flags);
}

uint16_t mock_event_flags(const struct vring_packed_desc_event *event)
{
	return le16toh(event->flags);
}

struct mock_place mock_event_place(const struct vring_packed_desc_event *event)
{
	uint16_t word = le16toh(event->off_wrap);

	return (struct mock_place){ word & 0x7fff, (word & 0x8000) != 0 };
}
