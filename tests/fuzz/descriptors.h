/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Descriptors of many kinds, right and wrong, to be sent beside messages; and whether any was kept. */
#ifndef TESTS_FUZZ_DESCRIPTORS_H
#define TESTS_FUZZ_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/region.h"

#define EXTRA_BYTES 16384u

enum descriptor {
	FD_NONE, /* -1 */
	FD_REGION_SPLIT,
	FD_REGION_PACKED,
	FD_EXTRA, /* memory as it should be */
	FD_EXTRA_READ_ONLY,
	FD_NOT_SEALED,
	FD_TOO_SMALL,
	FD_WITHOUT_PAGES,
	FD_EVENTFD,
	FD_SEMAPHORE, /* an eventfd that counts otherwise */
	FD_PIPE_READ,
	FD_PIPE_WRITE,
	FD_NULL, /* /dev/null */
	FD_SOCKET,
	FD_KINDS,
};

/* A region that a driver might have made. */
struct region {
	int fd;
	uint8_t *base; /* mapped, for the peer's writing */
	struct region_plan plan;
	struct region_map map;
};

/* Opens them all, once, and makes both regions what they are at first. */
void descriptors_renew(unsigned n_queues, unsigned queue_size, uint32_t config_size);

/* Borrowed: for the life of the process. */
int descriptor(enum descriptor which);
const struct region *region_of(bool packed);

/* Makes the eventfd and the pipe readable. */
void descriptor_notify(void);

/* Looks whether a descriptor is open now that was not, or a region mapped once more than here. */
void descriptors_check_leaks(void);

#endif
