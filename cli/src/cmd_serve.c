/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* `vring serve echo` and `vring serve rng`. */
#include <vring-ipc/devices/echo.h>
#include <vring-ipc/devices/rng.h>

#include "options.h"
#include "serve.h"

int cmd_serve_echo(const struct cmd_call *call)
{
	struct vri_echo_device_opts opts = {
		.size = sizeof(opts),
		.name = cmd_value(call, "--name"),
	};
	struct serve serve = { .call = call, .kind = "echo" };
	uint64_t size = 0;
	bool was_ready;
	int r = serve_check(call);

	/* One of the queues is for commands. */
	if (r == CMD_OK)
		r = option_unsigned(call, "--queues", 1, VRI_QUEUES_MAX - 1, &opts.n_queues);
	if (r == CMD_OK)
		r = option_power_of_two(call, "--queue-size", 2, VRI_QUEUE_SIZE_MAX,
					&opts.queue_size_max);
	if (r == CMD_OK)
		r = cmd_option_size(call, "--max-message", 1, 16u << 20, &size);
	if (r != CMD_OK)
		return r;
	opts.max_message = (uint32_t)size;
	r = vri_echo_device_new(&opts, &serve.dev);
	if (r < 0)
		return cmd_fail("echo: %s", vri_strerror(r));
	r = serve_run(&serve, &was_ready);
	vri_device_unref(serve.dev);
	return r;
}

int cmd_serve_rng(const struct cmd_call *call)
{
	struct vri_rng_device_opts opts = {
		.size = sizeof(opts),
		.name = cmd_value(call, "--name"),
	};
	struct serve serve = { .call = call, .kind = "rng" };
	uint64_t size = 0;
	bool was_ready;
	int r = serve_check(call);

	if (r == CMD_OK)
		r = cmd_option_size(call, "--request-max", 1, 1u << 20, &size);
	if (r != CMD_OK)
		return r;
	opts.request_max = (unsigned)size;
	r = vri_rng_device_new(&opts, &serve.dev);
	if (r < 0)
		return cmd_fail("rng: %s", vri_strerror(r));
	r = serve_run(&serve, &was_ready);
	vri_device_unref(serve.dev);
	return r;
}
