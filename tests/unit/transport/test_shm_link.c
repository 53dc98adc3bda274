/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* Links over a Unix socket from the outside: open, use, wait, fork, close. */
#include "test.h"

#include <errno.h>

#include "leaks.h"
#include "serve.h"
#include "tmpdir.h"

static struct tmpdir dir;
static struct leaks leaks;
static struct serve serve;

static void set_up(void)
{
	leaks_begin(&leaks);
	tmpdir_open(&dir);
}

static void tear_down(void)
{
	tmpdir_close(&dir);
	leaks_check(&leaks);
}

Test(shm_link, carries_bytes_there_and_back, .init = set_up, .fini = tear_down)
{
	const char *address = tmpdir_unix(&dir, "s");
	struct vri_link *link;

	serve_start(&serve, address, NULL);
	t_ok(vri_link_open(&link, address, NULL));
	t_ok(vri_driver_start(vri_link_driver(link), NULL, NULL));
	serve_echo(link, 0, 1000);
	vri_link_close(link);
	serve_stop(&serve);
}
