/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The device's half: a device type with its ops, and one instance of it for each link. */
#ifndef VRING_IPC_DEVICE_H
#define VRING_IPC_DEVICE_H

#include <vring-ipc/base.h>
#include <vring-ipc/memory.h>
#include <vring-ipc/spec.h>
#include <vring-ipc/virtqueue.h>

VRI_BEGIN_DECLS

/*
 * struct vri_device is what is served: a type, features on offer, a config space and the ops that
 * do the work. struct vri_instance is that device as one driver sees it: status, negotiated
 * features, queues. A device can be listened for on several addresses and serves any number of
 * drivers, each through an instance of its own.
 *
 * Threads, for everything here: the thread that dispatches the listener (or loopback link), unless
 * said otherwise.
 */
struct vri_device;
struct vri_instance;

#define VRI_TYPE_MAX 128 /* bytes in a type string or a name, the final 0 included */

/* A field of the config space that a driver may write. A write covers one or several of them
 * completely, or it is refused. */
struct vri_config_field {
	uint32_t offset;
	uint32_t size;
};

/*
 * A driver's write carries the generation of what the driver had read, and the device may have
 * changed its config space since: what then. virtio has no answer, its transports write blindly.
 */
enum vri_config_race {
	/* The write is refused (-EAGAIN): the driver reads, decides and writes again. */
	VRI_CONFIG_REFUSE = 0,
	/* What the driver wrote goes into the device's newer config, whose other bytes stay. Where
	 * the device has changed the written bytes themselves, its config_conflict op decides;
	 * without one such a write is refused. */
	VRI_CONFIG_MERGE = 1,
};

/* What a device is. Zero members take the default. Everything is copied. */
struct vri_device_info {
	size_t size; /* sizeof(struct vri_device_info) */
	const char *type; /* reverse-DNS, "org.example.thermometer"; required */
	const char *name; /* what people call this one; default: the type */
	uint32_t device_id; /* enum vri_device_id, or of the local range; required */
	uint32_t vendor_id;
	struct vri_features features; /* offered; default: vri_features_default(). Add the type's
					 own bits to those */
	unsigned n_queues; /* default 1, at most VRI_QUEUES_MAX */
	unsigned queue_size_max; /* default 1024, a power of two, at most VRI_QUEUE_SIZE_MAX */
	const void *config; /* the initial config space, little-endian as the type says */
	uint32_t config_size; /* at most VRI_CONFIG_MAX */
	const uint8_t *config_writable; /* one byte for each config byte: not 0 where a driver may
					   write; default: nowhere */
	const struct vri_shared_memory *shared_memory; /* regions on offer, each with an id of its
							  own */
	unsigned n_shared_memory; /* at most VRI_SHARED_MEMORY_MAX; default none */
	const struct vri_config_field *config_fields; /* instead of config_writable: what a driver
							 may write, and only as a whole */
	unsigned n_config_fields;
	enum vri_config_race config_race; /* default VRI_CONFIG_REFUSE */
};

#define VRI_CONFIG_MAX 4096

/*
 * What a device does. Every member may be NULL. No op may block; none may free its instance or its
 * device. The order for one instance: attach, then any number of (check_features, start,
 * process..., stop), then detach.
 */
struct vri_device_ops {
	size_t size; /* sizeof(struct vri_device_ops) */

	/* A driver came: make what belongs to it (vri_instance_set_data()). A negative return
	 * refuses the link. */
	int (*attach)(struct vri_instance *inst);

	/* The driver is gone, no op follows. Chains still in flight in other places keep the memory
	 * alive only as long as somebody holds the instance: vri_instance_ref(). */
	void (*detach)(struct vri_instance *inst);

	/* May the driver work with the features that it acknowledged? A negative return refuses
	 * FEATURES_OK. Called only with subsets of the offer whose bits have what they need.
	 * virtio 1.4, 2.2.2 */
	int (*check_features)(struct vri_instance *inst, const struct vri_features *acked);

	/* DRIVER_OK: the queues that the driver set up are live. A negative return sets
	 * DEVICE_NEEDS_RESET. */
	int (*start)(struct vri_instance *inst);

	/* Reset, or the link ended: after it returns no queue of this instance may be touched, and
	 * chains that are in flight are forgotten (pushing them is harmless: -EINVAL or
	 * -ESHUTDOWN). */
	void (*stop)(struct vri_instance *inst);

	/* Has all ended that stop had to leave running, requests in the kernel that may still write
	 * into the driver's memory? A reset is over, and the status reads 0, only when it has;
	 * asked each time that the driver looks at the status. NULL: yes. virtio 1.4, 2.4.1
	 * When the link ends it is asked also after detach, at each event, until it says so: the
	 * instance is kept until then, and closing the listener waits for it, a second at most. */
	bool (*is_stopped)(struct vri_instance *inst);

	/* Serve a queue: pop what is there, push what is done. Called once when a queue becomes
	 * live, after each kick, and again as long as it returns 1 ("more to do, others first").
	 * When it returns 0 the library publishes, notifies, arms the queue and looks again, so an
	 * op need not. -EAGAIN: nothing can be taken before something comes free, and then the
	 * device calls vri_instance_schedule(). Any other negative return breaks the queue. Devices
	 * that serve queues from threads of their own leave it NULL; RING_RESET is then not offered. */
	int (*process)(struct vri_instance *inst, unsigned queue);

	/* The driver wrote @len bytes at @offset of the config space; the writable mask was applied
	 * and the new bytes are in place. A negative return undoes and refuses the write. */
	int (*config_written)(struct vri_instance *inst, uint32_t offset, uint32_t len);

	/* A descriptor of the device's own (completions of a disk, a socket, a timer) that the
	 * listener watches for the device, -1 for none; and what to do when it is readable. */
	int (*event_fd)(struct vri_device *dev);
	void (*event)(struct vri_device *dev);

	/* The last reference went: free the device's data. */
	void (*release)(struct vri_device *dev);

	/*
	 * SUSPEND, for devices that do more than answer what they are asked. The library gives
	 * the queues no turns, lets vri_devq_pop() return -EAGAIN, and waits until no chain is in
	 * flight; a device without these ops is suspended then, and need not know.
	 * suspend: begin nothing new; a negative return sets DEVICE_NEEDS_RESET. is_suspended: has
	 * all ended that could touch a queue? Asked each time that the driver looks at the status;
	 * NULL: yes. resume: go on, the queues are live, and buffers may be there; a negative return sets DEVICE_NEEDS_RESET.
	 * stop may come instead of resume. Config changes while it is suspended are kept for the
	 * driver until it is resumed. A device that serves its queues from threads of its own needs
	 * all three, or SUSPEND is not offered: is_suspended says yes when they are out of the
	 * queues. virtio 1.4, 3.4
	 */
	int (*suspend)(struct vri_instance *inst);
	bool (*is_suspended)(struct vri_instance *inst);
	int (*resume)(struct vri_instance *inst);

	/* VRI_CONFIG_MERGE: the driver wants @buf, @len bytes at @offset, where the device itself has
	 * changed something that the driver has not seen. Returns: 0, and the driver's bytes are
	 * taken; -EAGAIN, and it has to read again. @buf is borrowed. */
	int (*config_conflict)(struct vri_instance *inst, uint32_t offset, const void *buf,
			       uint32_t len);
};

/*
 * Makes a device. @ops must stay valid for the device's life; @data is vri_device_data().
 * Returns: 0; -EINVAL for an info that contradicts itself (a feature offered without what it needs,
 * a bit that no device may offer, a size beyond its limit); -ENOMEM; -EOPNOTSUPP for a shared memory
 * region that is not writable, before Linux 5.1. Ownership: returned;
 * vri_device_unref() when no listener needs it from you any more. Listeners keep their own.
 */
VRI_API int vri_device_new(const struct vri_device_info *info, const struct vri_device_ops *ops,
			   void *data, struct vri_device **ret_dev);
VRI_API struct vri_device *vri_device_ref(struct vri_device *dev);
VRI_API void vri_device_unref(struct vri_device *dev);
VRI_API void *vri_device_data(const struct vri_device *dev);

/* Names, ids, features on offer. Borrowed: for the life of the device. */
VRI_API const char *vri_device_type(const struct vri_device *dev);
VRI_API const char *vri_device_name(const struct vri_device *dev);
VRI_API uint32_t vri_device_device_id(const struct vri_device *dev);
VRI_API void vri_device_features(const struct vri_device *dev, struct vri_features *ret_offered);

/*
 * Changes the device's config space for all its instances and those to come: the generation counter
 * is odd while the bytes change, and running drivers get a config-change event. Returns: 0; -EINVAL
 * outside of the config space. virtio 1.4, 2.5.3
 */
VRI_API int vri_device_config_set(struct vri_device *dev, uint32_t offset, const void *buf,
				  uint32_t len);

/* Calls @fn for each instance. */
VRI_API void vri_device_each_instance(struct vri_device *dev,
				      void (*fn)(struct vri_instance *inst, void *data),
				      void *data);

/* ---- an instance ---- */

VRI_API struct vri_device *vri_instance_device(const struct vri_instance *inst);
VRI_API void vri_instance_set_data(struct vri_instance *inst, void *data);
VRI_API void *vri_instance_data(const struct vri_instance *inst);

/* The 32 hex digits of the link's id. Borrowed: for the life of the instance. */
VRI_API const char *vri_instance_link_id(const struct vri_instance *inst);

/* Keeps an instance, its memory and its queues in being beyond detach, for requests that other
 * threads or the kernel still hold. Threads: any. */
VRI_API struct vri_instance *vri_instance_ref(struct vri_instance *inst);
VRI_API void vri_instance_unref(struct vri_instance *inst);

/* The status byte, and the features that both sides agreed on (empty before FEATURES_OK). */
VRI_API uint8_t vri_instance_status(const struct vri_instance *inst);
VRI_API void vri_instance_features(const struct vri_instance *inst,
				   struct vri_features *ret_negotiated);

/* The device's side of a queue, or NULL when the driver did not set that one up or it is not live.
 * Borrowed: until the stop op returns, or the reset of that queue. */
VRI_API struct vri_devq *vri_instance_devq(struct vri_instance *inst, unsigned queue);
VRI_API unsigned vri_instance_n_queues(const struct vri_instance *inst);

/*
 * The device's mapping of the shared memory region @id, which begins as zeroes. A region that the
 * driver may write is like a buffer: read what matters once. A reset changes nothing of it; the device
 * type says whether its contents then mean anything. Borrowed: as long as the instance, in its ops
 * from attach on. Returns: NULL for a region that is not offered. Threads: any. virtio 1.4, 2.10
 */
VRI_API void *vri_instance_shared_memory(struct vri_instance *inst, uint8_t id, uint64_t *ret_size);

/* Calls the process op for @queue again soon, though nobody kicked: for when a resource came free.
 */
VRI_API void vri_instance_schedule(struct vri_instance *inst, unsigned queue);

/* The config space as this instance's driver sees it. vri_instance_config_set() works as
 * vri_device_config_set(). Returns, both: 0; -EINVAL beyond the end. */
VRI_API int vri_instance_config_get(const struct vri_instance *inst, uint32_t offset, void *ret_buf,
				    uint32_t len);
VRI_API int vri_instance_config_set(struct vri_instance *inst, uint32_t offset, const void *buf,
				    uint32_t len);

/*
 * Gives the instance up: sets DEVICE_NEEDS_RESET, stops its queues, tells the driver with a
 * config-change event.
 * @why is for the log, the driver and the inspector.
 * virtio 1.4, 2.1.2
 */
VRI_API void vri_instance_fail(struct vri_instance *inst, const char *why);

VRI_END_DECLS

#endif
