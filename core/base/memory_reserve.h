// SPDX-License-Identifier: Apache-2.0
// What is left to finish or to undo things with when the system has no more memory. The first
// allocation that fails spends it and succeeds; whoever begins something looks afterwards whether
// it is spent, and takes back what it did. When even that does not suffice, the process ends with a
// sentence: an exception would leave half-made ports and sessions behind, which containers could
// then use.
#pragma once

#include <cstddef>

#include "absl/status/status.h"

namespace weft {

class MemoryReserve {
 public:
  // Enough to build the tables of every port there may be once more.
  static constexpr size_t kBytes = size_t{4} << 20;

  // One at a time: it is the process's std::new_handler, which takes no argument. Any thread may
  // spend it; the rest is for the control thread.
  MemoryReserve();
  ~MemoryReserve();
  MemoryReserve(const MemoryReserve&) = delete;
  MemoryReserve& operator=(const MemoryReserve&) = delete;

  // Takes it from the system again if it is spent. An error: there is no memory to begin anything
  // with.
  absl::Status Restore();
  bool spent() const;
  // kResourceExhausted if it is spent.
  absl::Status Check() const;
};

}  // namespace weft
