/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Ctrl-C and its kin for commands that have work to put in order before they end. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/*
 * From now on the first SIGINT, SIGTERM or SIGHUP asks instead of killing; the second kills. Before,
 * while a link is being opened, the first kills, which is right: there is nothing to put in order.
 * Returns: 0; a negative errno.
 */
int interrupt_catch(void);

/* The signal that asked for the end; 0 while none did. */
int interrupt_signal(void);

/* The exit status that goes with it: 128 + the signal, as a shell reports a death by it. */
int interrupt_status(void);

/* Readable when one asked: for poll(). Blocking reads and writes end with EINTR, and go on doing so
 * each second until the process ends, so that none is missed between the look and the call. */
int interrupt_fd(void);

/* Tells, once for each change, that the terminal has another size. */
bool interrupt_resized(void);

#endif
