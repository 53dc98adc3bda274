/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The convention of the option structs, in one place. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stddef.h>

#define OPTIONS_MAX 4096 /* bytes; a larger size is not a size but something uninitialised */

/*
 * Copies an option struct, which starts with its own size, into one of the @known bytes of this library: what
 * an older program did not have yet is 0, what a newer one has beyond @known must be 0. NULL gives all zeros.
 * For ops and events tables as well. Returns: 0; -EINVAL.
 */
int vri__options_copy(void *ret_known, size_t known, const void *given);

#endif
