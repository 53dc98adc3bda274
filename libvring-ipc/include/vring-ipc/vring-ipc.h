/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Includes the whole API but the device types (<vring-ipc/devices/...>) and what is on trial
 * (<vring-ipc/unstable/...>). */
#ifndef VRING_IPC_H
#define VRING_IPC_H

#include <vring-ipc/base.h>
#include <vring-ipc/control.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>
#include <vring-ipc/inspect.h>
#include <vring-ipc/link.h>
#include <vring-ipc/memory.h>
#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

#endif
