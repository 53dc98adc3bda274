/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What a driver shares with a device: the region and further memory, checked, mapped, accounted for. */
#ifndef SHM_MEMORY_H
#define SHM_MEMORY_H

#include "core/memtab.h"
#include "core/region.h"

struct shm_mapping {
	uint64_t iova;
	void __shm *base;
	size_t size;
	bool is_removed; /* out of the table; unmapped when no queue can hold a piece of it */
};

struct shm_memory {
	struct vri_mem *table;
	int region_fd; /* kept open for the inspector, which finds it in /proc; -1: none */
	struct region_map map;
	struct shm_mapping mapping[MEM_ENTRIES_MAX]; /* the first is the region; base NULL: free */
	unsigned n_removed;
	uint64_t bytes; /* in all mappings */
	uint64_t bytes_max;
};

void shm_memory_init(struct shm_memory *m, uint64_t bytes_max);

/* Unmaps and closes everything. */
void shm_memory_fini(struct shm_memory *m);

/*
 * Takes the region: memfd, seals, size, pages, header, and that its id is @link_id. Returns: 0, and
 * @fd is the memory's; -EPROTO, -ENOMEM or -EINVAL with *ret_why, and it is not.
 */
int shm_memory_attach(struct shm_memory *m, int fd, uint64_t size, const uint8_t link_id[16],
		      const char **ret_why);

/* Adds an entry; @fd stays the caller's. @access is enum vri_access. Returns: 0; -EINVAL, -ENOSPC,
 * -EPERM, -ENOMEM with *ret_why. */
int shm_memory_add(struct shm_memory *m, int fd, uint64_t fd_offset, uint64_t iova, uint64_t size,
		   unsigned access, const char **ret_why);

/* Takes an entry out of the table; its mapping stays until shm_memory_sweep(). Returns: 0; -EINVAL
 * with *ret_why. */
int shm_memory_remove(struct shm_memory *m, uint64_t iova, const char **ret_why);

/* Unmaps what was removed. No queue may hold a piece of it. */
void shm_memory_sweep(struct shm_memory *m);

#endif
