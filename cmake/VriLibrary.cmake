# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The vring-ipc authors
#
# vri_layer(<layer> SOURCES <file>... [SEES <target>...] [INCLUDES <dir>...])
#     One object library, vri_<layer>, of one layer of the library. It sees the public headers, its
#     own headers as "<layer>/<file>.h", and what the targets after SEES show in the same way;
#     nothing else, so that an include against the arrows of the architecture does not compile.
#
# vri_library(<target> OUTPUT <name> MAP <file> LAYERS <target>... [PUBLIC <lib>...] [PRIVATE <lib>...])
#     The shared library <target> and the static library <target>-static from the same objects.

set(VRI_PUBLIC_INCLUDE ${CMAKE_CURRENT_LIST_DIR}/../libvring-ipc/include)

function(vri_layer layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;SEES;INCLUDES")
  add_library(vri_${layer} OBJECT ${arg_SOURCES})
  # A folder that holds nothing but this layer, under its name.
  set(seen_as ${PROJECT_BINARY_DIR}/layers/${layer})
  file(MAKE_DIRECTORY ${seen_as})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${seen_as}/${layer} SYMBOLIC)
  target_include_directories(vri_${layer}
    PUBLIC ${seen_as} ${VRI_PUBLIC_INCLUDE} ${arg_INCLUDES})
  target_link_libraries(vri_${layer} PUBLIC Threads::Threads)
  foreach(seen IN LISTS arg_SEES)
    target_include_directories(vri_${layer}
      PRIVATE $<TARGET_PROPERTY:${seen},INTERFACE_INCLUDE_DIRECTORIES>)
    add_dependencies(vri_${layer} ${seen})
  endforeach()
endfunction()

function(vri_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT;MAP" "LAYERS;PUBLIC;PRIVATE")
  set(objects "")
  foreach(layer IN LISTS arg_LAYERS)
    list(APPEND objects $<TARGET_OBJECTS:${layer}>)
  endforeach()

  add_library(${target} SHARED ${objects})
  add_library(${target}-static STATIC ${objects})
  foreach(lib IN ITEMS ${target} ${target}-static)
    set_target_properties(${lib} PROPERTIES OUTPUT_NAME ${arg_OUTPUT} LINKER_LANGUAGE C)
    target_include_directories(${lib} PUBLIC
      $<BUILD_INTERFACE:${VRI_PUBLIC_INCLUDE}>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${lib} PRIVATE Threads::Threads ${arg_PRIVATE})
  endforeach()
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC})
  list(TRANSFORM arg_PUBLIC REPLACE "^(vring-ipc.*)$" "\\1-static" OUTPUT_VARIABLE static_public)
  target_link_libraries(${target}-static PUBLIC ${static_public})

  set_target_properties(${target} PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${arg_MAP})
  target_link_options(${target} PRIVATE -Wl,--version-script=${arg_MAP})
  if(NOT vri_sanitize)
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()
