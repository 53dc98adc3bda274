/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Opens a region for looking: checks the file, maps it read-only, reads the header once. */
#include "inspect/view.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "inspect/packed.h"

/* The largest header that vri__region_parse() accepts: entries may grow up to REGION_ALIGN. */
#define HEADER_MAX (sizeof(struct region_header) + REGION_PARTS_MAX * REGION_ALIGN)

/* Without these seals the owner could cut the file, and a look at the mapping would be SIGBUS. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK) && (seals & F_SEAL_GROW);
}

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EPROTO;
}

/* The table as it stands there, unknown types included; the checks are vri__region_parse()'s. */
static void read_parts(struct vri_inspect *insp, const uint8_t *header, size_t len)
{
	struct region_header h;
	size_t stride;
	unsigned i;

	memcpy(&h, header, sizeof(h));
	stride = le32toh(h.part_size);
	for (i = 0; i < le32toh(h.n_parts) && i < REGION_PARTS_MAX; i++) {
		size_t at = sizeof(h) + i * stride;
		struct region_part *part = &insp->part[i];

		if (at > len || len - at < sizeof(*part))
			break;
		memcpy(part, header + at, sizeof(*part));
		part->type = le32toh(part->type);
		part->version = le32toh(part->version);
		part->offset = le64toh(part->offset);
		part->size = le64toh(part->size);
		part->writer = le32toh(part->writer);
	}
	insp->n_parts = i;
}

/* One private copy of the header feeds both readers, so they cannot see different ones. */
static int read_header(struct vri_inspect *insp, const char **ret_why)
{
	uint64_t len = peek_le32(&insp->peek, offsetof(struct region_header, header_size));
	uint8_t *header;
	int r;

	if (len < sizeof(struct region_header) || len > HEADER_MAX || len > insp->peek.size)
		return refuse(ret_why, "the region has an impossible part table");
	header = malloc((size_t)len);
	if (!header)
		return -ENOMEM;
	peek_copy(&insp->peek, 0, header, (size_t)len);
	r = vri__region_parse(shm_from(header), (size_t)len, &insp->map, ret_why);
	if (r == 0 && insp->map.size > insp->peek.size)
		r = refuse(ret_why, "the region says it is larger than its file");
	if (r == 0) {
		read_parts(insp, header, (size_t)len);
		memcpy(insp->link_id, insp->map.link_id, sizeof(insp->link_id));
	}
	free(header);
	return r;
}

static int map_and_read(int fd, const struct stat *st, struct vri_inspect *insp,
			const char **ret_why)
{
	void *base;

	base = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED) {
		*ret_why = "the region cannot be mapped";
		return -ENOMEM;
	}
	/* A child must not carry the mapping of its parent's inspector around. */
	madvise(base, (size_t)st->st_size, MADV_DONTFORK);
	insp->peek.base = shm_from(base);
	insp->peek.size = (uint64_t)st->st_size;
	insp->dev = st->st_dev;
	insp->ino = st->st_ino;
	return read_header(insp, ret_why);
}

int view_open(int fd, struct vri_inspect **ret_insp, uint8_t ret_link_id[16], const char **ret_why)
{
	struct region_header header;
	struct vri_inspect *insp;
	struct stat st;
	int r;

	*ret_why = NULL;
	/* By pread(), which a file that shrinks cannot turn into a signal. */
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.magic, REGION_MAGIC, sizeof(header.magic)) != 0)
		return -ENOMEDIUM;
	memcpy(ret_link_id, header.link_id, sizeof(header.link_id));
	if (!is_sealed(fd))
		return refuse(ret_why, "the region is not sealed against a change of its size");
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || (uint64_t)st.st_size > REGION_SIZE_MAX)
		return refuse(ret_why, "the region has no possible size");

	insp = calloc(1, sizeof(*insp));
	if (!insp)
		return -ENOMEM;
	r = map_and_read(fd, &st, insp, ret_why);
	if (r < 0) {
		vri_inspect_close(insp);
		return r;
	}
	*ret_insp = insp;
	return 0;
}

void vri_inspect_close(struct vri_inspect *insp)
{
	if (!insp)
		return;
	packed_free(insp->packed);
	if (insp->peek.base)
		munmap(shm_payload(insp->peek.base), (size_t)insp->peek.size);
	free(insp);
}

const void *vri_inspect_base(const struct vri_inspect *insp)
{
	return insp ? shm_payload(insp->peek.base) : NULL;
}

/* A descriptor that cannot write: the kernel then refuses PROT_WRITE for the mapping's whole life.
 */
static int reopen_read_only(int fd)
{
	char path[64];
	int flags = fcntl(fd, F_GETFL);
	int r;

	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_PATH))
		r = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		r = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	}
	return r < 0 ? -errno : r;
}

/* Seals first: asking a file of some other kind for more could wait for whoever serves it. A hole in
 * huge pages can be a SIGBUS. */
static bool is_plain_memfd(int fd)
{
	struct statfs fs;

	return fcntl(fd, F_GET_SEALS) >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

int vri_inspect_open_fd(struct vri_inspect **ret_insp, int fd, char *why, size_t why_size)
{
	const char *reason = NULL;
	uint8_t link_id[16];
	int read_only, r;

	if (!ret_insp || fd < 0)
		return -EINVAL;
	if (!is_plain_memfd(fd)) {
		r = refuse(&reason, "the descriptor is not a memfd of ordinary pages");
		goto out;
	}
	read_only = reopen_read_only(fd);
	if (read_only < 0) {
		r = read_only == -ENOMEM ? -ENOMEM : -EACCES;
		reason = "the descriptor cannot be opened for reading alone";
		goto out;
	}
	r = view_open(read_only, ret_insp, link_id, &reason);
	close(read_only);
	if (r == -ENOMEDIUM)
		r = refuse(&reason, "the file does not begin like a region");
out:
	if (r < 0 && why && why_size)
		snprintf(why, why_size, "%s", reason ? reason : vri_strerror(r));
	return r;
}

void view_id_text(const uint8_t link_id[16], char ret[33])
{
	unsigned i;

	for (i = 0; i < 16; i++)
		snprintf(ret + 2 * i, 3, "%02x", link_id[i]);
}

/* ---- entries of the blocks ---- */

static unsigned room(const struct region_part *part, size_t head, size_t entry)
{
	uint64_t n;

	if (part->size < head)
		return 0;
	n = (part->size - head) / entry;
	return n < VRI_QUEUES_MAX ? (unsigned)n : VRI_QUEUES_MAX;
}

unsigned view_n_queues(const struct vri_inspect *insp)
{
	const struct region_map *map = &insp->map;
	unsigned device = room(&map->device_block, sizeof(struct region_device),
			       sizeof(struct region_device_queue));
	unsigned driver = room(&map->driver_block, sizeof(struct region_driver),
			       sizeof(struct region_driver_queue));
	uint32_t says = peek_le32(&insp->peek, map->driver_block.offset +
						       offsetof(struct region_driver, n_queues));

	if (driver < device)
		device = driver;
	return says < device ? says : device;
}

static bool entry(const struct vri_inspect *insp, const struct region_part *part, uint64_t at,
		  void *ret, size_t len)
{
	uint8_t scratch[sizeof(struct region_device_queue)];

	static_assert(sizeof(scratch) >= sizeof(struct region_driver_queue), "scratch");
	if (at > part->size || len > part->size - at) {
		memset(ret, 0, len);
		return true;
	}
	return peek_stable(&insp->peek, part->offset + at, ret, scratch, len, VIEW_TRIES);
}

bool view_device_queue(const struct vri_inspect *insp, unsigned queue,
		       struct region_device_queue *ret)
{
	return entry(insp, &insp->map.device_block,
		     sizeof(struct region_device) + (uint64_t)queue * sizeof(*ret), ret,
		     sizeof(*ret));
}

bool view_driver_queue(const struct vri_inspect *insp, unsigned queue,
		       struct region_driver_queue *ret)
{
	return entry(insp, &insp->map.driver_block,
		     sizeof(struct region_driver) + (uint64_t)queue * sizeof(*ret), ret,
		     sizeof(*ret));
}

void view_counters(const struct vri_inspect *insp, const struct region_part *part, unsigned queue,
		   struct region_counters *ret)
{
	uint64_t at = (uint64_t)queue * sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	if (part->size >= sizeof(*ret) && at <= part->size - sizeof(*ret))
		peek_copy(&insp->peek, part->offset + at, ret, sizeof(*ret));
}
