/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Sockets by their path: connecting, and listening with what that means for the file.
 *
 * bind() makes the file; it fails when the path exists, also when nobody listens there any more.
 * Then the old file is tried: a connection that is refused proves it dead, it is removed and bind()
 * is tried once more. A lock on the folder makes looking and replacing one step for two that start
 * together.
 */
#include "shm_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

#define BACKLOG 64

/* How long to wait for the folder's lock: anybody who can read the folder can hold it, so without it
 * we go on, and only lose the protection against a start at the same moment. */
#define LOCK_TRIES 50
#define LOCK_PAUSE_NS 2000000

static_assert(sizeof(((struct sock_listener *)0)->path) ==
		      sizeof(((struct sockaddr_un *)0)->sun_path),
	      "a path as long as an address allows");

static int make_address(const char *path, struct sockaddr_un *ret_addr, socklen_t *ret_len)
{
	size_t len = strlen(path);

	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->sun_family = AF_UNIX;
	if (len == 0 || (path[0] == '@' && len == 1))
		return -EINVAL;
	/* An abstract name has a 0 in front instead of one behind. */
	if (len > sizeof(ret_addr->sun_path) - (path[0] == '@' ? 0 : 1))
		return -ENAMETOOLONG;
	memcpy(ret_addr->sun_path, path, len);
	if (path[0] == '@')
		ret_addr->sun_path[0] = 0;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
			       (path[0] == '@' ? 0 : 1));
	return 0;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* ---- the driver's side ---- */

/* A full backlog makes a non-blocking connect() fail and gives nothing to poll for. So it blocks,
 * under the socket's send time limit, which bounds exactly that wait. */
static int connect_until(int fd, const struct sockaddr_un *addr, socklen_t len, uint64_t until_ns)
{
	for (;;) {
		uint64_t now = clock_monotonic_ns();
		struct timeval left;

		if (now >= until_ns)
			return -ETIMEDOUT;
		left.tv_sec = (time_t)((until_ns - now) / 1000000000u);
		left.tv_usec = (suseconds_t)((until_ns - now) % 1000000000u / 1000u) + 1;
		if (left.tv_usec >= 1000000)
			left.tv_usec = 999999;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)addr, len) == 0)
			return 0;
		if (errno == EPROTOTYPE)
			return -EPROTO;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int sock_connect(const char *path, unsigned timeout_ms)
{
	struct sockaddr_un addr;
	socklen_t len;
	int r = make_address(path, &addr, &len);
	int fd;

	if (r < 0)
		return r;
	fd = make_socket();
	if (fd < 0)
		return fd;
	r = connect_until(fd, &addr, len, clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u);
	if (r == 0)
		r = set_nonblocking(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* ---- the device's side ---- */

/* Opens and locks the folder of @path. Returns: a descriptor to close, or -1 when it must do without. */
static int lock_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == folder)
		slash++;
	if (slash)
		*slash = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && i < LOCK_TRIES; i++)
		nanosleep(&(struct timespec){ .tv_nsec = LOCK_PAUSE_NS }, NULL);
	return fd;
}

/* Says who holds the path that bind() found taken. Returns: 0 nobody, its socket is dead; a negative
 * errno. */
static int probe_old(const struct sockaddr_un *addr, socklen_t len)
{
	struct stat st;
	int fd, r;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = make_socket();
	if (fd < 0)
		return fd;
	r = set_nonblocking(fd);
	if (r == 0 && connect(fd, (const struct sockaddr *)addr, len) < 0)
		r = errno == ECONNREFUSED || errno == ENOENT ? 1 : -errno;
	close(fd);
	if (r == 1)
		return 0;
	/* It accepted, its backlog is full, or it is a socket of another kind: somebody is there. */
	return r == -EACCES ? r : -EADDRINUSE;
}

/* The umask is the process's, so it cannot be set aside for a moment without another thread noticing.
 * fchmod() before bind() gives the file its mode less the umask; what the umask took away is given
 * back here, on the file itself, whatever the path may name by now. */
static int restore_mode(const struct sockaddr_un *addr, unsigned mode)
{
	char proc[32];
	struct stat st;
	int fd, r = 0;

	fd = open(addr->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		r = -EADDRINUSE;
	else if ((st.st_mode & 07777) != mode && chmod(proc, mode) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Removes the socket file, but not one that somebody else has put in its place. */
static void remove_file(const struct sock_listener *listener)
{
	struct stat st;

	if (lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		unlink(listener->path);
}

static int bind_path(struct sock_listener *listener, const struct sockaddr_un *addr, socklen_t len,
		     unsigned mode)
{
	const struct sockaddr *sa = (const struct sockaddr *)addr;
	struct stat st;
	int r;

	if (fchmod(listener->fd, (mode_t)mode) < 0)
		return -errno;
	if (bind(listener->fd, sa, len) < 0) {
		if (errno != EADDRINUSE)
			return -errno;
		r = probe_old(addr, len);
		if (r < 0)
			return r;
		if (unlink(addr->sun_path) < 0 && errno != ENOENT)
			return -errno;
		if (bind(listener->fd, sa, len) < 0)
			return -errno;
	}
	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	r = restore_mode(addr, mode);
	if (r == 0 && listen(listener->fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0)
		remove_file(listener);
	return r;
}

static int bind_abstract(struct sock_listener *listener, const struct sockaddr_un *addr,
			 socklen_t len)
{
	if (bind(listener->fd, (const struct sockaddr *)addr, len) < 0 ||
	    listen(listener->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

int sock_listen(const char *path, unsigned mode, struct sock_listener *ret_listener)
{
	struct sock_listener listener = { .fd = -1, .is_abstract = path[0] == '@' };
	struct sockaddr_un addr;
	socklen_t len;
	int r = make_address(path, &addr, &len);

	if (r < 0)
		return r;
	memcpy(listener.path, path, strlen(path) + !listener.is_abstract);
	listener.fd = make_socket();
	if (listener.fd < 0)
		return listener.fd;
	if (listener.is_abstract) {
		r = bind_abstract(&listener, &addr, len);
	} else {
		int lock = lock_folder(path);

		r = bind_path(&listener, &addr, len, mode);
		if (lock >= 0)
			close(lock);
	}
	if (r == 0)
		r = set_nonblocking(listener.fd);
	if (r < 0) {
		close(listener.fd);
		return r;
	}
	*ret_listener = listener;
	return 0;
}

void sock_unlisten(struct sock_listener *listener, bool remove)
{
	if (remove && !listener->is_abstract)
		remove_file(listener);
	close(listener->fd);
	listener->fd = -1;
}
