/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The same on the device's side. */
#include "core/devq.h"
#include "world.h"

#define PIECES 3

static struct vri_devq queue;
static char arrays[32 * SIZE + 1024];
static struct flight flights[SIZE];
static uint16_t popped[SIZE];

#ifdef PACKED
static void take_apart(void)
{
	queue.packed.flight = flights;
	queue.packed.popped = popped;
}

/* No list has more descriptors than the ring has left, which Eva cannot see: what would follow from one that has ends
 * here. */
static void stay_possible(void)
{
	const struct packed_dev *p = &queue.packed;

	for (unsigned i = 0; i < SIZE; i++)
		cut_off_unless(flights[i].n <= SIZE);
	cut_off_unless(p->slot < SIZE);
	cut_off_unless(p->used_slot < SIZE);
	cut_off_unless(p->staged_slot < SIZE);
	cut_off_unless(p->n_taken <= SIZE);
	cut_off_unless(p->popped_at < SIZE);
	cut_off_unless(p->oldest_at < SIZE);
	cut_off_unless(p->run.n <= SIZE);
	cut_off_unless(queue.n_in_flight <= SIZE);
}
#else
static struct split_used used_shadow[SIZE];

static void take_apart(void)
{
	queue.split.flight = flights;
	queue.split.popped = popped;
	queue.split.used_shadow = used_shadow;
}

static void stay_possible(void)
{
}
#endif

static bool make_queue(void)
{
	struct queue_setup setup;

	make_setup(&setup);
	if (vri__queue_check_setup(&setup) < 0)
		return false;
	queue.size = SIZE;
	queue.mask = SIZE - 1;
	queue.source.desc = desc_area;
	queue.source.size = SIZE;
	queue.source.indirect = any_bool();
	queue.event_idx = any_bool();
	queue.ops = &ops;
	counters_init(&queue.count, NULL);
	queue.epoch = (uint16_t)any();
	queue.format = &FORMAT;
	FORMAT.init(&queue, &setup, arrays + sizeof(arrays) - FORMAT.bytes(&setup));
	take_apart();
	queue.state = QUEUE_LIVE;
	return true;
}

static void use_queue(void)
{
	struct iovec pieces[PIECES] = { { 0 } };
	struct vri_chain chain = { .iov = pieces, .iov_max = any_up_to(PIECES) };
	struct vri_chain any_chain = { .iov = pieces,
				       .head = (uint16_t)any(),
				       .id = (uint32_t)any() };

	switch (any_up_to(11)) {
	case 0:
		vri_devq_pop(&queue, &chain);
		break;
	case 1:
		vri_devq_rewind(&queue, (unsigned)any());
		break;
	case 2:
		vri_devq_push(&queue, &any_chain, (uint32_t)any());
		break;
	case 3:
		vri_devq_publish(&queue);
		break;
	case 4:
		vri_devq_notify(&queue);
		break;
	case 5:
		vri_devq_arm(&queue);
		break;
	case 6:
		vri_devq_suppress(&queue);
		break;
	case 7:
		vri_devq_wait(&queue, (int)any_up_to(1000));
		break;
	case 8:
		vri__devq_break(&queue, VRI_RULE_DEVICE);
		break;
	case 9:
		vri__devq_stop(&queue);
		break;
	default:
		vri__devq_has_available(&queue);
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
