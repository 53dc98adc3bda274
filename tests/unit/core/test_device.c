/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device type: which one can be made, and which offer of one a driver takes. */
#include <errno.h>
#include <string.h>

#include "core/transport.h"
#include "test.h"

struct info_case {
	const char *what;
	struct vri_device_info info;
};

static const char long_name[VRI_TYPE_MAX + 1] = { [0 ... VRI_TYPE_MAX - 1] = 'x' };
#define GOOD .size = sizeof(struct vri_device_info), .type = "a", .device_id = 1

static const struct info_case bad_infos[] = {
	{ "no size", { .type = "a", .device_id = 1 } },
	{ "no type", { .size = sizeof(struct vri_device_info), .device_id = 1 } },
	{ "empty type", { .size = sizeof(struct vri_device_info), .type = "", .device_id = 1 } },
	{ "long type",
	  { .size = sizeof(struct vri_device_info), .type = long_name, .device_id = 1 } },
	{ "escape in the name", { GOOD, .name = "a\x1b" } },
	{ "no id", { .size = sizeof(struct vri_device_info), .type = "a" } },
	{ "too many queues", { GOOD, .n_queues = VRI_QUEUES_MAX + 1 } },
	{ "odd queue size", { GOOD, .queue_size_max = 100 } },
	{ "huge queue size", { GOOD, .queue_size_max = 65536 } },
	{ "huge config", { GOOD, .config = "", .config_size = VRI_CONFIG_MAX + 1 } },
	{ "config without bytes", { GOOD, .config_size = 1 } },
	{ "no VERSION_1", { GOOD, .features = { { 1 } } } },
};

/* proves: dev:2.2/3 dev:6.2/1 */
/* faults: B16 */
TestEach(device, an_info_that_contradicts_itself_is_refused, bad_infos, struct info_case)
{
	struct vri_device *dev = NULL;

	t_errno_eq(vri_device_new(&param->info, NULL, NULL, &dev), -EINVAL);
	t_null(dev);
}

Test(device, unknown_options_must_be_zero)
{
	struct {
		struct vri_device_info known;
		uint64_t later;
	} info = { .known = { .size = sizeof(info), .type = "a", .device_id = 1 } };
	struct vri_device *dev;

	t_ok(vri_device_new(&info.known, NULL, NULL, &dev));
	vri_device_unref(dev);
	info.later = 1;
	t_errno_eq(vri_device_new(&info.known, NULL, NULL, &dev), -EINVAL);
}

static struct offer good_offer(void)
{
	struct offer offer = {
		.type = "a",
		.name = "b",
		.device_id = 1,
		.n_queues = 1,
		.queue_size_max = 1,
	};

	return offer;
}

/* faults: B16 C21
 * proves: shm:adopt/2 */
Test(device, an_absurd_offer_is_refused)
{
	struct offer offer = good_offer();

	t_ok(vri__offer_check(&offer));
	offer.n_queues = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.n_queues = 65535;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.queue_size_max = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.queue_size_max = 65536;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer.queue_size_max = 6;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.config_size = VRI_CONFIG_MAX + 1;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.device_id = 0;
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.type[0] = '\0';
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	offer.name[0] = '\x1b';
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
	offer = good_offer();
	memset(offer.name, 'x', sizeof(offer.name));
	t_errno_eq(vri__offer_check(&offer), -EPROTO);
}

Test(device, null_is_an_error_and_not_a_crash)
{
	struct vri_features set = { { 1, 2 } }, same = set;

	t_null(vri_device_data(NULL));
	t_streq(vri_device_type(NULL), "");
	t_streq(vri_device_name(NULL), "");
	t_eq(vri_device_device_id(NULL), 0);
	vri_device_features(NULL, &set);
	t_mem_eq(&set, &same, sizeof(set));
	t_null(vri_device_ref(NULL));
	vri_device_unref(NULL);
	vri_device_each_instance(NULL, NULL, NULL);
	t_errno_eq(vri_device_config_set(NULL, 0, &set, 1), -EINVAL);
	t_errno_eq(vri_device_new(NULL, NULL, NULL, NULL), -EINVAL);
}
