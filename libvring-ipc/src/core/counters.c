/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The counters of a queue's side, as its own application reads them: from private memory. */
#include "devq.h"
#include "drvq.h"

static void get(const struct counters *c, struct vri_counters *ret)
{
	const struct region_counters *v = &c->value;

	*ret = (struct vri_counters){
		.buffers = v->buffers,
		.bytes_readable = v->bytes_readable,
		.bytes_written = v->bytes_written,
		.notifications = v->notifications,
		.suppressed = v->suppressed,
		.sleeps = v->sleeps,
		.errors = v->errors,
		.position = v->position,
	};
}

void vri_drvq_get_counters(const struct vri_drvq *q, struct vri_counters *ret_counters)
{
	if (q != NULL && ret_counters != NULL)
		get(&q->count, ret_counters);
}

void vri_devq_get_counters(const struct vri_devq *q, struct vri_counters *ret_counters)
{
	if (q != NULL && ret_counters != NULL)
		get(&q->count, ret_counters);
}
