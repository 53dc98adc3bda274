/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* One mapping: a page that says how long it is and survives fork(), then the bytes that do not. */

#include "private_map.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/compat.h"

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int vri__private_map(size_t size, void **ret_base)
{
	size_t page = page_size();
	size_t whole;
	char *map;

	if (size > SIZE_MAX - 2 * page)
		return -ENOMEM;
	whole = page + ((size + page - 1) & ~(page - 1));
	map = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	if (madvise(map + page, whole - page, MADV_WIPEONFORK) < 0) {
		munmap(map, whole);
		return -EOPNOTSUPP;
	}
	*(size_t *)(void *)map = whole;
	*ret_base = map + page;
	return 0;
}

void vri__private_unmap(void *base)
{
	char *map;

	if (base == NULL)
		return;
	map = (char *)base - page_size();
	munmap(map, *(size_t *)(void *)map);
}
