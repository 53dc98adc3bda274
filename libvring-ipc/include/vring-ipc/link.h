/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links between a driver and a device: open one, listen for them, wait, dispatch, close. */
#ifndef VRING_IPC_LINK_H
#define VRING_IPC_LINK_H

#include <vring-ipc/base.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>

VRI_BEGIN_DECLS

/*
 * Addresses
 *   unix:PATH   a Unix socket that a listener made: no daemon needed. unix:@NAME is an abstract one,
 *               which has no file: processes of the listener's user and root may attach, others only
 *               when vri_listener_opts.mode lets others read or write
 *   NAME        by the broker, vringd: two parts or more, as in org.example.disk0. It is found at
 *               $VRINGD_SOCKET, else $XDG_RUNTIME_DIR/vringd/vringd.sock, else
 *               /run/vringd/vringd.sock. Links live on when it goes; a listener registers again when it
 *               is back
 *   loop:       driver and device in one process; the device is vri_link_opts.device
 */

/* What wakes a sleeping peer. */
enum vri_notifier {
	VRI_NOTIFIER_AUTO =
		0, /* eventfd between processes of one user, a pipe between different users */
	VRI_NOTIFIER_EVENTFD = 1, /* fastest to send; shares an open file with the peer */
	VRI_NOTIFIER_PIPE = 2, /* nothing is shared: no peer can make a notification block */
};

/* How the queues of a link are laid out, all of them. virtio 1.4, 2.7, 2.8 */
enum vri_ring {
	VRI_RING_AUTO = 0, /* split now: every device has it */
	VRI_RING_SPLIT = 1,
	VRI_RING_PACKED = 2, /* fewer cache lines change hands when completions come out of order;
				sizes need not be powers of two */
};

/* ---- the driver's end ---- */

struct vri_link;

struct vri_link_opts {
	size_t size; /* sizeof(struct vri_link_opts) */
	const char *type; /* refuse a device of any other type; default: any */
	uint32_t device_id; /* refuse a device with any other id; default: any */
	unsigned n_queues; /* default: all that the device has */
	unsigned queue_size; /* default 256, or the device's maximum when that is less; a power of
				two when the rings are split */
	size_t pool_size; /* bytes of buffers; default 1 MiB */
	unsigned indirect_max; /* pieces in one indirect table; default 32; ~0u: no tables */
	enum vri_notifier notifier;
	unsigned timeout_ms; /* for the set-up and for each control request; default 5000 */
	unsigned spin; /* looks before a wait blocks; default 0 (adaptive from 0), ~0u: never block
			*/
	unsigned deadline_ms; /* how long the device may keep one request; default: for ever */
	struct vri_device *device; /* for loop: only */
	enum vri_ring ring;
	struct vri_features refused; /* bits that the driver does not acknowledge, whatever it
					wants: to find out what a feature is worth, or to do
					without one that a device has wrong */
};

/*
 * Opens a link: connects, checks who and what is there, makes, seals and fills the region,
 * attaches. The device is not started: vri_driver_start(). Returns: 0; -EINVAL for an address that
 * is not one, for options that make no sense, and for more or larger queues than the device has;
 * -ENAMETOOLONG; -ENOENT, -ECONNREFUSED, -EACCES as connect() says; -ECONNREFUSED also
 * when the device refused the link or is of another type; -EOPNOTSUPP when it lacks the ring
 * that is asked for; -EPROTO when what is there does not speak this protocol; -ECONNRESET when it
 * left in the middle; -ETIMEDOUT; -ENOMEM; -EMFILE. Ownership: returned; vri_link_close(). Threads:
 * the link belongs to one thread at a time, its queues may belong to others.
 */
VRI_API int vri_link_open(struct vri_link **ret_link, const char *address,
			  const struct vri_link_opts *opts);

/*
 * Ends the link and frees all that belongs to it: driver, queues, pool. No other thread may be
 * inside of them. NULL is ignored.
 */
VRI_API void vri_link_close(struct vri_link *link);

/* The driver of the link. Borrowed: until vri_link_close(). */
VRI_API struct vri_driver *vri_link_driver(struct vri_link *link);

/* The 32 hex digits of the link's random id, as the inspector shows them. Borrowed: until close. */
VRI_API const char *vri_link_id(const struct vri_link *link);

/* For an event loop: watch the descriptor for the events (a poll() mask), then call
 * vri_link_dispatch(). The descriptor covers control events and the used-buffer notifications of
 * all queues but those that another thread waits on: the first vri_drvq_wait() or vri_drvq_fd() that
 * comes from another thread than the link's makes the queue's notifications and its deadline that
 * thread's, until the thread calls the link itself. With deadline_ms the descriptor becomes readable
 * a few times in each such time, so that requests are looked at whenever they were added. Returns: the
 * descriptor, borrowed until vri_link_close(). */
VRI_API int vri_link_fd(const struct vri_link *link);
VRI_API short vri_link_events(const struct vri_link *link);

/*
 * Handles what is there and does not block: calls the driver's events, empties notifiers, looks at
 * deadlines. Returns: 0; -ECONNRESET when the device is gone (buffers it had used can still be
 * taken); -ETIMEDOUT when a request passed its deadline.
 */
VRI_API int vri_link_dispatch(struct vri_link *link);

/*
 * Waits until any queue has a used buffer or something happened to the link, then dispatches: spins
 * for the budget, arms, looks again, blocks for at most @timeout_ms (-1: no limit). Returns: 1 when
 * a queue has a used buffer; 0 when the time is over or only an event came; errors as
 * vri_link_dispatch().
 */
VRI_API int vri_link_wait(struct vri_link *link, int timeout_ms);

/* ---- the device's end ---- */

struct vri_listener;

struct vri_listener_callbacks {
	size_t size; /* sizeof(struct vri_listener_callbacks) */
	void (*link_up)(struct vri_instance *inst, void *data);
	/* @why is borrowed and printable: "driver closed the link", "truncated message", ... */
	void (*link_down)(struct vri_instance *inst, const char *why, void *data);
};

struct vri_listener_opts {
	size_t size; /* sizeof(struct vri_listener_opts) */
	unsigned max_links; /* default 1024 */
	unsigned mode; /* of the socket file, default 0600 */
	enum vri_notifier notifier;
	unsigned timeout_ms; /* for a driver to get from connect to DRIVER_OK; default 5000 */
	size_t memory_max; /* bytes that one driver may share in all; default 1 TiB */
	unsigned spin; /* turns without work before vri_listener_wait() blocks; default 0 (adaptive
			  from 0), ~0u: never block, for a device with a processor of its own */
	const struct vri_listener_callbacks *callbacks;
	void *data;
};

/*
 * Serves @dev at @address. A socket file that nobody listens on any more is replaced.
 * Returns: 0; -EADDRINUSE when somebody listens there; -EEXIST when the path is something else than
 * a socket; -ENAMETOOLONG; -ENOENT; -EACCES; -EINVAL; -ENOMEM. Ownership: returned;
 * vri_listener_close(). The device is kept (with its own reference). Threads: the listener, its
 * device and all their instances belong to one thread at a time.
 */
VRI_API int vri_listener_open(struct vri_listener **ret_listener, const char *address,
			      struct vri_device *dev, const struct vri_listener_opts *opts);

/* Ends all its links, removes the socket file, frees. NULL is ignored. */
VRI_API void vri_listener_close(struct vri_listener *listener);

/* For an event loop, as with a link. Dispatch does a bounded amount of work; the descriptor stays
 * readable when there is more. Returns: the descriptor, borrowed until vri_listener_close(). */
VRI_API int vri_listener_fd(const struct vri_listener *listener);
VRI_API short vri_listener_events(const struct vri_listener *listener);

/* Accepts drivers, answers control requests, serves kicked queues. One bad driver ends its own link
 * only. Returns: 0; a negative value only when the listener itself cannot go on. */
VRI_API int vri_listener_dispatch(struct vri_listener *listener);

/* Waits for at most @timeout_ms (-1: no limit), then dispatches: the loop of a small program.
 * Returns: 0, also when the time is over or a signal came; as vri_listener_dispatch(). */
VRI_API int vri_listener_wait(struct vri_listener *listener, int timeout_ms);

/* How many drivers are attached now. */
VRI_API unsigned vri_listener_n_links(const struct vri_listener *listener);

VRI_END_DECLS

#endif
