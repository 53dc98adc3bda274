# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# vri_add_test(<name> SOURCES <file>...
#              [LABEL unit|conformance|integration|interop|stress] [API] [TWIN]
#              [LIBS <lib>...] [INCLUDES <dir>...] [DEFINES <def>...] [ENV <VAR=value>...] [TIMEOUT <s>])
#     A test executable, test_<name>, from files that use tests/lib/test.h, run by ctest as
#     <label>.<name>. The label is the folder below tests/ unless given. Without API the test sees
#     the internals (include paths of all layers, everything linked statically); with API it sees
#     the public headers and links the shared library. TWIN builds it under the other runner too
#     and checks that both count the same.

set(VRI_TEST_RUNNER auto CACHE STRING "Runner of the tests: auto, criterion or plain")
set_property(CACHE VRI_TEST_RUNNER PROPERTY STRINGS auto criterion plain)

if(NOT VRI_TESTS)
  return()
endif()

enable_testing()

pkg_check_modules(CRITERION IMPORTED_TARGET criterion>=2.4)
set(vri_runner ${VRI_TEST_RUNNER})
if(vri_runner STREQUAL "auto")
  # Criterion aborts under ThreadSanitizer, and is missing on some architectures.
  if(CRITERION_FOUND AND NOT VRI_SANITIZER STREQUAL "thread")
    set(vri_runner criterion)
  else()
    set(vri_runner plain)
  endif()
endif()
message(STATUS "Test runner: ${vri_runner}")

function(vri_test_executable target runner)
  cmake_parse_arguments(PARSE_ARGV 2 arg "API" "" "SOURCES;LIBS;INCLUDES;DEFINES")
  add_executable(${target} ${arg_SOURCES})
  target_compile_definitions(${target} PRIVATE ${arg_DEFINES})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/lib ${arg_INCLUDES})
  if(arg_API)
    target_link_libraries(${target} PRIVATE vring-ipc::vring-ipc)
  else()
    target_link_libraries(${target} PRIVATE vri_internal)
  endif()
  target_link_libraries(${target} PRIVATE ${arg_LIBS} vri_test_${runner} Threads::Threads)
endfunction()

function(vri_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "API;TWIN" "LABEL;TIMEOUT" "SOURCES;LIBS;INCLUDES;DEFINES;ENV")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "vri_add_test(${name}): needs SOURCES; does not know: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_LABEL)
    file(RELATIVE_PATH below ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" arg_LABEL ${below})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 900)
  endif()
  set(api "")
  if(arg_API)
    set(api API)
  endif()
  set(how ${api} SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} INCLUDES ${arg_INCLUDES} DEFINES ${arg_DEFINES})

  vri_test_executable(test_${name} ${vri_runner} ${how})
  set(test ${arg_LABEL}.${name})
  add_test(NAME ${test} COMMAND test_${name})
  set_tests_properties(${test} PROPERTIES
    LABELS ${arg_LABEL}
    TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "${vri_test_env};VRI_TEST_NAME=${test};${arg_ENV}")

  if(arg_TWIN AND CRITERION_FOUND AND NOT VRI_SANITIZER STREQUAL "thread")
    set(other plain)
    if(vri_runner STREQUAL "plain")
      set(other criterion)
    endif()
    vri_test_executable(test_${name}_${other} ${other} ${how})
    add_test(NAME twin.${name}
      COMMAND ${PROJECT_SOURCE_DIR}/tests/lib/same-counts $<TARGET_FILE:test_${name}> $<TARGET_FILE:test_${name}_${other}>)
    set_tests_properties(twin.${name} PROPERTIES
      LABELS unit TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${vri_test_env};${arg_ENV}")
  endif()
endfunction()

# What every test runs with. A sanitizer's report is a failure, whatever the test thinks.
set(vri_test_env
  "ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=23:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
  "TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/tests/lib/tsan.supp")
if(CMAKE_CROSSCOMPILING_EMULATOR)
  list(APPEND vri_test_env "VRI_TEST_TIMEOUT_SCALE=10")
endif()
