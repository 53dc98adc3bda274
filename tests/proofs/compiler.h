/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What Frama-C does not know of the compiler and its library, in terms that it knows: an atomic load of a word that
 * others write returns anything, unless WORDS_ARE_OURS. */
#ifndef PROOFS_COMPILER_H
#define PROOFS_COMPILER_H

#define _Alignas(n)
#define _Alignof(type) 64
#ifdef WORDS_ARE_OURS
#define __atomic_load_n(p, order) (*(p))
#define __atomic_store_n(p, value, order) ((void)(*(p) = (value)))
#else
#define __atomic_load_n(p, order) (*(volatile const __typeof__(*(p)) *)(p))
#define __atomic_store_n(p, value, order) ((void)(*(volatile __typeof__(*(p)) *)(p) = (value)))
#endif
#define __atomic_thread_fence(order) ((void)0)
#define __builtin_ia32_pause() ((void)0)
/* Not in its library. */
#define GRND_NONBLOCK 1
#define aligned_alloc(alignment, size) malloc(size)

/* The machine of the proofs is little-endian. */
#define htole16(x) ((unsigned short)(x))
#define htole32(x) ((unsigned)(x))
#define htole64(x) ((unsigned long)(x))
#define le16toh(x) ((unsigned short)(x))
#define le32toh(x) ((unsigned)(x))
#define le64toh(x) ((unsigned long)(x))

#endif
