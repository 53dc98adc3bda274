/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What every other header needs: visibility, version, error texts and the log hook. */
#ifndef VRING_IPC_BASE_H
#define VRING_IPC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Conventions of the whole API
 *
 * Errors     Functions return 0 or a count on success and a negative errno value on failure;
 *            errno itself is neither read nor set. Outputs are named ret_..., come last and are
 *            untouched on failure.
 *              -EINVAL        the caller's mistake
 *              -EPROTO        the peer broke the specification
 *              -ENOSPC        the ring is full
 *              -EAGAIN        not now
 *              -EOPNOTSUPP    not negotiated
 *              -ENOTCONN      there is no peer
 *              -ECONNRESET    the peer went away
 *              -ECONNREFUSED  the peer refused; its words are in the log
 *              -ETIMEDOUT     a deadline passed
 *              -ESHUTDOWN     broken until reset
 *              -ENOMEM        out of memory
 *              -EPERM         forbidden by policy
 * Options    struct vri_..._opts start with their own size; NULL means all defaults, as does a zero
 *            in any member. Bytes beyond the size that the library knows must be zero.
 * Ownership  borrowed: valid during the call. kept: until the event that the comment names.
 *            given: the callee frees it. returned: the caller frees it with the named function.
 *            File descriptors that are passed in are duplicated.
 * Threads    One object is used by one thread at a time, different objects are free of each other;
 *            each "Threads:" line says where this differs. The library creates no thread and owns
 *            no loop.
 * Fork       A child made by fork() must not use the links of its parent; every call on them
 *            returns -ESHUTDOWN there, except close and free, which give back what the child holds
 *            and disturb nobody.
 */

#ifdef __cplusplus
#define VRI_BEGIN_DECLS extern "C" {
#define VRI_END_DECLS }
#else
#define VRI_BEGIN_DECLS
#define VRI_END_DECLS
#endif

#if defined(__GNUC__)
#define VRI_API __attribute__((visibility("default")))
#define VRI_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define VRI_API
#define VRI_PRINTF(at, first)
#endif

#define VRI_VERSION_MAJOR 0
#define VRI_VERSION_MINOR 1
#define VRI_VERSION_PATCH 0

VRI_BEGIN_DECLS

/*
 * Tells the version of the library that runs, as "MAJOR.MINOR.PATCH".
 * Threads: any.
 */
VRI_API const char *vri_version(void);

/*
 * Says in a few words what an error value of this library means; @error is the negative value as returned.
 * Unlike strerror() it speaks of links and peers, and it never returns NULL.
 * Threads: any.
 */
VRI_API const char *vri_strerror(int error);

enum vri_log_level {
	VRI_LOG_ERROR = 0, /* something broke that somebody has to look at */
	VRI_LOG_WARNING = 1, /* a peer was refused or stopped */
	VRI_LOG_INFO = 2, /* links come and go */
	VRI_LOG_DEBUG = 3, /* every step of a set-up */
};

/* Receives one line of text, without a newline, that never contains a control byte. @line is borrowed. */
typedef void vri_log_fn(void *data, enum vri_log_level level, const char *line);

/*
 * Installs the process-wide log hook, the only global state of the library; NULL, the default, is silence.
 * Nothing is ever logged from the data path of a healthy queue.
 * Threads: call it before other threads use the library; the hook itself is called from any thread.
 */
VRI_API void vri_log_set(vri_log_fn *fn, void *data, enum vri_log_level up_to);

VRI_END_DECLS

#endif
