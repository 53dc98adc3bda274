// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The vring-ipc authors
// The driver of the device in upper_device.cpp: sends one text, prints what comes back.
#include <algorithm>
#include <iostream>
#include <optional>
#include <string_view>
#include <vring-ipc/vring-ipc.hpp>

int main(int argc, char **argv)
try {
	if (argc != 3) {
		std::cerr << "usage: upper_driver ADDRESS TEXT\n";
		return 2;
	}
	std::string_view text(argv[2]);
	vri_link_opts opts{};
	opts.type = "org.example.upper";
	vring_ipc::link link(argv[1], opts);
	link.driver().start();

	vring_ipc::buffer request = link.driver().alloc(text.size());
	vring_ipc::buffer reply = link.driver().alloc(text.size());
	std::transform(text.begin(), text.end(), request.data(),
		       [](char c) { return std::byte(c); });
	const vring_ipc::bytes readable = request, writable = reply;

	vring_ipc::drvq q = link.driver().queue(0);
	q.add(readable, writable, &reply);
	q.kick();
	std::optional<vring_ipc::used> used;
	while (!(used = q.get_used()))
		if (!q.wait(5000))
			throw vring_ipc::timed_out(-ETIMEDOUT, "no answer");
	std::cout << writable.first(used->len).text() << "\n";
	return 0;
} catch (const std::exception &e) {
	std::cerr << "upper_driver: " << e.what() << "\n";
	return 1;
}
