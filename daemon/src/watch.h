/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Who hears of what happens. */
#ifndef VRINGD_WATCH_H
#define VRINGD_WATCH_H

#include "client.h"

/* Begins, or changes what is watched: @name empty for all. Returns: 0; -EDQUOT. */
int watch_start(struct client *client, const char *name);
void watch_stop(struct client *client);

/* Tells everybody who watches @name and may see it. @words may be NULL. */
void watch_event(struct server *server, enum broker_event_kind kind, const char *name,
		 uint64_t link, const char *words);

/* Tells a client that reads again how many events it has missed. */
void watch_tell_lost(struct client *client);

#endif
