/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The two sides of a virtqueue: struct vri_drvq makes buffers available, struct vri_devq uses them.
 */
#ifndef VRING_IPC_VIRTQUEUE_H
#define VRING_IPC_VIRTQUEUE_H

#include <sys/uio.h>

#include <vring-ipc/base.h>

VRI_BEGIN_DECLS

/*
 * Looking (vri_drvq_get_used(), vri_devq_pop()) stores nothing that the peer reads, so a side that
 * polls costs its peer nothing. Before a side sleeps it arms, which asks the peer for a
 * notification and looks once more; when it is awake again it suppresses.
 *
 * A queue whose peer breaks a rule is *broken*: the call that found it returns -EPROTO, every later
 * one -ESHUTDOWN, until the queue or the device is reset. vri_drvq_broken() and vri_devq_broken()
 * name the rule.
 *
 * While the device is suspended (vri_driver_suspend()) the driver's side takes used buffers as ever, and
 * adds, publishes and kicks nothing; the device's side does nothing at all. Those calls return -EAGAIN.
 *
 * Threads, for everything here: one side of one queue belongs to one thread at a time; different
 * queues, and the two sides of one queue, need no lock between them.
 */

/* The rules of the specification (and two of ours) that a peer can break. Their names:
 * vri_rule_name(). */
enum vri_rule {
	VRI_RULE_NONE = 0,
	/* broken by a driver */
	VRI_RULE_AVAIL_IDX, /* the available index moved by more than the queue size, or backwards;
			       packed: more was made available than the ring has room for */
	VRI_RULE_HEAD, /* a head (packed: a buffer id) is not below the queue size */
	VRI_RULE_HEAD_IN_FLIGHT, /* a head was made available again before it was used */
	VRI_RULE_NEXT, /* a next field points outside of its table */
	VRI_RULE_CHAIN_LENGTH, /* a chain is longer than the queue size, or it loops */
	VRI_RULE_CHAIN_BYTES, /* a chain has more than 2^32 - 1 bytes in all */
	VRI_RULE_CHAIN_ORDER, /* a device-readable descriptor follows a device-writable one */
	VRI_RULE_ADDRESS, /* a buffer is not inside of the shared memory, or it wraps */
	VRI_RULE_ACCESS, /* a buffer is used in a direction that its memory does not allow */
	VRI_RULE_INDIRECT_FEATURE, /* an indirect table without the feature */
	VRI_RULE_INDIRECT_NESTED, /* an indirect table inside of an indirect table */
	VRI_RULE_INDIRECT_NEXT, /* INDIRECT and NEXT on one descriptor */
	VRI_RULE_INDIRECT_SIZE, /* an indirect table whose size is 0, no multiple of 16, or more than
				   65536 descriptors */
	VRI_RULE_INDIRECT_ADDRESS, /* an indirect table that is not inside of the shared memory */
	VRI_RULE_FLAGS, /* packed: a descriptor inside of a list is not available */
	/* broken by a device */
	VRI_RULE_USED_IDX, /* the used index moved by more than what is outstanding, or backwards */
	VRI_RULE_USED_ID, /* a used id is not below the queue size or not a head */
	VRI_RULE_USED_NOT_LENT, /* a used id that is not outstanding: never lent, or used twice */
	VRI_RULE_USED_LEN, /* a used length beyond the writable bytes of its chain */
	VRI_RULE_USED_ORDER, /* with IN_ORDER: a buffer was used before an older one */
	/* ours */
	VRI_RULE_DEADLINE, /* a request stayed with the device for longer than the queue's deadline
			    */
	VRI_RULE_DEVICE, /* the device type itself gave the queue up, see vri_instance_fail() */
	VRI_RULE_COUNT,
};

/* Says in words which rule was broken ("a next field points outside of its table"); never NULL.
 * Threads: any. */
VRI_API const char *vri_rule_text(enum vri_rule rule);
/* The same as one short word for logs and JSON ("next"); never NULL. Threads: any. */
VRI_API const char *vri_rule_name(enum vri_rule rule);

/* What one side of a queue counts, always. A reset does not clear it, but for the position. */
struct vri_counters {
	uint64_t buffers; /* driver: made available; device: marked used */
	uint64_t bytes_readable; /* of these, bytes that flow from the driver to the device */
	uint64_t bytes_written; /* and back; driver: as used lengths say; device: as it pushed */
	uint64_t notifications; /* sent */
	uint64_t suppressed; /* not sent, since the peer asked for none */
	uint64_t sleeps; /* armed and found nothing */
	uint64_t errors; /* rules that the peer broke */
	uint64_t position; /* driver: used entries taken; device: available entries popped */
};

/* ---- the driver's side ---- */

struct vri_drvq;

/*
 * Stages one buffer: @n_readable pieces that the device may read, then @n_writable pieces that it
 * may write, all of them inside of the link's memory. The device does not see it before
 * vri_drvq_publish() or vri_drvq_kick().
 * @token comes back from vri_drvq_get_used() and must not be NULL.
 * Returns: 0; -ENOSPC when the descriptors do not suffice now; -EINVAL for no piece at all, an
 * empty piece, more pieces than the queue has descriptors, more than 2^32 - 1 bytes, or memory that
 * the link does not share; -ESHUTDOWN. Ownership: the iovecs are borrowed; the bytes they name are
 * kept until the buffer is used. virtio 1.4, 2.7.13.1
 */
VRI_API int vri_drvq_add(struct vri_drvq *q, const struct iovec *readable, unsigned n_readable,
			 const struct iovec *writable, unsigned n_writable, void *token);

/* Makes all staged buffers visible to the device and notifies nobody: for devices that poll.
 * Returns: 0; -ESHUTDOWN. */
VRI_API int vri_drvq_publish(struct vri_drvq *q);

/*
 * Publishes, then notifies the device if it asked for that.
 * Returns: 1 when a notification was sent, 0 when the device wanted none; -ESHUTDOWN.
 * virtio 1.4, 2.7.13.4
 */
VRI_API int vri_drvq_kick(struct vri_drvq *q);

/*
 * Takes one used buffer, in whatever order the device used them. @ret_len is the number of bytes
 * that the device says it wrote, never more than the writable pieces hold; bytes beyond it are
 * undefined. Returns: 1; 0 when there is none; -EPROTO when the device broke a rule; -ESHUTDOWN.
 */
VRI_API int vri_drvq_get_used(struct vri_drvq *q, void **ret_token, uint32_t *ret_len);

/* One used buffer of a batch. */
struct vri_used {
	void *token;
	uint32_t len;
};

/* Takes up to @max used buffers at once. Returns: how many, else as vri_drvq_get_used(). */
VRI_API int vri_drvq_get_used_batch(struct vri_drvq *q, struct vri_used *ret_used, unsigned max);

/*
 * Asks for a notification of the next used buffer and looks again.
 * Returns: 1 when a used buffer is there already, so do not sleep; 0 when it is safe to sleep on
 * vri_drvq_fd(); -ESHUTDOWN.
 */
VRI_API int vri_drvq_arm(struct vri_drvq *q);

/* Asks for a notification only after @n more buffers are used (with EVENT_IDX; after 1 else), or
 * after all of them when fewer are with the device. On a packed queue whose buffers have different
 * numbers of pieces it may come sooner, never later. Returns: 1 when that many are used already;
 * otherwise as vri_drvq_arm(). */
VRI_API int vri_drvq_arm_after(struct vri_drvq *q, unsigned n);

/* Takes the request for notifications back. It is a hint: spurious notifications may still come. A
 * queue begins with notifications asked for (virtio 1.4, 2.7.7, 2.8.10): a driver that only looks
 * says this once, or each buffer costs the device of a packed queue a system call. */
VRI_API void vri_drvq_suppress(struct vri_drvq *q);

/*
 * Sleeps until a used buffer is there, the peer is gone or @timeout_ms (-1: no limit) have passed;
 * it spins for the link's budget first, then arms, looks again and blocks. Returns: 1 when there is
 * a used buffer; 0 when the time is over; -ECONNRESET; -ETIMEDOUT when a request passed the queue's
 * deadline; -EPROTO; -ESHUTDOWN.
 */
VRI_API int vri_drvq_wait(struct vri_drvq *q, int timeout_ms);

/* The descriptor that becomes readable when the device notifies; vri_drvq_clear() empties it.
 * Borrowed. Returns: the descriptor; -ESHUTDOWN for a queue that is not set up. */
VRI_API int vri_drvq_fd(const struct vri_drvq *q);
VRI_API void vri_drvq_clear(struct vri_drvq *q);

/*
 * Takes back one buffer that the device has not used, the oldest first, of a queue that is no
 * longer live (reset, broken or its link gone). For the end of a link: the device may have begun
 * what it describes. Returns: 1; 0 when none is left; -EAGAIN when the queue is live.
 * virtio 1.4, 3.3.1 (drv:3.3/2)
 */
VRI_API int vri_drvq_take_back(struct vri_drvq *q, void **ret_token);

/* Index, size, how many buffers are outstanding (staged ones too), how many descriptors are free.
 */
VRI_API unsigned vri_drvq_index(const struct vri_drvq *q);
VRI_API unsigned vri_drvq_size(const struct vri_drvq *q);
VRI_API unsigned vri_drvq_outstanding(const struct vri_drvq *q);
VRI_API unsigned vri_drvq_free_descriptors(const struct vri_drvq *q);

/* What this side has counted so far. */
VRI_API void vri_drvq_get_counters(const struct vri_drvq *q, struct vri_counters *ret_counters);

/* Which rule broke the queue; VRI_RULE_NONE while it works. */
VRI_API enum vri_rule vri_drvq_broken(const struct vri_drvq *q);

/* ---- the device's side ---- */

struct vri_devq;

/*
 * One buffer of the driver's, as the device sees it after every check. The caller provides the
 * storage for the pieces: set @iov and @iov_max (the queue's size always suffices) before
 * vri_devq_pop(). The memory that the pieces name is shared with a driver that can change it at any
 * moment: read each byte that matters once, into memory of your own, then check the copy. It stays
 * mapped until the chain is pushed.
 */
struct vri_chain {
	struct iovec *iov; /* readable pieces first, then writable ones */
	unsigned iov_max;
	unsigned n_readable;
	unsigned n_writable;
	uint32_t readable_len; /* bytes in all the readable pieces */
	uint32_t writable_len; /* bytes in all the writable pieces */
	uint16_t head; /* head and id say which chain of which queue it is; do not change them */
	uint16_t reserved;
	uint32_t id;
};

/*
 * Takes the next available buffer.
 * Returns: 1; 0 when there is none; -ENOBUFS when it has more pieces than @chain has room for (it
 * stays where it is); -EPROTO when the driver broke a rule: the device then needs a reset;
 * -ESHUTDOWN. Ownership: @chain is the caller's; the pieces are kept until vri_devq_push().
 * virtio 1.4, 2.7.14
 */
VRI_API int vri_devq_pop(struct vri_devq *q, struct vri_chain *chain);

/*
 * Gives back the @n newest chains that were popped and not yet pushed: the next pop returns them
 * again, in their old order. Returns: 0; -EINVAL when there are not so many, or a younger one was
 * already pushed.
 */
VRI_API int vri_devq_rewind(struct vri_devq *q, unsigned n);

/*
 * Marks a chain as used, @written bytes being filled from its first writable byte on. Any order is
 * allowed. The driver does not see it before vri_devq_publish() or vri_devq_notify(). Returns: 0;
 * -EINVAL for a chain that is not in flight or a length beyond its writable bytes; -ESHUTDOWN.
 */
VRI_API int vri_devq_push(struct vri_devq *q, const struct vri_chain *chain, uint32_t written);

/* Makes all pushed chains visible to the driver and notifies nobody. Returns: 0; -ESHUTDOWN. */
VRI_API int vri_devq_publish(struct vri_devq *q);

/* Publishes, then notifies the driver if it asked for that. Returns: 1 when a notification was
 * sent; 0; -ESHUTDOWN. */
VRI_API int vri_devq_notify(struct vri_devq *q);

/*
 * Asks for a notification of the next available buffer and looks again.
 * Returns: 1 when one is there already, so do not sleep; 0; -ESHUTDOWN.
 */
VRI_API int vri_devq_arm(struct vri_devq *q);

/* Takes the request for notifications back; a hint, as on the other side. */
VRI_API void vri_devq_suppress(struct vri_devq *q);

/*
 * Sleeps until a buffer is available, the driver is gone or @timeout_ms (-1: no limit) have passed:
 * for a device that serves a queue with a thread of its own. Returns: 1; 0 when the time is over;
 * -ECONNRESET; -ESHUTDOWN.
 */
VRI_API int vri_devq_wait(struct vri_devq *q, int timeout_ms);

/* The descriptor that becomes readable when the driver kicks; vri_devq_clear() empties it.
 * Borrowed. Returns: the descriptor; -ESHUTDOWN for a queue that is not set up. */
VRI_API int vri_devq_fd(const struct vri_devq *q);
VRI_API void vri_devq_clear(struct vri_devq *q);

/* Index, size, and how many chains were popped and not yet pushed. */
VRI_API unsigned vri_devq_index(const struct vri_devq *q);
VRI_API unsigned vri_devq_size(const struct vri_devq *q);
VRI_API unsigned vri_devq_in_flight(const struct vri_devq *q);

/* What this side has counted so far. */
VRI_API void vri_devq_get_counters(const struct vri_devq *q, struct vri_counters *ret_counters);

/* Which rule broke the queue; VRI_RULE_NONE while it works. */
VRI_API enum vri_rule vri_devq_broken(const struct vri_devq *q);

/* ---- pieces of a chain as one run of bytes ---- */

/*
 * Copies up to @len bytes from the readable pieces, starting @offset bytes into them, or to the
 * writable pieces. A message may be cut into descriptors in any way (virtio 1.4, 2.7.4.1): use
 * these instead of assuming one. Returns: the number of bytes copied. Threads: any.
 */
VRI_API size_t vri_chain_read(const struct vri_chain *chain, size_t offset, void *buf, size_t len);
VRI_API size_t vri_chain_write(const struct vri_chain *chain, size_t offset, const void *buf,
			       size_t len);

VRI_END_DECLS

#endif
