/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Shared memory regions between processes that do not trust each other: a device whose regions are not
 * what it offered, a driver that asks for what it may not. The honest are the conformance suite's. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vring-ipc/link.h>

#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"
#include "util/memfd.h"

#define SIZE 65536u
#define OFFERED_ID 9

static struct tmpdir dir;
static struct leaks leaks;
static const char *address;

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
}

static void tear_down(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

#define SharedTest(name) Test(shm_shared_memory, name, .init = set_up, .fini = tear_down)
#define SharedTestEach(name, cases, type) \
	TestEach(shm_shared_memory, name, cases, type, .init = set_up, .fini = tear_down)

/* ---- bad devices ---- */

enum lie {
	NO_LIE,
	SMALLER, /* than said */
	LARGER, /* which is fine */
	NOT_SEALED,
	NOT_SEALED_AGAINST_SHRINKING,
	NO_PAGES,
	NO_MEMFD,
	SEALED_AGAINST_WRITING, /* though it is offered as writable */
	OTHER_ID,
	OTHER_SIZE,
	OTHER_WRITABLE,
	NOTHING_SAID,
	NO_DESCRIPTOR,
	REFUSED,
	REFUSED_WITH_DESCRIPTOR,
};

struct lie_case {
	enum lie lie;
	int error; /* of the map call */
	bool ends_link;
};

static const struct lie_case lies[] = {
	{ NO_LIE, 0, false },
	{ SMALLER, -EPROTO, false },
	{ LARGER, 0, false },
	{ NOT_SEALED, -EPROTO, false },
	{ NOT_SEALED_AGAINST_SHRINKING, -EPROTO, false },
	{ NO_PAGES, -EPROTO, false },
	{ NO_MEMFD, -EPROTO, false },
	{ SEALED_AGAINST_WRITING, -EPROTO, false },
	{ OTHER_ID, -EPROTO, false },
	{ OTHER_SIZE, -EPROTO, false },
	{ OTHER_WRITABLE, -EPROTO, false },
	{ NOTHING_SAID, -EPROTO, false },
	{ NO_DESCRIPTOR, -EPROTO, true },
	{ REFUSED, -EINVAL, false },
	{ REFUSED_WITH_DESCRIPTOR, -EPROTO, true },
};

static int unsealed(off_t size, bool with_pages, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	t_sys(fd);
	t_sys(ftruncate(fd, size));
	if (with_pages)
		t_sys(fallocate(fd, 0, 0, size));
	t_sys(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int make_memory(enum lie lie)
{
	switch (lie) {
	case SMALLER:
		return memfd_make("test", SIZE - 4096);
	case LARGER:
		return memfd_make("test", SIZE + 4096);
	case NOT_SEALED:
		return unsealed(SIZE, true, 0);
	case NOT_SEALED_AGAINST_SHRINKING:
		return unsealed(SIZE, true, F_SEAL_GROW);
	case NO_PAGES:
		return unsealed(SIZE, false, F_SEAL_GROW | F_SEAL_SHRINK);
	case NO_MEMFD:
		return eventfd(0, EFD_CLOEXEC);
	case SEALED_AGAINST_WRITING:
		return unsealed(SIZE, true, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE);
	case NO_DESCRIPTOR:
	case REFUSED:
		return -1;
	default:
		return memfd_make("test", SIZE);
	}
}

static void put_offer(struct wire_msg *msg)
{
	struct offer *offer = &msg->offer.offer;

	*msg = (struct wire_msg){ .kind = WIRE_OFFER };
	msg->offer.version = WIRE_VERSION;
	msg->offer.notifier = NOTIFIER_EVENTFD;
	strcpy(offer->type, "org.example.liar");
	strcpy(offer->name, "org.example.liar");
	offer->device_id = VRI_ID_LOCAL_FIRST + 9;
	offer->n_queues = 1;
	offer->queue_size_max = 64;
	vri_features_set(&offer->features, VRI_F_VERSION_1);
	offer->shared[0].id = OFFERED_ID;
	offer->shared[0].size = SIZE;
	offer->shared[0].writable = true;
	offer->n_shared = 1;
}

struct liar {
	int listener;
	enum lie lie;
	struct wire_msg offer;
	pthread_t thread;
};

static void answer(int fd, const struct liar *liar, const struct wire_msg *msg)
{
	struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg->token };
	int memory = make_memory(liar->lie);

	t_eq(msg->kind, WIRE_GET_SHARED_MEMORY);
	t_eq(msg->get_shared_memory.id, OFFERED_ID);
	if (liar->lie != NOTHING_SAID) {
		reply.reply.shared.id = OFFERED_ID + (liar->lie == OTHER_ID);
		reply.reply.shared.size = SIZE + (liar->lie == OTHER_SIZE ? 4096 : 0);
		reply.reply.shared.writable = liar->lie != OTHER_WRITABLE;
	}
	if (liar->lie == REFUSED || liar->lie == REFUSED_WITH_DESCRIPTOR)
		reply.reply.error = -EINVAL;
	raw_send(fd, &reply, &memory, memory >= 0);
	if (memory >= 0)
		close(memory);
}

static void *be_liar(void *data)
{
	const struct liar *liar = data;
	int fd = raw_accept(liar->listener);
	struct wire_msg msg;
	int with;

	raw_expect(fd, WIRE_HELLO, &msg);
	raw_send(fd, &liar->offer, NULL, 0);
	while (raw_receive(fd, &msg, &with) == 1) {
		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_ATTACH) {
			msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
			raw_send(fd, &msg, NULL, 0);
		} else {
			answer(fd, liar, &msg);
		}
	}
	close(fd);
	return NULL;
}

static void liar_begin(struct liar *liar, enum lie lie)
{
	*liar = (struct liar){ .lie = lie };
	liar->listener = raw_listen(address + strlen("unix:"));
	put_offer(&liar->offer);
}

static int liar_open(struct liar *liar, struct vri_link **ret_link)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 20000 };

	t_eq(pthread_create(&liar->thread, NULL, be_liar, liar), 0);
	return vri_link_open(ret_link, address, &opts);
}

static void liar_end(struct liar *liar, struct vri_link *link)
{
	vri_link_close(link);
	t_eq(pthread_join(liar->thread, NULL), 0);
	close(liar->listener);
}

SharedTestEach(what_is_not_as_offered_is_not_mapped, lies, struct lie_case)
{
	struct vri_link *link = NULL;
	struct liar liar;
	uint64_t size;
	void *base;

	liar_begin(&liar, param->lie);
	t_ok(liar_open(&liar, &link));
	t_errno_eq(vri_driver_map_shared_memory(vri_link_driver(link), OFFERED_ID, &base, &size),
		   param->error);
	if (param->error == 0) {
		t_eq(size, SIZE);
		((uint8_t *)base)[SIZE - 1] = 1;
	}
	/* The next one is asked for, or the link has ended. */
	liar.lie = NO_LIE;
	t_errno_eq(vri_driver_map_shared_memory(vri_link_driver(link), OFFERED_ID, &base, &size),
		   param->ends_link ? -ECONNRESET : 0);
	liar_end(&liar, link);
}

struct offer_case {
	unsigned n;
	uint8_t id[2];
	uint64_t size[2];
};

static const struct offer_case bad_offers[] = {
	{ 2, { 5, 5 }, { 4096, 4096 } },
	{ 2, { 5, 5 }, { 4096, 8192 } },
	{ 1, { 5 }, { 0 } },
	{ 1, { 5 }, { 4095 } },
	{ 1, { 5 }, { ~0ull } },
	{ 2, { 5, 6 }, { 4096, (1ull << 40) + 4096 } },
};

SharedTestEach(an_offer_that_makes_no_sense_opens_no_link, bad_offers, struct offer_case)
{
	struct vri_link *link = NULL;
	struct liar liar;

	liar_begin(&liar, NO_LIE);
	liar.offer.offer.offer.n_shared = param->n;
	for (unsigned i = 0; i < param->n; i++) {
		liar.offer.offer.offer.shared[i].id = param->id[i];
		liar.offer.offer.offer.shared[i].size = param->size[i];
	}
	t_errno_eq(liar_open(&liar, &link), -EPROTO);
	liar_end(&liar, link);
}

/* ---- bad drivers ---- */

static const struct vri_shared_memory offered[] = {
	{ .id = 1, .size = 4096 },
	{ .id = 250, .size = 8192, .writable = true },
};

static struct serve serve;
static struct raw_driver raw;

static void serve_shared(void)
{
	struct serve_opts opts = { .shared = offered, .n_shared = 2 };

	serve_start(&serve, address, &opts);
}

static void end(void)
{
	raw_close(&raw);
	serve_stop(&serve);
}

static int ask(uint8_t id, struct wire_msg *msg, int *ret_fd)
{
	*msg = (struct wire_msg){ .kind = WIRE_GET_SHARED_MEMORY };
	msg->get_shared_memory.id = id;
	return raw_request(&raw, msg, NULL, 0, ret_fd);
}

SharedTest(a_region_that_is_not_offered_is_refused_in_words)
{
	struct wire_msg msg;
	int fd = -1;

	serve_shared();
	raw_hello(&raw, address + strlen("unix:"));
	t_eq(raw.offer.offer.offer.n_shared, 2);
	raw_make_region(&raw);
	raw_attach(&raw);
	for (unsigned id = 0; id < 256; id++) {
		if (id == 1 || id == 250)
			continue;
		t_errno_eq(ask((uint8_t)id, &msg, &fd), -EINVAL);
		t_eq(fd, -1);
		t_strstr(msg.reply.words, "no such shared memory");
	}
	t_ok(ask(250, &msg, &fd));
	t_ok(fd);
	t_eq(msg.reply.shared.size, 8192);
	close(fd);
	end();
}

/* Each time a new descriptor of the same memory; the device keeps none of them. */
SharedTest(a_region_can_be_asked_for_for_ever)
{
	struct wire_msg msg;
	char *before;
	int fd;

	serve_shared();
	raw_hello(&raw, address + strlen("unix:"));
	raw_make_region(&raw);
	raw_attach(&raw);
	before = leaks_describe(getpid());
	for (unsigned i = 0; i < 500; i++) {
		t_ok(ask(1, &msg, &fd));
		t_ok(fd);
		close(fd);
	}
	serve_await_holding(before);
	end();
}

SharedTest(what_is_read_only_stays_so_in_a_drivers_hands)
{
	struct wire_msg msg;
	char path[64];
	int fd, again;

	serve_shared();
	raw_hello(&raw, address + strlen("unix:"));
	raw_make_region(&raw);
	raw_attach(&raw);
	t_ok(ask(1, &msg, &fd));
	t_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	t_eq(pwrite(fd, "x", 1, 0), -1);
	t_eq(ftruncate(fd, 0), -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		t_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) ==
		       MAP_FAILED);
		close(again);
	}
	close(fd);
	t_ok(ask(250, &msg, &fd));
	t_eq(ftruncate(fd, 0), -1);
	close(fd);
	end();
}

SharedTest(asking_before_the_link_is_attached_ends_it)
{
	struct wire_msg msg = { .kind = WIRE_GET_SHARED_MEMORY, .token = 1 };

	serve_shared();
	raw_hello(&raw, address + strlen("unix:"));
	msg.get_shared_memory.id = 1;
	raw_send(raw.fd, &msg, NULL, 0);
	raw_expect_hang_up(raw.fd);
	end();
}

/* Descriptors in a socket that nobody reads would count against the device. */
SharedTest(asking_without_reading_the_answers_ends_the_link)
{
	struct wire_msg msg = { .kind = WIRE_GET_SHARED_MEMORY };
	int with;

	serve_shared();
	raw_hello(&raw, address + strlen("unix:"));
	raw_make_region(&raw);
	raw_attach(&raw);
	msg.get_shared_memory.id = 1;
	for (msg.token = 1; msg.token <= 10; msg.token++)
		raw_send(raw.fd, &msg, NULL, 0);
	while (raw_receive(raw.fd, &msg, &with) == 1)
		if (with >= 0)
			close(with);
	end();
}
