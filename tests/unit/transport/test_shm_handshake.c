/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/*
 * Devices that do wrong at the driver's end: opening fails with the right error and gives everything
 * back; on an open link the driver is told, and only then.
 *
 * The device is a thread that follows a script.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vring-ipc/link.h>

#include "leaks.h"
#include "raw_peer.h"
#include "tmpdir.h"

#define TYPE "org.example.liar"
#define ID (VRI_ID_LOCAL_FIRST + 9)

static struct tmpdir dir;
static struct leaks leaks;
static const char *address;
static int listener;

/* The last words of the log, where the reasons go. */
static char last_line[512];

static void keep_line(void *data, enum vri_log_level level, const char *line)
{
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	listener = raw_listen(address + strlen("unix:"));
	vri_log_set(keep_line, NULL, VRI_LOG_DEBUG);
	last_line[0] = 0;
}

static void tear_down(void)
{
	vri_log_set(NULL, NULL, VRI_LOG_ERROR);
	close(listener);
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

#define LiarTest(name, ...) \
	Test(shm_handshake, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

/* ---- the device's script ---- */

struct script {
	void (*play)(int fd, struct script *s);
	int variant;
	pthread_t thread;
	int status_asks; /* how often it was asked for the status */
};

static void *play(void *data)
{
	struct script *s = data;
	int fd = raw_accept(listener);

	s->play(fd, s);
	close(fd);
	return NULL;
}

static void start(struct script *s, void (*fn)(int fd, struct script *s), int variant)
{
	*s = (struct script){ .play = fn, .variant = variant };
	t_eq(pthread_create(&s->thread, NULL, play, s), 0);
}

static void finish(struct script *s)
{
	t_eq(pthread_join(s->thread, NULL), 0);
}

static struct wire_msg good_offer(void)
{
	struct wire_msg msg = { .kind = WIRE_OFFER };

	msg.offer.version = WIRE_VERSION;
	msg.offer.notifier = NOTIFIER_EVENTFD;
	strcpy(msg.offer.offer.type, TYPE);
	strcpy(msg.offer.offer.name, TYPE);
	msg.offer.offer.device_id = ID;
	msg.offer.offer.n_queues = 1;
	msg.offer.offer.queue_size_max = 64;
	msg.offer.offer.config_size = 4;
	vri_features_set(&msg.offer.offer.features, VRI_F_VERSION_1);
	vri_features_set(&msg.offer.offer.features, VRI_F_EVENT_IDX);
	return msg;
}

static void offer(int fd)
{
	struct wire_msg msg;

	raw_expect(fd, WIRE_HELLO, &msg);
	msg = good_offer();
	raw_send(fd, &msg, NULL, 0);
}

/* Takes the region and gives it back unread. */
static void attach(int fd)
{
	struct wire_msg msg;
	int region;

	t_eq(raw_receive(fd, &msg, &region), 1);
	t_eq(msg.kind, WIRE_ATTACH);
	t_ok(region);
	close(region);
	msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
	raw_send(fd, &msg, NULL, 0);
}

/* Answers every request as an honest device would, until the driver leaves. */
static void be_honest(int fd, struct script *s)
{
	struct vri_features offered = good_offer().offer.offer.features;
	uint8_t status = 0;
	struct wire_msg msg;
	int with;

	while (raw_receive(fd, &msg, &with) == 1) {
		struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg.token };
		int call = -1;

		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_SET_STATUS)
			status = msg.set_status.status;
		if (msg.kind == WIRE_GET_STATUS)
			s->status_asks++;
		reply.reply.status = status;
		if (msg.kind == WIRE_GET_FEATURES)
			reply.reply.features.set = offered;
		if (msg.kind == WIRE_SET_QUEUE)
			call = eventfd(0, EFD_CLOEXEC);
		raw_send(fd, &reply, &call, call >= 0);
		if (call >= 0)
			close(call);
	}
}

/* ---- opening ---- */

static int try_open(const struct vri_link_opts *given)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 20000 };
	struct vri_link *link = NULL;
	int r;

	if (given)
		opts = *given;
	r = vri_link_open(&link, address, &opts);
	t_true(r < 0 || link);
	if (r == 0)
		vri_link_close(link);
	return r;
}

static void leave_early(int fd, struct script *s)
{
	struct wire_msg msg;
	int region;

	if (s->variant == 0)
		return;
	raw_expect(fd, WIRE_HELLO, &msg);
	if (s->variant == 1)
		return;
	msg = good_offer();
	raw_send(fd, &msg, NULL, 0);
	if (s->variant == 2)
		return;
	t_eq(raw_receive(fd, &msg, &region), 1);
	close(region);
	if (s->variant == 4)
		raw_send_bytes(fd, "", 0, NULL, 0);
}

/* faults: D8 */
LiarTest(a_device_may_leave_at_each_step)
{
	struct script s;

	for (int step = 0; step < 5; step++) {
		start(&s, leave_early, step);
		t_errno_eq(try_open(NULL), -ECONNRESET);
		finish(&s);
	}
}

static void be_silent(int fd, struct script *s)
{
	struct wire_msg msg;
	int with;

	if (s->variant)
		offer(fd);
	/* Until the driver gives up. */
	while (raw_receive(fd, &msg, &with) == 1)
		if (with >= 0)
			close(with);
}

/* faults: D8 */
LiarTest(a_silent_device_is_given_up_in_time)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 50 };
	struct script s;

	for (int variant = 0; variant < 2; variant++) {
		start(&s, be_silent, variant);
		t_errno_eq(try_open(&opts), -ETIMEDOUT);
		finish(&s);
	}
}

static void refuse(int fd, struct script *s)
{
	struct wire_msg msg = { .kind = WIRE_REFUSED };
	int region;

	if (s->variant) {
		offer(fd);
		t_eq(raw_receive(fd, &msg, &region), 1);
		close(region);
		msg = (struct wire_msg){ .kind = WIRE_REFUSED };
	}
	msg.refused.error = -EBUSY;
	strcpy(msg.refused.words, "closed on Sundays");
	raw_send(fd, &msg, NULL, 0);
}

/* Also when the device has not even read what the driver said. */
LiarTest(a_refusal_and_its_words_reach_the_driver)
{
	struct script s;

	for (int variant = 0; variant < 2; variant++) {
		last_line[0] = 0;
		start(&s, refuse, variant);
		t_errno_eq(try_open(NULL), -ECONNREFUSED);
		finish(&s);
		t_strstr(last_line, "closed on Sundays");
	}
}

enum bad_offer {
	LATER_VERSION,
	NO_VERSION,
	NO_QUEUES,
	NO_SIZE,
	ODD_SIZE,
	NO_ID,
	NO_TYPE,
	BAD_OFFERS,
};

static void offer_badly(int fd, struct script *s)
{
	struct wire_msg msg;

	raw_expect(fd, WIRE_HELLO, &msg);
	msg = good_offer();
	switch ((enum bad_offer)s->variant) {
	case LATER_VERSION:
		msg.offer.version = 2;
		break;
	case NO_VERSION:
		msg.offer.version = 0;
		break;
	case NO_QUEUES:
		msg.offer.offer.n_queues = 0;
		break;
	case NO_SIZE:
		msg.offer.offer.queue_size_max = 0;
		break;
	case ODD_SIZE:
		msg.offer.offer.queue_size_max = 100;
		break;
	case NO_ID:
		msg.offer.offer.device_id = 0;
		break;
	case NO_TYPE:
		msg.offer.offer.type[0] = 0;
		break;
	default:
		break;
	}
	raw_send(fd, &msg, NULL, 0);
	raw_expect_hang_up(fd);
}

/* faults: B16 D9 */
LiarTest(an_offer_that_makes_no_sense_is_refused_before_anything_is_made)
{
	struct script s;

	for (int variant = 0; variant < BAD_OFFERS; variant++) {
		start(&s, offer_badly, variant);
		t_errno_eq(try_open(NULL), -EPROTO);
		finish(&s);
	}
}

static void offer_only(int fd, struct script *s)
{
	offer(fd);
	raw_expect_hang_up(fd);
}

LiarTest(another_device_than_the_one_asked_for_is_refused)
{
	struct vri_link_opts opts[] = {
		{ .size = sizeof(opts[0]), .type = "org.example.other" },
		{ .size = sizeof(opts[0]), .device_id = VRI_ID_BLOCK },
		{ .size = sizeof(opts[0]), .n_queues = 2 },
		{ .size = sizeof(opts[0]), .queue_size = 128 },
		{ .size = sizeof(opts[0]), .notifier = VRI_NOTIFIER_PIPE },
	};
	int want[] = { -ECONNREFUSED, -ECONNREFUSED, -EINVAL, -EINVAL, -EPROTO };
	struct script s;

	for (unsigned i = 0; i < 5; i++) {
		start(&s, offer_only, 0);
		t_errno_eq(try_open(&opts[i]), want[i]);
		finish(&s);
	}
}

/* What comes instead of an OFFER (0 to 9) or an ATTACHED (10 and more). */
static void talk_nonsense(int fd, struct script *s)
{
	static char big[WIRE_PACKET_MAX + 1];
	struct wire_msg msg = good_offer();
	int fds[3] = { fd, fd, fd };

	if (s->variant >= 10) {
		int region;

		offer(fd);
		t_eq(raw_receive(fd, &msg, &region), 1);
		close(region);
		msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
	} else {
		raw_expect(fd, WIRE_HELLO, &msg);
		msg = good_offer();
	}
	switch (s->variant % 10) {
	case 0:
		raw_send_bytes(fd, "\377\377\377", 3, NULL, 0);
		break;
	case 1:
		raw_send_bytes(fd, big, sizeof(big), NULL, 0);
		break;
	case 2:
		raw_send(fd, &msg, fds, 1);
		break;
	case 3:
		raw_send(fd, &msg, fds, 3);
		break;
	case 4:
		msg.token = 5;
		raw_send(fd, &msg, NULL, 0);
		break;
	case 5:
		raw_send_bytes(fd, "\372\006\001x", 4, NULL, 0); /* nobody knows */
		break;
	case 6:
		msg = (struct wire_msg){ .kind = WIRE_REPLY, .token = 1 };
		raw_send(fd, &msg, NULL, 0);
		break;
	case 7:
		msg = (struct wire_msg){ .kind = WIRE_NEEDS_RESET };
		raw_send(fd, &msg, NULL, 0);
		break;
	case 8:
		msg = (struct wire_msg){ .kind = WIRE_HELLO };
		msg.hello.version_min = msg.hello.version_max = 1;
		raw_send(fd, &msg, NULL, 0);
		break;
	default:
		msg = s->variant >= 10 ? good_offer() : (struct wire_msg){ .kind = WIRE_ATTACHED };
		raw_send(fd, &msg, NULL, 0);
		break;
	}
	raw_expect_hang_up(fd);
}

/* faults: D4 D7 D11 */
LiarTest(nonsense_during_the_set_up_ends_it)
{
	struct script s;

	for (int variant = 0; variant < 20; variant++) {
		start(&s, talk_nonsense, variant);
		t_errno_eq(try_open(NULL), -EPROTO);
		finish(&s);
	}
}

/* ---- an open link ---- */

static struct vri_link *open_link(unsigned timeout_ms)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = timeout_ms };
	struct vri_link *link;

	t_ok(vri_link_open(&link, address, &opts));
	return link;
}

static void honest(int fd, struct script *s)
{
	offer(fd);
	attach(fd);
	be_honest(fd, s);
}

LiarTest(a_link_starts_with_an_honest_device)
{
	struct vri_link *link;
	struct script s;

	start(&s, honest, 0);
	link = open_link(20000);
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	t_eq(vri_driver_status(vri_link_driver(link)), 15);
	vri_link_close(link);
	finish(&s);
}

/* What a device answers to GET_STATUS. */
static void answer_badly(int fd, struct script *s)
{
	struct wire_msg msg, reply = { .kind = WIRE_REPLY };
	int with, fds[2] = { fd, fd };

	offer(fd);
	attach(fd);
	raw_expect(fd, WIRE_GET_STATUS, &msg);
	reply.token = msg.token;
	switch (s->variant) {
	case 0: /* to a question that nobody asked */
		reply.token++;
		raw_send(fd, &reply, NULL, 0);
		break;
	case 1: /* with a descriptor that nobody wants */
		raw_send(fd, &reply, fds, 1);
		break;
	case 2:
		raw_send(fd, &reply, fds, 2);
		break;
	case 3:
		raw_send_bytes(fd, "\377", 1, NULL, 0);
		break;
	case 4:
		reply.token = 0;
		raw_send(fd, &reply, NULL, 0);
		break;
	case 5: /* twice: the second answers nothing */
		raw_send(fd, &reply, NULL, 0);
		raw_send(fd, &reply, NULL, 0);
		break;
	}
	while (raw_receive(fd, &msg, &with) == 1)
		if (with >= 0)
			close(with);
}

/* faults: D7 D4 */
LiarTest(an_answer_that_nobody_asked_for_ends_the_link)
{
	for (int variant = 0; variant < 6; variant++) {
		struct vri_link *link;
		struct script s;
		int r;

		start(&s, answer_badly, variant);
		link = open_link(20000);
		r = vri_driver_status(vri_link_driver(link));
		if (variant == 5) {
			t_eq(r, 0);
			r = vri_link_wait(link, 20000);
		}
		t_true(r == -EPROTO || r == -ECONNRESET);
		t_errno_eq(vri_link_dispatch(link), -ECONNRESET);
		t_errno_eq(vri_driver_status(vri_link_driver(link)), -ECONNRESET);
		vri_link_close(link);
		finish(&s);
	}
}

/* Refuses a request as only a link can be refused. */
static void refuse_request(int fd, struct script *s)
{
	struct wire_msg msg, reply = { .kind = WIRE_REPLY };

	offer(fd);
	attach(fd);
	raw_expect(fd, WIRE_GET_STATUS, &msg);
	reply.token = msg.token;
	reply.reply.error = s->variant;
	wire_words(reply.reply.words, "not for you");
	raw_send(fd, &reply, NULL, 0);
	raw_expect_hang_up(fd);
}

/* faults: D7 */
LiarTest(an_error_that_is_none_of_a_request_is_a_protocol_error)
{
	const int errors[] = { -EBUSY, -EPROTONOSUPPORT };

	for (unsigned i = 0; i < 2; i++) {
		struct vri_link *link;
		struct script s;

		start(&s, refuse_request, errors[i]);
		link = open_link(20000);
		t_errno_eq(vri_driver_status(vri_link_driver(link)), -EPROTO);
		vri_link_close(link);
		finish(&s);
	}
}

/* Answers the first request only when it is asked for the third time, then all of them. */
static void answer_late(int fd, struct script *s)
{
	struct wire_msg msg[3];
	struct wire_msg reply = { .kind = WIRE_REPLY };

	offer(fd);
	attach(fd);
	for (int i = 0; i < 3; i++)
		raw_expect(fd, WIRE_GET_STATUS, &msg[i]);
	for (int i = 0; i < 3; i++) {
		reply.token = msg[i].token;
		reply.reply.status = (uint8_t)(i + 1);
		raw_send(fd, &reply, NULL, 0);
	}
	raw_expect_hang_up(fd);
}

/* faults: D7 */
LiarTest(an_answer_that_comes_too_late_is_dropped)
{
	struct vri_link *link;
	struct script s;
	int r;

	start(&s, answer_late, 0);
	link = open_link(100);
	t_errno_eq(vri_driver_status(vri_link_driver(link)), -ETIMEDOUT);
	t_errno_eq(vri_driver_status(vri_link_driver(link)), -ETIMEDOUT);
	r = vri_driver_status(vri_link_driver(link));
	t_eq(r, 3);
	t_eq(vri_link_dispatch(link), 0);
	vri_link_close(link);
	finish(&s);
}

static void never_answer(int fd, struct script *s)
{
	offer(fd);
	attach(fd);
	raw_expect_hang_up(fd);
}

/* The same for a driver that may leave before it is attached. */
static void never_answer_whoever_comes(int fd, struct script *s)
{
	struct wire_msg msg;
	int with;

	while (raw_receive(fd, &msg, &with) == 1) {
		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_HELLO)
			msg = good_offer();
		else if (msg.kind == WIRE_ATTACH)
			msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
		else
			continue;
		raw_send(fd, &msg, NULL, 0);
	}
}

LiarTest(a_device_that_never_answers_is_given_up_after_a_while)
{
	struct vri_link_opts opts = { .size = sizeof(opts), .timeout_ms = 5 };
	struct vri_link *link;
	struct script s;
	int r, n = 0;

	/* A busy machine may need more than that for the set-up. */
	start(&s, never_answer_whoever_comes, 0);
	while ((r = vri_link_open(&link, address, &opts)) == -ETIMEDOUT) {
		finish(&s);
		opts.timeout_ms *= 2;
		start(&s, never_answer_whoever_comes, 0);
	}
	t_ok(r);
	while ((r = vri_driver_status(vri_link_driver(link))) == -ETIMEDOUT)
		n++;
	t_errno_eq(r, -ECONNRESET);
	t_gt(n, 1);
	vri_link_close(link);
	finish(&s);
}

/* A device that talks faster than the driver can listen: whenever this thread looks, there is another event. */
static _Thread_local bool is_talked_at;

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct wire_msg event = { .kind = WIRE_CONFIG_CHANGED };

	if (!is_talked_at)
		return syscall(SYS_recvmsg, fd, msg, flags);
	msg->msg_controllen = 0;
	msg->msg_flags = 0;
	return wire_format(&event, msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len);
}

LiarTest(a_device_that_never_stops_talking_does_not_drag_out_a_time_limit, .timeout = 20)
{
	struct vri_link *link;
	struct script s;

	start(&s, never_answer, 0);
	link = open_link(50);
	is_talked_at = true;
	t_errno_eq(vri_driver_status(vri_link_driver(link)), -ETIMEDOUT);
	t_errno_eq(vri_driver_reset(vri_link_driver(link)), -ETIMEDOUT);
	t_ok(vri_link_dispatch(link));
	is_talked_at = false;
	vri_link_close(link);
	finish(&s);
}

/* An answer without the notifier that belongs to it, or with one that is none. */
static void send_bad_notifier(int fd, struct script *s)
{
	struct wire_msg msg, reply;
	uint8_t status = 0;
	int with, call = -1;

	offer(fd);
	attach(fd);
	while (raw_receive(fd, &msg, &with) == 1) {
		reply = (struct wire_msg){ .kind = WIRE_REPLY, .token = msg.token };
		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_SET_STATUS)
			status = msg.set_status.status;
		reply.reply.status = status;
		if (msg.kind == WIRE_GET_FEATURES)
			reply.reply.features.set = good_offer().offer.offer.features;
		if (msg.kind == WIRE_SET_QUEUE) {
			if (s->variant == 1)
				call = open("/dev/null", O_RDWR | O_CLOEXEC);
			else if (s->variant == 2)
				call = memfd_create("t", MFD_CLOEXEC);
			else if (s->variant == 3)
				call = dup(fd);
		}
		raw_send(fd, &reply, &call, call >= 0);
		if (call >= 0)
			close(call);
		call = -1;
	}
}

/* faults: D10 D4 */
LiarTest(a_notifier_that_is_none_ends_the_link)
{
	for (int variant = 0; variant < 4; variant++) {
		struct vri_link *link;
		struct script s;

		start(&s, send_bad_notifier, variant);
		link = open_link(20000);
		t_lt(vri_driver_start(vri_link_driver(link), NULL, NULL), 0);
		t_errno_eq(vri_driver_status(vri_link_driver(link)), -ECONNRESET);
		vri_link_close(link);
		finish(&s);
	}
}

/* ---- events ---- */

struct told {
	int changed, needs_reset, gone;
	char why[128];
};

static void on_changed(struct vri_driver *drv, void *data)
{
	((struct told *)data)->changed++;
}

static void on_needs_reset(struct vri_driver *drv, const char *why, void *data)
{
	struct told *told = data;

	told->needs_reset++;
	snprintf(told->why, sizeof(told->why), "%s", why);
}

static void on_gone(struct vri_driver *drv, void *data)
{
	((struct told *)data)->gone++;
}

static const struct vri_driver_callbacks callbacks = {
	.size = sizeof(callbacks),
	.config_changed = on_changed,
	.needs_reset = on_needs_reset,
	.gone = on_gone,
};

/* Between a request and its reply comes news. */
static void interrupt(int fd, struct script *s)
{
	struct wire_msg msg, event = { .kind = WIRE_CONFIG_CHANGED };
	struct wire_msg reply = { .kind = WIRE_REPLY };

	offer(fd);
	attach(fd);
	raw_expect(fd, WIRE_GET_STATUS, &msg);
	raw_send(fd, &event, NULL, 0);
	event = (struct wire_msg){ .kind = WIRE_NEEDS_RESET };
	strcpy(event.needs_reset.words, "the roof leaks");
	raw_send(fd, &event, NULL, 0);
	raw_send_bytes(fd, "\372\006\001x", 4, NULL, 0); /* of a later version */
	reply.token = msg.token;
	reply.reply.status = VRI_STATUS_NEEDS_RESET;
	raw_send(fd, &reply, NULL, 0);
	raw_expect_hang_up(fd);
}

LiarTest(news_that_come_while_a_request_waits_are_kept_for_dispatch)
{
	struct told told = { 0 };
	struct vri_link *link;
	struct pollfd p;
	struct script s;

	start(&s, interrupt, 0);
	link = open_link(20000);
	vri_driver_set_callbacks(vri_link_driver(link), &callbacks, &told);
	t_eq(vri_driver_status(vri_link_driver(link)), VRI_STATUS_NEEDS_RESET);
	t_eq(told.changed + told.needs_reset, 0);
	t_eq(vri_link_wait(link, 10000), 0);
	t_eq(told.changed, 1);
	t_eq(told.needs_reset, 1);
	t_streq(told.why, "the roof leaks");
	p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
	t_eq(poll(&p, 1, 0), 0);
	vri_link_close(link);
	finish(&s);
}

/* The same through the descriptor: an event loop learns of it without asking. */
LiarTest(news_that_come_while_a_request_waits_make_the_link_readable)
{
	struct told told = { 0 };
	struct vri_link *link;
	struct pollfd p;
	struct script s;

	start(&s, interrupt, 0);
	link = open_link(20000);
	vri_driver_set_callbacks(vri_link_driver(link), &callbacks, &told);
	t_eq(vri_driver_status(vri_link_driver(link)), VRI_STATUS_NEEDS_RESET);
	p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
	t_eq(poll(&p, 1, 10000), 1);
	t_eq(vri_link_dispatch(link), 0);
	t_eq(told.needs_reset, 1);
	t_eq(poll(&p, 1, 0), 0);
	vri_link_close(link);
	finish(&s);
}

/* An honest device but for its voice: with each answer it notifies, whether the queue is live, reset or has nothing, and
 * tells of a change. */
static void be_loud(int fd, struct script *s)
{
	static const uint64_t one = 1;
	struct wire_msg msg, event = { .kind = WIRE_CONFIG_CHANGED };
	uint8_t status = 0;
	int with, call = -1;

	offer(fd);
	attach(fd);
	while (raw_receive(fd, &msg, &with) == 1) {
		struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg.token };

		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_SET_STATUS)
			status = msg.set_status.status;
		reply.reply.status = status;
		if (msg.kind == WIRE_GET_FEATURES)
			reply.reply.features.set = good_offer().offer.offer.features;
		if (msg.kind == WIRE_SET_QUEUE) {
			if (call >= 0)
				close(call);
			call = eventfd(0, EFD_CLOEXEC);
		}
		if (call >= 0)
			t_eq(write(call, &one, sizeof(one)), sizeof(one));
		raw_send(fd, &event, NULL, 0);
		raw_send(fd, &reply, &call, msg.kind == WIRE_SET_QUEUE);
	}
	if (call >= 0)
		close(call);
}

/* faults: B14 */
LiarTest(notifications_before_a_queue_is_live_and_after_its_end_mean_nothing)
{
	struct told told = { 0 };
	struct vri_link *link;
	struct vri_driver *drv;
	struct script s;
	uint32_t len;
	void *token;

	start(&s, be_loud, 0);
	link = open_link(20000);
	drv = vri_link_driver(link);
	vri_driver_set_callbacks(drv, &callbacks, &told);
	for (int round = 0; round < 3; round++) {
		/* Up to FEATURES_OK, then with queues that are set up but not live. */
		t_ok(vri_driver_negotiate(drv, NULL, NULL));
		t_ok(vri_driver_set_queue(drv, 0, 0));
		t_ok(vri_link_dispatch(link));
		t_null(vri_driver_drvq(drv, 0));
		t_ok(vri_driver_run(drv));
		t_eq(vri_drvq_get_used(vri_driver_drvq(drv, 0), &token, &len), 0);
		t_eq(vri_link_wait(link, 0), 0);
		t_eq(vri_drvq_broken(vri_driver_drvq(drv, 0)), VRI_RULE_NONE);
		t_ok(vri_driver_reset(drv));
		for (int i = 0; i < 10; i++)
			t_eq(vri_driver_status(drv), 0);
		t_ok(vri_link_dispatch(link));
		t_eq(vri_link_wait(link, 0), 0);
	}
	/* Nor are they taken for anything else. */
	t_gt(told.changed, 0);
	t_eq(told.needs_reset + told.gone, 0);
	vri_link_close(link);
	finish(&s);
}

static void start_then_leave(int fd, struct script *s)
{
	struct wire_msg msg;
	int with;

	offer(fd);
	attach(fd);
	raw_expect(fd, WIRE_GET_STATUS, &msg);
	if (s->variant == 1)
		raw_send_bytes(fd, "", 0, NULL, 0);
	else if (s->variant == 2)
		t_sys(shutdown(fd, SHUT_WR));
	if (s->variant)
		while (raw_receive(fd, &msg, &with) == 1)
			;
}

LiarTest(a_device_that_leaves_is_told_once_and_stays_gone)
{
	for (int variant = 0; variant < 3; variant++) {
		struct told told = { 0 };
		struct vri_link *link;
		struct pollfd p;
		struct script s;

		start(&s, start_then_leave, variant);
		link = open_link(20000);
		vri_driver_set_callbacks(vri_link_driver(link), &callbacks, &told);
		t_errno_eq(vri_driver_status(vri_link_driver(link)), -ECONNRESET);
		p = (struct pollfd){ vri_link_fd(link), vri_link_events(link), 0 };
		t_eq(poll(&p, 1, 10000), 1);
		t_errno_eq(vri_link_dispatch(link), -ECONNRESET);
		t_errno_eq(vri_link_dispatch(link), -ECONNRESET);
		t_errno_eq(vri_link_wait(link, 10000), -ECONNRESET);
		t_eq(told.gone, 1);
		t_eq(poll(&p, 1, 0), 0);
		vri_link_close(link);
		finish(&s);
	}
}
