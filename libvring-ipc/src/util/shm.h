/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Marks pointers into memory that a peer can write at any moment. A marked pointer cannot be dereferenced, nor turned
 * into one that can, except through the few files that say what one look at such memory means: core/ring_access.h,
 * core/region_access.h and inspect/peek.c. The compiler sees nothing of this; sparse does, see tests/static/run.
 */
#ifndef UTIL_SHM_H
#define UTIL_SHM_H

#ifdef __CHECKER__
#define __shm __attribute__((noderef, address_space(shared_memory)))
/* In a cast: the mark goes, or comes, on purpose. */
#define __shm_off __attribute__((address_space(0), force))
#define __shm_on __attribute__((noderef, address_space(shared_memory), force))
#else
#define __shm
#define __shm_off
#define __shm_on
#endif

/* One load, one store of a whole word. For those files alone. */
#define shm_load(ptr, order) __atomic_load_n((__typeof__(*(ptr)) __shm_off *)(ptr), order)
#define shm_store(ptr, value, order) \
	__atomic_store_n((__typeof__(*(ptr)) __shm_off *)(ptr), value, order)

/* A buffer's bytes, which belong to whoever works with it and knows that the peer can change them. */
#define shm_payload(ptr) ((void __shm_off *)(ptr))

/* Memory that has just been mapped; or that is private and stands in for shared memory. */
#define shm_from(ptr) ((void __shm_on *)(ptr))

#ifdef __CHECKER__
/* sparse takes the atomic builtins for functions; these are the dereference that they are. */
#define __atomic_load_n(ptr, order) (*(ptr))
#define __atomic_store_n(ptr, value, order) ((void)(*(ptr) = (value)))
#endif

#endif
