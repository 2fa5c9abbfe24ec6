// SPDX-License-Identifier: Apache-2.0
// How much memory this process has that is its own alone: what a leak test compares before and
// after. A sanitizer keeps what was freed for a while, so there it says nothing.
#pragma once

#include <cstddef>
#include <fstream>
#include <optional>
#include <string>

namespace weft::testing {

// RssAnon of proc(5), in KiB.
inline std::optional<size_t> OwnMemory() {
#if defined(WEFT_SANITIZED)
  return std::nullopt;
#else
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    size_t kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib;
  }
  return std::nullopt;
#endif
}

}  // namespace weft::testing
