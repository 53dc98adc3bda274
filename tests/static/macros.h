/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Words that Coccinelle does not know. */
#define __shm
#define __shm_off
#define __shm_on
#define _Alignas(x)
#define _Atomic
#define static_assert(...)
