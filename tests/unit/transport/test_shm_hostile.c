/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Drivers that send what they must not to the device's end: messages, regions, queues, kicks, memory. Each one's link
 * ends, or the request is refused in words, and the link of the bystander, on the same listener, goes on.
 */
#include "listener_rig.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/shm/shm_device.h"
#include "transport/shm/shm_table.h"
#include "util/compat.h"
#include "util/memfd.h"

#define HostileTest(name, ...) \
	Test(shm_hostile, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

/* ---- messages ---- */

/* faults: C9 */
HostileTest(each_message_that_the_table_forbids_ends_the_link, .timeout = 120)
{
	static const enum shm_state states[] = { SHM_NEW, SHM_OFFERED, SHM_ATTACHED };
	unsigned refused = 0;

	for (unsigned s = 0; s < 3; s++) {
		for (enum wire_kind kind = WIRE_UNKNOWN; kind < WIRE_KINDS; kind++) {
			for (unsigned with = 0; with < 3; with++) {
				struct wire_msg msg = { .kind = kind, .token = 1 };
				const struct shm_row *row = shm_row(kind);
				int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
				int fds[] = { null, null };

				if (row && row->token == SHM_TOKEN_NONE)
					msg.token = 0;
				if (kind == WIRE_HELLO)
					msg.hello.version_min = msg.hello.version_max = 1;
				if (kind == WIRE_ADD_MEMORY)
					msg.add_memory.access = VRI_ACCESS_READ;
				if (kind == WIRE_OFFER || kind == WIRE_ATTACH)
					msg.attach.notifier = NOTIFIER_EVENTFD;
				if (kind == WIRE_OFFER)
					msg.offer.notifier = NOTIFIER_EVENTFD;
				if (!shm_table_check(&msg, SHM_DRIVER, states[s], with)) {
					close(null);
					continue;
				}
				go(states[s] == SHM_NEW ? 0 : states[s] == SHM_OFFERED ? 2 : 3);
				raw_send(raw.fd, &msg, fds, with);
				raw_expect_refused(raw.fd, NULL);
				raw_close(&raw);
				close(null);
				refused++;
			}
		}
	}
	t_gt(refused, 100);
	serve_await_links(&serve, 1);
}

struct garbage {
	const char *bytes;
	size_t len;
	const char *words;
};

static const struct garbage garbage[] = {
	{ "\377\377\377\377", 4, "no message" },
	{ "GET / HTTP/1.1\r\n\r\n", 18, "no message" },
	{ "\022\005\010\001", 4, "no message" }, /* HELLO, cut off */
	{ "\022\002\010\001", 4, "version range" }, /* from 1 to 0 */
	{ "\022\000", 2, "version range" },
	{ "\010\001\022\004\010\001\020\001", 8, "token" }, /* HELLO with a token */
	{ "\372\006\001x", 4, "unknown message" },
};

/* faults: C9 C10 */
HostileTest(garbage_ends_the_link_in_each_state)
{
	static char zeros[WIRE_PACKET_MAX + 1];

	for (int step = 0; step < STEPS; step++) {
		for (unsigned i = 0; i <= sizeof(garbage) / sizeof(garbage[0]); i++) {
			bool is_big = i == sizeof(garbage) / sizeof(garbage[0]);

			go(step);
			if (is_big)
				raw_send_bytes(raw.fd, zeros, sizeof(zeros), NULL, 0);
			else
				raw_send_bytes(raw.fd, garbage[i].bytes, garbage[i].len, NULL, 0);
			if (!is_big && step > 2 && i == 6) {
				/* Unknown, without a token: an event of a later version. */
				raw_close(&raw);
				continue;
			}
			raw_expect_refused(raw.fd, is_big    ? "64 KiB" :
						   step == 0 ? garbage[i].words :
							       NULL);
			raw_close(&raw);
		}
	}
	serve_await_links(&serve, 1);
}

/* faults: C1 D4 */
HostileTest(descriptors_in_numbers_end_the_link_and_stay_with_nobody)
{
	int fds[253];

	for (int i = 0; i < 253; i++)
		fds[i] = STDERR_FILENO;
	for (int round = 0; round < 50; round++) {
		go(round % STEPS);
		raw_send_bytes(raw.fd, "\022\004\010\001\020\001", 6, fds, round % 2 ? 253 : 2);
		raw_expect_refused(raw.fd, "descriptors");
		raw_close(&raw);
	}
	serve_await_links(&serve, 1);
}

/* faults: D9 */
HostileTest(versions_are_negotiated_or_refused)
{
	struct wire_msg msg = { .kind = WIRE_HELLO };

	raw.fd = raw_connect(path);
	msg.hello.version_min = 1;
	msg.hello.version_max = 99;
	raw_send(raw.fd, &msg, NULL, 0);
	raw_expect(raw.fd, WIRE_OFFER, &msg);
	t_eq(msg.offer.version, 1);
	raw_close(&raw);

	raw.fd = raw_connect(path);
	msg = (struct wire_msg){ .kind = WIRE_HELLO };
	msg.hello.version_min = 2;
	msg.hello.version_max = 99;
	raw_send(raw.fd, &msg, NULL, 0);
	raw_expect(raw.fd, WIRE_REFUSED, &msg);
	t_errno_eq(msg.refused.error, -EPROTONOSUPPORT);
	t_strstr(msg.refused.words, "version 1");
}

/* A request that nobody knows is answered so, and the link goes on. */
HostileTest(an_unknown_request_is_answered)
{
	int with;
	struct wire_msg msg;

	raw_start(&raw, path);
	raw_send_bytes(raw.fd, "\010\007\372\006\001x", 6, NULL, 0);
	t_eq(raw_receive(raw.fd, &msg, &with), 1);
	t_eq(msg.kind, WIRE_REPLY);
	t_eq(msg.token, 7);
	t_errno_eq(msg.reply.error, -EOPNOTSUPP);
	t_ge(raw_set_status(&raw, 0), 0);
}

/* ---- the region ---- */

enum wrong_region {
	A_FILE,
	A_PIPE,
	A_SOCKET,
	AN_EVENTFD,
	NO_SEALS,
	ONLY_SHRINK,
	NO_SEAL_SEAL,
	TOO_SMALL,
	HUGE_PAGES,
	NO_PAGES,
	EMPTY,
	WRONG_MAGIC,
	WRONG_VERSION,
	WRONG_SIZE,
	WRONG_ID,
	OVERLAPPING,
	OUTSIDE,
	TOO_MANY_QUEUES,
	NO_CONFIG,
	BEYOND_THE_LIMIT,
	WRONG_REGIONS,
};

struct region_case {
	enum wrong_region what;
	const char *words;
};

static const struct region_case region_cases[] = {
	{ A_FILE, "not a memfd" },
	{ A_PIPE, "not a memfd" },
	{ A_SOCKET, "not a memfd" },
	{ AN_EVENTFD, "not a memfd" },
	{ NO_SEALS, "not sealed" },
	{ ONLY_SHRINK, "not sealed" },
	{ NO_SEAL_SEAL, "not sealed" },
	{ TOO_SMALL, "smaller" },
	{ HUGE_PAGES, "huge pages" },
	{ NO_PAGES, "without pages" },
	{ EMPTY, "magic" },
	{ WRONG_MAGIC, "magic" },
	{ WRONG_VERSION, "version" },
	{ WRONG_SIZE, "size" },
	{ WRONG_ID, "another link" },
	{ OVERLAPPING, "overlap" },
	{ OUTSIDE, "not inside" },
	{ TOO_MANY_QUEUES, "does not fit" },
	{ NO_CONFIG, "does not fit" },
	{ BEYOND_THE_LIMIT, "more memory" },
};

static int unsealed(unsigned flags, uint64_t size, int seals)
{
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)size) < 0 || (seals && fcntl(fd, F_ADD_SEALS, seals) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int wrong_fd(enum wrong_region what, uint64_t size)
{
	int ends[2];

	switch (what) {
	case A_FILE:
		return open(tmpdir_file(&dir, "file"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	case A_PIPE:
		t_sys(pipe2(ends, O_CLOEXEC));
		close(ends[1]);
		return ends[0];
	case A_SOCKET:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case AN_EVENTFD:
		return eventfd(0, EFD_CLOEXEC);
	case NO_SEALS:
		return unsealed(0, size, 0);
	case ONLY_SHRINK:
		return unsealed(0, size, F_SEAL_SHRINK | F_SEAL_SEAL);
	case NO_SEAL_SEAL:
		return unsealed(0, size, F_SEAL_SHRINK | F_SEAL_GROW);
	case TOO_SMALL:
		return memfd_make("t", size - 4096);
	case HUGE_PAGES:
		return unsealed(MFD_HUGETLB, 2 << 20, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	case NO_PAGES:
		return unsealed(0, size, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	case EMPTY:
		return memfd_make("t", size);
	default:
		return -1;
	}
}

/* Writes over the header of an honest region. */
static void spoil(enum wrong_region what)
{
	struct region_header *header = (void *)raw.base;
	struct region_part *part = (void *)(header + 1);

	switch (what) {
	case WRONG_MAGIC:
		header->magic[7] ^= 1;
		break;
	case WRONG_VERSION:
		header->version = 2;
		break;
	case WRONG_SIZE:
		header->size += 4096;
		break;
	case WRONG_ID:
		header->link_id[0] ^= 1;
		break;
	case OVERLAPPING:
		part[1].offset = part[0].offset;
		break;
	case OUTSIDE:
		part[header->n_parts - 1].size = 1ull << 63;
		break;
	default:
		break;
	}
}

static void try_region(const struct region_case *c)
{
	struct wire_msg msg = { .kind = WIRE_ATTACH };
	int fd = -1;

	raw_hello(&raw, path);
	if (c->what == TOO_MANY_QUEUES)
		raw.offer.offer.offer.n_queues = 2;
	if (c->what == NO_CONFIG)
		raw.offer.offer.offer.config_size = 0;
	raw_make_region(&raw);
	spoil(c->what);
	memcpy(msg.attach.link_id, raw.map.link_id, sizeof(msg.attach.link_id));
	msg.attach.region_size = c->what == BEYOND_THE_LIMIT ? 1ull << 41 : raw.map.size;
	msg.attach.notifier = raw.offer.offer.notifier;
	if (c->what <= EMPTY) {
		fd = wrong_fd(c->what, raw.map.size);
		if (fd < 0 && c->what == HUGE_PAGES) {
			raw_close(&raw);
			return; /* this machine has none to make */
		}
		t_sys(fd);
		raw_send(raw.fd, &msg, &fd, 1);
		close(fd);
	} else {
		raw_send(raw.fd, &msg, &raw.region_fd, 1);
	}
	raw_expect_refused(raw.fd, c->words);
	raw_close(&raw);
}

/* faults: D1 D2 D3 D5 */
HostileTest(a_region_that_is_none_is_refused_in_words)
{
	unsigned ups = serve.ups;

	for (unsigned i = 0; i < sizeof(region_cases) / sizeof(region_cases[0]); i++)
		try_region(&region_cases[i]);
	t_eq(serve.ups, ups);
}

/* The header is only a way to find the parts, and is read once.
 * faults: D6 */
HostileTest(a_header_that_changes_later_changes_nothing)
{
	go(3);
	memset(raw.base, 0xff, 4096);
	raw_negotiate(&raw);
	raw_set_queue(&raw, 0);
	raw_run(&raw);
	t_ge(raw_set_status(&raw, 0), 0);
}

/* ---- queues ---- */

/* faults: A31 C20 */
HostileTest(a_queue_that_cannot_be_is_refused_and_the_link_goes_on)
{
	struct region_queue_areas areas;
	struct queue_params good, bad[12];
	int fd = eventfd(0, EFD_CLOEXEC);

	t_sys(fd);
	go(4);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	good = (struct queue_params){ 0, raw.plan.queue_size, areas.desc, areas.driver,
				      areas.device };
	for (unsigned i = 0; i < 12; i++)
		bad[i] = good;
	bad[0].size = 0;
	bad[1].size = 3;
	bad[2].size = 65535;
	bad[3].size = 512; /* more than the device has */
	bad[4].size = 0x80000010;
	bad[5].index = 1;
	bad[6].index = 0x80000000;
	bad[7].desc += 8;
	bad[8].device = good.driver;
	bad[9].desc = 0; /* the header */
	bad[10].driver = raw.map.pool.offset;
	bad[11].device = ~0ull - 63;
	for (unsigned i = 0; i < 12; i++) {
		struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
		int with = -1;

		msg.set_queue = bad[i];
		t_lt(raw_request(&raw, &msg, &fd, 1, &with), 0);
		t_ne(msg.reply.words[0], 0);
		t_eq(with, -1);
	}
	close(fd);
	raw_set_queue(&raw, 0);
	raw_run(&raw);
}

/* faults: C28 */
HostileTest(a_notifier_of_another_kind_is_refused)
{
	struct wire_msg msg = { .kind = WIRE_SET_QUEUE };
	struct region_queue_areas areas;
	int pipes[2], fds[5];

	go(4);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	t_sys(pipe2(pipes, O_CLOEXEC));
	fds[0] = pipes[0];
	fds[1] = pipes[1];
	fds[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[3] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[4] = memfd_create("t", MFD_CLOEXEC);
	for (unsigned i = 0; i < 5; i++) {
		msg = (struct wire_msg){ .kind = WIRE_SET_QUEUE };
		msg.set_queue = (struct queue_params){ 0, raw.plan.queue_size, areas.desc,
						       areas.driver, areas.device };
		t_errno_eq(raw_request(&raw, &msg, &fds[i], 1, NULL), -EINVAL);
		t_strstr(msg.reply.words, "notifier");
		close(fds[i]);
	}
	raw_set_queue(&raw, 0);
}

/* faults: A32 */
HostileTest(steps_out_of_order_are_refused_and_the_link_goes_on)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };
	uint8_t all = VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK |
		      VRI_STATUS_DRIVER_OK;

	go(3);
	t_lt(raw_request(&raw, &msg, NULL, 0, NULL), 0); /* before DRIVER */
	t_lt(raw_set_status(&raw, all), 0); /* DRIVER_OK at once */
	msg = (struct wire_msg){ .kind = WIRE_RESET_QUEUE };
	t_lt(raw_request(&raw, &msg, NULL, 0, NULL), 0);
	msg = (struct wire_msg){ .kind = WIRE_SET_CONFIG };
	msg.set_config.data_len = 1;
	t_lt(raw_request(&raw, &msg, NULL, 0, NULL), 0);
	raw_negotiate(&raw);
	msg = (struct wire_msg){ .kind = WIRE_SET_FEATURES };
	t_lt(raw_request(&raw, &msg, NULL, 0, NULL), 0); /* after FEATURES_OK */
	raw_set_queue(&raw, 0);
	raw_run(&raw);
}

/* proves: dev:2.2/2 */
HostileTest(features_that_were_not_offered_do_not_stick)
{
	struct wire_msg msg = { .kind = WIRE_SET_FEATURES };
	uint8_t status = VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER;

	go(3);
	t_eq(raw_set_status(&raw, 0), 0);
	t_eq(raw_set_status(&raw, VRI_STATUS_ACKNOWLEDGE), VRI_STATUS_ACKNOWLEDGE);
	t_eq(raw_set_status(&raw, status), status);
	vri_features_set(&msg.set_features.features.set, VRI_F_VERSION_1);
	vri_features_set(&msg.set_features.features.set, 127);
	t_eq(raw_request(&raw, &msg, NULL, 0, NULL), 0);
	t_eq(raw_set_status(&raw, status | VRI_STATUS_FEATURES_OK), status);
}

/* ---- kicks ---- */

/* faults: A28 */
HostileTest(a_storm_of_kicks_leaves_the_others_their_turn)
{
	uint64_t one = 1;
	pid_t child;

	raw_start(&raw, path);
	child = fork();
	t_sys(child);
	if (child == 0) {
		for (;;)
			(void)!write(raw.kick_fd, &one, sizeof(one));
	}
	for (int i = 0; i < 200; i++)
		serve_echo(bystander, 0, 64);
	t_sys(kill(child, SIGKILL));
	t_eq(waitpid(child, NULL, 0), child);
}

static const struct serve_opts with_pipes = { .listener.notifier = VRI_NOTIFIER_PIPE };

static void set_up_pipes(void)
{
	set_up_folder();
	begin(&with_pipes);
}

/* The driver holds the receiving end of the device's notifier: it takes off O_NONBLOCK, and reads
 * nothing. With a pipe that is the driver's own open file.
 * faults: A29 */
Test(shm_hostile, a_notifier_that_is_never_read_blocks_no_device, .init = set_up_pipes,
     .fini = tear_down)
{
	struct region_queue_areas areas;
	uint16_t *avail, *ring;
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} * desc;

	raw_start(&raw, path);
	t_eq(raw.offer.offer.notifier, NOTIFIER_PIPE);
	t_sys(fcntl(raw.call_fd, F_SETFL, 0));
	t_sys(fcntl(raw.kick_fd, F_SETFL, 0));
	t_ge(fcntl(raw.call_fd, F_SETPIPE_SZ, 4096), 0);
	vri__region_queue_areas(&raw.map, &raw.plan, 0, &areas);
	desc = (void *)(raw.base + areas.desc);
	avail = (void *)(raw.base + areas.driver);
	ring = avail + 2;
	for (unsigned i = 0; i < 5000; i++) {
		unsigned before = serve.served;

		desc[0].addr = raw.map.pool.offset;
		desc[0].len = 64;
		desc[0].flags = 2; /* WRITE */
		ring[i % raw.plan.queue_size] = 0;
		__atomic_store_n(&avail[1], (uint16_t)(i + 1), __ATOMIC_RELEASE);
		t_eq(write(raw.kick_fd, "k", 1), 1);
		serve_await(&serve.served, before + 1);
	}
	serve_echo(bystander, 0, 64);
}

/* ---- memory ---- */

static int sealed(uint64_t size)
{
	return memfd_make("t", size);
}

static int add(int fd, uint64_t iova, uint64_t size, uint64_t offset, unsigned access,
	       struct wire_msg *ret_reply)
{
	struct wire_msg msg = { .kind = WIRE_ADD_MEMORY };
	int r;

	msg.add_memory.iova = iova;
	msg.add_memory.size = size;
	msg.add_memory.fd_offset = offset;
	msg.add_memory.access = access;
	r = raw_request(&raw, &msg, &fd, 1, NULL);
	*ret_reply = msg;
	return r;
}

static int drop(uint64_t iova)
{
	struct wire_msg msg = { .kind = WIRE_REMOVE_MEMORY };

	msg.remove_memory.iova = iova;
	return raw_request(&raw, &msg, NULL, 0, NULL);
}

#define HIGH (1ull << 50)

HostileTest(memory_that_cannot_be_added_is_refused_in_words)
{
	struct wire_msg reply;
	int fd = sealed(65536), loose = unsealed(0, 65536, F_SEAL_SHRINK);
	int sparse = unsealed(0, 65536, F_SEAL_SHRINK | F_SEAL_GROW);

	raw_start(&raw, path);
	t_errno_eq(add(loose, HIGH, 4096, 0, 3, &reply), -EINVAL);
	t_strstr(reply.reply.words, "sealed");
	t_errno_eq(add(sparse, HIGH, 4096, 0, 3, &reply), -EINVAL);
	t_strstr(reply.reply.words, "pages");
	t_errno_eq(add(raw.kick_fd, HIGH, 4096, 0, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 65536 + 4096, 0, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 4096, 65536, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 4096, ~0ull - 4095, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 100, 0, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 4096, 100, 3, &reply), -EINVAL);
	t_errno_eq(add(fd, HIGH, 0, 0, 3, &reply), -ENOSPC);
	t_errno_eq(add(fd, HIGH, 1ull << 62, 0, 3, &reply), -ENOSPC);
	t_errno_eq(add(fd, 0, 4096, 0, 3, &reply), -EINVAL); /* over the region */
	t_errno_eq(add(fd, ~0ull - 4095, 65536, 0, 3, &reply), -EINVAL); /* wraps */
	t_errno_eq(drop(0), -EINVAL); /* the region stays */
	t_errno_eq(drop(HIGH), -EINVAL);
	t_eq(add(fd, HIGH, 65536, 0, 3, &reply), 0);
	t_errno_eq(add(fd, HIGH + 4096, 4096, 0, 3, &reply), -EINVAL); /* overlaps */
	t_eq(drop(HIGH), 0);
	close(fd);
	close(loose);
	close(sparse);
}

/* faults: C4 */
HostileTest(memory_can_be_added_and_removed_for_ever)
{
	struct wire_msg reply;
	int fd = sealed(4096), n = 0;

	raw_start(&raw, path);
	for (int i = 0; i < 500; i++) {
		t_eq(add(fd, HIGH, 4096, 0, 1, &reply), 0);
		t_eq(drop(HIGH), 0);
	}
	while (add(fd, HIGH + 4096 * (uint64_t)n, 4096, 0, 3, &reply) == 0)
		n++;
	t_errno_eq(reply.reply.error, -ENOSPC);
	t_eq(n, MEM_ENTRIES_MAX - 1);
	while (n-- > 0)
		t_eq(drop(HIGH + 4096 * (uint64_t)n), 0);
	close(fd);
}

static const struct serve_opts frugal = { .listener.memory_max = 8 << 20 };

static void set_up_frugal(void)
{
	set_up_folder();
	begin(&frugal);
}

Test(shm_hostile, one_driver_shares_no_more_than_it_may, .init = set_up_frugal, .fini = tear_down)
{
	struct wire_msg reply;
	int fd = sealed(16 << 20);

	raw_start(&raw, path);
	t_errno_eq(add(fd, HIGH, 8 << 20, 0, 3, &reply), -ENOSPC);
	t_eq(add(fd, HIGH, 4 << 20, 0, 3, &reply), 0);
	t_errno_eq(add(fd, HIGH + (8 << 20), 4 << 20, 0, 3, &reply), -ENOSPC);
	t_eq(drop(HIGH), 0);
	t_eq(add(fd, HIGH, 4 << 20, 0, 3, &reply), 0);
	close(fd);
}
