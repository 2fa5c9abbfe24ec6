# SPDX-License-Identifier: Apache-2.0
# Plugins, and the programs that load them.
include_guard(GLOBAL)

# weft_plugin_module(TARGET FILE SOURCES ... [VERSION V]): FILE.so in the current binary directory,
# compiled against core/sdk. It links nothing of weft: what it needs is in the program that loads it.
function(weft_plugin_module target file)
  cmake_parse_arguments(ARG "" "VERSION" "SOURCES" ${ARGN})
  if(NOT ARG_VERSION)
    set(ARG_VERSION ${PROJECT_VERSION})
  endif()
  add_library(${target} MODULE ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE weft_options)
  target_include_directories(${target} SYSTEM PRIVATE ${DPDK_INCLUDE_DIRS})
  target_compile_options(${target} PRIVATE $<TARGET_PROPERTY:weft_dpdk,INTERFACE_COMPILE_OPTIONS>)
  target_compile_definitions(${target} PRIVATE WEFT_PLUGIN_VERSION="${ARG_VERSION}")
  # Hidden, and without g++'s process-wide unique symbols, a plugin can be unloaded again.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${file} CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  # weftd loads nothing that others may write, whatever the builder's umask is.
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM
    COMMAND chmod go-w $<TARGET_FILE:${target}> $<TARGET_FILE_DIR:${target}>)
endfunction()

# weft_plugin(NAME SOURCES ... [VERSION V]): the plugin NAME (kebab-case, as in startup.conf), which
# becomes <build>/plugins/NAME.so and is installed to lib/weft/plugins. The target is plugin-NAME.
function(weft_plugin name)
  weft_plugin_module(plugin-${name} ${name} ${ARGN})
  set_target_properties(plugin-${name} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS plugin-${name})
  install(TARGETS plugin-${name} LIBRARY DESTINATION lib/weft/plugins)
endfunction()

# weft_plugin_host(PROGRAM): PROGRAM, which links weft_plugin, has and exports everything that core/sdk
# declares, also what the program itself does not use.
function(weft_plugin_host program)
  set_target_properties(${program} PROPERTIES
    ENABLE_EXPORTS ON
    LINK_LIBRARY_OVERRIDE
      "WHOLE_ARCHIVE,weft_base,weft_packet,weft_graph,weft_port,weft_config,absl::status,absl::statusor")
endfunction()
