# SPDX-License-Identifier: Apache-2.0
# What find_package(weft) finds for the plugins of this tree: the targets are those of the build.
include(${CMAKE_CURRENT_LIST_DIR}/../WeftPlugin.cmake)
