/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The inspector on links that run: what it tells while a copy is under way, and that nobody notices. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include <vring-ipc/vring-ipc.h>

#include "program.h"
#include "test.h"
#include "tmpdir.h"

#define MIB 1048576u

/* ---- a copy under way ---- */

struct snapshot {
	char link_id[40];
	uint64_t driver_buffers, device_buffers, bytes, outstanding;
	bool driver_slept;
};

static uint64_t number(json_t *object, const char *key, uint64_t max)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		t_fail("%s is not a number", key);
	t_ge(json_integer_value(value), 0);
	t_le((uint64_t)json_integer_value(value), max);
	return (uint64_t)json_integer_value(value);
}

static void check_place(json_t *place, uint64_t size)
{
	t_lt(number(place, "slot", 65535), size);
	number(place, "wrap", 1);
	t_true(json_is_boolean(json_object_get(place, "exact")));
}

/* A side of a split ring has @idx, @event and @flags; of a packed one two places and its event
 * suppression. */
static void check_side(json_t *side, uint64_t packed_size, const char *idx, const char *event,
		       const char *flags)
{
	const char *wants = json_string_value(json_object_get(side, "wants_notification"));

	number(side, "position", INT64_MAX);
	if (packed_size) {
		check_place(json_object_get(side, "avail_place"), packed_size);
		check_place(json_object_get(side, "used_place"), packed_size);
		t_true(json_is_string(json_object_get(json_object_get(side, "event"), "kind")));
	} else {
		number(side, idx, 65535);
		number(side, event, 65535);
		t_true(json_is_string(json_object_get(side, flags)));
	}
	t_not_null(wants);
	t_true(strcmp(wants, "no") == 0 || strcmp(wants, "always") == 0 ||
	       strcmp(wants, "at-event") == 0);
	t_true(json_is_null(json_object_get(side, "broken_rule")));
}

static void check_chain(json_t *chain, uint64_t size)
{
	json_t *descs = json_object_get(chain, "descriptors");

	t_lt(number(chain, "head", 65535), size);
	t_eq(json_array_size(descs) == 0,
	     strcmp(json_string_value(json_object_get(chain, "known")), "none") == 0);
	/* What stood still while it was read has to be what an honest driver makes. */
	if (json_is_true(json_object_get(chain, "stable")))
		t_true(json_is_null(json_object_get(chain, "problem")));
}

/* Returns: false when the driver has not set the queue up yet. */
static bool take(const char *text, const char *ring, struct snapshot *ret)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	json_t *driver, *device, *chain;
	uint64_t size, packed_size;
	size_t i;

	if (!json)
		t_fail("not JSON: %s at line %d", error.text, error.line);
	if (json_is_string(json_object_get(json, "problem"))) {
		json_decref(json);
		return false;
	}
	driver = json_object_get(json, "driver");
	device = json_object_get(json, "device");
	size = number(json, "size", VRI_QUEUE_SIZE_MAX);
	t_streq(json_string_value(json_object_get(json, "format")), ring);
	packed_size = strcmp(ring, "packed") == 0 ? size : 0;
	check_side(driver, packed_size, "avail_idx", "used_event", "avail_flags");
	check_side(device, packed_size, "used_idx", "avail_event", "used_flags");
	json_array_foreach(json_object_get(json, "chains"), i, chain) check_chain(chain, size);

	snprintf(ret->link_id, sizeof(ret->link_id), "%s",
		 json_string_value(json_object_get(json, "link_id")));
	ret->outstanding = number(json, "outstanding", size);
	ret->driver_slept = json_is_integer(json_object_get(driver, "last_sleep_ns"));
	driver = json_object_get(driver, "counters");
	device = json_object_get(device, "counters");
	ret->driver_buffers = number(driver, "buffers", INT64_MAX);
	ret->device_buffers = number(device, "buffers", INT64_MAX);
	ret->bytes = number(device, "bytes_readable", INT64_MAX);
	json_decref(json);
	return true;
}

struct watch {
	const char *ring;
	struct snapshot last;
	unsigned taken, grown, busy, slept;
};

static void look(struct watch *watch, const char *address)
{
	struct snapshot now;
	struct program p;
	bool set_up;

	/* Before the link is there and after its end there is nothing to see. */
	if (vring(&p, "queue", "show", address, "0", "--json", NULL) != 0) {
		t_strstr(p.stderr_bytes.data, "vring: ");
		program_free(&p);
		return;
	}
	set_up = take(p.stdout_bytes.data, watch->ring, &now);
	program_free(&p);
	if (!set_up)
		return;
	watch->taken++;
	watch->busy += now.outstanding >= 1;
	watch->slept += now.driver_slept;
	if (strcmp(now.link_id, watch->last.link_id) == 0) {
		t_ge(now.driver_buffers, watch->last.driver_buffers);
		t_ge(now.device_buffers, watch->last.device_buffers);
		t_ge(now.bytes, watch->last.bytes);
		watch->grown += now.bytes > watch->last.bytes &&
				now.driver_buffers > watch->last.driver_buffers;
	}
	watch->last = now;
}

static const char *const rings[] = { "split", "packed" };
typedef const char *const word;

TestEach(inspect_live, queue_show_tells_what_a_copy_is_doing, rings, word, .timeout = 120)
{
	const struct program_setup setup = { 0 };
	struct program server, copy;
	struct watch watch = { .ring = *param };
	struct tmpdir dir;
	char address[32];
	unsigned i;

	tmpdir_open(&dir);
	make_image(tmpdir_file(&dir, "image"), 256 * MIB);
	make_image(tmpdir_file(&dir, "file"), 256 * MIB);
	server_start(&server, "blk", "--listen", tmpdir_unix(&dir, "s"), "--image",
		     tmpdir_file(&dir, "image"), NULL);
	snprintf(address, sizeof(address), "pid:%d", (int)server.pid);
	/* How much of a copy a look meets is the scheduler's affair: copy until enough was seen. The
	 * driver sleeps in a poll() of its own. */
	while (watch.grown < 3 || watch.busy < 3 || watch.slept < 1) {
		const char *const words[] = { "drive",
					      "blk",
					      tmpdir_unix(&dir, "s"),
					      "copy-in",
					      tmpdir_file(&dir, "file"),
					      "--queue-depth",
					      "32",
					      "--ring",
					      *param,
					      "--no-progress",
					      NULL };

		program_start(&copy, &setup, words);
		for (i = 0; i < 6; i++)
			look(&watch, address);
		t_eq(program_finish(&copy), 0);
		program_free(&copy);
	}
	server_stop(&server);
	program_free(&server);
	tmpdir_close(&dir);
}

/* ---- what both sides are told by the library ---- */

Test(inspect_live, inspector_agrees_with_the_driver)
{
	struct vri_inspect_link link = { .size = sizeof(link) };
	struct vri_features negotiated;
	struct vri_inspect *insp;
	struct vri_driver *drv;
	struct program server;
	struct vri_link *own;
	struct tmpdir dir;
	char address[32];

	tmpdir_open(&dir);
	server_start(&server, "rng", "--listen", tmpdir_unix(&dir, "s"), NULL);
	t_ok(vri_link_open(&own, tmpdir_unix(&dir, "s"), NULL));
	drv = vri_link_driver(own);
	t_ok(vri_driver_start(drv, NULL, NULL));

	snprintf(address, sizeof(address), "pid:%d", (int)server.pid);
	t_ok(vri_inspect_open(&insp, address, NULL, 0));
	t_ok(vri_inspect_get_link(insp, &link));
	t_streq(link.link_id, vri_link_id(own));
	t_streq(link.type, vri_driver_type(drv));
	t_eq(link.device_id, vri_driver_device_id(drv));
	t_eq(link.status, vri_driver_status(drv));
	t_eq(link.device_pid, server.pid);
	t_eq(link.driver_pid, getpid());
	t_gt(link.device_attached_ns, 0);
	vri_driver_features(drv, &negotiated);
	t_mem_eq(&link.negotiated, &negotiated, sizeof(negotiated));
	t_eq(vri_inspect_processes(insp, NULL, 0), 2);
	vri_inspect_close(insp);

	vri_link_close(own);
	server_stop(&server);
	program_free(&server);
	tmpdir_close(&dir);
}

/* One space where there are more: columns may move. */
static void squeeze(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != ' ' || text[1] != ' ')
			*to++ = *text;
	*to = '\0';
}

/* A device of this process, which is looked into by another one. */
Test(inspect_live, shared_memory_regions_are_listed)
{
	static const struct vri_shared_memory shared[] = {
		{ .id = 3, .size = 4096 },
		{ .id = 250, .size = 8192, .writable = true },
		{ .id = 7, .size = 65536, .common = true },
	};
	const struct vri_device_info info = {
		.size = sizeof(info),
		.type = "org.example.shared",
		.device_id = VRI_ID_LOCAL_FIRST + 35,
		.shared_memory = shared,
		.n_shared_memory = 3,
	};
	struct vri_link_opts opts = { .size = sizeof(opts) };
	struct vri_link *link;
	struct program p;
	char address[32];

	t_ok(vri_device_new(&info, NULL, NULL, &opts.device));
	t_ok(vri_link_open(&link, "loop:", &opts));
	snprintf(address, sizeof(address), "pid:%d", (int)getpid());
	t_eq(vring(&p, "link", "show", address, NULL), 0);
	squeeze(p.stdout_bytes.data);
	t_strstr(p.stdout_bytes.data, "\nshared memory\n ID SIZE WRITABLE COMMON\n");
	t_strstr(p.stdout_bytes.data, "\n 3 4096 no no\n");
	t_strstr(p.stdout_bytes.data, "\n 250 8192 yes no\n");
	t_strstr(p.stdout_bytes.data, "\n 7 64.0 KiB no yes\n");
	t_strstr(p.stdout_bytes.data, "\n shared-memory 13 1 ");
	program_free(&p);
	vri_link_close(link);
	vri_device_unref(opts.device);
}

/* ---- nobody notices ---- */

/* A driver that attached and sleeps until its stdin ends. */
static pid_t start_idle_driver(const char *address, int *ret_end)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	t_sys(pipe2(ready, O_CLOEXEC));
	t_sys(pipe2(end, O_CLOEXEC));
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		struct vri_link *link;

		close(end[1]);
		if (vri_link_open(&link, address, NULL) < 0 ||
		    vri_driver_start(vri_link_driver(link), NULL, NULL) < 0 ||
		    write(ready[1], "", 1) != 1 || read(end[0], &byte, 1) != 0)
			_exit(1);
		vri_link_close(link);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	t_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_end = end[1];
	return pid;
}

/* Starts strace; what it says comes through *ret_err. */
static pid_t start_strace(char *const *words, int *ret_err)
{
	int err[2], null;
	pid_t pid;

	t_sys(pipe2(err, O_CLOEXEC));
	pid = fork();
	t_sys(pid);
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execvp("strace", words);
		_exit(127);
	}
	close(err[1]);
	*ret_err = err[0];
	return pid;
}

static void wait_until_attached(int err, unsigned processes)
{
	char text[4096] = "";
	size_t at = 0;
	unsigned n = 0;

	while (n < processes) {
		ssize_t got = read(err, text + at, sizeof(text) - at - 1);
		char *line;

		if (got <= 0)
			t_skip("strace cannot attach here: %s", text);
		at += (size_t)got;
		text[at] = '\0';
		for (n = 0, line = text; (line = strstr(line, " attached")); line++)
			n++;
	}
}

/* A call that began before strace came and has not ended, and what the coming of strace itself does
 * to it, is all that may be there. */
static void check_silence(char *trace)
{
	char *line;

	for (line = strtok(trace, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strstr(line, "<detached ...>") && !strstr(line, "<unfinished ...>") &&
		    !strstr(line, "restart_syscall(") && !strstr(line, "EINTR"))
			t_fail("a side noticed: %s", line);
	}
}

static void look_at_everything(pid_t device, pid_t driver)
{
	char addresses[2][32];
	unsigned i;

	snprintf(addresses[0], sizeof(addresses[0]), "pid:%d", (int)device);
	snprintf(addresses[1], sizeof(addresses[1]), "pid:%d", (int)driver);
	for (i = 0; i < 10; i++) {
		vring_ok("link", "show", addresses[i % 2]);
		vring_ok("queue", "list", addresses[i % 2]);
		vring_ok("queue", "show", addresses[i % 2], "0", "--json");
		vring_ok("link", "list");
	}
}

/* faults: G7 */
Test(inspect_live, neither_side_makes_a_system_call_for_it, .timeout = 60)
{
	char device_pid[16], driver_pid[16];
	struct program server;
	struct tmpdir dir;
	struct bytes trace;
	const char *path;
	pid_t driver, strace;
	int end, err, status;

#ifdef __SANITIZE_THREAD__
	t_skip("ThreadSanitizer has a thread of its own that makes system calls");
#endif
	tmpdir_open(&dir);
	server_start(&server, "rng", "--listen", tmpdir_unix(&dir, "s"), NULL);
	driver = start_idle_driver(tmpdir_unix(&dir, "s"), &end);
	path = tmpdir_file(&dir, "trace");
	snprintf(device_pid, sizeof(device_pid), "%d", (int)server.pid);
	snprintf(driver_pid, sizeof(driver_pid), "%d", (int)driver);
	{
		const char *words[] = { "strace",   "-f", "-o",	      path, "-p",
					device_pid, "-p", driver_pid, NULL };

		strace = start_strace((char *const *)(uintptr_t)words, &err);
	}
	wait_until_attached(err, 2);
	look_at_everything(server.pid, driver);
	t_sys(kill(strace, SIGINT));
	t_eq(waitpid(strace, &status, 0), strace);
	trace = read_file(path);
	check_silence(trace.data);
	free(trace.data);
	close(err);

	close(end);
	t_eq(waitpid(driver, &status, 0), driver);
	t_eq(status, 0);
	server_stop(&server);
	program_free(&server);
	tmpdir_close(&dir);
}

/* faults: G7 */
Test(inspect_live, inspector_itself_stops_nobody_and_maps_nothing_writable, .timeout = 60)
{
	static const char *const never[] = { "ptrace(", "kill(",	"process_vm_", "pidfd_",
					     "O_RDWR",	"O_WRONLY",	"ftruncate(",  "pwrite",
					     "SIGSTOP", "userfaultfd(", "seccomp(" };
	struct program server;
	struct tmpdir dir;
	struct bytes trace;
	char address[32], *line;
	const char *path;
	pid_t driver, strace;
	int end, err, status;
	size_t i;

	tmpdir_open(&dir);
	server_start(&server, "rng", "--listen", tmpdir_unix(&dir, "s"), NULL);
	driver = start_idle_driver(tmpdir_unix(&dir, "s"), &end);
	path = tmpdir_file(&dir, "trace");
	snprintf(address, sizeof(address), "pid:%d", (int)server.pid);
	{
		/* LeakSanitizer stops its own process by ptrace, which strace would be in the way of. */
		const char *words[] = { "strace", "-f",	   "-E",  "ASAN_OPTIONS=detect_leaks=0",
					"-o",	  path,	   VRING, "queue",
					"show",	  address, "0",	  NULL };

		strace = start_strace((char *const *)(uintptr_t)words, &err);
	}
	t_eq(waitpid(strace, &status, 0), strace);
	if (WEXITSTATUS(status) == 127)
		t_skip("there is no strace");
	if (status != 0)
		t_skip("strace cannot run a program here");
	trace = read_file(path);
	t_strstr(trace.data, "MAP_SHARED");
	for (line = strtok(trace.data, "\n"); line; line = strtok(NULL, "\n")) {
		if (strstr(line, "/tsan.rodata."))
			continue; /* the runtime of ThreadSanitizer, at start */
		for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
			if (strstr(line, never[i]))
				t_fail("the inspector does more than look: %s", line);
		}
		if (strstr(line, "MAP_SHARED") && strstr(line, "PROT_WRITE"))
			t_fail("a writable mapping: %s", line);
	}
	free(trace.data);
	close(err);

	close(end);
	t_eq(waitpid(driver, &status, 0), driver);
	t_eq(status, 0);
	server_stop(&server);
	program_free(&server);
	tmpdir_close(&dir);
}
