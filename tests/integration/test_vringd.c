/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The broker as its clients see it: names, opens, regions, lists, events, and what it does with clients that
 * break its rules. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker_peer.h"
#include "test.h"
#include "tmpdir.h"

#define NAME "org.example.disk0"

static struct tmpdir dir;
static struct broker broker;

static void init(void)
{
	tmpdir_open(&dir);
	broker_start(&broker, tmpdir_file(&dir, "vringd.sock"));
}

static void fini(void)
{
	broker_stop(&broker);
	tmpdir_close(&dir);
}

#define T(sentence) Test(vringd, sentence, .init = init, .fini = fini)

/* The link that both were told of, and the two ends. */
struct pair {
	uint64_t link;
	int driver_end, device_end;
};

static struct pair open_pair(int driver, int device, const char *name)
{
	struct parcel reply, incoming;
	struct pair pair;

	t_ok(peer_open(driver, name, &reply));
	peer_expect(device, BROKER_INCOMING, &incoming);
	t_eq(reply.msg.reply.link, incoming.msg.incoming.link);
	t_streq(incoming.msg.incoming.name, name);
	pair.link = reply.msg.reply.link;
	pair.driver_end = fcntl(reply.fds[0], F_DUPFD_CLOEXEC, 0);
	pair.device_end = fcntl(incoming.fds[0], F_DUPFD_CLOEXEC, 0);
	peer_took(driver, &reply);
	peer_took(device, &incoming);
	parcel_drop(&reply);
	parcel_drop(&incoming);
	return pair;
}

static void close_pair(struct pair *pair)
{
	close(pair->driver_end);
	close(pair->device_end);
}

static int grant(int driver, uint64_t link, uint64_t size, struct parcel *ret)
{
	struct broker_msg msg = { .kind = BROKER_GRANT };

	msg.grant.link = link;
	msg.grant.size = size;
	return peer_ask(driver, &msg, ret);
}

/* ---- names ---- */

T(a_name_is_taken_once_and_free_again_after_its_owner)
{
	int a = peer_hello(&broker), b = peer_hello(&broker);

	t_ok(peer_register(a, NAME));
	t_errno_eq(peer_register(b, NAME), -EADDRINUSE);
	t_ok(peer_withdraw(a, NAME));
	t_errno_eq(peer_withdraw(a, NAME), -ENOENT);
	t_ok(peer_register(b, NAME));
	close(b);
	/* The broker hears of it in its own time; an open that waits for the next owner does too. */
	while (peer_stat(a, "devices") != 0)
		;
	t_ok(peer_register(a, NAME));
	close(a);
}

T(a_name_is_replaced_when_both_agree)
{
	struct broker_msg msg = { .kind = BROKER_REGISTER };
	int a = peer_hello(&broker), b = peer_hello(&broker);
	struct parcel reply, event;

	strcpy(msg.registration.info.name, NAME);
	msg.registration.replaceable = true;
	t_ok(peer_ask(a, &msg, &reply));
	msg.registration.replaceable = false;
	t_errno_eq(peer_ask(b, &msg, &reply), -EADDRINUSE);
	msg.registration.replace = true;
	t_ok(peer_ask(b, &msg, &reply));
	peer_expect(a, BROKER_EVENT, &event);
	t_eq(event.msg.event.kind, BROKER_EVENT_REPLACED);
	/* The new one has not agreed to be replaced. */
	t_errno_eq(peer_ask(a, &msg, &reply), -EADDRINUSE);
	close(a);
	close(b);
}

T(names_have_a_grammar)
{
	static const char *const bad[] = { "x",	   "",	   ".a.b",  "a.b.", "a..b",
					   "1a.b", "a.-b", "a b.c", "a/b.c" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = peer_hello(&broker);
		struct broker_msg msg = { .kind = BROKER_REGISTER, .token = 9 };

		strcpy(msg.registration.info.name, bad[i]);
		peer_send(fd, &msg);
		peer_expect_hang_up(fd);
		close(fd);
	}
}

/* ---- opens ---- */

T(an_open_gives_each_side_an_end_and_who_the_other_is)
{
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct parcel reply, incoming;
	char byte = 0;

	t_ok(peer_register(device, NAME));
	t_ok(peer_open(driver, NAME, &reply));
	peer_expect(device, BROKER_INCOMING, &incoming);
	t_eq(reply.msg.reply.peer.uid, getuid());
	t_eq(incoming.msg.incoming.peer.uid, getuid());
	t_eq(incoming.msg.incoming.peer.pid, (uint32_t)getpid());
	t_ge(reply.n_fds, 1);
	t_eq(send(reply.fds[0], "x", 1, 0), 1);
	t_eq(recv(incoming.fds[0], &byte, 1, 0), 1);
	t_eq(byte, 'x');
	/* The broker has not kept an end. */
	close(reply.fds[0]);
	reply.fds[0] = dup(0);
	t_eq(poll(&(struct pollfd){ .fd = incoming.fds[0], .events = POLLIN }, 1, 20000), 1);
	t_eq(recv(incoming.fds[0], &byte, 1, 0), 0);
	parcel_drop(&reply);
	parcel_drop(&incoming);
	close(driver);
	close(device);
}

T(what_is_not_there_or_of_another_type_is_not_opened)
{
	struct broker_msg msg = { .kind = BROKER_OPEN };
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct parcel reply;

	t_errno_eq(peer_open(driver, NAME, &reply), -ENOENT);
	t_ok(peer_register(device, NAME));
	strcpy(msg.open.name, NAME);
	strcpy(msg.open.type, "org.example.other");
	t_errno_eq(peer_ask(driver, &msg, &reply), -ECONNREFUSED);
	*msg.open.type = 0;
	msg.open.device_id = 3;
	t_errno_eq(peer_ask(driver, &msg, &reply), -ECONNREFUSED);
	close(driver);
	close(device);
}

T(an_open_can_wait_for_the_name)
{
	struct broker_msg msg = { .kind = BROKER_OPEN, .token = 77 };
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct parcel reply, incoming;

	strcpy(msg.open.name, NAME);
	msg.open.wait = true;
	peer_send(driver, &msg);
	t_ok(peer_register(device, NAME));
	peer_expect(driver, BROKER_REPLY, &reply);
	t_eq(reply.msg.token, 77);
	t_ok(reply.msg.reply.error);
	peer_expect(device, BROKER_INCOMING, &incoming);
	t_eq(peer_stat(device, "user_opens"), 0);
	parcel_drop(&reply);
	parcel_drop(&incoming);
	close(driver);
	close(device);
}

T(a_wait_ends_with_its_time_or_when_it_is_taken_back)
{
	struct broker_msg msg = { .kind = BROKER_OPEN, .token = 77 };
	struct broker_msg cancel = { .kind = BROKER_CANCEL };
	int driver = peer_hello(&broker);
	struct parcel reply;

	strcpy(msg.open.name, NAME);
	msg.open.wait = true;
	msg.open.timeout_ms = 20;
	t_errno_eq(peer_ask(driver, &msg, &reply), -ETIMEDOUT);
	msg.open.timeout_ms = 0;
	msg.token = 78;
	peer_send(driver, &msg);
	cancel.cancel.open = 78;
	t_ok(peer_ask(driver, &cancel, &reply));
	t_errno_eq(peer_ask(driver, &cancel, &reply), -ENOENT);
	t_eq(peer_stat(driver, "user_opens"), 0);
	close(driver);
}

T(a_device_has_as_many_links_as_it_takes)
{
	struct broker_msg msg = { .kind = BROKER_REGISTER }, open = { .kind = BROKER_OPEN };
	struct broker_msg down = { .kind = BROKER_LINK_DOWN };
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct parcel reply, incoming;
	struct pair pair;

	strcpy(msg.registration.info.name, NAME);
	msg.registration.info.max_links = 1;
	t_ok(peer_ask(device, &msg, &reply));
	pair = open_pair(driver, device, NAME);
	t_errno_eq(peer_open(driver, NAME, &reply), -EBUSY);
	/* One that waits comes in when the first one has gone. */
	strcpy(open.open.name, NAME);
	open.open.wait = true;
	open.token = 99;
	peer_send(driver, &open);
	down.link_down.link = pair.link;
	t_ok(peer_ask(device, &down, &reply));
	close_pair(&pair);
	peer_expect(device, BROKER_INCOMING, &incoming);
	parcel_drop(&incoming);
	peer_expect(driver, BROKER_REPLY, &reply);
	t_eq(reply.msg.token, 99);
	t_ok(reply.msg.reply.error);
	parcel_drop(&reply);
	close(driver);
	close(device);
}

/* ---- regions ---- */

T(a_region_is_sealed_shared_and_shown_for_reading_only)
{
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct broker_msg view = { .kind = BROKER_VIEW };
	struct parcel reply, granted;
	struct pair pair;
	struct stat st;
	char *a, *b;
	char path[64];
	int fd;

	t_ok(peer_register(device, NAME));
	pair = open_pair(driver, device, NAME);
	view.view.link = pair.link;
	t_errno_eq(peer_ask(driver, &view, &reply), -ENOENT);
	t_errno_eq(grant(driver, pair.link, 4095, &reply), -EINVAL);
	t_errno_eq(grant(driver, pair.link + 1, 8192, &reply), -ENOENT);
	t_ok(grant(driver, pair.link, 8192, &reply));
	peer_expect(device, BROKER_GRANTED, &granted);
	t_eq(granted.msg.granted.link, pair.link);
	t_eq(granted.msg.granted.size, 8192);
	peer_took(driver, &reply);
	t_sys(fstat(reply.fds[0], &st));
	t_eq(st.st_size, 8192);
	t_eq(st.st_mode & 0777, 0600);
	t_eq(fcntl(reply.fds[0], F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
	     F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, reply.fds[0], 0);
	b = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, granted.fds[0], 0);
	t_true(a != MAP_FAILED && b != MAP_FAILED);
	a[5000] = 42;
	t_eq(b[5000], 42);
	munmap(b, 8192);
	parcel_drop(&reply);
	parcel_drop(&granted);
	t_errno_eq(grant(driver, pair.link, 8192, &reply), -EBUSY);

	t_ok(peer_ask(driver, &view, &reply));
	fd = reply.fds[0];
	t_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	b = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	t_true(b != MAP_FAILED);
	t_eq(b[5000], 42);
	t_errno_eq(mprotect(b, 8192, PROT_READ | PROT_WRITE) < 0 ? -errno : 0, -EACCES);
	t_errno_eq(ftruncate(fd, 0) < 0 ? -errno : 0, -EINVAL);
	munmap(b, 8192);
	/* Only the broker's own user and root can open it anew. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	t_sys(stat(path, &st));
	t_eq(st.st_mode & 0077, 0);
	munmap(a, 8192);
	parcel_drop(&reply);
	close_pair(&pair);
	close(driver);
	close(device);
}

/* ---- lists and events ---- */

T(devices_are_listed_in_pages_by_name)
{
	struct broker_msg list = { .kind = BROKER_LIST_DEVICES };
	int device = peer_hello(&broker), n = 0;
	char name[BROKER_NAME_MAX], last[BROKER_NAME_MAX] = "";
	struct parcel reply;

	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "org.example.d%03d", (i * 77) % 150);
		t_ok(peer_register(device, name));
	}
	do {
		t_ok(peer_ask(device, &list, &reply));
		for (unsigned i = 0; i < reply.msg.reply.n_devices; i++, n++) {
			const char *this = reply.msg.reply.device[i].info.name;

			t_gt(strcmp(this, last), 0);
			strcpy(last, this);
			t_eq(reply.msg.reply.device[i].owner.pid, (uint32_t)getpid());
		}
		strcpy(list.list_devices.after, last);
		parcel_drop(&reply);
	} while (reply.msg.reply.more);
	t_eq(n, 150);
	strcpy(list.list_devices.name, "org.example.d017");
	t_ok(peer_ask(device, &list, &reply));
	t_eq(reply.msg.reply.n_devices, 1);
	t_streq(reply.msg.reply.device[0].info.type, "org.example.type");
	parcel_drop(&reply);
	strcpy(list.list_devices.name, "org.example.nobody");
	t_errno_eq(peer_ask(device, &list, &reply), -ENOENT);
	close(device);
}

T(who_watches_hears_of_devices_and_links)
{
	static const enum broker_event_kind kinds[] = { BROKER_EVENT_DEVICE_ADDED,
							BROKER_EVENT_LINK_UP,
							BROKER_EVENT_LINK_DOWN,
							BROKER_EVENT_DEVICE_REMOVED };
	struct broker_msg watch = { .kind = BROKER_WATCH };
	int watcher = peer_hello(&broker), driver = peer_hello(&broker),
	    device = peer_hello(&broker);
	struct parcel reply, event;
	struct pair pair;

	watch.watch.on = true;
	t_ok(peer_ask(watcher, &watch, &reply));
	t_ok(peer_register(device, NAME));
	pair = open_pair(driver, device, NAME);
	close(driver);
	for (unsigned i = 0; i < 3; i++) {
		peer_expect(watcher, BROKER_EVENT, &event);
		t_eq(event.msg.event.kind, kinds[i]);
		t_streq(event.msg.event.name, NAME);
		t_eq(event.msg.event.link, kinds[i] == BROKER_EVENT_DEVICE_ADDED ? 0 : pair.link);
	}
	t_ok(peer_withdraw(device, NAME));
	peer_expect(watcher, BROKER_EVENT, &event);
	t_eq(event.msg.event.kind, BROKER_EVENT_DEVICE_REMOVED);
	close_pair(&pair);
	close(watcher);
	close(device);
}

/* ---- clients that break rules ---- */

T(garbage_and_messages_out_of_state_end_the_connection)
{
	struct broker_msg msg = { .kind = BROKER_STATS, .token = 1 };
	static uint8_t noise[300];
	int fd = peer_connect(&broker);

	peer_send(fd, &msg); /* before HELLO */
	peer_expect_hang_up(fd);
	close(fd);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 151 + 7);
	for (size_t len = 1; len < sizeof(noise); len += 13) {
		fd = peer_connect(&broker);
		(void)peer_send_bytes(fd, noise, len, NULL, 0);
		peer_expect_hang_up(fd);
		close(fd);
	}
	fd = peer_hello(&broker);
	msg = (struct broker_msg){ .kind = BROKER_TOOK };
	msg.took.parcel = 5;
	peer_send(fd, &msg);
	peer_expect_hang_up(fd);
	close(fd);
	fd = peer_hello(&broker);
	t_ge(peer_stat(fd, "protocol_errors"), 25);
	close(fd);
}

T(descriptors_from_clients_never_arrive)
{
	int fd = peer_hello(&broker), fds[250];
	struct broker_msg msg = { .kind = BROKER_STATS, .token = 3 };
	uint8_t bytes[256];
	char path[64];
	struct stat st;
	int len = broker_format(&msg, bytes, sizeof(bytes));

	for (unsigned i = 0; i < 250; i++)
		fds[i] = dup(0);
	if (peer_send_bytes(fd, bytes, (size_t)len, fds, 250))
		peer_expect_hang_up(fd);
	for (unsigned i = 0; i < 250; i++)
		close(fds[i]);
	close(fd);
	/* None of the first hundred numbers beyond what it needs is open. */
	fd = peer_hello(&broker);
	t_eq(peer_stat(fd, "connections"), 1);
	snprintf(path, sizeof(path), "/proc/%d/fd/40", (int)broker.pid);
	t_eq(stat(path, &st), -1);
	close(fd);
}

/* faults: C14 */
T(one_parcel_at_a_time)
{
	int hoarder = peer_hello(&broker), device = peer_hello(&broker),
	    other = peer_hello(&broker);
	struct broker_msg open = { .kind = BROKER_OPEN };
	struct parcel parcel;

	t_ok(peer_register(device, NAME));
	strcpy(open.open.name, NAME);
	for (uint32_t i = 1; i <= 20; i++) {
		open.token = i;
		peer_send(hoarder, &open);
	}
	/* Neither the driver nor the device takes: one parcel each is all that is under way. */
	while (peer_stat(other, "links") != 20)
		;
	t_le(peer_stat(other, "fds_under_way"), 4);
	/* Somebody else is served meanwhile. */
	t_ok(peer_register(other, "org.example.other"));
	for (uint32_t i = 1; i <= 20; i++) {
		peer_expect(hoarder, BROKER_REPLY, &parcel);
		t_eq(parcel.msg.token, i);
		peer_took(hoarder, &parcel);
		parcel_drop(&parcel);
		peer_expect(device, BROKER_INCOMING, &parcel);
		peer_took(device, &parcel);
		parcel_drop(&parcel);
	}
	t_eq(peer_stat(other, "links"), 20);
	close(hoarder);
	while (peer_stat(other, "links") != 0)
		;
	t_eq(peer_stat(other, "user_links"), 0);
	close(device);
	close(other);
}

/* faults: C13 */
T(who_does_not_read_is_disconnected_and_nobody_waits_for_it)
{
	int slow = peer_hello(&broker), device = peer_hello(&broker), ok = peer_hello(&broker);
	struct broker_msg list = { .kind = BROKER_LIST_DEVICES };
	char name[BROKER_NAME_MAX];

	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "org.example.device-with-a-long-name-%d", i);
		t_ok(peer_register(device, name));
	}
	t_sys(fcntl(slow, F_SETFL, O_NONBLOCK));
	for (uint32_t i = 1; i < 2000; i++) {
		list.token = i;
		peer_send(slow, &list);
	}
	t_eq(peer_stat(ok, "devices"), 64);
	/* It is not read while it does not read, so it holds up what it has asked for and no more. */
	t_le(peer_stat(ok, "user_queue_bytes"), 2 * 65536);
	close(slow);
	while (peer_stat(ok, "connections") != 2)
		;
	t_eq(peer_stat(ok, "user_queue_bytes"), 0);
	close(ok);
	close(device);
}

T(one_user_has_so_many_connections)
{
	int fds[140], n = 0;
	struct parcel parcel;

	for (int i = 0; i < 140; i++)
		fds[i] = peer_connect(&broker);
	for (int i = 0; i < 140; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		if (i >= 128 && poll(&p, 1, 20000) == 1 && peer_receive(fds[i], &parcel)) {
			t_errno_eq(parcel.msg.reply.error, -EDQUOT);
			n++;
		}
	}
	t_eq(n, 12);
	for (int i = 0; i < 140; i++)
		close(fds[i]);
}

T(a_device_that_dies_takes_its_name_and_links_with_it)
{
	int driver = peer_hello(&broker), device = peer_hello(&broker);
	struct parcel reply;
	struct pair pair;

	t_ok(peer_register(device, NAME));
	pair = open_pair(driver, device, NAME);
	t_ok(grant(driver, pair.link, 1 << 20, &reply));
	peer_took(driver, &reply);
	parcel_drop(&reply);
	close(device);
	while (peer_stat(driver, "connections") != 1)
		;
	t_eq(peer_stat(driver, "links"), 0);
	t_eq(peer_stat(driver, "devices"), 0);
	t_eq(peer_stat(driver, "user_region_bytes"), 0);
	t_eq(peer_stat(driver, "user_fds"), 0);
	t_eq(peer_stat(driver, "fds_under_way"), 0);
	close_pair(&pair);
	close(driver);
}

T(who_waits_is_not_given_a_device_that_has_just_died)
{
	struct broker_msg msg = { .kind = BROKER_REGISTER }, open = { .kind = BROKER_OPEN };
	int driver = peer_hello(&broker), device = peer_hello(&broker), next = peer_hello(&broker);
	struct parcel reply, incoming;
	struct pair pair;

	strcpy(msg.registration.info.name, NAME);
	msg.registration.info.max_links = 1;
	t_ok(peer_ask(device, &msg, &reply));
	pair = open_pair(driver, device, NAME);
	strcpy(open.open.name, NAME);
	open.open.wait = true;
	open.token = 99;
	peer_send(driver, &open);
	while (peer_stat(next, "user_opens") != 1)
		;
	close(device);
	while (peer_stat(next, "devices") != 0)
		;
	t_eq(peer_stat(next, "user_opens"), 1);
	t_ok(peer_register(next, NAME));
	peer_expect(next, BROKER_INCOMING, &incoming);
	parcel_drop(&incoming);
	peer_expect(driver, BROKER_REPLY, &reply);
	t_eq(reply.msg.token, 99);
	parcel_drop(&reply);
	close_pair(&pair);
	close(driver);
	close(next);
}

/* Each is told that the device of the one before is gone, which is how the broker finds that it is gone as well. */
T(an_end_that_brings_others_about_is_an_end)
{
	struct broker_msg watch = { .kind = BROKER_WATCH };
	int other = peer_hello(&broker), gone[8];
	char name[BROKER_NAME_MAX];
	struct parcel reply;

	watch.watch.on = true;
	for (int i = 0; i < 8; i++) {
		gone[i] = peer_hello(&broker);
		snprintf(name, sizeof(name), "org.example.d%d", i);
		t_ok(peer_register(gone[i], name));
	}
	for (int i = 0; i < 8; i++)
		t_ok(peer_ask(gone[i], &watch, &reply));
	t_sys(kill(broker.pid, SIGSTOP));
	for (int i = 0; i < 8; i++)
		close(gone[i]);
	t_sys(kill(broker.pid, SIGCONT));
	while (peer_stat(other, "connections") != 1)
		;
	t_eq(peer_stat(other, "devices"), 0);
	close(other);
}
