/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Runs the command vring as a user would. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "test.h"

#define WORDS_MAX 64
#define READY_FD "3"
#define READ_SIZE 65536u

static void make_pipe(int fds[2])
{
	t_sys(pipe2(fds, O_CLOEXEC));
}

/* In the child: nothing may be left of it when the test dies. */
static _Noreturn void become(const struct program_setup *setup, const int in[2], const int out[2],
			     const int err[2], const char *const *words)
{
	const char *argv[WORDS_MAX + 2] = { "vring" };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int stdout_fd = out[1];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	for (unsigned i = 0; i < WORDS_MAX && words[i]; i++)
		argv[i + 1] = words[i];
	if (setup->stdout_path)
		stdout_fd = open(setup->stdout_path, O_WRONLY | O_CLOEXEC);
	if (dup2(setup->with_input ? in[0] : null, STDIN_FILENO) < 0 ||
	    dup2(stdout_fd, STDOUT_FILENO) < 0 || dup2(err[1], STDERR_FILENO) < 0)
		_exit(120);
	/* dup2() to itself would leave close-on-exec set. */
	if (setup->pass_fd == 3)
		fcntl(3, F_SETFD, 0);
	else if (setup->pass_fd && dup2(setup->pass_fd, 3) < 0)
		_exit(121);
	if (setup->uid && setuid(setup->uid) < 0)
		_exit(122);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (setup->closed & 1u << fd)
			close(fd);
	}
	execv(VRING, (char *const *)argv);
	_exit(123);
}

void program_start(struct program *p, const struct program_setup *setup, const char *const *words)
{
	int in[2], out[2], err[2];

	*p = (struct program){ .in = -1 };
	signal(SIGPIPE, SIG_IGN);
	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	p->pid = fork();
	t_sys(p->pid);
	if (p->pid == 0)
		become(setup, in, out, err, words);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	p->in = in[1];
	p->out = out[0];
	p->err = err[0];
}

/* Room for @more bytes and the 0 behind them, at least doubled: under AddressSanitizer every realloc() copies. */
static void make_room(struct bytes *bytes, size_t more)
{
	size_t least = bytes->len + more + 1;

	if (least <= bytes->room)
		return;
	bytes->room = least > 2 * bytes->room ? least : 2 * bytes->room;
	bytes->data = realloc(bytes->data, bytes->room);
	t_not_null(bytes->data);
	bytes->data[bytes->len] = '\0';
}

/* Takes what is there. Returns: false at the end. */
static bool take(int fd, struct bytes *bytes)
{
	ssize_t n;

	make_room(bytes, READ_SIZE);
	n = read(fd, bytes->data + bytes->len, READ_SIZE);
	if (n < 0 && errno == EINTR)
		return true;
	t_sys(n);
	bytes->len += (size_t)n;
	bytes->data[bytes->len] = '\0';
	return n > 0;
}

static void take_from(int *fd, short revents, struct bytes *bytes)
{
	if (*fd < 0 || !revents || take(*fd, bytes))
		return;
	close(*fd);
	*fd = -1;
}

/* Returns: false when both ended. */
static bool take_some(struct program *p)
{
	struct pollfd fds[] = {
		{ .fd = p->out, .events = POLLIN },
		{ .fd = p->err, .events = POLLIN },
	};

	if (p->out < 0 && p->err < 0)
		return false;
	if (poll(fds, 2, -1) < 0) {
		t_eq(errno, EINTR);
		return true;
	}
	take_from(&p->out, fds[0].revents, &p->stdout_bytes);
	take_from(&p->err, fds[1].revents, &p->stderr_bytes);
	return true;
}

static void close_input(struct program *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
}

int program_finish(struct program *p)
{
	int status;

	close_input(p);
	while (take_some(p))
		;
	t_eq(waitpid(p->pid, &status, 0), p->pid);
	p->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void program_read(struct program *p, size_t len)
{
	while (p->stdout_bytes.len < len) {
		if (!take_some(p))
			t_fail("it ended after %zu bytes: %s", p->stdout_bytes.len,
			       p->stderr_bytes.data);
	}
}

bool program_write(struct program *p, const void *data, size_t len)
{
	const char *from = data;

	while (len > 0) {
		ssize_t n = write(p->in, from, len);

		if (n < 0 && errno == EPIPE)
			return false;
		t_sys(n);
		from += n;
		len -= (size_t)n;
	}
	return true;
}

void program_free(struct program *p)
{
	close_input(p);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->out >= 0)
		close(p->out);
	if (p->err >= 0)
		close(p->err);
	free(p->stdout_bytes.data);
	free(p->stderr_bytes.data);
	*p = (struct program){ .in = -1, .out = -1, .err = -1 };
}

static void collect_words(const char **words, unsigned n, va_list args)
{
	do {
		t_lt(n, WORDS_MAX);
		words[n] = va_arg(args, const char *);
	} while (words[n++]);
}

int vring(struct program *p, ...)
{
	const struct program_setup setup = { 0 };
	const char *words[WORDS_MAX];
	va_list args;

	va_start(args, p);
	collect_words(words, 0, args);
	va_end(args);
	program_start(p, &setup, words);
	return program_finish(p);
}

void vring__ok(const char *file, int line, ...)
{
	const struct program_setup setup = { 0 };
	const char *words[WORDS_MAX];
	struct program p;
	va_list args;
	int status;

	va_start(args, line);
	collect_words(words, 0, args);
	va_end(args);
	program_start(&p, &setup, words);
	status = program_finish(&p);
	if (status != 0)
		test__fail(file, line, "vring %s %s: exit %d: %s", words[0], words[1], status,
			   p.stderr_bytes.data ? p.stderr_bytes.data : "");
	program_free(&p);
}

/* ---- a server ---- */

void server_start(struct program *server, ...)
{
	const char *words[WORDS_MAX] = { "serve", "--ready-fd", READY_FD };
	struct program_setup setup = { 0 };
	int ready[2];
	char newline;
	va_list args;

	va_start(args, server);
	words[1] = va_arg(args, const char *);
	words[2] = "--ready-fd";
	words[3] = READY_FD;
	collect_words(words, 4, args);
	va_end(args);

	make_pipe(ready);
	setup.pass_fd = ready[1];
	program_start(server, &setup, words);
	close(ready[1]);
	if (read(ready[0], &newline, 1) != 1) {
		program_finish(server);
		t_fail("the server did not start: %s", server->stderr_bytes.data);
	}
	/* It closes the descriptor then: it shall hold no more than it will. */
	t_eq(read(ready[0], &newline, 1), 0);
	close(ready[0]);
}

void server_stop(struct program *server)
{
	int status;

	t_sys(kill(server->pid, SIGTERM));
	status = program_finish(server);
	if (status != 0)
		t_fail("the server ended with %d: %s", status, server->stderr_bytes.data);
	program_free(server);
}

void server_settles(const struct program *server, const char *before)
{
	char diff[4096] = "";

	/* It learns of the end of a link as soon as it looks, and tells nobody: so look again. */
	for (int i = 0; i < 1000; i++) {
		char *now = leaks_describe(server->pid);
		bool differs = leaks_differ(before, now, diff, sizeof(diff));

		free(now);
		if (!differs)
			return;
		poll(NULL, 0, 10);
	}
	t_fail("the server holds something else than before:\n%s", diff);
}

/* ---- files ---- */

void fill_bytes(void *buf, size_t len, uint64_t seed)
{
	unsigned char *p = buf;
	uint64_t x = seed * 2654435769u + 88172645463325252u;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		p[i] = (unsigned char)(x >> (i % 8 * 8));
	}
}

void make_file(const char *path, size_t len, uint64_t seed)
{
	char *buf = malloc(len + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	t_not_null(buf);
	t_sys(fd);
	fill_bytes(buf, len, seed);
	t_eq(write(fd, buf, len), len);
	t_sys(close(fd));
	free(buf);
}

void make_image(const char *path, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	t_sys(fd);
	t_sys(ftruncate(fd, (off_t)len));
	t_sys(close(fd));
}

struct bytes read_file(const char *path)
{
	struct bytes bytes = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	t_sys(fd);
	while (take(fd, &bytes))
		;
	t_sys(close(fd));
	return bytes;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
