/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A listener with one driver that does wrong, byte by byte, and one that does not: whatever happens to
 * the first, the bystander goes on.
 */
#ifndef TESTS_LISTENER_RIG_H
#define TESTS_LISTENER_RIG_H

#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"

extern struct tmpdir dir;
extern struct serve serve;
extern struct vri_link *bystander;
extern const char *path; /* of the socket */
extern struct raw_driver raw;

/* The folder alone; what the process holds is remembered for tear_down(). */
void set_up_folder(void);
/* Serves in that folder, and opens the bystander's link. */
void begin(const struct serve_opts *opts);
/* Both, with default options. */
void set_up(void);
/* The bystander's link has seen nothing of it all, and the process holds what it held. */
void tear_down(void);

/* As far as an honest driver is after @step steps, 0 to STEPS - 1: connected, ..., running. */
#define STEPS 7
void go(int step);
/* The process holds what it held; tear_down() ends with it. */
void tear_down_folder(void);

#endif
