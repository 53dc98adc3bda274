/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The block device of virtio: serve a disk image, or use a disk that somebody serves. */
#ifndef VRING_IPC_DEVICES_BLK_H
#define VRING_IPC_DEVICES_BLK_H

#include <sys/uio.h>

#include <vring-ipc/base.h>
#include <vring-ipc/device.h>
#include <vring-ipc/driver.h>

VRI_BEGIN_DECLS

#define VRI_BLK_TYPE "org.oasis-open.virtio.block" /* the type string */
#define VRI_BLK_SECTOR 512 /* bytes; the unit of the protocol, whatever the block size is */
#define VRI_BLK_ID_MAX 20 /* bytes of the id string; not 0-terminated when all are used */

/* ---- the device ---- virtio 1.4, 5.2 */

/* How a device does its reads and writes. */
enum vri_blk_io {
	VRI_BLK_IO_AUTO = 0, /* io_uring where the kernel allows it, else one after the other */
	VRI_BLK_IO_URING = 1, /* many requests at once, completed in any order */
	VRI_BLK_IO_SYNC = 2, /* preadv() and pwritev(): the device waits for each */
};

struct vri_blk_device_opts {
	size_t size; /* sizeof(struct vri_blk_device_opts) */
	const char *name; /* what people call it; default: the last part of the path */
	const char *id; /* what GET_ID answers, at most VRI_BLK_ID_MAX bytes; default: the name,
			   cut */
	enum vri_blk_io io;
	bool read_only; /* offer VIRTIO_BLK_F_RO, open the file so; default: as the file allows */
	bool no_discard; /* do not offer DISCARD */
	bool no_write_zeroes; /* do not offer WRITE_ZEROES */
	unsigned block_size; /* a power of two from 512 to 65536; default 512 */
	unsigned n_queues; /* default 4 */
	unsigned queue_size_max; /* default 256 */
	unsigned in_flight_max; /* requests of one queue that are worked on at once; default 128 */
	unsigned seg_max; /* data pieces in one request, told to the driver; default 126 */
	unsigned size_max; /* bytes in one data piece, told to the driver; default: no limit */
	uint32_t max_discard_sectors; /* in one range; default 4194304 (2 GiB) */
	uint32_t max_write_zeroes_sectors; /* in one range; default 65536 (32 MiB) */
	unsigned max_ranges; /* of one discard or write-zeroes request, at most 256; default 16 */
};

/*
 * Makes a block device of the regular file or block device at @path. Its capacity is the file's
 * size now, rounded down to whole blocks: a tail of less than a block is not part of the disk. A
 * file that may not be written is served read-only.
 *
 * What the device promises: a request is answered once, with OK, IOERR or UNSUPP; requests of one
 * queue are worked on at the same time and complete in any order, so a driver that cares waits for
 * one before it sends the next. A flush covers every write that had completed before the flush was
 * sent. A driver that does not negotiate FLUSH, or sets writeback to 0, gets write-through: each
 * write is durable when it completes. Where the file has become shorter or the disk is full, the
 * requests concerned end with IOERR; a write behind a file's new end makes it longer again. A
 * request without a byte for its status is given back with nothing written.
 * Executing a request twice does what executing it once does, as long as nobody wrote to the same
 * sectors in between: all of them are safe to repeat.
 *
 * Returns: 0; -ENOENT; -EACCES; -EISDIR for a directory; -ENOTBLK for anything else that is neither
 * a regular file nor a block device; -EINVAL for options that make no sense or a file smaller than
 * one block; -ENOSYS or -EPERM for VRI_BLK_IO_URING where the kernel has or allows no io_uring;
 * -EMFILE; -ENOMEM. Ownership: returned; vri_device_unref().
 */
VRI_API int vri_blk_device_new(const char *path, const struct vri_blk_device_opts *opts,
			       struct vri_device **ret_dev);

/* What a device has done so far, over all its links. */
struct vri_blk_stats {
	uint64_t requests; /* answered */
	uint64_t failed; /* of these, not with OK */
	uint64_t bytes_read, bytes_written;
	uint64_t out_of_order; /* answered after a request of the same queue that came later */
	unsigned in_flight; /* now */
	unsigned in_flight_peak; /* the most that there ever were */
};

/* Fills in the statistics of a device made by vri_blk_device_new(). Threads: the device's. */
VRI_API void vri_blk_device_stats(const struct vri_device *dev, struct vri_blk_stats *ret_stats);

/* Tells how such a device does its reads and writes: VRI_BLK_IO_URING or VRI_BLK_IO_SYNC. */
VRI_API enum vri_blk_io vri_blk_device_io(const struct vri_device *dev);

/* ---- the driver ---- */

struct vri_blk;

struct vri_blk_opts {
	size_t size; /* sizeof(struct vri_blk_opts) */
	unsigned n_queues; /* default: all that the device and the link have */
	unsigned queue_depth; /* requests of one queue at once; default 128, less on small rings */
	bool write_through; /* each write is durable when it is done, without a flush */
};

/*
 * Starts the block device at the other end of @drv, which must not have been started: negotiates,
 * reads and checks its config before anything is allocated for it, sets up min(wanted, offered)
 * queues, runs it. Takes 64 bytes of the link's pool for each request of each queue.
 * Returns: 0; -EINVAL; -EOPNOTSUPP for a device of another type, or when write-through is not to be
 * had; -EPROTO when the config is absurd (FAILED is then set); -ENOMEM, also when the pool is too
 * small; as vri_driver_start(). Ownership: returned, vri_blk_close(); @drv is kept. Threads: the
 * link's; afterwards each queue may belong to a thread of its own.
 */
VRI_API int vri_blk_open(struct vri_driver *drv, const struct vri_blk_opts *opts,
			 struct vri_blk **ret_blk);

/*
 * Resets the device and frees. Tokens of requests that were not done are forgotten. NULL is
 * ignored. Threads: the link's, with no queue in use; before vri_link_close().
 */
VRI_API void vri_blk_close(struct vri_blk *blk);

/* What the device said of itself; offsets and sizes are in bytes, 0 is "not said". */
struct vri_blk_info {
	uint64_t capacity;
	uint32_t block_size; /* 512 when not said */
	uint32_t physical_block_size; /* of the topology, as the next three */
	uint32_t alignment_offset;
	uint32_t min_io_size;
	uint32_t opt_io_size;
	uint32_t seg_max; /* data pieces in one request; 1 when not said */
	uint32_t size_max; /* bytes in one piece; ~0 when not said */
	bool read_only;
	bool flush; /* vri_blk_flush() works */
	bool write_back; /* a write needs a flush to be durable */
	bool discard; /* vri_blk_discard() works, with these limits: */
	uint64_t max_discard; /* in one request */
	uint32_t discard_alignment;
	bool write_zeroes; /* vri_blk_write_zeroes() works, with these limits: */
	uint64_t max_write_zeroes; /* in one request */
	bool write_zeroes_may_unmap;
	unsigned n_queues; /* that were set up */
	unsigned n_queues_max; /* that the device has */
	unsigned queue_depth; /* requests of one queue at once */
};

/* Threads: any. */
VRI_API void vri_blk_get_info(const struct vri_blk *blk, struct vri_blk_info *ret_info);

/* How many requests one queue takes, and how many of them are under way. Threads: the queue's. */
VRI_API unsigned vri_blk_queue_depth(const struct vri_blk *blk);
VRI_API unsigned vri_blk_in_flight(const struct vri_blk *blk, unsigned queue);

/* The virtqueue below, to wait on or to look at; what is added to it directly confuses
 * vri_blk_poll(). Borrowed: until vri_blk_close(). */
VRI_API struct vri_drvq *vri_blk_drvq(struct vri_blk *blk, unsigned queue);

/*
 * Each of the next calls stages one request on @queue and does not block; vri_blk_kick() sends what
 * is staged, vri_blk_poll() gives @token back, which must not be NULL. Offsets and lengths are
 * bytes, multiples of VRI_BLK_SECTOR. Memory is the link's: its pool, or what
 * vri_driver_add_memory() added.
 * Returns, all of them: 0; -ENOSPC when the queue or its requests are used up: poll, then again;
 * -EINVAL for what is beyond the end or the limits of the device, misaligned, or not the link's
 * memory; -EROFS; -EOPNOTSUPP when the device does not know the request; -ESHUTDOWN.
 * Ownership: the iovecs are borrowed, what they point at is kept until the token comes back.
 * Threads: the queue's.
 */
VRI_API int vri_blk_read(struct vri_blk *blk, unsigned queue, uint64_t offset,
			 const struct iovec *iov, unsigned n_iov, void *token);
VRI_API int vri_blk_write(struct vri_blk *blk, unsigned queue, uint64_t offset,
			  const struct iovec *iov, unsigned n_iov, void *token);
/* Makes durable what was written by requests that were done when this one was sent. */
VRI_API int vri_blk_flush(struct vri_blk *blk, unsigned queue, void *token);
/* Says that the contents are no longer needed; they may read as anything afterwards. */
VRI_API int vri_blk_discard(struct vri_blk *blk, unsigned queue, uint64_t offset, uint64_t len,
			    void *token);
/* @unmap: the space may be given back, the bytes read as zeros all the same. */
VRI_API int vri_blk_write_zeroes(struct vri_blk *blk, unsigned queue, uint64_t offset, uint64_t len,
				 bool unmap, void *token);
/* @ret_id, private memory, is 0-terminated and filled in when the token comes back; kept until
 * then. */
VRI_API int vri_blk_get_id(struct vri_blk *blk, unsigned queue, char ret_id[VRI_BLK_ID_MAX + 1],
			   void *token);

/* Sends what is staged. Returns: as vri_drvq_kick(). Threads: the queue's. */
VRI_API int vri_blk_kick(struct vri_blk *blk, unsigned queue);

/* One request that is done. */
struct vri_blk_done {
	void *token;
	int result; /* 0; -EIO; -EOPNOTSUPP; -EPROTO for an answer that is none; -ECONNRESET, from
		       vri_blk_take_back() alone: nobody knows whether it was done */
	uint32_t bytes; /* read or written, 0 on failure */
};

/*
 * Takes up to @max requests that are done, in whatever order the device finished them.
 * Returns: how many, 0 for none; -EINVAL; as vri_drvq_get_used_batch(). Threads: the queue's.
 */
VRI_API int vri_blk_poll(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done,
			 unsigned max);

/* Sends what is staged, waits until at least one request is done or @timeout_ms (-1: no limit) have
 * passed, and polls. Returns: how many, 0 when the time is over; as vri_drvq_wait(). Threads: the
 * queue's. */
VRI_API int vri_blk_wait(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done,
			 unsigned max, int timeout_ms);

/*
 * Takes back up to @max requests that will not be answered, of a queue that is no longer live
 * (broken, or its link gone). Returns: how many; -EAGAIN while the queue is live. Threads: the
 * queue's.
 */
VRI_API int vri_blk_take_back(struct vri_blk *blk, unsigned queue, struct vri_blk_done *ret_done,
			      unsigned max);

VRI_END_DECLS

#endif
