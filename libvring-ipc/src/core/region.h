/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The layout of a region, byte by byte (docs/region.md says the same in words), and the pure
 * functions that plan one, write its header, and check one that came from elsewhere. All fields are
 * little-endian.
 *
 * A region is one sealed memfd: a header page with a table of typed parts, then the parts, each
 * page-aligned and each with one writer. Readers skip types that they do not know. The blocks
 * publish what is true for the peer and for the inspector; neither side decides by them, each keeps
 * the truth in private memory.
 */
#ifndef CORE_REGION_H
#define CORE_REGION_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring_layout.h"
#include "util/shm.h"

#define REGION_MAGIC "VRINGIPC" /* 8 bytes, no final 0 */
#define REGION_VERSION 1
#define REGION_ALIGN 4096u /* of each part; the smallest page size there is */
#define REGION_PARTS_MAX 64
#define REGION_SIZE_MAX (1ull << 40)
#define REGION_MEMFD_NAME "vring-ipc" /* as /proc/PID/fd shows it: "/memfd:vring-ipc (deleted)" */

enum region_part_type {
	REGION_DEVICE_BLOCK =
		1, /* struct region_device, then struct region_device_queue for each queue */
	REGION_DRIVER_BLOCK =
		2, /* struct region_driver, then struct region_driver_queue for each queue */
	REGION_CONFIG = 3, /* the config space */
	REGION_DEVICE_COUNTERS = 4, /* struct region_counters for each queue */
	REGION_DRIVER_COUNTERS = 5, /* struct region_counters for each queue */
	REGION_DRIVER_RINGS = 6, /* driver areas, and descriptor areas of split queues */
	REGION_DEVICE_RINGS = 7, /* device areas */
	REGION_SHARED_RINGS = 8, /* descriptor areas of packed queues, which both sides write */
	REGION_OUTSTANDING =
		9, /* for each queue a byte a descriptor: 1 for a head that is lent to the device */
	REGION_TABLES = 10, /* indirect tables */
	REGION_POOL = 11, /* buffers; the device writes what it is lent as writable */
	REGION_TRACE = 12, /* opt-in, not written by this version */
	REGION_SHARED_MEMORY = 13, /* struct region_shared_memory for each region that the device
				      offers; only a link to a device that offers some has it */
};

enum region_writer {
	REGION_WRITER_NONE = 0, /* nobody after the set-up */
	REGION_WRITER_DEVICE = 1,
	REGION_WRITER_DRIVER = 2,
	REGION_WRITER_BOTH = 3,
};

struct region_part {
	uint32_t type;
	uint32_t version; /* of the part's own layout, 1 now */
	uint64_t offset;
	uint64_t size;
	uint32_t writer;
	uint32_t reserved;
};

struct region_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t header_size; /* of this struct with its table */
	uint64_t size; /* of the whole region */
	uint8_t link_id[16]; /* random */
	uint32_t n_parts;
	uint32_t part_size; /* sizeof(struct region_part): a later version may append to it */
	uint8_t reserved[16];
	/* n_parts times part_size bytes follow, each a struct region_part at its start. */
};

#define REGION_TEXT_MAX 128 /* type, name, reason; always 0-terminated by an honest writer */

/* Published by the device. Times are CLOCK_BOOTTIME nanoseconds, 0 for never. */
struct region_device {
	char type[REGION_TEXT_MAX];
	char name[REGION_TEXT_MAX];
	uint32_t device_id;
	uint32_t vendor_id;
	uint64_t offered[2];
	uint32_t status;
	uint32_t config_generation; /* odd while the config space changes */
	uint32_t config_size;
	uint32_t n_queues; /* entries that follow */
	uint32_t pid; /* a hint */
	uint32_t reserved0;
	uint64_t attached_ns;
	uint64_t needs_reset_ns;
	char needs_reset_why[REGION_TEXT_MAX];
	uint8_t reserved[64];
};

struct region_device_queue {
	uint32_t size_max;
	uint32_t live; /* 1 while the device serves it */
	uint32_t broken_rule; /* enum vri_rule */
	uint32_t reserved0;
	uint64_t last_sleep_ns; /* when it last armed the queue and found it empty */
	uint64_t broken_ns;
	uint8_t reserved[32];
};

/* Published by the driver. */
struct region_driver {
	uint64_t acked[2];
	uint32_t n_queues; /* entries that follow */
	uint32_t pid; /* a hint */
	uint64_t attached_ns;
	uint8_t reserved[96];
};

struct region_driver_queue {
	uint32_t format; /* 0 split, 1 packed */
	uint32_t size;
	uint64_t desc; /* iova of the descriptor area */
	uint64_t driver; /* iova of the driver area (split: the available ring) */
	uint64_t device; /* iova of the device area (split: the used ring) */
	uint32_t enabled;
	uint32_t broken_rule; /* enum vri_rule */
	uint64_t
		outstanding; /* offset of the queue's bytes in the region, see REGION_OUTSTANDING */
	uint64_t last_sleep_ns;
	uint64_t broken_ns;
};

/* Published by the device, for the inspector: a shared memory region that it offers. */
struct region_shared_memory {
	uint32_t id;
	uint32_t flags;
	uint64_t size; /* 0: none */
};

#define REGION_SHARED_WRITABLE 1u /* by the driver */
#define REGION_SHARED_COMMON 2u /* one memory for all drivers of the device */

/* 64 bits each, only ever written by their side, with relaxed stores of the whole word. */
struct region_counters {
	uint64_t buffers; /* driver: made available; device: marked used */
	uint64_t
		bytes_readable; /* bytes of those buffers that flow from the driver to the device */
	uint64_t bytes_written; /* bytes that flow back: driver: as used lengths said; device: as
				   pushed */
	uint64_t notifications; /* sent */
	uint64_t suppressed; /* not sent, since the peer asked for none */
	uint64_t sleeps; /* armed and found nothing */
	uint64_t errors; /* rules that the peer broke */
	uint64_t position; /* driver: used entries taken; device: available entries popped; since
			      the queue's set-up. Packed: descriptors, so modulo twice the size it
			      is the place in the ring and the lap */
};

static_assert(sizeof(struct region_part) == 32, "region layout");
static_assert(sizeof(struct region_header) == 64, "region layout");
static_assert(sizeof(struct region_device) == 512, "region layout");
static_assert(sizeof(struct region_device_queue) == 64, "region layout");
static_assert(sizeof(struct region_driver) == 128, "region layout");
static_assert(sizeof(struct region_driver_queue) == 64, "region layout");
static_assert(sizeof(struct region_counters) == 64, "region layout");
static_assert(sizeof(struct region_shared_memory) == 16, "region layout");

/* Where things are: found once, checked, then used. Offsets are from the start of the region. */
struct region_map {
	uint64_t size;
	uint8_t link_id[16];
	struct region_part device_block, driver_block, config, device_counters, driver_counters;
	struct region_part driver_rings, device_rings, shared_rings, outstanding, tables, pool,
		shared_memory; /* size 0: none */
};

/* Where in a region buffers and indirect tables may lie: the window of entry 0 of the memory table. */
void vri__region_window(const struct region_map *map, uint64_t *ret_offset, uint64_t *ret_size);

/* What a driver wants a region for. */
struct region_plan {
	unsigned n_queues;
	enum ring_format format; /* of all */
	unsigned queue_size; /* of each, valid in that format: the most that any of them will have
			      */
	unsigned indirect_max; /* descriptors in each indirect table, 0: none */
	uint32_t config_size;
	size_t pool_size;
	unsigned n_shared; /* shared memory regions of the device */
};

/*
 * Lays a region out. Pure.
 * Returns: 0; -EINVAL when the plan exceeds a limit (VRI_QUEUES_MAX, VRI_QUEUE_SIZE_MAX,
 * VRI_CONFIG_MAX, REGION_SIZE_MAX), checked without overflow.
 */
int vri__region_plan(const struct region_plan *plan, const uint8_t link_id[16],
		     struct region_map *ret_map);

/* Writes header and part table into fresh zero memory of ret_map->size bytes. */
void vri__region_format(void __shm *base, const struct region_map *map);

/*
 * Reads and checks a header that a peer wrote: each byte once, only from the first @readable bytes.
 * Checks magic, version, sizes, that every part is page-aligned, inside, apart from every other
 * one, has its one writer and is there once; both blocks are there and hold at least their fixed
 * part. ret_map->size may be more than @readable: whoever follows an offset has mapped that much
 * first. How many queues the parts are for: vri__region_n_queues().
 * Returns: 0; -EPROTO, and *ret_why (static text, may be NULL on input) says what is wrong.
 */
int vri__region_parse(const void __shm *base, size_t readable, struct region_map *ret_map,
		      const char **ret_why);

/* For how many queues the region has room: the entries that each block and each side's counters
 * hold, which must be the same number, 1 to VRI_QUEUES_MAX. 0 when they are not. Pure. */
unsigned vri__region_n_queues(const struct region_map *map);

/* Where the three areas of queue @queue lie (iova = offset, entry 0 of the memory table). */
struct region_queue_areas {
	uint64_t desc, driver, device, outstanding, tables;
};
void vri__region_queue_areas(const struct region_map *map, const struct region_plan *plan,
			     unsigned queue, struct region_queue_areas *ret_areas);

#endif
