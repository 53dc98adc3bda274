/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Private memory that a child made by fork() finds empty: where a queue keeps all that it knows. */
#ifndef CORE_PRIVATE_MAP_H
#define CORE_PRIVATE_MAP_H

#include <stddef.h>

/* Maps @size zero bytes, page-aligned; in a child they are zero again (MADV_WIPEONFORK, Linux 4.14).
 * Returns: 0; -ENOMEM; -EOPNOTSUPP from a kernel that cannot do it. */
int vri__private_map(size_t size, void **ret_base);

/* Gives it back, in the parent or in a child. NULL is ignored. */
void vri__private_unmap(void *base);

#endif
