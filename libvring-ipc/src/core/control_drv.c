/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * The driver's side of a control queue: a few slots of the pool, each for one command and its answer.
 *
 * A slot is free, or out with the device. Whoever waits for a command may give up; then the slot stays
 * out, and its answer is dropped when it comes. What the device wrote is copied once, and the copy is
 * checked.
 */
#include <vring-ipc/control.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "util/clock.h"

#define LENGTH_DEFAULT 256
#define IN_FLIGHT_DEFAULT 4

struct control_slot {
	uint8_t *out, *in; /* of the pool */
	bool is_out;
	vri_control_done *done; /* NULL: nobody waits for it any more */
	void *data;
};

struct vri_control_drv {
	struct vri_driver *drv;
	struct vri_drvq *q;
	enum vri_control_framing framing;
	uint32_t payload_max, reply_max;
	uint32_t header_len, answer_len;
	uint8_t *reply; /* the private copy of the newest answer, from the acknowledgement on */
	uint8_t *call_reply; /* of the newest answer that vri_control_call() has waited for */
	unsigned n_out;
	unsigned n_slots;
	struct control_slot slots[];
};

/* ---- life ---- */

static int make_slots(struct vri_control_drv *ctl)
{
	struct vri_pool *pool = vri_driver_pool(ctl->drv);

	for (unsigned i = 0; i < ctl->n_slots; i++) {
		struct control_slot *slot = &ctl->slots[i];

		slot->out = vri_pool_alloc(pool, ctl->header_len + ctl->payload_max);
		slot->in = vri_pool_alloc(pool, ctl->answer_len + ctl->reply_max);
		if (!slot->out || !slot->in)
			return -ENOMEM;
	}
	ctl->reply = malloc(ctl->answer_len + ctl->reply_max);
	ctl->call_reply = malloc(ctl->reply_max);
	return ctl->reply && ctl->call_reply ? 0 : -ENOMEM;
}

int vri_control_drv_open(struct vri_driver *drv, unsigned queue,
			 const struct vri_control_drv_opts *opts, struct vri_control_drv **ret_ctl)
{
	struct vri_drvq *q = vri_driver_drvq(drv, queue);
	struct vri_control_drv_opts o;
	struct vri_control_drv *ctl;
	unsigned n;
	int r;

	if (!q || !ret_ctl || vri__options_copy(&o, sizeof(o), opts) < 0 ||
	    o.framing > VRI_CONTROL_PLAIN || o.payload_max > VRI_CONTROL_LENGTH_MAX ||
	    o.reply_max > VRI_CONTROL_LENGTH_MAX || o.in_flight_max > VRI_QUEUE_SIZE_MAX)
		return -EINVAL;
	n = o.in_flight_max ? o.in_flight_max : IN_FLIGHT_DEFAULT;
	ctl = calloc(1, sizeof(*ctl) + n * sizeof(ctl->slots[0]));
	if (!ctl)
		return -ENOMEM;
	ctl->drv = drv;
	ctl->q = q;
	ctl->framing = o.framing;
	ctl->payload_max = o.payload_max ? o.payload_max : LENGTH_DEFAULT;
	ctl->reply_max = o.reply_max ? o.reply_max : LENGTH_DEFAULT;
	ctl->header_len = o.framing == VRI_CONTROL_PLAIN ? 2 : sizeof(struct vri_control_header);
	ctl->answer_len = o.framing == VRI_CONTROL_PLAIN ? 1 : sizeof(struct vri_control_answer);
	ctl->n_slots = n;
	r = make_slots(ctl);
	if (r < 0) {
		vri_control_drv_close(ctl);
		return r;
	}
	*ret_ctl = ctl;
	return 0;
}

/* Takes a slot that is with the device no more off the list of those that are. */
static void slot_is_back(struct vri_control_drv *ctl, struct control_slot *slot)
{
	slot->is_out = false;
	ctl->n_out--;
}

static void cancel(struct control_slot *slot)
{
	struct vri_control_result result = { .error = -ECANCELED };
	vri_control_done *done = slot->done;

	slot->done = NULL;
	if (done)
		done(&result, slot->data);
}

void vri_control_drv_close(struct vri_control_drv *ctl)
{
	struct vri_pool *pool;
	void *token;

	if (!ctl)
		return;
	/* After a reset; a queue that lives says no. */
	while (vri_drvq_take_back(ctl->q, &token) == 1) {
		struct control_slot *slot = token;

		slot_is_back(ctl, slot);
		cancel(slot);
	}
	pool = vri_driver_pool(ctl->drv);
	for (unsigned i = 0; i < ctl->n_slots; i++) {
		if (ctl->slots[i].is_out) {
			cancel(&ctl->slots[i]);
			continue;
		}
		vri_pool_free(pool, ctl->slots[i].out);
		vri_pool_free(pool, ctl->slots[i].in);
	}
	free(ctl->reply);
	free(ctl->call_reply);
	free(ctl);
}

unsigned vri_control_in_flight(const struct vri_control_drv *ctl)
{
	return ctl ? ctl->n_out : 0;
}

/* ---- sending ---- */

static struct control_slot *free_slot(struct vri_control_drv *ctl)
{
	for (unsigned i = 0; i < ctl->n_slots; i++)
		if (!ctl->slots[i].is_out)
			return &ctl->slots[i];
	return NULL;
}

static int put_request(struct vri_control_drv *ctl, struct control_slot *slot,
		       const struct vri_control_request *request)
{
	struct vri_control_header header = {
		.command_class = request->command_class,
		.command = request->command,
		.length = htole32(request->payload_len),
	};
	struct iovec readable = { slot->out, ctl->header_len + request->payload_len };
	struct iovec writable = { slot->in, ctl->answer_len + ctl->reply_max };
	int r;

	memcpy(slot->out, &header, ctl->header_len);
	if (request->payload_len)
		memcpy(slot->out + ctl->header_len, request->payload, request->payload_len);
	r = vri_drvq_add(ctl->q, &readable, 1, &writable, 1, slot);
	if (r < 0)
		return r == -ENOSPC ? -EBUSY : r;
	slot->is_out = true;
	ctl->n_out++;
	r = vri_drvq_kick(ctl->q);
	return r < 0 ? r : 0;
}

static int check_request(const struct vri_control_drv *ctl,
			 const struct vri_control_request *request)
{
	if (!ctl || !request || (request->payload_len && !request->payload))
		return -EINVAL;
	return request->payload_len > ctl->payload_max ? -EMSGSIZE : 0;
}

int vri_control_send(struct vri_control_drv *ctl, const struct vri_control_request *request,
		     vri_control_done *done, void *data)
{
	struct control_slot *slot;
	int r = check_request(ctl, request);

	if (r < 0)
		return r;
	slot = free_slot(ctl);
	if (!slot)
		return -EBUSY;
	slot->done = done;
	slot->data = data;
	r = put_request(ctl, slot, request);
	/* Not sent after all, or sent into a queue that died with it: nobody calls then. */
	if (r < 0)
		slot->done = NULL;
	return r;
}

/* ---- answers ---- */

static int error_of(uint8_t ack)
{
	switch (ack) {
	case VRI_CONTROL_OK:
		return 0;
	case VRI_CONTROL_UNKNOWN:
		return -EOPNOTSUPP;
	case VRI_CONTROL_SHORT:
		return -EBADMSG;
	default:
		return -EREMOTEIO;
	}
}

/* Reads an answer of which the device says that it has @len bytes, which is checked to be no more
 * than there is room for. */
static void read_answer(struct vri_control_drv *ctl, const struct control_slot *slot, uint32_t len,
			struct vri_control_result *ret)
{
	struct vri_control_answer answer = { 0 };

	*ret = (struct vri_control_result){ .error = -EPROTO };
	if (len < ctl->answer_len)
		return;
	memcpy(ctl->reply, slot->in, len);
	memcpy(&answer, ctl->reply, ctl->answer_len);
	ret->ack = answer.ack;
	ret->error = error_of(answer.ack);
	ret->reply = ctl->reply + ctl->answer_len;
	ret->reply_len = len - ctl->answer_len;
	if (ctl->framing == VRI_CONTROL_PLAIN)
		return;
	ret->full_len = le32toh(answer.length);
	if (ret->reply_len > ret->full_len)
		ret->reply_len = ret->full_len;
}

int vri_control_dispatch(struct vri_control_drv *ctl)
{
	unsigned n = 0, most;

	if (!ctl)
		return -EINVAL;
	/* Those that a callback sends are the next call's. */
	most = ctl->n_out;
	while (n < most) {
		struct vri_control_result result;
		struct control_slot *slot;
		vri_control_done *done;
		uint32_t len;
		void *token;
		int r = vri_drvq_get_used(ctl->q, &token, &len);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		slot = token;
		done = slot->done;
		slot->done = NULL;
		slot_is_back(ctl, slot);
		read_answer(ctl, slot, len, &result);
		n++;
		if (done)
			done(&result, slot->data);
	}
	return (int)n;
}

/* ---- sending and waiting ---- */

struct waiting {
	struct vri_control_drv *ctl;
	bool is_done;
	struct vri_control_result result;
};

/* Answers that are taken after this one use the same room. */
static void keep(const struct vri_control_result *result, void *data)
{
	struct waiting *w = data;

	w->is_done = true;
	w->result = *result;
	if (result->reply_len)
		memcpy(w->ctl->call_reply, result->reply, result->reply_len);
	w->result.reply = w->ctl->call_reply;
}

/* When a wait is over. */
struct limit {
	int timeout_ms; /* -1: never */
	uint64_t until_ns;
};

/* Waits for any answer and takes what is there. Returns: 0; -ETIMEDOUT; as vri_drvq_wait(). */
static int wait_for_any(struct vri_control_drv *ctl, const struct limit *limit)
{
	int left = -1;
	int r = vri_control_dispatch(ctl);

	if (r != 0)
		return r < 0 ? r : 0;
	if (limit->timeout_ms >= 0) {
		uint64_t now = clock_monotonic_ns();

		if (now >= limit->until_ns)
			return -ETIMEDOUT;
		left = (int)((limit->until_ns - now + 999999) / 1000000);
	}
	r = vri_drvq_wait(ctl->q, left);
	return r < 0 ? r : 0;
}

/* Sends as soon as there is a slot, and descriptors, for it. Returns: 0 and the slot; a negative
 * errno. */
static int send_when_possible(struct vri_control_drv *ctl,
			      const struct vri_control_request *request, struct waiting *waiting,
			      const struct limit *limit, struct control_slot **ret_slot)
{
	for (;;) {
		/* Looked for again after each wait: callbacks send, too. */
		struct control_slot *slot = free_slot(ctl);
		int r = -EBUSY;

		if (slot) {
			slot->done = keep;
			slot->data = waiting;
			r = put_request(ctl, slot, request);
			if (r < 0)
				slot->done = NULL;
		}
		*ret_slot = slot;
		if (r != -EBUSY)
			return r;
		if (ctl->n_out == 0)
			return -ENOSPC; /* it never will be */
		r = wait_for_any(ctl, limit);
		if (r < 0)
			return r;
	}
}

int vri_control_call(struct vri_control_drv *ctl, const struct vri_control_request *request,
		     struct vri_control_result *ret_result, int timeout_ms)
{
	struct limit limit = { .timeout_ms = timeout_ms };
	struct waiting waiting = { .ctl = ctl };
	struct control_slot *slot;
	int r = check_request(ctl, request);

	if (r < 0)
		return r;
	if (timeout_ms > 0)
		limit.until_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
	r = send_when_possible(ctl, request, &waiting, &limit, &slot);
	if (r < 0)
		return r;
	while (r == 0 && !waiting.is_done)
		r = wait_for_any(ctl, &limit);
	if (!waiting.is_done) {
		slot->done = NULL;
		return r;
	}
	if (ret_result)
		*ret_result = waiting.result;
	return waiting.result.error;
}
