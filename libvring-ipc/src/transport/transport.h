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
	char id[LINK_ID_TEXT];
};

struct listener_ops {
	void (*close)(struct vri_listener *listener); /* as link_ops.close */
	int (*fd)(const struct vri_listener *listener);
	int (*dispatch)(struct vri_listener *listener);
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
	/* As vri_link_open(): on success the object is complete, vri__driver_new() included. */
	int (*open)(struct vri_link **ret_link, const char *rest, const struct vri_link_opts *opts);
	/* As vri_listener_open(). NULL: nobody can listen there. */
	int (*listen)(struct vri_listener **ret_listener, const char *rest, struct vri_device *dev,
		      const struct vri_listener_opts *opts);
};

extern const struct transport vri__transport_shm; /* unix: */
extern const struct transport vri__transport_loopback; /* loop: */

/* Fills in what every link has. @link_id is 16 random bytes. */
void vri__link_init(struct vri_link *link, const struct link_ops *ops, const uint8_t link_id[16]);

/* Tells whether this process is a child made by fork() of the one that opened the link. Costs a
 * system call: not for the path of a link that polls. */
bool vri__link_is_foreign(const struct vri_link *link);

/*
 * The parts of vri_link_wait() that all transports share (wait.c).
 *   spin      looks at every queue, without a system call, for as long as the budget lasts; true:
 *             something is there. @spin is vri_link_opts.spin; @budget is the link's, 0 at first,
 *             and adapts to how often looking paid.
 *   arm       asks every queue for a notification and looks again: 1, do not sleep; 0; -ESHUTDOWN.
 *   suppress  takes that back.
 * Threads: the link's, for the queues that no other thread waits on.
 */
bool vri__wait_spin(struct vri_driver *drv, unsigned spin, unsigned *budget);
bool vri__wait_look(struct vri_driver *drv);
int vri__wait_arm(struct vri_driver *drv);
void vri__wait_suppress(struct vri_driver *drv);

#endif
