/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The loopback transport: a whole link in one process. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vring-ipc/link.h>

#include "leaks.h"
#include "test.h"
#include "toy_device.h"
#include "util/memfd.h"

#define WATCHDOG_MS 20000

struct rig {
	struct toy toy;
	struct vri_device *dev;
	struct vri_link *link;
	struct vri_driver *drv;
	struct leaks leaks;
};

static void rig_open(struct rig *rig, const struct vri_device_info *info,
		     const struct vri_link_opts *given)
{
	struct vri_link_opts opts = { .size = sizeof(opts) };

	leaks_begin(&rig->leaks);
	if (given)
		opts = *given;
	rig->dev = toy_device_new(&rig->toy, info);
	opts.device = rig->dev;
	t_ok(vri_link_open(&rig->link, "loop:", &opts));
	rig->drv = vri_link_driver(rig->link);
}

static void rig_start(struct rig *rig, const struct vri_device_info *info,
		      const struct vri_link_opts *opts)
{
	rig_open(rig, info, opts);
	t_ok(vri_driver_start(rig->drv, NULL, NULL));
}

static void rig_close(struct rig *rig)
{
	vri_link_close(rig->link);
	vri_device_unref(rig->dev);
	t_eq(rig->toy.detached, rig->toy.attached);
	t_eq(rig->toy.released, 1);
	leaks_check(&rig->leaks);
}

/* One request of @len bytes, and its answer. */
struct request {
	uint8_t *out, *in;
	size_t len;
};

static void add(struct rig *rig, unsigned queue, struct request *request, size_t len)
{
	struct vri_pool *pool = vri_driver_pool(rig->drv);
	struct iovec out, in;

	request->out = vri_pool_alloc(pool, len);
	request->in = vri_pool_alloc(pool, len);
	request->len = len;
	t_not_null(request->out);
	t_not_null(request->in);
	for (size_t i = 0; i < len; i++)
		request->out[i] = (uint8_t)(i * 7 + queue);
	memset(request->in, 0xee, len);
	out = (struct iovec){ .iov_base = request->out, .iov_len = len };
	in = (struct iovec){ .iov_base = request->in, .iov_len = len };
	t_ok(vri_drvq_add(vri_driver_drvq(rig->drv, queue), &out, 1, &in, 1, request));
	t_ok(vri_drvq_kick(vri_driver_drvq(rig->drv, queue)));
}

static void check_and_free(struct rig *rig, struct request *request, uint32_t len)
{
	t_eq(len, request->len);
	t_mem_eq(request->in, request->out, request->len);
	vri_pool_free(vri_driver_pool(rig->drv), request->in);
	vri_pool_free(vri_driver_pool(rig->drv), request->out);
}

static void round_trip(struct rig *rig, unsigned queue)
{
	struct vri_drvq *q = vri_driver_drvq(rig->drv, queue);
	struct request request;
	uint32_t len;
	void *token;
	int r;

	add(rig, queue, &request, 100);
	while ((r = vri_drvq_get_used(q, &token, &len)) == 0)
		t_ok(vri_link_wait(rig->link, WATCHDOG_MS));
	t_eq(r, 1);
	t_ptr_eq(token, &request);
	check_and_free(rig, &request, len);
}

Test(loopback, a_request_comes_back)
{
	struct rig rig = { 0 };

	rig_start(&rig, NULL, NULL);
	for (int i = 0; i < 1000; i++)
		round_trip(&rig, 0);
	t_eq(rig.toy.copied, 1000);
	rig_close(&rig);
}

Test(loopback, a_queue_waits_by_itself)
{
	struct rig rig = { 0 };
	struct request request;
	uint32_t len;
	void *token;

	rig_start(&rig, NULL, NULL);
	for (int i = 0; i < 100; i++) {
		struct vri_drvq *q = vri_driver_drvq(rig.drv, 0);

		add(&rig, 0, &request, 64);
		t_eq(vri_drvq_wait(q, WATCHDOG_MS), 1);
		t_eq(vri_drvq_get_used(q, &token, &len), 1);
		check_and_free(&rig, &request, len);
	}
	rig_close(&rig);
}

Test(loopback, the_descriptor_tells_when_to_dispatch)
{
	struct rig rig = { 0 };
	struct request request;
	struct vri_drvq *q;
	uint32_t len;
	void *token;

	rig_start(&rig, NULL, NULL);
	q = vri_driver_drvq(rig.drv, 0);
	/* What the start left to do. */
	t_ok(vri_link_dispatch(rig.link));
	t_ok(vri_drvq_arm(q));
	add(&rig, 0, &request, 64);
	while (vri_drvq_get_used(q, &token, &len) == 0) {
		struct pollfd fd = { .fd = vri_link_fd(rig.link),
				     .events = vri_link_events(rig.link) };

		t_eq(poll(&fd, 1, WATCHDOG_MS), 1);
		t_ok(vri_link_dispatch(rig.link));
	}
	check_and_free(&rig, &request, len);
	rig_close(&rig);
}

Test(loopback, an_idle_link_is_not_readable)
{
	struct rig rig = { 0 };
	struct pollfd fd;

	rig_start(&rig, NULL, NULL);
	round_trip(&rig, 0);
	for (int i = 0; i < 4; i++)
		t_ok(vri_link_dispatch(rig.link));
	fd = (struct pollfd){ .fd = vri_link_fd(rig.link), .events = POLLIN };
	t_eq(poll(&fd, 1, 0), 0);
	rig_close(&rig);
}

static const unsigned queue_counts[] = { 1, 126, 127, 1024 };

TestEach(loopback, each_of_many_queues_works, queue_counts, unsigned)
{
	struct vri_device_info info = { .size = sizeof(info), .n_queues = *param };
	struct vri_link_opts opts = { .size = sizeof(opts), .queue_size = 8, .indirect_max = ~0u };
	struct rlimit limit;
	struct rig rig = { 0 };

	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_max < 2 * *param + 64)
		t_skip("RLIMIT_NOFILE is %llu", (unsigned long long)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
	rig_start(&rig, &info, &opts);
	t_eq(vri_driver_n_queues(rig.drv), *param);
	for (unsigned i = 0; i < *param; i++)
		round_trip(&rig, i);
	rig_close(&rig);
}

/* proves: drv:2.5/1 */
Test(loopback, a_config_change_reaches_the_driver)
{
	struct rig rig = { 0 };
	uint8_t byte = 77, seen[TOY_CONFIG_SIZE];

	rig_start(&rig, NULL, NULL);
	t_ok(vri_device_config_set(rig.dev, 5, &byte, 1));
	t_ok(vri_driver_config_read(rig.drv, 0, seen, sizeof(seen)));
	t_eq(seen[5], 77);
	t_eq(seen[6], 6);
	rig_close(&rig);
}

static void count_call(struct vri_driver *drv, void *data)
{
	unsigned *n = data;

	(*n)++;
}

Test(loopback, a_config_change_wakes_the_link)
{
	static const struct vri_driver_callbacks callbacks = {
		.size = sizeof(callbacks),
		.config_changed = count_call,
	};
	struct rig rig = { 0 };
	unsigned n = 0;
	uint8_t byte = 1;

	rig_start(&rig, NULL, NULL);
	vri_driver_set_callbacks(rig.drv, &callbacks, &n);
	t_eq(vri_link_wait(rig.link, 0), 0);
	t_ok(vri_device_config_set(rig.dev, 0, &byte, 1));
	t_eq(vri_link_wait(rig.link, WATCHDOG_MS), 0);
	t_eq(n, 1);
	rig_close(&rig);
}

/* proves: drv:4n/2 dev:4n/1 */
Test(loopback, one_wake_up_can_mean_a_config_change_and_a_used_buffer)
{
	static const struct vri_driver_callbacks callbacks = {
		.size = sizeof(callbacks),
		.config_changed = count_call,
	};
	struct pollfd fd = { .events = POLLIN };
	struct rig rig = { 0 };
	struct request request;
	unsigned n = 0;
	uint8_t byte = 1;
	uint32_t len;
	void *token;

	rig_start(&rig, NULL, NULL);
	vri_driver_set_callbacks(rig.drv, &callbacks, &n);
	t_ok(vri_link_dispatch(rig.link));
	t_ok(vri_drvq_arm(vri_driver_drvq(rig.drv, 0)));
	add(&rig, 0, &request, 64);
	t_ok(vri_device_config_set(rig.dev, 0, &byte, 1));
	/* It stays visible until it is dispatched, however often somebody looks. */
	fd.fd = vri_link_fd(rig.link);
	for (int i = 0; i < 3; i++)
		t_eq(poll(&fd, 1, WATCHDOG_MS), 1);
	t_ok(vri_link_dispatch(rig.link));
	t_eq(n, 1);
	t_eq(vri_drvq_get_used(vri_driver_drvq(rig.drv, 0), &token, &len), 1);
	check_and_free(&rig, &request, len);
	/* And once it was, it is over. */
	for (int i = 0; i < 3; i++)
		t_ok(vri_link_dispatch(rig.link));
	t_eq(poll(&fd, 1, 0), 0);
	t_eq(n, 1);
	rig_close(&rig);
}

/* proves: drv:2.4/1 dev:2.4/1 drv:3.3/2 */
Test(loopback, a_reset_waits_for_what_the_device_still_runs)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 20 };
	struct rig rig = { 0 };
	struct request request;
	void *token;

	rig_start(&rig, NULL, &opts);
	rig.toy.hold = true;
	add(&rig, 0, &request, 64);
	t_ok(vri_link_dispatch(rig.link));
	t_eq(rig.toy.n_held, 1);
	rig.toy.still_running = true;
	t_errno_eq(vri_driver_reset(rig.drv), -ETIMEDOUT);
	t_ne(vri_driver_status(rig.drv), 0);
	rig.toy.still_running = false;
	rig.toy.n_held = 0;
	t_ok(vri_driver_reset(rig.drv));
	t_eq(vri_driver_status(rig.drv), 0);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);
	t_ptr_eq(token, &request);
	t_eq(rig.toy.stopped, 1);
	rig_close(&rig);
}

/* proves: dev:2.2/4 drv:2.6r/2 */
Test(loopback, a_device_starts_again_on_the_same_region)
{
	struct rig rig = { 0 };

	rig_open(&rig, NULL, NULL);
	for (int i = 0; i < 20; i++) {
		t_ok(vri_driver_start(rig.drv, NULL, NULL));
		for (int k = 0; k < 300; k++)
			round_trip(&rig, 0);
		t_ok(vri_driver_reset(rig.drv));
	}
	t_eq(rig.toy.started, 20);
	t_eq(rig.toy.stopped, 20);
	rig_close(&rig);
}

/* proves: drv:2.6r/1 drv:2.6r/2 dev:2.6r/1 dev:2.6r/2 dev:2.6r/3 */
Test(loopback, one_queue_is_reset_and_set_up_with_another_size)
{
	struct vri_device_info info = { .size = sizeof(info), .n_queues = 2 };
	struct rig rig = { 0 };
	struct request request;
	void *token;

	rig_start(&rig, &info, NULL);
	round_trip(&rig, 0);
	round_trip(&rig, 1);
	add(&rig, 1, &request, 64); /* made available, and not looked at before the reset */
	t_ok(vri_driver_reset_queue(rig.drv, 1));
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 1), &token), 1);
	t_ptr_eq(token, &request);
	round_trip(&rig, 0);
	t_ok(vri_driver_set_queue(rig.drv, 1, 16));
	t_eq(vri_drvq_size(vri_driver_drvq(rig.drv, 1)), 16);
	for (int i = 0; i < 100; i++) {
		round_trip(&rig, 1);
		round_trip(&rig, 0);
	}
	t_eq(rig.toy.started, 1);
	rig_close(&rig);
}

/* proves: dev:2.6r/1 drv:2.6r/1 */
Test(loopback, a_queue_reset_waits_for_its_chains)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 20 };
	struct rig rig = { 0 };
	struct request request;

	rig_start(&rig, NULL, &opts);
	rig.toy.hold = true;
	add(&rig, 0, &request, 64);
	t_ok(vri_link_dispatch(rig.link));
	t_errno_eq(vri_driver_reset_queue(rig.drv, 0), -ETIMEDOUT);
	t_errno_eq(vri_driver_set_queue(rig.drv, 0, 0), -ESHUTDOWN);
	t_ok(vri_driver_reset(rig.drv));
	rig.toy.n_held = 0;
	rig.toy.hold = false;
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	round_trip(&rig, 0);
	rig_close(&rig);
}

/* faults: A33 */
Test(loopback, requests_in_flight_keep_the_memory_when_the_link_ends)
{
	struct vri_instance *inst;
	struct rig rig = { 0 };
	struct request request;

	rig_start(&rig, NULL, NULL);
	rig.toy.hold = true;
	add(&rig, 0, &request, 64);
	t_ok(vri_link_dispatch(rig.link));
	inst = vri_instance_ref(rig.toy.inst);
	vri_link_close(rig.link);
	/* The bytes are still there for whoever holds the instance. */
	memset(rig.toy.held[0].iov[rig.toy.held[0].n_readable].iov_base, 1, 64);
	t_null(vri_instance_devq(inst, 0));
	vri_instance_unref(inst);
	vri_device_unref(rig.dev);
	t_eq(rig.toy.released, 1);
	leaks_check(&rig.leaks);
}

Test(loopback, memory_of_the_application_travels_without_a_copy)
{
	struct rig rig = { 0 };
	struct vri_drvq *q;
	struct iovec out, in;
	uint8_t *memory;
	uint32_t len;
	void *base, *token;
	int fd;

	rig_start(&rig, NULL, NULL);
	q = vri_driver_drvq(rig.drv, 0);
	fd = memfd_make("test", 1 << 20);
	t_ok(fd);
	t_ok(vri_driver_add_memory(rig.drv, fd, 4096, 1 << 16, VRI_ACCESS_READ_WRITE, &base));
	close(fd);
	memory = base;
	memset(memory, 0x5a, 4096);
	out = (struct iovec){ .iov_base = memory, .iov_len = 4096 };
	in = (struct iovec){ .iov_base = memory + (1 << 16) - 4096, .iov_len = 4096 };
	t_ok(vri_drvq_add(q, &out, 1, &in, 1, &rig));
	t_ok(vri_drvq_kick(q));
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -EBUSY);
	t_eq(vri_link_wait(rig.link, WATCHDOG_MS), 1);
	t_eq(vri_drvq_get_used(q, &token, &len), 1);
	t_mem_eq(in.iov_base, out.iov_base, 4096);
	t_ok(vri_driver_remove_memory(rig.drv, base));
	t_errno_eq(vri_driver_remove_memory(rig.drv, base), -EINVAL);
	rig_close(&rig);
}

Test(loopback, a_device_can_refuse_a_link)
{
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct toy toy = { .attach_result = -EBUSY };
	struct vri_link *link = NULL;
	struct leaks leaks;

	leaks_begin(&leaks);
	opts.device = toy_device_new(&toy, NULL);
	t_errno_eq(vri_link_open(&link, "loop:", &opts), -ECONNREFUSED);
	t_null(link);
	t_eq(toy.detached, 0);
	vri_device_unref(opts.device);
	leaks_check(&leaks);
}

Test(loopback, links_of_one_device_know_nothing_of_each_other)
{
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct rig rig = { 0 };
	struct vri_link *other;

	rig_start(&rig, NULL, NULL);
	opts.device = rig.dev;
	t_ok(vri_link_open(&other, "loop:", &opts));
	t_ok(vri_driver_start(vri_link_driver(other), NULL, NULL));
	vri_instance_fail(rig.toy.inst, "the other one broke"); /* the newest: of other */
	round_trip(&rig, 0);
	t_true(vri_driver_status(vri_link_driver(other)) & VRI_STATUS_NEEDS_RESET);
	t_false(vri_driver_status(rig.drv) & VRI_STATUS_NEEDS_RESET);
	vri_link_close(other);
	round_trip(&rig, 0);
	rig_close(&rig);
}

static void count_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	unsigned *n = data;

	t_streq(why, "the disk is gone");
	(*n)++;
}

/* proves: dev:2.1/2 dev:2.1/3 */
/* faults: B18 */
Test(loopback, needs_reset_is_told_once_however_often_it_comes)
{
	static const struct vri_driver_callbacks callbacks = {
		.size = sizeof(callbacks),
		.needs_reset = count_needs_reset,
	};
	struct rig rig = { 0 };
	unsigned n = 0;

	rig_start(&rig, NULL, NULL);
	vri_driver_set_callbacks(rig.drv, &callbacks, &n);
	for (int i = 0; i < 100; i++) {
		vri_instance_fail(rig.toy.inst, "the disk is gone");
		t_ok(vri_link_dispatch(rig.link));
	}
	t_eq(n, 1);
	t_ok(vri_driver_reset(rig.drv));
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	round_trip(&rig, 0);
	vri_instance_fail(rig.toy.inst, "the disk is gone");
	t_ok(vri_link_dispatch(rig.link));
	t_eq(n, 2);
	rig_close(&rig);
}

/* faults: B12 B13 */
Test(loopback, a_request_that_is_never_answered_times_out)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .deadline_ms = 20 };
	struct rig rig = { 0 };
	struct request request;
	size_t free_before;
	void *token;
	int r;

	rig_start(&rig, NULL, &opts);
	rig.toy.hold = true;
	add(&rig, 0, &request, 64);
	while ((r = vri_link_wait(rig.link, WATCHDOG_MS)) == 0)
		;
	t_errno_eq(r, -ETIMEDOUT);
	t_eq(vri_drvq_broken(vri_driver_drvq(rig.drv, 0)), VRI_RULE_DEADLINE);
	t_eq(vri_drvq_take_back(vri_driver_drvq(rig.drv, 0), &token), 1);

	/* The device may still write there, so nobody else gets the buffers. */
	free_before = vri_pool_free_size(vri_driver_pool(rig.drv));
	vri_pool_free(vri_driver_pool(rig.drv), request.in);
	vri_pool_free(vri_driver_pool(rig.drv), request.out);
	t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), free_before);
	rig.toy.n_held = 0;
	rig.toy.hold = false;
	t_ok(vri_driver_reset(rig.drv));
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	round_trip(&rig, 0);
	t_eq(vri_pool_free_size(vri_driver_pool(rig.drv)), vri_pool_size(vri_driver_pool(rig.drv)));
	rig_close(&rig);
}

Test(loopback, a_child_of_fork_can_close_and_nothing_else)
{
	struct rig rig = { 0 };
	int status;
	pid_t pid;

	if (!test_wipes_on_fork())
		t_skip("MADV_WIPEONFORK does nothing here");
	rig_start(&rig, NULL, NULL);
	round_trip(&rig, 0);
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		t_errno_eq(vri_driver_status(rig.drv), -ESHUTDOWN);
		t_errno_eq(vri_driver_reset(rig.drv), -ESHUTDOWN);
		t_errno_eq(vri_link_dispatch(rig.link), -ESHUTDOWN);
		t_null(vri_driver_drvq(rig.drv, 0));
		vri_link_close(rig.link);
		_exit(0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
	round_trip(&rig, 0);
	rig_close(&rig);
}

/* ---- a device with a thread of its own ---- */

struct server {
	pthread_t thread;
	struct vri_instance *inst;
};

static void *serve(void *data)
{
	struct server *server = data;
	struct vri_devq *q = vri_instance_devq(server->inst, 0);
	struct iovec iov[16];
	int r;

	for (;;) {
		struct vri_chain chain = { .iov = iov, .iov_max = 16 };
		uint8_t buf[4096];
		size_t n;

		r = vri_devq_pop(q, &chain);
		if (r < 0)
			return NULL;
		if (r == 0) {
			vri_devq_wait(q, WATCHDOG_MS);
			continue;
		}
		n = vri_chain_read(&chain, 0, buf, sizeof(buf));
		vri_chain_write(&chain, 0, buf, n);
		vri_devq_push(q, &chain, (uint32_t)n);
		vri_devq_notify(q);
		if (n == 1) /* the sign to end */
			return NULL;
	}
}

static int threaded_start(struct vri_instance *inst)
{
	struct server *server = vri_device_data(vri_instance_device(inst));

	server->inst = inst;
	return pthread_create(&server->thread, NULL, serve, server) ? -EAGAIN : 0;
}

static void threaded_stop(struct vri_instance *inst)
{
	struct server *server = vri_device_data(vri_instance_device(inst));

	pthread_join(server->thread, NULL);
}

Test(loopback, a_device_serves_in_a_thread_of_its_own)
{
	static const struct vri_device_ops ops = {
		.size = sizeof(ops),
		.start = threaded_start,
		.stop = threaded_stop,
	};
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.threaded",
		.device_id = VRI_ID_LOCAL_FIRST + 9,
	};
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct server server;
	struct rig rig = { 0 };
	struct request request;
	uint32_t len;
	void *token;

	t_ok(vri_device_new(&info, &ops, &server, &rig.dev));
	opts.device = rig.dev;
	t_ok(vri_link_open(&rig.link, "loop:", &opts));
	rig.drv = vri_link_driver(rig.link);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	for (int i = 0; i < 500; i++)
		round_trip(&rig, 0);
	add(&rig, 0, &request, 1);
	t_eq(vri_drvq_wait(vri_driver_drvq(rig.drv, 0), WATCHDOG_MS), 1);
	t_eq(vri_drvq_get_used(vri_driver_drvq(rig.drv, 0), &token, &len), 1);
	vri_link_close(rig.link);
	vri_device_unref(rig.dev);
}

/* ---- a thread that can be told to pause ---- */

struct pausing {
	pthread_t thread;
	struct vri_instance *inst;
	_Atomic bool pause, ends; /* said by the instance's thread */
	_Atomic bool is_out; /* of the queue: by the server's */
};

static void serve_some(struct vri_devq *q)
{
	struct iovec iov[16];
	struct vri_chain chain = { .iov = iov, .iov_max = 16 };

	while (vri_devq_pop(q, &chain) == 1) {
		uint8_t buf[4096];
		size_t n = vri_chain_read(&chain, 0, buf, sizeof(buf));

		vri_chain_write(&chain, 0, buf, n);
		vri_devq_push(q, &chain, (uint32_t)n);
		vri_devq_notify(q);
	}
}

static void *serve_with_pauses(void *data)
{
	struct pausing *p = data;
	struct vri_devq *q = vri_instance_devq(p->inst, 0);

	while (!atomic_load(&p->ends)) {
		if (atomic_load(&p->pause)) {
			atomic_store(&p->is_out, true);
			sched_yield();
			continue;
		}
		atomic_store(&p->is_out, false);
		/* Looked at again: the queue may be touched only if nobody has read is_out as true. */
		if (atomic_load(&p->pause))
			continue;
		serve_some(q);
		vri_devq_wait(q, 1);
	}
	return NULL;
}

static struct pausing *pausing_of(struct vri_instance *inst)
{
	return vri_device_data(vri_instance_device(inst));
}

static int pausing_start(struct vri_instance *inst)
{
	struct pausing *p = pausing_of(inst);

	p->inst = inst;
	atomic_store(&p->ends, false);
	atomic_store(&p->pause, false);
	return pthread_create(&p->thread, NULL, serve_with_pauses, p) ? -EAGAIN : 0;
}

static void pausing_stop(struct vri_instance *inst)
{
	struct pausing *p = pausing_of(inst);

	atomic_store(&p->ends, true);
	pthread_join(p->thread, NULL);
}

static int pausing_suspend(struct vri_instance *inst)
{
	atomic_store(&pausing_of(inst)->is_out, false);
	atomic_store(&pausing_of(inst)->pause, true);
	return 0;
}

static bool pausing_is_suspended(struct vri_instance *inst)
{
	return atomic_load(&pausing_of(inst)->is_out);
}

static int pausing_resume(struct vri_instance *inst)
{
	atomic_store(&pausing_of(inst)->pause, false);
	return 0;
}

/* proves: dev:3.4/2 dev:3.4/7 */
Test(loopback, a_device_with_a_thread_of_its_own_is_suspended)
{
	static const struct vri_device_ops ops = {
		.size = sizeof(ops),
		.start = pausing_start,
		.stop = pausing_stop,
		.suspend = pausing_suspend,
		.is_suspended = pausing_is_suspended,
		.resume = pausing_resume,
	};
	struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.pausing",
		.device_id = VRI_ID_LOCAL_FIRST + 9,
	};
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct pausing server = { 0 };
	struct request request;
	struct rig rig = { 0 };
	struct vri_drvq *q;
	uint32_t len;
	void *token;

	t_ok(vri_device_new(&info, &ops, &server, &rig.dev));
	opts.device = rig.dev;
	t_ok(vri_link_open(&rig.link, "loop:", &opts));
	rig.drv = vri_link_driver(rig.link);
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	q = vri_driver_drvq(rig.drv, 0);
	for (int i = 0; i < 50; i++) {
		add(&rig, 0, &request, 64);
		t_ok(vri_driver_suspend(rig.drv));
		t_eq(vri_driver_status(rig.drv) & VRI_STATUS_DRIVER_OK, 0);
		t_errno_eq(vri_drvq_kick(q), -EAGAIN);
		t_ok(vri_driver_resume(rig.drv));
		t_eq(vri_drvq_wait(q, WATCHDOG_MS), 1);
		t_eq(vri_drvq_get_used(q, &token, &len), 1);
		vri_pool_free(vri_driver_pool(rig.drv), request.in);
		vri_pool_free(vri_driver_pool(rig.drv), request.out);
		round_trip(&rig, 0);
	}
	/* A reset, and the end of the link, find it suspended. */
	t_ok(vri_driver_suspend(rig.drv));
	t_ok(vri_driver_start(rig.drv, NULL, NULL));
	round_trip(&rig, 0);
	t_ok(vri_driver_suspend(rig.drv));
	vri_link_close(rig.link);
	vri_device_unref(rig.dev);
}
