/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A read-only look at live rings: the base of the command, the bindings and the tests. */
#ifndef VRING_IPC_INSPECT_H
#define VRING_IPC_INSPECT_H

#include <vring-ipc/base.h>
#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

VRI_BEGIN_DECLS

/* One region, mapped read-only. It stops nothing, writes nothing and believes nothing that it
 * reads. */
struct vri_inspect;

VRI_END_DECLS

#endif
