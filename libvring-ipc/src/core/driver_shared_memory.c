/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's shared memory regions, as the driver maps them. virtio 1.4, 2.10 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/driver_impl.h"
#include "core/shared_memory.h"
#include "util/memfd.h"

/* Where @id stands in the offer, which was checked when it came. Returns: -ENOENT. */
static int find(const struct vri_driver *drv, uint8_t id)
{
	unsigned at = vri__shared_memory_find(drv->offer.shared, drv->offer.n_shared, id);

	return at == drv->offer.n_shared ? -ENOENT : (int)at;
}

unsigned vri_driver_list_shared_memory(const struct vri_driver *drv, struct vri_shared_memory *ret,
				       unsigned max)
{
	if (!drv)
		return 0;
	for (unsigned i = 0; ret && i < max && i < drv->offer.n_shared; i++)
		ret[i] = drv->offer.shared[i];
	return drv->offer.n_shared;
}

/* Is it what was offered, and can it be mapped without harm? Says what is wrong. */
static const char *check(const struct vri_shared_memory *offered,
			 const struct vri_shared_memory *got, int fd)
{
	const char *why;

	if (got->id != offered->id || got->size != offered->size ||
	    got->writable != offered->writable)
		return "another region than the one that was asked for";
	if (memfd_check(fd, 0, offered->size, false, &why) < 0)
		return why;
	/* Or they would be charged to us. */
	return memfd_has_pages(fd, offered->size) ? NULL : "without its pages";
}

static int map(struct vri_driver *drv, unsigned at)
{
	const struct vri_shared_memory *offered = &drv->offer.shared[at];
	int prot = offered->writable ? PROT_READ | PROT_WRITE : PROT_READ;
	struct vri_shared_memory got;
	const char *why;
	int fd, r;

	if (!drv->ops->get_shared_memory)
		return -EOPNOTSUPP;
	r = drv->ops->get_shared_memory(drv->transport, offered->id, &got, &fd);
	if (r < 0)
		return r;
	why = check(offered, &got, fd);
	if (why) {
		vri__log(VRI_LOG_WARNING, "%s: shared memory region %u is %s", drv->offer.name,
			 offered->id, why);
		r = -EPROTO;
	} else {
		r = memfd_map(fd, 0, offered->size, prot, &drv->shared[at]);
		/* Sealed against the writing that was promised. */
		if (r == -EPERM || r == -EACCES)
			r = -EPROTO;
		if (r < 0)
			drv->shared[at] = NULL;
	}
	close(fd);
	return r;
}

int vri_driver_map_shared_memory(struct vri_driver *drv, uint8_t id, void **ret_base,
				 uint64_t *ret_size)
{
	int at, r = vri__drv_check(drv);

	if (r < 0)
		return r;
	if (!ret_base)
		return -EINVAL;
	at = find(drv, id);
	if (at < 0)
		return at;
	if (!drv->shared[at]) {
		if (drv->gone)
			return -ECONNRESET;
		r = map(drv, (unsigned)at);
		if (r < 0)
			return r;
	}
	*ret_base = shm_payload(drv->shared[at]);
	if (ret_size)
		*ret_size = drv->offer.shared[at].size;
	return 0;
}

int vri_driver_unmap_shared_memory(struct vri_driver *drv, uint8_t id)
{
	int at, r = vri__drv_check(drv);

	if (r < 0)
		return r;
	at = find(drv, id);
	if (at < 0 || !drv->shared[at])
		return -EINVAL;
	memfd_unmap(drv->shared[at], drv->offer.shared[at].size);
	drv->shared[at] = NULL;
	return 0;
}
