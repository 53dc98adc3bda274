# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# What the project needs from the distribution, looked up once.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# protobuf-c before 1.4.1 has CVE-2022-48468 (an integer overflow on a peer's bytes): refused.
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4.1)
find_program(VRI_PROTOC_C NAMES protoc-c REQUIRED
  DOC "The protobuf-c compiler (Debian: protobuf-c-compiler)")

pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing>=2.0)

# Wanted by parts that can be left out: the libuv glue, the command.
pkg_check_modules(LIBUV IMPORTED_TARGET libuv>=1.40)
pkg_check_modules(JANSSON IMPORTED_TARGET jansson>=2.11)
