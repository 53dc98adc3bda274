/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What Eva looks at on the driver's side: a program that does with a queue of FORMAT and SIZE whatever the public calls
 * allow, as often as it likes and in any order, while each look at shared memory finds anything at all.
 */
#include "core/drvq.h"
#include "world.h"

#define TABLE_MAX 4

static struct vri_drvq queue;
static char arrays[64 * SIZE * TABLE_MAX + 1024];
static struct outstanding_record records[SIZE + 1];
static uint8_t lent_bytes[SIZE];
static uint64_t tables[2 * SIZE * TABLE_MAX];
static struct ring_desc tables_shadow[SIZE * TABLE_MAX];

/* Each array of the queue for itself, so that none is taken for another one's end. */
#ifdef PACKED
static struct packed_buffer buffers[SIZE];

static void take_apart(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		buffers[i].next = (uint16_t)(i + 1);
	queue.packed.buffer = buffers;
	queue.packed.tables_shadow = tables_shadow;
}

/* No list has more descriptors than there are, and each id is one or the end of the free ones, which Eva cannot see:
 * what would follow from another ends here. */
static void stay_possible(void)
{
	const struct packed_drv *p = &queue.packed;

	for (unsigned i = 0; i < SIZE; i++) {
		cut_off_unless(buffers[i].n <= SIZE);
		cut_off_unless(buffers[i].last < SIZE);
		cut_off_unless(buffers[i].next <= SIZE);
		cut_off_unless(buffers[i].len <= RING_DESC_BYTES * TABLE_MAX);
	}
	cut_off_unless(p->slot < SIZE);
	cut_off_unless(p->used_slot < SIZE);
	cut_off_unless(p->staged_slot < SIZE);
	cut_off_unless(p->n_free <= SIZE);
	cut_off_unless(p->free_id <= SIZE);
}
#else
static struct ring_desc desc_shadow[SIZE];
static uint16_t avail_shadow[SIZE];
static uint16_t free_ring[SIZE];

static void take_apart(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		free_ring[i] = (uint16_t)i;
	queue.split.desc_shadow = desc_shadow;
	queue.split.avail_shadow = avail_shadow;
	queue.split.free_ring = free_ring;
	queue.split.tables_shadow = tables_shadow;
}

static void stay_possible(void)
{
}
#endif

static bool make_queue(void)
{
	struct queue_setup setup;

	make_setup(&setup);
	setup.tables = tables;
	setup.indirect_max = TABLE_MAX;
	if (vri__queue_check_setup(&setup) < 0)
		return false;
	queue.size = SIZE;
	queue.mask = SIZE - 1;
	queue.event_idx = any_bool();
	queue.outstanding_bytes = lent_bytes;
	queue.ops = &ops;
	queue.deadline_ns = 1000;
	counters_init(&queue.count, NULL);
	vri__outstanding_init(&queue.outstanding, records, SIZE);
	queue.format = &FORMAT;
	FORMAT.init(&queue, &setup, arrays + sizeof(arrays) - FORMAT.bytes(&setup));
	take_apart();
	queue.state = QUEUE_LIVE;
	return true;
}

static void use_queue(void)
{
	struct iovec pieces[4];
	struct vri_used used[3] = { { 0 } };
	unsigned n_readable, n_writable;
	uint64_t next_ns;
	uint32_t len;
	void *token;

	for (unsigned i = 0; i < 4; i++)
		pieces[i] = (struct iovec){ payload, any() };
	switch (any_up_to(15)) {
	case 0:
		n_readable = any_up_to(2);
		n_writable = any_up_to(2);
		vri_drvq_add(&queue, pieces, n_readable, pieces + 2, n_writable, payload);
		break;
	case 1:
		vri_drvq_publish(&queue);
		break;
	case 2:
		vri_drvq_kick(&queue);
		break;
	case 3:
		vri_drvq_get_used_batch(&queue, used, any_up_to(3));
		break;
	case 4:
		vri_drvq_get_used(&queue, &token, &len);
		break;
	case 5:
		vri_drvq_arm_after(&queue, (unsigned)any());
		break;
	case 6:
		vri_drvq_suppress(&queue);
		break;
	case 7:
		vri_drvq_wait(&queue, (int)any_up_to(1000));
		break;
	case 8:
		vri__drvq_uses_memory(&queue, any(), any());
		break;
	case 9:
		vri__drvq_check_deadline(&queue, any(), &next_ns);
		break;
	case 10:
		vri__drvq_break(&queue, VRI_RULE_DEVICE);
		break;
	case 11:
		vri__drvq_stop(&queue);
		break;
	case 12:
		vri_drvq_take_back(&queue, &token);
		break;
	default:
		vri__drvq_has_used(&queue);
		break;
	}
}

void main(void)
{
	if (!make_queue())
		return;
	while (any_bool()) {
		use_queue();
		stay_possible();
	}
}
