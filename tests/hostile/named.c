/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Each rule is broken by name, by a process of its own, and has to be reported by that name. */
#include "referee.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "bad_device.h"
#include "bad_driver.h"

#define PATIENCE_MS 10000u

/* What has to happen, and whether it has. */
struct expected {
	const char *words; /* said on .side, or told; NULL: none */
	enum side side;
	enum vri_rule rule; /* NONE: no rule */
	bool exits; /* with status 0 */
	unsigned said;
	uint64_t broken;
};

static unsigned said(const struct referee *f, const struct expected *e)
{
	if (!e->words)
		return 0;
	return board_said(f->board, e->side, e->words) +
	       (e->side == SIDE_DEVICE ? board_said(f->board, SIDE_TOLD, e->words) : 0);
}

static uint64_t broken(const struct referee *f, const struct expected *e)
{
	return e->rule ? atomic_load(&f->board->rules[e->side][e->rule]) : 0;
}

/* Lets a hostile process do it, and waits for what is expected. */
static void one(struct referee *f, const char *who, const struct role *role, struct expected *e)
{
	uint64_t began = referee_now_ms(), end = began + PATIENCE_MS * board_patience();
	bool has_come = false, has_exited = false;
	int status = 0;
	pid_t pid;

	e->said = said(f, e);
	e->broken = broken(f, e);
	pid = referee_start(f, who, role, false);
	while (!has_come && referee_look(f) && referee_now_ms() < end) {
		if (!has_exited)
			has_exited = waitpid(pid, &status, WNOHANG) == pid;
		if (e->exits)
			has_come = has_exited && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		else
			has_come = said(f, e) > e->said || broken(f, e) > e->broken;
		if (has_exited && e->exits)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	if (!has_exited)
		(void)referee_end(pid);
	printf("%-10s %-28s %-6s %5llu ms  %s%s\n", who, role->name,
	       role->packed ? "packed" : "split", (unsigned long long)(referee_now_ms() - began),
	       !has_come ? "NOT REPORTED: " :
	       e->exits	 ? "nothing happened" :
			   "reported: ",
	       e->rule	? vri_rule_name(e->rule) :
	       e->words ? e->words :
	       has_come ? "" :
			  "harm");
	referee_check(f, has_come, "%s %s (%s): %s", who, role->name,
		      role->packed ? "packed" : "split",
		      e->rule  ? vri_rule_text(e->rule) :
		      e->words ? e->words :
				 "the link did not go on");
}

static void driver_move(struct referee *f, const struct bad_move *move, bool packed)
{
	struct role role = { .seed = f->seed, .name = move->name, .packed = packed };
	struct expected e = { .side = SIDE_DEVICE,
			      .rule = move->answer == ANSWER_RULE ? move->rule : VRI_RULE_NONE,
			      .words = move->answer == ANSWER_RULE ? NULL : move->words,
			      .exits = move->answer == ANSWER_NOTHING };

	one(f, "bad-driver", &role, &e);
}

static void device_move(struct referee *f, const struct device_move *move, bool packed)
{
	struct role role = { .seed = f->seed, .name = move->name, .packed = packed };
	struct expected e = { .side = SIDE_DRIVER,
			      .rule = move->answer == DEVICE_RULE ? move->rule : VRI_RULE_NONE,
			      .words = move->words,
			      .exits = move->answer == DEVICE_NOTHING };

	atomic_store(&f->board->ring, packed ? VRI_RING_PACKED : VRI_RING_SPLIT);
	one(f, "bad-device", &role, &e);
}

static bool is_wanted(const struct referee *f, const char *name)
{
	return !f->only || strcmp(f->only, name) == 0;
}

/* Every rule that a driver (a device) can break has to be among those that were broken by name. */
static void check_complete(struct referee *f)
{
	for (enum vri_rule rule = VRI_RULE_AVAIL_IDX; rule <= VRI_RULE_DEADLINE; rule++) {
		enum side side = rule < VRI_RULE_USED_IDX ? SIDE_DEVICE : SIDE_DRIVER;

		referee_check(f, atomic_load(&f->board->rules[side][rule]) > 0,
			      "no hostile process has broken the rule %s", vri_rule_name(rule));
	}
}

void named_rules(struct referee *f)
{
	const struct device_move *device;
	const struct bad_move *driver;

	for (unsigned i = 0; (driver = bad_driver_move(i)) && !f->is_over; i++)
		for (unsigned packed = 0; packed < 2; packed++)
			if (is_wanted(f, driver->name) && driver->formats & 1u << packed)
				driver_move(f, driver, packed);
	for (unsigned i = 0; (device = bad_device_move(i)) && !f->is_over; i++)
		for (unsigned packed = 0; packed < 2; packed++)
			if (is_wanted(f, device->name) && device->formats & 1u << packed)
				device_move(f, device, packed);
	atomic_store(&f->board->ring, VRI_RING_AUTO);
	if (!f->only && !f->is_over)
		check_complete(f);
}
