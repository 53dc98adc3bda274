/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A listener with one driver that does wrong, byte by byte, and one that does not. */
#include "listener_rig.h"
#include "test.h"

#include <string.h>

#include "leaks.h"

struct tmpdir dir;
struct serve serve;
struct vri_link *bystander;
const char *path;
struct raw_driver raw;

static struct leaks leaks;

void begin(const struct serve_opts *opts)
{
	const char *address = tmpdir_unix(&dir, "s");

	path = address + strlen("unix:");
	serve_start(&serve, address, opts);
	t_ok(vri_link_open(&bystander, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(bystander), NULL, NULL));
	serve_echo(bystander, 0, 100);
}

void set_up_folder(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
	raw.fd = raw.region_fd = raw.kick_fd = raw.call_fd = -1;
}

void set_up(void)
{
	set_up_folder();
	begin(NULL);
}

void go(int step)
{
	if (step == 0) {
		raw.fd = raw_connect(path);
		return;
	}
	raw_hello(&raw, path);
	if (step > 1)
		raw_make_region(&raw);
	if (step > 2)
		raw_attach(&raw);
	if (step > 3)
		raw_negotiate(&raw);
	if (step > 4)
		raw_set_queue(&raw, 0);
	if (step > 5)
		raw_run(&raw);
}

void tear_down_folder(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

void tear_down(void)
{
	raw_close(&raw);
	serve_echo(bystander, 0, 3000);
	t_eq(vri_driver_status(vri_link_driver(bystander)),
	     VRI_STATUS_ACKNOWLEDGE | VRI_STATUS_DRIVER | VRI_STATUS_FEATURES_OK |
		     VRI_STATUS_DRIVER_OK);
	vri_link_close(bystander);
	serve_stop(&serve);
	tear_down_folder();
}
