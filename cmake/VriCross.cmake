# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# What the toolchain files share. Libraries come from where tests/cross/libraries has unpacked them: VRI_CROSS_LIBRARIES.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${cross_machine})
set(cross_triplet ${cross_machine}-linux-gnu)
set(CMAKE_C_COMPILER ${cross_triplet}-gcc)
find_program(VRI_CROSS_CXX ${cross_triplet}-g++)
set(CMAKE_CXX_COMPILER ${VRI_CROSS_CXX}) # or NOTFOUND: then the C++ binding is left out

set(VRI_CROSS_LIBRARIES ${CMAKE_CURRENT_LIST_DIR}/../build/cross/${cross_machine}
  CACHE PATH "Where the libraries for the other machine are")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VRI_CROSS_LIBRARIES)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${VRI_CROSS_LIBRARIES})
set(ENV{PKG_CONFIG_LIBDIR} ${VRI_CROSS_LIBRARIES}/usr/lib/${cross_triplet}/pkgconfig)
set(CMAKE_FIND_ROOT_PATH ${VRI_CROSS_LIBRARIES} /usr/${cross_triplet})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${cross_machine} -L /usr/${cross_triplet})
