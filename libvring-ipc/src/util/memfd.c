/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Sealed memfds: a peer can neither take pages away from under a mapping (SIGBUS) nor change what was checked. */
#include "util/memfd.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/compat.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define ALLOCATE_STEP (64ull << 20)
#define ALLOCATE_STEP_MIN (64ull << 10)

static int create(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* Linux before 6.3 */
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

/* In steps: a signal makes the kernel give back all of what one call had allocated, so that with one large call and a
 * timer that is fast enough there would be no end. A timer may be fast for our steps, too: then they become smaller. */
static int allocate(int fd, uint64_t size)
{
	uint64_t most = ALLOCATE_STEP;

	for (uint64_t done = 0; done < size;) {
		uint64_t step = size - done < most ? size - done : most;

		if (fallocate(fd, 0, (off_t)done, (off_t)step) == 0)
			done += step;
		else if (errno != EINTR)
			return -errno;
		else if (most > ALLOCATE_STEP_MIN)
			most /= 2;
	}
	return 0;
}

/* What the machine could give now, in bytes. Without the question the kernel would look for more, and kill other processes
 * on the way, before it said no. */
static uint64_t memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	struct sysinfo info;
	bool found = false;
	char line[128];

	while (f && !found && fgets(line, sizeof(line), f))
		/* NOLINTNEXTLINE(cert-err34-c): the kernel writes no more digits than fit */
		found = sscanf(line, "MemAvailable: %llu kB", &kib) == 1;
	if (f)
		fclose(f);
	if (found)
		return kib * 1024;
	/* No /proc here: at least not more than there is at all. */
	return sysinfo(&info) < 0 ? UINT64_MAX :
				    ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
}

/* With all its pages, not sealed yet. */
static int make(const char *name, uint64_t size)
{
	int fd, r;

	if (size == 0 || size > INT64_MAX)
		return -EINVAL;
	if (size > memory_available())
		return -ENOMEM;
	fd = create(name);
	if (fd < 0)
		return fd;
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)size) < 0) {
		r = -errno;
		goto fail;
	}
	r = allocate(fd, size);
	if (r < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return r;
}

int memfd_make(const char *name, uint64_t size)
{
	int fd = make(name, size);
	int r;

	if (fd < 0 || fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int memfd_make_read_only(const char *name, uint64_t size, void __shm **ret_base)
{
	int fd = make(name, size);
	int r;

	if (fd < 0)
		return fd;
	r = memfd_map(fd, 0, size, PROT_READ | PROT_WRITE, ret_base);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE) < 0) {
		r = errno == EINVAL ? -EOPNOTSUPP : -errno;
		memfd_unmap(*ret_base, size);
	}
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

int memfd_check(int fd, uint64_t offset, uint64_t size, bool want_seal, const char **ret_why)
{
	int want = F_SEAL_SHRINK | F_SEAL_GROW | (want_seal ? F_SEAL_SEAL : 0);
	struct statfs fs;
	struct stat st;
	int seals;

	/* Only memory files know seals at all: a file, pipe or socket ends here. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return refuse(ret_why, "not a memfd");
	if ((seals & want) != want)
		return refuse(ret_why, "not sealed against shrinking and growing");
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return refuse(ret_why, "cannot be examined");
	if (fs.f_type == HUGETLBFS_MAGIC)
		return refuse(ret_why, "made of huge pages"); /* a hole in one raises SIGBUS */
	if (size == 0 || offset > UINT64_MAX - size || offset + size > (uint64_t)st.st_size)
		return refuse(ret_why, "smaller than announced");
	return 0;
}

bool memfd_has_pages(int fd, uint64_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_blocks * 512 >= size;
}

int memfd_map(int fd, uint64_t offset, size_t size, int prot, void __shm **ret_base)
{
	void *base;

	if (size == 0 || offset > INT64_MAX)
		return -EINVAL;
	base = mmap(NULL, size, prot, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
	if (base == MAP_FAILED)
		return -errno;
	if (madvise(base, size, MADV_DONTFORK) < 0) {
		int r = -errno;

		munmap(base, size);
		return r;
	}
	*ret_base = shm_from(base);
	return 0;
}

void memfd_unmap(void __shm *base, size_t size)
{
	if (base)
		munmap(shm_payload(base), size);
}
