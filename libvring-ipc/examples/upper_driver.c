/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The driver of the device in upper_device.c: sends one text, prints what comes back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vring-ipc/vring-ipc.h>

static int call(struct vri_link *link, const char *text)
{
	struct vri_pool *pool = vri_driver_pool(vri_link_driver(link));
	struct vri_drvq *q = vri_driver_drvq(vri_link_driver(link), 0);
	struct iovec request = { vri_pool_alloc(pool, strlen(text)), strlen(text) };
	struct iovec reply = { vri_pool_alloc(pool, strlen(text)), strlen(text) };
	void *token;
	uint32_t len;

	if (!request.iov_base || !reply.iov_base)
		return -ENOMEM;
	memcpy(request.iov_base, text, request.iov_len);
	int r = vri_drvq_add(q, &request, 1, &reply, 1, &reply);
	if (r == 0)
		r = vri_drvq_kick(q);
	while (r >= 0 && (r = vri_drvq_get_used(q, &token, &len)) == 0)
		r = vri_drvq_wait(q, 5000) == 0 ? -ETIMEDOUT : 0;
	if (r < 0)
		return r;
	printf("%.*s\n", (int)len, (const char *)reply.iov_base);
	vri_pool_free(pool, reply.iov_base);
	vri_pool_free(pool, request.iov_base);
	return 0;
}

int main(int argc, char **argv)
{
	const struct vri_link_opts opts = { .size = sizeof(opts), .type = "org.example.upper" };
	struct vri_link *link = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: upper_driver ADDRESS TEXT\n");
		return 2;
	}
	int r = vri_link_open(&link, argv[1], &opts);
	if (r == 0)
		r = vri_driver_start(vri_link_driver(link), NULL, NULL);
	if (r == 0)
		r = call(link, argv[2]);
	vri_link_close(link);
	if (r < 0)
		fprintf(stderr, "upper_driver: %s\n", vri_strerror(r));
	return r < 0;
}
