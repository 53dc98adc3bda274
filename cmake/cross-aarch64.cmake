# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# Builds for aarch64 with Debian's cross compiler; its tests run under qemu.

set(cross_machine aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/VriCross.cmake)
