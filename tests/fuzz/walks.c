/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * walks [--chains N] [--jobs N] [--seed N]: has N hostile chains walked by the walkers of both formats,
 * while a peer rewrites some of them between two fetches of a walk, and judges each by itself: pieces
 * in memory that may be used that way, sums, and for a chain that nobody rewrites exactly what it
 * was made to end with. Prints how many ended how. Fails also if too few were of some kind: 20 of 100
 * have to be valid, 5 of 100 to break each rule that a walker knows, 10 of 100 to be rewritten.
 * Built with sanitizers, which see what these checks do not.
 */
#include "walks.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vring-ipc/memory.h>

#include "hostile_access.h"

#define CHAINS 100000000u
#define DECK 1024u

#define VALID_SHARE 20.0
#define RULE_SHARE 5.0
#define REWRITTEN_SHARE 10.0

unsigned hostile_loads_left;

/* ---- what there is to count ---- */

enum kind { SPLIT, SPLIT_TABLE, PACKED, PACKED_TABLE, KINDS };

struct tally {
	uint64_t n[WALK_CLASSES][KINDS];
	uint64_t rewritten[KINDS];
	uint64_t pieces;
};

static struct tally tally;

/* The rules that the walkers know, and their shares in what is made: a bit more than has to be, of
 * 100. The rest is random. */
static const struct {
	unsigned what;
	double share;
} wanted[] = {
	{ VRI_RULE_NONE, 22 },
	{ VRI_RULE_HEAD, 5.4 },
	{ VRI_RULE_NEXT, 5.4 },
	{ VRI_RULE_CHAIN_LENGTH, 5.4 },
	{ VRI_RULE_CHAIN_BYTES, 5.4 },
	{ VRI_RULE_CHAIN_ORDER, 5.4 },
	{ VRI_RULE_ADDRESS, 5.4 },
	{ VRI_RULE_ACCESS, 5.4 },
	{ VRI_RULE_INDIRECT_FEATURE, 5.4 },
	{ VRI_RULE_INDIRECT_NESTED, 5.4 },
	{ VRI_RULE_INDIRECT_NEXT, 5.4 },
	{ VRI_RULE_INDIRECT_SIZE, 5.4 },
	{ VRI_RULE_INDIRECT_ADDRESS, 5.4 },
	{ VRI_RULE_FLAGS, 5.4 },
	{ WALK_NO_ROOM, 1 },
	{ WALK_ANY, 4 },
};
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

static uint64_t sum_of(const uint64_t n[KINDS])
{
	return n[SPLIT] + n[SPLIT_TABLE] + n[PACKED] + n[PACKED_TABLE];
}

/* ---- the peer ---- */

static const struct walk_case *under_way;
static unsigned moves_left;
static bool was_rewritten;

void hostile_peer_moves(void)
{
	if (moves_left == 0)
		return;
	moves_left--;
	was_rewritten |= walks_rewrite(under_way);
	hostile_loads_left = moves_left > 0 ? 1 + walk_below(4) : 0;
}

/* Lets it move before some load of the walk that comes, but for the first. */
static void let_it_move(void)
{
	moves_left = 1 + walk_below(2);
	hostile_loads_left = 2 + walk_below(2 * under_way->n_descs);
}

/* ---- a walk, judged ---- */

static void judge_pieces(const struct walk_case *c, const struct vri_chain *chain)
{
	unsigned n = chain->n_readable + chain->n_writable;
	uint64_t sum[2] = { 0, 0 };

	MUST(n <= c->iov_max && n <= c->source.size);
	for (unsigned i = 0; i < n; i++) {
		const struct iovec *iov = &chain->iov[i];
		const volatile uint8_t *byte = iov->iov_base;
		bool writable = i >= chain->n_readable;

		MUST(in_ranges(walk_ranges, walk_n_ranges, iov->iov_base, iov->iov_len,
			       writable ? VRI_ACCESS_WRITE : VRI_ACCESS_READ));
		(void)byte[0];
		(void)byte[iov->iov_len - 1];
		sum[writable] += iov->iov_len;
	}
	MUST(sum[0] == chain->readable_len && sum[1] == chain->writable_len);
	tally.pieces += n;
}

/* The pieces that it was made of, and no others. */
static void judge_exactly(const struct walk_case *c, const struct vri_chain *chain)
{
	MUST(chain->n_readable == c->n_readable);
	MUST(chain->n_readable + chain->n_writable == c->n_pieces);
	for (unsigned i = 0; i < c->n_pieces; i++)
		MUST(chain->iov[i].iov_base == c->piece[i].iov_base &&
		     chain->iov[i].iov_len == c->piece[i].iov_len);
}

static int walk(struct walk_case *c, struct vri_chain *chain, enum vri_rule *ret_rule)
{
	uint16_t n = 0;
	int r;

	if (!c->packed)
		return vri__chain_walk(&c->source, c->head, chain, ret_rule);
	r = vri__packed_chain_walk(&c->source, &c->list, chain, &n, ret_rule);
	if (r == 0) {
		MUST(n >= 1 && n <= c->list.room && chain->head < c->source.size);
		MUST(was_rewritten || c->meant == WALK_ANY ||
		     (n == c->n_slots && chain->head == c->head));
	}
	return r;
}

static void walk_one(unsigned meant, struct iovec *iov[])
{
	struct walk_case *c = walks_make(meant);
	struct vri_chain chain = { .iov = iov[c->iov_max], .iov_max = c->iov_max };
	enum kind kind = c->packed ? (c->with_table ? PACKED_TABLE : PACKED) :
				     (c->with_table ? SPLIT_TABLE : SPLIT);
	enum vri_rule rule = VRI_RULE_NONE;
	unsigned found;
	int r;

	under_way = c;
	was_rewritten = false;
	hostile_loads_left = 0;
	if (walk_below(100) < 30)
		let_it_move();
	r = walk(c, &chain, &rule);
	MUST(r == 0 || r == -EPROTO || (r == -ENOBUFS && c->iov_max < c->source.size));
	MUST(r != -EPROTO || (rule > VRI_RULE_NONE && rule <= VRI_RULE_FLAGS));
	found = r == 0 ? VRI_RULE_NONE : r == -ENOBUFS ? WALK_NO_ROOM : rule;
	if (r == 0)
		judge_pieces(c, &chain);
	if (!was_rewritten && c->meant != WALK_ANY) {
		MUST(found == c->meant);
		if (r == 0)
			judge_exactly(c, &chain);
	}
	tally.n[found][kind]++;
	tally.rewritten[kind] += was_rewritten;
}

/* ---- a worker ---- */

/* What is made next: more of what there is too little of. */
static void fill_deck(uint16_t deck[DECK], uint64_t done)
{
	double lack[N_WANTED], all = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < N_WANTED; i++) {
		uint64_t have = wanted[i].what < WALK_CLASSES ? sum_of(tally.n[wanted[i].what]) : 0;
		double due = wanted[i].share / 100 * (double)(done + 16 * DECK);

		if (wanted[i].what == WALK_ANY)
			have = (uint64_t)((double)done * wanted[i].share / 100);
		lack[i] = (double)have < due ? due - (double)have : 0;
		all += lack[i];
	}
	for (unsigned i = 0; i < N_WANTED; i++)
		for (unsigned n = (unsigned)(lack[i] / all * DECK); n > 0; n--)
			deck[at++] = (uint16_t)wanted[i].what;
	while (at < DECK)
		deck[at++] = WALK_ANY;
}

static void work(uint64_t n, uint64_t seed, int to)
{
	uint16_t deck[DECK];
	struct iovec *iov[WALK_SIZE_MOST + 1];

	walks_init(seed);
	/* Exactly as long as the walker is told, so that a step too far is seen. */
	for (unsigned i = 0; i <= WALK_SIZE_MOST; i++) {
		iov[i] = malloc(i ? i * sizeof(struct iovec) : 1);
		MUST(iov[i]);
	}
	for (uint64_t i = 0; i < n; i++) {
		if (i % DECK == 0)
			fill_deck(deck, i);
		walk_one(deck[walk_below(DECK)], iov);
	}
	for (unsigned i = 0; i <= WALK_SIZE_MOST; i++)
		free(iov[i]);
	walks_fini();
	MUST(write(to, &tally, sizeof(tally)) == (ssize_t)sizeof(tally));
}

/* ---- all of them ---- */

struct worker {
	pid_t pid;
	int from;
};

static void start(struct worker *worker, uint64_t n, uint64_t seed)
{
	int ends[2];

	MUST(pipe(ends) == 0);
	fflush(stdout);
	worker->pid = fork();
	MUST(worker->pid >= 0);
	if (worker->pid == 0) {
		close(ends[0]);
		work(n, seed, ends[1]);
		exit(0);
	}
	close(ends[1]);
	worker->from = ends[0];
}

/* Adds up what a worker counted. Returns: false when it failed. */
static bool finish(struct worker *worker, struct tally *sum)
{
	const uint64_t *from = (const uint64_t *)&tally;
	uint64_t *to = (uint64_t *)sum;
	bool told = read(worker->from, &tally, sizeof(tally)) == (ssize_t)sizeof(tally);
	int status = 0;

	close(worker->from);
	if (waitpid(worker->pid, &status, 0) < 0 || status != 0 || !told)
		return false;
	for (size_t i = 0; i < sizeof(tally) / sizeof(uint64_t); i++)
		to[i] += from[i];
	return true;
}

static bool print_line(const char *name, const uint64_t n[KINDS], uint64_t all, double least)
{
	double share = 100 * (double)sum_of(n) / (double)all;
	bool enough = share >= least;

	printf("%-18s %11" PRIu64 " %6.2f %%  %11" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11" PRIu64,
	       name, sum_of(n), share, n[SPLIT], n[SPLIT_TABLE], n[PACKED], n[PACKED_TABLE]);
	if (!enough)
		printf("  too few: %.0f %% at least", least);
	putchar('\n');
	return enough;
}

static const char *class_name(unsigned what)
{
	if (what == VRI_RULE_NONE)
		return "valid";
	return what == WALK_NO_ROOM ? "(too little room)" : vri_rule_name(what);
}

static bool print_tally(const struct tally *sum, uint64_t all)
{
	bool enough;

	printf("%-18s %11s %8s  %11s %11s %11s %11s\n", "", "chains", "share", "split",
	       "with table", "packed", "with table");
	enough = print_line("valid", sum->n[VRI_RULE_NONE], all, VALID_SHARE);
	for (unsigned i = 1; i < N_WANTED - 1; i++) {
		unsigned what = wanted[i].what;

		enough &= print_line(class_name(what), sum->n[what], all,
				     what == WALK_NO_ROOM ? 0 : RULE_SHARE);
	}
	return enough & print_line("rewritten meanwhile", sum->rewritten, all, REWRITTEN_SHARE);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int usage(void)
{
	fputs("usage: walks [--chains N] [--jobs N] [--seed N]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "chains", required_argument, NULL, 'c' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t n = CHAINS, seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid(), done = 0;
	double began = seconds();
	struct worker worker[64];
	struct tally sum = { .pieces = 0 };
	unsigned jobs = 2;
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			n = strtoull(optarg, NULL, 0);
		else if (c == 'j')
			jobs = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return usage();
	}
	if (optind != argc || jobs == 0 || jobs > 64 || n < jobs * (uint64_t)(100 * DECK))
		return usage();
	printf("%" PRIu64 " chains, seed %" PRIu64 ", %u at a time\n", n, seed, jobs);
	for (unsigned i = 0; i < jobs; i++) {
		start(&worker[i], n * (i + 1) / jobs - done, seed + i);
		done = n * (i + 1) / jobs;
	}
	for (unsigned i = 0; i < jobs; i++)
		good &= finish(&worker[i], &sum);
	if (!good) {
		printf("a walk went wrong: walks --chains %" PRIu64 " --jobs %u --seed %" PRIu64
		       " repeats it\n",
		       n, jobs, seed);
		return 1;
	}
	good = print_tally(&sum, n);
	printf("%" PRIu64 " pieces checked, %.0f s\n", sum.pieces, seconds() - began);
	return good ? 0 : 1;
}
