/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* vringd: the command line, the socket, signals. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"
#include "server.h"

struct options {
	const char *socket;
	enum vri_log_level level;
};

static int usage(int status)
{
	fputs("usage: vringd [--socket PATH] [--quiet | --verbose]\n"
	      "The broker of vring-ipc: gives devices names and brings drivers to them.\n"
	      "\n"
	      "  --socket PATH  listen at PATH; default: $VRINGD_SOCKET, else\n"
	      "                 $XDG_RUNTIME_DIR/vringd/vringd.sock, else /run/vringd/vringd.sock;\n"
	      "                 a socket that the service manager passes comes before all of them\n"
	      "  --quiet        errors only\n"
	      "  --verbose      more than warnings\n"
	      "  --version      print the version\n",
	      status ? stderr : stdout);
	return status;
}

static void on_log(void *data, enum vri_log_level level, const char *line)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	fprintf(stderr, "level=%s msg=\"%s\"\n", names[level], line);
}

static void on_signal(uv_signal_t *handle, int number)
{
	server_stop(handle->data);
	uv_signal_stop(handle);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int serve(int fd)
{
	struct server server = { .limits = limits_default, .policy.uid = geteuid() };
	uv_signal_t signals[2];
	uv_loop_t loop;
	int r;

	if (uv_loop_init(&loop) < 0)
		return 1;
	r = server_start(&server, &loop, fd);
	if (r < 0) {
		fprintf(stderr, "vringd: cannot serve: %s\n", strerror(-r));
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		uv_signal_init(&loop, &signals[i]);
		signals[i].data = &server;
		uv_signal_start(&signals[i], on_signal, i ? SIGINT : SIGTERM);
		uv_unref((uv_handle_t *)&signals[i]);
	}
	listen_ready();
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_walk(&loop, close_handle, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	server_fini(&server);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' }, { "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },	    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
	};
	struct options o = { .level = VRI_LOG_WARNING };
	struct listen_socket sock;
	int c, r;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o.socket = optarg;
			break;
		case 'q':
			o.level = VRI_LOG_ERROR;
			break;
		case 'v':
			o.level = VRI_LOG_INFO;
			break;
		case 'V':
			printf("vringd %s\n", vri_version());
			return 0;
		case 'h':
			return usage(0);
		default:
			return usage(2);
		}
	}
	if (optind != argc)
		return usage(2);
	vri_log_set(on_log, NULL, o.level);
	(void)signal(SIGPIPE, SIG_IGN);
	r = listen_open(o.socket, &sock);
	if (r < 0)
		return 1;
	r = serve(sock.fd);
	listen_close(&sock);
	return r;
}
