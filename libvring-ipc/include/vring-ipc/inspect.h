/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A read-only look at live rings: the base of the command, the bindings and the tests. */
#ifndef VRING_IPC_INSPECT_H
#define VRING_IPC_INSPECT_H

#include <vring-ipc/base.h>
#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

VRI_BEGIN_DECLS

/*
 * A region, mapped read-only from a descriptor that cannot write. The inspector stops nothing,
 * writes nothing, waits for nobody and believes nothing that it reads: both sides of the link may
 * be hostile. What it shows of a link that runs is a snapshot of words that move; each snapshot
 * says whether it was stable.
 *
 * Snapshots are plain structs whose first member is their size: the caller sets it to sizeof, the
 * library fills in as many bytes as both know. All texts are printable ASCII; other bytes appear as
 * \xNN. Times are CLOCK_BOOTTIME nanoseconds, 0 for never. Ids and pids that a side published of
 * itself are hints; what the kernel says is called seen.
 *
 * Threads, for everything here: one object, one thread at a time.
 */
struct vri_inspect;

#define VRI_INSPECT_TEXT_MAX 512 /* bytes of an escaped text, the final 0 included */
#define VRI_INSPECT_WHY_MAX 1024 /* bytes that suffice for the words of any error */

/*
 * Opens the region of a live link by the process that holds it: "pid:PID", or "pid:PID/LINK" where
 * LINK is the beginning of the link's id.
 * Returns: 0; -EINVAL for an address that is not one; -ESRCH: no such process; -EACCES: the process
 * may not be looked into (another user's, or not dumpable); -ENOENT: it holds no such link;
 * -ENOTUNIQ: it holds several, which @why lists; -EPROTO: what it holds is not a valid region;
 * -ENOMEM. On failure @why (may be NULL) has @why_size bytes with the reason in words.
 * Ownership: returned; vri_inspect_close().
 */
VRI_API int vri_inspect_open(struct vri_inspect **ret_insp, const char *address, char *why,
			     size_t why_size);

/*
 * The same with a descriptor of the region at hand. Its size and seals are checked before it is
 * mapped. Returns: 0; -EPROTO; -EACCES when it cannot be opened for reading alone; -ENOMEM.
 * Ownership: @fd stays the caller's.
 */
VRI_API int vri_inspect_open_fd(struct vri_inspect **ret_insp, int fd, char *why, size_t why_size);

/* Frees. NULL is ignored. */
VRI_API void vri_inspect_close(struct vri_inspect *insp);

/* The mapping, for tools that decode more than this library does. Borrowed: until the close. */
VRI_API const void *vri_inspect_base(const struct vri_inspect *insp);

/* ---- which links there are ---- */

enum vri_inspect_role {
	VRI_INSPECT_ROLE_DEVICE = 1,
	VRI_INSPECT_ROLE_DRIVER = 2,
};

#define VRI_INSPECT_PROCESSES_MAX 8

/* A process that holds a link's region and can write to it, as seen in /proc. */
struct vri_inspect_process {
	int32_t pid;
	uint32_t roles; /* enum vri_inspect_role, by the hints; 0: neither side names this pid */
	char command[64];
};

/* A link of this host. Borrowed: during the call of vri_inspect_list_fn. */
struct vri_inspect_found {
	size_t size;
	struct vri_inspect *insp; /* NULL when there is a problem */
	const char *problem; /* why it cannot be looked into; NULL: it can */
	char link_id[33]; /* "" when it could not be read */
	unsigned n_processes; /* all that hold it; the first of them: */
	struct vri_inspect_process process[VRI_INSPECT_PROCESSES_MAX];
};

typedef void vri_inspect_list_fn(const struct vri_inspect_found *found, void *data);

struct vri_inspect_census {
	size_t size;
	unsigned links;
	unsigned processes; /* looked into */
	unsigned processes_unreadable; /* of other users, or not dumpable */
};

/*
 * Looks at the open files of every process and calls @fn once for each link, whose processes are
 * merged. Returns: 0; a negative errno when /proc cannot be read; -ENOMEM. @ret_census may be NULL;
 * its size is set by the caller.
 */
VRI_API int vri_inspect_list(vri_inspect_list_fn *fn, void *data,
			     struct vri_inspect_census *ret_census);

/* Finds the processes that hold this link now. Returns: how many there are, of which the first @max
 * were stored; a negative errno. */
VRI_API int vri_inspect_processes(struct vri_inspect *insp, struct vri_inspect_process *ret,
				  unsigned max);

/* ---- a link ---- */

#define VRI_INSPECT_PARTS_MAX 64

struct vri_inspect_part {
	uint32_t type; /* vri_inspect_part_name() */
	uint32_t version;
	uint64_t offset;
	uint64_t size;
	uint32_t writer; /* enum vri_inspect_role */
	uint32_t reserved;
};

/* A shared memory region that the device offers. Its contents are not the inspector's to see. */
struct vri_inspect_shared_memory {
	uint64_t size;
	uint32_t id;
	bool writable; /* by the driver */
	bool common; /* to all drivers of the device */
};

#define VRI_INSPECT_SHARED_MEMORY_MAX 16

struct vri_inspect_link {
	size_t size;
	bool stable; /* nothing moved while it was read */
	char link_id[33];
	uint64_t region_size;
	unsigned n_parts;
	struct vri_inspect_part part[VRI_INSPECT_PARTS_MAX];

	/* as the device published it */
	char type[VRI_INSPECT_TEXT_MAX];
	char name[VRI_INSPECT_TEXT_MAX];
	uint32_t device_id;
	uint32_t vendor_id;
	struct vri_features offered;
	uint32_t status;
	uint32_t config_generation;
	uint32_t config_size;
	uint32_t device_pid;
	uint64_t device_attached_ns;
	uint64_t needs_reset_ns;
	char needs_reset_why[VRI_INSPECT_TEXT_MAX];

	/* as the driver published it */
	struct vri_features acked;
	uint32_t driver_pid;
	uint64_t driver_attached_ns;

	struct vri_features negotiated; /* offered and acked, once FEATURES_OK is set */
	unsigned n_queues; /* that both blocks have room and a description for */

	unsigned n_shared_memory;
	struct vri_inspect_shared_memory shared_memory[VRI_INSPECT_SHARED_MEMORY_MAX];
};

/* Takes a snapshot. Returns: 0; -EINVAL for a size that is too small. */
VRI_API int vri_inspect_get_link(struct vri_inspect *insp, struct vri_inspect_link *ret_link);

/*
 * Copies the config space, at most @max bytes of it, with bounded retries while it changes.
 * Returns: how many bytes; *ret_stable tells whether they are all of the one generation.
 */
VRI_API int vri_inspect_config(struct vri_inspect *insp, void *ret_buf, uint32_t max,
			       uint32_t *ret_generation, bool *ret_stable);

/* Names a type of part ("device-block"), or returns NULL. Threads: any. */
VRI_API const char *vri_inspect_part_name(uint32_t type);

/* A field of a device type's config space. */
struct vri_inspect_field {
	const char *name; /* as the specification has it; NULL: past the end */
	uint16_t offset;
	uint8_t width; /* bytes of one element */
	uint8_t count; /* elements; more than one: an array of bytes */
	int feature; /* the bit without which it means nothing; -1: always there */
};

/* The fields of a device type's config space, up to one without a name, or NULL for an unknown
 * type. @type may be NULL: the id decides, except in the local range. Threads: any. */
VRI_API const struct vri_inspect_field *vri_inspect_fields(uint32_t device_id, const char *type);

/* ---- a queue ---- */

enum vri_inspect_format {
	VRI_INSPECT_SPLIT = 0,
	VRI_INSPECT_PACKED = 1,
};

/* Whether a side wants to be notified. */
enum vri_inspect_wants {
	VRI_INSPECT_WANTS_NONE = 0, /* not before it asks again */
	VRI_INSPECT_WANTS_ALL = 1, /* of each buffer (suppression by flags) */
	VRI_INSPECT_WANTS_AT = 2, /* when the other side passes the event index (EVENT_IDX) */
};

/* A place in a packed ring: a slot, and what the wrap counter is there. */
struct vri_inspect_place {
	uint16_t slot;
	uint8_t wrap;
	uint8_t exact; /* 0: it is here or further on, the ring does not tell */
};

enum vri_inspect_event_kind {
	VRI_INSPECT_EVENT_ENABLE = 0,
	VRI_INSPECT_EVENT_DISABLE = 1,
	VRI_INSPECT_EVENT_AT = 2, /* when the place below is passed; needs EVENT_IDX */
	VRI_INSPECT_EVENT_RESERVED = 3,
};

/* An event suppression structure of a packed ring, as it stands there. virtio 1.4, 2.8.14 */
struct vri_inspect_event {
	uint8_t kind; /* enum vri_inspect_event_kind, the lower 2 bits of the flags */
	uint8_t wrap;
	uint16_t slot;
	uint16_t flags;
};

struct vri_inspect_queue {
	size_t size;
	bool stable; /* nothing moved while it was read: indices; of a packed ring all of it */
	bool enabled; /* the driver says: set up */
	bool live; /* the device says: served */
	bool readable; /* the areas make sense: what comes from the ring was read */
	unsigned index;
	const char *problem; /* static; why the ring was not read; NULL */
	uint32_t format; /* enum vri_inspect_format */
	uint32_t queue_size;
	uint32_t queue_size_max;
	uint32_t driver_broken; /* enum vri_rule, or what a hostile peer put there */
	uint32_t device_broken;
	uint64_t driver_broken_ns, device_broken_ns;
	uint64_t driver_sleep_ns, device_sleep_ns; /* when it last found the queue empty */
	uint64_t desc, driver, device; /* iovas of the areas */
	struct vri_counters driver_counters, device_counters;

	/* split: the available ring, which the driver writes */
	uint16_t avail_flags, avail_idx, used_event;
	/* split: the used ring, which the device writes */
	uint16_t used_flags, used_idx, avail_event;
	/* how far each side has read, from its counters: entries, packed: descriptors */
	uint16_t device_position, driver_position;
	uint32_t not_popped; /* made available, not yet popped by the device */
	uint32_t not_taken; /* used, not yet taken by the driver */
	uint32_t outstanding; /* chains that are lent to the device */
	bool event_idx; /* negotiated: the event indices count, else the flags */
	uint32_t driver_wants, device_wants; /* enum vri_inspect_wants */

	bool in_order; /* negotiated: buffers are used in the order in which they came */
	/* packed: where the driver makes the next buffer available, and looks for the next used one;
	 * where the device looks for the next available one, and writes the next used one */
	struct vri_inspect_place driver_avail, driver_used;
	struct vri_inspect_place device_avail, device_used;
	struct vri_inspect_event driver_event, device_event;
};

/* Takes a snapshot of one queue. Returns: 0; -EINVAL for a size that is too small; -ENOENT when the
 * link has no such queue. */
VRI_API int vri_inspect_get_queue(struct vri_inspect *insp, unsigned queue,
				  struct vri_inspect_queue *ret_queue);

/* Where an outstanding chain is. */
enum vri_inspect_where {
	VRI_INSPECT_AVAILABLE = 0, /* the device has not popped it */
	VRI_INSPECT_IN_DEVICE = 1, /* popped, not used */
	VRI_INSPECT_USED = 2, /* used, the driver has not taken it */
	VRI_INSPECT_ADDED = 3, /* packed: the driver has not made it available yet */
};

struct vri_inspect_head {
	uint16_t head; /* packed: the buffer id */
	uint16_t where; /* enum vri_inspect_where, as of this moment */
};

/*
 * Lists the heads that are lent to the device, in the order of their numbers. Returns: how many
 * there are, of which the first @max were stored; -ENOENT; -EPROTO when the ring cannot be read.
 */
VRI_API int vri_inspect_outstanding(struct vri_inspect *insp, unsigned queue,
				    struct vri_inspect_head *ret_heads, unsigned max);

struct vri_inspect_desc {
	uint64_t iova;
	uint32_t len;
	uint16_t flags; /* as in the ring: 1 NEXT, 2 WRITE, 4 INDIRECT */
	uint16_t next; /* packed: the buffer id */
	uint16_t number; /* in its table; packed: in the ring or the table */
	uint8_t indirect; /* 1: in an indirect table */
	uint8_t in_region; /* 1: all of it lies inside of the one part below */
	uint32_t part_type;
	uint64_t part_offset;
};

/*
 * How much of a chain the ring still shows. The device of a packed ring writes used descriptors over
 * the lists that stand there, which need not be their own.
 */
enum vri_inspect_known {
	VRI_INSPECT_KNOWN_ALL = 0,
	VRI_INSPECT_KNOWN_SOME = 1, /* what came before may be overwritten */
	VRI_INSPECT_KNOWN_NONE = 2, /* all of it is overwritten, or used, or not written yet */
};

struct vri_inspect_chain {
	size_t size;
	bool stable; /* two reads were the same, and the head was lent to the device all along */
	uint16_t head;
	uint32_t problem; /* enum vri_rule that it breaks, none in a link of honest sides; packed:
			     but for the moment in which the device writes a used descriptor over
			     it that it has not published yet */
	unsigned n_descs; /* of the chain, tables included; at most what was given was stored */
	uint64_t readable_len, writable_len;
	uint32_t known; /* enum vri_inspect_known: how much there was to follow */
	uint16_t slot; /* packed: of the first descriptor that is shown */
};

/*
 * Follows the chain that starts at @head, also when it is not outstanding, for as long as it makes
 * sense and at most for the queue's size. Packed: finds the list whose buffer id is @head in a copy
 * of the ring that is a few milliseconds old at most, and compares it with the ring; of an id that
 * is not outstanding nothing is known. Returns: 0; -EINVAL; -ENOENT; -EPROTO when the ring
 * cannot be read.
 */
VRI_API int vri_inspect_get_chain(struct vri_inspect *insp, unsigned queue, uint16_t head,
				  struct vri_inspect_chain *ret_chain,
				  struct vri_inspect_desc *ret_descs, unsigned max_descs);

struct vri_inspect_used {
	uint16_t idx; /* of the entry, free-running; packed: the slot of the used descriptor */
	uint16_t wrap; /* packed: the device's wrap counter there */
	uint32_t id;
	uint32_t len;
};

/* Copies up to @max of the youngest entries of the used ring, the oldest of them first; packed: of
 * the used descriptors that the driver has not overwritten. Returns: how
 * many; -ENOENT; -EPROTO when the ring cannot be read. */
VRI_API int vri_inspect_get_used(struct vri_inspect *insp, unsigned queue,
				 struct vri_inspect_used *ret_used, unsigned max);

VRI_END_DECLS

#endif
