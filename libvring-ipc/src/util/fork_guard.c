/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The guard is a page of its own with MADV_WIPEONFORK (Linux 4.14). */
#include "util/fork_guard.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "util/compat.h"

int fork_guard_init(struct fork_guard *guard)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	unsigned *word =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (word == MAP_FAILED)
		return -ENOMEM;
	if (madvise(word, size, MADV_WIPEONFORK) < 0) {
		munmap(word, size);
		return -ENOMEM;
	}
	*word = 1;
	guard->word = word;
	return 0;
}

void fork_guard_fini(struct fork_guard *guard)
{
	if (guard->word)
		munmap((void *)(uintptr_t)guard->word, (size_t)sysconf(_SC_PAGESIZE));
	guard->word = NULL;
}
