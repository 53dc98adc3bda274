/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links by name: a device registers, a driver asks for the name, the broker comes and goes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/devices/echo.h>
#include <vring-ipc/vring-ipc.h>

#include "broker_peer.h"
#include "program.h"
#include "test.h"
#include "tmpdir.h"

#define NAME "org.example.echo"

static struct tmpdir dir;
static struct broker broker;

static void init(void)
{
	tmpdir_open(&dir);
	broker_start(&broker, tmpdir_file(&dir, "vringd.sock"));
	setenv("VRINGD_SOCKET", broker.path, 1);
}

static void fini(void)
{
	if (broker.pid)
		broker_stop(&broker);
	tmpdir_close(&dir);
}

#define T(sentence) Test(named, sentence, .init = init, .fini = fini)

static void kill_broker(void)
{
	t_sys(kill(broker.pid, SIGKILL));
	broker_gone(&broker);
	broker.pid = 0;
}

static void drive(void)
{
	vring_ok("drive", "echo", NAME, "--count", "200");
}

/* Waits until the broker knows so many devices. */
static void await_devices(uint64_t n)
{
	int fd = peer_hello(&broker);

	while (peer_stat(fd, "devices") != n)
		;
	close(fd);
}

T(a_driver_finds_a_device_by_its_name)
{
	struct program server;

	server_start(&server, "echo", "--listen", NAME, NULL);
	drive();
	drive();
	server_stop(&server);
	await_devices(0);
}

T(without_a_device_or_a_broker_the_open_says_so)
{
	struct vri_link *link;

	t_errno_eq(vri_link_open(&link, NAME, NULL), -ENOENT);
	t_errno_eq(vri_link_open(&link, "noname", NULL), -EINVAL);
	t_errno_eq(vri_link_open(&link, "org..example", NULL), -EINVAL);
	kill_broker();
	t_errno_eq(vri_link_open(&link, NAME, NULL), -ECONNREFUSED);
	setenv("VRINGD_SOCKET", "/nowhere/at/all", 1);
	t_errno_eq(vri_link_open(&link, NAME, NULL), -ENOENT);
}

T(a_name_has_one_device)
{
	struct vri_listener *listener;
	struct vri_device *device;
	struct program server;

	server_start(&server, "echo", "--listen", NAME, NULL);
	t_ok(vri_echo_device_new(NULL, &device));
	t_errno_eq(vri_listener_open(&listener, NAME, device, NULL), -EADDRINUSE);
	server_stop(&server);
	await_devices(0);
	t_ok(vri_listener_open(&listener, NAME, device, NULL));
	vri_listener_close(listener);
	vri_device_unref(device);
}

T(a_link_is_the_brokers_to_show)
{
	struct broker_msg list = { .kind = BROKER_LIST_LINKS };
	int fd = peer_hello(&broker);
	struct program server;
	struct vri_link *link;
	struct parcel reply;

	server_start(&server, "echo", "--listen", NAME, NULL);
	t_ok(vri_link_open(&link, NAME, NULL));
	t_ok(peer_ask(fd, &list, &reply));
	t_eq(reply.msg.reply.n_links, 1);
	t_streq(reply.msg.reply.links[0].name, NAME);
	t_eq(reply.msg.reply.links[0].driver.pid, (uint32_t)getpid());
	t_eq(reply.msg.reply.links[0].device.pid, (uint32_t)server.pid);
	t_gt(reply.msg.reply.links[0].size, 0);
	parcel_drop(&reply);
	vri_link_close(link);
	while (peer_stat(fd, "links") != 0)
		;
	t_eq(peer_stat(fd, "user_region_bytes"), 0);
	close(fd);
	server_stop(&server);
}

T(links_outlive_the_broker_and_names_come_back_with_it)
{
	struct vri_echo *echo;
	struct program server;
	struct vri_link *link;
	char back[16];

	server_start(&server, "echo", "--listen", NAME, NULL);
	t_ok(vri_link_open(&link, NAME, NULL));
	t_ok(vri_echo_open(vri_link_driver(link), NULL, &echo));
	for (int i = 0; i < 5; i++) {
		t_eq(vri_echo_call(echo, "before", 6, back, 5000), 6);
		kill_broker();
		t_eq(vri_echo_call(echo, "while", 5, back, 5000), 5);
		broker_start(&broker, tmpdir_file(&dir, "vringd.sock"));
		t_eq(vri_echo_call(echo, "after", 5, back, 5000), 5);
		await_devices(1);
		drive();
	}
	vri_echo_close(echo);
	vri_link_close(link);
	server_stop(&server);
}

T(a_driver_that_is_killed_is_forgotten)
{
	int fd = peer_hello(&broker);
	struct program server;
	pid_t pid;

	server_start(&server, "echo", "--listen", NAME, NULL);
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		struct vri_link *link;

		if (vri_link_open(&link, NAME, NULL) == 0)
			pause();
		_exit(1);
	}
	while (peer_stat(fd, "links") != 1)
		;
	t_sys(kill(pid, SIGKILL));
	while (peer_stat(fd, "links") != 0)
		;
	/* The device takes its end in its own time. */
	while (peer_stat(fd, "user_fds") != 0)
		;
	drive();
	close(fd);
	server_stop(&server);
}
