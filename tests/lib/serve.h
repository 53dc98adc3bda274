/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A small device for tests of transports, served by a thread of the test's own process or by a child. */
#ifndef TESTS_SERVE_H
#define TESTS_SERVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <vring-ipc/link.h>

/*
 * The device: returns what it is given, byte for byte, cut to the room there is. Its config space
 * has 8 bytes: 4 that a driver may write, 4 that it may not.
 */
#define SERVE_TYPE "org.example.parrot"
#define SERVE_ID (VRI_ID_LOCAL_FIRST + 77)
#define SERVE_CONFIG_SIZE 8

struct serve_opts {
	unsigned n_queues; /* default 1 */
	unsigned queue_size_max; /* default 256 */
	bool lets_nothing_out; /* takes buffers and never returns them */
	bool refuses_drivers; /* the attach op says no */
	bool refuses_features; /* FEATURES_OK is refused */
	bool fails_to_start;
	const struct vri_shared_memory *shared; /* default: none */
	unsigned n_shared;
	struct vri_features features; /* offered; default vri_features_default() */
	bool waits; /* the thread calls vri_listener_wait(), which may look before it sleeps */
	struct vri_listener_opts listener; /* timeout_ms and so on; size is filled in */
};

struct serve {
	struct vri_device *dev;
	struct vri_listener *listener;
	struct serve_opts opts;
	pthread_t thread;
	int stop_fd;
	_Atomic unsigned ups, downs, served; /* served: returned */
	_Atomic unsigned taken;
	_Atomic unsigned dispatches;
	char last_why[128]; /* of the newest link_down; read it after downs has grown */
	pid_t child;
};

/* Makes device and listener and leaves it to the caller to dispatch. */
void serve_open(struct serve *s, const char *address, const struct serve_opts *opts);
void serve_close(struct serve *s);

/* Serves at @address from a thread. The test fails if it cannot. @opts may be NULL. */
void serve_start(struct serve *s, const char *address, const struct serve_opts *opts);

/* Ends it and gives everything back. */
void serve_stop(struct serve *s);

/* The same in a child process, which serves until it is killed; serve_kill() kills and reaps it. */
void serve_fork(struct serve *s, const char *address, const struct serve_opts *opts);
void serve_kill(struct serve *s);

/* Waits, 20 s at most, until @counter has reached @at_least. */
void serve_await(const _Atomic unsigned *counter, unsigned at_least);

/* Waits until so many drivers are attached. */
void serve_await_links(struct serve *s, unsigned links);

/* Waits until this process holds as many descriptors and mappings of memfds as when it was described
 * (leaks_describe()): the device's thread gives things back in its own time. Frees @before. */
void serve_await_holding(char *before);

/* Sends @len bytes through queue @queue of a started link and checks that they come back. */
void serve_echo(struct vri_link *link, unsigned queue, size_t len);

#endif
