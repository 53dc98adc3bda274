/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Features beyond bit 63 over a Unix socket, with peers that know only 64 bits, or more than 128. */
#include "test.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "leaks.h"
#include "raw_peer.h"
#include "serve.h"
#include "tmpdir.h"

#define FOK VRI_STATUS_FEATURES_OK
#define STARTED (VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER)

static struct tmpdir dir;
static struct leaks leaks;
static const char *address, *path;
static struct serve serve;
static struct raw_driver raw;

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	address = tmpdir_unix(&dir, "s");
	path = address + strlen("unix:");
	raw.fd = raw.region_fd = raw.kick_fd = raw.call_fd = -1;
}

static void tear_down(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

#define WideTest(name) Test(shm_features, name, .init = set_up, .fini = tear_down)

static struct vri_features wide(void)
{
	struct vri_features set;

	vri_features_default(&set);
	vri_features_set(&set, 64);
	vri_features_set(&set, 100);
	return set;
}

static void serve_wide(void)
{
	struct serve_opts opts = { .features = wide() };

	serve_start(&serve, address, &opts);
}

/* A message with @n words of features as the field numbered @field of the body numbered @body, byte for byte: what a peer
 * with sets of another width would send. */
static size_t put_message(uint8_t *to, uint32_t token, unsigned body, unsigned field,
			  const uint64_t *word, unsigned n)
{
	uint8_t *at = to;

	*at++ = 1 << 3;
	*at++ = (uint8_t)token;
	*at++ = (uint8_t)(body << 3 | 2 | 0x80);
	*at++ = (uint8_t)(body >> 4);
	*at++ = (uint8_t)(2 + 8 * n);
	*at++ = (uint8_t)(field << 3 | 2);
	*at++ = (uint8_t)(8 * n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t le = htole64(word[i]);

		memcpy(at, &le, sizeof(le));
		at += sizeof(le);
	}
	return (size_t)(at - to);
}

/* Acknowledges @n words. Returns: the status with FEATURES_OK, if the device leaves it. */
static int acknowledge(const uint64_t *word, unsigned n)
{
	uint8_t bytes[128];
	struct wire_msg reply;
	size_t len;

	t_eq(raw_set_status(&raw, 0), 0);
	t_eq(raw_set_status(&raw, VRI_STATUS_ACKNOWLEDGE), VRI_STATUS_ACKNOWLEDGE);
	t_eq(raw_set_status(&raw, STARTED), STARTED);
	len = put_message(bytes, ++raw.token, 20, 1, word, n);
	raw_send_bytes(raw.fd, bytes, len, NULL, 0);
	raw_expect(raw.fd, WIRE_REPLY, &reply);
	t_eq(reply.token, raw.token);
	if (reply.reply.error)
		return reply.reply.error;
	return raw_set_status(&raw, STARTED | FOK);
}

static void attach(void)
{
	raw_hello(&raw, path);
	raw_make_region(&raw);
	raw_attach(&raw);
}

/* proves: dev:2.2/2 */
WideTest(a_driver_that_knows_64_bits_gets_a_device_that_has_more)
{
	uint64_t version_1 = 1ull << VRI_F_VERSION_1;

	serve_wide();
	attach();
	t_eq(raw.offer.offer.offer.features.word[1], 1ull | 1ull << 36);
	t_eq(acknowledge(&version_1, 1), STARTED | FOK);
	raw_set_queue(&raw, 0);
	raw_run(&raw);
	raw_close(&raw);
	serve_stop(&serve);
}

struct ack_case {
	const char *what;
	uint64_t word[4];
	unsigned n;
	int result;
};

#define V1 (1ull << VRI_F_VERSION_1)

static const struct ack_case acks[] = {
	{ "two words", { V1, 1ull << 36 }, 2, STARTED | FOK },
	{ "all that there is", { V1, 1ull | 1ull << 36 }, 2, STARTED | FOK },
	{ "more words, of zeros", { V1, 1 }, 4, STARTED | FOK },
	{ "a bit of the second word that is not offered", { V1, 2 }, 2, STARTED },
	{ "bit 127", { V1, 1ull << 63 }, 2, STARTED },
	{ "bit 128", { V1, 0, 1 }, 3, -EPROTO },
	{ "bit 255", { V1, 0, 0, 1ull << 63 }, 4, -EPROTO },
	{ "no word at all", { 0 }, 0, STARTED },
};

/* proves: drv:2.2/1 dev:2.2/2 */
/* faults: A32 */
TestEach(shm_features, a_device_looks_at_every_word, acks, struct ack_case, .init = set_up,
	 .fini = tear_down)
{
	serve_wide();
	attach();
	t_eq(acknowledge(param->word, param->n), param->result);
	/* And nothing is lost by it. */
	t_eq(acknowledge(acks[0].word, 2), STARTED | FOK);
	raw_close(&raw);
	serve_stop(&serve);
}

/* ---- devices ---- */

struct narrow {
	pthread_t thread;
	int listener;
	unsigned n_words; /* of its answer */
	uint64_t word[3];
	struct vri_features acked; /* as the driver wrote them */
};

static void *be_narrow(void *data)
{
	struct narrow *narrow = data;
	int fd = raw_accept(narrow->listener);
	struct wire_msg msg;
	uint8_t status = 0;
	int with;

	raw_expect(fd, WIRE_HELLO, &msg);
	msg = (struct wire_msg){ .kind = WIRE_OFFER };
	msg.offer.version = WIRE_VERSION;
	msg.offer.notifier = NOTIFIER_EVENTFD;
	strcpy(msg.offer.offer.type, "org.example.narrow");
	strcpy(msg.offer.offer.name, "narrow");
	msg.offer.offer.device_id = VRI_ID_LOCAL_FIRST + 9;
	msg.offer.offer.n_queues = 1;
	msg.offer.offer.queue_size_max = 16;
	msg.offer.offer.features.word[0] = narrow->word[0];
	raw_send(fd, &msg, NULL, 0);
	t_eq(raw_receive(fd, &msg, &with), 1);
	close(with);
	msg = (struct wire_msg){ .kind = WIRE_ATTACHED };
	raw_send(fd, &msg, NULL, 0);
	while (raw_receive(fd, &msg, &with) == 1) {
		struct wire_msg reply = { .kind = WIRE_REPLY, .token = msg.token };
		uint8_t bytes[128];
		int call = -1;

		if (with >= 0)
			close(with);
		if (msg.kind == WIRE_GET_FEATURES) {
			raw_send_bytes(fd, bytes,
				       put_message(bytes, msg.token, 16, 4, narrow->word,
						   narrow->n_words),
				       NULL, 0);
			continue;
		}
		if (msg.kind == WIRE_SET_FEATURES)
			narrow->acked = msg.set_features.features.set;
		if (msg.kind == WIRE_SET_STATUS)
			status = msg.set_status.status;
		if (msg.kind == WIRE_SET_QUEUE)
			call = eventfd(0, EFD_CLOEXEC);
		reply.reply.status = status;
		raw_send(fd, &reply, &call, call >= 0);
		if (call >= 0)
			close(call);
	}
	close(fd);
	return NULL;
}

static const unsigned words[] = { 1, 2, 3 };

/* proves: drv:2.2/1 drv:2.2/4 drv:2.2/6 */
TestEach(shm_features, a_driver_takes_an_offer_of_any_width, words, unsigned, .init = set_up,
	 .fini = tear_down)
{
	struct narrow narrow = { .n_words = *param, .word = { V1, 1, ~0ull } };
	struct vri_features want = wide();
	struct vri_link *link;

	narrow.listener = raw_listen(path);
	t_eq(pthread_create(&narrow.thread, NULL, be_narrow, &narrow), 0);
	t_ok(vri_link_open(&link, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), &want, NULL));
	t_eq(vri_driver_has_feature(vri_link_driver(link), 64), *param > 1);
	t_false(vri_driver_has_feature(vri_link_driver(link), 100));
	vri_link_close(link);
	t_eq(pthread_join(narrow.thread, NULL), 0);
	t_eq(narrow.acked.word[0], V1);
	t_eq(narrow.acked.word[1], *param > 1 ? 1 : 0);
	close(narrow.listener);
}
