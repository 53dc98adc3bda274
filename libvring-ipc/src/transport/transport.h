/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the public links and listeners (link.c, listener.c) ask of a transport, and the contract
 * that each op keeps. A transport embeds struct vri_link (struct vri_listener) as the first member
 * of its own object.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include <sys/types.h>

#include <vring-ipc/link.h>

#include "core/queue_wait.h"
#include "core/transport.h"

#define LINK_ID_TEXT 33 /* 32 hex digits and the final 0 */

struct link_ops {
	/* Ends the link and frees everything, the object included. In a child made by fork()
	 * (vri__link_is_foreign()) it gives back what the child holds, and sends, shuts down or detaches
	 * nothing. */
	void (*close)(struct vri_link *link);
	/* The descriptor for an event loop, watched for POLLIN. */
	int (*fd)(const struct vri_link *link);
	/* As vri_link_dispatch(), never blocks. */
	int (*dispatch)(struct vri_link *link);
	/* As vri_link_wait(). */
	int (*wait)(struct vri_link *link, int timeout_ms);
};

struct vri_link {
	const struct link_ops *ops;
	struct vri_driver *drv; /* the link's; valid from open to close */
	pid_t pid; /* who opened it: another process is a child made by fork() */
	uint8_t id[16];
	char id_text[LINK_ID_TEXT];
};

struct listener_ops {
	void (*close)(struct vri_listener *listener); /* as link_ops.close */
	int (*fd)(const struct vri_listener *listener);
	/* As vri_listener_wait(); with 0, as vri_listener_dispatch(). */
	int (*wait)(struct vri_listener *listener, int timeout_ms);
	unsigned (*n_links)(const struct vri_listener *listener);
};

struct vri_listener {
	const struct listener_ops *ops;
	pid_t pid;
};

/*
 * One transport: a row in the table of link.c. @rest is the address without its scheme. The options
 * are complete: every member is there, is within its limits, and has its default where that does
 * not depend on the device (n_queues, queue_size, type, device_id stay 0; indirect_max is ~0u for
 * "no tables").
 */
struct transport {
	const char *scheme; /* "unix:" */
	bool wants_device; /* vri_link_opts.device: the device is in this process */
	/* As vri_link_open(): on success the object is complete, vri__driver_new() included. */
	int (*open)(struct vri_link **ret_link, const char *rest, const struct vri_link_opts *opts);
	/* As vri_listener_open(). NULL: nobody can listen there. */
	int (*listen)(struct vri_listener **ret_listener, const char *rest, struct vri_device *dev,
		      const struct vri_listener_opts *opts);
};

extern const struct transport vri__transport_shm; /* unix: */
extern const struct transport vri__transport_loopback; /* loop: */
extern const struct transport vri__transport_name; /* a name that the broker knows */

/* Fills in what every link has, a new random id included; drv stays NULL. Returns: 0; a negative
 * errno. */
int vri__link_init(struct vri_link *link, const struct link_ops *ops);

/* Is it the device that was asked for? Returns: 0; -ECONNREFUSED, and the log says why; -EINVAL for
 * more queues or larger ones than the device has. */
int vri__link_check_offer(const struct vri_link_opts *opts, const struct offer *offer);

/* Tells whether this process is a child made by fork() of the one that opened the link. Costs a
 * system call: not for the path of a link that polls. */
bool vri__link_is_foreign(const struct vri_link *link);

/*
 * The parts of vri_link_wait() that all transports share (wait.c), over the driver's queues for
 * which @is_ours, unless it is NULL, is true.
 *   look      true: some queue has a used buffer. Stores nothing shared.
 *   spin      looks, without a system call, for as long as the budget of @spin lasts.
 *   arm       asks every queue for a notification and looks again: true, do not sleep.
 *   suppress  takes that back.
 * Threads: the link's, which these queues must belong to.
 */
struct wait_set {
	struct vri_driver *drv;
	bool (*is_ours)(void *link, unsigned queue);
	void *link;
};
bool vri__wait_look(const struct wait_set *set);
bool vri__wait_spin(const struct wait_set *set, struct spin *spin);
bool vri__wait_arm(const struct wait_set *set);
void vri__wait_suppress(const struct wait_set *set);

#endif
