/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Names of features, status bits, device ids and errors, and the version. */
#include <errno.h>
#include <stdio.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>

#include <vring-ipc/spec.h>

#include "test.h"

Test(names, features_have_the_names_of_the_specification)
{
	t_streq(vri_feature_name(VRI_ID_BLOCK, VIRTIO_F_VERSION_1), "VERSION_1");
	t_streq(vri_feature_name(0, 29), "EVENT_IDX");
	t_streq(vri_feature_name(VRI_ID_BLOCK, VIRTIO_BLK_F_FLUSH), "BLK_F_FLUSH");
	t_streq(vri_feature_name(VRI_ID_BLOCK, VIRTIO_BLK_F_WRITE_ZEROES), "BLK_F_WRITE_ZEROES");
	t_streq(vri_feature_name(VRI_ID_NET, VIRTIO_NET_F_MQ), "NET_F_MQ");
	t_streq(vri_feature_name(VRI_ID_NET, VIRTIO_NET_F_SPEED_DUPLEX), "NET_F_SPEED_DUPLEX");
	t_null(vri_feature_name(VRI_ID_BLOCK, 3));
	t_null(vri_feature_name(VRI_ID_RNG, 0));
	t_null(vri_feature_name(999, 0));
	t_null(vri_feature_name(VRI_ID_NET, VRI_FEATURE_BITS));
}

Test(names, the_same_bit_is_another_feature_of_another_type)
{
	t_streq(vri_feature_name(VRI_ID_NET, 5), "NET_F_MAC");
	t_streq(vri_feature_name(VRI_ID_NET, 68), "NET_F_HOST_UDP_TUNNEL_GSO_CSUM");
	t_null(vri_feature_name(VRI_ID_NET, 64));
	t_streq(vri_feature_name(VRI_ID_BLOCK, 5), "BLK_F_RO");
}

Test(names, each_status_bit_has_a_name)
{
	t_streq(vri_status_name(VRI_STATUS_ACKNOWLEDGE), "ACKNOWLEDGE");
	t_streq(vri_status_name(VRI_STATUS_DRIVER), "DRIVER");
	t_streq(vri_status_name(VRI_STATUS_DRIVER_OK), "DRIVER_OK");
	t_streq(vri_status_name(VRI_STATUS_FEATURES_OK), "FEATURES_OK");
	t_streq(vri_status_name(VRI_STATUS_SUSPEND), "SUSPEND");
	t_streq(vri_status_name(VRI_STATUS_NEEDS_RESET), "NEEDS_RESET");
	t_streq(vri_status_name(VRI_STATUS_FAILED), "FAILED");
	t_null(vri_status_name(0));
	t_null(vri_status_name(3));
	t_null(vri_status_name(32));
}

Test(names, device_ids_have_names)
{
	t_streq(vri_device_id_name(VRI_ID_BLOCK), "block");
	t_streq(vri_device_id_name(VRI_ID_RNG), "entropy");
	t_streq(vri_device_id_name(VRI_ID_ECHO), "echo");
	t_null(vri_device_id_name(0));
	t_null(vri_device_id_name(VRI_ID_LOCAL_LAST));
}

Test(names, every_error_has_words)
{
	static const int documented[] = { EINVAL,     EPROTO,	 ENOSPC,     EAGAIN,
					  EOPNOTSUPP, ENOTCONN,	 ECONNRESET, ECONNREFUSED,
					  ETIMEDOUT,  ESHUTDOWN, ENOMEM,     EPERM };

	for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++)
		t_true(vri_strerror(-documented[i])[0] != '\0' &&
		       vri_strerror(-documented[i]) != vri_strerror(-9999));
	t_streq(vri_strerror(0), "success");
	t_streq(vri_strerror(-9999), "unknown error");
	t_streq(vri_strerror(EINVAL), "unknown error");
	t_streq(vri_strerror(INT32_MIN), "unknown error");
	t_streq(vri_strerror(INT32_MAX), "unknown error");
}

Test(names, the_version_is_the_headers)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", VRI_VERSION_MAJOR, VRI_VERSION_MINOR,
		 VRI_VERSION_PATCH);
	t_streq(vri_version(), text);
}
