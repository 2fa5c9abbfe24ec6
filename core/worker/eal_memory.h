// SPDX-License-Identifier: Apache-2.0
// What memory the machine has, and whether it is enough for what DPDK's EAL would take at start.
// Control thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace weft {

struct MachineMemory {
  uint64_t total = 0;       // bytes
  uint64_t huge_free = 0;   // bytes of huge pages that nobody has, of all sizes
  uint64_t huge_total = 0;  // bytes of huge pages that are reserved

  // Tests look into a folder of their own.
  static MachineMemory Read(const std::string& root = "");
};

// What would keep EAL from starting with these arguments (see EalArguments); OK if nothing is known
// to.
absl::Status CheckEalMemory(const std::vector<std::string>& arguments,
                            const MachineMemory& machine);

}  // namespace weft
