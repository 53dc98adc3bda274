/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver side of the echo device: one message at a time, by private copies; commands by the library's
 * control queues. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vring-ipc/devices/echo.h>

#include "core/options.h"
#include "util/clock.h"

/* A request on one queue: its bytes go through two pieces of the pool. */
struct exchange {
	struct vri_drvq *q;
	uint8_t *out, *in;
	uint32_t size; /* of each */
	bool busy; /* with a request whose caller has given up */
};

struct vri_echo {
	struct vri_driver *drv;
	uint32_t max_message;
	unsigned n_queues;
	bool has_control;
	struct exchange message;
	struct vri_control_drv *control;
};

/* ---- one exchange ---- */

static int exchange_init(struct exchange *x, struct vri_driver *drv, unsigned queue, uint32_t size)
{
	x->q = vri_driver_drvq(drv, queue);
	x->out = vri_pool_alloc(vri_driver_pool(drv), size);
	x->in = vri_pool_alloc(vri_driver_pool(drv), size);
	x->size = size;
	if (!x->q)
		return -EPROTO;
	return x->out && x->in ? 0 : -ENOMEM;
}

/* @quiet: the device is known not to write there any more. */
static void exchange_fini(struct exchange *x, struct vri_driver *drv, bool quiet)
{
	if (x->busy && !quiet)
		return;
	vri_pool_free(vri_driver_pool(drv), x->out);
	vri_pool_free(vri_driver_pool(drv), x->in);
}

/* Waits until the one request that is under way has come back. */
static int exchange_finish(struct exchange *x, uint64_t deadline, int timeout_ms, uint32_t *ret_len)
{
	int left = timeout_ms;

	for (;;) {
		void *token;
		int r = vri_drvq_get_used(x->q, &token, ret_len);

		if (r != 0) {
			x->busy = r < 0;
			return r < 0 ? r : 0;
		}
		if (timeout_ms >= 0) {
			uint64_t now = clock_monotonic_ns();

			left = now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0;
		}
		r = vri_drvq_wait(x->q, left);
		if (r < 0)
			return r;
		if (r == 0 && timeout_ms >= 0 && clock_monotonic_ns() >= deadline)
			return -ETIMEDOUT;
	}
}

/* Returns: the bytes that came back, in x->in; a negative errno. */
static int exchange_do(struct exchange *x, const void *out, uint32_t n_out, uint32_t n_in,
		       int timeout_ms)
{
	uint64_t deadline =
		clock_monotonic_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;
	struct iovec readable = { x->out, n_out }, writable = { x->in, n_in };
	uint32_t len = 0;
	int r = 0;

	/* An earlier caller gave up: its answer first, the buffers are its own until then. */
	if (x->busy)
		r = exchange_finish(x, deadline, timeout_ms, &len);
	if (r < 0)
		return r;
	memcpy(x->out, out, n_out);
	r = vri_drvq_add(x->q, &readable, 1, &writable, 1, x);
	if (r < 0)
		return r;
	x->busy = true;
	r = vri_drvq_kick(x->q);
	if (r >= 0)
		r = exchange_finish(x, deadline, timeout_ms, &len);
	return r < 0 ? r : (int)len;
}

/* ---- the driver ---- */

static int negotiate(struct vri_driver *drv)
{
	struct vri_features wanted;

	if (vri_driver_device_id(drv) != VRI_ID_ECHO ||
	    strcmp(vri_driver_type(drv), VRI_ECHO_TYPE) != 0)
		return -EOPNOTSUPP;
	vri_features_default(&wanted);
	vri_features_set(&wanted, VRI_F_IN_ORDER);
	vri_features_set(&wanted, VRI_ECHO_F_CTRL);
	return vri_driver_negotiate(drv, &wanted, NULL);
}

static int read_config(struct vri_echo *echo)
{
	struct vri_echo_config config;
	unsigned queues = vri_driver_max_queues(echo->drv);
	int r;

	/* A later version may have a longer one. */
	if (vri_driver_config_size(echo->drv) < sizeof(config))
		return -EPROTO;
	r = vri_driver_config_read(echo->drv, 0, &config, sizeof(config));
	if (r < 0)
		return r;
	echo->max_message = le32toh(config.max_message);
	echo->n_queues = le32toh(config.n_echo_queues);
	echo->has_control = vri_driver_has_feature(echo->drv, VRI_ECHO_F_CTRL);
	if (echo->max_message == 0 || echo->n_queues == 0 || echo->n_queues > queues ||
	    (echo->has_control && echo->n_queues == queues))
		return -EPROTO;
	return 0;
}

/* The control queue comes last: a link with fewer queues than the device has none. */
static int run(struct vri_echo *echo, const struct vri_echo_opts *opts)
{
	unsigned control = echo->n_queues;
	unsigned n;
	int r;

	if (opts->n_queues && opts->n_queues < echo->n_queues) {
		r = vri_driver_set_n_queues(echo->drv, opts->n_queues);
		if (r < 0)
			return r;
	}
	r = vri_driver_run(echo->drv);
	if (r < 0)
		return r;
	n = vri_driver_n_queues(echo->drv);
	echo->has_control = echo->has_control && vri_driver_drvq(echo->drv, control) != NULL;
	if (n < echo->n_queues)
		echo->n_queues = n;
	return 0;
}

static int make_exchanges(struct vri_echo *echo, const struct vri_echo_opts *opts, unsigned control)
{
	const struct vri_control_drv_opts control_opts = {
		.size = sizeof(control_opts),
		.payload_max = sizeof(struct vri_echo_mask),
		.reply_max = sizeof(struct vri_echo_mask),
		.in_flight_max = 1,
	};
	uint32_t size = opts->message_size ? opts->message_size : 4096;
	int r = exchange_init(&echo->message, echo->drv, 0, size);

	if (r < 0 || !echo->has_control)
		return r;
	return vri_control_drv_open(echo->drv, control, &control_opts, &echo->control);
}

int vri_echo_open(struct vri_driver *drv, const struct vri_echo_opts *opts,
		  struct vri_echo **ret_echo)
{
	struct vri_echo_opts o;
	struct vri_echo *echo;
	unsigned control;
	int r;

	if (!drv || !ret_echo || vri__options_copy(&o, sizeof(o), opts) < 0 ||
	    o.message_size > INT32_MAX)
		return -EINVAL;
	r = negotiate(drv);
	if (r < 0)
		return r;
	echo = calloc(1, sizeof(*echo));
	if (!echo)
		return -ENOMEM;
	echo->drv = drv;
	r = read_config(echo);
	if (r < 0) {
		vri_driver_fail(drv);
		free(echo);
		return r;
	}
	control = echo->n_queues;
	r = run(echo, &o);
	if (r >= 0)
		r = make_exchanges(echo, &o, control);
	if (r < 0) {
		vri_echo_close(echo);
		return r;
	}
	*ret_echo = echo;
	return 0;
}

void vri_echo_close(struct vri_echo *echo)
{
	bool quiet;

	if (!echo)
		return;
	quiet = vri_driver_reset(echo->drv) == 0;
	exchange_fini(&echo->message, echo->drv, quiet);
	vri_control_drv_close(echo->control);
	free(echo);
}

uint32_t vri_echo_max_message(const struct vri_echo *echo)
{
	return echo->max_message;
}

unsigned vri_echo_n_queues(const struct vri_echo *echo)
{
	return echo->n_queues;
}

bool vri_echo_has_control(const struct vri_echo *echo)
{
	return echo->has_control;
}

int vri_echo_call(struct vri_echo *echo, const void *message, size_t len, void *ret_reply,
		  int timeout_ms)
{
	int r;

	if (!echo || !message || !ret_reply || len == 0)
		return -EINVAL;
	if (len > echo->message.size || len > echo->max_message)
		return -EMSGSIZE;
	r = exchange_do(&echo->message, message, (uint32_t)len, (uint32_t)len, timeout_ms);
	if (r > 0)
		memcpy(ret_reply, echo->message.in, (size_t)r);
	return r;
}

int vri_echo_set_mask(struct vri_echo *echo, uint8_t mask, int timeout_ms, uint8_t *ret_old)
{
	const struct vri_echo_mask wanted = { mask };
	const struct vri_control_request request = {
		.command_class = VRI_ECHO_CLASS_MASK,
		.command = VRI_ECHO_MASK_SET,
		.payload = &wanted,
		.payload_len = sizeof(wanted),
	};
	struct vri_control_result result;
	struct vri_echo_mask before;
	int r;

	if (!echo)
		return -EINVAL;
	if (!echo->has_control)
		return -EOPNOTSUPP;
	r = vri_control_call(echo->control, &request, &result, timeout_ms);
	if (r < 0)
		return r;
	if (result.reply_len < sizeof(before))
		return -EPROTO;
	memcpy(&before, result.reply, sizeof(before));
	if (ret_old)
		*ret_old = before.mask;
	return 0;
}
