/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The memory behind a shared memory region of a device, and what may be offered. */
#include "core/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/region.h"
#include "util/memfd.h"

const char *vri__shared_memory_check(const struct vri_shared_memory *shared, unsigned n)
{
	if (n > VRI_SHARED_MEMORY_MAX || (n && !shared))
		return "too many shared memory regions, or none where there are some";
	for (unsigned i = 0; i < n; i++) {
		if (shared[i].size == 0 || shared[i].size % REGION_ALIGN ||
		    shared[i].size > REGION_SIZE_MAX)
			return "a shared memory region of an impossible size";
		/* Its drivers need not trust each other either. */
		if (shared[i].common && shared[i].writable)
			return "a shared memory region that all drivers may write";
		if (vri__shared_memory_find(shared, i, shared[i].id) < i)
			return "two shared memory regions with one id";
	}
	return NULL;
}

unsigned vri__shared_memory_find(const struct vri_shared_memory *shared, unsigned n, uint8_t id)
{
	unsigned i = 0;

	while (i < n && shared[i].id != id)
		i++;
	return i;
}

static int make(struct shared_memory *m, const struct vri_shared_memory *shared)
{
	int r;

	if (!shared->writable)
		return memfd_make_read_only(SHARED_MEMORY_MEMFD_NAME, shared->size, &m->base);
	m->fd = memfd_make(SHARED_MEMORY_MEMFD_NAME, shared->size);
	if (m->fd < 0)
		return m->fd;
	r = memfd_map(m->fd, 0, shared->size, PROT_READ | PROT_WRITE, &m->base);
	if (r == 0)
		return m->fd;
	close(m->fd);
	return r;
}

int vri__shared_memory_make(struct shared_memory *m, const struct vri_shared_memory *shared)
{
	int r;

	*m = (struct shared_memory){ .size = shared->size, .fd = -1 };
	r = make(m, shared);
	if (r < 0) {
		m->base = NULL;
		return r;
	}
	m->fd = r;
	/* A child that frees its copy of a device unmaps this as well: so it has to be there. */
	(void)madvise(shm_payload(m->base), m->size, MADV_DOFORK);
	return 0;
}

void vri__shared_memory_free(struct shared_memory *m)
{
	if (!m->base)
		return;
	memfd_unmap(m->base, m->size);
	close(m->fd);
	*m = (struct shared_memory){ .fd = -1 };
}
