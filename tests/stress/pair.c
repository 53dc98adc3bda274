/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Two processes on one ring: made, run, taken apart. */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vring-ipc/memory.h>

#include "core/memtab.h"
#include "core/ring_layout.h"
#include "util/memfd.h"

#define PAGE 4096u

/* What both processes have before they part. */
struct pair {
	const struct pair_opts *opts;
	int fd; /* the region's */
	int kick_fd, call_fd;
	int ready[2]; /* the device's base goes through here when its side is there */
	uint64_t area[RING_AREAS], tables, pool, bytes; /* offsets */
};

unsigned pair_wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

/* ---- chance ---- */

/* splitmix64 */
uint64_t chance_throw(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t chance_below(struct chance *chance, uint32_t limit)
{
	return (uint32_t)((chance_throw(chance) >> 32) * limit >> 32);
}

uint64_t chance_seed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) & 0xffffffff;
}

/* ---- notifiers ---- */

static void notify(void *ctx)
{
	struct pair_side *side = ctx;
	uint64_t one = 1;

	side->notified++;
	if (write(side->send_fd, &one, sizeof(one)) < 0)
		_exit(3);
}

static int wait_for(void *ctx, int timeout_ms)
{
	struct pair_side *side = ctx;
	struct pollfd p = { .fd = side->receive_fd, .events = POLLIN };
	int r = poll(&p, 1, timeout_ms);

	if (timeout_ms != 0) {
		side->sleeps++;
		side->slept_on += r == 0;
	}
	return r;
}

static void clear(void *ctx)
{
	struct pair_side *side = ctx;
	uint64_t n;

	/* Empty is fine: a notification may have been for something that was found without it. */
	if (read(side->receive_fd, &n, sizeof(n)) < 0)
		return;
}

static const struct queue_ops ops = { .notify = notify, .wait = wait_for, .clear = clear };

/* ---- a side ---- */

static uint64_t take_room(uint64_t *bytes, uint64_t n)
{
	uint64_t at = *bytes;

	*bytes += (n + PAGE - 1) / PAGE * PAGE;
	return at;
}

static enum ring_format format_of(const struct pair_opts *opts)
{
	return opts->features & PAIR_PACKED ? RING_PACKED : RING_SPLIT;
}

static int pair_make(struct pair *p, const struct pair_opts *opts)
{
	*p = (struct pair){ .opts = opts, .fd = -1, .kick_fd = -1, .call_fd = -1 };
	for (enum ring_area a = 0; a < RING_AREAS; a++)
		p->area[a] = take_room(&p->bytes, ring_area_bytes(format_of(opts), a, opts->size));
	p->tables = take_room(&p->bytes, 16ull * opts->size * opts->indirect_max);
	p->pool = take_room(&p->bytes, opts->pool_size);
	p->fd = memfd_make("vring-ipc-stress", p->bytes);
	p->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd < 0 || p->kick_fd < 0 || p->call_fd < 0 || pipe(p->ready) < 0)
		return -1;
	return 0;
}

static void pair_close(struct pair *p)
{
	close(p->fd);
	close(p->kick_fd);
	close(p->call_fd);
}

static int side_open(struct pair_side *side, const struct pair *p, bool is_driver)
{
	const struct pair_opts *opts = p->opts;
	struct mem_entry entry = {
		.size = p->bytes,
		.access = VRI_ACCESS_READ_WRITE,
		.window_offset = p->tables,
		.window_size = p->bytes - p->tables,
	};
	struct queue_setup setup = {
		.size = opts->size,
		.features = { { opts->features } },
		.ops = &ops,
		.ctx = side,
		.spin = is_driver ? opts->drv_spin : opts->dev_spin,
	};
	void *base;

	*side = (struct pair_side){ .opts = opts };
	if (memfd_map(p->fd, 0, p->bytes, PROT_READ | PROT_WRITE, &base) < 0 ||
	    vri__mem_new(&side->mem) < 0)
		return -1;
	side->base = entry.va = base;
	side->pool = side->base + p->pool;
	side->receive_fd = is_driver ? p->call_fd : p->kick_fd;
	side->send_fd = is_driver ? p->kick_fd : p->call_fd;
	if (vri__mem_add(side->mem, &entry) < 0)
		return -1;
	setup.mem = side->mem;
	setup.desc = side->base + p->area[RING_DESC_AREA];
	setup.driver = side->base + p->area[RING_DRIVER_AREA];
	setup.device = side->base + p->area[RING_DEVICE_AREA];
	if (!is_driver)
		return vri__devq_new(&setup, &side->dev);
	if (opts->features & PAIR_INDIRECT) {
		setup.tables = side->base + p->tables;
		setup.tables_iova = p->tables;
		setup.indirect_max = opts->indirect_max;
	}
	return vri__drvq_new(&setup, &side->drv);
}

static unsigned side_close(struct pair_side *side, const struct pair *p)
{
	unsigned slept_on = side->slept_on;

	if (slept_on)
		pair_wrong("%s: nobody woke it, %u times", side->drv ? "driver" : "device",
			   slept_on);
	vri__drvq_free(side->drv);
	vri__devq_free(side->dev);
	vri__mem_free(side->mem);
	memfd_unmap(side->base, p->bytes);
	return slept_on;
}

/* ---- both ---- */

static void be_device(const struct pair *p, unsigned (*device)(struct pair_side *side, void *data),
		      void *data)
{
	struct pair_side side;
	void *hole;
	uintptr_t base;
	unsigned wrong;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What stands here in the driver's process is the region: the same call would find the same
	 * place. */
	hole = mmap(NULL, p->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole == MAP_FAILED || side_open(&side, p, false) < 0)
		_exit(2);
	base = (uintptr_t)side.base;
	if (write(p->ready[1], &base, sizeof(base)) != (ssize_t)sizeof(base))
		_exit(2);
	close(p->ready[1]);
	wrong = device(&side, data);
	wrong += side_close(&side, p);
	_exit(wrong ? 1 : 0);
}

static unsigned be_driver(const struct pair *p,
			  unsigned (*driver)(struct pair_side *side, void *data), void *data)
{
	struct pair_side side;
	uintptr_t base;
	unsigned wrong;

	if (side_open(&side, p, true) < 0)
		return pair_wrong("the driver's side cannot be made");
	if (read(p->ready[0], &base, sizeof(base)) != (ssize_t)sizeof(base))
		wrong = pair_wrong("the device's side cannot be made");
	else if (base == (uintptr_t)side.base)
		wrong = pair_wrong("both sides have the region at %p", (void *)side.base);
	else
		wrong = driver(&side, data);
	return wrong + side_close(&side, p);
}

unsigned pair_run(const struct pair_opts *opts,
		  unsigned (*driver)(struct pair_side *side, void *data),
		  unsigned (*device)(struct pair_side *side, void *data), void *data)
{
	struct pair p;
	unsigned wrong;
	int status;
	pid_t child;

	if (pair_make(&p, opts) < 0) {
		pair_close(&p);
		return pair_wrong("a pair cannot be made: %s", strerror(errno));
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		be_device(&p, device, data);
	close(p.ready[1]);
	wrong = child < 0 ? pair_wrong("fork: %s", strerror(errno)) : be_driver(&p, driver, data);
	close(p.ready[0]);
	/* A driver that has given up will not end its device by itself. */
	if (child > 0 && wrong)
		kill(child, SIGKILL);
	if (child > 0 && (waitpid(child, &status, 0) != child || status != 0) && !wrong)
		wrong = pair_wrong("the device's process ended with status %#x", (unsigned)status);
	pair_close(&p);
	return wrong;
}
