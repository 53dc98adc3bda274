/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links found by the processes that hold them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vring-ipc/inspect.h>

#include "leaks.h"
#include "synthetic.h"
#include "test.h"
#include "util/memfd.h"

static char why[VRI_INSPECT_WHY_MAX];

static int open_pid(pid_t pid, const char *rest, struct vri_inspect **ret)
{
	char address[96];

	snprintf(address, sizeof(address), "pid:%d%s", (int)pid, rest);
	why[0] = '\0';
	return vri_inspect_open(ret, address, why, sizeof(why));
}

/* A child that holds what its parent holds, until it is told to go. */
struct holder {
	pid_t pid;
	int go;
};

static struct holder hold(void (*prepare)(void))
{
	struct holder holder;
	int ready[2], go[2];
	char byte;

	t_sys(pipe(ready));
	t_sys(pipe(go));
	holder.pid = fork();
	t_sys(holder.pid);
	if (holder.pid == 0) {
		close(go[1]);
		if (prepare)
			prepare();
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	t_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	holder.go = go[1];
	return holder;
}

static void let_go(struct holder *holder)
{
	int status;

	close(holder->go);
	t_eq(waitpid(holder->pid, &status, 0), holder->pid);
	t_eq(status, 0);
}

Test(inspect_census, opens_a_link_by_pid_and_by_the_beginning_of_its_id)
{
	struct vri_inspect *insp = NULL;
	struct synthetic s;

	synthetic_init(&s);
	t_ok(open_pid(getpid(), "", &insp));
	vri_inspect_close(insp);
	t_ok(open_pid(getpid(), "/0001", &insp));
	vri_inspect_close(insp);
	t_ok(open_pid(getpid(), "/" SYNTHETIC_ID, &insp));
	vri_inspect_close(insp);
	t_ok(open_pid(getpid(), "/000102030405060708090A0B0C0D0E0F", &insp));
	vri_inspect_close(insp);
	t_errno_eq(open_pid(getpid(), "/0002", &insp), -ENOENT);
	t_strstr(why, "0002");
	synthetic_fini(&s);
}

struct bad_address {
	char text[64];
};

static const struct bad_address bad_addresses[] = {
	{ "" },
	{ "pid:" },
	{ "pid:0" },
	{ "pid:-1" },
	{ "pid:1x" },
	{ "pid:1/" },
	{ "pid:1/g" },
	{ "unix:/tmp/x" },
	{ "file:x" },
	{ "1" },
	{ "pid: 1" },
	{ "pid:1 " },
	{ "pid:\x1b[31m" },
	{ "PID:1" },
	{ "pid:1/0 1" },
	{ "pid:1//" },
	{ "pid:99999999999" },
	{ "pid:1/0123456789012345678901234567890123" },
};

TestEach(inspect_census, refuses_what_is_no_address, bad_addresses, struct bad_address)
{
	struct vri_inspect *insp = NULL;

	t_errno_eq(vri_inspect_open(&insp, param->text, why, sizeof(why)), -EINVAL);
	t_null(insp);
	t_ne(why[0], 0);
}

Test(inspect_census, says_that_a_process_is_not_there_or_has_no_link)
{
	struct vri_inspect *insp = NULL;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	t_errno_eq(open_pid(getpid(), "", &insp), -ENOENT);
	t_eq(waitpid(pid, NULL, 0), pid);
	t_errno_eq(open_pid(pid, "", &insp), -ESRCH);
	t_null(insp);
	t_strstr(why, "no process");
}

Test(inspect_census, several_links_of_a_process_are_listed_to_choose_from)
{
	struct vri_inspect *insp = NULL;
	struct synthetic a, b;

	synthetic_init(&a);
	synthetic_init(&b);
	((struct region_header *)(void *)b.base)->link_id[0] = 0xab;
	t_errno_eq(open_pid(getpid(), "", &insp), -ENOTUNIQ);
	t_strstr(why, "/00010203");
	t_strstr(why, "/ab010203");
	t_ok(open_pid(getpid(), "/ab", &insp));
	vri_inspect_close(insp);
	synthetic_fini(&a);
	synthetic_fini(&b);
}

static void become_undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

/* faults: G8 */
Test(inspect_census, process_that_is_not_dumpable_is_reported_as_such)
{
	struct vri_inspect *insp = NULL;
	struct holder holder;
	struct synthetic s;

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		t_skip("cannot become an ordinary user");
	/* Who changes its user is not dumpable itself, and then cannot open its own /proc files. */
	prctl(PR_SET_DUMPABLE, 1);
	synthetic_init(&s);
	holder = hold(become_undumpable);
	t_errno_eq(open_pid(holder.pid, "", &insp), -EACCES);
	t_null(insp);
	t_strstr(why, "not dumpable");
	let_go(&holder);
	synthetic_fini(&s);
}

/* faults: G8 */
Test(inspect_census, another_users_process_is_refused)
{
	struct vri_inspect *insp = NULL;
	struct holder holder;
	struct synthetic s;

	if (geteuid() != 0)
		t_skip("needs root to have two users");
	synthetic_init(&s);
	holder = hold(NULL);
	synthetic_fini(&s);
	t_sys(setresuid(65534, 65534, 65534));
	t_sys(prctl(PR_SET_DUMPABLE, 1));
	t_errno_eq(open_pid(holder.pid, "", &insp), -EACCES);
	t_null(insp);
	let_go(&holder);
}

/* ---- the list ---- */

struct seen {
	unsigned n, valid;
	struct vri_inspect_found last;
	char problem[256];
	ino_t ino;
};

/* Other tests of this machine have links too: only those with the ids of this one count. */
static void see(const struct vri_inspect_found *found, void *data)
{
	struct seen *seen = data;

	if (strncmp(found->link_id, "feedc0de", 8) != 0)
		return;
	seen->n++;
	seen->valid += found->insp != NULL;
	seen->last = *found;
	seen->last.insp = NULL;
	snprintf(seen->problem, sizeof(seen->problem), "%s", found->problem ? found->problem : "");
}

/* An id that no other process of the machine uses at this moment. */
static void make_mine(struct synthetic *s)
{
	struct region_header *header = (void *)s->base;
	pid_t pid = getpid();

	memcpy(header->link_id, "\xfe\xed\xc0\xde", 4);
	memcpy(header->link_id + 4, &pid, sizeof(pid));
	s->device->pid = htole32((uint32_t)pid);
}

static void see_mine(const struct vri_inspect_found *found, void *data)
{
	char mine[17];
	uint8_t bytes[4];
	pid_t pid = getpid();

	memcpy(bytes, &pid, sizeof(bytes));
	snprintf(mine, sizeof(mine), "feedc0de%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2],
		 bytes[3]);
	if (strncmp(found->link_id, mine, 16) == 0)
		see(found, data);
}

Test(inspect_census, list_merges_the_two_processes_of_a_link)
{
	struct vri_inspect_census census = { .size = sizeof(census) };
	struct seen seen = { 0 };
	struct holder holder;
	struct synthetic s;

	synthetic_init(&s);
	make_mine(&s);
	holder = hold(NULL);
	s.driver->pid = htole32((uint32_t)holder.pid);
	t_ok(vri_inspect_list(see_mine, &seen, &census));
	t_eq(seen.n, 1);
	t_eq(seen.valid, 1);
	t_eq(seen.last.n_processes, 2);
	t_eq(seen.last.process[0].pid + seen.last.process[1].pid, getpid() + holder.pid);
	t_eq(seen.last.process[0].roles, seen.last.process[0].pid == holder.pid ?
						 VRI_INSPECT_ROLE_DRIVER :
						 VRI_INSPECT_ROLE_DEVICE);
	t_ge(census.processes, 2);
	t_ge(census.links, 1);
	let_go(&holder);
	synthetic_fini(&s);
}

Test(inspect_census, processes_of_an_open_link_are_found)
{
	struct vri_inspect_process process[4];
	struct vri_inspect *insp;
	struct holder holder;
	struct synthetic s;
	int extra;

	synthetic_init(&s);
	extra = dup(s.fd); /* the same memfd twice in one process is one process */
	holder = hold(NULL);
	t_ok(vri_inspect_open_fd(&insp, s.fd, why, sizeof(why)));
	t_eq(vri_inspect_processes(insp, process, 4), 2);
	let_go(&holder);
	t_eq(vri_inspect_processes(insp, process, 4), 1);
	t_eq(process[0].pid, getpid());
	t_ne(process[0].command[0], 0);
	t_eq(vri_inspect_processes(insp, NULL, 0), 1);
	vri_inspect_close(insp);
	close(extra);
	synthetic_fini(&s);
}

/* Another inspector, say, or the view that somebody was given. */
Test(inspect_census, who_can_only_read_is_no_side_of_a_link)
{
	struct vri_inspect *insp = NULL;
	struct synthetic s;
	char path[64];
	int read_only;

	synthetic_init(&s);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s.fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	t_sys(read_only);
	t_ok(vri_inspect_open_fd(&insp, read_only, why, sizeof(why)));
	t_eq(vri_inspect_processes(insp, NULL, 0), 1);
	synthetic_fini(&s);
	t_eq(vri_inspect_processes(insp, NULL, 0), 0);
	vri_inspect_close(insp);
	t_errno_eq(open_pid(getpid(), "", &insp), -ENOENT);
	close(read_only);
}

Test(inspect_census, invalid_regions_are_listed_with_what_is_wrong)
{
	struct seen seen = { 0 };
	struct synthetic s;

	synthetic_init(&s);
	make_mine(&s);
	((struct region_header *)(void *)s.base)->version = htole32(77);
	t_ok(vri_inspect_list(see_mine, &seen, NULL));
	t_eq(seen.n, 1);
	t_eq(seen.valid, 0);
	t_strstr(seen.problem, "version");
	synthetic_fini(&s);
}

Test(inspect_census, names_in_proc_are_escaped)
{
	struct vri_inspect_process process[4];
	struct vri_inspect *insp;
	struct synthetic s;

	prctl(PR_SET_NAME, "a\x1b[31mb");
	synthetic_init(&s);
	t_ok(vri_inspect_open_fd(&insp, s.fd, why, sizeof(why)));
	t_eq(vri_inspect_processes(insp, process, 4), 1);
	t_streq(process[0].command, "a\\x1b[31mb");
	vri_inspect_close(insp);
	synthetic_fini(&s);
}

/* A file that has the name of a region and is a FIFO, which an open for reading would wait on. Only
 * its mount tells. */
Test(inspect_census, file_with_the_name_of_a_region_cannot_make_it_wait, .timeout = 20)
{
	struct vri_inspect *insp = NULL;
	int fd;

	if (geteuid() != 0)
		t_skip("needs root to make a file in /");
	if (mkfifo("/memfd:" REGION_MEMFD_NAME, 0600) < 0)
		t_skip("cannot make a FIFO in /: %s", strerror(errno));
	fd = open("/memfd:" REGION_MEMFD_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unlink("/memfd:" REGION_MEMFD_NAME);
	t_sys(fd);
	t_errno_eq(open_pid(getpid(), "", &insp), -ENOENT);
	close(fd);
}

/* Makes processes that end at once, until its parent closes the pipe. */
static pid_t start_churn(int *ret_go)
{
	int go[2];
	pid_t pid;

	t_sys(pipe2(go, O_CLOEXEC | O_NONBLOCK));
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		char byte;

		close(go[1]);
		while (read(go[0], &byte, 1) < 0) {
			pid_t child = fork();

			if (child == 0)
				_exit(0);
			waitpid(child, NULL, 0);
		}
		_exit(0);
	}
	close(go[0]);
	*ret_go = go[1];
	return pid;
}

Test(inspect_census, processes_that_end_meanwhile_are_passed_over)
{
	struct seen seen = { 0 };
	int go, i, status;
	pid_t pid = start_churn(&go);

	for (i = 0; i < 300; i++)
		t_ok(vri_inspect_list(see, &seen, NULL));
	close(go);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(status, 0);
}

Test(inspect_census, leaves_no_descriptor_or_mapping_behind)
{
	struct vri_inspect *insp = NULL;
	struct leaks leaks;
	struct synthetic s;

	synthetic_init(&s);
	leaks_begin(&leaks);
	t_ok(open_pid(getpid(), "", &insp));
	vri_inspect_close(insp);
	t_errno_eq(open_pid(getpid(), "/ffff", &insp), -ENOENT);
	t_ok(vri_inspect_list(see, &(struct seen){ 0 }, NULL));
	leaks_check(&leaks);
	synthetic_fini(&s);
}
