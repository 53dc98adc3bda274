/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Makes the devices of the tests out of their descriptions. */
#include "devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/devices/echo.h>
#include <vring-ipc/devices/rng.h>

#include "control_dev.h"
#include "shared_dev.h"

const char *devices_text(const char *options, const char *key, char *buf, size_t size)
{
	size_t key_len = strlen(key);

	for (const char *at = options; *at;) {
		size_t word = strcspn(at, " ");

		if (word > key_len && strncmp(at, key, key_len) == 0 && at[key_len] == '=' &&
		    word - key_len - 1 < size) {
			memcpy(buf, at + key_len + 1, word - key_len - 1);
			buf[word - key_len - 1] = '\0';
			return buf;
		}
		at += word + strspn(at + word, " ");
	}
	return NULL;
}

long devices_number(const char *options, const char *key, long otherwise)
{
	char text[32];

	return devices_text(options, key, text, sizeof(text)) ? strtol(text, NULL, 0) : otherwise;
}

static unsigned number(const char *options, const char *key)
{
	return (unsigned)devices_number(options, key, 0);
}

static int make_echo(const char *options, struct vri_device **ret_dev)
{
	struct vri_echo_device_opts opts = {
		.size = sizeof(opts),
		.n_queues = number(options, "queues"),
		.queue_size_max = number(options, "qsize"),
		.max_message = number(options, "max"),
		.no_control = number(options, "nocontrol"),
	};

	return vri_echo_device_new(&opts, ret_dev);
}

static int make_rng(const char *options, struct vri_device **ret_dev)
{
	struct vri_rng_device_opts opts = {
		.size = sizeof(opts),
		.request_max = number(options, "max"),
	};

	return vri_rng_device_new(&opts, ret_dev);
}

static enum vri_blk_io io_of(const char *options)
{
	char text[8];

	if (!devices_text(options, "io", text, sizeof(text)) || strcmp(text, "auto") == 0)
		return VRI_BLK_IO_AUTO;
	return strcmp(text, "uring") == 0 ? VRI_BLK_IO_URING : VRI_BLK_IO_SYNC;
}

static int make_blk(const char *options, struct vri_device **ret_dev)
{
	char path[256], id[64];
	struct vri_blk_device_opts opts = {
		.size = sizeof(opts),
		.id = devices_text(options, "id", id, sizeof(id)),
		.io = io_of(options),
		.read_only = number(options, "ro"),
		.no_discard = number(options, "nodiscard"),
		.no_write_zeroes = number(options, "nozeroes"),
		.block_size = number(options, "block"),
		.n_queues = number(options, "queues"),
		.queue_size_max = number(options, "qsize"),
		.in_flight_max = number(options, "inflight"),
		.seg_max = number(options, "seg"),
		.size_max = number(options, "size"),
		.max_write_zeroes_sectors = number(options, "zeroes"),
		.max_ranges = number(options, "ranges"),
	};

	if (!devices_text(options, "path", path, sizeof(path)))
		return -EINVAL;
	return vri_blk_device_new(path, &opts, ret_dev);
}

int devices_make(const char *kind, const char *options, struct vri_device **ret_dev)
{
	static const struct {
		const char *kind;
		int (*make)(const char *options, struct vri_device **ret_dev);
	} kinds[] = {
		{ "echo", make_echo },	      { "rng", make_rng },
		{ "blk", make_blk },	      { "badblk", bad_blk_new },
		{ "probe", probe_new },	      { "control", control_dev_new },
		{ "shared", shared_dev_new },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].kind) == 0)
			return kinds[i].make(options, ret_dev);
	}
	return -EINVAL;
}
