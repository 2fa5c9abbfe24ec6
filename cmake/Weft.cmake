# SPDX-License-Identifier: Apache-2.0
# Toolchain settings, the libraries that weft stands on, and one function for each kind of target.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(DPDK REQUIRED IMPORTED_TARGET libdpdk)
pkg_check_modules(EDIT REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(PCAP REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)

# DPDK's headers warn under our flags, so they are SYSTEM; its -march=corei7 and rte_config.h stay.
add_library(weft_dpdk INTERFACE)
target_include_directories(weft_dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(weft_dpdk INTERFACE -march=corei7 -include rte_config.h)
target_link_libraries(weft_dpdk INTERFACE ${DPDK_LINK_LIBRARIES})

add_library(weft_options INTERFACE)
target_include_directories(weft_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(weft_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  # g++ 12 sees overlaps and overreads inside std::string's + and std::vector's <=> that are not there
  # (GCC bugs 105329 and 105651); the sanitizers see the real ones.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overread>
  # g++'s -Wconversion is without it, and both compilers are to want the same.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>
  $<$<BOOL:${WEFT_WERROR}>:-Werror>
  # Position-independent code may be replaced by whoever loads first, so g++ would inline none of it within
  # a file. Nobody replaces ours: what plugins take from a program is that program's own.
  $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
target_link_libraries(weft_options INTERFACE Threads::Threads)
if(WEFT_SANITIZE)
  target_compile_options(weft_options INTERFACE
    -fsanitize=${WEFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(weft_options INTERFACE -fsanitize=${WEFT_SANITIZE})
  target_compile_definitions(weft_options INTERFACE WEFT_SANITIZED=1)
endif()
if(WEFT_FUZZ)
  target_compile_options(weft_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(WEFT_COVERAGE)
  target_compile_options(weft_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(weft_options INTERFACE -fprofile-instr-generate)
endif()
if(WEFT_FUZZ OR WEFT_COUNT_GUEST_LOADS)
  target_compile_definitions(weft_options INTERFACE WEFT_COUNT_GUEST_LOADS=1)
endif()

# weft_units(TARGET): up to WEFT_UNIT of its sources are one translation unit: the same code in a third of
# the time, most of which goes into headers.
function(weft_units target)
  if(WEFT_UNIT LESS 2)
    return()
  endif()
  set(sources)
  get_target_property(all ${target} SOURCES)
  foreach(source ${all})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND sources ${source})
  endforeach()
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/units.py ${WEFT_UNIT} ${sources}
    OUTPUT_VARIABLE units OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" units "${units}")
  set(number 0)
  foreach(unit ${units})
    math(EXPR number "${number} + 1")
    separate_arguments(unit)
    set_source_files_properties(${unit} PROPERTIES UNITY_GROUP ${number})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # To g++ a unit is a file that includes sources, whose unnamed namespaces others might include as well.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()

# weft_precompiled(TARGET KIND): begins each of its units with what most of this KIND include, which is parsed
# once a build instead of once a unit. That a file includes what it uses, `make lint` sees: it has no such header.
# Only for clang: g++ 12 gains a fifth by it, and then warns of what stands in headers of the standard library.
set(WEFT_PRECOMPILED OFF)
if(WEFT_UNIT GREATER 1 AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  set(WEFT_PRECOMPILED ON)
endif()
function(weft_precompiled target kind)
  if(WEFT_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM weft_precompiled_${kind})
  endif()
endfunction()

# weft_test_sources(TARGET): compiles a test program for being built soon rather than for running fast: nothing
# is measured in it, and what it tests is in libraries that are compiled as always.
function(weft_test_sources target)
  weft_units(${target})
  weft_precompiled(${target} tests)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
endfunction()

# What a plugin is compiled with: see cmake/WeftPlugin.cmake. Of DPDK and Abseil headers alone, for their
# code is in weftd.
add_library(weft_sdk INTERFACE)
add_library(weft::sdk ALIAS weft_sdk)
target_link_libraries(weft_sdk INTERFACE weft_options)
target_include_directories(weft_sdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
target_compile_options(weft_sdk INTERFACE $<TARGET_PROPERTY:weft_dpdk,INTERFACE_COMPILE_OPTIONS>)

# weft_room(NAME [ALONE] SOURCES ... DEPS ...): one room, the static library weft_NAME. ALONE: packets pass here, so
# an optimised build compiles each source by itself. In units g++ inlines otherwise: 5 % more instructions in flood.
# All others are the control thread's and are compiled for being built soon, in two thirds of the time.
function(weft_room name)
  cmake_parse_arguments(ARG "ALONE" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(weft_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(weft_${name} PUBLIC weft_options ${ARG_DEPS})
    if(NOT ARG_ALONE OR WEFT_SANITIZE)
      weft_units(weft_${name})
      target_compile_options(weft_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
    endif()
    weft_precompiled(weft_${name} room)
  else()
    add_library(weft_${name} INTERFACE)
    target_link_libraries(weft_${name} INTERFACE weft_options ${ARG_DEPS})
  endif()
endfunction()

# weft_plugin_host(PROGRAM): PROGRAM, which links weft_plugin, has and exports everything that core/sdk
# declares, also what the program itself does not use.
function(weft_plugin_host program)
  set_target_properties(${program} PROPERTIES
    ENABLE_EXPORTS ON
    LINK_LIBRARY_OVERRIDE
      "WHOLE_ARCHIVE,weft_base,weft_packet,weft_tenant,weft_graph,weft_port,weft_trace,weft_config,absl::status,absl::statusor")
endfunction()
