/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A disk image in a folder of its own, served by `vring serve blk`. */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include "program.h"
#include "tmpdir.h"

#define MIB 1048576u

struct disk {
	struct tmpdir dir;
	const char *address, *socket, *image;
	const char *file, *copy; /* for the test to make */
	struct program server;
};

/* Makes the folder and an image of @size bytes that are not zero. */
void disk_prepare(struct disk *d, size_t size);
/* Serves it, too. */
void disk_open(struct disk *d, size_t size);
/* The same with a sparse image, for sizes that would take long to write. */
void disk_open_sparse(struct disk *d, size_t size);
/* Ends the server, which must exit with 0, and removes the folder. */
void disk_close(struct disk *d);
/* Kills the server instead. */
void disk_kill_server(struct disk *d);

/* Checks that the bytes of the file are those of @whole from @offset on. */
void same_bytes(const char *path, const char *whole, size_t offset);

#endif
