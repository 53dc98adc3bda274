/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Glue for users of libuv: dispatches a link or a listener from a uv loop. In a library of its own,
 * vring-ipc-uv. */
#ifndef VRING_IPC_UV_H
#define VRING_IPC_UV_H

#include <uv.h>

#include <vring-ipc/link.h>

VRI_BEGIN_DECLS

/*
 * The storage is the caller's, and must stay until the closed callback has run: a uv handle lives in
 * it. Set @data as you like; the other members are the library's. Threads: the loop's.
 */
struct vri_uv_link {
	uv_poll_t poll;
	struct vri_link *link;
	void (*dispatched)(struct vri_uv_link *watch, int result);
	void (*closed)(struct vri_uv_link *watch);
	void *data;
};

/*
 * Calls vri_link_dispatch() whenever @link has something, then @dispatched (may be NULL) with what
 * it returned: take used buffers there, and arm the queues again (vri_drvq_arm()), or nothing will
 * come. After an error the link is not watched any more; vri_uv_link_stop() is due all the same.
 * Returns: 0; -EINVAL; what libuv says. Ownership: @link is kept until the stop.
 */
VRI_API int vri_uv_link_start(uv_loop_t *loop, struct vri_uv_link *watch, struct vri_link *link,
			      void (*dispatched)(struct vri_uv_link *watch, int result));

/* Stops watching. @closed (may be NULL) is called from the loop when the storage is free again; the
 * link may be closed at once. */
VRI_API void vri_uv_link_stop(struct vri_uv_link *watch, void (*closed)(struct vri_uv_link *watch));

/* The same for a listener. */
struct vri_uv_listener {
	uv_poll_t poll;
	struct vri_listener *listener;
	void (*failed)(struct vri_uv_listener *watch, int result);
	void (*closed)(struct vri_uv_listener *watch);
	void *data;
};

/* Calls vri_listener_dispatch() whenever @listener has something. @failed (may be NULL) is called
 * when the listener itself cannot go on; it is not watched any more then. Returns: as
 * vri_uv_link_start(). */
VRI_API int vri_uv_listener_start(uv_loop_t *loop, struct vri_uv_listener *watch,
				  struct vri_listener *listener,
				  void (*failed)(struct vri_uv_listener *watch, int result));
VRI_API void vri_uv_listener_stop(struct vri_uv_listener *watch,
				  void (*closed)(struct vri_uv_listener *watch));

VRI_END_DECLS

#endif
