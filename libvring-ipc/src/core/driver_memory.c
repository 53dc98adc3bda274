/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Memory of the application's own in the link's memory table. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/driver_impl.h"
#include "util/memfd.h"

/* Between two entries, so that an address that runs off one of them is in none. */
#define IOVA_GAP (2ull << 20)

static struct drv_memory *find(struct vri_driver *drv, const void *base)
{
	for (unsigned i = 0; i < MEM_ENTRIES_MAX; i++)
		if (shm_payload(drv->memory[i].base) == base)
			return &drv->memory[i];
	return NULL;
}

static bool is_valid(int fd, uint64_t offset, size_t len, enum vri_access access)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const char *why;

	if (access < VRI_ACCESS_READ || access > VRI_ACCESS_READ_WRITE || len == 0 ||
	    len > REGION_SIZE_MAX || offset % page || len % page)
		return false;
	if (memfd_check(fd, offset, len, false, &why) < 0) {
		vri__log(VRI_LOG_ERROR, "vri_driver_add_memory: the descriptor is %s", why);
		return false;
	}
	return true;
}

/* Into this process's table first: the device answers when it has mapped it, and then it can be used. */
static int attach(struct vri_driver *drv, int fd, uint64_t offset, const struct mem_entry *entry)
{
	struct mem_entry removed;
	int r = vri__mem_add(drv->mem, entry);

	if (r < 0)
		return r;
	r = drv->ops->add_memory(drv->transport, fd, offset, entry);
	if (r < 0)
		vri__mem_remove(drv->mem, entry->iova, &removed);
	return r;
}

int vri_driver_add_memory(struct vri_driver *drv, int fd, uint64_t offset, size_t len,
			  enum vri_access access, void **ret_base)
{
	struct mem_entry entry;
	struct drv_memory *slot;
	void __shm *base;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (!ret_base || !is_valid(fd, offset, len, access))
		return -EINVAL;
	if (drv->gone)
		return -ECONNRESET;
	slot = find(drv, NULL);
	/* iovas are not used again; 2^64 of them last for longer than any link. */
	if (!slot || len + IOVA_GAP > UINT64_MAX - drv->next_iova)
		return -ENOSPC;
	r = memfd_map(fd, offset, len, PROT_READ | PROT_WRITE, &base);
	if (r < 0)
		return r == -EACCES || r == -EPERM ? -EINVAL : r;
	entry = (struct mem_entry){
		.iova = drv->next_iova,
		.size = len,
		.va = base,
		.access = access,
		.window_size = len,
	};
	r = attach(drv, fd, offset, &entry);
	/* Also when it failed: a device that answers too late may have it there all the same. */
	drv->next_iova += (len + IOVA_GAP + IOVA_GAP - 1) / IOVA_GAP * IOVA_GAP;
	if (r < 0) {
		memfd_unmap(base, len);
		return r;
	}
	*slot = (struct drv_memory){ .base = base, .len = len, .iova = entry.iova };
	*ret_base = shm_payload(base);
	return 0;
}

static bool is_lent(const struct vri_driver *drv, const struct drv_memory *memory)
{
	for (unsigned i = 0; i < drv->plan.n_queues; i++)
		if (drv->queues[i].q &&
		    vri__drvq_uses_memory(drv->queues[i].q, memory->iova, memory->len))
			return true;
	return false;
}

int vri_driver_remove_memory(struct vri_driver *drv, void *base)
{
	struct drv_memory *memory;
	struct mem_entry removed;
	int r = vri__drv_check(drv);

	if (r < 0)
		return r;
	memory = base ? find(drv, base) : NULL;
	if (!memory)
		return -EINVAL;
	if (is_lent(drv, memory))
		return -EBUSY;
	/* With the device gone nobody has to be told; and one that does not have it may have answered too late when it
	 * was asked before. */
	r = drv->gone ? 0 : drv->ops->remove_memory(drv->transport, memory->iova);
	if (r < 0 && r != -ECONNRESET && r != -EINVAL)
		return r;
	vri__mem_remove(drv->mem, memory->iova, &removed);
	memfd_unmap(memory->base, memory->len);
	*memory = (struct drv_memory){ 0 };
	return 0;
}
