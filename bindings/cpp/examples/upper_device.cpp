// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The vring-ipc authors
// A device type of one's own: it returns each text that it is sent in capitals.
#include <cctype>
#include <csignal>
#include <iostream>
#include <vring-ipc/vring-ipc.hpp>

namespace {

volatile std::sig_atomic_t stop;

vri_device_info info()
{
	vri_device_info i{};
	i.type = "org.example.upper";
	i.device_id = VRI_ID_LOCAL_FIRST + 1;
	return i;
}

class upper : public vring_ipc::device {
public:
	upper() : device(info())
	{
	}

private:
	bool process(vring_ipc::instance inst, unsigned queue) override
	{
		vring_ipc::devq q = inst.queue(queue);
		vring_ipc::chain<16> chain;
		char text[4096];

		for (int turn = 0; turn < 64; turn++) {
			if (!q.pop(chain))
				return false;
			std::size_t n = chain.read(0, text, sizeof(text));
			for (std::size_t i = 0; i < n; i++)
				text[i] = char(std::toupper(static_cast<unsigned char>(text[i])));
			q.push(chain, chain.write(0, text, n));
		}
		return true; // other drivers first, then more
	}
};

} // namespace

int main(int argc, char **argv)
try {
	upper dev;
	vring_ipc::listener listener(argc > 1 ? argv[1] : "unix:upper.sock", dev);
	std::signal(SIGINT, [](int) { stop = 1; });
	std::signal(SIGTERM, [](int) { stop = 1; });
	while (!stop)
		listener.wait(1000);
	return 0;
} catch (const std::exception &e) {
	std::cerr << "upper_device: " << e.what() << "\n";
	return 1;
}
