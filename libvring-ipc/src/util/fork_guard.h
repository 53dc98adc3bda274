/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Tells the process that made an object from a child that fork() gave a copy of it, without a system call. */
#ifndef UTIL_FORK_GUARD_H
#define UTIL_FORK_GUARD_H

#include <stdbool.h>

/* A word in memory that a child sees as zero. */
struct fork_guard {
	const volatile unsigned *word;
};

/* Returns: 0; -ENOMEM. */
int fork_guard_init(struct fork_guard *guard);
void fork_guard_fini(struct fork_guard *guard);

/* True in the process that made it. Threads: any. */
static inline bool fork_guard_is_ours(const struct fork_guard *guard)
{
	return *guard->word != 0;
}

#endif
