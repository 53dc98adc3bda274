/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Hostile drivers and devices, chosen at random, at work for as long as wanted; then a table of what was reported. */
#include "referee.h"

#include <stdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "mock_ring.h"

#define AT_ONCE \
	4 /* hostile processes; the first BAD_LINKS of them are devices, while there are such */
#define LIFE_MS 1500u /* at most */

struct player {
	pid_t pid;
	uint64_t until_ms;
	bool is_device;
};

struct tally {
	unsigned drivers, devices; /* that were started */
	unsigned left, killed, died,
		odd; /* how they ended: by themselves, by us, by SIGKILL of their own, else */
};

static void start(struct referee *f, struct player *p, unsigned i, struct mock_random *random,
		  struct tally *tally)
{
	struct role role = { .seed = (uint64_t)mock_random_below(random, ~0u) << 20 ^ i,
			     .number = i };

	/* A device has the address that the i-th link of the honest driver opens. */
	p->is_device = i < BAD_LINKS && mock_random_below(random, 4) > 0;
	p->pid = referee_start(f, p->is_device ? "bad-device" : "bad-driver", &role, true);
	p->until_ms = referee_now_ms() + 20 + mock_random_below(random, LIFE_MS);
	if (p->is_device)
		tally->devices++;
	else
		tally->drivers++;
}

static void note_end(struct tally *tally, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		tally->died++;
	else if (WIFEXITED(status) && WEXITSTATUS(status) <= 3)
		tally->left++;
	else
		tally->odd++;
}

static void look_after(struct referee *f, struct player *p, unsigned i, struct mock_random *random,
		       struct tally *tally)
{
	int status;

	if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
		note_end(tally, status);
	} else if (referee_now_ms() >= p->until_ms) {
		(void)referee_end(p->pid);
		tally->killed++;
	} else {
		return;
	}
	start(f, p, i, random, tally);
}

/* ---- the table ---- */

static void print_rules(const struct board *b)
{
	printf("\n%-18s %10s %10s\n", "rule", "by drivers", "by devices");
	for (enum vri_rule rule = 1; rule < VRI_RULE_COUNT; rule++)
		printf("%-18s %10llu %10llu\n", vri_rule_name(rule),
		       (unsigned long long)atomic_load(&b->rules[SIDE_DEVICE][rule]),
		       (unsigned long long)atomic_load(&b->rules[SIDE_DRIVER][rule]));
}

static void print_words(const struct board *b, enum side side, const char *title)
{
	printf("\n%s\n", title);
	for (unsigned i = 0; i < BOARD_WORDS; i++)
		if (atomic_load(&b->words[side][i].n))
			printf("%8u %s\n", atomic_load(&b->words[side][i].n),
			       b->words[side][i].text);
}

static void print_table(const struct referee *f, const struct tally *tally)
{
	const struct board *b = f->board;

	print_rules(b);
	print_words(b, SIDE_DEVICE, "in the log of the honest device:");
	print_words(b, SIDE_DRIVER, "in the log of the honest driver:");
	print_words(b, SIDE_TOLD, "told to hostile drivers:");
	printf("\nhostile processes: %u drivers, %u devices; %u left, %u died, %u were killed, %u ended oddly\n",
	       tally->drivers, tally->devices, tally->left, tally->died, tally->killed, tally->odd);
	printf("links: %llu by hostile drivers; %llu to hostile devices, %llu started, %llu answers\n",
	       (unsigned long long)(atomic_load(&b->hostile_links) - f->ups),
	       (unsigned long long)atomic_load(&b->bad_opens),
	       (unsigned long long)atomic_load(&b->bad_starts),
	       (unsigned long long)atomic_load(&b->bad_answers));
	printf("good links:");
	for (unsigned i = 0; i < GOOD_LINKS; i++)
		printf(" %llu", (unsigned long long)atomic_load(&b->good[i]));
	printf(" answers checked\nlongest calls, ms:");
	for (unsigned i = 0; i < DOINGS; i++)
		if (atomic_load(&b->longest_us[i]))
			printf(" %s %.1f", doing_names[i],
			       (double)atomic_load(&b->longest_us[i]) / 1000);
	printf("\n");
}

/* A call makes a dozen requests at most, each within its limit; the rest is what a busy machine adds. */
static void check_times(struct referee *f)
{
	uint64_t limit_ms = 12 * BAD_TIMEOUT_MS * board_patience() + 10000;

	for (enum doing what = 0; what < DOINGS; what++)
		referee_check(f, atomic_load(&f->board->longest_us[what]) / 1000 < limit_ms,
			      "%s took %llu ms", doing_names[what],
			      (unsigned long long)atomic_load(&f->board->longest_us[what]) / 1000);
}

void soak(struct referee *f)
{
	struct mock_random random = { f->seed };
	struct player player[AT_ONCE];
	struct tally tally = { 0 };
	uint64_t end = referee_now_ms() + f->seconds * 1000ull;
	uint64_t before[GOOD_LINKS];

	for (unsigned i = 0; i < GOOD_LINKS; i++)
		before[i] = atomic_load(&f->board->good[i]);
	for (unsigned i = 0; i < AT_ONCE; i++)
		start(f, &player[i], i, &random, &tally);
	while (referee_now_ms() < end && referee_look(f)) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			look_after(f, &player[i], i, &random, &tally);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		(void)referee_end(player[i].pid);
	for (unsigned i = 0; i < GOOD_LINKS; i++)
		referee_check(f, atomic_load(&f->board->good[i]) > before[i],
			      "good link %u did not move at all", i);
	check_times(f);
	print_table(f, &tally);
}
