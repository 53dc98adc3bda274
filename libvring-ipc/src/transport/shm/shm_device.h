/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's end: a listener and its links, shared by their files. */
#ifndef SHM_DEVICE_H
#define SHM_DEVICE_H

#include "transport/shm/shm_memory.h"
#include "transport/shm/shm_queue.h"
#include "transport/shm/shm_sock.h"
#include "transport/shm/shm_table.h"
#include "transport/transport.h"
#include "util/list.h"
#include "util/log.h"

/* In the events of a link's epoll, beside the numbers of queues. */
#define SHM_TAG_CONTROL (1ull << 32)
#define SHM_TAG_PIDFD (2ull << 32)

/* Wakes the listener from any thread. It belongs to the listener and to each link, since a device's
 * thread may hold an instance longer than the listener lives. */
struct shm_waker {
	_Atomic unsigned refs;
	_Atomic(const void *) thread; /* shm_thread() of the listener's */
	_Atomic bool is_awake; /* the eventfd was made readable since, or is about to be */
	_Atomic bool has_call; /* another thread set some link's wants_run */
	int fd;
};

int shm_waker_new(struct shm_waker **ret_waker);
struct shm_waker *shm_waker_ref(struct shm_waker *waker);
void shm_waker_unref(struct shm_waker *waker);
void shm_waker_wake(struct shm_waker *waker); /* Threads: any */
/* Threads: the listener's. Clear when the eventfd is readable; sleep before the work is looked at. Whoever wakes may be
 * interrupted between the two things that it does, so the second one can come after the sleep. */
void shm_waker_clear(struct shm_waker *waker);
void shm_waker_sleep(struct shm_waker *waker);

/* Where drivers come from, when it is not a socket of the listener's own. */
struct shm_source {
	int (*fd)(void *ctx); /* to watch; -1: nothing now */
	void (*readable)(void *ctx);
	void (*retry)(void *ctx); /* the time that shm_listener_retry() was told has come */
	void (*close)(void *ctx); /* with the listener */
	void *ctx;
};

struct shm_listener {
	struct vri_listener listener; /* first: the public object */
	struct shm_source source; /* its functions are NULL when the listener has a socket */
	int source_fd; /* that is watched; -1: none */
	uint64_t retry_ns; /* 0: not */
	struct vri_device *dev;
	struct vri_listener_opts opts;
	struct vri_listener_callbacks callbacks; /* a copy; members may be NULL */
	struct sock_listener sock;
	int epoll;
	int timer; /* a timerfd: the oldest set-up's time limit, the end of a pause */
	struct shm_waker *waker; /* awake while a link waits for its turn */
	int reserve; /* a descriptor to give up when there are no others */
	uint64_t timer_ns; /* what the timer is set to, 0: not */
	uint64_t pause_until_ns; /* no accept before; 0: no pause */
	struct list links; /* all that are not ended */
	struct list set_ups; /* those that are not running yet, the oldest first */
	struct list runs; /* those whose instance wants a turn */
	struct list ended; /* to be freed when dispatch is done with them */
	bool dispatches; /* inside of dispatch, which looks at runs before it returns */
	unsigned n_conns; /* in links */
	unsigned n_attached;
	struct spin spin;
	unsigned rounds; /* of polling that found work */
	bool polls; /* some instance is polled */
	struct log_limit refusals;
	struct sock_packet packet; /* the one being looked at */
};

/* A packet that waits until the driver reads. */
struct shm_reply {
	uint8_t *bytes;
	size_t len;
	int fd;
};

/* One link, from accept to the last reference on its instance. */
struct shm_device {
	struct shm_listener *listener;
	struct list in_links, in_set_ups, in_runs, in_ended;
	struct shm_watch watch; /* the socket, the driver's process, the epoll */
	struct sock_peer peer;
	enum shm_state state;
	enum notifier_kind notifier;
	uint64_t until_ns; /* of the set-up */
	struct vri_instance *inst; /* from ATTACH on */
	struct shm_queue *queues; /* one for each that the device has */
	unsigned n_queues;
	bool *is_up; /* for each queue: the instance uses its notifiers */
	struct shm_memory memory;
	bool is_ended;
	bool is_polled;
	bool sent_fd; /* the last thing sent was a reply with a descriptor */

	/* What waits until the driver reads: one reply at most, since no request is taken
	 * meanwhile, and the events, of which the newest says it all. */
	struct shm_reply pending;
	bool wants_changed;
	uint32_t changed_generation;
	bool wants_needs_reset;
	char needs_reset_words[WIRE_WORDS_MAX];

	struct shm_waker *waker;
	_Atomic bool wants_run; /* said by a thread that is not the listener's */
	_Atomic unsigned refs; /* the listener's and the instance's */
};

/*
 * A listener whose drivers come from @source, which becomes the listener's, also when this fails.
 * Returns: as vri_listener_open().
 */
int shm_listener_open_source(struct vri_listener **ret_listener, const struct shm_source *source,
			     struct vri_device *dev, const struct vri_listener_opts *opts);

/* The source's descriptor is there, or is another one. Returns: 0; a negative errno. */
int shm_listener_watch_source(struct shm_listener *l);

/* Calls the source's retry @in_ns from now. Its descriptor is gone until then. */
void shm_listener_retry(struct shm_listener *l, uint64_t in_ns);

/* A driver came: its socket and who it is, both the listener's from now on. */
void shm_listener_take(struct shm_listener *l, int sock, const struct sock_peer *peer);

/* As struct transport.listen. */
int shm_listener_open(struct vri_listener **ret_listener, const char *path, struct vri_device *dev,
		      const struct vri_listener_opts *opts);

/* Starts the set-up with a driver that was accepted. @peer: who it is, NULL when the socket tells.
 * Returns: 0; a negative errno, and @sock and @peer->pidfd are still the caller's. */
int shm_device_new(struct shm_listener *l, int sock, const struct sock_peer *peer);

/* Something happened to the link: handles a bounded part of it. */
void shm_device_turn(struct shm_device *d);

/* Gives the instance one turn. Returns: true when it wants another. */
bool shm_device_run(struct shm_device *d);

/* Ends the link; @why is for the log and the link_down event. The object stays on the listener's
 * list of ended ones until shm_device_put(), so it may be touched for the rest of a dispatch. */
void shm_device_end(struct shm_device *d, const char *why);

/* As shm_device_end(), but first tells the driver @words. */
void shm_device_refuse(struct shm_device *d, int error, const char *words);

/* Drops the listener's reference. */
void shm_device_put(struct shm_device *d);

/* In a child of fork(): closes this process's copies and tells nobody. */
void shm_device_forget(struct shm_device *d);

/* Tells a driver that gets no link why. @sock stays the caller's. */
void shm_turn_away(int sock, const char *words);

/* The instance was made. */
void shm_device_is_attached(struct shm_device *d);

/* The instance runs: its set-up has no time limit any more. */
void shm_device_is_up(struct shm_device *d);

/* Unmaps removed memory if no queue can hold a piece of it. */
void shm_device_sweep(struct shm_device *d);

/* ---- looking for work before sleeping (shm_poll.c) ---- */

enum shm_poll {
	SHM_POLL_SLEEP, /* there was nothing, or looking is not worth it */
	SHM_POLL_GLANCE, /* look at the sockets, but do not sleep */
	SHM_POLL_AGAIN, /* there was work: there may be more */
};

/* Looks at the queues for the budget of turns, and serves what is there. */
enum shm_poll shm_poll(struct shm_listener *l);

/* The queues ask for notifications again. */
void shm_poll_stop(struct shm_listener *l);

/* ---- the output (shm_output.c) ---- */

/* Sends @msg, or keeps it until the driver reads. @fd (-1: none) is given. Returns: 0; a negative
 * errno when the link has to end. */
int shm_output(struct shm_device *d, const struct wire_msg *msg, int fd);

/* Sends what waits, as far as the driver reads. Returns: 0; a negative errno when the link has to
 * end. */
int shm_output_flush(struct shm_device *d);
bool shm_output_is_pending(const struct shm_device *d);
void shm_output_drop(struct shm_device *d);

/* ---- requests (shm_control.c) ---- */

/* Handles one message of the driver's that the table allows; the descriptor @fd (-1: none) is
 * given. */
void shm_control(struct shm_device *d, const struct wire_msg *msg, int fd);

/* What the instance asks of its link. */
extern const struct instance_transport shm_instance_transport;

/* Closes the notifiers of queues that are not live. */
void shm_device_close_queues(struct shm_device *d);

#endif
