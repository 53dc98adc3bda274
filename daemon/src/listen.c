/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The socket: given, at a path, or at the default one; and the service manager's two small protocols,
 * which need no library. */
#include "listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/broker_path.h"

#define FIRST_PASSED_FD 3
#define MODE 0660

static int complain(int error, const char *what, const char *path)
{
	fprintf(stderr, "vringd: %s%s%s: %s\n", what, path ? " " : "", path ? path : "",
		error == -EADDRINUSE ? "a broker is running there already" : strerror(-error));
	return error;
}

/* ---- given ---- */

/* sd_listen_fds(3): for this process, one socket, of our kind, listening. Returns: 1; 0 when nothing was
 * passed; a negative errno. */
static int take_passed(struct listen_socket *ret)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int kind = 0, listens = 0, flags;
	socklen_t len = sizeof(kind), len2 = sizeof(listens);
	char *end;

	if (!pid || !fds || strtol(pid, &end, 10) != getpid() || *end || !*pid)
		return 0;
	if (strcmp(fds, "1") != 0)
		return complain(-EINVAL, "LISTEN_FDS has to be 1", NULL);
	if (getsockopt(FIRST_PASSED_FD, SOL_SOCKET, SO_TYPE, &kind, &len) < 0 ||
	    getsockopt(FIRST_PASSED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len2) < 0)
		return complain(-errno, "the socket that was passed", NULL);
	if (kind != SOCK_SEQPACKET || !listens)
		return complain(-EPROTOTYPE, "the socket that was passed", NULL);
	flags = fcntl(FIRST_PASSED_FD, F_GETFL);
	if (flags < 0 || fcntl(FIRST_PASSED_FD, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC) < 0)
		return complain(-errno, "the socket that was passed", NULL);
	ret->fd = FIRST_PASSED_FD;
	return 1;
}

/* ---- made ---- */

/* The folder of the default socket is ours to make. */
static int make_folder(const char *path)
{
	char folder[BROKER_PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = 0;
	return mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int listen_open(const char *path, struct listen_socket *ret)
{
	char standard[BROKER_PATH_MAX];
	int r;

	memset(ret, 0, sizeof(*ret));
	r = take_passed(ret);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!path) {
		r = broker_path(standard);
		if (r == 0)
			r = make_folder(standard);
		if (r < 0)
			return complain(r, "the folder of the socket", NULL);
		path = standard;
	}
	r = sock_listen(path, MODE, &ret->listener);
	if (r < 0)
		return complain(r, "cannot listen at", path);
	ret->fd = ret->listener.fd;
	ret->is_ours = true;
	return 0;
}

void listen_close(struct listen_socket *sock)
{
	if (sock->is_ours)
		sock_unlisten(&sock->listener, true);
	else
		close(sock->fd);
}

/* ---- sd_notify(3) ---- */

static void tell_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		     (const struct sockaddr *)&addr,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void listen_ready(void)
{
	tell_manager("READY=1\nSTATUS=Ready");
}
