/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The status machine, over every pair of a status and a write. */
#include <errno.h>

#include <vring-ipc/spec.h>

#include "core/status.h"
#include "test.h"

#define ACK VRI_STATUS_ACKNOWLEDGE
#define DRV VRI_STATUS_DRIVER
#define FOK VRI_STATUS_FEATURES_OK
#define DOK VRI_STATUS_DRIVER_OK
#define NRS VRI_STATUS_NEEDS_RESET
#define FLD VRI_STATUS_FAILED
#define SUS VRI_STATUS_SUSPEND
#define RUN (ACK | DRV | FOK | DOK)

struct status_case {
	uint8_t now, written;
	int result;
	enum status_action action;
	uint8_t status;
};

static const struct status_case cases[] = {
	/* the happy path */
	{ 0, ACK, 0, STATUS_STORE, ACK },
	{ ACK, ACK | DRV, 0, STATUS_STORE, ACK | DRV },
	{ ACK | DRV, ACK | DRV | FOK, 0, STATUS_CHECK_FEATURES, ACK | DRV | FOK },
	{ ACK | DRV | FOK, ACK | DRV | FOK | DOK, 0, STATUS_START, ACK | DRV | FOK | DOK },
	{ ACK | DRV | FOK | DOK, ACK | DRV | FOK | DOK, 0, STATUS_STORE, ACK | DRV | FOK | DOK },
	{ 0, ACK | DRV, 0, STATUS_STORE, ACK | DRV },
	/* reset, from everywhere */
	{ 0, 0, 0, STATUS_RESET, 0 },
	{ ACK, 0, 0, STATUS_RESET, 0 },
	{ ACK | DRV | FOK | DOK, 0, 0, STATUS_RESET, 0 },
	{ ACK | DRV | FOK | DOK | NRS, 0, 0, STATUS_RESET, 0 },
	{ ACK | DRV | FLD, 0, 0, STATUS_RESET, 0 },
	/* out of order */
	{ 0, DRV, -EPROTO, 0, 0 },
	{ 0, FOK, -EPROTO, 0, 0 },
	{ 0, ACK | DRV | FOK, -EPROTO, 0, 0 },
	{ ACK, ACK | FOK, -EPROTO, 0, 0 },
	{ ACK | DRV, ACK | DRV | DOK, -EPROTO, 0, 0 },
	{ ACK | DRV, ACK | DRV | FOK | DOK, -EPROTO, 0, 0 },
	/* cleared bits */
	{ ACK | DRV, ACK, -EPROTO, 0, 0 },
	{ ACK | DRV | FOK | DOK, ACK | DRV | FOK, -EPROTO, 0, 0 },
	{ ACK | DRV | FLD, ACK | DRV, -EPROTO, 0, 0 },
	/* FAILED */
	{ 0, FLD, 0, STATUS_STORE, FLD },
	{ ACK | DRV | FOK | DOK, ACK | DRV | FOK | DOK | FLD, 0, STATUS_STORE,
	  ACK | DRV | FOK | DOK | FLD },
	{ ACK | DRV, ACK | DRV | FOK | FLD, 0, STATUS_STORE, ACK | DRV | FLD },
	{ ACK | DRV | FLD, ACK | DRV | FLD | FOK, -EPROTO, 0, 0 },
	{ ACK | FLD, ACK | FLD | DRV, -EPROTO, 0, 0 },
	/* NEEDS_RESET is the device's own bit: written back or not, and nothing starts with it */
	{ ACK | DRV | FOK | DOK | NRS, ACK | DRV | FOK | DOK, 0, STATUS_STORE,
	  ACK | DRV | FOK | DOK | NRS },
	{ ACK | DRV | FOK | DOK | NRS, ACK | DRV | FOK | DOK | NRS, 0, STATUS_STORE,
	  ACK | DRV | FOK | DOK | NRS },
	{ ACK, ACK | NRS, 0, STATUS_STORE, ACK },
	{ ACK | DRV | NRS, ACK | DRV | FOK, 0, STATUS_STORE, ACK | DRV | NRS },
	{ ACK | DRV | FOK | NRS, ACK | DRV | FOK | DOK, 0, STATUS_STORE, ACK | DRV | FOK | NRS },
	/* unknown, and not offered */
	{ ACK, ACK | 32, -EPROTO, 0, 0 },
	{ ACK, ACK | SUS, 0, STATUS_STORE, ACK },
	/* SUSPEND, and out of it: the bit that was not there is the wish */
	{ RUN, RUN | SUS, 0, STATUS_SUSPEND, ACK | DRV | FOK | SUS },
	{ ACK | DRV | FOK | SUS, RUN | SUS, 0, STATUS_RESUME, RUN },
	{ ACK | DRV | FOK | SUS, RUN, 0, STATUS_RESUME, RUN },
	{ ACK | DRV | FOK | SUS, ACK | DRV | FOK | SUS, 0, STATUS_STORE, ACK | DRV | FOK | SUS },
	{ ACK | DRV | FOK | SUS, ACK | DRV | FOK, 0, STATUS_STORE, ACK | DRV | FOK | SUS },
	{ ACK | DRV | FOK | SUS, 0, 0, STATUS_RESET, 0 },
	{ ACK | DRV | FOK | SUS, ACK | DRV, -EPROTO, 0, 0 },
	{ ACK | DRV | FOK | SUS, ACK | DRV | FOK | SUS | FLD, 0, STATUS_STORE,
	  ACK | DRV | FOK | SUS | FLD },
	{ ACK | DRV | FOK | SUS | FLD, RUN | SUS | FLD, -EPROTO, 0, 0 },
	{ RUN | FLD, RUN | FLD | SUS, -EPROTO, 0, 0 },
	{ RUN, RUN | SUS | FLD, 0, STATUS_STORE, RUN | FLD },
	{ RUN | NRS, RUN | NRS | SUS, 0, STATUS_STORE, RUN | NRS },
	{ ACK | DRV | FOK | SUS | NRS, RUN | SUS | NRS, 0, STATUS_STORE,
	  ACK | DRV | FOK | SUS | NRS },
	/* not before the initialisation is complete */
	{ ACK | DRV, ACK | DRV | SUS, 0, STATUS_STORE, ACK | DRV },
	{ ACK | DRV | FOK, ACK | DRV | FOK | SUS, 0, STATUS_STORE, ACK | DRV | FOK },
	{ ACK | DRV | FOK, RUN | SUS, 0, STATUS_START, RUN },
};

/* proves: drv:3.1/1 drv:2.1/2 drv:2.1/3 dev:3.4/1 */
/* faults: A32 */
TestEach(status, a_write_does_what_its_row_says, cases, struct status_case)
{
	struct status_step step = { .action = STATUS_STORE };
	const char *why = NULL;

	t_eq(vri__status_write(param->now, param->written, true, &step, &why), param->result);
	if (param->result < 0) {
		t_not_null(why);
		return;
	}
	t_eq(step.action, param->action);
	t_eq(step.status, param->status);
}

/* proves: drv:2.1/2 */
Test(status, no_write_but_zero_ever_clears_a_bit)
{
	for (unsigned now = 0; now < 256; now++)
		for (unsigned written = 1; written < 256; written++) {
			struct status_step step;
			const char *why;

			if (vri__status_write((uint8_t)now, (uint8_t)written, true, &step, &why) <
			    0)
				continue;
			t_ne(step.action, STATUS_RESET);
			/* SUSPEND and DRIVER_OK take each other's place: that is the device's doing. */
			if (step.action == STATUS_SUSPEND || step.action == STATUS_RESUME)
				t_eq(now & ~(SUS | DOK) & ~step.status, 0);
			else
				t_eq(now & ~step.status, 0);
		}
}

/* proves: dev:3.4/1 */
Test(status, suspend_is_ignored_when_it_was_not_negotiated)
{
	for (unsigned now = 0; now < 256; now++)
		for (unsigned written = 1; written < 256; written++) {
			struct status_step with, without;
			const char *why;

			if ((now & SUS) || !(written & SUS))
				continue;
			if (vri__status_write((uint8_t)now, (uint8_t)written, false, &with, &why) <
			    0)
				continue;
			t_false(with.status & SUS);
			if (written == SUS)
				continue; /* without it a reset would be left */
			t_ok(vri__status_write((uint8_t)now, written & (uint8_t)~SUS, false,
					       &without, &why));
			t_eq(with.action, without.action);
			t_eq(with.status, without.status);
		}
}

/* proves: dev:3.4/1 */
Test(status, nothing_but_a_running_device_suspends_and_nothing_but_a_suspended_one_resumes)
{
	for (unsigned now = 0; now < 256; now++)
		for (unsigned written = 0; written < 256; written++) {
			struct status_step step;
			const char *why;

			if (vri__status_write((uint8_t)now, (uint8_t)written, true, &step, &why) <
			    0)
				continue;
			if (step.action == STATUS_SUSPEND)
				t_eq(now & (DOK | NRS | FLD), DOK);
			if (step.action == STATUS_RESUME)
				t_eq(now & (SUS | DOK | NRS | FLD), SUS);
		}
}

/* proves: drv:3.1/1 drv:3.1/4 */
Test(status, nothing_starts_without_features_ok_before_it)
{
	for (unsigned now = 0; now < 256; now++)
		for (unsigned written = 0; written < 256; written++) {
			struct status_step step;
			const char *why;

			if (vri__status_write((uint8_t)now, (uint8_t)written, true, &step, &why) <
				    0 ||
			    step.action != STATUS_START)
				continue;
			t_true(now & FOK);
			t_false(now & (NRS | FLD));
		}
}

Test(status, a_driver_cannot_set_needs_reset)
{
	for (unsigned now = 0; now < 256; now++)
		for (unsigned written = 0; written < 256; written++) {
			struct status_step step;
			const char *why;

			if (!(now & NRS) && vri__status_write((uint8_t)now, (uint8_t)written, true,
							      &step, &why) == 0)
				t_false(step.status & NRS);
		}
}
