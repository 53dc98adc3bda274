/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The control channel's sockets: paths and files, packets and the descriptors beside them. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "tmpdir.h"
#include "transport/shm/shm_sock.h"

static struct tmpdir dir;
static struct leaks leaks;
static struct sock_packet packet;

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
}

static void tear_down(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

static void pair(int fds[2])
{
	t_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
}

/* Sends @n copies of a descriptor beside @len bytes, as no honest peer would. */
static void send_raw(int fd, size_t len, unsigned n)
{
	static char bytes[WIRE_PACKET_MAX + 1];
	char control[CMSG_SPACE(sizeof(int) * 253)] = { 0 };
	struct iovec iov = { bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (unsigned i = 0; i < n; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &(int){ 0 }, sizeof(int));
	}
	t_sys(sendmsg(fd, &msg, MSG_NOSIGNAL));
}

/* ---- packets ---- */

Test(shm_sock, carries_a_packet_and_its_descriptor, .init = set_up, .fini = tear_down)
{
	const char *why;
	struct stat sent, came;
	int fds[2];

	pair(fds);
	t_ok(sock_send(fds[0], "hello", 5, STDIN_FILENO));
	t_eq(sock_recv(fds[1], &packet, &why), 1);
	t_eq(packet.len, 5);
	t_mem_eq(packet.bytes, "hello", 5);
	t_eq(packet.n_fds, 1);
	t_sys(fstat(STDIN_FILENO, &sent));
	t_sys(fstat(packet.fds[0], &came));
	t_eq(sent.st_ino, came.st_ino);
	t_eq(fcntl(packet.fds[0], F_GETFD), FD_CLOEXEC);
	sock_drop_fds(&packet);
	t_eq(packet.n_fds, 0);
	t_errno_eq(sock_recv(fds[1], &packet, &why), -EAGAIN);
	close(fds[0]);
	close(fds[1]);
}

Test(shm_sock, takes_the_longest_packet_and_refuses_a_longer_one, .init = set_up, .fini = tear_down)
{
	const char *why = "";
	int fds[2], size = 1 << 20;

	pair(fds);
	t_sys(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	send_raw(fds[0], WIRE_PACKET_MAX, 0);
	t_eq(sock_recv(fds[1], &packet, &why), 1);
	t_eq(packet.len, WIRE_PACKET_MAX);
	send_raw(fds[0], WIRE_PACKET_MAX + 1, 1);
	t_errno_eq(sock_recv(fds[1], &packet, &why), -EPROTO);
	t_strstr(why, "64 KiB");
	t_eq(packet.n_fds, 0);
	close(fds[0]);
	close(fds[1]);
}

/* faults: C1 D4 */
Test(shm_sock, closes_every_descriptor_of_a_packet_with_too_many, .init = set_up, .fini = tear_down)
{
	static const unsigned counts[] = { 2, 3, 100, 253 };
	const char *why = "";
	int fds[2];

	pair(fds);
	for (unsigned round = 0; round < 1000; round++) {
		send_raw(fds[0], 1, counts[round % 4]);
		t_errno_eq(sock_recv(fds[1], &packet, &why), -EPROTO);
		t_strstr(why, "descriptors");
	}
	close(fds[0]);
	close(fds[1]);
}

/* The kernel hands over what fits and cuts the rest off.
 * faults: C2 */
Test(shm_sock, closes_what_came_of_a_list_that_was_cut_off, .init = set_up, .fini = tear_down)
{
	struct rlimit limit, low;
	const char *why = "";
	int fds[2], spare;

	pair(fds);
	spare = dup(0);
	t_sys(spare);
	close(spare);
	t_sys(getrlimit(RLIMIT_NOFILE, &limit));
	low = limit;
	low.rlim_cur = (rlim_t)spare;
	send_raw(fds[0], 1, 1);
	t_sys(setrlimit(RLIMIT_NOFILE, &low));
	t_errno_eq(sock_recv(fds[1], &packet, &why), -EPROTO);
	t_sys(setrlimit(RLIMIT_NOFILE, &limit));
	t_eq(packet.n_fds, 0);
	close(fds[0]);
	close(fds[1]);
}

/* faults: C9 */
Test(shm_sock, reads_an_empty_packet_and_a_closed_end_as_a_hang_up, .init = set_up,
     .fini = tear_down)
{
	const char *why;
	int fds[2];

	pair(fds);
	send_raw(fds[0], 0, 0);
	t_errno_eq(sock_recv(fds[1], &packet, &why), -ECONNRESET);
	send_raw(fds[0], 0, 1);
	t_errno_eq(sock_recv(fds[1], &packet, &why), -ECONNRESET);
	close(fds[0]);
	t_errno_eq(sock_recv(fds[1], &packet, &why), -ECONNRESET);
	t_errno_eq(sock_send(fds[1], "x", 1, -1), -ECONNRESET);
	close(fds[1]);
}

Test(shm_sock, never_blocks_on_a_peer_that_does_not_read, .init = set_up, .fini = tear_down)
{
	static char bytes[4096];
	int fds[2], r, sent = 0;
	const char *why;

	pair(fds);
	while ((r = sock_send(fds[0], bytes, sizeof(bytes), -1)) == 0)
		sent++;
	t_errno_eq(r, -EAGAIN);
	t_gt(sent, 0);
	t_gt(sock_unread(fds[0]), 0);
	while (sock_recv(fds[1], &packet, &why) == 1)
		;
	t_eq(sock_unread(fds[0]), 0);
	close(fds[0]);
	close(fds[1]);
}

/* ---- who is there ---- */

/* A process that has ended is seen as ended before anybody has waited for it.
 * faults: C15 E14 */
Test(shm_sock, knows_its_peer_and_sees_it_end, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener listener;
	struct sock_peer peer;
	struct pollfd p;
	int fd, kept;
	pid_t child;

	t_ok(sock_listen(path, 0600, &listener));
	child = fork();
	t_sys(child);
	if (child == 0) {
		fd = sock_connect(path, 5000);
		pause();
		_exit(fd < 0);
	}
	p = (struct pollfd){ listener.fd, POLLIN, 0 };
	t_eq(poll(&p, 1, 10000), 1);
	kept = sock_accept(listener.fd);
	t_ok(kept);
	t_ok(sock_peer(kept, &peer));
	t_eq(peer.uid, getuid());
	t_eq(peer.pid, child);
	t_ge(peer.pidfd, 0);
	t_eq(fcntl(peer.pidfd, F_GETFD), FD_CLOEXEC);
	p = (struct pollfd){ peer.pidfd, POLLIN, 0 };
	t_eq(poll(&p, 1, 0), 0);
	t_sys(kill(child, SIGKILL));
	t_eq(poll(&p, 1, 10000), 1);
	t_eq(waitpid(child, NULL, 0), child);
	close(peer.pidfd);
	close(kept);
	sock_unlisten(&listener, true);
}

/* ---- paths ---- */

Test(shm_sock, gives_the_file_its_mode_whatever_the_umask, .init = set_up, .fini = tear_down)
{
	static const unsigned modes[] = { 0600, 0660, 0666, 0777 };
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener listener;
	struct stat st;
	mode_t old = umask(0);

	for (unsigned i = 0; i < 8; i++) {
		umask(i < 4 ? 0 : 0177);
		t_ok(sock_listen(path, modes[i % 4], &listener));
		t_sys(lstat(path, &st));
		t_eq(st.st_mode & 07777, modes[i % 4]);
		sock_unlisten(&listener, true);
		t_eq(lstat(path, &st), -1);
	}
	umask(old);
}

/* faults: G10 */
Test(shm_sock, replaces_a_socket_that_nobody_listens_on, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener first, second;
	int fd;

	t_ok(sock_listen(path, 0600, &first));
	sock_unlisten(&first, false);
	t_errno_eq(sock_connect(path, 1000), -ECONNREFUSED);
	t_ok(sock_listen(path, 0600, &second));
	fd = sock_connect(path, 1000);
	t_ok(fd);
	close(fd);
	sock_unlisten(&second, true);
}

Test(shm_sock, leaves_a_path_to_who_listens_there, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener first, second;
	int fd;

	t_ok(sock_listen(path, 0600, &first));
	t_errno_eq(sock_listen(path, 0600, &second), -EADDRINUSE);
	fd = sock_connect(path, 1000);
	t_ok(fd);
	close(fd);
	sock_unlisten(&first, true);
}

Test(shm_sock, leaves_alone_what_is_no_socket, .init = set_up, .fini = tear_down)
{
	const char *file = tmpdir_file(&dir, "file"), *link = tmpdir_file(&dir, "link");
	struct sock_listener listener;
	struct stat st;
	int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	t_sys(fd);
	t_eq(write(fd, "precious", 8), 8);
	close(fd);
	t_sys(symlink("nowhere", link));
	t_errno_eq(sock_listen(file, 0600, &listener), -EEXIST);
	t_errno_eq(sock_listen(link, 0600, &listener), -EEXIST);
	t_errno_eq(sock_listen(dir.path, 0600, &listener), -EEXIST);
	t_sys(stat(file, &st));
	t_eq(st.st_size, 8);
	t_errno_eq(sock_connect(file, 1000), -ECONNREFUSED);
}

Test(shm_sock, removes_its_own_file_only, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener first, second;
	struct stat st;

	t_ok(sock_listen(path, 0600, &first));
	t_sys(unlink(path));
	t_ok(sock_listen(path, 0600, &second));
	sock_unlisten(&first, true);
	t_sys(lstat(path, &st));
	sock_unlisten(&second, true);
}

/* faults: G10 */
Test(shm_sock, two_that_start_at_once_do_not_take_the_path_from_each_other, .init = set_up,
     .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener stale, listener;

	for (int round = 0; round < 50; round++) {
		pid_t child[2];
		int go[2], alive[2], got = 0;
		char byte;

		t_ok(sock_listen(path, 0600, &stale));
		sock_unlisten(&stale, false);
		t_sys(pipe2(go, O_CLOEXEC));
		t_sys(pipe2(alive, O_CLOEXEC));
		for (int i = 0; i < 2; i++) {
			child[i] = fork();
			t_sys(child[i]);
			if (child[i] == 0) {
				close(go[1]);
				(void)!read(go[0], &byte, 1);
				if (sock_listen(path, 0600, &listener) < 0)
					_exit(1);
				/* Keeps it until both have tried. */
				close(alive[1]);
				(void)!read(alive[0], &byte, 1);
				_exit(0);
			}
		}
		close(go[0]);
		close(go[1]);
		/* The one that lost exits first. */
		int status;
		pid_t lost = wait(&status);

		t_true(WIFEXITED(status));
		t_eq(WEXITSTATUS(status), 1);
		close(alive[0]);
		close(alive[1]);
		t_eq(waitpid(child[0] == lost ? child[1] : child[0], &status, 0),
		     child[0] == lost ? child[1] : child[0]);
		t_true(WIFEXITED(status));
		got += WEXITSTATUS(status) == 0;
		t_eq(got, 1);
		t_sys(unlink(path));
	}
}

Test(shm_sock, says_what_is_wrong_with_a_path, .init = set_up, .fini = tear_down)
{
	char path[200];
	struct sock_listener listener;

	t_errno_eq(sock_connect("", 1000), -EINVAL);
	t_errno_eq(sock_connect("@", 1000), -EINVAL);
	t_errno_eq(sock_listen("", 0600, &listener), -EINVAL);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = 0;
	t_errno_eq(sock_connect(path, 1000), -ENAMETOOLONG);
	t_errno_eq(sock_listen(path, 0600, &listener), -ENAMETOOLONG);
	path[107] = 0;
	t_errno_eq(sock_connect(path, 1000), -ENOENT);
	path[0] = '@';
	path[107] = 'x';
	path[108] = 0;
	t_errno_eq(sock_connect(path, 1000), -ECONNREFUSED);
	path[108] = 'x';
	path[109] = 0;
	t_errno_eq(sock_connect(path, 1000), -ENAMETOOLONG);
	t_errno_eq(sock_connect(tmpdir_file(&dir, "missing"), 1000), -ENOENT);
	snprintf(path, sizeof(path), "%s/missing/s", dir.path);
	t_errno_eq(sock_listen(path, 0600, &listener), -ENOENT);
}

Test(shm_sock, abstract_names_reach_their_length, .init = set_up, .fini = tear_down)
{
	struct sock_listener listener;
	char name[109];
	int fd;

	snprintf(name, sizeof(name), "@vring-ipc-test-%d-", getpid());
	memset(name + strlen(name), 'n', sizeof(name) - 1 - strlen(name));
	name[108] = 0;
	t_ok(sock_listen(name, 0600, &listener));
	t_true(listener.is_abstract);
	fd = sock_connect(name, 1000);
	t_ok(fd);
	close(fd);
	t_errno_eq(sock_listen(name, 0600, &listener), -EADDRINUSE);
	sock_unlisten(&listener, true);
	t_errno_eq(sock_connect(name, 1000), -ECONNREFUSED);
}

Test(shm_sock, says_that_another_kind_of_socket_listens, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "stream");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sock_listener listener;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	t_sys(fd);
	strcpy(addr.sun_path, path);
	t_sys(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	t_sys(listen(fd, 1));
	t_errno_eq(sock_connect(path, 1000), -EPROTO);
	t_errno_eq(sock_listen(path, 0600, &listener), -EADDRINUSE);
	close(fd);
}

/* As a user who may not. */
Test(shm_sock, says_that_it_may_not, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s"), *other = tmpdir_file(&dir, "other");
	struct sock_listener listener, mine;
	int status;
	pid_t child;

	if (geteuid() != 0)
		t_skip("needs to become another user");
	t_ok(sock_listen(path, 0600, &listener));
	t_sys(chmod(dir.path, 0755));
	child = fork();
	t_sys(child);
	if (child == 0) {
		t_sys(setresgid(65534, 65534, 65534));
		t_sys(setresuid(65534, 65534, 65534));
		t_errno_eq(sock_connect(path, 1000), -EACCES);
		t_errno_eq(sock_listen(other, 0600, &mine), -EACCES);
		t_errno_eq(sock_listen(path, 0600, &mine), -EACCES);
		_exit(0);
	}
	t_eq(waitpid(child, &status, 0), child);
	t_eq(status, 0);
	sock_unlisten(&listener, true);
}

/* Nobody accepts and the backlog is full. */
Test(shm_sock, gives_up_on_a_listener_that_does_not_accept, .init = set_up, .fini = tear_down)
{
	const char *path = tmpdir_file(&dir, "s");
	struct sock_listener listener;
	int fds[256], n = 0, r;

	t_ok(sock_listen(path, 0600, &listener));
	t_sys(listen(listener.fd, 2));
	while ((r = sock_connect(path, 20)) >= 0 && n < 256)
		fds[n++] = r;
	t_errno_eq(r, -ETIMEDOUT);
	while (n > 0)
		close(fds[--n]);
	sock_unlisten(&listener, true);
}
