/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Makes and frees the pool of a region; memory.h has what users call. All bookkeeping is private.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stddef.h>

struct vri_pool;

/* Returns: 0; -EINVAL for less than one buffer or a misaligned base; -ENOMEM. Children
 * (vri_pool_split) go with it. */
int vri__pool_new(void *base, size_t size, struct vri_pool **ret_pool);
void vri__pool_free_all(struct vri_pool *pool);

#endif
