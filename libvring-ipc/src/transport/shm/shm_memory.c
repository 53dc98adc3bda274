/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Mapping what a driver sent, after every check. */
#include "shm_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/memory.h>

#include "util/memfd.h"

static int refuse(int error, const char *why, const char **ret_why)
{
	*ret_why = why;
	return error;
}

void shm_memory_init(struct shm_memory *m, uint64_t bytes_max)
{
	memset(m, 0, sizeof(*m));
	m->region_fd = -1;
	m->bytes_max = bytes_max;
}

static void unmap(struct shm_memory *m, struct shm_mapping *mapping)
{
	memfd_unmap(mapping->base, mapping->size);
	m->bytes -= mapping->size;
	*mapping = (struct shm_mapping){ 0 };
}

void shm_memory_fini(struct shm_memory *m)
{
	vri__mem_free(m->table);
	m->table = NULL;
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		if (m->mapping[i].base)
			unmap(m, &m->mapping[i]);
	if (m->region_fd >= 0)
		close(m->region_fd);
	m->region_fd = -1;
}

/* The checks that the region and added memory share, then the mapping. */
static int map(struct shm_memory *m, int fd, uint64_t offset, uint64_t size, bool want_seal,
	       int prot, struct shm_mapping **ret_mapping, const char **ret_why)
{
	struct shm_mapping *mapping = NULL;
	int r;

	if (size == 0 || size > m->bytes_max || m->bytes > m->bytes_max - size || size > SIZE_MAX)
		return refuse(-ENOSPC, "more memory than one driver may share", ret_why);
	for (unsigned i = 0; i < MEM_ENTRIES_MAX && !mapping; i++)
		if (!m->mapping[i].base)
			mapping = &m->mapping[i];
	if (!mapping)
		return refuse(-ENOSPC, "the memory table is full", ret_why);
	r = memfd_check(fd, offset, size, want_seal, ret_why);
	if (r < 0)
		return r;
	/* Or they would be charged to the device. */
	if (!memfd_has_pages(fd, size))
		return refuse(-EINVAL, "memory without pages: allocate them first", ret_why);
	r = memfd_map(fd, offset, (size_t)size, prot, &mapping->base);
	if (r < 0)
		return refuse(r == -EPERM || r == -EACCES ? -EPERM :
			      r == -ENOMEM		  ? -ENOMEM :
							    -EINVAL,
			      "cannot be mapped that way", ret_why);
	mapping->size = (size_t)size;
	m->bytes += size;
	*ret_mapping = mapping;
	return 0;
}

/* ---- the region ---- */

static int take_header(struct shm_memory *m, const struct shm_mapping *mapping,
		       const uint8_t link_id[16], const char **ret_why)
{
	struct mem_entry entry = { .size = mapping->size,
				   .va = mapping->base,
				   .access = VRI_ACCESS_READ_WRITE };
	int r;

	r = vri__region_parse(mapping->base, mapping->size, &m->map, ret_why);
	if (r < 0)
		return r;
	if (m->map.size != mapping->size)
		return refuse(-EPROTO, "the region's header says another size", ret_why);
	if (memcmp(m->map.link_id, link_id, sizeof(m->map.link_id)) != 0)
		return refuse(-EPROTO, "the region's header says another link", ret_why);
	vri__region_window(&m->map, &entry.window_offset, &entry.window_size);
	r = vri__mem_new(&m->table);
	if (r == 0)
		r = vri__mem_add(m->table, &entry);
	return r < 0 ? refuse(r, "the region does not fit the memory table", ret_why) : 0;
}

int shm_memory_attach(struct shm_memory *m, int fd, uint64_t size, const uint8_t link_id[16],
		      const char **ret_why)
{
	struct shm_mapping *mapping;
	int r;

	r = map(m, fd, 0, size, true, PROT_READ | PROT_WRITE, &mapping, ret_why);
	if (r < 0)
		return r;
	r = take_header(m, mapping, link_id, ret_why);
	if (r < 0)
		return r; /* the mapping goes with the link */
	m->region_fd = fd;
	return 0;
}

/* ---- further memory ---- */

int shm_memory_add(struct shm_memory *m, int fd, uint64_t fd_offset, uint64_t iova, uint64_t size,
		   unsigned access, const char **ret_why)
{
	/* What the device may not write it cannot, and reading is part of every mapping: there are
	 * machines without write-only pages. The table knows the difference. */
	int prot = access & VRI_ACCESS_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
	struct shm_mapping *mapping;
	struct mem_entry entry;
	long page = sysconf(_SC_PAGESIZE);
	int r;

	if (fd_offset % (uint64_t)page || size % (uint64_t)page)
		return refuse(-EINVAL, "not made of whole pages", ret_why);
	r = map(m, fd, fd_offset, size, false, prot, &mapping, ret_why);
	if (r < 0)
		return r;
	entry = (struct mem_entry){ .iova = iova,
				    .size = size,
				    .va = mapping->base,
				    .access = access,
				    .window_size = size };
	mapping->iova = iova;
	r = vri__mem_add(m->table, &entry);
	if (r < 0) {
		unmap(m, mapping);
		return refuse(r, "overlaps other memory, wraps, or the table is full", ret_why);
	}
	return 0;
}

static struct shm_mapping *find_mapping(struct shm_memory *m, uint64_t iova)
{
	for (unsigned i = 1; i < MEM_ENTRIES_MAX; i++)
		if (m->mapping[i].base && !m->mapping[i].is_removed && m->mapping[i].iova == iova)
			return &m->mapping[i];
	return NULL;
}

int shm_memory_remove(struct shm_memory *m, uint64_t iova, const char **ret_why)
{
	/* The region itself, the first mapping, stays as long as the link. */
	struct shm_mapping *mapping = find_mapping(m, iova);
	struct mem_entry entry;

	if (!mapping || vri__mem_remove(m->table, iova, &entry) < 0)
		return refuse(-EINVAL, "there is no such memory", ret_why);
	mapping->is_removed = true;
	m->n_removed++;
	return 0;
}

void shm_memory_sweep(struct shm_memory *m)
{
	if (!m->n_removed)
		return;
	for (unsigned i = 1; i < MEM_ENTRIES_MAX; i++)
		if (m->mapping[i].is_removed)
			unmap(m, &m->mapping[i]);
	m->n_removed = 0;
}
