/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links and listeners in a uv loop. A handle's data points back to what it is in, and that is the
 * caller's again only in the close callback. */
#include <vring-ipc/uv.h>

#include <errno.h>
#include <stddef.h>

static int start(uv_loop_t *loop, uv_poll_t *poll, int fd, uv_poll_cb ready)
{
	int r = uv_poll_init(loop, poll, fd);

	/* libuv's errors are negative errno values here, too. */
	return r < 0 ? r : uv_poll_start(poll, UV_READABLE, ready);
}

/* ---- links ---- */

static void link_ready(uv_poll_t *poll, int status, int events)
{
	struct vri_uv_link *watch = poll->data;
	int r;

	if (uv_is_closing((uv_handle_t *)poll))
		return;
	r = status < 0 ? status : vri_link_dispatch(watch->link);
	if (r < 0)
		uv_poll_stop(poll);
	if (watch->dispatched)
		watch->dispatched(watch, r);
}

int vri_uv_link_start(uv_loop_t *loop, struct vri_uv_link *watch, struct vri_link *link,
		      void (*dispatched)(struct vri_uv_link *watch, int result))
{
	if (!loop || !watch || !link)
		return -EINVAL;
	watch->link = link;
	watch->dispatched = dispatched;
	watch->closed = NULL;
	watch->poll.data = watch;
	return start(loop, &watch->poll, vri_link_fd(link), link_ready);
}

static void link_closed(uv_handle_t *handle)
{
	struct vri_uv_link *watch = handle->data;

	if (watch->closed)
		watch->closed(watch);
}

void vri_uv_link_stop(struct vri_uv_link *watch, void (*closed)(struct vri_uv_link *watch))
{
	if (!watch || uv_is_closing((uv_handle_t *)&watch->poll))
		return;
	watch->closed = closed;
	uv_close((uv_handle_t *)&watch->poll, link_closed);
}

/* ---- listeners ---- */

static void listener_ready(uv_poll_t *poll, int status, int events)
{
	struct vri_uv_listener *watch = poll->data;
	int r;

	if (uv_is_closing((uv_handle_t *)poll))
		return;
	r = status < 0 ? status : vri_listener_dispatch(watch->listener);
	if (r >= 0)
		return;
	uv_poll_stop(poll);
	if (watch->failed)
		watch->failed(watch, r);
}

int vri_uv_listener_start(uv_loop_t *loop, struct vri_uv_listener *watch,
			  struct vri_listener *listener,
			  void (*failed)(struct vri_uv_listener *watch, int result))
{
	if (!loop || !watch || !listener)
		return -EINVAL;
	watch->listener = listener;
	watch->failed = failed;
	watch->closed = NULL;
	watch->poll.data = watch;
	return start(loop, &watch->poll, vri_listener_fd(listener), listener_ready);
}

static void listener_closed(uv_handle_t *handle)
{
	struct vri_uv_listener *watch = handle->data;

	if (watch->closed)
		watch->closed(watch);
}

void vri_uv_listener_stop(struct vri_uv_listener *watch,
			  void (*closed)(struct vri_uv_listener *watch))
{
	if (!watch || uv_is_closing((uv_handle_t *)&watch->poll))
		return;
	watch->closed = closed;
	uv_close((uv_handle_t *)&watch->poll, listener_closed);
}
