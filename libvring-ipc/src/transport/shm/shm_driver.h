/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver's end of a link over a Unix socket, shared by its files. */
#ifndef SHM_DRIVER_H
#define SHM_DRIVER_H

#include "transport/shm/shm_queue.h"
#include "transport/shm/shm_sock.h"
#include "transport/shm/shm_table.h"
#include "transport/transport.h"

/* Requests that nobody waits for any more, whose replies may still come. A device that lets so many
 * time out is given up. */
#define SHM_LATE_MAX 16

/* The far end, when something else than a path has led to it. Everything in it becomes the link's. */
struct shm_far {
	int sock;
	struct sock_peer peer;
	int (*make_region)(void *ctx, uint64_t size); /* as struct driver_transport.make_region */
	void (*close)(void *ctx); /* with the link */
	void *ctx;
};

struct shm_driver {
	struct vri_link link; /* first: the public object */
	struct shm_watch watch; /* the socket, the device's process, the epoll */
	int timer; /* a timerfd in the epoll: deadlines, and news that came while a request waited */
	uint64_t timer_ns; /* what it is set to, 0: not */
	uid_t peer_uid;
	enum shm_state state;
	enum notifier_kind notifier;
	unsigned timeout_ms;
	uint32_t token; /* of the newest request */
	uint32_t late[SHM_LATE_MAX];
	unsigned n_late;
	bool is_gone;
	bool is_gone_told; /* dispatch has said so once */
	bool resets; /* the driver wrote status 0: with the device's 0 the queues are over */
	bool has_news; /* an event came while a request waited */
	struct spin spin;
	struct offer offer;
	struct shm_queue *queues; /* offer.n_queues */
	struct sock_packet *packet;
	struct shm_far far; /* its members that are functions are NULL when a path led there */
};

/* Makes the link's descriptor readable until the next dispatch. */
void shm_driver_wake(struct shm_driver *d);

/* ---- the control channel (shm_request.c) ---- */

/* Gives the device up: hang-up, an error, a message that may not be. @why is for the log. */
void shm_driver_fail(struct shm_driver *d, const char *why);

/*
 * Sends @msg, with @with unless it is -1. Returns: 0, also when the device is gone: receiving tells;
 * -ETIMEDOUT; another negative errno.
 */
int shm_driver_send(struct shm_driver *d, const struct wire_msg *msg, int with, uint64_t until_ns);

/*
 * Waits for the next message that may come now. Returns: 0, and *ret_fd is the descriptor beside it
 * or -1; -ETIMEDOUT; -ECONNRESET; -EPROTO. The last two have given the device up.
 */
int shm_driver_receive(struct shm_driver *d, uint64_t until_ns, struct wire_msg *ret_msg,
		       int *ret_fd);

/* Handles the messages that have come, a bounded number of them, while no request waits. Returns:
 * true when there were any. */
bool shm_driver_take_events(struct shm_driver *d);

/* Opens a link to @far. Returns: as vri_link_open(), and @far is closed also when it fails. */
int shm_link_open_far(struct vri_link **ret_link, const struct shm_far *far,
		      const struct vri_link_opts *opts);

/* As struct transport.open. */
int shm_link_open(struct vri_link **ret_link, const char *path, const struct vri_link_opts *opts);

/* The driver's requests, for vri__driver_new(). */
extern const struct driver_transport shm_driver_transport;

#endif
