/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The control channel of a driver whose device says anything at any time, with any descriptors beside
 * it, or nothing, and writes to the region meanwhile.
 *
 * The input is a program for both: which call the application makes next, and, whenever the driver
 * waits for the device, what that says. What the driver says has to be a message that may come then;
 * each call has to return, and in the end no descriptor and no mapping may be left.
 */
#include <vring-ipc/driver.h>
#include <vring-ipc/link.h>
#include <vring-ipc/memory.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "core/region.h"
#include "descriptors.h"
#include "driver_double.h"
#include "hostile.h"
#include "transport/shm/shm_table.h"
#include "transport/shm/shm_wire.h"
#include "transport/transport.h"

#define OPS_MOST 128u
#define WAITS_MOST 64u /* then the device hangs up */
#define QUEUE_SIZE 16u
#define TIMEOUT_MS 10u
#define CONFIG_BYTES 64u

static struct input in;

/* ---- the device ---- */

static struct {
	int fd; /* its end; -1: hung up */
	int driver_fd; /* the other, until the driver takes it; -1 */
	unsigned heard; /* messages of the driver's: HELLO, ATTACH, then requests */
	enum notifier_kind notifier;
	struct wire_msg asked; /* the newest that the driver said */
	bool is_asked; /* and was not answered */
	uint32_t token; /* the newest */
	uint8_t status;
	uint8_t *region; /* as the driver sent it; NULL */
	size_t region_bytes;
	unsigned waits;
	uint32_t n_queues, config_bytes;
} device;

static void hang_up(void)
{
	if (device.fd >= 0)
		close(device.fd);
	device.fd = -1;
}

static void forget_region(void)
{
	if (device.region)
		munmap(device.region, device.region_bytes);
	device.region = NULL;
}

static void take_region(int fd)
{
	struct stat st;

	forget_region();
	MUST(fstat(fd, &st) == 0);
	device.region_bytes = (size_t)st.st_size;
	device.region = mmap(NULL, device.region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(device.region != MAP_FAILED);
}

static enum shm_state state_after(unsigned heard)
{
	return heard == 0 ? SHM_NEW : heard == 1 ? SHM_OFFERED : SHM_ATTACHED;
}

/* Hears what the driver said, all of which has to be right. */
static void listen_to_driver(void)
{
	static struct sock_packet packet;
	const char *why = NULL;

	while (device.fd >= 0 && sock_recv(device.fd, &packet, &why) == 1) {
		MUST(wire_parse(packet.bytes, packet.len, &device.asked, &why) == 0);
		MUST(!shm_table_check(&device.asked, SHM_DRIVER, state_after(device.heard++),
				      packet.n_fds));
		device.is_asked = true;
		if (device.asked.token) {
			MUST(device.asked.token > device.token);
			device.token = device.asked.token;
		}
		if (device.asked.kind == WIRE_ATTACH)
			take_region(packet.fds[0]);
		sock_drop_fds(&packet);
	}
}

static void send_packet(const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 4)];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (device.fd < 0)
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
	(void)sendmsg(device.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_message(const struct wire_msg *msg, int fd, unsigned n_spoiled)
{
	static uint8_t bytes[WIRE_PACKET_MAX];
	int len = wire_format(msg, bytes, sizeof(bytes));

	MUST(len > 0);
	for (unsigned i = 0; i < n_spoiled; i++)
		bytes[take16(&in) % (unsigned)len] = take8(&in);
	send_packet(bytes, (size_t)len, &fd, fd >= 0);
}

static void make_offer(struct wire_msg *msg)
{
	struct offer *offer = &msg->offer.offer;

	msg->offer.version = WIRE_VERSION;
	msg->offer.notifier = device.notifier;
	strcpy(offer->type, "org.example.fuzzed");
	strcpy(offer->name, "fuzzed");
	offer->device_id = VRI_ID_LOCAL_FIRST;
	offer->n_queues = device.n_queues;
	offer->queue_size_max = 64;
	offer->config_size = device.config_bytes;
	vri_features_default(&offer->features);
	vri_features_set(&offer->features, VRI_F_IN_ORDER);
	vri_features_set(&offer->features, VRI_F_RING_PACKED);
}

/* What an honest device would answer. */
static void make_answer(struct wire_msg *msg, int *ret_fd)
{
	*ret_fd = -1;
	*msg = (struct wire_msg){ .kind = WIRE_REPLY, .token = device.asked.token };
	switch (device.asked.kind) {
	case WIRE_HELLO:
		*msg = (struct wire_msg){ .kind = WIRE_OFFER };
		make_offer(msg);
		break;
	case WIRE_ATTACH:
		*msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
		break;
	case WIRE_SET_STATUS:
		device.status = device.asked.set_status.status;
		msg->reply.status = device.status;
		break;
	case WIRE_GET_STATUS:
		msg->reply.status = device.status;
		break;
	case WIRE_GET_FEATURES: {
		struct wire_msg offer;

		make_offer(&offer);
		msg->reply.features.set = offer.offer.offer.features;
		break;
	}
	case WIRE_GET_CONFIG:
		msg->reply.data_len = device.asked.get_config.len % VRI_CONFIG_MAX;
		break;
	case WIRE_SET_QUEUE:
		*ret_fd = descriptor(device.notifier == NOTIFIER_PIPE ? FD_PIPE_READ : FD_EVENTFD);
		break;
	default:
		break;
	}
}

static void answer_honestly(void)
{
	struct wire_msg msg;
	int fd;

	if (!device.is_asked)
		return;
	make_answer(&msg, &fd);
	send_message(&msg, fd, 0);
	device.is_asked = false;
}

static void spoil_offer(struct wire_msg *msg)
{
	uint8_t how = take8(&in);

	msg->offer.offer.n_queues ^= how & 3;
	msg->offer.offer.queue_size_max ^= how & 0x44;
	msg->offer.offer.config_size += how & 8;
	msg->offer.offer.features.word[how >> 7] ^= take64(&in);
}

static void spoil_reply(struct wire_msg *msg)
{
	uint8_t how = take8(&in);

	msg->reply.error = how & 1 ? -(int)take8(&in) : 0;
	msg->reply.status ^= how & 2 ? take8(&in) : 0;
	msg->reply.generation = take8(&in);
	if (how & 4)
		msg->reply.features.set.word[0] ^= take64(&in);
	if (how & 8)
		msg->reply.data_len = take16(&in) % VRI_CONFIG_MAX;
	if (how & 16)
		msg->token ^= take8(&in) % 4;
}

/* An answer that is not quite one. */
static void answer_badly(void)
{
	uint8_t how = take8(&in);
	struct wire_msg msg;
	int fd;

	make_answer(&msg, &fd);
	if (msg.kind == WIRE_OFFER)
		spoil_offer(&msg);
	else if (msg.kind == WIRE_REPLY)
		spoil_reply(&msg);
	if (how & 1)
		fd = descriptor((enum descriptor)(take8(&in) % FD_KINDS));
	send_message(&msg, fd, how & 2 ? 1 + take8(&in) % 4 : 0);
	device.is_asked = false;
}

/* Something that nobody asked for. */
static void say_something(void)
{
	static const enum wire_kind kinds[] = { WIRE_CONFIG_CHANGED, WIRE_NEEDS_RESET, WIRE_REFUSED,
						WIRE_REPLY,	     WIRE_OFFER,       WIRE_HELLO };
	uint8_t how = take8(&in);
	struct wire_msg msg = { .kind = kinds[how % 6] };

	if (msg.kind == WIRE_CONFIG_CHANGED) {
		msg.config_changed.generation = take8(&in);
	} else if (msg.kind == WIRE_NEEDS_RESET) {
		wire_words(msg.needs_reset.words, "worn out");
		device.status |= VRI_STATUS_NEEDS_RESET;
	} else if (msg.kind == WIRE_REFUSED) {
		msg.refused.error = -EBUSY;
		wire_words(msg.refused.words, "enough");
	} else if (msg.kind == WIRE_REPLY) {
		msg.token = take8(&in);
	} else if (msg.kind == WIRE_OFFER) {
		make_offer(&msg);
	}
	send_message(&msg, how & 0x80 ? descriptor(FD_EVENTFD) : -1, 0);
}

static void say_bytes(void)
{
	unsigned n = take8(&in) % 4;
	size_t len = take8(&in);
	int fds[4];

	for (unsigned i = 0; i < n; i++)
		fds[i] = descriptor((enum descriptor)(1 + take8(&in) % (FD_KINDS - 1)));
	if (len > in.left)
		len = in.left;
	send_packet(in.at, len, fds, n);
	in.at += len;
	in.left -= len;
}

static void store(void)
{
	uint8_t how = take8(&in);
	size_t at = (size_t)(how & 15) * 4096 + take16(&in) % 4096;
	uint64_t value = how & 0x40 ? take8(&in) : take64(&in);
	unsigned later = take8(&in);

	if (!device.region)
		return;
	at = at % device.region_bytes & ~(size_t)7;
	if (how & 0x80)
		hostile_write_later(1 + later, device.region + at, 8, value);
	else
		hostile_write(device.region + at, 8, value);
}

/* One move of the device's. Returns: true when it let time pass instead. */
static bool device_moves(void)
{
	uint8_t how = take8(&in);

	listen_to_driver();
	switch (how % 16) {
	default:
		answer_honestly();
		break;
	case 8:
	case 9:
	case 10:
		answer_badly();
		break;
	case 11:
		say_something();
		break;
	case 12:
		say_bytes();
		break;
	case 13:
		store();
		break;
	case 14:
		hostile_time_passes((uint64_t)how << 18);
		return true;
	case 15:
		if (how & 0x40)
			hang_up();
		else
			descriptor_notify();
		break;
	}
	return false;
}

/* ---- what the driver calls ---- */

int double_connect(const char *path, unsigned timeout_ms)
{
	int fd = device.driver_fd;

	device.driver_fd = -1;
	return fd;
}

/* The driver waits for the device. */
int double_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct pollfd now[2] = { fds[0], fds[1] };

	MUST(n == 2);
	if (++device.waits > WAITS_MOST)
		hang_up();
	else if (device_moves())
		return 0;
	/* The process of the device is this one, and lives. */
	if (ppoll(now, 1, &(struct timespec){ 0 }, NULL) <= 0) {
		/* It said nothing: a little later, then. */
		hostile_time_passes(1000000);
		return 0;
	}
	fds[0].revents = now[0].revents;
	fds[1].revents = 0;
	return 1;
}

/* ---- the application ---- */

static struct {
	struct vri_link *link;
	struct vri_driver *drv;
	void *extra;
	unsigned token;
} app;

static bool is_known(int r)
{
	switch (r) {
	case -EINVAL:
	case -EPROTO:
	case -ENOSPC:
	case -EAGAIN:
	case -EOPNOTSUPP:
	case -ENOTCONN:
	case -ECONNRESET:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -ESHUTDOWN:
	case -ENOMEM:
	case -EPERM:
	case -EBUSY:
		return true;
	default:
		return r >= 0;
	}
}

static void check_known(int r)
{
	if (!is_known(r))
		fprintf(stderr, "returned %d (%s)\n", r, strerror(-r));
	MUST(is_known(r));
}

static void use_queue(unsigned queue)
{
	struct vri_drvq *q = vri_driver_drvq(app.drv, queue);
	struct vri_pool *pool = vri_driver_pool(app.drv);
	struct iovec iov[4];
	struct vri_used used[QUEUE_SIZE];
	uint8_t shape = take8(&in);
	void *buffer;
	int r;

	if (!q)
		return;
	buffer = vri_pool_alloc(pool, 1024);
	for (unsigned i = 0; buffer && i < 4; i++)
		iov[i] = (struct iovec){ (uint8_t *)buffer + 256 * i, 256 };
	if (buffer)
		(void)vri_drvq_add(q, iov, shape % 3, iov + 2, shape / 4 % 3, &app.token);
	if (shape & 0x20)
		(void)vri_drvq_kick(q);
	r = vri_drvq_get_used_batch(q, used, QUEUE_SIZE);
	MUST(r <= (int)QUEUE_SIZE && (r >= 0 || r == -EPROTO || r == -ESHUTDOWN));
	for (int i = 0; i < r; i++)
		MUST(used[i].token == &app.token && used[i].len <= 512);
	if (shape & 0x40)
		(void)vri_drvq_arm(q);
	/* Though the device may have it: what is in it is nobody's concern here. */
	vri_pool_free(pool, buffer);
}

static int call(uint8_t op)
{
	uint8_t bytes[CONFIG_BYTES] = { 0 };
	uint8_t offset = take8(&in) % (CONFIG_BYTES + 1);
	unsigned queue = op / 16 % 4;
	void *token;
	int r;

	switch (op % 16) {
	case 0:
	case 1:
		return vri_driver_start(app.drv, NULL, NULL);
	case 2:
		return vri_driver_negotiate(app.drv, NULL, NULL);
	case 3:
		return vri_driver_set_queue(app.drv, queue, QUEUE_SIZE / 2);
	case 4:
		return vri_driver_run(app.drv);
	case 5:
		return vri_driver_reset(app.drv);
	case 6:
		return vri_driver_reset_queue(app.drv, queue);
	case 7:
		return vri_driver_status(app.drv);
	case 8:
		return vri_driver_config_read(app.drv, offset, bytes, CONFIG_BYTES - offset);
	case 9:
		return vri_driver_config_write(app.drv, offset, bytes, CONFIG_BYTES - offset);
	case 10:
		if (app.extra)
			return 0;
		return vri_driver_add_memory(app.drv, descriptor(FD_EXTRA), 0, EXTRA_BYTES,
					     VRI_ACCESS_READ_WRITE, &app.extra);
	case 11:
		if (!app.extra)
			return 0;
		r = vri_driver_remove_memory(app.drv, app.extra);
		if (r == 0)
			app.extra = NULL;
		return r;
	case 12:
		(void)device_moves();
		return vri_link_dispatch(app.link);
	case 13:
		return vri_link_wait(app.link, 0);
	case 14:
		use_queue(queue);
		return 0;
	default:
		if (queue & 2)
			return queue & 1 ? vri_driver_resume(app.drv) : vri_driver_suspend(app.drv);
		for (unsigned i = 0; i < 4; i++)
			while (vri_driver_drvq(app.drv, i) &&
			       vri_drvq_take_back(vri_driver_drvq(app.drv, i), &token) == 1)
				MUST(token == &app.token);
		return 0;
	}
}

static void open_link(void)
{
	uint8_t how = take8(&in);
	struct vri_link_opts opts = {
		.size = sizeof(opts),
		.n_queues = 1 + how % 2,
		.queue_size = QUEUE_SIZE,
		.pool_size = 16384,
		.indirect_max = how & 4 ? 4 : ~0u,
		.notifier = how & 8 ? VRI_NOTIFIER_PIPE : VRI_NOTIFIER_AUTO,
		.timeout_ms = TIMEOUT_MS,
		.ring = how & 16 ? VRI_RING_PACKED : VRI_RING_SPLIT,
	};
	int ends[2], r;

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	memset(&device, 0, sizeof(device));
	device.fd = ends[0];
	device.driver_fd = ends[1];
	device.notifier = how & 8 ? NOTIFIER_PIPE : NOTIFIER_EVENTFD;
	device.n_queues = 1 + how / 32 % 4;
	device.config_bytes = CONFIG_BYTES;
	memset(&app, 0, sizeof(app));
	r = vri_link_open(&app.link, "unix:@nobody", &opts);
	check_known(r);
	if (r < 0)
		app.link = NULL;
	else
		app.drv = vri_link_driver(app.link);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	in = (struct input){ bytes, len };
	descriptors_renew(1, QUEUE_SIZE, CONFIG_BYTES);
	open_link();
	for (unsigned i = 0; i < OPS_MOST && in.left > 0 && app.link; i++) {
		device.waits = 0;
		check_known(call(take8(&in)));
	}
	vri_link_close(app.link);
	hang_up();
	if (device.driver_fd >= 0)
		close(device.driver_fd);
	forget_region();
	hostile_reset();
	descriptors_check_leaks();
	return 0;
}
