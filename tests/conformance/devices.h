/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Devices for tests, described by text, so that the same description makes one in this process and
 * in a server that was started for the test.
 *
 *   echo    queues= qsize= max= nocontrol=1
 *   rng     max=
 *   blk     path= io=auto|uring|sync ro=1 block= queues= qsize= inflight= seg= size= id= ranges=
 *           nodiscard=1 nozeroes=1 zeroes= (sectors in one range)
 *   shared  shared memory regions: see shared_dev.h
 *   control nothing but control queues: see control_dev.h
 *   badblk  a block device that breaks the rules of its type: see bad_blk.c
 *   probe   a device that shows its driver what happens to it: see probe.h
 */
#ifndef CONFORMANCE_DEVICES_H
#define CONFORMANCE_DEVICES_H

#include <vring-ipc/device.h>

/* @options: key=value, separated by spaces. Returns: 0; as the maker of the device, -EINVAL also
 * for a word that is not understood. */
int devices_make(const char *kind, const char *options, struct vri_device **ret_dev);

/* Finds @key in @options. Returns: its number, or @otherwise. */
long devices_number(const char *options, const char *key, long otherwise);
/* Returns: its text in @buf, or NULL. */
const char *devices_text(const char *options, const char *key, char *buf, size_t size);

int bad_blk_new(const char *options, struct vri_device **ret_dev);
int probe_new(const char *options, struct vri_device **ret_dev);

#endif
