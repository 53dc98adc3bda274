/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * What the hot path asks of the system: nothing, but for the notifications that the peer wants.
 *
 * A child works both sides of a ring while this process traces it and counts its system calls; the
 * linker sends the library's allocations through counters of ours (--wrap).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "mock_ring.h"
#include "test.h"
#include "util/notifier.h"

#define SIZE 64u
#define BATCH 8u
#define ROUNDS 2000u
#define PACKED (1ull << 34)
#define IN_ORDER (1ull << 35)

/* ---- allocations ---- */

static unsigned allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
int __real_posix_memalign(void **ret, size_t align, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
int __wrap_posix_memalign(void **ret, size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	allocations++;
	return __real_realloc(p, size);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t size)
{
	allocations++;
	return __real_posix_memalign(ret, align, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	allocations++;
	return __real_aligned_alloc(align, size);
}

void __wrap_free(void *p)
{
	allocations++;
	__real_free(p);
}

/* ---- what is counted ---- */

struct counts {
	unsigned calls; /* system calls of any kind */
	unsigned writes; /* of these */
	unsigned allocations; /* freed ones, too */
	unsigned notified; /* what kick and notify said that they sent */
	bool is_traced;
};

static struct counts *counts; /* shared with the child */

/* A system call that nobody makes otherwise says where to begin and where to end. */
#define MARK 0x5eed

static void mark(void)
{
	syscall(SYS_getpgid, MARK);
}

/* ---- the child ---- */

struct hot_case {
	const char *what;
	uint64_t features;
	unsigned pieces; /* readable ones, and as many writable ones */
};

struct rig {
	struct mock_ring ring;
	struct notifier kick, call;
	struct vri_drvq *drv;
	struct vri_devq *dev;
	const struct hot_case *c;
	struct iovec out[4], in[4];
};

static void notify(void *ctx)
{
	notifier_send(ctx);
}

static const struct queue_ops ops = { .notify = notify };

static void rig_init(struct rig *rig, const struct hot_case *c, enum notifier_kind kind)
{
	struct queue_setup setup;
	int receive_fd; /* nobody reads: the child ends soon */

	mock_ring_init(&rig->ring, SIZE);
	rig->c = c;
	t_ok(notifier_make(kind, &rig->kick, &receive_fd));
	t_ok(notifier_make(kind, &rig->call, &receive_fd));
	setup = mock_drv_setup(&rig->ring, c->features);
	setup.ops = &ops;
	setup.ctx = &rig->kick;
	t_ok(vri__drvq_new(&setup, &rig->drv));
	setup = mock_dev_setup(&rig->ring, c->features);
	setup.ops = &ops;
	setup.ctx = &rig->call;
	t_ok(vri__devq_new(&setup, &rig->dev));
	for (unsigned i = 0; i < c->pieces; i++) {
		rig->out[i] = (struct iovec){ rig->ring.pool + 128 * i, 64 };
		rig->in[i] = (struct iovec){ rig->ring.pool + 128 * i + 64, 64 };
	}
}

/* A batch there and back, completed from the newest to the oldest. */
static void one_round(struct rig *rig, bool armed)
{
	struct iovec iov[BATCH][8];
	struct vri_chain chain[BATCH];
	struct vri_used used[BATCH];

	if (armed) {
		t_eq(vri_drvq_arm(rig->drv), 0);
		t_eq(vri_devq_arm(rig->dev), 0);
	}
	for (unsigned i = 0; i < BATCH; i++)
		t_ok(vri_drvq_add(rig->drv, rig->out, rig->c->pieces, rig->in, rig->c->pieces,
				  rig));
	counts->notified += (unsigned)vri_drvq_kick(rig->drv);
	for (unsigned i = 0; i < BATCH; i++) {
		chain[i] = (struct vri_chain){ .iov = iov[i], .iov_max = 8 };
		t_eq(vri_devq_pop(rig->dev, &chain[i]), 1);
	}
	t_eq(vri_devq_pop(rig->dev, &chain[0]), 0);
	t_ok(vri_devq_rewind(rig->dev, 1));
	t_eq(vri_devq_pop(rig->dev, &chain[BATCH - 1]), 1);
	for (unsigned i = BATCH; i-- > 0;)
		t_ok(vri_devq_push(rig->dev, &chain[i], i % 2 ? 64 : 64 * rig->c->pieces));
	counts->notified += (unsigned)vri_devq_notify(rig->dev);
	for (unsigned i = 0; i < BATCH / 2; i++)
		t_eq(vri_drvq_get_used(rig->drv, &used[i].token, &used[i].len), 1);
	t_eq(vri_drvq_get_used_batch(rig->drv, used, BATCH), BATCH / 2);
	t_eq(vri_drvq_get_used_batch(rig->drv, used, BATCH), 0);
	if (armed) {
		vri_drvq_suppress(rig->drv);
		vri_devq_suppress(rig->dev);
	}
}

static void be_child(const struct hot_case *c, enum notifier_kind kind, bool armed)
{
	struct rig rig = { 0 };
	unsigned before;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(0);
	raise(SIGSTOP);
	rig_init(&rig, c, kind);
	vri_drvq_suppress(rig.drv);
	vri_devq_suppress(rig.dev);
	/* Warm: no lazy binding, no page that is not there. */
	one_round(&rig, armed);
	counts->notified = 0;
	mark();
	before = allocations;
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(&rig, armed);
	counts->allocations = allocations - before;
	mark();
	_exit(0);
}

/* ---- this process ---- */

/* Follows the child to its end. Returns: its wait status. */
static int trace(pid_t child)
{
	bool in_call = false, counting = false;
	int status;

	t_sys(waitpid(child, &status, 0));
	if (!WIFSTOPPED(status))
		return status;
	t_sys(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	counts->is_traced = true;
	for (;;) {
		struct ptrace_syscall_info info;
		int sig = 0;

		if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			in_call = !in_call;
			t_sys(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info));
			if (in_call && info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK) {
				counting = !counting;
			} else if (in_call && counting) {
				counts->calls++;
				counts->writes += info.entry.nr == SYS_write;
			}
		} else if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGSTOP) {
			sig = WSTOPSIG(status);
		}
		t_sys(ptrace(PTRACE_SYSCALL, child, NULL, sig));
		t_sys(waitpid(child, &status, 0));
		if (!WIFSTOPPED(status))
			return status;
	}
}

static void measure(const struct hot_case *c, enum notifier_kind kind, bool armed)
{
	pid_t child;

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	t_true(counts != MAP_FAILED);
	child = fork();
	t_sys(child);
	if (child == 0)
		be_child(c, kind, armed);
	t_eq(trace(child), 0);
	if (!counts->is_traced)
		t_skip("processes may not be traced here");
}

#define FORMAT(name, ring)                                                      \
	{ name, ring, 1 }, { name " event index", (ring) | MOCK_EVENT_IDX, 1 }, \
		{ name " indirect", (ring) | MOCK_INDIRECT_DESC, 3 },           \
	{                                                                       \
		name " all", (ring) | MOCK_EVENT_IDX | MOCK_INDIRECT_DESC, 3    \
	}

static const struct hot_case cases[] = {
	FORMAT("split", 0),
	FORMAT("packed", PACKED),
	FORMAT("split in order", IN_ORDER),
	FORMAT("packed in order", PACKED | IN_ORDER),
};

TestEach(hot_path, makes_no_system_call_and_no_allocation_while_nobody_sleeps, cases,
	 struct hot_case)
{
	measure(param, NOTIFIER_EVENTFD, false);
	t_eq(counts->notified, 0);
	t_eq(counts->calls, 0);
	t_eq(counts->allocations, 0);
}

TestEach(hot_path, makes_one_system_call_for_each_notification, cases, struct hot_case)
{
	measure(param, NOTIFIER_EVENTFD, true);
	t_eq(counts->notified, 2 * ROUNDS);
	t_eq(counts->writes, 2 * ROUNDS);
	t_eq(counts->calls, 2 * ROUNDS);
	t_eq(counts->allocations, 0);
}

TestEach(hot_path, a_pipe_costs_no_more_than_an_eventfd, cases, struct hot_case)
{
	measure(param, NOTIFIER_PIPE, true);
	t_eq(counts->notified, 2 * ROUNDS);
	t_eq(counts->writes, 2 * ROUNDS);
	t_eq(counts->calls, 2 * ROUNDS);
	t_eq(counts->allocations, 0);
}
