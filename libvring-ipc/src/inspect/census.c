/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Which links there are, and which processes hold them: lists all links of the host, opens one by
 * the process that has it.
 *
 * A link is known by its file: two processes that hold the same memfd are its two sides. A process
 * that copies another link's id into a memfd of its own makes a second entry, not a merged one.
 */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect/proc.h"
#include "inspect/view.h"

struct entry {
	dev_t dev;
	ino_t ino;
	struct vri_inspect *insp;
	const char *problem;
	bool is_region; /* false: it has the name and not the magic; kept so as to look once */
	uint8_t link_id[16];
	bool has_id;
	pid_t last; /* process that was met with it */
	unsigned n_processes;
	struct vri_inspect_process process[VRI_INSPECT_PROCESSES_MAX];
};

struct census {
	const struct proc *proc;
	struct entry *entries;
	size_t n, room;
};

static struct entry *find(struct census *census, const struct proc_file *file)
{
	size_t i;

	for (i = 0; i < census->n; i++) {
		if (census->entries[i].ino == file->ino && census->entries[i].dev == file->dev)
			return &census->entries[i];
	}
	return NULL;
}

static void look_into(struct entry *entry, const struct proc_file *file)
{
	int fd, r;

	fd = proc_open_file(file);
	if (fd < 0) {
		entry->is_region = true;
		entry->problem = fd == -EACCES ? "its memory may not be read: another user's" :
						 "its memory cannot be opened";
		return;
	}
	r = view_open(fd, &entry->insp, entry->link_id, &entry->problem);
	close(fd);
	entry->is_region = r != -ENOMEDIUM;
	entry->has_id = r == 0 || r == -EPROTO;
	if (r < 0 && !entry->problem)
		entry->problem = vri_strerror(r);
}

static struct entry *add(struct census *census, const struct proc_file *file)
{
	struct entry *entry;

	if (census->n == census->room) {
		size_t room = census->room ? 2 * census->room : 16;
		struct entry *more = realloc(census->entries, room * sizeof(*more));

		if (!more)
			return NULL;
		census->entries = more;
		census->room = room;
	}
	entry = &census->entries[census->n++];
	memset(entry, 0, sizeof(*entry));
	entry->dev = file->dev;
	entry->ino = file->ino;
	look_into(entry, file);
	return entry;
}

static uint32_t hint(const struct vri_inspect *insp, const struct region_part *block, size_t at)
{
	return block->size > at ? peek_le32(&insp->peek, block->offset + at) : 0;
}

/* What the two sides say their pids are; a hint, since they may live in other pid namespaces. */
static uint32_t roles(const struct vri_inspect *insp, pid_t pid)
{
	uint32_t roles = 0;

	if (!insp)
		return 0;
	if (hint(insp, &insp->map.device_block, offsetof(struct region_device, pid)) ==
	    (uint32_t)pid)
		roles |= VRI_INSPECT_ROLE_DEVICE;
	if (hint(insp, &insp->map.driver_block, offsetof(struct region_driver, pid)) ==
	    (uint32_t)pid)
		roles |= VRI_INSPECT_ROLE_DRIVER;
	return roles;
}

static void add_process(const struct proc *proc, const struct vri_inspect *insp, pid_t pid,
			struct vri_inspect_process *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	ret->roles = roles(insp, pid);
	proc_command(proc, pid, ret->command, sizeof(ret->command));
}

static int meet(const struct proc_file *file, void *data)
{
	struct census *census = data;
	struct entry *entry = find(census, file);
	unsigned n;

	if (!entry)
		entry = add(census, file);
	if (!entry)
		return -ENOMEM;
	/* A process's files come in a row, so one that has the memfd twice was the last one. */
	if (entry->last == file->pid)
		return 0;
	entry->last = file->pid;
	n = entry->n_processes;
	if (n < VRI_INSPECT_PROCESSES_MAX)
		add_process(census->proc, entry->insp, file->pid, &entry->process[n]);
	entry->n_processes++;
	return 0;
}

static void forget(struct census *census)
{
	size_t i;

	for (i = 0; i < census->n; i++)
		vri_inspect_close(census->entries[i].insp);
	free(census->entries);
}

/* ---- all links ---- */

static void tell(const struct entry *entry, vri_inspect_list_fn *fn, void *data)
{
	struct vri_inspect_found found = {
		.size = sizeof(found),
		.insp = entry->insp,
		.problem = entry->problem,
		.n_processes = entry->n_processes,
	};

	if (entry->has_id)
		view_id_text(entry->link_id, found.link_id);
	memcpy(found.process, entry->process, sizeof(found.process));
	fn(&found, data);
}

int vri_inspect_list(vri_inspect_list_fn *fn, void *data, struct vri_inspect_census *ret_census)
{
	struct vri_inspect_census counts = { .size = sizeof(counts) };
	struct census census = { 0 };
	struct proc_counts processes;
	struct proc proc;
	size_t i;
	int r;

	if (!fn || (ret_census && ret_census->size < sizeof(counts.size)))
		return -EINVAL;
	r = proc_open(&proc);
	if (r < 0)
		return r;
	census.proc = &proc;
	r = proc_each_process(&proc, meet, &census, &processes);
	for (i = 0; r == 0 && i < census.n; i++) {
		if (!census.entries[i].is_region)
			continue;
		tell(&census.entries[i], fn, data);
		counts.links++;
	}
	forget(&census);
	proc_close(&proc);
	if (r < 0 || !ret_census)
		return r;
	counts.processes = processes.readable;
	counts.processes_unreadable = processes.unreadable;
	counts.size = ret_census->size < sizeof(counts) ? ret_census->size : sizeof(counts);
	memcpy(ret_census, &counts, counts.size);
	return 0;
}

/* ---- the processes of one link ---- */

struct holders {
	const struct proc *proc;
	const struct vri_inspect *insp;
	struct vri_inspect_process *process;
	unsigned n, max;
	pid_t last;
};

static int meet_holder(const struct proc_file *file, void *data)
{
	struct holders *holders = data;

	if (file->ino != holders->insp->ino || file->dev != holders->insp->dev ||
	    file->pid == holders->last)
		return 0;
	holders->last = file->pid;
	if (holders->n < holders->max)
		add_process(holders->proc, holders->insp, file->pid, &holders->process[holders->n]);
	holders->n++;
	return 0;
}

int vri_inspect_processes(struct vri_inspect *insp, struct vri_inspect_process *ret, unsigned max)
{
	struct holders holders = { .insp = insp, .process = ret, .max = max };
	struct proc_counts counts;
	struct proc proc;
	int r;

	if (!insp || (!ret && max))
		return -EINVAL;
	r = proc_open(&proc);
	if (r < 0)
		return r;
	holders.proc = &proc;
	r = proc_each_process(&proc, meet_holder, &holders, &counts);
	proc_close(&proc);
	return r < 0 ? r : (int)holders.n;
}

/* ---- one link by address ---- */

struct target {
	pid_t pid;
	char prefix[33]; /* lower case */
};

static bool hex_lower(const char *from, char to[33])
{
	size_t i;

	for (i = 0; from[i]; i++) {
		char c = from[i] >= 'A' && from[i] <= 'F' ? (char)(from[i] - 'A' + 'a') : from[i];

		if (i == 32 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		to[i] = c;
	}
	to[i] = '\0';
	return i > 0;
}

/* "pid:PID" or "pid:PID/PREFIX". */
static bool parse_target(const char *address, struct target *ret)
{
	long pid = 0;

	if (strncmp(address, "pid:", 4) != 0)
		return false;
	address += 4;
	for (; *address >= '0' && *address <= '9'; address++) {
		pid = 10 * pid + (*address - '0');
		if (pid > 0x7fffffff)
			return false;
	}
	if (pid == 0)
		return false;
	ret->pid = (pid_t)pid;
	ret->prefix[0] = '\0';
	return *address == '\0' || (*address == '/' && hex_lower(address + 1, ret->prefix));
}

static bool matches(const struct entry *entry, const struct target *target)
{
	char id[33] = "";

	if (!entry->is_region)
		return false;
	if (entry->has_id)
		view_id_text(entry->link_id, id);
	return strncmp(id, target->prefix, strlen(target->prefix)) == 0;
}

static int say(char *why, size_t size, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int say(char *why, size_t size, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (why && size)
		vsnprintf(why, size, format, args);
	va_end(args);
	return error;
}

/* Says which links there are to choose from, as many as fit. */
static int ambiguous(const struct census *census, const struct target *target, unsigned n,
		     char *why, size_t size)
{
	size_t at, i;

	say(why, size, 0, "process %d holds %u such links; choose one of", (int)target->pid, n);
	if (!why)
		return -ENOTUNIQ;
	at = strlen(why);
	for (i = 0; i < census->n; i++) {
		char id[33];
		int len;

		if (!matches(&census->entries[i], target) || at + 1 >= size)
			continue;
		view_id_text(census->entries[i].link_id, id);
		len = snprintf(why + at, size - at, " pid:%d/%.8s", (int)target->pid, id);
		if (len < 0 || (size_t)len >= size - at) {
			why[at] = '\0';
			break;
		}
		at += (size_t)len;
	}
	return -ENOTUNIQ;
}

static int choose(struct census *census, const struct target *target, struct vri_inspect **ret_insp,
		  char *why, size_t size)
{
	struct entry *found = NULL;
	unsigned n = 0;
	size_t i;

	for (i = 0; i < census->n; i++) {
		if (matches(&census->entries[i], target)) {
			found = &census->entries[i];
			n++;
		}
	}
	if (n > 1)
		return ambiguous(census, target, n, why, size);
	if (!found)
		return say(why, size, -ENOENT, "process %d holds no link%s%s", (int)target->pid,
			   target->prefix[0] ? " whose id begins with " : "", target->prefix);
	if (!found->insp)
		return say(why, size, found->has_id ? -EPROTO : -EACCES,
			   "the link of process %d: %s", (int)target->pid, found->problem);
	*ret_insp = found->insp;
	found->insp = NULL; /* the caller's now */
	return 0;
}

int vri_inspect_open(struct vri_inspect **ret_insp, const char *address, char *why, size_t why_size)
{
	struct census census = { 0 };
	struct target target;
	struct proc proc;
	int r;

	if (!ret_insp || !address)
		return -EINVAL;
	if (!parse_target(address, &target))
		return say(why, why_size, -EINVAL,
			   "not an address of a live link: pid:PID or pid:PID/LINK is one");
	r = proc_open(&proc);
	if (r < 0)
		return say(why, why_size, r, "/proc cannot be read");
	census.proc = &proc;
	r = proc_each_file(&proc, target.pid, meet, &census);
	if (r == -ESRCH)
		say(why, why_size, r, "there is no process %d", (int)target.pid);
	else if (r == -EACCES)
		say(why, why_size, r,
		    "process %d may not be looked into: it is another user's, or not dumpable",
		    (int)target.pid);
	else if (r < 0)
		say(why, why_size, r, "process %d: %s", (int)target.pid, vri_strerror(r));
	else
		r = choose(&census, &target, ret_insp, why, why_size);
	forget(&census);
	proc_close(&proc);
	return r;
}
