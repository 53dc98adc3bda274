/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The native transport's row: links and listeners on Unix sockets, "unix:PATH". */
#include "shm_device.h"
#include "shm_driver.h"

const struct transport vri__transport_shm = {
	.scheme = "unix:",
	.open = shm_link_open,
	.listen = shm_listener_open,
};
