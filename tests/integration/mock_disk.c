/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A block device of bad habits. */
#include "mock_disk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/vring-ipc.h>

#include "test.h"

#define TOGETHER 16
#define PIECES 64
#define GIVES_UP_AFTER 10

struct request {
	struct vri_chain chain;
	struct iovec pieces[PIECES];
};

struct mock {
	enum mock_disk_habit habit;
	unsigned answered;
	struct request requests[TOGETHER];
	char data[MOCK_DISK_SIZE];
};

static uint8_t status_of(const struct mock *mock)
{
	switch (mock->habit) {
	case MOCK_DISK_FAILS:
		return VIRTIO_BLK_S_IOERR;
	case MOCK_DISK_KNOWS_NOTHING:
		return VIRTIO_BLK_S_UNSUPP;
	case MOCK_DISK_LIES:
		return 99;
	default:
		return VIRTIO_BLK_S_OK;
	}
}

/* Reads and writes as a disk would; the test's own driver stays within the limits. */
static void move(struct mock *mock, const struct vri_chain *chain)
{
	struct virtio_blk_outhdr header = { 0 };
	uint64_t offset;
	uint32_t len;

	vri_chain_read(chain, 0, &header, sizeof(header));
	offset = le64toh(header.sector) * 512;
	if (le32toh(header.type) == VIRTIO_BLK_T_IN) {
		len = chain->writable_len - 1;
		if (offset + len <= MOCK_DISK_SIZE)
			vri_chain_write(chain, 0, mock->data + offset, len);
	} else if (le32toh(header.type) == VIRTIO_BLK_T_GET_ID &&
		   mock->habit == MOCK_DISK_COLOURS) {
		vri_chain_write(chain, 0, MOCK_DISK_ID, sizeof(MOCK_DISK_ID));
	} else if (le32toh(header.type) == VIRTIO_BLK_T_OUT && mock->habit != MOCK_DISK_FORGETS) {
		len = chain->readable_len - (uint32_t)sizeof(header);
		if (offset + len <= MOCK_DISK_SIZE)
			vri_chain_read(chain, sizeof(header), mock->data + offset, len);
	}
}

static int answer(struct mock *mock, struct vri_devq *q, const struct vri_chain *chain)
{
	uint8_t status = status_of(mock);

	move(mock, chain);
	vri_chain_write(chain, chain->writable_len - 1, &status, 1);
	mock->answered++;
	return vri_devq_push(q, chain, chain->writable_len);
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct mock *mock = vri_device_data(vri_instance_device(inst));
	struct vri_devq *q = vri_instance_devq(inst, queue);
	int n = 0, r = 1;

	if (mock->habit == MOCK_DISK_GIVES_UP && mock->answered >= GIVES_UP_AFTER) {
		vri_instance_fail(inst, "the mock has had enough");
		return 0;
	}
	while (r == 1 && n < TOGETHER) {
		struct request *request = &mock->requests[n];

		request->chain.iov = request->pieces;
		request->chain.iov_max = PIECES;
		r = vri_devq_pop(q, &request->chain);
		n += r == 1;
	}
	for (int i = 0; r >= 0 && i < n; i++) {
		int turn = mock->habit == MOCK_DISK_BACKWARDS ? n - 1 - i : i;
		int pushed = answer(mock, q, &mock->requests[turn].chain);

		if (pushed < 0)
			r = pushed;
	}
	return r;
}

static const struct vri_device_ops ops = {
	.size = sizeof(ops),
	.process = process,
};

static struct mock the_mock;

static _Noreturn void serve(const char *address, enum mock_disk_habit habit, int ready_fd)
{
	struct virtio_blk_config config = { .capacity = htole64(MOCK_DISK_SIZE / 512) };
	const struct vri_device_info info = {
		.size = sizeof(info),
		.type = VRI_BLK_TYPE,
		.name = "mock",
		.device_id = VRI_ID_BLOCK,
		.config = &config,
		.config_size = sizeof(config),
	};
	struct vri_listener *listener = NULL;
	struct vri_device *dev = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	the_mock.habit = habit;
	if (vri_device_new(&info, &ops, &the_mock, &dev) < 0 ||
	    vri_listener_open(&listener, address, dev, NULL) < 0)
		_exit(1);
	if (write(ready_fd, "\n", 1) != 1)
		_exit(2);
	while (vri_listener_wait(listener, -1) == 0)
		;
	_exit(3);
}

void mock_disk_start(struct mock_disk *disk, const char *address, enum mock_disk_habit habit)
{
	int ready[2];
	char newline;

	t_sys(pipe2(ready, O_CLOEXEC));
	disk->pid = fork();
	t_sys(disk->pid);
	if (disk->pid == 0)
		serve(address, habit, ready[1]);
	close(ready[1]);
	if (read(ready[0], &newline, 1) != 1)
		t_fail("the mock did not start");
	close(ready[0]);
}

void mock_disk_stop(struct mock_disk *disk)
{
	int status;

	t_sys(kill(disk->pid, SIGKILL));
	t_eq(waitpid(disk->pid, &status, 0), disk->pid);
	/* It ended because of us, not before. */
	t_true(WIFSIGNALED(status));
}
