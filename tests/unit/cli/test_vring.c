/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The command as its users run it: what the inspecting commands print of a region of fixed words,
 * which this process holds, and what wrong command lines lead to.
 *
 * The expected outputs are the files in golden/; VRI_GOLDEN_WRITE=1 writes them anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/virtio_ring.h>

#include "../inspect/packed_rig.h"
#include "../inspect/synthetic.h"
#include "test.h"

extern char **environ;

#define WORDS_MAX 12

struct run {
	int status; /* as exit() had it; -1: died of a signal */
	char *out, *err;
};

static char *read_all(int fd)
{
	size_t room = 65536, at = 0;
	char *text = calloc(1, room);
	ssize_t n;

	t_not_null(text);
	t_eq(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, text + at, room - at - 1)) > 0) {
		at += (size_t)n;
		if (room - at < 2) {
			room *= 2;
			text = realloc(text, room);
			t_not_null(text);
		}
	}
	t_eq(n, 0);
	text[at] = '\0';
	close(fd);
	return text;
}

/* Files take any amount of output without somebody who reads meanwhile. */
static int temporary(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	t_sys(fd);
	return fd;
}

static struct run run_words(char *const *words, int out)
{
	posix_spawn_file_actions_t actions;
	int err = temporary(), status;
	struct run run;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	t_eq(posix_spawn(&pid, VRING, &actions, NULL, words, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	t_eq(waitpid(pid, &status, 0), pid);
	run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	run.err = read_all(err);
	run.out = NULL;
	return run;
}

/* Runs vring with the words of @line, which single spaces divide; "@" in it is this process. */
static struct run vring(const char *line)
{
	static char text[512];
	char *words[WORDS_MAX + 2] = { (char *)(uintptr_t) "vring" };
	int out = temporary();
	size_t at = 0, n = 1;
	struct run run;
	char *word;

	for (; *line; line++) {
		if (*line == '@')
			at += (size_t)snprintf(text + at, sizeof(text) - at, "pid:%d",
					       (int)getpid());
		else
			text[at++] = *line;
	}
	text[at] = '\0';
	for (word = strtok(text, " "); word && n <= WORDS_MAX; word = strtok(NULL, " "))
		words[n++] = word;
	run = run_words(words, out);
	run.out = read_all(out);
	return run;
}

static void done(struct run *run)
{
	free(run->out);
	free(run->err);
}

static struct synthetic s;

static void set_up(void)
{
	synthetic_init(&s);
}

static void tear_down(void)
{
	synthetic_fini(&s);
}

static struct packed_rig rig;

/* A packed ring in its second lap: id 1 is available, id 0 with the device, another used, and one is
 * with the device whose descriptors are overwritten. */
static void set_up_packed(void)
{
	static const struct packed_rig_setup setup = { .size = 10,
						       .event_idx = true,
						       .indirect = true };
	struct vri_chain slow, quick, last;

	packed_rig_init(&rig, &setup);
	packed_rig_cycle(&rig, 7);
	t_ok(packed_rig_add(&rig, 1, 0, &rig));
	slow = packed_rig_pop(&rig);
	t_ok(packed_rig_add(&rig, 0, 1, &rig));
	quick = packed_rig_pop(&rig);
	packed_rig_push(&rig, &quick, 32);
	t_eq(packed_rig_take(&rig), 1);
	t_ok(packed_rig_add(&rig, 0, 1, &rig));
	last = packed_rig_pop(&rig);
	packed_rig_push(&rig, &last, 7);
	t_ok(packed_rig_add(&rig, 2, 2, &rig));
	packed_rig_pop(&rig);
	t_ok(packed_rig_add(&rig, 1, 1, &rig));
	t_eq(vri_devq_arm(rig.devq), 1);
	vri_drvq_suppress(rig.drvq);
	t_ne(slow.head, last.head);
}

static void tear_down_packed(void)
{
	packed_rig_fini(&rig);
}

/* ---- golden texts ---- */

static char *golden_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
	return path;
}

/* The pid is the one thing that differs from run to run: it becomes PID, and @squeeze makes one
 * space of many where its width moves a column. */
static char *normalize(const char *from, bool squeeze)
{
	char pid[16], *text = calloc(1, 2 * strlen(from) + 1), *to = text;
	size_t len;

	t_not_null(text);
	len = (size_t)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	while (*from) {
		if (strncmp(from, pid, len) == 0) {
			to = stpcpy(to, "PID");
			from += len;
		} else if (squeeze && from[0] == ' ' && from[1] == ' ') {
			from++;
		} else {
			*to++ = *from++;
		}
	}
	return text;
}

static void compare_text(const char *got, const char *name, bool squeeze)
{
	char *text = normalize(got, squeeze), *want;
	int fd;

	if (getenv("VRI_GOLDEN_WRITE")) {
		fd = open(golden_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
		t_sys(fd);
		t_eq(write(fd, text, strlen(text)), strlen(text));
		close(fd);
	}
	fd = open(golden_path(name), O_RDONLY);
	t_sys(fd);
	want = read_all(fd);
	t_streq(text, want);
	free(text);
	free(want);
}

static void check_text(const char *line, const char *name, bool squeeze)
{
	struct run run = vring(line);

	t_eq(run.status, 0);
	t_streq(run.err, "");
	compare_text(run.out, name, squeeze);
	done(&run);
}

Test(vring, queue_show_prints_both_sides_and_the_chains, .init = set_up, .fini = tear_down)
{
	check_text("queue show @ 0", "queue_show.txt", false);
}

Test(vring, queue_show_prints_a_packed_ring, .init = set_up_packed, .fini = tear_down_packed)
{
	check_text("queue show @ 0", "queue_show_packed.txt", false);
}

Test(vring, queue_list_prints_a_packed_ring, .init = set_up_packed, .fini = tear_down_packed)
{
	check_text("queue list @", "queue_list_packed.txt", false);
}

Test(vring, queue_show_prints_less_when_asked, .init = set_up, .fini = tear_down)
{
	check_text("queue show @/0001 0 --chains=1 --used 2", "queue_show_less.txt", false);
}

Test(vring, queue_show_says_why_a_ring_was_not_read, .init = set_up, .fini = tear_down)
{
	check_text("queue show @ 1", "queue_show_off.txt", false);
}

Test(vring, queue_list_prints_a_row_each, .init = set_up, .fini = tear_down)
{
	check_text("queue list @", "queue_list.txt", false);
}

Test(vring, link_show_prints_names_and_not_numbers, .init = set_up, .fini = tear_down)
{
	check_text("link show @", "link_show.txt", true);
}

static void check_width(const char *line)
{
	struct run run = vring(line);
	char *row;

	for (row = strtok(run.out, "\n"); row; row = strtok(NULL, "\n"))
		t_le(strlen(row), 80);
	done(&run);
}

Test(vring, text_fits_on_a_terminal, .init = set_up, .fini = tear_down)
{
	static const char *const lines[] = { "queue show @ 0",	  "queue list @",
					     "link show @",	  "--help",
					     "queue show --help", "link list --help" };
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_width(lines[i]);
}

Test(vring, text_of_a_packed_ring_fits_too, .init = set_up_packed, .fini = tear_down_packed)
{
	rig.driver_counters->buffers = htole64(1000000000);
	rig.driver_counters->bytes_readable = htole64(1ull << 50);
	rig.device_counters->bytes_written = htole64((1ull << 50) - (1ull << 40));
	check_width("queue show @ 0");
	check_width("queue list @");
	check_width("link show @");
}

/* ---- JSON ---- */

static json_t *json_of(const char *line)
{
	struct run run = vring(line);
	json_error_t error;
	json_t *json;

	t_eq(run.status, 0);
	json = json_loads(run.out, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		t_fail("%s: %s", line, error.text);
	done(&run);
	return json;
}

static void check_json(const char *line, const char *name)
{
	json_t *json = json_of(line);
	char *text;

	t_gt(json_integer_value(json_object_get(json, "now_ns")), 0);
	json_object_set_new(json, "now_ns", json_integer(0));
	text = json_dumps(json, JSON_INDENT(2));
	compare_text(text, name, false);
	free(text);
	json_decref(json);
}

Test(vring, queue_show_json_has_the_promised_keys, .init = set_up, .fini = tear_down)
{
	check_json("queue show @ 0 --json", "queue_show.json");
}

Test(vring, queue_show_json_has_the_same_keys_for_a_queue_that_is_off, .init = set_up,
     .fini = tear_down)
{
	json_t *on = json_of("queue show @ 0 --json"), *off = json_of("queue show @ 1 --json");
	const char *key;
	json_t *value;

	json_object_foreach(on, key, value) t_not_null(json_object_get(off, key));
	t_eq(json_object_size(on), json_object_size(off));
	json_decref(on);
	json_decref(off);
}

Test(vring, queue_show_json_of_a_packed_ring, .init = set_up_packed, .fini = tear_down_packed)
{
	check_json("queue show @ 0 --json", "queue_show_packed.json");
}

static void same_keys(json_t *a, json_t *b)
{
	const char *key;
	json_t *value;

	t_eq(json_object_size(a), json_object_size(b));
	json_object_foreach(a, key, value) t_not_null(json_object_get(b, key));
}

Test(vring, queue_show_json_has_the_same_keys_in_both_formats)
{
	static const char *const objects[] = { "driver", "device", "areas" };
	static const char *const lists[] = { "chains", "used" };
	json_t *split, *packed;
	size_t i;

	set_up();
	split = json_of("queue show @ 0 --json");
	tear_down();
	set_up_packed();
	packed = json_of("queue show @ 0 --json");
	tear_down_packed();
	same_keys(split, packed);
	for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		same_keys(json_object_get(split, objects[i]), json_object_get(packed, objects[i]));
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		same_keys(json_array_get(json_object_get(split, lists[i]), 0),
			  json_array_get(json_object_get(packed, lists[i]), 0));
	json_decref(split);
	json_decref(packed);
}

Test(vring, link_show_json_has_the_promised_keys, .init = set_up, .fini = tear_down)
{
	check_json("link show @ --json", "link_show.json");
}

Test(vring, queue_list_json_has_the_promised_keys, .init = set_up, .fini = tear_down)
{
	check_json("queue list @ --json", "queue_list.json");
}

Test(vring, link_list_finds_the_link_and_prints_its_address, .init = set_up, .fini = tear_down)
{
	json_t *json, *links, *link;
	char address[64];
	size_t i, n = 0;

	s.device->pid = htole32((uint32_t)getpid());
	snprintf(address, sizeof(address), "pid:%d/%.8s", (int)getpid(), SYNTHETIC_ID);
	json = json_of("link list --json");
	links = json_object_get(json, "links");
	json_array_foreach(links, i, link)
	{
		const char *text = json_string_value(json_object_get(link, "address"));

		if (!text || strcmp(text, address) != 0)
			continue;
		n++;
		t_streq(json_string_value(json_object_get(link, "state")), "running");
		t_streq(json_string_value(json_object_get(link, "device_name")), "block");
		t_streq(json_string_value(json_object_get(link, "name")), "disk.img");
		t_eq(json_array_size(json_object_get(link, "processes")), 1);
	}
	t_eq(n, 1);
	json_decref(json);
}

/* ---- states and features that are rare ---- */

Test(vring, a_suspended_device_is_shown_as_such, .init = set_up, .fini = tear_down)
{
	json_t *json, *names;
	struct run run;

	s.device->status = htole32(VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER |
				   VRI_STATUS_FEATURES_OK | VRI_STATUS_SUSPEND);
	json = json_of("link show @ --json");
	t_streq(json_string_value(json_object_get(json, "state")), "suspended");
	names = json_object_get(json, "status_names");
	t_eq(json_array_size(names), 4);
	t_streq(json_string_value(json_array_get(names, 3)), "SUSPEND");
	json_decref(json);
	run = vring("link show @");
	t_eq(run.status, 0);
	t_strstr(run.out, "suspended");
	t_strstr(run.out, "SUSPEND");
	done(&run);
}

Test(vring, features_beyond_bit_63_are_shown, .init = set_up, .fini = tear_down)
{
	json_t *json, *feature;
	unsigned n = 0;
	size_t i;

	s.device->offered[1] = htole64(1ull | 1ull << 63);
	s.driver->acked[1] = htole64(1ull << 63);
	json = json_of("link show @ --json");
	json_array_foreach(json_object_get(json, "features"), i, feature)
	{
		long long bit = json_integer_value(json_object_get(feature, "bit"));

		if (bit < 64)
			continue;
		n++;
		t_true(bit == 64 || bit == 127);
		t_true(json_is_true(json_object_get(feature, "offered")));
		t_eq(json_is_true(json_object_get(feature, "negotiated")), bit == 127);
		t_true(json_is_null(json_object_get(feature, "name")));
	}
	t_eq(n, 2);
	json_decref(json);
}

/* ---- hostile regions ---- */

static void check_bytes(const char *text)
{
	for (; *text; text++)
		t_true(*text == '\n' || ((unsigned char)*text >= 0x20 && *text != 0x7f));
}

/* faults: C21 G6 */
Test(vring, no_command_prints_a_control_byte_of_a_region, .init = set_up, .fini = tear_down)
{
	static const char *const lines[] = { "link show @", "queue show @ 0", "link list",
					     "link show @ --json", "queue list @ --json" };
	size_t i;

	memset(s.device->type, 0x1b, sizeof(s.device->type));
	memset(s.device->name, 0x9b, sizeof(s.device->name));
	memset(s.device->needs_reset_why, '\r', sizeof(s.device->needs_reset_why));
	s.device->device_id = htole32(0x10000);
	s.device->status = htole32(~0u);
	memset(s.device->offered, 0xff, sizeof(s.device->offered));
	memset(&s.device_queue[0], 0xff, sizeof(s.device_queue[0]));
	memset(s.device_counters, 0xff, sizeof(*s.device_counters));
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct run run = vring(lines[i]);

		t_eq(run.status, 0);
		check_bytes(run.out);
		check_bytes(run.err);
		done(&run);
	}
}

/* faults: G6 */
Test(vring, ring_without_an_end_is_shown_in_the_end, .init = set_up, .fini = tear_down,
     .timeout = 60)
{
	struct vring_desc *desc = (struct vring_desc *)(void *)(s.base + s.map.pool.offset);
	json_t *json, *chains;
	unsigned i;

	/* All that a queue consists of is one and the same memory, full of chains that loop. */
	s.driver_queue[0].size = htole32(4096);
	s.driver_queue[0].desc = s.driver_queue[0].driver = s.driver_queue[0].device =
		s.driver_queue[0].outstanding = htole64(s.map.pool.offset);
	for (i = 0; i < 4096; i++) {
		desc[i].flags = htole16(VRING_DESC_F_NEXT);
		desc[i].next = htole16((uint16_t)((i + 1) % 4096));
	}
	json = json_of("queue show @ 0 --json --used 32768");
	chains = json_object_get(json, "chains");
	t_eq(json_array_size(chains), 1);
	t_streq(json_string_value(json_object_get(json_array_get(chains, 0), "problem")),
		"address");
	json_decref(json);
}

/* faults: G6 */
Test(vring, largest_packed_ring_of_one_endless_list_is_shown_in_the_end, .init = set_up_packed,
     .fini = tear_down_packed, .timeout = 60)
{
	json_t *json;

	/* A pool full of what looks like descriptors of every lap, and all of them lent. */
	memset(rig.base + rig.map.pool.offset, 0x81, rig.map.pool.size);
	rig.driver_queue->size = htole32((uint32_t)(rig.map.pool.size / 16));
	rig.driver_queue->desc = rig.driver_queue->outstanding = htole64(rig.map.pool.offset);
	json = json_of("queue show @ 0 --json --used 32768");
	t_eq(json_array_size(json_object_get(json, "chains")), rig.map.pool.size / 16);
	json_decref(json);
}

/* ---- command lines ---- */

struct line {
	char text[80];
	char says[64]; /* a part of the message */
};

static const struct line wrong_lines[] = {
	{ "", "which command" },
	{ "lnk", "no command 'lnk'" },
	{ "--jsn", "no option --jsn" },
	{ "link", "which of list, show" },
	{ "link shw", "no 'shw', but list, show" },
	{ "link --json", "help link" },
	{ "link list x", "takes no argument" },
	{ "link list --all", "unknown option --all" },
	{ "link list --all", "'vring help link list' says more" },
	{ "link list --json=yes", "--json takes no value" },
	{ "link show", "ADDRESS" },
	{ "link show @ @", "too many" },
	{ "link show nothing", "not an address" },
	{ "link show unix:/tmp/x", "not an address" },
	{ "queue show @", "ADDRESS N" },
	{ "queue show @ x", "'x' is not a number" },
	{ "queue show @ -1", "unknown option -1" },
	{ "queue show @ -- -1", "'-1' is not a number" },
	{ "queue show @ 1e99", "not a number" },
	{ "queue show @ 1024", "between 0 and 1023" },
	{ "queue show @ 99999999999999999999999", "between 0 and 1023" },
	{ "queue show @ 0xfffffffffffffffff", "between 0 and 1023" },
	{ "queue show @ \xef\xbc\x98", "not a number" },
	{ "queue show @ 0 --chains", "needs a value" },
	{ "queue show @ 0 --chains x", "--chains" },
	{ "queue show @ 0 --chains=32769", "between 0 and 32768" },
	{ "queue show @ 0 --chains 1 --chains 2", "given twice" },
	{ "help nothing", "no command 'nothing'" },
	{ "help link list more", "too many" },
};

/* faults: G1 */
TestEach(vring, wrong_command_line_exits_with_2_and_a_message, wrong_lines, struct line)
{
	struct run run = vring(param->text);

	t_eq(run.status, 2);
	t_streq(run.out, "");
	t_eq(strncmp(run.err, "vring: ", 7), 0);
	t_strstr(run.err, param->says);
	done(&run);
}

static const struct line failing_lines[] = {
	{ "link show @", "holds no link" },
	{ "link show pid:2147483647", "no process" },
	{ "queue show pid:2147483647 0 --json", "no process" },
};

TestEach(vring, what_cannot_be_done_exits_with_1_and_a_message, failing_lines, struct line)
{
	struct run run = vring(param->text);

	t_eq(run.status, 1);
	t_streq(run.out, "");
	t_eq(strncmp(run.err, "vring: ", 7), 0);
	t_strstr(run.err, param->says);
	done(&run);
}

Test(vring, queue_that_is_not_there_is_named, .init = set_up, .fini = tear_down)
{
	struct run run = vring("queue show @ 2");

	t_eq(run.status, 1);
	t_strstr(run.err, "no queue 2");
	done(&run);
}

Test(vring, ambiguous_address_lists_what_there_is, .init = set_up, .fini = tear_down)
{
	struct synthetic other;
	struct run run;

	synthetic_init(&other);
	((struct region_header *)(void *)other.base)->link_id[0] = 0xab;
	run = vring("link show @");
	t_eq(run.status, 1);
	t_strstr(run.err, "/00010203");
	t_strstr(run.err, "/ab010203");
	done(&run);
	synthetic_fini(&other);
}

static const struct line helpful_lines[] = {
	{ "--help", "vring queue show" },
	{ "-h", "Usage: vring COMMAND" },
	{ "help", "Usage: vring COMMAND" },
	{ "help link", "vring link list" },
	{ "link --help", "vring link show" },
	{ "help queue show", "--chains N" },
	{ "queue show --help", "Usage: vring queue show ADDRESS N" },
	{ "queue show --nonsense -h", "--chains N" },
	{ "--version", "vring 0." },
};

TestEach(vring, help_goes_to_stdout_and_exits_with_0, helpful_lines, struct line)
{
	struct run run = vring(param->text);

	t_eq(run.status, 0);
	t_strstr(run.out, param->says);
	t_streq(run.err, "");
	done(&run);
}

/* faults: C21 */
Test(vring, control_bytes_of_the_command_line_do_not_reach_the_terminal)
{
	struct run run = vring("link show \x1b[31mred");

	t_eq(run.status, 2);
	check_bytes(run.err);
	done(&run);
}

Test(vring, full_disk_is_an_error)
{
	char *words[] = { (char *)(uintptr_t) "vring", (char *)(uintptr_t) "--help", NULL };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct run run;

	t_sys(full);
	run = run_words(words, full);
	t_eq(run.status, 1);
	t_strstr(run.err, "cannot write");
	done(&run);
	close(full);
}
