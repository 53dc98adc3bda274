/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's half of a link: negotiate, read and write the config space, set up queues, reset. */
#ifndef VRING_IPC_DRIVER_H
#define VRING_IPC_DRIVER_H

#include <vring-ipc/base.h>
#include <vring-ipc/memory.h>
#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

VRI_BEGIN_DECLS

/*
 * The driver of one link: vri_link_driver(). Calls that need the device's answer block until it
 * came, at most for the link's time limit (-ETIMEDOUT). Threads: the link's thread. The queues may
 * live on threads of their own.
 */
struct vri_driver;

/*
 * Starts the device, all the steps of virtio 1.4, 3.1.1 in their order: reset, ACKNOWLEDGE, DRIVER,
 * features, FEATURES_OK, read back, queues (all of the link's), DRIVER_OK.
 * @wanted: the bits that this driver can work with, NULL for vri_features_default(); bits that are
 * not offered, or whose needs are not offered, are left out. @required: those it cannot do without,
 * NULL for VERSION_1 alone. Returns: 0; -EOPNOTSUPP when a required bit is missing or the device
 * refused the set (FAILED is then set); -EPROTO when the offer is not valid; -ESHUTDOWN when the
 * device took the features and then could not start; -ETIMEDOUT; -ECONNRESET; -ENOMEM.
 */
VRI_API int vri_driver_start(struct vri_driver *drv, const struct vri_features *wanted,
			     const struct vri_features *required);

/* The same in two halves, for drivers that look at the config space in between: up to FEATURES_OK;
 * then the queues and DRIVER_OK. Optional config fields exist when their feature is offered
 * (drv:2.5/2). Returns, both: as vri_driver_start(). */
VRI_API int vri_driver_negotiate(struct vri_driver *drv, const struct vri_features *wanted,
				 const struct vri_features *required);
VRI_API int vri_driver_run(struct vri_driver *drv);

/*
 * Sets up one queue with its own size between vri_driver_negotiate() and vri_driver_run(), which
 * then leaves it as it is; @size 0 means the link's default. Returns: 0; -EINVAL for a size that
 * the device does not allow; -ENOSPC when the region has no room for it.
 */
VRI_API int vri_driver_set_queue(struct vri_driver *drv, unsigned queue, unsigned size);

/* Limits how many queues vri_driver_run() sets up; the default is the link's. Returns: 0; -EINVAL.
 */
VRI_API int vri_driver_set_n_queues(struct vri_driver *drv, unsigned n_queues);

/*
 * Resets the device and waits until its status reads 0. Outstanding buffers are the driver's again:
 * vri_drvq_take_back() gives them out until the next start, whatever this returns.
 * Returns: 0; -ETIMEDOUT or -ECONNRESET, and then the memory that the device had may still be
 * written: it stays quarantined, what is given back to the pool is not handed out again.
 * virtio 1.4, 2.4.1
 */
VRI_API int vri_driver_reset(struct vri_driver *drv);

/*
 * Resets one queue, waits until the device has confirmed it, and stops it; the others run on. Then
 * vri_drvq_take_back() works, and vri_driver_set_queue() sets it up again, with another size if need
 * be. Returns: 0; -EINVAL for a queue that is not set up or a device that does not run; -EOPNOTSUPP
 * without RING_RESET; else as vri_driver_reset(). virtio 1.4, 2.6.1
 */
VRI_API int vri_driver_reset_queue(struct vri_driver *drv, unsigned queue);

/*
 * Suspends the device, and resumes it: queues, their contents and the config space stay as they are,
 * and in between the device touches none of it. Suspend returns when the device has finished every
 * request that it had taken; what it had not taken it takes after the resume. Meanwhile
 * vri_drvq_add(), publish and kick return -EAGAIN and vri_driver_config_write() -EBUSY; used buffers
 * can still be taken; queues cannot be set up or reset; a reset ends it all. What was added and not
 * kicked before stays staged: kick after the resume. Deadlines stand still.
 * Returns, both: 0; -EINVAL when the device does not run (suspend) or is not suspended (resume);
 * -ESHUTDOWN when it set DEVICE_NEEDS_RESET instead; -ETIMEDOUT, after which the same call may be
 * repeated; -ECONNRESET. Suspend also: -EOPNOTSUPP when SUSPEND was not negotiated.
 * Threads: no thread is in a call of the link's queues. virtio 1.4, 3.4
 */
VRI_API int vri_driver_suspend(struct vri_driver *drv);
VRI_API int vri_driver_resume(struct vri_driver *drv);

/* Sets FAILED: this driver gives the device up until the next reset. Returns: 0 or as
 * vri_driver_reset(). */
VRI_API int vri_driver_fail(struct vri_driver *drv);

/* The device's status byte, asked for now. Returns: the status, 0 or more; -ETIMEDOUT; -ECONNRESET.
 */
VRI_API int vri_driver_status(struct vri_driver *drv);

/* What the device said of itself when the link was made. Borrowed: for the life of the link. */
VRI_API const char *vri_driver_type(const struct vri_driver *drv);
VRI_API const char *vri_driver_name(const struct vri_driver *drv);
VRI_API uint32_t vri_driver_device_id(const struct vri_driver *drv);
VRI_API uint32_t vri_driver_vendor_id(const struct vri_driver *drv);
VRI_API void vri_driver_offered(const struct vri_driver *drv, struct vri_features *ret_offered);
VRI_API unsigned vri_driver_max_queues(const struct vri_driver *drv);
VRI_API unsigned vri_driver_max_queue_size(const struct vri_driver *drv);
VRI_API uint32_t vri_driver_config_size(const struct vri_driver *drv);

/* What was agreed on; empty before FEATURES_OK. */
VRI_API void vri_driver_features(const struct vri_driver *drv, struct vri_features *ret_negotiated);
VRI_API bool vri_driver_has_feature(const struct vri_driver *drv, unsigned bit);

/* One queue of a running device, or of one that was reset and not started again, for
 * vri_drvq_take_back(); else NULL. How many there are. Borrowed: until the queue is set up again or
 * the link is closed. */
VRI_API struct vri_drvq *vri_driver_drvq(struct vri_driver *drv, unsigned queue);
VRI_API unsigned vri_driver_n_queues(const struct vri_driver *drv);

/* ---- config space ---- virtio 1.4, 2.5 */

/*
 * Reads @len bytes at once: all of them are of one generation, however many.
 * Returns: 0; -EINVAL outside of the config space; -ETIMEDOUT; -EPROTO when the device never stops
 * changing it.
 */
VRI_API int vri_driver_config_read(struct vri_driver *drv, uint32_t offset, void *ret_buf,
				   uint32_t len);

/*
 * Writes @len bytes at once, based on what vri_driver_config_read() last saw.
 * Returns: 0; -EAGAIN when the device has changed its config since, and does not merge the two
 * (enum vri_config_race): read, decide, write again. After a write that was merged the rest of the
 * config may be newer than what was read;
 * -EPERM when a byte is not the driver's to write, or is half of a field; -EINVAL; -EOPNOTSUPP during negotiation
 * (drv:3.1/2); -EBUSY while the device is suspended; -ETIMEDOUT; -ECONNRESET.
 */
VRI_API int vri_driver_config_write(struct vri_driver *drv, uint32_t offset, const void *buf,
				    uint32_t len);

/* The generation counter now. */
VRI_API uint32_t vri_driver_config_generation(const struct vri_driver *drv);

/* ---- events ---- called from vri_link_dispatch() and vri_link_wait(), never from elsewhere ----
 */

struct vri_driver_callbacks {
	size_t size; /* sizeof(struct vri_driver_callbacks) */
	void (*config_changed)(struct vri_driver *drv, void *data);
	/* The device set DEVICE_NEEDS_RESET; @why is borrowed and printable. In-flight work is in
	 * doubt. */
	void (*needs_reset)(struct vri_driver *drv, const char *why, void *data);
	/* The device is gone. */
	void (*gone)(struct vri_driver *drv, void *data);
};

/* @callbacks must stay valid as long as the link; NULL for none. */
VRI_API void vri_driver_set_callbacks(struct vri_driver *drv,
				      const struct vri_driver_callbacks *callbacks, void *data);

/* ---- memory ---- */

/* The pool of buffers in the link's own region. Borrowed: for the life of the link. */
VRI_API struct vri_pool *vri_driver_pool(struct vri_driver *drv);

/*
 * Adds memory of the application's own to the link: @fd is a memfd that is sealed against shrinking
 * (F_SEAL_SHRINK and F_SEAL_GROW), @offset and @len are multiples of the page size. The device maps
 * it with @access only; buffers in it travel without a copy. Returns: 0; -EINVAL for a descriptor
 * that is no memfd, is not sealed or is too small; -ENOSPC when the table is full; -EPERM when the
 * device refused; -ETIMEDOUT; -ECONNRESET. Ownership: @fd is duplicated. *ret_base is mapped until
 * vri_driver_remove_memory() or the end of the link.
 */
VRI_API int vri_driver_add_memory(struct vri_driver *drv, int fd, uint64_t offset, size_t len,
				  enum vri_access access, void **ret_base);

/* Takes it out again. Returns: 0; -EINVAL; -EBUSY while a buffer in it is outstanding; -ETIMEDOUT;
 * -ECONNRESET. */
VRI_API int vri_driver_remove_memory(struct vri_driver *drv, void *base);

/* ---- shared memory regions of the device ---- virtio 1.4, 2.10 */

/* Which there are: stores at most @max. Returns: how many the device offers. */
VRI_API unsigned vri_driver_list_shared_memory(const struct vri_driver *drv,
					       struct vri_shared_memory *ret, unsigned max);

/*
 * Maps the region @id, for reading and, if the device offers it so, for writing; possible from the
 * opening of the link on, and once: a second call gives the same mapping. It is mapped as it is
 * checked: a sealed memfd of the announced size, with all its pages. What the device writes there
 * deserves no more trust than the bytes of a buffer: read each byte that matters once. Returns: 0;
 * -ENOENT for an id that is not offered; -EPROTO for a memory that is not what was offered;
 * -ETIMEDOUT; -ECONNRESET; -ENOMEM. Ownership: borrowed, until vri_driver_unmap_shared_memory() or
 * the end of the link; resets change nothing of it.
 */
VRI_API int vri_driver_map_shared_memory(struct vri_driver *drv, uint8_t id, void **ret_base,
					 uint64_t *ret_size);

/* Ends the mapping. Returns: 0; -EINVAL when there is none. */
VRI_API int vri_driver_unmap_shared_memory(struct vri_driver *drv, uint8_t id);

VRI_END_DECLS

#endif
