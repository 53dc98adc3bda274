/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring serve`: how it starts, how it ends, what it leaves behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"
#include "test.h"
#include "tmpdir.h"

#define IMAGE_SIZE 1048576

struct place {
	struct tmpdir dir;
	const char *address, *socket, *image;
};

static void place_open(struct place *place)
{
	tmpdir_open(&place->dir);
	place->address = tmpdir_unix(&place->dir, "s");
	place->socket = tmpdir_file(&place->dir, "s");
	place->image = tmpdir_file(&place->dir, "image");
	make_image(place->image, IMAGE_SIZE);
}

static void place_close(struct place *place)
{
	tmpdir_close(&place->dir);
}

static void serve_image(struct program *server, const struct place *place)
{
	server_start(server, "blk", "--listen", place->address, "--image", place->image, NULL);
}

/* The folders of a test are its user's own; what another user is refused shall not be they. */
static void let_everybody_in(const struct place *place)
{
	char above[sizeof(place->dir.path)];

	snprintf(above, sizeof(above), "%s", place->dir.path);
	*strrchr(above, '/') = '\0';
	t_sys(chmod(place->dir.path, 0755));
	/* Not /tmp itself, where a test that is run by hand is at home. */
	if (strcmp(above, "/tmp") != 0)
		t_sys(chmod(above, 0711));
}

static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP };

TestEach(serve, signal_ends_it_with_0_and_removes_the_socket, end_signals, int)
{
	struct program server;
	struct place place;

	place_open(&place);
	serve_image(&server, &place);
	t_true(file_exists(place.socket));
	t_sys(kill(server.pid, *param));
	t_eq(program_finish(&server), 0);
	t_false(file_exists(place.socket));
	program_free(&server);
	place_close(&place);
}

Test(serve, says_where_it_is_ready)
{
	struct program server;
	struct place place;
	char line[256];

	place_open(&place);
	serve_image(&server, &place);
	t_sys(kill(server.pid, SIGTERM));
	t_eq(program_finish(&server), 0);
	snprintf(line, sizeof(line), "vring: serving blk at %s\n", place.address);
	t_streq(server.stderr_bytes.data, line);
	t_eq(server.stdout_bytes.len, 0);
	program_free(&server);
	place_close(&place);
}

Test(serve, ready_line_is_json_when_asked_for)
{
	struct program server;
	struct place place;

	place_open(&place);
	server_start(&server, "blk", "--listen", place.address, "--image", place.image, "--json",
		     NULL);
	program_read(&server, 2);
	t_strstr(server.stdout_bytes.data, "{\"serving\":\"blk\"");
	t_strstr(server.stdout_bytes.data, place.address);
	/* One line, complete. */
	t_eq(server.stdout_bytes.data[server.stdout_bytes.len - 1], '\n');
	t_ptr_eq(strchr(server.stdout_bytes.data, '\n'),
		 server.stdout_bytes.data + server.stdout_bytes.len - 1);
	server_stop(&server);
	place_close(&place);
}

Test(serve, one_device_is_found_at_each_of_its_addresses)
{
	struct program server;
	struct place place;
	const char *second;

	place_open(&place);
	second = tmpdir_unix(&place.dir, "t");
	server_start(&server, "blk", "--listen", place.address, "--listen", second, "--image",
		     place.image, NULL);
	vring_ok("drive", "blk", place.address, "write-zeroes", "--length", "512");
	vring_ok("drive", "blk", second, "info");
	server_stop(&server);
	t_false(file_exists(place.socket));
	t_false(file_exists(tmpdir_file(&place.dir, "t")));
	place_close(&place);
}

Test(serve, socket_has_the_permissions_that_were_asked_for)
{
	struct program server;
	struct place place;
	struct stat st;

	place_open(&place);
	server_start(&server, "rng", "--listen", place.address, "--mode", "620", NULL);
	t_sys(stat(place.socket, &st));
	t_eq(st.st_mode & 0777, 0620);
	server_stop(&server);
	place_close(&place);
}

Test(serve, socket_is_for_its_user_alone_by_default)
{
	struct program server;
	struct place place;
	struct stat st;

	place_open(&place);
	server_start(&server, "rng", "--listen", place.address, NULL);
	t_sys(stat(place.socket, &st));
	t_eq(st.st_mode & 0777, 0600);
	server_stop(&server);
	place_close(&place);
}

/* faults: G10 */
Test(serve, address_in_use_is_refused_and_its_owner_undisturbed)
{
	struct program server, second;
	struct place place;

	place_open(&place);
	serve_image(&server, &place);
	t_eq(vring(&second, "serve", "rng", "--listen", place.address, NULL), 1);
	t_strstr(second.stderr_bytes.data, "serves there already");
	vring_ok("drive", "blk", place.address, "info");
	server_stop(&server);
	program_free(&second);
	place_close(&place);
}

/* faults: G10 */
Test(serve, socket_of_a_killed_server_is_replaced)
{
	struct program first, second;
	struct place place;

	place_open(&place);
	serve_image(&first, &place);
	t_sys(kill(first.pid, SIGKILL));
	t_eq(program_finish(&first), -SIGKILL);
	t_true(file_exists(place.socket));
	serve_image(&second, &place);
	vring_ok("drive", "blk", place.address, "info");
	server_stop(&second);
	program_free(&first);
	place_close(&place);
}

Test(serve, file_in_the_way_is_left_as_it_is)
{
	struct program p;
	struct place place;
	struct bytes bytes;

	place_open(&place);
	make_file(place.socket, 100, 1);
	t_eq(vring(&p, "serve", "rng", "--listen", place.address, NULL), 1);
	t_strstr(p.stderr_bytes.data, place.address);
	bytes = read_file(place.socket);
	t_eq(bytes.len, 100);
	free(bytes.data);
	program_free(&p);
	place_close(&place);
}

struct bad_address {
	const char *address, *says;
	int status;
};

static const struct bad_address bad_addresses[] = {
	{ "", "address", 2 },
	{ "unix:", "address", 2 },
	{ "unix:@", "address", 2 },
	{ "tcp:127.0.0.1:80", "address", 2 },
	{ "/tmp/x", "address", 2 },
	{ "loop:", "address", 2 },
	{ "unix:/nonexistent/folder/s", "no such folder", 1 },
	{ "unix:/tmp/"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaa",
	  "too long", 1 },
};

TestEach(serve, address_that_cannot_be_listened_at_is_explained, bad_addresses, struct bad_address)
{
	struct program p;

	t_eq(vring(&p, "serve", "rng", "--listen", param->address, NULL), param->status);
	t_strstr(p.stderr_bytes.data, param->says);
	program_free(&p);
}

TestEach(serve, driver_explains_what_is_wrong_with_an_address, bad_addresses, struct bad_address)
{
	struct program p;

	t_eq(vring(&p, "drive", "rng", param->address, "--bytes", "1", NULL), param->status);
	t_gt(p.stderr_bytes.len, 0);
	t_eq(p.stdout_bytes.len, 0);
	program_free(&p);
}

Test(serve, name_that_no_device_can_have_is_explained)
{
	const char *address = "unix:@vring-test-name";
	char longest[129] = "";
	struct program p;

	memset(longest, 'n', sizeof(longest) - 1);
	t_eq(vring(&p, "serve", "rng", "--listen", address, "--name", longest, NULL), 2);
	t_strstr(p.stderr_bytes.data, "more than 127 bytes");
	program_free(&p);
	t_eq(vring(&p, "serve", "rng", "--listen", address, "--name", "d\xc3\xa9", NULL), 2);
	t_strstr(p.stderr_bytes.data, "printable ASCII");
	program_free(&p);
}

Test(serve, address_that_is_given_twice_is_refused)
{
	const char *address = "unix:@vring-test-twice";
	struct program p;

	t_eq(vring(&p, "serve", "rng", "--listen", address, "--listen", address, NULL), 2);
	t_strstr(p.stderr_bytes.data, "given twice");
	program_free(&p);
}

/* ---- images ---- */

struct bad_image {
	const char *path, *says;
};

static const struct bad_image bad_images[] = {
	{ "/nonexistent/image", "No such file" },
	{ "/tmp", "folder" },
	{ "/dev/null", "regular file" },
};

TestEach(serve, image_that_is_no_disk_is_refused, bad_images, struct bad_image)
{
	struct program p;
	struct place place;

	place_open(&place);
	t_eq(vring(&p, "serve", "blk", "--listen", place.address, "--image", param->path, NULL), 1);
	t_strstr(p.stderr_bytes.data, param->path);
	t_strstr(p.stderr_bytes.data, param->says);
	t_false(file_exists(place.socket));
	program_free(&p);
	place_close(&place);
}

Test(serve, image_of_less_than_a_block_is_refused)
{
	struct program p;
	struct place place;

	place_open(&place);
	make_image(place.image, 511);
	t_eq(vring(&p, "serve", "blk", "--listen", place.address, "--image", place.image, NULL), 1);
	t_strstr(p.stderr_bytes.data, "smaller than one block");
	program_free(&p);
	place_close(&place);
}

Test(serve, image_that_may_not_be_read_is_refused)
{
	const struct program_setup setup = { .uid = 65534 };
	const char *words[] = { "serve",   "blk", "--listen", "unix:@vring-test-unreadable",
				"--image", NULL,  NULL };
	struct program p;
	struct place place;
	int status;

	if (geteuid() != 0)
		t_skip("only root can become another user");
	place_open(&place);
	let_everybody_in(&place);
	t_sys(chmod(place.image, 0600));
	words[5] = place.image;
	program_start(&p, &setup, words);
	status = program_finish(&p);
	if (status == 123 || status == 127)
		t_skip("another user cannot run what was built here");
	t_eq(status, 1);
	t_strstr(p.stderr_bytes.data, "Permission denied");
	program_free(&p);
	place_close(&place);
}

Test(serve, create_makes_a_disk_of_that_size)
{
	struct program server, p;
	struct place place;
	struct stat st;
	const char *path;

	place_open(&place);
	path = tmpdir_file(&place.dir, "new");
	server_start(&server, "blk", "--listen", place.address, "--image", path, "--create",
		     "--size", "3M", NULL);
	t_eq(vring(&p, "drive", "blk", place.address, "info", "--json", NULL), 0);
	t_strstr(p.stdout_bytes.data, "\"capacity\": 3145728");
	server_stop(&server);
	t_sys(stat(path, &st));
	t_eq(st.st_size, 3145728);
	program_free(&p);
	place_close(&place);
}

Test(serve, create_does_not_touch_a_file_that_exists)
{
	struct program p;
	struct place place;
	struct bytes bytes;

	place_open(&place);
	make_file(place.image, 1000, 5);
	t_eq(vring(&p, "serve", "blk", "--listen", place.address, "--image", place.image,
		   "--create", "--size", "1M", NULL),
	     1);
	t_strstr(p.stderr_bytes.data, "exists");
	bytes = read_file(place.image);
	t_eq(bytes.len, 1000);
	free(bytes.data);
	program_free(&p);
	place_close(&place);
}

Test(serve, create_leaves_nothing_when_it_cannot_be_served)
{
	struct program p;
	struct place place;
	const char *path;

	place_open(&place);
	path = tmpdir_file(&place.dir, "new");
	t_eq(vring(&p, "serve", "blk", "--listen", "unix:/nonexistent/s", "--image", path,
		   "--create", "--size", "1M", NULL),
	     1);
	t_false(file_exists(path));
	program_free(&p);
	place_close(&place);
}

Test(serve, what_was_asked_for_is_what_drivers_see)
{
	struct program server, p;
	struct place place;

	place_open(&place);
	server_start(&server, "blk", "--listen", place.address, "--image", place.image, "--name",
		     "scratch", "--serial", "serial-1", "--queues", "3", "--queue-size", "64",
		     "--block-size", "4K", "--read-only", "--io", "sync", NULL);
	t_eq(vring(&p, "drive", "blk", place.address, "info", "--json", NULL), 0);
	t_strstr(p.stdout_bytes.data, "\"name\": \"scratch\"");
	t_strstr(p.stdout_bytes.data, "\"id\": \"serial-1\"");
	t_strstr(p.stdout_bytes.data, "\"queues\": 3");
	t_strstr(p.stdout_bytes.data, "\"queue_size_max\": 64");
	t_strstr(p.stdout_bytes.data, "\"block_size\": 4096");
	t_strstr(p.stdout_bytes.data, "\"read_only\": true");
	t_strstr(p.stdout_bytes.data, "\"BLK_F_RO\"");
	server_stop(&server);
	program_free(&p);
	place_close(&place);
}

/* ---- links ---- */

Test(serve, links_are_told_when_asked_for)
{
	struct program server;
	struct place place;

	place_open(&place);
	server_start(&server, "rng", "--listen", place.address, "-v", NULL);
	vring_ok("drive", "rng", place.address, "--bytes", "10", "--hex");
	t_sys(kill(server.pid, SIGTERM));
	t_eq(program_finish(&server), 0);
	t_strstr(server.stderr_bytes.data, " up links=1\n");
	t_strstr(server.stderr_bytes.data, " down links=0 why=");
	program_free(&server);
	place_close(&place);
}

Test(serve, one_driver_too_many_is_refused_and_the_first_goes_on)
{
	const struct program_setup with_input = { .with_input = true };
	struct program server, first, second;
	struct place place;
	char block[4096] = "";

	place_open(&place);
	server_start(&server, "blk", "--listen", place.address, "--image", place.image,
		     "--max-links", "1", "-v", NULL);
	const char *const words[] = { "drive",		"blk", place.address, "write",
				      "--request-size", "4K",  "--json",      NULL };

	program_start(&first, &with_input, words);
	/* The pipe holds 64 KiB: when the last byte went in, the link is up. */
	for (int i = 0; i < 32; i++)
		t_true(program_write(&first, block, sizeof(block)));
	t_eq(vring(&second, "drive", "blk", place.address, "info", NULL), 1);
	t_gt(second.stderr_bytes.len, 0);
	t_eq(program_finish(&first), 0);
	t_strstr(first.stdout_bytes.data, "\"bytes\": 131072");
	program_free(&first);
	program_free(&second);
	server_stop(&server);
	place_close(&place);
}

Test(serve, driver_of_another_type_is_turned_away)
{
	struct program server, p;
	struct place place;

	place_open(&place);
	serve_image(&server, &place);
	t_eq(vring(&p, "drive", "rng", place.address, "--bytes", "1", NULL), 1);
	t_eq(p.stdout_bytes.len, 0);
	t_strstr(p.stderr_bytes.data, "not org.oasis-open.virtio.entropy");
	t_null(strstr(p.stderr_bytes.data, "nobody serves"));
	vring_ok("drive", "blk", place.address, "info");
	server_stop(&server);
	program_free(&p);
	place_close(&place);
}

Test(serve, stranger_who_says_nothing_disturbs_nobody)
{
	struct program server;
	struct place place;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	place_open(&place);
	serve_image(&server, &place);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", place.socket);
	t_sys(fd);
	t_sys(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	t_eq(send(fd, "hello", 5, 0), 5);
	vring_ok("drive", "blk", place.address, "info");
	close(fd);
	vring_ok("drive", "blk", place.address, "info");
	server_stop(&server);
	place_close(&place);
}

/* ---- other users ---- */

static void become_reachable(struct place *place)
{
	if (geteuid() != 0)
		t_skip("only root can become another user");
	place_open(place);
	let_everybody_in(place);
}

Test(serve, driver_of_another_user_is_kept_out_by_the_permissions_of_the_socket)
{
	const struct program_setup nobody = { .uid = 65534 };
	struct program server, p;
	struct place place;

	become_reachable(&place);
	serve_image(&server, &place);
	const char *const words[] = { "drive", "blk", place.address, "info", NULL };

	program_start(&p, &nobody, words);
	int status = program_finish(&p);

	if (status == 123 || status == 127)
		t_skip("another user cannot run what was built here");
	t_eq(status, 1);
	t_strstr(p.stderr_bytes.data, place.address);
	program_free(&p);
	server_stop(&server);
	place_close(&place);
}

Test(serve, driver_of_another_user_may_come_when_the_permissions_say_so)
{
	const struct program_setup nobody = { .uid = 65534 };
	struct program server, p;
	struct place place;

	become_reachable(&place);
	server_start(&server, "blk", "--listen", place.address, "--image", place.image, "--mode",
		     "666", NULL);
	const char *const words[] = { "drive",	  "blk", place.address, "write-zeroes",
				      "--length", "64K", NULL };

	program_start(&p, &nobody, words);
	int status = program_finish(&p);

	if (status == 123 || status == 127)
		t_skip("another user cannot run what was built here");
	if (status != 0)
		t_fail("exit %d: %s", status, p.stderr_bytes.data);
	program_free(&p);
	server_stop(&server);
	place_close(&place);
}
