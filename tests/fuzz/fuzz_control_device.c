/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The control channel of a device whose drivers say anything in any order, with any descriptors
 * beside it, and write to the region meanwhile.
 *
 * The input is a program: drivers come and go, go steps that are right, send messages of every kind
 * with fields of the input's, bytes that are no message, and descriptors that are not what they
 * should be. What the device answers has to be a message that may come then, with a token that was
 * sent; in the end no link, no descriptor and no mapping may be left.
 */
#include <vring-ipc/device.h>
#include <vring-ipc/link.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "core/region.h"
#include "descriptors.h"
#include "hostile.h"
#include "transport/shm/shm_sock.h"
#include "transport/shm/shm_table.h"
#include "transport/shm/shm_wire.h"

#define DRIVERS 3u
#define QUEUES 2u
#define QUEUE_SIZE 16u
#define CONFIG_BYTES 64u
#define OPS_MOST 256u
#define HELD_MOST 8u
#define TOKENS_MOST 256u

/* ---- the device: copies what is readable to what is writable ---- */

struct held {
	struct vri_instance *inst;
	unsigned queue;
	struct vri_chain chain;
	struct iovec iov[QUEUE_SIZE];
};

static struct {
	bool holds; /* keeps chains */
	bool refuses; /* drivers and what they write */
	struct held held[HELD_MOST];
} device;

static int device_attach(struct vri_instance *inst)
{
	return device.refuses ? -EPERM : 0;
}

static void device_stop(struct vri_instance *inst)
{
	for (unsigned i = 0; i < HELD_MOST; i++)
		if (device.held[i].inst == inst)
			device.held[i].inst = NULL;
}

static void serve(struct vri_devq *q, const struct vri_chain *chain)
{
	uint8_t bytes[512];
	size_t n = vri_chain_read(chain, 0, bytes, sizeof(bytes));

	n = vri_chain_write(chain, 0, bytes, n);
	MUST(vri_devq_push(q, chain, (uint32_t)n) != -EINVAL);
}

static struct held *free_held(void)
{
	for (unsigned i = 0; i < HELD_MOST; i++)
		if (!device.held[i].inst)
			return &device.held[i];
	return NULL;
}

static int device_process(struct vri_instance *inst, unsigned queue)
{
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct held *held = free_held();

	if (!held)
		return -EAGAIN;
	for (unsigned i = 0; i < QUEUE_SIZE; i++) {
		int r;

		held->chain = (struct vri_chain){ .iov = held->iov, .iov_max = QUEUE_SIZE };
		r = vri_devq_pop(q, &held->chain);
		if (r <= 0)
			return r;
		if (device.holds) {
			held->inst = inst;
			held->queue = queue;
			return 1;
		}
		serve(q, &held->chain);
	}
	return 1;
}

static void complete_held(void)
{
	for (unsigned i = 0; i < HELD_MOST; i++) {
		struct held *held = &device.held[i];
		struct vri_instance *inst = held->inst;
		struct vri_devq *q = inst ? vri_instance_devq(inst, held->queue) : NULL;

		held->inst = NULL;
		if (q)
			(void)vri_devq_push(q, &held->chain, 0);
		if (inst)
			vri_instance_schedule(inst, held->queue);
	}
}

static int device_written(struct vri_instance *inst, uint32_t offset, uint32_t len)
{
	MUST(offset <= CONFIG_BYTES && len <= CONFIG_BYTES - offset);
	return device.refuses ? -EPERM : 0;
}

static const struct vri_device_ops device_ops = {
	.size = sizeof(device_ops),
	.attach = device_attach,
	.stop = device_stop,
	.process = device_process,
	.config_written = device_written,
};

static struct vri_device *make_device(void)
{
	uint8_t config[CONFIG_BYTES], writable[CONFIG_BYTES] = { 0 };
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.fuzzed",
		.device_id = VRI_ID_LOCAL_FIRST,
		.n_queues = QUEUES,
		.queue_size_max = 64,
		.config = config,
		.config_size = CONFIG_BYTES,
		.config_writable = writable,
	};
	struct vri_device *dev;

	memset(config, 7, sizeof(config));
	memset(writable + 16, 1, 32);
	vri_features_default(&info.features);
	vri_features_set(&info.features, VRI_F_IN_ORDER);
	vri_features_set(&info.features, VRI_F_RING_PACKED);
	MUST(vri_device_new(&info, &device_ops, NULL, &dev) == 0);
	return dev;
}

/* ---- drivers ---- */

struct driver {
	int fd; /* -1: none */
	unsigned step; /* of those that are right */
	bool packed;
	enum shm_state state; /* as the device's messages say */
	enum notifier_kind notifier;
	uint32_t token; /* of the newest request; the older ones are 1 to it */
	bool any_token; /* something may have been sent with another one */
	uint8_t status;
	uint16_t avail_idx;
};

struct world {
	struct input in;
	struct vri_device *dev;
	struct vri_listener *listener;
	struct driver driver[DRIVERS];
};

/* An abstract name has no file to be left behind. */
static socklen_t own_address(struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1,
					    "vring-ipc-fuzz-%d", (int)getpid()));
}

static void come(struct driver *d)
{
	struct sockaddr_un address;
	socklen_t len = own_address(&address);

	*d = (struct driver){ .state = SHM_NEW };
	d->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	MUST(d->fd >= 0);
	if (connect(d->fd, (struct sockaddr *)&address, len) < 0) {
		close(d->fd);
		d->fd = -1;
	}
}

static void leave(struct driver *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* ---- what the device says ---- */

static void check_reply(struct driver *d, const struct wire_msg *msg)
{
	MUST(msg->token >= 1 && (msg->token <= d->token || d->any_token));
	MUST(msg->reply.error <= 0);
	MUST((msg->reply.error == 0) == (msg->reply.words[0] == 0));
}

/* Reads all that there is. */
static void listen_to_device(struct driver *d)
{
	static struct sock_packet packet;
	const char *why = NULL;
	struct wire_msg msg;

	while (d->fd >= 0) {
		int r = sock_recv(d->fd, &packet, &why);

		if (r == -EAGAIN)
			return;
		MUST(r != -EPROTO);
		if (r < 0) {
			leave(d);
			return;
		}
		MUST(wire_parse(packet.bytes, packet.len, &msg, &why) == 0);
		MUST(!shm_table_check(&msg, SHM_DEVICE, d->state, packet.n_fds));
		sock_drop_fds(&packet);
		if (msg.kind == WIRE_OFFER) {
			d->state = SHM_OFFERED;
			d->notifier = msg.offer.notifier;
		} else if (msg.kind == WIRE_ATTACHED) {
			d->state = SHM_ATTACHED;
		} else if (msg.kind == WIRE_REPLY) {
			check_reply(d, &msg);
		}
	}
}

static void dispatch(struct world *w)
{
	MUST(vri_listener_dispatch(w->listener) == 0);
	for (unsigned i = 0; i < DRIVERS; i++)
		listen_to_device(&w->driver[i]);
}

/* ---- what the drivers say ---- */

static void send_packet(struct driver *d, const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 4)];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (d->fd < 0)
		return;
	if (n > 0) {
		struct cmsghdr *header;

		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n);
	}
	(void)sendmsg(d->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends a message, of which @n_spoiled bytes are the input's. */
static void send_message(struct world *w, struct driver *d, const struct wire_msg *msg, int fd,
			 unsigned n_spoiled)
{
	uint8_t bytes[VRI_CONFIG_MAX + 512];
	int len = wire_format(msg, bytes, sizeof(bytes));

	MUST(len > 0);
	for (unsigned i = 0; i < n_spoiled; i++)
		bytes[take16(&w->in) % (unsigned)len] = take8(&w->in);
	d->any_token |= n_spoiled > 0;
	send_packet(d, bytes, (size_t)len, &fd, fd >= 0);
}

static void attach_message(struct driver *d, struct wire_msg *msg, int *ret_fd)
{
	const struct region *region = region_of(d->packed);

	memcpy(msg->attach.link_id, region->map.link_id, sizeof(msg->attach.link_id));
	msg->attach.region_size = region->map.size;
	msg->attach.notifier = d->notifier;
	*ret_fd = region->fd;
}

static void queue_message(struct driver *d, struct wire_msg *msg, unsigned queue, int *ret_fd)
{
	const struct region *region = region_of(d->packed);
	struct region_queue_areas areas;

	vri__region_queue_areas(&region->map, &region->plan, queue, &areas);
	msg->set_queue =
		(struct queue_params){ queue, QUEUE_SIZE, areas.desc, areas.driver, areas.device };
	*ret_fd = descriptor(d->notifier == NOTIFIER_PIPE ? FD_PIPE_READ : FD_EVENTFD);
}

static void features_message(struct world *w, struct driver *d, struct wire_msg *msg)
{
	static const unsigned bits[] = { VRI_F_EVENT_IDX, VRI_F_INDIRECT_DESC, VRI_F_IN_ORDER,
					 VRI_F_RING_RESET, VRI_F_SUSPEND };
	uint8_t wanted = take8(&w->in);

	vri_features_set(&msg->set_features.features.set, VRI_F_VERSION_1);
	for (unsigned i = 0; i < 5; i++)
		if (wanted >> i & 1)
			vri_features_set(&msg->set_features.features.set, bits[i]);
	if (d->packed)
		vri_features_set(&msg->set_features.features.set, VRI_F_RING_PACKED);
}

static void memory_message(struct world *w, struct wire_msg *msg, int *ret_fd)
{
	uint8_t which = take8(&w->in);

	msg->add_memory.iova = (1ull << 32) + (uint64_t)(which & 15) * EXTRA_BYTES;
	msg->add_memory.size = EXTRA_BYTES;
	msg->add_memory.access = 1 + which / 16 % 3;
	*ret_fd = descriptor(FD_EXTRA);
}

/* The steps of an honest driver; behind the last it begins with its requests again. */
static enum wire_kind kind_of_step(unsigned step)
{
	static const enum wire_kind kinds[] = {
		WIRE_HELLO,	   WIRE_ATTACH,	      WIRE_SET_STATUS,	WIRE_SET_STATUS,
		WIRE_GET_FEATURES, WIRE_SET_FEATURES, WIRE_SET_STATUS,	WIRE_SET_QUEUE,
		WIRE_SET_QUEUE,	   WIRE_SET_STATUS,   WIRE_GET_STATUS,	WIRE_GET_CONFIG,
		WIRE_SET_CONFIG,   WIRE_ADD_MEMORY,   WIRE_RESET_QUEUE, WIRE_REMOVE_MEMORY,
	};

	if (step >= 16 && step % 7 == 0)
		return WIRE_SET_STATUS;
	return kinds[step < 16 ? step : 10 + step % 6];
}

/* Fills in what an honest driver would say. */
static void honest_message(struct world *w, struct driver *d, struct wire_msg *msg, int *ret_fd)
{
	*ret_fd = -1;
	switch (msg->kind) {
	case WIRE_HELLO:
		msg->hello.version_min = msg->hello.version_max = WIRE_VERSION;
		msg->hello.notifier = d->packed ? NOTIFIER_PIPE : 0;
		return;
	case WIRE_ATTACH:
		attach_message(d, msg, ret_fd);
		return;
	case WIRE_SET_STATUS:
		d->status = (uint8_t)(d->status << 1 | 1);
		if (d->step >= 16)
			d->status = (uint8_t)((d->step / 7 & 1 ? VRI_STATUS_SUSPEND : 0) |
					      VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
					      VRI_STATUS_FEATURES_OK | VRI_STATUS_DRIVER_OK);
		else if (d->step > 6)
			d->status = VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				    VRI_STATUS_FEATURES_OK | VRI_STATUS_DRIVER_OK;
		else if (d->step == 6)
			d->status = VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				    VRI_STATUS_FEATURES_OK;
		msg->set_status.status = d->status;
		break;
	case WIRE_SET_FEATURES:
		features_message(w, d, msg);
		break;
	case WIRE_GET_CONFIG:
		msg->get_config.offset = take8(&w->in) % CONFIG_BYTES;
		msg->get_config.len = CONFIG_BYTES - msg->get_config.offset;
		break;
	case WIRE_SET_CONFIG:
		msg->set_config.offset = 16 + take8(&w->in) % 32;
		msg->set_config.data_len = 48 - msg->set_config.offset;
		break;
	case WIRE_SET_QUEUE:
		queue_message(d, msg, d->step & 1 ? 0 : 1, ret_fd);
		break;
	case WIRE_RESET_QUEUE:
		msg->reset_queue.index = take8(&w->in) % QUEUES;
		break;
	case WIRE_ADD_MEMORY:
		memory_message(w, msg, ret_fd);
		break;
	case WIRE_REMOVE_MEMORY:
		msg->remove_memory.iova = (1ull << 32) + (take8(&w->in) & 15) * EXTRA_BYTES;
		break;
	default:
		break;
	}
	msg->token = d->token < TOKENS_MOST ? ++d->token : d->token;
}

static void go_on(struct world *w, struct driver *d, unsigned steps)
{
	for (unsigned i = 0; i < steps && d->fd >= 0; i++) {
		struct wire_msg msg = { .kind = kind_of_step(d->step) };
		int fd;

		honest_message(w, d, &msg, &fd);
		send_message(w, d, &msg, fd, 0);
		d->step++;
		dispatch(w);
	}
}

/* The fields of an honest message, or those of the input. */
static void spoil_fields(struct world *w, struct wire_msg *msg)
{
	switch (msg->kind) {
	case WIRE_HELLO:
		msg->hello.version_min = take8(&w->in);
		msg->hello.version_max = take32(&w->in);
		msg->hello.flags = take64(&w->in);
		break;
	case WIRE_ATTACH:
		msg->attach.region_size += (uint64_t)(int64_t)(int8_t)take8(&w->in) * 4096;
		msg->attach.link_id[take8(&w->in) % 16] ^= take8(&w->in);
		break;
	case WIRE_SET_STATUS:
		msg->set_status.status = take8(&w->in);
		break;
	case WIRE_SET_FEATURES:
		msg->set_features.features.set.word[take8(&w->in) & 1] ^= take64(&w->in);
		break;
	case WIRE_GET_CONFIG:
		msg->get_config.offset = take32(&w->in);
		msg->get_config.len = take16(&w->in);
		break;
	case WIRE_SET_CONFIG:
		msg->set_config.generation = take8(&w->in);
		msg->set_config.offset = take16(&w->in);
		msg->set_config.data_len = take16(&w->in) % VRI_CONFIG_MAX;
		break;
	case WIRE_SET_QUEUE:
		msg->set_queue.index ^= take8(&w->in) % 8;
		msg->set_queue.size = take16(&w->in);
		msg->set_queue.desc += (uint64_t)(int64_t)(int32_t)take32(&w->in);
		msg->set_queue.driver ^= take16(&w->in);
		msg->set_queue.device ^= (uint64_t)take8(&w->in) << 8;
		break;
	case WIRE_RESET_QUEUE:
		msg->reset_queue.index = take32(&w->in);
		break;
	case WIRE_ADD_MEMORY:
		msg->add_memory.iova = take64(&w->in);
		msg->add_memory.size += (uint64_t)(int64_t)(int8_t)take8(&w->in) * 4096;
		msg->add_memory.fd_offset = (uint64_t)take8(&w->in) * 2048;
		break;
	case WIRE_REMOVE_MEMORY:
		msg->remove_memory.iova = take64(&w->in);
		break;
	case WIRE_GET_SHARED_MEMORY:
		msg->get_shared_memory.id = take8(&w->in);
		break;
	default:
		break;
	}
}

/* A message of any kind, at any time, with anything beside it. */
static void say_anything(struct world *w, struct driver *d)
{
	uint8_t how = take8(&w->in);
	struct wire_msg msg = { .kind = 1 + take8(&w->in) % (WIRE_KINDS - 1) };
	int fd;

	/* What only a device says has texts, and nothing more to it. */
	honest_message(w, d, &msg, &fd);
	if (how & 1)
		spoil_fields(w, &msg);
	if (how & 2)
		fd = descriptor((enum descriptor)(take8(&w->in) % FD_KINDS));
	if (how & 4)
		msg.token = take8(&w->in) % (d->token + 1);
	send_message(w, d, &msg, fd, how & 8 ? 1 + take8(&w->in) % 4 : 0);
}

/* Bytes, and up to four descriptors. */
static void say_bytes(struct world *w, struct driver *d)
{
	unsigned n = take8(&w->in) % 5;
	size_t len = take8(&w->in);
	int fds[4];

	for (unsigned i = 0; i < n; i++)
		fds[i] = descriptor((enum descriptor)(1 + take8(&w->in) % (FD_KINDS - 1)));
	if (len > w->in.left)
		len = w->in.left;
	d->any_token = true;
	send_packet(d, w->in.at, len, fds, n);
	w->in.at += len;
	w->in.left -= len;
}

/* ---- the region ---- */

/* Makes a buffer available as an honest driver of a split ring would, and kicks. */
static void offer_buffer(struct world *w, struct driver *d)
{
	const struct region *region = region_of(false);
	struct region_queue_areas areas;
	uint16_t head = take8(&w->in) % QUEUE_SIZE;
	uint8_t *desc;

	vri__region_queue_areas(&region->map, &region->plan, take8(&w->in) % QUEUES, &areas);
	desc = region->base + areas.desc + head * 16u;
	hostile_write(desc, 8, region->map.pool.offset + take8(&w->in));
	hostile_write(desc + 8, 8,
		      1u + take8(&w->in) + ((uint64_t)(take8(&w->in) & 7) << 32) +
			      ((uint64_t)(take8(&w->in) % QUEUE_SIZE) << 48));
	hostile_write(region->base + areas.driver + 4 + 2u * (d->avail_idx % QUEUE_SIZE), 2, head);
	hostile_write(region->base + areas.driver + 2, 2, ++d->avail_idx);
}

static void store(struct world *w, struct driver *d)
{
	const struct region *region = region_of(d->packed);
	uint8_t how = take8(&w->in);
	size_t at = (size_t)(how & 7) * 4096 + take16(&w->in) % 4096;
	uint64_t value = take64(&w->in);

	at = at % region->map.size & ~(size_t)7;
	if (how & 0x80)
		hostile_write_later(1 + (how >> 3 & 15), region->base + at, 8, value);
	else
		hostile_write(region->base + at, 8, value);
}

/* ---- what the device's own program does ---- */

static void fail_instance(struct vri_instance *inst, void *data)
{
	vri_instance_fail(inst, "no more");
}

static void device_acts(struct world *w)
{
	uint8_t how = take8(&w->in);
	uint64_t bytes = take64(&w->in);

	switch (how % 6) {
	case 0:
		device.holds = !device.holds;
		break;
	case 1:
		complete_held();
		break;
	case 2:
		device.refuses = !device.refuses;
		break;
	case 3:
		(void)vri_device_config_set(w->dev, how / 6, &bytes, sizeof(bytes));
		break;
	case 4:
		vri_device_each_instance(w->dev, fail_instance, NULL);
		break;
	default:
		hostile_time_passes((uint64_t)how << 26);
	}
}

/* ---- the program ---- */

static void step(struct world *w)
{
	uint8_t op = take8(&w->in);
	struct driver *d = &w->driver[op / 16 % DRIVERS];

	switch (op % 16) {
	case 0:
	case 1:
		if (d->fd < 0) {
			come(d);
			d->packed = op & 1;
		}
		go_on(w, d, take8(&w->in) % 16);
		break;
	case 2:
	case 3:
		go_on(w, d, 1 + (op & 1));
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		say_anything(w, d);
		break;
	case 8:
		say_bytes(w, d);
		break;
	case 9:
	case 10:
		dispatch(w);
		break;
	case 11:
		leave(d);
		break;
	case 12:
		offer_buffer(w, d);
		descriptor_notify();
		dispatch(w);
		break;
	case 13:
		store(w, d);
		break;
	case 14:
		descriptor_notify();
		break;
	default:
		device_acts(w);
	}
}

static void begin(struct world *w)
{
	struct vri_listener_opts opts = { .size = sizeof(opts), .max_links = DRIVERS + 1 };
	struct sockaddr_un address;
	char name[128];

	(void)own_address(&address);
	snprintf(name, sizeof(name), "unix:@%s", address.sun_path + 1);
	memset(&device, 0, sizeof(device));
	w->dev = make_device();
	MUST(vri_listener_open(&w->listener, name, w->dev, &opts) == 0);
	for (unsigned i = 0; i < DRIVERS; i++)
		w->driver[i].fd = -1;
}

static void end(struct world *w)
{
	device.holds = false;
	for (unsigned i = 0; i < DRIVERS; i++)
		leave(&w->driver[i]);
	for (unsigned i = 0; i < 64 && vri_listener_n_links(w->listener) > 0; i++)
		dispatch(w);
	MUST(vri_listener_n_links(w->listener) == 0);
	vri_listener_close(w->listener);
	vri_device_unref(w->dev);
	hostile_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct world w = { .in = { bytes, len } };

	descriptors_renew(QUEUES, QUEUE_SIZE, CONFIG_BYTES);
	begin(&w);
	for (unsigned i = 0; i < OPS_MOST && w.in.left > 0; i++)
		step(&w);
	end(&w);
	descriptors_check_leaks();
	return 0;
}
