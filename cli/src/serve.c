/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The life of `vring serve`: open a listener for each address, say that it is ready, dispatch until
 * a signal comes, close the listeners (which ends their links and removes the socket files).
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vring-ipc/device.h>
#include <vring-ipc/uv.h>

#include "options.h"

struct server;

/* One address. */
struct served {
	struct server *server;
	const char *address; /* borrowed from argv */
	struct vri_listener *listener;
	struct vri_uv_listener watch; /* its data points here */
};

struct server {
	const struct serve *serve;
	struct vri_listener_opts opts;
	int ready_fd; /* -1: nobody waits there */
	uv_loop_t loop;
	uv_signal_t signals[3];
	unsigned n_signals;
	struct served *served;
	unsigned n_served;
	unsigned n_links;
	bool closing;
	int error; /* what a listener could not go on for */
};

static const int end_signals[] = { SIGINT, SIGTERM, SIGHUP };

/* ---- options ---- */

/* The library says only that an argument is invalid. */
static int check_name(const char *name)
{
	if (!name)
		return CMD_OK;
	if (strlen(name) >= VRI_TYPE_MAX)
		return cmd_usage("--name: '%s' has more than %d bytes", name, VRI_TYPE_MAX - 1);
	for (; *name; name++) {
		if (*name < ' ' || *name > '~')
			return cmd_usage("--name: only printable ASCII can be a name");
	}
	return CMD_OK;
}

/* Or the second one would find the first, and take it for a stranger. */
static int check_addresses(const struct cmd_call *call)
{
	unsigned n = option_count(call, "--listen");

	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(cmd_value_nth(call, "--listen", i),
				   cmd_value_nth(call, "--listen", j)) == 0)
				return cmd_usage("--listen: %s was given twice",
						 cmd_value_nth(call, "--listen", i));
		}
	}
	return CMD_OK;
}

static int read_options(const struct cmd_call *call, struct vri_listener_opts *opts, int *ready_fd)
{
	unsigned notifier = VRI_NOTIFIER_AUTO, ready = 0;
	int r;

	if (!cmd_value(call, "--listen"))
		return cmd_usage("serve: --listen is missing: at which address?");
	r = option_notifier(call, &notifier);
	if (r == CMD_OK)
		r = option_unsigned(call, "--max-links", 1, 1u << 20, &opts->max_links);
	if (r == CMD_OK)
		r = option_mode(call, "--mode", &opts->mode);
	if (r == CMD_OK)
		r = option_unsigned(call, "--timeout", 1, 86400000, &opts->timeout_ms);
	if (r == CMD_OK)
		r = option_unsigned(call, "--ready-fd", 0, 1u << 20, &ready);
	if (r != CMD_OK)
		return r;
	r = check_name(cmd_value(call, "--name"));
	if (r == CMD_OK)
		r = check_addresses(call);
	if (r != CMD_OK)
		return r;
	opts->notifier = (enum vri_notifier)notifier;
	*ready_fd = cmd_has(call, "--ready-fd") ? (int)ready : -1;
	if (*ready_fd >= 0 && fcntl(*ready_fd, F_GETFD) < 0)
		return cmd_usage("--ready-fd: %d is not open", *ready_fd);
	return CMD_OK;
}

int serve_check(const struct cmd_call *call)
{
	struct vri_listener_opts opts = { .size = sizeof(opts) };
	int ready_fd;

	return read_options(call, &opts, &ready_fd);
}

/* ---- what is logged ---- */

static void print_log(void *data, enum vri_log_level level, const char *line)
{
	fprintf(stderr, "vring: %s\n", line);
}

static void on_link_up(struct vri_instance *inst, void *data)
{
	struct server *server = data;

	server->n_links++;
	if (cmd_has(server->serve->call, "-v"))
		fprintf(stderr, "vring: link=%s up links=%u\n", vri_instance_link_id(inst),
			server->n_links);
}

static void on_link_down(struct vri_instance *inst, const char *why, void *data)
{
	struct server *server = data;

	server->n_links--;
	if (cmd_has(server->serve->call, "-v"))
		fprintf(stderr, "vring: link=%s down links=%u why=\"%s\"\n",
			vri_instance_link_id(inst), server->n_links, why);
}

static const struct vri_listener_callbacks callbacks = {
	.size = sizeof(callbacks),
	.link_up = on_link_up,
	.link_down = on_link_down,
};

static void start_log(const struct cmd_call *call)
{
	/* Links are told by the callbacks: once -v, not twice. */
	vri_log_set(print_log, NULL,
		    option_count(call, "-v") > 1 ? VRI_LOG_DEBUG : VRI_LOG_WARNING);
}

static const char *listen_error(int error)
{
	switch (error) {
	case -EADDRINUSE:
		return "somebody serves there already";
	case -EEXIST:
		return "there is something else than a socket, which is left as it is";
	case -ENAMETOOLONG:
		return "the path is too long for a socket";
	case -ENOENT:
		return "there is no such folder";
	default:
		return vri_strerror(error);
	}
}

/* ---- the loop ---- */

static void end(struct server *server)
{
	if (server->closing)
		return;
	server->closing = true;
	for (unsigned i = 0; i < server->n_signals; i++)
		uv_close((uv_handle_t *)&server->signals[i], NULL);
	for (unsigned i = 0; i < server->n_served; i++)
		vri_uv_listener_stop(&server->served[i].watch, NULL);
}

static void on_signal(uv_signal_t *handle, int signal)
{
	end(handle->data);
}

static void on_failed(struct vri_uv_listener *watch, int result)
{
	struct served *served = watch->data;

	cmd_fail("%s: cannot go on: %s", served->address, vri_strerror(result));
	served->server->error = result;
	end(served->server);
}

static int listen_at(struct server *server, const char *address)
{
	struct served *served = &server->served[server->n_served];
	int r;

	r = vri_listener_open(&served->listener, address, server->serve->dev, &server->opts);
	if (r == -EINVAL)
		return cmd_usage(
			"'%s' is not an address that can be listened at: one is unix:PATH or org.example.name",
			address);
	if (r < 0)
		return cmd_fail("%s: %s", address, listen_error(r));
	served->server = server;
	served->address = address;
	served->watch.data = served;
	r = vri_uv_listener_start(&server->loop, &served->watch, served->listener, on_failed);
	if (r < 0) {
		vri_listener_close(served->listener);
		return cmd_fail("%s: cannot be watched: %s", address, uv_strerror(r));
	}
	server->n_served++;
	return CMD_OK;
}

static int listen_everywhere(struct server *server)
{
	const struct cmd_call *call = server->serve->call;
	unsigned n = option_count(call, "--listen");
	int r = CMD_OK;

	server->served = calloc(n, sizeof(*server->served));
	if (!server->served)
		return cmd_fail("%s", vri_strerror(-ENOMEM));
	for (unsigned i = 0; r == CMD_OK && i < n; i++)
		r = listen_at(server, cmd_value_nth(call, "--listen", i));
	return r;
}

/* Signals are caught before the first listener exists, so that none can end the process with its
 * socket file still there. */
static int catch_signals(struct server *server)
{
	for (unsigned i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++) {
		uv_signal_t *handle = &server->signals[server->n_signals];
		struct sigaction old;
		int r;

		/* nohup means it. */
		if (end_signals[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		r = uv_signal_init(&server->loop, handle);
		if (r == 0) {
			handle->data = server;
			server->n_signals++;
			r = uv_signal_start(handle, on_signal, end_signals[i]);
		}
		if (r < 0)
			return cmd_fail("cannot catch signals: %s", uv_strerror(r));
	}
	return CMD_OK;
}

/* ---- ready ---- */

static int say_ready_json(const struct server *server)
{
	const struct serve *s = server->serve;
	struct model *model = model_new();
	struct model *addresses;
	int r;

	model_text(model, "serving", NULL, s->kind);
	model_text(model, "type", NULL, vri_device_type(s->dev));
	model_text(model, "name", NULL, vri_device_name(s->dev));
	model_number(model, "pid", NULL, (uint64_t)getpid());
	addresses = model_list(model, "addresses", NULL);
	for (unsigned i = 0; i < server->n_served; i++)
		model_text(addresses, NULL, NULL, server->served[i].address);
	if (s->describe)
		s->describe(s, model);
	r = model_print_json(model, stdout, true);
	model_free(model);
	return r;
}

/* One line on stderr (or JSON on stdout), and a newline to whoever waits at --ready-fd. */
static int say_ready(const struct server *server)
{
	int r = CMD_OK;

	if (server->serve->call->json)
		r = say_ready_json(server);
	for (unsigned i = 0; !server->serve->call->json && i < server->n_served; i++)
		fprintf(stderr, "vring: serving %s at %s\n", server->serve->kind,
			server->served[i].address);
	if (r != CMD_OK || server->ready_fd < 0)
		return r;
	if (write(server->ready_fd, "\n", 1) != 1)
		return cmd_fail("--ready-fd: cannot write to %d: %s", server->ready_fd,
				strerror(errno));
	if (server->ready_fd > STDERR_FILENO)
		close(server->ready_fd);
	return CMD_OK;
}

int serve_run(const struct serve *s, bool *ret_was_ready)
{
	struct server server = {
		.serve = s,
		.opts = {
			.size = sizeof(server.opts),
			.callbacks = &callbacks,
			.data = &server,
		},
	};
	int r = read_options(s->call, &server.opts, &server.ready_fd);

	*ret_was_ready = false;
	if (r != CMD_OK)
		return r;
	/* A driver that went away must not kill the server by a pipe. */
	signal(SIGPIPE, SIG_IGN);
	start_log(s->call);
	r = uv_loop_init(&server.loop);
	if (r < 0)
		return cmd_fail("cannot make a loop: %s", uv_strerror(r));
	r = catch_signals(&server);
	if (r == CMD_OK)
		r = listen_everywhere(&server);
	if (r == CMD_OK)
		r = say_ready(&server);
	*ret_was_ready = r == CMD_OK;
	if (r == CMD_OK)
		uv_run(&server.loop, UV_RUN_DEFAULT);

	/* The handles first: a closed one no longer looks at its listener. */
	end(&server);
	uv_run(&server.loop, UV_RUN_DEFAULT);
	for (unsigned i = 0; i < server.n_served; i++)
		vri_listener_close(server.served[i].listener);
	uv_loop_close(&server.loop);
	free(server.served);
	if (*ret_was_ready && s->sum_up && cmd_has(s->call, "-v"))
		s->sum_up(s);
	return r == CMD_OK && server.error ? CMD_FAILED : r;
}
