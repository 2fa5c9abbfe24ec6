// SPDX-License-Identifier: Apache-2.0
// How many file descriptors this process has open: what a leak test compares before and after.
#pragma once

#include <dirent.h>

#include <cstddef>

namespace weft::testing {

inline size_t OpenDescriptors() {
  size_t count = 0;
  DIR* const directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace weft::testing
