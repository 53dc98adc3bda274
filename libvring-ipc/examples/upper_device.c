/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* A device type of one's own: it returns each text that it is sent in capitals. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <vring-ipc/vring-ipc.h>

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static int process(struct vri_instance *inst, unsigned queue)
{
	struct vri_devq *q = vri_instance_devq(inst, queue);
	struct iovec iov[16];
	struct vri_chain chain = { .iov = iov, .iov_max = 16 };
	char text[4096];

	for (int turn = 0; turn < 64; turn++) {
		int r = vri_devq_pop(q, &chain);
		if (r <= 0)
			return r; /* 0: nothing left. Less: the driver broke a rule */
		size_t n = vri_chain_read(&chain, 0, text, sizeof(text));
		for (size_t i = 0; i < n; i++)
			text[i] = (char)toupper((unsigned char)text[i]);
		r = vri_devq_push(q, &chain, (uint32_t)vri_chain_write(&chain, 0, text, n));
		if (r < 0)
			return r;
	}
	return 1; /* other drivers first, then more */
}

int main(int argc, char **argv)
{
	static const struct vri_device_ops ops = { .size = sizeof(ops), .process = process };
	const struct vri_device_info info = { .size = sizeof(info),
					      .type = "org.example.upper",
					      .device_id = VRI_ID_LOCAL_FIRST + 1 };
	struct vri_listener *listener = NULL;
	struct vri_device *dev = NULL;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	int r = vri_device_new(&info, &ops, NULL, &dev);
	if (r == 0)
		r = vri_listener_open(&listener, argc > 1 ? argv[1] : "unix:upper.sock", dev, NULL);
	while (r == 0 && !stop)
		r = vri_listener_wait(listener, 1000);
	vri_listener_close(listener);
	vri_device_unref(dev);
	if (r < 0)
		fprintf(stderr, "upper_device: %s\n", vri_strerror(r));
	return r < 0;
}
