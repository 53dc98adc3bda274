/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The block device with bad requests, bad files, drivers that go away; and the driver with a device
 * that lies. After each of them the next good request works. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk_rig.h"
#include "test.h"

#define MIB (1024 * 1024)

typedef const char *engine_text;
static const engine_text engines[] = { "io=uring", "io=sync" };

/* ---- bad requests ---- */

static void still_works(struct blk_rig *rig)
{
	uint8_t *buf = rig_alloc(rig, 512);
	struct raw raw;

	memset(buf, 0xee, 512);
	raw_begin(rig, &raw, VIRTIO_BLK_T_IN, 0);
	raw_writable(&raw, buf, 512);
	t_eq(raw_finish(rig, &raw), VIRTIO_BLK_S_OK);
	t_eq(raw.used_len, 513);
	vri_pool_free(rig->pool, buf);
}

struct bad {
	uint32_t type;
	uint64_t sector;
	size_t out, in;
	uint8_t status;
};

static const struct bad bad_requests[] = {
	{ VIRTIO_BLK_T_IN, MIB / 512, 0, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, MIB / 512 - 1, 0, 1024, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, UINT64_MAX, 0, 512, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, 1ull << 55, 512, 0, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_IN, 0, 0, 511, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_OUT, 0, 513, 0, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_SCSI_CMD, 0, 512, 0, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 0, VIRTIO_BLK_S_UNSUPP },
	{ 0xffffffff, 0, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ VIRTIO_BLK_T_DISCARD, 0, 15, 0, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0, 0, VIRTIO_BLK_S_IOERR },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 4096, 0, VIRTIO_BLK_S_IOERR },
};

/* faults: A26 */
TestEach(blk_fault, bad_request_gets_its_status, bad_requests, struct bad)
{
	struct blk_rig rig;
	struct raw raw;
	uint8_t *buf;

	rig_serve(&rig, MIB, "");
	rig_drive_raw(&rig);
	buf = rig_alloc(&rig, 4096);
	memset(buf, 0, 4096);
	raw_begin(&rig, &raw, param->type, param->sector);
	if (param->out)
		raw_readable(&raw, buf, param->out);
	if (param->in)
		raw_writable(&raw, buf, param->in);
	t_eq(raw_finish(&rig, &raw), param->status);
	t_eq(raw.used_len, param->in + 1);
	still_works(&rig);
	rig_end(&rig);
}

/* faults: A24 */
Test(blk_fault, header_that_is_too_short_is_an_error)
{
	static const size_t lens[] = { 1, 8, 15 };
	struct blk_rig rig;
	struct raw raw;

	rig_serve(&rig, MIB, "");
	rig_drive_raw(&rig);
	for (size_t i = 0; i < 3; i++) {
		raw_begin(&rig, &raw, VIRTIO_BLK_T_IN, 0);
		raw.readable[0].iov_len = lens[i];
		t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_IOERR);
	}
	/* none at all */
	raw_begin(&rig, &raw, VIRTIO_BLK_T_IN, 0);
	raw.n_readable = 0;
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_IOERR);
	still_works(&rig);
	rig_end(&rig);
}

/* proves: dev:2.7f/1 */
/* faults: A25 */
Test(blk_fault, header_in_single_bytes_is_understood)
{
	struct blk_rig rig;
	struct raw raw;
	uint8_t *buf;

	rig_serve(&rig, MIB, "");
	rig_drive_raw(&rig);
	t_eq(pwrite(rig.fd, "needle", 6, 5 * 512), 6);
	buf = rig_alloc(&rig, 512);
	raw_begin(&rig, &raw, VIRTIO_BLK_T_IN, 5);
	raw.n_readable = 0;
	for (size_t i = 0; i < sizeof(*raw.header); i++)
		raw_readable(&raw, (uint8_t *)raw.header + i, 1);
	for (size_t i = 0; i < 64; i++)
		raw_writable(&raw, buf + i * 8, 8);
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_OK);
	t_mem_eq(buf, "needle", 6);
	rig_end(&rig);
}

/* More pieces than the device said it wants: served all the same, also two at once. */
Test(blk_fault, more_pieces_than_announced_are_served)
{
	struct blk_rig rig;
	struct raw raw;
	uint8_t *buf;

	rig_serve(&rig, MIB, "seg=2");
	rig_drive_raw(&rig);
	buf = rig_alloc(&rig, 512);
	for (int i = 0; i < 3; i++) {
		raw_begin(&rig, &raw, VIRTIO_BLK_T_IN, 0);
		for (size_t n = 0; n < 128; n++)
			raw_writable(&raw, buf + n * 4, 4);
		t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_OK);
	}
	still_works(&rig);
	rig_end(&rig);
}

Test(blk_fault, request_without_status_comes_back_empty)
{
	struct blk_rig rig;
	struct raw raw;
	uint8_t *buf;

	rig_serve(&rig, MIB, "");
	rig_drive_raw(&rig);
	buf = rig_alloc(&rig, 512);
	memset(buf, 1, 512);
	raw_begin(&rig, &raw, VIRTIO_BLK_T_OUT, 0);
	raw_readable(&raw, buf, 512);
	t_eq(raw_do(&rig, &raw), RAW_UNTOUCHED);
	t_eq(raw.used_len, 0);
	t_eq(pread(rig.fd, buf, 512, 0), 512);
	t_eq(buf[0], 0);
	still_works(&rig);
	rig_end(&rig);
}

Test(blk_fault, read_only_disk_is_not_written)
{
	struct blk_rig rig;
	struct raw raw;
	uint8_t *buf;

	rig_serve(&rig, MIB, "ro=1");
	rig_drive_raw(&rig);
	buf = rig_alloc(&rig, 512);
	memset(buf, 1, 512);
	raw_begin(&rig, &raw, VIRTIO_BLK_T_OUT, 0);
	raw_readable(&raw, buf, 512);
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_IOERR);
	t_eq(pread(rig.fd, buf, 512, 0), 512);
	t_eq(buf[0], 0);
	raw_begin(&rig, &raw, VIRTIO_BLK_T_DISCARD, 0);
	raw_readable(&raw, buf, 16);
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_UNSUPP);
	still_works(&rig);
	rig_end(&rig);
}

Test(blk_fault, several_ranges_in_one_request)
{
	static const uint8_t none[512];
	struct virtio_blk_discard_write_zeroes *ranges;
	uint8_t ones[4096], back[4096];
	struct blk_rig rig;
	struct raw raw;

	rig_serve(&rig, MIB, "ranges=3");
	rig_drive_raw(&rig);
	memset(ones, 1, sizeof(ones));
	t_eq(pwrite(rig.fd, ones, 4096, 0), 4096);
	ranges = rig_alloc(&rig, 4 * sizeof(*ranges));
	for (unsigned i = 0; i < 4; i++) {
		ranges[i].sector = htole64(i * 2);
		ranges[i].num_sectors = htole32(1);
		ranges[i].flags = 0;
	}
	raw_begin(&rig, &raw, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	raw_readable(&raw, ranges, 3 * sizeof(*ranges));
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_OK);
	t_eq(pread(rig.fd, back, 4096, 0), 4096);
	for (unsigned i = 0; i < 8; i++)
		t_mem_eq(back + i * 512, i % 2 == 0 && i < 6 ? none : ones, 512);
	raw_begin(&rig, &raw, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	raw_readable(&raw, ranges, 4 * sizeof(*ranges));
	t_eq(raw_finish(&rig, &raw), VIRTIO_BLK_S_IOERR);
	rig_end(&rig);
}

/* ---- memory that vanishes ---- */

/* faults: A30 */
TestEach(blk_fault, holes_in_buffers_are_zeros_and_no_signal, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t *buf;
	void *base;
	int fd;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	fd = memfd_create("buffers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	t_sys(fd);
	t_sys(ftruncate(fd, MIB));
	t_sys(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	t_ok(vri_driver_add_memory(rig.drv, fd, 0, MIB, VRI_ACCESS_READ_WRITE, &base));
	buf = base;
	for (int i = 0; i < 50; i++) {
		struct iovec iov = { buf, MIB / 2 };
		struct vri_blk_done done[2];
		int n = 0;

		memset(buf, 0x33, MIB);
		t_ok(vri_blk_write(rig.blk, 0, 0, &iov, 1, &rig));
		iov.iov_base = buf + MIB / 2;
		t_ok(vri_blk_read(rig.blk, 0, MIB / 2, &iov, 1, &rig));
		t_ok(vri_blk_kick(rig.blk, 0));
		t_sys(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * 4096,
				MIB - i * 4096));
		while (n < 2) {
			int r = vri_blk_wait(rig.blk, 0, done, 2, PATIENCE_MS);

			t_gt(r, 0);
			for (int d = 0; d < r; d++)
				t_eq(done[d].result, 0);
			n += r;
		}
	}
	/* One that was there before the device looks: what it writes to the disk are zeros, up to where bytes are. */
	memset(buf, 0x33, 8192);
	t_sys(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	t_eq(rig_write(&rig, 0, buf, 8192), 0);
	memset(buf, 0x55, 8192);
	t_eq(rig_read(&rig, 0, buf, 8192), 0);
	for (int i = 0; i < 8192; i++)
		t_eq(buf[i], i < 4096 ? 0 : 0x33);
	close(fd);
	rig_end(&rig);
}

/* ---- bad files ---- */

TestEach(blk_fault, file_that_shrinks_fails_only_what_is_missing, engines, engine_text)
{
	static const uint8_t none[4096];
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 8192);
	memset(buf, 1, 8192);
	t_ok(rig_write(&rig, 0, buf, 8192));
	t_sys(ftruncate(rig.fd, 4096));
	memset(buf, 2, 8192);
	t_errno_eq(rig_read(&rig, 0, buf, 8192), -EIO);
	t_mem_eq(buf + 4096, none, 4096);
	t_errno_eq(rig_read(&rig, MIB - 512, buf, 512), -EIO);
	t_ok(rig_read(&rig, 0, buf, 4096));
	t_eq(buf[4095], 1);
	t_ok(rig_flush(&rig));
	/* a write makes it longer again */
	t_ok(rig_write(&rig, MIB - 512, buf, 512));
	t_ok(rig_read(&rig, 0, buf, 8192));
	rig_end(&rig);
}

TestEach(blk_fault, file_that_is_deleted_lives_on, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, MIB, *param);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 512);
	t_sys(unlink(rig.path));
	t_ok(rig_write(&rig, 0, buf, 512));
	t_ok(rig_read(&rig, 0, buf, 512));
	rig_end(&rig);
}

/* A file system of 256 KiB, private to this test and the server that it starts. */
static void mount_small(const char *path)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("small", path, "tmpfs", 0, "size=256k") < 0)
		t_skip("no small file system can be mounted here: %s", strerror(errno));
}

TestEach(blk_fault, full_disk_fails_writes_only, engines, engine_text)
{
	unsigned failed = 0, written = 0;
	struct blk_rig rig;
	char options[256];
	uint8_t *buf;
	const char *folder, *path;

	rig_need_io(*param);
	memset(&rig, 0, sizeof(rig));
	harness_begin(&rig.h, harness_transport());
	folder = tmpdir_file(&rig.h.dir, "small");
	t_sys(mkdir(folder, 0700));
	mount_small(folder);
	path = harness_file(&rig.h, "small/image", MIB);
	rig.fd = open(path, O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "path=%s %s", path, *param);
	harness_serve(&rig.h, "blk", options);
	rig_drive(&rig, NULL, NULL);

	buf = rig_alloc(&rig, 65536);
	memset(buf, 1, 65536);
	for (uint64_t i = 0; i < MIB / 65536; i++) {
		int r = rig_write(&rig, i * 65536, buf, 65536);

		t_true(r == 0 || r == -EIO);
		failed += r < 0;
		written += r == 0;
	}
	t_gt(failed, 0);
	t_gt(written, 0);
	t_ok(rig_read(&rig, 0, buf, 65536));
	t_eq(buf[0], 1);
	t_ok(rig_flush(&rig));
	/* Room again: writes work again. */
	t_ok(rig_discard(&rig, 0, MIB));
	t_ok(rig_write(&rig, MIB - 65536, buf, 65536));

	rig_hang_up(&rig);
	close(rig.fd);
	harness_stop(&rig.h);
	t_sys(umount2(folder, MNT_DETACH));
	harness_end(&rig.h);
}

/* ---- drivers that go away ---- */

/* Real data, and none of it in memory: reads take their time, where the file is on a disk. */
static void fill_image(struct blk_rig *rig, size_t size)
{
	static uint8_t bytes[MIB];

	memset(bytes, 0x99, sizeof(bytes));
	for (size_t at = 0; at < size; at += MIB)
		t_eq(pwrite(rig->fd, bytes, MIB, (off_t)at), MIB);
	t_sys(fsync(rig->fd));
}

static void forget_image(struct blk_rig *rig)
{
	t_eq(posix_fadvise(rig->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

TestEach(blk_fault, reset_with_requests_in_the_kernel, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, 16 * MIB, *param);
	fill_image(&rig, 16 * MIB);
	for (int i = 0; i < 20; i++) {
		rig_drive(&rig, NULL, NULL);
		forget_image(&rig);
		buf = rig_alloc(&rig, 512 * 1024);
		for (uint64_t n = 0; n < 32; n++) {
			struct iovec iov = { buf, 512 * 1024 };

			t_ok(vri_blk_read(rig.blk, 0, n * 512 * 1024, &iov, 1, &rig));
		}
		t_ok(vri_blk_kick(rig.blk, 0));
		t_ok(vri_link_dispatch(rig.link)); /* over loop: the device's turn */
		vri_blk_close(rig.blk);
		/* The reset is over: no late read may write here now. */
		memset(buf, 0x44, 512 * 1024);
		t_ok(vri_blk_open(rig.drv, NULL, &rig.blk));
		for (size_t at = 0; at < 512 * 1024; at++)
			t_eq(buf[at], 0x44);
		rig_hang_up(&rig);
	}
	rig_end(&rig);
}

/* The link ends without a reset, as when the driver's program dies. */
TestEach(blk_fault, link_that_closes_with_requests_in_the_kernel, engines, engine_text)
{
	struct blk_rig rig;
	uint8_t *buf;

	rig_serve(&rig, 16 * MIB, *param);
	fill_image(&rig, 16 * MIB);
	for (int i = 0; i < 20; i++) {
		struct raw raw[32], flush;

		rig_drive_raw(&rig);
		forget_image(&rig);
		buf = rig_alloc(&rig, 512 * 1024);
		for (uint64_t n = 0; n < 32; n++) {
			raw_begin(&rig, &raw[n], VIRTIO_BLK_T_IN, n * 1024);
			raw_writable(&raw[n], buf, 512 * 1024);
			raw_writable(&raw[n], raw[n].status, 1);
			t_ok(vri_drvq_add(rig.q, raw[n].readable, 1, raw[n].writable, 2, &raw[n]));
		}
		raw_begin(&rig, &flush, VIRTIO_BLK_T_FLUSH, 0);
		raw_writable(&flush, flush.status, 1);
		t_ok(vri_drvq_add(rig.q, flush.readable, 1, flush.writable, 1, &flush));
		t_ok(vri_drvq_kick(rig.q));
		t_ok(vri_link_dispatch(rig.link)); /* over loop: the device's turn */
		rig_hang_up(&rig);
	}
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 512);
	t_ok(rig_read(&rig, 0, buf, 512));
	rig_end(&rig);
}

/* ---- devices that lie ---- */

struct config_case {
	const char *options;
	int error;
};

static const struct config_case absurd_configs[] = {
	{ "numqueues=0", -EPROTO },
	{ "numqueues=65535", -EPROTO },
	{ "numqueues=2", -EPROTO },
	{ "blksize=0", -EPROTO },
	{ "blksize=3000", -EPROTO },
	{ "blksize=256", -EPROTO },
	{ "blksize=0x80000000", -EPROTO },
	{ "capacity=-1", -EPROTO },
	{ "segmax=0", -EPROTO },
	{ "sizemax=0", -EPROTO },
	{ "physexp=255", -EPROTO },
	{ "discardseg=0", -EPROTO },
	{ "confsize=4", -EPROTO },
	{ "confsize=35", -EPROTO },
	{ "segmax=0xffffffff", 0 },
	{ "capacity=0", 0 },
	{ "confsize=48", 0 },
};

/* proves: drv:2.5/3 */
/* faults: B16 */
TestEach(blk_fault, absurd_config_is_refused, absurd_configs, struct config_case)
{
	struct vri_link *link;
	struct vri_blk *blk = NULL;
	struct harness h;
	int r;

	harness_begin(&h, harness_transport());
	harness_serve(&h, "badblk", param->options);
	link = harness_link(&h, NULL);
	r = vri_blk_open(vri_link_driver(link), NULL, &blk);
	t_eq(r, param->error);
	if (r < 0)
		t_true(vri_driver_status(vri_link_driver(link)) & VRI_STATUS_FAILED);
	vri_blk_close(blk);
	vri_link_close(link);
	harness_end(&h);
}

/* Fields whose feature is not offered hold anything, and mean nothing.
 * proves: drv:2.5/2 */
Test(blk_fault, fields_without_their_feature_are_not_read)
{
	struct vri_blk_info info;
	struct blk_rig rig;

	memset(&rig, 0, sizeof(rig));
	rig.fd = -1;
	harness_begin(&rig.h, harness_transport());
	harness_serve(&rig.h, "badblk",
		      "bare=1 blksize=3 segmax=0 sizemax=0 numqueues=0 physexp=255 discardseg=0");
	rig_drive(&rig, NULL, NULL);
	vri_blk_get_info(rig.blk, &info);
	t_eq(info.capacity, 1024 * 512);
	t_eq(info.block_size, 512);
	t_eq(info.seg_max, 1);
	t_eq(info.size_max, UINT32_MAX);
	t_eq(info.n_queues, 1);
	t_false(info.flush);
	t_false(info.discard);
	rig_hang_up(&rig);
	harness_end(&rig.h);
}

struct answer_case {
	const char *options;
	int read, flush;
};

static const struct answer_case lying_answers[] = {
	{ "status=0", 0, 0 },
	{ "status=1", -EIO, -EIO },
	{ "status=2", -EOPNOTSUPP, -EOPNOTSUPP },
	{ "status=3", -EPROTO, -EPROTO },
	{ "status=255", -EPROTO, -EPROTO },
	{ "used=0", -EPROTO, -EPROTO },
	{ "used=1", -EPROTO, 0 },
};

/* proves: drv:2.7u/1 */
TestEach(blk_fault, answer_that_is_none_is_an_error, lying_answers, struct answer_case)
{
	struct blk_rig rig;
	uint8_t *buf;

	memset(&rig, 0, sizeof(rig));
	rig.fd = -1;
	harness_begin(&rig.h, harness_transport());
	harness_serve(&rig.h, "badblk", param->options);
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 512);
	t_eq(rig_read(&rig, 0, buf, 512), param->read);
	t_eq(rig_flush(&rig), param->flush);
	rig_hang_up(&rig);
	harness_end(&rig.h);
}

/* faults: B10 */
Test(blk_fault, answer_that_keeps_changing_is_read_once)
{
	struct blk_rig rig;
	uint8_t *buf;

	memset(&rig, 0, sizeof(rig));
	harness_begin(&rig.h, harness_transport());
	harness_serve(&rig.h, "badblk", "flip=1");
	rig_drive(&rig, NULL, NULL);
	buf = rig_alloc(&rig, 512);
	for (int i = 0; i < 1000; i++) {
		int r = rig_read(&rig, 0, buf, 512);

		t_true(r == 0 || r == -EIO || r == -EOPNOTSUPP || r == -EPROTO);
		t_eq(vri_blk_in_flight(rig.blk, 0), 0);
	}
	rig_hang_up(&rig);
	harness_end(&rig.h);
}
