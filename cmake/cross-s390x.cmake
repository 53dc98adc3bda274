# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# Builds for s390x with Debian's cross compiler; its tests run under qemu.

set(cross_machine s390x)
include(${CMAKE_CURRENT_LIST_DIR}/VriCross.cmake)
