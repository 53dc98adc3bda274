# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# How every C file of the project is compiled: the dialect, warnings, hardening, sanitizers. Set for
# the whole directory tree, so that no target can forget it.

include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

add_compile_definitions($<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)

# Warnings. -Wunused-parameter is off: callbacks and ops tables have parameters that one of their
# implementations does not need. -Wcast-qual is off: struct iovec has no const.
set(vri_warnings_c
  -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla -Wformat=2 -Wwrite-strings
  -Wimplicit-fallthrough -Wno-unused-parameter
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
set(vri_warnings_cxx
  -Wall -Wextra -Wshadow -Wpointer-arith -Wundef -Wvla -Wformat=2 -Wno-unused-parameter)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # snprintf() cuts on purpose here; whether gcc warns of it depends on how much it inlines.
  list(APPEND vri_warnings_c -Wlogical-op -Wduplicated-cond -Wno-format-truncation)
endif()
if(VRI_WERROR)
  list(APPEND vri_warnings_c -Werror)
  list(APPEND vri_warnings_cxx -Werror)
endif()
add_compile_options(
  "$<$<COMPILE_LANGUAGE:C>:${vri_warnings_c}>"
  "$<$<COMPILE_LANGUAGE:CXX>:${vri_warnings_cxx}>")

# C11 atomics that the shared memory code relies on are lock-free words; strict aliasing stays on.
add_compile_options(-fno-common)

# Frame pointers cost nothing that shows and make every profile and crash readable.
add_compile_options(-fno-omit-frame-pointer)

if(VRI_SANITIZER STREQUAL "address,undefined")
  set(vri_sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(VRI_SANITIZER STREQUAL "thread")
  # ThreadSanitizer does not model fences; ring_access.h asks for __SANITIZE_THREAD__ itself.
  set(vri_sanitize -fsanitize=thread)
elseif(NOT VRI_SANITIZER STREQUAL "")
  message(FATAL_ERROR "VRI_SANITIZER is \"${VRI_SANITIZER}\"; it can be empty, \"address,undefined\" or \"thread\"")
endif()

if(VRI_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "VRI_FUZZ needs clang: use the preset fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(VRI_COVERAGE)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "VRI_COVERAGE needs gcc: use the preset coverage")
  endif()
  # Atomic: the threads of a test count in the same words.
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

if(vri_sanitize)
  add_compile_options(${vri_sanitize} -O1 -g)
  add_link_options(${vri_sanitize})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Hardening for what is shipped. Under a sanitizer it would only hide what the sanitizer looks for.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  check_c_compiler_flag(-fstack-clash-protection VRI_HAS_STACK_CLASH)
  if(VRI_HAS_STACK_CLASH)
    add_compile_options(-fstack-clash-protection)
  endif()
  check_c_compiler_flag(-fcf-protection=full VRI_HAS_CF_PROTECTION)
  if(VRI_HAS_CF_PROTECTION)
    add_compile_options(-fcf-protection=full)
  endif()
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES C)
endif()

add_link_options(-Wl,--as-needed)
