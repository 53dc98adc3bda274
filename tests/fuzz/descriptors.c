/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The descriptors, opened once a process. */
#include "descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "util/memfd.h"

/* Mappings are counted once in so many inputs, since that is slow. */
#define INPUTS_A_COUNT 256u

/* What a leak takes is below this. */
#define FDS_LOOKED_AT 64

static int fds[FD_KINDS];
static int pipe_ends[2], sockets[2];
static struct region regions[2];
static uint64_t open_before;
static unsigned mapped_at_first;

static int must(int fd)
{
	MUST(fd >= 0);
	return fd;
}

static int make_memfd(uint64_t size, bool with_pages, unsigned seals)
{
	int fd = must(memfd_create("vring-ipc-fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	MUST(ftruncate(fd, (off_t)size) == 0);
	MUST(!with_pages || fallocate(fd, 0, 0, (off_t)size) == 0);
	MUST(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void make_region(struct region *r, bool packed, unsigned n_queues, unsigned queue_size,
			uint32_t config_size)
{
	static const uint8_t id[16] = "fuzzed link";
	void *base;

	r->plan = (struct region_plan){
		.n_queues = n_queues,
		.format = packed ? RING_PACKED : RING_SPLIT,
		.queue_size = queue_size,
		.indirect_max = 4,
		.config_size = config_size,
		.pool_size = 8192,
	};
	MUST(vri__region_plan(&r->plan, id, &r->map) == 0);
	r->fd = must(memfd_make(REGION_MEMFD_NAME, r->map.size));
	MUST(memfd_map(r->fd, 0, r->map.size, PROT_READ | PROT_WRITE, &base) == 0);
	r->base = base;
}

/* Of memory that is shared under one of our names. */
static unsigned count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned n = 0;

	MUST(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "/memfd:vring-ipc") != NULL;
	fclose(maps);
	return n;
}

/* One bit for each that is open, in one call. */
static uint64_t find_open(void)
{
	struct pollfd all[FDS_LOOKED_AT];
	uint64_t open = 0;

	for (int i = 0; i < FDS_LOOKED_AT; i++)
		all[i] = (struct pollfd){ .fd = i };
	MUST(poll(all, FDS_LOOKED_AT, 0) >= 0);
	for (int i = 0; i < FDS_LOOKED_AT; i++)
		if (!(all[i].revents & POLLNVAL))
			open |= 1ull << i;
	return open;
}

static void open_all(unsigned n_queues, unsigned queue_size, uint32_t config_size)
{
	const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW;
	char path[64];
	uint64_t size;

	for (unsigned i = 0; i < 2; i++)
		make_region(&regions[i], i, n_queues, queue_size, config_size);
	size = regions[0].map.size;
	MUST(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	fds[FD_NONE] = -1;
	fds[FD_REGION_SPLIT] = regions[0].fd;
	fds[FD_REGION_PACKED] = regions[1].fd;
	fds[FD_EXTRA] = make_memfd(2 * EXTRA_BYTES, true, seals);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[FD_EXTRA]);
	fds[FD_EXTRA_READ_ONLY] = must(open(path, O_RDONLY | O_CLOEXEC));
	fds[FD_NOT_SEALED] = make_memfd(size, true, 0);
	fds[FD_TOO_SMALL] = make_memfd(4096, true, seals | F_SEAL_SEAL);
	fds[FD_WITHOUT_PAGES] = make_memfd(size, false, seals | F_SEAL_SEAL);
	fds[FD_EVENTFD] = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	fds[FD_SEMAPHORE] = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
	fds[FD_PIPE_READ] = pipe_ends[0];
	fds[FD_PIPE_WRITE] = pipe_ends[1];
	fds[FD_NULL] = must(open("/dev/null", O_RDWR | O_CLOEXEC));
	fds[FD_SOCKET] = sockets[0];
	mapped_at_first = count_mappings();
}

void descriptors_renew(unsigned n_queues, unsigned queue_size, uint32_t config_size)
{
	uint64_t word;
	char bytes[512];

	if (!regions[0].base)
		open_all(n_queues, queue_size, config_size);
	for (unsigned i = 0; i < 2; i++) {
		memset(regions[i].base, 0, regions[i].map.size);
		vri__region_format(regions[i].base, &regions[i].map);
	}
	(void)!read(fds[FD_EVENTFD], &word, sizeof(word));
	while (read(pipe_ends[0], bytes, sizeof(bytes)) > 0)
		;
	open_before = find_open();
}

int descriptor(enum descriptor which)
{
	return fds[which];
}

const struct region *region_of(bool packed)
{
	return &regions[packed];
}

void descriptor_notify(void)
{
	static const uint64_t one = 1;

	(void)!write(fds[FD_EVENTFD], &one, sizeof(one));
	(void)!write(pipe_ends[1], &one, 1);
}

void descriptors_check_leaks(void)
{
	static unsigned n;

	MUST(find_open() == open_before);
	if (n++ % INPUTS_A_COUNT == 0)
		MUST(count_mappings() == mapped_at_first);
}
