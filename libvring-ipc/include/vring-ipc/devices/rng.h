/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The entropy device of virtio: serve the kernel's random bytes, or ask for some. */
#ifndef VRING_IPC_DEVICES_RNG_H
#define VRING_IPC_DEVICES_RNG_H

#include <vring-ipc/base.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>

VRI_BEGIN_DECLS

#define VRI_RNG_TYPE "org.oasis-open.virtio.entropy" /* the type string */

/* ---- the device ---- virtio 1.4, 5.4 */

struct vri_rng_device_opts {
	size_t size; /* sizeof(struct vri_rng_device_opts) */
	const char *name; /* what people call it; default: the type */
	unsigned request_max; /* bytes that one request gets at most, up to 1 MiB; default 65536 */
};

/*
 * Makes a device that fills what it is given with getrandom(). A buffer may come back with fewer
 * bytes than it holds, never with none; links take turns. Requests are safe to repeat.
 * Returns: 0; -EINVAL; -ENOMEM. Ownership: returned; vri_device_unref().
 */
VRI_API int vri_rng_device_new(const struct vri_rng_device_opts *opts, struct vri_device **ret_dev);

/* ---- the driver ---- */

struct vri_rng;

struct vri_rng_opts {
	size_t size; /* sizeof(struct vri_rng_opts) */
	unsigned chunk; /* bytes to ask for in one request; default 16384 */
	unsigned depth; /* requests at once; default 4 */
};

/*
 * Starts the entropy device at the other end of @drv, which must not have been started, and takes
 * @chunk * @depth bytes of the link's pool. Who wants to fill buffers in place adds them to
 * vri_driver_drvq(drv, 0) as writable pieces instead; the used length tells how many bytes came.
 * Returns: 0; -EINVAL; -EOPNOTSUPP for a device of another type; -ENOMEM, also when the pool is too
 * small; as vri_driver_start(). Ownership: returned, vri_rng_close(); @drv is kept. Threads, for
 * everything here: the link's.
 */
VRI_API int vri_rng_open(struct vri_driver *drv, const struct vri_rng_opts *opts,
			 struct vri_rng **ret_rng);

/* Resets the device and frees. NULL is ignored. Call it before vri_link_close(). */
VRI_API void vri_rng_close(struct vri_rng *rng);

/*
 * Fills @buf with @len random bytes of the device's, blocking for at most @timeout_ms (-1: no
 * limit). @buf is private memory. Random bytes are handed out once: what this call does not need it
 * keeps for no other, and it wipes its copies.
 * Returns: 0; -ETIMEDOUT; -EPROTO, also for a device that gives no bytes; -ECONNRESET; -ESHUTDOWN.
 * After a failure the contents of @buf are undefined.
 */
VRI_API int vri_rng_read(struct vri_rng *rng, void *ret_buf, size_t len, int timeout_ms);

VRI_END_DECLS

#endif
