/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The echo device, which returns what it is given: the smallest device type of one's own. */
#ifndef VRING_IPC_DEVICES_ECHO_H
#define VRING_IPC_DEVICES_ECHO_H

#include <vring-ipc/base.h>
#include <vring-ipc/control.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>

VRI_BEGIN_DECLS

/*
 * The device type, as its specification would put it.
 *
 * Queues      0 to n_echo_queues - 1 echo; with VRI_ECHO_F_CTRL, queue n_echo_queues takes commands.
 * Messages    The device copies the readable bytes of a buffer to its writable ones, each byte
 *             XORed with the mask, which is 0 until a command changes it: as many bytes as there
 *             are, as there is room for, and at most max_message. The used length tells how many.
 * Config      struct vri_echo_config, little-endian, read-only.
 * Commands    Records of <vring-ipc/control.h>: the classes and commands below, with their payloads
 *             and replies. A command holds for its link alone.
 * Repeating  Messages and commands are safe to repeat.
 */
#define VRI_ECHO_TYPE "org.vring-ipc.echo" /* the type string; the device id is VRI_ID_ECHO */

enum vri_echo_feature {
	VRI_ECHO_F_CTRL = 0, /* there is a control queue */
};

struct vri_echo_config {
	uint32_t max_message; /* bytes of one message that are echoed */
	uint32_t n_echo_queues;
};

enum vri_echo_class {
	VRI_ECHO_CLASS_MASK = 1,
};

enum vri_echo_mask_command {
	VRI_ECHO_MASK_SET = 0, /* struct vri_echo_mask: the new mask; the reply is the one before */
};

struct vri_echo_mask {
	uint8_t mask;
};

/* ---- the device ---- */

struct vri_echo_device_opts {
	size_t size; /* sizeof(struct vri_echo_device_opts) */
	const char *name; /* what people call it; default: the type */
	unsigned n_queues; /* echo queues, without the control queue; default 1 */
	unsigned queue_size_max; /* default 1024 */
	uint32_t max_message; /* default 1 MiB, at most 16 MiB */
	bool no_control; /* do not offer VRI_ECHO_F_CTRL */
};

/* Makes an echo device. Returns: 0; -EINVAL; -ENOMEM. Ownership: returned; vri_device_unref(). */
VRI_API int vri_echo_device_new(const struct vri_echo_device_opts *opts,
				struct vri_device **ret_dev);

/* ---- the driver ---- */

struct vri_echo;

struct vri_echo_opts {
	size_t size; /* sizeof(struct vri_echo_opts) */
	unsigned n_queues; /* echo queues; default: all that the device has. With fewer there is no
			      control queue, which comes last */
	uint32_t message_size; /* the longest message of vri_echo_call(); default 4096 */
};

/*
 * Starts the echo device at the other end of @drv, which must not have been started, and takes
 * twice @message_size bytes of the link's pool. A fast path has no use for vri_echo_call(): it adds
 * its buffers to vri_driver_drvq(drv, queue) itself.
 * Returns: 0; -EINVAL; -EOPNOTSUPP for a device of another type; -EPROTO when the config is absurd
 * (FAILED is then set); -ENOMEM, also when the pool is too small; as vri_driver_start(). Ownership:
 * returned, vri_echo_close(); @drv is kept. Threads, for everything here: the link's.
 */
VRI_API int vri_echo_open(struct vri_driver *drv, const struct vri_echo_opts *opts,
			  struct vri_echo **ret_echo);

/* Resets the device and frees. NULL is ignored. Call it before vri_link_close(). */
VRI_API void vri_echo_close(struct vri_echo *echo);

/* What the config says, and whether there is a control queue. */
VRI_API uint32_t vri_echo_max_message(const struct vri_echo *echo);
VRI_API unsigned vri_echo_n_queues(const struct vri_echo *echo);
VRI_API bool vri_echo_has_control(const struct vri_echo *echo);

/*
 * Sends @len bytes on echo queue 0 and waits for what comes back, for at most @timeout_ms (-1: no
 * limit). @message and @ret_reply, of @len bytes as well, are private memory and may be the same.
 * Returns: how many bytes came back; -EINVAL for 0 bytes; -EMSGSIZE for more than @message_size or
 * max_message; -ETIMEDOUT, and the next call waits for this one's buffer first; -EPROTO;
 * -ECONNRESET; -ESHUTDOWN.
 */
VRI_API int vri_echo_call(struct vri_echo *echo, const void *message, size_t len, void *ret_reply,
			  int timeout_ms);

/*
 * Sets the mask of this link by a command on the control queue. @ret_old may be NULL.
 * Returns: 0; -EOPNOTSUPP without a control queue or when the device does not know the command;
 * else as vri_echo_call().
 */
VRI_API int vri_echo_set_mask(struct vri_echo *echo, uint8_t mask, int timeout_ms,
			      uint8_t *ret_old);

VRI_END_DECLS

#endif
