// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The vring-ipc authors
// The C++17 face of <vring-ipc/vring-ipc.h>: the same objects and words, with owners, spans and typed errors.
#ifndef VRING_IPC_HPP
#define VRING_IPC_HPP

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <vring-ipc/vring-ipc.h>

namespace vring_ipc {

// ---- errors ----

// The category of the library's error values: negative errno with the library's own words.
class error_category_type final : public std::error_category {
public:
	const char *name() const noexcept override
	{
		return "vring-ipc";
	}
	std::string message(int value) const override
	{
		return vri_strerror(-value);
	}
	std::error_condition default_error_condition(int value) const noexcept override
	{
		return { value, std::generic_category() };
	}
};

inline const std::error_category &error_category() noexcept
{
	static const error_category_type category;
	return category;
}

// What every failing call throws. code().value() is the positive errno; comparisons with std::errc work.
class error : public std::system_error {
public:
	error(int negative_errno, const char *what)
	    : std::system_error(-negative_errno, error_category(), what)
	{
	}
};

// The peer broke a rule of the specification (-EPROTO).
class protocol_error : public error {
public:
	using error::error;
};

// There is no peer, or not any more (-ENOTCONN, -ECONNRESET).
class peer_gone : public error {
public:
	using error::error;
};

// A deadline passed (-ETIMEDOUT).
class timed_out : public error {
public:
	using error::error;
};

// Passes results of 0 and more on, and throws the typed error of a negative one.
inline int check(int result, const char *what)
{
	if (result >= 0)
		return result;
	switch (-result) {
	case EPROTO:
		throw protocol_error(result, what);
	case ENOTCONN:
	case ECONNRESET:
		throw peer_gone(result, what);
	case ETIMEDOUT:
		throw timed_out(result, what);
	case ENOMEM:
		throw std::bad_alloc();
	default:
		throw error(result, what);
	}
}

// ---- bytes ----

// A run of bytes that belongs to somebody else: what std::span<std::byte> is in C++20, convertible from and to the
// iovec of the C API.
class bytes {
public:
	constexpr bytes() noexcept = default;
	constexpr bytes(void *data, std::size_t size) noexcept : iov_{ data, size }
	{
	}
	constexpr bytes(const iovec &iov) noexcept : iov_(iov)
	{
	}
	std::byte *data() const noexcept
	{
		return static_cast<std::byte *>(iov_.iov_base);
	}
	constexpr std::size_t size() const noexcept
	{
		return iov_.iov_len;
	}
	constexpr bool empty() const noexcept
	{
		return size() == 0;
	}
	std::byte *begin() const noexcept
	{
		return data();
	}
	std::byte *end() const noexcept
	{
		return data() + size();
	}
	bytes first(std::size_t n) const noexcept
	{
		return { data(), n < size() ? n : size() };
	}
	std::string_view text() const noexcept
	{
		return { static_cast<const char *>(iov_.iov_base), size() };
	}
	constexpr const iovec &iov() const noexcept
	{
		return iov_;
	}

private:
	iovec iov_{};
};
static_assert(sizeof(bytes) == sizeof(iovec) && std::is_standard_layout_v<bytes>,
	      "an array of bytes is an array of iovec");

// A run of objects, for the scatter-gather lists of virtqueues.
template <class T>
class span {
public:
	constexpr span() noexcept = default;
	constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size)
	{
	}
	constexpr span(T &one) noexcept : span(&one, 1)
	{
	}
	template <std::size_t N>
	constexpr span(T (&array)[N]) noexcept : span(array, N)
	{
	}
	template <class Container,
		  class = std::enable_if_t<
			  std::is_convertible_v<decltype(std::declval<Container &>().data()), T *>>,
		  class = decltype(std::declval<Container &>().size())>
	constexpr span(Container &container) noexcept : span(container.data(), container.size())
	{
	}
	constexpr T *data() const noexcept
	{
		return data_;
	}
	constexpr std::size_t size() const noexcept
	{
		return size_;
	}
	constexpr T *begin() const noexcept
	{
		return data_;
	}
	constexpr T *end() const noexcept
	{
		return data_ + size_;
	}
	constexpr T &operator[](std::size_t n) const noexcept
	{
		return data_[n];
	}

private:
	T *data_ = nullptr;
	std::size_t size_ = 0;
};

// ---- features ----

// A set of feature bits, a value.
class features {
public:
	features() noexcept = default;
	features(std::initializer_list<unsigned> bits) noexcept
	{
		for (unsigned bit : bits)
			set(bit);
	}
	explicit features(const vri_features &raw) noexcept : raw_(raw)
	{
	}
	static features defaults() noexcept
	{
		features f;
		vri_features_default(&f.raw_);
		return f;
	}
	features &set(unsigned bit) noexcept
	{
		vri_features_set(&raw_, bit);
		return *this;
	}
	features &clear(unsigned bit) noexcept
	{
		vri_features_clear(&raw_, bit);
		return *this;
	}
	bool has(unsigned bit) const noexcept
	{
		return vri_features_has(&raw_, bit);
	}
	bool is_subset(const features &of) const noexcept
	{
		return vri_features_is_subset(&raw_, &of.raw_);
	}
	features &operator|=(const features &other) noexcept
	{
		vri_features_or(&raw_, &other.raw_);
		return *this;
	}
	features &operator&=(const features &other) noexcept
	{
		vri_features_and(&raw_, &other.raw_);
		return *this;
	}
	const vri_features &raw() const noexcept
	{
		return raw_;
	}

private:
	vri_features raw_{};
};

// ---- the driver's side ----

// A buffer of a pool; it goes back by itself. It must not outlive the link, nor go while the device has it.
class buffer {
public:
	buffer() noexcept = default;
	buffer(vri_pool *pool, std::size_t size)
	    : memory_(vri_pool_alloc(pool, size), deleter{ pool }), size_(size)
	{
		if (!memory_)
			throw std::bad_alloc();
	}
	operator bytes() const noexcept
	{
		return { memory_.get(), size_ };
	}
	std::byte *data() const noexcept
	{
		return static_cast<std::byte *>(memory_.get());
	}
	std::size_t size() const noexcept
	{
		return size_;
	}

private:
	struct deleter {
		vri_pool *pool;
		void operator()(void *memory) const noexcept
		{
			vri_pool_free(pool, memory);
		}
	};
	std::unique_ptr<void, deleter> memory_{ nullptr, deleter{ nullptr } };
	std::size_t size_ = 0;
};

// One used buffer.
struct used {
	void *token;
	std::uint32_t len;
};

// The driver's side of a virtqueue: a borrowed view, cheap to copy, valid until reset or the end of the link.
class drvq {
public:
	explicit drvq(vri_drvq *raw) noexcept : raw_(raw)
	{
	}
	// Stages a buffer. False when the ring is full now.
	bool add(span<const bytes> readable, span<const bytes> writable, void *token)
	{
		int r = vri_drvq_add(raw_, iovs(readable), unsigned(readable.size()),
				     iovs(writable), unsigned(writable.size()), token);
		return r != -ENOSPC && check(r, "vri_drvq_add") == 0;
	}
	void publish()
	{
		check(vri_drvq_publish(raw_), "vri_drvq_publish");
	}
	// True when the device was notified.
	bool kick()
	{
		return check(vri_drvq_kick(raw_), "vri_drvq_kick") != 0;
	}
	std::optional<used> get_used()
	{
		used u{};
		if (check(vri_drvq_get_used(raw_, &u.token, &u.len), "vri_drvq_get_used") == 0)
			return std::nullopt;
		return u;
	}
	// True when used buffers are there already: do not sleep.
	bool arm()
	{
		return check(vri_drvq_arm(raw_), "vri_drvq_arm") != 0;
	}
	void suppress() noexcept
	{
		vri_drvq_suppress(raw_);
	}
	// False when the time is over.
	bool wait(int timeout_ms = -1)
	{
		return check(vri_drvq_wait(raw_, timeout_ms), "vri_drvq_wait") != 0;
	}
	std::optional<void *> take_back()
	{
		void *token = nullptr;
		if (check(vri_drvq_take_back(raw_, &token), "vri_drvq_take_back") == 0)
			return std::nullopt;
		return token;
	}
	int fd() const noexcept
	{
		return vri_drvq_fd(raw_);
	}
	void clear() noexcept
	{
		vri_drvq_clear(raw_);
	}
	unsigned size() const noexcept
	{
		return vri_drvq_size(raw_);
	}
	unsigned outstanding() const noexcept
	{
		return vri_drvq_outstanding(raw_);
	}
	vri_rule broken() const noexcept
	{
		return vri_drvq_broken(raw_);
	}
	vri_drvq *raw() const noexcept
	{
		return raw_;
	}

private:
	static const iovec *iovs(span<const bytes> list) noexcept
	{
		return reinterpret_cast<const iovec *>(list.data());
	}
	vri_drvq *raw_;
};

// The driver of a link: a borrowed view.
class driver {
public:
	explicit driver(vri_driver *raw) noexcept : raw_(raw)
	{
	}
	void start()
	{
		check(vri_driver_start(raw_, nullptr, nullptr), "vri_driver_start");
	}
	void start(const features &wanted, const features &required = { VRI_F_VERSION_1 })
	{
		check(vri_driver_start(raw_, &wanted.raw(), &required.raw()), "vri_driver_start");
	}
	void negotiate(const features &wanted, const features &required = { VRI_F_VERSION_1 })
	{
		check(vri_driver_negotiate(raw_, &wanted.raw(), &required.raw()),
		      "vri_driver_negotiate");
	}
	void run()
	{
		check(vri_driver_run(raw_), "vri_driver_run");
	}
	void reset()
	{
		check(vri_driver_reset(raw_), "vri_driver_reset");
	}
	void suspend()
	{
		check(vri_driver_suspend(raw_), "vri_driver_suspend");
	}
	void resume()
	{
		check(vri_driver_resume(raw_), "vri_driver_resume");
	}
	int status()
	{
		return check(vri_driver_status(raw_), "vri_driver_status");
	}
	std::string_view type() const noexcept
	{
		return vri_driver_type(raw_);
	}
	std::string_view name() const noexcept
	{
		return vri_driver_name(raw_);
	}
	features offered() const noexcept
	{
		vri_features f{};
		vri_driver_offered(raw_, &f);
		return features(f);
	}
	features negotiated() const noexcept
	{
		vri_features f{};
		vri_driver_features(raw_, &f);
		return features(f);
	}
	drvq queue(unsigned index)
	{
		vri_drvq *q = vri_driver_drvq(raw_, index);
		if (!q)
			throw error(-EINVAL, "vri_driver_drvq");
		return drvq(q);
	}
	unsigned n_queues() const noexcept
	{
		return vri_driver_n_queues(raw_);
	}
	// Reads a config structure, all of one generation.
	template <class T>
	T config(std::uint32_t offset = 0)
	{
		static_assert(std::is_trivially_copyable_v<T>);
		T value;
		check(vri_driver_config_read(raw_, offset, &value, sizeof(value)),
		      "vri_driver_config_read");
		return value;
	}
	// Writes a config structure. False when the device changed its config meanwhile: read, decide, write again.
	template <class T>
	bool set_config(std::uint32_t offset, const T &value)
	{
		static_assert(std::is_trivially_copyable_v<T>);
		int r = vri_driver_config_write(raw_, offset, &value, sizeof(value));
		return r != -EAGAIN && check(r, "vri_driver_config_write") == 0;
	}
	buffer alloc(std::size_t size)
	{
		return { vri_driver_pool(raw_), size };
	}
	// Adds memory of the application's own. It is mapped until remove_memory() or the end of the link.
	bytes add_memory(int fd, std::uint64_t offset, std::size_t len, vri_access access)
	{
		void *base = nullptr;
		check(vri_driver_add_memory(raw_, fd, offset, len, access, &base),
		      "vri_driver_add_memory");
		return { base, len };
	}
	void remove_memory(bytes memory)
	{
		check(vri_driver_remove_memory(raw_, memory.data()), "vri_driver_remove_memory");
	}
	vri_driver *raw() const noexcept
	{
		return raw_;
	}

private:
	vri_driver *raw_;
};

// The driver's end of a link, and its owner.
class link {
public:
	explicit link(const char *address) : link(address, vri_link_opts{})
	{
	}
	link(const char *address, vri_link_opts opts)
	{
		vri_link *raw = nullptr;
		opts.size = sizeof(opts);
		check(vri_link_open(&raw, address, &opts), address);
		raw_.reset(raw);
	}
	class driver driver() noexcept
	{
		return vring_ipc::driver(vri_link_driver(raw_.get()));
	}
	std::string_view id() const noexcept
	{
		return vri_link_id(raw_.get());
	}
	int fd() const noexcept
	{
		return vri_link_fd(raw_.get());
	}
	short events() const noexcept
	{
		return vri_link_events(raw_.get());
	}
	void dispatch()
	{
		check(vri_link_dispatch(raw_.get()), "vri_link_dispatch");
	}
	// False when the time is over or only an event came.
	bool wait(int timeout_ms = -1)
	{
		return check(vri_link_wait(raw_.get(), timeout_ms), "vri_link_wait") != 0;
	}
	vri_link *raw() const noexcept
	{
		return raw_.get();
	}

private:
	struct deleter {
		void operator()(vri_link *raw) const noexcept
		{
			vri_link_close(raw);
		}
	};
	std::unique_ptr<vri_link, deleter> raw_;
};

// ---- the device's side ----

// Storage for a chain of at most N pieces.
template <std::size_t N>
class chain {
public:
	chain() noexcept
	{
		raw_.iov = pieces_.data();
		raw_.iov_max = N;
	}
	chain(const chain &) = delete;
	chain &operator=(const chain &) = delete;

	span<const bytes> readable() const noexcept
	{
		return { reinterpret_cast<const bytes *>(raw_.iov), raw_.n_readable };
	}
	span<const bytes> writable() const noexcept
	{
		return { reinterpret_cast<const bytes *>(raw_.iov) + raw_.n_readable,
			 raw_.n_writable };
	}
	std::size_t read(std::size_t offset, void *to, std::size_t size) const noexcept
	{
		return vri_chain_read(&raw_, offset, to, size);
	}
	std::size_t write(std::size_t offset, const void *from, std::size_t size) const noexcept
	{
		return vri_chain_write(&raw_, offset, from, size);
	}
	vri_chain *raw() noexcept
	{
		return &raw_;
	}

private:
	std::array<iovec, N> pieces_{};
	vri_chain raw_{};
};

// The device's side of a virtqueue: a borrowed view.
class devq {
public:
	explicit devq(vri_devq *raw) noexcept : raw_(raw)
	{
	}
	template <std::size_t N>
	bool pop(chain<N> &c)
	{
		return check(vri_devq_pop(raw_, c.raw()), "vri_devq_pop") != 0;
	}
	template <std::size_t N>
	void push(chain<N> &c, std::size_t written)
	{
		check(vri_devq_push(raw_, c.raw(), std::uint32_t(written)), "vri_devq_push");
	}
	void rewind(unsigned n)
	{
		check(vri_devq_rewind(raw_, n), "vri_devq_rewind");
	}
	bool notify()
	{
		return check(vri_devq_notify(raw_), "vri_devq_notify") != 0;
	}
	unsigned size() const noexcept
	{
		return vri_devq_size(raw_);
	}
	vri_devq *raw() const noexcept
	{
		return raw_;
	}

private:
	vri_devq *raw_;
};

// A device as one driver sees it: a borrowed view.
class instance {
public:
	explicit instance(vri_instance *raw) noexcept : raw_(raw)
	{
	}
	// Throws when the driver did not set that queue up.
	devq queue(unsigned index)
	{
		vri_devq *q = vri_instance_devq(raw_, index);
		if (!q)
			throw error(-EINVAL, "vri_instance_devq");
		return devq(q);
	}
	features negotiated() const noexcept
	{
		vri_features f{};
		vri_instance_features(raw_, &f);
		return features(f);
	}
	std::string_view link_id() const noexcept
	{
		return vri_instance_link_id(raw_);
	}
	void schedule(unsigned queue) noexcept
	{
		vri_instance_schedule(raw_, queue);
	}
	void fail(const char *why) noexcept
	{
		vri_instance_fail(raw_, why);
	}
	vri_instance *raw() const noexcept
	{
		return raw_;
	}

private:
	vri_instance *raw_;
};

// A device type: derive from it and implement what it does. What an op throws breaks that queue, or refuses that
// step, of that one driver. The object must outlive the listeners that serve it.
class device {
public:
	explicit device(vri_device_info info)
	{
		vri_device *raw = nullptr;
		info.size = sizeof(info);
		check(vri_device_new(&info, &ops(), this, &raw), "vri_device_new");
		raw_.reset(raw);
	}
	device(const device &) = delete;
	device &operator=(const device &) = delete;
	virtual ~device() = default;

	void set_config(std::uint32_t offset, const void *data, std::uint32_t size)
	{
		check(vri_device_config_set(raw_.get(), offset, data, size),
		      "vri_device_config_set");
	}
	vri_device *raw() const noexcept
	{
		return raw_.get();
	}

protected:
	virtual void attach(instance)
	{
	}
	virtual void detach(instance) noexcept
	{
	}
	virtual void start(instance)
	{
	}
	virtual void stop(instance) noexcept
	{
	}
	virtual void config_written(instance, std::uint32_t /* offset */, std::uint32_t /* len */)
	{
	}
	// Serves a queue; true for "more to do, others first".
	virtual bool process(instance inst, unsigned queue) = 0;

private:
	static device &self(vri_instance *inst)
	{
		return *static_cast<device *>(vri_device_data(vri_instance_device(inst)));
	}
	// The border to C: no exception crosses it.
	template <class F>
	static int guarded(F &&f) noexcept
	{
		try {
			return f();
		} catch (const std::system_error &e) {
			return e.code().value() > 0 ? -e.code().value() : -EIO;
		} catch (const std::bad_alloc &) {
			return -ENOMEM;
		} catch (...) {
			return -EIO;
		}
	}
	static const vri_device_ops &ops() noexcept
	{
		static const vri_device_ops table = [] {
			vri_device_ops t{};
			t.size = sizeof(t);
			t.attach = [](vri_instance *i) {
				return guarded([&] { return self(i).attach(instance(i)), 0; });
			};
			t.detach = [](vri_instance *i) { self(i).detach(instance(i)); };
			t.start = [](vri_instance *i) {
				return guarded([&] { return self(i).start(instance(i)), 0; });
			};
			t.stop = [](vri_instance *i) { self(i).stop(instance(i)); };
			t.config_written = [](vri_instance *i, std::uint32_t offset,
					      std::uint32_t len) {
				return guarded([&] {
					return self(i).config_written(instance(i), offset, len), 0;
				});
			};
			t.process = [](vri_instance *i, unsigned queue) {
				return guarded([&] {
					return self(i).process(instance(i), queue) ? 1 : 0;
				});
			};
			return t;
		}();
		return table;
	}
	struct deleter {
		void operator()(vri_device *raw) const noexcept
		{
			vri_device_unref(raw);
		}
	};
	std::unique_ptr<vri_device, deleter> raw_;
};

// Serves a device at an address.
class listener {
public:
	listener(const char *address, device &dev, vri_listener_opts opts = {})
	{
		vri_listener *raw = nullptr;
		opts.size = sizeof(opts);
		check(vri_listener_open(&raw, address, dev.raw(), &opts), address);
		raw_.reset(raw);
	}
	int fd() const noexcept
	{
		return vri_listener_fd(raw_.get());
	}
	short events() const noexcept
	{
		return vri_listener_events(raw_.get());
	}
	void dispatch()
	{
		check(vri_listener_dispatch(raw_.get()), "vri_listener_dispatch");
	}
	void wait(int timeout_ms = -1)
	{
		check(vri_listener_wait(raw_.get(), timeout_ms), "vri_listener_wait");
	}
	unsigned n_links() const noexcept
	{
		return vri_listener_n_links(raw_.get());
	}

private:
	struct deleter {
		void operator()(vri_listener *raw) const noexcept
		{
			vri_listener_close(raw);
		}
	};
	std::unique_ptr<vri_listener, deleter> raw_;
};

} // namespace vring_ipc

#endif
