/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A broker as a process of its own, and clients by hand that say exactly what a test wants. */
#ifndef TESTS_BROKER_PEER_H
#define TESTS_BROKER_PEER_H

#include <sys/types.h>

#include "broker/broker_table.h"

struct broker {
	pid_t pid;
	const char *path; /* of its socket */
};

/* Starts vringd at @path and waits until it listens. It dies with the test. */
void broker_start(struct broker *broker, const char *path);

/* Ends it with SIGTERM. It has to exit with 0 and to remove its socket. */
void broker_stop(struct broker *broker);

/* Waits for one that was killed. */
void broker_gone(struct broker *broker);

/* A packet that came. */
struct parcel {
	struct broker_msg msg;
	unsigned n_fds;
	int fds[4];
};

/* Connects, without HELLO; with it. */
int peer_connect(const struct broker *broker);
int peer_hello(const struct broker *broker);

/* Returns: whether it went; where the kernel knows how to refuse descriptors, those with any do not. */
bool peer_send_bytes(int fd, const void *bytes, size_t len, const int *fds, unsigned n_fds);
void peer_send(int fd, const struct broker_msg *msg);

/* Waits for a packet, 20 s at most. Returns: false for a hang-up. Descriptors are the caller's: parcel_drop(). */
bool peer_receive(int fd, struct parcel *ret);

/* Says TOOK for what came with descriptors. */
void peer_took(int fd, const struct parcel *parcel);
void parcel_drop(struct parcel *parcel);

/* Expects a message of @kind. */
void peer_expect(int fd, enum broker_kind kind, struct parcel *ret);
void peer_expect_hang_up(int fd);

/* Sends a request and takes its reply, nothing else may come before. Returns: the reply's error. */
int peer_ask(int fd, struct broker_msg *msg, struct parcel *ret_reply);

/* Shorthands; each returns the reply's error. */
int peer_register(int fd, const char *name);
int peer_withdraw(int fd, const char *name);
int peer_open(int fd, const char *name, struct parcel *ret_reply);

/* How often something has happened, or how much of it there is, as STATS tells. */
uint64_t peer_stat(int fd, const char *name);

#endif
