/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A connection to the broker, from the library's side. */
#ifndef NAME_CLIENT_H
#define NAME_CLIENT_H

#include "broker/broker_table.h"

#define NAME_FDS_MAX 2

struct name_client {
	int fd; /* -1: not connected */
	uint32_t token; /* of the newest request */
	enum broker_state state;
};

/* A message that came, with its descriptors. name_message_drop() frees both. */
struct name_message {
	struct broker_msg msg;
	unsigned n_fds;
	int fds[NAME_FDS_MAX];
};

void name_message_drop(struct name_message *message);

/* Connects, and does not say HELLO yet. Returns: 0; as sock_connect(). */
int name_connect(struct name_client *client, unsigned timeout_ms);
void name_disconnect(struct name_client *client);

/* Sends a message; a request gets the next token. Returns: 0; -EAGAIN; -ECONNRESET. */
int name_send(struct name_client *client, struct broker_msg *msg);

/* Takes the next message, if there is one, and tells the broker that its descriptors were taken.
 * Returns: 0; -EAGAIN; -ECONNRESET, also when the broker said what it may not. */
int name_receive(struct name_client *client, struct name_message *ret_message);

/*
 * Sends a request and waits for its reply; what else comes meanwhile goes to @other, which takes it
 * over, or is dropped. Returns: 0, and the reply's error is in it; -ETIMEDOUT; -ECONNRESET.
 */
int name_ask(struct name_client *client, struct broker_msg *msg, uint64_t until_ns,
	     void (*other)(void *data, struct name_message *message), void *data,
	     struct name_message *ret_reply);

/* The first request of all. Returns: 0; -EPROTONOSUPPORT; -EDQUOT; as name_ask(). */
int name_hello(struct name_client *client, uint64_t until_ns);

#endif
