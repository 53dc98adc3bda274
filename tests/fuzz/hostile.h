/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A peer that rewrites shared memory between two of the library's fetches, see hostile_access.h. */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

/* Rewrites that can wait at a time; one more is ignored. */
#define HOSTILE_MAX 16

/* No rewrite waits. */
void hostile_reset(void);

/* Stores the lower @width bytes (2, 4 or 8) of @value at @at, aligned to 2, before the @loads-th load
 * of the library's that comes now, counted from 1. */
void hostile_write_later(unsigned loads, void *at, unsigned width, uint64_t value);

/* Tells whether a rewrite waits. */
bool hostile_waits(void);

/* Stores them now, in one piece if @at is aligned. */
void hostile_write(void *at, unsigned width, uint64_t value);

/* The clock that the library looks at goes on. */
void hostile_time_passes(uint64_t ns);

#endif
