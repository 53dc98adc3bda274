# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# What `cmake --install` puts where. The prefix can be moved: the pkg-config files and the CMake
# package find everything from their own place.

include(CMakePackageConfigHelpers)

set(pkg_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vring-ipc)

install(DIRECTORY ${VRI_PUBLIC_INCLUDE}/vring-ipc
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN "uv.h" EXCLUDE)

set_target_properties(vring-ipc-static PROPERTIES EXPORT_NAME static)
install(TARGETS vring-ipc EXPORT vring-ipc)
install(TARGETS vring-ipc-static EXPORT vring-ipc-static)
install(EXPORT vring-ipc NAMESPACE vring-ipc:: DESTINATION ${cmake_dir} FILE vring-ipc-targets.cmake)
install(EXPORT vring-ipc-static NAMESPACE vring-ipc:: DESTINATION ${cmake_dir}
  FILE vring-ipc-static-targets.cmake)

# From <prefix>/<libdir>/pkgconfig up to <prefix>.
file(RELATIVE_PATH up /prefix/${pkg_dir} /prefix)
string(REGEX REPLACE "/$" "" VRI_PC_UP ${up})
configure_file(${PROJECT_SOURCE_DIR}/cmake/vring-ipc.pc.in vring-ipc.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vring-ipc.pc DESTINATION ${pkg_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vring-ipc-config.cmake.in
  vring-ipc-config.cmake INSTALL_DESTINATION ${cmake_dir})
write_basic_package_version_file(vring-ipc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/vring-ipc-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/vring-ipc-config-version.cmake
  DESTINATION ${cmake_dir})

if(TARGET vring-ipc-uv)
  set_target_properties(vring-ipc-uv PROPERTIES EXPORT_NAME uv)
  set_target_properties(vring-ipc-uv-static PROPERTIES EXPORT_NAME uv-static)
  install(FILES ${VRI_PUBLIC_INCLUDE}/vring-ipc/uv.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vring-ipc)
  install(TARGETS vring-ipc-uv EXPORT vring-ipc-uv)
  install(TARGETS vring-ipc-uv-static EXPORT vring-ipc-uv-static)
  install(EXPORT vring-ipc-uv NAMESPACE vring-ipc:: DESTINATION ${cmake_dir}
    FILE vring-ipc-uv-targets.cmake)
  install(EXPORT vring-ipc-uv-static NAMESPACE vring-ipc:: DESTINATION ${cmake_dir}
    FILE vring-ipc-uv-static-targets.cmake)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/vring-ipc-uv.pc.in vring-ipc-uv.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vring-ipc-uv.pc DESTINATION ${pkg_dir})
endif()
