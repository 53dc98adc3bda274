/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* One open region: the checked map of it, and how the files of the inspector get at its blocks. */
#ifndef INSPECT_VIEW_H
#define INSPECT_VIEW_H

#include <stdbool.h>
#include <sys/types.h>

#include <vring-ipc/inspect.h>

#include "inspect/peek.h"
#include "core/region.h"

/* Looks that a snapshot takes before it is called not stable. */
#define VIEW_TRIES 64

struct vri_inspect {
	struct peek peek; /* the whole mapping */
	dev_t dev; /* which file it is: what a link's processes have in common */
	ino_t ino;
	uint8_t link_id[16];
	struct region_map map; /* taken once, from one private copy of the header */
	unsigned n_parts;
	struct region_part part[REGION_PARTS_MAX]; /* as the header has them, also unknown ones */
	struct packed_view *packed; /* the last look at a packed queue; NULL */
};

/*
 * Maps the memfd behind @fd, which must be open for reading alone, and reads its header.
 * Returns: 0; -ENOMEDIUM: not a region at all (no magic); -EPROTO, -ENOMEM: with the reason in
 * *ret_why, static text. On -EPROTO @ret_link_id holds what stands where the id should be.
 */
int view_open(int fd, struct vri_inspect **ret_insp, uint8_t ret_link_id[16], const char **ret_why);

/* How many queues both blocks have room for and at least one describes. */
unsigned view_n_queues(const struct vri_inspect *insp);

/* Copies a queue's entry of a block, or its counters; zeros when it is not there. Little-endian as
 * in the region. Returns: whether two reads were the same. */
bool view_device_queue(const struct vri_inspect *insp, unsigned queue,
		       struct region_device_queue *ret);
bool view_driver_queue(const struct vri_inspect *insp, unsigned queue,
		       struct region_driver_queue *ret);
void view_counters(const struct vri_inspect *insp, const struct region_part *part, unsigned queue,
		   struct region_counters *ret);

/* The 32 hex digits of a link id and the final 0. */
void view_id_text(const uint8_t link_id[16], char ret[33]);

#endif
