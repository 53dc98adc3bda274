/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The end of a copy that is not the device: a file, read and written at offsets, or a stream. */
#include "blk_copy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"

int copy_file_error(struct copy *c, int error)
{
	if (error != -EINTR) {
		cmd_fail("%s: %s", c->name, strerror(-error));
		c->explained = true;
	}
	return error;
}

/* Returns: 0; -EINTR; -ENODATA when the file ends before; a negative errno. */
static int read_at(int fd, void *buf, size_t len, uint64_t at)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, (char *)buf + have, len - have, (off_t)(at + have));

		if (n == 0)
			return -ENODATA;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (interrupt_signal())
			return -EINTR;
		have += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_at(int fd, const void *buf, size_t len, uint64_t at)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pwrite(fd, (const char *)buf + have, len - have, (off_t)(at + have));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (interrupt_signal())
			return -EINTR;
		have += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int file_read_error(struct copy *c, int error)
{
	if (error != -ENODATA)
		return copy_file_error(c, error);
	cmd_fail("%s: became shorter while it was read", c->name);
	c->explained = true;
	return error;
}

static void make_ready(struct copy *c, struct copy_slot *slot, uint32_t len)
{
	slot->at = c->next;
	slot->want = slot->len = len;
	slot->step = COPY_MOVE;
	slot->state = COPY_READY;
	c->next += len;
	if (slot->mine)
		memcpy(slot->mine, slot->buf, len);
}

/* ---- to the device ---- */

static int fill_from_file(struct copy *c, struct copy_slot *slot)
{
	uint64_t rest = c->length - c->next;
	uint32_t len = rest < c->request_size ? (uint32_t)rest : c->request_size;
	unsigned part = len % VRI_BLK_SECTOR;
	int r = read_at(c->fd, slot->buf, len, c->next);

	if (r < 0)
		return file_read_error(c, r);
	if (part) {
		len -= part;
		memcpy(c->tail, (char *)slot->buf + len, part);
		c->tail_len = part;
		c->length -= part;
	}
	if (len == 0)
		return 0;
	make_ready(c, slot, len);
	return 1;
}

/* The stream ended, or gave all that was wanted: what is there is sent, but for part of a sector. */
static int end_stream(struct copy *c, struct copy_slot *slot)
{
	unsigned part = c->filled % VRI_BLK_SECTOR;
	uint32_t len = c->filled - part;

	memcpy(c->tail, (char *)slot->buf + len, part);
	c->tail_len = part;
	c->length = c->next + len;
	c->filling = NULL;
	if (len == 0)
		return 0;
	make_ready(c, slot, len);
	return 1;
}

/* Returns: as read(), 0 at the end; -EAGAIN when there is nothing now. */
static ssize_t read_some(int fd, void *buf, size_t len)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&ready, 1, 0) == 0)
		return -EAGAIN;
	n = read(fd, buf, len);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return n;
}

static int fill_from_stream(struct copy *c, struct copy_slot *slot)
{
	uint64_t room = c->info.capacity - c->offset;

	/* A slot that is half full goes on; no other may take the bytes that follow. */
	if (!c->filling) {
		c->filling = slot;
		c->filled = 0;
	}
	slot = c->filling;
	while (c->filled < c->request_size && c->next + c->filled < c->length) {
		uint64_t rest = c->length - c->next - c->filled;
		uint32_t space = c->request_size - c->filled;
		ssize_t n = read_some(c->fd, (char *)slot->buf + c->filled,
				      rest < space ? (size_t)rest : space);

		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return copy_file_error(c, (int)n);
		if (n == 0)
			return end_stream(c, slot);
		c->filled += (uint32_t)n;
		if (c->next + c->filled > room) {
			cmd_fail("%s: goes on after the end of the device, at %llu bytes", c->name,
				 (unsigned long long)room);
			c->explained = true;
			return -ENOSPC;
		}
	}
	if (c->next + c->filled == c->length)
		return end_stream(c, slot);
	c->filling = NULL;
	make_ready(c, slot, c->filled);
	return 1;
}

int copy_fill(struct copy *c, struct copy_slot *slot)
{
	return c->stream ? fill_from_stream(c, slot) : fill_from_file(c, slot);
}

/* ---- what the device has answered ---- */

static void finish(struct copy *c, struct copy_slot *slot)
{
	c->stats.bytes += slot->want;
	slot->state = COPY_FREE;
}

/* The bytes that the device gives now against those that it was given or gave before. */
static int compare(struct copy *c, struct copy_slot *slot)
{
	const unsigned char *is = slot->buf, *was = slot->mine;
	int r = c->to_device ? 0 : read_at(c->fd, slot->mine, slot->want, slot->at);

	if (r < 0)
		return file_read_error(c, r);
	for (uint32_t i = 0; i < slot->want; i++) {
		if (is[i] == was[i])
			continue;
		cmd_fail("%s: verification failed: the device holds another byte at offset %llu",
			 c->drive->address, (unsigned long long)(c->offset + slot->at + i));
		c->explained = true;
		return -EBADMSG;
	}
	finish(c, slot);
	return 0;
}

int copy_done(struct copy *c, struct copy_slot *slot)
{
	if (slot->step == COPY_CHECK)
		return compare(c, slot);
	if (!c->to_device && c->stream) {
		slot->state = COPY_HELD;
		return 0;
	}
	if (!c->to_device) {
		int r = write_at(c->fd, slot->buf, slot->want, slot->at);

		if (r < 0)
			return copy_file_error(c, r);
	}
	if (!c->verify) {
		finish(c, slot);
		return 0;
	}
	/* What is left of the first pass must not be what the second one finds. */
	memset(slot->buf, 0xa5, slot->len);
	slot->step = COPY_CHECK;
	slot->state = COPY_READY;
	return 0;
}

static struct copy_slot *next_in_turn(struct copy *c)
{
	for (unsigned i = 0; i < c->n_slots; i++) {
		if (c->slots[i].state == COPY_HELD && c->slots[i].at == c->delivered)
			return &c->slots[i];
	}
	return NULL;
}

int copy_deliver(struct copy *c)
{
	struct copy_slot *slot;

	if (c->to_device || !c->stream)
		return 0;
	while ((slot = next_in_turn(c))) {
		int r = drive_write_all(c->fd, slot->buf, slot->want);

		if (r < 0)
			return copy_file_error(c, r);
		c->delivered += slot->want;
		finish(c, slot);
	}
	return 0;
}
