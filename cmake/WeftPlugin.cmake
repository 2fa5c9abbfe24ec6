# SPDX-License-Identifier: Apache-2.0
# How plugins are built: those of this tree, and any other after find_package(weft), which includes
# this file. What it stands on is the target weft::sdk (headers and flags), which either of them makes.
include_guard(GLOBAL)
include(GNUInstallDirs)

# Where `cmake --install` puts plugins, and weftd looks for them.
set(WEFT_PLUGIN_DIR lib/weft/plugins CACHE STRING "Where plugins are installed")

# What every plugin is compiled with: hidden, and without g++'s process-wide unique symbols, it can be unloaded
# again.
function(weft_plugin_options target)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# weft_add_plugin(NAME SOURCE... [VERSION V] [TARGET T] [NO_INSTALL]): the plugin NAME (kebab-case, as
# in startup.conf), which becomes the file NAME.so. The target is plugin-NAME, or T. It links nothing of
# weft: what it needs is in the program that loads it. VERSION is the plugin's own, by default the project's.
function(weft_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "NO_INSTALL" "VERSION;TARGET" "")
  if(NOT ARG_VERSION)
    set(ARG_VERSION ${PROJECT_VERSION})
  endif()
  if(NOT ARG_VERSION)
    set(ARG_VERSION unversioned)
  endif()
  if(NOT ARG_TARGET)
    set(ARG_TARGET plugin-${name})
  endif()
  set(target ${ARG_TARGET})
  add_library(${target} MODULE ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${target} PRIVATE weft::sdk)
  target_compile_definitions(${target} PRIVATE WEFT_PLUGIN_VERSION="${ARG_VERSION}")
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name})
  weft_plugin_options(${target})
  if(COMMAND weft_units)  # in weft's own tree
    weft_units(${target})
    weft_precompiled(${target} plugin)
  endif()
  # weftd loads nothing that others may write, whatever the builder's umask is.
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM
    COMMAND chmod go-w $<TARGET_FILE:${target}> $<TARGET_FILE_DIR:${target}>)
  if(NOT ARG_NO_INSTALL)
    set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS ${target})
    install(TARGETS ${target} LIBRARY DESTINATION ${WEFT_PLUGIN_DIR})
  endif()
endfunction()

# weft_add_plugin_test(NAME CASE...): a test for each file, of the plugin NAME in a switch in memory:
# `weftd --test`, which needs no root and no DPDK, and ends in milliseconds.
function(weft_add_plugin_test name)
  foreach(case ${ARGN})
    cmake_path(GET case STEM stem)
    cmake_path(ABSOLUTE_PATH case BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    add_test(NAME plugin.${name}.${stem}
      COMMAND $<TARGET_FILE:weft::weftd> --test --plugins $<TARGET_FILE_DIR:plugin-${name}> ${case})
    set_tests_properties(plugin.${name}.${stem} PROPERTIES TIMEOUT 60)
  endforeach()
endfunction()

# weft_add_plugin_bench(NAME CASE): the target bench-NAME, which prints what each node costs a packet.
function(weft_add_plugin_bench name case)
  cmake_path(ABSOLUTE_PATH case BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  add_custom_target(bench-${name} USES_TERMINAL VERBATIM
    COMMAND $<TARGET_FILE:weft::weftd> --bench --plugins $<TARGET_FILE_DIR:plugin-${name}> ${case}
    DEPENDS plugin-${name})
endfunction()
