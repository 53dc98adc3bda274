/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Feature sets, what may be offered and acknowledged, and what a driver picks. */
#include <errno.h>

#include "core/features.h"
#include "test.h"

#define NET_CSUM 0
#define NET_GUEST_CSUM 1
#define NET_GUEST_TSO4 7
#define NET_GUEST_TSO6 8
#define NET_GUEST_ECN 9
#define NET_HOST_TSO4 11
#define NET_HOST_ECN 13
#define NET_CTRL_VQ 17
#define NET_MQ 22
#define NET_HASH_TUNNEL 51
#define NET_HASH_REPORT 57

static struct vri_features set_of(unsigned n, const unsigned *bits)
{
	struct vri_features set = { { 0 } };

	for (unsigned i = 0; i < n; i++)
		vri_features_set(&set, bits[i]);
	return set;
}

#define SET(...) \
	set_of(sizeof((unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned), (unsigned[]){ __VA_ARGS__ })

Test(features, each_bit_is_set_cleared_and_found_alone)
{
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++) {
		struct vri_features set = { { 0 } };

		vri_features_set(&set, bit);
		for (unsigned other = 0; other < VRI_FEATURE_BITS; other++)
			t_eq(vri_features_has(&set, other), other == bit);
		vri_features_clear(&set, bit);
		t_eq(set.word[0] | set.word[1], 0);
	}
}

Test(features, bits_past_the_end_are_never_there)
{
	struct vri_features set = { { 0 } };

	vri_features_set(&set, VRI_FEATURE_BITS);
	vri_features_set(&set, ~0u);
	t_eq(set.word[0] | set.word[1], 0);
	set = (struct vri_features){ { ~UINT64_C(0), ~UINT64_C(0) } };
	vri_features_clear(&set, VRI_FEATURE_BITS);
	t_false(vri_features_has(&set, VRI_FEATURE_BITS));
	t_eq(set.word[0] & set.word[1], ~UINT64_C(0));
}

Test(features, sets_are_joined_cut_and_compared)
{
	struct vri_features a = SET(1, 64, 100), b = SET(1, 2, 100), both = a, any = a;

	vri_features_and(&both, &b);
	t_true(vri_features_has(&both, 1));
	t_true(vri_features_has(&both, 100));
	t_false(vri_features_has(&both, 64));
	vri_features_or(&any, &b);
	t_true(vri_features_is_subset(&a, &any));
	t_true(vri_features_is_subset(&both, &b));
	t_false(vri_features_is_subset(&a, &b));
}

Test(features, the_default_is_what_this_library_honours)
{
	struct vri_features set;
	const char *why;

	vri_features_default(&set);
	t_true(vri_features_has(&set, VRI_F_VERSION_1));
	t_true(vri_features_has(&set, VRI_F_INDIRECT_DESC));
	t_true(vri_features_has(&set, VRI_F_EVENT_IDX));
	t_true(vri_features_has(&set, VRI_F_RING_PACKED));
	t_true(vri_features_has(&set, VRI_F_RING_RESET));
	t_ok(vri__features_check_offer(VRI_ID_BLOCK, &set, &why));
}

/* proves: dev:6.2/1 */
Test(features, an_offer_without_version_1_is_refused)
{
	struct vri_features set = SET(VRI_F_EVENT_IDX);
	const char *why = NULL;

	t_errno_eq(vri__features_check_offer(VRI_ID_BLOCK, &set, &why), -EINVAL);
	t_strstr(why, "VERSION_1");
}

/* 25 and 30 are no features of ours or of this specification, 49 is reserved; 36 to 39 and 41 are for other
 * transports. */
static const unsigned not_to_offer[] = { 24, 25, 27, 30, 33, 36, 37, 38, 39, 41, 42, 44, 49 };

/* proves: dev:2.2/3 dev:6.2/3 */
TestEach(features, a_bit_that_no_device_may_offer_is_refused, not_to_offer, unsigned)
{
	struct vri_features set = SET(VRI_F_VERSION_1, *param);
	const char *why;

	t_errno_eq(vri__features_check_offer(VRI_ID_BLOCK, &set, &why), -EINVAL);
	t_errno_eq(vri__features_check_offer(VRI_ID_LOCAL_FIRST + 1, &set, &why), -EINVAL);
}

/* proves: dev:2.2/3 */
Test(features, a_bit_that_the_device_type_does_not_define_is_refused)
{
	struct vri_features set = SET(VRI_F_VERSION_1, 3);
	const char *why;

	t_errno_eq(vri__features_check_offer(VRI_ID_BLOCK, &set, &why), -EINVAL);
	t_ok(vri__features_check_offer(VRI_ID_NET, &set, &why));
	t_ok(vri__features_check_offer(VRI_ID_LOCAL_FIRST + 1, &set, &why));
}

struct need_case {
	unsigned bit;
	unsigned needs[3];
	unsigned n_needs;
};

/* virtio 1.4, 5.1.3.1; each @needs is enough with the others that it needs itself */
static const struct need_case need_cases[] = {
	{ NET_GUEST_TSO4, { NET_GUEST_CSUM }, 1 },
	{ NET_GUEST_TSO6, { NET_GUEST_CSUM }, 1 },
	{ NET_GUEST_ECN, { NET_GUEST_TSO4, NET_GUEST_CSUM }, 2 },
	{ NET_GUEST_ECN, { NET_GUEST_TSO6, NET_GUEST_CSUM }, 2 },
	{ 10, { NET_GUEST_CSUM }, 1 },
	{ NET_HOST_TSO4, { NET_CSUM }, 1 },
	{ 12, { NET_CSUM }, 1 },
	{ NET_HOST_ECN, { NET_HOST_TSO4, NET_CSUM }, 2 },
	{ 14, { NET_CSUM }, 1 },
	{ 18, { NET_CTRL_VQ }, 1 },
	{ 19, { NET_CTRL_VQ }, 1 },
	{ 21, { NET_CTRL_VQ }, 1 },
	{ NET_MQ, { NET_CTRL_VQ }, 1 },
	{ 23, { NET_CTRL_VQ }, 1 },
	{ NET_HASH_TUNNEL, { NET_CTRL_VQ, NET_HASH_REPORT }, 2 },
	{ 66, { 65 }, 1 }, /* UDP_TUNNEL_GSO_CSUM, beyond the first word */
	{ 68, { 67 }, 1 },
	{ 52, { NET_CTRL_VQ }, 1 },
	{ 53, { NET_CTRL_VQ }, 1 },
	{ 54, { NET_GUEST_CSUM }, 1 },
	{ 55, { NET_GUEST_CSUM }, 1 },
	{ 56, { NET_CSUM }, 1 },
	{ NET_HASH_REPORT, { NET_CTRL_VQ }, 1 },
	{ 60, { NET_CTRL_VQ }, 1 },
	{ 61, { NET_HOST_TSO4, NET_CSUM }, 2 },
};

static struct vri_features with_needs(const struct need_case *c)
{
	struct vri_features set = SET(VRI_F_VERSION_1, c->bit);

	for (unsigned i = 0; i < c->n_needs; i++)
		vri_features_set(&set, c->needs[i]);
	return set;
}

/* proves: dev:2.2/1 drv:2.2/2 drv:2.2/3 dev:2.2/2 */
TestEach(features, a_bit_is_refused_without_each_that_it_needs, need_cases, struct need_case)
{
	struct vri_features whole = with_needs(param);
	const char *why;

	t_ok(vri__features_check_offer(VRI_ID_NET, &whole, &why));
	t_ok(vri__features_check_foreign_offer(VRI_ID_NET, &whole, &why));
	t_ok(vri__features_check_acked(VRI_ID_NET, &whole, &whole, &why));
	for (unsigned i = 0; i < param->n_needs; i++) {
		struct vri_features less = whole, picked;

		vri_features_clear(&less, param->needs[i]);
		t_errno_eq(vri__features_check_offer(VRI_ID_NET, &less, &why), -EINVAL);
		t_errno_eq(vri__features_check_foreign_offer(VRI_ID_NET, &less, &why), -EPROTO);
		t_errno_eq(vri__features_check_acked(VRI_ID_NET, &whole, &less, &why), -EPROTO);
		vri__features_pick(VRI_ID_NET, &whole, &less, &picked);
		t_false(vri_features_has(&picked, param->bit));
		t_ok(vri__features_check_acked(VRI_ID_NET, &whole, &picked, &why));
	}
}

/* proves: dev:2.2/1 */
Test(features, other_types_have_other_needs)
{
	struct vri_features set = SET(VRI_F_VERSION_1, NET_GUEST_TSO4);
	const char *why;

	t_ok(vri__features_check_offer(VRI_ID_LOCAL_FIRST + 1, &set, &why));
}

/* proves: drv:2.2/1 drv:6.1/1 */
Test(features, a_driver_picks_what_is_wanted_and_offered)
{
	struct vri_features offered = SET(VRI_F_VERSION_1, VRI_F_EVENT_IDX, 5, 6);
	struct vri_features wanted = SET(VRI_F_EVENT_IDX, VRI_F_INDIRECT_DESC, 5, 9);
	struct vri_features picked, want = SET(VRI_F_VERSION_1, VRI_F_EVENT_IDX, 5);

	vri__features_pick(VRI_ID_BLOCK, &offered, &wanted, &picked);
	t_mem_eq(&picked, &want, sizeof(want));
}

/* proves: drv:2.2/4 drv:2.2/6 drv:6.1/5 */
Test(features, a_driver_never_picks_what_is_not_for_it)
{
	struct vri_features all = { { ~UINT64_C(0), ~UINT64_C(0) } }, picked;
	const char *why;

	t_ok(vri__features_check_foreign_offer(VRI_ID_BLOCK, &all, &why));
	vri__features_pick(VRI_ID_BLOCK, &all, &all, &picked);
	for (unsigned i = 0; i < sizeof(not_to_offer) / sizeof(not_to_offer[0]); i++)
		t_false(vri_features_has(&picked, not_to_offer[i]));
	t_false(vri_features_has(&picked, 3)); /* blk has no bit 3 */
	t_true(vri_features_has(&picked, 9)); /* and a bit 9 */
	t_ok(vri__features_check_acked(VRI_ID_BLOCK, &all, &picked, &why));
}

/* proves: dev:2.2/2 */
/* faults: A32 */
Test(features, an_acknowledged_set_beyond_the_offer_is_not_workable)
{
	struct vri_features offered = SET(VRI_F_VERSION_1, 5), acked = SET(VRI_F_VERSION_1, 5, 6);
	const char *why;

	t_errno_eq(vri__features_check_acked(VRI_ID_BLOCK, &offered, &acked, &why), -EPROTO);
	acked = SET(5);
	t_errno_eq(vri__features_check_acked(VRI_ID_BLOCK, &offered, &acked, &why), -EPROTO);
	t_strstr(why, "VERSION_1");
}

/* Every offer that passes leads to a pick that passes, whatever is wanted. */
Test(features, picks_of_random_sets_are_always_workable)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 200000; i++) {
		struct vri_features offered, wanted, picked;
		const char *why;

		for (int w = 0; w < 2; w++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			offered.word[w] = x;
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			wanted.word[w] = x;
		}
		vri_features_set(&offered, VRI_F_VERSION_1);
		vri__features_pick(VRI_ID_NET, &offered, &wanted, &picked);
		t_ok(vri__features_check_acked(VRI_ID_NET, &offered, &picked, &why));
	}
}
