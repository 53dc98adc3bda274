/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Marks that go where they must not. Compiled by nobody. */
#include "util/shm.h"

int planted(const int __shm *word)
{
	int sum = shm_load(word, __ATOMIC_RELAXED); /* fault */

	sum += *(const int __shm_off *)word; /* fault */
	return sum + *(const int *)shm_payload(word); /* fault */
}
