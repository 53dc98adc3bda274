/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * How links of a listener come and go: drivers that leave, stay away, come in numbers or die, and what a listener does
 * without memory or descriptors. The bystander's link, on the same listener, goes on.
 */
#include "listener_rig.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "transport/shm/shm_device.h"

#define HostileTest(name, ...) \
	Test(shm_listener, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

/* ---- leaving ---- */

/* faults: D8 */
HostileTest(a_driver_may_leave_at_each_step)
{
	for (int step = 0; step < STEPS; step++) {
		for (int how = 0; how < 3; how++) {
			unsigned downs = serve.downs;

			go(step);
			if (how == 1) /* a packet of 0 bytes */
				raw_send_bytes(raw.fd, "", 0, NULL, 0);
			else if (how == 2)
				t_sys(shutdown(raw.fd, SHUT_WR));
			if (how)
				raw_expect_hang_up(raw.fd);
			raw_close(&raw);
			if (step > 2) {
				serve_await(&serve.downs, downs + 1);
				t_streq(serve.last_why, "the driver closed the link");
			}
		}
	}
	serve_await_links(&serve, 1);
}

/* A reply is on its way, or waits, when the driver goes. */
HostileTest(a_driver_may_leave_without_reading)
{
	struct wire_msg msg = { .kind = WIRE_GET_CONFIG, .token = 1 };

	raw_start(&raw, path);
	msg.get_config.len = SERVE_CONFIG_SIZE;
	t_sys(fcntl(raw.fd, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 1000; i++) {
		uint8_t bytes[64];
		int len = wire_format(&msg, bytes, sizeof(bytes));

		if (send(raw.fd, bytes, (size_t)len, MSG_NOSIGNAL) < 0)
			break;
	}
	raw_close(&raw);
	serve_await_links(&serve, 1);
}

/* faults: C13 */
HostileTest(a_driver_that_never_reads_holds_up_only_itself)
{
	struct wire_msg msg = { .kind = WIRE_GET_CONFIG, .token = 1 };
	struct pollfd p;

	raw_start(&raw, path);
	msg.get_config.len = SERVE_CONFIG_SIZE;
	t_sys(fcntl(raw.fd, F_SETFL, O_NONBLOCK));
	p = (struct pollfd){ raw.fd, POLLOUT, 0 };
	/* Until neither end takes anything any more: requests are not read while a reply waits. */
	while (poll(&p, 1, 300) == 1) {
		uint8_t bytes[64];
		int len = wire_format(&msg, bytes, sizeof(bytes));

		if (send(raw.fd, bytes, (size_t)len, MSG_NOSIGNAL) < 0)
			t_eq(errno, EAGAIN);
	}
	serve_echo(bystander, 0, 100);
	/* It reads, and all of it goes on. */
	t_sys(fcntl(raw.fd, F_SETFL, 0));
	for (int i = 0; i < 100; i++)
		raw_expect(raw.fd, WIRE_REPLY, &msg);
}

/* Replies with descriptors that nobody receives would use up what the device's user may send. */
HostileTest(a_driver_that_leaves_descriptors_unread_is_dropped)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	struct region_queue_areas areas;
	int fd;

	go(4);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	msg.set_queue = (struct queue_params){ 0, raw.plan.queue_size, areas.desc, areas.driver,
					       areas.device };
	fd = eventfd(0, EFD_CLOEXEC);
	for (msg.token = 1; msg.token < 50; msg.token++)
		raw_send(raw.fd, &msg, &fd, 1);
	close(fd);
	raw_expect_hang_up(raw.fd);
	serve_await_links(&serve, 1);
	t_streq(serve.last_why, "a request before the last reply was read");
}

/* ---- not going on ---- */

static const struct serve_opts impatient = { .listener.timeout_ms = 1000 };

static void set_up_impatient(void)
{
	set_up_folder();
	begin(&impatient);
}

/* faults: C8 */
Test(shm_listener, a_driver_that_does_not_go_on_is_sent_away, .init = set_up_impatient,
     .fini = tear_down)
{
	struct raw_driver stuck[STEPS - 1];

	for (int step = 0; step < STEPS - 1; step++) {
		go(step);
		stuck[step] = raw;
		raw = (struct raw_driver){
			.fd = -1, .region_fd = -1, .kick_fd = -1, .call_fd = -1
		};
	}
	for (int step = 0; step < STEPS - 1; step++) {
		raw_expect_refused(stuck[step].fd, "too long");
		raw_close(&stuck[step]);
	}
	serve_await_links(&serve, 1);
}

Test(shm_listener, a_driver_that_runs_may_be_silent, .init = set_up_impatient, .fini = tear_down)
{
	struct pollfd p;

	raw_start(&raw, path);
	p = (struct pollfd){ raw.fd, POLLIN, 0 };
	t_eq(poll(&p, 1, 1200), 0);
	t_eq(raw_set_status(&raw, 0), 0);
	t_eq(poll(&p, 1, 1200), 0);
}

/* ---- many drivers ---- */

static const struct serve_opts for_three = { .listener.max_links = 3 };

static void set_up_three(void)
{
	set_up_folder();
	begin(&for_three);
}

Test(shm_listener, more_drivers_than_allowed_are_told_so, .init = set_up_three, .fini = tear_down)
{
	struct vri_link *links[2], *one_more;
	const char *address = tmpdir_unix(&dir, "s");

	for (int i = 0; i < 2; i++)
		t_ok(vri_link_open(&links[i], address, NULL));
	for (int i = 0; i < 5; i++)
		t_errno_eq(vri_link_open(&one_more, address, NULL), -ECONNREFUSED);
	vri_link_close(links[0]);
	serve_await_links(&serve, 2);
	t_ok(vri_link_open(&one_more, address, NULL));
	vri_link_close(one_more);
	vri_link_close(links[1]);
}

/* A driver that is killed in the middle of its work, while two others do theirs: what the process
 * holds is what it held before. */
HostileTest(a_killed_driver_takes_nothing_with_it, .timeout = 120)
{
	const char *address = tmpdir_unix(&dir, "s");
	unsigned seed = (unsigned)getpid();
	struct vri_link *second;
	char *before;

	printf("seed %u\n", seed);
	t_ok(vri_link_open(&second, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(second), NULL, NULL));
	before = leaks_describe(getpid());
	for (int round = 0; round < 20; round++) {
		unsigned downs = serve.downs, ups = serve.ups;
		pid_t child = fork();

		t_sys(child);
		if (child == 0) {
			struct vri_link *link;

			/* Its own copies of the parent's links are given back first. */
			vri_link_close(bystander);
			vri_link_close(second);
			t_ok(vri_link_open(&link, address, NULL));
			t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
			for (;;)
				serve_echo(link, 0, 500);
		}
		serve_await(&serve.ups, ups + 1);
		for (int i = rand_r(&seed) % 20; i >= 0; i--) {
			serve_echo(bystander, 0, 64);
			serve_echo(second, 0, 64);
		}
		t_sys(kill(child, SIGKILL));
		/* Seen before it is waited for: a zombie holds nothing. */
		serve_await(&serve.downs, downs + 1);
		t_eq(waitpid(child, NULL, 0), child);
	}
	serve_await_holding(before);
	vri_link_close(second);
}

/* The driver's process ends, but somebody else still holds its end of the socket.
 * faults: E14 */
HostileTest(a_dead_driver_is_seen_though_its_socket_lives)
{
	unsigned downs = serve.downs;
	int go_on[2], ready[2];
	pid_t child;
	char byte;

	t_sys(pipe2(go_on, O_CLOEXEC));
	t_sys(pipe2(ready, O_CLOEXEC));
	child = fork();
	t_sys(child);
	if (child == 0) {
		raw_start(&raw, path);
		if (fork() == 0) {
			close(go_on[1]);
			t_eq(write(ready[1], "r", 1), 1);
			(void)!read(go_on[0], &byte, 1); /* until the test is over */
			_exit(0);
		}
		pause();
	}
	close(go_on[0]);
	t_eq(read(ready[0], &byte, 1), 1);
	t_sys(kill(child, SIGKILL));
	serve_await(&serve.downs, downs + 1);
	t_strstr(serve.last_why, "process ended");
	t_eq(waitpid(child, NULL, 0), child);
	close(go_on[1]);
	close(ready[0]);
	close(ready[1]);
}

/* No descriptor is left: the drivers that are there go on, the process neither spins nor dies, and
 * takes drivers again when it can.
 * faults: C5 F9 */
Test(shm_listener, runs_out_of_descriptors_and_recovers, .init = set_up_folder, .timeout = 120)
{
	const char *address = tmpdir_unix(&dir, "s");
	int fds[600], n = 0, r;
	struct rlimit limit, low;
	struct vri_link *link;
	struct serve child;
	char proc[64];

	/* In a process of its own, whose limit is low. */
	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = 64;
	t_sys(setrlimit(RLIMIT_NOFILE, &low));
	serve_fork(&child, address, NULL);
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
	snprintf(proc, sizeof(proc), "/proc/%d/fd", child.child);

	t_ok(vri_link_open(&link, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	while (n < 100) {
		fds[n] = raw_connect(address + strlen("unix:"));
		n++;
		serve_echo(link, 0, 64);
	}
	serve_echo(link, 0, 64);
	while (n > 0)
		close(fds[--n]);
	/* Soon there is room again. */
	for (int i = 0; i < 200; i++) {
		struct vri_link *other;

		r = vri_link_open(&other, address, NULL);
		if (r == 0) {
			vri_link_close(other);
			break;
		}
		poll(NULL, 0, 10);
	}
	t_ok(r);
	serve_echo(link, 0, 64);
	vri_link_close(link);
	serve_kill(&child);
	tear_down_folder();
}

/* ---- no memory ---- */

/* Stand in for the calls of this name: no private mapping while told so, and no descriptor is closed twice, which may
 * be another one's by then. */
static _Atomic bool no_mappings;
static _Atomic unsigned bad_closes;

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (no_mappings && flags == (MAP_PRIVATE | MAP_ANONYMOUS)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

int close(int fd)
{
	int r = (int)syscall(SYS_close, fd);

	if (r < 0 && errno == EBADF)
		bad_closes++;
	return r;
}

/* faults: E18 */
HostileTest(a_queue_that_there_is_no_memory_for_is_given_back_once)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };
	struct region_queue_areas areas;
	int kick;

	go(3);
	t_eq(raw_set_status(&raw, 1), 1);
	t_eq(raw_set_status(&raw, 3), 3);
	vri_features_set(&msg.set_features.features.set, VRI_F_VERSION_1);
	vri_features_set(&msg.set_features.features.set, VRI_F_RING_RESET);
	t_eq(raw_request(&raw, &msg, NULL, 0, NULL), 0);
	t_eq(raw_set_status(&raw, 11), 11);
	raw_run(&raw);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	kick = eventfd(0, EFD_CLOEXEC);
	msg = (struct wire_msg){ .kind = WIRE_SET_QUEUE };
	msg.set_queue = (struct queue_params){ 0, raw.plan.queue_size, areas.desc, areas.driver,
					       areas.device };
	bad_closes = 0;
	no_mappings = true;
	t_errno_eq(raw_request(&raw, &msg, &kick, 1, NULL), -ENOMEM);
	no_mappings = false;
	t_eq(bad_closes, 0);
	close(kick);
	raw_set_queue(&raw, 0);
}

/* ---- the waker ---- */

/* A thread of the device's is interrupted inside of a wake-up, and the listener, awake for another reason, goes through
 * a whole dispatch meanwhile. */
Test(shm_listener, a_wake_up_that_is_cut_in_two_keeps_nobody_busy, .init = set_up_folder)
{
	static const uint64_t one = 1;
	const char *address = tmpdir_unix(&dir, "s");
	struct shm_waker *waker;
	struct pollfd p;

	path = address + strlen("unix:");
	serve_open(&serve, address, NULL);
	waker = ((struct shm_listener *)(void *)serve.listener)->waker;
	p = (struct pollfd){ vri_listener_fd(serve.listener), POLLIN, 0 };
	t_false(atomic_exchange(&waker->is_awake, true));
	raw.fd = raw_connect(path);
	t_ok(vri_listener_dispatch(serve.listener));
	t_eq(write(waker->fd, &one, sizeof(one)), sizeof(one));
	t_eq(poll(&p, 1, 0), 1);
	t_ok(vri_listener_dispatch(serve.listener));
	t_eq(poll(&p, 1, 0), 0);
	/* And the next one is not lost. */
	shm_waker_wake(waker);
	t_eq(poll(&p, 1, 0), 1);
	t_ok(vri_listener_dispatch(serve.listener));
	t_eq(poll(&p, 1, 0), 0);
	raw_close(&raw);
	serve_close(&serve);
	tear_down_folder();
}

/* ---- two ways of waiting ---- */

#define ECHOES 50

static _Atomic unsigned echoes_may;

static void *echo_in_two_parts(void *data)
{
	struct vri_link *link;

	t_ok(vri_link_open(&link, data, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	for (int i = 0; i < ECHOES; i++)
		serve_echo(link, 0, 64);
	serve_await(&echoes_may, 1);
	serve_echo(link, 0, 64);
	vri_link_close(link);
	return NULL;
}

/* A program may wait in the library at first, which looks without asking for notifications, and go on with a loop of
 * its own. */
Test(shm_listener, an_event_loop_may_follow_on_waiting, .init = set_up_folder)
{
	static const struct serve_opts restless = { .listener.spin = ~0u };
	const char *address = tmpdir_unix(&dir, "s");
	pthread_t thread;
	struct pollfd p;

	serve_open(&serve, address, &restless);
	echoes_may = 0;
	t_eq(pthread_create(&thread, NULL, echo_in_two_parts, (void *)(uintptr_t)address), 0);
	while (atomic_load(&serve.served) < ECHOES)
		t_ok(vri_listener_wait(serve.listener, 1000));
	p = (struct pollfd){ vri_listener_fd(serve.listener), POLLIN, 0 };
	for (int i = 0; i < 2 && poll(&p, 1, 100) == 1; i++)
		t_ok(vri_listener_dispatch(serve.listener));
	t_eq(poll(&p, 1, 0), 0);
	atomic_store(&echoes_may, 1);
	while (atomic_load(&serve.downs) < 1) {
		t_eq(poll(&p, 1, 10000), 1);
		t_ok(vri_listener_dispatch(serve.listener));
	}
	t_eq(pthread_join(thread, NULL), 0);
	serve_close(&serve);
	tear_down_folder();
}

/* ---- the end of the listener ---- */

HostileTest(the_end_of_a_listener_ends_its_links_in_words)
{
	const char *address = tmpdir_unix(&dir, "other");
	struct serve other;
	struct vri_link *link;
	struct stat st;
	int r;

	serve_start(&other, address, NULL);
	t_ok(vri_link_open(&link, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	raw_start(&raw, address + strlen("unix:"));
	serve_stop(&other);
	raw_expect_refused(raw.fd, "stopped listening");
	while ((r = vri_link_wait(link, 1000)) == 0)
		;
	t_errno_eq(r, -ECONNRESET);
	t_errno_eq(vri_driver_status(vri_link_driver(link)), -ECONNRESET);
	t_eq(stat(address + strlen("unix:"), &st), -1);
	vri_link_close(link);
}
