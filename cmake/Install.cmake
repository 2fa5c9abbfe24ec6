# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` gives to those who have no source tree: the SDK for plugins, as a package of
# CMake's and for pkg-config, and the pages and examples. Programs and plugins install themselves.
include(CMakePackageConfigHelpers)

# The headers that a plugin sees: those of core/sdk and whatever they include, at the same paths.
function(weft_headers_of header result)
  set(found ${${result}})
  if(NOT header IN_LIST found)
    list(APPEND found ${header})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${header})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${header} includes REGEX "^#include \"core/")
    foreach(include ${includes})
      string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" include ${include})
      weft_headers_of(${include} found)
    endforeach()
  endif()
  set(${result} ${found} PARENT_SCOPE)
endfunction()
set(headers "")
weft_headers_of(core/sdk/weft.h headers)
weft_headers_of(core/sdk/tenant.h headers)
foreach(header ${headers})
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/${folder})
endforeach()

# A sanitizer's build takes plugins with that sanitizer alone: their stamps say so.
set(WEFT_SDK_OPTIONS "")
if(WEFT_SANITIZE)
  list(APPEND WEFT_SDK_OPTIONS -fsanitize=${WEFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
endif()
if(WEFT_FUZZ OR WEFT_COUNT_GUEST_LOADS)
  list(APPEND WEFT_SDK_OPTIONS -DWEFT_COUNT_GUEST_LOADS=1)
endif()
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
configure_package_config_file(cmake/weft-config.cmake.in ${CMAKE_BINARY_DIR}/generated/weft-config.cmake
  INSTALL_DESTINATION ${package_folder} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_BINDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/weft-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/WeftPlugin.cmake ${CMAKE_BINARY_DIR}/generated/weft-config.cmake
  ${CMAKE_BINARY_DIR}/generated/weft-config-version.cmake DESTINATION ${package_folder})

# For who builds without CMake. Its prefix is where the file is found, wherever that was moved to.
list(JOIN WEFT_SDK_OPTIONS " " WEFT_PC_OPTIONS)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig OUTPUT_VARIABLE WEFT_PC_UP)
configure_file(cmake/weft.pc.in ${CMAKE_BINARY_DIR}/generated/weft.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/weft.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(pages ${CMAKE_INSTALL_DATADIR}/doc/weft)
install(FILES README.md CHANGELOG.md LICENSE SECURITY.md DESTINATION ${pages})
install(DIRECTORY docs DESTINATION ${pages} FILES_MATCHING PATTERN *.md PATTERN *.svg PATTERN *.py)
install(FILES startup.conf DESTINATION ${pages}/examples)
install(FILES contrib/grafana/weft.json DESTINATION ${CMAKE_INSTALL_DATADIR}/weft/grafana)
