/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sealed shared memory: make it, check a foreign one, map it. */
#ifndef UTIL_MEMFD_H
#define UTIL_MEMFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/shm.h"

/* Makes a memfd of @size zero bytes, close-on-exec, mode 0600, not executable where the kernel can
 * say so, its pages allocated (so that a full memory is an error here and not a signal later),
 * sealed against SHRINK, GROW and more SEALs. Returns: the descriptor; -EINVAL; -ENOMEM, also for
 * more than the machine has available, which the kernel itself would not refuse; a negative errno. */
int memfd_make(const char *name, uint64_t size);

/* The same, mapped for writing here and for nobody else: no later mapping can be writable (Linux 5.1).
 * Returns: as memfd_make(); -EOPNOTSUPP where the kernel does not know that seal. */
int memfd_make_read_only(const char *name, uint64_t size, void __shm **ret_base);

/* Checks a descriptor that came from elsewhere: a memfd with at least the seals SHRINK and GROW
 * (and SEAL when
 * @want_seal), at least @offset + @size bytes, no huge pages.
 * Returns: 0; -EINVAL, and *ret_why (static text) says what is wrong. */
int memfd_check(int fd, uint64_t offset, uint64_t size, bool want_seal, const char **ret_why);

/* Are there as many pages as @size takes? Those that are missing would be charged to whoever touches
 * them first. */
bool memfd_has_pages(int fd, uint64_t size);

/* Maps it shared; @prot as for mmap(); populates; not inherited by fork(), so a child must not
 * unmap it (see fork_guard.h): something else may lie there by then. Returns: 0; a negative
 * errno. */
int memfd_map(int fd, uint64_t offset, size_t size, int prot, void __shm **ret_base);
void memfd_unmap(void __shm *base, size_t size);

#endif
