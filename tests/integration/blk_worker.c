/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * A driver that works on a part of a disk and checks what it reads: blk_worker ADDRESS OFFSET LENGTH
 * SEED. It writes "ready" when it begins, ends when its standard input does, with 0 when all of its
 * part reads as it was written, and says how many requests that were.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include <vring-ipc/devices/blk.h>
#include <vring-ipc/vring-ipc.h>

#define PIECE 8192u /* bytes of one request; pieces do not overlap */
#define DEPTH 32
#define PATIENCE_MS 30000

struct request {
	uint8_t *buf;
	unsigned piece;
	bool write;
	uint8_t version;
};

struct worker {
	struct vri_blk *blk;
	uint64_t offset, length, seed;
	unsigned n_pieces;
	uint8_t *version; /* of each piece: what was written there last; 0: by others */
	bool *busy;
	struct request request[DEPTH];
	struct request *idle[DEPTH];
	unsigned n_idle;
	unsigned long n_done;
};

static uint64_t next(struct worker *w)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return w->seed >> 33;
}

/* Every 8 bytes tell where they belong and in which version. */
static void fill(const struct worker *w, uint8_t *buf, unsigned piece, uint8_t version)
{
	for (unsigned i = 0; i < PIECE; i += 8) {
		uint64_t word = (w->offset + (uint64_t)piece * PIECE + i) * 251 + version;

		memcpy(buf + i, &word, 8);
	}
}

static bool begin(struct worker *w, unsigned piece, bool write)
{
	struct request *request = w->idle[--w->n_idle];
	uint64_t at = w->offset + (uint64_t)piece * PIECE;
	struct iovec iov = { request->buf, PIECE };
	int r;

	w->busy[piece] = true;
	request->piece = piece;
	request->write = write;
	if (write) {
		/* 1 to 255, then 1 again */
		w->version[piece] = (uint8_t)(w->version[piece] % 255 + 1);
		fill(w, request->buf, piece, w->version[piece]);
		r = vri_blk_write(w->blk, 0, at, &iov, 1, request);
	} else {
		memset(request->buf, 0xee, PIECE);
		r = vri_blk_read(w->blk, 0, at, &iov, 1, request);
	}
	if (r < 0)
		fprintf(stderr, "blk_worker: request: %s\n", vri_strerror(r));
	return r >= 0;
}

static bool check(const struct worker *w, const struct vri_blk_done *done)
{
	const struct request *request = done->token;
	uint8_t want[PIECE];

	if (done->result < 0) {
		fprintf(stderr, "blk_worker: answer: %s\n", vri_strerror(done->result));
		return false;
	}
	if (w->version[request->piece] == 0)
		return true;
	fill(w, want, request->piece, w->version[request->piece]);
	if (memcmp(request->buf, want, PIECE) == 0)
		return true;
	fprintf(stderr, "blk_worker: wrong data at piece %u\n", request->piece);
	return false;
}

static bool collect(struct worker *w)
{
	struct vri_blk_done done[DEPTH];
	int n = vri_blk_wait(w->blk, 0, done, DEPTH, PATIENCE_MS);

	if (n <= 0)
		fprintf(stderr, "blk_worker: wait: %s\n", n ? vri_strerror(n) : "time is over");
	for (int i = 0; i < n; i++) {
		struct request *request = done[i].token;

		if (!check(w, &done[i]))
			return false;
		w->busy[request->piece] = false;
		w->idle[w->n_idle++] = request;
		w->n_done++;
	}
	return n > 0;
}

static bool is_told_to_end(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) != 0;
}

/* Random reads and writes until the end is told; then all of it is read. */
static bool work(struct worker *w)
{
	while (!is_told_to_end()) {
		for (int tries = 0; tries < 2 * DEPTH && w->n_idle > 0; tries++) {
			unsigned piece = (unsigned)(next(w) % w->n_pieces);

			if (!w->busy[piece] && !begin(w, piece, next(w) & 1))
				return false;
		}
		if (!collect(w))
			return false;
	}
	for (unsigned piece = 0; piece < w->n_pieces; piece++) {
		while (w->n_idle == 0 || w->busy[piece]) {
			if (!collect(w))
				return false;
		}
		if (!begin(w, piece, false))
			return false;
	}
	while (w->n_idle < DEPTH) {
		if (!collect(w))
			return false;
	}
	return true;
}

static int start(struct worker *w, struct vri_link *link)
{
	int r = vri_blk_open(vri_link_driver(link), NULL, &w->blk);

	if (r < 0)
		return r;
	w->n_pieces = (unsigned)(w->length / PIECE);
	w->version = calloc(w->n_pieces, sizeof(*w->version));
	w->busy = calloc(w->n_pieces, sizeof(*w->busy));
	for (unsigned i = 0; i < DEPTH; i++) {
		w->request[i].buf = vri_pool_alloc(vri_driver_pool(vri_link_driver(link)), PIECE);
		w->idle[w->n_idle++] = &w->request[i];
		if (!w->request[i].buf)
			return -1;
	}
	return w->version && w->busy ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct worker w;
	struct vri_link *link;
	bool ok;
	int r;

	if (argc != 5)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w.offset = strtoull(argv[2], NULL, 0);
	w.length = strtoull(argv[3], NULL, 0);
	w.seed = strtoull(argv[4], NULL, 0);
	r = vri_link_open(&link, argv[1], NULL);
	if (r >= 0)
		r = start(&w, link);
	if (r < 0) {
		fprintf(stderr, "blk_worker: %s\n", vri_strerror(r));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	ok = work(&w);
	printf("%lu\n", w.n_done);
	vri_blk_close(w.blk);
	vri_link_close(link);
	free(w.version);
	free(w.busy);
	return ok ? 0 : 1;
}
