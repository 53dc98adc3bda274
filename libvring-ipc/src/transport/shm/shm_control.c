/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The device's end of the control channel: what each message of the driver's does, and what the
 * instance says unasked.
 *
 * HELLO and ATTACH either take the link one step further or refuse it, in words. A request is always
 * answered: with what was asked for, or with why not; then the link goes on.
 */
#include "shm_device.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- set-up ---- */

static void hello(struct shm_device *d, const struct wire_msg *msg)
{
	enum vri_notifier wish = d->listener->opts.notifier;
	struct wire_msg offer = { .kind = WIRE_OFFER };

	if (msg->hello.version_min > WIRE_VERSION || msg->hello.version_max < WIRE_VERSION) {
		shm_device_refuse(d, -EPROTONOSUPPORT,
				  "no common version: this device speaks version 1");
		return;
	}
	/* A pipe when either side insists on it, and between different users. */
	d->notifier = NOTIFIER_EVENTFD;
	if (msg->hello.notifier == NOTIFIER_PIPE || wish == VRI_NOTIFIER_PIPE ||
	    (wish == VRI_NOTIFIER_AUTO && d->peer.uid != geteuid()))
		d->notifier = NOTIFIER_PIPE;
	offer.offer.version = WIRE_VERSION;
	offer.offer.notifier = d->notifier;
	vri__offer_of(d->listener->dev, &offer.offer.offer);
	d->state = SHM_OFFERED;
	if (shm_output(d, &offer, -1) < 0)
		shm_device_end(d, "the driver cannot be answered");
}

static const char *make_instance(struct shm_device *d)
{
	int r = vri__instance_new(d->listener->dev, &shm_instance_transport, d, d->memory.table,
				  d->memory.mapping[0].base, &d->memory.map, &d->inst);

	if (r == 0) {
		atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
		return NULL;
	}
	d->inst = NULL;
	if (r == -EPROTO)
		return "the region does not fit the device";
	return r == -ENOMEM ? "out of memory" : "the device refused the driver";
}

static void attach(struct shm_device *d, const struct wire_msg *msg, int fd)
{
	struct wire_msg attached = { .kind = WIRE_ATTACHED };
	const char *why = "the region cannot be taken";
	int r;

	if (msg->attach.notifier != d->notifier) {
		close(fd);
		shm_device_refuse(d, -EPROTO, "another notifier than the one that was offered");
		return;
	}
	r = shm_memory_attach(&d->memory, fd, msg->attach.region_size, msg->attach.link_id, &why);
	if (r < 0) {
		close(fd);
		shm_device_refuse(d, r, why);
		return;
	}
	why = make_instance(d);
	if (why) {
		shm_device_refuse(d, -EPROTO, why);
		return;
	}
	d->state = SHM_ATTACHED;
	shm_device_is_attached(d);
	if (!d->is_ended && shm_output(d, &attached, -1) < 0)
		shm_device_end(d, "the driver cannot be answered");
}

/* ---- requests ---- */

/* Each fills @reply in and returns its error; *ret_why are the words that go with it. */

static int set_status(struct shm_device *d, const struct wire_msg *msg, struct wire_msg *reply,
		      const char **ret_why)
{
	uint8_t status = msg->set_status.status;
	int r;

	r = vri__instance_set_status(d->inst, status, &reply->reply.status, ret_why);
	if (r < 0)
		return r;
	if (status == 0)
		shm_device_close_queues(d);
	if (reply->reply.status & VRI_STATUS_DRIVER_OK)
		shm_device_is_up(d);
	return 0;
}

static int set_features(struct shm_device *d, const struct wire_msg *msg, const char **ret_why)
{
	/* Bits that do not even fit cannot have been offered. virtio 1.4, 2.2.1 */
	if (msg->set_features.features.beyond) {
		*ret_why = "features that were not offered";
		return -EPROTO;
	}
	return vri__instance_set_features(d->inst, &msg->set_features.features.set, ret_why);
}

static int get_config(struct shm_device *d, const struct wire_msg *msg, struct wire_msg *reply,
		      const char **ret_why)
{
	int r = vri__instance_config_read(d->inst, msg->get_config.offset, reply->reply.data,
					  msg->get_config.len, &reply->reply.generation);

	if (r < 0) {
		*ret_why = "a read outside of the config space";
		return r;
	}
	reply->reply.data_len = msg->get_config.len;
	return 0;
}

/* Makes both notifiers of a queue: takes the driver's receiving end @kick_fd, which becomes @ret_q's
 * or is closed, and gives the device's in *ret_call_fd. */
static int make_notifiers(struct shm_device *d, unsigned index, int kick_fd,
			  struct shm_queue *ret_q, int *ret_call_fd, const char **ret_why)
{
	int r;

	shm_queue_init(ret_q, &d->watch, index);
	if (notifier_take(d->notifier, kick_fd, &ret_q->receive) < 0) {
		close(kick_fd);
		*ret_why = "a notifier of another kind than agreed";
		return -EINVAL;
	}
	r = notifier_make(d->notifier, &ret_q->send, ret_call_fd);
	if (r < 0) {
		shm_queue_close(ret_q);
		*ret_why = "the device has no notifier left";
		return r == -ENOMEM ? r : -ENOSPC;
	}
	return 0;
}

static int set_queue(struct shm_device *d, const struct queue_params *params, int kick_fd,
		     int *ret_call_fd, const char **ret_why)
{
	struct shm_queue old, fresh;
	int r;

	if (params->index >= d->n_queues) {
		close(kick_fd);
		*ret_why = "there is no such queue";
		return -EPROTO;
	}
	r = make_notifiers(d, params->index, kick_fd, &fresh, ret_call_fd, ret_why);
	if (r < 0)
		return r;
	/* The queue may become live inside of the call, with its new notifiers. One that is live
	 * already keeps its own: the instance refuses. */
	old = d->queues[params->index];
	if (!d->is_up[params->index])
		d->queues[params->index] = fresh;
	r = vri__instance_set_queue(d->inst, params, ret_why);
	if (r == 0) {
		shm_queue_close(&old);
		return 0;
	}
	if (d->is_up[params->index]) {
		shm_queue_close(&fresh);
	} else {
		/* Not @fresh: if the queue was up for a moment they are closed already. */
		shm_queue_close(&d->queues[params->index]);
		d->queues[params->index] = old;
	}
	close(*ret_call_fd);
	*ret_call_fd = -1;
	return r;
}

static int add_memory(struct shm_device *d, const struct wire_msg *msg, int fd,
		      const char **ret_why)
{
	int r;

	shm_device_sweep(d);
	r = shm_memory_add(&d->memory, fd, msg->add_memory.fd_offset, msg->add_memory.iova,
			   msg->add_memory.size, msg->add_memory.access, ret_why);
	close(fd);
	return r;
}

static int remove_memory(struct shm_device *d, const struct wire_msg *msg, const char **ret_why)
{
	int r = shm_memory_remove(&d->memory, msg->remove_memory.iova, ret_why);

	shm_device_sweep(d);
	return r;
}

static int carry_out(struct shm_device *d, const struct wire_msg *msg, int fd,
		     struct wire_msg *reply, int *ret_fd, const char **ret_why)
{
	switch (msg->kind) {
	case WIRE_GET_STATUS:
		reply->reply.status = vri__instance_get_status(d->inst);
		return 0;
	case WIRE_SET_STATUS:
		return set_status(d, msg, reply, ret_why);
	case WIRE_GET_FEATURES:
		vri_device_features(d->listener->dev, &reply->reply.features.set);
		return 0;
	case WIRE_SET_FEATURES:
		return set_features(d, msg, ret_why);
	case WIRE_GET_CONFIG:
		return get_config(d, msg, reply, ret_why);
	case WIRE_SET_CONFIG:
		return vri__instance_config_write(d->inst, msg->set_config.generation,
						  msg->set_config.offset, msg->set_config.data,
						  msg->set_config.data_len, ret_why);
	case WIRE_SET_QUEUE:
		return set_queue(d, &msg->set_queue, fd, ret_fd, ret_why);
	case WIRE_RESET_QUEUE:
		return vri__instance_reset_queue(d->inst, msg->reset_queue.index, ret_why);
	case WIRE_ADD_MEMORY:
		return add_memory(d, msg, fd, ret_why);
	case WIRE_REMOVE_MEMORY:
		return remove_memory(d, msg, ret_why);
	case WIRE_GET_SHARED_MEMORY:
		return vri__instance_get_shared_memory(d->inst, msg->get_shared_memory.id,
						       &reply->reply.shared, ret_fd, ret_why);
	default:
		*ret_why = "a request that this device does not know";
		return -EOPNOTSUPP;
	}
}

/* Descriptors that nobody receives count against the device's user, and enough of them keep it from
 * sending any to anybody. An honest driver has read the reply before it asks again. */
static bool left_a_descriptor(const struct shm_device *d)
{
	return d->sent_fd && sock_unread(d->watch.control) > 0;
}

static void answer(struct shm_device *d, const struct wire_msg *msg, int fd)
{
	struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg->token };
	const char *why = NULL;
	int with = -1;

	if (left_a_descriptor(d)) {
		if (fd >= 0)
			close(fd);
		shm_device_refuse(d, -EPROTO, "a request before the last reply was read");
		return;
	}
	reply.reply.error = carry_out(d, msg, fd, &reply, &with, &why);
	if (reply.reply.error)
		wire_words(reply.reply.words, why ? why : vri_strerror(reply.reply.error));
	if (d->is_ended) {
		if (with >= 0)
			close(with);
	} else if (shm_output(d, &reply, with) < 0) {
		shm_device_end(d, "the driver cannot be answered");
	}
}

void shm_control(struct shm_device *d, const struct wire_msg *msg, int fd)
{
	if (msg->kind == WIRE_HELLO)
		hello(d, msg);
	else if (msg->kind == WIRE_ATTACH)
		attach(d, msg, fd);
	else if (msg->token)
		answer(d, msg, fd);
	/* What is left is an event of a later version: ignored. */
}

/* ---- what the instance asks of its link ---- */

static void flush(struct shm_device *d)
{
	/* The end comes with the next look at the socket: this is called from inside of the
	 * instance, which would not survive it. */
	if (!d->is_ended)
		(void)shm_output_flush(d);
}

static void config_changed(void *t, uint32_t generation)
{
	struct shm_device *d = t;

	d->wants_changed = true;
	d->changed_generation = generation;
	flush(d);
}

static void needs_reset(void *t, const char *why)
{
	struct shm_device *d = t;

	d->wants_needs_reset = true;
	wire_words(d->needs_reset_words, why);
	flush(d);
}

static void wants_run(void *t)
{
	struct shm_device *d = t;

	if (atomic_load_explicit(&d->waker->thread, memory_order_relaxed) != shm_thread()) {
		/* Release, so that who sees the call sees whose it is. Pairs with the acquire in
		 * the listener's take_calls(). */
		atomic_store_explicit(&d->wants_run, true, memory_order_relaxed);
		atomic_store_explicit(&d->waker->has_call, true, memory_order_release);
		shm_waker_wake(d->waker);
		return;
	}
	if (d->is_ended || !list_is_empty(&d->in_runs))
		return;
	list_add(&d->listener->runs, &d->in_runs);
	if (!d->listener->dispatches)
		shm_waker_wake(d->waker);
}

static int queue_up(void *t, unsigned queue, const struct queue_ops **ret_ops, void **ret_ctx)
{
	struct shm_device *d = t;
	struct shm_queue *q = &d->queues[queue];
	int r;

	if (q->receive.fd < 0)
		return -EPROTO;
	/* Where the device's own threads serve the queues, the notifiers are theirs. */
	if (vri__device_takes_turns(d->listener->dev)) {
		r = shm_queue_watch(q, queue);
		if (r < 0)
			return r;
	}
	d->is_up[queue] = true;
	*ret_ops = &shm_queue_ops;
	*ret_ctx = q;
	return 0;
}

static void queue_down(void *t, unsigned queue)
{
	struct shm_device *d = t;

	d->is_up[queue] = false;
	shm_queue_unwatch(&d->queues[queue]);
	shm_queue_close(&d->queues[queue]);
}

static void released(void *t)
{
	shm_device_put(t);
}

const struct instance_transport shm_instance_transport = {
	.config_changed = config_changed,
	.needs_reset = needs_reset,
	.wants_run = wants_run,
	.queue_up = queue_up,
	.queue_down = queue_down,
	.released = released,
};
