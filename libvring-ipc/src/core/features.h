/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* What both sides of a negotiation check about feature sets. All pure; *ret_why is static text. */
#ifndef CORE_FEATURES_H
#define CORE_FEATURES_H

#include <vring-ipc/spec.h>

/* May a device of this type offer that? VERSION_1 is there, nothing is reserved, undefined, for another transport or
 * not built here, and no bit is without what it needs. Returns: 0; -EINVAL. virtio 1.4, 2.2.2, 6.2 */
int vri__features_check_offer(uint32_t device_id, const struct vri_features *offered,
			      const char **ret_why);

/* Is an offer that came from a device a valid one: no bit without what it needs? Unknown bits are no reason to fail.
 * Returns: 0; -EPROTO. virtio 1.4, 2.2.1 */
int vri__features_check_foreign_offer(uint32_t device_id, const struct vri_features *offered,
				      const char **ret_why);

/* What a driver that wants @wanted acknowledges of @offered: bits that are known, that this library can honour,
 * whose needs are met, and VERSION_1 in any case. virtio 1.4, 2.2.1, 6.1 */
void vri__features_pick(uint32_t device_id, const struct vri_features *offered,
			const struct vri_features *wanted, struct vri_features *ret_acked);

/* Can a device that offers @offered work with @acked? Returns: 0; -EPROTO. virtio 1.4, 2.2.2 */
int vri__features_check_acked(uint32_t device_id, const struct vri_features *offered,
			      const struct vri_features *acked, const char **ret_why);

/* True when the type is one whose bits the tables of names.c hold completely. */
bool vri__feature_names_are_complete(uint32_t device_id);

#endif
