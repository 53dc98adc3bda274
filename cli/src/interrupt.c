/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Signals become a flag, a readable descriptor and interrupted system calls. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static volatile sig_atomic_t resized;
static int wake_fd = -1;

static int catch_one(int signal, void (*handler)(int))
{
	/* No SA_RESTART: a read from a slow pipe has to end too. */
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

static void on_end(int signal)
{
	const uint64_t one = 1;
	int saved = errno;

	/* Whoever asks twice does not want to wait for a device that does not answer. */
	if (caught) {
		catch_one(signal, SIG_DFL);
		raise(signal);
		return;
	}
	caught = signal;
	/* It cannot be full after so few signals, and if it were it would be readable: fine. */
	if (write(wake_fd, &one, sizeof(one)) < 0)
		errno = saved;
	alarm(1);
	errno = saved;
}

static void on_alarm(int signal)
{
	alarm(1);
}

static void on_resize(int signal)
{
	resized = 1;
}

int interrupt_catch(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	int r = 0;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		return -errno;
	r = catch_one(SIGALRM, on_alarm);
	if (r == 0)
		r = catch_one(SIGWINCH, on_resize);
	for (unsigned i = 0; r == 0 && i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction old;

		/* What the parent made us ignore (nohup, a background job) stays ignored. */
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		r = catch_one(ends[i], on_end);
	}
	return r;
}

int interrupt_signal(void)
{
	return caught;
}

int interrupt_status(void)
{
	return 128 + caught;
}

int interrupt_fd(void)
{
	return wake_fd;
}

bool interrupt_resized(void)
{
	bool was = resized;

	resized = 0;
	return was;
}
