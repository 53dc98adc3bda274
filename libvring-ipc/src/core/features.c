/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Feature sets: the operations on them, which bit needs which, and what may be offered and acknowledged. */
#include "core/features.h"

#include <errno.h>

#include <linux/virtio_net.h>

/* virtio_net.h of newer kernels. virtio 1.4, 5.1.3 */
#ifndef VIRTIO_NET_F_HASH_TUNNEL
#define VIRTIO_NET_F_HASH_TUNNEL 51
#endif
#ifndef VIRTIO_NET_F_VQ_NOTF_COAL
#define VIRTIO_NET_F_VQ_NOTF_COAL 52
#endif
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#endif

#ifndef VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO
#define VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO 65
#define VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM 66
#define VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO 67
#define VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM 68
#endif

#define WORDS (VRI_FEATURE_BITS / 64)
#define ANY_TYPE UINT32_MAX
#define NO_BIT UINT8_MAX

void vri_features_set(struct vri_features *set, unsigned bit)
{
	if (bit < VRI_FEATURE_BITS)
		set->word[bit / 64] |= UINT64_C(1) << bit % 64;
}

void vri_features_clear(struct vri_features *set, unsigned bit)
{
	if (bit < VRI_FEATURE_BITS)
		set->word[bit / 64] &= ~(UINT64_C(1) << bit % 64);
}

bool vri_features_has(const struct vri_features *set, unsigned bit)
{
	return bit < VRI_FEATURE_BITS && (set->word[bit / 64] >> bit % 64 & 1);
}

void vri_features_and(struct vri_features *set, const struct vri_features *other)
{
	for (unsigned i = 0; i < WORDS; i++)
		set->word[i] &= other->word[i];
}

void vri_features_or(struct vri_features *set, const struct vri_features *other)
{
	for (unsigned i = 0; i < WORDS; i++)
		set->word[i] |= other->word[i];
}

bool vri_features_is_subset(const struct vri_features *set, const struct vri_features *other)
{
	uint64_t extra = 0;

	for (unsigned i = 0; i < WORDS; i++)
		extra |= set->word[i] & ~other->word[i];
	return extra == 0;
}

/* The device-independent bits that the code behind this header honours; a driver acknowledges RING_PACKED for a link
 * that was opened with such rings. The others: an eventfd adds the values of
 * NOTIFICATION_DATA and NOTIF_CONFIG_DATA up; SR_IOV and ADMIN_VQ belong to PCI; both sides run on CPUs that are
 * coherent, so ORDER_PLATFORM promises nothing; iovas are not platform addresses. */
void vri_features_default(struct vri_features *ret_set)
{
	*ret_set = (struct vri_features){ { 0 } };
	vri_features_set(ret_set, VRI_F_VERSION_1);
	vri_features_set(ret_set, VRI_F_INDIRECT_DESC);
	vri_features_set(ret_set, VRI_F_EVENT_IDX);
	vri_features_set(ret_set, VRI_F_RING_PACKED);
	vri_features_set(ret_set, VRI_F_RING_RESET);
	vri_features_set(ret_set, VRI_F_SUSPEND);
}

/* The default, and what only a device type can know to be good for it: in order, a request that takes long holds up
 * those behind it. */
static void honoured(struct vri_features *ret_set)
{
	vri_features_default(ret_set);
	vri_features_set(ret_set, VRI_F_IN_ORDER);
}

/* Which bit needs which: one of the two that are named, and each row must hold. */
static const struct need {
	uint32_t device_id;
	uint8_t bit;
	uint8_t one_of[2];
} needs[] = {
	/* virtio 1.4, 5.1.3.1 */
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM, NO_BIT } },
	{ VRI_ID_NET,
	  VIRTIO_NET_F_GUEST_ECN,
	  { VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_GUEST_TSO6 } },
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_UFO, { VIRTIO_NET_F_GUEST_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_USO4, { VIRTIO_NET_F_GUEST_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_USO6, { VIRTIO_NET_F_GUEST_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HOST_ECN, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 } },
	{ VRI_ID_NET, VIRTIO_NET_F_HOST_UFO, { VIRTIO_NET_F_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HOST_USO, { VIRTIO_NET_F_CSUM, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_CTRL_RX, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_CTRL_VLAN, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_GUEST_ANNOUNCE, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_MQ, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_CTRL_MAC_ADDR, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_NOTF_COAL, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_VQ_NOTF_COAL, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_RSS, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HASH_REPORT, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HASH_TUNNEL, { VIRTIO_NET_F_CTRL_VQ, NO_BIT } },
	{ VRI_ID_NET, VIRTIO_NET_F_HASH_TUNNEL, { VIRTIO_NET_F_RSS, VIRTIO_NET_F_HASH_REPORT } },
	{ VRI_ID_NET, VIRTIO_NET_F_RSC_EXT, { VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_HOST_TSO6 } },
	{ VRI_ID_NET,
	  VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM,
	  { VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, NO_BIT } },
	{ VRI_ID_NET,
	  VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM,
	  { VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, NO_BIT } },
};

static bool is_met(const struct need *need, const struct vri_features *set)
{
	return !vri_features_has(set, need->bit) || vri_features_has(set, need->one_of[0]) ||
	       vri_features_has(set, need->one_of[1]);
}

/* The first need of the type that @set does not meet, or NULL. */
static const struct need *unmet(uint32_t device_id, const struct vri_features *set)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if ((needs[i].device_id == device_id || needs[i].device_id == ANY_TYPE) &&
		    !is_met(&needs[i], set))
			return &needs[i];
	return NULL;
}

/* virtio 1.4, 2.2: bits 0 to 23 and 50 to 127 are the device type's. */
static bool is_of_device_type(unsigned bit)
{
	return bit < 24 || bit >= 50;
}

static bool is_known(uint32_t device_id, unsigned bit)
{
	struct vri_features generic;

	if (!is_of_device_type(bit)) {
		honoured(&generic);
		return vri_features_has(&generic, bit);
	}
	return !vri__feature_names_are_complete(device_id) || vri_feature_name(device_id, bit);
}

static int refuse(int error, const char **ret_why, const char *why)
{
	*ret_why = why;
	return error;
}

int vri__features_check_offer(uint32_t device_id, const struct vri_features *offered,
			      const char **ret_why)
{
	/* virtio 1.4, 6.2: a device MUST offer VIRTIO_F_VERSION_1. */
	if (!vri_features_has(offered, VRI_F_VERSION_1))
		return refuse(-EINVAL, ret_why, "VERSION_1 is not offered");
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++)
		if (vri_features_has(offered, bit) && !is_known(device_id, bit))
			return refuse(-EINVAL, ret_why,
				      "a feature is offered that no device may offer here");
	/* virtio 1.4, 2.2.2: a device MUST NOT offer a feature which requires another one that it does not offer. */
	if (unmet(device_id, offered))
		return refuse(-EINVAL, ret_why, "a feature is offered without one that it needs");
	return 0;
}

int vri__features_check_foreign_offer(uint32_t device_id, const struct vri_features *offered,
				      const char **ret_why)
{
	if (unmet(device_id, offered))
		return refuse(-EPROTO, ret_why,
			      "the device offers a feature without one that it needs");
	return 0;
}

void vri__features_pick(uint32_t device_id, const struct vri_features *offered,
			const struct vri_features *wanted, struct vri_features *ret_acked)
{
	struct vri_features acked = *wanted;
	const struct need *need;

	/* virtio 1.4, 6.1: a driver MUST accept VIRTIO_F_VERSION_1 if it is offered. */
	vri_features_set(&acked, VRI_F_VERSION_1);
	vri_features_and(&acked, offered);
	for (unsigned bit = 0; bit < VRI_FEATURE_BITS; bit++)
		if (!is_known(device_id, bit))
			vri_features_clear(&acked, bit);
	/* Leaving one bit out can leave another one without what it needs; each step removes one, so this ends. */
	while ((need = unmet(device_id, &acked)))
		vri_features_clear(&acked, need->bit);
	*ret_acked = acked;
}

int vri__features_check_acked(uint32_t device_id, const struct vri_features *offered,
			      const struct vri_features *acked, const char **ret_why)
{
	if (!vri_features_is_subset(acked, offered))
		return refuse(-EPROTO, ret_why, "a feature was acknowledged that is not offered");
	/* virtio 1.4, 6.2: a device MAY fail to operate further if VIRTIO_F_VERSION_1 is not accepted; ours do, since
	 * they know no older interface. */
	if (!vri_features_has(acked, VRI_F_VERSION_1))
		return refuse(-EPROTO, ret_why, "VERSION_1 was not acknowledged");
	if (unmet(device_id, acked))
		return refuse(-EPROTO, ret_why,
			      "a feature was acknowledged without one that it needs");
	return 0;
}
