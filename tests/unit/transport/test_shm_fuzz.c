/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Valid conversations with random changes, against both ends: whatever comes, the listener lives,
 * the bystander's link goes on, and what the process holds is what it held.
 *
 * VRI_TEST_SEED repeats a run, VRI_TEST_SECONDS makes it longer.
 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"

#define PACKETS_MAX 24

struct recorded {
	uint8_t bytes[512];
	size_t len;
	int with; /* 0 nothing, 1 the region, 2 a notifier, 3 memory */
};

static unsigned seed;
static struct recorded script[PACKETS_MAX];
static unsigned n_recorded;

static unsigned draw(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static void choose_seed(void)
{
	const char *given = getenv("VRI_TEST_SEED");

	seed = given ? (unsigned)strtoul(given, NULL, 0) :
		       (unsigned)time(NULL) ^ (unsigned)getpid();
	printf("seed %u\n", seed);
}

static time_t end_of_run(void)
{
	const char *given = getenv("VRI_TEST_SECONDS");

	return time(NULL) + (given ? atoi(given) : 3);
}

static void record(const struct wire_msg *msg, int with)
{
	struct recorded *r = &script[n_recorded++];
	int len = wire_format(msg, r->bytes, sizeof(r->bytes));

	t_ok(len);
	r->len = (size_t)len;
	r->with = with;
}

/* What an honest driver says from the first word to a running queue, and some more. */
static void record_driver(const struct raw_driver *raw)
{
	static const uint8_t steps[] = { 0, 1, 3 };
	struct region_queue_areas areas;
	struct wire_msg msg = { .kind = WIRE_HELLO };

	n_recorded = 0;
	msg.hello.version_min = msg.hello.version_max = 1;
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_ATTACH };
	memcpy(msg.attach.link_id, raw->map.link_id, 16);
	msg.attach.region_size = raw->map.size;
	msg.attach.notifier = NOTIFIER_EVENTFD;
	record(&msg, 1);
	for (unsigned i = 0; i < 3; i++) {
		msg = (struct wire_msg){ .kind = WIRE_SET_STATUS, .token = 1 + i };
		msg.set_status.status = steps[i];
		record(&msg, 0);
	}
	msg = (struct wire_msg){ .kind = WIRE_SET_FEATURES, .token = 5 };
	vri_features_set(&msg.set_features.features.set, VRI_F_VERSION_1);
	vri_features_set(&msg.set_features.features.set, VRI_F_RING_RESET);
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_SET_STATUS, .token = 6 };
	msg.set_status.status = 11;
	record(&msg, 0);
	vri__region_queue_areas(&raw->map, &raw->plan, 0, &areas);
	msg = (struct wire_msg){ .kind = WIRE_SET_QUEUE, .token = 7 };
	msg.set_queue = (struct queue_params){ 0, raw->plan.queue_size, areas.desc, areas.driver,
					       areas.device };
	record(&msg, 2);
	msg = (struct wire_msg){ .kind = WIRE_SET_STATUS, .token = 8 };
	msg.set_status.status = 15;
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_ADD_MEMORY, .token = 9 };
	msg.add_memory.iova = 1ull << 50;
	msg.add_memory.size = 4096;
	msg.add_memory.access = 3;
	record(&msg, 3);
	msg = (struct wire_msg){ .kind = WIRE_GET_CONFIG, .token = 10 };
	msg.get_config.len = 8;
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_SET_CONFIG, .token = 11 };
	msg.set_config.data_len = 4;
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_RESET_QUEUE, .token = 12 };
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_REMOVE_MEMORY, .token = 13 };
	msg.remove_memory.iova = 1ull << 50;
	record(&msg, 0);
	msg = (struct wire_msg){ .kind = WIRE_SET_STATUS, .token = 14 };
	record(&msg, 0);
}

/* Changes bytes, cuts, repeats, leaves out, swaps; most of the time only one of them, so that many
 * conversations get far. */
static void mutate(struct recorded *p, size_t *len)
{
	switch (draw(4)) {
	case 0:
		p->bytes[draw((unsigned)*len)] = (uint8_t)draw(256);
		break;
	case 1:
		p->bytes[draw((unsigned)*len)] ^= (uint8_t)(1 << draw(8));
		break;
	case 2:
		*len = draw((unsigned)*len + 1);
		break;
	default:
		for (unsigned i = draw(8); i > 0 && *len < sizeof(p->bytes); i--)
			p->bytes[(*len)++] = (uint8_t)draw(256);
		break;
	}
}

static void send_one(int fd, const struct recorded *from, const int fds[4], bool changed)
{
	struct recorded p = *from;
	int list[3] = { fds[draw(4)], fds[draw(4)], fds[draw(4)] };
	unsigned n = p.with ? 1 : 0;

	if (p.with)
		list[0] = fds[p.with];
	if (changed) {
		if (draw(4) == 0)
			n = draw(4);
		if (draw(4) == 0)
			list[0] = fds[draw(4)];
		mutate(&p, &p.len);
	}
	raw_send_bytes(fd, p.bytes, p.len, list, n);
}

/* Reads whatever has come, and gives it back. */
static bool drain(int fd, int timeout_ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	struct wire_msg msg;
	int with;

	while (poll(&p, 1, timeout_ms) == 1) {
		if (raw_receive(fd, &msg, &with) == 0)
			return false;
		if (with >= 0)
			close(with);
		timeout_ms = 0;
	}
	return true;
}

static void talk(const char *path, const int fds[4])
{
	unsigned odd = draw(n_recorded), more = draw(4);
	int fd = raw_connect(path);

	for (unsigned i = 0; i < n_recorded; i++) {
		unsigned which = more == 0 && draw(3) == 0 ? draw(n_recorded) : i;

		if (more == 1 && i == odd)
			continue;
		send_one(fd, &script[which], fds, i == odd || (more == 2 && draw(4) == 0));
		if (draw(8) && !drain(fd, 1000))
			break;
	}
	close(fd);
}

Test(shm_fuzz, a_device_survives_random_drivers, .timeout = 600)
{
	struct raw_driver raw;
	struct vri_link *bystander;
	struct leaks leaks;
	struct tmpdir dir;
	struct serve serve;
	const char *address;
	unsigned talks = 0;
	char *before;
	time_t end;
	int fds[4];

	choose_seed();
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	serve_start(&serve, address, NULL);
	t_ok(vri_link_open(&bystander, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(bystander), NULL, NULL));
	raw_hello(&raw, address + strlen("unix:"));
	raw_make_region(&raw);
	record_driver(&raw);
	fds[0] = STDERR_FILENO;
	fds[1] = raw.region_fd;
	fds[2] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[3] = raw.region_fd;
	close(raw.fd);
	raw.fd = -1;
	serve_echo(bystander, 0, 64);
	before = leaks_describe(getpid());
	for (end = end_of_run(); time(NULL) < end; talks++) {
		vri__region_format(raw.base, &raw.map);
		talk(address + strlen("unix:"), fds);
		if (talks % 16 == 0)
			serve_echo(bystander, 0, 64);
	}
	t_gt(talks, 10);
	serve_echo(bystander, 0, 3000);
	serve_await_links(&serve, 1);
	serve_await_holding(before);
	printf("%u conversations\n", talks);
	close(fds[2]);
	raw_close(&raw);
	vri_link_close(bystander);
	serve_stop(&serve);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

/* ---- the driver's end ---- */

static int listener;
static _Atomic bool is_over;

/* Answers as an honest device would, but for one message that it changes. */
static void answer_one_driver(int fd)
{
	unsigned odd = draw(16), n = 0;
	uint8_t status = 0;
	struct wire_msg msg;
	int with;

	while (raw_receive(fd, &msg, &with) == 1) {
		struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg.token };
		struct recorded p;
		int fds[4] = { fd, fd, fd, -1 }, len;

		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_HELLO) {
			reply = (struct wire_msg){ .kind = WIRE_OFFER };
			reply.offer.version = 1;
			reply.offer.notifier = NOTIFIER_EVENTFD;
			strcpy(reply.offer.offer.type, "org.example.fuzz");
			reply.offer.offer.device_id = VRI_ID_LOCAL_FIRST + 1;
			reply.offer.offer.n_queues = 1;
			reply.offer.offer.queue_size_max = 16;
			vri_features_set(&reply.offer.offer.features, VRI_F_VERSION_1);
		} else if (msg.kind == WIRE_ATTACH) {
			reply = (struct wire_msg){ .kind = WIRE_ATTACHED };
		} else if (msg.kind == WIRE_SET_STATUS) {
			status = msg.set_status.status;
		} else if (msg.kind == WIRE_GET_FEATURES) {
			vri_features_set(&reply.reply.features.set, VRI_F_VERSION_1);
		}
		if (reply.kind == WIRE_REPLY)
			reply.reply.status = status;
		len = wire_format(&reply, p.bytes, sizeof(p.bytes));
		t_ok(len);
		p.len = (size_t)len;
		p.with = 0;
		if (msg.kind == WIRE_SET_QUEUE) {
			p.with = 3;
			fds[3] = eventfd(0, EFD_CLOEXEC);
		} else {
			fds[3] = fd;
		}
		send_one(fd, &p, fds, n++ == odd);
		if (fds[3] != fd)
			close(fds[3]);
	}
}

static void *be_devices(void *data)
{
	while (!atomic_load(&is_over)) {
		int fd = raw_accept(listener);

		answer_one_driver(fd);
		close(fd);
	}
	return NULL;
}

Test(shm_fuzz, a_driver_survives_random_devices, .timeout = 600)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 20, .queue_size = 16 };
	struct vri_link *link;
	struct leaks leaks;
	struct tmpdir dir;
	const char *address;
	pthread_t thread;
	unsigned opens = 0, good = 0;
	time_t end;

	choose_seed();
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	listener = raw_listen(address + strlen("unix:"));
	t_eq(pthread_create(&thread, NULL, be_devices, NULL), 0);
	for (end = end_of_run(); time(NULL) < end; opens++) {
		if (vri_link_open(&link, address, &opts) < 0)
			continue;
		if (vri_driver_start(vri_link_driver(link), NULL, NULL) == 0)
			good++;
		(void)vri_link_dispatch(link);
		(void)vri_driver_status(vri_link_driver(link));
		vri_link_close(link);
	}
	atomic_store(&is_over, true);
	(void)vri_link_open(&link, address,
			    &(struct vri_link_opts){ .size = sizeof(opts), .type = "none" });
	t_eq(pthread_join(thread, NULL), 0);
	printf("%u links, %u started\n", opens, good);
	t_gt(opens, 10);
	close(listener);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}
