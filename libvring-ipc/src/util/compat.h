/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What newer kernels define and the headers of Debian 12 (kernel 6.1, glibc 2.36) lack. Whoever uses one of these has
 * a way round it for a kernel that does not know it. */
#ifndef UTIL_COMPAT_H
#define UTIL_COMPAT_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* linux/memfd.h, Linux 6.3: no execute bit, ever. Older kernels: EINVAL. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* linux/fcntl.h, Linux 6.3 */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* linux/fcntl.h, Linux 5.1; fcntl.h of some C libraries has the older seals only */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* asm-generic/socket.h, Linux 6.5: a pidfd of the peer. Older kernels: ENOPROTOOPT. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* asm-generic/socket.h, Linux 6.16: 0 refuses descriptors from the peer. Older kernels: ENOPROTOOPT. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* linux/mman.h, Linux 4.14; glibc has it since 2.28 */
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* linux/mman.h, Linux 5.14. Older kernels: EINVAL. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* linux/fs.h, Linux 4.14: this one read does not block, whatever the open file says. Where a file cannot: EOPNOTSUPP. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* linux/magic.h */
#ifndef HUGETLBFS_MAGIC
#define HUGETLBFS_MAGIC 0x958458f6
#endif

#endif
