/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* SUSPEND over a Unix socket with a peer that does wrong, or dies in the middle of it. */
#include "test.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_ring.h>

#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"
#include "util/memfd.h"

#define SUS VRI_STATUS_SUSPEND
#define CONFIGURED (VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK)
#define RUN (CONFIGURED | VRI_STATUS_DRIVER_OK)
#define SUSPENDED (CONFIGURED | SUS)

static struct tmpdir dir;
static struct leaks leaks;
static const char *address, *path;

static void set_up_folder(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	path = address + strlen("unix:");
}

static void tear_down_folder(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

/* ---- drivers ---- */

static struct serve serve;
static struct vri_link *bystander;
static struct raw_driver raw;
static struct queue_params params; /* of the raw driver's queue */

static void set_up(void)
{
	set_up_folder();
	serve_start(&serve, address, NULL);
	t_ok(vri_link_open(&bystander, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(bystander), NULL, NULL));
	raw.fd = raw.region_fd = raw.kick_fd = raw.call_fd = -1;
}

/* Whatever one driver does with SUSPEND is no other one's business. */
static void tear_down(void)
{
	raw_close(&raw);
	serve_echo(bystander, 0, 3000);
	t_ok(vri_driver_suspend(vri_link_driver(bystander)));
	t_ok(vri_driver_resume(vri_link_driver(bystander)));
	serve_echo(bystander, 0, 3000);
	vri_link_close(bystander);
	serve_stop(&serve);
	tear_down_folder();
}

#define DriverTest(name) Test(shm_suspend, name, .init = set_up, .fini = tear_down)

static struct vri_features features(void)
{
	struct vri_features set = { { 0 } };

	vri_features_set(&set, VRI_F_VERSION_1);
	vri_features_set(&set, VRI_F_SUSPEND);
	vri_features_set(&set, VRI_F_RING_RESET);
	return set;
}

static void raw_go(const struct vri_features *acked)
{
	struct region_queue_areas areas;

	raw_hello(&raw, path);
	raw_make_region(&raw);
	raw_attach(&raw);
	raw_negotiate_with(&raw, acked);
	raw_set_queue(&raw, 0);
	raw_run(&raw);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	params = (struct queue_params){ .desc = areas.desc,
					.driver = areas.driver,
					.device = areas.device };
}

/* Makes one buffer available, the @nth since the start, and kicks. */
static void make_available(uint16_t nth)
{
	struct vring_desc *desc = (void *)(raw.base + params.desc);
	uint16_t *avail = (void *)(raw.base + params.driver);
	uint64_t one = 1;

	desc[0] = (struct vring_desc){ .addr = htole64(raw.map.pool.offset),
				       .len = htole32(16),
				       .flags = htole16(VRING_DESC_F_WRITE) };
	avail[2 + (nth - 1) % raw.plan.queue_size] = 0;
	__atomic_store_n(&avail[1], htole16(nth), __ATOMIC_RELEASE);
	t_eq(write(raw.kick_fd, &one, sizeof(one)), sizeof(one));
}

static uint16_t used_idx(void)
{
	const uint16_t *used = (const void *)(raw.base + params.device);

	return le16toh(__atomic_load_n(&used[1], __ATOMIC_ACQUIRE));
}

static void await_used(uint16_t idx)
{
	struct pollfd p = { .fd = raw.call_fd, .events = POLLIN };

	while (used_idx() != idx) {
		uint64_t count;

		t_eq(poll(&p, 1, 20000), 1);
		t_eq(read(raw.call_fd, &count, sizeof(count)), sizeof(count));
	}
}

/* Each request is answered after all that came before: the device has seen the kick. */
static void expect_untouched(uint16_t idx)
{
	struct pollfd p = { .fd = raw.call_fd, .events = POLLIN };

	for (int i = 0; i < 50; i++) {
		struct wire_msg msg = { .kind = WIRE_GET_STATUS };

		t_eq(raw_request(&raw, &msg, NULL, 0, NULL), 0);
		t_eq(msg.reply.status, SUSPENDED);
	}
	t_eq(used_idx(), idx);
	t_eq(poll(&p, 1, 20), 0);
}

/* proves: dev:3.4/2 */
DriverTest(a_driver_that_kicks_all_the_same_waits_for_its_own_resume)
{
	struct vri_features set = features();

	raw_go(&set);
	make_available(1);
	await_used(1);
	for (uint16_t n = 2; n < 6; n++) {
		uint64_t count;

		t_eq(raw_set_status(&raw, RUN | SUS), SUSPENDED);
		(void)!read(raw.call_fd, &count, sizeof(count)); /* sent before it showed */
		make_available(n);
		expect_untouched(n - 1);
		t_eq(raw_set_status(&raw, RUN | SUS), RUN);
		await_used(n);
	}
}

/* proves: dev:3.4/1 */
DriverTest(the_bit_means_nothing_when_it_was_not_agreed_on)
{
	struct vri_features set = features();

	vri_features_clear(&set, VRI_F_SUSPEND);
	raw_go(&set);
	for (int i = 0; i < 3; i++)
		t_eq(raw_set_status(&raw, RUN | SUS), RUN);
	make_available(1);
	await_used(1);
}

DriverTest(twice_suspended_and_twice_resumed_is_once)
{
	struct vri_features set = features();

	raw_go(&set);
	t_eq(raw_set_status(&raw, RUN), RUN); /* nothing to resume */
	t_eq(raw_set_status(&raw, RUN | SUS), SUSPENDED);
	t_eq(raw_set_status(&raw, SUSPENDED), SUSPENDED);
	t_eq(raw_set_status(&raw, CONFIGURED), SUSPENDED); /* no way out but DRIVER_OK, or 0 */
	t_lt(raw_set_status(&raw, SUS), 0);
	t_eq(raw_set_status(&raw, RUN), RUN);
	t_eq(raw_set_status(&raw, RUN), RUN);
	make_available(1);
	await_used(1);
	t_eq(raw_set_status(&raw, RUN | SUS), SUSPENDED);
	t_eq(raw_set_status(&raw, 0), 0);
}

/* proves: dev:3.4/3 */
DriverTest(requests_that_may_not_come_now_are_refused_and_the_link_goes_on)
{
	struct wire_msg msg = { .kind = WIRE_RESET_QUEUE };
	struct vri_features set = features();
	int fd, with;

	raw_go(&set);
	t_eq(raw_set_status(&raw, RUN | SUS), SUSPENDED);
	t_errno_eq(raw_request(&raw, &msg, NULL, 0, NULL), -EPROTO);
	msg = (struct wire_msg){ .kind = WIRE_SET_FEATURES };
	msg.set_features.features.set = set;
	t_errno_eq(raw_request(&raw, &msg, NULL, 0, NULL), -EPROTO);
	msg = (struct wire_msg){ .kind = WIRE_SET_CONFIG };
	msg.set_config.generation = 2;
	msg.set_config.data_len = 4;
	t_errno_eq(raw_request(&raw, &msg, NULL, 0, NULL), -EPROTO);
	msg = (struct wire_msg){ .kind = WIRE_SET_QUEUE };
	msg.set_queue = params;
	msg.set_queue.size = raw.plan.queue_size;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t_errno_eq(raw_request(&raw, &msg, &fd, 1, &with), -EPROTO);
	t_eq(with, -1);
	close(fd);
	/* What touches neither queue nor config space may. */
	msg = (struct wire_msg){ .kind = WIRE_GET_CONFIG };
	msg.get_config.len = SERVE_CONFIG_SIZE;
	t_eq(raw_request(&raw, &msg, NULL, 0, NULL), 0);
	fd = memfd_make("more", 4096);
	t_ok(fd);
	msg = (struct wire_msg){ .kind = WIRE_ADD_MEMORY };
	msg.add_memory.iova = 1ull << 40;
	msg.add_memory.size = 4096;
	msg.add_memory.access = VRI_ACCESS_READ;
	t_eq(raw_request(&raw, &msg, &fd, 1, NULL), 0);
	close(fd);
	t_eq(raw_set_status(&raw, RUN | SUS), RUN);
	make_available(1);
	await_used(1);
}

/* Any byte as the status, at any time: the answer is a status that can be, or a refusal. */
DriverTest(a_storm_of_status_writes_breaks_nothing)
{
	struct vri_features set = features();
	unsigned seed = (unsigned)getpid();

	raw_go(&set);
	for (int i = 0; i < 2000; i++) {
		uint8_t written = (uint8_t)(rand_r(&seed) >> 8);
		int status;

		if (i & 1)
			written |= CONFIGURED;
		if (i % 16)
			written &= (uint8_t)~VRI_STATUS_FAILED;
		if (written == 0)
			continue;
		status = raw_set_status(&raw, written);
		if (status < 0) {
			t_errno_eq(status, -EPROTO);
			continue;
		}
		t_ne(status & (VRI_STATUS_DRIVER_OK | SUS), VRI_STATUS_DRIVER_OK | SUS);
		if (status & VRI_STATUS_FAILED) {
			raw_close(&raw);
			raw_go(&set);
		}
	}
}

DriverTest(a_driver_may_leave_while_its_device_is_suspended)
{
	struct vri_features set = features();

	for (unsigned i = 1; i <= 5; i++) {
		raw_go(&set);
		t_eq(raw_set_status(&raw, RUN | SUS), SUSPENDED);
		make_available(1);
		raw_close(&raw);
		serve_await(&serve.downs, i);
	}
	serve_await_links(&serve, 1);
}

/* ---- devices ---- */

/* Takes chains, and so never has none in flight. */
Test(shm_suspend, a_device_that_never_finishes_runs_into_the_time_limit, .init = set_up_folder,
     .fini = tear_down_folder)
{
	struct serve_opts opts = { .lets_nothing_out = true };
	struct vri_link_opts link_opts = { .size = sizeof(link_opts), .timeout_ms = 50 };
	struct vri_drvq *q;
	struct vri_link *link;
	struct vri_driver *drv;
	struct iovec in;
	void *token;

	serve_start(&serve, address, &opts);
	t_ok(vri_link_open(&link, address, &link_opts));
	drv = vri_link_driver(link);
	t_ok(vri_driver_start(drv, NULL, NULL));
	q = vri_driver_drvq(drv, 0);
	in = (struct iovec){ vri_pool_alloc(vri_driver_pool(drv), 64), 64 };
	t_ok(vri_drvq_add(q, NULL, 0, &in, 1, &in));
	t_ok(vri_drvq_kick(q));
	serve_await(&serve.taken, 1);
	for (int i = 0; i < 2; i++) {
		t_errno_eq(vri_driver_suspend(drv), -ETIMEDOUT);
		t_eq(vri_driver_status(drv), RUN);
		t_errno_eq(vri_drvq_kick(q), -EAGAIN);
	}
	t_errno_eq(vri_driver_resume(drv), -EINVAL);
	t_ok(vri_driver_reset(drv));
	t_eq(vri_drvq_take_back(q, &token), 1);
	vri_link_close(link);
	serve_stop(&serve);
}

/* proves: drv:2.1/4 */
Test(shm_suspend, a_device_that_is_killed_meanwhile_is_seen_to_be_gone, .init = set_up_folder,
     .fini = tear_down_folder)
{
	for (int suspended = 0; suspended < 2; suspended++) {
		struct vri_driver *drv;
		struct vri_link *link;
		struct serve child;
		struct iovec in;
		void *token;

		serve_fork(&child, address, NULL);
		t_ok(vri_link_open(&link, address, NULL));
		drv = vri_link_driver(link);
		t_ok(vri_driver_start(drv, NULL, NULL));
		in = (struct iovec){ vri_pool_alloc(vri_driver_pool(drv), 64), 64 };
		t_ok(vri_drvq_add(vri_driver_drvq(drv, 0), NULL, 0, &in, 1, &in));
		if (suspended)
			t_ok(vri_driver_suspend(drv));
		serve_kill(&child);
		if (suspended)
			t_errno_eq(vri_driver_resume(drv), -ECONNRESET);
		else
			t_errno_eq(vri_driver_suspend(drv), -ECONNRESET);
		t_errno_eq(vri_driver_reset(drv), -ECONNRESET);
		t_eq(vri_drvq_take_back(vri_driver_drvq(drv, 0), &token), 1);
		vri_link_close(link);
	}
}

/* A device by hand, which answers as a test says once SUSPEND is written. */
struct liar {
	pthread_t thread;
	int listener;
	enum {
		LIAR_HANGS_UP,
		LIAR_IS_SILENT,
		LIAR_SHOWS_BOTH,
		LIAR_SHOWS_NEITHER,
		LIAR_REFUSES
	} how;
};

static void answer_liar(int fd, struct liar *liar, const struct wire_msg *msg,
			struct wire_msg *reply)
{
	uint8_t status = RUN;

	(void)msg;
	switch (liar->how) {
	case LIAR_SHOWS_BOTH:
		status = RUN | SUS;
		break;
	case LIAR_SHOWS_NEITHER:
		status = CONFIGURED;
		break;
	case LIAR_REFUSES:
		reply->reply.error = -EPROTO;
		break;
	default:
		break;
	}
	reply->reply.status = status;
	raw_send(fd, reply, NULL, 0);
}

static void *lie(void *data)
{
	struct liar *liar = data;
	int fd = raw_accept(liar->listener);
	struct wire_msg msg;
	bool suspending = false;
	uint8_t status = 0;
	int with;

	raw_expect(fd, WIRE_HELLO, &msg);
	msg = (struct wire_msg){ .kind = WIRE_OFFER };
	msg.offer.version = WIRE_VERSION;
	msg.offer.notifier = NOTIFIER_EVENTFD;
	strcpy(msg.offer.offer.type, "org.example.liar");
	strcpy(msg.offer.offer.name, "liar");
	msg.offer.offer.device_id = VRI_ID_LOCAL_FIRST + 9;
	msg.offer.offer.n_queues = 1;
	msg.offer.offer.queue_size_max = 16;
	msg.offer.offer.features = features();
	raw_send(fd, &msg, NULL, 0);
	t_eq(raw_receive(fd, &msg, &with), 1);
	close(with);
	msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
	raw_send(fd, &msg, NULL, 0);
	while (raw_receive(fd, &msg, &with) == 1) {
		struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg.token };
		int call = -1;

		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_SET_STATUS) {
			status = msg.set_status.status;
			suspending = status & SUS;
		}
		if (suspending && liar->how == LIAR_HANGS_UP)
			break;
		if (suspending && liar->how == LIAR_IS_SILENT)
			continue;
		if (suspending) {
			answer_liar(fd, liar, &msg, &reply);
			continue;
		}
		reply.reply.status = status;
		if (msg.kind == WIRE_GET_FEATURES)
			reply.reply.features.set = features();
		if (msg.kind == WIRE_SET_QUEUE)
			call = eventfd(0, EFD_CLOEXEC);
		raw_send(fd, &reply, &call, call >= 0);
		if (call >= 0)
			close(call);
	}
	close(fd);
	return NULL;
}

struct liar_case {
	int how;
	int result;
};

static const struct liar_case liars[] = {
	{ LIAR_HANGS_UP, -ECONNRESET },	 { LIAR_IS_SILENT, -ETIMEDOUT },
	{ LIAR_SHOWS_BOTH, -ETIMEDOUT }, { LIAR_SHOWS_NEITHER, -ETIMEDOUT },
	{ LIAR_REFUSES, -EPROTO },
};

/* proves: drv:3.4/2 */
TestEach(shm_suspend, a_device_that_lies_is_not_taken_for_suspended, liars, struct liar_case,
	 .init = set_up_folder, .fini = tear_down_folder)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 100 };
	struct liar liar = { .how = param->how };
	struct vri_link *link;
	struct vri_driver *drv;

	liar.listener = raw_listen(path);
	t_eq(pthread_create(&liar.thread, NULL, lie, &liar), 0);
	t_ok(vri_link_open(&link, address, &opts));
	drv = vri_link_driver(link);
	t_ok(vri_driver_start(drv, NULL, NULL));
	t_errno_eq(vri_driver_suspend(drv), param->result);
	t_errno_eq(vri_driver_resume(drv), -EINVAL);
	t_errno_eq(vri_drvq_kick(vri_driver_drvq(drv, 0)), -EAGAIN);
	/* A reset is the way out of all of them that still answer. */
	if (param->how == LIAR_HANGS_UP)
		t_errno_eq(vri_driver_reset(drv), -ECONNRESET);
	else
		t_ok(vri_driver_start(drv, NULL, NULL));
	vri_link_close(link);
	t_eq(pthread_join(liar.thread, NULL), 0);
	close(liar.listener);
}
