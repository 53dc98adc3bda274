/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A disk image in a folder of its own, served by `vring serve blk`. */
#include "disk.h"

#include <signal.h>
#include <stdlib.h>

#include "test.h"

static void make_folder(struct disk *d)
{
	tmpdir_open(&d->dir);
	d->address = tmpdir_unix(&d->dir, "s");
	d->socket = tmpdir_file(&d->dir, "s");
	d->image = tmpdir_file(&d->dir, "image");
	d->file = tmpdir_file(&d->dir, "file");
	d->copy = tmpdir_file(&d->dir, "copy");
}

static void serve(struct disk *d)
{
	server_start(&d->server, "blk", "--listen", d->address, "--image", d->image, NULL);
}

void disk_prepare(struct disk *d, size_t size)
{
	make_folder(d);
	make_file(d->image, size, 99);
}

void disk_open(struct disk *d, size_t size)
{
	disk_prepare(d, size);
	serve(d);
}

void disk_open_sparse(struct disk *d, size_t size)
{
	make_folder(d);
	make_image(d->image, size);
	serve(d);
}

void disk_close(struct disk *d)
{
	server_stop(&d->server);
	tmpdir_close(&d->dir);
}

void disk_kill_server(struct disk *d)
{
	t_sys(kill(d->server.pid, SIGKILL));
	t_eq(program_finish(&d->server), -SIGKILL);
	program_free(&d->server);
}

void same_bytes(const char *path, const char *whole, size_t offset)
{
	struct bytes a = read_file(path), b = read_file(whole);

	t_le(offset + a.len, b.len);
	t_mem_eq(a.data, b.data + offset, a.len);
	free(a.data);
	free(b.data);
}
