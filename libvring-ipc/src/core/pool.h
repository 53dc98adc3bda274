/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Makes and frees the pool of a region; memory.h has what users call. All bookkeeping is private.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct vri_pool;

#define POOL_ALIGN 64 /* of each buffer: a cache line */

/* Returns: 0; -EINVAL for less than one buffer or a misaligned base; -ENOMEM. Children
 * (vri_pool_split) go with it. */
int vri__pool_new(void *base, size_t size, struct vri_pool **ret_pool);
void vri__pool_free_all(struct vri_pool *pool);

/*
 * While a device that broke a rule or did not answer may still write to what it was lent, no buffer
 * that is given back may be handed out again: it is set aside, in this pool and in all pools that
 * were split from it, and returns with the first allocation or free after the quarantine ended.
 * Threads: any.
 */
void vri__pool_set_quarantine(struct vri_pool *root, bool on);

#endif
