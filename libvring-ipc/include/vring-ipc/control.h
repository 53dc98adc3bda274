/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Control queues: commands with an acknowledgement, for what does not fit into a config space. */
#ifndef VRING_IPC_CONTROL_H
#define VRING_IPC_CONTROL_H

#include <vring-ipc/base.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>

VRI_BEGIN_DECLS

/*
 * A command is one buffer. Its readable part is a header (class, command) and a payload, its writable
 * part an answer: an acknowledgement and a reply. Which queue that is, which classes and commands
 * there are, and what their payloads and replies hold, a device type says.
 *
 * Both sides can grow on their own. A payload that is longer than what a device knows of it is read
 * as far as it is known, a reply is cut to the room that the driver has for it and says how long it
 * was. So new members are appended, 0 means what was before them, and neither is an error. What
 * a device does not know at all is answered with VRI_CONTROL_UNKNOWN, what is too short to mean
 * anything with VRI_CONTROL_SHORT; neither does any harm to the queue.
 */

/* How a command lies in its buffer. All numbers are little-endian. */
enum vri_control_framing {
	VRI_CONTROL_RECORD = 0, /* struct vri_control_header, then length bytes of payload; struct
				   vri_control_answer, then length bytes of reply. What stands
				   behind either is ignored */
	VRI_CONTROL_PLAIN = 1, /* as virtio-net has it: the first two bytes of the header, and all
				  the rest of the readable bytes is payload; the first byte of the
				  answer, and what is written behind it is the reply. Every refusal
				  is VRI_CONTROL_FAILED */
};

struct vri_control_header {
	uint8_t command_class;
	uint8_t command;
	uint16_t reserved; /* 0 */
	uint32_t length; /* of the payload */
};

struct vri_control_answer {
	uint8_t ack; /* enum vri_control_ack, or the device type's own */
	uint8_t reserved[3]; /* 0 */
	uint32_t length; /* of the reply, also when the driver has no room for all of it */
};

enum vri_control_ack {
	VRI_CONTROL_OK = 0,
	VRI_CONTROL_FAILED = 1, /* it could not be done */
	VRI_CONTROL_UNKNOWN = 2, /* a class, or a command of it, that the device does not know */
	VRI_CONTROL_SHORT =
		3, /* the payload lacks what the command cannot do without, or is shorter
				  than its header says */
	VRI_CONTROL_OWN = 128, /* from here on: the device type's own */
};

#define VRI_CONTROL_LENGTH_MAX 65536u /* bytes of a payload, and of a reply */

/* ---- the device's side ---- */

/* A command that is being carried out. Everything in here is memory of the device's own: the driver
 * can change nothing of it any more. */
struct vri_control_job {
	struct vri_instance *inst;
	uint8_t command_class;
	uint8_t command;
	uint32_t payload_len; /* what the driver sent, payload_max of the row at most */
	const void *payload; /* payload_max bytes: those that were not sent are 0. Aligned for any
				type */
	void *reply; /* reply_max bytes, all 0; the handler's to fill in. Aligned for any type */
	uint32_t reply_len; /* 0; how many of them there are */
	void *data; /* as given to vri_control_dev_new() */
};

/* A row of the dispatch table. */
struct vri_control_command {
	uint8_t command_class;
	uint8_t command;
	uint32_t payload_min; /* a shorter payload is refused */
	uint32_t payload_max; /* more is not looked at; 0: payload_min */
	uint32_t reply_max;
	/* Does it, without blocking. Returns: the acknowledgement. */
	uint8_t (*handle)(struct vri_control_job *job);
};

struct vri_control_dev;

struct vri_control_dev_opts {
	size_t size; /* sizeof(struct vri_control_dev_opts) */
	const struct vri_control_command *commands; /* kept; at most one row for each command */
	unsigned n_commands;
	unsigned queue_size_max; /* of the control queue; default 1024, as of devices */
	enum vri_control_framing framing;
	void *data; /* for the handlers */
};

/*
 * Makes the device's side of a control queue: one for each instance, in its attach op.
 * Returns: 0; -EINVAL for a table that contradicts itself (two rows alike, a row without a handler,
 * lengths beyond VRI_CONTROL_LENGTH_MAX, a payload_max below payload_min); -ENOMEM. Ownership:
 * returned; vri_control_dev_free() in the detach op.
 */
VRI_API int vri_control_dev_new(const struct vri_control_dev_opts *opts,
				struct vri_control_dev **ret_ctl);
VRI_API void vri_control_dev_free(struct vri_control_dev *ctl);

/*
 * Serves the control queue: what the process op does for that queue and returns. Takes a bounded
 * number of commands a turn. A buffer that has no room for an acknowledgement is given back with 0
 * bytes written, and what it asks for is not done. Returns: as vri_device_ops.process. Threads: the
 * instance's.
 */
VRI_API int vri_control_dev_serve(struct vri_control_dev *ctl, struct vri_instance *inst,
				  unsigned queue);

/* ---- the driver's side ---- */

struct vri_control_drv;

struct vri_control_drv_opts {
	size_t size; /* sizeof(struct vri_control_drv_opts) */
	enum vri_control_framing framing;
	uint32_t payload_max; /* the longest payload that will be sent; default 256 */
	uint32_t reply_max; /* room for replies; default 256 */
	unsigned in_flight_max; /* commands out at once; default 4 */
};

/* A command. */
struct vri_control_request {
	uint8_t command_class;
	uint8_t command;
	const void *payload; /* private memory, copied */
	uint32_t payload_len;
};

/* What became of it. */
struct vri_control_result {
	int error; /* 0; -EOPNOTSUPP for VRI_CONTROL_UNKNOWN, -EBADMSG for VRI_CONTROL_SHORT,
		      -EREMOTEIO for any other refusal; -EPROTO when there was no
		      acknowledgement; -ECANCELED when the device did not answer in its lifetime */
	uint8_t ack;
	uint32_t reply_len; /* bytes at @reply: private memory, valid as long as the call that
			       gave it says */
	uint32_t
		full_len; /* how long the reply was, as the device says; 0 with VRI_CONTROL_PLAIN */
	const void *reply;
};

typedef void vri_control_done(const struct vri_control_result *result, void *data);

/*
 * Takes the running queue @queue of @drv over: nobody else may use it from now on. Takes the room for
 * in_flight_max commands and answers from the link's pool.
 * Returns: 0; -EINVAL for a queue that is not there, or for lengths beyond VRI_CONTROL_LENGTH_MAX;
 * -ENOMEM, also when the pool is too small. Ownership: returned; vri_control_drv_close(). Threads,
 * for everything here: the queue's, which is the link's for opening and closing.
 */
VRI_API int vri_control_drv_open(struct vri_driver *drv, unsigned queue,
				 const struct vri_control_drv_opts *opts,
				 struct vri_control_drv **ret_ctl);

/*
 * Frees it; what is still out ends with -ECANCELED. Reset the device (or the queue) before, or the
 * buffers that the device still has stay taken until the link ends. NULL is ignored.
 */
VRI_API void vri_control_drv_close(struct vri_control_drv *ctl);

/*
 * Sends a command and waits for its answer, for at most @timeout_ms (-1: no limit); calls @done of
 * other commands that are answered meanwhile. @ret_result may be NULL; its reply is valid until the
 * next call for this queue. Returns: 0 when it was acknowledged with VRI_CONTROL_OK; as struct
 * vri_control_result.error; -EMSGSIZE for a payload that is too long; -ETIMEDOUT, and an answer that
 * comes later is dropped; -EINVAL when the queue is too small for any command; -EAGAIN while
 * the device is suspended; -ECONNRESET; -EPROTO; -ESHUTDOWN.
 */
VRI_API int vri_control_call(struct vri_control_drv *ctl, const struct vri_control_request *request,
			     struct vri_control_result *ret_result, int timeout_ms);

/*
 * Sends a command. @done is called once, by vri_control_dispatch(), vri_control_call() or
 * vri_control_drv_close(), with a result that is valid until it returns; it may send, but not close.
 * Returns: 0; -EBUSY when in_flight_max are out; -EMSGSIZE; -EAGAIN while the device is suspended;
 * -ESHUTDOWN.
 */
VRI_API int vri_control_send(struct vri_control_drv *ctl, const struct vri_control_request *request,
			     vri_control_done *done, void *data);

/* Takes the answers that are there; blocks never. To sleep until there are some, use
 * vri_link_wait() or the queue's vri_drvq_wait(). Returns: how many; -EPROTO; -ESHUTDOWN. */
VRI_API int vri_control_dispatch(struct vri_control_drv *ctl);

/* How many commands are out. */
VRI_API unsigned vri_control_in_flight(const struct vri_control_drv *ctl);

VRI_END_DECLS

#endif
