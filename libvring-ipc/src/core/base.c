/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 The vring-ipc authors */
/* The version and the words for the errors. */
#include <vring-ipc/base.h>

#include <errno.h>
#include <string.h>

#include "core/options.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *vri_version(void)
{
	return TEXT(VRI_VERSION_MAJOR) "." TEXT(VRI_VERSION_MINOR) "." TEXT(VRI_VERSION_PATCH);
}

static const struct {
	int error;
	const char *text;
} errors[] = {
	{ 0, "success" },
	{ EINVAL, "invalid argument" },
	{ EPROTO, "the peer broke the specification" },
	{ ENOSPC, "no room left" },
	{ EAGAIN, "not now, try again" },
	{ EOPNOTSUPP, "not negotiated, or not supported by the peer" },
	{ ENOTCONN, "there is no peer" },
	{ ECONNRESET, "the peer went away" },
	{ ECONNREFUSED, "the peer refused, or nobody listens there" },
	{ ETIMEDOUT, "the peer did not answer in time" },
	{ ESHUTDOWN, "broken until reset" },
	{ ENOMEM, "out of memory" },
	{ EPERM, "forbidden by policy" },
	{ EBUSY, "still in use" },
	{ ENOBUFS, "the buffer has more pieces than there is room for" },
	{ EMSGSIZE, "the message is too long" },
	{ ENAMETOOLONG, "the name or path is too long" },
	{ ENOENT, "there is nothing at that address" },
	{ EACCES, "no permission" },
	{ EADDRINUSE, "somebody listens there already" },
	{ EEXIST, "the path exists and is no socket" },
	{ EMFILE, "too many open files in this process" },
	{ ENFILE, "too many open files in this system" },
	{ ENODEV, "no such device" },
	{ EROFS, "read-only" },
	{ EINTR, "interrupted" },
	{ ECANCELED, "cancelled" },
	{ ENOSYS, "the kernel does not know how" },
	{ EFBIG, "too large" },
	{ EOVERFLOW, "too large" },
	{ ENOTSOCK, "not a socket" },
	{ EIO, "the device reported an I/O error" },
};

const char *vri_strerror(int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (error == -errors[i].error)
			return errors[i].text;
	return "unknown error";
}

int vri__options_copy(void *ret_known, size_t known, const void *given)
{
	const uint8_t *bytes = given;
	size_t size;

	memset(ret_known, 0, known);
	if (!given)
		return 0;
	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size) || size > OPTIONS_MAX)
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -EINVAL;
	memcpy(ret_known, given, size < known ? size : known);
	memcpy(ret_known, &known, sizeof(known));
	return 0;
}
